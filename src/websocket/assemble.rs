//! RFC 6455 sections 5.4 and 6.2: collects whole messages, for endpoints whose messages are short.
//!
//! ```text
//! 01 83 .. 48656c     Part
//! 89 80 ..            Ping
//! 80 82 .. 6c6f       Part, Message(Text, "Hello")
//! ```

use std::mem;

use super::close::Close;
use super::control::ControlPayload;
use super::deflate::DECOMPRESSOR;
use super::error::Error;
use super::message::{MessageKind, MessageLimits};
use super::negotiation::DeflateContext;
use super::receive::{Event, Receiver};

/// A whole message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WholeMessage {
    /// What the content is.
    pub kind: MessageKind,
    /// The content. That of a text is UTF-8.
    pub content: Vec<u8>,
}

/// What a client has sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// A part of a message, which is kept until the message is complete. It ends the call, because a long
    /// message takes time.
    Part,
    /// A message.
    Message(WholeMessage),
    /// See [`Event::Ping`].
    Ping(ControlPayload),
    /// See [`Event::Pong`].
    Pong(ControlPayload),
    /// See [`Event::Close`].
    Close(Option<Close>),
}

/// The result of one call of [`Assembler::receive`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assembled {
    /// How many bytes of the input were consumed. Pass the others again, with more after them.
    pub consumed: usize,
    /// What they say. `None`: more bytes must arrive. If there is an item, call it again.
    pub item: Option<Item>,
}

/// Turns the bytes of a client into whole messages, however they are cut.
#[derive(Debug)]
pub struct Assembler {
    receiver: Receiver,
    kind: MessageKind,
    content: Vec<u8>,
}

impl Assembler {
    /// An assembler for a new connection, see [`Receiver::new`]. No message is longer than `limits.content`.
    pub fn new(limits: MessageLimits, compression: Option<DeflateContext>) -> Assembler {
        Assembler {
            receiver: Receiver::new(limits, compression),
            kind: MessageKind::Binary,
            content: Vec::new(),
        }
    }

    /// Reads the next item of `input`. After an error, all input is ignored.
    pub fn receive(&mut self, input: &[u8]) -> Result<Assembled, Error> {
        let mut consumed = 0;
        loop {
            let received = self
                .receiver
                .receive(&input[consumed..], &mut self.content)?;
            consumed += received.consumed;
            let item = match received.event {
                Some(Event::Begin(kind)) => {
                    self.kind = kind;
                    continue;
                }
                Some(Event::Data(_)) => Some(Item::Part),
                Some(Event::End) => Some(Item::Message(WholeMessage {
                    kind: self.kind,
                    content: mem::take(&mut self.content),
                })),
                Some(Event::Ping(payload)) => Some(Item::Ping(payload)),
                Some(Event::Pong(payload)) => Some(Item::Pong(payload)),
                Some(Event::Close(close)) => Some(Item::Close(close)),
                None => None,
            };
            return Ok(Assembled { consumed, item });
        }
    }

    /// The memory that it holds, in bytes. Between messages it holds none, unless the client's context is
    /// taken over.
    pub fn held(&self) -> u64 {
        let decompressor = if self.receiver.holds_decompressor() {
            DECOMPRESSOR
        } else {
            0
        };
        self.content.capacity() as u64 + decompressor
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::websocket::frame::tests::masked;
    use crate::websocket::negotiation::WindowBits;

    #[test]
    fn messages_are_collected() {
        let mut assembler = Assembler::new(MessageLimits::default(), None);
        let mut frames = masked(0x01, b"Hel");
        frames.extend(masked(0x89, b"ping")); // 5.4: between the frames of a message
        frames.extend(masked(0x80, b"lo"));
        frames.extend(masked(0x8a, b""));
        frames.extend(masked(0x82, b""));
        frames.extend(masked(0x88, b""));
        let (mut input, mut items) = (&frames[..], Vec::new());
        loop {
            let assembled = assembler.receive(input).expect("valid frames");
            input = &input[assembled.consumed..];
            let Some(item) = assembled.item else { break };
            items.push(item);
        }
        let payload = |bytes| ControlPayload::new(bytes).expect("short");
        let message = |kind, content: &[u8]| {
            let content = content.to_vec();
            Item::Message(WholeMessage { kind, content })
        };
        let want = [
            Item::Part,
            Item::Ping(payload(b"ping")),
            Item::Part,
            message(MessageKind::Text, b"Hello"),
            Item::Pong(payload(b"")),
            message(MessageKind::Binary, b""),
            Item::Close(None),
        ];
        assert_eq!((items, input), (want.to_vec(), &b""[..]));
        assert_eq!(assembler.held(), 0);
    }

    #[test]
    fn memory_is_held_only_for_a_message() {
        let limits = MessageLimits {
            content: 5,
            compressed: 5,
        };
        let mut assembler = Assembler::new(limits, None);
        assert_eq!(assembler.held(), 0);
        let frames = masked(0x82, b"Hello");
        let received = assembler.receive(&frames[..9]).expect("valid so far");
        assert_eq!((received.consumed, received.item), (9, Some(Item::Part)));
        assert_eq!(assembler.held(), 3);
        let too_long = Assembler::new(limits, None).receive(&masked(0x82, b"Hello!"));
        assert_eq!(too_long, Err(Error::MessageTooLong));
    }

    /// RFC 7692 section 7.1.1: the window is kept if the context is taken over.
    #[test]
    fn a_decompressor_counts_as_memory() {
        let mut assembler = Assembler::new(
            MessageLimits::default(),
            Some(DeflateContext {
                is_taken_over: true,
                window: WindowBits::MAX,
            }),
        );
        let hello = masked(0xc1, b"\xf2\x48\xcd\xc9\xc9\x07\0");
        let mut at = 0;
        let mut next = || {
            let assembled = assembler.receive(&hello[at..]).expect("valid");
            at += assembled.consumed;
            (assembled.item, assembler.held())
        };
        let (item, held) = next();
        assert_eq!((item, held), (Some(Item::Part), 120 + DECOMPRESSOR));
        let (item, held) = next();
        assert!(matches!(item, Some(Item::Message(_))));
        assert_eq!(held, DECOMPRESSOR);
    }
}
