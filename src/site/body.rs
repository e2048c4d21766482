//! The body of a response: bytes in memory, a part of a file, or a source that produces the bytes.

use std::ops::Range;
use std::rc::Rc;
use std::time::Instant;

use crate::http1::chunked::ChunkExtension;
use crate::semantics::byteranges::Byteranges;
use crate::site::body_error::BodyError;
use crate::site::held::HeldBytes;
use crate::site::open_file::OpenFile;
use crate::site::private::PrivateCopy;

/// The state of a source after it was pulled. It may have produced no bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pulled {
    /// More can be pulled at once.
    More,
    /// The source has ended.
    Done,
    /// The next bytes can be pulled at this time. The source is not pulled before.
    WaitUntil(Instant),
    /// The next bytes can be pulled after a wake-up through the request's waker. The source may be
    /// pulled before that, for example when the client sends something. It then says this again.
    WaitForWake,
    /// Like `WaitForWake`, but the bytes come from a disk. If it does not answer for long, the response
    /// is cut.
    WaitForDisk,
}

/// A producer of bytes, piece by piece.
pub trait Source {
    /// Appends about `budget` bytes to `out`. After an error, the connection must be cut so that the
    /// client sees that the response is incomplete.
    fn pull(&mut self, out: &mut Vec<u8>, budget: usize) -> Result<Pulled, BodyError>;

    /// The length of all of its bytes, if that is known before they are produced. If it produces more or
    /// fewer, the connection is cut.
    fn length(&self) -> Option<u64> {
        None
    }

    /// The extensions of the chunk with the bytes that were pulled last, if the body is chunked.
    fn chunk_extensions(&self) -> &[ChunkExtension] {
        &[]
    }

    /// The trailer fields, once the source has ended, if the body is chunked.
    fn trailers(&self) -> &[(&'static str, String)] {
        &[]
    }

    /// The memory that it keeps between two calls, in bytes. It does not include what the source charges
    /// itself.
    fn cost(&self) -> usize {
        0
    }
}

/// A piece of a body.
pub enum Piece {
    /// Bytes generated for this response, such as the head of a part.
    Bytes(Vec<u8>),
    /// A slice of a representation held in memory.
    Memory(Rc<HeldBytes>, Range<usize>),
    /// A slice of an open file: the next offset and how many bytes remain.
    File(Rc<OpenFile>, u64, u64),
    /// A slice of a private copy: the next offset and how many bytes remain.
    Private(Rc<PrivateCopy>, u64, u64),
}

/// The body of a response.
pub enum Body {
    /// One piece.
    One(Piece),
    /// Several ranges of a representation (multipart/byteranges).
    Parts(Box<Parts>),
    /// Produced while it is sent.
    Source(Box<dyn Source>),
    /// Not produced, because the request is HEAD. Its length is not known.
    Omitted,
}

impl Body {
    /// A body of bytes that were generated for this response.
    pub fn of(bytes: Vec<u8>) -> Body {
        Body::One(Piece::Bytes(bytes))
    }

    /// The length in bytes, if it is known.
    pub fn length(&self) -> Option<u64> {
        match self {
            Body::One(piece) => Some(piece.length()),
            Body::Parts(parts) => Some(parts.layout.length()),
            Body::Source(source) => source.length(),
            Body::Omitted => None,
        }
    }
}

impl Piece {
    /// The memory that it takes besides itself, in bytes, unless that is charged elsewhere.
    pub fn cost(&self) -> usize {
        match self {
            Piece::Bytes(bytes) => bytes.capacity(),
            Piece::Memory(..) | Piece::File(..) | Piece::Private(..) => 0,
        }
    }

    fn length(&self) -> u64 {
        match self {
            Piece::Bytes(bytes) => bytes.len() as u64,
            Piece::Memory(_, range) => range.len() as u64,
            Piece::File(_, _, remaining) | Piece::Private(_, _, remaining) => *remaining,
        }
    }
}

/// The pieces of a multipart/byteranges body: a head and a slice per range, then the closing line. Each
/// is made when it is sent. All heads together are much larger than the ranges.
pub struct Parts {
    layout: Byteranges,
    stored: Stored,
    next: NextPiece,
}

/// The next piece of a body with parts.
enum NextPiece {
    /// The head of the part with this number, or the closing line after the last one.
    Head(usize),
    /// The bytes of the part with this number.
    Bytes(usize),
    End,
}

impl Parts {
    /// The ranges of `stored` that `layout` has.
    pub fn new(layout: Byteranges, stored: Stored) -> Parts {
        let next = NextPiece::Head(0);
        Parts {
            layout,
            stored,
            next,
        }
    }

    /// The bytes of the first range.
    pub fn first(&self) -> Option<Piece> {
        self.bytes(0)
    }

    /// Whether all pieces were taken.
    pub fn is_over(&self) -> bool {
        matches!(self.next, NextPiece::End)
    }

    /// The memory that it takes, in bytes.
    pub fn cost(&self) -> usize {
        size_of::<Parts>() + self.layout.cost()
    }

    fn bytes(&self, number: usize) -> Option<Piece> {
        let range = self.layout.ranges().get(number)?;
        Some(self.stored.slice(range.first, range.len()))
    }
}

impl Iterator for Parts {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        let mut text = Vec::new();
        match self.next {
            NextPiece::Head(number) if number < self.layout.ranges().len() => {
                self.next = NextPiece::Bytes(number);
                self.layout.part_head(number, &mut text);
            }
            NextPiece::Head(_) => {
                self.next = NextPiece::End;
                self.layout.closing(&mut text);
            }
            NextPiece::Bytes(number) => {
                self.next = NextPiece::Head(number + 1);
                return self.bytes(number);
            }
            NextPiece::End => return None,
        }
        Some(Piece::Bytes(text))
    }
}

/// A representation whose bytes can be read from any offset.
#[derive(Clone)]
pub enum Stored {
    /// Held in memory.
    Memory(Rc<HeldBytes>),
    /// A file on disk.
    File(Rc<OpenFile>),
    /// A private copy.
    Private(Rc<PrivateCopy>),
}

impl Stored {
    /// The length in bytes.
    pub fn len(&self) -> u64 {
        match self {
            Stored::Memory(bytes) => bytes.len() as u64,
            Stored::File(file) => file.state.size,
            Stored::Private(copy) => copy.size,
        }
    }

    /// Whether the length is zero.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The `length` bytes from offset `first` on. The caller ensures that they lie within the
    /// representation.
    pub fn slice(&self, first: u64, length: u64) -> Piece {
        match self {
            Stored::Memory(bytes) => {
                // By the caller's promise, this never clamps.
                let start = usize::try_from(first)
                    .unwrap_or(usize::MAX)
                    .min(bytes.len());
                let length = usize::try_from(length).unwrap_or(usize::MAX);
                let end = start.saturating_add(length).min(bytes.len());
                Piece::Memory(Rc::clone(bytes), start..end)
            }
            Stored::File(file) => Piece::File(Rc::clone(file), first, length),
            Stored::Private(copy) => Piece::Private(Rc::clone(copy), first, length),
        }
    }
}

/// A source of bytes in memory.
pub struct MemorySource {
    bytes: Rc<HeldBytes>,
    at: usize,
}

impl MemorySource {
    /// A source of all of `bytes`.
    pub fn new(bytes: Rc<HeldBytes>) -> MemorySource {
        MemorySource { bytes, at: 0 }
    }
}

impl Source for MemorySource {
    fn pull(&mut self, out: &mut Vec<u8>, budget: usize) -> Result<Pulled, BodyError> {
        let end = self.at.saturating_add(budget).min(self.bytes.len());
        out.extend_from_slice(&self.bytes[self.at..end]);
        self.at = end;
        match end == self.bytes.len() {
            true => Ok(Pulled::Done),
            false => Ok(Pulled::More),
        }
    }
}

/// A source of the bytes of a file. If the file changes meanwhile, it returns an error.
pub(super) struct FileSource {
    file: OpenFile,
    at: u64,
}

impl FileSource {
    /// A source of all of `file`, in the length that it had when it was opened.
    pub(super) fn new(file: OpenFile) -> FileSource {
        FileSource { file, at: 0 }
    }
}

/// A source of the bytes of a file, up to where it ends. The file system does not know its size.
pub(super) struct FileToEnd {
    file: OpenFile,
    at: u64,
}

impl FileToEnd {
    /// A source of all of `file`.
    pub(super) fn new(file: OpenFile) -> FileToEnd {
        FileToEnd { file, at: 0 }
    }
}

impl Source for FileToEnd {
    fn pull(&mut self, out: &mut Vec<u8>, budget: usize) -> Result<Pulled, BodyError> {
        let start = out.len();
        out.resize(start + budget, 0);
        let read = self.file.read_at(&mut out[start..], self.at);
        let count = read.as_ref().ok().copied().flatten().unwrap_or_default();
        out.truncate(start + count);
        self.at += count as u64;
        read.map(|read| match read {
            None => Pulled::WaitForDisk,
            Some(0) => Pulled::Done,
            Some(_) => Pulled::More,
        })
    }
}

impl Source for FileSource {
    fn pull(&mut self, out: &mut Vec<u8>, budget: usize) -> Result<Pulled, BodyError> {
        let remaining = self.file.state.size - self.at;
        let wanted = usize::try_from(remaining).unwrap_or(usize::MAX).min(budget);
        let start = out.len();
        out.resize(start + wanted, 0);
        let read = self.file.read_checked_at(&mut out[start..], self.at);
        if !matches!(read, Ok(Some(_))) {
            out.truncate(start);
            return read.map(|_| Pulled::WaitForDisk);
        }
        self.at += wanted as u64;
        match self.at == self.file.state.size {
            true => Ok(Pulled::Done),
            false => Ok(Pulled::More),
        }
    }
}
