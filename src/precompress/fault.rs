//! What went wrong: in one line, first what happened, then what to do.

use std::fmt;
use std::io::{self, ErrorKind};
use std::path::PathBuf;

use crate::text::escape::Name;

/// Why sidecars could not be written.
#[derive(Debug)]
pub enum Fault {
    /// The folder cannot be opened.
    Root(PathBuf, io::Error),
    /// This folder, named by its path below the root, cannot be read.
    Folder(Vec<u8>, io::Error),
    /// The sidecar of this file, or the file itself, cannot be read or written.
    File(Vec<u8>, FileFault),
    /// A thread or another thing of the system cannot be created.
    System(&'static str, io::Error),
    /// A signal came when so many sidecars were written.
    Stopped(u64),
}

/// What went wrong with one file.
#[derive(Debug)]
pub enum FileFault {
    /// It cannot be opened or read.
    Read(io::Error),
    /// It is no regular file any more.
    NotRegular,
    /// It changed while it was read.
    Changed,
    /// The sidecar of this name cannot be written.
    Write(Vec<u8>, io::Error),
    /// Something else has the name of the sidecar: a folder or a link.
    Taken(Vec<u8>),
    /// It cannot be removed.
    Remove(io::Error),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Root(path, fault) => {
                let path = Name::of(path);
                match fault.kind() {
                    ErrorKind::NotFound => {
                        write!(f, "{path} does not exist: name the folder to compress")
                    }
                    ErrorKind::NotADirectory => {
                        write!(f, "{path} is not a folder: name the folder to compress")
                    }
                    ErrorKind::PermissionDenied => write!(
                        f,
                        "{path} cannot be read: change its permissions, or run docroot as another user"
                    ),
                    _ => write!(f, "{path} cannot be opened: {fault}"),
                }
            }
            Fault::Folder(path, fault) if path.is_empty() => {
                write!(f, "the folder cannot be read: {fault}")
            }
            Fault::Folder(path, fault) => write!(f, "{} cannot be read: {fault}", Name(path)),
            Fault::File(path, fault) => fault.write(f, path),
            Fault::System(what, fault) => write!(
                f,
                "{what} could not be created: {fault}; \
                 free some memory, or raise the limit on processes (ulimit -u)"
            ),
            Fault::Stopped(written) => {
                write!(f, "stopped; precompressed files written so far: {written}")
            }
        }
    }
}

impl FileFault {
    fn write(&self, f: &mut fmt::Formatter<'_>, path: &[u8]) -> fmt::Result {
        let name = Name(path);
        match self {
            FileFault::Read(fault) => write!(f, "{name} cannot be read: {fault}"),
            FileFault::NotRegular => write!(f, "{name} is not a regular file any more"),
            FileFault::Changed => {
                write!(
                    f,
                    "{name} changed while it was compressed: run docroot compress again"
                )
            }
            FileFault::Write(sidecar, fault) => {
                write!(f, "{} cannot be written for {name}: {fault}", Name(sidecar))
            }
            FileFault::Taken(sidecar) => write!(
                f,
                "{} is not a regular file, so docroot does not replace it: remove or rename it",
                Name(sidecar)
            ),
            FileFault::Remove(fault) => write!(f, "{name} cannot be removed: {fault}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(fault: &Fault, want: &str) {
        assert_eq!(fault.to_string(), want);
    }

    fn denied() -> io::Error {
        ErrorKind::PermissionDenied.into()
    }

    #[test]
    fn faults_say_what_happened_and_what_to_do() {
        let root = |kind: ErrorKind| Fault::Root("a\n".into(), kind.into());
        check(
            &root(ErrorKind::NotFound),
            "\"a\\n\" does not exist: name the folder to compress",
        );
        check(
            &root(ErrorKind::NotADirectory),
            "\"a\\n\" is not a folder: name the folder to compress",
        );
        check(
            &root(ErrorKind::PermissionDenied),
            "\"a\\n\" cannot be read: change its permissions, or run docroot as another user",
        );
        check(
            &Fault::Folder(b"a/".to_vec(), denied()),
            "\"a/\" cannot be read: permission denied",
        );
        check(
            &Fault::Folder(b"".to_vec(), denied()),
            "the folder cannot be read: permission denied",
        );
        let file = |fault| Fault::File(b"a".to_vec(), fault);
        check(
            &file(FileFault::Changed),
            "\"a\" changed while it was compressed: run docroot compress again",
        );
        check(
            &file(FileFault::Write(b"a.gz".to_vec(), denied())),
            "\"a.gz\" cannot be written for \"a\": permission denied",
        );
        check(
            &file(FileFault::Taken(b"a.gz".to_vec())),
            "\"a.gz\" is not a regular file, so docroot does not replace it: remove or rename it",
        );
        check(
            &Fault::System("a thread", ErrorKind::WouldBlock.into()),
            "a thread could not be created: operation would block; \
             free some memory, or raise the limit on processes (ulimit -u)",
        );
        check(
            &Fault::Stopped(3),
            "stopped; precompressed files written so far: 3",
        );
    }
}
