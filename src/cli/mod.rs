//! Turns the command line, the environment and the configuration file into a configuration, and makes what docroot
//! prints. [`parse`] depends only on its arguments: it reads files through `read`.

use std::ffi::{OsStr, OsString};
use std::io;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;

use clap::ArgMatches;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;

use command::{PATH, TARGET};
use config_file::ConfigFile;
pub use config_file::ReadText;
use environment::Environment;
use given::{Given, Said, Secrets, Served, Value};
use launch::{Command, RootSource};
use machine::Machine;
use options::{CONFIG, Mode, OptionDef, options, quoted, write_one_of};
use settings::Settings;
pub use usage::UsageError;

use crate::net::config::{Config, Port};
use crate::observe::options::{Detail, JsonField, LogFormat, LogOptions};
use crate::site::options::SiteOptions;
use crate::site::path::is_hidden_name;

// What docroot prints when it listens.
pub mod banner;
// What `docroot check` finds.
pub mod check;
// What `docroot explain` prints.
pub mod explanation;
// The command line as clap needs it.
mod command;
// A configuration file as a source of options.
pub mod config_file;
// The options that were set, and by what.
mod given;
// Opens a browser.
pub mod browser;
// A word behind an option that takes its value only behind an equals sign.
mod detached;
// The environment as a source of options.
mod environment;
// Asks for a password and hashes it.
pub mod hash_password;
// How the options of HTTPS combine.
mod https;
// Options that name the same place to listen.
mod listeners;
// The processors, the limit of open files, the terminal, the time zone.
pub mod machine;
// The known name that is nearest to what was typed.
mod nearest;
// Every option, defined once.
mod options;
// Completions and the manual page.
mod printed;
// A URL as a QR code.
pub mod qr;
// Parses the request of `docroot explain`.
mod request;
// What docroot tells the service manager.
pub mod service_manager;
// The signals that docroot handles.
pub mod signals;
// What docroot is asked to do.
pub mod launch;
// The textbook.
pub mod learn;
// The files with secrets of docroot itself.
mod secrets;
// The settings that options change.
mod settings;
#[cfg(test)]
mod tests;
// Durations, sizes, counts and ports as people write them.
mod units;
// Unknown options and variables.
mod unknown;
// Mistakes in the arguments.
mod usage;
// Warnings about what a server exposes.
pub mod warnings;

/// The command for these arguments. The first argument is the name of the program.
///
/// The command line takes precedence over environment variables, and those over the configuration file.
pub fn parse(
    arguments: impl IntoIterator<Item = OsString>,
    variables: impl IntoIterator<Item = (OsString, OsString)>,
    machine: &Machine,
    read: ReadText<'_>,
) -> Result<Command, UsageError> {
    let typed: Vec<OsString> = arguments.into_iter().collect();
    let mut with_word = Mode::WITH_WORD.into_iter();
    let first = typed.get(1);
    let mode = with_word.find(|mode| first.is_some_and(|first| first == mode.word()));
    let mode = mode.unwrap_or(Mode::Serve);
    let settings = Settings::defaults(machine);
    let matches = command::command(&settings)
        .try_get_matches_from(&typed)
        .map_err(|error| usage_error(mode, &settings, &error, &typed, read).with_format(&typed))?;
    let of_subcommand = matches.subcommand().map(|(_, matches)| matches);
    let matches = of_subcommand.unwrap_or(&matches);
    let environment = Environment::new(variables);
    act(mode, settings, &typed, matches, &environment, read)
        .map_err(|mistake| UsageError::new(mode, &mistake).with_format(&typed))
}

/// The error of clap, or a clearer text for a mistake that clap misunderstands.
fn usage_error(
    mode: Mode,
    defaults: &Settings,
    error: &clap::Error,
    typed: &[OsString],
    read: ReadText<'_>,
) -> UsageError {
    let is_absent = |name: &OsString| {
        let outcome = read(name.as_ref());
        outcome.is_err_and(|fault| fault.kind() == io::ErrorKind::NotFound)
    };
    if matches!(
        error.kind(),
        ErrorKind::UnknownArgument | ErrorKind::ArgumentConflict
    ) && let Some(advice) = nearly_command(mode, typed)
        && let Some(first) = typed.get(1).filter(|first| is_absent(first))
    {
        let text = format!("there is no command {}; {advice}", quoted(first));
        return UsageError::new(mode, &text);
    }
    // A second path may be there because the first one was meant as the value of an option.
    let with_advice = |mistake: String| match detached::advice(mode, defaults, typed, None) {
        Some(advice) => format!("{mistake}; {advice}"),
        None => mistake,
    };
    let text = match (mode, error.kind()) {
        (_, ErrorKind::UnknownArgument) => match error.get(ContextKind::InvalidArg) {
            Some(ContextValue::String(word)) if word.starts_with('-') => {
                let of_switch = detached::value_of_switch(mode, typed).filter(|_| word == "-=");
                of_switch.unwrap_or_else(|| unknown::option(mode, word))
            }
            _ => with_advice(usage::one_line(error)),
        },
        // clap takes a second path for a misplaced subcommand.
        (Mode::Serve, ErrorKind::ArgumentConflict) => {
            let mut with_word = Mode::WITH_WORD.into_iter();
            let is_typed = |mode: &Mode| typed.iter().any(|word| word == mode.word());
            if let Some(mode) = with_word.find(is_typed) {
                let (word, command) = (mode.word(), mode.typed());
                let text =
                    format!("{word} must be the first argument: write {command}, then the options");
                return UsageError::new(Mode::Serve, &text);
            }
            let word = match error.get(ContextKind::InvalidSubcommand) {
                Some(ContextValue::String(word)) => quoted(OsStr::new(word)),
                _ => String::new(),
            };
            with_advice(format!(
                "unexpected argument {word} found: docroot serves one directory or one file"
            ))
        }
        (_, ErrorKind::InvalidValue | ErrorKind::TooManyValues) => match value_mistake(error) {
            Some(text) => text,
            None => return UsageError::from_clap(mode, error),
        },
        _ => return UsageError::from_clap(mode, error),
    };
    UsageError::new(mode, &text)
}

/// What to type instead of the first argument, if it is nearly a command. It may still name what to serve.
fn nearly_command(mode: Mode, typed: &[OsString]) -> Option<String> {
    let word = |index: usize| typed.get(index).and_then(|word| word.to_str());
    match mode {
        Mode::Serve => unknown::command(word(1)?, word(2)),
        _ => None,
    }
}

/// A mistake in the value of an option: it is not one of a few words, or the option takes none.
fn value_mistake(error: &clap::Error) -> Option<String> {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text),
        _ => None,
    };
    let (option, value) = (
        text(ContextKind::InvalidArg)?,
        text(ContextKind::InvalidValue)?,
    );
    let typed = quoted(OsStr::new(value));
    let valid = error.get(ContextKind::ValidValue);
    let valid =
        valid.filter(|valid| !matches!(valid, ContextValue::Strings(words) if words.is_empty()));
    Some(match valid {
        None if error.kind() == ErrorKind::TooManyValues => unknown::value(option, value),
        Some(ContextValue::Strings(words)) if value.is_empty() => {
            let advice = write_one_of(words);
            format!("the value of '{option}' is missing: {advice}")
        }
        Some(ContextValue::Strings(words)) => {
            let advice = write_one_of(words);
            format!("invalid value {typed} for '{option}': {advice}")
        }
        _ => return None,
    })
}

/// Applies the options and makes the command.
fn act(
    mode: Mode,
    defaults: Settings,
    words: &[OsString],
    matches: &ArgMatches,
    environment: &Environment,
    read: ReadText<'_>,
) -> Result<Command, String> {
    let mut settings = defaults.clone();
    if mode == Mode::Learn {
        settings.learn();
    }
    let (prints, changes): (Vec<&OptionDef>, Vec<&OptionDef>) = options(mode)
        .map(|(_, option)| option)
        .partition(|option| option.prints());
    for option in prints {
        apply_typed(option, &mut settings, matches)?;
    }
    // The help is printed even if there is a mistake in other options or in the environment.
    if let Some(printed) = settings.print {
        return Ok(Command::Print(printed::render(printed, mode, &defaults)));
    }
    let sources = Sources {
        matches,
        environment,
        file: None,
    };
    let file = sources.config_file(mode, &defaults, read)?;
    let sources = Sources { file, ..sources };
    let given = sources.apply(changes, &mut settings)?;
    let root_source = sources.find_root(mode, &defaults, words, &mut settings);
    settings.allow_own_addresses();
    settings.settle_log();
    settings.remarks = remarks(&settings, environment);
    let told = |mistake: String| with_sources(mistake, &given);
    check_together(&settings.config).map_err(told)?;
    if mode == Mode::Learn {
        check_learn(&settings.config).map_err(told)?;
    }
    let root = settings.config.root.clone();
    let served = Served {
        path: &root,
        source: root_source,
    };
    if settings.print_config {
        settings.launch().map_err(told)?;
        let printed = given::print(&given, &served, &defaults, Secrets::Shown);
        return printed.map(Command::Print);
    }
    // A running server may keep an `--admin` that the file no longer has.
    if settings.config.admin.is_some() || settings.config_file.is_some() {
        settings.shown = shown(&given, &served, &defaults);
    }
    outcome(mode, settings, matches).map_err(told)
}

/// What the operator should know of the options, although they are no mistakes.
fn remarks(settings: &Settings, environment: &Environment) -> Vec<String> {
    let mut remarks = environment.warnings();
    if settings.config.log.detail > Detail::Brief {
        remarks.extend(environment.ignored());
    }
    remarks.extend(unprinted(&settings.config.log));
    remarks.extend(unreachable_class(&settings.config));
    remarks.extend(unused_ports(settings));
    remarks
}

/// Says of the options that a mistake names where they come from. Whoever starts docroot knows what was typed.
fn with_sources(mistake: String, given: &[Given]) -> String {
    let is_named = |option: &OptionDef| {
        let words = mistake.split(|char: char| !char.is_ascii_alphanumeric() && char != '-');
        let name = |word: &str| word.strip_prefix("--") == Some(option.long);
        words.into_iter().any(name)
    };
    let elsewhere = given
        .iter()
        .filter(|given| given.source != FROM_COMMAND_LINE);
    let elsewhere = elsewhere.filter(|given| is_named(given.option));
    let sources: Vec<String> = elsewhere
        .map(|given| format!("--{} comes {}", given.option.long, given.source))
        .collect();
    match sources.is_empty() {
        true => mistake,
        false => format!("{mistake} ({})", sources.join(", ")),
    }
}

/// What operators see of the configuration. A value that cannot be printed does not keep the server from starting.
fn shown(given: &[Given], served: &Served<'_>, defaults: &Settings) -> Arc<[u8]> {
    let printed = given::print(given, served, defaults, Secrets::Masked);
    let printed = printed.unwrap_or_else(|fault| format!("# {fault}\n").into_bytes());
    printed.into()
}

/// The command for these settings.
fn outcome(mode: Mode, settings: Settings, matches: &ArgMatches) -> Result<Command, String> {
    match mode {
        Mode::Serve => settings.launch().map(Box::new).map(Command::Serve),
        Mode::Check => settings.check().map(Box::new).map(Command::Check),
        Mode::Learn => settings.launch().map(Box::new).map(Command::Learn),
        // It takes no settings.
        Mode::HashPassword => Ok(Command::HashPassword),
        Mode::Explain => {
            let target = target(matches.get_one::<OsString>(TARGET))?;
            settings.explain(target).map(Box::new).map(Command::Explain)
        }
        Mode::Compress => Ok(Command::Compress(Box::new(settings.compress()))),
    }
}

/// What the log cannot print although it was asked to.
fn unprinted(log: &LogOptions) -> Vec<String> {
    let is_json = log.format == LogFormat::Json;
    let fields = log.fields.as_deref();
    let lacks_sample = fields.is_some_and(|fields| !fields.contains(&JsonField::Sample));
    let remarks = [
        (
            log.detail == Detail::Heads && !log.wants_heads(),
            "only the pretty log shows heads: add --log-format pretty to -vv",
        ),
        (
            log.steps && !log.wants_steps(),
            "only the pretty log explains responses: add --log-format pretty to --explain",
        ),
        (
            fields.is_some() && !is_json,
            "only the json log has fields: add --log-format json to --log-fields",
        ),
        (
            is_json && lacks_sample && log.one_in > NonZeroU32::MIN,
            "the log does not say for how many requests a line stands: add sample to --log-fields",
        ),
    ];
    let told = remarks.into_iter().filter(|(is_lacking, _)| *is_lacking);
    told.map(|(_, remark)| remark.to_owned()).collect()
}

/// Where options come from, in order of precedence.
struct Sources<'a> {
    matches: &'a ArgMatches,
    environment: &'a Environment,
    file: Option<ConfigFile>,
}

impl Sources<'_> {
    /// Reads the configuration file, if one is named.
    fn config_file(
        &self,
        mode: Mode,
        defaults: &Settings,
        read: ReadText<'_>,
    ) -> Result<Option<ConfigFile>, String> {
        let mut settings = defaults.clone();
        let named = options(mode).find(|(_, option)| option.long == CONFIG);
        self.apply(named.map(|(_, option)| option), &mut settings)?;
        let name = settings.config_file.as_deref();
        name.map(|name| ConfigFile::read(name, read)).transpose()
    }

    /// Applies options. Returns those that were set.
    fn apply(
        &self,
        options: impl IntoIterator<Item = &'static OptionDef>,
        settings: &mut Settings,
    ) -> Result<Vec<Given>, String> {
        let mut all = Vec::new();
        for option in options {
            let given = if let Some(said) = apply_typed(option, settings, self.matches)? {
                Some((said, FROM_COMMAND_LINE.to_owned()))
            } else if let Some((name, said)) = self.environment.apply(option, settings)? {
                Some((said, from_variable(&name)))
            } else if let Some(file) = &self.file {
                let said = file.apply(option, settings)?;
                said.map(|said| (said, FROM_FILE.to_owned()))
            } else {
                None
            };
            all.extend(given.map(|(said, source)| Given {
                option,
                said,
                source,
            }));
        }
        Ok(all)
    }

    /// Finds out what to serve. Returns what set it; `None` if no source names a path.
    fn find_root(
        &self,
        mode: Mode,
        defaults: &Settings,
        words: &[OsString],
        settings: &mut Settings,
    ) -> Option<String> {
        let typed = self.matches.try_get_one::<PathBuf>(PATH).ok().flatten();
        let is_served = mode != Mode::Learn;
        let root = &mut settings.config.root;
        if let Some(path) = typed {
            let of_value = detached::advice(mode, defaults, words, Some(path.as_ref()));
            let advice = of_value.or_else(|| nearly_command(mode, words));
            settings.root_source = match advice {
                Some(advice) => RootSource::PerhapsNone(advice),
                None => RootSource::Usual,
            };
            *root = path.clone();
            Some(FROM_COMMAND_LINE.to_owned())
        } else if let Some(path) = self.environment.path().filter(|_| is_served) {
            settings.root_source = RootSource::Variable(environment::PATH);
            *root = path;
            Some(from_variable(environment::PATH))
        } else if let Some(path) = self.file.as_ref().and_then(ConfigFile::path)
            && is_served
        {
            settings.root_source = RootSource::ConfigFile;
            *root = path.to_owned();
            Some(FROM_FILE.to_owned())
        } else {
            if let Some(first) = settings.config.sites.first() {
                *root = first.root.clone();
            } else if self.file.is_some() && is_served {
                settings.root_source = RootSource::Unnamed;
            }
            None
        }
    }
}

const FROM_COMMAND_LINE: &str = "from the command line";
const FROM_FILE: &str = "from the configuration file";

fn from_variable(name: &str) -> String {
    format!("from the variable {name}")
}

/// Applies an option that is among the arguments, and returns what they say. `None` if it is not.
fn apply_typed(
    option: &OptionDef,
    settings: &mut Settings,
    matches: &ArgMatches,
) -> Result<Option<Said>, String> {
    if matches.value_source(option.long) != Some(ValueSource::CommandLine) {
        return Ok(None);
    }
    let values = matches.get_raw(option.long).into_iter().flatten();
    let said = Said::Values(values.map(|value| Value::Text(value.to_owned())).collect());
    said.apply(option, settings)?;
    Ok(Some(said))
}

/// What options mean together.
fn check_together(config: &Config) -> Result<(), String> {
    check_index(&config.site)?;
    check_negotiation(&config.site)?;
    check_hosts(config)?;
    check_archives(&config.site)?;
    check_log(&config.log)?;
    check_class(config)
}

/// A hidden index file would be served although hidden names are not.
fn check_index(site: &SiteOptions) -> Result<(), String> {
    let is_hidden = |name: &&String| !site.hidden && is_hidden_name(name.as_bytes());
    match site.index.iter().find(is_hidden) {
        None => Ok(()),
        Some(name) => Err(format!(
            "--index {} is the name of a hidden file: add --include-hidden, or choose another name",
            quoted(OsStr::new(name))
        )),
    }
}

/// Options that only say how to negotiate.
fn check_negotiation(site: &SiteOptions) -> Result<(), String> {
    let useless = if site.negotiate {
        return Ok(());
    } else if site.strict_negotiation {
        "--strict-negotiation"
    } else if site.default_language.is_some() {
        "--default-language"
    } else {
        return Ok(());
    };
    Err(format!(
        "{useless} has no effect without --negotiate: add --negotiate"
    ))
}

/// An archive tells the names in a directory, so there is none without listings.
fn check_archives(site: &SiteOptions) -> Result<(), String> {
    match site.archive && !site.listing {
        true => Err(
            "--archive has no effect with --no-listing, because an archive tells what a listing \
             shows: remove one of the two"
                .into(),
        ),
        false => Ok(()),
    }
}

/// A file for a log that is off.
fn check_log(log: &LogOptions) -> Result<(), String> {
    match log.file.is_some() && log.format == LogFormat::Off {
        true => Err("--log-file has no effect with --log-format off: remove one of the two".into()),
        false => Ok(()),
    }
}

/// Learners do experiments with the wire view.
fn check_class(config: &Config) -> Result<(), String> {
    match config.class_from.is_some() && !config.inspect {
        true => Err(
            "--class has no effect without --inspect: add --inspect, or run docroot learn".into(),
        ),
        false => Ok(()),
    }
}

/// Only the user who has unpacked the textbook can read it.
fn check_learn(config: &Config) -> Result<(), String> {
    match config.privileges.user {
        Some(_) => Err(
            "docroot learn does not take --user, because its folder is private: start it as that user, without --user"
                .into(),
        ),
        None => Ok(()),
    }
}

/// A class that nobody can reach.
fn unreachable_class(config: &Config) -> Option<String> {
    let is_unreachable = config.class_from.is_some() && config.bind.is_loopback();
    let remark =
        "the class cannot connect, because only this machine can: add --bind lan to --class";
    is_unreachable.then(|| remark.to_owned())
}

/// Ports of a server that listens only on sockets that have none, or that have theirs from the service manager. The
/// variable PORT may be there for other programs, so this is no mistake.
fn unused_ports(settings: &Settings) -> Vec<String> {
    let has_address = settings.config.bind.addresses().next().is_some();
    let options = [
        ("--port", matches!(settings.config.port, Port::Fixed(_))),
        ("--http-redirect", settings.https.redirect.is_some()),
    ];
    let unused = options
        .into_iter()
        .filter(|(_, is_given)| *is_given && !has_address);
    let told = unused.map(|(option, _)| {
        format!(
            "{option} has no effect, because --bind names no address: leave it out, or add an address such as \
             0.0.0.0 to --bind"
        )
    });
    told.collect()
}

/// A server that answers for no host.
fn check_hosts(config: &Config) -> Result<(), String> {
    match config.strict_host && config.sites.is_empty() && config.allow_hosts.is_empty() {
        true => Err(
            "--strict-host without --site or --allow-host answers nobody: add --allow-host with the \
             name that clients use, such as --allow-host files.example"
                .into(),
        ),
        false => Ok(()),
    }
}

fn target(typed: Option<&OsString>) -> Result<Vec<u8>, String> {
    let typed = typed.ok_or(
        "explain needs the target of a request, such as /index.html; \
         to serve a directory named explain, write docroot ./explain",
    )?;
    request::target(typed.as_encoded_bytes())
        .map_err(|why| format!("invalid value {} for '<{TARGET}>': {why}", quoted(typed)))
}
