//! RFC 6265 section 4: the cookie in which a browser remembers the language that its user chose.
//!
//! ```text
//! Set-Cookie: docroot-lang=zh; Path=/; Max-Age=31536000; SameSite=Lax; HttpOnly
//! Cookie: a=b; docroot-lang=zh
//! ```

use super::field::{FieldName, Fields, trim};
use super::language::Language;
use super::trace::{Clause, clause};

/// The rule for the cookie.
pub const REMEMBERED: Clause = clause!("RFC 6265 section 4.1", "remember");

/// The name of the cookie.
const LANGUAGE: &[u8] = b"docroot-lang";

/// The chosen language, as the browser sends it. If there are several, the first counts (section 5.4).
pub fn language<'a>(fields: &Fields<'a>) -> Option<&'a [u8]> {
    fields.values(FieldName::Cookie).find_map(|value| {
        let mut pairs = value.split(|&byte| byte == b';').map(trim);
        pairs.find_map(|pair| pair.strip_prefix(LANGUAGE)?.strip_prefix(b"="))
    })
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
    fn the_cookie_is_secure_over_https() {
        let zh = Language::parse(b"zh-hant").expect("a tag");
        let plain = "docroot-lang=zh-Hant; Path=/; Max-Age=31536000; SameSite=Lax; HttpOnly";
        assert_eq!(remember(&zh, false), plain);
        assert_eq!(remember(&zh, true), format!("{plain}; Secure"));
    }
}
