//! Where the server listens, and with how many threads.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use super::definition::{Group, Kind, List, OptionDef, Scope, store, utf8};
use crate::cli::units::{count, port};
use crate::http1::allowed_hosts::HostPattern;
use crate::net::config::{Bind, Port, SiteRoot, SocketFile};

/// The options of this group.
pub const GROUP: Group = Group {
    heading: "Network",
    options: &[
        PORT,
        BIND,
        ALLOW_HOST,
        TRUST_PROXY,
        PROXY_PROTOCOL,
        SITE,
        STRICT_HOST,
        THREADS,
        DISK_THREADS,
        TAKE_OVER,
    ],
};

const PORT: OptionDef = OptionDef::new(
    "port",
    Kind::Text("N", |settings, text| {
        store(&mut settings.config.port, port(text).map(Port::Fixed))
    }),
    "The port to listen on. 0 lets the system choose a free one",
)
.short('p')
// Hosting platforms set this variable.
.second_variable("PORT")
.default(|settings| format!("{}, or the next free one", settings.config.port.number()))
.common("The port [default: {}]");

const BIND: OptionDef = OptionDef::new(
    "bind",
    Kind::List(List {
        name: "ADDR",
        separator: Some(','),
        clear: |settings| {
            settings.config.bind = Bind::default();
        },
        add: |settings, value| {
            let lan = settings.lan;
            add_listener(&mut settings.config.bind, lan, utf8(value)?)
        },
    }),
    "The address to listen on. 0.0.0.0 means every IPv4 address of this machine, :: every IPv6 \
     address, and lan the address of the interface that has the default route. unix:PATH means a socket of the Unix \
     domain, for a proxy on this machine, and unix:PATH,mode=0660 gives it these permissions. systemd means the \
     sockets of a socket unit. For several addresses, repeat the option or separate them with commas",
)
.short('b')
.alias("host")
.default(|_| LOCALHOST.into())
// It decides for which hosts the server answers.
.scope(Scope::Answer)
.common("The address, such as lan [default: {}]");

const ALLOW_HOST: OptionDef = OptionDef::new(
    "allow-host",
    Kind::List(List {
        name: "NAME",
        separator: Some(','),
        clear: |settings| settings.config.allow_hosts.clear(),
        add: |settings, value| {
            let pattern = HostPattern::parse(utf8(value)?).map_err(|fault| fault.to_string())?;
            settings.config.allow_hosts.push(pattern);
            Ok(())
        },
    }),
    "A host to answer for, such as files.example, *.example for every name that ends in .example, or * for every \
     host. Without --strict-host, localhost and its addresses are always allowed. If only this machine \
     can connect, docroot \
     answers 421 for all other hosts, so that no foreign page can read the files by DNS rebinding. If \
     other machines can connect, docroot answers for every host until this option is given, and then \
     for the bound addresses too",
)
.default(|_| "no other host".into())
.scope(Scope::Answer)
.common("Answer for this host name, such as *.example");

const TRUST_PROXY: OptionDef = OptionDef::new(
    "trust-proxy",
    Kind::List(List {
        name: "BLOCK",
        separator: Some(','),
        clear: |settings| Arc::make_mut(&mut settings.config.proxies).clear(),
        add: |settings, value| {
            let added = Arc::make_mut(&mut settings.config.proxies).add(utf8(value)?);
            added.map_err(|fault| fault.to_string())
        },
    }),
    "A reverse proxy, or a block of them, such as 10.0.0.0/8. docroot takes the address of the client, its scheme and \
     its host from what these proxies write: Forwarded, or X-Forwarded-For, X-Forwarded-Proto and \
     X-Forwarded-Host. If a request has both kinds, docroot answers 400, because a client may have sent one of \
     them, unless you say which the proxy writes: 10.0.0.1=forwarded or 10.0.0.1=x-forwarded. Of blocks that overlap, the \
     smallest one counts",
)
.default(|_| "none".into())
.scope(Scope::Answer);

const PROXY_PROTOCOL: OptionDef = OptionDef::new(
    "proxy-protocol",
    Kind::Switch(|settings| settings.config.is_proxied = true),
    "The proxies of --trust-proxy begin each connection with a header of the PROXY protocol, version 1 or 2, which \
     names the client. Other clients connect without one. If a proxy sends none, docroot answers 400",
);

const SITE: OptionDef = OptionDef::new(
    "site",
    Kind::List(List {
        name: "HOST=DIR",
        separator: Some('\n'),
        clear: |settings| settings.config.sites.clear(),
        add: |settings, value| {
            let site = site(utf8(value)?)?;
            let sites = &mut settings.config.sites;
            if sites.iter().any(|other| other.host == site.host) {
                return Err("this host has a site already: remove one of the two".into());
            }
            sites.push(site);
            Ok(())
        },
    }),
    "Serve this directory for this host, such as docs.example=/srv/docs or *.example=/srv/all. All other \
     hosts get PATH or, without it, the first site. Repeat the option for several sites",
)
.default(|_| "one site for all hosts".into())
.table("{host}={root}")
.scope(Scope::Answer);

const STRICT_HOST: OptionDef = OptionDef::new(
    "strict-host",
    Kind::Switch(|settings| settings.config.strict_host = true),
    "Answer 421 for every host that neither --site nor --allow-host names, localhost included",
)
.scope(Scope::Answer);

const THREADS: OptionDef = OptionDef::new(
    "threads",
    Kind::Text("N", |settings, text| {
        store(&mut settings.config.threads, count(text, 1..=1024))
    }),
    "The number of worker threads",
)
.short('t')
.default(|_| "one per processor".into());

const DISK_THREADS: OptionDef = OptionDef::new(
    "disk-threads",
    Kind::Text("N", |settings, text| {
        store(&mut settings.config.disk_threads, count(text, 1..=64))
    }),
    "The number of threads that wait for the disk, so that no worker thread does. If one file system occupies all of \
     them, each other file system gets one or two extra threads",
)
.default(|settings| settings.config.disk_threads.to_string());

const TAKE_OVER: OptionDef = OptionDef::new(
    "take-over",
    Kind::File(|settings, file| settings.config.take_over = Some(file)),
    "Replace the docroot that waits at this path, without refusing a client: take over its listening sockets, and let \
     it finish what it has begun. Then wait at this path for the next one. If none waits there, just start",
)
.default(|_| "off".into());

/// Parses a host and the directory to serve there.
fn site(text: &str) -> Result<SiteRoot, String> {
    let hint = "write HOST=DIR, such as docs.example=/srv/docs";
    let (host, root) = text.split_once('=').ok_or(hint)?;
    if root.is_empty() {
        return Err(hint.into());
    }
    let host = HostPattern::parse(host).map_err(|fault| fault.to_string())?;
    if host == HostPattern::Any {
        return Err(format!(
            "'*' matches every host: give '{root}' as PATH instead, which serves all hosts without a site"
        ));
    }
    let root = root.into();
    Ok(SiteRoot { host, root })
}

/// The name of the address at which other machines of the network reach this one.
const LAN: &str = "lan";

/// The name of the loopback addresses (RFC 6761 section 6.3).
const LOCALHOST: &str = "localhost";

/// What begins the path of a socket, and the permissions of the one before.
pub(super) const SOCKET: &str = "unix:";
const MODE: &str = "mode=";

/// The sockets that systemd passes.
const SYSTEMD: &str = "systemd";

/// Adds an address or a socket.
fn add_listener(bind: &mut Bind, lan: Option<IpAddr>, text: &str) -> Result<(), String> {
    if text == SYSTEMD {
        bind.passed = true;
        return match cfg!(feature = "systemd") {
            true => Ok(()),
            false => Err(
                "this docroot was built without systemd: to get it, run cargo install --path . --features systemd"
                    .into(),
            ),
        };
    }
    if let Some(path) = text.strip_prefix(SOCKET) {
        return add_socket(bind, path);
    }
    match text.strip_prefix(MODE) {
        Some(mode) => set_mode(bind, mode),
        None => add_address(bind, lan, text),
    }
}

pub(super) fn add_socket(bind: &mut Bind, text: &str) -> Result<(), String> {
    // In a configuration file, the permissions are in the same string.
    if let Some((path, mode)) = text.rsplit_once(",mode=") {
        add_socket(bind, path)?;
        return set_mode(bind, mode);
    }
    if text.is_empty() {
        return Err("write unix:PATH, such as unix:/run/docroot.sock".into());
    }
    let path = PathBuf::from(text);
    if !bind.sockets.iter().any(|socket| socket.path == path) {
        bind.sockets.push(SocketFile { path, mode: None });
    }
    Ok(())
}

/// Sets the permissions of the last socket.
fn set_mode(bind: &mut Bind, text: &str) -> Result<(), String> {
    let socket = bind.sockets.last_mut();
    let socket = socket.ok_or("mode= belongs behind a socket: write unix:PATH,mode=0660")?;
    let mode = u32::from_str_radix(text, 8)
        .ok()
        .filter(|mode| *mode <= 0o777);
    let mode =
        mode.ok_or("the mode of a socket must be an octal number up to 0777, such as 0660")?;
    socket.mode = Some(mode);
    Ok(())
}

/// Adds an address once. A numeric address is required, even if `localhost` includes it.
fn add_address(bind: &mut Bind, lan: Option<IpAddr>, text: &str) -> Result<(), String> {
    if text.eq_ignore_ascii_case(LOCALHOST) {
        bind.optional = Bind::LOOPBACK.to_vec();
    } else {
        let ip = match text.eq_ignore_ascii_case(LAN) {
            true => {
                lan.ok_or("this machine has no network; name an address, or 0.0.0.0 for all")?
            }
            false => numeric(text)?,
        };
        if !bind.required.contains(&ip) {
            bind.required.push(ip);
        }
    }
    bind.leave_out_covered();
    Ok(())
}

/// Parses an IP address. It may have brackets, as IPv6 addresses in URLs have.
fn numeric(text: &str) -> Result<IpAddr, String> {
    let inner = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    let ip = inner.unwrap_or(text).parse();
    ip.map_err(|_| {
        "not an IP address such as 127.0.0.1, 0.0.0.0 or ::, nor localhost, lan, unix:PATH or systemd".into()
    })
}
