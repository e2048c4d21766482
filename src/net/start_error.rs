//! Why a server could not start. Each message is one line: what happened, then what to do.

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use crate::net::privileges::fault::{LandlockError, UserError};
use crate::net::socket_error::SocketError;
use crate::net::tls::fault::TlsError;
use crate::observe::log_file::LogFileError;
use crate::observe::log_file::MADE_AGAIN;
use crate::origin::auth::fault::AuthError;
use crate::text::escape::Name;

/// The lowest port that needs no privileges.
const FIRST_UNPRIVILEGED_PORT: u16 = 1024;

/// What to do if the limit of open files is too low.
const MORE_FILES: &str = "raise the limit with ulimit -n, or lower --threads";

/// Why a server could not start.
#[derive(Debug)]
pub enum StartError {
    /// The root does not exist.
    NoSuchRoot(PathBuf),
    /// This user may not read the root.
    RootForbidden(PathBuf),
    /// The root is neither a directory nor a regular file.
    RootNotServable(PathBuf),
    /// Any other error when the root was opened.
    RootFault(PathBuf, io::Error),
    /// Another socket listens there.
    PortTaken(SocketAddr),
    /// Every port from the first to the last is in use.
    NoFreePort(u16, u16),
    /// No interface of this machine has the address.
    AddressNotOurs(IpAddr),
    /// The system does not support the address family.
    FamilyUnsupported(IpAddr),
    /// The port needs privileges.
    PortPrivileged(u16),
    /// The system does not let a socket for `::` refuse IPv4.
    Ipv6OnlyRefused(io::Error),
    /// Any other error when a listener was opened.
    ListenFault(SocketAddr, io::Error),
    /// A socket that has no address cannot be used.
    Socket(SocketError),
    /// The limit of open files is reached.
    TooManyFiles,
    /// The limit of open files is too low to serve even one connection.
    TooFewDescriptors {
        /// How many files, sockets and pollers must be open at once.
        needed: u64,
        /// How many may be open.
        allowed: u64,
    },
    /// The file of a log cannot be opened.
    Log(LogFileError),
    /// The users could not be read.
    Auth(AuthError),
    /// TLS could not be set up.
    Tls(TlsError),
    /// The process could not become another user.
    User(UserError),
    /// The kernel does not confine the process, although it must.
    Landlock(LandlockError),
    /// A new configuration names what the process may not read since it is confined.
    OutOfReach(PathBuf),
    /// At a reload, a file or folder was forbidden. If it was made again, the rules of the kernel do not allow it.
    ForbiddenNow(Box<StartError>),
    /// A system resource, such as a thread or a poller, could not be created. The text names it.
    System(&'static str, io::Error),
}

impl StartError {
    /// Translates an `error` from opening the root `path`.
    pub fn from_root(path: &Path, error: io::Error) -> StartError {
        let path = path.to_owned();
        match error.kind() {
            // Not a directory: in `a/b`, `a` is a file.
            ErrorKind::NotFound | ErrorKind::NotADirectory => StartError::NoSuchRoot(path),
            ErrorKind::PermissionDenied => StartError::RootForbidden(path),
            _ if is_too_many_files(&error) => StartError::TooManyFiles,
            _ => StartError::RootFault(path, error),
        }
    }

    /// The root that cannot be served.
    pub fn root(&self) -> Option<&Path> {
        match self {
            StartError::NoSuchRoot(path)
            | StartError::RootForbidden(path)
            | StartError::RootNotServable(path)
            | StartError::RootFault(path, _) => Some(path),
            _ => None,
        }
    }

    /// The same fault at a reload while the kernel confines the process. If something is forbidden, it may be because its
    /// folder was made again, and the message says so.
    pub fn while_confined(self) -> StartError {
        let is_denied = |error: &io::Error| error.kind() == ErrorKind::PermissionDenied;
        let is_forbidden = match &self {
            StartError::RootForbidden(_) => true,
            StartError::Auth(AuthError::Unreadable(_, error)) => is_denied(error),
            #[cfg(feature = "tls")]
            StartError::Tls(TlsError::Unreadable(_, error)) => is_denied(error),
            _ => false,
        };
        match is_forbidden {
            true => StartError::ForbiddenNow(Box::new(self)),
            false => self,
        }
    }

    /// Translates an `error` from listening on `address`.
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

    /// Translates an `error` from listening on the socket `path`.
    pub fn from_socket(path: &Path, error: io::Error) -> StartError {
        match is_too_many_files(&error) {
            true => StartError::TooManyFiles,
            false => SocketError::Fault(path.to_owned(), error).into(),
        }
    }
}

impl fmt::Display for StartError {
    // A line feed in a name cannot break the line: `Name` escapes it.
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            StartError::NoSuchRoot(path) => no_such_root(f, path),
            StartError::RootForbidden(path) => write!(
                f,
                "{} cannot be read: change its permissions, or run docroot as another user",
                Name::of(path)
            ),
            StartError::RootNotServable(path) => write!(
                f,
                "{} is neither a directory nor a regular file: name one of these",
                Name::of(path)
            ),
            StartError::RootFault(path, error) => write!(
                f,
                "{} cannot be opened: {error}; check the path and its disk",
                Name::of(path)
            ),
            StartError::PortTaken(address) => port_taken(f, address),
            StartError::NoFreePort(first, last) => no_free_port(f, *first, *last),
            StartError::AddressNotOurs(address) => address_not_ours(f, *address),
            StartError::FamilyUnsupported(address) => write!(
                f,
                "this system does not support the protocol of {address}: give --bind another address"
            ),
            StartError::PortPrivileged(port) => write!(
                f,
                "port {port} needs privileges: choose a port from \
                 {FIRST_UNPRIVILEGED_PORT} up, such as 8080, or grant CAP_NET_BIND_SERVICE"
            ),
            StartError::Ipv6OnlyRefused(error) => ipv6_only_refused(f, error),
            StartError::ListenFault(address, error) => write!(
                f,
                "cannot listen on {address}: {error}; choose another address with --bind, or another port with --port"
            ),
            StartError::Socket(fault) => fault.fmt(f),
            StartError::TooManyFiles => write!(f, "too many files are open: {MORE_FILES}"),
            StartError::TooFewDescriptors { needed, allowed } => write!(
                f,
                "{needed} file descriptors are needed and {allowed} are allowed: {MORE_FILES}"
            ),
            StartError::Log(fault) => fault.fmt(f),
            StartError::Auth(fault) => fault.fmt(f),
            StartError::Tls(fault) => fault.fmt(f),
            StartError::User(fault) => fault.fmt(f),
            StartError::Landlock(fault) => fault.fmt(f),
            StartError::OutOfReach(path) => out_of_reach(f, path),
            StartError::ForbiddenNow(fault) => write!(f, "{fault}; {MADE_AGAIN}"),
            StartError::System(what, error) => write!(
                f,
                "{what} could not be created: {error}; free some memory, or lower --threads"
            ),
        }
    }
}

fn no_such_root(f: &mut fmt::Formatter<'_>, path: &Path) -> fmt::Result {
    write!(f, "{} does not exist: ", Name::of(path))?;
    match meant_port(path) {
        Some(port) => write!(f, "to serve on this port, use --port {port}"),
        None => f.write_str("name an existing directory or file"),
    }
}

/// The port, if the path looks like `8000` or `:8000`. Other servers take a port in this place.
fn meant_port(path: &Path) -> Option<u16> {
    let text = path.to_str()?;
    let text = text.strip_prefix(':').unwrap_or(text);
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let port = is_number.then(|| text.parse().ok()).flatten();
    port.filter(|&port| port > 0)
}

fn port_taken(f: &mut fmt::Formatter<'_>, address: &SocketAddr) -> fmt::Result {
    write!(
        f,
        "{address} is already in use: stop the program that listens there, \
         or choose another port, such as 0 for any free port"
    )
}

fn no_free_port(f: &mut fmt::Formatter<'_>, first: u16, last: u16) -> fmt::Result {
    write!(
        f,
        "the ports from {first} to {last} are all in use: choose another with --port, \
         such as --port 0 for any free port"
    )
}

fn ipv6_only_refused(f: &mut fmt::Formatter<'_>, error: &io::Error) -> fmt::Result {
    write!(
        f,
        "cannot listen on :: because the system refuses setsockopt(IPV6_V6ONLY) ({error}), and :: would then \
         take IPv4 too: allow the call, or give --bind the IPv6 addresses of this machine"
    )
}

fn out_of_reach(f: &mut fmt::Formatter<'_>, path: &Path) -> fmt::Result {
    write!(
        f,
        "{} is outside of what docroot may read since its start (see --landlock): \
         restart docroot to apply the new configuration",
        Name::of(path)
    )
}

fn address_not_ours(f: &mut fmt::Formatter<'_>, address: IpAddr) -> fmt::Result {
    write!(
        f,
        "{address} is not an address of this machine: \
         give --bind one of its addresses, or {} for all of them",
        any_like(address)
    )
}

impl std::error::Error for StartError {}

impl From<SocketError> for StartError {
    fn from(fault: SocketError) -> StartError {
        StartError::Socket(fault)
    }
}

fn is(error: &io::Error, errno: Errno) -> bool {
    error.raw_os_error() == Some(errno.raw_os_error())
}

fn is_too_many_files(error: &io::Error) -> bool {
    is(error, Errno::MFILE) || is(error, Errno::NFILE)
}

/// The address that means every address of the same family.
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
        // What happened, a colon or a semicolon, what to do.
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
    fn errors_of_the_root_say_what_to_do() {
        check_root("a", Errno::NOENT, "\"a\" does not exist: name");
        check_root("a/b", Errno::NOTDIR, "\"a/b\" does not exist: name");
        check_root("a\nb", Errno::NOENT, r#""a\nb" does not exist: name"#);
        let blank = r#""a\u{3164}\u{2800}" does not exist: name"#;
        check_root("a\u{3164}\u{2800}", Errno::NOENT, blank);
        check_root("8000", Errno::NOENT, "\"8000\" does not exist: to serve");
        check_root(":80", Errno::NOENT, "\":80\" does not exist: to serve");
        for path in ["0", "65536", "8000/", "+8", "::1"] {
            let name = format!("{path:?} does not exist: name");
            check_root(path, Errno::NOENT, &name);
        }
        check_root("a", Errno::ACCESS, "\"a\" cannot be read: change");
        check_root("a", Errno::IO, "\"a\" cannot be opened: ");
        check_root("a", Errno::LOOP, "\"a\" cannot be opened: ");
        check_root("a", Errno::MFILE, "too many files are open: ");
        check(&StartError::RootNotServable("a".into()), "\"a\" is neither");
    }

    #[test]
    fn errors_of_listening_say_what_to_do() {
        check_listen(
            "127.0.0.1:80",
            Errno::ADDRINUSE,
            "127.0.0.1:80 is already in use: stop",
        );
        check_listen(
            "[::1]:80",
            Errno::ADDRINUSE,
            "[::1]:80 is already in use: stop",
        );
        check_listen("192.0.2.1:1", Errno::ADDRNOTAVAIL, "192.0.2.1 is not an");
        check_listen("127.0.0.1:80", Errno::ACCESS, "port 80 needs");
        check_listen("127.0.0.1:1023", Errno::ACCESS, "port 1023 needs");
        // These ports need no privileges, so a policy of the system forbids it.
        check_listen("127.0.0.1:1024", Errno::ACCESS, "cannot listen on");
        check_listen("127.0.0.1:0", Errno::ACCESS, "cannot listen on");
        check_listen(
            "[::1]:80",
            Errno::AFNOSUPPORT,
            "this system does not support",
        );
        check_listen("[::1]:80", Errno::NFILE, "too many files are open: ");
        check(&StartError::NoFreePort(8080, 8179), "the ports from 8080");
        let refused = StartError::Ipv6OnlyRefused(fault(Errno::NOSYS));
        check(
            &refused,
            "cannot listen on :: because the system refuses setsockopt(IPV6_V6ONLY) (",
        );
        let too_few = StartError::TooFewDescriptors {
            needed: 21,
            allowed: 12,
        };
        check(
            &too_few,
            "21 file descriptors are needed and 12 are allowed: ",
        );
        check(
            &StartError::OutOfReach("/opt/a".into()),
            "\"/opt/a\" is outside of what docroot may read",
        );
        let no_thread = StartError::System("a thread", fault(Errno::AGAIN));
        check(&no_thread, "a thread could not be created: ");
    }

    #[test]
    fn the_wildcard_address_has_the_family_of_the_address() {
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
