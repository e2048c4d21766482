//! One thing has one term in Chinese. The words that are not used stand in the last column of a table in
//! `src/guide/words.rs`.

use std::fs;
use std::path::{Path, PathBuf};

/// Where another word for a term may be named once, for those who know it by that.
const ALSO: &str = "也译作";

/// The words of the last column.
fn unused() -> Vec<String> {
    let source = fs::read_to_string(root().join("src/guide/words.rs")).expect("text");
    let rows = source
        .lines()
        .skip_while(|line| *line != "//! | English | Chinese | not |")
        .skip(2)
        .map_while(|line| line.strip_prefix("//! |"));
    let cells = rows.filter_map(|row| row.split('|').nth(2));
    let words = cells.flat_map(|cell| cell.trim().split('、'));
    let words = words.filter(|word| !word.is_empty());
    words.map(str::to_owned).collect()
}

/// The lines of a text that have one of the words.
fn faults<'a>(text: &'a str, unused: &[String]) -> Vec<&'a str> {
    let is_fault = |line: &&str| {
        unused.iter().any(|word| {
            line.match_indices(word.as_str())
                .any(|(at, _)| !line[..at].ends_with(ALSO))
        })
    };
    text.lines().filter(is_fault).collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files that a page may show.
fn pages() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join("www"), root().join("src/guide")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let extension = path.extension().and_then(|extension| extension.to_str());
            if path.is_dir() {
                folders.push(path);
            } else if matches!(extension, Some("html" | "js" | "json" | "txt")) {
                found.push(path);
            }
        }
    }
    found
}

#[test]
fn one_thing_has_one_term() {
    let unused = unused();
    let mut found = Vec::new();
    let mut in_chinese = 0;
    for path in pages() {
        let text = fs::read_to_string(&path).expect("text");
        in_chinese += usize::from(text.contains('的'));
        for line in faults(&text, &unused) {
            found.push(format!("{}: {}", path.display(), line.trim()));
        }
    }
    assert!(in_chinese > 20, "{in_chinese} files in Chinese");
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn unused_words_are_found() {
    let unused = unused();
    for word in ["往来", "索要", "词汇总览"] {
        assert!(unused.iter().any(|other| other == word), "{unused:?}");
    }
    let text = "每一次往来\n管线化，也译作流水线\n流水线，也译作流水线\n顺序";
    assert_eq!(
        faults(text, &unused),
        ["每一次往来", "流水线，也译作流水线"]
    );
}
