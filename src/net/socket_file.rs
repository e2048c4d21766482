//! Sockets of the Unix domain: a file that local programs, such as a reverse proxy, connect to.
//!
//! The permissions of the file say who may connect. Its client has no IP address, and counts as one of this machine.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Gid, Mode, OFlags, Uid};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

use crate::net::config::SocketFile;
use crate::net::listen::BACKLOG;
use crate::net::socket_error::SocketError;
use crate::net::start_error::StartError;
use crate::text::segment::directory_of;

/// The address of every client.
pub const CLIENT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// The file of a socket. It is removed at the end if it belongs to this server, unless another file has taken its place.
#[derive(Debug)]
pub struct BoundFile {
    path: PathBuf,
    /// The device and the inode.
    identity: Option<(u64, u64)>,
    /// Whether it is this server's to remove and to change.
    is_own: bool,
    /// The permissions that the operator wants.
    mode: Option<u32>,
}

/// Listens there. A file that an ended server has left is replaced, and one that is in use is not.
pub fn listen(file: &SocketFile) -> Result<(TcpListener, BoundFile), StartError> {
    let path = &file.path;
    let fault = |errno: Errno| StartError::from_socket(path, errno.into());
    let address = SocketAddrUnix::new(path.as_path()).map_err(fault)?;
    let socket = socket(SocketFlags::CLOEXEC).map_err(fault)?;
    match rustix::net::bind(&socket, &address) {
        Err(Errno::ADDRINUSE) => {
            require_free(path)?;
            fs::remove_file(path).map_err(|error| StartError::from_socket(path, error))?;
            rustix::net::bind(&socket, &address).map_err(fault)?;
        }
        outcome => outcome.map_err(fault)?,
    }
    let bound = BoundFile::of(file, true);
    // Nobody can connect before `listen`, so nobody does with other permissions.
    bound.set_mode()?;
    rustix::net::listen(&socket, BACKLOG).map_err(fault)?;
    // The calls for a stream socket are the same in both families, so the workers need not know.
    Ok((TcpListener::from(socket), bound))
}

/// Whether a server could listen there. Leaves no file.
pub fn probe(file: &SocketFile) -> Result<(), StartError> {
    let path = &file.path;
    let fault = |error: io::Error| StartError::from_socket(path, error);
    require_free(path)?;
    let folder = directory_of(path);
    match folder.metadata().map_err(fault)?.is_dir() {
        true => {
            let access = rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK;
            rustix::fs::access(folder, access).map_err(|errno| fault(errno.into()))
        }
        false => Err(fault(io::ErrorKind::NotADirectory.into())),
    }
}

/// Fails if there is a file that is no socket. Such a file is not the server's to replace.
pub fn require_socket(path: &Path) -> Result<(), StartError> {
    match path.symlink_metadata() {
        Ok(found) if found.file_type().is_socket() => Ok(()),
        Ok(_) => Err(SocketError::NotASocket(path.to_owned()).into()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(StartError::from_socket(path, error)),
    }
}

/// Fails if there is a file that is no socket, or if a server listens there.
pub fn require_free(path: &Path) -> Result<(), StartError> {
    let fault = |errno: Errno| StartError::from_socket(path, errno.into());
    require_socket(path)?;
    let address = SocketAddrUnix::new(path).map_err(fault)?;
    let socket = socket(SocketFlags::CLOEXEC | SocketFlags::NONBLOCK).map_err(fault)?;
    match rustix::net::connect(&socket, &address) {
        Err(Errno::CONNREFUSED | Errno::NOENT) => Ok(()),
        // EAGAIN: so many clients wait that no more may.
        Ok(()) | Err(Errno::AGAIN) => Err(SocketError::Taken(path.to_owned()).into()),
        Err(errno) => Err(fault(errno)),
    }
}

fn socket(flags: SocketFlags) -> Result<OwnedFd, Errno> {
    rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)
}

/// A file itself, not to be read: a socket cannot be opened, and a link is not followed.
fn open_path(path: &Path) -> Result<OwnedFd, Errno> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::open(path, flags, Mode::empty())
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    let found = path.symlink_metadata().ok()?;
    Some((found.dev(), found.ino()))
}

impl BoundFile {
    fn of(file: &SocketFile, is_own: bool) -> BoundFile {
        BoundFile {
            identity: identity(&file.path),
            is_own,
            path: file.path.clone(),
            mode: file.mode,
        }
    }

    /// The file of a socket that another server has given. It is that server's until this one has replaced it.
    pub fn inherited(file: &SocketFile) -> BoundFile {
        let mut bound = BoundFile::of(file, false);
        let found = file.path.symlink_metadata();
        let mode = found.map(|found| found.mode() & 0o777).ok();
        // The user of the server may not be able to reach it later.
        bound.mode = bound.mode.filter(|_| bound.mode != mode);
        bound
    }

    /// Makes the file this server's, if another one has given the socket.
    pub fn claim(&mut self) {
        self.is_own = true;
    }

    /// Gives the file the permissions that the operator wants. If another server has given the socket, call this only when
    /// everything is open: the clients of that server need the file as it is.
    pub fn set_mode(&self) -> Result<(), StartError> {
        let Some(mode) = self.mode else {
            return Ok(());
        };
        let found = identity(&self.path);
        if found.is_some() && found != self.identity {
            // It is not the file of this socket any more.
            return Ok(());
        }
        let changed = fs::set_permissions(&self.path, fs::Permissions::from_mode(mode));
        changed.map_err(|error| StartError::from_socket(&self.path, error))
    }

    /// Leaves the file: another server has its socket.
    pub fn leave(mut self) {
        self.is_own = false;
    }

    /// Gives the file to a user and a group, so that those can connect whom the operator means by its permissions. It
    /// fails if another server has given the socket and the file is not theirs: that server may go on, and its clients
    /// could not connect.
    pub fn give_to(&self, user: u32, group: u32) -> Result<(), StartError> {
        let fault = |errno: Errno| StartError::from_socket(&self.path, errno.into());
        // Whoever may write to the folder could put another file there meanwhile.
        let found = open_path(&self.path).map_err(fault)?;
        let stat = rustix::fs::fstat(&found).map_err(fault)?;
        if self.identity != Some((stat.st_dev, stat.st_ino)) {
            return Ok(());
        }
        if !self.is_own {
            // The operator may have given it another group.
            return match stat.st_uid == user {
                true => Ok(()),
                false => Err(SocketError::OfAnotherUser(self.path.clone()).into()),
            };
        }
        let (user, group) = (Uid::from_raw(user), Gid::from_raw(group));
        let flags = AtFlags::EMPTY_PATH;
        rustix::fs::chownat(&found, "", Some(user), Some(group), flags).map_err(fault)
    }
}

impl Drop for BoundFile {
    fn drop(&mut self) {
        if self.is_own && self.identity.is_some() && identity(&self.path) == self.identity {
            // If it cannot be removed, the next server finds that nobody listens there.
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::{UnixListener, UnixStream};

    fn file(folder: &tempfile::TempDir) -> SocketFile {
        SocketFile {
            path: folder.path().join("s"),
            mode: None,
        }
    }

    #[test]
    fn the_file_lives_as_long_as_its_socket() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = SocketFile {
            mode: Some(0o640),
            ..file(&folder)
        };
        let (socket, bound) = listen(&file).expect("a socket");
        UnixStream::connect(&file.path).expect("a server");
        let mode = fs::metadata(&file.path).expect("a file").mode();
        assert_eq!(mode & 0o777, 0o640);
        assert!(matches!(
            listen(&file),
            Err(StartError::Socket(SocketError::Taken(_)))
        ));
        assert!(matches!(
            probe(&file),
            Err(StartError::Socket(SocketError::Taken(_)))
        ));
        drop((socket, bound));
        assert!(!file.path.exists());
        probe(&file).expect("nobody listens");
        assert!(!file.path.exists());
    }

    #[test]
    fn a_file_that_nobody_listens_to_is_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = file(&folder);
        drop(UnixListener::bind(&file.path).expect("a socket"));
        probe(&file).expect("nobody listens");
        let (_socket, first) = listen(&file).expect("a socket");
        // Somebody else replaces it. At the end, that file stays.
        fs::remove_file(&file.path).expect("a file");
        let _other = UnixListener::bind(&file.path).expect("a socket");
        drop(first);
        assert!(file.path.exists());
    }

    #[test]
    fn what_is_no_socket_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = file(&folder);
        fs::write(&file.path, "text").expect("a file");
        assert!(matches!(
            listen(&file),
            Err(StartError::Socket(SocketError::NotASocket(_)))
        ));
        assert!(matches!(
            probe(&file),
            Err(StartError::Socket(SocketError::NotASocket(_)))
        ));
        assert_eq!(fs::read(&file.path).expect("a file"), b"text");
    }

    #[test]
    fn faults_say_what_to_do() {
        let folder = tempfile::tempdir().expect("a folder");
        let check = |path: PathBuf, want: &str| {
            let file = SocketFile { path, mode: None };
            for fault in [listen(&file).map(drop), probe(&file)] {
                let told = fault.expect_err(want).to_string();
                assert!(told.contains(want), "{told}");
            }
        };
        check(folder.path().join("absent/s"), "create its folder");
        check(folder.path().join("x".repeat(200)), "choose a shorter path");
    }
}
