//! The wire view shows the server's sentences in Chinese too. Each has a translation, and each translation has
//! its sentence. They are found where they stand, so a new one cannot be forgotten.
//!
//! ```text
//! Step::new(CLAUSE, "the method is allowed")      a string with several words, in a file that makes steps,
//! "weak comparison"                               or has a function `text` or `brief`
//! step.compared(sent, own, "maximum")             how two values are compared
//! => "backslash"                                  each string of the function `brief`
//! write!(f, "Range selects {count} parts")        {} in the translation: only in the files of REASONS
//! ```

use std::collections::{BTreeMap, BTreeSet};

use crate::literals::{Literal, files, literals, program};

const TRANSLATIONS: &str = include_str!("../../src/guide/assets/inspect/language/findings.zh.json");

/// The layers that explain a response.
const LAYERS: [&str; 9] = [
    "semantics/",
    "http1/",
    "websocket/",
    "proxy_protocol/",
    "site/",
    "origin/",
    "net/",
    "observe/",
    "guide/",
];

/// The files whose reasons have values inside.
const REASONS: [&str; 2] = ["origin/reason.rs", "origin/brief.rs"];

/// What a file has that explains something.
const EXPLAINS: [&str; 3] = ["Step::new(", "fn text(", "fn brief("];

/// The functions whose strings the wire view does not show: pages for clients, messages for operators, and
/// lines of the log. The last one makes the content of the lab's answers.
const ELSEWHERE: [&str; 5] = ["text_for_client", "for_client", "fmt", "expect", "content"];

/// A file whose texts are for operators.
const OF_OPERATORS: &str = "origin/auth/hash.rs";

/// What stands before a string that is no sentence for the wire view.
const CALLS: [&str; 9] = [
    "expect(",
    // A value that a step compares.
    "ok_or(",
    "clause!(",
    "reason=",
    "write!(f,",
    "write_str(",
    "format!(",
    "assert!(",
    "b",
];

/// What looks like a sentence and is none.
const OTHERS: [&str; 2] = [
    // The page of a 421.
    "this server does not answer for this host name; to allow it, start docroot with --allow-host NAME",
    // Two reasons in one.
    "{}; {}",
];

#[test]
fn each_sentence_is_translated() {
    let translations: BTreeMap<String, String> =
        serde_json::from_str(TRANSLATIONS).expect("an object of strings");
    let mut sentences = BTreeMap::new();
    for (path, source) in files() {
        if LAYERS.iter().any(|layer| path.starts_with(layer)) && path != OF_OPERATORS {
            let found = found_in(&source, &path).into_iter();
            sentences.extend(found.map(|text| (text, path.clone())));
        }
    }
    let missing: BTreeSet<_> = sentences
        .iter()
        .filter(|(text, _)| !translations.contains_key(*text))
        .collect();
    assert!(missing.is_empty(), "not translated: {missing:#?}");
    let unused: BTreeSet<_> = translations
        .keys()
        .filter(|text| !sentences.contains_key(*text))
        .collect();
    assert!(unused.is_empty(), "not in the source: {unused:#?}");
}

/// The sentences of a source file that the wire view may show.
fn found_in(source: &str, path: &str) -> Vec<String> {
    let program = program(source);
    if !EXPLAINS.iter().any(|sign| program.contains(sign)) {
        return Vec::new();
    }
    let found = literals(program);
    let shown = found
        .iter()
        .filter(|literal| is_shown(literal, path))
        .map(|literal| without_names(&literal.text.replace("\\\"", "\"")));
    shown
        .filter(|text| !OTHERS.contains(&text.as_str()))
        .collect()
}

fn is_shown(literal: &Literal<'_>, path: &str) -> bool {
    let function = function(literal.before);
    if REASONS.contains(&path) && ["brief", "whole", "path", "disk", "message"].contains(&function)
    {
        return !literal.text.is_empty();
    }
    if is_comparison(literal) {
        return true;
    }
    let is_reason = REASONS.contains(&path) && function == "fmt";
    let is_of_log = path.starts_with("observe/") && function == "brief";
    is_sentence(&literal.text)
        && !is_of_log
        && !is_of_refusal(&literal.text, path)
        && (is_reason
            || !ELSEWHERE.contains(&function)
                && !literal.text.contains('{')
                && !CALLS.iter().any(|call| ends_with(literal.before, call)))
}

/// The name of the function that the code before a string belongs to.
fn function(before: &str) -> &str {
    let name = before.rsplit("fn ").next().unwrap_or_default();
    name.split(['(', '<']).next().unwrap_or_default()
}

/// Whether the string says how two values are compared.
fn is_comparison(literal: &Literal<'_>) -> bool {
    let statement = literal.before.rsplit([';', '{']).next().unwrap_or_default();
    let is_last = literal.after.trim_start().starts_with(')');
    ends_with(literal.before, "how:") || is_last && statement.contains(".compared(")
}

/// Whether it has several words, and one of them has three letters and is no hexadecimal number.
fn is_sentence(text: &str) -> bool {
    let is_word = |word: &str| {
        word.len() >= 3
            && word.bytes().all(|byte| byte.is_ascii_alphabetic())
            && !word.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    text.trim().contains(' ') && text.split([' ', ',']).any(is_word) && !is_field_value(text)
}

/// Whether the lab or another page of the server tells it a client whose request it refuses: a whole sentence, with its
/// full stop. The sentences of the wire view have none.
fn is_of_refusal(text: &str, path: &str) -> bool {
    path.starts_with("guide/") && text.ends_with('.')
}

/// Whether it is a list of tokens, a date, credentials, a range, a policy, or a media type with its charset.
fn is_field_value(text: &str) -> bool {
    !text.split(", ").any(|part| part.contains(' '))
        || text.ends_with(" GMT")
        || ["Basic ", "bytes ", "default-src "]
            .iter()
            .any(|start| text.starts_with(start))
        || text.contains("; charset=")
}

/// Whether the code ends with `end`, white space left aside.
fn ends_with(code: &str, end: &str) -> bool {
    let mut code = code.chars().rev().filter(|c| !c.is_whitespace());
    end.chars().rev().all(|c| code.next() == Some(c))
}

/// `{count} parts` as `{} parts`.
fn without_names(text: &str) -> String {
    let mut parts = text.split('{');
    let mut made = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (_, after) = part.split_once('}').unwrap_or_default();
        made.extend(["{}", after]);
    }
    made
}

#[test]
fn sentences_are_found() {
    #[track_caller]
    fn check(source: &str, want: &[&str]) {
        let source = format!("fn text() {{ {source} }}");
        assert_eq!(found_in(&source, "http1/a.rs"), want, "{source}");
    }
    check(r#"Step::new(CLAUSE, "the \"a\" is")"#, &[r#"the "a" is"#]);
    check(r#"step.compared(a, b(c), "maximum")"#, &["maximum"]);
    check(r#"Compared { how: "pattern" }"#, &["pattern"]);
    check(r#"x.compared(a, b); f("pattern")"#, &[]);
    check(r#"a.expect("a line is there")"#, &[]);
    check("write!(\n f, \"a line is there\")", &[]);
    check(
        r#"["81 85 37fa213d", "ALPHA", "text/html; charset=utf-8"]"#,
        &[],
    );
    check(
        r#"["br, gzip, identity", "Thu, 01 Jan 1970 00:00:00 GMT", "Basic YWE="]"#,
        &[],
    );
    check(r#"tag.ok_or("no such tag")"#, &[]);
    check(r#"} fn for_client() { "a page for you""#, &[]);
    assert_eq!(
        found_in(
            r#"fn text( fn fmt() { write!(f, "{a} to {} bytes")"#,
            REASONS[0]
        ),
        ["{} to {} bytes"]
    );
    assert_eq!(
        found_in(r#"fn brief() { "" => "slash" }"#, REASONS[1]),
        ["slash"]
    );
    assert_eq!(found_in(r#""no file explains""#, "http1/a.rs"), [""; 0]);
    let both = r#"fn text() { "the file is there"; "The file is there." }"#;
    assert_eq!(found_in(both, "guide/lab/a.rs"), ["the file is there"]);
    assert_eq!(found_in(both, "http1/a.rs").len(), 2);
}
