//! RFC 9110 section 14.6: `multipart/byteranges`.
//!
//! One body contains several ranges. This file writes only the text around the parts. Between two
//! calls, the caller sends the bytes of a part from the file, so no body is built in memory.
//!
//! ```text
//! CRLF --SEPARATOR CRLF                     part_head(0)
//! Content-Type: text/plain CRLF
//! Content-Range: bytes 0-4/1234 CRLF
//! CRLF
//! hello                                     bytes 0 to 4
//! CRLF --SEPARATOR CRLF                     part_head(1)
//! Content-Type: text/plain CRLF
//! Content-Range: bytes 9-9/1234 CRLF
//! CRLF
//! !                                         byte 9
//! CRLF --SEPARATOR-- CRLF                   closing
//! ```
//!
//! The first CRLF ends an empty preamble, which RFC 2046 section 5.1.1 allows. nginx and Apache send it,
//! and some clients look for parts behind it: without it, zsync 0.6.2 requests the same ranges for ever.

use std::borrow::Cow;

use super::coding::Coding;
use super::range::{ByteRange, ContentRange};
use crate::text::append;

/// The layout of a `multipart/byteranges` body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Byteranges {
    boundary: String,
    media_type: Cow<'static, str>,
    coding: Coding,
    length: u64,
    ranges: Vec<ByteRange>,
}

impl Byteranges {
    /// Creates the layout for a representation of `length` bytes. The boundary must be 1 to 70
    /// letters or digits (RFC 2046 section 5.1.1) and must not occur in the parts. So the caller
    /// must choose one that clients cannot predict.
    pub fn new(
        boundary: impl Into<String>,
        media_type: impl Into<Cow<'static, str>>,
        length: u64,
        ranges: Vec<ByteRange>,
    ) -> Byteranges {
        Byteranges {
            boundary: boundary.into(),
            media_type: media_type.into(),
            coding: Coding::Identity,
            length,
            ranges,
        }
    }

    /// The same for a representation in this content coding. Each part says it, because the body as a
    /// whole is not coded.
    pub fn coded(mut self, coding: Coding) -> Byteranges {
        self.coding = coding;
        self
    }

    /// The parts, in order.
    pub fn ranges(&self) -> &[ByteRange] {
        &self.ranges
    }

    /// The value of Content-Type.
    pub fn content_type(&self) -> String {
        format!("multipart/byteranges; boundary={}", self.boundary)
    }

    /// The length of the whole body in bytes.
    pub fn length(&self) -> u64 {
        let mut text = Vec::new();
        for index in 0..self.ranges.len() {
            self.part_head(index, &mut text);
        }
        self.closing(&mut text);
        let parts = self.ranges.iter().map(ByteRange::len).sum::<u64>();
        text.len() as u64 + parts
    }

    /// The memory that it takes besides itself, in bytes.
    pub fn cost(&self) -> usize {
        let media_type = match &self.media_type {
            Cow::Borrowed(_) => 0,
            Cow::Owned(text) => text.capacity(),
        };
        self.boundary.capacity() + media_type + self.ranges.capacity() * size_of::<ByteRange>()
    }

    /// Appends the text before the bytes of part `index`. Appends nothing if there is none.
    pub fn part_head(&self, index: usize, out: &mut Vec<u8>) {
        let Some(&range) = self.ranges.get(index) else {
            return;
        };
        let (boundary, media_type) = (&self.boundary, &self.media_type);
        let content_range = ContentRange::Satisfied(range, self.length);
        append(
            out,
            format_args!(
                "\r\n--{boundary}\r\nContent-Type: {media_type}\r\n\
                 Content-Range: {content_range}\r\n"
            ),
        );
        if self.coding != Coding::Identity {
            append(
                out,
                format_args!("Content-Encoding: {}\r\n", self.coding.name()),
            );
        }
        out.extend_from_slice(b"\r\n");
    }

    /// Appends the text after the last part.
    pub fn closing(&self, out: &mut Vec<u8>) {
        append(out, format_args!("\r\n--{}--\r\n", self.boundary));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assemble(content: &[u8], layout: &Byteranges) -> Vec<u8> {
        let mut body = Vec::new();
        for (index, range) in layout.ranges().iter().enumerate() {
            layout.part_head(index, &mut body);
            body.extend_from_slice(&content[range.first as usize..=range.last as usize]);
        }
        layout.closing(&mut body);
        body
    }

    #[test]
    fn a_body_has_a_head_per_part_and_a_closing() {
        let ranges = [(0, 4), (9, 9)].map(|(first, last)| ByteRange { first, last });
        let content = b"hello you!";
        let layout = Byteranges::new("SEP", "text/plain", 10, ranges.to_vec());
        let want = "\r\n--SEP\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-4/10\r\n\r\n\
                    hello\
                    \r\n--SEP\r\nContent-Type: text/plain\r\nContent-Range: bytes 9-9/10\r\n\r\n\
                    !\
                    \r\n--SEP--\r\n";
        let body = assemble(content, &layout);
        assert_eq!(layout.length(), body.len() as u64);
        assert_eq!(String::from_utf8(body).unwrap(), want);
        assert_eq!(layout.content_type(), "multipart/byteranges; boundary=SEP");
    }

    #[test]
    fn each_part_says_the_coding() {
        let range = ByteRange { first: 0, last: 0 };
        let layout = Byteranges::new("SEP", "image/svg+xml", 9, vec![range]).coded(Coding::Gzip);
        let mut out = Vec::new();
        layout.part_head(0, &mut out);
        let head = String::from_utf8(out).expect("text");
        assert!(
            head.ends_with("bytes 0-0/9\r\nContent-Encoding: gzip\r\n\r\n"),
            "{head}"
        );
    }

    #[test]
    fn an_index_without_a_part_appends_nothing() {
        let layout = Byteranges::new("SEP", "text/plain", 10, Vec::new());
        let mut out = Vec::new();
        layout.part_head(0, &mut out);
        assert!(out.is_empty());
    }

    #[test]
    fn positions_may_exceed_32_bits() {
        let range = ByteRange {
            first: 1 << 33,
            last: 1 << 34,
        };
        let layout = Byteranges::new("SEP", "video/mp4", 1 << 40, vec![range]);
        let mut head = Vec::new();
        layout.part_head(0, &mut head);
        let head = String::from_utf8(head).unwrap();
        let want = "Content-Range: bytes 8589934592-17179869184/1099511627776\r\n\r\n";
        assert!(head.ends_with(want), "{head}");
    }
}
