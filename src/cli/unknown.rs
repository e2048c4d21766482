//! Options and variables that docroot does not know, and the known names that are nearest to them.

use std::ffi::OsStr;

use strsim::osa_distance;

use super::options::{Mode, OptionDef, quoted};

/// What to say about an option that the command does not take.
pub fn option(mode: Mode, typed: &str) -> String {
    let quoted = quoted(OsStr::new(typed));
    let options = || mode.options().map(|(_, option)| option);
    if let Some(other) = mode.other().options().find(|(_, o)| o.is_named(typed)) {
        let name = other.1.typed();
        return match mode {
            Mode::Explain => format!("unexpected option {quoted}: explain does not take {name}"),
            Mode::Serve => format!("unexpected option {quoted}: only explain takes {name}"),
        };
    }
    let near = match typed.strip_prefix("--") {
        Some(long) => nearest(long, options().flat_map(OptionDef::long_names)),
        None => None,
    };
    match near {
        Some(name) => format!("there is no option {quoted}; did you mean --{name}?"),
        None => format!("there is no option {quoted}"),
    }
}

/// The name that was probably meant: the one with the fewest differences if these are few, or else the
/// shortest one that contains what was typed.
pub fn nearest<'a>(typed: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    /// Shorter texts occur in too many names.
    const PART: usize = 3;
    let length = typed.chars().count();
    // About every third letter may be wrong: more differences turn a short word into any other one.
    let most = (length + 1) / 3;
    let rank = |name: &str| match osa_distance(typed, name) {
        distance if distance <= most && distance < length => Some((0, distance)),
        _ if length >= PART && name.contains(typed) => Some((1, name.len())),
        _ => None,
    };
    let ranked = names.filter_map(|name| Some((rank(name)?, name)));
    ranked.min_by_key(|(rank, _)| *rank).map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_nearest(typed: &str, want: Option<&str>) {
        let names = ["port", "open", "include-hidden", "idle-timeout", "tls-cert"];
        let names = names.iter().chain(&["version", "verbose", "qr"]).copied();
        assert_eq!(nearest(typed, names), want, "{typed}");
    }

    #[test]
    fn the_nearest_name_has_few_differences_or_contains_what_was_typed() {
        check_nearest("prot", Some("port")); // letters in the wrong order
        check_nearest("ports", Some("port"));
        check_nearest("opne", Some("open"));
        check_nearest("idle-timeuot", Some("idle-timeout"));
        check_nearest("hidden", Some("include-hidden"));
        check_nearest("cert", Some("tls-cert"));
        check_nearest("verb", Some("verbose"));
        check_nearest("qrs", Some("qr"));
        check_nearest("spa", None);
        check_nearest("x", None);
        check_nearest("in", None);
        check_nearest("", None);
        check_nearest("\u{e4}\u{e4}\u{e4}\u{e4}", None);
    }

    #[track_caller]
    fn check_option(mode: Mode, typed: &str, want: &str) {
        assert_eq!(option(mode, typed), want);
    }

    #[test]
    fn an_unknown_option_is_told_with_the_nearest_one() {
        let prot = "there is no option '--prot'; did you mean --port?";
        check_option(Mode::Serve, "--prot", prot);
        check_option(Mode::Serve, "--spa", "there is no option '--spa'");
        check_option(Mode::Serve, "-x", "there is no option '-x'");
        let hots = "there is no option '--hots'; did you mean --host?";
        check_option(Mode::Explain, "--hots", hots);
        let method = "unexpected option '--method': only explain takes --method";
        check_option(Mode::Serve, "--method", method);
        let port = "unexpected option '-p': explain does not take --port";
        check_option(Mode::Explain, "-p", port);
        let hidden = "there is no option '--hi\\u{202e}dden'";
        check_option(Mode::Serve, "--hi\u{202e}dden", hidden);
    }
}
