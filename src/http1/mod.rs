//! RFC 9112: bytes to messages and back. Invariant: this layer never reads a socket, a file or the clock.
