//! `--live-reload` in a browser.
#![cfg(feature = "live-reload")]

mod support;

use std::fs;
use std::path::Path;

use docroot::net::config::Port;
use serde_json::{Value, json};
use support::chromium::{Page, needs_chromium};
use support::{Setup, TestServer};

/// A page that is longer than the window.
fn page(text: &str) -> String {
    format!(
        "<!doctype html><title>{text}</title><link rel=\"icon\" href=\"data:,\">\
         <link rel=\"stylesheet\" href=\"site.css\"><p id=\"text\">{text}</p>\
         <img id=\"image\" src=\"image.svg\" srcset=\"image.svg 1x, other.svg 2x\">\
         <div style=\"height: 5000px\"></div></body></html>"
    )
}

/// A page that needs nothing else.
fn titled(title: &str) -> String {
    format!("<!doctype html><title>{title}</title><link rel=\"icon\" href=\"data:,\">")
}

fn image(width: u32) -> String {
    format!("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"10\"/>")
}

fn setup() -> Setup {
    Setup::new()
        .with(|config| config.site.live_reload = true)
        .file("index.html", page("first"))
        .file("site.css", "p { width: 100px }")
        .file("image.svg", image(10))
        .file("other.svg", image(10))
}

/// A browser on the page. The mark shows whether the page was loaded again since. The page need not be connected
/// yet: it is told what changes after it was loaded.
fn opened(server: &TestServer, path: &str) -> Page {
    let mut page = Page::new(800, 600);
    page.open(&url(server, path));
    page.run("window.mark = true");
    page
}

fn url(server: &TestServer, path: &str) -> String {
    format!("http://{}{path}", server.address)
}

const WIDTH: &str = "getComputedStyle(document.getElementById('text')).width";

fn is_marked(page: &mut Page) -> bool {
    page.run("window.mark === true") == true
}

#[test]
fn a_page_is_reloaded_where_it_was() {
    needs_chromium!();
    let server = setup().start();
    let mut browser = opened(&server, "/");
    browser.run("scrollTo(0, 2000)");
    server.write("index.html", page("second"));
    browser.wait_for_page(&url(&server, "/"));
    browser.wait_for("document.title === 'second'");
    browser.wait_for("scrollY === 2000");
    assert!(!is_marked(&mut browser));
    // An editor writes another file, and renames it.
    server.write("new.tmp", page("third"));
    fs::rename(server.root.join("new.tmp"), server.root.join("index.html")).expect("renamed");
    browser.wait_for_page(&url(&server, "/"));
    browser.wait_for("document.title === 'third'");
    assert_eq!(browser.complaints(), Vec::<&Value>::new());
}

#[test]
fn style_sheets_and_images_are_replaced_in_place() {
    needs_chromium!();
    let server = setup().start();
    let mut browser = opened(&server, "/");
    for width in [200, 300] {
        server.write("site.css", format!("p {{ width: {width}px }}"));
        browser.wait_for(&format!("{WIDTH} === '{width}px'"));
        browser.wait_for("document.querySelectorAll('link[rel=stylesheet]').length === 1");
    }
    for width in [20, 30] {
        server.write("image.svg", image(width));
        browser.wait_for(&format!(
            "document.getElementById('image').naturalWidth === {width}"
        ));
    }
    assert!(is_marked(&mut browser), "it was not reloaded");
    assert_eq!(browser.complaints(), Vec::<&Value>::new());
}

/// Addresses that are none, candidates without a space between, a sheet that is never loaded.
#[test]
fn pages_may_be_unusual() {
    needs_chromium!();
    // The server tells no changes that follow each other so fast.
    let told = "<script>class Told extends WebSocket { constructor(url) { super(url); window.socket = this; } }\
                window.WebSocket = Told;</script>";
    let unusual = page("text")
        .replace("1x, other.svg", "1x,other.svg")
        .replace("<p ", &format!("{told}<p "))
        .replace(
            "<p ",
            "<link rel=\"stylesheet\" href=\"http://[\"><link rel=\"icon\" href=\"http://[\">\
             <link id=\"off\" rel=\"stylesheet\" href=\"site.css\" disabled><p ",
        );
    let server = setup().file("index.html", unusual).start();
    let mut browser = opened(&server, "/");
    server.write("image.svg", image(20));
    browser.wait_for("document.getElementById('image').naturalWidth === 20");
    server.write("other.svg", image(30));
    browser
        .wait_for("/^\\S+image.svg\\S+ 1x,\\S+other.svg\\S+ 2x$/.test(document.images[0].srcset)");
    // The next change comes before the sheet of the last one has loaded, or after it.
    for width in 100..110 {
        server.write("site.css", format!("p {{ width: {width}px }}"));
        browser.run(r#"socket.onmessage({ data: '{"changed":["site.css"]}' })"#);
        browser.run("new Promise(done => setTimeout(done, 60))");
    }
    browser.wait_for(&format!("{WIDTH} === '109px'"));
    browser.wait_for("document.querySelectorAll('link[href*=\"site.css\"]').length === 2");
    assert_eq!(browser.run("document.getElementById('off').disabled"), true);
    assert!(is_marked(&mut browser), "it was not reloaded");
}

/// Styles use a file as an image, or import it: a sheet, one that it imports, an element and an attribute.
#[test]
fn styles_show_files_that_have_changed() {
    needs_chromium!();
    let styled = page("text").replace(
        "<p ",
        "<style>@import \"inner.css\";\n@media all { i { content: url('image.svg') } }</style>\
         <b id=\"sheet\"></b><i id=\"element\"></i>\
         <u id=\"attribute\" style=\"content: url(image.svg)\"></u><p ",
    );
    let server = setup()
        .file("index.html", styled)
        .file(
            "site.css",
            "@import url(css/part.css) all; b { content: url(image.svg) }",
        )
        .file("css/part.css", "@import 'deep.css'; p { width: 100px }")
        .file("css/deep.css", "p { height: 100px }")
        .file("inner.css", "p { margin: 10px }")
        .start();
    let mut browser = opened(&server, "/");
    let text = "getComputedStyle(document.getElementById('text'))";
    browser.wait_for(&format!(
        "{text}.width === '100px' && {text}.marginTop === '10px'"
    ));
    for size in [20, 30] {
        server.write("image.svg", image(size));
        for id in ["sheet", "element", "attribute", "image"] {
            browser.wait_for(&format!("document.getElementById('{id}').clientWidth === {size} || \
                                       document.getElementById('{id}').getBoundingClientRect().width === {size}"));
        }
        server.write(
            "css/part.css",
            format!("@import 'deep.css'; p {{ width: {size}px }}"),
        );
        browser.wait_for(&format!("{text}.width === '{size}px'"));
        server.write("css/deep.css", format!("p {{ height: {size}px }}"));
        browser.wait_for(&format!("{text}.height === '{size}px'"));
        server.write("inner.css", format!("p {{ margin: {size}px }}"));
        browser.wait_for(&format!("{text}.marginTop === '{size}px'"));
    }
    assert!(is_marked(&mut browser), "it was not reloaded");
    let imports = "[...document.styleSheets].map(sheet => \
                   [...sheet.cssRules].filter(rule => rule instanceof CSSImportRule).length).join()";
    browser.wait_for(&format!("{imports} === '1,1'"));
    assert_eq!(browser.complaints(), Vec::<&Value>::new());
}

/// What a shorthand with a variable shows cannot be changed in place.
#[test]
fn a_style_that_cannot_be_changed_reloads_the_page() {
    needs_chromium!();
    let sheet = "p { --place: 0 0; background: url(image.svg) var(--place) }";
    let server = setup().file("site.css", sheet).start();
    let mut browser = opened(&server, "/");
    server.write("image.svg", image(20));
    browser.wait_for_page(&url(&server, "/"));
    browser.wait_for("document.getElementById('image').naturalWidth === 20");
    assert!(!is_marked(&mut browser));
}

/// Whatever the rules say about caches, a browser stores nothing.
#[test]
fn going_back_shows_what_has_changed_meanwhile() {
    needs_chromium!();
    let server = setup()
        .file("other.html", titled("other"))
        .with(|config| {
            let rule = "/**=public, max-age=3600, immutable";
            config.rules.add_cache(rule).expect("a rule");
        })
        .start();
    let mut browser = opened(&server, "/");
    browser.wait_for(&format!("{WIDTH} === '100px'"));
    browser.open(&url(&server, "/other.html"));
    server.write("index.html", page("second"));
    server.write("site.css", "p { width: 200px }");
    // The script of the other page knows it when everybody does.
    browser.wait_for_page(&url(&server, "/other.html"));
    browser.run("setTimeout(() => history.back())");
    browser.wait_for_page(&url(&server, "/"));
    browser.wait_for("document.title === 'second'");
    browser.wait_for(&format!("{WIDTH} === '200px'"));
}

#[test]
fn a_page_that_was_deleted_comes_back() {
    needs_chromium!();
    let server = setup().file("docs/a.html", titled("first")).start();
    let path = url(&server, "/docs/a.html");
    let mut browser = opened(&server, "/docs/a.html");
    fs::remove_file(server.root.join("docs/a.html")).expect("removed");
    browser.wait_for_page(&path);
    browser.wait_for("document.title === '404 Not Found'");
    server.write("docs/a.html", titled("second"));
    browser.wait_for_page(&path);
    browser.wait_for("document.title === 'second'");
    assert_eq!(browser.complaints(), Vec::<&Value>::new());
}

#[test]
fn a_listing_shows_new_files() {
    needs_chromium!();
    let server = setup().file("docs/a.txt", "").start();
    let mut browser = opened(&server, "/docs/");
    server.write("docs/b.txt", "");
    browser.wait_for_page(&url(&server, "/docs/"));
    browser.wait_for("document.body.innerText.includes('b.txt')");
    assert_eq!(browser.complaints(), Vec::<&Value>::new());
}

/// A server of this folder, on this port unless it is 0.
fn server_of(root: &Path, port: u16) -> TestServer {
    let setup = Setup::new().with(|config| {
        config.site.live_reload = true;
        config.root = root.to_owned();
        config.port = Port::Fixed(port);
        // It forbids nothing.
        let field = "Content-Security-Policy-Report-Only: connect-src 'none'";
        config.rules.add_field(field).expect("a field");
    });
    setup.start()
}

#[test]
fn after_a_restart_a_page_is_reloaded_only_if_it_changed() {
    needs_chromium!();
    let folder = tempfile::tempdir().expect("a folder");
    let write =
        |name: &str, text: String| fs::write(folder.path().join(name), text).expect("written");
    write("index.html", page("first"));
    write("site.css", String::new());
    write("image.svg", image(10));
    write("other.svg", image(10));
    let server = server_of(folder.path(), 0);
    let port = server.address.port();
    let mut browser = opened(&server, "/");
    drop(server);
    let server = server_of(folder.path(), port);
    // Once it answers, it sees changes.
    assert_eq!(server.get("/", &[]).status, 200);
    write("site.css", "p { width: 200px }".to_owned());
    browser.wait_for(&format!("{WIDTH} === '200px'"));
    assert!(is_marked(&mut browser), "it has not changed");
    // While the server is away, files of the page change.
    drop(server);
    write("site.css", "p { width: 1000px }".to_owned());
    write("image.svg", image(1000));
    let server = server_of(folder.path(), port);
    browser.wait_for(&format!("{WIDTH} === '1000px'"));
    browser.wait_for("document.getElementById('image').naturalWidth === 1000");
    // The same size. The dates of responses are in whole seconds.
    drop(server);
    browser.run("new Promise(done => setTimeout(done, 2100))");
    write("image.svg", image(2000));
    let server = server_of(folder.path(), port);
    browser.wait_for("document.getElementById('image').naturalWidth === 2000");
    assert!(is_marked(&mut browser), "they were replaced");
    drop(server);
    write("index.html", page("second"));
    let server = server_of(folder.path(), port);
    browser.wait_for_page(&url(&server, "/"));
    browser.wait_for("document.title === 'second'");
}

#[test]
fn after_a_restart_a_page_is_reloaded_if_its_script_changed() {
    needs_chromium!();
    let folder = tempfile::tempdir().expect("a folder");
    let write =
        |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("written");
    write(
        "index.html",
        &(titled("text") + "<script src=\"a.js\"></script>"),
    );
    write("a.js", "window.script = 'first'");
    let server = server_of(folder.path(), 0);
    let port = server.address.port();
    let mut browser = opened(&server, "/");
    drop(server);
    write("a.js", "window.script = 'the second'");
    let server = server_of(folder.path(), port);
    browser.wait_for_page(&url(&server, "/"));
    browser.wait_for("window.script === 'the second'");
}

/// `</body>` in a template ends nothing, and scripts there do not run.
#[test]
fn a_template_does_not_take_the_script() {
    needs_chromium!();
    let tricky = page("first").replace("<p ", "<template></body></template><p ");
    let server = setup().file("index.html", tricky).start();
    let mut browser = opened(&server, "/");
    server.write("index.html", page("second"));
    browser.wait_for_page(&url(&server, "/"));
    browser.wait_for("document.title === 'second'");
}

#[test]
fn a_policy_that_forbids_the_connection_is_respected() {
    needs_chromium!();
    let server = setup()
        .with(|config| {
            let field = "Content-Security-Policy: default-src 'self'; connect-src 'none'";
            config.rules.add_field(field).expect("a field");
        })
        .start();
    let mut browser = opened(&server, "/");
    let said = "live reload is off, because the Content-Security-Policy of this page forbids the connection";
    browser.wait_for_said(said);
    // It would connect again after a fifth of a second.
    browser.run("new Promise(done => setTimeout(done, 1000))");
    let complaints = browser.complaints();
    let said_again = complaints
        .iter()
        .filter(|line| line["method"] == "Runtime.consoleAPICalled");
    assert_eq!(said_again.count(), 0, "it says so once");
    let refusals = complaints.iter().filter(|line| {
        let text = line["params"]["entry"]["text"].as_str();
        text.is_some_and(|text| text.contains("connect-src"))
    });
    assert_eq!(
        refusals.count(),
        1,
        "it does not try again: {complaints:#?}"
    );
}

#[test]
fn a_policy_that_forbids_the_script_is_respected() {
    needs_chromium!();
    let server = setup()
        .with(|config| {
            let field = "Content-Security-Policy: script-src 'none'";
            config.rules.add_field(field).expect("a field");
        })
        .start();
    let mut browser = opened(&server, "/");
    assert_eq!(browser.run("document.scripts.length"), json!(1));
    assert_eq!(browser.run("window.docrootLiveReload"), Value::Null);
    assert_eq!(browser.complaints().len(), 1, "the browser says so, once");
}

/// A build deletes everything, and writes it again later.
#[test]
fn a_page_waits_until_its_file_is_there_again() {
    needs_chromium!();
    let server = setup().start();
    let mut browser = opened(&server, "/");
    browser.run("scrollTo(0, 2000)");
    for name in ["index.html", "site.css", "image.svg", "other.svg"] {
        fs::remove_file(server.root.join(name)).expect("removed");
    }
    // The server has told the page, which asks for its file for some seconds.
    let asked = "performance.getEntriesByType('resource').filter(entry => entry.name.endsWith('/index.html'))";
    browser.wait_for(&format!("{asked}.length > 0"));
    assert!(is_marked(&mut browser), "it still shows the old page");
    server.write("index.html", page("second"));
    browser.wait_for_page(&url(&server, "/"));
    browser.wait_for("document.title === 'second'");
    // Without its image, the page is a little longer.
    browser.wait_for("Math.abs(scrollY - 2000) < 20");
}

/// Its address is not that of its file.
#[test]
fn an_application_is_not_reloaded_after_a_restart() {
    needs_chromium!();
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("index.html"), titled("app")).expect("written");
    let start = |port| {
        let setup = Setup::new().with(|config| {
            config.site.live_reload = true;
            config.site.spa = Some("index.html".to_owned());
            config.root = folder.path().to_owned();
            config.port = Port::Fixed(port);
        });
        setup.start()
    };
    let server = start(0);
    let port = server.address.port();
    let mut browser = opened(&server, "/route/x");
    browser.wait_for("document.title === 'app'");
    drop(server);
    let _server = start(port);
    let fetched = "performance.getEntriesByType('resource').some(entry => entry.name.endsWith('/index.html'))";
    browser.wait_for(fetched);
    // It would reload now.
    browser.run("new Promise(done => setTimeout(done, 500))");
    assert!(is_marked(&mut browser), "it has not changed");
}
