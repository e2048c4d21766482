//! A request in, a response out: the rules of [`crate::semantics`] meet the files of
//! [`crate::site`].

// What those who answer see of a request.
pub mod request;
// The response as a value.
pub mod response;
// Who answers, now or later.
pub mod handler;
// Method, target, resource: the order in which a request is answered.
pub mod answer;
// A regular file: which of its representations is sent.
pub mod file;
// A directory as a representation.
pub mod listing;
// How much of a representation is sent, and under which fields.
pub mod represent;
// Errors, and what else carries no resource.
pub mod refuse;
// From plain text to HTTPS.
pub mod redirect;
// The pages that the server writes itself.
pub mod pages;
// Why the response is what it is.
pub mod reason;
