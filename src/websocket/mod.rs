//! RFC 6455: bytes to WebSocket messages and back, and RFC 7692: their compression. Invariant: this layer
//! never reads a socket, a file or the clock.
//!
//! [`handshake`] decides whether a request opens a connection. [`receive`] turns the bytes of the client into
//! events, and [`assemble`] turns them into whole messages. [`send`] writes what the server sends.
//! [`closing`] says which frames may still cross.
//!
//! ```
//! use docroot::websocket::assemble::{Assembler, Item};
//! use docroot::websocket::message::MessageLimits;
//! use docroot::websocket::send;
//!
//! // The text Hello, as the client of RFC 6455 section 5.7 sends it.
//! let input = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
//! let mut assembler = Assembler::new(MessageLimits::default(), None);
//! let (mut at, mut out) = (0, Vec::new());
//! loop {
//!     let assembled = assembler.receive(&input[at..])?;
//!     at += assembled.consumed;
//!     match assembled.item {
//!         Some(Item::Message(message)) => {
//!             send::message(&mut out, message.kind, &message.content, None);
//!         }
//!         Some(_) => {}
//!         None => break,
//!     }
//! }
//! assert_eq!(out, b"\x81\x05Hello");
//! # Ok::<(), docroot::websocket::error::Error>(())
//! ```
//!
//! This is the side of a server: it requires masks and sends none. Three features are left out: the side of a
//! client, extensions other than permessage-deflate, and connections that begin with HTTP/2 (RFC 8441).

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
// Section 5.5: the payload of a control frame.
pub mod control;
// Section 5.6: the content of a message that is arriving.
pub mod message;
// Section 8.1: UTF-8 in pieces.
pub mod text;
// RFC 7692 section 7.2: compression.
pub mod deflate;
// Section 5.2: frames for people who look.
pub mod scan;
// Sections 5.4 and 6.2: frames to events.
pub mod receive;
// Sections 5.4 and 6.2: frames to whole messages.
pub mod assemble;
// Sections 5.5 and 6.1: writing messages and control frames.
pub mod send;
// Section 7.4: status codes and reasons.
pub mod close;
// Sections 5.5.1 and 7.1: the closing handshake.
pub mod closing;
// Section 7.4.1: every error, and its status code.
pub mod error;
