//! RFC 9110 section 8.4.1: content coding with flate2, in pieces.
//!
//! A coder always takes the same pieces of its input, whoever asks and however fast the client
//! reads, so that one representation has one sequence of bytes and its strong entity-tag is true.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};

use crate::semantics::coding::Coding;
use crate::site::body::{Pulled, Source};
use crate::site::body_error::BodyError;

/// How much of the input is coded at a time: about a millisecond of work, so that a neighbour on
/// the same worker does not notice it.
pub const PIECE: usize = 32 * 1024;

/// Below this many bytes a coding saves less than the packet it travels in.
pub const MIN_SIZE: u64 = 1024;

/// A source coded as it is pulled.
pub struct Coded {
    source: Box<dyn Source>,
    piece: Vec<u8>,
    exhausted: bool,
    encoder: Encoder,
}

enum Encoder {
    Gzip(GzEncoder<Vec<u8>>),
    Deflate(ZlibEncoder<Vec<u8>>),
}

impl Coded {
    /// The output of `coding` applied to `source`. Identity is no coding; it is treated as gzip's
    /// caller's mistake and never asked for.
    pub fn new(source: Box<dyn Source>, coding: Coding) -> Coded {
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
        }
    }

    /// Fills the piece to exactly [`PIECE`] bytes, or to the end of the source. What the source says
    /// if it has to wait first.
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
    /// One piece of input a call, whatever the budget: the output is at most a little longer.
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

/// Codes a whole source at once. Only for what is small enough to be done in one turn.
pub fn code(source: Box<dyn Source>, coding: Coding) -> Result<Vec<u8>, BodyError> {
    let mut coded = Coded::new(source, coding);
    let mut out = Vec::new();
    while coded.pull(&mut out, PIECE)? == Pulled::More {}
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::body::MemorySource;
    use flate2::read::{GzDecoder, ZlibDecoder};
    use std::io::Read;
    use std::rc::Rc;

    /// Gives its bytes a few at a time, as a listing does.
    struct Trickle(Vec<u8>, usize);

    impl Source for Trickle {
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

    fn memory(bytes: &[u8]) -> Box<dyn Source> {
        Box::new(MemorySource::new(Rc::from(bytes)))
    }

    #[test]
    fn decoding_gives_the_input() {
        for length in [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE + 17] {
            let input = text(length);
            let mut got = Vec::new();
            let coded = code(memory(&input), Coding::Gzip).unwrap();
            GzDecoder::new(&coded[..]).read_to_end(&mut got).unwrap();
            assert!(got == input, "gzip of {length}");
            got.clear();
            let coded = code(memory(&input), Coding::Deflate).unwrap();
            ZlibDecoder::new(&coded[..]).read_to_end(&mut got).unwrap();
            assert!(got == input, "deflate of {length}");
        }
    }

    #[test]
    fn the_bytes_do_not_depend_on_how_the_input_arrives() {
        let input = text(5 * PIECE + 99);
        let whole = code(memory(&input), Coding::Gzip).unwrap();
        for step in [1, 1000, PIECE + 1, 2 * PIECE + 5] {
            let trickled = code(Box::new(Trickle(input.clone(), step)), Coding::Gzip).unwrap();
            assert!(trickled == whole, "steps of {step}");
        }
    }
}
