//! Values that an option does not take as they were typed. Some options take a value only behind an equals sign, and
//! letters that switch something take none:
//!
//! ```text
//! --cors=https://a.example    the value of --cors
//! --cors https://a.example    --cors without a value, and the path of what to serve
//! -o=firefox                  -o, and a letter '=' that no option has
//! ```

use std::ffi::{OsStr, OsString};

use super::options::{Mode, OptionDef, options, quoted};
use super::settings::Settings;
use super::unknown;

/// How to give an option the word behind it as its value. `None`: no word could be meant so. If `path` is
/// given, only this word counts.
pub fn advice(
    mode: Mode,
    defaults: &Settings,
    words: &[OsString],
    path: Option<&OsStr>,
) -> Option<String> {
    words.windows(2).find_map(|pair| {
        let [name, value] = pair else { return None };
        if path.is_some_and(|path| path != value) {
            return None;
        }
        let name = name.to_str().filter(|name| name.starts_with("--"))?;
        let takes_value = |option: &OptionDef| option.bare.is_some() && option.is_named(name, mode);
        let (_, option) = options(mode).find(|(_, option)| takes_value(option))?;
        let is_option = value.as_encoded_bytes().starts_with(b"-");
        let is_value = option.apply(&mut defaults.clone(), &[value]).is_ok();
        (is_value && !is_option)
            .then(|| format!("to give {name} a value, write {name}={}", in_shell(value)))
    })
}

/// What to say about a letter that takes no value and has one behind an equals sign, as in `-o=firefox`. clap takes
/// the sign for a letter.
pub fn value_of_switch(mode: Mode, words: &[OsString]) -> Option<String> {
    words.iter().find_map(|word| {
        let word = word.to_str().filter(|word| !word.starts_with("--"))?;
        let (letters, value) = word.strip_prefix('-')?.split_once('=')?;
        let letter = letters.chars().last()?;
        let is_switch = |option: &OptionDef| {
            option.value_name().is_none() && option.short_in(mode) == Some(letter)
        };
        let is_known = options(mode).any(|(_, option)| is_switch(option));
        is_known.then(|| unknown::value(&format!("-{letter}"), value))
    })
}

/// The value as a shell takes it.
fn in_shell(value: &OsStr) -> String {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._/:,@%+".contains(byte);
    match value.as_encoded_bytes().iter().all(is_plain) {
        true => value.to_string_lossy().into_owned(),
        false => quoted(value),
    }
}
