//! What the server prints while it runs.

use std::num::NonZeroU32;

use super::definition::{Choice, Group, Kind, List, OptionDef, store, utf8, write_one_of};
use crate::cli::nearest::with_nearest;
use crate::cli::qr::Qr;
use crate::cli::settings::LogTime;
use crate::cli::units::count;
use crate::observe::options::{Detail, JsonField, LogFormat};

/// The options of this group.
pub const GROUP: Group = Group {
    heading: "Output",
    options: &[
        QUIET, VERBOSE, EXPLAIN, QR, LOG_FORMAT, LOG_FILE, LOG_FIELDS, LOG_SAMPLE, LOG_TIME,
        ERROR_LOG,
    ],
};

const QUIET: OptionDef = OptionDef::new(
    "quiet",
    Kind::Switch(|settings| settings.quiet = true),
    "Do not print the banner or the summary at the end. Warnings, errors and the access log are \
     still printed; --log-format off turns off the log",
)
.short('q')
.common("Do not print the banner");

const VERBOSE: OptionDef = OptionDef::new(
    "verbose",
    Kind::Count(|settings, count| {
        settings.config.log.detail = match count {
            0 => Detail::Brief,
            1 => Detail::Full,
            _ => Detail::Heads,
        };
    }),
    "Log the full reason for each response in the pretty log, even if the line is wider than the \
     terminal, and log requests for a missing /favicon.ico. -vv also prints the heads of requests and \
     responses, with credentials and cookies masked. DOCROOT_VERBOSE=1 means -v, and 2 means -vv",
)
.short('v')
.common("Log full reasons; -vv also logs the heads");

const EXPLAIN: OptionDef = OptionDef::new(
    "explain",
    Kind::Switch(|settings| settings.config.log.steps = true),
    "After each line of the pretty log, print the steps that led to the response, each with the section of the \
     RFC and the function that implements it. 'docroot explain' prints the same for one request",
);

const QR: OptionDef = OptionDef::new(
    "qr",
    Kind::Choice(
        "WHEN",
        &[
            Choice {
                word: "auto",
                help: "On a terminal, if other machines can connect",
                apply: |settings| settings.qr = Qr::Auto,
            },
            Choice {
                word: "always",
                help: "Also elsewhere",
                apply: |settings| settings.qr = Qr::Always,
            },
            Choice {
                word: "never",
                help: "",
                apply: |settings| settings.qr = Qr::Never,
            },
        ],
    ),
    "When to print the URL for other machines as a QR code. --qr alone means --qr=always",
)
.bare("always")
.default(|_| "auto".into());

const LOG_FORMAT: OptionDef = OptionDef::new(
    "log-format",
    Kind::Choice(
        "FORMAT",
        &[
            Choice {
                word: "pretty",
                help: "For people, with colours",
                apply: |settings| settings.log_format = Some(LogFormat::Pretty),
            },
            Choice {
                word: "combined",
                help: "The format of Apache and nginx",
                apply: |settings| settings.log_format = Some(LogFormat::Combined),
            },
            Choice {
                word: "json",
                help: "One JSON object per line",
                apply: |settings| settings.log_format = Some(LogFormat::Json),
            },
            Choice {
                word: "journal",
                help: "For the journal of systemd: a priority in front, and no time",
                apply: |settings| settings.log_format = Some(LogFormat::Journal),
            },
            Choice {
                word: "off",
                help: "No access log",
                apply: |settings| settings.log_format = Some(LogFormat::Off),
            },
        ],
    ),
    "The format of the access log. A journal is the one of systemd, if it reads the standard output",
)
.default(|_| "pretty on a terminal, journal in a journal, combined otherwise".into())
.common("The log: pretty, combined, json, journal or off");

const LOG_FILE: OptionDef = OptionDef::new(
    "log-file",
    Kind::File(|settings, path| settings.config.log.file = Some(path)),
    "Append the access log to this file instead of printing it on the standard output. If the file is renamed or \
     deleted, docroot notices that within a second of a request and opens it again; after SIGUSR1, at once",
)
.default(|_| "the standard output".into());

const LOG_FIELDS: OptionDef = OptionDef::new(
    "log-fields",
    Kind::List(List {
        name: "FIELD",
        separator: Some(','),
        clear: |settings| settings.config.log.fields = None,
        add: |settings, value| {
            let fields = &mut settings.config.log.fields;
            let field = json_field(utf8(value)?)?;
            let mut all = fields.take().map_or(Vec::new(), |fields| fields.to_vec());
            if all.contains(&field) {
                return Err("it is there twice: leave one out".into());
            }
            all.push(field);
            *fields = Some(all.into());
            Ok(())
        },
    }),
    "The members of a line of the json log, in this order: time, peer, port, proxy, user, host, method, target, \
     version, status, sent, duration, referer, user_agent, reason, complete, cut, tls, id, sample",
)
.default(|_| "all that apply".into());

/// The member of this name.
fn json_field(name: &str) -> Result<JsonField, String> {
    JsonField::named(name).ok_or_else(|| {
        let mistake = "there is no such field";
        let names = JsonField::ALL.map(JsonField::name);
        let told = with_nearest(mistake.to_owned(), name, "", names.into_iter());
        match told == mistake {
            true => format!("{mistake}; {}", write_one_of(&names)),
            false => told,
        }
    })
}

const LOG_SAMPLE: OptionDef = OptionDef::new(
    "log-sample",
    Kind::Text("N", |settings, text| {
        let parsed = count(text, 1..=MOST_SAMPLED);
        let one_in = parsed.map(|count| u32::try_from(count).unwrap_or(u32::MAX));
        let one_in = one_in.map(|count| NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN));
        store(&mut settings.config.log.one_in, one_in)
    }),
    "Log one in N of the successful requests. Those with a status of 400 or more, those that were cut, and failed TLS \
     handshakes are always logged. In the json log, sample says for how many requests a line stands",
)
.default(|settings| settings.config.log.one_in.to_string());

/// Whoever wants fewer lines wants none.
const MOST_SAMPLED: usize = 1_000_000;

const LOG_TIME: OptionDef = OptionDef::new(
    "log-time",
    Kind::Choice(
        "ZONE",
        &[
            Choice {
                word: "local",
                help: "Local time, from TZ or /etc/localtime",
                apply: |settings| settings.log_time = Some(LogTime::Local),
            },
            Choice {
                word: "utc",
                help: "UTC",
                apply: |settings| settings.log_time = Some(LogTime::Utc),
            },
        ],
    ),
    "The time zone of the access log. The formats combined and json write the offset from UTC too",
)
.default(|_| "local for pretty, utc otherwise".into());

const ERROR_LOG: OptionDef = OptionDef::new(
    "error-log",
    Kind::File(|settings, path| settings.config.error_log = Some(path)),
    "Append to this file what docroot says of itself once it has started: warnings, renewed certificates, panics, and \
     how many lines of the access log were dropped. It is opened again like the file of --log-file. The banner, and why \
     docroot could not start, still go to the standard error",
)
.default(|_| "the standard error".into());
