//! RFC 9110 section 8.4.1: content coding with flate2, in pieces.
//!
//! A coder always splits its input into the same pieces. So the coded bytes do not depend on how fast
//! the client reads, and the entity-tag of the coded representation may be strong.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};

use crate::semantics::coding::Coding;
use crate::site::body::{Pulled, Source};
use crate::site::body_error::BodyError;
use crate::site::budget::Charge;

/// How much of the input is coded at a time. This takes about a millisecond, so that it does not
/// delay the worker's other connections.
pub(super) const PIECE: usize = 32 * 1024;

/// The memory of a coder: the window and the tables of the encoder, and the piece.
pub const CODER: u64 = 320 * 1024;

/// The smallest file worth coding, in bytes. The response for a smaller file fits into one packet even
/// without coding.
pub(super) const MIN_SIZE: u64 = 1024;

/// A source that codes another source.
pub struct Coded {
    source: Box<dyn Source>,
    piece: Vec<u8>,
    exhausted: bool,
    encoder: Encoder,
    /// For the encoder and the piece.
    _charge: Charge,
}

enum Encoder {
    Gzip(GzEncoder<Vec<u8>>),
    Deflate(ZlibEncoder<Vec<u8>>),
}

impl Coded {
    /// Codes `source` with `coding`. Callers never pass identity, because it is not a coding. It would
    /// produce gzip. `charge` is for [`CODER`] bytes.
    pub fn new(source: Box<dyn Source>, coding: Coding, charge: Charge) -> Coded {
        let level = Compression::default();
        let encoder = match coding {
            Coding::Deflate => Encoder::Deflate(ZlibEncoder::new(Vec::new(), level)),
            Coding::Gzip | Coding::Identity => Encoder::Gzip(GzEncoder::new(Vec::new(), level)),
        };
        Coded {
            source,
            piece: Vec::with_capacity(PIECE),
            exhausted: false,
            encoder,
            _charge: charge,
        }
    }

    /// Fills the piece to [`PIECE`] bytes, or to the end of the source. If the source has to wait,
    /// returns what it waits for.
    fn fill(&mut self) -> Result<Option<Pulled>, BodyError> {
        while self.piece.len() < PIECE && !self.exhausted {
            let room = PIECE - self.piece.len();
            match self.source.pull(&mut self.piece, room)? {
                Pulled::More => {}
                Pulled::Done => self.exhausted = true,
                wait => return Ok(Some(wait)),
            }
        }
        Ok(None)
    }
}

impl Source for Coded {
    /// Codes one piece of input per call and ignores the budget. The output is at most slightly longer
    /// than the piece.
    fn pull(&mut self, out: &mut Vec<u8>, _budget: usize) -> Result<Pulled, BodyError> {
        if let Some(wait) = self.fill()? {
            return Ok(wait);
        }
        let taken = self.piece.len().min(PIECE);
        self.encoder.write(&self.piece[..taken])?;
        self.piece.drain(..taken);
        let done = self.exhausted && self.piece.is_empty();
        if done {
            self.encoder.finish()?;
        }
        out.append(self.encoder.output());
        Ok(if done { Pulled::Done } else { Pulled::More })
    }
}

impl Encoder {
    fn write(&mut self, piece: &[u8]) -> io::Result<()> {
        match self {
            Encoder::Gzip(encoder) => encoder.write_all(piece),
            Encoder::Deflate(encoder) => encoder.write_all(piece),
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        match self {
            Encoder::Gzip(encoder) => encoder.try_finish(),
            Encoder::Deflate(encoder) => encoder.try_finish(),
        }
    }

    fn output(&mut self) -> &mut Vec<u8> {
        match self {
            Encoder::Gzip(encoder) => encoder.get_mut(),
            Encoder::Deflate(encoder) => encoder.get_mut(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::body::MemorySource;
    use crate::site::budget::{Account, Allowance};
    use crate::site::held::HeldBytes;
    use flate2::read::{GzDecoder, ZlibDecoder};
    use std::io::Read;

    /// Returns a fixed number of bytes per call, as a slow source does.
    struct SmallSteps(Vec<u8>, usize);

    impl Source for SmallSteps {
        fn pull(&mut self, out: &mut Vec<u8>, _budget: usize) -> Result<Pulled, BodyError> {
            let taken = self.1.min(self.0.len());
            out.extend(self.0.drain(..taken));
            Ok(if self.0.is_empty() {
                Pulled::Done
            } else {
                Pulled::More
            })
        }
    }

    fn text(length: usize) -> Vec<u8> {
        (0..length)
            .map(|at| (at * at / 7 % 64 + 32) as u8)
            .collect()
    }

    /// Codes a whole source.
    fn code(source: Box<dyn Source>, coding: Coding) -> Vec<u8> {
        let charge = Allowance::unlimited().charge_anyway(Account::Coders, CODER);
        let mut coded = Coded::new(source, coding, charge);
        let mut out = Vec::new();
        while coded.pull(&mut out, PIECE).expect("memory") == Pulled::More {}
        out
    }

    fn memory(bytes: &[u8]) -> Box<dyn Source> {
        Box::new(MemorySource::new(HeldBytes::free(bytes)))
    }

    #[test]
    fn decoding_gives_the_input() {
        for length in [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE + 17] {
            let input = text(length);
            let mut got = Vec::new();
            let coded = code(memory(&input), Coding::Gzip);
            GzDecoder::new(&coded[..]).read_to_end(&mut got).unwrap();
            assert!(got == input, "gzip of {length}");
            got.clear();
            let coded = code(memory(&input), Coding::Deflate);
            ZlibDecoder::new(&coded[..]).read_to_end(&mut got).unwrap();
            assert!(got == input, "deflate of {length}");
        }
    }

    #[test]
    fn the_bytes_do_not_depend_on_how_the_input_arrives() {
        let input = text(5 * PIECE + 99);
        let whole = code(memory(&input), Coding::Gzip);
        for step in [1, 1000, PIECE + 1, 2 * PIECE + 5] {
            let source = SmallSteps(input.clone(), step);
            let stepwise = code(Box::new(source), Coding::Gzip);
            assert!(stepwise == whole, "steps of {step}");
        }
    }
}
