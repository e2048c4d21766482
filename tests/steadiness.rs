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

/// What `--only` accepts: the name of each module in the tuple of `SCENARIOS`, without spaces.
fn scenarios() -> BTreeSet<String> {
    let (_, rest) = include_str!("../scripts/soak")
        .split_once("for scenario in (")
        .expect("the tuple");
    let (modules, _) = rest.split_once(')').expect("its end");
    let modules = modules.split(',').map(str::trim);
    modules
        .filter(|module| !module.is_empty())
        .map(name_of)
        .collect()
}

fn name_of(module: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/hold");
    let source = fs::read_to_string(folder.join(module).with_extension("py")).expect(module);
    let name = |line: &str| Some(line.strip_prefix("NAME = ")?.trim_matches('"').to_owned());
    let name = source.lines().find_map(name).expect(module);
    name.replace(' ', "-")
}
