//! `--live-reload` on the wire: which documents get the script, and what it is told.
#![cfg(feature = "live-reload")]
#![allow(
    clippy::disallowed_methods,
    reason = "a test reads the clock, and builds a site that takes time"
)]

mod support;

use std::fs::{self, Permissions};
use std::io::Read;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use docroot::http1::allowed_hosts::HostPattern;
use docroot::net::config::SiteRoot;
use docroot::semantics::pattern::Pattern;
use docroot::site::prefix::Prefix;
use flate2::read::GzDecoder;
use sha2::{Digest as _, Sha256};
use support::live_page::{LivePage, websocket};
use support::program::skipped;
use support::{Response, Setup, TestServer};
use tungstenite::client::IntoClientRequest;
use tungstenite::{Error, HandshakeError, Message};

const PAGE: &str = "<!doctype html><p title='</body>'>text</p></body></html>";
const ENDPOINT: &str = "/.docroot/live-reload";
const SCRIPT: &str = "/.docroot/live-reload.js";

fn setup() -> Setup {
    Setup::new()
        .with(|config| config.site.live_reload = true)
        .file("index.html", PAGE)
}

/// A document with the element for the script before its last end tags.
#[track_caller]
fn check_script(document: &str, original: &str) {
    let start = document.find("<script src=\".docroot/").expect("a script");
    let end = start + document[start..].find("</script>").expect("its end") + "</script>".len();
    let element = &document[start..end];
    assert!(element.contains(" data-version=\""), "{element}");
    assert_eq!(document.replace(element, ""), original);
    assert_eq!(&document[end..], &original[start..], "{document}");
}

fn gunzipped(response: &Response) -> String {
    let mut text = String::new();
    let mut decoder = GzDecoder::new(&response.body[..]);
    decoder.read_to_string(&mut text).expect("gzip");
    text
}

/// Tests `site::file::note_script`.
#[test]
fn only_documents_get_the_script() {
    let server = setup()
        .file("fragment.html", "<p>text</p></body>")
        .file("text.txt", PAGE)
        .file("page.xhtml", PAGE)
        .file("bom.html", format!("\u{feff}{PAGE}"))
        .file("empty.html", "")
        .start();
    check_script(&server.get("/", &[]).text(), PAGE);
    check_script(
        &server.get("/bom.html", &[]).text(),
        &format!("\u{feff}{PAGE}"),
    );
    for (path, want) in [
        ("/fragment.html", "<p>text</p></body>"),
        ("/text.txt", PAGE),
        ("/page.xhtml", PAGE),
        ("/empty.html", ""),
    ] {
        assert_eq!(server.get(path, &[]).text(), want, "{path}");
    }
}

#[test]
fn without_the_option_nothing_changes() {
    let on = setup().start();
    let off = setup()
        .with(|config| config.site.live_reload = false)
        .start();
    let [plain, extended] = [&off, &on].map(|server| server.get("/", &[]));
    assert_eq!(plain.text(), PAGE);
    assert_ne!(plain.field("ETag"), extended.field("ETag"));
    for path in [SCRIPT, ENDPOINT] {
        assert_eq!(off.get(path, &[]).status, 404);
    }
    assert!(!off.get("/none", &[]).text().contains("<script"));
}

#[test]
fn the_document_is_a_representation_like_any_other() {
    let long = PAGE.replace("text", &"text ".repeat(1000));
    let server = setup().file("long.html", &long).start();
    let whole = server.get("/long.html", &[]);
    check_script(&whole.text(), &long);
    assert_eq!(
        whole.field("Content-Length"),
        Some(&*whole.body.len().to_string())
    );
    let tag = whole.field("ETag").expect("a tag").to_owned();
    assert!(!tag.starts_with("W/"));
    assert_eq!(
        server.get("/long.html", &[("If-None-Match", &tag)]).status,
        304
    );
    // Its date would be that of the document without the script.
    assert_eq!(whole.field("Last-Modified"), None);
    let head = server.request("HEAD", "/long.html", &[]);
    assert_eq!(head.field("Content-Length"), whole.field("Content-Length"));

    // A range that begins within the script.
    let at = whole.text().find("live-reload").expect("the script");
    let range = format!("bytes={at}-");
    let part = server.get("/long.html", &[("Range", &range), ("If-Range", &tag)]);
    assert_eq!((part.status, &part.body[..]), (206, &whole.body[at..]));
    let ranges = [("Range", "bytes=0-9,-9")];
    let parts = server.get("/long.html", &ranges).text();
    assert!(parts.contains("</html>\r\n") && parts.contains(&format!("/{}", whole.body.len())));

    let coded = server.get("/long.html", &[("Accept-Encoding", "gzip")]);
    assert_eq!(coded.field("Content-Encoding"), Some("gzip"));
    assert_eq!(gunzipped(&coded), whole.text());
    let coded_tag = coded.field("ETag").expect("a tag");
    assert_ne!(coded_tag, tag);
    let fields = [("Accept-Encoding", "gzip"), ("If-None-Match", coded_tag)];
    assert_eq!(server.get("/long.html", &fields).status, 304);

    let digest = server.get("/long.html", &[("Want-Repr-Digest", "sha-256=1")]);
    let sent = digest.field("Repr-Digest").expect("a digest").to_owned();
    let encoded = STANDARD.encode(Sha256::digest(&digest.body));
    assert_eq!(sent, format!("sha-256=:{encoded}:"));
}

/// A browser would show a stored response when its user goes back, or as long as a rule lets it.
#[test]
fn nothing_is_stored() {
    let rule = "/**=public, max-age=3600, immutable";
    let server = setup()
        .with(|config| config.rules.add_cache(rule).expect("a rule"))
        .file("docs/site.css", "")
        .start();
    for path in ["/", "/docs/site.css", "/docs/", "/docs", "/missing", SCRIPT] {
        let response = server.get(path, &[]);
        assert_eq!(response.field("Cache-Control"), Some("no-store"), "{path}");
    }
}

/// More than the cache takes. The length is not known before the document is sent.
#[test]
fn a_large_document_gets_the_script_while_it_is_sent() {
    let large = PAGE.replace("text", &"long text ".repeat(100_000));
    let server = setup().file("large.html", &large).start();
    let whole = server.get("/large.html", &[]);
    check_script(&whole.text(), &large);
    assert_eq!(whole.field("Content-Length"), None);
    assert_eq!(whole.field("Accept-Ranges"), None);
    assert_eq!(
        server.get("/large.html", &[("Range", "bytes=0-9")]).status,
        200
    );
    let tag = whole.field("ETag").expect("a tag");
    assert_eq!(
        server.get("/large.html", &[("If-None-Match", tag)]).status,
        304
    );
    let coded = server.get("/large.html", &[("Accept-Encoding", "gzip")]);
    assert_eq!(gunzipped(&coded), whole.text());
    assert_eq!(server.request("HEAD", "/large.html", &[]).status, 200);
}

#[test]
fn entity_tags_of_contents_are_those_with_the_script() {
    use docroot::site::options::TagSource::Content;
    let large = PAGE.replace("text", &"long text ".repeat(100_000));
    let with = |is_on: bool| {
        let setup = setup().file("large.html", &large);
        let server = setup.with(|config| {
            config.site.etag = Content;
            config.site.live_reload = is_on;
        });
        let server = server.start();
        ["/", "/large.html"].map(|path| {
            let response = server.get(path, &[]);
            let tag = response.field("ETag").expect("a tag").to_owned();
            assert_eq!(server.get(path, &[("If-None-Match", &tag)]).status, 304);
            tag
        })
    };
    let (on, off) = (with(true), with(false));
    assert_eq!(on, with(true));
    assert!(on.iter().zip(&off).all(|(on, off)| on != off));
}

/// The digest of the file is not that of the document with the script.
#[test]
fn a_large_document_has_no_digest_of_another() {
    let large = PAGE.replace("text", &"long text ".repeat(100_000));
    let server = setup()
        .with(|config| config.site.etag = docroot::site::options::TagSource::Content)
        .file("large.html", &large)
        .start();
    let wanting = [("Want-Repr-Digest", "sha-256=1")];
    assert_eq!(
        server.get("/large.html", &wanting).field("Repr-Digest"),
        None
    );
}

#[test]
fn the_media_type_decides_what_is_a_document() {
    let large = PAGE.replace("text", &"long text ".repeat(100_000));
    let server = setup()
        .with(|config| {
            let added = config.site.types.add("page=text/html; charset=utf-8");
            added.expect("a type");
        })
        .file("small.page", PAGE)
        .file("large.page", &large)
        .start();
    check_script(&server.get("/small.page", &[]).text(), PAGE);
    check_script(&server.get("/large.page", &[]).text(), &large);
}

#[test]
fn precompressed_files_lack_the_script_and_are_not_sent() {
    let server = setup()
        .with(|config| config.site.precompressed = true)
        .file("index.html.gz", "not looked at")
        .start();
    let coded = server.get("/", &[("Accept-Encoding", "gzip")]);
    check_script(&coded.text(), PAGE);
}

#[test]
fn pages_of_the_server_get_the_script() {
    let server = setup().file("docs/a.txt", "").start();
    for (path, status) in [("/none", 404), ("/docs/", 200)] {
        let page = server.get(path, &[]);
        assert_eq!(page.status, status);
        assert!(
            page.text()
                .contains("<script src=\".docroot/live-reload.js\" async></script>")
        );
        let policy = page.field("Content-Security-Policy").expect("a policy");
        assert!(
            policy.contains("script-src") && policy.contains("'self'"),
            "{policy}"
        );
    }
    let json = server.get("/docs/", &[("Accept", "application/json")]);
    assert!(!json.text().contains("script"));
    let own = setup().file("404.html", PAGE).start();
    let page = own.get("/none", &[]);
    assert_eq!(page.status, 404);
    check_script(&page.text(), PAGE);
}

#[test]
fn the_script_is_sent() {
    let server = setup().start();
    let script = server.get(SCRIPT, &[]);
    assert_eq!(script.status, 200);
    assert_eq!(
        script.field("Content-Type"),
        Some("text/javascript; charset=utf-8")
    );
    assert_eq!(
        script.field("Cross-Origin-Resource-Policy"),
        Some("same-origin")
    );
    assert_eq!(script.field("Cache-Control"), Some("no-store"));
    let tag = script.field("ETag").expect("a tag");
    assert_eq!(server.get(SCRIPT, &[("If-None-Match", tag)]).status, 304);
    assert_eq!(server.request("POST", SCRIPT, &[]).status, 405);
    assert_eq!(server.request("OPTIONS", SCRIPT, &[]).status, 204);
    assert_eq!(server.get(ENDPOINT, &[]).status, 426);
    let of_file = setup()
        .with(|config| config.root.push("index.html"))
        .start();
    check_script(&of_file.get("/", &[]).text(), PAGE);
    assert_eq!(of_file.get(SCRIPT, &[]).status, 200);
}

#[test]
fn everything_stands_below_the_prefix() {
    let server = setup()
        .with(|config| config.site.prefix = Prefix::parse("/a/b").expect("a prefix"))
        .start();
    check_script(&server.get("/a/b/", &[]).text(), PAGE);
    assert_eq!(server.get("/a/b/.docroot/live-reload.js", &[]).status, 200);
    assert_eq!(server.get(SCRIPT, &[]).status, 404);
    let mut page = LivePage::connect(server.address, "/a/b/.docroot/live-reload", "0");
    server.write("x.css", "");
    assert_eq!(page.told(), r#"{"changed":["x.css"]}"#);
}

/// The element of a document names it relative to the document, whose address a proxy may have changed.
#[test]
fn the_script_is_in_every_folder() {
    let server = setup()
        .with(|config| config.site.prefix = Prefix::parse("/a").expect("a prefix"))
        .start();
    for (path, status) in [
        ("/a/.docroot/live-reload.js", 200),
        ("/a/docs/.docroot/live-reload.js", 200),
        ("/a/there/is/none/.docroot/live-reload.js", 200),
        ("/a/x.docroot/live-reload.js", 404),
        ("/a/docs/.docroot/live-reload.js/", 404),
        ("/b/.docroot/live-reload.js", 404),
        ("/a/docs/.docroot/live-reload", 426),
        ("/a/x.docroot/live-reload", 404),
    ] {
        assert_eq!(server.get(path, &[]).status, status, "{path}");
    }
    let path = "/a/docs/%c3%a9%22/.docroot/live-reload";
    let mut page = LivePage::connect(server.address, path, "0");
    assert_eq!(page.told(), r#"{"folder":"docs/%C3%A9%22/"}"#);
    server.write("x.css", "");
    assert_eq!(page.told(), r#"{"changed":["x.css"]}"#);
}

/// A page that was loaded so many milliseconds ago.
fn page(server: &TestServer, age: &str) -> LivePage {
    LivePage::connect(server.address, ENDPOINT, age)
}

#[test]
fn concept_35_pages_are_told_what_changes() {
    let server = setup().file("docs/old.css", "").file("x", "").start();
    let mut page = page(&server, "0");
    server.write("docs/new.css", "a{}");
    assert_eq!(page.told(), r#"{"changed":["docs/new.css"]}"#);
    server.write("docs/new.css", "b{}");
    assert_eq!(page.told(), r#"{"changed":["docs/new.css"]}"#);
    fs::rename(
        server.root.join("docs/new.css"),
        server.root.join("docs/old.css"),
    )
    .expect("renamed");
    assert_eq!(
        page.told(),
        r#"{"changed":["docs/new.css","docs/old.css"]}"#
    );
    fs::remove_file(server.root.join("docs/old.css")).expect("removed");
    assert_eq!(page.told(), r#"{"changed":["docs/old.css"]}"#);
    // The files in a new folder may be older than the watch of it. The folder is not.
    server.write("new/deep/a.css", "");
    let news = page.told();
    assert!(news.starts_with(r#"{"changed":["new""#), "{news}");
    let name = "new/deep/\u{e9} \".html";
    server.write(name, "");
    assert_eq!(page.told(), r#"{"changed":["new/deep/%C3%A9%20%22.html"]}"#);
}

#[test]
fn an_editor_that_writes_beside_the_file_changes_one() {
    let server = setup().start();
    let mut page = page(&server, "0");
    server.write(".index.html.swp", "");
    server.write("4913", "");
    server.write("index.html.new", "text");
    fs::rename(
        server.root.join("index.html.new"),
        server.root.join("index.html"),
    )
    .expect("renamed");
    assert_eq!(page.told(), r#"{"changed":["index.html"]}"#);
}

/// A build that has a longer break may be several changes.
#[test]
fn a_build_is_one_change() {
    const BREAK: Duration = Duration::from_millis(100);
    for (files, apart) in [(1000, 0), (30, 60), (25, 80)] {
        let server = setup().start();
        let mut page = page(&server, "0");
        let (mut last, mut longest) = (Instant::now(), Duration::ZERO);
        for number in 0..files {
            // Builds take time for each file.
            thread::sleep(Duration::from_millis(apart));
            server.write(&format!("dist/{number}.html"), PAGE);
            longest = longest.max(last.elapsed());
            last = Instant::now();
        }
        if longest >= BREAK {
            skipped("the machine is so busy that the build had a break");
            return;
        }
        assert_eq!(page.told(), r#"{"reload":true}"#, "{apart} ms apart");
        server.write("last.css", "");
        assert_eq!(
            page.told(),
            r#"{"changed":["last.css"]}"#,
            "there was no second message"
        );
    }
}

/// A folder of which nothing counts may come and go. What only changes the attributes of a file changes no page.
#[test]
fn what_no_page_shows_is_not_told() {
    let server = setup()
        .with(|config| {
            let patterns = ["/logs/**", "/out/*"];
            let parsed = patterns.map(|text| Pattern::parse(text).expect("a pattern"));
            config.reload_ignored.extend(parsed);
        })
        .file("a.html", PAGE)
        .file("old/b.txt", "")
        .start();
    let mut page = page(&server, "0");
    let path = |name: &str| server.root.join(name);
    for name in ["logs", "out"] {
        fs::create_dir(path(name)).expect("a folder");
        server.write(&format!("{name}/today/a.txt"), "line");
        fs::rename(path(name), path(&format!(".{name}"))).expect("renamed");
        fs::rename(path(&format!(".{name}")), path(name)).expect("renamed back");
        fs::remove_dir_all(path(name)).expect("removed");
    }
    for mode in [0o755, 0o644] {
        fs::set_permissions(path("a.html"), Permissions::from_mode(mode)).expect("a mode");
    }
    fs::hard_link(path("a.html"), path(".link")).expect("a link");
    server.write("a.css", "");
    assert_eq!(page.told(), r#"{"changed":["a.css"]}"#);
    // `touch` asks for a reload.
    let touched = Command::new("touch").arg(path("a.html")).status();
    assert!(touched.expect("touch runs").success());
    assert_eq!(page.told(), r#"{"changed":["a.html"]}"#);
    fs::remove_dir_all(path("old")).expect("removed");
    assert_eq!(page.told(), r#"{"changed":["old","old/b.txt"]}"#);
}

#[test]
fn what_the_operator_ignores_does_not_count() {
    let server = setup()
        .with(|config| {
            config
                .reload_ignored
                .push(Pattern::parse("/**/*.log").expect("a pattern"))
        })
        .start();
    let mut page = page(&server, "0");
    server.write("logs/today.log", "line");
    server.write("a.css", "");
    assert_eq!(page.told(), r#"{"changed":["a.css","logs"]}"#);
    server.write("logs/today.log", "line");
    server.write("b.css", "");
    assert_eq!(page.told(), r#"{"changed":["b.css"]}"#);
}

#[test]
fn a_page_is_told_what_changed_after_it_was_loaded() {
    let server = setup().start();
    let begin = Instant::now();
    let mut first = page(&server, "0");
    server.write("a.css", "");
    assert_eq!(first.told(), r#"{"changed":["a.css"]}"#);
    let mut loaded_before = page(&server, &begin.elapsed().as_millis().to_string());
    assert_eq!(loaded_before.told(), r#"{"changed":["a.css"]}"#);
    let mut loaded_after = page(&server, "0");
    let mut older_than_the_server = page(&server, "3600000");
    assert_eq!(older_than_the_server.told(), r#"{"check":true}"#);
    assert_eq!(older_than_the_server.told(), r#"{"changed":["a.css"]}"#);
    server.write("b.css", "");
    for page in [
        &mut loaded_before,
        &mut loaded_after,
        &mut older_than_the_server,
    ] {
        assert_eq!(page.told(), r#"{"changed":["b.css"]}"#);
    }
}

#[test]
fn the_directory_can_be_replaced() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().join("dist");
    fs::create_dir(&root).expect("a folder");
    let server = setup().with(|config| config.root = root.clone()).start();
    let mut page = page(&server, "0");
    for _ in 0..2 {
        fs::remove_dir_all(&root).expect("removed");
        fs::create_dir(&root).expect("made again");
        assert_eq!(page.told(), r#"{"reload":true}"#);
        fs::write(root.join("a.css"), "").expect("written");
        assert_eq!(page.told(), r#"{"changed":["a.css"]}"#);
        fs::remove_file(root.join("a.css")).expect("removed");
        assert_eq!(page.told(), r#"{"changed":["a.css"]}"#);
    }
}

#[test]
fn the_directory_can_be_renamed_and_come_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let (root, away) = (folder.path().join("dist"), folder.path().join("away"));
    fs::create_dir(&root).expect("a folder");
    let server = setup().with(|config| config.root = root.clone()).start();
    let mut page = page(&server, "0");
    fs::rename(&root, &away).expect("renamed");
    fs::rename(&away, &root).expect("renamed back");
    // If the server has seen that nothing was there, everything may have changed.
    let mut news = String::new();
    for number in 0.. {
        fs::write(root.join(format!("{number}.css")), "").expect("written");
        news = page.told();
        if news != r#"{"reload":true}"# {
            break;
        }
    }
    assert!(news.ends_with(r#".css"]}"#), "{news}");
}

#[test]
fn each_site_is_told_its_own_changes() {
    let other = tempfile::tempdir().expect("a folder");
    let server = setup()
        .with(|config| {
            config.sites.push(SiteRoot {
                host: HostPattern::parse("other.example").expect("a host"),
                root: other.path().to_owned(),
            });
        })
        .start();
    let mut page = page(&server, "0");
    fs::write(other.path().join("other.css"), "").expect("written");
    server.write("own.css", "");
    assert_eq!(page.told(), r#"{"changed":["own.css"]}"#);
}

#[test]
fn a_single_file_is_told_its_own_changes() {
    let server = setup()
        .with(|config| config.root.push("index.html"))
        .start();
    let mut page = page(&server, "0");
    let folder = server.root.clone();
    fs::write(folder.join("other.css"), "").expect("written");
    // An editor renames another file over it.
    fs::write(folder.join("new"), PAGE).expect("written");
    fs::rename(folder.join("new"), folder.join("index.html")).expect("renamed");
    assert_eq!(page.told(), r#"{"changed":["index.html"]}"#);
}

#[test]
fn a_page_that_sends_something_else_is_closed() {
    let server = setup().start();
    for message in ["", "-1", "now", "123456789012345678901"] {
        let mut socket = websocket(server.address, ENDPOINT);
        socket.send(Message::text(message)).expect("sent");
        let Message::Close(Some(close)) = socket.read().expect("an answer") else {
            panic!("it is not closed");
        };
        assert_eq!(u16::from(close.code), 1008, "{message}");
    }
}

#[test]
fn foreign_pages_are_told_nothing() {
    let server = setup().start();
    for field in ["Origin: http://evil.example", "Sec-Fetch-Site: cross-site"] {
        let request = format!(
            "GET {ENDPOINT} HTTP/1.1\r\nHost: {}\r\n{field}\r\nConnection: Upgrade\r\n\
             Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            server.address
        );
        let mut client = server.connect();
        client.send(request.as_bytes());
        assert_eq!(client.response("GET").status, 403, "{field}");
    }
}

/// The browser would ask for the password again, to load the script.
#[cfg(feature = "auth")]
#[test]
fn a_page_that_asks_for_a_password_has_no_script() {
    let server = setup()
        .with(|config| {
            let rule =
                "/private/** bob:$2y$04$ySgxwkpqk4yvbYU1lxLBmeMvHI5mNJvjQvRqXkVFTLPkTK1u4O8OS";
            config.rules.protection.add(rule).expect("a rule");
        })
        .start();
    let page = server.get("/private/a.html", &[]);
    assert_eq!(page.status, 401);
    assert!(!page.text().contains("<script"), "{}", page.text());
}

/// Safari sends no credentials with an opening handshake. The script and its connection tell nothing of the folder.
#[cfg(feature = "auth")]
#[test]
fn live_reload_needs_the_password_of_the_root_alone() {
    let protected = |paths: &str| {
        let rule =
            format!("{paths} bob:$2y$04$ySgxwkpqk4yvbYU1lxLBmeMvHI5mNJvjQvRqXkVFTLPkTK1u4O8OS");
        setup()
            .with(|config| {
                config.rules.protection.add(&rule).expect("a rule");
            })
            .start()
    };
    let server = protected("/private/**");
    for (path, status) in [
        ("/private/.docroot/live-reload.js", 200),
        ("/private/a/.docroot/live-reload", 426),
        ("/private/.docroot/other.js", 401),
        ("/private/x.docroot/live-reload", 401),
        ("/private/", 401),
    ] {
        assert_eq!(server.get(path, &[]).status, status, "{path}");
    }
    let mut page = LivePage::connect(server.address, "/private/.docroot/live-reload", "0");
    assert_eq!(page.told(), r#"{"folder":"private/"}"#);
    server.write("public.css", "");
    assert_eq!(page.told(), r#"{"changed":["public.css"]}"#);
    let server = protected("/**");
    for path in [SCRIPT, ENDPOINT, "/a/.docroot/live-reload"] {
        assert_eq!(server.get(path, &[]).status, 401, "{path}");
    }
}

/// The script of such a page would get the same error.
#[test]
fn error_pages_have_the_script_only_if_it_loads() {
    let whole = setup().start();
    let below = setup()
        .with(|config| config.site.prefix = Prefix::parse("/docs").expect("a prefix"))
        .start();
    for (server, path, status, has_script) in [
        (&whole, "/a%00b", 400, true),
        (&whole, "/a%00b/x", 400, false),
        (&whole, "/a%2Fb/x", 400, false),
        (&whole, "/a/x", 404, true),
        (&below, "/x", 404, false),
        (&below, "/docsx/y", 404, false),
        (&below, "/docs/x", 404, true),
        (&below, "/docs/a/x?/b%00/c", 404, true),
    ] {
        let page = server.get(path, &[]);
        assert_eq!(page.status, status, "{path}");
        let got = page.text().contains("<script");
        assert_eq!(got, has_script, "{path}");
        let policy = page.field("Content-Security-Policy").expect("a policy");
        assert_eq!(
            policy.contains("script-src"),
            has_script,
            "{path}: {policy}"
        );
    }
}

/// `--cors` opens the site. The script is no part of it, and neither is it in the folders of the site.
#[test]
fn foreign_pages_may_not_read_the_script() {
    let server = setup().with(|config| config.rules.cors.add("*").expect("an origin"));
    let server = server.file("d/.docroot/a.js", "").start();
    let allow = "Access-Control-Allow-Origin";
    let origin = ("Origin", "http://evil.example");
    for (path, want) in [
        (SCRIPT, None),
        (ENDPOINT, None),
        ("/dir/.docroot/live-reload.js", None),
        ("/dir/.docroot/live-reload", None),
        ("/", Some("*")),
        ("/.docroot/none", Some("*")),
    ] {
        assert_eq!(server.get(path, &[origin]).field(allow), want, "{path}");
    }
}

/// A page of another name could reach the server through a proxy (DNS rebinding).
#[test]
fn a_forwarded_host_is_one_of_the_named() {
    let asked = |server: &TestServer, forwarded: &str| {
        let url = format!("ws://{}{ENDPOINT}", server.address);
        let mut request = url.into_client_request().expect("a request");
        for (name, value) in [
            ("Origin", "https://files.example"),
            ("X-Forwarded-Host", forwarded),
        ] {
            let value = value.parse().expect("a value");
            request.headers_mut().insert(name, value);
        }
        let stream = TcpStream::connect(server.address).expect("a connection");
        match tungstenite::client(request, stream) {
            Ok(_) => 101,
            Err(HandshakeError::Failure(Error::Http(response))) => response.status().as_u16(),
            Err(fault) => panic!("{fault}"),
        }
    };
    let serving = |host: Option<&str>| {
        let hosts = host.map(|host| HostPattern::parse(host).expect("a host"));
        setup()
            .with(|config| config.allow_hosts = hosts.into_iter().collect())
            .start()
    };
    let unnamed = serving(None);
    assert_eq!(asked(&unnamed, "files.example"), 101);
    assert_eq!(asked(&unnamed, "other.example"), 403);
    assert_eq!(asked(&serving(Some("files.example")), "files.example"), 101);
    assert_eq!(asked(&serving(Some("*.example")), "files.example"), 101);
    assert_eq!(asked(&serving(Some("*")), "files.example"), 101);
    assert_eq!(asked(&serving(Some("a.example")), "files.example"), 403);
}

/// Whoever may not read a file does not learn its name.
#[cfg(feature = "auth")]
#[test]
fn names_that_need_a_password_are_not_told() {
    let server = setup()
        .with(|config| {
            let rule =
                "/private/** bob:$2y$04$ySgxwkpqk4yvbYU1lxLBmeMvHI5mNJvjQvRqXkVFTLPkTK1u4O8OS";
            config.rules.protection.add(rule).expect("a rule");
        })
        .file("private/a.txt", "")
        .start();
    let mut page = page(&server, "0");
    server.write("private/secret.css", "");
    assert_eq!(page.told(), r#"{"reload":true}"#);
    server.write("public.css", "");
    assert_eq!(page.told(), r#"{"changed":["public.css"]}"#);
}
