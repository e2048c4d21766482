//! The command line as clap needs it, made from the definitions of the options.
//!
//! clap splits the arguments and rejects unknown options. It does not parse values. The definitions
//! parse them, so the same code checks a value from the command line and from the environment.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::{Arg, ArgAction, Command, ValueHint, value_parser};

use super::options::{Kind, Mode, OptionDef, options};
use super::settings::Settings;

/// The id of the argument that says what to serve.
pub const PATH: &str = "PATH";
/// The id of the argument that says what to ask for.
pub const TARGET: &str = "TARGET";

/// The version of docroot.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

const ABOUT: &str = "Serve a directory, or a single file, over HTTP";

const USAGE: &str = "\
docroot [OPTIONS] [PATH]
       docroot check [OPTIONS] [PATH]
       docroot explain [OPTIONS] TARGET [PATH]
       docroot compress [OPTIONS] [PATH]
       docroot learn [OPTIONS]
       docroot hash-password";

const AFTER_HELP: &str = "\
check, explain, compress, learn and hash-password are commands only as the first argument. To serve
a directory of such a name, write docroot ./check.

Write sizes as 512, 64k, 1m or 2g, and times as 500ms, 10s, 2m or 1h.

The environment can set every option that is not under Other: DOCROOT_IDLE_TIMEOUT=5s means
--idle-timeout 5s, and DOCROOT_NO_LISTING=1 means --no-listing. If an option is on the command line,
its variable is ignored. If DOCROOT_PORT is not set, docroot reads PORT. DOCROOT_PATH names what to
serve if no path is typed. docroot warns about other variables whose names begin with DOCROOT_.

Examples:
  docroot                          serve this directory to this machine
  docroot -o www                   serve www and open it in the browser
  docroot -b lan                   serve this directory to the local network
  docroot -b 0.0.0.0 -p 9000 /srv  serve /srv to every network, on port 9000
  docroot report.pdf               serve a single file
  docroot --tls-self-signed        serve this directory over HTTPS
  docroot --log-format json | jq   process the log with another program
  docroot check www                report problems, without serving
  docroot explain /a.txt www       explain the response to GET /a.txt
  docroot compress www             write precompressed files, for docroot --precompressed www
  docroot learn                    open the textbook: learn HTTP on a running server";

const CHECK_ABOUT: &str = "Report problems with a configuration, without starting a server";

const CHECK_USAGE: &str = "docroot check [OPTIONS] [PATH]";

const CHECK_AFTER_HELP: &str = "\
The options that are not under Report or Other mean the same as for a server. docroot reads their
environment variables and DOCROOT_PATH too.

docroot opens what a server would open: the served directories, the file of --auth-file, the
certificate and its key. It tries to bind the addresses and the port. If the port is in use, that is
a note, not a warning: it may be the docroot that this one replaces.

The exit status is 2 if there is an error, 1 if there is a warning and --strict was given, and 0
otherwise. A mistake in the options or in the configuration file is printed to standard error as
text, with status 2.

Examples:
  docroot check www                             report problems with serving www
  docroot check --strict --config docroot.toml  before a restart or a reload
  docroot check --format json www               for another program";

const CHECK_SHORT_AFTER_HELP: &str = "\
Examples:
  docroot check www                             report problems with serving www
  docroot check --strict --config docroot.toml  before a restart or a reload

docroot check --help shows all options.";

const EXPLAIN_ABOUT: &str = "Explain how docroot would answer a request, without starting a server";

const EXPLAIN_USAGE: &str = "docroot explain [OPTIONS] TARGET [PATH]";

const EXPLAIN_AFTER_HELP: &str = "\
The options that are not under Request or Other mean the same as for a server, except that -H is a
field of the request and not of the response. docroot reads their environment variables and
DOCROOT_PATH too.

Examples:
  docroot explain /                                 the response to GET / from this directory
  docroot explain /a.txt -H 'Range: bytes=0-99'     the response to a range request
  docroot explain /a.txt --method HEAD www          the response to HEAD, from the directory www";

const COMPRESS_ABOUT: &str = "Write precompressed files, which docroot --precompressed sends";

const COMPRESS_USAGE: &str = "docroot compress [OPTIONS] [PATH]";

#[cfg(feature = "codings")]
const COMPRESS_CODINGS: &str = "\
For page.html, docroot writes page.html.br (Brotli), page.html.zst (Zstandard) and page.html.gz
(gzip), as small as each can be, with the time, the mode and the owner of page.html.";

#[cfg(not(feature = "codings"))]
const COMPRESS_CODINGS: &str = "\
For page.html, docroot writes page.html.gz (gzip), as small as it can be, with the time, the mode
and the owner of page.html. This docroot was built without Brotli and Zstandard. To get them,
install docroot with --features codings.";

const COMPRESS_AFTER_HELP: &str = "\
docroot compresses only types that compress well, such as text. It does not write a precompressed
file that would save less than 2 %, or that is already up to date. It does not follow symbolic
links. Ctrl-C leaves no half-written file behind.

Examples:
  docroot compress www                            write the precompressed files in www
  docroot compress --clean www                    also remove those that are of no use
  docroot --precompressed www                     serve www with them
  docroot explain /a.txt --precompressed www      say which of them is sent, and why";

const COMPRESS_SHORT_AFTER_HELP: &str = "\
Examples:
  docroot compress www                 write the precompressed files in www
  docroot --precompressed www          serve www with them

docroot compress --help shows all options.";

const LEARN_ABOUT: &str = "Serve the textbook about HTTP from inside docroot, and open it";

const LEARN_USAGE: &str = "docroot learn [OPTIONS]";

const LEARN_AFTER_HELP: &str = "\
The textbook is a course on HTTP with experiments, in English and Chinese.
docroot unpacks it into a temporary folder, serves it with --inspect, --lab,
--negotiate and --open, and removes the folder at the end. The other options
mean the same as for a server.

Examples:
  docroot learn                    open the textbook
  docroot learn -p 9000            the same on port 9000
  docroot learn -b lan --class     let a class on the local network use it too";

const HASH_PASSWORD_ABOUT: &str =
    "Print the hash of a password, for --auth and for the file of --auth-file";

const HASH_PASSWORD_USAGE: &str = "docroot hash-password";

const HASH_PASSWORD_AFTER_HELP: &str = "\
On a terminal, docroot asks for the password twice and does not show it.
Otherwise it reads one line from the standard input.

Examples:
  docroot hash-password                            print a hash
  hash=$(docroot hash-password) && echo \"alice:$hash\" >> users
                                                   add a user to a file";

const SHORT_AFTER_HELP: &str = "\
Examples:
  docroot -o www                   serve www and open it in the browser
  docroot -b lan                   serve this directory to the local network
  docroot explain /a.txt www       explain the response to GET /a.txt

docroot --help shows all options.";

const EXPLAIN_SHORT_AFTER_HELP: &str = "\
Examples:
  docroot explain /a.txt www                     the response to GET /a.txt
  docroot explain /a.txt -H 'Range: bytes=0-99'  the response to a range request

docroot explain --help shows all options.";

/// The whole command line. The help shows the values of `defaults`.
pub fn command(defaults: &Settings) -> Command {
    // If the target is missing, the help may have been asked for.
    let explain = full(Mode::Explain, defaults).mut_args(|argument| argument.required(false));
    full(Mode::Serve, defaults)
        .version(VERSION)
        .subcommand(full(Mode::Check, defaults))
        .subcommand(explain)
        .subcommand(full(Mode::Compress, defaults))
        .subcommand(full(Mode::Learn, defaults))
        .subcommand(full(Mode::HashPassword, defaults))
        // `docroot -q explain` and `docroot help` serve directories of these names.
        .args_conflicts_with_subcommands(true)
        .disable_help_subcommand(true)
        .args_override_self(true)
}

/// What `--help` of a command describes.
pub fn full(mode: Mode, defaults: &Settings) -> Command {
    let after_help = match mode {
        Mode::Serve => AFTER_HELP.to_owned(),
        Mode::Check => CHECK_AFTER_HELP.to_owned(),
        Mode::Explain => EXPLAIN_AFTER_HELP.to_owned(),
        Mode::Compress => [COMPRESS_CODINGS, COMPRESS_AFTER_HELP].join("\n\n"),
        Mode::Learn => LEARN_AFTER_HELP.to_owned(),
        Mode::HashPassword => HASH_PASSWORD_AFTER_HELP.to_owned(),
    };
    bare(mode)
        .args(arguments(mode, defaults))
        .after_help(after_help)
}

/// The same for `-h`: only the common options, each in one line of 80 columns.
pub fn short(mode: Mode, defaults: &Settings) -> Command {
    let options = options(mode);
    let common = options.filter_map(|(_, option)| common(option, mode, defaults));
    let after_help = match mode {
        Mode::Serve => SHORT_AFTER_HELP,
        Mode::Check => CHECK_SHORT_AFTER_HELP,
        Mode::Explain => EXPLAIN_SHORT_AFTER_HELP,
        Mode::Compress => COMPRESS_SHORT_AFTER_HELP,
        Mode::Learn => LEARN_AFTER_HELP,
        Mode::HashPassword => HASH_PASSWORD_AFTER_HELP,
    };
    bare(mode)
        .term_width(80)
        .args(common)
        .after_help(after_help)
}

/// A command without options.
fn bare(mode: Mode) -> Command {
    let (name, about, usage) = match mode {
        Mode::Serve => ("docroot", ABOUT, USAGE),
        Mode::Check => (mode.word(), CHECK_ABOUT, CHECK_USAGE),
        Mode::Explain => (mode.word(), EXPLAIN_ABOUT, EXPLAIN_USAGE),
        Mode::Compress => (mode.word(), COMPRESS_ABOUT, COMPRESS_USAGE),
        Mode::Learn => (mode.word(), LEARN_ABOUT, LEARN_USAGE),
        Mode::HashPassword => (mode.word(), HASH_PASSWORD_ABOUT, HASH_PASSWORD_USAGE),
    };
    let target = Arg::new(TARGET)
        .help("The target of the request, such as /index.html?a=b")
        .value_parser(value_parser!(OsString))
        .value_hint(ValueHint::Other)
        .required(true);
    Command::new(name)
        .about(about)
        .override_usage(usage)
        .disable_help_flag(true)
        .disable_version_flag(true)
        .max_term_width(100)
        .args(Some(target).filter(|_| mode == Mode::Explain))
        .args(Some(path(mode)).filter(|_| !matches!(mode, Mode::HashPassword | Mode::Learn)))
}

/// The options of the mode, under their headings.
fn arguments(mode: Mode, defaults: &Settings) -> impl Iterator<Item = Arg> {
    let options = options(mode);
    options.map(move |(heading, option)| argument(option, mode, defaults).help_heading(heading))
}

fn path(mode: Mode) -> Arg {
    let (what, hint) = match mode {
        Mode::Serve | Mode::Check | Mode::Explain | Mode::Learn | Mode::HashPassword => {
            ("directory or the single file to serve", ValueHint::AnyPath)
        }
        Mode::Compress => ("directory whose files to compress", ValueHint::DirPath),
    };
    Arg::new(PATH)
        .help(format!("The {what} [default: DOCROOT_PATH or .]"))
        .value_parser(value_parser!(PathBuf))
        .value_hint(hint)
}

fn argument(option: &OptionDef, mode: Mode, defaults: &Settings) -> Arg {
    let help = match option.default {
        Some(show) => format!("{} [default: {}]", option.help, show(defaults)),
        None => option.help.to_owned(),
    };
    let argument = named(option, mode).help(help);
    let argument = match option.value_name() {
        Some(name) => argument.value_name(name),
        None => argument,
    };
    let argument = match option.alias {
        Some(alias) => argument.visible_alias(alias),
        None => argument,
    };
    let argument = match option.kind {
        Kind::Switch(_) => argument
            .action(ArgAction::SetTrue)
            .value_parser(value_parser!(bool)),
        Kind::Count(_) => argument
            .action(ArgAction::Count)
            .value_parser(value_parser!(u8)),
        Kind::Text(..) => argument.value_hint(ValueHint::Other),
        Kind::File(_) => argument.value_hint(ValueHint::FilePath),
        Kind::List(_) => argument
            .action(ArgAction::Append)
            .value_hint(ValueHint::Other),
        Kind::Choice(_, choices) => {
            let words = choices.iter().map(|choice| {
                let word = PossibleValue::new(choice.word);
                match choice.help {
                    "" => word,
                    help => word.help(help),
                }
            });
            argument.value_parser(PossibleValuesParser::new(words))
        }
    };
    with_bare(argument, option)
}

/// The line of an option in the short help, if it is a common one.
fn common(option: &OptionDef, mode: Mode, defaults: &Settings) -> Option<Arg> {
    let default = option.default.map(|show| show(defaults));
    let help = option.common?.replace("{}", &default.unwrap_or_default());
    let argument = named(option, mode).help(help);
    let argument = match option.value_name() {
        Some(name) => argument.value_name(name),
        None => argument.action(ArgAction::SetTrue),
    };
    Some(with_bare(argument, option))
}

/// Makes the value optional if the option has a meaning without one.
fn with_bare(argument: Arg, option: &OptionDef) -> Arg {
    match option.bare {
        None => argument,
        Some(value) => argument
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value(value),
    }
}

/// An argument with the names of the option.
fn named(option: &OptionDef, mode: Mode) -> Arg {
    let mut argument = Arg::new(option.long).value_parser(value_parser!(OsString));
    if !option.only_short {
        argument = argument.long(option.long);
    }
    if let Some(short) = option.short_in(mode) {
        argument = argument.short(short);
    }
    argument
}
