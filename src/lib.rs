//! A static file server. Each module is a layer; an arrow may only point to a layer below.
//!
//! Read from the bottom up to learn HTTP, from the top down to follow a request.
#![forbid(unsafe_code)]
#![cfg_attr(
    test,
    allow(clippy::disallowed_methods, reason = "a test may read the clock")
)]

/// What was typed, turned into a configuration, and what is said back.
pub mod cli;
/// RFC 9112: bytes to messages and back.
pub mod http1;
/// Sockets, threads, readiness and deadlines.
pub mod net;
/// The access log and the counters.
pub mod observe;
/// A request head in, a response out.
pub mod origin;
/// RFC 9110: values to decisions.
pub mod semantics;
/// The disk: what a path names and how it is opened.
pub mod site;
