//! The environment as a source of options.
//!
//! Every option `--some-name` also reads `DOCROOT_SOME_NAME`, by construction: the variables are
//! made from the options, and what they hold is put before the arguments as if it had been typed.
//! An option that was typed leaves its variable unread, and a mistake names the variable.

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};

use super::arguments::{COMPLETIONS, MAN, PORT};
use super::one_line;

/// The arguments to parse: `typed`, and before them what the environment says of options that were
/// not `given`.
pub fn with_environment(
    command: &mut Command,
    given: &ArgMatches,
    typed: Vec<OsString>,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<Vec<OsString>, clap::Error> {
    let mut typed = typed.into_iter();
    let mut all = vec![typed.next().unwrap_or_else(|| "docroot".into())];
    let options: Vec<Arg> = command.get_arguments().cloned().collect();
    for option in options.iter().filter(|option| is_read(option, given)) {
        for name in variables(option) {
            let value = variable(&name).filter(|value| !value.is_empty());
            if let Some(value) = value {
                all.extend(as_typed(command, option, &name, value)?);
                break;
            }
        }
    }
    all.extend(typed);
    Ok(all)
}

/// The variables that stand for an option, the first that is set winning. `PORT` is what hosting
/// platforms set.
fn variables(option: &Arg) -> impl Iterator<Item = String> + use<> {
    let long = option.get_long().unwrap_or_default();
    let own = format!("DOCROOT_{}", long.to_uppercase().replace('-', "_"));
    let common = (option.get_id() == PORT).then(|| "PORT".to_owned());
    [Some(own), common].into_iter().flatten()
}

/// Whether the environment speaks for the option: it has a name, was not typed, and is about
/// serving.
fn is_read(option: &Arg, given: &ArgMatches) -> bool {
    let id = option.get_id();
    let ends = matches!(
        option.get_action(),
        ArgAction::HelpShort | ArgAction::Version
    );
    let prints = ends || id == COMPLETIONS || id == MAN;
    option.get_long().is_some()
        && !prints
        && given.value_source(id.as_str()) != Some(ValueSource::CommandLine)
}

/// The option as it would have been typed; nothing for a switch that is off.
fn as_typed(
    command: &mut Command,
    option: &Arg,
    name: &str,
    value: OsString,
) -> Result<Option<OsString>, clap::Error> {
    let mut argument = OsString::from("--");
    argument.push(option.get_long().unwrap_or_default());
    if matches!(option.get_action(), ArgAction::SetTrue) {
        return match switch(&value) {
            Some(on) => Ok(on.then_some(argument)),
            None => {
                let what = format!("{value:?} is neither yes nor no: say 1 or 0");
                Err(mistake(command, name, &what))
            }
        };
    }
    argument.push("=");
    argument.push(value);
    let alone = [OsString::from("docroot"), argument.clone()];
    match command.try_get_matches_from_mut(alone) {
        Ok(_) => Ok(Some(argument)),
        Err(error) => Err(mistake(command, name, &one_line(&error))),
    }
}

fn mistake(command: &mut Command, name: &str, what: &str) -> clap::Error {
    command.error(
        ErrorKind::ValueValidation,
        format!("the variable {name}: {what}"),
    )
}

/// Whether a word says yes or no.
fn switch(word: &OsString) -> Option<bool> {
    let word = word.to_str()?.to_ascii_lowercase();
    match word.as_str() {
        "1" | "true" | "yes" | "on" => Some(true),
        "0" | "false" | "no" | "off" => Some(false),
        _ => None,
    }
}
