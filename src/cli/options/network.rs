//! Where the server listens, and with how many threads.

use std::net::IpAddr;

use super::definition::{Group, Kind, List, OptionDef, Scope, store, utf8};
use crate::cli::units::{count, port};
use crate::http1::allowed_hosts::HostPattern;
use crate::net::config::{Bind, Port, SiteRoot};

/// The options of this group.
pub const GROUP: Group = Group {
    heading: "Network",
    options: &[
        PORT,
        BIND,
        ALLOW_HOST,
        SITE,
        STRICT_HOST,
        THREADS,
        DISK_THREADS,
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
            settings.config.bind = Bind {
                required: Vec::new(),
                optional: Vec::new(),
            };
        },
        add: |settings, value| {
            let lan = settings.lan;
            add_address(&mut settings.config.bind, lan, utf8(value)?)
        },
    }),
    "The address to listen on. 0.0.0.0 means every IPv4 address of this machine, :: every IPv6 \
     address, and lan the address of the interface that has the default route. For several addresses, \
     repeat the option or separate them with commas",
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
    "The maximum number of threads that wait for the disk, so that no worker thread does",
)
.default(|settings| settings.config.disk_threads.to_string());

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
    bind.optional.retain(|ip| !bind.required.contains(ip));
    Ok(())
}

/// Parses an IP address. It may have brackets, as IPv6 addresses in URLs have.
fn numeric(text: &str) -> Result<IpAddr, String> {
    let inner = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    let ip = inner.unwrap_or(text).parse();
    ip.map_err(|_| {
        "not an IP address such as 127.0.0.1, 0.0.0.0 or ::, nor localhost or lan".into()
    })
}
