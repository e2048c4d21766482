//! RFC 9112: bytes to messages and back. Invariant: this layer never reads a socket, a file or the clock.
//!
//! A request comes in through [`parse::request_head`]; [`target`], [`host`], [`framing`],
//! [`persistence`] and [`expect`] each answer one question about its head, and [`check`] asks the
//! first four; [`chunked`] reads and writes bodies of unknown length; [`response`] writes the head of
//! a response.
//!
//! Left out on purpose: obs-fold (section 5.2) and transfer codings other than chunked (section 7)
//! are refused, because two parsers that read them differently are how requests are smuggled;
//! trailers (section 7.1.2) are checked and dropped, because nothing here acts upon one.

// What must hold of a head before it means anything.
pub mod check;
// Section 7.1: a body in chunks.
pub mod chunked;
// What can be wrong with a message, and the status that says so.
pub mod error;
// RFC 9110 section 10.1.1: whether the client waits for a word before it sends the body.
pub mod expect;
// What can be wrong with the head of a request.
pub mod fault;
// Section 6.3: how long the body is.
pub mod framing;
// Sections 4 and 5: writing the head of an answer.
pub mod head;
// Section 3.2 and RFC 9110 section 7.2: which host is meant.
pub mod host;
// What is too long, and why.
pub mod limits;
// Sections 3 and 5: one line taken apart.
mod line;
// Section 2.2 and RFC 9110 section 5.6: which octets may stand where.
mod octet;
// Sections 2 to 5: the head of a request.
pub mod parse;
// Section 9.3: whether the connection stays open.
pub mod persistence;
// Sections 4 to 6: a response as bytes.
pub mod response;
// Section 3.2: the four forms of a request-target.
pub mod target;
// Section 2.3: `HTTP/1.1`.
pub mod version;
