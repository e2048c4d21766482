//! What a server is told before it starts.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

use crate::net::limits::{Deadlines, Limits};
use crate::net::tls::options::TlsOptions;
use crate::observe::access_log::LogOptions;
use crate::site::options::SiteOptions;

/// The port where none was asked for: the one that people try first for a server of their own.
pub const DEFAULT_PORT: u16 = 8080;

/// Everything a server needs to know, as plain values: nothing here was opened or looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The directory, or the single file, to serve.
    pub root: PathBuf,
    /// Where to listen, one socket for each.
    pub bind: Bind,
    /// On which port.
    pub port: Port,
    /// How many workers; at least 1.
    pub threads: usize,
    /// The choices about the files.
    pub site: SiteOptions,
    /// How much a client may ask for.
    pub limits: Limits,
    /// How long a client may take.
    pub deadlines: Deadlines,
    /// How requests are logged.
    pub log: LogOptions,
    /// HTTPS; `None` serves plain text.
    pub tls: Option<TlsOptions>,
}

/// The addresses to listen at. They hold no address twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bind {
    /// Addresses that were asked for by number: not to get one of them is an error.
    ///
    /// `0.0.0.0` is every IPv4 address and `::` every IPv6 address, each only that, so that both
    /// can be asked for at once.
    pub required: Vec<IpAddr>,
    /// Addresses to do without where the machine has them not, as long as one address is left.
    pub optional: Vec<IpAddr>,
}

impl Bind {
    /// This machine only: 127.0.0.1 and, where there is one, ::1.
    pub fn loopback() -> Bind {
        Bind {
            required: Vec::new(),
            optional: Bind::LOOPBACK.to_vec(),
        }
    }

    /// The two addresses `localhost` stands for (RFC 6761 section 6.3).
    pub const LOOPBACK: [IpAddr; 2] = [
        IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::LOCALHOST),
    ];
}

/// The port to listen on, the same at every address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    /// This one and no other; 0 lets the system choose.
    Fixed(u16),
    /// This one or, where it is taken, the next free one above it: nobody asked for a number.
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
