//! RFC 9110 section 8.4.1.3: decodes gzip with flate2, in pieces.
//!
//! A small stream may decode to a long one, or to nothing for long. So both what is read and what is
//! produced are limited, each time the source is pulled.

use std::io::{self, BufRead, ErrorKind, Read};

use flate2::bufread::MultiGzDecoder;

use crate::site::body::{Pulled, Source};
use crate::site::body_error::BodyError;
use crate::site::compress::Charges;
use crate::site::shares::Share;

/// How much is read and how much is produced at a time, in bytes. This takes a fraction of a millisecond.
const PIECE: usize = 16 * 1024;

/// The memory of a decoder: its window and tables take 48 KiB, and the piece that it reads 16 KiB.
pub const DECODER: u64 = 64 * 1024;

/// A source that decodes another source. If that is no complete gzip stream, the response is cut.
pub struct Decoded {
    decoder: MultiGzDecoder<Input>,
    _charges: Charges,
    /// What the network of the client keeps with it.
    _share: Share,
}

/// A source as a reader. Where it has to wait, it fails, and the decoder goes on later.
struct Input {
    source: Box<dyn Source>,
    piece: Vec<u8>,
    /// How much of the piece was decoded.
    used: usize,
    /// How much may still be read in this turn.
    allowance: usize,
    has_ended: bool,
    /// Why the last read failed.
    stopped: Option<Result<Pulled, BodyError>>,
}

impl Decoded {
    /// Decodes `source`. `charges` and `share` are for a decoder.
    pub(super) fn new(source: Box<dyn Source>, charges: Charges, share: Share) -> Decoded {
        let input = Input {
            source,
            piece: Vec::new(),
            used: 0,
            // The decoder reads at once, which is too early.
            allowance: 0,
            has_ended: false,
            stopped: None,
        };
        Decoded {
            decoder: MultiGzDecoder::new(input),
            _charges: charges,
            _share: share,
        }
    }
}

impl Source for Decoded {
    fn pull(&mut self, out: &mut Vec<u8>, budget: usize) -> Result<Pulled, BodyError> {
        let start = out.len();
        out.resize(start + budget.clamp(1, PIECE), 0);
        self.decoder.get_mut().allowance = PIECE;
        let read = self.decoder.read(&mut out[start..]);
        out.truncate(start + read.as_ref().copied().unwrap_or_default());
        match (read, self.decoder.get_mut().stopped.take()) {
            (Ok(0), _) => Ok(Pulled::Done),
            (Ok(_), _) => Ok(Pulled::More),
            (Err(_), Some(stopped)) => stopped,
            (Err(fault), None) => Err(fault.into()),
        }
    }

    fn cost(&self) -> usize {
        let Input { source, piece, .. } = self.decoder.get_ref();
        piece.capacity() + size_of_val(&**source) + source.cost()
    }
}

impl Input {
    /// Reads the next piece. Returns why it cannot, if the source has not ended.
    fn fill(&mut self) -> Option<Result<Pulled, BodyError>> {
        self.piece.clear();
        self.used = 0;
        while self.piece.is_empty() && !self.has_ended {
            if self.allowance == 0 {
                return Some(Ok(Pulled::More));
            }
            let pulled = self.source.pull(&mut self.piece, self.allowance);
            self.allowance = self.allowance.saturating_sub(self.piece.len());
            match pulled {
                Ok(Pulled::More) => {}
                Ok(Pulled::Done) => self.has_ended = true,
                stopped if self.piece.is_empty() => return Some(stopped),
                // It says so again when it is asked for more.
                _ => {}
            }
        }
        None
    }
}

impl BufRead for Input {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.used == self.piece.len() {
            self.stopped = self.fill();
            if self.stopped.is_some() {
                return Err(ErrorKind::WouldBlock.into());
            }
        }
        Ok(&self.piece[self.used..])
    }

    fn consume(&mut self, count: usize) {
        self.used = self.piece.len().min(self.used + count);
    }
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::budget::{Account, Allowance};
    use crate::site::shares::Shares;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write;

    /// Gives a few bytes at a time, and has to wait between them.
    struct Slow {
        bytes: Vec<u8>,
        step: usize,
        waits: bool,
    }

    impl Source for Slow {
        fn pull(&mut self, out: &mut Vec<u8>, budget: usize) -> Result<Pulled, BodyError> {
            self.waits = !self.waits;
            if self.waits {
                return Ok(Pulled::WaitForDisk);
            }
            let count = self.step.min(budget).min(self.bytes.len());
            out.extend(self.bytes.drain(..count));
            Ok(match self.bytes.is_empty() {
                true => Pulled::Done,
                false => Pulled::More,
            })
        }
    }

    fn gzip(content: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(content).expect("memory");
        encoder.finish().expect("memory")
    }

    fn decoded(bytes: &[u8], step: usize) -> Decoded {
        let charge = || Allowance::unlimited().charge_anyway(Account::Coders, DECODER);
        let source = Slow {
            bytes: bytes.to_vec(),
            step,
            waits: false,
        };
        let share = Shares::default().add([10, 0, 0, 1].into(), DECODER);
        Decoded::new(Box::new(source), [charge(), charge()], share)
    }

    /// Pulls up to the end. Each time, so much comes at most.
    fn all(mut source: Decoded) -> Result<Vec<u8>, BodyError> {
        let mut all = Vec::new();
        loop {
            let before = all.len();
            let pulled = source.pull(&mut all, usize::MAX)?;
            assert!(all.len() - before <= PIECE);
            match pulled {
                Pulled::Done => return Ok(all),
                Pulled::More | Pulled::WaitForDisk => {}
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn the_content_comes_however_the_stream_does() {
        let long = vec![b'a'; 5_000_000];
        for content in [&b""[..], b"short", &long] {
            let coded = gzip(content);
            for step in [1, 7, 1000, usize::MAX] {
                assert!(all(decoded(&coded, step)).expect("valid") == content);
            }
        }
        // RFC 1952 section 2.2: members that follow each other.
        let members = [gzip(b"one "), gzip(b""), gzip(b"two")].concat();
        assert_eq!(all(decoded(&members, 3)).expect("valid"), b"one two");
    }

    #[test]
    fn a_stream_that_is_broken_is_an_error() {
        let coded = gzip(b"some content");
        for end in 0..coded.len() {
            assert!(all(decoded(&coded[..end], 5)).is_err(), "cut at {end}");
        }
        let mut wrong = coded.clone();
        wrong[coded.len() - 5] ^= 1;
        assert!(all(decoded(&wrong, 5)).is_err(), "a wrong checksum");
        assert!(all(decoded(&[&coded[..], b"rest"].concat(), 5)).is_err());
    }

    /// Empty members decode to nothing. A turn must not wait until something comes.
    #[test]
    fn a_turn_reads_a_limited_number_of_bytes() {
        let member = gzip(b"");
        let members = member.repeat(10 * PIECE / member.len());
        let mut source = decoded(&members, usize::MAX);
        let mut turns = 0;
        let mut out = Vec::new();
        while source.pull(&mut out, PIECE).expect("valid") != Pulled::Done {
            turns += 1;
        }
        assert!(out.is_empty());
        assert!(turns >= 9, "{turns} turns");
    }
}
