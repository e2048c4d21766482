//! What uses a WebSocket connection.

use std::time::Instant;

use crate::origin::websocket::sender::Sender;
use crate::websocket::close::CloseCode;
use crate::websocket::message::MessageKind;

/// What uses a WebSocket connection.
///
/// An application that publishes news takes a waker from the request that opened its connection. After a use
/// of the waker, [`Application::send`] is called.
pub trait Application {
    /// Acts on a part of a message. A short message comes in one part. An error closes the connection with
    /// this status code.
    fn receive(&mut self, part: Part<'_>, sender: &mut Sender<'_>) -> Result<(), CloseCode>;

    /// Sends the next message of its own. Returns false if it has none. It is called only when the client has
    /// taken what was sent before.
    fn send(&mut self, _sender: &mut Sender<'_>) -> bool {
        false
    }
}

/// A part of a message from the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part<'a> {
    /// What the message is.
    pub kind: MessageKind,
    /// The next bytes of it. Those of a text may end within a character.
    pub content: &'a [u8],
    /// Whether the message is complete.
    pub is_last: bool,
    /// The current time.
    pub now: Instant,
}
