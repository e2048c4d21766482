//! A request head in, a response out: where the rules of [`crate::semantics`] meet the files of
//! [`crate::site`].

// Method, target, resource: the order in which a request is answered.
pub mod answer;
// A directory as a representation.
pub mod index;
// The pages that the server writes itself.
pub mod pages;
// Why the response is what it is.
pub mod reason;
// Which representation of a file is sent, and how much of it.
pub mod represent;
// The response as the connection gets it: bytes of a head, and content to move.
pub mod response;
