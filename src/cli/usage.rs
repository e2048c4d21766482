//! Mistakes in the arguments.

use std::ffi::OsString;
use std::io::{self, Write};

use super::options::Mode;
use crate::text::invisible::is_invisible;

/// A mistake in the arguments.
#[derive(Debug)]
pub struct UsageError {
    /// In one line.
    mistake: String,
    mode: Mode,
    /// Whether a program reads the outcome.
    is_for_program: bool,
}

impl UsageError {
    /// A mistake, described in one line.
    pub(super) fn new(mode: Mode, mistake: &str) -> UsageError {
        let mistake = visible(mistake);
        UsageError {
            mistake,
            mode,
            is_for_program: false,
        }
    }

    /// The same, for a program if the words ask for a report as JSON. The mistake may be in any of them.
    pub(super) fn with_format(mut self, typed: &[OsString]) -> UsageError {
        let has_two = typed
            .windows(2)
            .any(|two| two[0] == "--format" && two[1] == "json");
        let has_one = typed.iter().any(|word| word == "--format=json");
        self.is_for_program = self.mode == Mode::Check && (has_two || has_one);
        self
    }

    /// Whether a program reads the outcome, and wants a report.
    pub fn is_for_program(&self) -> bool {
        self.is_for_program
    }

    /// The mistake that clap reports.
    pub(super) fn from_clap(mode: Mode, error: &clap::Error) -> UsageError {
        UsageError::new(mode, &one_line(error))
    }

    /// Prints the mistake on the standard error in two lines: the mistake, and how to get help.
    pub fn print(&self) -> io::Result<()> {
        let (mistake, command) = (&self.mistake, self.mode.typed());
        writeln!(
            io::stderr(),
            "docroot: {mistake}\ntry '{command} --help' for all options"
        )
    }

    /// The mistake in one line.
    pub fn mistake(&self) -> &str {
        &self.mistake
    }
}

/// The text with escapes for what people cannot see. It may quote what was typed.
fn visible(text: &str) -> String {
    let mut visible = String::new();
    for char in text.chars() {
        match is_invisible(char) || char.is_control() {
            true => visible.extend(char.escape_unicode()),
            false => visible.push(char),
        }
    }
    visible
}

/// The message of clap and its suggestions, in one line.
pub(super) fn one_line(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let mut parts = Vec::new();
    for line in text.lines().map(str::trim) {
        // The usage and a hint at --help follow. docroot prints a hint of its own.
        if line.starts_with("Usage:") || line.starts_with("For more information") {
            break;
        }
        let line = line.strip_prefix("error: ").unwrap_or(line);
        parts.extend(Some(line.replace("tip: ", "")).filter(|line| !line.is_empty()));
    }
    parts.join("; ")
}
