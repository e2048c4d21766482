//! What the packages are made of, checked without building them: `scripts/package --check` builds and installs them, which
//! takes minutes.
#![cfg(all(feature = "full", target_os = "linux"))]
#![allow(clippy::disallowed_methods, reason = "tests read files")]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use support::program::skipped;

const REPOSITORY: &str = env!("CARGO_MANIFEST_DIR");
const DOCROOT: &str = env!("CARGO_BIN_EXE_docroot");

/// What scripts/package makes. The rest is in the repository.
const MADE: &str = "target/package/printed/";

/// The manual pages and completions that scripts/package would pack, by its own code.
fn printed() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let program = "import sys; from pathlib import Path; from packages import products; \
                   products.write_printed(sys.argv[1], Path(sys.argv[2]))";
    let mut python = Command::new("python3");
    python.env("PYTHONPATH", Path::new(REPOSITORY).join("scripts"));
    python.args(["-B", "-c", program, DOCROOT]);
    said(python.arg(folder.path()).output());
    folder
}

/// What a command has printed, if it is content.
#[track_caller]
fn said(output: std::io::Result<Output>) -> String {
    let output = output.expect("it runs");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    names
        .map(|name| name.into_string().expect("UTF-8"))
        .collect()
}

/// The subcommands, as the usage of docroot lists them.
fn subcommands() -> Vec<String> {
    let help = said(Command::new(DOCROOT).arg("--help").output());
    let lines = help.lines().skip_while(|line| !line.starts_with("Usage:"));
    let lines = lines.skip(1).take_while(|line| !line.is_empty());
    let word = |line: &str| line.split_whitespace().nth(1).expect("a word").to_owned();
    lines.map(word).collect()
}

/// What cargo-deb reads.
fn metadata() -> Value {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args([
        "metadata",
        "--no-deps",
        "--offline",
        "--format-version",
        "1",
    ]);
    let told = said(cargo.current_dir(REPOSITORY).output());
    let told: Value = serde_json::from_str(&told).expect("JSON");
    told["packages"][0]["metadata"]["deb"].clone()
}

/// Whether the source of an asset, which may end in a pattern, is a file of the folder.
fn is_found(folder: &Path, source: &str) -> bool {
    match source.split_once('*') {
        None => folder.join(source).is_file(),
        Some((above, pattern)) => {
            let end = pattern.rsplit('*').next().expect("a part");
            let end = end.trim_start_matches('/');
            names(&folder.join(above))
                .iter()
                .any(|name| name.ends_with(end))
        }
    }
}

#[test]
fn every_file_of_the_package_is_there() {
    let metadata = metadata();
    let printed = printed();
    for asset in metadata["assets"].as_array().expect("a list") {
        let source = asset[0].as_str().expect("a path");
        let is_there = match source.strip_prefix(MADE) {
            Some(name) => is_found(printed.path(), name),
            // What cargo builds.
            None if source == "target/release/docroot" => true,
            None => is_found(Path::new(REPOSITORY), source),
        };
        assert!(is_there, "{source}");
        let mode = asset[2].as_str().expect("a mode");
        assert!(["644", "755"].contains(&mode), "{mode}");
    }
    let scripts = metadata["maintainer-scripts"].as_str().expect("a folder");
    let scripts = Path::new(REPOSITORY).join(scripts);
    for name in ["docroot.service", "docroot.socket", "docroot.sysusers"] {
        assert!(scripts.join(name).is_file(), "{name}");
    }
    assert_eq!(metadata["license-file"][0], Value::from("LICENSE"));
    assert!(Path::new(REPOSITORY).join("LICENSE").is_file());
    // The script does this for the service alone, so cargo-deb may not do it for both units.
    let units = &metadata["systemd-units"];
    for setting in [
        "enable",
        "start",
        "stop-on-upgrade",
        "restart-after-upgrade",
    ] {
        assert_eq!(units[setting], Value::from(false), "{setting}");
    }
    let script = fs::read_to_string(scripts.join("postinst")).expect("a script");
    assert!(script.contains("\n#DEBHELPER#\n"));
    said(
        Command::new("sh")
            .arg("-n")
            .arg(scripts.join("postinst"))
            .output(),
    );
}

/// docroot.1 and a page for each subcommand, which the formatter reads without a warning.
#[test]
fn each_subcommand_has_a_manual_page() {
    let printed = printed();
    let pages: BTreeSet<String> = names(printed.path())
        .into_iter()
        .filter(|name| name.ends_with(".1"))
        .collect();
    let subcommands = subcommands();
    assert!(subcommands.contains(&"check".to_owned()), "{subcommands:?}");
    let wanted = subcommands.iter().map(|word| format!("docroot-{word}.1"));
    assert_eq!(pages, wanted.chain(["docroot.1".to_owned()]).collect());
    for page in &pages {
        let path = printed.path().join(page);
        let text = fs::read_to_string(&path).expect("a page");
        let title = page.strip_suffix(".1").expect("a page");
        let name = title.replace('-', "\\-");
        assert!(text.contains(&format!("\n.SH NAME\n{name} \\- ")), "{text}");
        assert!(text.contains("\n.SH EXTRA\n"), "{page}: no examples");
        check_format(&path);
    }
}

fn check_format(page: &Path) {
    // -z: the result does not matter. -ww: every warning.
    let output = Command::new("groff")
        .args(["-man", "-Tutf8", "-z", "-ww"])
        .arg(page)
        .output();
    let Ok(output) = output else {
        return skipped("groff is missing");
    };
    let warnings = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && warnings.is_empty(), "{warnings}");
}

/// What bash offers for the last of these words.
fn offered(script: &Path, words: &[&str]) -> Vec<String> {
    let mut bash = Command::new("bash");
    let program = "source \"$1\"; shift; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); \
                   _docroot docroot \"${@: -1}\" \"${@: -2:1}\"; printf '%s\\n' \"${COMPREPLY[@]}\"";
    bash.args(["-c", program, "bash"]).arg(script).args(words);
    let offered = said(bash.output());
    offered.lines().map(str::to_owned).collect()
}

#[test]
fn completions_know_each_subcommand() {
    let printed = printed();
    let [bash, zsh, fish]: [PathBuf; 3] =
        ["docroot", "_docroot", "docroot.fish"].map(|name| printed.path().join(name));
    let [zsh, fish] = [zsh, fish].map(|path| fs::read_to_string(path).expect("a script"));
    for word in &subcommands() {
        let begun = &word[..word.len() - 1];
        assert!(offered(&bash, &["docroot", begun]).contains(word), "{word}");
        let has_help = |words: &[&str]| offered(&bash, words).contains(&"--help".to_owned());
        assert!(has_help(&["docroot", word, "--he"]), "{word}");
        assert!(zsh.contains(&format!("({word})")), "{word}");
        assert!(fish.contains(&format!("-a \"{word}\"")), "{word}");
    }
    // An option that only one of them has.
    let strict = "--strict".to_owned();
    assert!(offered(&bash, &["docroot", "check", "--str"]).contains(&strict));
    assert!(!offered(&bash, &["docroot", "learn", "--str"]).contains(&strict));
}
