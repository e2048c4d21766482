//! Patterns over decoded paths, in which the operator writes rules.
//!
//! ```text
//! /assets/**          everything in /assets/
//! /**/*.html          every HTML file
//! /*.{js,css}         scripts and styles of the root
//! ```
//!
//! `*` stands for any bytes of one segment, `**` for any number of whole segments, `{a,b}` for one of
//! several texts, and `\` makes the next character an ordinary one. The crate `fast-glob` does the
//! matching; it has no state and takes a time that grows with the path. It gets a glob for each choice of
//! texts, because it reads a `**` beside braces in another way.
//!
//! A pattern that matches no path is a mistake, and one of those that a pattern with braces stands for is, too.

// What braces stand for.
mod alternatives;

use std::fmt;

use fast_glob::{ErrorKind, glob_match, validate};

pub(super) use self::alternatives::tokens;
use self::alternatives::{Token, alternatives};

/// A pattern. It begins with a slash and is matched with whole paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// The pattern as the operator wrote it.
    text: Box<str>,
    /// What the crate takes: one glob for each pattern without braces, without the slash at its start.
    globs: Box<[Box<str>]>,
}

/// What is wrong with a pattern, and where: the number of the character, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatternError {
    /// It does not begin with a slash.
    NoSlash,
    /// A `{` is never closed.
    OpenBrace(usize),
    /// This character has a meaning in other patterns, and none here.
    Special(char, usize),
    /// Nothing follows a `\`.
    Backslash(usize),
    /// It has more braces than `fast-glob` takes.
    Braces(usize),
    /// A `**` is a part of a segment.
    Stars(usize),
    /// Its braces stand for too many patterns.
    Alternatives(usize),
    /// This slash follows another one. No path has an empty segment.
    EmptySegment(usize),
    /// A segment is `.` or `..`. No path has such a segment.
    DotSegment(usize),
    /// It has a percent-encoded byte. Paths are decoded before they are matched.
    Encoded(usize),
}

impl Pattern {
    /// Reads a pattern such as `/assets/**`.
    pub fn parse(text: &str) -> Result<Pattern, PatternError> {
        let all = without_braces(text)?;
        Ok(Pattern {
            text: text.into(),
            globs: all.iter().map(|one| glob(one)).collect(),
        })
    }

    /// The pattern for what this one matches and everything below: `/a`, `/a/` and `/a/**` mean the same.
    /// `None`: everything.
    pub(super) fn with_all_below(text: &str) -> Result<Option<Pattern>, PatternError> {
        let mut globs = Vec::new();
        for one in without_braces(text)? {
            let mut one = &one[..];
            while let Some(rest) = without_end(one) {
                one = rest;
            }
            if one.is_empty() {
                return Ok(None);
            }
            let whole = glob(one);
            globs.extend([format!("{whole}/**").into(), whole]);
        }
        Ok(Some(Pattern {
            text: text.into(),
            globs: globs.into(),
        }))
    }

    /// Whether it matches a decoded path, which has no slash at its start.
    pub fn matches(&self, path: &[u8]) -> bool {
        let mut globs = self.globs.iter();
        globs.any(|glob| glob_match(glob.as_bytes(), path))
    }
}

/// The patterns without braces for which a pattern stands.
fn without_braces(text: &str) -> Result<Vec<Vec<Token>>, PatternError> {
    let rest = text.strip_prefix('/').ok_or(PatternError::NoSlash)?;
    let tokens = tokens(text);
    let place = |special| tokens.iter().find(|token| token.is_special(special));
    // Other programs know them.
    for special in ['[', '?'] {
        if let Some(token) = place(special) {
            return Err(PatternError::Special(special, token.at));
        }
    }
    let character = |byte: usize| 2 + rest[..byte].chars().count();
    validate(rest).map_err(|fault| {
        let at = character(fault.index);
        match fault.kind {
            ErrorKind::UnclosedBrace => PatternError::OpenBrace(at),
            ErrorKind::TrailingBackslash => PatternError::Backslash(at),
            _ => PatternError::Braces(at),
        }
    })?;
    let too_many = || PatternError::Alternatives(place('{').map_or(1, |brace| brace.at));
    let all = alternatives(&tokens).ok_or_else(too_many)?;
    all.iter().try_for_each(|one| check_possible(one))?;
    Ok(all)
}

/// The glob for a pattern without braces. The crate gives `\n` and some others a meaning of their own, so a `\` stands
/// only before characters that need it.
fn glob(pattern: &[Token]) -> Box<str> {
    let mut glob = String::new();
    for token in pattern.iter().skip(1) {
        if "*?[]{},!\\".contains(token.char) && !token.is_special('*') {
            glob.push('\\');
        }
        glob.push(token.char);
    }
    glob.into()
}

/// The pattern without a `/` or `/**` at its end.
fn without_end(pattern: &[Token]) -> Option<&[Token]> {
    match pattern {
        [rest @ .., slash, one, two]
            if slash.char == '/' && one.is_special('*') && two.is_special('*') =>
        {
            Some(rest)
        }
        [rest @ .., slash] if slash.char == '/' => Some(rest),
        _ => None,
    }
}

/// Whether a pattern without braces can match a path.
fn check_possible(pattern: &[Token]) -> Result<(), PatternError> {
    let mut pairs = pattern.windows(2);
    if let Some(two) = pairs.find(|two| two.iter().all(|token| token.char == '/')) {
        return Err(PatternError::EmptySegment(two[1].at));
    }
    for segment in pattern.split(|token| token.char == '/') {
        let chars: String = segment.iter().map(|token| token.char).collect();
        if let (Some(first), "." | "..") = (segment.first(), &*chars) {
            return Err(PatternError::DotSegment(first.at));
        }
        check_decoded(segment)?;
        check_stars(segment)?;
    }
    Ok(())
}

/// Whether a segment has no percent-encoded byte.
fn check_decoded(segment: &[Token]) -> Result<(), PatternError> {
    let encoded = segment.windows(3).find(|three| {
        let digits = three[1].char.is_ascii_hexdigit() && three[2].char.is_ascii_hexdigit();
        three[0].is_special('%') && digits
    });
    match encoded {
        Some(three) => Err(PatternError::Encoded(three[0].at)),
        None => Ok(()),
    }
}

/// Whether a `**` is a whole segment.
fn check_stars(segment: &[Token]) -> Result<(), PatternError> {
    let is_star = |token: &Token| token.is_special('*');
    let mut pairs = segment.windows(2);
    match pairs.find(|two| two.iter().all(is_star)) {
        Some(two) if segment.len() > 2 => Err(PatternError::Stars(two[0].at)),
        _ => Ok(()),
    }
}

impl fmt::Display for Pattern {
    /// The pattern as the operator wrote it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PatternError::NoSlash => f.write_str(
                "a pattern begins with a slash, such as /assets/** or, for every directory, /**/*.css",
            ),
            PatternError::OpenBrace(at) => write!(
                f,
                "the {{ at character {at} is not closed: add a }}, or write \\{{ for the character itself"
            ),
            PatternError::Special(special, at) => write!(
                f,
                "the {special} at character {at} has no meaning in patterns: write \\{special} for the \
                 character itself, * for a part of a name, or {{a,b}} for one of several texts"
            ),
            PatternError::Backslash(at) => write!(
                f,
                "nothing follows the \\ at character {at}: write \\\\ for the character itself"
            ),
            PatternError::Braces(at) => write!(
                f,
                "there are too many braces at character {at}: write several rules instead"
            ),
            PatternError::Stars(at) => write!(
                f,
                "the ** at character {at} must stand between slashes, as in /a/**/b: write * for a part \
                 of one name"
            ),
            PatternError::Alternatives(at) => write!(
                f,
                "the braces from character {at} on stand for too many patterns: write several rules instead"
            ),
            PatternError::EmptySegment(at) => write!(
                f,
                "no path has two slashes in succession, as at character {at}: leave one out"
            ),
            PatternError::DotSegment(at) => write!(
                f,
                "no path has . or .. as a name, as at character {at}: leave it out"
            ),
            PatternError::Encoded(at) => write!(
                f,
                "paths are decoded before they are compared: write the character itself for the %-escape at \
                 character {at}, or \\% for a percent sign"
            ),
        }
    }
}

impl std::error::Error for PatternError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, path: &str, want: bool) {
        let parsed = Pattern::parse(pattern).expect(pattern);
        assert_eq!(parsed.matches(path.as_bytes()), want, "{pattern} {path}");
    }

    #[test]
    fn one_star_stays_in_a_segment_and_two_do_not() {
        check("/*.css", "a.css", true);
        check("/*.css", "d/a.css", false);
        check("/**/*.css", "a.css", true);
        check("/**/*.css", "d/e/a.css", true);
        check("/**", "", true);
        check("/**", "d/e/", true);
        check("/a/**", "a/", true);
        check("/a/**", "a/b/c", true);
        check("/a/**", "a", false);
        check("/a/**", "ab/c", false);
        check("/a/**/b", "a/b", true);
        check("/", "", true);
        check("/", "a", false);
        check("/{a,b/c}/*", "b/c/d", true);
        check("/{a,b/c}/*", "c/d", false);
        check("/A", "a", false);
    }

    #[test]
    fn a_backslash_makes_a_character_ordinary() {
        check("/\\*", "*", true);
        check("/\\*", "a", false);
        check("/a\\ b", "a b", true);
        check("/!a", "!a", true);
        check("/a\\*/**", "a*/b", true);
        check("/{a,\\{,b\\,}!", "b,!", true);
        // Also a letter that has a meaning behind a backslash elsewhere.
        for char in ('!'..='~').filter(|&char| char != '/') {
            check(&format!("/d\\{char}*"), &format!("d{char}x"), true);
        }
        for text in ["/!a", "/a/**", "/\\*"] {
            assert_eq!(Pattern::parse(text).expect(text).to_string(), text);
        }
        check("/!a", "b", false);
    }

    #[test]
    fn braces_stand_for_several_patterns() {
        check("/**{/*.js,/*.css}", "q.js", true);
        check("/**{/*.js,/*.css}", "a/b/q.css", true);
        check("/**{/a,/b}", "a", true);
        check("/{a,**}{/x,/y}", "a/b/x", true);
        check("/{a,**}{/x,/y}", "b/z", false);
        check("/a/**{/x,/y}", "a/x", true);
        check("/*{*}", "a/b", true);
        check("/{a,b}", "{a,b}", false);
        check("/{a,b{c,}}", "bc", true);
        check("/a,b}", "a,b}", true);
    }

    #[test]
    fn what_is_below_counts_too() {
        let below = |pattern: &str| Pattern::with_all_below(pattern).expect(pattern);
        for pattern in ["/a\\b", "/a\\b/", "/a\\b/**", "/ab/**/", "/ab\\/**"] {
            let below = below(pattern).expect("not everything");
            let paths = [&b"ab"[..], b"ab/", b"ab/c/d"];
            assert!(paths.iter().all(|path| below.matches(path)), "{pattern}");
            assert!(
                ![&b"a"[..], b"abc", b""]
                    .iter()
                    .any(|path| below.matches(path))
            );
        }
        for pattern in ["/", "/**", "/**/", "/{a,}"] {
            assert_eq!(below(pattern), None, "{pattern}");
        }
    }

    #[test]
    fn a_path_need_not_be_utf_8() {
        let pattern = Pattern::parse("/d/*.txt").expect("a pattern");
        assert!(pattern.matches(b"d/\xff.txt"));
    }

    #[track_caller]
    fn check_error(pattern: &str, want: PatternError) {
        assert_eq!(Pattern::parse(pattern), Err(want), "{pattern}");
        assert!(!want.to_string().is_empty());
    }

    #[test]
    fn a_mistake_is_told_with_its_place() {
        check_error("", PatternError::NoSlash);
        check_error("*.css", PatternError::NoSlash);
        check_error("/ä{b", PatternError::OpenBrace(3));
        check_error("/ä[a-z].txt", PatternError::Special('[', 3));
        check_error("/a?", PatternError::Special('?', 3));
        check_error("/a\\", PatternError::Backslash(3));
        check_error("/a**", PatternError::Stars(3));
        check_error("/**.css", PatternError::Stars(2));
        check_error("/***", PatternError::Stars(2));
        check_error("/x{**,y}", PatternError::Stars(4));
        check_error("/{a,*}*{b,c}", PatternError::Stars(5));
        check_error(&"/{a}".repeat(11), PatternError::Braces(42));
    }

    #[test]
    fn a_pattern_that_matches_no_path_is_a_mistake() {
        check_error("//private", PatternError::EmptySegment(2));
        check_error("/ä//b", PatternError::EmptySegment(4));
        check_error("/a//", PatternError::EmptySegment(4));
        check_error("/{a/,b}/c", PatternError::EmptySegment(8));
        check_error("/{,a}/b", PatternError::EmptySegment(6));
        check_error("/./a", PatternError::DotSegment(2));
        check_error("/a/../b", PatternError::DotSegment(4));
        check_error("/a/{b,..}", PatternError::DotSegment(7));
        check_error("/%70rivate", PatternError::Encoded(2));
        check_error("/a%2Fb", PatternError::Encoded(3));
        let many = format!("/x{}", "{a,b}".repeat(9));
        check_error(&many, PatternError::Alternatives(3));
        for possible in [
            "/100%", "/a\\%20b", "/%zz", "/a/", "/a/{}", "/.a", "/...", "/{a/,}b",
        ] {
            Pattern::parse(possible).expect(possible);
        }
        check("/a\\%20b", "a%20b", true);
    }
}
