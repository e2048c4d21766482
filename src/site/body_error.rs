//! Why the rest of a body cannot be read.

use std::fmt;
use std::io;

use crate::site::disk_error::DiskError;

/// Why reading a representation failed before its end. The connection must then be cut so that the
/// client sees that the response is incomplete.
#[derive(Debug)]
pub enum BodyError {
    /// The file no longer matches the head of the response.
    Changed,
    /// A file or directory that belongs to an archive cannot be read.
    Unreadable(DiskError),
    /// The disk, or another producer of the bytes, failed.
    Disk(io::Error),
    /// The memory of the representation was needed for others.
    TakenBack,
    /// A source has produced more or fewer bytes than it promised, which is a bug.
    WrongLength,
    /// A source ends the body early on purpose, to show what clients do then.
    OnPurpose(EarlyEnd),
}

/// How a connection ends before the body does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EarlyEnd {
    /// It closes as after a whole response.
    Close,
    /// It is reset.
    Reset,
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BodyError::Changed => f.write_str("the file changed while it was being sent"),
            BodyError::Unreadable(error) => {
                write!(f, "a part of the archive cannot be read: {}", error.text())
            }
            BodyError::Disk(error) => write!(f, "the disk failed: {error}"),
            BodyError::TakenBack => f.write_str("its memory was needed for other clients"),
            BodyError::WrongLength => f.write_str("its length is not what it should be"),
            BodyError::OnPurpose(_) => f.write_str("it was cut on purpose"),
        }
    }
}

impl std::error::Error for BodyError {}

impl From<io::Error> for BodyError {
    fn from(error: io::Error) -> BodyError {
        BodyError::Disk(error)
    }
}

impl From<rustix::io::Errno> for BodyError {
    fn from(error: rustix::io::Errno) -> BodyError {
        BodyError::Disk(error.into())
    }
}

impl From<BodyError> for DiskError {
    fn from(error: BodyError) -> DiskError {
        match error {
            BodyError::Changed => DiskError::Unsteady,
            BodyError::Unreadable(error) => error,
            BodyError::Disk(error) => DiskError::of_read(&error),
            BodyError::TakenBack => DiskError::ListingsBusy,
            BodyError::WrongLength | BodyError::OnPurpose(_) => DiskError::Failed,
        }
    }
}
