//! The options that were set, and by what: for `docroot --print-config`.

use std::ffi::{OsStr, OsString};
use std::fmt::Write;
use std::path::Path;

use super::options::{Kind, Mode, OptionDef, options, quoted};
use super::settings::Settings;
use crate::semantics::own_fields::masked as mask_field;
use crate::semantics::secrets::{MASK, says_secret, text_without_user_information};

/// Columns of a comment.
const WIDTH: usize = 90;

/// An option that was set.
pub struct Given {
    /// The option.
    pub option: &'static OptionDef,
    /// What was said about it.
    pub said: Said,
    /// What set it: `from the command line`.
    pub source: String,
}

/// What a source says about an option.
pub enum Said {
    /// The option is off: its default applies.
    Off,
    /// Its values. None for a switch, and the number for a counted option.
    Values(Vec<Value>),
}

/// A value of an option.
pub enum Value {
    /// As on the command line.
    Text(OsString),
    /// A table of a configuration file, with its keys and their values.
    Row(Vec<(&'static str, String)>),
}

impl Said {
    /// Applies values from outside a configuration file to the settings.
    pub fn apply(&self, option: &OptionDef, settings: &mut Settings) -> Result<(), String> {
        let Said::Values(values) = self else {
            return Ok(());
        };
        let texts = values.iter().filter_map(|value| match value {
            Value::Text(text) => Some(text.as_os_str()),
            Value::Row(_) => None,
        });
        option.apply(settings, &texts.collect::<Vec<_>>())
    }
}

/// Whether secrets are printed, such as hashes of passwords.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secrets {
    /// As they were set.
    Shown,
    /// As [`MASK`].
    Masked,
}

/// What to serve.
pub struct Served<'a> {
    /// The directory or the single file.
    pub path: &'a Path,
    /// What set it; `None` if nothing did.
    pub source: Option<String>,
}

/// A configuration file with every option: those that were set with their values, the others as comments with
/// their defaults. An error names a value that such a file cannot have.
pub fn print(
    given: &[Given],
    served: &Served<'_>,
    defaults: &Settings,
    secrets: Secrets,
) -> Result<Vec<u8>, String> {
    let mut text = String::new();
    comment(&mut text, "What to serve: a directory or a single file.");
    match &served.source {
        Some(source) => comment(&mut text, &format!("({source})")),
        None => text.push_str("# "),
    }
    let path = string("path", served.path.as_os_str())?;
    word_line(&mut text, "path", &path);
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
                word_line(&mut text, option.long, &value(given, secrets)?);
            }
            None => {
                text.push_str("# ");
                default_line(&mut text, option, defaults);
            }
        }
    }
    Ok(text.into_bytes())
}

/// The value of an option that was set.
fn value(given: &Given, secrets: Secrets) -> Result<String, String> {
    let Said::Values(values) = &given.said else {
        return Ok("false".to_owned());
    };
    let name = given.option.long;
    match given.option.kind {
        Kind::Switch(_) => Ok("true".to_owned()),
        // TOML has no number with zeros at its start.
        Kind::Count(_) => match values.last() {
            Some(Value::Text(count)) => {
                let count = count.to_str().and_then(|count| count.parse::<u8>().ok());
                Ok(count.unwrap_or(1).to_string())
            }
            _ => Ok("1".to_owned()),
        },
        Kind::List(_) => {
            let shown = values.iter().map(|value| match secrets {
                Secrets::Masked => one(name, &masked(given.option, value)),
                Secrets::Shown => one(name, value),
            });
            let shown: Vec<String> = shown.collect::<Result<_, _>>()?;
            Ok(match &shown[..] {
                [] | [_] => format!("[{}]", shown.concat()),
                several => format!("[\n    {},\n]", several.join(",\n    ")),
            })
        }
        // The last value counts.
        Kind::Text(..) | Kind::File(_) | Kind::Choice(..) => values
            .last()
            .map_or(Ok(String::new()), |value| one(name, value)),
    }
}

/// The value of an option with masks for what is secret: all of it, the value of a field, the user information of URLs.
fn masked(option: &OptionDef, value: &Value) -> Value {
    let without_users = |text: &str| text_without_user_information(text).into_owned();
    match value {
        _ if option.is_secret => Value::Text(MASK.into()),
        // A variable may have several fields, each on a line of its own.
        Value::Text(text) if option.is_field => {
            let lines = text.to_string_lossy();
            let lines = lines.split('\n');
            let shown: Vec<String> = lines.map(|line| without_users(&mask_field(line))).collect();
            Value::Text(shown.join("\n").into())
        }
        Value::Text(text) => match text.to_str() {
            Some(text) => Value::Text(without_users(text).into()),
            None => Value::Text(text.clone()),
        },
        Value::Row(row) => {
            let is_named =
                |(key, name): &(&str, String)| *key == "name" && says_secret(name.as_bytes());
            let is_secret = option.is_field && row.iter().any(is_named);
            let shown = row.iter().map(|(key, value)| match *key {
                "value" if is_secret => (*key, MASK.to_owned()),
                _ => (*key, without_users(value)),
            });
            Value::Row(shown.collect())
        }
    }
}

/// One value in TOML.
fn one(name: &str, value: &Value) -> Result<String, String> {
    match value {
        Value::Text(text) => string(name, text),
        Value::Row(row) => {
            let pairs = row.iter();
            let pairs = pairs.map(|(key, value)| format!("{key} = {}", basic_string(value)));
            Ok(format!("{{ {} }}", pairs.collect::<Vec<_>>().join(", ")))
        }
    }
}

/// A value as a string of TOML. TOML is UTF-8, so it has no other names of files.
fn string(name: &str, value: &OsStr) -> Result<String, String> {
    let text = value.to_str().map(basic_string);
    text.ok_or_else(|| {
        let shown = quoted(value);
        format!(
            "--print-config cannot print {shown} for {name}: it is not UTF-8, and a configuration file must be; \
             rename the file or the directory"
        )
    })
}

/// The line of an option with its default.
fn default_line(text: &mut String, option: &OptionDef, defaults: &Settings) {
    let default = option.default.map(|show| show(defaults));
    match (option.kind, default) {
        (Kind::Switch(_), _) => word_line(text, option.long, "false"),
        (Kind::Count(_), _) => word_line(text, option.long, "0"),
        (_, Some(default)) => word_line(text, option.long, &format!("...  # default: {default}")),
        (_, None) => word_line(text, option.long, "..."),
    }
}

fn word_line(text: &mut String, name: &str, word: &str) {
    // Writing to a string never fails.
    writeln!(text, "{name} = {word}").unwrap_or_default();
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
