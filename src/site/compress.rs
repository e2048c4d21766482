//! RFC 9110 section 8.4.1: content coding with flate2, in pieces.
//!
//! A coder always splits its input into the same pieces. So the coded bytes do not depend on how fast
//! the client reads, and the entity-tag of the coded representation may be strong.

use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;

use flate2::write::{DeflateEncoder, ZlibEncoder};
use flate2::{Compression, Crc};

use crate::semantics::coding::Coding;
use crate::site::body::{Pulled, Source};
use crate::site::body_error::BodyError;
use crate::site::budget::Charge;
use crate::site::shares::Share;

/// How much of the input is coded at a time. This takes about a millisecond, so that it does not
/// delay the worker's other connections.
pub(super) const PIECE: usize = 32 * 1024;

/// The memory that a coder holds between two pieces. The encoder takes 288 KiB, and flate2's buffer 32
/// KiB. A tenth is added, because the allocator loses some memory between blocks of this size.
pub const CODER: u64 = 352 * 1024;

/// Encoders that a worker keeps for the next coders.
const MOST_SPARE: usize = 2;

/// The smallest file worth coding, in bytes. The response for a smaller file fits into one packet even
/// without coding.
pub(super) const MIN_SIZE: u64 = 1024;

/// A source that codes another source.
pub struct Coded {
    source: Box<dyn Source>,
    /// What the source has produced of the next piece. Empty, and without an allocation, unless the
    /// source has to wait: many coders may wait for their clients.
    piece: Vec<u8>,
    exhausted: bool,
    coder: Coder,
}

/// The coders of one worker. Encoders that have ended are used again. If each coder had a new one,
/// their large blocks would leave holes in the allocator's memory, and it would grow.
#[derive(Clone, Default)]
pub struct Coders(Rc<RefCell<Vec<Spare>>>);

/// The memory of coders, charged to the server and to the part that coders may have.
pub type Charges = [Charge; 2];

/// The memory of the coders that a connection keeps.
pub struct CoderMemory {
    _charges: Charges,
    /// What the network of the client keeps with them.
    _share: Share,
}

impl CoderMemory {
    /// These charges, counted as a share of a client network.
    pub(crate) fn new(charges: Charges, share: Share) -> CoderMemory {
        CoderMemory {
            _charges: charges,
            _share: share,
        }
    }
}

/// An encoder without input, and its memory.
struct Spare {
    encoder: Encoder,
    charges: Charges,
}

/// An encoder, and the memory for it.
pub struct Coder {
    coding: Coding,
    /// Made when it is needed. Taken when the last byte is coded.
    encoder: Option<Encoder>,
    /// Whether the encoder has input of a stream that has not ended.
    has_input: bool,
    charges: Option<Charges>,
    coders: Coders,
    /// What the network of the client keeps with it.
    _share: Share,
}

enum Encoder {
    Gzip(GzipEncoder),
    Deflate(ZlibEncoder<Vec<u8>>),
}

impl Coders {
    /// Whether an encoder for `coding` can be used again.
    pub(super) fn has_spare(&self, coding: Coding) -> bool {
        let spares = self.0.borrow();
        spares.iter().any(|spare| spare.encoder.is_for(coding))
    }

    /// A coder for `coding` that has ended and can be used again. `share` makes its part of a share.
    pub(super) fn take_spare(
        &self,
        coding: Coding,
        share: impl FnOnce() -> Share,
    ) -> Option<Coder> {
        let mut spares = self.0.borrow_mut();
        let at = spares.iter().position(|spare| spare.encoder.is_for(coding));
        let Spare { encoder, charges } = spares.swap_remove(at?);
        Some(Coder {
            coding,
            encoder: Some(encoder),
            has_input: false,
            charges: Some(charges),
            coders: self.clone(),
            _share: share(),
        })
    }

    /// A new coder. Callers pass only gzip and deflate. Any other coding would produce gzip.
    pub(super) fn new_coder(&self, coding: Coding, charges: Charges, share: Share) -> Coder {
        Coder {
            coding,
            encoder: None,
            has_input: false,
            charges: Some(charges),
            coders: self.clone(),
            _share: share,
        }
    }

    /// Frees the encoders that nobody uses. Returns whether there were any.
    pub(super) fn clear(&self) -> bool {
        !self.0.take().is_empty()
    }
}

impl Coder {
    fn encoder(&mut self) -> &mut Encoder {
        self.has_input = true;
        self.encoder
            .get_or_insert_with(|| Encoder::new(self.coding))
    }

    /// Codes the last bytes. The encoder can be used again.
    fn finish(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        let output = self.encoder().finish()?;
        append(out, output);
        self.has_input = false;
        self.give_back();
        Ok(())
    }

    /// Leaves the encoder to the next coder, unless it has input that nobody wants any more.
    fn give_back(&mut self) {
        if self.has_input {
            return;
        }
        let mut spares = self.coders.0.borrow_mut();
        if spares.len() < MOST_SPARE
            && let (Some(encoder), Some(charges)) = (self.encoder.take(), self.charges.take())
        {
            spares.push(Spare { encoder, charges });
        }
    }
}

impl Drop for Coder {
    fn drop(&mut self) {
        self.give_back();
    }
}

impl Coded {
    /// Codes `source`.
    pub fn new(source: Box<dyn Source>, coder: Coder) -> Coded {
        Coded {
            source,
            piece: Vec::new(),
            exhausted: false,
            coder,
        }
    }

    /// Fills the piece to [`PIECE`] bytes, or to the end of the source. If the source has to wait,
    /// returns what it waits for.
    fn fill(&mut self) -> Result<Option<Pulled>, BodyError> {
        self.piece
            .reserve_exact(PIECE - self.piece.len().min(PIECE));
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
        // A source may produce a little more than it was asked for.
        let taken = self.piece.len().min(PIECE);
        let encoder = self.coder.encoder();
        encoder.write(&self.piece[..taken])?;
        append(out, std::mem::take(encoder.output()));
        self.piece = self.piece.split_off(taken);
        if !self.exhausted || !self.piece.is_empty() {
            return Ok(Pulled::More);
        }
        self.coder.finish(out)?;
        Ok(Pulled::Done)
    }

    fn cost(&self) -> usize {
        self.piece.capacity() + size_of_val(&*self.source) + self.source.cost()
    }
}

impl Encoder {
    fn new(coding: Coding) -> Encoder {
        let level = Compression::default();
        match coding {
            Coding::Deflate => Encoder::Deflate(ZlibEncoder::new(Vec::new(), level)),
            _ => Encoder::Gzip(GzipEncoder::new(level)),
        }
    }

    fn is_for(&self, coding: Coding) -> bool {
        matches!(self, Encoder::Deflate(_)) == (coding == Coding::Deflate)
    }

    fn write(&mut self, piece: &[u8]) -> io::Result<()> {
        match self {
            Encoder::Gzip(encoder) => encoder.write(piece),
            Encoder::Deflate(encoder) => encoder.write_all(piece),
        }
    }

    /// Returns the last bytes. The next byte that is written begins a new stream.
    fn finish(&mut self) -> io::Result<Vec<u8>> {
        match self {
            Encoder::Gzip(encoder) => encoder.finish(),
            Encoder::Deflate(encoder) => encoder.reset(Vec::new()),
        }
    }

    fn output(&mut self) -> &mut Vec<u8> {
        match self {
            Encoder::Gzip(encoder) => encoder.deflate.get_mut(),
            Encoder::Deflate(encoder) => encoder.get_mut(),
        }
    }
}

/// gzip (RFC 1952). flate2's own encoder for it cannot be used again.
struct GzipEncoder {
    deflate: DeflateEncoder<Vec<u8>>,
    /// Of the bytes written. It also counts them.
    crc: Crc,
}

/// RFC 1952 section 2.3: the magic number, deflate, no flags, no time, no extra flags, and an unknown
/// operating system.
const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

impl GzipEncoder {
    fn new(level: Compression) -> GzipEncoder {
        GzipEncoder {
            deflate: DeflateEncoder::new(GZIP_HEADER.to_vec(), level),
            crc: Crc::new(),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.crc.update(bytes);
        self.deflate.write_all(bytes)
    }

    fn finish(&mut self) -> io::Result<Vec<u8>> {
        let mut last = self.deflate.reset(GZIP_HEADER.to_vec())?;
        last.extend_from_slice(&self.crc.sum().to_le_bytes());
        last.extend_from_slice(&self.crc.amount().to_le_bytes());
        self.crc.reset();
        Ok(last)
    }
}

/// Moves bytes to the end of `out`.
fn append(out: &mut Vec<u8>, mut bytes: Vec<u8>) {
    match out.is_empty() && out.capacity() < bytes.len() {
        true => *out = bytes,
        false => out.append(&mut bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::body::MemorySource;
    use crate::site::budget::{Account, Allowance};
    use crate::site::held::HeldBytes;
    use crate::site::shares::Shares;
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

    fn share() -> Share {
        Shares::default().add([10, 0, 0, 1].into(), CODER)
    }

    /// Codes a whole source.
    fn code(source: Box<dyn Source>, coding: Coding) -> Vec<u8> {
        code_with(&Coders::default(), source, coding)
    }

    fn code_with(coders: &Coders, source: Box<dyn Source>, coding: Coding) -> Vec<u8> {
        let charges =
            || [0; 2].map(|_| Allowance::unlimited().charge_anyway(Account::Coders, CODER));
        let coder = coders.take_spare(coding, share);
        let coder = coder.unwrap_or_else(|| coders.new_coder(coding, charges(), share()));
        let mut coded = Coded::new(source, coder);
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
    fn an_encoder_is_used_again() {
        let coders = Coders::default();
        let input = text(2 * PIECE + 5);
        for coding in [Coding::Gzip, Coding::Deflate, Coding::Deflate, Coding::Gzip] {
            let want = code(memory(&input), coding);
            assert!(
                code_with(&coders, memory(&input), coding) == want,
                "{coding:?}"
            );
        }
        assert_eq!(coders.0.borrow().len(), 2, "one of each");
        let cut = coders.take_spare(Coding::Gzip, share).expect("a spare");
        let mut cut = Coded::new(memory(&input), cut);
        assert_eq!(
            cut.pull(&mut Vec::new(), PIECE).expect("memory"),
            Pulled::More
        );
        drop(cut);
        assert_eq!(coders.0.borrow().len(), 1, "it has not ended");
        assert!(coders.clear() && !coders.clear());
        drop(code_with(&coders, memory(&input), Coding::Gzip));
        drop(coders.take_spare(Coding::Gzip, share).expect("a spare"));
        assert!(coders.has_spare(Coding::Gzip), "it was not used");
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
