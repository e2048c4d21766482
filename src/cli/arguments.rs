//! The options, their defaults and their help.
//!
//! The defaults of limits and deadlines stand here as people write them; a test holds them against
//! the values of `net::limits`.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{TypedValueParser, ValueParser};
use clap::{ArgAction, Parser, ValueEnum, value_parser};
use clap_complete::Shell;

use super::Launch;
use super::https::Https;
use super::surroundings::Surroundings;
use super::units::{deadline, duration, port, size};
use crate::net::config::{Bind, Config, DEFAULT_PORT, Port};
use crate::net::limits::{Deadlines, Limits, max_connections, max_copies};
use crate::observe::access_log::{LogFormat, LogOptions};
use crate::site::options::SiteOptions;
use crate::site::private::Medium;

/// The name that clap gives `--port`.
pub const PORT: &str = "port";
/// The name that clap gives `--completions`.
pub const COMPLETIONS: &str = "completions";
/// The name that clap gives `--man`.
pub const MAN: &str = "man";

const SERVING: &str = "Serving";
const NETWORK: &str = "Network";
const OUTPUT: &str = "Output";
const LIMITS: &str = "Limits and deadlines";
const OTHER: &str = "Other";

const AFTER_HELP: &str = "\
Sizes are written 512, 64k, 1m or 2g; durations 500ms, 10s, 2m or 1h.

Every option can also be set in the environment: --idle-timeout 5s is DOCROOT_IDLE_TIMEOUT=5s,
--no-listing is DOCROOT_NO_LISTING=1. The command line wins. Without DOCROOT_PORT, PORT is read.

Examples:
  docroot                          serve this folder to this machine
  docroot -o www                   serve www and open it in the browser
  docroot -b 0.0.0.0 -p 9000 /srv  serve /srv to the network, on port 9000
  docroot report.pdf               serve a single file
  docroot --tls-self-signed        serve this folder over HTTPS
  docroot --log-format json | jq   read the log with a program";

/// Serve a directory, or a single file, over HTTP
#[derive(Debug, Parser)]
#[command(
    name = "docroot",
    version,
    after_help = AFTER_HELP,
    override_usage = "docroot [OPTIONS] [PATH]",
    disable_help_flag = true,
    disable_version_flag = true,
    args_override_self = true,
    max_term_width = 100
)]
pub struct Arguments {
    /// The directory, or the single file, to serve
    #[arg(default_value = ".")]
    path: PathBuf,

    /// A file that stands for its directory; repeatable, or divided by commas
    #[arg(long, value_name = "NAME", help_heading = SERVING, value_delimiter = ',')]
    #[arg(default_values = ["index.html", "index.htm"], value_parser = index_name)]
    index: Vec<String>,

    /// Answer 404 for a directory without an index, instead of listing it
    #[arg(long, help_heading = SERVING)]
    no_listing: bool,

    /// Serve names that begin with a dot; .well-known is always served
    #[arg(long, help_heading = SERVING)]
    include_hidden: bool,

    /// Follow symbolic links that lead out of the served directory
    #[arg(long, help_heading = SERVING)]
    follow_symlinks: bool,

    /// Do not compress on the fly
    #[arg(long, help_heading = SERVING)]
    no_compress: bool,

    /// Open the browser
    #[arg(short, long, help_heading = SERVING)]
    open: bool,

    /// The port; 0 for any that is free [default: 8080, or the next free one]
    #[arg(short, long, value_name = "N", help_heading = NETWORK, value_parser = port)]
    port: Option<u16>,

    /// An address to listen at; repeatable, or divided by commas. 0.0.0.0 is every IPv4 address of
    /// this machine and :: every IPv6 address
    #[arg(short, long, visible_alias = "host", value_name = "ADDR", help_heading = NETWORK)]
    #[arg(value_delimiter = ',', default_value = "localhost", value_parser = address)]
    bind: Vec<Address>,

    /// Worker threads [default: one for each processor]
    #[arg(short, long, value_name = "N", help_heading = NETWORK, value_parser = count(1024))]
    threads: Option<usize>,

    /// Print neither the banner nor the access log
    #[arg(short, long, help_heading = OUTPUT)]
    quiet: bool,

    /// How the access log is written on the standard output [default: pretty on a terminal,
    /// combined otherwise]
    #[arg(long, value_name = "FORMAT", help_heading = OUTPUT)]
    log_format: Option<Format>,

    #[command(flatten)]
    https: Https,

    #[command(flatten)]
    bounds: Bounds,

    /// Print a script that completes these options: docroot --completions bash
    #[arg(long, value_name = "SHELL", help_heading = OTHER)]
    completions: Option<Shell>,

    /// Print the manual page: docroot --man | man -l -
    #[arg(long, help_heading = OTHER)]
    man: bool,

    /// Print the version
    #[arg(short = 'V', long, help_heading = OTHER, action = ArgAction::Version)]
    version: Option<bool>,

    /// Print this help
    #[arg(short, long, help_heading = OTHER, action = ArgAction::HelpShort)]
    help: Option<bool>,
}

/// One option for each limit and each deadline.
#[derive(Debug, clap::Args)]
struct Bounds {
    /// Connections open at once; one more is answered 503 [default: as many as the limit of open
    /// files allows with a file for each, at most 16384]
    #[arg(long, value_name = "N", help_heading = LIMITS, value_parser = count(1 << 20))]
    max_connections: Option<usize>,

    /// Bytes of a request's head; beyond it, 431
    #[arg(long, value_name = "SIZE", help_heading = LIMITS)]
    #[arg(default_value = "16k", value_parser = head_size)]
    max_head: usize,

    /// Bytes of a request's target; beyond it, 414
    #[arg(long, value_name = "SIZE", help_heading = LIMITS)]
    #[arg(default_value = "8k", value_parser = head_size)]
    max_target: usize,

    /// Field lines of a request; beyond it, 431
    #[arg(long, value_name = "N", help_heading = LIMITS)]
    #[arg(default_value = "100", value_parser = count(1 << 16))]
    max_fields: usize,

    /// Bytes of a request's body that are thrown away to keep the connection open
    #[arg(long, value_name = "SIZE", help_heading = LIMITS)]
    #[arg(default_value = "1m", value_parser = size)]
    max_body: u64,

    /// Ranges of one request; beyond it, the whole is sent
    #[arg(long, value_name = "N", help_heading = LIMITS, default_value = "32")]
    max_ranges: u16,

    /// Bytes a second that a client must take of its answer; 0 for any pace
    #[arg(long, value_name = "SIZE", help_heading = LIMITS)]
    #[arg(default_value = "2k", value_parser = size)]
    min_rate: u64,

    /// Memory for the files, copies and compressed answers that are kept; 0 keeps none
    #[arg(long, value_name = "SIZE", help_heading = LIMITS)]
    #[arg(default_value = "64m", value_parser = size)]
    cache_memory: u64,

    /// Time for a TLS handshake
    #[arg(long, value_name = "TIME", help_heading = LIMITS)]
    #[arg(default_value = "10s", value_parser = deadline)]
    handshake_timeout: Duration,

    /// Time for a whole request head
    #[arg(long, value_name = "TIME", help_heading = LIMITS)]
    #[arg(default_value = "10s", value_parser = deadline)]
    head_timeout: Duration,

    /// Time for a request's body
    #[arg(long, value_name = "TIME", help_heading = LIMITS)]
    #[arg(default_value = "10s", value_parser = deadline)]
    body_timeout: Duration,

    /// Time that a connection is kept open between requests
    #[arg(long, value_name = "TIME", help_heading = LIMITS)]
    #[arg(default_value = "60s", value_parser = duration)]
    idle_timeout: Duration,

    /// Time over which --min-rate is measured
    #[arg(long, value_name = "TIME", help_heading = LIMITS)]
    #[arg(default_value = "30s", value_parser = deadline)]
    send_timeout: Duration,

    /// Time for a client to read its last answer
    #[arg(long, value_name = "TIME", help_heading = LIMITS)]
    #[arg(default_value = "2s", value_parser = duration)]
    linger_timeout: Duration,

    /// Time for the answers under way when the server is told to stop
    #[arg(long, value_name = "TIME", help_heading = LIMITS)]
    #[arg(default_value = "10s", value_parser = duration)]
    drain_timeout: Duration,
}

impl Arguments {
    /// What they ask for, with the defaults that depend on the machine filled in; or what keeps
    /// them from going together.
    pub fn launch(self, surroundings: &Surroundings) -> Result<Launch, String> {
        let site = self.site(surroundings);
        let log = self.log(surroundings);
        let tls = self.https.options()?;
        let port = self.port.map_or(Port::Preferred(DEFAULT_PORT), Port::Fixed);
        if let Some(redirect @ 1..) = tls.as_ref().and_then(|tls| tls.redirect)
            && redirect == port.number()
        {
            return Err(format!(
                "--http-redirect needs a port of its own: HTTPS is spoken on {redirect}"
            ));
        }
        Ok(Launch {
            banner: !self.quiet,
            open: self.open,
            config: Config {
                bind: bind(&self.bind),
                port,
                threads: self.threads.unwrap_or(surroundings.processors).max(1),
                limits: self.bounds.limits(surroundings),
                deadlines: self.bounds.deadlines(),
                log,
                site,
                root: self.path,
                tls,
            },
        })
    }

    fn site(&self, surroundings: &Surroundings) -> SiteOptions {
        SiteOptions {
            index: self.index.clone(),
            listing: !self.no_listing,
            hidden: self.include_hidden,
            follow_symlinks: self.follow_symlinks,
            compress: !self.no_compress,
            cache_memory: self.bounds.cache_memory,
            max_copies: max_copies(surroundings.descriptors),
            medium: Medium::Pages,
            only: None,
        }
    }

    fn log(&self, surroundings: &Surroundings) -> LogOptions {
        let usual = match surroundings.stdout_is_terminal {
            true => Format::Pretty,
            false => Format::Combined,
        };
        let format = match self.log_format.unwrap_or(usual) {
            _ if self.quiet => LogFormat::Off,
            Format::Pretty => LogFormat::Pretty,
            Format::Combined => LogFormat::Combined,
            Format::Json => LogFormat::Json,
            Format::Off => LogFormat::Off,
        };
        LogOptions {
            format,
            colour: surroundings.colour_on_stdout,
        }
    }
}

impl Bounds {
    fn limits(&self, surroundings: &Surroundings) -> Limits {
        let most = || max_connections(surroundings.descriptors);
        Limits {
            max_connections: self.max_connections.unwrap_or_else(most),
            max_head: self.max_head,
            max_target: self.max_target,
            max_fields: self.max_fields,
            max_body: self.max_body,
            max_ranges: usize::from(self.max_ranges),
            min_rate: self.min_rate,
        }
    }

    fn deadlines(&self) -> Deadlines {
        Deadlines {
            handshake: self.handshake_timeout,
            head: self.head_timeout,
            body: self.body_timeout,
            idle: self.idle_timeout,
            send: self.send_timeout,
            linger: self.linger_timeout,
            drain: self.drain_timeout,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// For people, with colours
    Pretty,
    /// The format of Apache and nginx
    Combined,
    /// One object a line
    Json,
    /// No log
    Off,
}

/// What `--bind` was given.
#[derive(Clone, Copy, Debug)]
enum Address {
    Localhost,
    Numeric(IpAddr),
}

/// An address is listened at once: who asks for it by number must get it.
fn bind(addresses: &[Address]) -> Bind {
    let (mut required, mut optional) = (Vec::new(), Vec::new());
    for address in addresses {
        match address {
            Address::Localhost => optional.extend(Bind::LOOPBACK),
            Address::Numeric(ip) if required.contains(ip) => {}
            Address::Numeric(ip) => required.push(*ip),
        }
    }
    optional.sort();
    optional.dedup();
    optional.retain(|ip| !required.contains(ip));
    Bind { required, optional }
}

fn address(text: &str) -> Result<Address, String> {
    if text.eq_ignore_ascii_case("localhost") {
        return Ok(Address::Localhost);
    }
    // A URL has an IPv6 address in brackets, and so people type it.
    let inner = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    let ip = inner.unwrap_or(text).parse();
    ip.map(Address::Numeric)
        .map_err(|_| "not an IP address such as 127.0.0.1, 0.0.0.0 or ::, nor localhost".into())
}

fn index_name(text: &str) -> Result<String, String> {
    match text {
        "" | "." | ".." => Err("not one file's name such as index.html".into()),
        _ if text.contains('/') => Err("not one file's name such as index.html".into()),
        _ => Ok(text.into()),
    }
}

/// A size that a head can have: shorter, no request fits; longer, a client could hold too much.
fn head_size(text: &str) -> Result<usize, String> {
    match usize::try_from(size(text)?) {
        Ok(bytes @ 512..=0x100_0000) => Ok(bytes),
        _ => Err("it must be from 512 to 16m".into()),
    }
}

/// A number from 1 to `most`.
fn count(most: u32) -> ValueParser {
    let number = value_parser!(u32).range(1..=i64::from(most));
    ValueParser::new(number.map(|number| number as usize))
}
