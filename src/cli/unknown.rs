//! Options and variables that docroot does not know, and the known names that are nearest to them.

use std::ffi::OsStr;

use super::nearest::with_nearest;
use super::options::{Mode, options, quoted};

/// What to say about an option that the command does not take.
pub fn option(mode: Mode, typed: &str) -> String {
    let quoted = quoted(OsStr::new(typed));
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
    let mistake = format!("there is no option {quoted}");
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
