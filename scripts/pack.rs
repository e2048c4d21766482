//! The build script: packs with gzip the files that docroot serves as its own, because they take a third of the space
//! in the program then.
//!
//! ```text
//! OUT_DIR/words/fields.json.gz     src/guide/words/fields.json, and likewise the other files of each folder
//! OUT_DIR/words.rs                 [("fields.json", include_bytes!(...)), ...]
//! OUT_DIR/sources/sources.json.gz  {"src/http1/host.rs": "the whole text", ...}; only with the feature `sources`
//! OUT_DIR/learn/index.html.gz      the files of www, for `docroot learn`; only with the feature `learn`
//! OUT_DIR/experiments.rs           ["01-before-http/pieces", ...]: the experiments of the textbook
//! OUT_DIR/titles/experiments.json.gz    [{"name":"01-before-http/pieces","title":{"en":...},...},...]
//! OUT_DIR/media_types.txt          the media types of file extensions
//! ```
//!
//! The same files give the same bytes: they are sorted, and gzip's header has neither a name nor a time.
//!
//! It also chooses how the linker stores relocations.

use std::collections::BTreeSet;
use std::env::var_os;
use std::fs;
use std::path::{Path, PathBuf};

use list::{files_below, name_below, pack};

/// What is packed: a folder, and the list that names its files.
const FOLDERS: [(&str, &str); 3] = [
    ("src/guide/words", "words"),
    ("src/guide/assets/inspect", "inspect"),
    ("src/guide/assets/lab", "lab"),
];

/// The same for the textbook.
const BOOK: (&str, &str) = ("www", "learn");

// The experiments of the textbook.
#[path = "pack/experiments.rs"]
mod experiments;
// The files of a folder, packed, and their list.
#[path = "pack/list.rs"]
mod list;
// The media types of file extensions.
#[path = "pack/media_types.rs"]
mod media_types;
// How the linker stores the relocations of the program.
#[path = "pack/relocations.rs"]
mod relocations;

fn main() {
    println!("cargo::rerun-if-changed=scripts/pack.rs");
    println!("cargo::rerun-if-changed=scripts/pack");
    relocations::pack();
    let out = PathBuf::from(var_os("OUT_DIR").expect("Cargo sets it"));
    let book = var_os("CARGO_FEATURE_LEARN").map(|_| BOOK);
    for (folder, list) in FOLDERS.into_iter().chain(book) {
        println!("cargo::rerun-if-changed={folder}");
        let files = files_below(Path::new(folder));
        let files = files.into_iter().filter(|path| !is_test(path)).map(|path| {
            let content = fs::read(&path).expect("the file can be read");
            (name_below(Path::new(folder), &path), content)
        });
        pack(&out, list, files);
    }
    media_types::write(&out);
    println!("cargo::rerun-if-changed={}", BOOK.0);
    let found = experiments::find(&Path::new(BOOK.0).join("lessons"));
    experiments::write_names(&out, &found);
    let titles = experiments::titles(&found).into_bytes();
    pack(&out, "titles", [("experiments.json".to_owned(), titles)]);
    if var_os("CARGO_FEATURE_SOURCES").is_some() {
        // Not the tests: a change of one would build everything anew.
        println!("cargo::rerun-if-changed=src");
        let sources = sources().into_bytes();
        pack(&out, "sources", [("sources.json".to_owned(), sources)]);
    }
}

/// Whether the file only tests the others.
fn is_test(path: &Path) -> bool {
    path.to_string_lossy().ends_with(".test.js")
}

/// The files of the functions that steps name, as an object in JSON. If the tests of a file stand in another one beside
/// it, that one is there too. Of the files in `tests`, it has the tests that name a function.
fn sources() -> String {
    let mut named = BTreeSet::new();
    for (path, text) in rust_files(files_below(Path::new("src"))) {
        named.extend(files_of_clauses(&path, &text));
    }
    let tests: Vec<PathBuf> = named.iter().map(|path| tests_of(path)).collect();
    named.extend(tests.into_iter().filter(|path| path.exists()));
    let of_functions = named.into_iter().map(|path| {
        let text = fs::read_to_string(&path).expect("the file of a clause exists");
        (path, text)
    });
    let members = of_functions
        .chain(tests_of_the_server())
        .map(|(path, text)| format!("{}:{}", quoted(&path.to_string_lossy()), quoted(&text)));
    format!("{{{}}}", members.collect::<Vec<_>>().join(",\n"))
}

/// The files in Rust among these, each with its text.
fn rust_files(files: Vec<PathBuf>) -> impl Iterator<Item = (PathBuf, String)> {
    let is_rust = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "rs");
    files.into_iter().filter(is_rust).map(|path| {
        let text = fs::read_to_string(&path).expect("sources are text");
        (path, text)
    })
}

/// The tests of a running server that name the functions that they test:
///
/// ```text
/// /// Tests `origin::cors::add`.
/// #[test]
/// ```
///
/// The other lines of their files are empty, so that the numbers of the lines stay. A package has no tests.
fn tests_of_the_server() -> Vec<(PathBuf, String)> {
    let Ok(entries) = fs::read_dir("tests") else {
        return Vec::new();
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.expect("the folder can be read").path();
        if path.is_file() {
            files.push(path);
        } else if !path.ends_with("fuzz") {
            // The fuzz targets are a package of their own, with what cargo builds of it.
            files.extend(files_below(&path));
        }
    }
    files.sort();
    let naming = rust_files(files).filter(|(_, text)| text.contains("\n/// Tests `"));
    naming
        .map(|(path, text)| (path, only_naming_tests(&text)))
        .collect()
}

/// The file with nothing but its tests that name functions. The comment ends with the names, and the test with a brace at the
/// margin.
fn only_naming_tests(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let mut kept = vec![""; lines.len()];
    let names = |at: &usize| lines[*at].starts_with("/// Tests `");
    for at in (0..lines.len()).filter(names) {
        let above = lines[..at].iter().rev();
        let start = at - above.take_while(|line| line.starts_with("///")).count();
        let length = lines[start..].iter().position(|line| *line == "}");
        let test = start..start + length.map_or(0, |last| last + 1);
        kept[test.clone()].copy_from_slice(&lines[test]);
    }
    kept.join("\n")
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

/// A string in JSON (RFC 8259 section 7).
pub(crate) fn quoted(text: &str) -> String {
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
