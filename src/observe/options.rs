//! How requests are logged.

use std::path::PathBuf;

use super::zone::Zone;

/// How a line of the access log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people: columns, colours, the reason for each response.
    Pretty,
    /// The combined format of Apache and nginx, which tools parse.
    Combined,
    /// One JSON object per line.
    Json,
    /// No log.
    Off,
}

/// How much the log for people says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// What fits into one line of the terminal.
    Brief,
    /// Everything that is known about the exchange, in one line.
    Full,
    /// The heads of the request and of the response follow the line.
    Heads,
}

/// How requests are logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogOptions {
    /// The format of a line.
    pub format: LogFormat,
    /// Whether the pretty format may use colours.
    pub colour: bool,
    /// How much the pretty format says.
    pub detail: Detail,
    /// The columns of the terminal, for the pretty format.
    pub width: usize,
    /// Whether the steps of each decision follow in the pretty format.
    pub steps: bool,
    /// The time zone of times.
    pub zone: Zone,
    /// Where the log goes. Without a file, to the standard output.
    pub file: Option<PathBuf>,
}

impl LogOptions {
    /// No log.
    pub const OFF: LogOptions = LogOptions {
        format: LogFormat::Off,
        colour: false,
        detail: Detail::Brief,
        width: LogOptions::WIDTH,
        steps: false,
        zone: Zone::Utc,
        file: None,
    };

    /// Whether the log prints heads.
    pub fn wants_heads(&self) -> bool {
        self.format == LogFormat::Pretty && self.detail == Detail::Heads
    }

    /// Whether the log prints the steps of each decision.
    pub fn wants_steps(&self) -> bool {
        self.format == LogFormat::Pretty && self.steps
    }

    /// The columns of most terminals, and of the output if it is no terminal.
    pub const WIDTH: usize = 80;
}
