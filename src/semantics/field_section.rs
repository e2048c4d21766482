//! RFC 9110 section 5: the fields of a response, as values.
//!
//! A response can be looked at before it is bytes: `section.get("Allow")`. What is the same in
//! every response about one representation is written once and kept as lines; such lines are
//! shared, so that a response that consists of them needs no memory of its own.

use std::borrow::Cow;
use std::rc::Rc;

use super::date::HttpDate;

/// The fields of one response, in the order in which they are written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FieldSection {
    /// Lines written before, each `name: value` and CR LF. They come first.
    prepared: Option<Rc<[u8]>>,
    fields: Vec<(&'static str, FieldValue)>,
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
    /// A section that begins with lines that were written before.
    pub fn prepared(lines: Rc<[u8]>) -> FieldSection {
        FieldSection {
            prepared: Some(lines),
            fields: Vec::new(),
        }
    }

    /// Adds a field. Invariant: the name is a token of this server's own.
    pub fn push(&mut self, name: &'static str, value: impl Into<FieldValue>) {
        self.fields.push((name, value.into()));
    }

    /// The lines that were written before.
    pub fn lines(&self) -> &[u8] {
        self.prepared.as_deref().unwrap_or_default()
    }

    /// The fields behind them.
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
