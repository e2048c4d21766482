//! The body of a request (RFC 9112 sections 6.3 and 7.1). A handler pulls it, or the server discards
//! it to find the next request.

use crate::http1::chunked::{ChunkedError, Decoder};
use crate::http1::framing::BodyLength;
use crate::net::buffer::Buffer;
use crate::observe::sample::BodySample;
use crate::origin::request::{Content, RequestBody};

/// Reads a body and keeps track of what remains of it.
pub struct BodyReader {
    rest: Rest,
    /// The bytes that the server still accepts. If a body is longer, it is not read to its end.
    allowance: u64,
    fault: Option<BodyFault>,
    /// What is kept of the body, if somebody looks.
    sample: Option<Box<BodySample>>,
}

enum Rest {
    Nothing,
    Counted(u64),
    Chunked(Box<Decoder>),
}

/// Why the server stops reading a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyFault {
    /// It is longer than the allowance.
    TooLong,
    /// It is not a valid chunked body.
    Malformed(ChunkedError),
}

impl BodyReader {
    /// A reader of a body of this length that accepts at most `allowance` bytes.
    pub fn new(length: BodyLength, allowance: u64) -> BodyReader {
        let rest = match length {
            BodyLength::None | BodyLength::Known(0) => Rest::Nothing,
            BodyLength::Known(bytes) => Rest::Counted(bytes),
            BodyLength::Chunked => Rest::Chunked(Box::default()),
        };
        BodyReader {
            rest,
            allowance,
            fault: None,
            sample: None,
        }
    }

    /// A reader for a request without a body.
    pub fn none() -> BodyReader {
        BodyReader::new(BodyLength::None, 0)
    }

    /// Keeps a part of the body for people who look.
    pub fn watch(&mut self) {
        self.sample = Some(Box::default());
    }

    /// The memory of what is kept of the body, in bytes.
    pub fn cost(&self) -> usize {
        let sample = self.sample.as_ref();
        sample.map_or(0, |sample| size_of::<BodySample>() + sample.cost())
    }

    /// What is kept of the body.
    pub fn take_sample(&mut self) -> Option<Box<BodySample>> {
        self.sample.take()
    }

    /// Whether the body was read to its end.
    pub fn is_done(&self) -> bool {
        matches!(self.rest, Rest::Nothing)
    }

    /// Whether the rest of a body with a `Content-Length` exceeds the allowance.
    pub fn exceeds_allowance(&self) -> bool {
        matches!(self.rest, Rest::Counted(bytes) if bytes > self.allowance)
    }

    /// Why the reader stopped, if it did.
    pub fn fault(&self) -> Option<BodyFault> {
        self.fault
    }

    /// Discards what has been received of the body.
    pub fn discard(&mut self, inbox: &mut Buffer) {
        while matches!(self.next(inbox), Content::Bytes(_)) {}
    }

    /// The next bytes of content.
    fn next<'b>(&mut self, inbox: &'b mut Buffer) -> Content<'b> {
        match &mut self.rest {
            _ if self.fault.is_some() => Content::NotYet,
            Rest::Nothing => Content::End,
            Rest::Counted(rest) => {
                let count = (*rest).min(inbox.waiting().len() as u64);
                *rest -= count;
                let is_last = *rest == 0;
                if is_last {
                    self.rest = Rest::Nothing;
                }
                let bytes = inbox.take(count as usize);
                if let Some(sample) = &mut self.sample {
                    sample.see(bytes);
                }
                match bytes {
                    [] if is_last => Content::End,
                    [] => Content::NotYet,
                    bytes => Content::Bytes(bytes),
                }
            }
            Rest::Chunked(_) => self.next_chunk(inbox),
        }
    }

    /// The next content of a chunked body. The framing counts towards the allowance too, because a
    /// client may send each byte in its own chunk with a long extension.
    fn next_chunk<'b>(&mut self, inbox: &'b mut Buffer) -> Content<'b> {
        loop {
            let Rest::Chunked(decoder) = &mut self.rest else {
                return Content::End;
            };
            let decoded = match decoder.decode(inbox.waiting()) {
                Ok(decoded) => decoded,
                Err(fault) => {
                    self.fault = Some(BodyFault::Malformed(fault));
                    return Content::NotYet;
                }
            };
            if let Some(sample) = &mut self.sample {
                sample.see(&inbox.waiting()[..decoded.consumed]);
                if let Some(size) = decoded.begun {
                    sample.chunk(size);
                }
            }
            let taken = decoded.consumed as u64;
            if decoded.complete {
                self.rest = Rest::Nothing;
            } else if taken > self.allowance {
                self.fault = Some(BodyFault::TooLong);
            }
            self.allowance = self.allowance.saturating_sub(taken);
            if taken == 0 && !decoded.complete {
                return Content::NotYet;
            }
            if decoded.content.is_empty() || self.fault.is_some() {
                inbox.consume(decoded.consumed);
                if self.fault.is_some() {
                    return Content::NotYet;
                }
                continue;
            }
            return Content::Bytes(&inbox.take(decoded.consumed)[decoded.content]);
        }
    }
}

/// The body that a handler pulls content from.
pub struct PulledBody<'a> {
    /// The state of the body.
    pub reader: &'a mut BodyReader,
    /// The bytes received.
    pub inbox: &'a mut Buffer,
}

impl RequestBody for PulledBody<'_> {
    fn pull(&mut self) -> Content<'_> {
        self.reader.next(self.inbox)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inbox(bytes: &[u8]) -> Buffer {
        let mut inbox = Buffer::new(1000);
        inbox.room()[..bytes.len()].copy_from_slice(bytes);
        inbox.add(bytes.len());
        inbox
    }

    /// Pulls a body that arrives in `pieces`. Returns the content and the bytes after the body.
    fn pulled(length: BodyLength, allowance: u64, pieces: &[&str]) -> (String, String, BodyReader) {
        let mut reader = BodyReader::new(length, allowance);
        let (mut content, mut buffer) = (Vec::new(), inbox(b""));
        for piece in pieces {
            let left = buffer.waiting().to_vec();
            buffer = inbox(&[&left, piece.as_bytes()].concat());
            let mut body = PulledBody {
                reader: &mut reader,
                inbox: &mut buffer,
            };
            while let Content::Bytes(bytes) = body.pull() {
                content.extend_from_slice(bytes);
            }
        }
        let left = String::from_utf8(buffer.waiting().to_vec()).expect("text");
        (String::from_utf8(content).expect("text"), left, reader)
    }

    #[test]
    fn the_next_request_stays_in_the_inbox() {
        let known = BodyLength::Known(5);
        for pieces in [
            &["helloGET"][..],
            &["he", "lloGET"],
            &["hello", "GET"],
            &["", "helloGET"],
        ] {
            let (content, left, reader) = pulled(known, 10, pieces);
            assert_eq!(
                (content.as_str(), left.as_str()),
                ("hello", "GET"),
                "{pieces:?}"
            );
            assert!(reader.is_done());
        }
        for pieces in [
            &["5\r\nhello\r\n0\r\n\r\nGET"][..],
            &["5\r\nhe", "llo\r\n0\r", "\n\r\nGET"],
        ] {
            let (content, left, reader) = pulled(BodyLength::Chunked, 100, pieces);
            assert_eq!(
                (content.as_str(), left.as_str()),
                ("hello", "GET"),
                "{pieces:?}"
            );
            assert!(reader.is_done());
        }
    }

    #[test]
    fn the_allowance_counts_the_framing_of_chunks() {
        let (_, _, reader) = pulled(BodyLength::Chunked, 7, &["5\r\nhello\r\n", "1\r\n!\r\n"]);
        assert_eq!(reader.fault(), Some(BodyFault::TooLong));
        let (_, _, reader) = pulled(BodyLength::Chunked, 100, &["5\r\nhello\r\n"]);
        assert!(reader.fault().is_none() && !reader.is_done());
        let (_, _, reader) = pulled(BodyLength::Chunked, 100, &["x"]);
        assert!(matches!(reader.fault(), Some(BodyFault::Malformed(_))));
    }

    #[test]
    fn a_content_length_beyond_the_allowance_is_known_at_once() {
        assert!(BodyReader::new(BodyLength::Known(8), 7).exceeds_allowance());
        assert!(!BodyReader::new(BodyLength::Known(7), 7).exceeds_allowance());
        assert!(BodyReader::new(BodyLength::Known(0), 7).is_done());
        assert!(BodyReader::new(BodyLength::None, 7).is_done());
    }
}
