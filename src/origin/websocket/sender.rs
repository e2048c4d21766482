//! What the server sends on a WebSocket connection (RFC 6455 section 6.1).

use crate::websocket::deflate::Compressor;
use crate::websocket::message::MessageKind;
use crate::websocket::negotiation::DeflateContext;
use crate::websocket::send::MessageWriter;

/// The state of what a connection sends.
pub(super) struct Outgoing {
    /// How messages are compressed, if they are.
    compression: Option<DeflateContext>,
    /// Made for the first message. Dropped after each message if its context is not taken over.
    compressor: Option<Box<Compressor>>,
    /// The message that is not complete.
    message: Option<MessageWriter>,
}

/// Sends messages. What it writes leaves after the application has returned.
pub struct Sender<'a> {
    pub(super) outgoing: &'a mut Outgoing,
    pub(super) out: &'a mut Vec<u8>,
}

impl Outgoing {
    /// Nothing was sent so far.
    pub fn new(compression: Option<DeflateContext>) -> Outgoing {
        Outgoing {
            compression,
            compressor: None,
            message: None,
        }
    }

    /// Whether it holds a compressor.
    pub fn holds_compressor(&self) -> bool {
        self.compressor.is_some()
    }

    /// Whether there is nothing to keep for the next message.
    pub fn is_idle(&self) -> bool {
        !self.holds_compressor() && self.message.is_none()
    }
}

impl Sender<'_> {
    /// Sends the next part of a message. If the last one is complete, this begins a message of this kind.
    pub fn part(&mut self, kind: MessageKind, content: &[u8], is_last: bool) {
        let Outgoing {
            compression,
            compressor,
            message,
        } = self.outgoing;
        let message = message.get_or_insert_with(|| MessageWriter::new(kind));
        let make = |context| Box::new(Compressor::new(context));
        let compressor =
            compression.map(|context| &mut **compressor.get_or_insert_with(|| make(context)));
        message.piece(self.out, content, is_last, compressor);
        if is_last {
            self.outgoing.message = None;
            if compression.is_some_and(|context| !context.is_taken_over) {
                self.outgoing.compressor = None;
            }
        }
    }
}
