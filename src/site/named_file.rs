//! Reads files that the operator names. A path may lead to anything: to a device that never ends, to a FIFO
//! without a writer, or to a file of gigabytes. None of them may keep docroot waiting or fill its memory.

use std::fmt;
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{CWD, FileType, Mode, OFlags, fstat, openat};
use rustix::io::{Errno, retry_on_intr};

/// 1 MiB: ten thousand rules or users, and four times all authorities that browsers trust.
pub const LARGEST: u64 = 1 << 20;

/// Why a file was not read.
#[derive(Debug)]
pub enum ReadError {
    /// It cannot be opened or read.
    Unreadable(io::Error),
    /// It is not a regular file.
    NotRegular,
    /// It has more than [`LARGEST`] bytes.
    TooLarge,
    /// It is a FIFO, and nobody writes to it.
    NoWriter,
}

/// Reads a regular file.
pub fn read(path: &Path) -> Result<Vec<u8>, ReadError> {
    let (file, kind) = open(path)?;
    match kind {
        FileType::RegularFile => read_all(&file, |_| Ok(false)),
        _ => Err(ReadError::NotRegular),
    }
}

/// Reads a file, or what a command writes, as in `<(command)`. Waits for as long as somebody has the other end of a
/// pipe, because whoever started docroot sees that, and for a first writer at most so long.
pub fn read_or_await(path: &Path, patience: Duration) -> Result<Vec<u8>, ReadError> {
    let (file, kind) = open(path)?;
    let mut has_waited = kind != FileType::Fifo;
    read_all(&file, |pause| match pause {
        Pause::Writing => wait(&file, None),
        // A pipe without a writer reads like one at its end.
        Pause::Ended if std::mem::replace(&mut has_waited, true) => Ok(false),
        Pause::Ended => match wait(&file, Some(patience))? {
            true => Ok(true),
            false => Err(ReadError::NoWriter),
        },
    })
}

/// Why there are no bytes now.
enum Pause {
    /// Somebody may write more.
    Writing,
    /// It is the end, or nobody has written anything yet.
    Ended,
}

fn open(path: &Path) -> Result<(File, FileType), ReadError> {
    // A FIFO opens at once, although nobody writes to it.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK;
    match openat(CWD, path, flags, Mode::empty()) {
        Ok(file) => {
            let kind = FileType::from_raw_mode(fstat(&file)?.st_mode);
            Ok((file.into(), kind))
        }
        // A socket, or a device that does not exist.
        Err(Errno::NXIO) => Err(ReadError::NotRegular),
        Err(fault) => Err(fault.into()),
    }
}

/// Reads up to the end. `waits` waits for more, and says whether there may be some.
fn read_all(
    file: &File,
    mut waits: impl FnMut(Pause) -> Result<bool, ReadError>,
) -> Result<Vec<u8>, ReadError> {
    let mut bytes = Vec::new();
    loop {
        let rest = LARGEST + 1 - bytes.len() as u64;
        match file.take(rest).read_to_end(&mut bytes) {
            Ok(_) if bytes.len() as u64 > LARGEST => return Err(ReadError::TooLarge),
            Ok(_) if !bytes.is_empty() || !waits(Pause::Ended)? => return Ok(bytes),
            Ok(_) => {}
            Err(fault) if fault.kind() == ErrorKind::WouldBlock => {
                waits(Pause::Writing)?;
            }
            Err(fault) => return Err(fault.into()),
        }
    }
}

/// Waits until there is something to read. Returns whether there is.
fn wait(file: &File, longest: Option<Duration>) -> Result<bool, ReadError> {
    let longest = longest.and_then(|longest| Timespec::try_from(longest).ok());
    let mut ready = [PollFd::new(file, PollFlags::IN)];
    let count = retry_on_intr(|| poll(&mut ready, longest.as_ref()))?;
    Ok(count > 0)
}

impl From<io::Error> for ReadError {
    fn from(fault: io::Error) -> ReadError {
        ReadError::Unreadable(fault)
    }
}

impl From<Errno> for ReadError {
    fn from(fault: Errno) -> ReadError {
        ReadError::Unreadable(fault.into())
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReadError::Unreadable(fault) => fault.fmt(f),
            ReadError::NotRegular => f.write_str("it is not a regular file"),
            ReadError::TooLarge => f.write_str("it is larger than 1 MiB"),
            ReadError::NoWriter => f.write_str("it is a pipe that nobody writes to"),
        }
    }
}

impl std::error::Error for ReadError {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::io::Write;
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixListener;
    use std::path::PathBuf;
    use std::thread;

    const MOMENT: Duration = Duration::from_millis(10);
    /// Longer than any of these tests takes.
    const LONG: Duration = Duration::from_secs(60);

    fn fifo(folder: &tempfile::TempDir) -> PathBuf {
        let path = folder.path().join("fifo");
        rustix::fs::mkfifoat(CWD, &path, Mode::RUSR | Mode::WUSR).expect("a FIFO");
        path
    }

    #[test]
    fn a_file_is_read_up_to_its_limit() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        for read in [read, |path: &Path| read_or_await(path, MOMENT)] {
            let _ = fs::remove_file(&path);
            assert!(matches!(read(&path), Err(ReadError::Unreadable(_))));
            for length in [0, 1, 1 << 20] {
                fs::write(&path, vec![b'a'; length]).expect("a file");
                assert_eq!(read(&path).expect("a file").len(), length);
            }
            fs::write(&path, vec![b'a'; (1 << 20) + 1]).expect("a file");
            assert!(matches!(read(&path), Err(ReadError::TooLarge)));
        }
    }

    #[test]
    fn only_a_regular_file_is_read_while_docroot_serves() {
        let folder = tempfile::tempdir().expect("a folder");
        let socket = folder.path().join("socket");
        let _socket = UnixListener::bind(&socket).expect("a socket");
        let endless = PathBuf::from("/dev/zero");
        for path in [fifo(&folder), socket, endless, folder.path().to_owned()] {
            assert!(matches!(read(&path), Err(ReadError::NotRegular)));
        }
        let endless = read_or_await(Path::new("/dev/zero"), LONG);
        assert!(matches!(endless, Err(ReadError::TooLarge)));
        assert_eq!(
            read_or_await(Path::new("/dev/null"), LONG).expect("no bytes"),
            b""
        );
    }

    #[test]
    fn nobody_waits_for_a_writer_that_does_not_come() {
        let folder = tempfile::tempdir().expect("a folder");
        let outcome = read_or_await(&fifo(&folder), MOMENT);
        assert!(matches!(outcome, Err(ReadError::NoWriter)));
    }

    #[test]
    fn what_a_writer_writes_is_read_up_to_its_end() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = fifo(&folder);
        let writer = thread::spawn({
            let path = path.clone();
            move || {
                // This waits for the reader.
                let mut fifo = fs::OpenOptions::new().write(true).open(path)?;
                for _ in 0..100 {
                    fifo.write_all(b"0123456789")?;
                    thread::yield_now();
                }
                io::Result::Ok(())
            }
        });
        let read = read_or_await(&path, LONG).expect("bytes");
        assert_eq!(read, b"0123456789".repeat(100));
        writer.join().expect("no panic").expect("a reader");
    }

    /// As in `<(command)`: the writer may have ended already.
    #[test]
    fn a_pipe_without_a_name_is_read() {
        let (reader, mut writer) = io::pipe().expect("a pipe");
        writer.write_all(b"port = 1").expect("a pipe");
        drop(writer);
        let path = PathBuf::from(format!("/proc/self/fd/{}", reader.as_raw_fd()));
        assert_eq!(read_or_await(&path, LONG).expect("bytes"), b"port = 1");
    }
}
