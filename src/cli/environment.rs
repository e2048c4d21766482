//! The environment as a source of options.
//!
//! `DOCROOT_SOME_NAME` sets `--some-name`. docroot reads the variable only if the option was not
//! typed. An empty variable counts as unset, and so does the address of a service, `tcp://192.0.2.1:80`:
//! Kubernetes sets `DOCROOT_PORT` to such a value if a service has the name docroot.

use std::ffi::{OsStr, OsString};

use super::options::{Kind, OptionDef, quoted};
use super::settings::Settings;

/// Applies the first variable of the option that is set. An error names the variable.
pub fn apply(
    option: &OptionDef,
    settings: &mut Settings,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<(), String> {
    for name in option.variables() {
        if let Some(value) = variable(&name).filter(|value| is_set(value)) {
            return apply_value(option, settings, &value)
                .map_err(|what| format!("the variable {name}: {what}"));
        }
    }
    Ok(())
}

fn is_set(value: &OsStr) -> bool {
    let is_service = ["tcp://", "udp://", "sctp://"]
        .iter()
        .any(|scheme| value.as_encoded_bytes().starts_with(scheme.as_bytes()));
    !value.is_empty() && !is_service
}

fn apply_value(option: &OptionDef, settings: &mut Settings, value: &OsStr) -> Result<(), String> {
    match option.kind {
        Kind::Switch(_) => match is_on(value) {
            Some(true) => option.apply(settings, &[]),
            Some(false) => Ok(()),
            None => Err(format!(
                "invalid value {}: write 1 for on or 0 for off",
                quoted(value)
            )),
        },
        _ => option.apply(settings, &[value]),
    }
}

/// Whether a word turns a switch on or off; `None` if it is neither.
fn is_on(word: &OsStr) -> Option<bool> {
    let word = word.to_str()?.to_ascii_lowercase();
    match word.as_str() {
        "1" | "true" | "yes" | "on" => Some(true),
        "0" | "false" | "no" | "off" => Some(false),
        _ => None,
    }
}
