//! Languages and media types by the names of files (RFC 9110 sections 12.5.1, 12.5.4, 12.5.5 and 15.5.7,
//! RFC 4647 section 3.4).
#![allow(clippy::disallowed_methods, reason = "tests open files")]

mod support;

use std::fs::File;
use std::time::{Duration, UNIX_EPOCH};

use docroot::net::config::Config;
use docroot::semantics::language::Language;
use docroot::site::options::SiteOptions;
use support::{Response, Setup, TestServer};

/// Lets a server choose among languages. If it `is_strict`, it refuses clients that accept none.
fn negotiates(config: &mut Config, is_strict: bool) {
    config.site.negotiate = true;
    config.site.strict_negotiation = is_strict;
}

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
        .file("other.fr.html", "<p>fr")
        .file("other.it-CH.html", "<p>it")
        .file("others/index.fr.html", "<p>fr")
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

/// Tests `origin::negotiate::by_language`.
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
    // The file without a language counts as one in the default language.
    for others in ["", "fr", "*", "de;q=0", "x;q=2", "en, de;q=0.5"] {
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
    let server = server(|site| site.default_language = Language::parse(b"fr"));
    check(&server, "/only.html", "de", "<p>fr", "fr", "only.fr.html");
    // Whatever the client says, it is the same representation with the same language.
    let page = "<p>unlabelled, some text";
    for accept in ["fr", "", "*", "it", "x;q=2"] {
        check(&server, "/page.html", accept, page, "fr", "");
    }
    let chosen = get(&server, "/page.html?lang=fr", &[]);
    assert_eq!(all(&chosen, "Content-Language"), "fr");
    // A script has no language.
    assert_eq!(all(&get(&server, "/app.js", &[]), "Content-Language"), "");
}

/// RFC 9110 section 12.5.4: a request without the field is for any language.
#[test]
fn a_client_that_accepts_any_language_gets_one_that_exists() {
    for is_strict in [false, true] {
        let server = server(|site| site.strict_negotiation = is_strict);
        for accept in ["", "*", "de, *;q=0.1", "en;q=0, *"] {
            check(
                &server,
                "/other.html",
                accept,
                "<p>fr",
                "fr",
                "other.fr.html",
            );
            check(&server, "/others/", accept, "<p>fr", "fr", "index.fr.html");
        }
        let other = "fr;q=0, *";
        check(
            &server,
            "/other.html",
            other,
            "<p>it",
            "it-CH",
            "other.it-CH.html",
        );
        check(
            &server,
            "/only.html",
            "en;q=0, *",
            "<p>fr",
            "fr",
            "only.fr.html",
        );
        // The default language comes first.
        check(&server, "/only.html", "*", "<p>en", "en", "only.en.html");
        let refused = if is_strict { 406 } else { 404 };
        for accept in ["de", "fr;q=0, it-CH;q=0, *", "fr;q=0"] {
            let response = get(&server, "/other.html", &[("Accept-Language", accept)]);
            assert_eq!(response.status, refused, "{accept}");
        }
        assert_eq!(get(&server, "/none.html", &[]).status, 404);
        assert_eq!(get(&server, "/docs/", &[]).text(), "<p>index en");
    }
}

/// The language of the query is remembered, also if nobody says that the file is in it.
#[test]
fn the_default_language_can_be_chosen() {
    let chosen = get(
        &server(|_| {}),
        "/page.html?lang=en",
        &[("Accept-Language", "de")],
    );
    assert_eq!(chosen.text(), "<p>unlabelled, some text");
    let cookie = COOKIE.replace("zh", "en");
    assert_eq!(all(&chosen, "Set-Cookie"), cookie);
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

/// Tests `origin::negotiate::by_media_type`.
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
    let webp = "image/avif;q=0.5, image/webp, image/png;q=0.8";
    check("/photo.png", webp, "image/webp", "photo.webp");
    check(
        "/photo.png",
        "image/png;q=0, */*",
        "image/avif",
        "photo.avif",
    );
    check("/plain.jpg", "image/jpeg;q=0, */*", "image/jpeg", "");
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
    check(&server, "/page", "de", "<p>de", "de", "page.de");
    check(&server, "/only", "fr", "<p>fr", "fr", "only.fr");
    check(&server, "/page", "", "<p>unlabelled, some text", "", "");
    check(&server, "/docs/", "de", "<p>index de", "de", "index.de");
    assert_eq!(get(&server, "/page.html", &[]).status, 301);
    // Another client may be sent a page in its language (RFC 9110 section 12.5.5).
    for target in ["/none", "/other"] {
        let absent = get(&server, target, &[("Accept-Language", "de")]);
        assert_eq!(absent.status, 404, "{target}");
        let vary = all(&absent, "Vary");
        assert!(vary.contains("Accept-Language"), "{target} {vary}");
    }
    assert_eq!(get(&server, "/none", &[]).status, 404);
}

/// A file of the clean name comes first, so that the page keeps its extension.
#[test]
fn content_location_is_the_url_of_the_file() {
    let server = Setup::new()
        .file("a.html", "a")
        .file("a.de.html", "a de")
        .file("a.de", "another file")
        .file("index.html", "start")
        .with(|config| {
            config.site.negotiate = true;
            config.site.clean_urls = true;
        })
        .start();
    check(&server, "/a", "de", "a de", "de", "a.de.html");
    check(&server, "/", "fr", "start", "", "");
    let index = get(&server, "/index", &[("Accept-Language", "fr")]);
    assert_eq!((index.status, index.field("Location")), (301, Some("./")));
    assert_eq!(get(&server, "/a.de", &[]).text(), "another file");
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
    // The file without a language is one of the choices.
    assert!(
        page.contains("<a href=\"page.html\">page.html</a>"),
        "{page}"
    );
    for accepted in ["fr, *;q=0.1", "fr, de;q=0.1", "en"] {
        let response = get(&server, "/page.html", &[("Accept-Language", accepted)]);
        assert_eq!(response.status, 200, "{accepted}");
    }
    assert_eq!(get(&server, "/page.html", &[]).status, 200);
    // A file without variants has no language to choose.
    for target in ["/page.de.html", "/text.html", "/app.js"] {
        let response = get(&server, target, &[("Accept-Language", "it")]);
        assert_eq!(response.status, 200, "{target}");
    }
    for target in ["/none.html", "/no/folder.html"] {
        let response = get(&server, target, &[("Accept-Language", "it")]);
        assert_eq!(response.status, 404, "{target}");
    }
    // There are variants, but none is the last resort.
    for target in ["/other.html", "/others/"] {
        let response = get(&server, target, &[("Accept-Language", "it")]);
        assert_eq!(response.status, 406, "{target}");
        assert!(all(&response, "Vary").contains("Accept-Language"));
        let page = response.text();
        assert!(page.contains(".fr.html</a>"), "{page}");
        let french = get(&server, target, &[("Accept-Language", "fr")]);
        assert_eq!(french.text(), "<p>fr", "{target}");
        let allowed = server.request("OPTIONS", target, &[("Accept-Language", "it")]);
        assert_eq!(allowed.status, 204, "{target}");
    }
}

/// Names of files that nobody can get are in no list, and are no reason for a refusal.
#[test]
fn files_that_are_not_served_are_no_choices() {
    let setup = Setup::new()
        .file(".hidden/a.fr.html", "secret")
        .file("d/.hidden/in/a.fr.html", "secret");
    std::os::unix::fs::symlink("/etc/passwd", setup.root().join("a.fr.html")).expect("a link");
    let server = setup.with(|config| negotiates(config, true)).start();
    for target in ["/.hidden/a.html", "/d/.hidden/in/a.html", "/a.html"] {
        for accepted in ["*", "it", "fr"] {
            let response = get(&server, target, &[("Accept-Language", accepted)]);
            assert_eq!(response.status, 404, "{target} {accepted}");
            assert!(!response.text().contains(".fr."), "{target} {accepted}");
        }
    }
}

/// The operator says in which language the file without one in its name is.
#[test]
fn a_refused_default_language_is_the_last_choice() {
    for is_strict in [false, true] {
        let server = Setup::new()
            .file("page.html", "en")
            .file("page.fr.html", "fr")
            .file("alone.html", "alone")
            .with(move |config| {
                negotiates(config, is_strict);
                config.site.default_language = Some(Language::parse(b"en").expect("a language"));
            })
            .start();
        check(
            &server,
            "/page.html",
            "*, en;q=0",
            "fr",
            "fr",
            "page.fr.html",
        );
        check(&server, "/page.html", "*", "en", "en", "");
        check(&server, "/alone.html", "*, en;q=0", "alone", "en", "");
    }
}

/// With several names of index files, or with clean URLs, one is refused only if no other is acceptable.
#[test]
fn a_refused_language_is_sent_only_if_nothing_else_is_acceptable() {
    let server = |is_strict: bool| {
        let indexes = ["index.html", "index.htm"];
        Setup::new()
            .file("both/index.en.html", "en")
            .file("both/index.fr.htm", "fr")
            .file("one/index.en.html", "en")
            .with(move |config| {
                negotiates(config, is_strict);
                config.site.index = indexes.map(str::to_owned).into();
            })
            .start()
    };
    for is_strict in [false, true] {
        let server = server(is_strict);
        check(&server, "/both/", "en;q=0, fr", "fr", "fr", "index.fr.htm");
        check(&server, "/both/", "*", "en", "en", "index.en.html");
    }
    let refused = ("Accept-Language", "en;q=0, *");
    assert_eq!(get(&server(false), "/one/", &[refused]).status, 200);
    assert_eq!(get(&server(true), "/one/", &[refused]).status, 406);
}

#[test]
fn a_list_of_many_representations_is_cut() {
    let mut setup = Setup::new().file("page.html", "plain");
    for number in 100..250 {
        setup = setup.file(&format!("page.de-{number}.html"), "de");
    }
    let server = setup.with(|config| negotiates(config, true)).start();
    let page = get(&server, "/page.html", &[("Accept-Language", "fr")]).text();
    assert_eq!(page.matches(" hreflang=").count(), 100, "{page}");
    assert!(page.contains("page.html</a>"), "{page}");
    assert!(page.contains("de-199.html</a>"), "{page}");
    assert!(page.contains("The list leaves out 50 more."), "{page}");
}

#[test]
fn tags_in_small_letters_are_found() {
    let server = Setup::new()
        .file("p.html", "plain")
        .file("p.pt-br.html", "small")
        .file("q.html", "plain")
        .file("q.zh-hant.html", "small")
        .file("q.zh-Hant.html", "usual")
        .with(|config| config.site.negotiate = true)
        .start();
    check(
        &server,
        "/p.html",
        "pt-BR",
        "small",
        "pt-BR",
        "p.pt-br.html",
    );
    let usual = "q.zh-Hant.html";
    check(&server, "/q.html", "zh-hant", "usual", "zh-Hant", usual);
}

#[test]
fn only_tags_in_names_are_languages() {
    let server = Setup::new()
        .file("report.final.txt", "x")
        .file("app.min.html", "x")
        .file("notes.a.txt", "x")
        .file("x.old.txt", "x")
        .file("x.pt-br.txt", "x")
        .with(|config| config.site.negotiate = true)
        .start();
    let language = |target: &str| {
        let response = get(&server, target, &[]);
        assert_eq!(response.status, 200, "{target}");
        all(&response, "Content-Language")
    };
    for other in [
        "/report.final.txt",
        "/app.min.html",
        "/notes.a.txt",
        "/x.old.txt",
    ] {
        assert_eq!(language(other), "", "{other}");
    }
    assert_eq!(language("/x.pt-br.txt"), "pt-BR");
}

/// RFC 9110 section 8.8.1: a strong validator tells representations of one resource apart.
#[test]
fn languages_of_the_same_size_and_time_have_different_tags() {
    let setup = Setup::new()
        .file("a.html", "plain")
        .file("a.de.html", "ja")
        .file("a.fr.html", "ou")
        .file("a.de.html.gz", "coded")
        .file("a.fr.html.gz", "codes");
    for name in ["a.de.html", "a.fr.html", "a.de.html.gz", "a.fr.html.gz"] {
        let file = File::options().write(true).open(setup.root().join(name));
        let time = UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        let set = file.and_then(|file| file.set_modified(time));
        set.expect(name);
    }
    let server = setup
        .with(|config| {
            config.site.negotiate = true;
            config.site.cache_memory = 0;
            config.site.precompressed = true;
        })
        .start();
    for coding in ["identity", "gzip"] {
        let [german, french] = ["de", "fr"].map(|language| {
            let fields = [("Accept-Language", language), ("Accept-Encoding", coding)];
            let response = get(&server, "/a.html", &fields);
            let is_coded = response.field("Content-Encoding") == Some("gzip");
            assert_eq!(is_coded, coding == "gzip");
            response.field("ETag").expect("a tag").to_owned()
        });
        assert_ne!(german, french, "{coding}");
        let fields = [
            ("Accept-Language", "fr"),
            ("Accept-Encoding", coding),
            ("If-None-Match", &german),
        ];
        assert_eq!(get(&server, "/a.html", &fields).status, 200, "{coding}");
    }
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
