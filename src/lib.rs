//! A static file server. Each module is a layer; an arrow may only point to a layer below.
//!
//! Read from the bottom up to learn HTTP, from the top down to follow a request.
#![forbid(unsafe_code)]
#![cfg_attr(
    test,
    allow(clippy::disallowed_methods, reason = "a test may read the clock")
)]

// What was typed, and what is printed for it.
pub mod cli;
// RFC 9112: bytes to messages and back. Pure.
pub mod http1;
// Sockets, threads, readiness, deadlines.
pub mod net;
// The access log and the counters.
pub mod observe;
// A request head in, a response out.
pub mod origin;
// RFC 9110: values in, decisions out. Pure.
pub mod semantics;
// The disk.
pub mod site;
// How values are written, and classes of octets. Pure.
pub mod text;
