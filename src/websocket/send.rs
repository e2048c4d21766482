//! RFC 6455 sections 5.5 and 6.1: writes the messages and the control frames of a server.
//!
//! ```text
//! 81 05 48656c6c6f           the text Hello
//! c1 07 f248cdc9c90700       the same, compressed (RFC 7692 section 7.2.3.1)
//! 88 02 03e8                 Close with the status code 1000
//! ```
//!
//! Invariant: the server never masks (section 5.1). Which frames it may still send is decided by
//! [`super::closing::Closing::may_send`].

use super::close::{CloseCode, fitting};
use super::control::ControlPayload;
use super::deflate::Compressor;
use super::frame::{FrameHeader, Opcode};
use super::message::MessageKind;

/// Appends a message in one frame. If there is a compressor, the message is compressed.
pub fn message(
    out: &mut Vec<u8>,
    kind: MessageKind,
    content: &[u8],
    compressor: Option<&mut Compressor>,
) {
    MessageWriter::new(kind).piece(out, content, true, compressor);
}

/// Writes a message in several frames, for content that becomes known piece by piece (section 5.4).
#[derive(Debug)]
pub struct MessageWriter {
    kind: MessageKind,
    has_begun: bool,
}

impl MessageWriter {
    /// A message without a frame so far.
    pub fn new(kind: MessageKind) -> MessageWriter {
        MessageWriter {
            kind,
            has_begun: false,
        }
    }

    /// Appends a frame with the next piece. If there is a compressor, it must be the same for all pieces of the
    /// message; it may keep a short piece and write no frame for it.
    pub fn piece(
        &mut self,
        out: &mut Vec<u8>,
        content: &[u8],
        is_final: bool,
        compressor: Option<&mut Compressor>,
    ) {
        let Some(compressor) = compressor else {
            self.header(content.len(), is_final, false).write(out);
            append(out, content);
            return;
        };
        // The header says how long the payload is. So the payload is written first, and then moved.
        let start = out.len();
        compressor.compress(content, out);
        if is_final {
            compressor.finish(out);
        }
        let length = out.len() - start;
        if length > 0 || is_final {
            self.header(length, is_final, true).write(out);
            let header = out.len() - start - length;
            out[start..].rotate_right(header);
        }
    }

    /// The header of the next frame. Only the first one says what the message is, and that it is compressed.
    fn header(&mut self, length: usize, is_final: bool, is_compressed: bool) -> FrameHeader {
        let is_first = !std::mem::replace(&mut self.has_begun, true);
        FrameHeader {
            is_final,
            is_compressed: is_compressed && is_first,
            opcode: match self.kind {
                _ if !is_first => Opcode::Continuation,
                MessageKind::Text => Opcode::Text,
                MessageKind::Binary => Opcode::Binary,
            },
            length: length as u64,
        }
    }
}

/// How many bytes are copied at a time. C libraries copy longer blocks with `rep movsb`. On AMD's Zen 4, that takes 20
/// times as long if the target is 1 to 15 bytes after the source, modulo 4096. A header in front of the target
/// makes that likely.
const COPIED_AT_ONCE: usize = 2048;

/// Appends the payload of a frame.
fn append(out: &mut Vec<u8>, content: &[u8]) {
    out.reserve(content.len());
    for piece in content.chunks(COPIED_AT_ONCE) {
        out.extend_from_slice(piece);
    }
}

/// Appends a ping (section 5.5.2).
pub fn ping(out: &mut Vec<u8>, payload: &ControlPayload) {
    control(out, Opcode::Ping, &[payload.bytes()]);
}

/// Appends a pong. The answer to a ping has its payload (section 5.5.3).
pub fn pong(out: &mut Vec<u8>, payload: &ControlPayload) {
    control(out, Opcode::Pong, &[payload.bytes()]);
}

/// Appends a Close frame (section 5.5.1). If the reason is too long, its end is left out. `None` writes an
/// empty payload.
pub fn close(out: &mut Vec<u8>, code: Option<CloseCode>, reason: &str) {
    match code {
        Some(code) => {
            let (code, reason) = (code.number().to_be_bytes(), fitting(reason));
            control(out, Opcode::Close, &[&code, reason.as_bytes()]);
        }
        None => control(out, Opcode::Close, &[]),
    }
}

/// Appends a control frame whose payload has these parts.
fn control(out: &mut Vec<u8>, opcode: Opcode, parts: &[&[u8]]) {
    let header = FrameHeader {
        is_final: true,
        is_compressed: false,
        opcode,
        length: parts.iter().map(|part| part.len() as u64).sum(),
    };
    header.write(out);
    for part in parts {
        out.extend_from_slice(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::websocket::frame::tests::hex;
    use crate::websocket::negotiation::{DeflateContext, WindowBits};

    /// `want` is in hexadecimal digits.
    #[track_caller]
    fn check(write: impl FnOnce(&mut Vec<u8>), want: &str) {
        let mut out = b"sent before".to_vec();
        write(&mut out);
        assert_eq!(out, [b"sent before", &hex(want)[..]].concat());
    }

    #[test]
    fn messages_are_written() {
        check(
            |out| message(out, MessageKind::Text, b"Hello", None),
            "81 05 48656c6c6f", // 5.7
        );
        check(|out| message(out, MessageKind::Binary, b"", None), "82 00");
        let content = [0; 256];
        let want = format!("82 7e 0100 {}", "00".repeat(256)); // 5.7
        check(
            |out| message(out, MessageKind::Binary, &content, None),
            &want,
        );
    }

    #[test]
    fn messages_are_compressed() {
        let mut compressor = Compressor::new(DeflateContext {
            is_taken_over: true,
            window: WindowBits::MAX,
        });
        let mut hello = |out: &mut Vec<u8>| {
            message(out, MessageKind::Text, b"Hello", Some(&mut compressor));
        };
        check(&mut hello, "c1 07 f248cdc9c90700"); // RFC 7692 7.2.3.1
        check(&mut hello, "c1 05 f200110000"); // 7.2.3.2
        check(
            |out| message(out, MessageKind::Binary, b"", Some(&mut compressor)),
            "c2 01 00", // 7.2.3.6
        );
    }

    #[test]
    fn a_message_is_written_in_pieces() {
        let mut writer = MessageWriter::new(MessageKind::Text);
        check(|out| writer.piece(out, b"Hel", false, None), "01 03 48656c"); // 5.7
        check(|out| writer.piece(out, b"lo", true, None), "80 02 6c6f");
        let mut compressor = Compressor::new(DeflateContext {
            is_taken_over: false,
            window: WindowBits::MAX,
        });
        let mut writer = MessageWriter::new(MessageKind::Text);
        let mut out = Vec::new();
        writer.piece(&mut out, b"Hel", false, Some(&mut compressor));
        assert_eq!(out, b"", "the compressor keeps it");
        check(
            |out| writer.piece(out, b"lo", true, Some(&mut compressor)),
            "c1 07 f248cdc9c90700", // RFC 7692 7.2.3.1
        );
        let mut writer = MessageWriter::new(MessageKind::Binary);
        let random: Vec<u8> = (0..100_000u32)
            .map(|n| (n.wrapping_mul(n).wrapping_mul(2_654_435_761) >> 24) as u8)
            .collect();
        writer.piece(&mut out, &random, false, Some(&mut compressor));
        assert_eq!(out[0], 0x42, "the first frame says what the message is");
        let start = out.len();
        writer.piece(&mut out, b"", true, Some(&mut compressor));
        assert_eq!(out[start], 0x80, "RFC 7692 section 6.1: the others do not");
    }

    #[test]
    fn control_frames_are_written() {
        let payload = ControlPayload::new(b"Hello").expect("short");
        check(|out| ping(out, &payload), "89 05 48656c6c6f"); // 5.7
        check(|out| pong(out, &payload), "8a 05 48656c6c6f");
        check(|out| close(out, None, "not written"), "88 00"); // 7.1.5
        let code = Some(CloseCode::NORMAL);
        check(|out| close(out, code, ""), "88 02 03e8"); // 5.5.1
        check(|out| close(out, code, "bye"), "88 05 03e8 627965");
        let want = format!("88 7d 03e8 {}", "61".repeat(123)); // 5.5
        check(|out| close(out, code, &"a".repeat(200)), &want);
    }
}
