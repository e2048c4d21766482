//! A response as a value: it can be looked at and changed until it is written to bytes, which
//! happens in [`crate::http1::response`] alone.

use crate::origin::reason::Reason;
use crate::semantics::field_section::{FieldSection, FieldValue};
use crate::semantics::status::Status;
use crate::site::body::Body;

/// What a request is answered with.
pub struct Response {
    /// The status.
    pub status: Status,
    /// Why.
    pub reason: Reason,
    /// The fields, without those that every response of a connection has.
    pub fields: FieldSection,
    /// What follows the head. `None` for a response that never has content: 204 and 304.
    pub body: Option<Body>,
}

impl Response {
    /// A response without fields and content.
    pub fn new(status: Status, reason: Reason) -> Response {
        Response {
            status,
            reason,
            fields: FieldSection::default(),
            body: None,
        }
    }

    /// With these fields and no others.
    pub fn with_fields(self, fields: FieldSection) -> Response {
        Response { fields, ..self }
    }

    /// With one more field.
    pub fn field(mut self, name: &'static str, value: impl Into<FieldValue>) -> Response {
        self.fields.push(name, value);
        self
    }

    /// With content.
    pub fn body(self, body: Body) -> Response {
        Response {
            body: Some(body),
            ..self
        }
    }
}
