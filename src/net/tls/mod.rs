//! HTTPS: TLS between the socket and HTTP (RFC 9110 section 4.2.2).
//!
//! ```text
//!                      plain                               TLS
//! request   socket --> inbox            socket --> incoming --[rustls]--> inbox
//! response  outbox --> socket           outbox --[rustls]--> outgoing --> socket
//! ```
//!
//! rustls handles records, handshakes and certificates. This module decides where the bytes are and
//! when they move. Records pass through buffers of the worker ([`RecordBuffers`]), so an idle
//! connection holds no buffers, only the state of rustls.
//!
//! TLS is behind the feature `tls`. Without it, [`Session`] is a type without values, so the code
//! that uses one can never run.

// How far a handshake has come.
pub(super) mod handshake;
// The operator's choices.
pub mod options;
// Why TLS cannot be set up.
pub mod fault;
// Messages about the TLS files for the operator.
pub mod notice;

// The replacement in a build without TLS.
#[cfg(not(feature = "tls"))]
mod absent;
#[cfg(not(feature = "tls"))]
pub use absent::{Endpoint, OwnClient, RecordBuffers, Session};

// The subject and the validity of a certificate.
#[cfg(feature = "tls")]
mod certificate;
// Verifies the certificates of clients.
#[cfg(feature = "tls")]
mod clients;
// The configuration of all sessions, and when it is renewed.
#[cfg(feature = "tls")]
mod endpoint;
// The client's side of a session of the server with itself.
#[cfg(feature = "tls")]
mod own_client;
// Reads certificates and keys from files.
#[cfg(feature = "tls")]
mod files;
// Makes a self-signed certificate.
#[cfg(feature = "tls")]
mod self_signed;
// The TLS session of one connection.
#[cfg(feature = "tls")]
mod session;
// Faults of certificates in words.
#[cfg(feature = "tls")]
mod words;
#[cfg(feature = "tls")]
pub use {
    endpoint::Endpoint,
    own_client::OwnClient,
    session::{RecordBuffers, Session},
};
