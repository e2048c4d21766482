//! RFC 7617: the credentials of the scheme Basic.
//!
//! ```text
//! Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==        Aladdin, open sesame
//! ```

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::field::{FieldName, Fields};
use super::protection::{MOST_BYTES, check_name};

/// The name of a user and a password. Neither is known to be right. It has no `Debug`, so that no log
/// shows the password.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The name.
    pub name: Box<str>,
    /// The password, as sent. It may have any bytes except control characters.
    pub password: Box<[u8]>,
}

/// Why a request has no credentials that can be checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialsError {
    /// It has none.
    None,
    /// They are malformed, too long, or of another scheme.
    Malformed,
}

/// Some clients leave out the padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

impl Credentials {
    /// The credentials of a request (section 2, RFC 9110 section 11.4).
    pub fn of(fields: &Fields<'_>) -> Result<Credentials, CredentialsError> {
        if !fields.contains(FieldName::Authorization) {
            return Err(CredentialsError::None);
        }
        let value = fields.sole(FieldName::Authorization);
        value
            .and_then(Credentials::parse)
            .ok_or(CredentialsError::Malformed)
    }

    /// Reads `Basic` and, behind spaces, the name and the password with a colon between them, as Base64.
    fn parse(value: &[u8]) -> Option<Credentials> {
        let (scheme, token) = value.split_at_checked("Basic ".len())?;
        if !scheme.eq_ignore_ascii_case(b"Basic ") {
            return None;
        }
        // Four digits of Base64 stand for three bytes.
        const MOST_DIGITS: usize = (2 * MOST_BYTES + 1).div_ceil(3) * 4;
        let token = token.trim_ascii_start();
        if token.len() > MOST_DIGITS {
            return None;
        }
        let bytes = BASE64.decode(token).ok()?;
        let colon = bytes.iter().position(|&byte| byte == b':')?;
        let (name, password) = (&bytes[..colon], &bytes[colon + 1..]);
        let name = std::str::from_utf8(name).ok()?;
        check_name(name).ok()?;
        let has_control = password.iter().any(u8::is_ascii_control);
        (password.len() <= MOST_BYTES && !has_control).then(|| Credentials {
            name: name.into(),
            password: password.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::semantics::field::Section;
    use base64::engine::general_purpose::STANDARD as ENCODER;
    use proptest::prelude::*;

    fn read(values: &[&[u8]]) -> Result<Credentials, CredentialsError> {
        let lines: Vec<_> = values
            .iter()
            .map(|value| (FieldName::Authorization, *value))
            .collect();
        Credentials::of(&Section::of(&lines).fields())
    }

    #[track_caller]
    fn check(value: &str, want: Option<(&str, &str)>) {
        let got = read(&[value.as_bytes()]).ok();
        let got = got.map(|got| (got.name.to_string(), got.password.to_vec()));
        let want = want.map(|(name, password)| (name.to_owned(), password.as_bytes().to_vec()));
        assert_eq!(got, want, "{value}");
    }

    fn basic(pair: impl AsRef<[u8]>) -> String {
        format!("Basic {}", ENCODER.encode(pair))
    }

    #[test]
    fn names_and_passwords_are_separated_by_the_first_colon() {
        let aladdin = Some(("Aladdin", "open sesame"));
        check("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", aladdin);
        check("bASIC   QWxhZGRpbjpvcGVuIHNlc2FtZQ", aladdin);
        // Section 2.1.
        check("Basic dGVzdDoxMjPCow==", Some(("test", "123\u{a3}")));
        check(&basic("a:b:c"), Some(("a", "b:c")));
        check(&basic("a:"), Some(("a", "")));
        let long = "x".repeat(255);
        check(&basic(format!("{long}:{long}")), Some((&long, &long)));
    }

    #[test]
    fn what_cannot_be_checked_is_malformed() {
        for value in [
            "",
            "Basic",
            "Basic ",
            "Bearer abc",
            "BasicQTpi",
            "Basic A*",
            "Basic QTpi QTpi",
        ] {
            check(value, None);
        }
        check(&basic("no colon"), None);
        check(&basic(":b"), None);
        check(&basic("a\n:b"), None);
        check(&basic("a:b\0"), None);
        check(&basic(b"\xff:b"), None);
        check(&basic(format!("{}:b", "x".repeat(256))), None);
        check(&basic(format!("a:{}", "x".repeat(256))), None);
        let good = basic("a:b");
        assert!(read(&[good.as_bytes()]).is_ok());
        let twice = read(&[good.as_bytes(), good.as_bytes()]);
        assert!(matches!(twice, Err(CredentialsError::Malformed)));
        assert!(matches!(read(&[]), Err(CredentialsError::None)));
    }

    proptest! {
        #[test]
        fn no_field_panics(value in proptest::collection::vec(any::<u8>(), 0..1200)) {
            let _ = read(&[&value]);
            let _ = read(&[&[b"Basic ", &value[..]].concat()]);
        }

        #[test]
        fn every_pair_comes_through(
            name in "[^:\\pC]{1,60}",
            password in proptest::collection::vec(0x20..0x7f_u8, 0..=255),
        ) {
            let pair = [name.as_bytes(), b":", &password].concat();
            let got = read(&[basic(pair).as_bytes()]).unwrap_or_else(|_| panic!("a pair"));
            prop_assert_eq!(&*got.name, name.as_str());
            prop_assert_eq!(&*got.password, &password[..]);
        }
    }
}
