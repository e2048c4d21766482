//! Options and variables that docroot does not know, and the known names that are nearest to them.

use std::ffi::OsStr;

use super::nearest::with_nearest;
use super::options::{Mode, options, quoted};

/// What docroot calls an option of another server.
enum Ours {
    /// This option.
    Called(&'static str),
    /// Nothing: the folder is named without an option.
    Folder,
    /// Nothing: docroot does it anyway. This option turns it off.
    Done(&'static str),
}

use Ours::{Called, Done, Folder};

/// Options of Python's http.server, serve, http-server, sirv, miniserve, Caddy, static-web-server and dufs whose names
/// are unlike those of docroot.
const OF_OTHERS: &[(&str, Ours)] = &[
    ("-d", Folder),
    ("--dir", Folder),
    ("--directory", Folder),
    ("--folder", Folder),
    ("--path", Folder),
    ("--root", Folder),
    ("--access-log", Called("--log-format")),
    ("--allow-archive", Called("--archive")),
    ("--basic-auth", Called("--auth")),
    ("--brotli", Called("--precompressed")),
    ("--browse", Done("--no-listing")),
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
    ("--gzip", Done("--no-compress")),
    ("--immutable", Called("--cache")),
    ("--interfaces", Called("--bind")),
    ("-l", Called("--port")),
    ("--listen", Called("--port")),
    ("--log-level", Called("--log-format")),
    ("--max-age", Called("--cache")),
    ("--maxage", Called("--cache")),
    ("--mimetypes", Called("--type")),
    ("--no-cache", Called("--cache")),
    ("--no-index", Called("--no-listing")),
    ("--page-fallback", Called("--spa")),
    ("--password", Called("--auth")),
    ("--path-prefix", Called("--prefix")),
    ("--pretty-urls", Called("--clean-urls")),
    ("--render-spa", Called("--spa")),
    ("--route-prefix", Called("--prefix")),
    ("--silent", Called("--quiet")),
    ("--single", Called("--spa")),
    ("--ssl-cert", Called("--tls-cert")),
    ("--ssl-key", Called("--tls-key")),
    ("--username", Called("--auth")),
];

/// What to do instead of `typed`, which other servers take.
fn instead(typed: &str) -> Option<String> {
    let (_, ours) = OF_OTHERS.iter().find(|(name, _)| *name == typed)?;
    Some(match ours {
        Called(name) => format!("did you mean {name}?"),
        Folder => "name the folder without an option, as in 'docroot DIR'".to_owned(),
        Done(off) => format!("leave it out: docroot does this anyway, unless told {off}"),
    })
}

/// What to say about an option that the command does not take.
pub fn option(mode: Mode, typed: &str) -> String {
    let quoted = quoted(OsStr::new(typed));
    let mistake = format!("there is no option {quoted}");
    if mode == Mode::Serve
        && let Some(instead) = instead(typed)
    {
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

    /// An option that is renamed or added needs other lines.
    #[test]
    fn options_of_others_are_none_of_docroot_and_lead_to_some() {
        let known = options(Mode::Serve).flat_map(|(_, option)| option.long_names());
        let known: Vec<&str> = known.collect();
        for (name, ours) in OF_OTHERS {
            let name = name.trim_start_matches('-');
            assert!(!known.contains(&name), "{name}");
            if let Called(ours) | Done(ours) = ours {
                let ours = ours.trim_start_matches('-');
                assert!(known.contains(&ours), "{ours}");
            }
        }
        assert!(OF_OTHERS.iter().all(|(name, _)| instead(name).is_some()));
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
