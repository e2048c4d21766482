//! The architecture, checked: arrows point down, pure layers stay pure, functions stay small.

use std::fs;
use std::path::{Path, PathBuf};

/// From the top down. A module may use itself and what stands below it.
const LAYERS: [&str; 10] = [
    "main",
    "cli",
    "net",
    "origin",
    "site",
    "observe",
    "http1",
    "websocket",
    "semantics",
    "text",
];

/// Layers of values and decisions.
const PURE: [&str; 4] = ["http1", "websocket", "semantics", "text"];

/// What no pure layer may name: files, sockets, threads, clocks, processes.
const IMPURE: [&str; 10] = [
    "std::fs",
    "std::io",
    "std::net",
    "std::os",
    "std::thread",
    "std::process",
    "std::env",
    "Instant",
    "SystemTime::now",
    "rustix",
];

/// The longest that a function may be, from its signature to its closing brace.
const MAX_FUNCTION: usize = 60;

#[test]
fn arrows_point_down() {
    let mut faults = Vec::new();
    for (path, text) in sources() {
        let layer = layer_of(&path);
        for (number, line) in program(&text) {
            for used in uses(line) {
                if rank(used) < rank(&layer) {
                    faults.push(format!("{}:{number}: {layer} uses {used}", path.display()));
                }
            }
        }
    }
    assert!(
        faults.is_empty(),
        "arrows that point up:\n{}",
        faults.join("\n")
    );
}

#[test]
fn pure_layers_name_nothing_impure() {
    let mut faults = Vec::new();
    for (path, text) in sources() {
        if !PURE.contains(&layer_of(&path).as_str()) {
            continue;
        }
        for (number, line) in program(&text) {
            for word in IMPURE.iter().filter(|word| line.contains(*word)) {
                faults.push(format!("{}:{number}: {word}", path.display()));
            }
        }
    }
    assert!(faults.is_empty(), "impure:\n{}", faults.join("\n"));
}

#[test]
fn functions_are_small() {
    let mut faults = Vec::new();
    for (path, text) in sources() {
        for (number, length) in function_lengths(&text) {
            if length > MAX_FUNCTION {
                faults.push(format!("{}:{number}: {length} lines", path.display()));
            }
        }
    }
    assert!(faults.is_empty(), "too long:\n{}", faults.join("\n"));
}

#[test]
fn the_checks_can_fail() {
    assert_eq!(uses("    use crate::net::worker::Worker;"), ["net"]);
    assert_eq!(
        uses("let x = crate::cli::parse(crate::site::f());"),
        ["cli", "site"]
    );
    assert!(rank("net") < rank("semantics"));
    let long = format!("fn a() {{\n{}}}\n", "    b();\n".repeat(70));
    assert_eq!(function_lengths(&long), [(1, 72)]);
}

/// Every source file with its text.
fn sources() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    let mut folders = vec![root];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("src is readable") {
            let path = entry.expect("src is readable").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("sources are text");
                files.push((path, text));
            }
        }
    }
    assert!(files.len() > 20, "the sources were not found");
    files
}

/// The numbered lines of the program itself: no comments, and nothing of its unit tests.
fn program(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .take_while(|line| line.trim() != "#[cfg(test)]")
        .enumerate()
        .map(|(index, line)| (index + 1, line))
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
}

/// The first folder or file below `src`; `lib` re-exports and stands beside `main`.
fn layer_of(path: &Path) -> String {
    let mut below = path.iter().skip_while(|part| *part != "src").skip(1);
    let first = below.next().expect("below src").to_string_lossy();
    match first.trim_end_matches(".rs") {
        "lib" => "main".into(),
        layer => layer.into(),
    }
}

/// The layers that a line names.
fn uses(line: &str) -> Vec<&str> {
    ["crate::", "docroot::"]
        .iter()
        .flat_map(|prefix| line.split(prefix).skip(1))
        .map(|rest| {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
            &rest[..end.unwrap_or(rest.len())]
        })
        .filter(|name| LAYERS.contains(name))
        .collect()
}

fn rank(layer: &str) -> usize {
    let found = LAYERS.iter().position(|name| *name == layer);
    found.unwrap_or_else(|| panic!("{layer} is not in the list of layers"))
}

/// Where each function begins and how many lines it has. rustfmt puts the closing brace under the
/// first letter of the signature's line.
fn function_lengths(text: &str) -> Vec<(usize, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let trimmed = line.trim_start();
        let indent = line.len() - trimmed.len();
        let is_function = trimmed.starts_with("fn ") || trimmed.contains(" fn ");
        if !is_function || trimmed.starts_with("//") || trimmed.ends_with(';') {
            continue;
        }
        let end = lines[index..]
            .iter()
            .position(|line| line.len() == indent + 1 && line.ends_with('}'));
        if let Some(end) = end {
            found.push((index + 1, end + 1));
        }
    }
    found
}
