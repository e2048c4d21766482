//! RFC 9112: bytes to messages and back. Invariant: this layer never reads a socket, a file or the clock.
//!
//! [`parse::request_head`] parses the head of a request. [`target`], [`host`], [`framing`],
//! [`persistence`] and [`expect`] each answer one question about it. [`allowed_hosts`] says whether
//! the server answers for the host. [`check`] calls all of them
//! except [`persistence`]. [`chunked`] reads and writes chunked bodies. [`response`] writes the head
//! of a response.
//!
//! Two features are left out on purpose. obs-fold (section 5.2) and transfer codings other than
//! chunked (section 7) are refused: parsers read them differently, and attackers use that to smuggle
//! requests. Trailers (section 7.1.2) are checked and dropped, because this server uses none.

// RFC 9110 section 7.4: the hosts that the server answers for.
pub mod allowed_hosts;
// The checks that a head must pass before anything uses it.
pub mod check;
// Section 7.1: chunked bodies.
pub mod chunked;
// Every error in a message, and its status.
pub mod error;
// RFC 9110 section 10.1.1: whether the client waits for 100 (Continue).
pub mod expect;
// Errors in the head of a request.
pub mod fault;
// Section 6.3: the length of a body.
pub mod framing;
// Sections 4 and 5: writing the lines of a response head.
pub mod head;
// Section 3.2 and RFC 9110 section 7.2: the host that a request is for.
pub mod host;
// Limits on a request head.
pub mod limits;
// Sections 3 and 5: parsing one line of a head.
mod line;
// Section 2.2 and RFC 9110 section 5.6: classes of octets.
mod octet;
// Sections 2 to 5: the head of a request.
pub mod parse;
// Section 9.3: whether the connection stays open.
pub mod persistence;
// Sections 4 to 6: writing the head of a response.
pub mod response;
// Section 3.2: the four forms of a request-target.
pub mod target;
// Section 2.3: `HTTP/1.1`.
pub mod version;
