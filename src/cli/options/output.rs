//! What the server prints while it runs.

use super::definition::{Choice, Group, Kind, OptionDef};
use crate::observe::access_log::{Detail, LogFormat};

/// The options of this group.
pub const GROUP: Group = Group {
    heading: "Output",
    options: &[QUIET, VERBOSE, LOG_FORMAT],
};

const QUIET: OptionDef = OptionDef::new(
    "quiet",
    Kind::Switch(|settings| settings.quiet = true),
    "Print neither the banner nor the access log. Warnings and errors are still printed",
)
.short('q')
.everyday("Print neither the banner nor the access log");

const VERBOSE: OptionDef = OptionDef::new(
    "verbose",
    Kind::Count(|settings, count| {
        settings.config.log.detail = match count {
            0 => Detail::Brief,
            1 => Detail::Full,
            _ => Detail::Heads,
        };
    }),
    "Say more. DOCROOT_VERBOSE=1 means the same",
)
.short('v')
.everyday("Say more");

const LOG_FORMAT: OptionDef = OptionDef::new(
    "log-format",
    Kind::Choice(
        "FORMAT",
        &[
            Choice {
                word: "pretty",
                help: "For people, with colours",
                apply: |settings| settings.config.log.format = LogFormat::Pretty,
            },
            Choice {
                word: "combined",
                help: "The format of Apache and nginx",
                apply: |settings| settings.config.log.format = LogFormat::Combined,
            },
            Choice {
                word: "json",
                help: "One JSON object per line",
                apply: |settings| settings.config.log.format = LogFormat::Json,
            },
            Choice {
                word: "off",
                help: "No access log",
                apply: |settings| settings.config.log.format = LogFormat::Off,
            },
        ],
    ),
    "The format of the access log on the standard output",
)
.default(|_| "pretty on a terminal, combined otherwise".into())
.everyday("The access log: pretty, combined, json or off");
