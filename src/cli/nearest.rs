//! The known name that is nearest to one that was typed.

use strsim::osa_distance;

/// The name that was probably meant. A name with few differences comes first. Then comes the longest name that
/// begins what was typed, and then the shortest name that contains it.
fn nearest<'a>(typed: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    /// Shorter texts occur in too many names.
    const PART: usize = 3;
    let length = typed.chars().count();
    // About every third letter may be wrong: more differences turn a short word into any other one.
    let most = (length + 1) / 3;
    let rank = |name: &str| match osa_distance(typed, name) {
        distance if distance <= most && distance < length => Some((0, distance)),
        _ if begins_with_words(typed, name) => Some((1, typed.len() - name.len())),
        _ if length >= PART && name.contains(typed) => Some((2, name.len())),
        _ => None,
    };
    let ranked = names.filter_map(|name| Some((rank(name)?, name)));
    ranked.min_by_key(|(rank, _)| *rank).map(|(_, name)| name)
}

/// Whether `typed` has further words behind `name`.
fn begins_with_words(typed: &str, name: &str) -> bool {
    let rest = typed.strip_prefix(name);
    rest.is_some_and(|rest| rest.starts_with(['-', '_']))
}

/// The mistake with the name that was probably meant, if there is one. `prefix` stands before each of the names.
pub fn with_nearest<'a>(
    mistake: String,
    typed: &str,
    prefix: &str,
    names: impl Iterator<Item = &'a str>,
) -> String {
    match nearest(typed, names) {
        Some(name) => format!("{mistake}; did you mean {prefix}{name}?"),
        None => mistake,
    }
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
    fn the_nearest_name_has_few_differences_or_most_of_what_was_typed() {
        check_nearest("prot", Some("port")); // letters in the wrong order
        check_nearest("ports", Some("port"));
        check_nearest("opne", Some("open"));
        check_nearest("idle-timeuot", Some("idle-timeout"));
        check_nearest("hidden", Some("include-hidden"));
        check_nearest("cert", Some("tls-cert"));
        check_nearest("verb", Some("verbose"));
        check_nearest("qrs", Some("qr"));
        check_nearest("open-browser", Some("open"));
        check_nearest("open_browser", Some("open"));
        check_nearest("openbrowser", None);
        check_nearest("tls-cert-and-its-key", Some("tls-cert"));
        check_nearest("spa", None);
        check_nearest("x", None);
        check_nearest("in", None);
        check_nearest("", None);
        check_nearest("\u{e4}\u{e4}\u{e4}\u{e4}", None);
    }
}
