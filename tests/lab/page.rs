//! The page of the lab.

use docroot::site::prefix::Prefix;

use super::support::find;
use super::{LAB, get, lab, setup};

#[test]
fn the_page_speaks_the_language_of_the_client() {
    let server = lab();
    let language = |query: &str, fields: &[(&str, &str)]| {
        let response = server.get(&format!("{LAB}{query}"), fields);
        assert_eq!(response.status, 200);
        let policy = response.field("Content-Security-Policy").expect("a policy");
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self'; "),
            "{policy}"
        );
        let vary = response.field("Vary").expect("it differs");
        assert!(vary.contains("Accept-Language"), "{vary}");
        let language = response
            .field("Content-Language")
            .expect("a language")
            .to_owned();
        let html = response.text();
        let root = if language == "zh" {
            "<html lang=\"zh-Hans\">"
        } else {
            "<html lang=\"en\">"
        };
        assert!(html.contains(root) && !html.contains("{{"), "{language}");
        language
    };
    for (query, fields, want) in [
        ("", &[][..], "en"),
        ("", &[("Accept-Language", "zh-CN,zh;q=0.9,en;q=0.8")], "zh"),
        ("", &[("Accept-Language", "fr, en;q=0.5, zh;q=0.4")], "en"),
        ("", &[("Accept-Language", "fr")], "en"),
        ("?lang=zh", &[("Accept-Language", "en")], "zh"),
        ("?lang=en", &[("Accept-Language", "zh")], "en"),
        ("?lang=x", &[("Accept-Language", "zh")], "zh"),
        ("", &[("Cookie", "docroot-lang=zh")], "zh"),
    ] {
        assert_eq!(language(query, fields), want, "{query} {fields:?}");
    }
    let tag = get(&server, "");
    let tag = tag.field("ETag").expect("a tag");
    let again = server.get(LAB, &[("If-None-Match", tag)]);
    assert_eq!(again.status, 304);
    let other = server.get(&format!("{LAB}?lang=zh"), &[("If-None-Match", tag)]);
    assert_eq!(other.status, 200);
}

#[test]
fn every_file_of_the_page_is_there() {
    let server = lab();
    let page = get(&server, "").text();
    let mut names: Vec<String> = ["src=\"", "rel=\"stylesheet\" href=\""]
        .iter()
        .flat_map(|before| page.split(before).skip(1))
        .filter_map(|rest| rest.split('"').next().map(str::to_owned))
        .collect();
    let mut at = 0;
    while let Some(name) = names.get(at).cloned() {
        at += 1;
        let file = get(&server, &name);
        assert_eq!(file.status, 200, "{name}");
        assert_eq!(file.field("X-Content-Type-Options"), Some("nosniff"));
        for rest in file.text().split(" from './").skip(1) {
            let imported = rest.split('\'').next().expect("a name").to_owned();
            if !names.contains(&imported) {
                names.push(imported);
            }
        }
    }
    assert_eq!(names.len(), 6, "{names:?}");
    let moved = server.get("/.docroot/lab?lang=zh", &[]);
    assert_eq!(
        (moved.status, moved.field("Location")),
        (301, Some("lab/?lang=zh"))
    );
}

#[test]
fn it_stands_below_the_prefix() {
    let server =
        setup().with(|config| config.site.prefix = Prefix::parse("docs").expect("a prefix"));
    let server = server.start();
    assert_eq!(server.get("/docs/.docroot/lab/status/418", &[]).status, 418);
    assert_eq!(server.get("/docs/.docroot/lab/", &[]).status, 200);
    assert_eq!(server.get("/.docroot/lab/status/418", &[]).status, 404);
}

/// `--cors` lets pages of other origins read the site. It does not let them use the lab.
#[test]
fn foreign_pages_read_nothing_even_if_they_may_read_the_site() {
    let server = setup().file("a.txt", "text").with(|config| {
        config.rules.cors.add("*").expect("an origin");
    });
    let server = server.start();
    let foreign = [
        ("Origin", "http://evil.example"),
        ("Cookie", "lab-a=secret"),
    ];
    let site = server.get("/a.txt", &foreign);
    assert_eq!(site.field("Access-Control-Allow-Origin"), Some("*"));
    for target in ["request", "request.json", "cookies", "chat", "tls"] {
        let response = server.get(&format!("{LAB}{target}"), &foreign);
        assert_eq!(response.status, 403, "{target}");
        assert!(find(&response.body, b"secret").is_none(), "{target}");
    }
    // A page that embeds the response without asking cannot read it.
    let response = get(&server, "request");
    let policy = response.field("Cross-Origin-Resource-Policy");
    assert_eq!(policy, Some("same-origin"));
}
