//! A configuration file as a source of options.
//!
//! ```toml
//! path = "/srv/www"            # what to serve, like the path on the command line
//! port = 8080                  # --port 8080
//! no-listing = true            # --no-listing
//! index = ["index.html", "a"]  # --index index.html --index a
//!
//! [[redirect]]                 # --redirect '/old/**=/new/$1 308'
//! from = "/old/**"
//! to = "/new/$1"
//! status = 308
//! ```
//!
//! A key is the long name of an option. docroot reads it only if the option was neither typed nor set by a
//! variable. An option that may be repeated takes an array, and some take tables, see `OptionDef::table`. A string
//! may contain several values, as on the command line; a table is one value. `false` and an empty array are the same
//! as no line.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use self::entry::Entry;
use super::given::{Said, Value};
use super::options::{Kind, OptionDef, quoted};
use super::settings::Settings;

// What a file sets.
mod entry;
// The text of a file.
pub mod text;
// The value that a table stands for.
#[cfg(feature = "config-file")]
mod template;
// TOML.
#[cfg(feature = "config-file")]
mod toml;

/// Reads the text of a file.
pub type ReadText<'a> = &'a dyn Fn(&Path) -> io::Result<String>;

/// What a configuration file sets.
#[derive(Debug)]
pub struct ConfigFile {
    /// The name of the file, for messages.
    name: PathBuf,
    entries: Vec<Entry>,
    /// What to serve.
    path: Option<PathBuf>,
}

impl ConfigFile {
    /// Reads a file. An error names the file and the line.
    pub fn read(name: &Path, read: ReadText<'_>) -> Result<ConfigFile, String> {
        let shown = quoted(name.as_os_str());
        if !cfg!(feature = "config-file") {
            return Err(
                "this docroot was built without --config: run cargo install --path . --features config-file"
                    .to_owned(),
            );
        }
        let text = read(name)
            .map_err(|fault| format!("cannot read the configuration file {shown}: {fault}"))?;
        let mut file = ConfigFile {
            name: name.to_owned(),
            entries: Vec::new(),
            path: None,
        };
        file.parse(&text)?;
        Ok(file)
    }

    #[cfg(feature = "config-file")]
    fn parse(&mut self, text: &str) -> Result<(), String> {
        let parsed = toml::parse(text).map_err(|mistake| self.at(mistake.line, &mistake.text))?;
        (self.entries, self.path) = parsed;
        Ok(())
    }

    #[cfg(not(feature = "config-file"))]
    fn parse(&mut self, _: &str) -> Result<(), String> {
        Ok(())
    }

    /// What to serve.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Applies what the file says about an option, and returns it; `None` if it says nothing.
    pub fn apply(
        &self,
        option: &OptionDef,
        settings: &mut Settings,
    ) -> Result<Option<Said>, String> {
        let mut entries = self.entries.iter();
        let Some(entry) = entries.find(|entry| entry.option == option.long) else {
            return Ok(None);
        };
        match option.kind {
            Kind::List(list) => {
                (list.clear)(settings);
                for value in &entry.values {
                    let added = match value.row {
                        Some(_) => option.add_one(settings, &value.text),
                        None => option.add(settings, &value.text),
                    };
                    added.map_err(|mistake| self.at(value.line, &mistake))?;
                }
            }
            _ => {
                let texts: Vec<&OsStr> = entry.values.iter().map(|value| &*value.text).collect();
                option.apply(settings, &texts).map_err(|mistake| {
                    let line = entry.values.first().map_or(0, |value| value.line);
                    self.at(line, &mistake)
                })?;
            }
        }
        let values = entry.values.iter().map(|value| match &value.row {
            Some(row) => Value::Row(row.clone()),
            None => Value::Text(value.text.clone()),
        });
        Ok(Some(Said::Values(values.collect())))
    }

    fn at(&self, line: usize, mistake: &str) -> String {
        format!("{}, line {line}: {mistake}", quoted(self.name.as_os_str()))
    }
}
