//! The strings in the source files of the server.

use std::fs;
use std::path::Path;

/// A string of a source file.
pub struct Literal<'a> {
    /// The code before it.
    pub before: &'a str,
    /// As it is written, but on one line.
    pub text: String,
    /// The code after it.
    pub after: &'a str,
}

/// The files below `src`, those of tests left aside: each with its path there and its text.
pub fn files() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("src is readable") {
            let path = entry.expect("src is readable").path();
            if path.file_stem().is_some_and(|stem| stem == "tests") {
                continue;
            } else if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("sources are text");
                let path = path.strip_prefix(&root).expect("below src");
                found.push((path.to_string_lossy().into_owned(), text));
            }
        }
    }
    found
}

/// The part of a source file before its tests.
pub fn program(source: &str) -> &str {
    let ends = ["mod tests", "pub(crate) mod tests", "pub(super) mod tests"];
    let ends = ends
        .iter()
        .filter_map(|end| source.find(&format!("#[cfg(test)]\n{end}")));
    &source[..ends.min().unwrap_or(source.len())]
}

/// The strings of a source file. Raw strings are left out.
pub fn literals(source: &str) -> Vec<Literal<'_>> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < source.len() {
        let rest = &source[at..];
        at += match rest.as_bytes() {
            [b'/', b'/', ..] => rest.find('\n').unwrap_or(rest.len()),
            [b'\'', b'"', b'\'', ..] => 3,
            [b'\'', b'\\', _, ..] => 3,
            [b'r', b'#', b'"', ..] => rest.find("\"#").map_or(rest.len(), |end| end + 2),
            [b'"', ..] => {
                let length = string_length(rest);
                let text = rest[1..length].strip_suffix('"').unwrap_or_default();
                let lines = text.split("\\\n").map(str::trim_start);
                found.push(Literal {
                    before: &source[..at],
                    text: lines.collect(),
                    after: &rest[length..],
                });
                length
            }
            _ => rest.chars().next().map_or(1, char::len_utf8),
        };
    }
    found
}

/// The length of the string that `rest` begins with, with its quotes.
fn string_length(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let mut at = 1;
    while at < bytes.len() && bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(bytes.len())
}
