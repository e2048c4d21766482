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
            BodyError::Disk(error) => error.into(),
            BodyError::TakenBack => DiskError::ListingsBusy,
        }
    }
}
