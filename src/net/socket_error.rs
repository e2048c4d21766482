//! Why a socket that has no address cannot be used: one of the Unix domain, or one of another process.

use std::fmt;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::io::Errno;

use crate::text::escape::Name;

/// Why a socket cannot be used. Each message is one line: what happened, then what to do.
#[derive(Debug)]
pub enum SocketError {
    /// A server listens on the socket with this path.
    Taken(PathBuf),
    /// There is a file with this path, and it is no socket.
    NotASocket(PathBuf),
    /// Any other error when a socket with this path was opened.
    Fault(PathBuf, io::Error),
    /// The server that waits at this path does not give its sockets.
    TakeOver(PathBuf, io::Error),
    /// A server that is replaced has given the socket with this path, whose file belongs to another user.
    OfAnotherUser(PathBuf),
    /// The server that waits at this path has not answered for so long.
    Silent(PathBuf, Duration),
    /// The service manager has passed no socket.
    NonePassed,
    /// The socket with this number, from 0, that the service manager has passed cannot be used.
    Passed(usize, io::Error),
}

impl fmt::Display for SocketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SocketError::Taken(path) => write!(
                f,
                "the socket {} is already in use: stop the program that listens there, or choose another path",
                Name::of(path)
            ),
            SocketError::NotASocket(path) => write!(
                f,
                "{} exists and is not a socket: choose another path, or remove the file",
                Name::of(path)
            ),
            SocketError::Fault(path, error) => fmt_fault(f, path, error),
            SocketError::TakeOver(path, error) => write!(
                f,
                "cannot take over from the server at {}: {error}; give --take-over another path, or stop that server",
                Name::of(path)
            ),
            SocketError::OfAnotherUser(path) => write!(
                f,
                "{} belongs to another user than --user, and the server that has it may go on: to change the user, stop \
                 that server first",
                Name::of(path)
            ),
            SocketError::Silent(path, patience) => write!(
                f,
                "cannot take over from the server at {}: it has not answered for {} s; if it was stopped, let it \
                 continue (kill -CONT); if it hangs, end it and start docroot again",
                Name::of(path),
                patience.as_secs()
            ),
            SocketError::NonePassed => f.write_str(
                "--bind systemd needs a socket from systemd, and it has passed none: start docroot through a socket \
                 unit, or give --bind an address",
            ),
            SocketError::Passed(number, error) => write!(
                f,
                "socket {number} from systemd cannot be used: {error}; let its unit have ListenStream= and Accept=no"
            ),
        }
    }
}

impl std::error::Error for SocketError {}

fn fmt_fault(f: &mut fmt::Formatter<'_>, path: &Path, error: &io::Error) -> fmt::Result {
    let advice = match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => {
            "create its folder, or choose another path"
        }
        ErrorKind::PermissionDenied => {
            "change the permissions of its folder, or choose another path"
        }
        _ if error.raw_os_error() == Some(Errno::NAMETOOLONG.raw_os_error()) => {
            "choose a shorter path"
        }
        _ => "choose another path",
    };
    write!(
        f,
        "cannot listen on the socket {}: {error}; {advice}",
        Name::of(path)
    )
}
