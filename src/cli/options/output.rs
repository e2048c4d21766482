//! What the server prints while it runs.

use super::definition::{Choice, Group, Kind, OptionDef};
use crate::cli::settings::LogTime;
use crate::observe::options::{Detail, LogFormat};

/// The options of this group.
pub const GROUP: Group = Group {
    heading: "Output",
    options: &[QUIET, VERBOSE, QR, NO_QR, LOG_FORMAT, LOG_TIME],
};

const QUIET: OptionDef = OptionDef::new(
    "quiet",
    Kind::Switch(|settings| settings.quiet = true),
    "Do not print the banner, nor the summary at the end. Warnings and errors are still printed, and so is the access log: \
     --log-format off turns it off",
)
.short('q')
.everyday("Print no banner (--log-format off: no log)");

const VERBOSE: OptionDef = OptionDef::new(
    "verbose",
    Kind::Count(|settings, count| {
        settings.config.log.detail = match count {
            0 => Detail::Brief,
            1 => Detail::Full,
            _ => Detail::Heads,
        };
    }),
    "Spell out the reason for each response in the pretty log, whatever the width of the terminal. \
     -vv also prints the heads of each request and response, without the values of Authorization, \
     Proxy-Authorization, Cookie and Set-Cookie. DOCROOT_VERBOSE=1 means -v, and 2 means -vv",
)
.short('v')
.everyday("Spell out the reasons in the log; -vv: the heads");

const QR: OptionDef = OptionDef::new(
    "qr",
    Kind::Switch(|settings| settings.qr = Some(true)),
    "Print the address for other machines as a QR code, for the camera of a phone. On a terminal, \
     docroot does so by itself if other machines can connect",
)
.everyday("Print the address as a QR code for a phone");

const NO_QR: OptionDef = OptionDef::new(
    "no-qr",
    Kind::Switch(|settings| settings.qr = Some(false)),
    "Do not print a QR code",
);

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

const LOG_TIME: OptionDef = OptionDef::new(
    "log-time",
    Kind::Choice(
        "ZONE",
        &[
            Choice {
                word: "local",
                help: "The time of this machine, see TZ and /etc/localtime",
                apply: |settings| settings.log_time = Some(LogTime::Local),
            },
            Choice {
                word: "utc",
                help: "Universal time",
                apply: |settings| settings.log_time = Some(LogTime::Utc),
            },
        ],
    ),
    "The time zone of the access log. The formats combined and json write the offset from UTC too",
)
.default(|_| "local for pretty, utc otherwise".into());
