//! Why a file cannot be served: what the system says, and what clients are told.

use std::io;

use rustix::io::Errno;

use crate::site::confine::Refusal;

/// Why a file cannot be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskError {
    /// The name does not exist.
    NotFound,
    /// A name in the path begins with a dot, or a link leads to such a name, and the operator did not
    /// allow such names.
    Hidden,
    /// A symbolic link leads out of the root, and the operator did not allow such links.
    Outside,
    /// Symbolic links lead in a circle, or through too many others.
    LinkLoop,
    /// The path continues after the name of a file, perhaps only with a slash.
    NotDirectory,
    /// It is a FIFO, a socket or a device.
    Special,
    /// docroot serves a single file, and this is not its name.
    NotTheServedFile,
    /// The operating system does not allow this process to read it.
    Forbidden,
    /// The file descriptors or the memory of this process or system are used up at the moment.
    Exhausted,
    /// The directory is large, and the server had no place or no memory to read it for a while.
    ListingsBusy,
    /// Another archive is on its way to the network of the client, or as many to others as the server allows, or
    /// there is no memory for another.
    ArchivesBusy,
    /// The content must be compressed or decoded for this client, and the server has no memory for another
    /// coder.
    CodersBusy,
    /// Too many clients wait for the disk.
    DiskBusy,
    /// The disk did not answer for a long time.
    TimedOut,
    /// Another process has a lease on the file and does not give it up.
    Leased,
    /// The file changes faster than it can be read.
    Unsteady,
    /// The served directory was deleted, and docroot may not read the one that has its place.
    RootLost,
    /// The disk failed.
    Failed,
}

/// Why a look-up on a worker ends without a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LookupError {
    /// It would wait for the disk, so it belongs to a disk thread.
    WouldWait,
    /// The file cannot be served.
    Disk(DiskError),
}

/// What clients are told about a [`DiskError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// There is no such file (404).
    Absent,
    /// The file may not be read (403).
    Forbidden,
    /// The file cannot be sent at the moment (503).
    Unavailable,
    /// The disk failed (500).
    Failed,
}

impl DiskError {
    /// The error of a read. Whatever the system says, the file or directory was found.
    pub(super) fn of_read(error: &io::Error) -> DiskError {
        match Errno::from_io_error(error).map(DiskError::from) {
            Some(known) if !known.is_absence() => known,
            _ => DiskError::Failed,
        }
    }

    /// Whether there is no descriptor or no coder free, which may pass soon.
    pub fn is_scarcity(self) -> bool {
        matches!(self, DiskError::Exhausted | DiskError::CodersBusy)
    }

    /// What clients are told about the error.
    pub fn told(self) -> Told {
        match self {
            DiskError::NotFound
            | DiskError::Hidden
            | DiskError::Outside
            | DiskError::LinkLoop
            | DiskError::NotDirectory
            | DiskError::Special
            | DiskError::NotTheServedFile => Told::Absent,
            DiskError::Forbidden => Told::Forbidden,
            DiskError::Exhausted
            | DiskError::ListingsBusy
            | DiskError::ArchivesBusy
            | DiskError::CodersBusy
            | DiskError::DiskBusy
            | DiskError::TimedOut
            | DiskError::Leased
            | DiskError::Unsteady => Told::Unavailable,
            // It does not pass by itself.
            DiskError::RootLost | DiskError::Failed => Told::Failed,
        }
    }

    /// Whether clients are told that there is no such file.
    pub fn is_absence(self) -> bool {
        self.told() == Told::Absent
    }

    /// The error for clients, as part of a sentence. It does not tell which names exist but are not
    /// served, or what the server lacks.
    pub fn text_for_client(self) -> &'static str {
        match self {
            absence if absence.is_absence() => "no file or folder has this name",
            DiskError::ArchivesBusy => {
                "this client already receives an archive, or the server has no room for another one"
            }
            DiskError::Exhausted
            | DiskError::ListingsBusy
            | DiskError::CodersBusy
            | DiskError::DiskBusy => "the server is too busy at the moment",
            DiskError::Leased => "the file is in use at the moment",
            DiskError::Forbidden => "the server has no permission to read this file or folder",
            DiskError::RootLost => {
                "the folder was made again, and the server may not read the new one before it is restarted"
            }
            other => other.text(),
        }
    }

    /// The error for the operator, as part of a sentence.
    pub fn text(self) -> &'static str {
        match self {
            DiskError::NotFound => "no file or directory has this name",
            DiskError::Hidden => {
                "a name that begins with a dot is not served, nor is a link to one"
            }
            DiskError::Outside => "a symbolic link leads out of the served directory",
            DiskError::LinkLoop => "symbolic links lead in a circle, or too many follow each other",
            DiskError::NotDirectory => "the path continues after the name of a file",
            DiskError::Special => "FIFOs, sockets and devices are not served",
            DiskError::NotTheServedFile => "only one file is served, and it has another name",
            DiskError::Forbidden => "the server has no permission to read this file or directory",
            DiskError::Exhausted => "the server has no file descriptor or memory left",
            DiskError::ListingsBusy => {
                "the server has no place or no memory left to read a large directory"
            }
            DiskError::ArchivesBusy => {
                "another archive is on its way to this client, or the server has no place or no memory for one"
            }
            DiskError::CodersBusy => {
                "the client does not accept the content as it is stored, and the server has no memory left to decode or compress it"
            }
            DiskError::DiskBusy => "too many clients wait for the disk",
            DiskError::TimedOut => "the disk did not answer in time",
            DiskError::Leased => "another program has a lease on the file and does not give it up",
            DiskError::Unsteady => "the file keeps changing",
            DiskError::RootLost => {
                "the served directory was deleted, and docroot may not read the one that has its place: restart docroot"
            }
            DiskError::Failed => "the disk could not be read",
        }
    }
}

impl LookupError {
    /// The error of a read from an open file or directory.
    pub(super) fn of_read(error: &io::Error) -> LookupError {
        match Errno::from_io_error(error) {
            Some(Errno::AGAIN) => LookupError::WouldWait,
            _ => LookupError::Disk(DiskError::of_read(error)),
        }
    }

    /// The error of a disk thread, which may wait.
    pub(super) fn on_disk_thread(self) -> DiskError {
        match self {
            LookupError::Disk(error) => error,
            // The kernel says this too if names in the path are renamed again and again.
            LookupError::WouldWait => DiskError::Leased,
        }
    }
}

impl From<DiskError> for LookupError {
    fn from(error: DiskError) -> LookupError {
        LookupError::Disk(error)
    }
}

impl From<Errno> for LookupError {
    fn from(error: Errno) -> LookupError {
        match error {
            Errno::AGAIN => LookupError::WouldWait,
            error => LookupError::Disk(error.into()),
        }
    }
}

impl From<io::Error> for LookupError {
    fn from(error: io::Error) -> LookupError {
        match Errno::from_io_error(&error) {
            Some(error) => error.into(),
            None => LookupError::Disk(DiskError::Failed),
        }
    }
}

impl From<Refusal> for LookupError {
    fn from(refusal: Refusal) -> LookupError {
        match refusal {
            Refusal::System(error) => error.into(),
            other => LookupError::Disk(other.into()),
        }
    }
}

impl From<Errno> for DiskError {
    fn from(error: Errno) -> DiskError {
        match error {
            Errno::NOENT | Errno::NAMETOOLONG | Errno::INVAL | Errno::ISDIR => DiskError::NotFound,
            Errno::NOTDIR => DiskError::NotDirectory,
            Errno::LOOP => DiskError::LinkLoop,
            Errno::XDEV => DiskError::Outside,
            Errno::NXIO | Errno::NODEV => DiskError::Special,
            Errno::ACCESS | Errno::PERM => DiskError::Forbidden,
            Errno::MFILE | Errno::NFILE | Errno::NOMEM => DiskError::Exhausted,
            _ => DiskError::Failed,
        }
    }
}

impl From<Refusal> for DiskError {
    fn from(refusal: Refusal) -> DiskError {
        match refusal {
            Refusal::Outside => DiskError::Outside,
            Refusal::Hidden => DiskError::Hidden,
            Refusal::TooManyLinks => DiskError::LinkLoop,
            Refusal::System(error) => error.into(),
        }
    }
}

impl From<io::Error> for DiskError {
    fn from(error: io::Error) -> DiskError {
        Errno::from_io_error(&error).map_or(DiskError::Failed, DiskError::from)
    }
}
