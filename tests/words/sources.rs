//! The field names and the status codes in the source files of the server. They are found where they stand, so
//! a new one cannot be forgotten.
//!
//! ```text
//! .push("Vary", value)          a call that adds or replaces a field
//! head::field(out, "Age", age)  a call that writes one
//! b"Server: docroot\r\n"        a line of a head
//! "Content-Disposition"         a capitalised name with a hyphen, wherever it stands
//! "ETag, Content-Length"        a list with such a name
//! ```
//!
//! In some files every token is a field name. A constant such as `const AGE: &str = "Age"` in another file is
//! not found, unless it has a hyphen.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::literals::{Literal, files, literals, program};

/// The files in which every token is a field name, also in lower case.
const ALL_NAMES: [&str; 3] = [
    "semantics/field.rs",
    "semantics/own_fields.rs",
    "observe/heads.rs",
];

/// What stands before a field name in a call.
const CALLS: [&str; 6] = [
    ".push(",
    ".replace(",
    ".field(",
    "::field(out,",
    "::number_field(out,",
    "::date_field(out,",
];

/// What looks like a field name and is none.
const OTHERS: [&str; 2] = [
    // A line of a PEM file.
    "Proc-Type",
    // The phrase of a status.
    "Multi-Status",
];

/// The field names in the files below `src`, tests left aside, each with a file that has it.
pub fn fields() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for (path, text) in files() {
        let names = names(&text, ALL_NAMES.contains(&path.as_str()));
        found.extend(names.into_iter().map(|name| (name, path.clone())));
    }
    found.retain(|name, _| !OTHERS.contains(&name.as_str()));
    found
}

/// The status codes that the server sends, with their phrases.
pub fn statuses() -> Vec<(u64, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/semantics/status.rs");
    let source = fs::read_to_string(path).expect("sources are text");
    let rows = source.lines().filter_map(|line| {
        let (name, rest) = line.trim().strip_suffix("\",")?.split_once(" = ")?;
        let (code, phrase) = rest.split_once(" => \"")?;
        // The lab sends them to show codes that are not registered.
        (!name.starts_with("Unassigned")).then(|| Some((code.parse().ok()?, phrase.to_owned())))?
    });
    rows.collect()
}

/// The field names in a source file.
fn names(source: &str, is_all_names: bool) -> Vec<String> {
    let mut found = Vec::new();
    for literal in literals(program(source)) {
        let text = literal.text.as_str();
        let line = text.split_once(": ").map(|(name, _)| name);
        if is_all_names && is_token(text) || is_call(&literal) && is_capitalised(text) {
            found.push(text.to_owned());
        } else if text.split(", ").any(is_compound) && text.split(", ").all(is_capitalised) {
            found.extend(text.split(", ").map(str::to_owned));
        } else if let Some(name) = line.filter(|name| is_wire(&literal) && is_capitalised(name)) {
            found.push(name.to_owned());
        }
    }
    found
}

/// Whether the literal may stand in a message: it is made of bytes, or ends a line.
fn is_wire(literal: &Literal) -> bool {
    literal.before.ends_with('b') || literal.text.ends_with("\\r\\n")
}

/// Whether the literal is the name in a call that adds or writes a field.
fn is_call(literal: &Literal) -> bool {
    let before: String = literal.before.chars().rev().take(80).collect();
    let before: String = before
        .chars()
        .rev()
        .filter(|c| !c.is_whitespace())
        .collect();
    let has_value = literal.after.trim_start().starts_with(',');
    has_value && CALLS.iter().any(|call| before.ends_with(call))
}

/// Whether it could be a field name of the server: `ETag`, `Content-Length`.
fn is_capitalised(text: &str) -> bool {
    is_token(text) && text.starts_with(|c: char| c.is_ascii_uppercase())
}

/// Whether it has a hyphen between capitalised words: `Content-MD5`, but neither `UTF-8` nor `VERSION-CONTROL`.
fn is_compound(text: &str) -> bool {
    let is_word = |word: &str| word.starts_with(|c: char| c.is_ascii_uppercase());
    is_token(text)
        && text.contains('-')
        && text.split('-').all(is_word)
        && text.contains(|c: char| c.is_ascii_lowercase())
}

/// Whether it has only letters, digits and hyphens, and begins with a letter.
fn is_token(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

#[test]
fn names_are_found() {
    #[track_caller]
    fn check(source: &str, want: &[&str]) {
        assert_eq!(names(source, false), want, "{source}");
    }
    check(r#"fields.push("Vary", "Origin");"#, &["Vary"]);
    check("response.field(\n    \"Allow\",\n    ALLOW,\n)", &["Allow"]);
    check(r#"head::number_field(out, "Age", age)"#, &["Age"]);
    check(r#"words.push("Vary");"#, &[]);
    check(
        r#"const NAMES: [&str; 1] = ["Set-Cookie"];"#,
        &["Set-Cookie"],
    );
    check(r#"Coding => "Accept-Encoding","#, &["Accept-Encoding"]);
    check(
        "\"ETag, \\\n   Content-Length\"",
        &["ETag", "Content-Length"],
    );
    check(r#"out.extend(b"Server: docroot\r\n")"#, &["Server"]);
    check(
        r#"format_args!("Content-Encoding: {}\r\n", coding)"#,
        &["Content-Encoding"],
    );
    check(r#"error("Note: the file is gone")"#, &[]);
    check(r#"["GET, HEAD", "UTF-8", "VERSION-CONTROL", "a-b"]"#, &[]);
    check(
        "// \"Set-Cookie\"\n'\"' \"X-Aa\" '\\'' \"X-Bb\"",
        &["X-Aa", "X-Bb"],
    );
    check("#[cfg(test)]\nmod tests {\n \"X-Aa\" }", &[]);
    assert_eq!(
        names(r#"["te", "Host", "--cache", "an error"]"#, true),
        ["te", "Host"]
    );
}
