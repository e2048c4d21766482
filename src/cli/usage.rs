//! Mistakes in the arguments.

use std::io::{self, Write};

use super::options::Mode;
use crate::text::invisible::is_invisible;

/// A mistake in the arguments. It may also be the help or the version, which the parser reports in
/// the same way.
#[derive(Debug)]
pub struct UsageError {
    report: Report,
    mode: Mode,
}

#[derive(Debug)]
enum Report {
    /// The help or the version.
    Requested(clap::Error),
    /// A mistake, in one line.
    Mistake(String),
}

impl UsageError {
    /// A mistake, described in one line.
    pub(super) fn new(mode: Mode, mistake: String) -> UsageError {
        let report = Report::Mistake(visible(&mistake));
        UsageError { report, mode }
    }

    /// What clap reports.
    pub(super) fn from_clap(mode: Mode, error: clap::Error) -> UsageError {
        let report = match error.use_stderr() {
            true => Report::Mistake(visible(&one_line(&error))),
            false => Report::Requested(error),
        };
        UsageError { report, mode }
    }

    /// The exit status: 2 for a mistake, 0 for the help and the version.
    pub fn exit_code(&self) -> u8 {
        match self.report {
            Report::Requested(_) => 0,
            Report::Mistake(_) => 2,
        }
    }

    /// Prints a mistake on the standard error in two lines: the mistake, and how to get help.
    /// Prints the help or the version on the standard output, with colours if it is a terminal that
    /// supports them.
    pub fn print(&self) -> io::Result<()> {
        match &self.report {
            Report::Requested(text) => text.print(),
            Report::Mistake(mistake) => {
                let command = match self.mode {
                    Mode::Serve => "docroot",
                    Mode::Explain => "docroot explain",
                };
                writeln!(
                    io::stderr(),
                    "docroot: {mistake}\ntry '{command} --help' for all options"
                )
            }
        }
    }

    #[cfg(test)]
    pub(super) fn mistake(&self) -> &str {
        match &self.report {
            Report::Requested(_) => "",
            Report::Mistake(mistake) => mistake,
        }
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
fn one_line(error: &clap::Error) -> String {
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
