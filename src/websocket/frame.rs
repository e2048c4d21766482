//! RFC 6455 sections 5.2 and 5.5: reads and writes the header of a frame. RFC 7692 section 6 gives a
//! meaning to the bit RSV1.
//!
//! ```text
//!  0 1 2 3 4 5 6 7   8 9 a b c d e f
//! +-+-+-+-+-------+ +-+-------------+ +-----------------+ +-------------+ +---------+
//! |F|R|R|R|       | |M|             | | Extended        | | Masking-key | |         |
//! |I|S|S|S|opcode | |A| Payload     | | payload length, | | if MASK     | | Payload |
//! |N|V|V|V|       | |S| length      | | 0, 2 or 8       | | is set,     | | Data    |
//! | |1|2|3|       | |K|             | | octets          | | 4 octets    | |         |
//! +-+-+-+-+-------+ +-+-------------+ +-----------------+ +-------------+ +---------+
//!
//! 81 85 37fa213d 7f9f4d5158     a text frame of a client: FIN, 5 octets, masked
//! 81 05 48656c6c6f              the same frame of a server: Hello
//! 82 7e 0100 ...                a binary frame of a server: FIN, 256 octets
//! ```
//!
//! A server requires masks and sends none. A length is written in its shortest form.

use std::fmt;

use super::mask::Mask;
use crate::semantics::trace::{Clause, clause};

/// What the payload of a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Opcode {
    /// The next part of a message.
    Continuation = 0x0,
    /// A text, or its first part.
    Text = 0x1,
    /// Binary data, or its first part.
    Binary = 0x2,
    /// The end of what the sender sends.
    Close = 0x8,
    /// A request for a pong.
    Ping = 0x9,
    /// The answer to a ping.
    Pong = 0xa,
}

/// What the header of a frame says, without the mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    /// FIN: whether it is the last frame of a message.
    pub is_final: bool,
    /// RSV1: whether the frame begins a compressed message (RFC 7692 section 6).
    pub is_compressed: bool,
    /// What the payload is.
    pub opcode: Opcode,
    /// The length of the payload in bytes.
    pub length: u64,
}

/// The header of a frame that a client sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParsedHeader {
    /// What it says.
    pub header: FrameHeader,
    /// The mask of the payload.
    pub mask: Mask,
    /// The length of the header itself in bytes. The payload follows.
    pub size: usize,
}

/// An invalid frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// RSV2 or RSV3 is set, or RSV1 in a frame that does not begin a message whose compression was agreed.
    ReservedBit,
    /// The opcode is not defined.
    Opcode,
    /// A control frame has not set FIN.
    FragmentedControl,
    /// The payload is not masked.
    NotMasked,
    /// The payload of a control frame is longer than 125 bytes.
    LongControl,
    /// The length fits into fewer bytes.
    NotShortest,
    /// The length has its most significant bit set.
    LengthOverflow,
}

impl FrameError {
    /// The error, as part of a sentence.
    pub fn text(self) -> &'static str {
        match self {
            FrameError::ReservedBit => "a reserved bit of a frame is set",
            FrameError::Opcode => "the opcode of a frame is not defined",
            FrameError::FragmentedControl => "a control frame is fragmented",
            FrameError::NotMasked => "a frame of the client is not masked",
            FrameError::LongControl => "a control frame is longer than 125 bytes",
            FrameError::NotShortest => "the length of a frame is not in its shortest form",
            FrameError::LengthOverflow => "the length of a frame does not fit into 63 bits",
        }
    }

    /// The rule that the frame breaks.
    pub fn clause(self) -> Clause {
        match self {
            FrameError::ReservedBit | FrameError::Opcode => {
                clause!("RFC 6455 section 5.2", "first_byte")
            }
            FrameError::NotMasked => clause!("RFC 6455 section 5.2", "second_byte"),
            FrameError::NotShortest | FrameError::LengthOverflow => {
                clause!("RFC 6455 section 5.2", "extended_length")
            }
            FrameError::FragmentedControl => clause!("RFC 6455 section 5.5", "first_byte"),
            FrameError::LongControl => clause!("RFC 6455 section 5.5", "second_byte"),
        }
    }
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl std::error::Error for FrameError {}

impl Opcode {
    /// The opcode with these bits, or `None` if it is not defined.
    pub fn new(bits: u8) -> Option<Opcode> {
        match bits {
            0x0 => Some(Opcode::Continuation),
            0x1 => Some(Opcode::Text),
            0x2 => Some(Opcode::Binary),
            0x8 => Some(Opcode::Close),
            0x9 => Some(Opcode::Ping),
            0xa => Some(Opcode::Pong),
            _ => None,
        }
    }

    /// Section 5.5: whether the frame is about the connection and not part of a message.
    pub fn is_control(self) -> bool {
        matches!(self, Opcode::Close | Opcode::Ping | Opcode::Pong)
    }
}

const FIN: u8 = 0x80;
const RSV1: u8 = 0x40;
const RSV2_AND_RSV3: u8 = 0x30;
const OPCODE: u8 = 0x0f;
const MASK: u8 = 0x80;
const LENGTH: u8 = 0x7f;

/// A payload length that says that the length is in the next two bytes.
const IN_16_BITS: u8 = 126;
/// A payload length that says that the length is in the next eight bytes.
const IN_64_BITS: u8 = 127;

/// Section 5.5: the longest payload of a control frame in bytes.
pub const MAX_CONTROL: usize = 125;

impl ParsedHeader {
    /// Parses the header at the start of `input`. `None` if it is not complete. `may_compress` says whether
    /// the handshake agreed on compression. An error is found at the first byte that shows it.
    pub fn parse(input: &[u8], may_compress: bool) -> Result<Option<ParsedHeader>, FrameError> {
        let Some((&first, rest)) = input.split_first() else {
            return Ok(None);
        };
        let header = FrameHeader::first_byte(first, may_compress)?;
        let Some((&second, rest)) = rest.split_first() else {
            return Ok(None);
        };
        let short = header.second_byte(second)?;
        let Some(length) = extended_length(short, rest)? else {
            return Ok(None);
        };
        let Some(key) = rest.get(length.size..).and_then(<[u8]>::first_chunk) else {
            return Ok(None);
        };
        Ok(Some(ParsedHeader {
            header: FrameHeader {
                length: length.value,
                ..header
            },
            mask: Mask::new(*key),
            size: 2 + length.size + key.len(),
        }))
    }
}

impl FrameHeader {
    /// FIN, the reserved bits and the opcode. The length is not known yet.
    fn first_byte(byte: u8, may_compress: bool) -> Result<FrameHeader, FrameError> {
        let header = FrameHeader {
            is_final: byte & FIN != 0,
            is_compressed: byte & RSV1 != 0,
            opcode: Opcode::new(byte & OPCODE).ok_or(FrameError::Opcode)?,
            length: 0,
        };
        // RFC 7692 section 6: only the first frame of a message says whether it is compressed.
        let begins_message = matches!(header.opcode, Opcode::Text | Opcode::Binary);
        let may_compress = may_compress && begins_message;
        if byte & RSV2_AND_RSV3 != 0 || header.is_compressed && !may_compress {
            return Err(FrameError::ReservedBit);
        }
        match header.opcode.is_control() && !header.is_final {
            true => Err(FrameError::FragmentedControl),
            false => Ok(header),
        }
    }

    /// The payload length in the second byte, which may say that the length follows.
    fn second_byte(self, byte: u8) -> Result<u8, FrameError> {
        let length = byte & LENGTH;
        if byte & MASK == 0 {
            return Err(FrameError::NotMasked);
        }
        match self.opcode.is_control() && usize::from(length) > MAX_CONTROL {
            true => Err(FrameError::LongControl),
            false => Ok(length),
        }
    }

    /// Appends the header of a frame that the server sends.
    pub fn write(self, out: &mut Vec<u8>) {
        let fin = if self.is_final { FIN } else { 0 };
        let rsv1 = if self.is_compressed { RSV1 } else { 0 };
        out.push(fin | rsv1 | self.opcode as u8);
        match (u8::try_from(self.length), u16::try_from(self.length)) {
            (Ok(length @ ..IN_16_BITS), _) => out.push(length),
            (_, Ok(length)) => {
                out.push(IN_16_BITS);
                out.extend_from_slice(&length.to_be_bytes());
            }
            _ => {
                out.push(IN_64_BITS);
                out.extend_from_slice(&self.length.to_be_bytes());
            }
        }
    }
}

/// The length of a payload, and how many bytes of the header beyond the second one say so.
struct Length {
    value: u64,
    size: usize,
}

/// The length of a payload whose second byte says `short`. `None` if `rest` lacks bytes of it.
fn extended_length(short: u8, rest: &[u8]) -> Result<Option<Length>, FrameError> {
    let length = match short {
        IN_16_BITS => rest.first_chunk().map(|bytes| Length {
            value: u16::from_be_bytes(*bytes).into(),
            size: bytes.len(),
        }),
        IN_64_BITS => rest.first_chunk().map(|bytes| Length {
            value: u64::from_be_bytes(*bytes),
            size: bytes.len(),
        }),
        short => Some(Length {
            value: short.into(),
            size: 0,
        }),
    };
    match length {
        Some(Length { value, .. }) if value > i64::MAX as u64 => Err(FrameError::LengthOverflow),
        Some(Length { value, size: 2 }) if value < IN_16_BITS.into() => {
            Err(FrameError::NotShortest)
        }
        Some(Length { value, size: 8 }) if value <= u16::MAX.into() => Err(FrameError::NotShortest),
        length => Ok(length),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The masking-key of the examples in section 5.7.
    const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

    /// The bytes of hexadecimal digits. Spaces are for the eye.
    pub fn hex(digits: &str) -> Vec<u8> {
        let digits: Vec<u32> = digits.chars().filter_map(|c| c.to_digit(16)).collect();
        let pairs = digits.chunks_exact(2);
        pairs.map(|pair| (16 * pair[0] + pair[1]) as u8).collect()
    }

    /// A frame as a client sends it. `first` is the first byte.
    pub fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = Vec::new();
        let header = FrameHeader {
            is_final: false,
            is_compressed: false,
            opcode: Opcode::Continuation,
            length: payload.len() as u64,
        };
        header.write(&mut frame);
        frame[0] = first;
        frame[1] |= MASK;
        frame.extend_from_slice(&KEY);
        let start = frame.len();
        frame.extend_from_slice(payload);
        Mask::new(KEY).apply(&mut frame[start..]);
        frame
    }

    /// Parses the header whole, byte by byte and with bytes behind it.
    #[track_caller]
    fn check(digits: &str, may_compress: bool, want: Result<FrameHeader, FrameError>) {
        let input = hex(digits);
        let followed = [&input[..], b"\x81\x80"].concat();
        let parse = |input| ParsedHeader::parse(input, may_compress);
        let mut end = 0;
        let by_byte = loop {
            match parse(&input[..end]) {
                Ok(None) => end += 1,
                parsed => break parsed,
            }
        };
        for parsed in [parse(&input), by_byte, parse(&followed)] {
            let parsed = parsed.map(|parsed| {
                let parsed = parsed.expect("a whole header");
                assert_eq!((parsed.size, parsed.mask), (input.len(), Mask::new(KEY)));
                parsed.header
            });
            assert_eq!(parsed, want, "{digits}");
        }
    }

    fn header(opcode: Opcode, length: u64) -> FrameHeader {
        FrameHeader {
            is_final: true,
            is_compressed: false,
            opcode,
            length,
        }
    }

    #[test]
    fn headers_are_read() {
        use Opcode::*;
        check("81 85 37fa213d", false, Ok(header(Text, 5))); // 5.7
        check("8a 85 37fa213d", false, Ok(header(Pong, 5))); // 5.7
        check("82 80 37fa213d", false, Ok(header(Binary, 0)));
        check("80 fd 37fa213d", false, Ok(header(Continuation, 125)));
        check("88 82 37fa213d", false, Ok(header(Close, 2)));
        check("89 fd 37fa213d", false, Ok(header(Ping, 125))); // 5.5
        check("82 fe 007e 37fa213d", false, Ok(header(Binary, 126)));
        check("82 fe ffff 37fa213d", false, Ok(header(Binary, 65535)));
        let frame = header(Binary, 65536);
        check("82 ff 0000000000010000 37fa213d", false, Ok(frame));
        let frame = header(Binary, i64::MAX as u64);
        check("82 ff 7fffffffffffffff 37fa213d", false, Ok(frame));
        let not_final = FrameHeader {
            is_final: false,
            ..header(Text, 3)
        };
        check("01 83 37fa213d", false, Ok(not_final)); // 5.4
        let compressed = FrameHeader {
            is_compressed: true,
            ..header(Text, 7)
        };
        check("c1 87 37fa213d", true, Ok(compressed)); // RFC 7692 7.2.3.1
    }

    #[test]
    fn invalid_headers_are_refused() {
        use FrameError::*;
        check("91 85 37fa213d", false, Err(ReservedBit)); // 5.2: RSV3
        check("a1 85 37fa213d", true, Err(ReservedBit)); // RSV2
        check("c1 85 37fa213d", false, Err(ReservedBit)); // RSV1, not agreed
        check("c0 85 37fa213d", true, Err(ReservedBit)); // RFC 7692 6: not the first frame
        check("c9 85 37fa213d", true, Err(ReservedBit)); // a control frame
        for opcode in ["83", "84", "85", "86", "87", "8b", "8c", "8d", "8e", "8f"] {
            check(&format!("{opcode} 80 37fa213d"), false, Err(Opcode)); // 5.2
        }
        check("09 80 37fa213d", false, Err(FragmentedControl)); // 5.5
        check("08 80 37fa213d", false, Err(FragmentedControl));
        check("81 05 48656c6c6f", false, Err(NotMasked)); // 5.1
        check("89 fe 007e 37fa213d", false, Err(LongControl)); // 5.5
        check("88 ff", false, Err(LongControl));
        check("82 fe 007d 37fa213d", false, Err(NotShortest)); // 5.2
        check("82 ff 000000000000ffff 37fa213d", false, Err(NotShortest));
        check("82 ff 8000000000000000", false, Err(LengthOverflow)); // 5.2
    }

    #[track_caller]
    fn check_written(header: FrameHeader, want: &str) {
        let mut out = Vec::new();
        header.write(&mut out);
        assert_eq!(out, hex(want), "{header:?}");
    }

    #[test]
    fn headers_are_written_without_masks() {
        use Opcode::*;
        check_written(header(Text, 5), "81 05"); // 5.7
        check_written(header(Ping, 5), "89 05"); // 5.7
        check_written(header(Close, 125), "88 7d");
        check_written(header(Binary, 126), "82 7e 007e");
        check_written(header(Binary, 256), "82 7e 0100"); // 5.7
        check_written(header(Binary, 65535), "82 7e ffff");
        check_written(header(Binary, 65536), "82 7f 0000000000010000"); // 5.7
        check_written(
            FrameHeader {
                is_final: false,
                is_compressed: true,
                opcode: Text,
                length: 3,
            },
            "41 03", // RFC 7692 7.2.3.1
        );
        check_written(
            FrameHeader {
                is_final: false,
                ..header(Continuation, 0)
            },
            "00 00",
        );
    }
}
