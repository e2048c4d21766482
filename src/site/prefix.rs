//! The part of every path that stands before the site: with `/docs`, the site's `a.txt` is `/docs/a.txt`.

use crate::site::path::{PathError, SitePath};

/// The prefix of the paths of a site, decoded: nothing, or whole segments such as `docs/`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prefix(Box<[u8]>);

impl Prefix {
    /// Reads a prefix such as `/docs` or `/a/b/`.
    pub fn parse(text: &str) -> Result<Prefix, PathError> {
        let mut storage = Vec::new();
        SitePath::decode(text.as_bytes(), &mut storage)?;
        if !storage.is_empty() && !storage.ends_with(b"/") {
            storage.push(b'/');
        }
        Ok(Prefix(storage.into()))
    }

    /// What to do about a fault of a prefix.
    pub fn advice(fault: PathError) -> &'static str {
        match fault {
            PathError::InvalidEscape => "write %25 for a percent sign",
            PathError::Nul => "leave it out",
            PathError::EncodedSlash => "write / between two names",
            PathError::Backslash => "write / between two names",
            PathError::DotSegment => "write the path without . and ..",
            PathError::EmptySegment => "write one slash between two names",
            PathError::OutsidePrefix | PathError::PrefixWithoutSlash => {
                "write a path such as /docs"
            }
        }
    }

    /// Decodes the path of a request target, without the prefix.
    pub fn decode<'a>(
        &self,
        raw: &[u8],
        storage: &'a mut Vec<u8>,
    ) -> Result<SitePath<'a>, PathError> {
        let path = SitePath::decode(raw, storage)?.as_bytes();
        let rest = path.strip_prefix(&*self.0);
        rest.map(SitePath::of_decoded)
            .ok_or(match self.0.strip_suffix(b"/") == Some(path) {
                true => PathError::PrefixWithoutSlash,
                false => PathError::OutsidePrefix,
            })
    }

    /// The decoded prefix, without a slash at its start and with one at its end.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(prefix: &str, raw: &str, want: Result<&str, PathError>) {
        let prefix = Prefix::parse(prefix).expect(prefix);
        let mut storage = Vec::new();
        let got = prefix.decode(raw.as_bytes(), &mut storage);
        let want = want.map(str::as_bytes);
        assert_eq!(got.map(SitePath::as_bytes), want, "{prefix:?} {raw}");
    }

    #[test]
    fn the_prefix_stands_before_the_path() {
        check("", "/a", Ok("a"));
        check("/", "/a", Ok("a"));
        for prefix in ["/docs", "/docs/", "docs", "/d%6fcs"] {
            check(prefix, "/docs/", Ok(""));
            check(prefix, "/docs/a/b", Ok("a/b"));
            check(prefix, "/%64ocs/a", Ok("a"));
            check(prefix, "/docs", Err(PathError::PrefixWithoutSlash));
            check(prefix, "/docsa", Err(PathError::OutsidePrefix));
            check(prefix, "/", Err(PathError::OutsidePrefix));
            check(prefix, "/a/docs/", Err(PathError::OutsidePrefix));
            check(prefix, "/docs/../a", Err(PathError::DotSegment));
        }
        check("/a/b", "/a/b/c", Ok("c"));
        check("/a/b", "/a/", Err(PathError::OutsidePrefix));
    }

    #[test]
    fn a_prefix_is_a_path() {
        assert_eq!(Prefix::parse("/a//b"), Err(PathError::EmptySegment));
        assert_eq!(Prefix::parse("/../a"), Err(PathError::DotSegment));
        assert_eq!(Prefix::parse("/%zz"), Err(PathError::InvalidEscape));
    }
}
