//! The build script: packs with gzip what the wire view serves as data, because it takes a quarter of the space in the
//! program then.
//!
//! ```text
//! OUT_DIR/fields.json.gz     src/guide/words/fields.json, and likewise the other files there
//! OUT_DIR/sources.json.gz    {"src/http1/host.rs": "the whole text", ...}; only with the feature `sources`
//! ```
//!
//! The same files give the same bytes: they are sorted, and gzip's header has neither a name nor a time.

use std::collections::BTreeSet;
use std::env::var_os;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

fn main() {
    println!("cargo::rerun-if-changed=scripts/pack.rs");
    println!("cargo::rerun-if-changed=src/guide/words");
    for path in files_below(Path::new("src/guide/words")) {
        let name = path.file_name().expect("a file has a name").to_owned();
        pack(
            &name.to_string_lossy(),
            &fs::read(&path).expect("the words can be read"),
        );
    }
    if var_os("CARGO_FEATURE_SOURCES").is_some() {
        println!("cargo::rerun-if-changed=src");
        pack("sources.json", sources().as_bytes());
    }
}

/// Writes `content` in gzip.
fn pack(name: &str, content: &[u8]) {
    let folder = var_os("OUT_DIR").expect("Cargo sets it");
    let path = Path::new(&folder).join(format!("{name}.gz"));
    let file = fs::File::create(&path).expect("OUT_DIR is writable");
    let mut encoder = GzEncoder::new(file, Compression::best());
    let written = encoder.write_all(content).and_then(|()| encoder.finish());
    written.expect("OUT_DIR is writable");
}

/// The files of the functions that steps name, as an object in JSON. If the tests of a file stand in another one beside
/// it, that one is there too.
fn sources() -> String {
    let mut named = BTreeSet::new();
    for path in files_below(Path::new("src")) {
        if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("sources are text");
            named.extend(files_of_clauses(&path, &text));
        }
    }
    let tests: Vec<PathBuf> = named.iter().map(|path| tests_of(path)).collect();
    named.extend(tests.into_iter().filter(|path| path.exists()));
    let members = named.iter().map(|path| {
        let text = fs::read_to_string(path).expect("the file of a clause exists");
        format!("{}:{}", quoted(&path.to_string_lossy()), quoted(&text))
    });
    format!("{{{}}}", members.collect::<Vec<_>>().join(",\n"))
}

/// The files that the clauses of a file name: `clause!("...", "function")` names the file itself, and
/// `clause!("...", "module", "function")` that of the module.
fn files_of_clauses(path: &Path, text: &str) -> Vec<PathBuf> {
    let code: String = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect();
    let mut files = Vec::new();
    for rest in code.split("clause!(").skip(1) {
        let arguments = rest.split(')').next().unwrap_or_default();
        let strings: Vec<&str> = arguments.split('"').skip(1).step_by(2).collect();
        match strings[..] {
            [_, _] => files.push(path.to_owned()),
            [_, module, _] => files.push(file_of_module(module)),
            _ => {}
        }
    }
    files
}

fn file_of_module(module: &str) -> PathBuf {
    let path = Path::new("src").join(module.replace("::", "/"));
    let file = path.with_extension("rs");
    if file.exists() {
        file
    } else {
        path.join("mod.rs")
    }
}

fn tests_of(path: &Path) -> PathBuf {
    match path.file_name() {
        Some(name) if name == "mod.rs" => path.with_file_name("tests.rs"),
        _ => path.with_extension("").join("tests.rs"),
    }
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("the folder can be read").path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// A string in JSON (RFC 8259 section 7).
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for char in text.chars() {
        match char {
            '"' | '\\' => quoted.extend(['\\', char]),
            '\n' => quoted.push_str("\\n"),
            '\0'..'\u{20}' | '\u{7f}' => quoted.push_str(&format!("\\u{:04x}", u32::from(char))),
            _ => quoted.push(char),
        }
    }
    quoted + "\""
}
