//! RFC 3986 sections 2, 3.3 and 6.2.2.3: decodes the path of a request to the name of a file. Sections
//! 5.2.4 and 7.3 explain why dot segments and some characters are dangerous.
//!
//! `/a%20b/` names the directory `a b/`. `/%2e%2e/x` is refused. A path is decoded once, as bytes.
//! If two programs could read a path as two different files, it names none. `/a/./b` is `/a/b`. `/a//b`
//! and `/x/../a/b` lead to `/a/b` by a redirect, if the dots are not encoded and do not lead above the
//! root.

use crate::semantics::trace::{Clause, clause};
use crate::text::percent::{self, Octet};
use crate::text::segment::levels_up;

/// A decoded path below the document root. It has no leading slash, no empty, `.` or `..` segment,
/// and no NUL. The root is the empty path. If the client sent a slash at the end, it is
/// kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SitePath<'a>(&'a [u8]);

/// Why a path cannot name a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathError {
    /// A `%` is not followed by two hexadecimal digits (section 2.1).
    InvalidEscape,
    /// The path contains `%00`, which would end the name early for the kernel.
    Nul,
    /// The path contains `%2F`. Some programs read it as data, some as a separator.
    EncodedSlash,
    /// The path contains a backslash that is not encoded. Some programs read it as a separator.
    Backslash,
    /// A segment is `..`, or an encoded `.` or `..`. Clients should resolve these before they send a
    /// request (section 5.2.4).
    DotSegment,
    /// The path contains two slashes in a row. No file has an empty name.
    EmptySegment,
    /// The path does not begin with the prefix of the site.
    OutsidePrefix,
    /// The path is the prefix of the site, without the slash at its end.
    PrefixWithoutSlash,
}

/// The rule that [`SitePath::decode`] applies: it decodes a path once.
pub const CLAUSE: Clause = clause!("RFC 3986 section 2.4", "decode");

impl PathError {
    /// Whether the path is well-formed but cannot exist, so that the status is 404, not 400.
    pub fn is_absence(self) -> bool {
        matches!(
            self,
            PathError::EmptySegment | PathError::OutsidePrefix | PathError::PrefixWithoutSlash
        )
    }

    /// The rule that the path breaks.
    pub fn clause(self) -> Clause {
        match self {
            PathError::InvalidEscape => clause!("RFC 3986 section 2.1", "decode"),
            PathError::EncodedSlash => clause!("RFC 3986 section 7.3", "decode"),
            PathError::Nul => clause!("RFC 3986 section 7.3", "check_segments"),
            PathError::Backslash => clause!("RFC 3986 section 2", "decode"),
            PathError::DotSegment => clause!("RFC 3986 section 5.2.4", "check_segments"),
            PathError::EmptySegment => clause!("RFC 3986 section 3.3", "check_segments"),
            PathError::OutsidePrefix | PathError::PrefixWithoutSlash => {
                clause!("RFC 3986 section 3.3", "site::prefix", "decode")
            }
        }
    }

    /// The error, as part of a sentence.
    pub fn text(self) -> &'static str {
        match self {
            PathError::InvalidEscape => {
                "a percent sign in the path is not followed by two hex digits"
            }
            PathError::Nul => "the path contains a NUL byte",
            PathError::EncodedSlash => "the path contains an encoded slash",
            PathError::Backslash => "the path contains a backslash",
            PathError::DotSegment => "the path contains a dot segment",
            PathError::EmptySegment => "the path contains an empty segment",
            PathError::OutsidePrefix => "the path does not begin with the prefix of the site",
            PathError::PrefixWithoutSlash => "the prefix of the site lacks the slash at its end",
        }
    }
}

impl<'a> SitePath<'a> {
    /// Decodes the path of a request target into `storage`. A leading slash is removed, and so is each
    /// segment `.` that is not encoded (section 5.2.4): apt asks for `/./Packages` and cannot follow a
    /// relative redirect.
    pub fn decode(raw: &[u8], storage: &'a mut Vec<u8>) -> Result<SitePath<'a>, PathError> {
        storage.clear();
        let raw = raw.strip_prefix(b"/").unwrap_or(raw);
        for segment in raw.split_inclusive(|&byte| byte == b'/') {
            if !matches!(segment, b"." | b"./") {
                decode_segment(segment, storage)?;
            }
        }
        check_segments(storage)?;
        Ok(SitePath(storage))
    }

    /// The root.
    pub fn root() -> SitePath<'static> {
        SitePath(b"")
    }

    /// A path whose bytes are those of a decoded path.
    pub fn of_decoded(bytes: &'a [u8]) -> SitePath<'a> {
        SitePath(bytes)
    }

    /// The bytes that are passed to the kernel.
    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// Whether the path is the root or ends in a slash.
    pub fn is_directory(self) -> bool {
        self.0.is_empty() || self.0.ends_with(b"/")
    }

    /// Whether a segment begins with a dot. `.well-known` (RFC 8615) does not count: it is meant to be
    /// public.
    pub(super) fn is_hidden(self) -> bool {
        segments(self.0).any(is_hidden_name)
    }
}

/// Whether a leading dot hides this name. It does not hide `.well-known`.
pub fn is_hidden_name(name: &[u8]) -> bool {
    name.starts_with(b".") && name != b".well-known"
}

/// The most segments of a path for which a client is redirected to the normalised path.
const MOST_SEGMENTS: usize = 256;

/// The rule that [`normalised`] applies.
pub const NORMALISED: Clause = clause!("RFC 3986 section 6.2.2.3", "normalised");

/// The way from a raw path with empty segments or `..`, and perhaps `.`, to the path without them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Normalised {
    /// How many segments lie between the root and the last slash of the raw path.
    depth: usize,
    /// The raw path without them, without a slash at its beginning.
    path: Vec<u8>,
}

impl Normalised {
    /// The path. It may still name no file.
    pub fn path(&self) -> &[u8] {
        &self.path
    }

    /// A relative reference from the raw path to the path without these segments. It is relative because
    /// the client may know the path with a prefix that a proxy has removed.
    pub fn reference(&self) -> Vec<u8> {
        let mut reference = levels_up(self.depth).into_bytes();
        reference.extend(&self.path);
        reference
    }
}

/// The path without empty segments, `.` and `..`. `None` if it leads above the root or is very long.
/// Encoded dots are not resolved.
///
/// `/a//b/../c` becomes `a/c`, to which `../../a/c` leads.
pub fn normalised(raw: &[u8]) -> Option<Normalised> {
    let raw = raw.strip_prefix(b"/").unwrap_or(raw);
    let mut all: Vec<&[u8]> = raw
        .split(|&byte| byte == b'/')
        .take(MOST_SEGMENTS + 1)
        .collect();
    let last = all.pop().filter(|_| all.len() < MOST_SEGMENTS)?;
    let base = resolved(&all)?;
    all.push(last);
    let mut segments = resolved(&all)?;
    segments.retain(|segment| !segment.is_empty());
    let mut path = segments.join(&b'/');
    if !segments.is_empty() && matches!(last, b"" | b"." | b"..") {
        path.push(b'/');
    }
    Some(Normalised {
        depth: base.len(),
        path,
    })
}

/// The segments without `.` and `..` (section 5.2.4). `None` if they lead above the root.
fn resolved<'a>(segments: &[&'a [u8]]) -> Option<Vec<&'a [u8]>> {
    let mut resolved = Vec::new();
    for segment in segments {
        match *segment {
            b"." => {}
            b".." => drop(resolved.pop()?),
            other => resolved.push(other),
        }
    }
    Some(resolved)
}

/// Decodes a segment and the slash that may follow it. An escape cannot contain a slash.
fn decode_segment(segment: &[u8], decoded: &mut Vec<u8>) -> Result<(), PathError> {
    for octet in percent::octets(segment) {
        decoded.push(match octet {
            Octet::Plain(b'\\') => return Err(PathError::Backslash),
            Octet::Plain(byte) => byte,
            Octet::Encoded(b'/') => return Err(PathError::EncodedSlash),
            Octet::Encoded(byte) => byte,
            Octet::Malformed => return Err(PathError::InvalidEscape),
        });
    }
    Ok(())
}

fn check_segments(path: &[u8]) -> Result<(), PathError> {
    if path.contains(&0) {
        return Err(PathError::Nul);
    }
    let mut has_empty_segment = false;
    for segment in path
        .strip_suffix(b"/")
        .unwrap_or(path)
        .split(|&b| b == b'/')
    {
        match segment {
            b"." | b".." => return Err(PathError::DotSegment),
            b"" => has_empty_segment = true,
            _ => {}
        }
    }
    match has_empty_segment && !path.is_empty() {
        true => Err(PathError::EmptySegment),
        false => Ok(()),
    }
}

fn segments(path: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    path.split(|&byte| byte == b'/')
        .filter(|segment| !segment.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::append;

    #[track_caller]
    fn check(raw: &str, want: Result<&[u8], PathError>) {
        let mut storage = Vec::new();
        let got = SitePath::decode(raw.as_bytes(), &mut storage).map(SitePath::as_bytes);
        assert_eq!(got, want, "{raw:?}");
    }

    #[test]
    fn paths_are_decoded_once() {
        check("/", Ok(b""));
        check("/a", Ok(b"a"));
        check("/a/b/", Ok(b"a/b/"));
        check("/a%20b+c", Ok(b"a b+c")); // in a path, a plus sign is not a space
        check("/%c3%BC", Ok("ü".as_bytes()));
        check("/%ff", Ok(b"\xff")); // a name is bytes
        check("/%2541", Ok(b"%41")); // never twice
        check("/%3F%23", Ok(b"?#"));
        check("/...", Ok(b"..."));
        check("/a..", Ok(b"a.."));
    }

    #[test]
    fn invalid_and_ambiguous_paths_are_refused() {
        check("/%", Err(PathError::InvalidEscape));
        check("/%2", Err(PathError::InvalidEscape));
        check("/%zz", Err(PathError::InvalidEscape));
        check("/%+1", Err(PathError::InvalidEscape));
        check("/a%00.html", Err(PathError::Nul));
        check("/a%2Fb", Err(PathError::EncodedSlash));
        check("/..%2f", Err(PathError::EncodedSlash));
        check("/a\\b", Err(PathError::Backslash));
        check("/..", Err(PathError::DotSegment));
        check("/../", Err(PathError::DotSegment));
        check("/a/../b", Err(PathError::DotSegment));
        check("/%2e%2E/b", Err(PathError::DotSegment));
        check("/%2e/a", Err(PathError::DotSegment));
        check("/a/%2e", Err(PathError::DotSegment));
        check("/a/./../b", Err(PathError::DotSegment));
        check("/.//a", Err(PathError::EmptySegment));
        check("/a/.//", Err(PathError::EmptySegment));
        check("//", Err(PathError::EmptySegment));
        check("//host/x", Err(PathError::EmptySegment));
        check("/a//", Err(PathError::EmptySegment));
        check("//host/..", Err(PathError::DotSegment));
    }

    /// Section 5.2.4, step 2B.
    #[test]
    fn single_dots_are_left_out() {
        check("/.", Ok(b""));
        check("/./", Ok(b""));
        check("/./a", Ok(b"a"));
        check("/a/.", Ok(b"a/"));
        check("/a/././b/./", Ok(b"a/b/"));
        check("/a./.b", Ok(b"a./.b"));
        check("/%2/./a", Err(PathError::InvalidEscape));
    }

    #[test]
    fn an_encoded_backslash_is_a_byte_of_a_name() {
        check("/a%5Cb", Ok(b"a\\b"));
        check("/..%5c..", Ok(b"..\\.."));
    }

    /// The path to which a client is led from `raw`, by RFC 3986 section 5.2.
    fn led_to(raw: &str) -> Option<String> {
        let reference = normalised(raw.as_bytes())?.reference();
        let reference = String::from_utf8(reference).expect("ASCII");
        let base = &raw[..raw.rfind('/').expect("a slash") + 1];
        let merged = format!("{base}{reference}");
        let mut segments: Vec<&str> = Vec::new();
        for segment in merged[1..].split('/') {
            match segment {
                "." => {}
                ".." => drop(segments.pop()),
                other => segments.push(other),
            }
        }
        Some(format!("/{}", segments.join("/")))
    }

    #[test]
    fn clients_are_led_to_the_normalised_path() {
        for (raw, want) in [
            ("//a", Some("/a")),
            ("//", Some("/")),
            ("/a//b/../c", Some("/a/c")),
            ("/a//", Some("/a/")),
            ("/./a", Some("/a")),
            ("/.", Some("/")),
            ("/a/.", Some("/a/")),
            ("/a/b/..", Some("/a/")),
            ("/a/..", Some("/")),
            ("/a/../b%20c", Some("/b%20c")),
            ("/%2e%2e//a", Some("/%2e%2e/a")),
            ("/..", None),
            ("/a/../../b", None),
            ("/../a", None),
        ] {
            assert_eq!(led_to(raw).as_deref(), want, "{raw}");
        }
        let reference = |raw: &[u8]| normalised(raw).map(|found| found.reference());
        assert_eq!(reference(b"/x/../a:b").as_deref(), Some(&b"./a:b"[..]));
        assert_eq!(reference(b"/a//b/../c").as_deref(), Some(&b"../../a/c"[..]));
        assert_eq!(normalised("/".repeat(MOST_SEGMENTS + 2).as_bytes()), None);
    }

    #[test]
    fn dot_names_are_hidden_except_well_known() {
        let hidden = |raw: &[u8]| SitePath::decode(raw, &mut Vec::new()).unwrap().is_hidden();
        assert!(hidden(b"/.git/config"));
        assert!(hidden(b"/a/.b"));
        assert!(hidden(b"/%2egit"));
        assert!(!hidden(b"/.well-known/security.txt"));
        assert!(hidden(b"/.well-known/.git"));
        assert!(!hidden(b"/a.b/c"));
    }

    #[test]
    fn encoding_and_decoding_keeps_every_byte() {
        let name: Vec<u8> = (1..=255).filter(|&byte| byte != b'/').collect();
        let mut raw = vec![b'/'];
        append(&mut raw, format_args!("{}", percent::path(&name)));
        let mut storage = Vec::new();
        assert_eq!(SitePath::decode(&raw, &mut storage), Ok(SitePath(&name)));
    }
}
