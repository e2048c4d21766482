//! How far a handshake has come (RFC 8446 section 4).

/// How far a handshake has come.
#[derive(Debug)]
pub enum HandshakeProgress {
    /// Requests can be read.
    Done,
    /// The same, but the session was resumed, and the certificate that the client has shown when it
    /// began has expired since. No alert can say so any more.
    Expired,
    /// A step was made; there may be another.
    Progress,
    /// The socket must be ready first.
    Pending,
    /// The client went away in the middle of it.
    Gone,
    /// There will be no session, for this reason; for most there is an alert that tells the client.
    Failed(String),
}
