//! Listening sockets that the service manager passes to its services (sd_listen_fds(3)). It can open a port below 1024
//! for a service without privileges, and keeps the port open while the service restarts.

use std::net::TcpListener;
use std::{env, process};

use crate::net::socket_error::SocketError;
use crate::net::start_error::StartError;

/// The sockets. They can be had once.
#[cfg(feature = "systemd")]
pub fn sockets() -> Result<Vec<TcpListener>, StartError> {
    let mut passed = listenfd::ListenFd::from_env();
    let taken = (0..passed.len()).map(|number| take(&mut passed, number));
    let sockets: Vec<TcpListener> = taken.collect::<Result<_, _>>()?;
    match sockets.is_empty() {
        true => Err(SocketError::NonePassed.into()),
        false => Ok(sockets),
    }
}

/// There are none.
#[cfg(not(feature = "systemd"))]
pub fn sockets() -> Result<Vec<TcpListener>, StartError> {
    Err(SocketError::NonePassed.into())
}

/// How many sockets the service manager has passed to this process that nobody has taken. It listens on them, so clients
/// that connect wait until somebody does.
pub fn waiting() -> usize {
    let number = |name: &str| env::var(name).ok()?.parse::<u32>().ok();
    let is_ours = number("LISTEN_PID") == Some(process::id());
    let count = number("LISTEN_FDS").filter(|_| is_ours).unwrap_or(0);
    usize::try_from(count).unwrap_or(usize::MAX)
}

/// Takes the socket with this number.
#[cfg(feature = "systemd")]
fn take(passed: &mut listenfd::ListenFd, number: usize) -> Result<TcpListener, StartError> {
    use rustix::net::sockopt;
    use std::os::fd::OwnedFd;
    let socket = match passed.take_tcp_listener(number) {
        Ok(socket) => socket,
        // The calls for a stream socket are the same in both families, so the workers need not know.
        Err(_) => {
            let socket = passed.take_unix_listener(number);
            let socket = socket.map_err(|error| SocketError::Passed(number, error))?;
            socket.map(|socket| TcpListener::from(OwnedFd::from(socket)))
        }
    };
    let socket = socket.ok_or(SocketError::NonePassed)?;
    if !sockopt::socket_acceptconn(&socket).unwrap_or(true) {
        let error = std::io::Error::other("it does not listen");
        return Err(SocketError::Passed(number, error).into());
    }
    // As for a socket of our own: see `listen::bound_socket`. A Unix socket has no such option.
    let _ = sockopt::set_tcp_nodelay(&socket, true);
    Ok(socket)
}
