//! RFC 6455: bytes to WebSocket messages and back, and RFC 7692: their compression. Invariant: this layer
//! never reads a socket, a file or the clock.

// Section 4.2: the opening handshake.
pub mod handshake;
// Section 10.2: which web pages may open a connection.
pub mod same_origin;
// Section 9.1: the list of extensions that a client offers.
pub mod extensions;
// RFC 7692 section 7.1: the parameters of permessage-deflate.
pub mod negotiation;
// Section 5.2: the header of a frame.
pub mod frame;
// Section 5.3: the mask of a client's frame.
pub mod mask;
// Section 8.1: UTF-8 in pieces.
pub mod text;
// RFC 7692 section 7.2: compression.
pub mod deflate;
// Section 7.4: status codes and reasons.
pub mod close;
// Sections 5.5.1 and 7.1: the closing handshake.
pub mod closing;
