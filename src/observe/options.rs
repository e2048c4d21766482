//! How requests are logged.

use std::fmt;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;

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
    /// For the journal of systemd: a priority, and no time.
    Journal,
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

/// How much is logged, as an operator chooses it while the server runs. Each says more than the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// Only requests whose status is an error, or that were cut.
    Errors,
    /// [`Detail::Brief`].
    Brief,
    /// [`Detail::Full`].
    Full,
    /// [`Detail::Heads`].
    Heads,
}

impl LogLevel {
    /// All levels.
    pub const ALL: [LogLevel; 4] = [
        LogLevel::Errors,
        LogLevel::Brief,
        LogLevel::Full,
        LogLevel::Heads,
    ];

    /// The name for operators.
    pub fn name(self) -> &'static str {
        match self {
            LogLevel::Errors => "errors",
            LogLevel::Brief => "brief",
            LogLevel::Full => "full",
            LogLevel::Heads => "heads",
        }
    }
}

/// Why a log has no such level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoSuchLevel {
    /// There is no log.
    NoLog,
    /// Its format has no heads.
    NoHeads,
}

impl fmt::Display for NoSuchLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NoSuchLevel::NoLog => {
                "There is no access log. Start docroot with a --log-format other than off."
            }
            NoSuchLevel::NoHeads => {
                "Only --log-format pretty prints heads. Send full, or start docroot with that format."
            }
        })
    }
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
    /// Of how many successful exchanges one is logged. All others are always logged.
    pub one_in: NonZeroU32,
    /// Whether none of the successful exchanges is logged.
    pub only_errors: bool,
    /// The members of a line of JSON, in this order. `None` means all that apply.
    pub fields: Option<Arc<[JsonField]>>,
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
        one_in: NonZeroU32::MIN,
        only_errors: false,
        fields: None,
        file: None,
    };

    /// How much is logged; `None` if nothing is.
    pub fn level(&self) -> Option<LogLevel> {
        let level = match self.detail {
            _ if self.only_errors => LogLevel::Errors,
            Detail::Brief => LogLevel::Brief,
            Detail::Heads if self.wants_heads() => LogLevel::Heads,
            Detail::Full | Detail::Heads => LogLevel::Full,
        };
        (self.format != LogFormat::Off).then_some(level)
    }

    /// The same options at this level. Errors are logged as before.
    pub fn at(&self, level: LogLevel) -> Result<LogOptions, NoSuchLevel> {
        match self.format {
            LogFormat::Off => return Err(NoSuchLevel::NoLog),
            LogFormat::Pretty => {}
            _ if level == LogLevel::Heads => return Err(NoSuchLevel::NoHeads),
            _ => {}
        }
        Ok(LogOptions {
            only_errors: level == LogLevel::Errors,
            detail: match level {
                LogLevel::Errors => self.detail,
                LogLevel::Brief => Detail::Brief,
                LogLevel::Full => Detail::Full,
                LogLevel::Heads => Detail::Heads,
            },
            ..self.clone()
        })
    }

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

/// A member of a line of JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum JsonField {
    Time,
    Peer,
    Port,
    Proxy,
    User,
    Host,
    Method,
    Target,
    Version,
    Status,
    Sent,
    Duration,
    Referer,
    UserAgent,
    Reason,
    Complete,
    Cut,
    Tls,
    Id,
    Sample,
}

impl JsonField {
    /// All of them, in the order of a line that has all.
    pub const ALL: [JsonField; 20] = [
        JsonField::Time,
        JsonField::Peer,
        JsonField::Port,
        JsonField::Proxy,
        JsonField::User,
        JsonField::Host,
        JsonField::Method,
        JsonField::Target,
        JsonField::Version,
        JsonField::Status,
        JsonField::Sent,
        JsonField::Duration,
        JsonField::Referer,
        JsonField::UserAgent,
        JsonField::Reason,
        JsonField::Complete,
        JsonField::Cut,
        JsonField::Tls,
        JsonField::Id,
        JsonField::Sample,
    ];

    /// The name of the member.
    pub fn name(self) -> &'static str {
        match self {
            JsonField::Time => "time",
            JsonField::Peer => "peer",
            JsonField::Port => "port",
            JsonField::Proxy => "proxy",
            JsonField::User => "user",
            JsonField::Host => "host",
            JsonField::Method => "method",
            JsonField::Target => "target",
            JsonField::Version => "version",
            JsonField::Status => "status",
            JsonField::Sent => "sent",
            JsonField::Duration => "duration",
            JsonField::Referer => "referer",
            JsonField::UserAgent => "user_agent",
            JsonField::Reason => "reason",
            JsonField::Complete => "complete",
            JsonField::Cut => "cut",
            JsonField::Tls => "tls",
            JsonField::Id => "id",
            JsonField::Sample => "sample",
        }
    }

    /// The member with this name.
    pub fn named(name: &str) -> Option<JsonField> {
        let mut all = JsonField::ALL.into_iter();
        all.find(|field| field.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_without_heads_has_no_level_for_them() {
        let formats = [LogFormat::Combined, LogFormat::Json, LogFormat::Journal];
        for format in formats.into_iter().chain([LogFormat::Pretty]) {
            let log = LogOptions {
                format,
                ..LogOptions::OFF
            };
            for level in LogLevel::ALL {
                let has = level != LogLevel::Heads || format == LogFormat::Pretty;
                let got = log.at(level).map(|log| log.level());
                let want = if has {
                    Ok(Some(level))
                } else {
                    Err(NoSuchLevel::NoHeads)
                };
                assert_eq!(got, want, "{format:?}");
            }
            // The operator may have written -vv.
            let detail = Detail::Heads;
            let level = LogOptions { detail, ..log }.level();
            let is_pretty = format == LogFormat::Pretty;
            let want = if is_pretty {
                LogLevel::Heads
            } else {
                LogLevel::Full
            };
            assert_eq!(level, Some(want), "{format:?}");
        }
        let fault = LogOptions::OFF
            .at(LogLevel::Full)
            .expect_err("there is no log");
        assert_eq!((fault, LogOptions::OFF.level()), (NoSuchLevel::NoLog, None));
    }

    #[test]
    fn each_field_has_a_name_of_its_own() {
        for field in JsonField::ALL {
            assert_eq!(JsonField::named(field.name()), Some(field));
        }
        assert_eq!(JsonField::named("Time"), None);
    }
}
