//! RFC 7692 section 7.2: compresses and decompresses messages with `flate2`.
//!
//! A compressed message is a series of DEFLATE blocks (RFC 1951). The compressor ends it with an empty block. The
//! last four bytes of that block are the same in every message, so they are not sent:
//!
//! ```text
//! f2 48 cd c9 c9 07 00 | 00 00 ff ff        Hello
//! ```
//!
//! With context takeover, a message may refer to the messages before it. A second Hello is then `f2 00 11 00 00`.
//! Without it, each message stands alone, so a coder can be dropped between two messages.
//!
//! A block may be the last one of a DEFLATE stream (BFINAL, section 7.2.3.4). The next block then begins a
//! new stream, which does not refer to the one before it.
//!
//! A message that ends within a block is not refused: section 7.2.2 asks only to append the four bytes and to
//! decompress.

use std::fmt;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::negotiation::{DeflateContext, WindowBits};
use crate::semantics::trace::{Clause, clause};

/// What a compressed message leaves out at its end (section 7.2.1).
pub const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

/// A message without content: the beginning of an empty block (section 7.2.3.6).
const EMPTY_MESSAGE: u8 = 0x00;

/// The memory of a [`Compressor`] with the largest window, in bytes. Smaller windows save at most half of
/// it.
pub const COMPRESSOR: u64 = 372 * 1024;

/// The memory of a [`Decompressor`] in bytes, whatever its window.
pub const DECOMPRESSOR: u64 = 48 * 1024;

/// How much room the compressor gets at a time, in bytes.
const ROOM: usize = 4096;

/// A compressed message that is not DEFLATE data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidDeflate;

impl InvalidDeflate {
    /// The error, as part of a sentence.
    pub fn text(self) -> &'static str {
        "a compressed message is not valid DEFLATE data"
    }

    /// The rule that the message breaks.
    pub fn clause(self) -> Clause {
        clause!("RFC 7692 section 7.2.2", "inflate")
    }
}

impl fmt::Display for InvalidDeflate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl std::error::Error for InvalidDeflate {}

/// Compresses messages, one after the other.
#[derive(Debug)]
pub struct Compressor {
    inner: Compress,
    is_taken_over: bool,
    /// Whether the message has content so far.
    has_input: bool,
}

impl Compressor {
    /// A compressor for what was agreed. If its context is not taken over, connections may share it.
    pub fn new(agreed: DeflateContext) -> Compressor {
        let bits = agreed.window.max(WindowBits::MIN_CODER).get();
        Compressor {
            inner: Compress::new_with_window_bits(Compression::default(), false, bits),
            is_taken_over: agreed.is_taken_over,
            has_input: false,
        }
    }

    /// Compresses the next piece of a message. Some of the output may come later.
    pub fn compress(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        if !piece.is_empty() {
            self.has_input = true;
            self.run(piece, FlushCompress::None, out);
        }
    }

    /// Ends a message (section 7.2.1). The next piece begins another one.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        if !std::mem::take(&mut self.has_input) {
            out.push(EMPTY_MESSAGE);
            return;
        }
        self.run(&[], FlushCompress::Sync, out);
        // A flush ends with an empty block.
        debug_assert!(out.ends_with(&TAIL));
        out.truncate(out.len().saturating_sub(TAIL.len()));
        if !self.is_taken_over {
            self.inner.reset();
        }
    }

    /// Appends all output of `input`.
    fn run(&mut self, mut input: &[u8], flush: FlushCompress, out: &mut Vec<u8>) {
        loop {
            out.reserve(ROOM);
            let before = self.inner.total_in();
            let status = self.inner.compress_vec(input, out, flush);
            // Only a stream that was finished can fail, and this one never is.
            debug_assert!(status.is_ok());
            input = &input[(self.inner.total_in() - before) as usize..];
            if status.is_err() || input.is_empty() && out.len() < out.capacity() {
                return;
            }
        }
    }
}

/// Decompresses messages, one after the other. Do not use it after an error.
#[derive(Debug)]
pub struct Decompressor {
    inner: Decompress,
}

impl Decompressor {
    /// A decompressor for what was agreed.
    pub fn new(agreed: DeflateContext) -> Decompressor {
        let bits = agreed.window.max(WindowBits::MIN_CODER).get();
        Decompressor {
            inner: Decompress::new_with_window_bits(false, bits),
        }
    }

    /// Decompresses some of `input` and appends at most `most` bytes to `out`; `most` must not be 0. Returns
    /// how much of the input was consumed. If it appends as much as it may, more may follow without input.
    /// Each message must be followed by [`TAIL`]. Content before an error is appended.
    pub fn inflate(
        &mut self,
        input: &[u8],
        out: &mut Vec<u8>,
        most: usize,
    ) -> Result<usize, InvalidDeflate> {
        let start = out.len();
        out.resize(start + most, 0);
        let (mut consumed, mut produced) = (0, 0);
        let result = loop {
            let (input, room) = (&input[consumed..], &mut out[start + produced..]);
            let (before_in, before_out) = (self.inner.total_in(), self.inner.total_out());
            let status = self.inner.decompress(input, room, FlushDecompress::None);
            let taken = (self.inner.total_in() - before_in) as usize;
            let made = (self.inner.total_out() - before_out) as usize;
            let is_over = taken == input.len() || made == room.len();
            (consumed, produced) = (consumed + taken, produced + made);
            match status {
                Ok(Status::StreamEnd) => self.inner.reset(false),
                Ok(_) if is_over || taken > 0 || made > 0 => {}
                // It has input and room, and is stuck.
                Ok(_) | Err(_) => break Err(InvalidDeflate),
            }
            if is_over {
                break Ok(consumed);
            }
        };
        out.truncate(start + produced);
        result
    }
}

#[cfg(test)]
mod tests;
