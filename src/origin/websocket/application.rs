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

/// A short message, as far as it has arrived.
#[derive(Debug)]
pub struct ShortMessage {
    content: Vec<u8>,
    most: usize,
}

/// A message is longer than it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong;

impl ShortMessage {
    /// For messages of at most `most` bytes.
    pub fn of_at_most(most: usize) -> ShortMessage {
        ShortMessage {
            content: Vec::new(),
            most,
        }
    }

    /// Adds a part. Returns the message with its last one.
    pub fn add(&mut self, part: Part<'_>) -> Result<Option<Vec<u8>>, TooLong> {
        if self.content.len() + part.content.len() > self.most {
            return Err(TooLong);
        }
        self.content.extend_from_slice(part.content);
        Ok(part.is_last.then(|| std::mem::take(&mut self.content)))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_message_comes_in_any_parts() {
        let mut message = ShortMessage::of_at_most(3);
        let mut add = |content, is_last| {
            message.add(Part {
                kind: MessageKind::Text,
                content,
                is_last,
            })
        };
        assert_eq!(add(b"a", false), Ok(None));
        assert_eq!(add(b"bc", true), Ok(Some(b"abc".to_vec())));
        assert_eq!(add(b"", true), Ok(Some(Vec::new())));
        assert_eq!(add(b"ab", false), Ok(None));
        assert_eq!(add(b"cd", true), Err(TooLong));
    }
}
