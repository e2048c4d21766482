//! Opens listeners: chooses the addresses and the port.

use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};

use crate::net::config::{Bind, Port};
use crate::net::inherited::Inherited;
use crate::net::start_error::StartError;

/// Clients that may wait in the kernel's queue. The kernel lowers it to its own limit.
pub(super) const BACKLOG: i32 = 4096;

/// How many ports are tried, beginning with a preferred one. If the system chooses the port, how
/// often it is asked for one that is free on every address.
const TRIES: u16 = 100;

/// Listens on every address, with the same port. Sockets of a server that is replaced are used again.
pub fn bind(
    bind: &Bind,
    port: Port,
    inherited: &mut Inherited,
) -> Result<Vec<TcpListener>, StartError> {
    open_on_one_port(bind, port, |address| match inherited.take(address) {
        Some(socket) => Ok(socket),
        None => listen(address),
    })
}

/// Whether a server could listen there. It binds and does not listen, so no client can connect, and another
/// server can still start.
pub fn probe(bind: &Bind, port: Port) -> Result<(), StartError> {
    open_on_one_port(bind, port, |address| {
        Ok(TcpListener::from(bound_socket(address)?))
    })
    .map(drop)
}

/// Opens a socket for every address, with the same port.
fn open_on_one_port(
    bind: &Bind,
    port: Port,
    mut open: impl FnMut(SocketAddr) -> Result<TcpListener, StartError>,
) -> Result<Vec<TcpListener>, StartError> {
    let (first, tries) = match port {
        Port::Fixed(0) => (0, TRIES),
        Port::Fixed(port) => (port, 1),
        Port::Preferred(port) => (port, TRIES),
    };
    for attempt in 0..tries {
        let port = match first {
            0 => 0,
            _ => first.saturating_add(attempt),
        };
        match open_all(bind, port, &mut open) {
            Err(StartError::PortTaken(_)) if tries > 1 => {}
            outcome => return outcome,
        }
    }
    Err(StartError::NoFreePort(
        first,
        first.saturating_add(TRIES - 1),
    ))
}

fn open_all(
    bind: &Bind,
    port: u16,
    open: &mut impl FnMut(SocketAddr) -> Result<TcpListener, StartError>,
) -> Result<Vec<TcpListener>, StartError> {
    let required = bind.required.iter().map(|&ip| (ip, true));
    let optional = bind.optional.iter().map(|&ip| (ip, false));
    let wanted = required.chain(optional);
    let mut listeners: Vec<TcpListener> = Vec::new();
    let mut missing = None;
    let mut port = port;
    for (ip, is_required) in wanted {
        let address = SocketAddr::new(ip, port);
        match open(address) {
            Ok(listener) => {
                // If the system chose the port, the remaining addresses get the same one.
                let chosen = listener.local_addr();
                let chosen = chosen.map_err(|fault| StartError::from_listen(address, fault))?;
                port = chosen.port();
                listeners.push(listener);
            }
            Err(fault) if !is_required && is_missing(&fault) => missing = Some(fault),
            Err(fault) => return Err(fault),
        }
    }
    match missing {
        Some(missing) if listeners.is_empty() => Err(missing),
        _ => Ok(listeners),
    }
}

/// Whether the machine lacks the address or its protocol.
fn is_missing(fault: &StartError) -> bool {
    matches!(
        fault,
        StartError::AddressNotOurs(_) | StartError::FamilyUnsupported(_)
    )
}

fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    let socket = bound_socket(address)?;
    rustix::net::listen(&socket, BACKLOG)
        .map_err(|errno| StartError::from_listen(address, errno.into()))?;
    Ok(TcpListener::from(socket))
}

/// A socket that has the address and does not listen.
fn bound_socket(address: SocketAddr) -> Result<OwnedFd, StartError> {
    let fault = |errno: Errno| StartError::from_listen(address, errno.into());
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let flags = SocketFlags::CLOEXEC;
    let socket =
        rustix::net::socket_with(family, SocketType::STREAM, flags, None).map_err(fault)?;
    // If a sandbox refuses this, the port of a server that has ended may stay in use for a minute.
    let _ = sockopt::set_socket_reuseaddr(&socket, true);
    if address.is_ipv6() {
        // `::` must not take IPv4 too, so that `0.0.0.0` can be bound beside it. Other addresses never do.
        match sockopt::set_ipv6_v6only(&socket, true) {
            Err(errno) if address.ip().is_unspecified() => {
                return Err(StartError::Ipv6OnlyRefused(errno.into()));
            }
            _ => {}
        }
    }
    // Accepted sockets inherit this. Responses are written whole, so waiting to fill a packet would
    // only delay their last bytes. If a sandbox refuses this, the last bytes are sent later.
    let _ = sockopt::set_tcp_nodelay(&socket, true);
    rustix::net::bind(&socket, &address).map_err(fault)?;
    Ok(socket)
}
