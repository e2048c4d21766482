//! Why a server could not start. Each message is one line that names what mends it.

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use crate::net::tls::fault::TlsError;

/// The first port that needs no privilege.
pub const FIRST_UNPRIVILEGED_PORT: u16 = 1024;

/// Why a server could not start.
#[derive(Debug)]
pub enum StartError {
    /// Nothing has the name of the root.
    NoSuchRoot(PathBuf),
    /// The root may not be read.
    RootForbidden(PathBuf),
    /// The root is neither a directory nor a regular file.
    RootNotServable(PathBuf),
    /// The disk failed.
    RootFault(PathBuf, io::Error),
    /// Somebody else listens there.
    PortTaken(SocketAddr),
    /// From the first port to the last, every one is taken.
    NoFreePort(u16, u16),
    /// No interface has the address.
    AddressNotOurs(IpAddr),
    /// The system does not speak the address's family.
    FamilyUnsupported(IpAddr),
    /// The port is kept for the privileged.
    PortPrivileged(u16),
    /// Any other failure to listen.
    ListenFault(SocketAddr, io::Error),
    /// No more files may be opened.
    TooManyFiles,
    /// HTTPS cannot be spoken with what was given.
    Tls(TlsError),
    /// A thread, a poller or a handler of signals could not be made; the text says which.
    System(&'static str, io::Error),
}

impl StartError {
    /// What it means that opening the root `path` failed with `error`.
    pub fn from_root(path: &Path, error: io::Error) -> StartError {
        let path = path.to_owned();
        match error.kind() {
            // `file/name`: the name of a file stands where a directory should.
            ErrorKind::NotFound | ErrorKind::NotADirectory => StartError::NoSuchRoot(path),
            ErrorKind::PermissionDenied => StartError::RootForbidden(path),
            _ if is_too_many_files(&error) => StartError::TooManyFiles,
            _ => StartError::RootFault(path, error),
        }
    }

    /// What it means that listening at `address` failed with `error`.
    pub fn from_listen(address: SocketAddr, error: io::Error) -> StartError {
        let privileged = (1..FIRST_UNPRIVILEGED_PORT).contains(&address.port());
        match error.kind() {
            ErrorKind::AddrInUse => StartError::PortTaken(address),
            ErrorKind::AddrNotAvailable => StartError::AddressNotOurs(address.ip()),
            ErrorKind::PermissionDenied if privileged => StartError::PortPrivileged(address.port()),
            _ if is(&error, Errno::AFNOSUPPORT) => StartError::FamilyUnsupported(address.ip()),
            _ if is_too_many_files(&error) => StartError::TooManyFiles,
            _ => StartError::ListenFault(address, error),
        }
    }
}

impl fmt::Display for StartError {
    // Paths are shown as Rust writes strings: whatever a name holds, it stays on its line.
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            StartError::NoSuchRoot(path) => write!(
                f,
                "there is no {path:?}: name a directory or a file that exists"
            ),
            StartError::RootForbidden(path) => write!(
                f,
                "{path:?} may not be read: give this user access to it, or run as one who has it"
            ),
            StartError::RootNotServable(path) => write!(
                f,
                "{path:?} is neither a directory nor a regular file: name one of those"
            ),
            StartError::RootFault(path, error) => {
                write!(f, "{path:?} cannot be opened: {error}; check its disk")
            }
            StartError::PortTaken(address) => write!(
                f,
                "{address} is taken: stop what listens there, or choose another port; \
                 0 takes any that is free"
            ),
            StartError::NoFreePort(first, last) => write!(
                f,
                "the ports from {first} to {last} are all taken: choose another with --port, \
                 such as --port 0 for any that is free"
            ),
            StartError::AddressNotOurs(address) => write!(
                f,
                "{address} is no address of this machine: \
                 give one that is to --bind, or {} for all of them",
                any_like(*address)
            ),
            StartError::FamilyUnsupported(address) => write!(
                f,
                "this system does not speak the protocol of {address}: \
                 give another address to --bind"
            ),
            StartError::PortPrivileged(port) => write!(
                f,
                "port {port} is kept for the privileged: choose one from \
                 {FIRST_UNPRIVILEGED_PORT} up, such as 8080, or grant CAP_NET_BIND_SERVICE"
            ),
            StartError::ListenFault(address, error) => write!(
                f,
                "cannot listen at {address}: {error}; choose another with --bind and --port"
            ),
            StartError::TooManyFiles => write!(
                f,
                "too many files are open: raise the limit with ulimit -n, or lower --threads"
            ),
            StartError::Tls(fault) => fault.fmt(f),
            StartError::System(what, error) => write!(
                f,
                "{what} could not be made: {error}; free some memory, or lower --threads"
            ),
        }
    }
}

impl std::error::Error for StartError {}

fn is(error: &io::Error, errno: Errno) -> bool {
    error.raw_os_error() == Some(errno.raw_os_error())
}

fn is_too_many_files(error: &io::Error) -> bool {
    is(error, Errno::MFILE) || is(error, Errno::NFILE)
}

/// The address that stands for every address of the same family.
fn any_like(address: IpAddr) -> &'static str {
    if address.is_ipv4() { "0.0.0.0" } else { "::" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(errno: Errno) -> io::Error {
        io::Error::from_raw_os_error(errno.raw_os_error())
    }

    #[track_caller]
    fn check(error: &StartError, want: &str) {
        let got = error.to_string();
        assert!(got.starts_with(want), "{got}");
        assert!(!got.contains('\n') && !got.ends_with('.'), "{got}");
        // What was wrong, a colon or a semicolon, what mends it.
        assert!(got.contains(": ") || got.contains("; "), "{got}");
    }

    #[track_caller]
    fn check_root(path: &str, errno: Errno, want: &str) {
        check(&StartError::from_root(Path::new(path), fault(errno)), want);
    }

    #[track_caller]
    fn check_listen(address: &str, errno: Errno, want: &str) {
        let address = address.parse().expect("a socket address");
        check(&StartError::from_listen(address, fault(errno)), want);
    }

    #[test]
    fn faults_of_the_root_name_the_mend() {
        check_root("a", Errno::NOENT, "there is no \"a\": name");
        check_root("a/b", Errno::NOTDIR, "there is no \"a/b\": name");
        check_root("a\nb", Errno::NOENT, r#"there is no "a\nb": name"#);
        check_root("a", Errno::ACCESS, "\"a\" may not be read: give");
        check_root("a", Errno::IO, "\"a\" cannot be opened: ");
        check_root("a", Errno::LOOP, "\"a\" cannot be opened: ");
        check_root("a", Errno::MFILE, "too many files are open: ");
        check(&StartError::RootNotServable("a".into()), "\"a\" is neither");
    }

    #[test]
    fn faults_of_listening_name_the_mend() {
        check_listen(
            "127.0.0.1:80",
            Errno::ADDRINUSE,
            "127.0.0.1:80 is taken: stop",
        );
        check_listen("[::1]:80", Errno::ADDRINUSE, "[::1]:80 is taken: stop");
        check_listen("192.0.2.1:1", Errno::ADDRNOTAVAIL, "192.0.2.1 is no");
        check_listen("127.0.0.1:80", Errno::ACCESS, "port 80 is kept");
        check_listen("127.0.0.1:1023", Errno::ACCESS, "port 1023 is kept");
        // Not the port: some policy of the system forbids it.
        check_listen("127.0.0.1:1024", Errno::ACCESS, "cannot listen at");
        check_listen("127.0.0.1:0", Errno::ACCESS, "cannot listen at");
        check_listen("[::1]:80", Errno::AFNOSUPPORT, "this system does not speak");
        check_listen("[::1]:80", Errno::NFILE, "too many files are open: ");
        check(&StartError::NoFreePort(8080, 8179), "the ports from 8080");
        let none_left = StartError::System("a worker's thread", fault(Errno::AGAIN));
        check(&none_left, "a worker's thread could not be made: ");
    }

    #[test]
    fn every_address_is_offered_in_its_own_family() {
        let of = |text: &str| StartError::AddressNotOurs(text.parse().expect("an address"));
        assert!(
            of("192.0.2.1")
                .to_string()
                .ends_with("or 0.0.0.0 for all of them")
        );
        assert!(
            of("2001:db8::1")
                .to_string()
                .ends_with("or :: for all of them")
        );
    }
}
