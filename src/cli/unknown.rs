//! Options and variables that docroot does not know, and the known names that are nearest to them.

use std::ffi::OsStr;

use super::nearest::{did_you_mean, most_similar, nearest, with_nearest};
use super::options::{Mode, options, quoted};

/// What docroot calls an option of another server.
enum Ours {
    /// This option.
    Called(&'static str),
    /// Nothing: the folder is named without an option.
    Folder,
    /// Nothing: docroot does it anyway. This option turns it off.
    Done(&'static str),
    /// Nothing, for this reason.
    Never(&'static str),
}

use Ours::{Called, Done, Folder, Never};

const COLOUR: &str = "on a terminal, docroot writes colours unless the variable NO_COLOR is set";
const PROXY: &str = "docroot passes no request on to another server";
const UPLOAD: &str = "docroot takes no uploads";

/// Options of Python's http.server, serve, http-server, sirv, miniserve, Caddy, static-web-server and dufs whose names
/// are unlike those of docroot, and words that people use for the same in a variable.
const OF_OTHERS: &[(&str, Ours)] = &[
    ("-d", Folder),
    ("-r", Folder),
    ("--base-dir", Folder),
    ("--dir", Folder),
    ("--directory", Folder),
    ("--docroot", Folder),
    ("--document-root", Folder),
    ("--folder", Folder),
    ("--path", Folder),
    ("--public", Folder),
    ("--root", Folder),
    ("--serve", Folder),
    ("--src", Folder),
    ("--webroot", Folder),
    ("--www", Folder),
    ("--access-log", Called("--log-format")),
    ("--addr", Called("--bind")),
    ("--address", Called("--bind")),
    ("--allow-archive", Called("--archive")),
    ("--allow-upload", Never(UPLOAD)),
    ("--auto-index", Done("--no-listing")),
    ("--autoindex", Done("--no-listing")),
    ("--basic-auth", Called("--auth")),
    ("--brotli", Called("--precompressed")),
    ("--browse", Done("--no-listing")),
    ("-c", Called("--cache")),
    ("-C", Called("--tls-cert")),
    ("--color", Never(COLOUR)),
    ("--colors", Never(COLOUR)),
    ("--colour", Never(COLOUR)),
    ("--compression", Done("--no-compress")),
    ("--debug", Called("--verbose")),
    ("--directory-listing", Done("--no-listing")),
    ("--disable-indexing", Called("--no-listing")),
    ("--domain", Called("--allow-host")),
    ("--dotfiles", Called("--include-hidden")),
    ("--enable-cors", Called("--cors")),
    ("--enable-tar", Called("--archive")),
    ("--enable-tar-gz", Called("--archive")),
    ("--enable-zip", Called("--archive")),
    ("-g", Done("--no-compress")),
    ("--gzip", Done("--no-compress")),
    ("--https", Called("--tls-self-signed")),
    ("-i", Called("--bind")),
    ("--immutable", Called("--cache")),
    ("--interface", Called("--bind")),
    ("--interfaces", Called("--bind")),
    ("--ip", Called("--bind")),
    ("-K", Called("--tls-key")),
    ("-l", Called("--port")),
    ("--listen", Called("--port")),
    ("--log-level", Called("--log-format")),
    ("--max-age", Called("--cache")),
    ("--maxage", Called("--cache")),
    ("--mimetypes", Called("--type")),
    ("--no-cache", Called("--cache")),
    ("--no-color", Never(COLOUR)),
    ("--no-colour", Never(COLOUR)),
    ("--no-dir-listing", Called("--no-listing")),
    ("--no-directory-listing", Called("--no-listing")),
    ("--no-dirs", Called("--no-listing")),
    ("--no-dotfiles", Done("--include-hidden")),
    ("--no-index", Called("--no-listing")),
    ("--no-request-logging", Called("--log-format")),
    ("--no-symlinks", Done("--follow-symlinks")),
    ("-P", Never(PROXY)),
    ("--page-fallback", Called("--spa")),
    ("--password", Called("--auth")),
    ("--path-prefix", Called("--prefix")),
    ("--pretty-urls", Called("--clean-urls")),
    ("--proxy", Never(PROXY)),
    ("--render-spa", Called("--spa")),
    ("--route-prefix", Called("--prefix")),
    ("-s", Called("--spa")),
    ("-S", Called("--tls-self-signed")),
    ("--show-dir", Done("--no-listing")),
    ("--silent", Called("--quiet")),
    ("--single", Called("--spa")),
    ("--ssl", Called("--tls-self-signed")),
    ("--ssl-cert", Called("--tls-cert")),
    ("--ssl-key", Called("--tls-key")),
    ("--symlinks", Called("--follow-symlinks")),
    ("--tls", Called("--tls-self-signed")),
    ("--upload", Never(UPLOAD)),
    ("--upload-files", Never(UPLOAD)),
    ("--username", Called("--auth")),
];

/// The variable that names what to serve, without the prefix. No option has this name.
const PATH: &str = "path";
const FOLDER: &str = "name the folder without an option, as in 'docroot DIR'";

/// What docroot has instead of `typed`, which other servers take.
fn of_others(typed: &str) -> Option<&'static Ours> {
    let found = OF_OTHERS.iter().find(|(name, _)| *name == typed);
    found.map(|(_, ours)| ours)
}

/// What to do instead. `shown` gives an option the name that it has where this was typed.
fn instead(ours: &Ours, folder: &str, shown: impl Fn(&'static str) -> String) -> String {
    match ours {
        Called(name) => did_you_mean(&shown(name)),
        Folder => folder.to_owned(),
        Done(off) => format!(
            "leave it out: docroot does this anyway, unless told {}",
            shown(off)
        ),
        Never(why) => (*why).to_owned(),
    }
}

/// What to say about the value of an option that takes none.
pub fn value(option: &str, value: &str) -> String {
    let value = quoted(OsStr::new(&format!("={value}")));
    format!("the option '{option}' takes no value: leave out {value}")
}

/// What to say about a variable with an unknown name. `short` is the name without the prefix that all have. The
/// variable `path` names what to serve.
pub fn variable(mistake: String, short: &str, path: &str) -> String {
    let word = short.to_ascii_lowercase().replace('_', "-");
    let of_option = |name: &str| {
        let mut all = options(Mode::Serve).map(|(_, option)| option);
        let option = all.find(|option| option.long_names().any(|long| long == name))?;
        option.variables().into_iter().next()
    };
    if let Some(ours) = of_others(&format!("--{word}")) {
        let shown = |name: &'static str| {
            let variable = of_option(name.trim_start_matches('-'));
            variable.unwrap_or_else(|| name.to_owned())
        };
        let instead = instead(ours, &did_you_mean(path), shown);
        return format!("{mistake}; {instead}");
    }
    let names = options(Mode::Serve).filter(|(_, option)| !option.variables().is_empty());
    let names = names.flat_map(|(_, option)| option.long_names());
    let meant = match nearest(&word, names.chain([PATH])) {
        Some(PATH) => Some(path.to_owned()),
        name => name.and_then(of_option),
    };
    match meant {
        Some(variable) => format!("{mistake}; {}", did_you_mean(&variable)),
        None => mistake,
    }
}

/// What to type instead of a first argument that people take for a command. `second` follows it.
pub fn command(first: &str, second: Option<&str>) -> Option<String> {
    // Others are meant as an option or as a path.
    let is_word =
        first.starts_with(|char: char| char.is_ascii_alphabetic()) && !first.contains('/');
    let first = Some(first.to_ascii_lowercase()).filter(|_| is_word)?;
    let commands = Mode::WITH_WORD.map(Mode::word);
    let words = commands.into_iter().chain(["help", "version", "serve"]);
    Some(match most_similar(&first, words)? {
        "help" => match second.filter(|second| commands.contains(second)) {
            Some(command) => did_you_mean(&format!("docroot {command} --help")),
            None => did_you_mean("docroot --help"),
        },
        "version" => did_you_mean("docroot --version"),
        "serve" => "docroot serves without a command: write docroot DIR".to_owned(),
        command => did_you_mean(&format!("docroot {command}")),
    })
}

/// What to say about a key of a configuration file that no option has.
#[cfg(feature = "config-file")]
pub fn key<'a>(
    mistake: String,
    typed: &str,
    path: &str,
    names: impl Iterator<Item = &'a str>,
) -> String {
    match of_others(&format!("--{typed}")) {
        Some(ours) => {
            let shown = |name: &'static str| name.trim_start_matches('-').to_owned();
            let instead = instead(ours, &did_you_mean(path), shown);
            format!("{mistake}; {instead}")
        }
        None => with_nearest(mistake, typed, "", names),
    }
}

/// What to say about an option that the command does not take.
pub fn option(mode: Mode, typed: &str) -> String {
    let quoted = quoted(OsStr::new(typed));
    let mistake = format!("there is no option {quoted}");
    if mode == Mode::Serve
        && let Some(ours) = of_others(typed)
    {
        let instead = instead(ours, FOLDER, str::to_owned);
        return format!("{mistake}; {instead}");
    }
    for other in Mode::ALL.into_iter().filter(|other| *other != mode) {
        let mut known = options(other);
        if let Some((_, known)) = known.find(|(_, option)| option.is_named(typed, other)) {
            let name = known.typed();
            let why = match mode {
                Mode::Serve => format!("only {} takes {name}", other.word()),
                Mode::Check | Mode::Explain | Mode::Compress | Mode::Learn | Mode::HashPassword => {
                    format!("{} does not take {name}", mode.word())
                }
            };
            return format!("unexpected option {quoted}: {why}");
        }
    }
    match typed.strip_prefix("--") {
        Some(long) => {
            let names = options(mode).flat_map(|(_, option)| option.long_names());
            with_nearest(mistake, long, "--", names)
        }
        None => mistake,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_option(mode: Mode, typed: &str, want: &str) {
        assert_eq!(option(mode, typed), want);
    }

    #[test]
    fn options_of_other_servers_lead_to_those_of_docroot() {
        let check = |typed: &str, want: &str| {
            let want = format!("there is no option '{typed}'; {want}");
            check_option(Mode::Serve, typed, &want);
        };
        check("--cache-control", "did you mean --cache?");
        check("--cors-origin", "did you mean --cors?");
        let folder = "name the folder without an option, as in 'docroot DIR'";
        check("--directory", folder);
        check("--dir", folder);
        check("-d", folder);
        check("--pretty-urls", "did you mean --clean-urls?");
        check("--silent", "did you mean --quiet?");
        check("--no-index", "did you mean --no-listing?");
        let listing = "leave it out: docroot does this anyway, unless told --no-listing";
        check("--browse", listing);
    }

    #[test]
    fn options_of_other_servers_that_docroot_has_not_say_why() {
        let check = |typed: &str, want: &str| {
            let want = format!("there is no option '{typed}'; {want}");
            check_option(Mode::Serve, typed, &want);
        };
        check("--tls", "did you mean --tls-self-signed?"); // a key alone would be the next mistake
        check("-S", "did you mean --tls-self-signed?");
        check("--no-dirs", "did you mean --no-listing?");
        check("--color", COLOUR);
        check("-P", PROXY);
        check("--upload", UPLOAD);
        check("-i", "did you mean --bind?");
        check("-c", "did you mean --cache?");
        check("-r", FOLDER);
    }

    #[test]
    fn a_word_that_is_nearly_a_command_leads_to_it() {
        let check = |first: &str, second: Option<&str>, want: Option<&str>| {
            assert_eq!(command(first, second).as_deref(), want, "{first}");
        };
        for first in ["chekc", "Check", "chck", "CHECK", "checks"] {
            check(first, None, Some("did you mean docroot check?"));
        }
        check("explian", Some("/a"), Some("did you mean docroot explain?"));
        check(
            "hash-pasword",
            None,
            Some("did you mean docroot hash-password?"),
        );
        check("help", Some("w"), Some("did you mean docroot --help?"));
        check(
            "help",
            Some("learn"),
            Some("did you mean docroot learn --help?"),
        );
        check("version", None, Some("did you mean docroot --version?"));
        let serve = "docroot serves without a command: write docroot DIR";
        check("serve", Some("w"), Some(serve));
        for first in [
            "www",
            "dist",
            "public",
            "check-list",
            "a/check",
            "--serve",
            "",
            "-check",
        ] {
            check(first, None, None);
        }
    }

    /// An option that is renamed or added needs other lines.
    #[test]
    fn options_of_others_are_none_of_docroot_and_lead_to_some() {
        let is_known = |typed: &str| {
            let mut known = options(Mode::Serve).map(|(_, option)| option);
            known.any(|option| option.is_named(typed, Mode::Serve))
        };
        for (number, (name, ours)) in OF_OTHERS.iter().enumerate() {
            assert!(!is_known(name), "{name}");
            let before = &OF_OTHERS[..number];
            assert!(
                before.iter().all(|(other, _)| other != name),
                "{name} twice"
            );
            if let Called(ours) | Done(ours) = ours {
                assert!(is_known(ours), "{ours}");
            }
        }
    }

    #[test]
    fn an_unknown_option_is_told_with_the_nearest_one() {
        let prot = "there is no option '--prot'; did you mean --port?";
        check_option(Mode::Serve, "--prot", prot);
        check_option(Mode::Serve, "--xyz", "there is no option '--xyz'");
        check_option(Mode::Serve, "-x", "there is no option '-x'");
        let hots = "there is no option '--hots'; did you mean --host?";
        check_option(Mode::Explain, "--hots", hots);
        let method = "unexpected option '--method': only explain takes --method";
        check_option(Mode::Serve, "--method", method);
        let port = "unexpected option '-p': explain does not take --port";
        check_option(Mode::Explain, "-p", port);
        let port = "unexpected option '--port': compress does not take --port";
        check_option(Mode::Compress, "--port", port);
        let clean = "unexpected option '--clean': only compress takes --clean";
        check_option(Mode::Serve, "--clean", clean);
        let claen = "there is no option '--claen'; did you mean --clean?";
        check_option(Mode::Compress, "--claen", claen);
        let hidden = "there is no option '--hi\\u{202e}dden'";
        check_option(Mode::Serve, "--hi\u{202e}dden", hidden);
    }
}
