//! A change of a request that makes a step of its decision turn out otherwise.
//!
//! ```text
//! If-None-Match lists the current entity-tag -> 304     remove If-None-Match          -> 200
//! the whole representation is sent -> 200               set Range to bytes=0-99       -> 206
//! the URL of a directory must end with a slash -> 301   request what Location names
//! ```
//!
//! Each rule names the edits of its own steps, because it knows what it looked at. An edit is copied with its step,
//! so it owns nothing: it names a value of the step's evidence, or of the request, instead of repeating it. The
//! module `what_if` looks these values up.

use super::field::FieldName;
use super::status::Status;

/// A change of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edit {
    /// What changes.
    pub change: Change,
    /// The status of the response to the changed request.
    pub expected: Expected,
}

/// What changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The request has no line of this field.
    Remove(FieldName),
    /// The request has one line of this field, with this value.
    Set(FieldName, Value),
    /// The request has this method.
    Method(&'static str),
    /// The request has this target.
    Target(NewTarget),
    /// The request has this protocol version.
    Version(&'static str),
}

/// The new value of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// This one.
    Fixed(&'static str),
    /// The server's value in the evidence of the step.
    Own,
}

/// The new target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewTarget {
    /// The root of the server.
    Root,
    /// The server's value in the evidence of the step, if it needs no encoding.
    Own,
    /// What the evidence of the step, a relative reference, leads to from the target of the request.
    Location,
    /// The path and the query of a target in absolute-form.
    OriginForm,
    /// The target without this name in its query.
    WithoutQuery(&'static str),
    /// The target with this at the end of its path.
    Longer(&'static str),
    /// The target in absolute-form, with the host that the request names.
    AbsoluteForm,
}

/// The status of the response to the changed request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Other rules decide it.
    Unknown,
    /// The status that the response has without the change.
    Same,
    /// This one.
    Status(Status),
}

impl Edit {
    /// Removes a field.
    pub fn remove(name: FieldName) -> Edit {
        Edit::of(Change::Remove(name))
    }

    /// Sets a field to this value.
    pub fn set(name: FieldName, value: &'static str) -> Edit {
        Edit::of(Change::Set(name, Value::Fixed(value)))
    }

    /// Sets a field to the server's value in the evidence of the step.
    pub fn set_own(name: FieldName) -> Edit {
        Edit::of(Change::Set(name, Value::Own))
    }

    /// Uses another method.
    pub fn method(method: &'static str) -> Edit {
        Edit::of(Change::Method(method))
    }

    /// Requests another target.
    pub fn target(target: NewTarget) -> Edit {
        Edit::of(Change::Target(target))
    }

    /// Uses HTTP/1.1.
    pub fn http11() -> Edit {
        Edit::of(Change::Version("HTTP/1.1"))
    }

    /// Uses a version that is malformed (RFC 9112 section 2.3).
    pub fn malformed_version() -> Edit {
        Edit::of(Change::Version("HTTP/1"))
    }

    /// Uses HTTP/1.0.
    pub fn http10() -> Edit {
        Edit::of(Change::Version("HTTP/1.0"))
    }

    fn of(change: Change) -> Edit {
        Edit {
            change,
            expected: Expected::Unknown,
        }
    }

    /// The changed request gets this status.
    pub fn leads_to(self, status: Status) -> Edit {
        Edit {
            expected: Expected::Status(status),
            ..self
        }
    }

    /// The changed request gets this status if `is_certain`.
    pub fn leads_to_if(self, is_certain: bool, status: Status) -> Edit {
        match is_certain {
            true => self.leads_to(status),
            false => self,
        }
    }

    /// The changed request gets the same status.
    pub fn keeps_status(self) -> Edit {
        Edit {
            expected: Expected::Same,
            ..self
        }
    }

    /// The changed request gets the same status if `is_certain`.
    pub fn keeps_status_if(self, is_certain: bool) -> Edit {
        match is_certain {
            true => self.keeps_status(),
            false => self,
        }
    }
}
