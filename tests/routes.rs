//! Clean URLs, the page of an application, error pages of the site, redirects and downloads on the wire.

mod support;

use std::os::unix::fs::symlink;

use docroot::net::config::Config;
use docroot::site::prefix::Prefix;
use support::{Client, Response, Setup, TestServer, request};

fn server(change: impl FnOnce(&mut Config)) -> TestServer {
    Setup::new()
        .file("index.html", "<p>start")
        .file("about.html", "<p>about")
        .file("both.html", "<p>both, the page")
        .file("both/index.html", "<p>both, the folder")
        .file("folder/a.txt", "a")
        .file("taken", "a file")
        .file("taken.html", "<p>taken")
        .file("docs/index.html", "<p>docs")
        .file("docs/a b.html", "<p>spaces")
        .file("assets/app.js", "let a;")
        .with(change)
        .start()
}

/// The status, and where a redirect leads or what the body is.
fn outcome(response: &Response) -> (u16, String) {
    let text = match response.field("Location") {
        Some(location) => location.to_owned(),
        None => response.text(),
    };
    (response.status, text)
}

#[track_caller]
fn check(server: &TestServer, target: &str, status: u16, want: &str) {
    let response = server.get(target, &[]);
    assert_eq!(outcome(&response), (status, want.to_owned()), "{target}");
}

#[track_caller]
fn check_absent(server: &TestServer, target: &str) {
    let response = server.get(target, &[]);
    assert_eq!(response.status, 404, "{target}");
    assert!(response.text().contains("404"), "{target}");
}

/// Tests `origin::resource::resource`.
#[test]
fn a_page_has_one_clean_url() {
    let server = server(|config| config.site.clean_urls = true);
    check(&server, "/about", 200, "<p>about");
    check(&server, "/about?q", 200, "<p>about");
    check(&server, "/about.html", 301, "about");
    check(&server, "/about.html?q=1", 301, "about?q=1");
    check(&server, "/about/", 301, "../about");
    check(&server, "/docs/a%20b", 200, "<p>spaces");
    check(&server, "/docs/a%20b.html", 301, "a%20b");
    // An index file has the URL of its directory.
    check(&server, "/", 200, "<p>start");
    check(&server, "/index.html", 301, "./");
    check(&server, "/docs/index.html", 301, "./");
    check(&server, "/index", 301, "./");
    check(&server, "/docs/index?q", 301, "./?q");
    check(&server, "/docs/index/", 301, "../");
    check(&server, "/docs", 301, "docs/");
    // The page comes before the directory, and a file of the clean name before the page.
    check(&server, "/both", 200, "<p>both, the page");
    check(&server, "/both/", 200, "<p>both, the folder");
    check(&server, "/both.html", 301, "both");
    check(&server, "/taken", 200, "a file");
    check(&server, "/taken.html", 200, "<p>taken");
    check(&server, "/folder", 301, "folder/");
    check_absent(&server, "/none");
    check_absent(&server, "/none/");
    check_absent(&server, "/about/x");
    check_absent(&server, "/about.html/");
    check(&server, "/assets/app.js", 200, "let a;");
    assert_eq!(server.request("HEAD", "/about.html", &[]).status, 301);
    assert_eq!(server.request("OPTIONS", "/about", &[]).status, 204);
    let allowed = server.request("OPTIONS", "/about.html", &[]);
    assert_eq!(allowed.status, 204);
}

#[test]
fn without_the_option_urls_are_the_names_of_files() {
    let server = server(|_| {});
    check_absent(&server, "/about");
    check(&server, "/about.html", 200, "<p>about");
    check(&server, "/index.html", 200, "<p>start");
    check(&server, "/both", 301, "both/");
}

/// Their clean URLs would lead to a directory.
#[test]
fn a_page_that_is_only_an_extension_keeps_its_name() {
    let server = server(|config| {
        config.site.clean_urls = true;
        config.site.hidden = true;
    });
    for name in [".html", "..html", "...html"] {
        server.write(name, name);
        server.write(&format!("docs/{name}"), name);
        check(&server, &format!("/{name}"), 200, name);
        check(&server, &format!("/docs/{name}"), 200, name);
    }
    server.write(".a.html", "hidden");
    check(&server, "/.a.html", 301, ".a");
    check(&server, "/.a", 200, "hidden");
}

/// A conditional request and a range are for the page, whatever its URL.
#[test]
fn a_clean_url_is_a_resource_like_any_other() {
    let server = server(|config| config.site.clean_urls = true);
    let page = server.get("/about", &[]);
    let tag = page.field("ETag").expect("a tag");
    let again = server.get("/about", &[("If-None-Match", tag)]);
    assert_eq!(again.status, 304);
    let range = [("Range", "bytes=3-"), ("If-Range", tag)];
    let part = server.get("/about", &range);
    assert_eq!(outcome(&part), (206, "about".to_owned()));
}

const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

/// Tests `origin::fallback::application`.
#[test]
fn pages_of_an_application_are_made_in_the_browser() {
    let server = server(|config| {
        config.site.spa = Some("index.html".into());
        let rules = &mut config.rules;
        let forever = "/assets/**=public, max-age=31536000, immutable";
        rules.add_cache(forever).expect("a rule");
    });
    let page = |target: &str, fields: &[(&str, &str)]| {
        let response = server.get(target, fields);
        let vary = |name: &str| {
            let mut lines = response.fields.iter();
            lines.any(|(field, value)| field == "Vary" && value.contains(name))
        };
        assert!(
            vary("Sec-Fetch-Dest") && vary("Accept"),
            "{target} {fields:?}"
        );
        outcome(&response)
    };
    let start = (200, "<p>start".to_owned());
    assert_eq!(page("/deep/link", &[("Accept", BROWSER)]), start);
    assert_eq!(page("/deep/link", &[("Sec-Fetch-Dest", "document")]), start);
    assert_eq!(page("/user/jane.doe", &[("Accept", BROWSER)]), start);
    assert_eq!(page("/deep/link", &[]), start);
    let script = [("Sec-Fetch-Dest", "script"), ("Accept", "*/*")];
    assert_eq!(page("/assets/none.js", &script).0, 404);
    assert_eq!(page("/assets/none.js", &[]).0, 404);
    assert_eq!(page("/data", &[("Sec-Fetch-Dest", "empty")]).0, 404);
    assert_eq!(page("/data", &[("Accept", "application/json")]).0, 404);
    check(&server, "/assets/app.js", 200, "let a;");
    // The page that stands in for a missing file is not kept like that file.
    let document = [("Sec-Fetch-Dest", "document")];
    let stand_in = server.get("/assets/none.js", &document);
    assert_eq!(outcome(&stand_in), start);
    assert_eq!(stand_in.field("Cache-Control"), Some("no-cache"));
    let tag = stand_in.field("ETag").expect("a tag");
    let again = server.get("/deep/link", &[document[0], ("If-None-Match", tag)]);
    assert_eq!(again.status, 304);
    assert_eq!(server.request("POST", "/deep/link", &[]).status, 405);
    let allowed = server.request("OPTIONS", "/deep/link", &[]);
    assert_eq!(allowed.status, 204);
    assert_eq!(allowed.field("Allow"), Some("GET, HEAD, OPTIONS"));
    assert_eq!(server.request("OPTIONS", "/none.js", &[]).status, 404);
    assert_eq!(server.request("OPTIONS", "/data", &script).status, 404);
    // A hidden file is like one that does not exist.
    server.write(".env", "secret");
    assert_eq!(page("/.env", &[("Accept", BROWSER)]), start);
    assert_eq!(page("/.none", &[("Accept", BROWSER)]), start);
    for target in ["/.env", "/.none"] {
        let refused = server.get(target, &[("Accept", "text/plain")]);
        assert_eq!(refused.status, 404, "{target}");
    }
}

#[test]
fn the_rules_for_the_path_of_the_request_apply_to_the_page_of_an_application() {
    let server = server(|config| {
        config.site.spa = Some("index.html".into());
        let rules = &mut config.rules;
        for rule in ["/app/secret=max-age=1", "/app/**=max-age=7"] {
            rules.add_cache(rule).expect(rule);
        }
        for rule in ["/app/** X-A: 1", "/index.html X-B: 2", "/app/x ETag:"] {
            rules.add_field(rule).expect(rule);
        }
    });
    let check = |target: &str, cache: &str, own: Option<&str>| {
        let response = server.get(target, &[("Accept", BROWSER)]);
        assert_eq!(outcome(&response), (200, "<p>start".to_owned()), "{target}");
        assert_eq!(response.field("Cache-Control"), Some(cache), "{target}");
        assert_eq!(response.field("X-A"), own, "{target}");
        assert_eq!(response.field("X-B"), Some("2"), "{target}");
        response.field("ETag").map(str::to_owned)
    };
    let tag = check("/app/y", "max-age=7", Some("1"));
    assert_eq!(check("/app/x", "max-age=7", Some("1")), None);
    check("/app/secret", "max-age=1", Some("1"));
    // It stands in for a missing file here, and is not kept like that file.
    check("/app/x.js", "no-cache", Some("1"));
    check("/other", "no-cache", None);
    check("/", "no-cache", None);
    let tag = tag.expect("a tag");
    let again = server.get("/app/y", &[("Accept", BROWSER), ("If-None-Match", &tag)]);
    assert_eq!((again.status, again.field("X-A")), (304, Some("1")));
}

/// The page of the site is sent whole and uncoded, and nobody keeps it.
#[track_caller]
fn check_error_page(response: &Response) {
    let media_type = response.field("Content-Type");
    assert_eq!(media_type, Some("text/html; charset=utf-8"));
    assert_eq!(response.field("Cache-Control"), Some("no-cache"));
    for name in [
        "ETag",
        "Last-Modified",
        "Accept-Ranges",
        "Content-Encoding",
        "Content-Range",
    ] {
        assert_eq!(response.field(name), None, "{name}");
    }
}

/// Tests `origin::fallback::document`.
#[test]
fn a_site_has_its_own_error_pages() {
    let server = server(|config| config.site.listing = false);
    server.write("404.html", "<p>not here".repeat(100));
    let page = "<p>not here".repeat(100);
    for (target, fields) in [
        ("/none", &[][..]),
        ("/none", &[("Range", "bytes=0-1")]),
        ("/none", &[("Accept-Encoding", "gzip")]),
        ("/none", &[("If-None-Match", "*")]),
        ("/folder/", &[]), // listings are off
        ("/.env", &[]),
        ("/about.html/", &[]),
    ] {
        let response = server.get(target, fields);
        assert_eq!(
            (response.status, response.text()),
            (404, page.clone()),
            "{target}"
        );
        check_error_page(&response);
    }
    let head = server.request("HEAD", "/none", &[]);
    assert_eq!(head.status, 404);
    assert_eq!(
        head.field("Content-Length"),
        Some(page.len().to_string().as_str())
    );
    let direct = server.get("/404.html", &[]);
    assert_eq!(direct.status, 200);
    // Without the page, docroot's own is sent, at once.
    std::fs::remove_file(server.root.join("404.html")).expect("it was there");
    assert!(
        server
            .get("/none", &[])
            .text()
            .contains("<small>404</small>")
    );
}

/// The paragraph with the path and the way out of an error page.
fn place(response: &Response) -> (String, Option<String>) {
    let page = response.text();
    let between = |start: &str, end: &str| {
        let (_, rest) = page.split_once(start)?;
        Some(rest.split_once(end)?.0.to_owned())
    };
    let path = between("<p class=\"path\">", "</p>").unwrap_or_default();
    (path, between("<p><a href=\"", "\">Go to the "))
}

#[track_caller]
fn check_place(response: &Response, status: u16, path: &str, up: Option<&str>) {
    assert_eq!(response.status, status);
    let want = (path.to_owned(), up.map(str::to_owned));
    assert_eq!(place(response), want);
}

#[test]
fn an_error_page_leads_to_the_nearest_page() {
    let server = server(|_| {});
    let get = |target: &str| server.get(target, &[]);
    let path = "<a href=\"../\">/</a> <a href=\"./\">folder</a><i>/</i><b>none</b>";
    check_place(&get("/folder/none"), 404, path, Some("./"));
    // A file has nothing below it, and a system has no names of 300 bytes.
    let path = "<a href=\"../\">/</a> taken<i>/</i><b>x</b>";
    check_place(&get("/taken/x"), 404, path, Some("../"));
    check_place(
        &get("/taken/x/"),
        404,
        &path.replace("../", "../../"),
        Some("../../"),
    );
    let short = format!("{0}\u{2026}{0}", "x".repeat(16));
    let path = format!("<a href=\"../\">/</a> {short}<i>/</i><b>a</b>");
    let long = format!("/{}/a", "x".repeat(300));
    check_place(&get(&long), 404, &path, Some("../"));
    let path = "<a href=\"../../\">/</a> <a href=\"../\">folder</a><i>/</i>a.txt<i>/</i><b>x</b>";
    check_place(&get("/folder/a.txt/x"), 404, path, Some("../"));
}

#[test]
fn an_error_page_links_to_no_folder_without_a_page() {
    let server = server(|config| config.site.listing = false);
    let get = |target: &str| server.get(target, &[]);
    let path = "<a href=\"../\">/</a> folder<i>/</i><b>none</b>";
    check_place(&get("/folder/none"), 404, path, Some("../"));
    let path = "<a href=\"../\">/</a> <a href=\"./\">docs</a><i>/</i><b>none</b>";
    check_place(&get("/docs/none"), 404, path, Some("./"));
    let none = TestServer::of(&[("folder/a.txt", "a")]);
    check_place(&none.get("/folder/", &[]), 200, "", None);
    let none = Setup::new()
        .file("folder/a.txt", "a")
        .with(|config| config.site.listing = false)
        .start();
    check_place(&none.get("/", &[]), 404, "<b>/</b>", None);
    let path = "/ folder<i>/</i><b>none</b>";
    check_place(&none.get("/folder/none", &[]), 404, path, None);
    let post = none.request("POST", "/folder/a.txt", &[]);
    check_place(&post, 405, "/ folder<i>/</i><b>a.txt</b>", None);
}

#[test]
fn an_error_page_outside_of_the_prefix_leads_to_the_site() {
    let server = server(|config| config.site.prefix = Prefix::parse("/my docs").expect("a prefix"));
    let get = |target: &str| server.get(target, &[]);
    check_place(&get("/"), 404, "<b>/</b>", Some("my%20docs/"));
    check_place(&get("/x"), 404, "/ <b>x</b>", Some("my%20docs/"));
    check_place(
        &get("/x/y"),
        404,
        "/ x<i>/</i><b>y</b>",
        Some("../my%20docs/"),
    );
    let path = "<a href=\"./\">/</a> <b>none</b>";
    check_place(&get("/my%20docs/none"), 404, path, Some("./"));
}

/// Whatever was wrong with the request, its path is named.
#[test]
fn each_error_page_names_the_path() {
    let server = server(|_| {});
    let path = "<a href=\"../\">/</a> <a href=\"./\">folder</a><i>/</i><b>a.txt</b>";
    let post = server.request("POST", "/folder/a.txt", &[]);
    check_place(&post, 405, path, Some("./"));
    let failed = server.get("/folder/a.txt", &[("If-Match", "\"x\"")]);
    check_place(&failed, 412, path, Some("./"));
    let beyond = server.get("/folder/a.txt", &[("Range", "bytes=99-")]);
    check_place(&beyond, 416, path, Some("./"));
    let escape = server.get("/folder/%zz", &[]);
    check_place(&escape, 400, "/ folder<i>/</i><b>%zz</b>", None);
    let hosts = server.get("/a/<b>?c", &[("Host", "other")]);
    check_place(&hosts, 400, "/ a<i>/</i><b>&lt;b&gt;</b>", None);
}

/// RFC 9110 section 15.4.
#[test]
fn the_page_of_a_redirect_links_to_its_target() {
    let server = server(|config| {
        let rule = "/old=/docs/a%20b.html";
        config.rules.redirects.add(rule).expect(rule);
    });
    for (target, want) in [
        (
            "/folder?a&b",
            "<p>Go to <a href=\"folder/?a&amp;b\">folder/?a&amp;b</a></p>",
        ),
        (
            "/old",
            "<p>Go to <a href=\"./docs/a%20b.html\">./docs/a%20b.html</a></p>",
        ),
        (
            "//folder/a.txt",
            "<p>Go to <a href=\"../../folder/a.txt\">../../folder/a.txt</a></p>",
        ),
    ] {
        let page = server.get(target, &[]);
        assert_eq!(page.status, 301, "{target}");
        assert!(page.text().contains(want), "{}", page.text());
        assert_eq!(place(&page), (String::new(), None));
    }
}

/// The client that has begun an archive, and so cannot have another one.
fn with_archive(server: &TestServer) -> Client {
    let mut client = server.connect();
    client.send(&request("GET", "/large/?archive=tar", &[]));
    assert_eq!(client.head().status, 200);
    client
}

#[test]
#[cfg(target_os = "linux")] // where the memory of a process is a file
fn a_site_has_its_own_page_for_errors_of_the_server() {
    let server = server(|config| {
        (config.site.archive, config.lab) = (true, true);
        config.site.follow_symlinks = true;
    });
    // Nobody has the first page of their memory, so nobody can read it.
    symlink("/proc/self/mem", server.root.join("memory.txt")).expect("a link");
    let page = "<p>sorry".repeat(100);
    server.write("50x.html", &page);
    server.write("large/a", "");
    let large = std::fs::File::create(server.root.join("large/b")).expect("a file");
    large.set_len(1 << 30).expect("a length");
    let _busy = with_archive(&server);
    for (method, target, status) in [
        ("GET", "/memory.txt", 500),
        ("BREW", "/", 501),
        ("GET", "/folder/?archive=zip", 503),
    ] {
        for fields in [
            &[][..],
            &[("Range", "bytes=0-1")],
            &[("Accept-Encoding", "gzip")],
            &[("If-None-Match", "\"a\"")],
        ] {
            let response = server.request(method, target, fields);
            assert_eq!(
                (response.status, response.text()),
                (status, page.clone()),
                "{fields:?}"
            );
            check_error_page(&response);
            let retry = (status == 503).then_some("2");
            assert_eq!(response.field("Retry-After"), retry);
        }
    }
    let head = server.request("HEAD", "/memory.txt", &[]);
    assert_eq!(head.status, 500);
    assert_eq!(head.field("Content-Length"), Some(&*page.len().to_string()));
    check_error_page(&head);
    // The lab shows a status with its fields.
    let response = server.request("GET", "/.docroot/lab/status/503?retry=9", &[]);
    assert_eq!(
        (response.status, response.field("Retry-After")),
        (503, Some("9"))
    );
    // Which site it is for is not known yet.
    let mut old = server.connect();
    old.send(b"GET / HTTP/3.0\r\nHost: localhost\r\n\r\n");
    let refused = old.response("GET");
    assert_eq!(refused.status, 505);
    assert!(
        refused.text().contains("<small>505</small>"),
        "{}",
        refused.text()
    );
    std::fs::remove_file(server.root.join("50x.html")).expect("it was there");
    let own = server.request("BREW", "/", &[]);
    assert!(own.text().contains("<small>501</small>"), "{}", own.text());
}

/// Its content cannot be sent to a client that was not asked for its codings.
#[test]
fn an_error_page_that_is_stored_in_a_coding_is_not_sent() {
    let server = server(|config| {
        let rule = "404.html=text/html; coding=gzip";
        config.site.types.add(&format!("/{rule}")).expect(rule);
    });
    server.write("404.html", b"\x1f\x8b\x08 in gzip");
    check_absent(&server, "/none");
    let coded = server.get("/404.html", &[("Accept-Encoding", "gzip")]);
    assert_eq!(coded.field("Content-Encoding"), Some("gzip"));
}

/// Tests `origin::moved::redirect_by_rule`.
#[test]
fn concept_27_redirects_are_those_of_the_operator() {
    let server = server(|config| {
        for rule in [
            "/about.html=/moved 302",
            "/old/**=/docs/$1",
            "/blog/*=https://b.example/$1 308",
            "/r/**=/$1 307",
        ] {
            config.rules.redirects.add(rule).expect(rule);
        }
    });
    check(&server, "/about.html", 302, "./moved");
    check(&server, "/old/a/b?q=1", 301, "../../docs/a/b?q=1");
    check(&server, "/blog/x", 308, "https://b.example/x");
    check(&server, "/r/evil.example", 307, "../evil.example");
    let response = server.get("/old/x", &[]);
    assert_eq!(response.field("Cache-Control"), Some("no-cache"));
    assert_eq!(server.request("HEAD", "/old/x", &[]).status, 301);
    assert_eq!(server.request("POST", "/old/x", &[]).status, 405);
    // Nothing that a client sends becomes a host.
    for target in [
        "/r//evil.example",
        "/r/%2F%2Fevil.example",
        "/r/%2f/evil.example",
        "/r/%5Cevil.example",
        "/r/\\evil.example",
        "/r/%09/evil.example",
        "/r/.//evil.example",
        "//r//evil.example",
    ] {
        let response = server.get(target, &[]);
        let location = response.field("Location").unwrap_or("none");
        let is_local = !location.starts_with("//")
            && !location.starts_with("/\\")
            && !location.contains("://")
            && !location.contains('\t');
        assert!(is_local, "{target}: {location}");
    }
}

/// Tests `origin::download::with_disposition`.
#[test]
fn concept_24_a_file_can_be_saved() {
    let server = server(|_| {});
    server.write("na\u{ef}ve.txt", "some text");
    let disposition = |target: &str, fields: &[(&str, &str)]| {
        let response = server.get(target, fields);
        let disposition = response.field("Content-Disposition");
        (response.status, disposition.map(str::to_owned))
    };
    let saved = |name: &str| Some(format!("attachment; {name}"));
    let plain = saved("filename=\"about.html\"");
    assert_eq!(
        disposition("/about.html?download", &[]),
        (200, plain.clone())
    );
    assert_eq!(
        disposition("/about.html?a=b&download=1", &[]),
        (200, plain.clone())
    );
    let range = [("Range", "bytes=0-1")];
    assert_eq!(
        disposition("/about.html?download", &range),
        (206, plain.clone())
    );
    let ranges = [("Range", "bytes=0-1,4-5")];
    assert_eq!(disposition("/about.html?download", &ranges), (206, plain));
    let naive = saved("filename=\"na_ve.txt\"; filename*=UTF-8''na%C3%AFve.txt");
    assert_eq!(disposition("/na%C3%AFve.txt?download", &[]), (200, naive));
    for target in [
        "/about.html",
        "/about.html?downloads",
        "/about.html?x=download",
    ] {
        assert_eq!(disposition(target, &[]), (200, None), "{target}");
    }
    assert_eq!(disposition("/none?download", &[]), (404, None));
    let decoded = disposition("/about.html?%64ownload", &[]);
    assert_eq!(decoded, (200, saved("filename=\"about.html\"")));
}

/// Tests `origin::moved::redirect_to_root`.
#[test]
fn a_site_may_stand_below_a_prefix() {
    let server = server(|config| {
        config.site.prefix = Prefix::parse("/app/v1").expect("a prefix");
        config.site.clean_urls = true;
        let rule = "/assets/*=max-age=60";
        config.rules.add_cache(rule).expect(rule);
        let redirect = "/old/*=/$1";
        config.rules.redirects.add(redirect).expect(redirect);
    });
    check(&server, "/app/v1/", 200, "<p>start");
    check(&server, "/app/v1", 301, "v1/");
    check(&server, "/app/v1?q", 301, "v1/?q");
    check(&server, "/app//v1", 301, "../../app/v1");
    check(&server, "/app/v1/docs", 301, "docs/");
    check(&server, "/app/v1/about", 200, "<p>about");
    check(&server, "/app/v1/old/x", 301, "../x");
    check(&server, "/app/v1/x/../about", 301, "../../app/v1/about");
    for outside in ["/", "/app", "/app/", "/about", "/app/v1x/", "/app/v2/about"] {
        check_absent(&server, outside);
    }
    let script = server.get("/app/v1/assets/app.js", &[]);
    assert_eq!(script.field("Cache-Control"), Some("max-age=60"));
    let listing = server.get("/app/v1/folder/", &[]).text();
    assert!(listing.contains("href=\"a.txt\""), "{listing}");
}

/// Without `./`, it would be read as a URL of the scheme `a`.
#[test]
fn a_prefix_may_have_a_colon() {
    let server = server(|config| config.site.prefix = Prefix::parse("/a:b").expect("a prefix"));
    check(&server, "/a:b", 301, "./a:b/");
    check(&server, "/a:b?q", 301, "./a:b/?q");
    check(&server, "/a%3Ab", 301, "a%3Ab/");
    check(&server, "/a:b/", 200, "<p>start");
}
