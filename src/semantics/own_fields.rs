//! Fields that the operator adds to responses, replaces in them or removes from them (RFC 9110 section
//! 5).
//!
//! ```text
//! X-Robots-Tag: noindex        adds the field, or replaces it
//! ETag:                        removes it
//! ```

use std::borrow::Cow;
use std::fmt;

use super::field::is_token;
use super::secrets::{MASK, says_secret};

/// A field of the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnField {
    /// Its name, as the operator wrote it.
    pub name: Box<str>,
    /// Its value. `None` removes the field.
    pub value: Option<Box<str>>,
}

/// What is wrong with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnFieldError {
    /// It has no colon.
    NoColon,
    /// The name is not a token (section 5.1).
    Name,
    /// The name has a space. A pattern before it may have ended too early.
    Space,
    /// The value has this character, which is not visible ASCII, a space or a tab (section 5.5).
    Value(char),
    /// The field frames the message or belongs to the connection.
    Framing,
    /// docroot makes the field for each response, and a constant would be wrong.
    Computed,
    /// docroot makes the field, and caches go wrong without it.
    Needed,
    /// An origin server never sends the field.
    OfCaches,
    /// There is an option for the field.
    Option(&'static str),
}

/// Fields that say where a message ends, or that concern only one connection (RFC 9112 sections 6 and 9).
const FRAMING: [&str; 9] = [
    "connection",
    "content-length",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "date",
];

/// Fields that depend on the representation or on the request.
const COMPUTED: [&str; 11] = [
    "accept-ranges",
    "allow",
    "content-digest",
    "content-encoding",
    "content-range",
    "etag",
    "last-modified",
    "location",
    "repr-digest",
    "retry-after",
    "www-authenticate",
];

/// Those of them that may be removed: clients can do without.
const REMOVABLE: [&str; 3] = ["accept-ranges", "etag", "last-modified"];

/// Fields with an option of their own.
const OPTIONS: [(&str, &str); 4] = [
    ("cache-control", "--cache"),
    ("content-type", "--type"),
    ("strict-transport-security", "--hsts"),
    ("x-request-id", "--request-id"),
];

impl OwnField {
    /// Reads `Name: value`, or `Name:` to remove a field.
    pub fn parse(text: &str) -> Result<OwnField, OwnFieldError> {
        let (name, value) = text.split_once(':').ok_or(OwnFieldError::NoColon)?;
        if !is_token(name.as_bytes()) {
            return Err(match name.contains(' ') {
                true => OwnFieldError::Space,
                false => OwnFieldError::Name,
            });
        }
        let is_allowed = |char: &char| matches!(char, '\t' | ' '..='~');
        if let Some(char) = value.chars().find(|char| !is_allowed(char)) {
            return Err(OwnFieldError::Value(char));
        }
        let value = value.trim_matches([' ', '\t']);
        let value = Some(value).filter(|value| !value.is_empty());
        check(&name.to_ascii_lowercase(), value.is_none())?;
        Ok(OwnField {
            name: name.into(),
            value: value.map(Into::into),
        })
    }

    /// Whether it has this name (section 5.1: without case).
    pub fn is_named(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}

/// Whether the field may be set, or removed.
fn check(name: &str, is_removed: bool) -> Result<(), OwnFieldError> {
    let option = OPTIONS.iter().find(|(field, _)| *field == name);
    match option {
        Some((_, option)) => return Err(OwnFieldError::Option(option)),
        None if FRAMING.contains(&name) => return Err(OwnFieldError::Framing),
        None if name == "age" => return Err(OwnFieldError::OfCaches),
        None if name == "vary" && is_removed => return Err(OwnFieldError::Needed),
        None if is_removed && REMOVABLE.contains(&name) => return Ok(()),
        None if COMPUTED.contains(&name) => return Err(OwnFieldError::Computed),
        None => {}
    }
    Ok(())
}

/// Splits a rule into its pattern, if it has one, and the rest: `/a/** X-A: b` is `/a/**` and `X-A: b`.
/// A pattern begins with a slash and ends at the first space without a backslash before it.
pub(super) fn split_pattern(text: &str) -> (Option<&str>, &str) {
    let text = text.trim_start_matches(' ');
    if !text.starts_with('/') {
        return (None, text);
    }
    match unescaped(text, ' ') {
        Some(end) => (Some(&text[..end]), text[end..].trim_start_matches(' ')),
        None => (Some(text), ""),
    }
}

/// A rule with a mask for its value, if the name of the field says that it is secret.
pub fn masked(rule: &str) -> Cow<'_, str> {
    let (_, field) = split_pattern(rule);
    match field.split_once(':') {
        Some((name, value)) if says_secret(name.as_bytes()) && !value.trim().is_empty() => {
            let shown = &rule[..rule.len() - value.len()];
            Cow::Owned(format!("{shown} {MASK}"))
        }
        _ => Cow::Borrowed(rule),
    }
}

/// The position of the first `wanted` that has no backslash before it.
pub(super) fn unescaped(text: &str, wanted: char) -> Option<usize> {
    let mut is_escaped = false;
    let found = text.char_indices().find(|&(_, char)| {
        let was_escaped = is_escaped;
        is_escaped = char == '\\' && !was_escaped;
        char == wanted && !was_escaped
    });
    found.map(|(at, _)| at)
}

impl fmt::Display for OwnFieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OwnFieldError::NoColon => {
                f.write_str("write 'Name: value', or 'Name:' to remove a field")
            }
            OwnFieldError::Name => f.write_str(
                "the text before the colon is not a field name of letters, digits and hyphens; write \
                 'Name: value' or '/pattern Name: value'",
            ),
            OwnFieldError::Space => f.write_str(
                "a field name has no spaces; write 'Name: value' or '/pattern Name: value', and in the pattern a \\ \
                 before each space",
            ),
            OwnFieldError::Value(char) => write!(
                f,
                "a value has only printable ASCII characters: leave out '{char}', or encode it as the field \
                 allows"
            ),
            OwnFieldError::Framing => {
                f.write_str("docroot always sets this field itself: leave it out")
            }
            OwnFieldError::Computed => {
                f.write_str(
                    "docroot computes this field for each response, so it cannot be fixed: leave it out",
                )
            }
            OwnFieldError::Needed => f.write_str(
                "this field must stay, because it tells caches how responses differ; you can add names \
                 to it",
            ),
            OwnFieldError::OfCaches => {
                f.write_str("only caches send this field: leave it out")
            }
            OwnFieldError::Option(option) => write!(f, "use {option} for this field"),
        }
    }
}

impl std::error::Error for OwnFieldError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_field(text: &str, name: &str, value: Option<&str>) {
        let field = OwnField::parse(text).expect(text);
        assert_eq!((&*field.name, field.value.as_deref()), (name, value));
    }

    #[test]
    fn a_field_has_a_name_and_perhaps_a_value() {
        check_field("X-A: b", "X-A", Some("b"));
        check_field("x-a:b:c", "x-a", Some("b:c"));
        check_field("X-A:\t b c \t", "X-A", Some("b c"));
        check_field("X-A:", "X-A", None);
        check_field("ETag: ", "ETag", None);
        check_field("Vary: Cookie", "Vary", Some("Cookie"));
        check_field("Server: x", "Server", Some("x"));
    }

    #[track_caller]
    fn check_error(text: &str, want: OwnFieldError) {
        assert_eq!(OwnField::parse(text), Err(want), "{text}");
        assert!(!want.to_string().is_empty());
    }

    #[test]
    fn a_mistake_is_told() {
        use OwnFieldError::*;
        check_error("", NoColon);
        check_error("X-A", NoColon);
        check_error(": b", Name);
        check_error("X A: b", Space);
        check_error("X-A : b", Space); // RFC 9112 section 5.1
        check_error("X-\u{e4}: b", Name);
        check_error("X-A: b\r\nX-B: c", Value('\r'));
        check_error("X-A: b\0", Value('\0'));
        check_error("X-A: \u{e4}", Value('\u{e4}'));
        check_error("content-length: 0", Framing);
        check_error("Transfer-Encoding:", Framing);
        check_error("Connection: close", Framing);
        check_error("ETag: \"a\"", Computed);
        check_error("Content-Encoding: gzip", Computed);
        check_error("Location:", Computed);
        check_error("Vary:", Needed);
        check_error("Age: 1", OfCaches);
        check_error("Cache-Control: no-store", Option("--cache"));
        check_error("content-type: a/b", Option("--type"));
        check_error("X-Request-ID: 1", Option("--request-id"));
    }

    #[test]
    fn a_pattern_ends_at_a_space() {
        let check =
            |text, pattern, rest| assert_eq!(split_pattern(text), (pattern, rest), "{text}");
        check("X-A: b", None, "X-A: b");
        check("/a/** X-A: b c", Some("/a/**"), "X-A: b c");
        check("/a\\ b  X-A:", Some("/a\\ b"), "X-A:");
        check("/a\\\\ X-A:", Some("/a\\\\"), "X-A:");
        check("/a", Some("/a"), "");
    }
}
