//! Redirects that the operator wants (RFC 9110 section 15.4).
//!
//! ```text
//! /old/*.html=/new/$1               /old/a.html   ->  301  ../new/a
//! /blog/**=https://b.example/$1 308 /blog/x/y?q   ->  308  https://b.example/x/y?q
//! ```
//!
//! `*` stands for a part of one segment, and one `**` for any number of whole segments. `$1` is what the
//! first of them stands for, `$2` the second, and `$$` is a dollar sign. Only a target that names its host
//! leads to another host: what a client sends never becomes a part of one. Patterns and targets that are paths
//! are relative to the site: if it has a prefix, they are written without it. Such a target is sent as a relative
//! reference, because the client may know the path with a prefix that a proxy has removed.

// Loops, also through redirects of docroot itself.
pub mod loops;

use std::fmt;

use super::host::Host;
use super::own_fields::unescaped;
use super::pattern::{Pattern, PatternError, tokens};
use super::status::Status;
use crate::text::append;
use crate::text::percent::{self, Octet};
use crate::text::segment::levels_up;

/// The redirects of a server. The first one that matches counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Redirects(Vec<Redirect>);

/// One redirect.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Redirect {
    /// The redirect as it was written.
    text: Box<str>,
    /// The pattern as it was written.
    pattern: Box<str>,
    from: RedirectFrom,
    to: RedirectTo,
    status: Status,
}

/// Where a path leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirection<'a> {
    /// A status of a redirect.
    pub status: Status,
    /// The reference for `Location`.
    pub location: Vec<u8>,
    /// The pattern that matches, as it was written.
    pub pattern: &'a str,
}

/// Which paths are redirected.
#[derive(Clone, Debug, PartialEq, Eq)]
struct RedirectFrom {
    /// The segments before `**`, or all of them.
    before: Vec<Segment>,
    /// The segments after `**`, if there is one.
    after: Option<Vec<Segment>>,
}

/// A segment: literal texts with a `*` between each two of them.
type Segment = Vec<Box<[u8]>>;

/// Where they lead.
#[derive(Clone, Debug, PartialEq, Eq)]
struct RedirectTo {
    /// The reference up to its query.
    path: Vec<Piece>,
    /// The query with its question mark, or nothing.
    query: Vec<Piece>,
    /// The fragment with its number sign, or nothing.
    fragment: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(Box<str>),
    /// What the wildcard with this number, from 0, stands for.
    Wildcard(usize),
}

/// What is wrong with a redirect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedirectError {
    /// It has no `=`.
    NoSign,
    /// The pattern.
    Pattern(PatternError),
    /// The pattern has braces, brackets or a question mark.
    NotPlain,
    /// The pattern has more than one `**`.
    TwoStars,
    /// The target is neither a path nor an http or https URL.
    Target,
    /// The target begins with `//` or `/\`, so it names another host without saying so.
    HiddenHost,
    /// The host of the target would depend on the path of the request.
    HostDepends,
    /// The host of the target is malformed.
    Host,
    /// The port of the target is not a number from 1 to 65535.
    Port,
    /// The target has a character that no URL may have. It must be percent-encoded.
    NotEncoded,
    /// The character of the target with this number, from 1, is a `%` without two hexadecimal digits.
    Escape(usize),
    /// The pattern has fewer wildcards than this.
    NoWildcard(usize),
    /// A `$` is followed by neither a digit from 1 to 9 nor another `$`.
    Dollar,
    /// This text after the space is not 301, 302, 307 or 308.
    Status(Box<str>),
}

impl Redirects {
    /// Adds a redirect such as `/old/**=/new/$1 308`.
    pub fn add(&mut self, text: &str) -> Result<(), RedirectError> {
        let at = unescaped(text, '=').ok_or(RedirectError::NoSign)?;
        let (from, rest) = (RedirectFrom::parse(&text[..at])?, text[at + 1..].trim());
        let (to, status) = match rest.split_once(' ') {
            Some((to, status)) => (to, self::status(status.trim())?),
            None => (rest, Status::MovedPermanently),
        };
        let to = RedirectTo::parse(to, from.wildcards())?;
        self.0.push(Redirect {
            text: text.into(),
            pattern: text[..at].into(),
            from,
            to,
            status,
        });
        Ok(())
    }

    /// The first redirect for a path, and what its wildcards stand for.
    fn matched<'a>(&self, path: &'a [u8]) -> Option<(&Redirect, Vec<&'a [u8]>)> {
        let segments = segments(path);
        self.0.iter().find_map(|redirect| {
            let wildcards = redirect.from.matched(path, &segments)?;
            Some((redirect, wildcards))
        })
    }

    /// Removes all redirects.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Where a decoded path without a slash at its start leads. `query` is that of the request.
    pub fn find(&self, path: &[u8], query: Option<&[u8]>) -> Option<Redirection<'_>> {
        if self.0.is_empty() {
            return None;
        }
        let (redirect, wildcards) = self.matched(path)?;
        Some(Redirection {
            status: redirect.status,
            location: redirect.to.location(&root_from(path), &wildcards, query),
            pattern: &redirect.pattern,
        })
    }
}

/// A relative reference from a path to the root of the site.
fn root_from(path: &[u8]) -> Vec<u8> {
    let depth = path.iter().filter(|&&byte| byte == b'/').count();
    levels_up(depth).into_bytes()
}

fn segments(path: &[u8]) -> Vec<&[u8]> {
    path.split(|&byte| byte == b'/').collect()
}

fn status(text: &str) -> Result<Status, RedirectError> {
    match text {
        "301" => Ok(Status::MovedPermanently),
        "302" => Ok(Status::Found),
        "307" => Ok(Status::TemporaryRedirect),
        "308" => Ok(Status::PermanentRedirect),
        _ => Err(RedirectError::Status(text.into())),
    }
}

impl RedirectFrom {
    fn parse(text: &str) -> Result<RedirectFrom, RedirectError> {
        Pattern::parse(text).map_err(RedirectError::Pattern)?;
        let segments = text[1..].split('/').map(segment);
        let segments = segments.collect::<Result<Vec<_>, _>>()?;
        let mut parts = segments.split(Option::is_none);
        let mut part = || {
            let part = parts.next()?;
            Some(part.iter().flatten().cloned().collect())
        };
        let (before, after) = (part().unwrap_or_default(), part());
        match part() {
            Some::<Vec<Segment>>(_) => Err(RedirectError::TwoStars),
            None => Ok(RedirectFrom { before, after }),
        }
    }

    /// How many wildcards there are.
    fn wildcards(&self) -> usize {
        let stars = |segments: &[Segment]| -> usize {
            segments.iter().map(|segment| segment.len() - 1).sum()
        };
        let after = self.after.as_deref();
        stars(&self.before) + after.map_or(0, |after| 1 + stars(after))
    }

    /// What the wildcards stand for, if the path with these segments matches.
    fn matched<'a>(&self, path: &'a [u8], segments: &[&'a [u8]]) -> Option<Vec<&'a [u8]>> {
        let mut wildcards = Vec::new();
        let Some(after) = &self.after else {
            let is_match = segments.len() == self.before.len();
            all(&self.before, segments, &mut wildcards).filter(|_| is_match)?;
            return Some(wildcards);
        };
        let between = segments
            .len()
            .checked_sub(self.before.len() + after.len())?;
        all(&self.before, segments, &mut wildcards)?;
        let start: usize = lengths(&segments[..self.before.len()]);
        let middle = &segments[self.before.len()..][..between];
        let length = lengths(middle).saturating_sub(1);
        wildcards.push(path.get(start..start + length)?);
        all(
            after,
            &segments[self.before.len() + between..],
            &mut wildcards,
        )?;
        Some(wildcards)
    }
}

/// The length of segments, each with the slash after it.
fn lengths(segments: &[&[u8]]) -> usize {
    segments.iter().map(|segment| segment.len() + 1).sum()
}

/// A segment of a pattern; `None` for `**`.
fn segment(text: &str) -> Result<Option<Segment>, RedirectError> {
    if text == "**" {
        return Ok(None);
    }
    let (mut texts, mut current) = (Vec::new(), String::new());
    for token in tokens(text) {
        match token.char {
            '*' if !token.is_ordinary => texts.push(std::mem::take(&mut current)),
            '{' | '}' | '[' | ']' | '?' if !token.is_ordinary => {
                return Err(RedirectError::NotPlain);
            }
            char => current.push(char),
        }
    }
    texts.push(current);
    let bytes = |text: String| text.into_bytes().into();
    Ok(Some(texts.into_iter().map(bytes).collect()))
}

/// Matches each segment of a pattern with the segment of the path at its place, and adds what the stars
/// stand for.
fn all<'a>(pattern: &[Segment], path: &[&'a [u8]], out: &mut Vec<&'a [u8]>) -> Option<()> {
    if path.len() < pattern.len() {
        return None;
    }
    pattern
        .iter()
        .zip(path)
        .try_for_each(|(pattern, segment)| one(pattern, segment, out))
}

/// The same for one segment. Each star stands for as few bytes as possible, and the last one for the rest.
fn one<'a>(texts: &Segment, segment: &'a [u8], out: &mut Vec<&'a [u8]>) -> Option<()> {
    let (first, others) = texts.split_first()?;
    let mut rest = segment.strip_prefix(&**first)?;
    let Some((last, between)) = others.split_last() else {
        return rest.is_empty().then_some(());
    };
    for text in between {
        let at = find(rest, text)?;
        out.push(&rest[..at]);
        rest = &rest[at + text.len()..];
    }
    out.push(rest.strip_suffix(&**last)?);
    Some(())
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    match wanted {
        [] => Some(0),
        wanted => bytes
            .windows(wanted.len())
            .position(|window| window == wanted),
    }
}

impl RedirectTo {
    fn parse(text: &str, wildcards: usize) -> Result<RedirectTo, RedirectError> {
        check_host(text)?;
        if text.bytes().any(|byte| !is_of_reference(byte)) {
            return Err(RedirectError::NotEncoded);
        }
        if let Some(at) = malformed_escape(text) {
            return Err(RedirectError::Escape(at));
        }
        let (rest, fragment) = text.split_at(text.find('#').unwrap_or(text.len()));
        let (path, query) = rest.split_at(rest.find('?').unwrap_or(rest.len()));
        Ok(RedirectTo {
            path: pieces(path, wildcards)?,
            query: pieces(query, wildcards)?,
            fragment: pieces(fragment, wildcards)?,
        })
    }

    /// The reference for `Location`. `root` is one to the root of the site, with a slash at its end.
    fn location(&self, root: &[u8], wildcards: &[&[u8]], query: Option<&[u8]>) -> Vec<u8> {
        let path = self.path(wildcards);
        let mut location = match path.strip_prefix(b"/") {
            Some(path) => [root, path].concat(),
            None => path,
        };
        write(&self.query, wildcards, &mut location);
        if let Some(query) = query {
            let sign = if self.query.is_empty() { '?' } else { '&' };
            append(
                &mut location,
                format_args!("{sign}{}", percent::as_sent(query)),
            );
        }
        write(&self.fragment, wildcards, &mut location);
        location
    }

    /// The reference up to its query. No empty segment is left if a wildcard stands for nothing.
    fn path(&self, wildcards: &[&[u8]]) -> Vec<u8> {
        let mut path = Vec::new();
        let mut is_after_wildcard = false;
        for piece in &self.path {
            let start = path.len();
            let has_slash = is_after_wildcard && path.ends_with(b"/");
            write(std::slice::from_ref(piece), wildcards, &mut path);
            if has_slash && path.get(start) == Some(&b'/') {
                path.remove(start);
            }
            is_after_wildcard = matches!(piece, Piece::Wildcard(_));
        }
        path
    }
}

/// The number of the first character, from 1, that is a `%` without two hexadecimal digits (RFC 3986 section
/// 2.1).
fn malformed_escape(text: &str) -> Option<usize> {
    let mut at = 1;
    for octet in percent::octets(text.as_bytes()) {
        at += match octet {
            Octet::Plain(_) => 1,
            Octet::Encoded(_) => 3,
            Octet::Malformed => return Some(at),
        };
    }
    None
}

/// Whether a target says plainly which host it leads to (RFC 3986 section 4.2).
fn check_host(text: &str) -> Result<(), RedirectError> {
    if text.starts_with("//") || text.starts_with("/\\") {
        return Err(RedirectError::HiddenHost);
    }
    if text.starts_with('/') {
        return Ok(());
    }
    let after_scheme = ["https://", "http://"]
        .into_iter()
        .find_map(|scheme| text.strip_prefix(scheme));
    let rest = after_scheme.ok_or(RedirectError::Target)?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match &rest[..end] {
        "" => Err(RedirectError::Target),
        host if host.contains('$') => Err(RedirectError::HostDepends),
        host if host.contains('@') => Err(RedirectError::Target),
        authority => check_authority(authority),
    }
}

/// Whether browsers can connect to a host and port (RFC 3986 section 3.2). A zone names an interface of one
/// machine only (RFC 4007 section 11).
fn check_authority(authority: &str) -> Result<(), RedirectError> {
    let is_host = |text: &str| Host::parse(text.as_bytes()).is_some();
    match Host::parse(authority.as_bytes()) {
        Some(host) if host.name.starts_with(b"[") && host.name.contains(&b'%') => {
            Err(RedirectError::Host)
        }
        Some(Host { port: Some(0), .. }) => Err(RedirectError::Port),
        Some(_) => Ok(()),
        None => Err(match authority.rsplit_once(':') {
            Some((host, _)) if is_host(host) => RedirectError::Port,
            _ => RedirectError::Host,
        }),
    }
}

/// Whether a reference may have this byte (RFC 3986 section 2).
fn is_of_reference(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?#%[]".contains(&byte)
}

fn pieces(text: &str, wildcards: usize) -> Result<Vec<Piece>, RedirectError> {
    let mut pieces = Vec::new();
    let mut current = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '$' {
            current.push(character);
            continue;
        }
        match characters.next() {
            Some('$') => current.push('$'),
            Some(digit @ '1'..='9') => {
                let number = digit as usize - '0' as usize;
                if number > wildcards {
                    return Err(RedirectError::NoWildcard(number));
                }
                if !current.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut current).into()));
                }
                pieces.push(Piece::Wildcard(number - 1));
            }
            _ => return Err(RedirectError::Dollar),
        }
    }
    if !current.is_empty() {
        pieces.push(Piece::Text(current.into()));
    }
    Ok(pieces)
}

/// Writes pieces. What wildcards stand for is encoded, apart from the slashes.
fn write(pieces: &[Piece], wildcards: &[&[u8]], out: &mut Vec<u8>) {
    for piece in pieces {
        match piece {
            Piece::Text(text) => out.extend_from_slice(text.as_bytes()),
            Piece::Wildcard(number) => {
                let bytes = wildcards.get(*number).copied().unwrap_or_default();
                append(out, format_args!("{}", percent::path(bytes)));
            }
        }
    }
}

impl fmt::Display for RedirectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RedirectError::Pattern(fault) => return fault.fmt(f),
            RedirectError::NoWildcard(number) => {
                return write!(f, "the pattern has no wildcard for ${number}: add a * or **, or leave out ${number}");
            }
            RedirectError::Escape(at) => {
                return write!(
                    f,
                    "two hex digits must follow the % at character {at} of the target: write %25 for a \
                     percent sign"
                );
            }
            RedirectError::NoSign => "write FROM=TO, such as '/old/**=/new/$1'",
            RedirectError::NotPlain => {
                "a redirect takes only * and ** as wildcards: write several redirects, or put a \\ before the \
                 character"
            }
            RedirectError::TwoStars => {
                "a redirect may have only one **: write * for a part of one name, or write several redirects"
            }
            RedirectError::Target => {
                "the target must be a path such as /new/$1, or a URL such as https://new.example/$1"
            }
            RedirectError::HiddenHost => {
                "a target that begins with two slashes names another host: write the URL with its scheme"
            }
            RedirectError::Host => {
                "the host of the target is malformed: write a name such as new.example, or an address such as \
                 192.0.2.1 or [2001:db8::1]; names with other letters begin with xn--"
            }
            RedirectError::Port => "the port of the target must be a number from 1 to 65535",
            RedirectError::HostDepends => "a wildcard may not be part of the target's host: put a slash after the host",
            RedirectError::NotEncoded => {
                "the target has a character that is not allowed in URLs: percent-encode it, such as %20 for a space"
            }
            RedirectError::Dollar => "write $1 to $9, or $$ for a dollar sign",
            RedirectError::Status(text) => {
                return write!(
                    f,
                    "'{text}' after the space is not a status of a redirect: write 301, 302, 307 or 308, or \
                     write %20 for a space in the target"
                );
            }
        })
    }
}

impl std::error::Error for RedirectError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn redirects(rules: &[&str]) -> Redirects {
        let mut redirects = Redirects::default();
        rules
            .iter()
            .for_each(|rule| redirects.add(rule).expect(rule));
        redirects
    }

    fn location(rule: &str, path: &str) -> Option<String> {
        let redirects = redirects(&[rule]);
        let found = redirects.find(path.as_bytes(), None)?;
        Some(String::from_utf8(found.location).expect("ASCII"))
    }

    /// The paths that are wanted are those from the root.
    #[track_caller]
    fn check(rule: &str, path: &str, want: Option<&str>) {
        let root = root_from(path.as_bytes());
        let want = want.map(|want| match want.strip_prefix('/') {
            Some(path) => format!("{}{path}", String::from_utf8_lossy(&root)),
            None => want.to_owned(),
        });
        assert_eq!(location(rule, path), want, "{rule} {path}");
    }

    #[test]
    fn what_wildcards_stand_for_is_kept() {
        check("/a=/b", "a", Some("/b"));
        check("/a=/b", "a/", None);
        check("/a=/b", "a/c", None);
        check("/=/start/", "", Some("/start/"));
        check("/old/*=/new/$1", "old/x", Some("/new/x"));
        check("/old/*=/new/$1", "old/x/y", None);
        check("/old/**=/new/$1", "old/x/y", Some("/new/x/y"));
        check("/old/**=/new/$1", "old/", Some("/new/"));
        check("/old/**=/new/$1", "old", None);
        check("/a/**/z=/n/$1/z", "a/z", Some("/n/z"));
        check("/a/**/z=/n/$1/z", "a/b/c/z", Some("/n/b/c/z"));
        check("/*/*.html=/$2/$1", "x/y.html", Some("/y/x"));
        check("/p-*-*=/$2-$1", "p-a-b-c", Some("/b-c-a"));
        check("/*.htm=/$1.html", "a.htm.htm", Some("/a.htm.html"));
        check("/*.php=/a?x=$1", "i.php", Some("/a?x=i"));
        check("/\\*=/star", "*", Some("/star"));
        check("/a=/$$1", "a", Some("/$1"));
    }

    #[test]
    fn a_wildcard_that_stands_for_nothing_leaves_no_empty_segment() {
        check("/x/**/y=/$1/y2", "x/y", Some("/y2"));
        check("/x/**/y=/$1/y2", "x/a/y", Some("/a/y2"));
        check("/p-*-*=/$1/$2/z", "p--", Some("/z"));
        check("/p-*-*=/$1/$2/z", "p-a-", Some("/a/z"));
        check("/p-*=/a$1/b", "p-", Some("/a/b"));
        check("/x/**=/$1/y", "x/a/", Some("/a/y")); // the folder has a slash at its end
        check(
            "/x/**/y=https://h.example/$1/z",
            "x/y",
            Some("https://h.example/z"),
        );
        check("/x/**/y=/z?a=/$1/b", "x/y", Some("/z?a=//b")); // a query has no segments
    }

    #[test]
    fn a_path_is_sent_as_a_relative_reference() {
        let check = |rule: &str, path: &str, want: &str| {
            assert_eq!(location(rule, path).as_deref(), Some(want));
        };
        check("/old=/new", "old", "./new");
        check("/old=/a:b", "old", "./a:b");
        check("/old=/", "old", "./");
        check("/old/=/new", "old/", "../new");
        check("/old/**=/new/$1", "old/a/b", "../../new/a/b");
        check("/old/**=/new/$1", "old/", "../new/");
        check("/old=https://h.example/new", "old", "https://h.example/new");
    }

    #[test]
    fn the_query_is_kept() {
        let check = |rule: &str, want: &str| {
            let redirects = redirects(&[rule]);
            let found = redirects.find(b"a", Some(b"q=\"")).expect(rule);
            assert_eq!(String::from_utf8_lossy(&found.location), want);
        };
        check("/a=/b", "./b?q=%22");
        check("/a=/b?c", "./b?c&q=%22");
        check("/a=/b?c#d", "./b?c&q=%22#d");
        check("/a=https://h.example", "https://h.example?q=%22");
    }

    #[test]
    fn the_status_can_be_chosen() {
        let status = |rule: &str| redirects(&[rule]).find(b"a", None).expect(rule).status;
        assert_eq!(status("/a=/b"), Status::MovedPermanently);
        assert_eq!(status("/a=/b 301"), Status::MovedPermanently);
        assert_eq!(status("/a=/b  302"), Status::Found);
        assert_eq!(status("/a=/b 307"), Status::TemporaryRedirect);
        assert_eq!(status("/a=/b 308"), Status::PermanentRedirect);
    }

    #[test]
    fn a_client_cannot_choose_the_host() {
        check("/r/**=/$1", "r/evil.example", Some("/evil.example"));
        check("/r/**=/$1", "r/\\evil.example", Some("/%5Cevil.example"));
        check("/r/**=/$1", "r/\t/evil", Some("/%09/evil"));
        check("/r/**=/$1", "r//evil.example", Some("//evil.example"));
        check("/r/**=/$1", "r/a:b@c", Some("/a%3Ab%40c"));
        check(
            "/r/*=https://h.example/$1",
            "r/@evil",
            Some("https://h.example/%40evil"),
        );
    }

    #[track_caller]
    fn check_error(rule: &str, want: RedirectError) {
        assert!(!want.to_string().is_empty());
        assert_eq!(Redirects::default().add(rule), Err(want), "{rule}");
    }

    #[test]
    fn a_target_may_have_any_host_and_port() {
        for target in [
            "https://h",
            "https://h:",
            "http://h:65535/",
            "https://[2001:db8::1]:443/$1",
            "http://192.0.2.1#a",
            "https://xn--caf-dma.example:8443?b",
            "https://caf%C3%A9.example/",
        ] {
            let rule = format!("/*={target}");
            assert_eq!(Redirects::default().add(&rule), Ok(()), "{rule}");
        }
    }

    #[test]
    fn a_mistake_is_told() {
        use RedirectError::*;
        check_error("/a", NoSign);
        check_error("a=/b", Pattern(PatternError::NoSlash));
        check_error("/a**=/b", Pattern(PatternError::Stars(3)));
        check_error("/{a,b}=/c", NotPlain);
        check_error("/a?=/c", Pattern(PatternError::Special('?', 3)));
        check_error("/**/a/**=/c", TwoStars);
        check_error("/a=", Target);
        check_error("/a=b", Target);
        check_error("/a=javascript:x", Target);
        check_error("/a=https://", Target);
        check_error("/a=https://u@h/", Target);
        check_error("/a=https://h:99999/", Port);
        check_error("/a=https://h:65536", Port);
        check_error("/a=https://h:0/", Port);
        check_error("/a=https://h:x/", Port);
        check_error("/a=https://[::1]:99999?b", Port);
        check_error("/a=https://:80/", Host);
        check_error("/a=https://:/", Host);
        check_error("/a=https://[::1/", Host);
        check_error("/a=https://::1/", Host);
        check_error("/a=https://[fe80::1%25eth0]/", Host);
        check_error("/a=https://h[/", Host);
        check_error("/a=https://h%2Fx/", Host);
        check_error("/a=https://h\u{e4}/", Host);
        check_error("/a=//evil.example", HiddenHost);
        check_error("/a=/\\evil.example", HiddenHost);
        check_error("/*=https://$1/", HostDepends);
        check_error("/*=https://h.example$1", HostDepends);
        check_error("/a=/b\u{e4}", NotEncoded);
        check_error("/a=/b\tc", NotEncoded);
        check_error("/a=/b\r\nX:y", NotEncoded);
        check_error("/a=/%zz", Escape(2));
        check_error("/a=/b%20?c#%4", Escape(9));
        check_error("/*=/b%$1", Escape(3));
        check_error("/a=/$1", NoWildcard(1));
        check_error("/*=/b/$2", NoWildcard(2));
        check_error("/*=/b/$x", Dollar);
        check_error("/a=/b 200", Status("200".into()));
        check_error("/a=/b /c", Status("/c".into()));
    }
}
