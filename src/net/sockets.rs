//! The listening sockets of a server: opened, inherited or passed, and what each is for.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use crate::net::admin::AdminService;
use crate::net::config::{Bind, Config, Port};
use crate::net::inherited::Inherited;
use crate::net::listen;
use crate::net::listener::{Address, Bound, Listener, Service};
use crate::net::passed;
use crate::net::socket_file::{self, BoundFile};
use crate::net::start_error::StartError;

/// A listening socket, before it is known what it is for.
pub(super) struct Opened {
    socket: TcpListener,
    /// See [`Bound::is_passed`].
    is_passed: bool,
}

impl Opened {
    /// A socket that this server or the one before has opened.
    pub fn own(socket: TcpListener) -> Opened {
        Opened {
            socket,
            is_passed: false,
        }
    }

    fn passed(socket: TcpListener) -> Opened {
        Opened {
            socket,
            is_passed: true,
        }
    }
}

/// Opens listeners, and adds the files of those that have one.
pub(super) fn open_sockets(
    bind: &Bind,
    port: Port,
    inherited: &mut Inherited,
    files: &mut Vec<BoundFile>,
) -> Result<Vec<Opened>, StartError> {
    let mut sockets: Vec<Opened> = match bind.addresses().next() {
        Some(_) => bind_all(bind, port, inherited)?,
        None => Vec::new(),
    };
    if bind.passed {
        sockets.extend(passed::sockets()?.into_iter().map(Opened::passed));
    }
    for file in &bind.sockets {
        let (socket, file) = match inherited.take_file(&file.path) {
            Some(socket) => (socket, BoundFile::inherited(file)),
            None => socket_file::listen(file)?,
        };
        sockets.push(Opened::own(socket));
        files.push(file);
    }
    Ok(sockets)
}

/// Opens a socket for each address.
pub(super) fn bind_all(
    bind: &Bind,
    port: Port,
    inherited: &mut Inherited,
) -> Result<Vec<Opened>, StartError> {
    let sockets = listen::bind(bind, port, inherited)?;
    Ok(sockets.into_iter().map(Opened::own).collect())
}

/// Opens what listens for operators, if the configuration asks for it.
pub(super) fn open_admin(
    config: &Config,
    inherited: &mut Inherited,
    files: &mut Vec<BoundFile>,
) -> Result<Option<AdminService>, StartError> {
    let Some(admin) = &config.admin else {
        return Ok(None);
    };
    let port = Port::Fixed(admin.port);
    let sockets = open_sockets(&admin.bind, port, inherited, files)?;
    let mut listeners = with_listeners(sockets, config, false, Service::Admin)?;
    // The proxies of the site are not in front of this listener.
    for bound in &mut listeners {
        bound.listener.is_proxied = false;
    }
    AdminService::new(config, admin, listeners).map(Some)
}

/// The addresses of sockets that the service manager has passed are known from now on.
pub(super) fn learn_passed(bind: &mut Bind, listening: &[SocketAddr]) {
    if bind.passed {
        for ip in listening.iter().map(SocketAddr::ip) {
            if !bind.addresses().any(|known| known == ip) {
                bind.required.push(ip);
            }
        }
    }
}

/// Describes the sockets of a service.
pub(super) fn with_listeners(
    sockets: Vec<Opened>,
    config: &Config,
    is_tls: bool,
    service: Service,
) -> Result<Vec<Bound>, StartError> {
    let describe = |Opened { socket, is_passed }| {
        // Another process may accept the client that an acceptor has waited for.
        socket.set_nonblocking(true)?;
        let listener = Listener {
            address: address_of(&socket)?,
            is_proxied: config.is_proxied,
            is_tls,
            service,
        };
        Ok(Bound {
            listener,
            socket: Arc::new(socket),
            end: Arc::new(io::pipe()?),
            is_passed,
        })
    };
    sockets
        .into_iter()
        .map(describe)
        .collect::<io::Result<_>>()
        .map_err(|fault| StartError::System("a listener", fault))
}

fn address_of(socket: &TcpListener) -> io::Result<Address> {
    let address = rustix::net::getsockname(socket)?;
    Ok(SocketAddr::try_from(address).map_or(Address::Unix, Address::Tcp))
}

pub(super) fn addresses_of(listeners: &[Bound], service: Service) -> Vec<SocketAddr> {
    let of_service = listeners.iter().map(|bound| &bound.listener);
    of_service
        .filter(|listener| listener.service == service)
        .filter_map(|listener| listener.address.socket())
        .collect()
}
