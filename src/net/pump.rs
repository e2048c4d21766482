//! Moves content into a socket, a limited number of bytes per turn.
//!
//! Invariant: a body is completed only if the file was unchanged after all of it was read. The pump
//! holds back the end of the file, reads it into memory, checks the file, and only then sends it. If
//! the file changed, the body stays short and the connection is cut. `sendfile` sends the pages
//! themselves, including later writes to them. So the pump uses it for private copies. For a file, it
//! stops early enough that no page waits in a queue when the file is checked, see [`Sendfile`]:
//!
//! ```text
//! |--- sent by the kernel ---|--- copied: at least what queues can hold ---|- held back until checked -|
//! ```
//!
//! If clients request the file often, there is a private copy of the end. Then the kernel sends that, too.

use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use crate::http1::chunked::{LAST_CHUNK, write_chunk, write_trailers};
use crate::http1::framing::Framing;
use crate::net::clock;
use crate::net::outbox::OUTBOX_HIGH;
use crate::net::sendfile::Sendfile;
use crate::net::socket::{Flushed, More};
use crate::net::stream::Stream;
use crate::net::transport_error::TransportError;
use crate::observe::sample::BodySample;
use crate::origin::patience::{DISK_PATIENCE, Patience};
use crate::site::body::{Body, Parts, Piece, Pulled, Source};
use crate::site::body_error::BodyError;
use crate::site::open_file::OpenFile;
use crate::site::opened::CachedPart;
use crate::site::private::{CopyContent, PrivateCopy};

/// How much of the end of a file is held back until the file was checked.
const TAIL: u64 = 16 * 1024;

/// How many bytes `sendfile` moves at the cost of one byte that is copied through this process.
const SENDFILE_DISCOUNT: u64 = 8;

/// How much is pulled from a source at a time.
const PULL: usize = 32 * 1024;

/// The same if there is no memory left for what the client does not read.
const LEAST_PULL: usize = 4 * 1024;

/// How much the kernel may send in one call. Longer and shorter calls both cost more. A call of 1 MiB takes a
/// sixth more time for each byte, and so does one of 128 KiB.
const MOST_DIRECT: u64 = 512 * 1024;

/// The first and smallest read from a file.
const LEAST_READ: usize = 16 * 1024;

/// The largest read from a file. The bytes should still be in the processor's cache when they are
/// written.
const MOST_READ: usize = 256 * 1024;

/// If a read takes longer than this, the next one is smaller, because the worker's other connections
/// have to wait.
const SLOW_READ: Duration = Duration::from_millis(1);

/// Why the pump stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pumped {
    /// Everything is in the outbox or in the socket.
    Done,
    /// The socket is full.
    Blocked,
    /// The turn's budget is used up. More can be moved at once.
    Paused,
    /// The source has more at this time.
    WaitUntil(Instant),
    /// The source has more after a wake-up.
    WaitForWake,
    /// The disk has more after a wake-up. The pump waits for it until a deadline.
    WaitForDisk,
}

/// Why a response cannot be completed.
#[derive(Debug)]
pub enum SendError {
    /// The transport failed.
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

/// Content that is still to be sent, and its framing.
pub struct Pump {
    /// The piece that is being moved.
    piece: Option<Piece>,
    /// Makes the pieces after it.
    parts: Option<Box<Parts>>,
    source: Option<Box<dyn Source>>,
    framing: Framing,
    /// Bytes of content, without framing, that left the pump.
    moved: u64,
    /// How much to read from a file next. Bytes that the socket does not take are read again.
    reading: usize,
    /// When the source has more. Until then it is not pulled, whatever else happens.
    due: Option<Instant>,
    /// For the disk.
    disk_patience: Patience,
}

/// What became of bytes that were to be moved.
enum Moved {
    /// So many bytes left the pump.
    Bytes(u64),
    /// The socket is full.
    Blocked,
    /// They come from the disk, and the connection is woken.
    WaitsForDisk,
}

impl Moved {
    /// Advances a piece by the bytes that left the pump.
    fn note(self, offset: &mut u64, remaining: &mut u64, moved: &mut u64) -> Pumped {
        match self {
            Moved::Bytes(count) => {
                *offset += count;
                *remaining -= count;
                *moved += count;
                match *remaining {
                    0 => Pumped::Done,
                    _ => Pumped::Paused,
                }
            }
            Moved::Blocked => Pumped::Blocked,
            Moved::WaitsForDisk => Pumped::WaitForDisk,
        }
    }
}

/// Where a pump moves bytes to, during one turn.
pub struct Output<'a, 't> {
    /// When the turn began.
    pub now: Instant,
    /// Takes what is sent, if somebody looks.
    pub sample: Option<&'a mut BodySample>,
    /// The client's stream.
    pub stream: &'a mut Stream<'t>,
    /// Scratch space of the worker.
    pub scratch: &'a mut Vec<u8>,
    /// What the worker knows of `sendfile`.
    pub sendfile: &'a mut Sendfile,
    /// Whether the worker has no memory left, so that little may wait to be sent.
    pub is_short_of_memory: bool,
}

impl Pump {
    /// A pump for a body that follows its head.
    pub fn new(body: Body, framing: Framing) -> Pump {
        let (piece, parts, source) = match body {
            Body::One(piece) => (Some(piece), None, None),
            Body::Parts(parts) => (None, Some(parts), None),
            Body::Source(source) => (None, None, Some(source)),
            Body::Omitted => (None, None, None),
        };
        Pump {
            piece,
            parts,
            source,
            framing,
            moved: 0,
            reading: LEAST_READ,
            due: None,
            disk_patience: Patience::of(DISK_PATIENCE),
        }
    }

    /// How many bytes of content have left the pump so far.
    pub fn moved(&self) -> u64 {
        self.moved
    }

    /// The memory of what is still to be sent, in bytes, unless that is charged elsewhere.
    pub fn cost(&self) -> usize {
        let piece = self.piece.as_ref().map_or(0, Piece::cost);
        let parts = self.parts.as_ref().map_or(0, |parts| parts.cost());
        let source = self.source.as_ref();
        piece + parts + source.map_or(0, |source| size_of_val(&**source) + source.cost())
    }

    /// Stops making a private copy of the file that is being sent.
    pub fn give_up_copy(&self) {
        if let Some(Piece::File(file, ..)) = &self.piece {
            file.give_up_copy();
        }
    }

    /// Moves until the content ends, the socket is full, the budget is used up, or the source waits.
    pub fn advance(&mut self, output: &mut Output<'_, '_>) -> Result<Pumped, SendError> {
        let pumped = self.advance_until_disk(output)?;
        if pumped != Pumped::WaitForDisk {
            self.disk_patience.renew();
            return Ok(pumped);
        }
        match self.disk_patience.until(output.now) {
            Some(end) => Ok(Pumped::WaitUntil(end)),
            None => Err(BodyError::Disk(ErrorKind::TimedOut.into()).into()),
        }
    }

    /// Whether nothing is left to be moved.
    fn is_over(&self) -> bool {
        let has_parts = self.parts.as_ref().is_some_and(|parts| !parts.is_over());
        self.piece.is_none() && !has_parts && self.source.is_none()
    }

    fn advance_until_disk(&mut self, output: &mut Output<'_, '_>) -> Result<Pumped, SendError> {
        loop {
            if self.piece.is_none() {
                self.piece = self.parts.as_mut().and_then(|parts| parts.next());
            }
            let step = if let Some(piece) = &mut self.piece {
                let step = output.move_piece(piece, &mut self.moved, &mut self.reading)?;
                if step == Pumped::Done {
                    self.piece = None;
                }
                match output.flush_if_full()? {
                    Flushed::All => step,
                    Flushed::Blocked => Pumped::Blocked,
                }
            } else if let Some(at) = self.due.filter(|&at| at > output.now) {
                Pumped::WaitUntil(at)
            } else if let Some(source) = &mut self.source {
                let step = output.move_source(source.as_mut(), self.framing, &mut self.moved)?;
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
            let is_done = step == Pumped::Done && self.is_over();
            if !matches!(step, Pumped::Done | Pumped::Paused) || is_done {
                return Ok(step);
            }
            if output.stream.budget == 0 {
                return Ok(Pumped::Paused);
            }
        }
    }
}

/// Refuses what is not within the length that the head gives: the client would take it for the next response,
/// or wait for more.
fn check_length(framing: Framing, moved: u64, pulled: Pulled) -> Result<(), BodyError> {
    match framing {
        Framing::Length(length) if moved > length => Err(BodyError::WrongLength),
        Framing::Length(length) if pulled == Pulled::Done && moved < length => {
            Err(BodyError::WrongLength)
        }
        _ => Ok(()),
    }
}

impl Output<'_, '_> {
    /// Moves some of a piece. `Done` means that its last byte is in the outbox or the socket.
    fn move_piece(
        &mut self,
        piece: &mut Piece,
        moved: &mut u64,
        reading: &mut usize,
    ) -> Result<Pumped, SendError> {
        match piece {
            Piece::Bytes(bytes) => {
                *moved += bytes.len() as u64;
                self.see(bytes);
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
                if !self.move_tail(file, *offset, *remaining)? {
                    return Ok(Pumped::WaitForDisk);
                }
                *moved += *remaining;
                Ok(Pumped::Done)
            }
            Piece::File(file, offset, remaining) => {
                let count = *remaining - TAIL;
                let step = self.move_file(file, *offset, count, reading)?;
                Ok(step.note(offset, remaining, moved))
            }
            Piece::Private(copy, offset, remaining) => {
                let step = self.move_copy(copy, *offset, *remaining)?;
                Ok(step.note(offset, remaining, moved))
            }
        }
    }

    /// Moves the next part of a source, once the socket has taken everything before it.
    fn move_source(
        &mut self,
        source: &mut (dyn Source + 'static),
        framing: Framing,
        moved: &mut u64,
    ) -> Result<Pumped, SendError> {
        self.scratch.clear();
        if self.flush(More::No)? == Flushed::Blocked {
            return Ok(Pumped::Blocked);
        }
        let budget = match self.is_short_of_memory {
            true => LEAST_PULL,
            false => PULL,
        };
        let pulled = source.pull(self.scratch, budget)?;
        // Content costs much more to generate than to send, so one part uses up the turn.
        self.stream.budget = 0;
        let after = *moved + self.scratch.len() as u64;
        check_length(framing, after, pulled)?;
        *moved = after;
        let begin = self.stream.outbox.end().len();
        match framing {
            Framing::Chunked => {
                if !self.scratch.is_empty() {
                    self.note_chunk(self.scratch.len());
                }
                let extensions = source.chunk_extensions();
                write_chunk(self.stream.outbox.end(), extensions, self.scratch);
            }
            Framing::NoBody | Framing::Length(_) | Framing::Close => {
                self.stream.outbox.end().extend_from_slice(self.scratch)
            }
        }
        if framing == Framing::Chunked && matches!(pulled, Pulled::Done) {
            self.note_chunk(0);
            match source.trailers() {
                [] => self.stream.outbox.end().extend_from_slice(LAST_CHUNK),
                trailers => write_trailers(self.stream.outbox.end(), trailers),
            }
        }
        if let Some(sample) = &mut self.sample {
            sample.see(&self.stream.outbox.end()[begin..]);
        }
        match pulled {
            Pulled::Done => {}
            Pulled::More => return Ok(Pumped::Paused),
            Pulled::WaitUntil(at) => return Ok(Pumped::WaitUntil(at)),
            Pulled::WaitForWake => return Ok(Pumped::WaitForWake),
            Pulled::WaitForDisk => return Ok(Pumped::WaitForDisk),
        }
        Ok(Pumped::Done)
    }

    /// Writes the outbox and `bytes` in one call. Returns how many of `bytes` the socket took, or
    /// `None` if it is full.
    fn write_behind_outbox(&mut self, bytes: &[u8]) -> Result<Option<usize>, SendError> {
        let waiting = self.stream.outbox.waiting();
        let head = waiting.len();
        let written = match head {
            0 => self.stream.state.transport.write(bytes, More::No),
            _ => self.stream.state.transport.write_both(waiting, bytes),
        };
        let Some(written) = written? else {
            return Ok(None);
        };
        self.spend(written as u64);
        self.stream.outbox.consume(written.min(head));
        let taken = written.saturating_sub(head);
        self.see(&bytes[..taken]);
        Ok(Some(taken))
    }

    /// Shows content that is sent.
    fn see(&mut self, bytes: &[u8]) {
        if let Some(sample) = &mut self.sample {
            sample.see(bytes);
        }
    }

    fn note_chunk(&mut self, size: usize) {
        if let Some(sample) = &mut self.sample {
            sample.chunk(size as u64);
        }
    }

    /// Moves up to `count` bytes of a file, of which more follows.
    fn move_file(
        &mut self,
        file: &OpenFile,
        offset: u64,
        count: u64,
        reading: &mut usize,
    ) -> Result<Moved, SendError> {
        if let Some(part) = self.direct_part(file, offset, count)
            && let Some(moved) = part.send(|file, length| self.send_file(file, offset, length))?
        {
            return Ok(moved);
        }
        if let Some(copy) = file.copied_end(offset)
            && self.can_send_files()
        {
            return self.move_copy(copy, offset, count);
        }
        self.copy_file(file, offset, count, reading)
    }

    /// The part of the file from `offset` on that the kernel may send.
    fn direct_part<'f>(
        &mut self,
        file: &'f OpenFile,
        offset: u64,
        count: u64,
    ) -> Option<CachedPart<'f>> {
        // The queues always hold more than this, so their limits need not be known.
        if count < MOST_DIRECT || !self.can_send_files() {
            return None;
        }
        let direct = count.checked_sub(self.sendfile.most_in_flight(self.now)?)?;
        file.cached_part(offset, direct.min(MOST_DIRECT))
    }

    /// Whether the kernel can send files, as far as is known. It cannot encrypt them.
    fn can_send_files(&self) -> bool {
        !self.sendfile.is_refused() && !self.stream.state.transport.has_session()
    }

    /// Moves up to `count` bytes through the scratch space. Sets `reading` to twice as many as the
    /// socket took, or to less if the disk is slow.
    fn copy_file(
        &mut self,
        file: &OpenFile,
        offset: u64,
        count: u64,
        reading: &mut usize,
    ) -> Result<Moved, SendError> {
        let wanted = usize::try_from(count).unwrap_or(usize::MAX).min(*reading);
        let mut scratch = std::mem::take(self.scratch);
        scratch.resize(wanted, 0);
        let began = clock::instant();
        let read = file.read_at(&mut scratch, offset);
        let is_slow = clock::instant().duration_since(began) > SLOW_READ;
        let written = match read {
            Ok(Some(0)) => Err(BodyError::Changed.into()),
            Ok(Some(read)) => self.write_behind_outbox(&scratch[..read]),
            Ok(None) => {
                *self.scratch = scratch;
                return Ok(Moved::WaitsForDisk);
            }
            Err(fault) => Err(fault.into()),
        };
        *self.scratch = scratch;
        // A read may take long, so one read uses up the turn.
        self.stream.budget = 0;
        let taken = written?;
        let next = match is_slow {
            true => wanted / 2,
            false => 2 * taken.unwrap_or_default(),
        };
        *reading = next.clamp(LEAST_READ, MOST_READ);
        Ok(match taken {
            Some(taken) => Moved::Bytes(taken as u64),
            None => Moved::Blocked,
        })
    }

    /// Moves up to `count` bytes of a private copy.
    fn move_copy(
        &mut self,
        copy: &PrivateCopy,
        offset: u64,
        count: u64,
    ) -> Result<Moved, SendError> {
        let offset = offset - copy.first;
        let file = match &copy.content {
            CopyContent::Memfd(file) => file,
            CopyContent::Heap(bytes) => {
                let end = offset + count.min(self.stream.budget.max(1));
                return self.write_part(&bytes[offset as usize..end as usize]);
            }
        };
        if self.can_send_files()
            && let Some(moved) = self.send_file(file, offset, count)?
        {
            return Ok(moved);
        }
        let mut scratch = std::mem::take(self.scratch);
        scratch.resize(count.min(MOST_READ as u64) as usize, 0);
        let read = file.read_exact_at(&mut scratch, offset);
        let moved = match read {
            Ok(()) => self.write_part(&scratch),
            Err(fault) => Err(BodyError::Disk(fault).into()),
        };
        *self.scratch = scratch;
        moved
    }

    fn write_part(&mut self, bytes: &[u8]) -> Result<Moved, SendError> {
        Ok(match self.write_behind_outbox(bytes)? {
            Some(taken) => Moved::Bytes(taken as u64),
            None => Moved::Blocked,
        })
    }

    /// Moves up to `count` bytes with `sendfile`. `None` if the system refuses that call.
    fn send_file(
        &mut self,
        file: &File,
        offset: u64,
        count: u64,
    ) -> Result<Option<Moved>, SendError> {
        if self.flush(More::Follows)? == Flushed::Blocked {
            return Ok(Some(Moved::Blocked));
        }
        let affordable = self.stream.budget.saturating_mul(SENDFILE_DISCOUNT).max(1);
        let count = count.min(affordable).min(MOST_DIRECT);
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        Ok(
            match self.stream.state.transport.send_file(file, offset, count) {
                Ok(Some(0)) => return Err(BodyError::Changed.into()),
                Ok(Some(moved)) => {
                    self.spend(1 + moved as u64 / SENDFILE_DISCOUNT);
                    if let Some(sample) = &mut self.sample {
                        sample.skip(moved as u64);
                    }
                    Some(Moved::Bytes(moved as u64))
                }
                Ok(None) => Some(Moved::Blocked),
                Err(error) if self.sendfile.is_refusal(&error) => None,
                Err(error) => return Err(error.into()),
            },
        )
    }

    /// Reads the end of the piece. If the file is unchanged, puts it into the outbox. Returns false if
    /// it comes from the disk, and the connection is woken.
    fn move_tail(&mut self, file: &OpenFile, offset: u64, length: u64) -> Result<bool, SendError> {
        self.scratch.clear();
        self.scratch.resize(length as usize, 0);
        let Some(checked) = file.read_checked_at(self.scratch, offset)? else {
            return Ok(false);
        };
        file.finish_copy(checked);
        self.stream.outbox.end().extend_from_slice(self.scratch);
        if let Some(sample) = &mut self.sample {
            sample.see(self.scratch);
        }
        self.spend(length);
        Ok(true)
    }

    /// Flushes the outbox if many small pieces have filled it.
    fn flush_if_full(&mut self) -> Result<Flushed, TransportError> {
        match self.stream.outbox.waiting().len() < OUTBOX_HIGH {
            true => Ok(Flushed::All),
            false => self.flush(More::Follows),
        }
    }

    fn flush(&mut self, more: More) -> Result<Flushed, TransportError> {
        self.stream
            .outbox
            .flush(&mut self.stream.state.transport, more)
    }

    fn spend(&mut self, bytes: u64) {
        self.stream.spend(bytes);
    }
}

#[cfg(test)]
mod tests;
