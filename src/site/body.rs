//! The bytes of a response, ready to be moved: from memory, from a file, or made as they go.

use std::collections::VecDeque;
use std::ops::Range;
use std::rc::Rc;
use std::time::Instant;

use crate::site::body_error::BodyError;
use crate::site::open_file::OpenFile;
use crate::site::places::{Places, Taken};
use crate::site::private::PrivateCopy;

/// What a source says after it gave some bytes, perhaps none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pulled {
    /// There is more to pull at once.
    More,
    /// That was the end.
    Done,
    /// The next bytes are due at this time. The source is not pulled before.
    WaitUntil(Instant),
    /// The next bytes come after somebody has used the waker of the request. The source may be
    /// pulled before that, for example when the client sends something. It then says this again.
    WaitForWake,
}

/// Something that gives its bytes a piece at a time.
pub trait Source {
    /// Appends about `budget` bytes to `out`. After an error the rest cannot be had; what was sent
    /// must then be cut visibly, never completed.
    fn pull(&mut self, out: &mut Vec<u8>, budget: usize) -> Result<Pulled, BodyError>;
}

/// A piece of a body.
pub enum Piece {
    /// Bytes made for this response, such as the head of a part.
    Bytes(Vec<u8>),
    /// A slice of a representation held in memory.
    Memory(Rc<[u8]>, Range<usize>),
    /// A slice of an open file: the next offset and how many bytes remain.
    File(Rc<OpenFile>, u64, u64),
    /// The same of a copy that nobody else can change.
    Private(Rc<PrivateCopy>, u64, u64),
}

/// The body of a response.
pub enum Body {
    /// One piece.
    One(Piece),
    /// Several pieces, one after the other (multipart/byteranges).
    Several(VecDeque<Piece>),
    /// Made as the socket drains; its length is not known.
    Source(Box<dyn Source>),
}

impl Body {
    /// Bytes that were made for this response.
    pub fn of(bytes: Vec<u8>) -> Body {
        Body::One(Piece::Bytes(bytes))
    }

    /// How many bytes it has; `None` if that is not known before its end.
    pub fn length(&self) -> Option<u64> {
        match self {
            Body::One(piece) => Some(piece.length()),
            Body::Several(pieces) => Some(pieces.iter().map(Piece::length).sum()),
            Body::Source(_) => None,
        }
    }
}

impl Piece {
    fn length(&self) -> u64 {
        match self {
            Piece::Bytes(bytes) => bytes.len() as u64,
            Piece::Memory(_, range) => range.len() as u64,
            Piece::File(_, _, remaining) | Piece::Private(_, _, remaining) => *remaining,
        }
    }
}

/// What a representation's bytes are taken from when only some of them are asked for.
#[derive(Clone)]
pub enum Stored {
    /// In memory.
    Memory(Rc<[u8]>),
    /// On disk.
    File(Rc<OpenFile>),
    /// In a copy that nobody else can change.
    Private(Rc<PrivateCopy>),
}

impl Stored {
    /// Bytes.
    pub fn len(&self) -> u64 {
        match self {
            Stored::Memory(bytes) => bytes.len() as u64,
            Stored::File(file) => file.identity.size,
            Stored::Private(copy) => copy.size,
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes from `first` on, `length` of them; both lie within the representation.
    pub fn slice(&self, first: u64, length: u64) -> Piece {
        match self {
            Stored::Memory(bytes) => {
                // What is in memory is as long as its validators said, so this never clamps.
                let start = usize::try_from(first)
                    .unwrap_or(usize::MAX)
                    .min(bytes.len());
                let length = usize::try_from(length).unwrap_or(usize::MAX);
                let end = start.saturating_add(length).min(bytes.len());
                Piece::Memory(Rc::clone(bytes), start..end)
            }
            Stored::File(file) => {
                if length < self.len() {
                    // What is sent of it makes no whole copy.
                    file.give_up_copy();
                }
                Piece::File(Rc::clone(file), first, length)
            }
            Stored::Private(copy) => Piece::Private(Rc::clone(copy), first, length),
        }
    }
}

/// A source that takes a place for as long as it lasts.
pub struct Held<S> {
    source: S,
    _place: Taken,
}

impl<S: Source> Held<S> {
    /// `source` in a place of its own among `places`.
    pub fn new(source: S, places: &Places) -> Held<S> {
        Held {
            source,
            _place: places.take(1),
        }
    }
}

impl<S: Source> Source for Held<S> {
    fn pull(&mut self, out: &mut Vec<u8>, budget: usize) -> Result<Pulled, BodyError> {
        self.source.pull(out, budget)
    }
}

/// Gives bytes held in memory.
pub struct MemorySource {
    bytes: Rc<[u8]>,
    at: usize,
}

impl MemorySource {
    /// All of `bytes`.
    pub fn new(bytes: Rc<[u8]>) -> MemorySource {
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

/// Gives the bytes of a file, and an error where it changed on the way.
pub struct FileSource {
    file: OpenFile,
    at: u64,
}

impl FileSource {
    /// All of `file`, as long as it was when it was opened.
    pub fn new(file: OpenFile) -> FileSource {
        FileSource { file, at: 0 }
    }
}

impl Source for FileSource {
    fn pull(&mut self, out: &mut Vec<u8>, budget: usize) -> Result<Pulled, BodyError> {
        let remaining = self.file.identity.size - self.at;
        let wanted = usize::try_from(remaining).unwrap_or(usize::MAX).min(budget);
        let start = out.len();
        out.resize(start + wanted, 0);
        let read = self.file.read_at(&mut out[start..], self.at);
        out.truncate(start + *read.as_ref().unwrap_or(&0));
        let read = read?;
        if (read == 0 && wanted > 0) || !self.file.is_intact() {
            return Err(BodyError::Changed);
        }
        self.at += read as u64;
        match self.at == self.file.identity.size {
            true => Ok(Pulled::Done),
            false => Ok(Pulled::More),
        }
    }
}
