//! RFC 6455 and RFC 7692 under inputs nobody thought of: nothing panics, no cut of the bytes and no
//! fragmentation changes the messages, and no message exceeds its limit.

use docroot::semantics::field::{FieldLine, FieldName, Fields, Span};
use docroot::websocket::assemble::{Assembler, Item, WholeMessage};
use docroot::websocket::deflate::{COMPRESSOR, Compressor, DECOMPRESSOR, Decompressor, TAIL};
use docroot::websocket::error::Error;
use docroot::websocket::extensions::extensions;
use docroot::websocket::frame::{FrameHeader, Opcode, ParsedHeader};
use docroot::websocket::mask::Mask;
use docroot::websocket::message::{MessageKind, MessageLimits};
use docroot::websocket::negotiation::{DeflateContext, DeflatePolicy, WindowBits, negotiate};
use docroot::websocket::receive::MAX_WAITING;
use docroot::websocket::send;
use docroot::websocket::text::TextCheck;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// Small enough for the inputs to exceed it.
const LIMITS: MessageLimits = MessageLimits {
    content: 290,
    compressed: 280,
};

/// A message as a client sends it: in fragments, perhaps with pings between them, perhaps compressed.
#[derive(Clone, Debug)]
struct Sent {
    content: Content,
    cuts: Vec<Index>,
    pings: Vec<u8>,
    is_compressed: bool,
}

#[derive(Clone, Debug)]
enum Content {
    Text(String),
    Binary(Vec<u8>),
}

impl Content {
    fn kind(&self) -> MessageKind {
        match self {
            Content::Text(_) => MessageKind::Text,
            Content::Binary(_) => MessageKind::Binary,
        }
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Content::Text(text) => text.as_bytes(),
            Content::Binary(bytes) => bytes,
        }
    }
}

fn content() -> impl Strategy<Value = Content> {
    prop_oneof![
        ".{0,40}".prop_map(Content::Text),
        "(ab|\u{20ac}){0,60}".prop_map(Content::Text),
        vec(any::<u8>(), 0..250).prop_map(Content::Binary),
        (any::<u8>(), 0..290usize).prop_map(|(byte, length)| Content::Binary(vec![byte; length])),
    ]
}

fn sent() -> impl Strategy<Value = Sent> {
    let cuts = vec(any::<Index>(), 0..4);
    (content(), cuts, vec(any::<u8>(), 0..4), any::<bool>()).prop_map(
        |(content, cuts, pings, is_compressed)| Sent {
            content,
            cuts,
            pings,
            is_compressed,
        },
    )
}

fn context() -> impl Strategy<Value = DeflateContext> {
    (any::<bool>(), 8..=15u8).prop_map(|(is_taken_over, bits)| DeflateContext {
        is_taken_over,
        window: WindowBits::new(bits).expect("8 to 15"),
    })
}

/// Appends a frame of a client.
fn frame(out: &mut Vec<u8>, header: FrameHeader, payload: &[u8], key: [u8; 4]) {
    let start = out.len();
    let length = payload.len() as u64;
    FrameHeader { length, ..header }.write(out);
    out[start + 1] |= 0x80;
    out.extend_from_slice(&key);
    let start = out.len();
    out.extend_from_slice(payload);
    Mask::new(key).apply(&mut out[start..]);
}

/// Ascending places to cut `length` bytes at, the end among them.
fn ends(length: usize, cuts: &[Index]) -> Vec<usize> {
    let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(length + 1)).collect();
    ends.push(length);
    ends.sort_unstable();
    ends
}

impl Sent {
    /// Appends its frames.
    fn write(&self, out: &mut Vec<u8>, compressor: &mut Option<Compressor>, key: [u8; 4]) {
        let content = self.content.bytes();
        let mut payload = content.to_vec();
        let compressor = compressor.as_mut().filter(|_| self.is_compressed);
        let is_compressed = compressor.is_some();
        if let Some(compressor) = compressor {
            payload.clear();
            compressor.compress(content, &mut payload);
            compressor.finish(&mut payload);
        }
        let ends = ends(payload.len(), &self.cuts);
        let mut start = 0;
        for (number, end) in ends.iter().copied().enumerate() {
            let opcode = match (number, self.content.kind()) {
                (0, MessageKind::Text) => Opcode::Text,
                (0, MessageKind::Binary) => Opcode::Binary,
                _ => Opcode::Continuation,
            };
            let header = FrameHeader {
                is_final: number + 1 == ends.len(),
                is_compressed: is_compressed && number == 0,
                opcode,
                length: 0,
            };
            frame(out, header, &payload[start..end], key);
            start = end;
            let ping = self.pings.get(number).filter(|_| !header.is_final);
            if let Some(&byte) = ping {
                frame(out, control(Opcode::Ping), &[byte; 3], key);
            }
        }
    }
}

fn control(opcode: Opcode) -> FrameHeader {
    FrameHeader {
        is_final: true,
        is_compressed: false,
        opcode,
        length: 0,
    }
}

/// What the server read, and the error that ended it.
#[derive(Debug, PartialEq)]
struct Read {
    messages: Vec<WholeMessage>,
    /// The payloads of control frames.
    controls: Vec<Vec<u8>>,
    error: Option<Error>,
}

/// What is read when the input arrives up to each of `ends` in turn.
fn read(input: &[u8], ends: &[usize], client: Option<DeflateContext>) -> Read {
    let mut assembler = Assembler::new(LIMITS, client);
    let mut read = Read {
        messages: Vec::new(),
        controls: Vec::new(),
        error: None,
    };
    let mut at = 0;
    for &end in ends {
        loop {
            let assembled = match assembler.receive(&input[at..end]) {
                Ok(assembled) => assembled,
                Err(error) => {
                    read.error = Some(error);
                    return read;
                }
            };
            at += assembled.consumed;
            assert!(assembler.held() <= LIMITS.content + 1 + DECOMPRESSOR);
            match assembled.item {
                Some(Item::Part) => {}
                Some(Item::Message(message)) => read.messages.push(message),
                Some(Item::Ping(payload) | Item::Pong(payload)) => {
                    read.controls.push(payload.bytes().to_vec());
                }
                Some(Item::Close(close)) => read.controls.push(format!("{close:?}").into()),
                None => break,
            }
        }
        assert!(end - at < MAX_WAITING);
    }
    read
}

fn with_extensions<T>(value: &[u8], ask: impl FnOnce(&Fields<'_>) -> T) -> T {
    let line = FieldLine {
        known: Some(FieldName::SecWebSocketExtensions),
        name: Span { start: 0, end: 0 },
        value: Span {
            start: 0,
            end: value.len() as u32,
        },
    };
    ask(&Fields::new(value, &[line]))
}

/// What frames are made of, and what breaks them.
const FRAGMENTS: &[&[u8]] = &[
    b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", // Hello
    b"\x01\x80\0\0\0\0",
    b"\x80\x81\0\0\0\0a",
    b"\x00\x81\0\0\0\0\xe2",
    b"\x82\xfe\x01\x00\0\0\0\0",
    b"\x82\xff\0\0\0\0\0\x01\0\0\0\0\0\0",
    b"\x89\x80\0\0\0\0",
    b"\x8a\x81\0\0\0\0p",
    b"\x88\x82\0\0\0\0\x03\xe8",
    b"\x88\x81\0\0\0\0\x03",
    b"\xc1\x87\0\0\0\0\xf2\x48\xcd\xc9\xc9\x07\0", // Hello, compressed
    b"\xc1\x85\0\0\0\0\xf2\0\x11\0\0",
    b"\x41\x83\0\0\0\0\xf2\x48\xcd",
    b"\xc2\x8a\0\0\0\0\xf3\x48\xcd\xc9\xc9\x07\0\0\0\0",
    b"\xc1\x81\0\0\0\0\x07",
    b"\xff",
    b"\x83",
    b"\0",
];

fn input() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        vec(any::<u8>(), 0..100),
        vec(select(FRAGMENTS), 0..12).prop_map(|fragments| fragments.concat()),
    ]
}

/// Parameters of offers, valid and invalid.
const PARAMETERS: &[&str] = &[
    "; server_no_context_takeover",
    "; client_no_context_takeover",
    "; server_max_window_bits=9",
    "; server_max_window_bits=8",
    "; server_max_window_bits=\"12\"",
    "; client_max_window_bits",
    "; client_max_window_bits=10",
    "; client_max_window_bits=16",
    "; x=y",
];

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 1000,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn messages_arrive_as_they_were_sent(
        sent in vec(sent(), 0..5),
        client in option::of(context()),
        key in any::<[u8; 4]>(),
        cuts in vec(any::<Index>(), 0..8),
    ) {
        let mut compressor = client.map(Compressor::new);
        let mut input = Vec::new();
        for message in &sent {
            message.write(&mut input, &mut compressor, key);
        }
        frame(&mut input, control(Opcode::Pong), b"the end", key);
        let got = read(&input, &ends(input.len(), &cuts), client);
        let want: Vec<WholeMessage> = sent
            .iter()
            .map(|sent| WholeMessage {
                kind: sent.content.kind(),
                content: sent.content.bytes().to_vec(),
            })
            .collect();
        prop_assert_eq!(got.error, None);
        prop_assert_eq!(&got.messages, &want);
        let pings = sent.iter().flat_map(|sent| sent.pings.iter().take(sent.cuts.len()));
        let mut controls: Vec<Vec<u8>> = pings.map(|byte| vec![*byte; 3]).collect();
        controls.push(b"the end".to_vec());
        prop_assert_eq!(got.controls, controls);
    }

    #[test]
    fn no_cut_changes_what_is_read(
        input in input(),
        client in option::of(context()),
        cuts in vec(any::<Index>(), 0..6),
    ) {
        let want = read(&input, &[input.len()], client);
        for message in &want.messages {
            prop_assert!(message.content.len() as u64 <= LIMITS.content);
            prop_assert!(message.kind == MessageKind::Binary || str::from_utf8(&message.content).is_ok());
        }
        prop_assert_eq!(&read(&input, &ends(input.len(), &cuts), client), &want);
        let each: Vec<usize> = (0..=input.len()).collect();
        prop_assert_eq!(&read(&input, &each, client), &want);
    }

    #[test]
    fn a_written_header_is_read(
        length in 0..=i64::MAX as u64,
        short in 0..70_000u64,
        is_final in any::<bool>(),
        opcode in select(vec![Opcode::Continuation, Opcode::Text, Opcode::Binary]),
        key in any::<[u8; 4]>(),
    ) {
        for length in [length, short] {
            let header = FrameHeader { is_final, is_compressed: false, opcode, length };
            let mut input = Vec::new();
            header.write(&mut input);
            input[1] |= 0x80;
            input.extend_from_slice(&key);
            let parsed = ParsedHeader::parse(&input, false).expect("valid").expect("whole");
            prop_assert_eq!((parsed.header, parsed.mask, parsed.size), (header, Mask::new(key), input.len()));
        }
    }

    #[test]
    fn what_is_compressed_comes_back(
        contents in vec(content(), 1..5),
        agreed in context(),
        cuts in vec(any::<Index>(), 0..4),
        most in 1..400usize,
    ) {
        let mut compressor = Compressor::new(agreed);
        let mut decompressor = Decompressor::new(agreed);
        for content in contents {
            let content = content.bytes();
            let (mut payload, mut start) = (Vec::new(), 0);
            for end in ends(content.len(), &cuts) {
                compressor.compress(&content[start..end], &mut payload);
                start = end;
            }
            compressor.finish(&mut payload);
            payload.extend_from_slice(&TAIL);
            if !agreed.is_taken_over {
                decompressor = Decompressor::new(agreed);
            }
            let (mut at, mut out) = (0, Vec::new());
            for end in ends(payload.len(), &cuts) {
                loop {
                    let before = (at, out.len());
                    at += decompressor.inflate(&payload[at..end], &mut out, most).expect("valid");
                    prop_assert!(out.len() - before.1 <= most);
                    if (at, out.len()) == (end, before.1) {
                        break;
                    }
                }
            }
            prop_assert_eq!(out, content);
        }
    }

    #[test]
    fn a_server_message_is_one_unmasked_frame(content in content(), agreed in option::of(context())) {
        let mut compressor = agreed.map(Compressor::new);
        let mut out = Vec::new();
        send::message(&mut out, content.kind(), content.bytes(), compressor.as_mut());
        let parsed = ParsedHeader::parse(&out, true);
        prop_assert!(parsed.is_err(), "a server refuses it, because it is not masked");
        let size = if out[1] == 126 { 4 } else { 2 };
        let length = match out[1] {
            126 => usize::from(u16::from_be_bytes([out[2], out[3]])),
            length => usize::from(length),
        };
        prop_assert_eq!(size + length, out.len());
        prop_assert_eq!(out[0] & 0x70 == 0x40, agreed.is_some());
        if agreed.is_none() {
            prop_assert_eq!(&out[size..], content.bytes());
        }
    }

    #[test]
    fn texts_are_checked_as_by_std(text in vec(any::<u8>(), 0..12), prefix in ".{0,4}", cuts in vec(any::<Index>(), 0..5)) {
        let text = [prefix.as_bytes(), &text].concat();
        let (mut check, mut start) = (TextCheck::default(), 0);
        let mut checked = Ok(());
        for end in ends(text.len(), &cuts) {
            checked = checked.and_then(|()| check.check(&text[start..end]));
            start = end;
        }
        let checked = checked.and_then(|()| check.end());
        prop_assert_eq!(checked.is_ok(), str::from_utf8(&text).is_ok());
    }

    #[test]
    fn what_is_agreed_was_offered(
        list in vec(select(PARAMETERS), 0..6),
        server in context(),
        client in context(),
    ) {
        let offer = format!("permessage-deflate{}", list.concat());
        let policy = DeflatePolicy { server, client };
        let agreed = with_extensions(offer.as_bytes(), |fields| negotiate(fields, Some(&policy)));
        if let Some(agreed) = agreed.expect("valid") {
            let offered = |name: &str| offer.contains(name);
            let response = agreed.to_string();
            prop_assert!(agreed.server.window <= server.window);
            prop_assert!(agreed.server.window >= WindowBits::MIN_CODER);
            prop_assert!(offered("client_max") || agreed.client.window == WindowBits::MAX);
            prop_assert_eq!(offered("server_max"), response.contains("server_max"));
            for (name, context) in [("server_no", agreed.server), ("client_no", agreed.client)] {
                prop_assert!(!(offered(name) && context.is_taken_over));
                prop_assert_eq!(response.contains(name), !context.is_taken_over);
            }
        }
    }

    #[test]
    fn no_list_of_extensions_panics(
        list in prop_oneof![vec(any::<u8>(), 0..30), "[-a=;, \\\\\"0-9]{0,20}".prop_map(String::into_bytes)],
    ) {
        with_extensions(&list, |fields| {
            for extension in extensions(fields).flatten() {
                for parameter in extension.parameters() {
                    let value = parameter.value.map(|value| value.octets().count());
                    assert!(!parameter.name.is_empty() && value != Some(0));
                }
            }
        });
    }
}

/// The coders hold no more memory than the layer says, and not much less.
#[test]
fn coders_hold_as_much_memory_as_they_say() {
    let agreed = DeflateContext {
        is_taken_over: true,
        window: WindowBits::MAX,
    };
    let content = "some text ".repeat(10_000);
    let (mut compressor, mut decompressor) = (None, None);
    let (mut payload, mut out) = (Vec::with_capacity(200_000), Vec::with_capacity(200_000));
    let held = |what: &str, most: u64, work: &mut dyn FnMut()| {
        let counted = allocation_counter::measure(work);
        let bytes = counted.bytes_current as u64;
        assert!(bytes <= most && bytes > most / 10 * 8, "{what}: {bytes}");
    };
    held("compressor", COMPRESSOR, &mut || {
        let compressor = compressor.get_or_insert_with(|| Compressor::new(agreed));
        compressor.compress(content.as_bytes(), &mut payload);
        compressor.finish(&mut payload);
    });
    held("decompressor", DECOMPRESSOR, &mut || {
        let decompressor = decompressor.get_or_insert_with(|| Decompressor::new(agreed));
        let taken = decompressor.inflate(&payload, &mut out, content.len());
        assert_eq!(taken, Ok(payload.len()));
    });
    assert_eq!(out, content.as_bytes());
}
