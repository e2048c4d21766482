//! Media types that the operator gives to files by their extension or their path (RFC 9110 section 8.3.1).
//!
//! ```text
//! media-type      = type "/" subtype parameters
//! parameters      = *( OWS ";" OWS [ token "=" ( token / quoted-string ) ] )
//! type, subtype   = restricted-name                        RFC 6838 section 4.2
//! restricted-name = ( ALPHA / DIGIT ) *126( ALPHA / DIGIT / "!" / "#" / "$" / "&" / "-" / "^" / "_" / "." / "+" )
//! ```
//!
//! `log=text/plain` is a rule for `a.log`, `tar.gz=application/x-gtar` is one for `a.tar.gz`, and
//! `/v2/**=application/json` is one for every file in `/v2/`. A rule may end with `; coding=gzip` or
//! `; coding=br`: the files are stored in this content coding, as some game engines write them.

use std::fmt;

use super::coding::Coding;
use super::field::{split_outside_quotes, trim};
use super::own_fields::unescaped;
use super::pattern::{Pattern, PatternError};
use crate::text::octet::{TOKEN, is};
use crate::text::segment::last_segment;

/// The operator's media types.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnTypes {
    /// The first one that matches counts, before all extensions.
    by_path: Vec<(Pattern, OwnType)>,
    /// If an extension is listed twice, the last one counts.
    by_extension: Vec<(Box<str>, OwnType)>,
}

/// A media type of the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnType {
    /// The media type, perhaps with parameters.
    pub media_type: Box<str>,
    /// The coding in which the files are stored.
    pub coding: Coding,
}

/// What is wrong with a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwnTypeError {
    /// It has no `=`.
    NoSign,
    /// What comes before `=` is not the end of a file name.
    Extension,
    /// What comes before `=` is not a pattern.
    Pattern(PatternError),
    /// What comes after `=` is not a media type.
    MediaType,
    /// What comes after `=` is a media range, such as `text/*`.
    Range,
    /// What comes after `=` is the media type of a response with several ranges (RFC 9110 section 14.6).
    Byteranges,
    /// Files cannot be stored in this coding.
    Coding,
    /// The parameter with this name, in lower case, occurs twice (RFC 6838 section 4.3).
    Repeated(Box<str>),
}

impl OwnTypes {
    /// Adds a rule such as `log=text/plain` or `/a/**=text/plain`. An extension may begin with a dot.
    pub fn add(&mut self, rule: &str) -> Result<(), OwnTypeError> {
        let at = unescaped(rule, '=').ok_or(OwnTypeError::NoSign)?;
        let (files, given) = (&rule[..at], OwnType::parse(&rule[at + 1..]));
        if files.starts_with('/') {
            let pattern = Pattern::parse(files).map_err(OwnTypeError::Pattern)?;
            self.by_path.push((pattern, given?));
            return Ok(());
        }
        let extension = files.strip_prefix('.').unwrap_or(files);
        let is_part = |part: &str| !part.is_empty() && !part.contains(['/', '\0', '*', ' ']);
        if !extension.split('.').all(is_part) {
            return Err(OwnTypeError::Extension);
        }
        self.by_extension.push((extension.into(), given?));
        Ok(())
    }

    /// Removes all rules.
    pub fn clear(&mut self) {
        *self = OwnTypes::default();
    }

    /// The media type of the file at this path below the root, if the operator gave one. The longest
    /// extension counts.
    pub(super) fn find(&self, path: &[u8]) -> Option<&OwnType> {
        self.rule(path).map(|(_, given)| given)
    }

    /// The same, with the pattern or the extension that matches.
    pub(super) fn rule(&self, path: &[u8]) -> Option<(&dyn fmt::Display, &OwnType)> {
        let mut by_path = self.by_path.iter();
        if let Some((pattern, given)) = by_path.find(|(pattern, _)| pattern.matches(path)) {
            return Some((pattern, given));
        }
        let name = last_segment(path);
        let by_extension = self.by_extension.iter();
        let fits = by_extension.filter(|(extension, _)| ends_with(name, extension));
        let longest = fits.max_by_key(|(extension, _)| extension.len());
        longest.map(|(extension, given)| (extension as &dyn fmt::Display, given))
    }
}

impl OwnType {
    /// Reads a media type, perhaps followed by `; coding=gzip` or `; coding=br`.
    fn parse(text: &str) -> Result<OwnType, OwnTypeError> {
        if !is_media_type(text.as_bytes()) {
            return Err(match essence(text).ends_with("/*") {
                true => OwnTypeError::Range,
                false => OwnTypeError::MediaType,
            });
        }
        if essence(text).eq_ignore_ascii_case("multipart/byteranges") {
            return Err(OwnTypeError::Byteranges);
        }
        let parts = || split_outside_quotes(text.as_bytes(), b';').map(trim);
        if let Some(name) = repeated(parts().skip(1).map(parameter_name)) {
            return Err(OwnTypeError::Repeated(name));
        }
        let is_coding = |part: &&[u8]| &*parameter_name(part) == "coding";
        let Some(coding) = parts().skip(1).find(is_coding) else {
            return Ok(OwnType {
                media_type: text.into(),
                coding: Coding::Identity,
            });
        };
        let kept: Vec<&[u8]> = parts().filter(|part| !is_coding(part)).collect();
        Ok(OwnType {
            media_type: String::from_utf8_lossy(&kept.join(&b"; "[..])).into(),
            coding: match coding.split_at("coding=".len()).1 {
                b"gzip" => Coding::Gzip,
                b"br" => Coding::Brotli,
                _ => return Err(OwnTypeError::Coding),
            },
        })
    }
}

/// The name of a parameter in lower case; nothing between two semicolons.
fn parameter_name(parameter: &[u8]) -> Box<str> {
    let name = parameter.split(|&byte| byte == b'=').next();
    let name = String::from_utf8_lossy(name.unwrap_or_default());
    name.to_ascii_lowercase().into()
}

/// The first name that occurs again.
fn repeated(names: impl Iterator<Item = Box<str>>) -> Option<Box<str>> {
    let mut seen = Vec::new();
    for name in names.filter(|name| !name.is_empty()) {
        if seen.contains(&name) {
            return Some(name);
        }
        seen.push(name);
    }
    None
}

/// Whether `name` has this extension and something before it.
fn ends_with(name: &[u8], extension: &str) -> bool {
    let Some(dot) = name.len().checked_sub(extension.len() + 1) else {
        return false;
    };
    let (stem, end) = name.split_at(dot);
    !stem.is_empty() && end[0] == b'.' && end[1..].eq_ignore_ascii_case(extension.as_bytes())
}

/// A media type without its parameters.
fn essence(text: &str) -> &str {
    text.split_once(';')
        .map_or(text, |(essence, _)| essence)
        .trim_end()
}

fn is_media_type(text: &[u8]) -> bool {
    let mut parts = Parts(text);
    parts.name() && parts.take(b"/") && parts.name() && parts.parameters()
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

    /// Takes a type or subtype that may be registered (RFC 6838 section 4.2). Returns whether there is one.
    /// A token may have further characters, such as the `*` of a media range.
    fn name(&mut self) -> bool {
        const LONGEST: usize = 127;
        let is_of_name = |&byte: &u8| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte);
        let length = self.0.iter().take_while(|byte| is_of_name(byte)).count();
        let (name, rest) = self.0.split_at(length);
        self.0 = rest;
        length <= LONGEST && name.first().is_some_and(u8::is_ascii_alphanumeric)
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
            OwnTypeError::Pattern(fault) => return fault.fmt(f),
            OwnTypeError::Coding => {
                "--type supports the codings gzip and br: write coding=gzip or coding=br, or leave it out"
            }
            OwnTypeError::Repeated(name) => {
                return write!(f, "the parameter {name} occurs twice: remove one");
            }
            OwnTypeError::NoSign => {
                "write EXT=TYPE, such as log=text/plain, or PATTERN=TYPE, such as /v2/**=application/json"
            }
            OwnTypeError::Extension => {
                "the part before = is not a file extension: write one such as log or tar.gz, or a pattern \
                 such as /**/*.log"
            }
            OwnTypeError::MediaType => "the part after = is not a media type such as text/plain",
            OwnTypeError::Range => {
                "the part after = is a range of media types: write one of them, such as text/plain"
            }
            OwnTypeError::Byteranges => {
                "docroot sends multipart/byteranges itself if a client asks for several ranges: write the \
                 media type of the files"
            }
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
            let found = types.find(name.as_bytes());
            assert_eq!(found.map(|found| &*found.media_type), want, "{name}");
        }
    }

    #[test]
    fn a_rule_may_be_for_paths() {
        let types = types(&[
            "txt=a/b",
            "/d/*.txt=c/d",
            "/d/**=e/f",
            "/x\\=y=g/h",
            "/{a,b}/z=i/j; charset=k",
        ]);
        for (path, want) in [
            ("a.txt", Some("a/b")),
            ("d/a.txt", Some("c/d")),
            ("d/e/a.txt", Some("e/f")),
            ("d/e", Some("e/f")),
            ("x=y", Some("g/h")),
            ("b/z", Some("i/j; charset=k")),
            ("c/z", None),
        ] {
            let found = types.find(path.as_bytes());
            assert_eq!(found.map(|found| &*found.media_type), want, "{path}");
        }
    }

    #[test]
    fn a_rule_may_give_the_coding_of_stored_files() {
        let check = |rule: &str, media_type: &str, coding: Coding| {
            let types = types(&[rule]);
            let found = types.find(b"a.wasm.gz").expect(rule);
            assert_eq!((&*found.media_type, found.coding), (media_type, coding));
        };
        check(
            "wasm.gz=application/wasm; coding=gzip",
            "application/wasm",
            Coding::Gzip,
        );
        check("/*.gz=a/b;Coding=gzip ;c=d", "a/b; c=d", Coding::Gzip);
        check(
            "gz=a/b; x=\"coding=gzip\"",
            "a/b; x=\"coding=gzip\"",
            Coding::Identity,
        );
    }

    #[test]
    fn media_types_are_checked() {
        for good in [
            "text/plain",
            "text/plain; charset=iso-8859-1",
            "text/plain ;charset=\"a \\\" b\" ; c=d",
            "text/plain;;charset=a;",
            "application/vnd.a+xml",
            "model/x3d-vrml",
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
            "text/*",
            "*/*",
            "text/pl*in",
            "text/.plain",
            "text/plain%",
            &format!("text/{}", "a".repeat(128)),
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
            "*.log=text/plain",
            "log =text/plain",
            "a..b=text/plain",
        ] {
            assert_eq!(fault(rule), Some(OwnTypeError::Extension), "{rule}");
        }
        assert_eq!(fault("log=text"), Some(OwnTypeError::MediaType));
        for range in ["log=text/*", "log=*/*", "/a=text/* ;charset=utf-8"] {
            assert_eq!(fault(range), Some(OwnTypeError::Range), "{range}");
        }
        assert_eq!(fault("log=text/*b"), Some(OwnTypeError::MediaType));
        for parts in [
            "log=multipart/byteranges",
            "/a=Multipart/ByteRanges; boundary=a",
        ] {
            assert_eq!(fault(parts), Some(OwnTypeError::Byteranges), "{parts}");
        }
        assert_eq!(fault("log=multipart/related; boundary=a"), None);
        assert_eq!(fault("log=text/plain; a=b"), None);
        assert_eq!(fault("gz=a/b; coding=lzma"), Some(OwnTypeError::Coding));
        let repeated = |name: &str| Some(OwnTypeError::Repeated(name.into()));
        assert_eq!(fault("x=a/b; coding=gzip; coding=br"), repeated("coding"));
        assert_eq!(
            fault("x=a/b; charset=c;d=e ;Charset=c"),
            repeated("charset")
        );
        assert_eq!(fault("x=a/b; c=\"; c=\"; d=e"), None);
        let open = OwnTypeError::Pattern(PatternError::OpenBrace(3));
        assert_eq!(fault("/a{=text/plain"), Some(open));
        assert_eq!(fault("/a=text"), Some(OwnTypeError::MediaType));
    }
}
