//! RFC 6455 sections 5.4 and 5.6: the content of a message that is arriving. RFC 7692 section 6.2 decompresses
//! it.
//!
//! ```text
//! announce(3), append(48656c), announce(2), append(6c6f), end        Hello in two frames
//! ```
//!
//! Invariant: a message never exceeds its limits, and this file never keeps content. It appends content to a
//! buffer of the caller, who may empty it at any time.

use super::deflate::Decompressor;
use super::error::Error;
use super::mask::Mask;
use super::negotiation::DeflateContext;
use super::text::TextCheck;

/// What the content of a message is (section 5.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageKind {
    /// UTF-8.
    Text,
    /// Any bytes.
    Binary,
}

/// What a client may send. Without limits, one message could be endless.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageLimits {
    /// The longest content of a message in bytes, after decompression.
    pub content: u64,
    /// The longest payload of a compressed message in bytes, before decompression. Empty blocks cost work and
    /// have no content.
    pub compressed: u64,
}

impl Default for MessageLimits {
    /// 16 MiB: test suites send no more in one message, and scripts seldom do. Content that cannot be compressed
    /// becomes up to a thousandth longer, because each block of it has a header.
    fn default() -> MessageLimits {
        let content = 16 * 1024 * 1024;
        MessageLimits {
            content,
            compressed: content + content / 1000,
        }
    }
}

/// How much one call of [`Message::append_compressed`] may append, in bytes. It is bounded, because few bytes
/// may stand for many.
const MAX_ROOM: usize = 16 * 1024;

/// The room for the content of a short compressed message: text seldom becomes shorter than an eighth.
fn usual_room(payload: &[u8]) -> usize {
    64 + 8 * payload.len()
}

/// The message that is arriving.
#[derive(Debug)]
pub(super) struct Message {
    pub kind: MessageKind,
    /// How the client has compressed it, if it has.
    pub compression: Option<DeflateContext>,
    limits: MessageLimits,
    /// The bytes of payload that its frames have announced.
    announced: u64,
    /// The bytes of content that have arrived.
    content: u64,
    text: TextCheck,
}

impl Message {
    /// A message without content so far.
    pub fn new(
        kind: MessageKind,
        compression: Option<DeflateContext>,
        limits: MessageLimits,
    ) -> Message {
        Message {
            kind,
            compression,
            limits,
            announced: 0,
            content: 0,
            text: TextCheck::default(),
        }
    }

    /// Counts the payload of one of its frames, before it arrives.
    pub fn announce(&mut self, length: u64) -> Result<(), Error> {
        self.announced = self.announced.saturating_add(length);
        let most = match self.compression {
            Some(_) => self.limits.compressed,
            None => self.limits.content,
        };
        match self.announced > most {
            true => Err(Error::MessageTooLong),
            false => Ok(()),
        }
    }

    /// Appends masked payload to `out`.
    pub fn append(&mut self, masked: &[u8], mask: Mask, out: &mut Vec<u8>) -> Result<(), Error> {
        let start = out.len();
        reserve(out, masked.len(), self.room());
        out.extend_from_slice(masked);
        mask.apply(&mut out[start..]);
        self.take(&out[start..])
    }

    /// Decompresses some of `payload` and appends it to `out`. Returns how much of the payload was consumed.
    pub fn append_compressed(
        &mut self,
        payload: &[u8],
        decompressor: &mut Decompressor,
        out: &mut Vec<u8>,
    ) -> Result<usize, Error> {
        // One byte more than the limit shows that the message exceeds it.
        let room = self.room().saturating_add(1);
        let start = out.len();
        let spare = out.capacity() - start;
        let most = spare.max(usual_room(payload)).min(MAX_ROOM).min(room);
        reserve(out, most, room);
        let consumed = decompressor.inflate(payload, out, most);
        // What comes before an error is checked first. So the result does not depend on how the bytes arrive.
        self.take(&out[start..])?;
        Ok(consumed?)
    }

    /// Ends the message.
    pub fn end(self) -> Result<(), Error> {
        Ok(self.text.end()?)
    }

    /// How many more bytes of content it may have.
    fn room(&self) -> usize {
        let room = self.limits.content.saturating_sub(self.content);
        usize::try_from(room).unwrap_or(usize::MAX)
    }

    /// Checks and counts the next piece of content.
    fn take(&mut self, piece: &[u8]) -> Result<(), Error> {
        if self.kind == MessageKind::Text {
            self.text.check(piece)?;
        }
        self.content += piece.len() as u64;
        match self.content > self.limits.content {
            true => Err(Error::InflatedTooLong),
            false => Ok(()),
        }
    }
}

/// Makes room for `additional` bytes. The buffer grows as vectors do, but not beyond what the message could
/// ever need: `most` bytes more than now.
fn reserve(out: &mut Vec<u8>, additional: usize, most: usize) {
    if out.capacity() - out.len() < additional {
        let doubled = (2 * out.capacity()).saturating_sub(out.len());
        out.reserve_exact(doubled.min(most).max(additional));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::websocket::deflate::Compressor;
    use crate::websocket::negotiation::WindowBits;

    fn text(most: u64) -> Message {
        let limits = MessageLimits {
            content: most,
            compressed: 2 * most,
        };
        Message::new(MessageKind::Text, None, limits)
    }

    const MASK: [u8; 4] = [1, 2, 3, 4];

    const CONTEXT: DeflateContext = DeflateContext {
        is_taken_over: true,
        window: WindowBits::MAX,
    };

    #[test]
    fn frames_are_counted_before_they_arrive() {
        let mut message = text(5);
        assert_eq!(message.announce(3), Ok(()));
        assert_eq!(message.announce(2), Ok(()));
        assert_eq!(message.announce(0), Ok(()));
        assert_eq!(message.announce(1), Err(Error::MessageTooLong));
        assert_eq!(text(5).announce(6), Err(Error::MessageTooLong));
        assert_eq!(message.announce(u64::MAX), Err(Error::MessageTooLong));
        let mut message = Message::new(MessageKind::Binary, Some(CONTEXT), text(5).limits);
        assert_eq!(message.announce(10), Ok(()));
        assert_eq!(message.announce(1), Err(Error::MessageTooLong));
    }

    #[test]
    fn content_is_unmasked_behind_what_is_there() {
        let mut message = text(9);
        let mut out = b"kept".to_vec();
        assert_eq!(message.append(b"Igohn", Mask::new(MASK), &mut out), Ok(()));
        assert_eq!(out, b"keptHello" as &[u8]);
    }

    /// What the first call appends, and how large the buffer is then, if it had `spare` bytes.
    fn first_piece(payload: &[u8], spare: usize) -> [usize; 2] {
        let limits = MessageLimits::default();
        let mut message = Message::new(MessageKind::Binary, Some(CONTEXT), limits);
        let mut decompressor = Decompressor::new(CONTEXT);
        let mut out = Vec::with_capacity(spare + 4);
        out.extend_from_slice(b"kept");
        let appended = message.append_compressed(payload, &mut decompressor, &mut out);
        assert!(appended.is_ok());
        [out.len() - 4, out.capacity()]
    }

    /// A short message gets a small buffer. A long one gets larger pieces as its buffer grows.
    #[test]
    fn the_room_for_decompression_follows_the_message() {
        let mut compressor = Compressor::new(CONTEXT);
        let mut payload = Vec::new();
        compressor.compress(&[b'a'; 100_000], &mut payload);
        compressor.finish(&mut payload);
        let usual = 64 + 8 * payload.len();
        assert_eq!(first_piece(&payload, 0), [usual, 4 + usual]);
        assert_eq!(first_piece(&payload, usual - 1), [usual, 2 * (3 + usual)]);
        assert_eq!(first_piece(&payload, usual + 1), [usual + 1, 5 + usual]);
        assert_eq!(first_piece(&payload, 40_000), [16_384, 40_004]);
        assert_eq!(first_piece(b"\xf2\x48\xcd\xc9\xc9\x07\0", 0), [5, 124]);
    }

    #[test]
    fn a_buffer_grows_to_the_limit_and_no_further() {
        let mut message = text(1000);
        let mut out = Vec::new();
        let mut capacities = Vec::new();
        for _ in 0..100 {
            let appended = message.append(&[b'a'; 10], Mask::new([0; 4]), &mut out);
            assert_eq!(appended, Ok(()));
            capacities.push(out.capacity());
        }
        capacities.dedup();
        assert_eq!(capacities, [10, 20, 40, 80, 160, 320, 640, 1000]);
    }

    #[test]
    fn room_is_made_only_if_there_is_none() {
        let mut out = Vec::with_capacity(100);
        out.extend_from_slice(&[0; 60]);
        reserve(&mut out, 40, 1000);
        assert_eq!(out.capacity(), 100);
        reserve(&mut out, 41, 1000);
        assert_eq!(out.capacity(), 200);
        reserve(&mut out, 500, 1000);
        assert_eq!(out.capacity(), 560);
    }
}
