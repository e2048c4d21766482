use super::*;
use crate::websocket::close::CloseError;
use crate::websocket::deflate::InvalidDeflate;
use crate::websocket::frame::FrameError;
use crate::websocket::frame::tests::{hex, masked};
use crate::websocket::negotiation::WindowBits;
use crate::websocket::text::NotUtf8;

const TAKEN_OVER: DeflateContext = DeflateContext {
    is_taken_over: true,
    window: WindowBits::MAX,
};

const NOT_TAKEN_OVER: DeflateContext = DeflateContext {
    is_taken_over: false,
    window: WindowBits::MAX,
};

const LIMITS: MessageLimits = MessageLimits {
    content: 1000,
    compressed: 500,
};

/// What arrives: whole messages, and control frames in between.
#[derive(Clone, Debug, PartialEq)]
enum Arrived {
    Begin(MessageKind),
    End(Vec<u8>),
    Control(&'static str, Vec<u8>),
}

fn begin_text() -> Arrived {
    Arrived::Begin(MessageKind::Text)
}

fn end(content: impl AsRef<[u8]>) -> Arrived {
    Arrived::End(content.as_ref().to_vec())
}

fn control(kind: &'static str, payload: impl AsRef<[u8]>) -> Arrived {
    Arrived::Control(kind, payload.as_ref().to_vec())
}

/// Receives `input` in pieces of `step` bytes, as a connection does: what is not consumed stays in its buffer.
fn run(mut receiver: Receiver, input: &[u8], step: usize) -> (Vec<Arrived>, Option<Error>) {
    let (mut waiting, mut content) = (Vec::new(), Vec::new());
    let mut arrived = Vec::new();
    for piece in input.chunks(step) {
        waiting.extend_from_slice(piece);
        loop {
            let length = content.len();
            let received = match receiver.receive(&waiting, &mut content) {
                Ok(received) => received,
                Err(error) => {
                    // After an error everything is ignored.
                    let after = receiver.receive(b"ignored", &mut content);
                    let (consumed, event) = (7, None);
                    assert_eq!(after, Ok(Received { consumed, event }));
                    return (arrived, Some(error));
                }
            };
            waiting.drain(..received.consumed);
            let Some(event) = received.event else { break };
            let is_data = matches!(event, Event::Data(more) if content.len() == length + more);
            assert!(is_data || content.len() == length);
            arrived.extend(match event {
                Event::Begin(kind) => Some(Arrived::Begin(kind)),
                Event::Data(_) => None,
                Event::End => Some(Arrived::End(mem::take(&mut content))),
                Event::Ping(payload) => Some(control("ping", payload.bytes())),
                Event::Pong(payload) => Some(control("pong", payload.bytes())),
                Event::Close(None) => Some(control("close", b"")),
                Event::Close(Some(close)) => {
                    let code = close.code.number();
                    Some(control("close", format!("{code} {}", close.reason)))
                }
            });
        }
        assert!(waiting.len() < MAX_WAITING);
    }
    (arrived, None)
}

/// Receives the frames whole, byte by byte, in other pieces and with a ping behind them.
#[track_caller]
fn check_with(
    compression: Option<DeflateContext>,
    frames: &[Vec<u8>],
    want: &[Arrived],
    error: Option<Error>,
) {
    let input = frames.concat();
    for step in [1, 2, 3, 7, input.len().max(1)] {
        let got = run(Receiver::new(LIMITS, compression), &input, step);
        assert_eq!(got, (want.to_vec(), error), "by {step}");
    }
    let ended = matches!(want.last(), Some(Arrived::Control("close", _)));
    if error.is_none() && !ended {
        let followed = [input, masked(0x89, b"")].concat();
        let want = [want, &[control("ping", b"")]].concat();
        let got = run(
            Receiver::new(LIMITS, compression),
            &followed,
            followed.len(),
        );
        assert_eq!(got, (want, None), "followed by a ping");
    }
}

#[track_caller]
fn check(frames: &[Vec<u8>], want: &[Arrived]) {
    check_with(None, frames, want, None);
}

#[track_caller]
fn check_error(frames: &[Vec<u8>], want: &[Arrived], error: impl Into<Error>) {
    check_with(None, frames, want, Some(error.into()));
}

const TEXT: u8 = 0x81;
const BINARY: u8 = 0x82;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;
const PONG: u8 = 0x8a;
/// The first frame of a text of several.
const FIRST_TEXT: u8 = 0x01;
const NEXT: u8 = 0x00;
const LAST: u8 = 0x80;
/// The same frames, compressed.
const COMPRESSED: u8 = 0xc1;
const FIRST_COMPRESSED: u8 = 0x41;

#[test]
fn whole_messages_arrive() {
    check(&[], &[]);
    check(&[masked(TEXT, b"Hello")], &[begin_text(), end("Hello")]); // 5.7
    check(&[masked(TEXT, b"")], &[begin_text(), end("")]);
    let binary = Arrived::Begin(MessageKind::Binary);
    check(
        &[masked(BINARY, b"\xff\0"), masked(TEXT, b"a")],
        &[binary.clone(), end(b"\xff\0"), begin_text(), end("a")],
    );
    let long = [b'a'; 256]; // 5.7
    check(&[masked(BINARY, &long)], &[binary, end(long)]);
}

#[test]
fn fragments_become_one_message() {
    let hello = [begin_text(), end("Hello")];
    let frames = [masked(FIRST_TEXT, b"Hel"), masked(LAST, b"lo")];
    check(&frames, &hello); // 5.7
    let empty = masked(NEXT, b"");
    let frames = [
        masked(FIRST_TEXT, b""),
        masked(NEXT, b"Hello"),
        empty.clone(),
        empty,
        masked(LAST, b""),
    ];
    check(&frames, &hello); // 5.4: a fragment may be empty
    let frames = [
        masked(FIRST_TEXT, b"Hel"),
        masked(PING, b"1"),
        masked(PONG, b"2"),
        masked(LAST, b"lo"),
    ];
    let want = [
        begin_text(),
        control("ping", "1"),
        control("pong", "2"),
        end("Hello"),
    ];
    check(&frames, &want); // 5.4: control frames between fragments
}

#[test]
fn fragments_come_in_order() {
    let text = masked(TEXT, b"a");
    let unexpected = Error::UnexpectedContinuation;
    check_error(&[masked(LAST, b"a")], &[], unexpected); // 5.4
    check_error(&[masked(NEXT, b"a")], &[], unexpected);
    let want = [begin_text(), end("a")];
    check_error(&[text.clone(), masked(LAST, b"")], &want, unexpected);
    let first = masked(FIRST_TEXT, b"a");
    let begun = [begin_text()];
    check_error(&[first.clone(), text], &begun, Error::UnfinishedMessage); // 5.4
    check_error(
        &[first, masked(BINARY, b"")],
        &begun,
        Error::UnfinishedMessage,
    );
}

#[test]
fn control_frames_arrive() {
    check(&[masked(PING, b"")], &[control("ping", "")]); // 5.5.2
    check(
        &[masked(PONG, &[b'a'; 125])],
        &[control("pong", [b'a'; 125])],
    ); // 5.5
    let rest = masked(TEXT, b"ignored");
    check(
        &[masked(CLOSE, b"\x03\xe9bye"), rest.clone()],
        &[control("close", "1001 bye")], // 5.5.1: nothing follows
    );
    check(&[masked(CLOSE, b""), rest], &[control("close", "")]);
    check(
        &[masked(FIRST_TEXT, b"a"), masked(CLOSE, b"")],
        &[begin_text(), control("close", "")], // 5.5.1: within a message
    );
    check_error(&[masked(CLOSE, b"\x03")], &[], CloseError::Length);
    check_error(&[masked(CLOSE, b"\x03\xed")], &[], CloseError::Code);
    check_error(&[masked(CLOSE, b"\x03\xe8\xff")], &[], CloseError::Reason);
}

#[test]
fn invalid_frames_end_everything() {
    let hello = masked(TEXT, b"Hello");
    let want = [begin_text(), end("Hello")];
    let frames = [hello.clone(), masked(0x83, b"")];
    check_error(&frames, &want, FrameError::Opcode);
    let frames = [hello.clone(), hex("81 05 48656c6c6f")];
    check_error(&frames, &want, FrameError::NotMasked); // 5.1
    let frames = [masked(COMPRESSED, b"")];
    check_error(&frames, &[], FrameError::ReservedBit); // 5.2: not agreed
    let within = [masked(FIRST_TEXT, b"a"), masked(0x09, b"")];
    check_error(&within, &[begin_text()], FrameError::FragmentedControl);
}

#[test]
fn texts_are_utf8() {
    let euro = [masked(FIRST_TEXT, b"\xe2"), masked(LAST, b"\x82\xac")];
    check(&euro, &[begin_text(), end("\u{20ac}")]); // 5.6: a character in two frames
    let begun = [begin_text()];
    check_error(&[masked(TEXT, b"a\xff")], &begun, NotUtf8); // 8.1
    check_error(&[masked(TEXT, b"\xe2\x82")], &begun, NotUtf8);
    let frames = [masked(FIRST_TEXT, b"\xe2\x82"), masked(LAST, b"")];
    check_error(&frames, &begun, NotUtf8);
    // The check fails before the message ends.
    check_error(&[masked(FIRST_TEXT, b"\xe2\x28")], &begun, NotUtf8);
    // A new message does not continue the last one.
    let frames = [masked(BINARY, b"\xe2"), masked(TEXT, b"\x82\xac")];
    let want = [
        Arrived::Begin(MessageKind::Binary),
        end(b"\xe2"),
        begin_text(),
    ];
    check_error(&frames, &want, NotUtf8);
    // The check reads what was unmasked, not what was sent.
    check(
        &[masked(TEXT, "\u{10ffff}".as_bytes())],
        &[begin_text(), end("\u{10ffff}")],
    );
}

#[test]
fn messages_have_a_limit() {
    let most = [b'a'; 1000];
    check(&[masked(TEXT, &most)], &[begin_text(), end(most)]);
    let too_long = Error::MessageTooLong;
    // The header is enough.
    let header = masked(TEXT, &[b'a'; 1001])[..8].to_vec();
    check_error(&[header], &[], too_long); // 7.4.1
    let frames = [masked(FIRST_TEXT, &most), masked(LAST, b"a")];
    check_error(&frames, &[begin_text()], too_long);
    let frames = [masked(TEXT, &most), masked(TEXT, &most)];
    let want = [begin_text(), end(most), begin_text(), end(most)];
    check(&frames, &want); // each message has its own
    let huge = hex("82 ff 7fffffffffffffff 00000000");
    check_error(&[huge], &[], too_long);
    let frames = [
        masked(FIRST_TEXT, b"a"),
        hex("80 ff 7fffffffffffffff 00000000"),
    ];
    check_error(&frames, &[begin_text()], too_long);
}

#[track_caller]
fn check_compressed(frames: &[Vec<u8>], want: &[Arrived]) {
    check_with(Some(TAKEN_OVER), frames, want, None);
    let hello = [masked(COMPRESSED, &hex("f248cdc9c90700"))];
    let both = [&hello[..], frames].concat();
    let want = [&[begin_text(), end("Hello")], want].concat();
    check_with(Some(TAKEN_OVER), &both, &want, None);
}

/// The examples of RFC 7692 section 7.2.3.
#[test]
fn compressed_messages_arrive() {
    let hello = [begin_text(), end("Hello")];
    let frame = |first: u8, digits: &str| masked(first, &hex(digits));
    check_compressed(&[frame(COMPRESSED, "f248cdc9c90700")], &hello); // 7.2.3.1
    let frames = [frame(FIRST_COMPRESSED, "f248cd"), frame(LAST, "c9c90700")];
    check_compressed(&frames, &hello);
    let second = [
        frame(COMPRESSED, "f248cdc9c90700"),
        frame(COMPRESSED, "f200110000"),
    ];
    check_compressed(&second, &[&hello[..], &hello].concat()); // 7.2.3.2
    let stored = frame(COMPRESSED, "000500faff48656c6c6f00");
    check_compressed(&[stored], &hello); // 7.2.3.3
    let last_block = frame(COMPRESSED, "f348cdc9c9070000");
    check_compressed(std::slice::from_ref(&last_block), &hello); // 7.2.3.4
    check_compressed(
        &[last_block.clone(), last_block],
        &[&hello[..], &hello].concat(),
    );
    let two_blocks = frame(COMPRESSED, "f248050000 00ffffcac9c90700");
    check_compressed(&[two_blocks], &hello); // 7.2.3.5
    check_compressed(&[frame(COMPRESSED, "00")], &[begin_text(), end("")]); // 7.2.3.6
    let frames = [
        frame(FIRST_COMPRESSED, "f248cd"),
        masked(PING, b"\xff"),
        frame(LAST, "c9c90700"),
    ];
    let want = [begin_text(), control("ping", b"\xff"), end("Hello")];
    check_compressed(&frames, &want); // 6.2: control frames are not compressed
    let plain = masked(TEXT, b"plain");
    check_compressed(&[plain], &[begin_text(), end("plain")]); // 6.1: each message may be either
}

#[test]
fn invalid_compression_is_an_error() {
    let check = |compression, frames: &[Vec<u8>], want: &[Arrived], error: Error| {
        check_with(Some(compression), frames, want, Some(error));
    };
    let frame = |first: u8, digits: &str| masked(first, &hex(digits));
    let begun = [begin_text()];
    let invalid = Error::Deflate(InvalidDeflate);
    check(TAKEN_OVER, &[frame(COMPRESSED, "07")], &begun, invalid); // RFC 1951 3.2.3
    check(
        TAKEN_OVER,
        &[frame(COMPRESSED, "f200110000")],
        &begun,
        invalid,
    ); // no such window
    let hello = frame(COMPRESSED, "f248cdc9c90700");
    let second = [hello.clone(), frame(COMPRESSED, "f200110000")];
    let want = [begin_text(), end("Hello"), begin_text()];
    check(NOT_TAKEN_OVER, &second, &want, invalid); // 7.1.1.2
    let bit = Error::Frame(FrameError::ReservedBit);
    let frames = [frame(FIRST_COMPRESSED, "f248cd"), frame(0xc0, "c9c90700")];
    check(TAKEN_OVER, &frames, &begun, bit); // 6: only the first frame
    // The stored block holds FF, which is no text.
    check(
        TAKEN_OVER,
        &[frame(COMPRESSED, "000100feffff00")],
        &begun,
        NotUtf8.into(),
    );
    check(
        TAKEN_OVER,
        &[frame(COMPRESSED, "000100feffe200")],
        &begun,
        NotUtf8.into(),
    );
}

/// The payload of a message whose content is `length` times the letter a.
fn letters(length: usize) -> Vec<u8> {
    let mut compressor = crate::websocket::deflate::Compressor::new(NOT_TAKEN_OVER);
    let mut payload = Vec::new();
    compressor.compress(&vec![b'a'; length], &mut payload);
    compressor.finish(&mut payload);
    payload
}

/// However the bytes are cut, the first error counts.
#[test]
fn the_first_error_counts() {
    let check = |payload: Vec<u8>, error: Error| {
        let frames = [masked(COMPRESSED, &payload)];
        check_with(Some(TAKEN_OVER), &frames, &[begin_text()], Some(error));
    };
    let invalid = [&TAIL[..], &hex("07")].concat();
    let followed = |payload: &[u8]| [payload, &invalid].concat();
    check(followed(&letters(1000)), Error::Deflate(InvalidDeflate));
    check(followed(&letters(1001)), Error::InflatedTooLong);
    check(followed(&hex("000100feffff00")), NotUtf8.into());
}

#[test]
fn decompressed_messages_have_a_limit() {
    let compressed = |length| masked(COMPRESSED, &letters(length));
    let most = [begin_text(), end([b'a'; 1000])];
    check_compressed(
        &[compressed(1000), compressed(1000)],
        &[&most[..], &most].concat(),
    );
    let begun = [begin_text()];
    let too_long = Some(Error::InflatedTooLong);
    check_with(Some(TAKEN_OVER), &[compressed(1001)], &begun, too_long);
    check_with(Some(TAKEN_OVER), &[compressed(1 << 18)], &begun, too_long);
    // 500 bytes of empty blocks are allowed, and no more.
    let blocks = |count| masked(COMPRESSED, &[0, 0, 0, 0xff, 0xff].repeat(count));
    let followed = [&blocks(99)[..], b""].concat();
    check_compressed(&[followed], &[begin_text(), end("")]);
    let too_long = Some(Error::MessageTooLong);
    check_with(Some(TAKEN_OVER), &[blocks(101)], &[], too_long);
}

/// However much a message inflates to, one call appends a bounded piece of it.
#[test]
fn a_call_decompresses_a_bounded_piece() {
    let length = 1 << 20;
    let limits = MessageLimits {
        content: length,
        compressed: length,
    };
    let mut receiver = Receiver::new(limits, Some(NOT_TAKEN_OVER));
    let message = masked(COMPRESSED, &letters(length as usize));
    let (mut input, mut total) = (&message[..], 0);
    loop {
        let mut out = Vec::new();
        let received = receiver.receive(input, &mut out).expect("valid");
        assert!(out.len() <= 16 * 1024 && out.capacity() <= 16 * 1024);
        input = &input[received.consumed..];
        total += out.len() as u64;
        match received.event {
            Some(Event::End) => break,
            Some(_) => assert!(receiver.holds_decompressor() || total == 0),
            None => panic!("the message is complete"),
        }
    }
    assert_eq!((total, input), (length, &b""[..]));
    assert!(
        !receiver.holds_decompressor(),
        "its context is not taken over"
    );
}

/// The last byte of a payload may stand for more content than one call appends. Here it is the end of a
/// reference to 258 bytes.
#[test]
fn content_may_follow_the_last_byte() {
    let mut receiver = Receiver::new(LIMITS, Some(NOT_TAKEN_OVER));
    let message = masked(COMPRESSED, &hex("4a1c05"));
    let (mut at, mut end, mut pieces) = (0, 1, Vec::new());
    loop {
        // A buffer without room gets little, so that much is left.
        let mut out = Vec::new();
        let received = receiver.receive(&message[at..end], &mut out);
        let received = received.expect("valid");
        at += received.consumed;
        match received.event {
            Some(Event::Begin(_)) => {}
            Some(Event::End) => break,
            Some(event) => {
                assert_eq!(event, Event::Data(out.len()));
                pieces.push(out.len());
                continue;
            }
            None => end += 1,
        }
        assert_eq!(out, b"");
    }
    assert_eq!((at, pieces), (message.len(), vec![1, 72, 96, 90]));
}

#[test]
fn a_context_that_is_taken_over_is_kept() {
    let mut receiver = Receiver::new(LIMITS, Some(TAKEN_OVER));
    let mut out = Vec::new();
    let message = masked(COMPRESSED, &letters(5));
    let mut input = &message[..];
    assert!(!receiver.holds_decompressor());
    while !input.is_empty() {
        let received = receiver.receive(input, &mut out).expect("valid");
        input = &input[received.consumed..];
    }
    assert!(receiver.holds_decompressor());
}
