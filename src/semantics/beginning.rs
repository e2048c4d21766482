//! What the first bytes of a file say about the rest.

/// How many bytes are looked at if the content is not in memory.
pub const LOOK: usize = 4096;

/// The length of a packet of an MPEG transport stream (ISO/IEC 13818-1).
const PACKET: usize = 188;

/// The length of the time stamp that cameras and Blu-ray discs put before each packet.
const TIME_STAMP: usize = 4;

/// The first bytes of a file, or all of them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Beginning<'a> {
    /// The bytes.
    pub bytes: &'a [u8],
    /// Whether the file ends after them.
    pub is_whole: bool,
}

impl Beginning<'_> {
    /// Whether it is valid UTF-8. A character may be cut at the end, unless the file ends there.
    pub(super) fn is_utf8(self) -> bool {
        match std::str::from_utf8(self.bytes) {
            Ok(_) => true,
            Err(fault) => fault.error_len().is_none() && !self.is_whole,
        }
    }

    /// Whether it is text that can be shown: UTF-8 without control characters of ASCII, apart from those
    /// that are white space.
    pub(super) fn is_text(self) -> bool {
        let is_control = |byte: &u8| byte.is_ascii_control() && !byte.is_ascii_whitespace();
        !self.bytes.iter().any(is_control) && self.is_utf8()
    }

    /// Whether it is an MPEG transport stream: each packet begins with the same byte. That byte is also the
    /// letter G, but no packet is text.
    pub(super) fn is_transport_stream(self) -> bool {
        let is_stream = |first: usize, step: usize| {
            let mut packets = self.bytes.iter().skip(first).step_by(step);
            self.bytes.len() >= step && packets.all(|&byte| byte == 0x47)
        };
        let is_stream = is_stream(0, PACKET) || is_stream(TIME_STAMP, TIME_STAMP + PACKET);
        is_stream && !self.is_text()
    }

    /// Whether it is in the gzip format (RFC 1952 section 2.3.1), with the only method that it has.
    pub(super) fn is_gzip(self) -> bool {
        self.bytes.starts_with(&[0x1f, 0x8b, 8])
    }
}

#[cfg(test)]
impl<'a> Beginning<'a> {
    /// The whole content of a file.
    pub(super) fn whole(bytes: &'a [u8]) -> Beginning<'a> {
        Beginning {
            bytes,
            is_whole: true,
        }
    }

    /// A part of the content of a file.
    pub(super) fn part(bytes: &'a [u8]) -> Beginning<'a> {
        Beginning {
            bytes,
            is_whole: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_utf8_without_control_characters() {
        for text in ["", "a\tb\r\n\x0c", "\u{feff}é", "日本語", "\u{10ffff}"] {
            assert!(Beginning::whole(text.as_bytes()).is_text(), "{text:?}");
        }
        for other in [
            &b"\0"[..],
            b"a\x08",
            b"\x0b",
            b"\x1b[1m",
            b"\x7f",
            b"caf\xe9!",
            b"\xff\xfeh\0i\0",
            b"\xed\xa0\x80", // a surrogate
            b"\xc0\xaf",     // too long
        ] {
            assert!(!Beginning::whole(other).is_text(), "{other:?}");
            assert!(!Beginning::part(other).is_text(), "{other:?}");
        }
    }

    #[test]
    fn a_character_may_be_cut_where_the_look_ends() {
        let text = "a€".as_bytes();
        for length in 1..text.len() {
            let cut = &text[..length];
            assert!(Beginning::part(cut).is_text(), "{cut:?}");
            assert_eq!(Beginning::whole(cut).is_text(), length == 1, "{cut:?}");
        }
        assert!(!Beginning::part(b"a\xe2b").is_text(), "it is not the end");
    }

    /// A stream of packets without content.
    fn stream(packets: usize, prefix: &[u8]) -> Vec<u8> {
        let packet = [prefix, b"\x47\x1f\xff\x10", &[0xff; PACKET - 4]].concat();
        packet.repeat(packets)
    }

    #[test]
    fn a_transport_stream_has_its_sync_byte_in_each_packet() {
        for stream in [stream(1, b""), stream(30, b""), stream(30, b"\0\0\0\x01")] {
            assert!(Beginning::whole(&stream).is_transport_stream());
            let look = &stream[..stream.len().min(LOOK)];
            assert!(Beginning::part(look).is_transport_stream());
            assert!(!Beginning::part(&stream[1..]).is_transport_stream());
        }
        let mut broken = stream(30, b"");
        broken[5 * PACKET] = 0;
        assert!(!Beginning::whole(&broken).is_transport_stream());
        let text = [b'G'; 1000];
        assert!(!Beginning::whole(&text).is_transport_stream());
        assert!(!Beginning::whole(b"").is_transport_stream());
        assert!(!Beginning::whole(b"\x47\0").is_transport_stream());
    }
}
