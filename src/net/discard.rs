//! A request's body, read and thrown away: this server gives content no meaning (RFC 9110 section
//! 9.3.1), but the next request begins behind it.

use crate::http1::chunked::{ChunkedError, Decoder};
use crate::http1::framing::BodyLength;
use crate::net::buffer::Buffer;

/// What is left of a body.
pub struct Discard {
    rest: Rest,
    /// Bytes of content that are still read before the connection is given up.
    allowance: u64,
}

enum Rest {
    Counted(u64),
    Chunked(Decoder),
}

/// How far the body has come.
#[derive(Debug, PartialEq)]
pub enum Discarded {
    /// It has ended.
    All,
    /// More must be received.
    Some,
    /// It is longer than this server cares to read.
    TooLong,
    /// It is not a body.
    Malformed(ChunkedError),
}

impl Discard {
    /// For a body of this length, of which at most `allowance` bytes are read. `None`: there is
    /// nothing to read.
    pub fn new(length: BodyLength, allowance: u64) -> Option<Discard> {
        let rest = match length {
            BodyLength::None | BodyLength::Known(0) => return None,
            BodyLength::Known(bytes) => Rest::Counted(bytes),
            BodyLength::Chunked => Rest::Chunked(Decoder::default()),
        };
        Some(Discard { rest, allowance })
    }

    /// Whether the body is known to be longer than the allowance before a byte of it was read.
    pub fn is_hopeless(&self) -> bool {
        matches!(self.rest, Rest::Counted(bytes) if bytes > self.allowance)
    }

    /// Consumes what has been received.
    pub fn feed(&mut self, inbox: &mut Buffer) -> Discarded {
        match &mut self.rest {
            Rest::Counted(rest) => {
                let taken = (*rest).min(inbox.waiting().len() as u64);
                inbox.consume(taken as usize);
                *rest -= taken;
                match *rest {
                    0 => Discarded::All,
                    _ => Discarded::Some,
                }
            }
            Rest::Chunked(decoder) => discard_chunks(decoder, &mut self.allowance, inbox),
        }
    }
}

/// The framing counts towards the allowance too: one byte of content in a chunk of its own, behind
/// a long extension, costs as much as many.
fn discard_chunks(decoder: &mut Decoder, allowance: &mut u64, inbox: &mut Buffer) -> Discarded {
    while !inbox.waiting().is_empty() {
        let decoded = match decoder.decode(inbox.waiting()) {
            Ok(decoded) => decoded,
            Err(fault) => return Discarded::Malformed(fault),
        };
        inbox.consume(decoded.consumed);
        if decoded.complete {
            return Discarded::All;
        }
        let taken = decoded.consumed as u64;
        if taken > *allowance {
            return Discarded::TooLong;
        }
        *allowance -= taken;
        if taken == 0 {
            break;
        }
    }
    Discarded::Some
}
