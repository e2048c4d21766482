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
    let header = |is_compressed, length: usize| FrameHeader {
        is_final: true,
        is_compressed,
        opcode: match kind {
            MessageKind::Text => Opcode::Text,
            MessageKind::Binary => Opcode::Binary,
        },
        length: length as u64,
    };
    let Some(compressor) = compressor else {
        header(false, content.len()).write(out);
        out.extend_from_slice(content);
        return;
    };
    // The header says how long the payload is. So the payload is written first, and then moved.
    let start = out.len();
    compressor.compress(content, out);
    compressor.finish(out);
    let length = out.len() - start;
    header(true, length).write(out);
    let header = out.len() - start - length;
    out[start..].rotate_right(header);
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
