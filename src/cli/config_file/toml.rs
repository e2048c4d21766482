//! The TOML of a configuration file.

use std::ffi::OsString;
use std::ops::Range;
use std::path::PathBuf;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::entry::{Entry, Value};
use crate::cli::nearest::nearest;
use crate::cli::options::{Kind, Mode, OptionDef, options, quoted};

/// Names what to serve.
const PATH: &str = "path";

/// A mistake and its line.
pub struct Mistake {
    pub line: usize,
    pub text: String,
}

/// The lines of a file.
struct Lines<'a>(&'a str);

impl Lines<'_> {
    /// The line of a byte, from 1.
    fn of(&self, at: usize) -> usize {
        let before = self.0.as_bytes().get(..at).unwrap_or_default();
        1 + before.iter().filter(|&&byte| byte == b'\n').count()
    }

    fn mistake(&self, span: Range<usize>, text: impl Into<String>) -> Mistake {
        Mistake {
            line: self.of(span.start),
            text: text.into(),
        }
    }
}

/// What a file sets, and what it says to serve.
pub fn parse(text: &str) -> Result<(Vec<Entry>, Option<PathBuf>), Mistake> {
    let lines = Lines(text);
    let table = DeTable::parse(text).map_err(|fault| {
        let span = fault.span().unwrap_or_default();
        lines.mistake(span, fault.message())
    })?;
    let (mut entries, mut path): (Vec<Entry>, _) = (Vec::new(), None);
    for (key, value) in table.get_ref() {
        let name: &str = key.get_ref();
        let mistake = |text: String| lines.mistake(key.span(), text);
        if name == PATH {
            let what = "write the name of a directory or of a file in quotes";
            let text = value.get_ref().as_str().filter(|text| !text.is_empty());
            path = Some(PathBuf::from(text.ok_or_else(|| mistake(what.into()))?));
            continue;
        }
        let option = option(name).map_err(mistake)?;
        if entries.iter().any(|entry| entry.option == option.long) {
            return Err(mistake(format!("{} is set twice", option.long)));
        }
        if let Some(values) = values(option, value, &lines)? {
            entries.push(Entry {
                option: option.long,
                values,
            });
        }
    }
    Ok((entries, path))
}

/// The option with this long name.
fn option(name: &str) -> Result<&'static OptionDef, String> {
    let known = || {
        options(Mode::Serve)
            .map(|(_, option)| option)
            .filter(|option| option.is_in_file())
    };
    if let Some(option) = known().find(|option| option.long_names().any(|long| long == name)) {
        return Ok(option);
    }
    let names = known().flat_map(OptionDef::long_names).chain([PATH]);
    let shown = quoted(name.as_ref());
    Err(match nearest(name, names) {
        Some(near) => format!("unknown key {shown}; did you mean {near}?"),
        None => format!("unknown key {shown}"),
    })
}

/// The values of an option. `None` if it is turned off.
fn values(
    option: &OptionDef,
    value: &Spanned<DeValue<'_>>,
    lines: &Lines<'_>,
) -> Result<Option<Vec<Value>>, Mistake> {
    let one = |text: String| Value {
        text: text.into(),
        line: lines.of(value.span().start),
    };
    let name = option.long;
    let wrong = |what: &str| {
        lines.mistake(
            value.span(),
            format!("the value of {name} is wrong: {what}"),
        )
    };
    match (option.kind, value.get_ref()) {
        (Kind::Switch(_), DeValue::Boolean(is_on)) => Ok(is_on.then(Vec::new)),
        (Kind::Switch(_), _) => Err(wrong("write true or false")),
        (Kind::Count(_), DeValue::Boolean(is_on)) => Ok(is_on.then(|| vec![one("1".into())])),
        (Kind::List(_), DeValue::Array(values)) => {
            let texts = values.iter().map(|value| list_value(option, value, lines));
            texts.collect::<Result<_, _>>().map(Some)
        }
        (Kind::List(_), _) => Ok(Some(vec![list_value(option, value, lines)?])),
        (_, DeValue::Boolean(is_on)) => match option.bare {
            Some(bare) => Ok(is_on.then(|| vec![one(bare.to_owned())])),
            None => Err(wrong("write it in quotes")),
        },
        (_, value) => match scalar(value) {
            Some(text) => Ok(Some(vec![one(text)])),
            None => Err(wrong("write one text in quotes, or a number")),
        },
    }
}

/// One value of a list: a text, a number, or a table.
fn list_value(
    option: &OptionDef,
    value: &Spanned<DeValue<'_>>,
    lines: &Lines<'_>,
) -> Result<Value, Mistake> {
    let name = option.long;
    let line = lines.of(value.span().start);
    let text = match (value.get_ref(), option.table) {
        (DeValue::Table(table), Some(template)) => {
            return row(name, template, table, value.span(), lines)
                .map(|text| Value { text, line });
        }
        (DeValue::Boolean(true), _) => option.bare.map(str::to_owned),
        (value, _) => scalar(value),
    };
    let what = match option.table {
        Some(_) => "write texts in quotes, or tables",
        None => "write texts in quotes",
    };
    let text = text.ok_or_else(|| {
        lines.mistake(
            value.span(),
            format!("the value of {name} is wrong: {what}"),
        )
    })?;
    Ok(Value {
        text: text.into(),
        line,
    })
}

/// A text or a whole number.
fn scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) if number.radix() == 10 => Some(number.to_string()),
        _ => None,
    }
}

/// The value that a table stands for.
fn row(
    name: &str,
    template: &str,
    table: &DeTable<'_>,
    span: Range<usize>,
    lines: &Lines<'_>,
) -> Result<OsString, Mistake> {
    let parts = parts(template);
    for key in table.keys() {
        let key_name: &str = key.get_ref();
        if !parts.iter().any(|part| part.key == key_name) {
            let keys = parts.iter().map(|part| part.key);
            let shown = quoted(key_name.as_ref());
            return Err(lines.mistake(
                key.span(),
                match nearest(key_name, keys) {
                    Some(near) => {
                        format!("a table of {name} has no key {shown}; did you mean {near}?")
                    }
                    None => format!("a table of {name} has no key {shown}"),
                },
            ));
        }
    }
    let mut text = String::new();
    for part in &parts {
        let value = table.iter().find(|(key, _)| *key.get_ref() == part.key);
        let Some((key, value)) = value else {
            match part.is_optional {
                true => continue,
                false => {
                    let what = format!("a table of {name} needs {}", part.key);
                    return Err(lines.mistake(span, what));
                }
            }
        };
        let value = scalar(value.get_ref()).ok_or_else(|| {
            let what = format!("{} must be a text in quotes, or a number", part.key);
            lines.mistake(key.span(), what)
        })?;
        text.push_str(part.before);
        text.push_str(&escaped(&value, part));
        text.push_str(part.after);
    }
    Ok(text.into())
}

/// A part of a template such as `[{pattern} ]{name}: {value}`: a key with the text around it.
struct Part<'t> {
    key: &'t str,
    before: &'t str,
    after: &'t str,
    is_optional: bool,
}

/// The parts of a template. Text between two keys belongs to the first of them, unless brackets say otherwise.
fn parts(template: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = template;
    while !rest.is_empty() {
        let (part, is_optional) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']'))
        {
            Some((part, after)) => {
                rest = after;
                (part, true)
            }
            None => {
                let close = rest.find('}').map_or(rest.len(), |at| at + 1);
                let end = rest[close..]
                    .find(['{', '['])
                    .map_or(rest.len(), |at| close + at);
                let part = &rest[..end];
                rest = &rest[end..];
                (part, false)
            }
        };
        if let Some((before, (key, after))) = part
            .split_once('{')
            .and_then(|(before, key)| Some((before, key.split_once('}')?)))
        {
            parts.push(Part {
                key,
                before,
                after,
                is_optional,
            });
        }
    }
    parts
}

/// Escapes what would end a pattern too early.
fn escaped(value: &str, part: &Part<'_>) -> String {
    let ("pattern" | "from", Some(end)) = (part.key, part.after.chars().next()) else {
        return value.to_owned();
    };
    let (mut text, mut is_escaped) = (String::new(), false);
    for char in value.chars() {
        if char == end && !is_escaped {
            text.push('\\');
        }
        is_escaped = char == '\\' && !is_escaped;
        text.push(char);
    }
    text
}
