//! The README's table of limits and the scenarios of `scripts/soak` are the same.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

#[test]
fn each_scenario_of_soak_is_in_the_readme_and_each_row_of_it_is_in_soak() {
    assert_eq!(rows(), scenarios());
}

/// The first cell of each row in the section "Steadiness".
fn rows() -> BTreeSet<String> {
    let readme = include_str!("../README.md");
    let section = readme
        .split("\n## ")
        .find(|part| part.starts_with("Steadiness"));
    let cell = |line: &str| Some(line.strip_prefix("| `")?.split_once("` |")?.0.to_owned());
    let lines = section.expect("the section").lines();
    lines
        .filter_map(cell)
        .filter(|name| name != "--only")
        .collect()
}

/// What `--only` accepts: the name of each module of `scripts/hold` that has one, without spaces.
fn scenarios() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/hold");
    let files = fs::read_dir(folder).expect("the folder");
    let sources = files.map(|file| file.expect("an entry").path());
    let sources = sources.filter(|path| path.extension().is_some_and(|end| end == "py"));
    sources
        .filter_map(|path| {
            let source = fs::read_to_string(path).expect("text");
            let name = source
                .lines()
                .find_map(|line| line.strip_prefix("NAME = "))?;
            Some(name.trim_matches('"').replace(' ', "-"))
        })
        .collect()
}
