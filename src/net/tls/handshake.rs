//! How far a handshake has come (RFC 8446 section 4).

/// The result of a step of a handshake.
#[derive(Debug)]
pub enum HandshakeProgress {
    /// The handshake is complete.
    Done,
    /// The handshake is complete and the session was resumed, but the client's certificate has
    /// expired since the first handshake. It is too late for an alert.
    Expired,
    /// A step was made. Another one can be tried at once.
    Progress,
    /// The handshake waits for the socket.
    Pending,
    /// The client went away during the handshake.
    Gone,
    /// The handshake failed for this reason. An alert for the client may wait to be flushed.
    Failed(String),
}
