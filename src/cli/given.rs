//! The options that were set, and by what: for `docroot --print-config`.

use std::ffi::{OsStr, OsString};
use std::fmt::Write;
use std::path::Path;

use super::environment::is_on;
use super::options::{Kind, Mode, OptionDef, options};
use super::settings::Settings;

/// Columns of a comment.
const WIDTH: usize = 90;

/// An option that was set.
pub struct Given {
    /// The option.
    pub option: &'static OptionDef,
    /// Its values, as on the command line. None for a switch.
    pub values: Vec<OsString>,
    /// What set it: `from the command line`.
    pub source: String,
}

/// A configuration file with every option: those that were set with their values, the others as comments with
/// their defaults. `path` is what would be served.
pub fn print(given: &[Given], path: &Path, defaults: &Settings) -> Vec<u8> {
    let mut text = String::new();
    comment(&mut text, "What to serve: a directory or a single file.");
    line(&mut text, "path", &[path.as_os_str()], false);
    let mut heading = "";
    for (of_group, option) in options(Mode::Serve).filter(|(_, option)| option.is_in_file()) {
        if of_group != heading {
            heading = of_group;
            text.push_str("\n\n# ");
            text.push_str(heading);
            text.push('\n');
        }
        text.push('\n');
        comment(&mut text, &format!("{}.", option.help));
        match given.iter().find(|given| given.option.long == option.long) {
            Some(given) => {
                comment(&mut text, &format!("({})", given.source));
                option_line(&mut text, given);
            }
            None => {
                text.push_str("# ");
                default_line(&mut text, option, defaults);
            }
        }
    }
    text.into_bytes()
}

/// The line of an option that was set.
fn option_line(text: &mut String, given: &Given) {
    let name = given.option.long;
    let values: Vec<&OsStr> = given.values.iter().map(OsString::as_os_str).collect();
    match given.option.kind {
        // A variable may turn it off.
        _ if values.last().is_some_and(|word| is_off(given.option, word)) => {
            word_line(text, name, "false");
        }
        Kind::Switch(_) => word_line(text, name, "true"),
        // The count, or how often it was typed.
        Kind::Count(_) => {
            let count = values.last().and_then(|count| count.to_str());
            word_line(text, name, count.unwrap_or("1"));
        }
        Kind::List(_) => line(text, name, &values, true),
        Kind::Text(..) | Kind::File(_) | Kind::Choice(..) => {
            line(
                text,
                name,
                values.last().map_or(&[], std::slice::from_ref),
                false,
            );
        }
    }
}

/// Whether a value turns an option off.
fn is_off(option: &OptionDef, word: &OsStr) -> bool {
    let can_be_off = matches!(option.kind, Kind::Switch(_)) || option.bare.is_some();
    can_be_off && is_on(word) == Some(false)
}

/// The line of an option with its default.
fn default_line(text: &mut String, option: &OptionDef, defaults: &Settings) {
    let default = option.default.map(|show| show(defaults));
    match (option.kind, default) {
        (Kind::Switch(_), _) => word_line(text, option.long, "false"),
        (Kind::Count(_), _) => word_line(text, option.long, "0"),
        (_, Some(default)) => word_line(text, option.long, &format!("...  (default: {default})")),
        (_, None) => word_line(text, option.long, "..."),
    }
}

fn word_line(text: &mut String, name: &str, word: &str) {
    // Writing to a string never fails.
    writeln!(text, "{name} = {word}").unwrap_or_default();
}

/// A key with texts. A list of several is written on several lines.
fn line(text: &mut String, name: &str, values: &[&OsStr], is_list: bool) {
    // A configuration file is UTF-8, so a name that is not cannot be in one.
    let shown = values
        .iter()
        .map(|value| basic_string(&value.to_string_lossy()));
    let shown: Vec<String> = shown.collect();
    let value = match (is_list, &shown[..]) {
        (false, _) => shown.concat(),
        (true, [_] | []) => format!("[{}]", shown.concat()),
        (true, several) => format!("[\n    {},\n]", several.join(",\n    ")),
    };
    word_line(text, name, &value);
}

/// A basic string of TOML.
fn basic_string(value: &str) -> String {
    let mut text = String::from("\"");
    for char in value.chars() {
        match char {
            '"' | '\\' => text.extend(['\\', char]),
            char if char.is_control() => {
                write!(text, "\\u{:04X}", u32::from(char)).unwrap_or_default();
            }
            char => text.push(char),
        }
    }
    text.push('"');
    text
}

/// A text in comment lines.
fn comment(text: &mut String, words: &str) {
    let mut column = 0;
    for word in words.split_whitespace() {
        let length = word.chars().count() + 1;
        if column == 0 || column + length > WIDTH {
            let end = if column == 0 { "" } else { "\n" };
            text.push_str(end);
            text.push('#');
            column = 1;
        }
        text.push(' ');
        text.push_str(word);
        column += length;
    }
    text.push('\n');
}
