//! RFC 6265 section 4: cookies, and the one in which a browser remembers the language that its user chose.
//!
//! ```text
//! Set-Cookie: docroot-lang=zh; Path=/; Max-Age=31536000; SameSite=Lax; HttpOnly
//! Cookie: a=b; docroot-lang=zh
//! ```

use std::fmt;

use super::date::HttpDate;
use super::field::{FieldName, Fields, is_token, trim};
use super::language::Language;
use super::trace::{Clause, clause};

/// The rule for the cookie.
pub const REMEMBERED: Clause = clause!("RFC 6265 section 4.1", "remember");

/// A cookie that a server sets (section 4.1.1, and for the last two attributes the drafts that replace RFC
/// 6265). It may have what browsers refuse: they are tried out with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SetCookie {
    /// The name: a token.
    pub name: String,
    /// The value, without quotes.
    pub value: String,
    /// When it is forgotten.
    pub expires: Option<HttpDate>,
    /// After how many seconds it is forgotten. This counts more than `expires`.
    pub max_age: Option<u64>,
    /// The host below which it is sent; `None`: only to the host that set it.
    pub domain: Option<String>,
    /// The path below which it is sent.
    pub path: Option<String>,
    /// Whether it is sent only over TLS.
    pub is_secure: bool,
    /// Whether scripts do not see it.
    pub is_http_only: bool,
    /// When it is sent with requests that other sites cause: `Strict`, `Lax` or `None`.
    pub same_site: Option<&'static str>,
    /// Whether each site that embeds a page of this one has its own.
    pub is_partitioned: bool,
}

/// What is wrong with a cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CookieError {
    /// The name is not a token.
    Name,
    /// The value has a character other than a cookie-octet.
    Value,
    /// The domain or the path has a control character or a semicolon.
    Attribute,
}

impl SetCookie {
    /// Checks its parts by the grammar of section 4.1.1. Without this, a value could add attributes.
    pub fn check(&self) -> Result<(), CookieError> {
        let is_cookie_octet =
            |byte: u8| matches!(byte, 0x21 | 0x23..=0x2b | 0x2d..=0x3a | 0x3c..=0x5b | 0x5d..=0x7e);
        let is_attribute = |byte: u8| matches!(byte, b' '..=b'~') && byte != b';';
        let mut attributes = self.domain.iter().chain(&self.path);
        if !is_token(self.name.as_bytes()) {
            Err(CookieError::Name)
        } else if !self.value.bytes().all(is_cookie_octet) {
            Err(CookieError::Value)
        } else if !attributes.all(|text| text.bytes().all(is_attribute)) {
            Err(CookieError::Attribute)
        } else {
            Ok(())
        }
    }
}

/// Writes the value of `Set-Cookie`.
impl fmt::Display for SetCookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.name, self.value)?;
        if let Some(date) = self.expires {
            let mut text = Vec::new();
            date.write(&mut text);
            write!(f, "; Expires={}", String::from_utf8_lossy(&text))?;
        }
        if let Some(seconds) = self.max_age {
            write!(f, "; Max-Age={seconds}")?;
        }
        if let Some(domain) = &self.domain {
            write!(f, "; Domain={domain}")?;
        }
        if let Some(path) = &self.path {
            write!(f, "; Path={path}")?;
        }
        if let Some(same_site) = self.same_site {
            write!(f, "; SameSite={same_site}")?;
        }
        for (is_set, name) in [
            (self.is_secure, "Secure"),
            (self.is_http_only, "HttpOnly"),
            (self.is_partitioned, "Partitioned"),
        ] {
            if is_set {
                write!(f, "; {name}")?;
            }
        }
        Ok(())
    }
}

/// The name and the value of each cookie that a request has (section 4.2.1). A cookie without a name has an empty
/// one.
pub fn cookies<'a>(fields: &Fields<'a>) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
    let values = fields.values(FieldName::Cookie);
    let pairs = values.flat_map(|value| value.split(|&byte| byte == b';').map(trim));
    let pairs = pairs.filter(|pair| !pair.is_empty());
    pairs.map(|pair| match pair.iter().position(|&byte| byte == b'=') {
        Some(sign) => (&pair[..sign], &pair[sign + 1..]),
        None => (&pair[..0], pair),
    })
}

/// The name of the cookie.
const LANGUAGE: &[u8] = b"docroot-lang";

/// The chosen language, as the browser sends it. If there are several, the first counts (section 5.4).
pub fn language<'a>(fields: &Fields<'a>) -> Option<&'a [u8]> {
    let chosen = cookies(fields).find(|(name, _)| *name == LANGUAGE);
    chosen.map(|(_, value)| value)
}

/// The value of `Set-Cookie` that makes a browser remember a language for a year.
pub fn remember(language: &Language, is_secure: bool) -> String {
    let secure = if is_secure { "; Secure" } else { "" };
    let name = String::from_utf8_lossy(LANGUAGE);
    format!("{name}={language}; Path=/; Max-Age=31536000; SameSite=Lax; HttpOnly{secure}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::semantics::field::Section;

    #[track_caller]
    fn check(lines: &[&str], want: Option<&str>) {
        let lines: Vec<_> = lines
            .iter()
            .map(|line| (FieldName::Cookie, *line))
            .collect();
        let got = language(&Section::of(&lines).fields()).map(<[u8]>::to_vec);
        assert_eq!(got.as_deref(), want.map(str::as_bytes), "{lines:?}");
    }

    #[test]
    fn the_language_is_found_among_other_cookies() {
        check(&[], None);
        check(&["docroot-lang=zh"], Some("zh"));
        check(&["a=b; docroot-lang=zh; c=d"], Some("zh"));
        check(&["a=b", "docroot-lang=zh"], Some("zh"));
        check(&["docroot-lang=zh; docroot-lang=en"], Some("zh"));
        check(&["docroot-lang="], Some(""));
        check(&["xdocroot-lang=zh"], None);
        check(&["docroot-language=zh"], None);
        check(&["a=docroot-lang=zh"], None);
    }

    #[test]
    fn cookies_are_read() {
        let values = ["a=b; c=d=e", "f;; =g; h=\"i\""];
        let lines = values.map(|value| (FieldName::Cookie, value));
        let section = Section::of(&lines);
        let got: Vec<_> = cookies(&section.fields()).collect();
        let want: [(&[u8], &[u8]); 5] = [
            (b"a", b"b"),
            (b"c", b"d=e"),
            (b"", b"f"),
            (b"", b"g"),
            (b"h", b"\"i\""),
        ];
        assert_eq!(got, want);
    }

    #[test]
    fn a_cookie_is_written_with_its_attributes() {
        let mut cookie = SetCookie {
            name: "a".to_owned(),
            value: "b".to_owned(),
            ..SetCookie::default()
        };
        assert_eq!(cookie.to_string(), "a=b");
        cookie = SetCookie {
            expires: HttpDate::from_unix(784_111_777),
            max_age: Some(0),
            domain: Some("example.org".to_owned()),
            path: Some("/".to_owned()),
            is_secure: true,
            is_http_only: true,
            same_site: Some("None"),
            is_partitioned: true,
            ..cookie
        };
        let want = "a=b; Expires=Sun, 06 Nov 1994 08:49:37 GMT; Max-Age=0; Domain=example.org; Path=/; \
                    SameSite=None; Secure; HttpOnly; Partitioned";
        assert_eq!(cookie.to_string(), want);
        assert_eq!(cookie.check(), Ok(()));
    }

    /// No part can add an attribute or end the line.
    #[test]
    fn each_part_keeps_its_grammar() {
        let check = |name: &str, value: &str, path: &str| {
            let (name, value) = (name.to_owned(), value.to_owned());
            let path = Some(path.to_owned());
            let cookie = SetCookie {
                name,
                value,
                path,
                ..SetCookie::default()
            };
            cookie.check()
        };
        assert_eq!(check("a", "", "/a b"), Ok(()));
        for name in ["", "a b", "a=", "a;", "a\r", "\u{e9}"] {
            assert_eq!(check(name, "b", "/"), Err(CookieError::Name), "{name:?}");
        }
        for value in ["a b", "a;b", "a,b", "\"a\"", "a\\b", "a\n", "\u{e9}"] {
            assert_eq!(check("a", value, "/"), Err(CookieError::Value), "{value:?}");
        }
        for path in ["/;a", "/\r\n", "/\u{e9}"] {
            assert_eq!(
                check("a", "b", path),
                Err(CookieError::Attribute),
                "{path:?}"
            );
        }
    }

    #[test]
    fn the_cookie_is_secure_over_https() {
        let zh = Language::parse(b"zh-hant").expect("a tag");
        let plain = "docroot-lang=zh-Hant; Path=/; Max-Age=31536000; SameSite=Lax; HttpOnly";
        assert_eq!(remember(&zh, false), plain);
        assert_eq!(remember(&zh, true), format!("{plain}; Secure"));
    }
}
