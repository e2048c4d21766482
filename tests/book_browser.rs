//! The textbook in Chromium: each experiment, in both languages.

mod support;

// The server of the book.
#[path = "book/server.rs"]
mod server;

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use docroot::semantics::address_rules::AddressRules;
use docroot::semantics::field::FieldName;
use serde_json::{Value, json};
use server::{root, server};
use support::chromium::{Page, needs_chromium};
use support::{Setup, TestServer};

/// A lesson, once the wire view tells it of exchanges.
fn opened(page: &mut Page, server: &TestServer, path: &str) {
    opened_at(page, &format!("http://{}", server.address), path);
}

/// The same at this origin.
fn opened_at(page: &mut Page, origin: &str, path: &str) {
    page.open(&format!("{origin}/{path}"));
    page.wait_for("document.documentElement.dataset.wire === 'connected'");
}

/// An expression about an experiment.
fn of(id: &str, rest: &str) -> String {
    format!("document.getElementById('{id}'){rest}")
}

const CONDITIONAL: &str = "lessons/07-conditional/index.en.html";

/// Does each experiment of a lesson as a learner does: makes the first guess, which may be wrong, and sends.
fn check_lesson(mut page: Page, origin: &str, path: &str) {
    opened_at(&mut page, origin, path);
    let ids = page.run("[...document.querySelectorAll('.experiment')].map(one => one.id)");
    let ids = ids.as_array().expect("a list");
    assert!(ids.len() >= 2, "{path}");
    for id in ids {
        let id = id.as_str().expect("an id");
        let is_done = of(id, ".dataset.done !== undefined");
        assert_eq!(page.run(&is_done), json!(false), "{path}#{id}");
        page.run(&of(id, ".querySelector('[type=radio]').click()"));
        page.run(&of(id, ".querySelector('.send').click()"));
        page.wait_for(&is_done);
        page.wait_for(&of(id, ".querySelector('.answer .verdict') !== null"));
        let after = of(id, ".querySelector('[data-after]').hidden");
        assert_eq!(page.run(&after), json!(false), "{path}#{id}");
        // The reasons are in the language of the page, or say that they are not.
        let foreign = of(
            id,
            ".querySelectorAll('.answer .reasons > li > span[lang]').length",
        );
        let in_english = page.run("document.documentElement.lang === 'en'") == true;
        assert!(in_english || page.run(&foreign) == 0, "{path}#{id}");
    }
    let all = ids.len();
    let count = page.run("document.querySelector('[data-count]').textContent");
    let count = count.as_str().expect("text");
    assert_eq!(
        count.matches(&all.to_string()).count(),
        2,
        "{path}: {count}"
    );
    let foreign = "performance.getEntriesByType('resource').map(one => one.name)\
                   .filter(name => new URL(name).host !== location.host)";
    assert_eq!(page.run(foreign), json!([]), "{path}");
    assert_eq!(page.complaints(), Vec::<&Value>::new(), "{path}");
}

#[test]
fn each_experiment_succeeds_in_both_languages() {
    needs_chromium!();
    let server = server();
    let lessons = fs::read_dir(root().join("lessons")).expect("the lessons");
    for lesson in lessons {
        let lesson = lesson.expect("a lesson").file_name();
        let lesson = lesson.to_str().expect("ASCII");
        for language in ["en", "zh"] {
            let path = format!("lessons/{lesson}/index.{language}.html");
            let origin = format!("http://{}", server.address);
            check_lesson(Page::new(1280, 900), &origin, &path);
        }
    }
}

/// What the page sends itself goes over TLS too: the octets of replays, and WebSockets.
#[cfg(feature = "tls")]
#[test]
fn experiments_succeed_over_tls() {
    needs_chromium!();
    let authority = support::tls::Authority::new("authority");
    let server = server::setup().https(&authority).start();
    let origin = format!("https://{}", server.address);
    for (lesson, language) in [
        ("06-message-length", "zh"),
        ("08-ranges", "en"),
        ("13-elsewhere", "en"),
        ("14-https", "zh"),
        ("15-websocket", "en"),
    ] {
        let path = format!("lessons/{lesson}/index.{language}.html");
        check_lesson(Page::trusting(1280, 900), &origin, &path);
    }
    let mut page = Page::trusting(1280, 900);
    opened_at(&mut page, &origin, "lessons/14-https/index.en.html");
    let channel =
        "[...document.querySelectorAll('#which-channel .answer pre')].at(-1)?.textContent";
    page.run(&of(
        "which-channel",
        ".querySelector('[type=radio]').click()",
    ));
    page.run(&of("which-channel", ".querySelector('.send').click()"));
    page.wait_for(&format!("{channel}?.includes('\"secure\":true')"));
    let command = of(
        "which-channel",
        ".querySelector('[data-command]').textContent",
    );
    let command = page.run(&command);
    let want = format!("curl -k -i {origin}/.docroot/lab/tls");
    assert_eq!(command, json!(want));
    let [wait, handshake, said] = measured(&mut page);
    assert!(said.contains("over TLSv1.3 with TLS_AES"), "{said}");
    let [wait, handshake] = [wait, handshake].map(|cell| milliseconds(&cell));
    assert!(
        0.0 < handshake && handshake <= wait,
        "{handshake} of {wait}"
    );
}

/// The table that a place for the browser itself shows.
fn shown_by_browser(page: &mut Page, button: usize) -> Value {
    page.run(&format!(
        "document.querySelectorAll('[data-browser] button')[{button}].click()"
    ));
    page.wait_for("document.querySelector('[data-browser] table') !== null");
    page.run("[...document.querySelectorAll('[data-browser] td')].map(cell => cell.textContent)")
}

#[test]
fn the_browser_keeps_a_cookie_and_hides_it_from_scripts() {
    needs_chromium!();
    let server = server();
    for (language, nothing) in [("en", "nothing"), ("zh", "（空）")] {
        let mut page = Page::new(1280, 900);
        let path = format!("lessons/10-state/index.{language}.html");
        opened(&mut page, &server, &path);
        let plain = shown_by_browser(&mut page, 0);
        assert_eq!(plain, json!(["lab-color=blue", "lab-color=blue"]));
        let hidden = shown_by_browser(&mut page, 1);
        assert_eq!(hidden, json!([nothing, "lab-color=blue"]));
        assert_eq!(page.complaints(), Vec::<&Value>::new());
    }
}

#[test]
fn the_browser_hides_an_answer_of_another_origin() {
    needs_chromium!();
    let server = server();
    let mut page = Page::new(1280, 900);
    opened(&mut page, &server, "lessons/13-elsewhere/index.en.html");
    let shown = shown_by_browser(&mut page, 0);
    assert_eq!(shown, json!(["200", "TypeError: Failed to fetch"]));
    let complaints = page.complaints();
    let says_why = |one: &&Value| one.to_string().contains("blocked by CORS policy");
    assert!(
        !complaints.is_empty() && complaints.iter().all(says_why),
        "{complaints:?}"
    );
}

/// The cost of a connection is measured while the reader looks.
#[test]
fn a_connection_in_plain_text_has_no_handshake() {
    needs_chromium!();
    let server = server();
    let mut page = Page::new(1280, 900);
    opened(&mut page, &server, "lessons/14-https/index.en.html");
    let [wait, handshake, said] = measured(&mut page);
    assert!(said.contains("9 connections, in plain text"), "{said}");
    assert_eq!(handshake, "none");
    assert!(milliseconds(&wait) >= 0.0, "{wait}");
    assert_eq!(page.complaints(), Vec::<&Value>::new());
}

/// Measures, and says how long a connection took until the first byte, how much of that was the handshake, and how it was measured.
fn measured(page: &mut Page) -> [String; 3] {
    page.run("document.querySelector('[data-cost] button').click()");
    page.wait_for("document.querySelector('[data-cost] table') !== null");
    let text =
        |selector: &str| format!("document.querySelector('[data-cost] {selector}').textContent");
    [
        text("[data-cost-of=wait] td"),
        text("[data-cost-of=handshake] td"),
        text(".said"),
    ]
    .map(|text| {
        let text = page.run(&text);
        text.as_str().expect("text").to_owned()
    })
}

fn milliseconds(cell: &str) -> f64 {
    let number = cell.strip_suffix(" ms").expect(cell);
    number.parse().expect("a number")
}

#[test]
fn a_wrong_guess_gets_the_reason_of_the_server() {
    needs_chromium!();
    let server = server();
    let mut page = Page::new(1280, 900);
    opened(&mut page, &server, CONDITIONAL);
    // Without a guess, nothing is sent.
    page.run(&of("not-modified", ".querySelector('.send').click()"));
    let said = of("not-modified", ".querySelector('.said').textContent");
    assert_eq!(page.run(&said), json!("Make a guess first."));
    page.run(&of(
        "not-modified",
        ".querySelector('[value=\"412\"]').click()",
    ));
    page.run(&of(
        "not-modified",
        ".querySelector('[value=ETag]').click()",
    ));
    page.run(&of("not-modified", ".querySelector('.send').click()"));
    let answer = of("not-modified", ".querySelector('.answer').innerText");
    page.wait_for(&format!("{answer}.includes('HTTP/1.1 304 Not Modified')"));
    let answer = page.run(&answer);
    let answer = answer.as_str().expect("text");
    for wanted in [
        "✗ You guessed 412. The answer was 304.",
        "If-None-Match lists the current entity-tag",
        "RFC 9110 section 13.1.2",
        "semantics::precondition::if_none_match",
        "✓ ETag is in the response.",
        "✓ Content-Length is not in the response.",
        "✗ Date is in the response.",
    ] {
        assert!(answer.contains(wanted), "{wanted} is not in {answer}");
    }
    assert_eq!(page.complaints(), Vec::<&Value>::new());
}

/// A short content is shown beside the head.
#[test]
fn the_content_of_an_answer_is_shown() {
    needs_chromium!();
    let server = server();
    let mut page = Page::new(1280, 900);
    opened(&mut page, &server, "lessons/14-https/index.en.html");
    page.run(&of(
        "which-channel",
        ".querySelector('[type=radio]').click()",
    ));
    page.run(&of("which-channel", ".querySelector('.send').click()"));
    let contents =
        "[...document.querySelectorAll('#which-channel .answer pre')].at(-1)?.textContent";
    page.wait_for(&format!("{contents} === '{{\"secure\":false}}'"));
}

#[test]
fn an_exchange_from_a_terminal_ticks_and_waits_for_the_guess() {
    needs_chromium!();
    let server = server();
    let mut page = Page::new(1280, 900);
    opened(&mut page, &server, CONDITIONAL);
    let is_done = of("not-modified", ".dataset.done !== undefined");
    let answer = of("not-modified", ".querySelector('.answer').innerText");
    let tag = server.get("/almanac.txt", &[]);
    let tag = tag.field("ETag").expect("a tag");
    assert_eq!(page.run(&is_done), json!(false));
    let copy = server.get("/almanac.txt", &[("If-None-Match", tag)]);
    assert_eq!(copy.status, 304);
    page.wait_for(&is_done);
    assert_eq!(page.run(&answer), json!(""));
    page.run(&of(
        "not-modified",
        ".querySelector('[value=\"304\"]').click()",
    ));
    page.wait_for(&format!("{answer}.includes('✓ Right: 304.')"));
    assert_eq!(page.complaints(), Vec::<&Value>::new());
}

#[test]
fn another_request_does_not_tick() {
    needs_chromium!();
    let server = server();
    let mut page = Page::new(1280, 900);
    opened(&mut page, &server, CONDITIONAL);
    page.run(&of(
        "not-modified",
        ".querySelector('[value=\"304\"]').click()",
    ));
    let request = "GET /almanac.txt HTTP/1.1\\nHost: test\\nIf-None-Match: \"other\"";
    page.run(&of(
        "not-modified",
        &format!(".querySelector('textarea').value = '{request}'"),
    ));
    page.run(&of("not-modified", ".querySelector('.send').click()"));
    let answer = of("not-modified", ".querySelector('.answer').innerText");
    page.wait_for(&format!("{answer}.includes('HTTP/1.1 200 OK')"));
    let is_done = of("not-modified", ".dataset.done !== undefined");
    assert_eq!(page.run(&is_done), json!(false));
}

#[test]
fn progress_is_kept_and_can_be_forgotten() {
    needs_chromium!();
    let server = server();
    let mut page = Page::new(1280, 900);
    opened(&mut page, &server, CONDITIONAL);
    page.run(&of("weak-tag", ".querySelector('[type=radio]').click()"));
    page.run(&of("weak-tag", ".querySelector('.send').click()"));
    let is_done = of("weak-tag", ".dataset.done !== undefined");
    page.wait_for(&is_done);
    opened(&mut page, &server, "lessons/07-conditional/index.zh.html");
    assert_eq!(page.run(&is_done), json!(true));
    let cover = format!("http://{}/index.html", server.address);
    page.open(&cover);
    let count = "document.querySelector('[data-count=\"07-conditional\"]').textContent";
    page.wait_for(&format!("{count}.startsWith('1 of ')"));
    page.run("document.querySelector('[data-reset]').click()");
    page.wait_for_page(&cover);
    page.wait_for(&format!("{count}.startsWith('0 of ')"));
}

/// What one sees and does at an experiment: makes the first guess, and sends.
fn try_out(page: &mut Page, id: &str) {
    page.run(&of(id, ".querySelector('[type=radio]').click()"));
    page.run(&of(id, ".querySelector('.send').click()"));
}

/// What a server does without `--lab` and `--negotiate` teaches nothing, so the page names the option at once. All other
/// experiments succeed with `--inspect` alone.
#[test]
fn an_experiment_says_which_option_is_missing() {
    needs_chromium!();
    let setup = server::setup().with(|config| {
        config.lab = false;
        config.site.negotiate = false;
    });
    let server = setup.start();
    let mut missing = Vec::new();
    for path in paths()
        .iter()
        .filter(|path| path.starts_with("lessons/") && path.contains(".en."))
    {
        let mut page = Page::new(1280, 900);
        opened(&mut page, &server, path);
        let needs = "[...document.querySelectorAll('.experiment')].map(one => [one.id, one.dataset.needs ?? ''])";
        let needs: Vec<(String, String)> =
            serde_json::from_value(page.run(needs)).expect("experiments");
        for (id, needs) in needs {
            try_out(&mut page, &id);
            if needs.is_empty() {
                page.wait_for(&of(&id, ".dataset.done !== undefined"));
                continue;
            }
            let said = page.run(&of(&id, ".querySelector('.said').textContent"));
            let want = format!("This needs --{needs}: start docroot with --{needs}.");
            assert_eq!(said, json!(want), "{path}#{id}");
            let terminal = of(&id, ".querySelector('[data-command]').previousSibling");
            let terminal = page.run(&format!("{terminal}.textContent"));
            let want = format!("Or in a terminal, if docroot runs with --{needs}");
            assert_eq!(terminal, json!(want), "{path}#{id}");
            missing.push(needs);
        }
        assert_eq!(page.logged(), Vec::<&Value>::new(), "{path}");
    }
    for option in ["lab", "negotiate"] {
        assert!(missing.iter().any(|one| one == option), "{option}");
    }
}

/// The other parts of the pages that send something say it too.
#[test]
fn examples_say_which_option_is_missing() {
    needs_chromium!();
    let setup = server::setup().with(|config| {
        config.lab = false;
        config.site.negotiate = false;
    });
    let server = setup.start();
    let mut page = Page::new(1280, 900);
    opened(&mut page, &server, "lessons/10-state/index.en.html");
    page.run("document.querySelector('[data-browser] button').click()");
    let said = page.run("document.querySelector('[data-browser] .said').textContent");
    assert_eq!(said, json!("This needs --lab: start docroot with --lab."));
    opened(&mut page, &server, "atlas/index.en.html");
    page.wait_for("document.documentElement.dataset.atlas === 'filled'");
    for (entry, option) in [
        ("Retry-After", "lab"),
        ("101 Switching Protocols", "lab"),
        ("Accept-Language", "negotiate"),
    ] {
        let entry = format!("document.querySelector('[data-entry=\"{entry}\"]')");
        page.run(&format!("{entry}.querySelector('.try').click()"));
        let said = page.run(&format!("{entry}.querySelector('.said').textContent"));
        let want = format!("This needs --{option}: start docroot with --{option}.");
        assert_eq!(said, json!(want));
    }
    assert_eq!(page.logged(), Vec::<&Value>::new());
}

/// A request without end: the page says so when it has waited, and still shows an answer that comes later.
#[test]
fn a_request_that_cannot_be_answered_is_explained() {
    needs_chromium!();
    let server = server();
    let mut page = Page::new(1280, 900);
    opened(&mut page, &server, "lessons/11-forms/index.en.html");
    let said = of("upload", ".querySelector('.said').textContent");
    let area = of("upload", ".querySelector('textarea')");
    for empty in ["", "\\n \\n"] {
        page.run(&format!("{area}.value = '{empty}'"));
        try_out(&mut page, "upload");
        assert_eq!(page.run(&said), json!("The request is empty."));
    }
    page.run(&of("upload", ".querySelector('.actions .plain').click()"));
    page.run(&format!(
        "{area}.value = {area}.value.replace('Content-Length: 189', 'Content-Length: 500')"
    ));
    try_out(&mut page, "upload");
    assert_eq!(page.run(&said), json!("Sending…"));
    page.wait_for(&format!("{said}.startsWith('No answer after 5 seconds.')"));
    // Octets in hexadecimal are empty if there are no digits.
    opened(&mut page, &server, "lessons/14-https/index.en.html");
    page.run(&of("hello", ".querySelector('textarea').value = 'xyz'"));
    try_out(&mut page, "hello");
    let said = of("hello", ".querySelector('.said').textContent");
    assert_eq!(page.run(&said), json!("The request is empty."));
}

/// Frames that the experiment does not look for are an answer too.
#[test]
fn other_frames_are_shown() {
    needs_chromium!();
    let server = server();
    let mut page = Page::new(1280, 900);
    opened(&mut page, &server, "lessons/15-websocket/index.en.html");
    let octets = of("goodbye", ".querySelector('#goodbye-octets')");
    // The ping without the close frame.
    page.run(&format!("{octets}.value = {octets}.value.split('\\n')[0]"));
    try_out(&mut page, "goodbye");
    page.wait_for(&of(
        "goodbye",
        ".querySelector('.said').textContent.includes('your own request')",
    ));
    let shown = page.run(&of("goodbye", ".querySelector('.answer').innerText"));
    let shown = shown.as_str().expect("text");
    assert!(shown.contains("a pong"), "{shown}");
    let is_done = of("goodbye", ".dataset.done !== undefined");
    assert_eq!(page.run(&is_done), json!(false));
}

/// An experiment of two requests shows both responses.
#[test]
fn the_response_before_the_last_one_is_shown_too() {
    needs_chromium!();
    let server = server();
    let mut page = Page::new(1280, 900);
    opened(&mut page, &server, "lessons/08-ranges/index.en.html");
    try_out(&mut page, "resume-download");
    let answer = of("resume-download", ".querySelector('.answer').innerText");
    page.wait_for(&format!("{answer}.includes('HTTP/1.1 200 OK')"));
    let answer = page.run(&answer);
    let answer = answer.as_str().expect("text");
    let earlier = answer.split_once("Before it, the response to request 1");
    let (_, earlier) = earlier.expect(answer);
    assert!(
        earlier.contains("HTTP/1.1 206 Partial Content"),
        "{earlier}"
    );
}

/// Waits until a page has found out whether there is a wire view, and has acted on it.
fn settled(page: &mut Page) {
    page.wait_for(
        "performance.getEntriesByType('resource').some(one => one.name === location.href)",
    );
    page.run("fetch('/harbour.svg', { cache: 'no-store' }).then(answer => answer.text())");
    page.run("new Promise(done => setTimeout(done))");
}

/// A page asks for nothing that is not there or not allowed: the console stays empty. Only what a learner sends may fail.
#[test]
fn pages_log_nothing_without_the_wire_view() {
    needs_chromium!();
    let without = Setup::new().with(|config| config.root = root()).start();
    let forbidden = server::setup().with(|config| {
        config.inspect_from = AddressRules::default();
        config.inspect_from.allow("192.0.2.1").expect("a block");
    });
    for server in [without, forbidden.start()] {
        for path in paths().iter().filter(|path| !path.starts_with("try")) {
            let mut page = Page::new(1280, 900);
            page.open(&format!("http://{}/{path}", server.address));
            settled(&mut page);
            assert_eq!(page.logged(), Vec::<&Value>::new(), "{path}");
        }
    }
}

/// Another server of files may serve the book.
#[test]
fn another_server_can_serve_the_book() {
    needs_chromium!();
    let mut command = Command::new("python3");
    command.args(["-u", "-m", "http.server", "--bind", "127.0.0.1", "0", "-d"]);
    command.arg(root()).stdout(Stdio::piped());
    let mut server = Ended(command.stderr(Stdio::null()).spawn().expect("python3"));
    let mut line = String::new();
    let stdout = server.0.stdout.take().expect("piped");
    BufReader::new(stdout)
        .read_line(&mut line)
        .expect("it says where");
    let port = line.split(' ').nth(5).expect("a port").to_owned();
    for path in [CONDITIONAL, "atlas/index.en.html"] {
        let mut page = Page::new(1280, 900);
        page.open(&format!("http://127.0.0.1:{port}/{path}"));
        settled(&mut page);
        assert_eq!(page.logged(), Vec::<&Value>::new(), "{path}");
    }
}

/// A program that ends with the test.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Each command can be copied from a page that cannot send itself.
#[test]
fn commands_are_complete_without_the_wire_view() {
    needs_chromium!();
    let server = Setup::new().with(|config| config.root = root()).start();
    let mut page = Page::new(1280, 900);
    let fields = server.get("/almanac.txt", &[]);
    for path in paths().iter().filter(|path| path.starts_with("lessons/")) {
        page.open(&format!("http://{}/{path}", server.address));
        settled(&mut page);
        let commands = page
            .run("[...document.querySelectorAll('[data-command]')].map(one => one.textContent)");
        let commands: Vec<String> = serde_json::from_value(commands).expect("texts");
        for command in &commands {
            let is_open = ["[etag]", "-date]", "[last-modified]", "[length]", "[host]"]
                .iter()
                .any(|bracket| command.contains(bracket));
            assert!(!is_open, "{path}: {command}");
        }
        // curl asks for no coding, and the browser for some.
        if path == CONDITIONAL {
            let tag = fields.field("ETag").expect("a tag");
            let wanted = format!("'If-None-Match: {tag}'");
            assert!(
                commands.iter().any(|one| one.contains(&wanted)),
                "{wanted}: {commands:?}"
            );
        }
    }
}

#[test]
fn a_server_without_the_wire_view_says_what_to_turn_on() {
    needs_chromium!();
    let server = Setup::new().with(|config| config.root = root()).start();
    let mut page = Page::new(1280, 900);
    page.open(&format!("http://{}/{CONDITIONAL}", server.address));
    let needs = "document.querySelector('.needs')";
    assert_eq!(page.run(&format!("{needs}.checkVisibility()")), json!(true));
    page.wait_for(&of("not-modified", ".querySelector('.send') !== null"));
    page.run(&of(
        "not-modified",
        ".querySelector('[value=\"304\"]').click()",
    ));
    page.run(&of("not-modified", ".querySelector('.send').click()"));
    let said = of("not-modified", ".querySelector('.said').textContent");
    page.wait_for(&format!("{said}.includes('--inspect')"));
    let command = of(
        "not-modified",
        ".querySelector('[data-command]').textContent",
    );
    let command = page.run(&command);
    let origin = format!("http://{}/", server.address);
    assert!(
        command.as_str().is_some_and(|text| text.contains(&origin)),
        "{command}"
    );
}

/// Chinese has no italics: what is emphasised is bold.
#[test]
fn chinese_is_not_slanted() {
    needs_chromium!();
    let server = server();
    let mut page = Page::new(1280, 900);
    for (language, style) in [("en", "italic"), ("zh", "normal")] {
        let path = format!("lessons/07-conditional/index.{language}.html");
        page.open(&format!("http://{}/{path}", server.address));
        let styles = "[...new Set([...document.querySelectorAll('main :is(em, dfn)')]\
                      .map(one => getComputedStyle(one).fontStyle))]";
        assert_eq!(page.run(styles), json!([style]), "{language}");
    }
}

#[test]
fn pages_fit_a_phone() {
    needs_chromium!();
    let server = server();
    let mut page = Page::new(360, 740);
    for path in paths() {
        page.open(&format!("http://{}/{path}", server.address));
        let width = "document.documentElement.scrollWidth";
        assert_eq!(page.run(width), json!(360), "{path}");
    }
}

/// Each page of the book, in both languages.
fn paths() -> Vec<String> {
    let lessons = fs::read_dir(root().join("lessons")).expect("the lessons");
    let mut folders: Vec<String> = lessons
        .map(|lesson| lesson.expect("a lesson").file_name())
        .map(|name| format!("lessons/{}", name.to_str().expect("ASCII")))
        .collect();
    folders.extend(["atlas", "concepts"].map(str::to_owned));
    let pages = folders
        .iter()
        .flat_map(|folder| ["en", "zh"].map(|language| format!("{folder}/index.{language}.html")));
    let covers = ["index.html", "index.zh.html", "try.html", "try.zh.html"];
    let covers = covers.map(str::to_owned);
    covers.into_iter().chain(pages).collect()
}

/// What a step explains, without its experiments, is less than this high, as the window is.
const TALLEST: f64 = 900.0;

#[test]
fn a_step_is_no_taller_than_a_screen() {
    needs_chromium!();
    let server = server();
    let mut page = Page::new(1280, 900);
    let mut faults = Vec::new();
    for path in paths().iter().filter(|path| path.contains("lesson")) {
        opened(&mut page, &server, path);
        let heights = page.run(
            "[...document.querySelectorAll('.step')].map(step => [step.id, step.offsetHeight
               - [...step.querySelectorAll('.experiment')].reduce((sum, one) => sum + one.offsetHeight, 0)])",
        );
        let heights: Vec<(String, f64)> = serde_json::from_value(heights).expect("heights");
        let tall = heights.into_iter().filter(|(_, height)| *height >= TALLEST);
        faults.extend(tall.map(|(step, height)| format!("{path}#{step}: {height}")));
    }
    assert_eq!(faults, Vec::<String>::new());
}

#[test]
fn pages_without_experiments_log_nothing() {
    needs_chromium!();
    let server = server();
    let has_wire = |path: &&String| !path.contains("lesson") && !path.starts_with("try");
    for path in paths().iter().filter(has_wire) {
        let mut page = Page::new(1280, 900);
        opened(&mut page, &server, path);
        assert_eq!(page.complaints(), Vec::<&Value>::new(), "{path}");
    }
}

/// An experiment needs no pointer: Tab leads to the guesses and to the button.
#[test]
fn an_experiment_is_done_with_the_keyboard() {
    needs_chromium!();
    let server = server();
    let mut page = Page::new(1280, 900);
    opened(&mut page, &server, CONDITIONAL);
    page.wait_for(&of("not-modified", ".querySelector('.send') !== null"));
    page.run(&of("not-modified", ".scrollIntoView()"));
    page.run("document.querySelector('.skip').focus()");
    let focus = |page: &mut Page, selector: &str| {
        for _ in 0..80 {
            page.press("Tab");
            let is_there = format!("document.activeElement.matches('#not-modified {selector}')");
            if page.run(&is_there) == true {
                return;
            }
        }
        panic!("Tab never leads to {selector}");
    };
    focus(&mut page, "[type=radio]");
    page.press(" ");
    let is_chosen = of(
        "not-modified",
        ".querySelector('[type=radio]:checked') !== null",
    );
    page.wait_for(&is_chosen);
    focus(&mut page, ".send");
    page.press("Enter");
    page.wait_for(&of("not-modified", ".dataset.done !== undefined"));
    page.wait_for(&of(
        "not-modified",
        ".querySelector('.answer .verdict') !== null",
    ));
    assert_eq!(page.complaints(), Vec::<&Value>::new());
}

/// How many entries the parts of the table of words have, and how many fields are those of RFC 2616.
const ENTRIES: [(&str, &str); 3] = [
    ("fields", include_str!("../src/guide/words/fields.json")),
    ("methods", include_str!("../src/guide/words/methods.json")),
    ("statuses", include_str!("../src/guide/words/statuses.json")),
];

/// The opcodes and the close codes, single ones and ranges.
const WEBSOCKET: &str = include_str!("../src/guide/words/websocket.json");

#[test]
fn the_atlas_has_every_word() {
    needs_chromium!();
    let server = server();
    for (language, unknown, lesson) in [
        (
            "en",
            "Nobody has registered 299. A client treats it as 200 OK.",
            "Lesson 10",
        ),
        ("zh", "299 没有注册。客户端把它当作 200 OK。", "第 10 课"),
    ] {
        let mut page = Page::new(1280, 900);
        page.open(&format!(
            "http://{}/atlas/index.{language}.html",
            server.address
        ));
        page.wait_for("document.documentElement.dataset.atlas === 'filled'");
        let websocket: Value = serde_json::from_str(WEBSOCKET).expect("an object");
        for (part, lists) in [
            ("opcodes", ["opcodes", "opcode_ranges"]),
            ("close-codes", ["close_codes", "close_code_ranges"]),
        ] {
            let rows = lists.map(|list| websocket[list].as_array().map_or(0, Vec::len));
            let shown = format!("document.querySelectorAll('[data-words={part}] li').length");
            assert_eq!(page.run(&shown), json!(rows[0] + rows[1]), "{part}");
        }
        for (part, text) in ENTRIES {
            let rows: Vec<Value> = serde_json::from_str(text).expect("an array");
            let shown = format!("document.querySelectorAll('[data-words={part}] li').length");
            assert_eq!(page.run(&shown), json!(rows.len()), "{part}");
        }
        let cookie = "document.querySelector('[data-entry=Cookie]').innerText";
        let cookie = page.run(cookie);
        let cookie = cookie.as_str().expect("text");
        assert!(
            cookie.contains("RFC 6265") && cookie.contains(lesson),
            "{cookie}"
        );
        let type_in = |id: &str, text: &str| {
            format!(
                "(field => {{ field.value = '{text}'; field.dispatchEvent(new Event('input')); }})\
                 (document.getElementById('{id}'))"
            )
        };
        page.run(&type_in("code", "299"));
        let meaning = "document.getElementById('meaning').textContent";
        assert_eq!(page.run(meaning), json!(unknown));
        let visible = "[...document.querySelectorAll('[data-entry]')]\
                       .filter(one => one.checkVisibility()).map(one => one.dataset.entry)";
        page.run("document.getElementById('only-2616').click()");
        let names = page.run(visible);
        assert_eq!(names.as_array().map(Vec::len), Some(47), "{names}");
        page.run(&type_in("filter", "9110 RETRY-after"));
        assert_eq!(page.run(visible), json!(["Retry-After"]));
        assert_eq!(page.complaints(), Vec::<&Value>::new());
    }
}

/// What `find` gives for each entry whose example is tried: the entry, the request and the response, and whether the field of the
/// entry is marked in one of them.
const TRY_ALL: &str = "(async () => {
  const results = [];
  for (const entry of document.querySelectorAll(`[data-words=PART] [data-entry]`)) {
    const button = entry.querySelector('.try');
    if (!button) continue;
    button.click();
    const isShown = () => entry.querySelectorAll('pre').length === 2 && IS_WHOLE;
    while (!isShown()) await new Promise(requestAnimationFrame);
    const [asked, answered] = [...entry.querySelectorAll('pre')].map(pre => pre.textContent);
    results.push([entry.dataset.entry, asked, answered, entry.querySelector('mark') !== null]);
  }
  return results;
})()";

/// The entries of a part of the atlas that were tried: their names, the requests, the responses, and whether a field is marked.
fn tried(page: &mut Page, part: &str, is_whole: &str) -> Vec<(String, String, String, bool)> {
    let script = TRY_ALL.replace("PART", part).replace("IS_WHOLE", is_whole);
    let results = page.run(&script);
    serde_json::from_value(results).expect("results")
}

/// Every example that the atlas can try is really sent, and the exchange has what the entry is about.
#[test]
fn the_examples_of_the_atlas_are_sent() {
    needs_chromium!();
    let server = server();
    let mut page = Page::new(1280, 900);
    opened(&mut page, &server, "atlas/index.en.html");
    page.wait_for("document.documentElement.dataset.atlas === 'filled'");
    let fields = tried(&mut page, "fields", "true");
    assert!(fields.len() > 50, "{}", fields.len());
    for (name, asked, answered, is_marked) in &fields {
        assert!(is_marked, "{name}:\n{asked}\n{answered}");
    }
    // What only an option turns on has no example, but names the option.
    let optional = "[...document.querySelectorAll('[data-words=fields] [data-entry]')]\
                    .filter(one => one.innerText.includes('only with --')).map(one => one.dataset.entry)";
    let optional = page.run(optional);
    let optional: Vec<String> = serde_json::from_value(optional).expect("names");
    let known: Vec<&String> = fields.iter().map(|(name, ..)| name).collect();
    let rows: Vec<Value> = serde_json::from_str(ENTRIES[0].1).expect("an array");
    let names = rows.iter().filter_map(|row| row["name"].as_str());
    for name in names.filter(|name| FieldName::recognise(name.as_bytes()).is_some()) {
        let name = name.to_owned();
        assert_ne!(
            optional.contains(&name),
            known.contains(&&name),
            "{name} needs either an example or an option"
        );
    }
    for (name, asked, answered, _) in tried(&mut page, "methods", "true") {
        assert!(asked.starts_with(&format!("{name} ")), "{name}: {asked}");
        assert!(answered.starts_with("HTTP/1.1 "), "{name}: {answered}");
    }
    for (name, _, answered, _) in tried(&mut page, "statuses", "true") {
        let line = format!("HTTP/1.1 {name}");
        assert!(answered.contains(&line), "{name}: {answered}");
    }
    // Nobody answers a pong.
    let frames =
        "entry.querySelectorAll('.frame').length >= (entry.dataset.entry === '10 Pong' ? 1 : 2)";
    for (part, least) in [("opcodes", 6), ("close-codes", 13)] {
        assert!(tried(&mut page, part, frames).len() >= least, "{part}");
    }
    assert_eq!(page.complaints(), Vec::<&Value>::new());
}

#[test]
fn an_atlas_without_the_wire_view_says_what_to_turn_on() {
    needs_chromium!();
    let server = Setup::new().with(|config| config.root = root()).start();
    let mut page = Page::new(1280, 900);
    page.open(&format!("http://{}/atlas/index.en.html", server.address));
    page.wait_for("document.documentElement.dataset.atlas === 'empty'");
    let shown = page.run("document.querySelector('main').innerText");
    let shown = shown.as_str().expect("text");
    assert!(
        shown.contains("docroot learn") && shown.contains("400 Bad Request"),
        "{shown}"
    );
    assert!(!shown.contains("Look for an entry"), "{shown}");
}

/// The commands in the pages do what the pages do. They are those of the terminal of a learner: curl alone.
#[test]
fn each_command_ticks_its_experiment() {
    needs_chromium!();
    let server = server();
    let lessons = fs::read_dir(root().join("lessons")).expect("the lessons");
    for lesson in lessons {
        let lesson = lesson.expect("a lesson").file_name();
        let path = format!("lessons/{}/index.en.html", lesson.to_str().expect("ASCII"));
        let mut page = Page::new(1280, 900);
        opened(&mut page, &server, &path);
        let ids = page.run("[...document.querySelectorAll('.experiment')].map(one => one.id)");
        for id in ids.as_array().expect("a list") {
            let id = id.as_str().expect("an id");
            let command = page.run(&of(id, ".querySelector('[data-command]').textContent"));
            let command = command.as_str().expect("text");
            let is_done = of(id, ".dataset.done !== undefined");
            assert_eq!(page.run(&is_done), json!(false), "{path}#{id}");
            let folder = tempfile::tempdir().expect("a folder");
            let mut shell = Command::new("sh");
            shell.args(["-c", command]).current_dir(folder.path());
            shell.stdout(Stdio::null()).stderr(Stdio::null());
            shell.status().expect("a shell");
            page.wait_for(&is_done);
        }
    }
}

/// A file of the source opens in the page, or the page says where it is.
#[test]
fn sources_open_in_the_page() {
    needs_chromium!();
    let server = server();
    let mut page = Page::new(1280, 900);
    opened(&mut page, &server, CONDITIONAL);
    page.run("document.querySelector('[data-source] + button').click()");
    page.wait_for("document.querySelector('dialog[open]') !== null");
    let shown = page.run("document.querySelector('dialog').innerText");
    let shown = shown.as_str().expect("text");
    let is_explained = shown.contains("It is in the repository.") || shown.contains("fn ");
    assert!(
        shown.starts_with("src/semantics/precondition.rs") && is_explained,
        "{shown}"
    );
    page.run("document.querySelector('dialog button').click()");
    page.wait_for("document.querySelector('dialog') === null");
    assert_eq!(page.complaints(), Vec::<&Value>::new());
}
