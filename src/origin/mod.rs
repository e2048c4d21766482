//! A request head in, a response out: where the rules of [`crate::semantics`] meet the files of
//! [`crate::site`].

// Method, target, resource: the order in which a request is answered.
pub mod answer;
// What of a request a response depends on.
pub mod request;
// A regular file: which of its representations is sent.
pub mod file;
// A directory as a representation.
pub mod index;
// How much of a representation is sent, and under which fields.
pub mod represent;
// The response as the connection gets it: bytes of a head, and content to move.
pub mod response;
// Errors, and what else carries no resource.
pub mod refuse;
// The way from plain text to HTTPS.
pub mod redirect;
// The pages that the server writes itself.
pub mod pages;
// Why the response is what it is.
pub mod reason;
// What a worker answers from.
pub mod stock;
