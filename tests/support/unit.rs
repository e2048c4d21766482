//! The unit for systemd, and what systemd makes of it.

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Command, Stdio};

/// The unit as it is installed.
pub const UNIT: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/scripts/packages/docroot.service"
));

/// The configuration file that its command line names, as the package installs it.
pub const CONFIGURATION: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/scripts/packages/docroot.toml"
));

/// The values of a setting, in order.
pub fn values(setting: &str) -> Vec<&'static str> {
    let lines = UNIT.lines();
    let value = |line: &'static str| line.strip_prefix(setting)?.strip_prefix('=');
    lines.filter_map(value).collect()
}

/// The tool that knows what a unit means, if it is installed.
pub fn systemd_analyze() -> Option<Command> {
    let probe = Command::new("systemd-analyze").arg("--version").output();
    let is_there = probe.is_ok_and(|output| output.status.success());
    is_there.then(|| Command::new("systemd-analyze"))
}

/// The names of the calls that the unit allows: those of the lists, in order, without those of lists that begin
/// with `~`.
pub fn allowed_calls(mut systemd_analyze: Command) -> BTreeSet<String> {
    let groups = groups(&text_of(systemd_analyze.arg("syscall-filter")));
    let mut allowed = BTreeSet::new();
    for list in values("SystemCallFilter") {
        let (removes, list) = match list.strip_prefix('~') {
            Some(list) => (true, list),
            None => (false, list),
        };
        // These are allowed in any list.
        let names = list.split(' ').chain(["@default"]);
        for call in names.flat_map(|name| members(name, &groups)) {
            match removes && !members("@default", &groups).contains(&call) {
                true => allowed.remove(&call),
                false => allowed.insert(call),
            };
        }
    }
    allowed
}

/// The members of each group: calls and other groups.
fn groups(text: &str) -> BTreeMap<String, Vec<String>> {
    let mut groups = BTreeMap::new();
    let mut members: &mut Vec<String> = groups.entry(String::new()).or_default();
    for line in text.lines() {
        if line.starts_with('@') {
            members = groups.entry(line.to_owned()).or_default();
        } else if let name = line.trim()
            && !name.is_empty()
            && !name.starts_with('#')
        {
            members.push(name.to_owned());
        }
    }
    groups
}

fn members(name: &str, groups: &BTreeMap<String, Vec<String>>) -> BTreeSet<String> {
    match groups.get(name) {
        Some(names) => {
            let names = names.iter();
            names.flat_map(|name| members(name, groups)).collect()
        }
        None => {
            assert!(!name.starts_with('@'), "there is no group {name}");
            BTreeSet::from([name.to_owned()])
        }
    }
}

/// The numbers of calls on this machine. Names of other architectures have none.
pub fn numbers(names: &BTreeSet<String>) -> Vec<String> {
    let mut compiler = Command::new("cc");
    compiler.args([
        "-E",
        "-dM",
        "-include",
        "sys/syscall.h",
        "-x",
        "c",
        "/dev/null",
    ]);
    let text = text_of(&mut compiler);
    let defined = text.lines().filter_map(|line| {
        let (name, number) = line.strip_prefix("#define __NR_")?.split_once(' ')?;
        let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
        (is_number && names.contains(name)).then(|| number.to_owned())
    });
    defined.collect()
}

fn text_of(command: &mut Command) -> String {
    let output = command.stderr(Stdio::inherit()).output().expect("it runs");
    assert!(output.status.success(), "{command:?}");
    String::from_utf8(output.stdout).expect("text")
}
