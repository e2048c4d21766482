//! Options that name the same place to listen. The second socket would find the first one there, and the system could
//! only say that somebody has it.

use std::net::IpAddr;
use std::path::{Component, Path, PathBuf};

use crate::net::config::{Bind, Config};
use crate::text::escape::Name;

/// Fails if two options name the same port of an address, or the same socket of the Unix domain.
pub fn check_listeners(config: &Config) -> Result<(), String> {
    check_ports(config)?;
    check_sockets(config)
}

fn check_ports(config: &Config) -> Result<(), String> {
    let site = config.port.number();
    let redirect = config.tls.as_ref().and_then(|tls| tls.redirect);
    let mistake = |option: &str, port: u16, user: &str| {
        Err(format!(
            "{option} cannot use port {port}, because {user} uses it: \
             choose another port for one of them"
        ))
    };
    if let Some(port @ 1..) = redirect
        && port == site
    {
        return mistake("--http-redirect", port, "HTTPS");
    }
    let Some(admin) = &config.admin else {
        return Ok(());
    };
    // With 0, the system chooses.
    let is_same = |port: u16| port == admin.port && port != 0 && overlap(&config.bind, &admin.bind);
    if is_same(site) {
        return mistake("--admin", site, "the site");
    }
    match redirect.filter(|port| is_same(*port)) {
        Some(port) => mistake("--admin", port, "--http-redirect"),
        None => Ok(()),
    }
}

/// Whether a client could mean both with one address. `::` means no IPv4 address.
fn overlap(one: &Bind, other: &Bind) -> bool {
    let is_shared = |a: IpAddr, b: IpAddr| {
        let is_any = a.is_unspecified() || b.is_unspecified();
        a == b || (is_any && a.is_ipv4() == b.is_ipv4())
    };
    one.addresses()
        .any(|a| other.addresses().any(|b| is_shared(a, b)))
}

fn check_sockets(config: &Config) -> Result<(), String> {
    let of_admin = config.admin.iter().flat_map(|admin| &admin.bind.sockets);
    let sites = config.bind.sockets.iter();
    let sites = sites.map(|socket| ("--bind", socket.path.as_path()));
    let admins = of_admin.map(|socket| ("--admin", socket.path.as_path()));
    let take_over = config.take_over.iter();
    let take_over = take_over.map(|path| ("--take-over", path.as_path()));
    let mut known: Vec<(&str, PathBuf)> = Vec::new();
    for (option, path) in sites.chain(admins).chain(take_over) {
        let plain = plain(path);
        if let Some((other, _)) = known.iter().find(|(_, path)| *path == plain) {
            let path = Name::of(path);
            return Err(match *other == option {
                true => format!("{option} names the socket {path} twice: leave out one of them"),
                false => format!(
                    "{other} and {option} name the same socket {path}: choose another path for one of them"
                ),
            });
        }
        known.push((option, plain));
    }
    Ok(())
}

/// The path without `.`, so that `./s` is `s`.
fn plain(path: &Path) -> PathBuf {
    let parts = path.components();
    parts.filter(|part| *part != Component::CurDir).collect()
}
