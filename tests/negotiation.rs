//! Languages and media types by the names of files (RFC 9110 sections 12.5.1, 12.5.4, 12.5.5 and 15.5.7,
//! RFC 4647 section 3.4).

mod support;

use docroot::semantics::language::Language;
use docroot::site::options::SiteOptions;
use support::{Response, Setup, TestServer};

fn server(change: impl FnOnce(&mut SiteOptions)) -> TestServer {
    Setup::new()
        .file("page.html", "<p>unlabelled, some text")
        .file("page.zh.html", "<p>zh")
        .file("page.zh-Hant.html", "<p>zh-Hant")
        .file("page.de.html", "<p>de")
        .file("only.fr.html", "<p>fr")
        .file("only.en.html", "<p>en")
        .file("only.en.md", "en in markdown")
        .file("docs/index.de.html", "<p>index de")
        .file("docs/index.en.html", "<p>index en")
        .file("text.html", "<p>html")
        .file("text.md", "markdown")
        .file("photo.png", "png")
        .file("photo.webp", "webp")
        .file("photo.avif", "avif")
        .file("plain.jpg", "jpg")
        .file("app.js", "let a;")
        .file("app.de.js", "let b;")
        .with(|config| {
            config.site.negotiate = true;
            change(&mut config.site);
        })
        .start()
}

fn get(server: &TestServer, target: &str, fields: &[(&str, &str)]) -> Response {
    server.get(target, fields)
}

/// Every value of a field in one.
fn all(response: &Response, name: &str) -> String {
    let fields = response.fields.iter();
    let named = fields.filter(|(field, _)| field.eq_ignore_ascii_case(name));
    let values: Vec<&str> = named.map(|(_, value)| value.as_str()).collect();
    values.join(", ")
}

#[track_caller]
fn check(
    server: &TestServer,
    target: &str,
    accept: &str,
    body: &str,
    language: &str,
    location: &str,
) {
    let fields = [("Accept-Language", accept)];
    let response = get(server, target, &fields[usize::from(accept.is_empty())..]);
    let got = (
        response.status,
        &*response.text(),
        &*all(&response, "Content-Language"),
        &*all(&response, "Content-Location"),
    );
    assert_eq!(got, (200, body, language, location), "{target} {accept}");
    let vary = all(&response, "Vary");
    assert!(
        vary.contains("Accept-Language") && vary.contains("Cookie"),
        "{vary}"
    );
}

#[test]
fn concept_21_the_language_that_the_client_wants_most_is_sent() {
    let server = server(|_| {});
    check(&server, "/page.html", "de", "<p>de", "de", "page.de.html");
    check(
        &server,
        "/page.html",
        "zh-CN",
        "<p>zh",
        "zh",
        "page.zh.html",
    );
    check(
        &server,
        "/page.html",
        "zh-Hant-TW",
        "<p>zh-Hant",
        "zh-Hant",
        "page.zh-Hant.html",
    );
    check(
        &server,
        "/page.html",
        "fr, de;q=0.1, zh;q=0.2",
        "<p>zh",
        "zh",
        "page.zh.html",
    );
    check(
        &server,
        "/page.html",
        "DE-ch",
        "<p>de",
        "de",
        "page.de.html",
    );
    // The file without a language is that of the default language.
    check(
        &server,
        "/page.html",
        "en, de;q=0.5",
        "<p>unlabelled, some text",
        "en",
        "",
    );
    for others in ["", "fr", "*", "de;q=0", "x;q=2"] {
        check(
            &server,
            "/page.html",
            others,
            "<p>unlabelled, some text",
            "",
            "",
        );
    }
    check(&server, "/only.html", "fr", "<p>fr", "fr", "only.fr.html");
    check(&server, "/only.html", "de", "<p>en", "en", "only.en.html");
    check(
        &server,
        "/docs/",
        "de",
        "<p>index de",
        "de",
        "index.de.html",
    );
    check(&server, "/docs/", "", "<p>index en", "en", "index.en.html");
    assert_eq!(get(&server, "/docs", &[]).status, 301);
    // Each representation has a URL of its own.
    let own = get(&server, "/page.de.html", &[("Accept-Language", "zh")]);
    assert_eq!((own.status, &*own.text()), (200, "<p>de"));
    assert_eq!(all(&own, "Content-Language"), "de");
    // Scripts are not documents.
    assert_eq!(
        get(&server, "/app.js", &[("Accept-Language", "de")]).text(),
        "let a;"
    );
}

#[test]
fn what_does_not_exist_depends_on_the_language_too() {
    let server = server(|_| {});
    let absent = get(&server, "/none.html", &[("Accept-Language", "de")]);
    assert_eq!(absent.status, 404);
    assert!(all(&absent, "Vary").contains("Accept-Language"));
    let absent = get(&server, "/none", &[]);
    assert_eq!((absent.status, &*all(&absent, "Vary")), (404, ""));
}

#[test]
fn a_default_language_is_sent_to_all_others() {
    let server = server(|site| site.default_language = Language::parse(b"fr").expect("a tag"));
    check(&server, "/only.html", "de", "<p>fr", "fr", "only.fr.html");
    check(
        &server,
        "/page.html",
        "fr",
        "<p>unlabelled, some text",
        "fr",
        "",
    );
}

const COOKIE: &str = "docroot-lang=zh; Path=/; Max-Age=31536000; SameSite=Lax; HttpOnly";

#[test]
fn concept_22_a_chosen_language_is_remembered_in_a_cookie() {
    let server = server(|_| {});
    let german = ("Accept-Language", "de");
    let chosen = get(&server, "/page.html?lang=zh", &[german]);
    assert_eq!(
        (&*chosen.text(), &*all(&chosen, "Set-Cookie")),
        ("<p>zh", COOKIE)
    );
    let later = get(
        &server,
        "/page.html",
        &[german, ("Cookie", "a=b; docroot-lang=zh")],
    );
    assert_eq!((&*later.text(), &*all(&later, "Set-Cookie")), ("<p>zh", ""));
    let encoded = get(&server, "/page.html?l%61ng=zh%2DHant", &[german]);
    assert_eq!(encoded.text(), "<p>zh-Hant");
    // The query counts before the cookie, and a language that does not exist before neither.
    let other = get(
        &server,
        "/page.html?lang=de",
        &[("Cookie", "docroot-lang=zh")],
    );
    assert_eq!(other.text(), "<p>de");
    for (target, cookie) in [
        ("/page.html?lang=fr", "docroot-lang=fr"),
        ("/page.html?lang=", "docroot-lang="),
        ("/page.html?lang=../x", "docroot-lang=../x"),
        ("/page.html?lang=zh%0d%0aX:y", "docroot-lang=\"zh\""),
    ] {
        let response = get(&server, target, &[german, ("Cookie", cookie)]);
        let got = (&*response.text(), &*all(&response, "Set-Cookie"));
        assert_eq!(got, ("<p>de", ""), "{target}");
    }
}

#[test]
fn conditions_and_ranges_are_for_the_chosen_representation() {
    let server = server(|_| {});
    let german = ("Accept-Language", "de");
    let de = get(&server, "/page.html", &[german]);
    let zh = get(&server, "/page.html", &[("Accept-Language", "zh")]);
    let tag = |response: &Response| response.field("ETag").expect("a tag").to_owned();
    assert_ne!(tag(&de), tag(&zh));
    let same = get(
        &server,
        "/page.html",
        &[german, ("If-None-Match", &tag(&de))],
    );
    assert_eq!(same.status, 304);
    assert!(all(&same, "Vary").contains("Accept-Language, Cookie"));
    assert_eq!(all(&same, "Content-Location"), "page.de.html");
    let other = get(
        &server,
        "/page.html",
        &[german, ("If-None-Match", &tag(&zh))],
    );
    assert_eq!(other.status, 200);
    let range = ("Range", "bytes=3-");
    let part = get(
        &server,
        "/page.html",
        &[german, range, ("If-Range", &tag(&de))],
    );
    assert_eq!((part.status, &*part.text()), (206, "de"));
    let whole = get(
        &server,
        "/page.html",
        &[german, range, ("If-Range", &tag(&zh))],
    );
    assert_eq!((whole.status, &*whole.text()), (200, "<p>de"));
    let head = server.request("HEAD", "/page.html", &[german]);
    assert_eq!(head.field("Content-Length"), Some("5"));
}

#[test]
fn another_media_type_is_sent_if_the_client_names_it() {
    let server = server(|_| {});
    let check = |target: &str, accept: &str, media_type: &str, location: &str| {
        let response = get(&server, target, &[("Accept", accept)]);
        let got = (
            &*all(&response, "Content-Type"),
            &*all(&response, "Content-Location"),
        );
        assert_eq!(got, (media_type, location), "{target} {accept}");
        let vary = all(&response, "Vary");
        let names: Vec<&str> = vary.split(", ").collect();
        assert!(names.contains(&"Accept"), "{target} {vary}");
    };
    let chromium = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8";
    check("/photo.png", chromium, "image/avif", "photo.avif");
    check("/photo.png", "image/webp,*/*", "image/webp", "photo.webp");
    check("/photo.png", "image/webp;q=0.5, image/png", "image/png", "");
    check("/photo.png", "*/*", "image/png", "");
    check("/photo.png", "image/*", "image/png", "");
    check("/plain.jpg", chromium, "image/jpeg", "");
    let html = "text/html; charset=utf-8";
    let markdown = "text/markdown; charset=utf-8";
    check(
        "/text.html",
        "text/html,application/xhtml+xml,*/*;q=0.8",
        html,
        "",
    );
    check(
        "/text.html",
        "text/markdown, text/html;q=0.5",
        markdown,
        "text.md",
    );
    check("/only.html", "text/markdown", markdown, "only.en.md");
    // Who asks for one of them gets that one.
    assert_eq!(
        get(&server, "/photo.webp", &[("Accept", "image/avif")]).text(),
        "webp"
    );
}

#[test]
fn clean_urls_are_negotiated() {
    let server = server(|site| site.clean_urls = true);
    check(&server, "/page", "de", "<p>de", "de", "page.de.html");
    check(&server, "/only", "fr", "<p>fr", "fr", "only.fr.html");
    check(
        &server,
        "/page",
        "",
        "<p>unlabelled, some text",
        "",
        "page.html",
    );
    assert_eq!(get(&server, "/page.html", &[]).status, 301);
    assert_eq!(get(&server, "/none", &[]).status, 404);
}

#[test]
fn nothing_acceptable_is_406_only_if_the_operator_wants_that() {
    let server = server(|site| site.strict_negotiation = true);
    let refused = get(&server, "/page.html", &[("Accept-Language", "fr")]);
    assert_eq!(refused.status, 406);
    assert!(all(&refused, "Vary").contains("Accept-Language"));
    assert_eq!(all(&refused, "Cache-Control"), "no-cache");
    let page = refused.text();
    for (language, name) in [("de", "page.de.html"), ("zh-Hant", "page.zh-Hant.html")] {
        let link = format!("<a href=\"{name}\" hreflang=\"{language}\">{name}</a>");
        assert!(page.contains(&link), "{page}");
    }
    assert!(!page.contains("only."), "{page}");
    let head = server.request("HEAD", "/page.html", &[("Accept-Language", "fr")]);
    assert_eq!(head.status, 406);
    for accepted in ["fr, *;q=0.1", "fr, de;q=0.1", "en"] {
        let response = get(&server, "/page.html", &[("Accept-Language", accepted)]);
        assert_eq!(response.status, 200, "{accepted}");
    }
    assert_eq!(get(&server, "/page.html", &[]).status, 200);
}

/// The query asks for the folder, and not for a representation of its page.
#[test]
fn an_archive_of_a_folder_with_a_page_is_no_matter_of_languages() {
    let server = Setup::new()
        .file("index.html", "<p>start")
        .file("index.de.html", "<p>Anfang")
        .with(|config| {
            config.site.negotiate = true;
            config.site.archive = true;
        })
        .start();
    let archive = server.get("/?archive=tar", &[]);
    assert_eq!(archive.field("Content-Type"), Some("application/x-tar"));
    let allowed = server.request("OPTIONS", "/?archive=tar", &[]);
    assert_eq!((allowed.status, allowed.body.len()), (204, 0));
}

#[test]
fn without_the_option_names_mean_nothing() {
    let server = server(|site| site.negotiate = false);
    let response = get(&server, "/page.html?lang=zh", &[("Accept-Language", "de")]);
    assert_eq!(response.text(), "<p>unlabelled, some text");
    assert_eq!(all(&response, "Vary"), "Accept-Encoding");
    assert_eq!(all(&response, "Set-Cookie"), "");
    assert_eq!(get(&server, "/only.html", &[]).status, 404);
    let png = get(&server, "/photo.png", &[("Accept", "image/avif")]);
    assert_eq!(png.text(), "png");
}
