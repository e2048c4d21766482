//! RFC 3986 section 2.1 and 3.3: the path of a request, decoded to the name of a file.
//!
//! `/a%20b/` names the directory `a b/`; `/%2e%2e/x` names nothing. A path is decoded once, on
//! bytes. What could mean two files to two readers is refused and never normalised.

use crate::semantics::trace::{Clause, clause};
use crate::text::percent::{self, Octet};

/// A decoded path below the document root: no leading slash, no empty, `.` or `..` segment, no NUL
/// and no backslash. The root is empty; a directory asked for as such ends in a slash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SitePath<'a>(&'a [u8]);

/// Why a path names no file here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathError {
    /// A `%` that two hexadecimal digits do not follow (section 2.1).
    InvalidEscape,
    /// `%00` would end the name early for the kernel.
    Nul,
    /// `%2F` is data to one reader and a separator to the next.
    EncodedSlash,
    /// A backslash is a separator to some readers.
    Backslash,
    /// `.` or `..`, however spelled: a client resolves them before it asks (section 5.2.4).
    DotSegment,
    /// Two slashes in a row: no file has an empty name.
    EmptySegment,
}

/// What a step about this rests on.
pub const CLAUSE: Clause = clause!("RFC 3986 section 2.1", "decode");

impl PathError {
    /// Whether the path is well-formed and merely names nothing (404 rather than 400).
    pub fn is_absence(self) -> bool {
        self == PathError::EmptySegment
    }
}

impl PathError {
    /// The fault as a clause.
    pub fn text(self) -> &'static str {
        match self {
            PathError::InvalidEscape => {
                "a percent sign in the path is not followed by two hex digits"
            }
            PathError::Nul => "the path holds a NUL byte",
            PathError::EncodedSlash => "the path holds an encoded slash",
            PathError::Backslash => "the path holds a backslash",
            PathError::DotSegment => "the path holds a dot segment",
            PathError::EmptySegment => "the path holds an empty segment",
        }
    }
}

impl<'a> SitePath<'a> {
    /// Decodes the path component of a request target, which begins with a slash, into `storage`.
    pub fn decode(raw: &[u8], storage: &'a mut Vec<u8>) -> Result<SitePath<'a>, PathError> {
        storage.clear();
        for octet in percent::octets(raw.strip_prefix(b"/").unwrap_or(raw)) {
            storage.push(match octet {
                Octet::Plain(byte) => byte,
                Octet::Encoded(b'/') => return Err(PathError::EncodedSlash),
                Octet::Encoded(byte) => byte,
                Octet::Malformed => return Err(PathError::InvalidEscape),
            });
        }
        check_segments(storage)?;
        Ok(SitePath(storage))
    }

    /// The bytes, as the kernel gets them.
    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// Whether it was asked for as a directory: the root, or with a slash at its end.
    pub fn is_directory(self) -> bool {
        self.0.is_empty() || self.0.ends_with(b"/")
    }

    /// Whether a segment begins with a dot; `.well-known` (RFC 8615) is public by definition.
    pub fn is_hidden(self) -> bool {
        segments(self.0).any(is_hidden_name)
    }

    /// The last segment: a file's name.
    pub fn name(self) -> &'a [u8] {
        segments(self.0).next_back().unwrap_or_default()
    }
}

/// Whether a name is hidden from visitors by its leading dot.
pub fn is_hidden_name(name: &[u8]) -> bool {
    name.starts_with(b".") && name != b".well-known"
}

/// Whether a path can hold the name of an entry: what is listed can be asked for.
pub fn is_nameable(name: &[u8]) -> bool {
    !name.contains(&b'\\')
}

fn check_segments(path: &[u8]) -> Result<(), PathError> {
    if path.contains(&0) {
        return Err(PathError::Nul);
    }
    if path.contains(&b'\\') {
        return Err(PathError::Backslash);
    }
    let mut inner_empty = false;
    for segment in path
        .strip_suffix(b"/")
        .unwrap_or(path)
        .split(|&b| b == b'/')
    {
        match segment {
            b"." | b".." => return Err(PathError::DotSegment),
            b"" => inner_empty = true,
            _ => {}
        }
    }
    match inner_empty && !path.is_empty() {
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
        check("/a%20b+c", Ok(b"a b+c")); // a plus sign is itself in a path
        check("/%c3%BC", Ok("ü".as_bytes()));
        check("/%ff", Ok(b"\xff")); // a name is bytes
        check("/%2541", Ok(b"%41")); // never twice
        check("/%3F%23", Ok(b"?#"));
        check("/...", Ok(b"..."));
        check("/a..", Ok(b"a.."));
    }

    #[test]
    fn what_could_mean_two_files_is_refused() {
        check("/%", Err(PathError::InvalidEscape));
        check("/%2", Err(PathError::InvalidEscape));
        check("/%zz", Err(PathError::InvalidEscape));
        check("/%+1", Err(PathError::InvalidEscape));
        check("/a%00.html", Err(PathError::Nul));
        check("/a%2Fb", Err(PathError::EncodedSlash));
        check("/..%2f", Err(PathError::EncodedSlash));
        check("/a\\b", Err(PathError::Backslash));
        check("/..%5c..", Err(PathError::Backslash));
        check("/..", Err(PathError::DotSegment));
        check("/../", Err(PathError::DotSegment));
        check("/a/../b", Err(PathError::DotSegment));
        check("/%2e%2E/b", Err(PathError::DotSegment));
        check("/./a", Err(PathError::DotSegment));
        check("/a/.", Err(PathError::DotSegment));
        check("//", Err(PathError::EmptySegment));
        check("//host/x", Err(PathError::EmptySegment));
        check("/a//", Err(PathError::EmptySegment));
        check("//host/..", Err(PathError::DotSegment));
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
    fn every_byte_survives_encoding() {
        let name: Vec<u8> = (1..=255).filter(|byte| !b"/\\".contains(byte)).collect();
        let mut raw = vec![b'/'];
        append(&mut raw, format_args!("{}", percent::path(&name)));
        let mut storage = Vec::new();
        assert_eq!(SitePath::decode(&raw, &mut storage), Ok(SitePath(&name)));
    }
}
