//! HTTPS: TLS between the socket and the messages (RFC 9110 section 4.2.2).
//!
//! ```text
//!                      plain                               TLS
//! request   socket --> inbox            socket --> incoming --[rustls]--> inbox
//! response  outbox --> socket           outbox --[rustls]--> outgoing --> socket
//! ```
//!
//! Records, handshakes and certificates are the business of rustls; what is ours is where the bytes
//! lie and when they move. Incoming and outgoing records pass through buffers that the worker lends
//! ([`Wire`]), so an idle connection holds no buffers, only what rustls needs to go on.
//!
//! All of it is behind the feature `tls`. Without it [`Session`] is a type that has no values, and
//! everything that would use one compiles to nothing.

// How far a handshake has come.
pub mod handshake;
// What the operator asks for.
pub mod options;
// What can be wrong with it.
pub mod fault;
// What the operator should know of it although the server serves.
pub mod notice;

// The stand-in where TLS is not built in.
#[cfg(not(feature = "tls"))]
mod absent;
#[cfg(not(feature = "tls"))]
pub use absent::{Endpoint, Session, Wire};

// What of a certificate people want to know.
#[cfg(feature = "tls")]
mod certificate;
// What the certificates of clients are held against.
#[cfg(feature = "tls")]
mod clients;
// The server's side of every session: its identity, and what it asks of clients.
#[cfg(feature = "tls")]
mod endpoint;
// Certificates and keys, read from their files.
#[cfg(feature = "tls")]
mod files;
// A certificate made for this run.
#[cfg(feature = "tls")]
mod self_signed;
// One connection's TLS.
#[cfg(feature = "tls")]
mod session;
#[cfg(feature = "tls")]
pub use {
    endpoint::Endpoint,
    session::{Session, Wire},
};
