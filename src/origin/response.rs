//! A response as a value. It can be read and changed until [`crate::http1::response`] writes it.

use std::rc::Rc;

use crate::origin::reason::Reason;
use crate::semantics::field_section::{FieldSection, FieldValue};
use crate::semantics::protection::User;
use crate::semantics::rules::RuleSet;
use crate::semantics::status::Status;
use crate::site::body::Body;

/// The response to a request.
pub struct Response {
    /// The status.
    pub status: Status,
    /// Why this response was chosen.
    pub reason: Reason,
    /// The fields, without those that every response has, such as `Date`.
    pub fields: FieldSection,
    /// The body. `None` is an empty body. With a status that has no content, a body is not sent.
    pub body: Option<Body>,
    /// The rules for its representation, if it has one.
    pub rules: Option<RuleSet>,
    /// Whether its content is a page of docroot about an error.
    pub has_own_page: bool,
    /// Whether it belongs to the server's own pages, which are no part of the site.
    pub is_of_server: bool,
    /// Whether it was made for a path that needs a password.
    pub is_protected: bool,
    /// The user for whom it was made, if a password has proved who that is.
    pub user: Option<Rc<User>>,
}

/// An interim response, which another response follows (RFC 9110 section 15.2).
#[derive(Clone, Debug, PartialEq)]
pub struct Interim {
    /// The status, from 100 to 199 and not 101.
    pub status: Status,
    /// The fields.
    pub fields: FieldSection,
}

impl Response {
    /// A response without fields and body.
    pub fn new(status: Status, reason: Reason) -> Response {
        Response {
            status,
            reason,
            fields: FieldSection::default(),
            body: None,
            rules: None,
            has_own_page: false,
            is_of_server: false,
            is_protected: false,
            user: None,
        }
    }

    /// The response with these fields instead of its own.
    pub fn with_fields(self, fields: FieldSection) -> Response {
        Response { fields, ..self }
    }

    /// The response with one more field.
    pub fn field(mut self, name: &'static str, value: impl Into<FieldValue>) -> Response {
        self.fields.push(name, value);
        self
    }

    /// The response with this body.
    pub fn body(self, body: Body) -> Response {
        Response {
            body: Some(body),
            ..self
        }
    }
}
