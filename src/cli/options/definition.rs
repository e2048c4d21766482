//! What one option is: its names, its help, its default, and how its value changes the settings.

use std::ffi::OsStr;
use std::path::PathBuf;

use super::mode::Mode;
use crate::cli::settings::Settings;
use crate::text::escape::write_visible;

/// The option that names the configuration file. The file itself does not set it.
pub const CONFIG: &str = "config";

/// The only definition of an option. The command line, the environment, the help, the manual and
/// the completions are made from it.
#[derive(Clone, Copy, Debug)]
pub struct OptionDef {
    /// The name after `--`. The environment variable is made from it.
    pub long: &'static str,
    /// The letter after `-`.
    pub short: Option<char>,
    /// Whether only serving knows the letter: for `docroot explain`, it means another option.
    pub serve_short: bool,
    /// Whether it has only the letter. `long` is then its id.
    pub only_short: bool,
    /// A second long name.
    pub alias: Option<&'static str>,
    /// A variable to read if the option's own variable is not set.
    pub second_variable: Option<&'static str>,
    /// One or two sentences without a period at the end.
    pub help: &'static str,
    /// Its line in the short help, if it is a common option. `{}` stands for the default.
    pub common: Option<&'static str>,
    /// Whether a mistake in its value is told without the value, because it may have a password in it.
    pub is_secret: bool,
    /// Whether the value is a field, perhaps behind a pattern. Its name may say that it is secret.
    pub is_field: bool,
    /// The value that the option means if it has none. A value then follows `=`, so that
    /// the option never takes the path for one.
    pub bare: Option<&'static str>,
    /// The value that a table in a configuration file stands for, such as `{from}={to}[ {status}]`: each key in
    /// braces, and in brackets what may be absent.
    pub table: Option<&'static str>,
    /// The default as text, made from the default settings.
    pub default: Option<fn(&Settings) -> String>,
    /// Which commands take it.
    pub scope: Scope,
    /// What value it takes, and what that value changes.
    pub kind: Kind,
}

/// Which commands take an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// It changes the server, but no answer. Serving, `docroot check` and `docroot learn` take it.
    Server,
    /// It changes answers. Serving, `docroot check`, `docroot explain` and `docroot learn` take it.
    Answer,
    /// It describes a request. Only `docroot explain` takes it.
    Request,
    /// It says how to print what was found out. `docroot explain` and `docroot check` take it.
    Report,
    /// It says how to check. Only `docroot check` takes it.
    Check,
    /// It says what to compress. Only `docroot compress` takes it.
    Compress,
    /// It changes only what `docroot learn` does, and only that takes it.
    Learn,
    /// It prints something about docroot and exits. Only serving takes it.
    Print,
    /// It prints the help of the command and exits. Every command takes it.
    Help,
}

/// What value an option takes. The functions apply it to the settings, or say what is wrong.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// No value.
    Switch(fn(&mut Settings)),
    /// No value; the function learns how often it was typed. A variable says that number.
    Count(fn(&mut Settings, u8)),
    /// One text.
    Text(&'static str, fn(&mut Settings, &str) -> Result<(), String>),
    /// The name of one file.
    File(fn(&mut Settings, PathBuf)),
    /// Any number of values.
    List(List),
    /// One of several words.
    Choice(&'static str, &'static [Choice]),
}

/// An option that may be repeated.
#[derive(Clone, Copy, Debug)]
pub struct List {
    /// The name of one value in the help.
    pub name: &'static str,
    /// What separates several values in one argument.
    pub separator: Option<char>,
    /// Removes the default before the first value is added.
    pub clear: fn(&mut Settings),
    /// Adds one value.
    pub add: fn(&mut Settings, &OsStr) -> Result<(), String>,
}

/// One word that an option accepts.
#[derive(Clone, Copy, Debug)]
pub struct Choice {
    /// The word.
    pub word: &'static str,
    /// What it means; may be empty.
    pub help: &'static str,
    /// What it changes.
    pub apply: fn(&mut Settings),
}

/// Options with one heading in the help.
#[derive(Clone, Copy, Debug)]
pub struct Group {
    /// The heading.
    pub heading: &'static str,
    /// Its options, in the order of the help.
    pub options: &'static [OptionDef],
}

impl OptionDef {
    /// An option of the server with only the parts that every option has.
    pub const fn new(long: &'static str, kind: Kind, help: &'static str) -> OptionDef {
        OptionDef {
            long,
            short: None,
            serve_short: false,
            only_short: false,
            alias: None,
            second_variable: None,
            help,
            common: None,
            is_secret: false,
            is_field: false,
            bare: None,
            table: None,
            default: None,
            scope: Scope::Server,
            kind,
        }
    }

    /// Adds a short name.
    pub const fn short(mut self, short: char) -> OptionDef {
        self.short = Some(short);
        self
    }

    /// Adds a short name that `docroot explain` uses for another option.
    pub const fn short_to_serve(mut self, short: char) -> OptionDef {
        self.serve_short = true;
        self.short(short)
    }

    /// Replaces the long name by a letter.
    pub const fn only_short(mut self, short: char) -> OptionDef {
        self.only_short = true;
        self.short(short)
    }

    /// Marks a common option, with its line in the short help.
    pub const fn common(mut self, line: &'static str) -> OptionDef {
        self.common = Some(line);
        self
    }

    /// Adds a second long name.
    pub const fn alias(mut self, alias: &'static str) -> OptionDef {
        self.alias = Some(alias);
        self
    }

    /// Adds a second variable.
    pub const fn second_variable(mut self, name: &'static str) -> OptionDef {
        self.second_variable = Some(name);
        self
    }

    /// Marks an option whose values are fields, see [`OptionDef::is_field`].
    pub const fn field(mut self) -> OptionDef {
        self.is_field = true;
        self
    }

    /// Keeps the value out of messages.
    pub const fn secret(mut self) -> OptionDef {
        self.is_secret = true;
        self
    }

    /// Makes the value optional, see [`OptionDef::bare`].
    pub const fn bare(mut self, word: &'static str) -> OptionDef {
        self.bare = Some(word);
        self
    }

    /// Lets a configuration file write values as tables, see [`OptionDef::table`].
    pub const fn table(mut self, template: &'static str) -> OptionDef {
        self.table = Some(template);
        self
    }

    /// Adds the default that the help shows.
    pub const fn default(mut self, show: fn(&Settings) -> String) -> OptionDef {
        self.default = Some(show);
        self
    }

    /// Sets which commands take the option.
    pub const fn scope(mut self, scope: Scope) -> OptionDef {
        self.scope = scope;
        self
    }

    /// Whether it prints something instead of serving or explaining.
    pub fn prints(&self) -> bool {
        matches!(self.scope, Scope::Print | Scope::Help)
    }

    /// Whether a configuration file may set it.
    pub fn is_in_file(&self) -> bool {
        matches!(self.scope, Scope::Server | Scope::Answer) && self.long != CONFIG
    }

    /// The option as it is typed: its long name, or its letter if it has no long name.
    pub fn typed(&self) -> String {
        match self.short.filter(|_| self.only_short) {
            Some(letter) => format!("-{letter}"),
            None => format!("--{}", self.long),
        }
    }

    /// Its short name for a command.
    pub fn short_in(&self, mode: Mode) -> Option<char> {
        let is_known = matches!(mode, Mode::Serve | Mode::Check) || !self.serve_short;
        self.short.filter(|_| is_known)
    }

    /// Whether `word` is one of its names for a command, such as `-p` or `--port`.
    pub fn is_named(&self, word: &str, mode: Mode) -> bool {
        match (word.strip_prefix("--"), word.strip_prefix('-')) {
            (Some(long), _) => self.long_names().any(|name| name == long),
            (None, Some(letter)) => {
                let short = self.short_in(mode);
                short.is_some_and(|short| letter == short.to_string())
            }
            (None, None) => false,
        }
    }

    /// Its long names, without dashes.
    pub fn long_names(&self) -> impl Iterator<Item = &'static str> {
        let own = Some(self.long).filter(|_| !self.only_short);
        own.into_iter().chain(self.alias)
    }

    /// What the help calls its value; `None` if it takes none.
    pub fn value_name(&self) -> Option<&'static str> {
        match self.kind {
            Kind::Text(name, _) | Kind::Choice(name, _) | Kind::List(List { name, .. }) => {
                Some(name)
            }
            Kind::File(_) => Some("FILE"),
            Kind::Switch(_) | Kind::Count(_) => None,
        }
    }

    /// The variables that set the option, in order of precedence. Options that print something and
    /// options of a single request or of `docroot compress` have no variable.
    pub fn variables(&self) -> Vec<String> {
        if self.prints()
            || matches!(
                self.scope,
                Scope::Request | Scope::Report | Scope::Check | Scope::Compress
            )
        {
            return Vec::new();
        }
        let own = format!("DOCROOT_{}", self.long.to_uppercase().replace('-', "_"));
        let second = self.second_variable.map(str::to_owned);
        [Some(own), second].into_iter().flatten().collect()
    }

    /// Applies the values to the settings. If the option is not a list, only the last value counts.
    /// A switch needs no value, and the value of a counted one is the count.
    pub fn apply(&self, settings: &mut Settings, values: &[&OsStr]) -> Result<(), String> {
        if let Kind::Switch(apply) = self.kind {
            apply(settings);
            return Ok(());
        }
        if let Kind::List(list) = self.kind {
            (list.clear)(settings);
            return values
                .iter()
                .try_for_each(|values| self.add(settings, values));
        }
        let last = values.last().copied();
        if let (Kind::Count(apply), Some(count)) = (self.kind, last) {
            let number = count.to_str().and_then(|count| count.parse().ok());
            let wrong = || format!("invalid value {}: write a number such as 1", quoted(count));
            apply(settings, number.ok_or_else(wrong)?);
            return Ok(());
        }
        self.check(last.into_iter(), |value| self.apply_one(settings, value))
    }

    /// Adds the values in one argument to a list. Any other option is left as it is.
    pub fn add(&self, settings: &mut Settings, values: &OsStr) -> Result<(), String> {
        let Kind::List(list) = self.kind else {
            return Ok(());
        };
        let values = list.split(values).into_iter();
        self.check(values, |value| (list.add)(settings, value))
    }

    /// Adds one value to a list, even if it contains the separator.
    pub fn add_one(&self, settings: &mut Settings, value: &OsStr) -> Result<(), String> {
        let Kind::List(list) = self.kind else {
            return Ok(());
        };
        self.check([value].into_iter(), |value| (list.add)(settings, value))
    }

    fn apply_one(&self, settings: &mut Settings, value: &OsStr) -> Result<(), String> {
        match self.kind {
            Kind::Text(_, apply) => apply(settings, utf8(value)?),
            Kind::File(_) if value.is_empty() => Err("the name of the file is missing".into()),
            Kind::File(apply) => {
                apply(settings, value.into());
                Ok(())
            }
            Kind::Choice(_, choices) => {
                let chosen = choices.iter().find(|choice| value == choice.word);
                let chosen = chosen.ok_or_else(|| {
                    let words: Vec<&str> = choices.iter().map(|choice| choice.word).collect();
                    write_one_of(&words)
                })?;
                (chosen.apply)(settings);
                Ok(())
            }
            // `apply` handles them.
            Kind::Switch(_) | Kind::Count(_) | Kind::List(_) => Ok(()),
        }
    }

    /// Applies each value. An error quotes the value and names the option.
    fn check<'a>(
        &self,
        mut values: impl Iterator<Item = &'a OsStr>,
        mut apply: impl FnMut(&'a OsStr) -> Result<(), String>,
    ) -> Result<(), String> {
        values.try_for_each(|value| {
            apply(value).map_err(|why| {
                let long = self.long;
                let typed = match self.is_secret {
                    true => String::new(),
                    false => format!(" {}", quoted(value)),
                };
                let name = self.value_name().unwrap_or_default();
                format!("invalid value{typed} for '--{long} <{name}>': {why}")
            })
        })
    }
}

impl List {
    /// The values in one argument.
    fn split<'a>(&self, values: &'a OsStr) -> Vec<&'a OsStr> {
        match (values.to_str(), self.separator) {
            (Some(text), Some(separator)) => {
                let mut depth = 0;
                // A pattern such as {a,b} is one value.
                let parts = text.split(move |char| {
                    match char {
                        '{' => depth += 1,
                        '}' => depth -= 1,
                        _ => {}
                    }
                    char == separator && depth == 0
                });
                parts.map(OsStr::new).collect()
            }
            _ => vec![values],
        }
    }
}

/// A value in quotes. Control characters and invisible characters are escaped, so it stays on one
/// line and reads as what it is.
pub fn quoted(value: &OsStr) -> String {
    let mut text = String::from("'");
    for char in value.to_string_lossy().chars() {
        // Writing to a string never fails.
        write_visible(&mut text, char).unwrap_or_default();
    }
    text.push('\'');
    text
}

/// The value as text.
pub fn utf8(value: &OsStr) -> Result<&str, String> {
    value.to_str().ok_or_else(|| "it is not UTF-8".into())
}

/// Stores a parsed value, or returns the error.
pub fn store<T>(place: &mut T, parsed: Result<T, String>) -> Result<(), String> {
    *place = parsed?;
    Ok(())
}

/// The advice to write one of these words: `write pretty, json or off`.
pub fn write_one_of(words: &[impl AsRef<str>]) -> String {
    let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
    match &*words {
        [others @ .., last] if !others.is_empty() => {
            format!("write {} or {last}", others.join(", "))
        }
        _ => format!("write {}", words.concat()),
    }
}
