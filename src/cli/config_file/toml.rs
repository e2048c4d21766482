//! The TOML of a configuration file.

use std::ops::Range;
use std::path::PathBuf;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::entry::{Entry, Value};
use super::template::{self, Part};
use crate::cli::nearest::with_nearest;
use crate::cli::options::{Kind, Mode, OptionDef, options, quoted};
use crate::cli::unknown;

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
            let text = value.get_ref().as_str();
            let text = text.ok_or_else(|| mistake("path must be a string".into()))?;
            if text.is_empty() {
                return Err(mistake("path must name a directory or a file".into()));
            }
            path = Some(PathBuf::from(text));
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
    let mistake = format!("unknown key {}", quoted(name.as_ref()));
    Err(unknown::key(mistake, name, PATH, names))
}

/// The values of an option. `None` if the file leaves it as it is.
fn values(
    option: &OptionDef,
    value: &Spanned<DeValue<'_>>,
    lines: &Lines<'_>,
) -> Result<Option<Vec<Value>>, Mistake> {
    let wrong = |value: &Spanned<DeValue<'_>>| {
        let text = format!("{} must be {}", option.long, wanted(option));
        lines.mistake(value.span(), text)
    };
    match (option.kind, value.get_ref()) {
        (Kind::Switch(_), DeValue::Boolean(is_on)) => Ok(is_on.then(Vec::new)),
        (Kind::Switch(_), _) => Err(wrong(value)),
        (Kind::Count(_), DeValue::Boolean(false)) => Ok(None),
        (_, DeValue::Boolean(false)) if option.bare.is_some() => Ok(None),
        (Kind::List(_), DeValue::Array(values)) if values.is_empty() => Ok(None),
        (Kind::List(_), DeValue::Array(values)) => {
            let values = values.iter().map(|value| match one(option, value, lines)? {
                Some(value) => Ok(value),
                None => Err(wrong(value)),
            });
            values.collect::<Result<_, _>>().map(Some)
        }
        _ => {
            let values = one(option, value, lines)?.map(|value| vec![value]);
            values.map(Some).ok_or_else(|| wrong(value))
        }
    }
}

/// One value: a text, a number, `true` or a table. `None` if the option does not take this type.
fn one(
    option: &OptionDef,
    value: &Spanned<DeValue<'_>>,
    lines: &Lines<'_>,
) -> Result<Option<Value>, Mistake> {
    let text = match (value.get_ref(), option.table, option.kind) {
        (DeValue::Table(table), Some(template), _) => {
            return row(option.long, template, table, value.span(), lines).map(Some);
        }
        (DeValue::Boolean(true), _, Kind::Count(_)) => Some("1".to_owned()),
        (DeValue::Boolean(true), _, _) => option.bare.map(str::to_owned),
        (value, _, _) => scalar(value),
    };
    Ok(text.map(|text| Value {
        text: text.into(),
        row: None,
        line: lines.of(value.span().start),
    }))
}

/// The types that an option takes, in the words of TOML.
fn wanted(option: &OptionDef) -> &'static str {
    match (option.kind, option.bare, option.table) {
        (Kind::Switch(_), ..) => "true or false",
        (Kind::Count(_), ..) => "true, false or a decimal integer",
        (Kind::List(_), _, Some(_)) => "a string or an array of strings or tables",
        (Kind::List(_), Some(_), _) => "true, false, a string or an array of strings",
        (Kind::List(_), ..) => "a string or an array of strings",
        (_, Some(_), _) => "true, false or a string",
        (Kind::Text(..), ..) => "a string or a decimal integer",
        (Kind::File(_) | Kind::Choice(..), ..) => "a string",
    }
}

/// A string or a number as its text.
fn scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) if number.radix() == 10 => Some(number.to_string()),
        DeValue::Float(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The value that a table stands for.
fn row(
    name: &str,
    template: &'static str,
    table: &DeTable<'_>,
    span: Range<usize>,
    lines: &Lines<'_>,
) -> Result<Value, Mistake> {
    let article = match name.starts_with(['a', 'e', 'i', 'o', 'u']) {
        true => "an",
        false => "a",
    };
    let of = format!("{article} {name} table");
    let found = |key: &str| table.iter().find(|(found, _)| *found.get_ref() == key);
    let parts = template::parts(template);
    check_keys(&of, &parts, table, lines)?;
    let mut row = template::Row::new();
    for part in &parts {
        if let Some((key, value)) = found(part.key) {
            let text = scalar(value.get_ref()).ok_or_else(|| {
                let key_name = part.key;
                let what = "must be a string or a decimal integer";
                lines.mistake(key.span(), format!("{key_name} in {of} {what}"))
            })?;
            row.push((part.key, text));
        }
    }
    if let Some(part) = template::missing(&parts, &row) {
        let what = format!("{of} needs the key '{}'", part.key);
        return Err(lines.mistake(span, what));
    }
    let text = template::fill(&parts, &row).map_err(|(key, what)| {
        let span = found(key).map_or(span.clone(), |(key, _)| key.span());
        lines.mistake(span, format!("{key} in {of} {what}"))
    })?;
    Ok(Value {
        text: text.into(),
        row: Some(row),
        line: lines.of(span.start),
    })
}

/// A table has only keys of its template.
fn check_keys(
    of: &str,
    parts: &[Part],
    table: &DeTable<'_>,
    lines: &Lines<'_>,
) -> Result<(), Mistake> {
    let keys = || parts.iter().map(|part| part.key);
    let unknown = table
        .keys()
        .find(|key| keys().all(|known| known != *key.get_ref()));
    let Some(key) = unknown else { return Ok(()) };
    let shown = quoted(key.get_ref().as_ref().as_ref());
    let text = with_nearest(
        format!("unknown key {shown} in {of}"),
        key.get_ref(),
        "",
        keys(),
    );
    Err(lines.mistake(key.span(), text))
}
