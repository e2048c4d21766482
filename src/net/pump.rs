//! Moving content into a socket, a bounded number of bytes in a turn.
//!
//! Invariant: a body is completed only if the file was found unchanged after all of it was read.
//! The end of a file is therefore held back, read into memory and sent only after that check; where
//! the file changed the body stays short and the connection is cut. By `sendfile`, which sends the
//! pages themselves and so what is written to them later, go only private copies.

use std::collections::VecDeque;
use std::fs::File;
use std::time::{Duration, Instant};

use crate::http1::chunked::{LAST_CHUNK, write_chunk};
use crate::http1::framing::Framing;
use crate::net::clock;
use crate::net::outbox::OUTBOX_HIGH;
use crate::net::socket::{Flushed, More};
use crate::net::stream::Stream;
use crate::net::transport_error::TransportError;
use crate::site::body::{Body, Piece, Pulled, Source};
use crate::site::body_error::BodyError;
use crate::site::open_file::OpenFile;
use crate::site::private::{CopyContent, PrivateCopy};

/// How much of the end of a file is held back until the file was found unchanged.
const TAIL: u64 = 16 * 1024;

/// How many bytes the kernel moves by itself for the price of one that passes through here.
const SENDFILE_DISCOUNT: u64 = 8;

/// How much is pulled from a stream at a time.
const PULL: usize = 32 * 1024;

/// How much is read of a file at a time, at first and at least.
const LEAST_READ: usize = 16 * 1024;

/// How much is read of a file at a time at most: a piece should still be in the processor's cache
/// when it is written.
const MOST_READ: usize = 256 * 1024;

/// A disk that takes longer than this for a piece holds up the neighbours: the next is smaller.
const SLOW_READ: Duration = Duration::from_millis(1);

/// Where moving stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pumped {
    /// Everything is in the outbox or in the socket.
    Done,
    /// The socket is full.
    Blocked,
    /// The turn's budget is used up; there is more to do at once.
    Paused,
    /// The source has more at this time.
    WaitUntil(Instant),
    /// The source has more after a wake-up.
    WaitForWake,
}

/// Why an answer cannot be sent to its end.
#[derive(Debug)]
pub enum SendError {
    /// The client cannot be reached any more.
    Transport(TransportError),
    /// The rest of the body cannot be read.
    Body(BodyError),
}

impl From<TransportError> for SendError {
    fn from(error: TransportError) -> SendError {
        SendError::Transport(error)
    }
}

impl From<BodyError> for SendError {
    fn from(error: BodyError) -> SendError {
        SendError::Body(error)
    }
}

/// The rest of a content, and how its end is told.
pub struct Pump {
    pieces: VecDeque<Piece>,
    source: Option<Box<dyn Source>>,
    framing: Framing,
    /// Bytes of content, without their framing, that left the pump.
    moved: u64,
    /// How much to read of a file next: what the socket does not take was read in vain.
    reading: usize,
    /// When the source has more. Whatever else happens to the connection, it is not pulled before.
    due: Option<Instant>,
}

/// Where a pump moves to during one turn.
pub struct Output<'a> {
    /// When the turn began.
    pub now: Instant,
    /// The client's stream.
    pub stream: &'a mut Stream,
    /// Scratch space of the worker.
    pub scratch: &'a mut Vec<u8>,
}

impl Pump {
    /// A pump for a body that follows its head.
    pub fn new(body: Body, framing: Framing) -> Pump {
        let (pieces, source) = match body {
            Body::One(piece) => (VecDeque::from([piece]), None),
            Body::Several(pieces) => (pieces, None),
            Body::Source(source) => (VecDeque::new(), Some(source)),
        };
        Pump {
            pieces,
            source,
            framing,
            moved: 0,
            reading: LEAST_READ,
            due: None,
        }
    }

    /// How many bytes of content have left the pump so far.
    pub fn moved(&self) -> u64 {
        self.moved
    }

    /// Makes no copy of the file that is being sent.
    pub fn give_up_copy(&self) {
        if let Some(Piece::File(file, ..)) = self.pieces.front() {
            file.give_up_copy();
        }
    }

    /// Moves until the content ends, the socket is full or the budget is used up.
    pub fn advance(&mut self, output: &mut Output<'_>) -> Result<Pumped, SendError> {
        loop {
            let step = if let Some(piece) = self.pieces.front_mut() {
                let step = output.move_piece(piece, &mut self.moved, &mut self.reading)?;
                if step == Pumped::Done {
                    self.pieces.pop_front();
                }
                match output.relieve()? {
                    Flushed::All => step,
                    Flushed::Blocked => Pumped::Blocked,
                }
            } else if let Some(at) = self.due.filter(|&at| at > output.now) {
                Pumped::WaitUntil(at)
            } else if let Some(source) = &mut self.source {
                let step = output.move_source(source.as_mut(), self.framing)?;
                self.moved += output.scratch.len() as u64;
                self.due = match step {
                    Pumped::WaitUntil(at) => Some(at),
                    _ => None,
                };
                if step == Pumped::Done {
                    self.source = None;
                }
                step
            } else {
                return Ok(Pumped::Done);
            };
            if !matches!(step, Pumped::Done | Pumped::Paused) {
                return Ok(step);
            }
            if output.stream.budget == 0 {
                return Ok(Pumped::Paused);
            }
        }
    }
}

impl Output<'_> {
    /// Moves some of a piece; done means that it is in the outbox or the socket to its last byte.
    fn move_piece(
        &mut self,
        piece: &mut Piece,
        moved: &mut u64,
        reading: &mut usize,
    ) -> Result<Pumped, SendError> {
        match piece {
            Piece::Bytes(bytes) => {
                *moved += bytes.len() as u64;
                self.stream.outbox.end().append(bytes);
                Ok(Pumped::Done)
            }
            Piece::Memory(bytes, range) => {
                let taken = self.write_behind_outbox(&bytes[range.clone()]);
                let Some(taken) = taken? else {
                    return Ok(Pumped::Blocked);
                };
                range.start += taken;
                *moved += taken as u64;
                Ok(match range.start < range.end {
                    true => Pumped::Paused,
                    false => Pumped::Done,
                })
            }
            Piece::File(file, offset, remaining) if *remaining <= TAIL => {
                self.move_tail(file, *offset, *remaining)?;
                *moved += *remaining;
                Ok(Pumped::Done)
            }
            Piece::File(file, offset, remaining) => {
                let count = *remaining - TAIL;
                let Some(taken) = self.copy_file(file, *offset, count, reading)? else {
                    return Ok(Pumped::Blocked);
                };
                *offset += taken;
                *remaining -= taken;
                *moved += taken;
                Ok(Pumped::Paused)
            }
            Piece::Private(copy, offset, remaining) => {
                let Some(taken) = self.send_copy(copy, *offset, *remaining)? else {
                    return Ok(Pumped::Blocked);
                };
                *offset += taken;
                *remaining -= taken;
                *moved += taken;
                Ok(match *remaining {
                    0 => Pumped::Done,
                    _ => Pumped::Paused,
                })
            }
        }
    }

    /// Moves the next part of a source, once the socket has taken what went before.
    fn move_source(
        &mut self,
        source: &mut (dyn Source + 'static),
        framing: Framing,
    ) -> Result<Pumped, SendError> {
        self.scratch.clear();
        if self.flush(More::No)? == Flushed::Blocked {
            return Ok(Pumped::Blocked);
        }
        let pulled = source.pull(self.scratch, PULL)?;
        // Making content costs so much more than moving it that one piece is a turn's work.
        self.stream.budget = 0;
        match framing {
            Framing::Chunked if !self.scratch.is_empty() => {
                write_chunk(self.stream.outbox.end(), self.scratch);
            }
            Framing::Chunked => {}
            Framing::NoBody | Framing::Length(_) | Framing::Close => {
                self.stream.outbox.end().extend_from_slice(self.scratch)
            }
        }
        match pulled {
            Pulled::Done => {}
            Pulled::More => return Ok(Pumped::Paused),
            Pulled::WaitUntil(at) => return Ok(Pumped::WaitUntil(at)),
            Pulled::WaitForWake => return Ok(Pumped::WaitForWake),
        }
        if framing == Framing::Chunked {
            self.stream.outbox.end().extend_from_slice(LAST_CHUNK);
        }
        Ok(Pumped::Done)
    }

    /// Writes the outbox and `bytes` in one call. `None`: the socket is full. Otherwise how many
    /// of `bytes` it took.
    fn write_behind_outbox(&mut self, bytes: &[u8]) -> Result<Option<usize>, SendError> {
        let waiting = self.stream.outbox.waiting();
        let head = waiting.len();
        let written = match head {
            0 => self.stream.transport.write(bytes, More::No),
            _ => self.stream.transport.write_both(waiting, bytes),
        };
        let Some(written) = written? else {
            return Ok(None);
        };
        self.spend(written as u64);
        self.stream.outbox.consume(written.min(head));
        Ok(Some(written.saturating_sub(head)))
    }

    /// Moves up to `count` bytes through the scratch space. `None`: the socket is full. Otherwise
    /// how many it took, from which follows how many to read the next time.
    fn copy_file(
        &mut self,
        file: &OpenFile,
        offset: u64,
        count: u64,
        reading: &mut usize,
    ) -> Result<Option<u64>, SendError> {
        let wanted = usize::try_from(count).unwrap_or(usize::MAX).min(*reading);
        let mut scratch = std::mem::take(self.scratch);
        scratch.resize(wanted, 0);
        let began = clock::instant();
        let read = file.read_at(&mut scratch, offset);
        let is_slow = clock::instant().duration_since(began) > SLOW_READ;
        let written = match read {
            Ok(0) => Err(BodyError::Changed.into()),
            Ok(read) => self.write_behind_outbox(&scratch[..read]),
            Err(fault) => Err(fault.into()),
        };
        *self.scratch = scratch;
        // Nobody knows how long a disk takes, so one piece is a turn's work.
        self.stream.budget = 0;
        let taken = written?;
        let next = match is_slow {
            true => wanted / 2,
            false => 2 * taken.unwrap_or_default(),
        };
        *reading = next.clamp(LEAST_READ, MOST_READ);
        Ok(taken.map(|taken| taken as u64))
    }

    /// Moves up to `count` bytes of a copy. `None`: the socket is full.
    fn send_copy(
        &mut self,
        copy: &PrivateCopy,
        offset: u64,
        count: u64,
    ) -> Result<Option<u64>, SendError> {
        match &copy.content {
            CopyContent::Memfd(file) => match self.flush(More::Follows)? {
                Flushed::All => self.send_file(file, offset, count),
                Flushed::Blocked => Ok(None),
            },
            CopyContent::Heap(bytes) => {
                let end = offset + count.min(self.stream.budget.max(1));
                let taken = self.write_behind_outbox(&bytes[offset as usize..end as usize])?;
                Ok(taken.map(|taken| taken as u64))
            }
        }
    }

    /// Moves up to `count` bytes without copying them. `None`: the socket is full.
    fn send_file(
        &mut self,
        file: &File,
        offset: u64,
        count: u64,
    ) -> Result<Option<u64>, SendError> {
        let affordable = self.stream.budget.saturating_mul(SENDFILE_DISCOUNT).max(1);
        let count = usize::try_from(count.min(affordable)).unwrap_or(usize::MAX);
        match self.stream.transport.send_file(file, offset, count)? {
            Some(0) => Err(BodyError::Changed.into()),
            Some(moved) => {
                self.spend(1 + moved as u64 / SENDFILE_DISCOUNT);
                Ok(Some(moved as u64))
            }
            None => Ok(None),
        }
    }

    /// Reads the end of a slice and, the file being unchanged, puts it into the outbox.
    fn move_tail(&mut self, file: &OpenFile, offset: u64, length: u64) -> Result<(), SendError> {
        self.scratch.clear();
        self.scratch.resize(length as usize, 0);
        file.read_exact_at(self.scratch, offset)?;
        if !file.is_intact() {
            return Err(BodyError::Changed.into());
        }
        file.finish_copy();
        self.stream.outbox.end().extend_from_slice(self.scratch);
        self.spend(length);
        Ok(())
    }

    /// Empties the outbox where many small pieces have filled it.
    fn relieve(&mut self) -> Result<Flushed, TransportError> {
        match self.stream.outbox.waiting().len() < OUTBOX_HIGH {
            true => Ok(Flushed::All),
            false => self.flush(More::Follows),
        }
    }

    fn flush(&mut self, more: More) -> Result<Flushed, TransportError> {
        self.stream.outbox.flush(&mut self.stream.transport, more)
    }

    fn spend(&mut self, bytes: u64) {
        self.stream.spend(bytes);
    }
}
