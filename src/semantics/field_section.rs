//! RFC 9110 section 5: the fields of a response, as values.
//!
//! Examples are `("Allow", Text("GET, HEAD, OPTIONS"))` and `("Content-Length", Number(14))`.
//! Fields that are equal in every response with the same representation are prepared once, as
//! lines. Responses share these lines and do not copy them.

use std::borrow::Cow;
use std::rc::Rc;

use super::date::HttpDate;

/// The fields of one response, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FieldSection {
    /// Prepared lines, each `name: value` and CR LF. They come first.
    prepared: Option<Rc<[u8]>>,
    fields: Vec<(&'static str, FieldValue)>,
    /// Whether the operator says what `Server` is, or that there is none.
    pub is_server_ruled: bool,
}

/// The value of a field.
#[derive(Clone, Debug, PartialEq)]
pub enum FieldValue {
    /// Text.
    Text(Cow<'static, [u8]>),
    /// A number in decimal digits.
    Number(u64),
    /// A date (section 5.6.7).
    Date(HttpDate),
}

impl FieldSection {
    /// A section that starts with prepared lines.
    pub fn prepared(lines: Rc<[u8]>) -> FieldSection {
        FieldSection {
            prepared: Some(lines),
            ..FieldSection::default()
        }
    }

    /// Appends a field. Invariant: the name is a token that the server chooses, not the client.
    pub fn push(&mut self, name: &'static str, value: impl Into<FieldValue>) {
        self.fields.push((name, value.into()));
    }

    /// Replaces a value of a field that follows the prepared lines.
    pub fn replace(&mut self, name: &str, old: &'static str, new: &'static str) -> bool {
        let (old, new) = (FieldValue::from(old), FieldValue::from(new));
        let mut fields = self.fields.iter_mut();
        let found = fields.find(|(field, value)| *field == name && *value == old);
        found.map(|(_, value)| *value = new).is_some()
    }

    /// Every value of a field that is text. Those in the prepared lines come first.
    pub fn texts<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let lines = self.lines().split(|&byte| byte == b'\n');
        let prepared = lines.filter_map(move |line| {
            let (own, rest) = line.split_at_checked(name.len())?;
            let value = rest.strip_prefix(b": ")?;
            let value = value.strip_suffix(b"\r").unwrap_or(value);
            own.eq_ignore_ascii_case(name.as_bytes()).then_some(value)
        });
        let further = self
            .fields
            .iter()
            .filter_map(move |(own, value)| match value {
                FieldValue::Text(text) if own.eq_ignore_ascii_case(name) => Some(&**text),
                _ => None,
            });
        prepared.chain(further)
    }

    /// The prepared lines.
    pub fn lines(&self) -> &[u8] {
        self.prepared.as_deref().unwrap_or_default()
    }

    /// The fields after the prepared lines.
    pub fn fields(&self) -> &[(&'static str, FieldValue)] {
        &self.fields
    }
}

impl From<&'static str> for FieldValue {
    fn from(text: &'static str) -> FieldValue {
        FieldValue::Text(Cow::Borrowed(text.as_bytes()))
    }
}

impl From<String> for FieldValue {
    fn from(text: String) -> FieldValue {
        FieldValue::Text(Cow::Owned(text.into_bytes()))
    }
}

impl From<Vec<u8>> for FieldValue {
    fn from(bytes: Vec<u8>) -> FieldValue {
        FieldValue::Text(Cow::Owned(bytes))
    }
}

impl From<u64> for FieldValue {
    fn from(number: u64) -> FieldValue {
        FieldValue::Number(number)
    }
}

impl From<HttpDate> for FieldValue {
    fn from(date: HttpDate) -> FieldValue {
        FieldValue::Date(date)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_in_lines_and_in_fields() {
        let lines = b"Vary: Accept\r\nX-Vary: a\r\nVary-X: b\r\nvary: Cookie\r\n";
        let mut fields = FieldSection::prepared(Rc::from(&lines[..]));
        fields.push("Vary", "Origin");
        fields.push("Age", 5);
        let texts = |name| {
            fields
                .texts(name)
                .map(String::from_utf8_lossy)
                .collect::<Vec<_>>()
        };
        assert_eq!(texts("Vary"), ["Accept", "Cookie", "Origin"]);
        assert_eq!(texts("X-VARY"), ["a"]);
        assert!(texts("Age").is_empty());
    }
}
