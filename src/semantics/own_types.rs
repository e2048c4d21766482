//! Media types that the operator gives to files by their extension (RFC 9110 section 8.3.1).
//!
//! ```text
//! media-type = type "/" subtype parameters
//! parameters = *( OWS ";" OWS [ token "=" ( token / quoted-string ) ] )
//! ```
//!
//! `log=text/plain` is a rule for `a.log`, and `tar.gz=application/x-gtar` is one for `a.tar.gz`.

use std::fmt;

use crate::text::octet::{TOKEN, is};

/// The operator's media types. If an extension is listed twice, the last one counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnTypes(Vec<(Box<str>, Box<str>)>);

/// What is wrong with a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnTypeError {
    /// It has no `=`.
    NoSign,
    /// What comes before `=` is not the end of a file name.
    Extension,
    /// What comes after `=` is not a media type.
    MediaType,
}

impl OwnTypes {
    /// Adds a rule such as `log=text/plain`. The extension may begin with a dot.
    pub fn add(&mut self, rule: &str) -> Result<(), OwnTypeError> {
        let (extension, media_type) = rule.split_once('=').ok_or(OwnTypeError::NoSign)?;
        let extension = extension.strip_prefix('.').unwrap_or(extension);
        let is_part = |part: &str| !part.is_empty() && !part.contains(['/', '\0']);
        if !extension.split('.').all(is_part) {
            return Err(OwnTypeError::Extension);
        }
        if !is_media_type(media_type.as_bytes()) {
            return Err(OwnTypeError::MediaType);
        }
        self.0.push((extension.into(), media_type.into()));
        Ok(())
    }

    /// Removes all rules.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// The media type of a file with this name, if the operator gave one. The longest extension counts.
    pub(super) fn find(&self, name: &[u8]) -> Option<&str> {
        let fits = self
            .0
            .iter()
            .filter(|(extension, _)| ends_with(name, extension));
        let longest = fits.max_by_key(|(extension, _)| extension.len());
        longest.map(|(_, media_type)| &**media_type)
    }
}

/// Whether `name` has this extension and something before it.
fn ends_with(name: &[u8], extension: &str) -> bool {
    let Some(dot) = name.len().checked_sub(extension.len() + 1) else {
        return false;
    };
    let (stem, end) = name.split_at(dot);
    !stem.is_empty() && end[0] == b'.' && end[1..].eq_ignore_ascii_case(extension.as_bytes())
}

fn is_media_type(text: &[u8]) -> bool {
    let mut parts = Parts(text);
    parts.token() && parts.take(b"/") && parts.token() && parts.parameters()
}

/// What is left of a media type.
struct Parts<'a>(&'a [u8]);

impl Parts<'_> {
    /// Takes parameters up to the end.
    fn parameters(&mut self) -> bool {
        while !self.0.is_empty() {
            self.spaces();
            if !self.take(b";") {
                return false;
            }
            self.spaces();
            if !self.0.starts_with(b";") && !self.0.is_empty() && !self.parameter() {
                return false;
            }
        }
        true
    }

    fn parameter(&mut self) -> bool {
        self.token() && self.take(b"=") && (self.token() || self.quoted())
    }

    /// RFC 9110 section 5.6.4. The value goes into a field, so only ASCII is accepted.
    fn quoted(&mut self) -> bool {
        if !self.take(b"\"") {
            return false;
        }
        while let Some((&byte, rest)) = self.0.split_first() {
            self.0 = rest;
            match byte {
                b'"' => return true,
                b'\\' => match self.0.split_first() {
                    Some((b'\t' | b' '..=b'~', rest)) => self.0 = rest,
                    _ => return false,
                },
                b'\t' | b' '..=b'~' => {}
                _ => return false,
            }
        }
        false
    }

    /// Takes a token. Returns whether there is one.
    fn token(&mut self) -> bool {
        let is_end = |&byte: &u8| !is(&TOKEN, byte);
        let length = self.0.iter().position(is_end).unwrap_or(self.0.len());
        self.0 = &self.0[length..];
        length > 0
    }

    fn spaces(&mut self) {
        while self.take(b" ") || self.take(b"\t") {}
    }

    fn take(&mut self, wanted: &[u8]) -> bool {
        let rest = self.0.strip_prefix(wanted);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }
}

impl fmt::Display for OwnTypeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            OwnTypeError::NoSign => "write EXT=TYPE, such as log=text/plain",
            OwnTypeError::Extension => {
                "the part before = is not a file extension such as log or tar.gz"
            }
            OwnTypeError::MediaType => "the part after = is not a media type such as text/plain",
        })
    }
}

impl std::error::Error for OwnTypeError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn types(rules: &[&str]) -> OwnTypes {
        let mut types = OwnTypes::default();
        for rule in rules {
            types
                .add(rule)
                .unwrap_or_else(|fault| panic!("{rule}: {fault}"));
        }
        types
    }

    #[test]
    fn a_rule_fits_names_with_its_extension() {
        let types = types(&["log=a/b", ".gz=c/d", "tar.gz=e/f", "LOG=g/h"]);
        for (name, want) in [
            ("a.log", Some("g/h")), // the last one
            ("a.Log", Some("g/h")),
            ("a.gz", Some("c/d")),
            ("a.tar.gz", Some("e/f")), // the longest one
            (".log", None),
            ("log", None),
            ("alog", None),
            ("", None),
        ] {
            assert_eq!(types.find(name.as_bytes()), want, "{name}");
        }
    }

    #[test]
    fn media_types_are_checked() {
        for good in [
            "text/plain",
            "text/plain; charset=iso-8859-1",
            "text/plain ;charset=\"a \\\" b\" ; c=d",
            "text/plain;;charset=a;",
            "application/vnd.a+xml",
        ] {
            assert!(is_media_type(good.as_bytes()), "{good}");
        }
        for bad in [
            "",
            "text",
            "text/",
            "/plain",
            "text/plain/a",
            "text /plain",
            "text/plain charset=a",
            "text/plain; charset",
            "text/plain; charset=",
            "text/plain; charset = a",
            "text/plain; charset=\"a",
            "text/plain; charset=\"é\"",
            "text/plain\r\nA: b",
            "téxt/plain",
            " text/plain",
            "text/plain ",
        ] {
            assert!(!is_media_type(bad.as_bytes()), "{bad}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let fault = |rule: &str| OwnTypes::default().add(rule).err();
        assert_eq!(fault("log"), Some(OwnTypeError::NoSign));
        for rule in [
            "=text/plain",
            ".=text/plain",
            "a/b=text/plain",
            "a..b=text/plain",
        ] {
            assert_eq!(fault(rule), Some(OwnTypeError::Extension), "{rule}");
        }
        assert_eq!(fault("log=text"), Some(OwnTypeError::MediaType));
        assert_eq!(fault("log=text/plain; a=b"), None);
    }
}
