//! What uses a WebSocket connection.

use std::time::Instant;

use crate::origin::websocket::sender::Sender;
use crate::websocket::close::CloseCode;
use crate::websocket::message::MessageKind;

/// What uses a WebSocket connection.
///
/// To send messages of its own accord, an application keeps a waker from its opening request. When the waker is
/// used, the worker calls [`Application::send`].
pub trait Application {
    /// Acts on a part of a message that has arrived `now`. A short message comes in one part. An error closes
    /// the connection with this status code.
    fn receive(
        &mut self,
        part: Part<'_>,
        now: Instant,
        sender: &mut Sender<'_>,
    ) -> Result<(), CloseCode>;

    /// Sends the next message of its own accord. Returns false if it has none. It is called only after the client has
    /// taken everything that was sent before.
    fn send(&mut self, _sender: &mut Sender<'_>) -> bool {
        false
    }

    /// Whether the wire view shows its frames. It does not show its own.
    fn is_shown(&self) -> bool {
        true
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
}
