//! What the steps of a decision refer to exists: each function that a clause names stands in the
//! file of the clause or in the module that the clause names, and the first lines of the file of the
//! clause name its section.

#[cfg(feature = "sources")]
mod support;

use std::fs;
use std::path::{Path, PathBuf};

/// `clause!("RFC 9110 section 13.1.2", "if_none_match")`, as it stands in a source file. A module may
/// stand before the function.
struct Clause {
    rfc: String,
    section: String,
    module: Option<String>,
    function: String,
}

#[test]
fn every_clause_names_a_function_and_a_section_of_its_file() {
    let mut faults = Vec::new();
    let mut count = 0;
    for path in sources() {
        let text = fs::read_to_string(&path).expect("sources are text");
        for clause in clauses(&text) {
            count += 1;
            let other = clause.module.as_deref().map(text_of_module);
            let fault = fault(&text, other.as_deref().unwrap_or(&text), &clause);
            faults.extend(fault.map(|fault| format!("{}: {fault}", path.display())));
        }
    }
    assert!(count >= 20, "only {count} clauses were found");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The wire view shows the function of each step, so it needs the file of each clause.
#[cfg(feature = "sources")]
#[test]
fn the_function_of_every_clause_is_in_the_sources_that_docroot_carries() {
    let setup = support::Setup::new().with(|config| config.inspect = true);
    let server = setup.start();
    let carried = server.get("/.docroot/sources.json", &[]).text();
    let carried: serde_json::Value = serde_json::from_str(&carried).expect("JSON");
    let mut count = 0;
    for path in sources() {
        let below = path.strip_prefix(env!("CARGO_MANIFEST_DIR"));
        let below = below.expect("a source of this crate").display();
        for clause in clauses(&fs::read_to_string(&path).expect("sources are text")) {
            let module = clause.module.as_deref();
            let module = module.map(|module| {
                let path = format!("src/{}", module.replace("::", "/"));
                let file = format!("{path}.rs");
                match carried[&file].is_null() {
                    false => file,
                    true => format!("{path}/mod.rs"),
                }
            });
            let file = module.unwrap_or_else(|| below.to_string());
            let text = carried[&file].as_str().unwrap_or_default();
            let function = format!("fn {}", clause.function);
            assert!(text.contains(&function), "{file}: {function}");
            count += 1;
        }
    }
    assert!(count >= 150, "only {count} clauses were found");
}

#[test]
fn the_check_can_fail() {
    let file = |head: &str, clause: &str| {
        format!("//! {head}\nfn act() {{}}\nconst A: Clause = {clause};\n")
    };
    let check = |text: &str| {
        clauses(text).iter().find_map(|clause| {
            let other = "fn elsewhere(a: u8) {}";
            let functions = if clause.module.is_some() { other } else { text };
            fault(text, functions, clause)
        })
    };
    let clause = r#"clause!("RFC 9110 section 13.1.2", "act")"#;
    assert_eq!(check(&file("RFC 9110 section 13.1.2", clause)), None);
    assert_eq!(check(&file("RFC 9110 sections 12 and 13", clause)), None);
    assert!(check(&file("RFC 9112 section 13.1.2", clause)).is_some());
    assert!(check(&file("RFC 9110 section 13.1.1", clause)).is_some());
    assert!(check(&file("RFC 9110 section 1", clause)).is_some());
    let other = clause.replace("act", "other");
    assert!(check(&file("RFC 9110 section 13.1.2", &other)).is_some());
    let head = "RFC 9110 section 13.1.2";
    let elsewhere = clause.replace("\"act\"", "\"net::elsewhere\", \"elsewhere\"");
    assert_eq!(check(&file(head, &elsewhere)), None);
    let absent = elsewhere.replace("\"elsewhere\"", "\"act\"");
    assert!(check(&file(head, &absent)).is_some());
}

/// What is wrong with a clause in the file `text`. `functions` is the file of its function.
fn fault(text: &str, functions: &str, clause: &Clause) -> Option<String> {
    let function = format!("fn {}", clause.function);
    let is_there = functions.match_indices(&function).any(|(at, _)| {
        let behind = functions[at + function.len()..].chars().next();
        matches!(behind, Some('(' | '<'))
    });
    if !is_there {
        return Some(format!("there is no {function}"));
    }
    let head: String = text
        .lines()
        .take_while(|line| line.starts_with("//!"))
        .map(|line| line.trim_start_matches("//!"))
        .collect();
    let words: Vec<&str> = head
        .split(|c: char| !(c.is_ascii_alphanumeric() || c == '.'))
        .map(|word| word.trim_end_matches('.'))
        .filter(|word| !word.is_empty())
        .collect();
    // A section is named by itself or by one that it belongs to.
    let mut section = clause.section.as_str();
    let mut is_named = words.contains(&section);
    while let Some((parent, _)) = section.rsplit_once('.') {
        section = parent;
        is_named |= words.contains(&section);
    }
    match is_named && words.contains(&clause.rfc.as_str()) {
        true => None,
        false => Some(format!(
            "the file does not begin with RFC {} section {}",
            clause.rfc, clause.section
        )),
    }
}

/// The clauses of a source file.
fn clauses(text: &str) -> Vec<Clause> {
    let mut found = Vec::new();
    let lines = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    let text: String = lines.collect();
    for rest in text.split("clause!(").skip(1) {
        let arguments = rest.split(')').next().unwrap_or_default();
        let strings: Vec<&str> = arguments.split('"').skip(1).step_by(2).collect();
        let (section, module, function) = match strings[..] {
            [section, function] => (section, None, function),
            [section, module, function] => (section, Some(module), function),
            _ => continue,
        };
        let Some((rfc, section)) = section
            .strip_prefix("RFC ")
            .and_then(|rest| rest.split_once(" section "))
        else {
            continue;
        };
        found.push(Clause {
            rfc: rfc.to_owned(),
            section: section.to_owned(),
            module: module.map(str::to_owned),
            function: function.to_owned(),
        });
    }
    found
}

/// The file of a module such as `net::protocol::http1`.
fn text_of_module(module: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let folder = path.join(module.replace("::", "/"));
    let path = match folder.join("mod.rs") {
        file if file.is_file() => file,
        _ => folder.with_extension("rs"),
    };
    fs::read_to_string(&path).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()))
}

fn sources() -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("src is readable") {
            let path = entry.expect("src is readable").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files
}
