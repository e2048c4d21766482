//! Pages in a browser: what the style and the script of listings and error pages do, and how a built site
//! is loaded.
#![allow(clippy::disallowed_methods, reason = "tests write files")]

mod support;

use std::fs::File;
use std::os::unix::fs::symlink;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;
use support::chromium::{Page, needs_chromium};
use support::{Setup, TestServer};

/// 2001-09-09T01:46:43Z.
const DATE: u64 = 1_000_000_003;

/// Makes the browser show the page on this medium, and with colours that the user forces or not.
fn emulate(page: &mut Page, media: &str, forced_colors: &str) {
    let features = json!([{"name": "forced-colors", "value": forced_colors}]);
    let media = json!({"media": media, "features": features});
    page.call("Emulation.setEmulatedMedia", media);
}

/// A PNG with one pixel.
const PIXEL: &[u8] =
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\0\0\0\0\x3a\x7e\x9b\x55\
    \0\0\0\nIDATx\x9cch\0\0\0\x82\0\x81\x77\xcd\x72\xb6\0\0\0\0IEND\xaeB`\x82";

const VISIBLE: &str = "[...document.querySelectorAll('tbody:not(.up) a')].filter(a => a.checkVisibility()).map(a => a.innerText).join(' ')";

fn server() -> TestServer {
    TestServer::of(&[
        ("docs/letters/inner.txt", ""),
        ("docs/Café.txt", "open"),
        ("docs/draft-2025.pdf", ""),
        ("docs/report-2026.pdf", ""),
        ("docs/zebra.txt", ""),
        ("docs/README.md", "# Read <b>me</b>"),
    ])
}

fn url(server: &TestServer, path: &str) -> String {
    format!("http://{}{path}", server.address)
}

/// Opens a page of the server.
fn open(server: &TestServer, path: &str, width: u32) -> Page {
    let mut page = Page::new(width, 800);
    page.open(&url(server, path));
    page
}

#[track_caller]
fn check_quiet(page: &Page) {
    let complaints = page.complaints();
    assert!(complaints.is_empty(), "{complaints:#?}");
}

#[track_caller]
fn check_focus(page: &mut Page, want: &str) {
    let focused = page.run("document.activeElement.id || document.activeElement.innerText");
    assert_eq!(focused, want);
}

#[test]
fn the_filter_takes_words_and_the_keyboard_moves() {
    needs_chromium!();
    let server = server();
    let mut page = open(&server, "/docs/", 1280);
    page.press("/");
    for (text, want) in [
        ("pdf", "draft-2025.pdf report-2026.pdf"),
        (" 2026", "report-2026.pdf"),
    ] {
        page.enter(text);
        page.wait_for(&format!("{VISIBLE} === '{want}'"));
    }
    assert_eq!(page.run("count.textContent"), "1 of 6 shown");
    page.press("ArrowDown");
    check_focus(&mut page, "report-2026.pdf");
    page.press("c");
    page.wait_for("said.textContent === 'Copied the address of report-2026.pdf'");
    page.press("/");
    page.press("Escape");
    assert_eq!(page.run("count.textContent"), "1 folder, 5 files, 20 B");
    for (key, want) in [
        ("j", "Parent folder"),
        ("j", "letters/"),
        ("j", "Café.txt"),
        ("k", "letters/"),
        ("/", "q"),
    ] {
        page.press(key);
        check_focus(&mut page, want);
    }
    check_quiet(&page);
    // Enter opens the first match.
    page.enter("cafe");
    page.press("Enter");
    page.wait_for_page(&url(&server, "/docs/Caf%C3%A9.txt"));
}

/// The script filters by the rule of the server.
#[test]
fn the_script_filters_as_the_server_does() {
    needs_chromium!();
    let server = server();
    let mut page = open(&server, "/docs/", 1280);
    for text in [
        "PDF draft",
        "café",
        "CAFE\u{301}",
        "e t",
        "letters/",
        "  ",
        "nothing",
    ] {
        let folded = json!(text);
        let shown = page.run(&format!("box.value = {folded}; filter(); {VISIBLE}"));
        let found = page.run(&format!(
            "fetch('?format=json&q=' + encodeURIComponent({folded})).then(found => found.json())
               .then(({{entries}}) => entries.map(one => one.name + (one.type === 'directory' ? '/' : '')).join(' '))"
        ));
        assert_eq!(shown, found, "{text}");
    }
    check_quiet(&page);
}

#[test]
fn dates_are_in_the_zone_and_the_language_of_the_browser() {
    needs_chromium!();
    let server = server();
    let file = File::options()
        .write(true)
        .open(server.root.join("docs/zebra.txt"));
    let time = UNIX_EPOCH + Duration::from_secs(DATE);
    file.expect("it opens").set_modified(time).expect("a date");
    let zebra = url(&server, "/docs/?q=zebra");
    let mut page = Page::new(1280, 800);
    let shown = "[...document.querySelectorAll('thead button, time')].map(one => one.innerText).join(' | ')";
    // Without the script, the server's dates and the zone are shown.
    page.call(
        "Emulation.setScriptExecutionDisabled",
        json!({"value": true}),
    );
    page.open(&zebra);
    let plain = page.run(shown);
    assert_eq!(plain, "Name | Size | Modified (UTC) | 2001-09-09 01:46");
    page.call(
        "Emulation.setScriptExecutionDisabled",
        json!({"value": false}),
    );
    page.call(
        "Emulation.setTimezoneOverride",
        json!({"timezoneId": "Asia/Tokyo"}),
    );
    page.call("Emulation.setLocaleOverride", json!({"locale": "de-DE"}));
    page.open(&zebra);
    let localised = page.run(shown);
    assert_eq!(localised, "Name | Size | Modified | 09.09.2001, 10:46");
    let hover = "document.querySelector('time').dispatchEvent(new PointerEvent('pointerover', {bubbles: true}));
        document.querySelector('time').title";
    let title = page.run(hover);
    let title = title.as_str().expect("a text");
    assert!(
        title.starts_with("vor ") && title.ends_with(" Jahren (2001-09-09T01:46:43Z)"),
        "{title}"
    );
    check_quiet(&page);
}

#[test]
fn headings_sort_the_list_and_keep_the_filter() {
    needs_chromium!();
    let server = server();
    let mut page = open(&server, "/docs/?q=letters", 1280);
    let (names, titles) = (
        "[...document.querySelectorAll('tbody:not(.up) a')].map(one => one.textContent).join(' ')",
        "[...document.querySelectorAll('th')].map(one => one.ariaSort).join(' ')",
    );
    let focus = |title: &str| {
        format!(
            "[...document.querySelectorAll('th button, footer button')]
               .find(one => one.textContent.startsWith('{title}')).focus()"
        )
    };
    // A text that was typed and not searched for is kept.
    page.run(&format!("box.value = 'a+ä'; {}", focus("Size")));
    page.press("Enter");
    page.wait_for_page(&url(&server, "/docs/?sort=size&order=desc&q=a%2B%C3%A4"));
    assert_eq!(page.run(titles), " descending ");
    page.run(&format!("box.value = ''; {}", focus("Size")));
    page.press("Enter");
    page.wait_for_page(&url(&server, "/docs/?sort=size&order=asc"));
    assert_eq!(page.run(titles), " ascending ");
    check_quiet(&page);
    // Without the script, too.
    page.call(
        "Emulation.setScriptExecutionDisabled",
        json!({"value": true}),
    );
    page.open(&url(&server, "/docs/?sort=size&order=asc&q=letters"));
    let all = page.run(names);
    page.run(&focus("Name"));
    page.press("Enter");
    page.wait_for_page(&url(&server, "/docs/?sort=name&order=asc&q=letters"));
    assert_eq!(page.run(titles), "ascending  ");
    assert_eq!(page.run(names), all);
    page.run(&focus("This list"));
    page.press("Enter");
    page.wait_for_page(&url(&server, "/docs/?q=letters&format=json"));
}

/// A README is shown in the encoding that the response declares, or else in the one that its bytes suggest.
#[test]
fn a_readme_is_decoded() {
    needs_chromium!();
    let utf16 = |order: fn(u16) -> [u8; 2]| -> Vec<u8> {
        let units = "\u{feff}Grüße 日本".encode_utf16();
        units.flat_map(order).collect()
    };
    // The first 32 KiB end within a character.
    let long = format!("a{}", "ü".repeat(20_000));
    let long_end = format!("{}…", "ü".repeat(16_383));
    let koi8: &[u8] = b"\xf0\xd2\xc9\xd7\xc5\xd4";
    let setup = Setup::new()
        .with(|config| {
            config
                .site
                .types
                .add("/koi8/**=text/plain; charset=koi8-r")
                .expect("a rule")
        })
        .file("utf8/README", "Grüße 日本")
        .file("marked/README", "\u{feff}Grüße 日本")
        .file("latin/README.txt", b"Gr\xfc\xdfe \x80")
        .file("le/README.md", utf16(u16::to_le_bytes))
        .file("be/README", utf16(u16::to_be_bytes))
        .file("long/README", &long)
        .file("koi8/README.txt", koi8);
    let server = setup.start();
    let mut page = Page::new(800, 800);
    for (folder, want) in [
        ("utf8", "Grüße 日本"),
        ("marked", "Grüße 日本"),
        ("latin", "Grüße €"),
        ("le", "Grüße 日本"),
        ("be", "Grüße 日本"),
        ("long", &format!("a{long_end}")),
        ("koi8", "Привет"),
    ] {
        page.open(&url(&server, &format!("/{folder}/")));
        page.wait_for("document.querySelector('#readme pre')");
        let text = page.run("document.querySelector('#readme pre').textContent");
        assert!(text == want, "{folder}: {text}");
    }
    check_quiet(&page);
}

/// 45 hours ago can be the day before yesterday, and 59 days ago the month before the last one.
#[test]
fn the_title_of_a_date_counts_whole_units() {
    needs_chromium!();
    let server = TestServer::of(&[]);
    let hour = Duration::from_secs(60 * 60);
    for (name, hours, want) in [
        ("a.txt", 45, "1 day ago ("),
        ("b.txt", 59 * 24, "1 month ago ("),
        ("c.txt", 700 * 24, "1 year ago ("),
        ("d.txt", 5, "5 hours ago ("),
    ] {
        server.write(name, "");
        let file = File::options().write(true).open(server.root.join(name));
        let time = SystemTime::now() - hour * hours;
        file.and_then(|file| file.set_modified(time))
            .expect("a time");
        let mut page = open(&server, &format!("/?q={name}"), 800);
        let title = page.run(
            "(() => { const time = document.querySelector('tbody:not(.up) time');
            time.dispatchEvent(new PointerEvent('pointerover', { bubbles: true }));
            return time.title; })()",
        );
        let title = title.as_str().expect("a title");
        assert!(title.starts_with(want), "{name}: {title}");
    }
}

#[test]
fn images_are_tiles_and_a_readme_is_text() {
    needs_chromium!();
    let server = server();
    std::fs::write(server.root.join("docs/pixel.png"), PIXEL).expect("a file");
    server.write("docs/broken.png", "no image");
    let mut page = open(&server, "/docs/", 800);
    page.wait_for("document.querySelector('#readme pre')?.textContent === '# Read <b>me</b>'");
    let is_loaded = "document.querySelectorAll('td img').length === 1
        && document.querySelector('td img').naturalWidth === 1";
    page.run("view.click()");
    page.wait_for(is_loaded);
    assert_eq!(page.run("document.querySelector('td img').loading"), "lazy");
    check_quiet(&page);
    // The browser remembers the view. A folder without images has none.
    page.open(&url(&server, "/docs/?sort=size"));
    page.wait_for(is_loaded);
    page.open(&url(&server, "/docs/letters/"));
    assert_eq!(page.run("view.checkVisibility()"), false);
    assert_eq!(page.run("document.documentElement.className"), "js");
    check_quiet(&page);
}

#[test]
fn a_long_list_is_laid_out_where_it_is_seen() {
    needs_chromium!();
    let server = server();
    for number in 0..1000 {
        server.write(&format!("many/file {number}.txt"), "");
    }
    let mut page = open(&server, "/many/", 1280);
    let visible = "[...document.querySelectorAll('tbody a')].filter(a => a.checkVisibility({contentVisibilityAuto: true})).length";
    page.wait_for(&format!("{visible} < 500"));
    // The estimate of the height is right.
    let (estimated, real) = (
        page.run("table.offsetHeight").as_f64().expect("a number"),
        page.run("1000 * document.querySelector('tbody:not(.up) tr').offsetHeight")
            .as_f64()
            .expect("a number"),
    );
    assert!((estimated / real - 1.0).abs() < 0.03, "{estimated} {real}");
    // No name is painted over the header.
    page.run("scrollTo(0, 5013)");
    page.wait_for("scrollY === 5013");
    for x in [200, 215, 300, 1000] {
        let at = page.run(&format!(
            "document.elementFromPoint({x}, 20).closest('thead')?.tagName"
        ));
        assert_eq!(at, "THEAD", "{x}");
    }
    let dates = "[...document.querySelectorAll('time')].filter(time => /^\\d{4}-/.test(time.textContent)).length";
    page.wait_for(&format!("{dates} > 0 && {dates} < 1000"));
    check_quiet(&page);
}

#[test]
fn paper_has_the_list_and_nothing_to_click() {
    needs_chromium!();
    let server = server();
    std::fs::write(server.root.join("docs/pixel.png"), PIXEL).expect("a file");
    let mut page = open(&server, "/docs/", 1280);
    let shown = "['#q', '#view', '#keys', 'footer', '.up', 'thead', 'tbody:not(.up)', '#count']
        .filter(one => document.querySelector(one).checkVisibility()).join(' ')";
    let all = "#q #view #keys footer .up thead tbody:not(.up) #count";
    assert_eq!(page.run(shown), all);
    emulate(&mut page, "print", "none");
    assert_eq!(page.run(shown), "thead tbody:not(.up) #count");
    let sticks = "getComputedStyle(document.querySelector('thead')).position";
    assert_eq!(page.run(sticks), "static");
    check_quiet(&page);
}

/// In forced colours, the browser would paint the icons, which are backgrounds, in the colour of the page.
#[test]
fn icons_have_the_colour_of_text_in_forced_colours() {
    needs_chromium!();
    let server = server();
    let mut page = open(&server, "/docs/", 1280);
    let icons = "[...new Set([...document.querySelectorAll('td a')]
        .map(one => getComputedStyle(one, '::before').backgroundColor))]";
    let colour = |page: &mut Page, name: &str| {
        page.run(&format!(
            "document.body.style.color = '{name}', getComputedStyle(document.body).color"
        ))
    };
    let coloured = page.run(icons);
    assert!(coloured.as_array().expect("a list").len() > 1, "{coloured}");
    emulate(&mut page, "", "active");
    let (paper, ink) = (colour(&mut page, "Canvas"), colour(&mut page, "CanvasText"));
    assert_ne!(paper, ink);
    assert_eq!(page.run(icons), json!([ink]));
}

#[test]
fn a_long_name_takes_three_lines_on_a_phone() {
    needs_chromium!();
    let server = server();
    let long = "x".repeat(240);
    server.write(&format!("long/{long}"), "");
    server.write("long/short", "");
    let mut page = open(&server, "/long/", 360);
    let heights = "[...document.querySelectorAll('tbody:not(.up) a')].map(a => a.offsetHeight)";
    let heights = page.run(heights);
    let height = |at: usize| heights[at].as_f64().expect("a number");
    assert_eq!(height(1), 3.0 * height(0), "{heights}");
    assert_eq!(
        page.run("document.querySelectorAll('tbody:not(.up) a')[1].title.length"),
        240
    );
    assert_eq!(page.run("document.documentElement.scrollWidth"), 360);
}

/// The icon says it to people who see, and its alternative text to those who hear the page.
#[test]
fn a_link_has_an_icon_and_a_name_of_its_own() {
    needs_chromium!();
    let server = server();
    symlink("zebra.txt", server.root.join("docs/striped.txt")).expect("a link");
    let mut page = open(&server, "/docs/?q=txt", 1280);
    let icons = "[...document.querySelectorAll('tbody:not(.up) a')]
        .map(one => getComputedStyle(one, '::before').maskPosition).join(' | ')";
    assert_eq!(page.run(icons), "-80px 0px | -176px 0px | -80px 0px");
    let tree = page.call("Accessibility.getFullAXTree", json!({}));
    let nodes = tree["nodes"].as_array().expect("nodes");
    let links = nodes.iter().filter(|node| node["role"]["value"] == "link");
    let names: Vec<_> = links
        .filter_map(|node| node["name"]["value"].as_str())
        .collect();
    let ends = names.iter().filter(|name| name.ends_with("txt"));
    let want = ["Café.txt", "symbolic link striped.txt", "zebra.txt"];
    assert!(ends.eq(&want), "{names:?}");
    check_quiet(&page);
}

#[test]
fn an_error_page_leads_to_a_folder_that_exists() {
    needs_chromium!();
    let server = server();
    let mut page = open(&server, "/docs/letters/none", 800);
    check_quiet(&page);
    page.run("document.querySelector('p:last-child a').click()");
    page.wait_for_page(&url(&server, "/docs/letters/"));
    assert_eq!(page.run("document.title"), "Index of /docs/letters/");
    page.open(&url(&server, "/docs/none/at/all/"));
    let links = "[...document.querySelectorAll('a')].map(a => a.textContent + ' ' + new URL(a.href).pathname).join('; ')";
    assert_eq!(
        page.run(links),
        "/ /; docs /docs/; Go to the nearest folder /docs/"
    );
    page.open(&url(&server, "/no/such/folder"));
    assert_eq!(page.run(links), "/ /; Go to the start page /");
}

/// The Fetch standard, section "Cross-origin isolation": threads of WebAssembly share memory.
#[test]
fn pages_can_be_isolated() {
    needs_chromium!();
    let say =
        "onmessage = ({data}) => { Atomics.store(new Int32Array(data), 0, 7); postMessage(0); }";
    let isolated = |is_on: bool| {
        let server = Setup::new()
            .file("index.html", "<!doctype html><link rel=icon href=data:,>")
            .file("say.js", say)
            .with(|config| config.rules.isolation = is_on)
            .start();
        let mut page = open(&server, "/", 800);
        check_quiet(&page);
        let is_isolated = page.run("crossOriginIsolated");
        (is_isolated, page, server)
    };
    assert_eq!(isolated(false).0, false);
    let (is_isolated, mut page, _server) = isolated(true);
    assert_eq!(is_isolated, true);
    let shared = "new Promise((done, fail) => {
        const memory = new SharedArrayBuffer(4), worker = new Worker('say.js');
        worker.onerror = fail;
        worker.onmessage = () => done(new Int32Array(memory)[0]);
        worker.postMessage(memory);
    })";
    assert_eq!(page.run(shared), 7);
}

/// The policy of `--security-headers` lets the page run, the files of the site come from the cache the next
/// time, and a link into the application works.
#[test]
fn a_built_application_is_loaded_from_the_cache() {
    needs_chromium!();
    let page = "<!doctype html><title>app</title><link rel=icon href=data:,>\
        <link rel=stylesheet href=/assets/a-1.css><script type=module src=/assets/a-1.js></script>\
        <style>p{margin:0}</style><body><p id=where></p>";
    let script = "import { say } from './b-1.js'; say();";
    let module = "export const say = () => { where.textContent = location.pathname; };";
    let server = Setup::new()
        .file("index.html", page)
        .file("assets/a-1.js", script)
        .file("assets/b-1.js", module)
        .file("assets/a-1.css", "p { color: green }")
        .with(|config| {
            config.site.spa = Some("index.html".into());
            config.rules.security = true;
            let forever = "/assets/**=public, max-age=31536000, immutable";
            config.rules.add_cache(forever).expect("a rule");
        })
        .start();
    // A response is counted once it has left, which the browser may notice first.
    let answered = |want: [u64; 5]| {
        let what = format!("{want:?} answers");
        support::until(&what, || server.counters.snapshot().answers == want);
    };
    let mut page = open(&server, "/", 800);
    page.wait_for("where.textContent === '/'");
    let colour = "getComputedStyle(where).color";
    assert_eq!(page.run(colour), "rgb(0, 128, 0)");
    answered([0, 4, 0, 0, 0]);
    // Nothing of the assets is asked for again, and the page is only asked about.
    page.open(&url(&server, "/"));
    page.wait_for("where.textContent === '/'");
    answered([0, 4, 1, 0, 0]);
    page.open(&url(&server, "/deep/link"));
    page.wait_for("where.textContent === '/deep/link'");
    answered([0, 5, 1, 0, 0]);
    check_quiet(&page);
    // A script that is missing is no page.
    let missing = "import('/assets/none.js').then(() => 'loaded', () => 'failed')";
    assert_eq!(page.run(missing), "failed");
    answered([0, 5, 1, 1, 0]);
}
