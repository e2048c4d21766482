//! The known name that is nearest to one that was typed.

use strsim::osa_distance;

/// The name that was probably meant. The first of these counts:
///
/// 1. a name with very few differences,
/// 2. the shortest name that begins with what was typed,
/// 3. the longest name that begins what was typed: in `spa-file`, the first word says more than the last one,
/// 4. a name with few differences,
/// 5. the shortest name that contains what was typed.
pub fn nearest<'a>(typed: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    /// Shorter texts occur in too many names.
    const PART: usize = 3;
    let most = most_differences(typed);
    let is_part = typed.chars().count() >= PART;
    let rank = |name: &str| match osa_distance(typed, name) {
        distance if distance <= most / 2 => Some((1, distance)),
        _ if is_part && name.starts_with(typed) => Some((2, name.len())),
        _ if begins_with_words(typed, name) => Some((3, typed.len() - name.len())),
        distance if distance <= most => Some((4, distance)),
        _ if is_part && name.contains(typed) => Some((5, name.len())),
        _ => None,
    };
    let ranked = names.filter_map(|name| Some((rank(name)?, name)));
    ranked.min_by_key(|(rank, _)| *rank).map(|(_, name)| name)
}

/// The name with the fewest differences, if they are few.
pub fn most_similar<'a>(typed: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let distances = names.map(|name| (osa_distance(typed, name), name));
    let near = distances.filter(|(distance, _)| *distance <= most_differences(typed));
    near.min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// About every third letter may be wrong: more differences turn a short word into any other one.
fn most_differences(typed: &str) -> usize {
    (typed.chars().count() + 1) / 3
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
        Some(name) => format!("{mistake}; {}", did_you_mean(&format!("{prefix}{name}"))),
        None => mistake,
    }
}

/// The question after a mistake.
pub fn did_you_mean(name: &str) -> String {
    format!("did you mean {name}?")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_nearest(typed: &str, want: Option<&str>) {
        let names = ["port", "open", "include-hidden", "idle-timeout", "tls-cert"];
        let names = names
            .iter()
            .chain(&[
                "version",
                "verbose",
                "qr",
                "log-file",
                "cache",
                "cache-memory",
            ])
            .copied();
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
        check_nearest("port-file", Some("port")); // and not log-file
        check_nearest("cache-mem", Some("cache-memory"));
        check_nearest("cache-menory", Some("cache-memory"));
        check_nearest("cache-for", Some("cache"));
        check_nearest("tls-cert-and-its-key", Some("tls-cert"));
        check_nearest("spa", None);
        check_nearest("x", None);
        check_nearest("in", None);
        check_nearest("", None);
        check_nearest("\u{e4}\u{e4}\u{e4}\u{e4}", None);
    }
}
