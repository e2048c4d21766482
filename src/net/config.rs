//! The configuration of a server.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::guide::access::Access;
use crate::http1::allowed_hosts::{AllowedHosts, HostPattern};
use crate::net::limits::{Deadlines, Limits, max_copies};
use crate::net::privileges::options::Privileges;
use crate::net::tls::options::TlsOptions;
use crate::observe::options::{LogFormat, LogOptions};
use crate::semantics::address_rules::AddressRules;
use crate::semantics::forwarded::TrustedProxies;
use crate::semantics::pattern::Pattern;
use crate::semantics::rules::Rules;
use crate::site::options::SiteOptions;

/// The default port: the one that people try first for a local server.
const DEFAULT_PORT: u16 = 8080;

/// 4: a disk has more than one request under way at its best, and one thread is kept for looking at
/// names. More threads would mostly wait for each other.
const DISK_THREADS: usize = 4;

/// The configuration of a server, as plain values. Nothing was opened or looked up to make it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The directory or the single file to serve.
    pub root: PathBuf,
    /// The addresses to listen on, one socket per address.
    pub bind: Bind,
    /// The port to listen on.
    pub port: Port,
    /// The hosts to answer for, beside those that follow from the addresses.
    pub allow_hosts: Vec<HostPattern>,
    /// The proxies that may name the client.
    pub proxies: Arc<TrustedProxies>,
    /// Where the server answers operators: see [`crate::guide::admin`].
    pub admin: Option<Admin>,
    /// How long the server still serves after it has said that it will leave.
    pub drain_delay: Duration,
    /// Where the server that is replaced waits, and this one for the next.
    pub take_over: Option<PathBuf>,
    /// Whether these proxies begin a connection with a header of the PROXY protocol.
    pub is_proxied: bool,
    /// Further sites, each for a host.
    pub sites: Vec<SiteRoot>,
    /// Whether docroot answers only for the hosts of `sites` and `allow_hosts`.
    pub strict_host: bool,
    /// Paths whose changes reload no page.
    pub reload_ignored: Vec<Pattern>,
    /// Whether to serve the lab: see [`crate::guide::lab`].
    pub lab: bool,
    /// Whether to serve the wire view: see [`crate::guide::inspect`].
    pub inspect: bool,
    /// Which clients may use the wire view and the lab, unless a proxy has forwarded their request.
    pub inspect_from: AddressRules,
    /// Which others may, and from where a proxy may forward requests. Those that are denied mean nothing here.
    pub inspect_named: AddressRules,
    /// From where learners of a class may use them; `None` if there is no class: see [`crate::guide::class`].
    pub class_from: Option<AddressRules>,
    /// How many workers to start, at least 1.
    pub threads: usize,
    /// How many threads may wait for the disk, at least 1.
    pub disk_threads: usize,
    /// How files are served.
    pub site: SiteOptions,
    /// The rules for paths.
    pub rules: Rules,
    /// The users and the hashes of their passwords.
    pub auth_file: Option<PathBuf>,
    /// How much a client may ask for.
    pub limits: Limits,
    /// How long a client may take.
    pub deadlines: Deadlines,
    /// How requests are logged.
    pub log: LogOptions,
    /// Whether each request has an id, which the response and the log have.
    pub request_ids: bool,
    /// Where docroot writes what it says of itself while it serves. Without a file, on the standard error.
    pub error_log: Option<PathBuf>,
    /// HTTPS. `None` serves plain text.
    pub tls: Option<TlsOptions>,
    /// What the process gives up before it serves.
    pub privileges: Privileges,
}

impl Config {
    /// The defaults for a server of `root`, with this many workers and as many private copies as fit into
    /// `descriptors` open files. Nothing is logged.
    pub fn new(root: PathBuf, threads: usize, descriptors: u64) -> Config {
        Config {
            root,
            bind: Bind::loopback(),
            port: Port::Preferred(DEFAULT_PORT),
            allow_hosts: Vec::new(),
            proxies: Arc::default(),
            is_proxied: false,
            admin: None,
            drain_delay: Duration::ZERO,
            take_over: None,
            sites: Vec::new(),
            strict_host: false,
            reload_ignored: Vec::new(),
            lab: false,
            inspect: false,
            inspect_from: AddressRules::loopback(),
            inspect_named: AddressRules::default(),
            class_from: None,
            threads,
            disk_threads: DISK_THREADS,
            site: SiteOptions {
                max_copies: max_copies(descriptors),
                ..SiteOptions::default()
            },
            rules: Rules::default(),
            auth_file: None,
            limits: Limits::default(),
            deadlines: Deadlines::default(),
            log: LogOptions::OFF,
            request_ids: false,
            error_log: None,
            tls: None,
            privileges: Privileges::default(),
        }
    }
}

/// The options whose new values are ignored.
struct Kept(Vec<&'static str>);

impl Kept {
    /// Puts the old value in the place of the new one.
    fn keep<T: PartialEq + Clone>(&mut self, name: &'static str, new: &mut T, old: &T) {
        if new != old {
            self.0.push(name);
            new.clone_from(old);
        }
    }
}

/// A site for a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteRoot {
    /// The host.
    pub host: HostPattern,
    /// The directory or the single file to serve there.
    pub root: PathBuf,
}

impl Config {
    /// Takes over from the configuration of a running server what cannot change while it runs. Returns the options
    /// whose new values are ignored.
    pub(super) fn keep_fixed(&mut self, running: &Config) -> Vec<&'static str> {
        let mut kept = Kept(Vec::new());
        self.keep_listeners(running, &mut kept);
        kept.keep("--threads", &mut self.threads, &running.threads);
        kept.keep(
            "--disk-threads",
            &mut self.disk_threads,
            &running.disk_threads,
        );
        kept.keep("--inspect", &mut self.inspect, &running.inspect);
        kept.keep("--lab", &mut self.lab, &running.lab);
        let (site, served) = (&mut self.site, &running.site);
        kept.keep("--memory", &mut site.memory, &served.memory);
        kept.keep(
            "--cache-memory",
            &mut site.cache_memory,
            &served.cache_memory,
        );
        let (privileges, given_up) = (&mut self.privileges, &running.privileges);
        kept.keep("--user", &mut privileges.user, &given_up.user);
        kept.keep("--landlock", &mut privileges.landlock, &given_up.landlock);
        privileges.own_folder.clone_from(&given_up.own_folder);
        // They follow from others, so nobody sets them.
        (site.max_copies, site.storage) = (served.max_copies, served.storage);
        let (limits, earlier) = (&mut self.limits, &running.limits);
        kept.keep(
            "--max-connections",
            &mut limits.max_connections,
            &earlier.max_connections,
        );
        kept.keep("--max-head", &mut limits.max_head, &earlier.max_head);
        kept.keep("--error-log", &mut self.error_log, &running.error_log);
        if self.class_from.is_some() != running.class_from.is_some() {
            kept.keep(
                "whether there is a class",
                &mut self.class_from,
                &running.class_from,
            );
        }
        self.keep_tls(running, &mut kept);
        self.keep_log(running, &mut kept);
        kept.0
    }

    fn keep_listeners(&mut self, running: &Config, kept: &mut Kept) {
        // The addresses of passed sockets are known since the start.
        if self.bind.passed && running.bind.passed {
            self.bind.clone_from(&running.bind);
        }
        kept.keep("--bind", &mut self.bind, &running.bind);
        kept.keep("--port", &mut self.port, &running.port);
        kept.keep(
            "--proxy-protocol",
            &mut self.is_proxied,
            &running.is_proxied,
        );
        kept.keep("--admin", &mut self.admin, &running.admin);
        kept.keep("--take-over", &mut self.take_over, &running.take_over);
    }

    fn keep_tls(&mut self, running: &Config, kept: &mut Kept) {
        let redirect = |tls: &Option<TlsOptions>| tls.as_ref().and_then(|tls| tls.redirect);
        let (mut wanted, earlier) = (redirect(&self.tls), redirect(&running.tls));
        if self.tls.is_some() != running.tls.is_some() {
            kept.keep("whether HTTPS is on", &mut self.tls, &running.tls);
        }
        kept.keep("--http-redirect", &mut wanted, &earlier);
        if let Some(tls) = &mut self.tls {
            tls.redirect = earlier;
        }
    }

    fn keep_log(&mut self, running: &Config, kept: &mut Kept) {
        if (self.log.format == LogFormat::Off) != (running.log.format == LogFormat::Off) {
            let (mut wanted, earlier) = (self.log.file.clone(), &running.log.file);
            kept.keep("whether there is a log", &mut self.log, &running.log);
            kept.keep("--log-file", &mut wanted, earlier);
        } else if self.log.file != running.log.file {
            // The format and the colours fit where the log goes.
            kept.keep(
                "--log-file and the other options of the log",
                &mut self.log,
                &running.log,
            );
        }
    }

    /// Everything that is served, each path once.
    pub fn roots(&self) -> Vec<&Path> {
        let mut roots = vec![self.root.as_path()];
        for site in &self.sites {
            if !roots.contains(&site.root.as_path()) {
                roots.push(&site.root);
            }
        }
        roots
    }

    /// Who may use the wire view and the lab.
    pub(super) fn guide_access(&self) -> Access {
        Access::new(
            self.guide_hosts(),
            self.inspect_from.clone(),
            self.inspect_named.clone(),
            self.class_from.clone(),
        )
    }

    fn guide_hosts(&self) -> AllowedHosts {
        // If a host is named, others are refused. A foreign page must not make its own name mean this machine.
        let mut named = vec![HostPattern::Name("localhost".to_owned())];
        named.extend(self.allow_hosts.iter().cloned());
        named.extend(self.sites.iter().map(|site| site.host.clone()));
        AllowedHosts::new(self.bind.addresses(), &named)
    }

    /// The hosts of `allow_hosts`, if docroot answers only for them and for those of `sites`. `None`: it
    /// answers for its own addresses too.
    pub fn only_hosts(&self) -> Option<&[HostPattern]> {
        let of_sites = self.sites.iter().map(|site| &site.host);
        let mut named = self.allow_hosts.iter().chain(of_sites);
        let is_open = named.any(|host| *host == HostPattern::Any);
        (self.strict_host && !is_open).then_some(&self.allow_hosts)
    }

    /// The hosts to answer for.
    pub(super) fn hosts(&self) -> AllowedHosts {
        let sites = self.sites.iter().map(|site| site.host.clone());
        let named: Vec<HostPattern> = self.allow_hosts.iter().cloned().chain(sites).collect();
        if self.strict_host {
            return AllowedHosts::only(&named);
        }
        // No browser can open a socket of the Unix domain, so without addresses there is no DNS rebinding.
        if self.bind.addresses().next().is_none() && self.allow_hosts.is_empty() {
            return AllowedHosts::only(&[HostPattern::Any]);
        }
        // A server that answers for every host does so with sites too.
        let limits = self.bind.is_loopback() || !self.allow_hosts.is_empty();
        AllowedHosts::new(self.bind.addresses(), if limits { &named } else { &[] })
    }
}

/// Where the server answers operators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admin {
    /// The address or the socket.
    pub bind: Bind,
    /// The port of the address. With 0, the system chooses.
    pub port: u16,
}

/// The addresses and sockets to listen on. None occurs twice, and none is among those that another one means.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bind {
    /// Addresses that the user named. If one cannot be bound, the server does not start.
    ///
    /// `0.0.0.0` means every IPv4 address, and `::` every IPv6 address but no IPv4 address. The user
    /// can name both.
    pub required: Vec<IpAddr>,
    /// Addresses to skip if the machine lacks them, as long as one address is left.
    pub optional: Vec<IpAddr>,
    /// Sockets of the Unix domain.
    pub sockets: Vec<SocketFile>,
    /// Whether to listen on the sockets that the service manager passes.
    pub passed: bool,
}

impl Bind {
    /// This machine only: 127.0.0.1 and ::1, whichever exist.
    pub fn loopback() -> Bind {
        Bind {
            optional: Bind::LOOPBACK.to_vec(),
            ..Bind::default()
        }
    }

    /// Whether only this machine can connect. Through a socket of the Unix domain, nobody else can.
    pub fn is_loopback(&self) -> bool {
        // Until the sockets are there, nobody knows.
        let is_known = !self.passed || self.addresses().next().is_some();
        is_known && self.addresses().all(|ip| ip.to_canonical().is_loopback())
    }

    /// Leaves out each address that another one means too: the system would say that its port is in use.
    pub fn leave_out_covered(&mut self) {
        let all: Vec<IpAddr> = self.addresses().collect();
        let is_covered = |ip: &IpAddr| {
            let mut wider = all.iter().filter(|other| other.is_unspecified());
            wider.any(|other| other != ip && other.is_ipv4() == ip.is_ipv4())
        };
        self.required.retain(|ip| !is_covered(ip));
        let required = &self.required;
        self.optional
            .retain(|ip| !is_covered(ip) && !required.contains(ip));
    }

    /// All addresses.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.required.iter().chain(&self.optional).copied()
    }

    /// The addresses of `localhost` (RFC 6761 section 6.3).
    pub const LOOPBACK: [IpAddr; 2] = [
        IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::LOCALHOST),
    ];
}

/// A socket of the Unix domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketFile {
    /// The path.
    pub path: PathBuf,
    /// The permissions. `None` leaves them to the umask of the process.
    pub mode: Option<u32>,
}

/// The port to listen on, the same for every address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    /// Only this port. With 0, the system chooses.
    Fixed(u16),
    /// This port or, if it is in use, the next free one above. For when the user named no port.
    Preferred(u16),
}

impl Port {
    /// The number that is tried first.
    pub fn number(self) -> u16 {
        match self {
            Port::Fixed(number) | Port::Preferred(number) => number,
        }
    }
}
