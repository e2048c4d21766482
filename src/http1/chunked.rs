//! RFC 9112 section 7.1: reads and writes chunked bodies. Section 2.2 forbids a bare CR, and RFC 6585
//! section 5 gives the status for fields that are too long.
//!
//! ```text
//! chunked-body = *chunk last-chunk trailer-section CRLF
//! chunk        = chunk-size [ chunk-ext ] CRLF chunk-data CRLF
//!
//! 4␍␊        the size in hexadecimal digits
//! Wiki␍␊     that many bytes of content
//! 5;a=b␍␊    an extension, which is ignored
//! pedia␍␊
//! 0␍␊        the last chunk
//! A: b␍␊     a trailer, checked and ignored
//! ␍␊
//! ```
//!
//! The decoder is as strict as the parser of heads, to prevent request smuggling. Only CRLF ends a
//! line, a size has only digits, and CRLF must follow the content.

use std::fmt;
use std::ops::Range;

use super::head;
use super::octet::{self, TOKEN};
use crate::semantics::field::is_token;
use crate::semantics::trace::{Clause, clause};

/// The longest chunk-size line in bytes, including its extensions and CRLF. 256: sixteen digits hold
/// any size, and no client is known to send extensions. Without a limit, little content could cost
/// much work.
const SIZE_LINE_LIMIT: usize = 256;

/// The longest trailer section in bytes, including its last CRLF. 4 KiB: the server ignores it.
const TRAILER_LIMIT: usize = 4 * 1024;

/// The end of a body: the last chunk and an empty trailer section.
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// The end of the content of a chunk.
const CHUNK_END: &[u8] = b"\r\n";

/// Appends the size before `length` bytes of content: `1a`. `length` must not be 0, because the size 0
/// ends the body.
fn chunk_size(out: &mut Vec<u8>, length: usize) {
    let digits = (usize::BITS - length.leading_zeros()).div_ceil(4).max(1);
    for digit in (0..digits).rev() {
        let value = (length >> (4 * digit)) as u32 & 0xf;
        out.extend(char::from_digit(value, 16).map(|digit| digit as u8));
    }
}

/// Appends one chunk with these extensions, or nothing if `content` is empty.
pub fn write_chunk(out: &mut Vec<u8>, extensions: &[ChunkExtension], content: &[u8]) {
    if content.is_empty() {
        return;
    }
    chunk_size(out, content.len());
    for extension in extensions {
        extension.write(out);
    }
    out.extend_from_slice(CHUNK_END);
    out.extend_from_slice(content);
    out.extend_from_slice(CHUNK_END);
}

/// Appends the end of a body with these trailer fields (section 7.1.2).
pub fn write_trailers(out: &mut Vec<u8>, trailers: &[(&'static str, String)]) {
    out.extend_from_slice(b"0\r\n");
    for (name, value) in trailers {
        head::field(out, name, value.as_bytes());
    }
    head::end(out);
}

/// An extension of a chunk (section 7.1.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChunkExtension {
    /// The name, perhaps with a value as it is written: a token or a quoted string.
    text: Box<str>,
}

impl ChunkExtension {
    /// An extension with this name and, if it is not empty, this value. `None` if the name is not a token, or
    /// if the value has other characters than those of a quoted string in ASCII.
    pub fn new(name: &str, value: &str) -> Option<ChunkExtension> {
        let is_quotable = value
            .bytes()
            .all(|byte| matches!(byte, b'\t' | b' '..=b'~'));
        if !is_token(name.as_bytes()) || !is_quotable {
            return None;
        }
        let text = match value {
            "" => name.to_owned(),
            value if is_token(value.as_bytes()) => format!("{name}={value}"),
            value => {
                let escaped = value.replace('\\', "\\\\").replace('"', "\\\"");
                format!("{name}=\"{escaped}\"")
            }
        };
        Some(ChunkExtension { text: text.into() })
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.push(b';');
        out.extend_from_slice(self.text.as_bytes());
    }
}

/// An invalid chunked body. The start of the next message is then unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChunkedError {
    /// A chunk-size has no digits, or something other than an extension follows it.
    Size,
    /// A size does not fit into 64 bits. If it wrapped around, it would become small (section 7.1).
    SizeOverflow,
    /// A chunk-size line is longer than 256 bytes.
    SizeLineTooLong,
    /// An extension or a trailer contains a control byte, which includes a bare LF.
    ControlByte,
    /// A CR is not followed by LF.
    BareCr,
    /// No CRLF follows the content of a chunk.
    ContentTooLong,
    /// A trailer line is not a name, a colon and a value.
    Trailer,
    /// The trailer section is longer than 4 KiB.
    TrailerTooLong,
}

impl ChunkedError {
    /// The error, as part of a sentence.
    pub fn text(self) -> &'static str {
        match self {
            ChunkedError::Size => "a chunk does not begin with its size",
            ChunkedError::SizeOverflow => "the size of a chunk does not fit into 64 bits",
            ChunkedError::SizeLineTooLong => "the extensions of a chunk are too long",
            ChunkedError::ControlByte => "a line of the chunked body contains a control byte",
            ChunkedError::BareCr => "a CR in the chunked body is not followed by LF",
            ChunkedError::ContentTooLong => "a chunk is longer than its size says",
            ChunkedError::Trailer => "a trailer line is not a field",
            ChunkedError::TrailerTooLong => "the trailer section is too long",
        }
    }

    /// The rule that the body breaks.
    pub fn clause(self) -> Clause {
        match self {
            ChunkedError::Size
            | ChunkedError::SizeOverflow
            | ChunkedError::ContentTooLong
            | ChunkedError::ControlByte => clause!("RFC 9112 section 7.1", "after"),
            ChunkedError::SizeLineTooLong => clause!("RFC 9112 section 7.1.1", "take"),
            ChunkedError::BareCr => clause!("RFC 9112 section 2.2", "after"),
            ChunkedError::Trailer => clause!("RFC 9112 section 7.1.2", "after"),
            ChunkedError::TrailerTooLong => clause!("RFC 6585 section 5", "take"),
        }
    }
}

impl fmt::Display for ChunkedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl std::error::Error for ChunkedError {}

/// The result of one call of [`Decoder::decode`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// The number of input bytes consumed. A limit on a body must count these, because one byte of
    /// content can cost 256 of them.
    pub consumed: usize,
    /// The range of the content in the input. It may be empty.
    pub content: Range<usize>,
    /// The size of the chunk whose content or trailer section begins, if one does.
    pub begun: Option<u64>,
    /// Whether the body is complete. The next message follows.
    pub complete: bool,
}

/// Decodes one chunked body as it arrives, however it is split. Do not use it after an error.
#[derive(Clone, Debug)]
pub struct Decoder {
    state: State,
    /// How many more bytes the current line or section may have.
    room: usize,
    /// The size of the chunk that has begun since the last call.
    begun: Option<u64>,
}

/// What the decoder expects next.
///
/// ```text
/// Start -> Size -> [BeforeExtension -> Extension] -> SizeLf -> Content -> ContentCr -> ContentLf -> Start
///                                                      | size 0
///                                                      v
///                                TrailerLine -> TrailerName -> TrailerValue -> TrailerLf -> TrailerLine
///                                     | CR
///                                     v
///                                   EndLf -> Complete
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Start,
    Size(u64),
    BeforeExtension(u64),
    Extension(u64),
    SizeLf(u64),
    Content(u64),
    ContentCr,
    ContentLf,
    TrailerLine,
    TrailerName,
    TrailerValue,
    TrailerLf,
    EndLf,
    Complete,
}

impl Default for Decoder {
    fn default() -> Decoder {
        Decoder {
            state: State::Start,
            room: SIZE_LINE_LIMIT,
            begun: None,
        }
    }
}

impl Decoder {
    /// Decodes until it finds content, the body is complete, or the input ends. If input remains and
    /// the body is not complete, call it again with the rest. Each call consumes something.
    pub fn decode(&mut self, input: &[u8]) -> Result<Decoded, ChunkedError> {
        let mut at = 0;
        while let Some(&byte) = input.get(at) {
            match self.state {
                State::Complete => break,
                State::Content(left) => return Ok(self.take_content(left, at, input.len())),
                _ => self.take(byte)?,
            }
            at += 1;
        }
        Ok(self.decoded(at, at..at))
    }

    /// Takes the content at `start`: at most `left` bytes, as far as they have arrived.
    fn take_content(&mut self, left: u64, start: usize, available: usize) -> Decoded {
        let length = usize::try_from(left).unwrap_or(usize::MAX);
        let length = length.min(available - start);
        self.state = match left - length as u64 {
            0 => State::ContentCr,
            left => State::Content(left),
        };
        let end = start + length;
        self.decoded(end, start..end)
    }

    fn decoded(&mut self, consumed: usize, content: Range<usize>) -> Decoded {
        Decoded {
            consumed,
            content,
            begun: self.begun.take(),
            complete: self.state == State::Complete,
        }
    }

    /// Takes one byte that is not content.
    fn take(&mut self, byte: u8) -> Result<(), ChunkedError> {
        self.room = self.room.checked_sub(1).ok_or(self.state.too_long())?;
        let next = self.state.after(byte)?;
        match (self.state, next) {
            (State::ContentLf, _) => self.room = SIZE_LINE_LIMIT,
            (State::SizeLf(_), State::TrailerLine) => self.room = TRAILER_LIMIT,
            // The CRLF after the content has its own room.
            (State::SizeLf(_), _) => self.room = CHUNK_END.len(),
            _ => {}
        }
        if let State::SizeLf(size) = self.state {
            self.begun = Some(size);
        }
        self.state = next;
        Ok(())
    }
}

impl State {
    /// The state that follows `byte`, by the graph above.
    fn after(self, byte: u8) -> Result<State, ChunkedError> {
        match self {
            State::Start => add_digit(0, byte)?.ok_or(ChunkedError::Size),
            State::Size(size) => after_size(size, byte),
            State::BeforeExtension(size) => before_extension(size, byte),
            State::Extension(size) => in_line(byte, State::Extension(size), State::SizeLf(size)),
            State::SizeLf(0) => line_feed(byte, State::TrailerLine),
            State::SizeLf(size) => line_feed(byte, State::Content(size)),
            State::ContentCr if byte == b'\r' => Ok(State::ContentLf),
            State::ContentCr => Err(ChunkedError::ContentTooLong),
            State::ContentLf => line_feed(byte, State::Start),
            State::TrailerLine if byte == b'\r' => Ok(State::EndLf),
            State::TrailerLine if octet::is(&TOKEN, byte) => Ok(State::TrailerName),
            State::TrailerName if octet::is(&TOKEN, byte) => Ok(State::TrailerName),
            State::TrailerName if byte == b':' => Ok(State::TrailerValue),
            State::TrailerLine | State::TrailerName => Err(ChunkedError::Trailer),
            State::TrailerValue => in_line(byte, State::TrailerValue, State::TrailerLf),
            State::TrailerLf => line_feed(byte, State::TrailerLine),
            State::EndLf => line_feed(byte, State::Complete),
            // `decode` never calls it in these states.
            State::Content(_) | State::Complete => Ok(self),
        }
    }

    fn too_long(self) -> ChunkedError {
        match self {
            State::TrailerLine
            | State::TrailerName
            | State::TrailerValue
            | State::TrailerLf
            | State::EndLf => ChunkedError::TrailerTooLong,
            _ => ChunkedError::SizeLineTooLong,
        }
    }
}

/// Appends a digit to `size`. `None` if `byte` is not a digit.
fn add_digit(size: u64, byte: u8) -> Result<Option<State>, ChunkedError> {
    let Some(digit) = char::from(byte).to_digit(16) else {
        return Ok(None);
    };
    let size = size
        .checked_mul(16)
        .and_then(|size| size.checked_add(digit.into()))
        .ok_or(ChunkedError::SizeOverflow)?;
    Ok(Some(State::Size(size)))
}

fn after_size(size: u64, byte: u8) -> Result<State, ChunkedError> {
    match add_digit(size, byte)? {
        Some(state) => Ok(state),
        None if byte == b'\r' => Ok(State::SizeLf(size)),
        None => before_extension(size, byte),
    }
}

/// Section 7.1.1: `chunk-ext = *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )`.
fn before_extension(size: u64, byte: u8) -> Result<State, ChunkedError> {
    match byte {
        b' ' | b'\t' => Ok(State::BeforeExtension(size)),
        b';' => Ok(State::Extension(size)),
        _ => Err(ChunkedError::Size),
    }
}

/// Any text up to CR.
fn in_line(byte: u8, same: State, at_cr: State) -> Result<State, ChunkedError> {
    match byte {
        b'\r' => Ok(at_cr),
        _ if octet::is_forbidden(byte) => Err(ChunkedError::ControlByte),
        _ => Ok(same),
    }
}

fn line_feed(byte: u8, next: State) -> Result<State, ChunkedError> {
    match byte {
        b'\n' => Ok(next),
        _ => Err(ChunkedError::BareCr),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Decodes `input` in pieces of `step` bytes. Returns the content and the number of bytes
    /// consumed, or `None` if the body is not complete.
    fn decode(input: &[u8], step: usize) -> Result<Option<(Vec<u8>, usize)>, ChunkedError> {
        let (mut decoder, mut content, mut consumed) = (Decoder::default(), Vec::new(), 0);
        for piece in input.chunks(step) {
            let mut piece = piece;
            while !piece.is_empty() {
                let decoded = decoder.decode(piece)?;
                consumed += decoded.consumed;
                content.extend_from_slice(&piece[decoded.content]);
                if decoded.complete {
                    return Ok(Some((content, consumed)));
                }
                assert!(decoded.consumed > 0, "each call consumes something");
                piece = &piece[decoded.consumed..];
            }
        }
        Ok(None)
    }

    /// `want` is the content. The decoder must consume all input, but not the message after it.
    #[track_caller]
    fn check(input: &str, want: Result<Option<&str>, ChunkedError>) {
        let next = format!("{input}GET / HTTP/1.1\r\n\r\n");
        let want = want.map(|body| body.map(|body| (body.as_bytes().to_vec(), input.len())));
        for step in [1, 2, 3, 7, input.len().max(1)] {
            assert_eq!(decode(input.as_bytes(), step), want, "{input:?} by {step}");
            if !matches!(want, Ok(None)) {
                assert_eq!(decode(next.as_bytes(), step), want, "{next:?} by {step}");
            }
        }
    }

    #[test]
    fn bodies() {
        check("0\r\n\r\n", Ok(Some(""))); // RFC 9112 7.1
        check(
            "4\r\nWiki\r\n5\r\npedia\r\n0\r\n\r\n",
            Ok(Some("Wikipedia")),
        );
        check("0005\r\n\r\n\r\n\n\r\n000\r\n\r\n", Ok(Some("\r\n\r\n\n"))); // 1*HEXDIG
        check("A\r\n0123456789\r\n0\r\n\r\n", Ok(Some("0123456789")));
        check("a\r\n0123456789\r\n0\r\n\r\n", Ok(Some("0123456789")));
        check("1;a=b;c=\"d\"\r\nx\r\n0;e\r\n\r\n", Ok(Some("x"))); // 7.1.1: ignored
        check("1 \t;a = b\r\nx\r\n0\r\n\r\n", Ok(Some("x"))); // BWS
        check("1\r\nx\r\n0\r\nA: b\r\nC:\td\u{e9} \r\n\r\n", Ok(Some("x"))); // 7.1.2
        check("0\r\nLong-Name: b\r\n\r\n", Ok(Some("")));
        check("", Ok(None));
        check("4\r\nWi", Ok(None));
        check("4\r\nWiki\r\n0\r\n\r", Ok(None));
        check("FFFFFFFFFFFFFFFF\r\nx", Ok(None)); // the largest size
    }

    #[test]
    fn the_beginning_of_each_chunk_is_told_once() {
        let input = b"4;a=b\r\nWiki\r\n5\r\npedia\r\n0\r\nA: b\r\n\r\n";
        for step in 1..=input.len() {
            let (mut decoder, mut begun) = (Decoder::default(), Vec::new());
            for piece in input.chunks(step) {
                let mut at = 0;
                while at < piece.len() {
                    let decoded = decoder.decode(&piece[at..]).expect("valid");
                    begun.extend(decoded.begun);
                    at += decoded.consumed;
                }
            }
            assert_eq!(begun, [4, 5, 0], "{step}");
        }
    }

    #[test]
    fn faults() {
        use ChunkedError::*;
        let row = |input: &str, error| check(input, Err(error));
        // Section 7.1.
        row("\r\n", Size);
        row(" 1\r\n", Size);
        row("-1\r\n", Size);
        row("0x1\r\n", Size);
        row("1_0\r\n", Size);
        row("1 \r\n", Size); // an extension must follow white space
        row("1 2\r\n", Size);
        row("1\n", Size); // a bare LF
        row("1\rx", BareCr);
        row("g\r\n", Size);
        row(";a\r\n", Size);
        row("10000000000000000\r\n", SizeOverflow);
        row("FFFFFFFFFFFFFFFF0\r\n", SizeOverflow);
        row("1\r\nxy\r\n", ContentTooLong);
        row("1\r\nx\n", ContentTooLong);
        row("1\r\nx\rx", BareCr);
        // Section 7.1.1.
        row("1;a\n", ControlByte);
        row("1;\0\r\n", ControlByte);
        row("1;a\r\r", BareCr);
        // Section 7.1.2, by the rules of section 5.
        row("0\r\n\n", Trailer);
        row("0\r\n a: b\r\n", Trailer);
        row("0\r\na : b\r\n", Trailer);
        row("0\r\n: b\r\n", Trailer);
        row("0\r\na\r\n", Trailer);
        row("0\r\na: \0\r\n", ControlByte);
        row("0\r\na: b\n", ControlByte);
        row("0\r\na: b\rc", BareCr);
        row("0\r\n\rc", BareCr);
        row("0\r\nA: b\r\n c\r\n", Trailer);
    }

    #[test]
    fn limits() {
        use ChunkedError::*;
        let fill = |length: usize| "x".repeat(length);
        let size_line = |length| format!("1;{}\r\nx\r\n0\r\n\r\n", fill(length - 4));
        check(&size_line(SIZE_LINE_LIMIT), Ok(Some("x")));
        check(&size_line(SIZE_LINE_LIMIT + 1), Err(SizeLineTooLong));
        let trailer = |length| format!("0\r\na:{}\r\n\r\n", fill(length - 6));
        check(&trailer(4 * 1024), Ok(Some("")));
        check(&trailer(TRAILER_LIMIT), Ok(Some("")));
        check(&trailer(TRAILER_LIMIT + 1), Err(TrailerTooLong));
        // Leading zeros are valid, but they count.
        check(&"0".repeat(SIZE_LINE_LIMIT + 1), Err(SizeLineTooLong));
        // Each chunk has its own limit.
        let many = size_line(SIZE_LINE_LIMIT).replace("0\r\n\r\n", "");
        check(&(many.repeat(3) + "0\r\n\r\n"), Ok(Some("xxx")));
    }

    #[test]
    fn chunks_are_written() {
        let mut out = Vec::new();
        write_chunk(&mut out, &[], b"");
        write_chunk(&mut out, &[], b"0123456789abcdef0");
        out.extend_from_slice(LAST_CHUNK);
        assert_eq!(out, b"11\r\n0123456789abcdef0\r\n0\r\n\r\n");
        out.clear();
        chunk_size(&mut out, usize::MAX);
        assert_eq!(out, b"ffffffffffffffff");
    }

    /// What is written is read again.
    #[test]
    fn chunks_with_extensions_and_trailers_are_written() {
        let extension = |name, value| ChunkExtension::new(name, value).expect("an extension");
        let extensions = [
            extension("a", ""),
            extension("b", "c"),
            extension("d", "e \"f\" \\"),
        ];
        let mut out = Vec::new();
        write_chunk(&mut out, &extensions, b"x");
        write_trailers(&mut out, &[("Server-Timing", "total;dur=1".to_owned())]);
        let want = "1;a;b=c;d=\"e \\\"f\\\" \\\\\"\r\nx\r\n0\r\nServer-Timing: total;dur=1\r\n\r\n";
        assert_eq!(String::from_utf8_lossy(&out), want);
        check(want, Ok(Some("x")));
        for (name, value) in [
            ("", "a"),
            ("a b", ""),
            ("a", "\r\n"),
            ("a", "\u{e9}"),
            ("a;b", ""),
        ] {
            assert_eq!(ChunkExtension::new(name, value), None, "{name:?} {value:?}");
        }
    }
}
