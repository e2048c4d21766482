//! Why one of the server's own pages cannot do what it was asked for (RFC 9110 sections 15.5 and 15.6).

use crate::semantics::status::Status;

/// The response that says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The status of the response.
    pub status: Status,
    /// What is wrong and what to do, for the client.
    pub text: String,
}

impl Fault {
    /// The query is wrong.
    pub fn query(text: impl Into<String>) -> Fault {
        Fault {
            status: Status::BadRequest,
            text: text.into(),
        }
    }
}

/// The server holds as much memory for its clients as it may.
pub fn no_memory() -> Fault {
    Fault {
        status: Status::ServiceUnavailable,
        text: "docroot has no memory left for this content. Try again later.".to_owned(),
    }
}
