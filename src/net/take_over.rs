//! A new server takes over the listening sockets of a running one, so that no client is refused in between.
//!
//! ```text
//! new                                          old, which waits at a Unix socket
//!  | -- connects ------------------------------> |
//!  | <- a byte, and the sockets ---------------- |    SCM_RIGHTS, see unix(7): first the one where it waits
//!  |    opens everything else, accepts           |    serves
//!  | -- "ready\n" -----------------------------> |    accepts no more, finishes what it has begun, ends
//!  |    waits at the Unix socket                 |
//! ```
//!
//! The socket where the server waits is one of those that the next one gets. So only the first server makes its file, while
//! it may still be root.
//!
//! If the new server fails before it is ready, its connection ends and the old one goes on. Both have the same
//! sockets, so a client that waits in the queue of a socket does not notice which one accepts it.

use std::io::{self, ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::iter;
use std::mem::MaybeUninit;
use std::net::TcpListener;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::never;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags,
};

use crate::net::config::SocketFile;
use crate::net::handle::Handle;
use crate::net::inherited::Inherited;
use crate::net::socket_error::SocketError;
use crate::net::socket_file::{self, BoundFile, listen, require_socket};
use crate::net::start_error::StartError;

/// The most sockets of a server: the kernel sends no more at once.
const MOST: usize = 253;

/// How long the old server may take to send its sockets.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long the new server may take to become ready. Its disk may be slow.
const START: Duration = Duration::from_secs(120);

/// How long to wait when a server that asks cannot be accepted.
const PAUSE: Duration = Duration::from_millis(50);

/// What the new server says.
const READY: &[u8] = b"ready\n";

/// The server that is replaced. Dropping this says that it is not.
#[derive(Debug)]
pub struct Predecessor(UnixStream);

/// What a server that is replaced has given.
#[derive(Debug)]
pub struct Given {
    /// The server.
    pub predecessor: Predecessor,
    /// Its listening sockets.
    pub sockets: Inherited,
    /// Where it has waited.
    pub offer: Offer,
    /// The file of that socket.
    pub file: BoundFile,
}

/// Asks the server that waits at this path for its sockets. `None`: nobody waits there.
pub fn ask(path: &Path) -> Result<Option<Given>, StartError> {
    ask_for(path, PATIENCE)
}

fn ask_for(path: &Path, patience: Duration) -> Result<Option<Given>, StartError> {
    require_socket(path)?;
    let stream = match UnixStream::connect(path) {
        Ok(stream) => stream,
        Err(error) if is_absent(&error) => return Ok(None),
        Err(error) => return Err(SocketError::TakeOver(path.to_owned(), error).into()),
    };
    let received = receive(&stream, patience);
    let (waiting, sockets) = received.map_err(|error| match error.kind() {
        // The kernel accepts for a server that is stopped.
        ErrorKind::WouldBlock | ErrorKind::TimedOut => {
            SocketError::Silent(path.to_owned(), patience)
        }
        _ => SocketError::TakeOver(path.to_owned(), error),
    })?;
    Ok(Some(Given {
        predecessor: Predecessor(stream),
        sockets: Inherited::of(sockets),
        offer: Offer(unix(waiting)),
        file: BoundFile::inherited(&waiting_at(path)),
    }))
}

fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::NotFound | ErrorKind::ConnectionRefused
    )
}

/// The socket where the server waits, and its listening sockets.
fn receive(stream: &UnixStream, patience: Duration) -> io::Result<(TcpListener, Vec<TcpListener>)> {
    stream.set_read_timeout(Some(patience))?;
    let mut space = vec![MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    let mut parts = [IoSliceMut::new(&mut byte)];
    let flags = RecvFlags::CMSG_CLOEXEC;
    let received = rustix::net::recvmsg(stream, &mut parts, &mut control, flags)?;
    let mut sockets = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(descriptors) = message {
            sockets.extend(descriptors.map(TcpListener::from));
        }
    }
    let is_whole = received.bytes == 1 && !received.flags.contains(ReturnFlags::CTRUNC);
    match is_whole && sockets.len() > 1 && sockets.iter().all(is_listening) {
        true => Ok((sockets.remove(0), sockets)),
        false => Err(io::Error::other("it has not sent its listening sockets")),
    }
}

fn is_listening(socket: &TcpListener) -> bool {
    rustix::net::sockopt::socket_acceptconn(socket).unwrap_or(false)
}

impl Predecessor {
    /// Says that the new server accepts. The old one accepts no more.
    pub fn replace(mut self) {
        // If it has ended meanwhile, it accepts no more either.
        let _ = self.0.write_all(READY);
    }
}

/// Where this server offers its sockets to the one that will replace it.
#[derive(Debug)]
pub struct Offer(UnixListener);

impl Offer {
    /// Listens at this path. No other server's socket is replaced, and nothing that is no socket. Keep the file until this
    /// server ends.
    pub fn at(path: &Path) -> Result<(Offer, BoundFile), StartError> {
        let (socket, file) = listen(&waiting_at(path))?;
        Ok((Offer(unix(socket)), file))
    }

    /// Gives the `sockets` to each server that asks, until one is ready, and returns then. `running` is the server that
    /// has them. False: that one stops, so nobody can get them.
    pub fn until_replaced(self, sockets: &[Arc<TcpListener>], running: &Handle) -> bool {
        loop {
            let Ok((stream, _)) = self.0.accept() else {
                // Descriptors or memory have run out. Whoever asks waits in the queue of the socket.
                let _ = never::<()>().recv_timeout(PAUSE);
                continue;
            };
            if !running.lend() {
                return false;
            }
            if let Ok(true) = give(stream, &self.0, sockets) {
                return true;
            }
            // A server that cannot be reached tries again, or its operator does.
            running.take_back();
        }
    }
}

/// Whether a server could wait at this path for its successor. Leaves no file. A server that waits there already is no
/// hindrance: it is the one to replace.
pub fn probe(path: &Path) -> Result<(), StartError> {
    match socket_file::probe(&waiting_at(path)) {
        Err(StartError::Socket(SocketError::Taken(_))) => Ok(()),
        outcome => outcome,
    }
}

/// The socket where a server waits. Only its own user may ask for the sockets.
fn waiting_at(path: &Path) -> SocketFile {
    SocketFile {
        path: path.to_owned(),
        mode: Some(0o600),
    }
}

/// A socket of the Unix domain as what it is.
fn unix(socket: TcpListener) -> UnixListener {
    UnixListener::from(OwnedFd::from(socket))
}

/// Gives the sockets to a new server. Whether it has become ready.
fn give(
    stream: UnixStream,
    waiting: &UnixListener,
    sockets: &[Arc<TcpListener>],
) -> io::Result<bool> {
    let sockets = sockets.iter().map(|socket| socket.as_fd());
    let all = iter::once(waiting.as_fd()).chain(sockets);
    let descriptors: Vec<_> = all.take(MOST).collect();
    let mut space = vec![MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    control.push(SendAncillaryMessage::ScmRights(&descriptors));
    rustix::net::sendmsg(
        &stream,
        &[IoSlice::new(b".")],
        &mut control,
        SendFlags::NOSIGNAL,
    )?;
    stream.set_read_timeout(Some(START))?;
    let mut said = Vec::new();
    Read::take(&stream, READY.len() as u64).read_to_end(&mut said)?;
    Ok(said == READY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::net::SocketAddr;

    #[test]
    fn nobody_waits_at_an_absent_or_stale_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("s");
        assert!(ask(&path).expect("no fault").is_none());
        drop(UnixListener::bind(&path).expect("a socket"));
        assert!(ask(&path).expect("no fault").is_none());
        fs::remove_file(&path).expect("a file");
    }

    #[test]
    fn a_server_that_does_not_answer_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("s");
        let _stopped = UnixListener::bind(&path).expect("a socket");
        let fault = ask_for(&path, Duration::from_millis(1)).expect_err("nobody answers");
        let told = fault.to_string();
        assert!(
            told.contains("it has not answered for 0 s; if it was stopped, let it continue"),
            "{told}"
        );
        assert!(!told.contains("another path"), "{told}");
    }

    #[test]
    fn nothing_but_a_stale_socket_is_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("s");
        let refused = |what: &str, outcome: Result<(), StartError>| {
            let told = outcome.expect_err(what).to_string();
            assert!(told.contains(what), "{told}");
        };
        fs::write(&path, "text").expect("a file");
        refused("is not a socket", Offer::at(&path).map(drop));
        refused("is not a socket", ask(&path).map(drop));
        refused("is not a socket", probe(&path));
        assert_eq!(fs::read(&path).expect("a file"), b"text");
        fs::remove_file(&path).expect("a file");

        let other = UnixListener::bind(&path).expect("a socket");
        refused("already in use", Offer::at(&path).map(drop));
        probe(&path).expect("a server to replace");
        drop(other);
        let (_offer, file) = Offer::at(&path).expect("a socket");
        drop(file);
        assert!(!path.exists());
        probe(&path).expect("nobody waits");
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0);
        refused("create its folder", probe(&folder.path().join("absent/s")));
    }

    #[test]
    fn sockets_are_given_and_found() {
        let (ours, theirs) = UnixStream::pair().expect("a pair");
        let sockets: Vec<_> = ["127.0.0.1:0", "127.0.0.2:0"]
            .map(|address| Arc::new(TcpListener::bind(address).expect("a socket")))
            .into();
        let addresses: Vec<_> = sockets
            .iter()
            .map(|socket| socket.local_addr().expect("an address"))
            .collect();
        let waiting = TcpListener::bind("127.0.0.4:0").expect("a socket");
        let address = waiting.local_addr().expect("an address");
        let giving = std::thread::spawn(move || give(ours, &unix(waiting), &sockets));
        let (waiting, sockets) = receive(&theirs, PATIENCE).expect("sockets");
        assert_eq!(waiting.local_addr().expect("an address"), address);
        let mut inherited = Inherited::of(sockets);
        assert!(
            inherited
                .take("127.0.0.3:0".parse().expect("an address"))
                .is_none()
        );
        assert!(
            inherited
                .take(SocketAddr::new(addresses[0].ip(), 1))
                .is_none()
        );
        assert!(inherited.take(addresses[0]).is_some());
        assert!(inherited.take(addresses[0]).is_none());
        assert!(
            inherited
                .take(SocketAddr::new(addresses[1].ip(), 0))
                .is_some()
        );
        Predecessor(theirs).replace();
        assert!(giving.join().expect("no panic").expect("no fault"));
    }

    #[test]
    fn a_server_that_is_not_ready_replaces_nobody() {
        let (ours, theirs) = UnixStream::pair().expect("a pair");
        let waiting = TcpListener::bind("127.0.0.1:0").expect("a socket");
        let giving = std::thread::spawn(move || give(ours, &unix(waiting), &[]));
        drop(Predecessor(theirs));
        // The kernel may say that the connection was reset.
        assert!(!giving.join().expect("no panic").unwrap_or(false));
    }

    #[test]
    fn a_program_that_is_no_docroot_is_noticed() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("s");
        let other = UnixListener::bind(&path).expect("a socket");
        let speaking = std::thread::spawn(move || {
            let (mut stream, _) = other.accept().expect("a connection");
            stream.write_all(b"hello").expect("a reader");
        });
        let told = ask(&path).expect_err("no sockets").to_string();
        assert!(told.contains("--take-over"), "{told}");
        speaking.join().expect("no panic");
    }
}
