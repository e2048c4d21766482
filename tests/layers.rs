//! The architecture, checked: arrows point down, pure layers stay pure, files of a layer form no
//! circle, functions stay small. Tests that open Chromium are skipped if it is missing.
//!
//! Whole files are read, their tests included, and paths are found in every way of writing them.

// Source text to tokens.
#[path = "layers/tokens.rs"]
mod tokens;
// Tokens to the paths that they name.
#[path = "layers/paths.rs"]
mod paths;
// All files, and what is wrong with them.
#[path = "layers/tree.rs"]
mod tree;
// Each kind of fault is found.
#[path = "layers/tests.rs"]
mod tests;

use std::fs;
use std::path::Path;

use tree::Tree;

/// From the top down. A module may use itself and what stands below it.
const LAYERS: [&str; 14] = [
    "main",
    "cli",
    "precompress",
    "net",
    "guide",
    "origin",
    "site",
    "observe",
    "sync",
    "http1",
    "websocket",
    "proxy_protocol",
    "semantics",
    "text",
];

/// Layers of values and decisions.
const PURE: [&str; 5] = ["http1", "websocket", "proxy_protocol", "semantics", "text"];

/// Layers whose files form no circle of imports, tests left aside: all of them.
const ACYCLIC: [&str; 14] = [
    "main",
    "cli",
    "precompress",
    "net",
    "guide",
    "origin",
    "site",
    "observe",
    "sync",
    "http1",
    "websocket",
    "proxy_protocol",
    "semantics",
    "text",
];

/// What no pure layer may use of `std`: files, sockets, threads, processes, shared state.
const IMPURE_STD: [&str; 8] = ["env", "fs", "io", "net", "os", "process", "sync", "thread"];

/// Exceptions: an address is a value.
const VALUES: [&str; 4] = [
    "std::net::IpAddr",
    "std::net::Ipv4Addr",
    "std::net::Ipv6Addr",
    "std::net::SocketAddr",
];

/// Words that read a clock or write to a terminal, however they came into scope.
const IMPURE_WORDS: [&str; 7] = [
    "Instant", "elapsed", "print", "println", "eprint", "eprintln", "dbg",
];

/// The crates that a pure layer may use, and those that its tests may use as well. `flate2` works on
/// memory, unless it is given a reader or a writer, which are of `std::io`.
const PURE_CRATES: [&str; 5] = ["base64", "fast_glob", "flate2", "httpdate", "sha1"];
const PURE_TEST_CRATES: [&str; 3] = ["encoding_rs", "mime_guess", "proptest"];

/// The longest that a function may be, from its signature to its closing brace.
const MAX_FUNCTION: usize = 60;

#[test]
fn arrows_point_down() {
    assert_none("arrows that point up", &Tree::of_the_project().upward());
}

#[test]
fn every_file_belongs_to_a_layer() {
    assert_none("no layer", &Tree::of_the_project().homeless());
    for layer in PURE.iter().chain(&ACYCLIC) {
        assert!(
            LAYERS.contains(layer),
            "{layer} is not in the list of layers"
        );
    }
}

#[test]
fn pure_layers_name_nothing_impure() {
    assert_none("impure", &Tree::of_the_project().impure());
}

#[test]
fn files_of_a_layer_form_no_circle() {
    let tree = Tree::of_the_project();
    let faults: Vec<String> = ACYCLIC
        .iter()
        .flat_map(|layer| tree.circles(layer))
        .collect();
    assert_none("circles", &faults);
}

#[test]
fn modules_are_the_files_of_their_names() {
    assert_none("code from elsewhere", &Tree::of_the_project().displaced());
}

#[test]
fn functions_are_small() {
    let mut faults = Vec::new();
    for source in Tree::of_the_project().sources {
        for (number, length) in function_lengths(&source.text) {
            if length > MAX_FUNCTION {
                faults.push(format!(
                    "{}:{number}: {length} lines",
                    source.path.display()
                ));
            }
        }
    }
    assert_none("too long", &faults);
}

/// Tests that open no browser, in files with tests that do.
const WITHOUT_BROWSER: [&str; 5] = [
    "a_crate_exchanges_messages",
    "a_crate_exchanges_messages_over_tls",
    "a_proxy_opens_the_wire_view_to_nobody",
    "modules_of_python_exchange_messages",
    "modules_of_python_exchange_messages_over_tls",
];

/// Without Chromium, a test that opens it is skipped and does not fail.
#[test]
fn tests_in_a_browser_need_chromium() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let (mut faults, mut exceptions, mut count) = (Vec::new(), Vec::new(), 0);
    for entry in fs::read_dir(folder).expect("the tests") {
        let path = entry.expect("a test").path();
        if !path.is_file() {
            continue;
        }
        let text = fs::read_to_string(&path).expect("tests are text");
        if !text.contains("\nuse support::chromium::") {
            continue;
        }
        for test in text.split("\n#[test]\n").skip(1) {
            let (_, test) = test.split_once("fn ").expect("a function");
            let (name, body) = test.split_once("() {\n").expect("a body");
            count += 1;
            if WITHOUT_BROWSER.contains(&name) {
                exceptions.push(name.to_owned());
            } else if !body.starts_with("    needs_chromium!();\n") {
                faults.push(format!("{}: {name}", path.display()));
            }
        }
    }
    assert_none("without needs_chromium!() at its start", &faults);
    exceptions.sort_unstable();
    assert_eq!(exceptions, WITHOUT_BROWSER);
    assert!(count > 100, "only {count} tests were found");
}

#[track_caller]
fn assert_none(what: &str, faults: &[String]) {
    assert!(faults.is_empty(), "{what}:\n{}", faults.join("\n"));
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
        if !is_function || trimmed.starts_with("//") || trimmed.ends_with([';', '}']) {
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
