//! A static file server. Each module is a layer and imports only from layers below it.
//!
//! To learn HTTP, read the layers from the bottom up. To follow a request, read from the top down.
#![forbid(unsafe_code)]
#![cfg_attr(
    test,
    allow(clippy::disallowed_methods, reason = "a test may read the clock")
)]

// The command line: arguments in, a configuration and messages out.
pub mod cli;
// The server's own pages and endpoints.
pub mod guide;
// RFC 9112: bytes to messages and back. Pure.
pub mod http1;
// Sockets, threads, readiness, deadlines.
pub mod net;
// The access log and the counters.
pub mod observe;
// A request in, a response out.
pub mod origin;
// The PROXY protocol: the header of a connection that a proxy has opened. Pure.
pub mod proxy_protocol;
// RFC 9110: values in, decisions out. Pure.
pub mod semantics;
// Writes precompressed files.
pub mod precompress;
// The files on disk.
pub mod site;
// What threads share.
pub mod sync;
// How values are formatted, and classes of octets. Pure.
pub mod text;
// RFC 6455: frames to messages and back. Pure.
pub mod websocket;
