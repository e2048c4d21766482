//! Where the lines are written, and how long a write waits for its reader.
//!
//! A pipe, a socket or a terminal takes no more bytes if nobody reads. A write would then block, and
//! nothing could say how much of it was taken. So this module polls first and writes little at once.
//! A pipe takes so few bytes either all or not at all.
//!
//! A regular file takes the beginning of a line if the disk gets full in the middle of it, or at the limit
//! on the size of files. Then this module takes that beginning back.
//!
//! A file with a name is opened again when it was renamed or deleted, but only between whole lines.

use std::fs::File;
use std::io::{self, ErrorKind, PipeReader, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FileType, fstat};
use rustix::io::Errno;
use rustix::pipe::PIPE_BUF;

use crate::observe::log_file::LogFile;
use crate::observe::regular;

/// Where lines are written. A write to it may block.
pub type Sink = Box<dyn Write + Send>;

/// A sink, and what is known of the line that it took last.
pub(super) struct Output {
    sink: Sink,
    kind: Kind,
    /// How many bytes the sink took of a line whose end it did not take.
    torn: u64,
    /// The file, if it has a name.
    named: Option<LogFile>,
}

/// What is known of a sink.
enum Kind {
    /// Nothing. Only the write itself can tell whether there is room.
    Unknown,
    /// It has a reader. It is polled before each write.
    Polled(Arc<File>),
    /// It needs no reader.
    Regular(Arc<File>),
}

/// Why a write ended early.
pub(super) enum WriteError {
    /// The sink failed.
    Failed(io::Error),
    /// The writer was told to give up.
    Cancelled,
}

impl Output {
    /// An output whose writes may block.
    pub(super) fn of(sink: Sink) -> Output {
        Output {
            sink,
            kind: Kind::Unknown,
            torn: 0,
            named: None,
        }
    }

    /// An output that waits for its reader without blocking in a write.
    pub(super) fn of_descriptor(descriptor: OwnedFd) -> io::Result<Output> {
        Output::of_file(Arc::new(File::from(descriptor)))
    }

    fn of_file(file: Arc<File>) -> io::Result<Output> {
        let kind = FileType::from_raw_mode(fstat(&file)?.st_mode);
        Ok(Output {
            kind: match kind {
                FileType::RegularFile => Kind::Regular(Arc::clone(&file)),
                _ => Kind::Polled(Arc::clone(&file)),
            },
            ..Output::of(Box::new(file))
        })
    }

    /// A file with a name. [`Output::follow`] opens it again.
    pub(super) fn named(named: LogFile) -> io::Result<Output> {
        let output = Output::of_file(Arc::clone(named.file()))?;
        Ok(Output {
            named: Some(named),
            ..output
        })
    }

    /// The standard output. It is unbuffered, because the writer writes whole batches.
    pub(super) fn standard() -> io::Result<Output> {
        Output::of_descriptor(io::stdout().as_fd().try_clone_to_owned()?)
    }

    /// Opens a file with a name again, if it was renamed or deleted. Looks at most once a second, unless the operator
    /// has `asked` for it. Returns what the operator should know.
    pub(super) fn follow(&mut self, asked: bool) -> Option<String> {
        let named = self.named.as_mut()?;
        let looked = named.look(asked);
        // The kind of an open file is always known.
        if looked.is_new
            && let Ok(output) = Output::of_file(Arc::clone(named.file()))
        {
            self.end_torn_line();
            let named = self.named.take();
            *self = Output { named, ..output };
        }
        looked.news
    }

    /// Ends the line whose beginning could not be taken back, in a file that docroot leaves.
    fn end_torn_line(&mut self) {
        if self.torn > 0 {
            // If there is no room, the file ends without a line feed.
            let _ = self.sink.write(b"\n");
        }
    }

    /// Writes whole lines. If the last write stopped in the middle of a line, ends that line first.
    /// `count` learns how many lines the sink has taken. If the other end of `cancel` is closed, this
    /// stops.
    pub(super) fn write(
        &mut self,
        lines: &[u8],
        cancel: &PipeReader,
        count: impl FnMut(u64),
    ) -> Result<(), WriteError> {
        let _locked = matches!(self.kind, Kind::Regular(_)).then(regular::lock);
        let begin = self.length();
        let mut taken = 0;
        let outcome = self.write_lines(lines, cancel, count, &mut taken);
        // What an earlier call has left may be followed by what other programs have written.
        if outcome.is_err() && (1..=taken).contains(&self.torn) {
            self.take_back(begin.map(|begin| begin + taken));
        }
        outcome
    }

    /// Counts the bytes that the sink takes in `taken`.
    fn write_lines(
        &mut self,
        lines: &[u8],
        cancel: &PipeReader,
        mut count: impl FnMut(u64),
        taken: &mut u64,
    ) -> Result<(), WriteError> {
        if self.torn > 0 {
            *taken += self.write_some(b"\n", cancel)? as u64;
            self.torn = 0;
        }
        let mut rest = lines;
        while !rest.is_empty() {
            let size = self.write_some(self.piece(rest), cancel)?;
            let (written, left) = rest.split_at(size);
            let ends = written.iter().filter(|&&byte| byte == b'\n').count();
            count(ends as u64);
            *taken += size as u64;
            self.torn = match written.iter().rposition(|&byte| byte == b'\n') {
                Some(end) => (size - end - 1) as u64,
                None => self.torn + size as u64,
            };
            rest = left;
        }
        Ok(())
    }

    /// The length of a regular file.
    fn length(&self) -> Option<u64> {
        match &self.kind {
            Kind::Regular(file) => regular::length(file.as_fd()),
            Kind::Unknown | Kind::Polled(_) => None,
        }
    }

    /// Removes the beginning of a line from the end of a regular file of the length `expected`.
    fn take_back(&mut self, expected: Option<u64>) {
        if let (Kind::Regular(file), Some(expected)) = (&self.kind, expected)
            && regular::take_back(file.as_fd(), self.torn, expected)
        {
            self.torn = 0;
        }
    }

    /// What to write at once. If the output is polled: as many whole lines as a pipe takes together,
    /// or the beginning of a line that is longer.
    fn piece<'a>(&self, lines: &'a [u8]) -> &'a [u8] {
        if !matches!(self.kind, Kind::Polled(_)) {
            return lines;
        }
        let piece = &lines[..lines.len().min(PIPE_BUF)];
        let end = piece.iter().rposition(|&byte| byte == b'\n');
        end.map_or(piece, |end| &piece[..=end])
    }

    /// Writes at least one byte.
    fn write_some(&mut self, bytes: &[u8], cancel: &PipeReader) -> Result<usize, WriteError> {
        let is_polled = matches!(self.kind, Kind::Polled(_));
        loop {
            self.wait(cancel)?;
            match self.sink.write(bytes) {
                Ok(0) => return Err(WriteError::Failed(ErrorKind::WriteZero.into())),
                Ok(taken) => return Ok(taken),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // Another process that writes to the same pipe has taken the room.
                Err(error) if error.kind() == ErrorKind::WouldBlock && is_polled => {}
                Err(error) => return Err(WriteError::Failed(error)),
            }
        }
    }

    /// Waits until there is room, or until the write would report an error.
    fn wait(&self, cancel: &PipeReader) -> Result<(), WriteError> {
        let cancel = PollFd::new(cancel, PollFlags::empty());
        let cancelled = match &self.kind {
            Kind::Polled(output) => {
                is_first_ready([cancel, PollFd::new(&**output, PollFlags::OUT)], None)
            }
            Kind::Unknown | Kind::Regular(_) => {
                is_first_ready([cancel], Some(&Timespec::default()))
            }
        };
        match cancelled {
            Ok(false) => Ok(()),
            Ok(true) => Err(WriteError::Cancelled),
            Err(error) => Err(WriteError::Failed(error.into())),
        }
    }
}

/// Waits until one of the descriptors is ready, and returns whether the first one is.
fn is_first_ready<const COUNT: usize>(
    mut descriptors: [PollFd; COUNT],
    timeout: Option<&Timespec>,
) -> Result<bool, Errno> {
    rustix::io::retry_on_intr(|| poll(&mut descriptors, timeout))?;
    Ok(descriptors
        .first()
        .is_some_and(|first| !first.revents().is_empty()))
}
