//! The textbook in `www`: both languages say the same, links lead somewhere, and what it quotes is true.

mod support;

// A small reader of HTML.
#[path = "book/html.rs"]
mod html;
// The files of the book.
#[path = "book/pages.rs"]
mod pages;
// The server of the book.
#[path = "book/server.rs"]
mod server;
// A proxy that knows CONNECT.
#[path = "book/tinyproxy.rs"]
mod tinyproxy;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use html::Element;
use pages::{Page, lessons, pages};
use server::{root, server};
use support::Client;
use tinyproxy::Tinyproxy;

/// The most that a lesson may weigh, with its style sheet, its scripts and its icon.
const MOST_BYTES: u64 = 150_000;

#[track_caller]
fn assert_none(faults: &[String]) {
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn pages_are_valid() {
    let faults: Vec<String> = pages()
        .iter()
        .flat_map(|page| {
            let faults = html::faults(&page.elements);
            faults
                .into_iter()
                .map(|fault| format!("{}: {fault}", page.name))
        })
        .collect();
    assert_none(&faults);
}

#[test]
fn the_page_of_the_class_is_valid() {
    for language in ["en", "zh"] {
        let name = format!("src/guide/assets/class/class.{language}.html");
        let text = fs::read_to_string(root().with_file_name(&name)).expect("the page");
        let elements = html::read(&text).unwrap_or_else(|fault| panic!("{name}: {fault}"));
        assert_eq!(html::faults(&elements), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn the_reader_of_html_finds_faults() {
    for text in [
        "<p>no doctype</p>",
        "<!doctype html>\n<p>not closed",
        "<!doctype html>\n<p><b></p></b>",
        "<!doctype html>\n<p a=1></p>",
        "<!doctype html>\n<p a=\"1\" a=\"2\"></p>",
        "<!doctype html>\n<p>&nonsense;</p>",
        "<!doctype html>\n<p><ul></ul></p>",
        "<!doctype html>\n<p/>",
        "<!doctype html>\n<a href=\"a\"><b><a href=\"b\"></a></b></a>",
    ] {
        assert!(html::read(text).is_err(), "{text}");
    }
    let text = "<!doctype html>\n<html><main><h2 id=\"a\"></h2><i id=\"a\"></i><img></main></html>";
    let faults = html::faults(&html::read(text).expect("it can be read"));
    for wanted in [
        "0 times <title>",
        "0 times <h1>",
        "no language",
        "two elements have the id a",
        "a picture has no alternative text",
        "<h2> follows <h0>",
    ] {
        assert!(faults.contains(&wanted.to_owned()), "{wanted}: {faults:?}");
    }
}

/// What must be the same in both languages: structure, anchors, criteria, requests, commands, transcripts, places in
/// RFCs. The language of a link may differ.
fn skeleton(page: &Page) -> Vec<String> {
    let is_same = |element: &&Element| !matches!(element.name.as_str(), "b" | "em" | "i" | "dfn");
    let elements = page.elements.iter().filter(is_same);
    let structure = elements.filter(|element| {
        let is_structure = [
            "section", "h1", "h2", "h3", "figure", "svg", "pre", "table", "a",
        ];
        is_structure.contains(&element.name.as_str())
    });
    structure.map(|element| line(page, element)).collect()
}

fn line(page: &Page, element: &Element) -> String {
    let mut line = element.name.clone();
    for (name, value) in &element.attributes {
        let is_translated = ["hreflang", "lang", "title"].contains(&name.as_str());
        if !is_translated {
            line += &format!(" {name}={}", page.without_language(value));
        }
    }
    let quoted = ["data-send", "data-then", "data-command", "data-from"];
    if quoted
        .iter()
        .any(|name| element.attributes.contains_key(*name))
    {
        line += &element.text;
    }
    line
}

#[test]
fn both_languages_are_in_step() {
    let mut skeletons = BTreeMap::<String, Vec<Vec<String>>>::new();
    for page in pages() {
        let skeletons = skeletons.entry(page.pair.clone()).or_default();
        skeletons.push(skeleton(&page));
    }
    assert!(skeletons.len() > lessons().len());
    for (pair, skeletons) in skeletons {
        let [one, other] = &skeletons[..] else {
            panic!("{pair} does not have two languages");
        };
        for (one, other) in one.iter().zip(other) {
            assert_eq!(one, other, "{pair}");
        }
        assert_eq!(one.len(), other.len(), "{pair}");
    }
}

#[test]
fn chinese_pages_are_in_chinese() {
    for page in pages() {
        let body = page.elements.iter().find(|element| element.name == "main");
        let text = &body.expect("a page has a main part").text;
        let count = text
            .chars()
            .filter(|char| ('\u{4e00}'..='\u{9fff}').contains(char))
            .count();
        let html = &page.elements[0];
        match html.attribute("lang") {
            Some("zh-Hans") => assert!(count > 200, "{}: {count}", page.name),
            Some("en") => assert_eq!(count, 0, "{}", page.name),
            other => panic!("{}: {other:?}", page.name),
        }
    }
}

#[test]
fn links_lead_somewhere() {
    let (mut faults, all) = (Vec::new(), pages());
    for page in &all {
        for element in &page.elements {
            for name in ["href", "src"] {
                if let Some(link) = element.attribute(name)
                    && let Err(fault) = page.check_link(&all, &element.name, link)
                {
                    faults.push(format!("{}: {link}: {fault}", page.name));
                }
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn a_broken_link_is_found() {
    let all = pages();
    let page = &all[0];
    for (element, link) in [
        ("a", "nothing.html"),
        ("a", "#nothing"),
        ("a", "https://elsewhere.example/"),
        ("img", "https://www.rfc-editor.org/rfc/rfc9110.html"),
    ] {
        assert!(page.check_link(&all, element, link).is_err(), "{link}");
    }
}

#[test]
fn the_cover_lists_each_lesson_with_its_experiments() {
    let all = pages();
    for cover in all.iter().filter(|page| page.pair == "index.html") {
        let listed: BTreeMap<&str, &str> = cover
            .elements
            .iter()
            .filter_map(|element| {
                Some((
                    element.attribute("data-count")?,
                    element.attribute("data-of")?,
                ))
            })
            .collect();
        let lessons = lessons();
        let counts: Vec<String> = lessons
            .iter()
            .map(|lesson| {
                let page = all.iter().find(|page| page.lesson == *lesson);
                page.expect("it has a page")
                    .experiments()
                    .count()
                    .to_string()
            })
            .collect();
        let want = lessons.iter().zip(&counts);
        let want = want.map(|(lesson, count)| (lesson.as_str(), count.as_str()));
        assert_eq!(listed, want.collect(), "{}", cover.name);
    }
}

/// Each concept has a row with its own number. The row names a file, and in it a test that is named after the row.
#[test]
fn the_list_of_concepts_is_true() {
    for page in pages()
        .iter()
        .filter(|page| page.name.starts_with("concepts/"))
    {
        let mut want = 1..=37;
        for (at, element) in page.elements.iter().enumerate() {
            let Some(row) = element.attribute("data-row") else {
                continue;
            };
            let number = want.next().map(|row| row.to_string());
            assert_eq!(Some(row), number.as_deref(), "{}", page.name);
            let inside = page.elements.iter();
            let inside: Vec<_> = inside.filter(|one| one.within.contains(&at)).collect();
            assert_eq!(inside[0].text, row, "{}", page.name);
            check_concept(&format!("{} row {row}", page.name), row, &inside);
        }
        assert_eq!(want.next(), None, "{}", page.name);
    }
}

/// What a row of the list of concepts names exists, and its test is one of this concept.
#[track_caller]
fn check_concept(place: &str, row: &str, inside: &[&Element]) {
    let (mut file, mut tests) = (String::new(), 0);
    for element in inside {
        if let Some(path) = element.attribute("data-proof") {
            assert_eq!(element.text, path, "{place}");
            file = fs::read_to_string(root().with_file_name(path)).expect(path);
        }
        if let Some(function) = element.attribute("data-function") {
            assert_eq!(element.text, function, "{place}");
            assert!(function.starts_with(&format!("concept_{row}_")), "{place}");
            let declared = format!("#[test]\nfn {function}()");
            assert!(file.contains(&declared), "{place}: {function}");
            tests += 1;
        }
    }
    assert!(tests > 0, "{place} has no test");
}

/// What each lesson has beside its text.
#[test]
fn there_are_fifteen_lessons_with_all_their_parts() {
    let numbers: Vec<String> = lessons().iter().map(|name| name[..2].to_owned()).collect();
    let want: Vec<String> = (1..=15).map(|number| format!("{number:02}")).collect();
    assert_eq!(numbers, want);
    for page in pages().iter().filter(|page| !page.lesson.is_empty()) {
        let count = |is_wanted: &dyn Fn(&Element) -> bool| {
            let elements = page.elements.iter();
            elements.filter(|element| is_wanted(element)).count()
        };
        let name = &page.name;
        assert!(count(&|one| one.name == "svg") > 0, "{name}: pictures");
        assert_eq!(
            count(&|one| one.attribute("id") == Some("summary")),
            1,
            "{name}"
        );
        let links = count(&|one| {
            let link = one.attribute("href").unwrap_or_default();
            link.starts_with("https://www.rfc-editor.org/rfc/rfc")
        });
        assert!(links >= 2, "{name}: {links} links to RFCs");
        let sources = count(&|one| one.attribute("data-source").is_some());
        assert!(sources >= 2, "{name}: {sources} files");
        let experiments = page.experiments().count();
        assert!((2..=5).contains(&experiments), "{name}: {experiments}");
    }
}

#[test]
fn experiments_are_complete() {
    for page in pages().iter().filter(|page| !page.lesson.is_empty()) {
        let kinds: BTreeSet<&str> = page
            .experiments()
            .filter_map(|(_, element)| element.attribute("data-kind"))
            .collect();
        assert_eq!(
            kinds,
            ["guided", "strange", "useful"].into(),
            "{}",
            page.name
        );
        for (number, experiment) in page.experiments() {
            let name = format!("{} {:?}", page.name, experiment.attribute("id"));
            let guesses = experiment.attribute("data-guess").unwrap_or_default();
            let answer = match experiment.attribute("data-frame") {
                Some(frame) => frame.split(' ').nth(1).unwrap_or_default(),
                None => experiment.attribute("data-status").unwrap_or_default(),
            };
            assert!(
                guesses.split(' ').any(|guess| guess == answer) && guesses.contains(' '),
                "{name}: {answer:?} is not in {guesses:?}"
            );
            let inside = |attribute: &str| {
                let elements = page.elements.iter();
                elements
                    .filter(|element| element.within.contains(&number))
                    .filter(|element| element.attributes.contains_key(attribute))
                    .count()
            };
            // What needs the lab says so. The tests in a browser show which experiments need more.
            let mut texts = page.elements.iter().filter(|element| {
                let is_request = ["data-send", "data-command"]
                    .iter()
                    .any(|name| element.attributes.contains_key(*name));
                is_request && element.within.contains(&number)
            });
            let is_of_lab = texts.any(|element| element.text.contains("/.docroot/lab/"));
            let needs = experiment.attribute("data-needs");
            assert_eq!(needs == Some("lab"), is_of_lab, "{name}: {needs:?}");
            assert_eq!(inside("data-command"), 1, "{name}");
            assert_eq!(inside("data-after"), 1, "{name}");
            let sent = inside("data-send")
                + usize::from(experiment.attributes.contains_key("data-fetch"))
                + usize::from(experiment.attributes.contains_key("data-socket"));
            assert_eq!(sent, 1, "{name}");
        }
    }
}

#[test]
fn a_lesson_is_light() {
    let shared: u64 = fs::read_dir(root().join("book"))
        .expect("the folder of the scripts")
        .map(|entry| entry.and_then(|entry| entry.metadata()).expect("a file"))
        .map(|metadata| metadata.len())
        .sum();
    let icon = fs::metadata(root().join("harbour.svg"))
        .expect("an icon")
        .len();
    let sentences = root().with_file_name("src/guide/assets/inspect/language/findings.zh.json");
    let sentences = fs::metadata(sentences).expect("the sentences").len();
    for page in pages() {
        // A Chinese page has the sentences of the server translated.
        let more = sentences * u64::from(page.name.contains(".zh."));
        let size = page.text.len() as u64 + shared + icon + more;
        assert!(size <= MOST_BYTES, "{}: {size}", page.name);
    }
}

#[test]
fn scripts_and_styles_load_nothing_from_elsewhere() {
    for entry in fs::read_dir(root().join("book")).expect("the folder of the scripts") {
        let path = entry.expect("a file").path();
        let text = fs::read_to_string(&path).expect("text");
        for address in ["https://", "http://", "url(", "@import", "//cdn"] {
            let allowed = [
                "https://www.rfc-editor.org/rfc/rfc",
                "http://127.0.0.1:8080",
            ];
            let others = text.match_indices(address).filter(|(at, _)| {
                !allowed
                    .iter()
                    .any(|allowed| text[*at..].starts_with(allowed))
            });
            assert_eq!(others.count(), 0, "{address} in {}", path.display());
        }
    }
}

/// Names that a lesson writes otherwise to show that their case does not count, and the option of `Connection`.
const ODD: [&str; 3] = ["hOsT", "user-agent", "keep-alive"];

/// The names of fields in the pages are spelled as in the server's table of words.
#[test]
fn fields_are_spelled_as_in_the_table() {
    let table = concat!(env!("CARGO_MANIFEST_DIR"), "/src/guide/words/fields.json");
    let table: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(table).expect("the table")).expect("JSON");
    let rows = table.as_array().expect("rows");
    let names: BTreeMap<String, &str> = rows
        .iter()
        .filter_map(|row| row["name"].as_str())
        .map(|name| (name.to_ascii_lowercase(), name))
        .collect();
    let (mut faults, mut found) = (Vec::new(), BTreeSet::new());
    for page in pages() {
        for (used, is_certain) in page.field_names() {
            if ODD.contains(&used.as_str()) {
                continue;
            }
            match names.get(&used.to_ascii_lowercase()) {
                Some(name) if *name == used => _ = found.insert(used),
                Some(name) => faults.push(format!("{}: {used} for {name}", page.name)),
                None if is_certain => {
                    faults.push(format!("{}: {used} is not in the table", page.name));
                }
                None => {}
            }
        }
    }
    assert_none(&faults);
    assert!(found.len() > 20, "{found:?}");
}

#[test]
fn sources_that_a_lesson_names_exist() {
    for page in pages() {
        for element in &page.elements {
            if let Some(path) = element.attribute("data-source") {
                let file = root().with_file_name(path);
                assert!(file.is_file(), "{}: {path}", page.name);
            }
        }
    }
}

/// `…` stands for any lines, and a value in brackets for any value.
fn is_as_quoted(quoted: &[&str], got: &[&str]) -> bool {
    match quoted.split_first() {
        None => got.is_empty(),
        Some((&"…", rest)) => (0..=got.len()).any(|skipped| is_as_quoted(rest, &got[skipped..])),
        Some((line, rest)) => got
            .split_first()
            .is_some_and(|(first, got)| is_line(line, first) && is_as_quoted(rest, got)),
    }
}

fn is_line(quoted: &str, got: &str) -> bool {
    match quoted.split_once('[') {
        Some((before, _)) => {
            quoted.ends_with(']') && got.len() > before.len() && got.starts_with(before)
        }
        None => quoted == got,
    }
}

#[test]
fn quotations_are_compared_line_by_line() {
    let got = ["HTTP/1.1 200 OK", "A: 1", "B: 2"];
    let holds = |quoted: &[&str]| is_as_quoted(quoted, &got);
    assert!(holds(&["HTTP/1.1 200 OK", "A: 1", "B: 2"]));
    assert!(holds(&["HTTP/1.1 200 OK", "…", "B: [b]"]));
    assert!(holds(&["HTTP/1.1 200 OK", "…", "A: 1", "…"]));
    assert!(!holds(&["HTTP/1.1 200 OK", "A: 1"]));
    assert!(!holds(&["HTTP/1.1 200 OK", "…", "B: 2", "A: 1"]));
    assert!(!holds(&["HTTP/1.1 200 OK", "…", "C: [c]"]));
}

#[test]
fn quoted_exchanges_are_what_the_server_does() {
    let server = server();
    let mut count = 0;
    for page in pages() {
        for (request, quoted) in page.transcripts("") {
            check_quoted(&page.name, &mut server.connect(), request, quoted);
            count += 1;
        }
    }
    assert!(count >= 8, "{count}");
}

/// Sends a request, and compares the head of the response with the quoted one.
#[track_caller]
fn check_quoted(page: &str, client: &mut Client, request: &str, quoted: &str) {
    client.send(format!("{}\r\n\r\n", request.trim_end().replace('\n', "\r\n")).as_bytes());
    // It may be a proxy that answers, in HTTP/1.0.
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.extend(client.take(1));
    }
    let head = String::from_utf8(head).expect("text");
    let got: Vec<&str> = head.trim_end().split("\r\n").collect();
    let quoted: Vec<&str> = quoted.trim_end().split('\n').collect();
    assert!(
        is_as_quoted(&quoted, &got),
        "{page}: {request}\nquoted {quoted:#?}\ngot {got:#?}"
    );
}

/// What a page quotes of a tunnel goes through one connection to a real proxy.
#[test]
fn quoted_tunnels_lead_to_the_server() {
    let server = server();
    let Some(proxy) = Tinyproxy::start() else {
        return;
    };
    let address = server.address.to_string();
    let mut count = 0;
    for page in pages() {
        let quoted = page.transcripts("tinyproxy");
        if quoted.is_empty() {
            continue;
        }
        let mut client = Client::of(proxy.connect());
        for (request, response) in quoted {
            let request = request.replace("127.0.0.1:8080", &address);
            check_quoted(&page.name, &mut client, &request, response);
            count += 1;
        }
    }
    assert_eq!(count, 4, "CONNECT and the handshake, in two languages");
}

/// The server chooses the language of a lesson, and of the book.
#[test]
fn the_language_is_negotiated() {
    let server = server();
    let folders = lessons()
        .into_iter()
        .map(|lesson| format!("/lessons/{lesson}/"));
    for folder in folders.chain(["/", "/atlas/", "/concepts/"].map(str::to_owned)) {
        for (accepted, want) in [("zh-CN, en;q=0.5", "zh-Hans"), ("en", "en"), ("fr", "en")] {
            let page = server.get(&folder, &[("Accept-Language", accepted)]);
            assert_eq!(page.status, 200, "{folder}");
            let text = String::from_utf8(page.body).expect("text");
            let html = format!("<html lang=\"{want}\"");
            assert!(text.contains(&html), "{folder} for {accepted}");
        }
    }
}

/// A part of the table of words.
fn table(name: &str) -> Vec<serde_json::Value> {
    let path = format!("{}/src/guide/words/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let table = fs::read_to_string(path).expect("the table");
    serde_json::from_str(&table).expect("an array in JSON")
}

/// What a step of a lesson says: its text, and the fields and statuses of its experiments.
fn step_text(page: &Page, step: &str) -> Option<String> {
    let mut elements = page.elements.iter();
    let number = elements.position(|element| element.attribute("id") == Some(step))?;
    // Cells of a table stand without a space between them, so each element counts by itself.
    let mut text = String::new();
    for element in &page.elements {
        if element.within.contains(&number) {
            let asked = ["data-fields", "data-status"].map(|name| element.attribute(name));
            let [fields, status] = asked.map(Option::unwrap_or_default);
            text += &format!("{} {fields} {status} ", element.text);
        }
    }
    Some(text)
}

/// The atlas sends readers to steps that use the word.
#[test]
fn the_places_of_the_atlas_are_true() {
    let text = fs::read_to_string(root().join("book/atlas-places.js")).expect("the places");
    let (pages, mut known, mut count) = (pages(), BTreeSet::new(), 0);
    for line in text.lines() {
        if let Some(name) = line.strip_suffix(" = {") {
            let name = name.trim_start_matches("export const ").to_lowercase();
            let rows = table(&name).into_iter();
            known = rows
                .map(|row| match &row["code"] {
                    serde_json::Value::Null => row["name"].as_str().expect("a name").to_owned(),
                    code => code.to_string(),
                })
                .collect();
        }
        let quoted: Vec<&str> = line.split('\'').collect();
        let (place, words) = match quoted[..] {
            [_, place, ": ", words, _] => (place, words),
            [_, place, ";"] => (place, ""),
            _ => continue,
        };
        let (lesson, step) = place.split_once('#').expect("a lesson and a step");
        for page in pages.iter().filter(|page| page.lesson == lesson) {
            let text = step_text(page, step).unwrap_or_else(|| panic!("{place} is missing"));
            let is_part = |char: char| char.is_ascii_alphanumeric() || char == '-';
            let used: BTreeSet<&str> = text.split(|char| !is_part(char)).collect();
            for word in words.split_terminator(' ') {
                assert!(known.contains(word), "{word} is not in the table");
                assert!(used.contains(word), "{}: {place} has no {word}", page.name);
                count += 1;
            }
        }
        assert!(lessons().iter().any(|name| name == lesson), "{place}");
    }
    assert!(count > 150, "{count}");
}

/// Words of the course that a reader looks for in these steps.
#[test]
fn steps_name_the_words_of_the_course() {
    for (lesson, step, words) in [
        (
            "07-conditional",
            "cache-control",
            &["no-transform", "proxy-revalidate", "stale-while-revalidate"][..],
        ),
        ("09-negotiation", "coding", &["x-gzip"]),
        ("13-elsewhere", "policies", &["Permissions-Policy"]),
    ] {
        for page in pages().iter().filter(|page| page.lesson == lesson) {
            let text = step_text(page, step).expect(step);
            for word in words {
                assert!(text.contains(word), "{}: #{step} has no {word}", page.name);
            }
        }
    }
}

/// Options that a page names are those of the command.
#[test]
fn options_exist() {
    let help = support::program::command().arg("--help").output();
    let help = String::from_utf8(help.expect("it runs").stdout).expect("text");
    let mut count = 0;
    for page in pages() {
        let code = page
            .elements
            .iter()
            .filter(|element| element.name == "code");
        let words = code.flat_map(|element| element.text.split(' '));
        for option in words.filter(|word| word.starts_with("--")) {
            let is_known = help
                .split(|char: char| !char.is_ascii_alphanumeric() && char != '-')
                .any(|word| word == option);
            assert!(is_known, "{}: {option}", page.name);
            count += 1;
        }
    }
    let atlas = fs::read_to_string(root().join("book/atlas-tries.js")).expect("the examples");
    for option in atlas.split('\'').filter(|word| word.starts_with("--")) {
        assert!(help.contains(option), "{option}");
        count += 1;
    }
    assert!(count > 20, "{count}");
}
