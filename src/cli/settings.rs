//! The settings that options change, and the commands that are made from them.
//!
//! The settings start as the defaults. Each option changes its own part, so the order in which
//! options are applied does not matter. Rules that concern several options are checked at the end.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use clap_complete::Shell;

use super::https::Https;
use super::launch::{Check, Compress, Explain, Launch, OutputFormat, RootSource};
use super::listeners::check_listeners;
use super::machine::{Machine, Stdout};
use super::qr::Qr;
use crate::cli::units::show_size;
use crate::http1::version::Version;
use crate::net::config::Config;
use crate::observe::options::{LogFormat, LogOptions};
use crate::observe::zone::Zone;
use crate::origin::auth::fault::AuthError;
use crate::precompress::Options;
use crate::semantics::redirects::loops::{self, OwnRedirects};
use crate::site::options::SiteOptions;

/// Everything that an option can change.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The server. `tls` is `None` until [`Settings::launch`] makes it from `https`.
    pub config: Config,
    /// What operators are shown of it.
    pub shown: Arc<[u8]>,
    /// Where the root came from.
    pub root_source: RootSource,
    /// The configuration file.
    pub config_file: Option<PathBuf>,
    /// Whether to print the configuration instead of serving.
    pub print_config: bool,
    /// The memory of the cache. Without a value, it depends on the whole memory.
    pub cache_memory: Option<u64>,
    /// The options of HTTPS, not yet checked against each other.
    pub https: Https,
    /// Whether not to print the banner.
    pub quiet: bool,
    /// The format of the access log. Without a value, it depends on where the log goes.
    pub log_format: Option<LogFormat>,
    /// The times in the log. Without a value, they depend on the format.
    pub log_time: Option<LogTime>,
    /// The time zone of this machine.
    pub zone: Zone,
    /// Whether to open the browser.
    pub open: bool,
    /// Whether not to open it although `docroot learn` does.
    pub stays_closed: bool,
    /// When to print a QR code.
    pub qr: Qr,
    /// The address of this machine in its local network, if it has one.
    pub lan: Option<IpAddr>,
    /// The request of `docroot explain`.
    pub request: Request,
    /// How `docroot explain` and `docroot check` print.
    pub format: OutputFormat,
    /// Whether a warning makes `docroot check` fail.
    pub is_strict: bool,
    /// What `docroot compress` does. The root is that of the server.
    pub compress: Options,
    /// What to tell the operator at the start, one line each.
    pub remarks: Vec<String>,
    /// What to print instead of serving.
    pub print: Option<Printed>,
}

/// The times in the access log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogTime {
    /// In the time zone of this machine.
    Local,
    /// In UTC.
    Utc,
}

/// The request of `docroot explain`, apart from its target.
#[derive(Clone, Debug)]
pub struct Request {
    /// A token (RFC 9110 section 9.1).
    pub method: Vec<u8>,
    /// The version of HTTP.
    pub version: Version,
    /// Names and values, in the order in which they were typed.
    pub fields: Vec<(Vec<u8>, Vec<u8>)>,
}

/// A text that docroot prints about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Printed {
    /// The completion script of a shell.
    Completions(Shell),
    /// The manual page.
    Manual,
    /// The common options.
    ShortHelp,
    /// Every option.
    Help,
    /// The version.
    Version,
}

impl Settings {
    /// The defaults on this machine.
    pub fn defaults(machine: &Machine) -> Settings {
        Settings {
            config: Config {
                log: LogOptions {
                    format: match machine.stdout {
                        Stdout::Terminal => LogFormat::Pretty,
                        Stdout::Journal => LogFormat::Journal,
                        Stdout::Other => LogFormat::Combined,
                    },
                    colour: machine.colour_on_stdout,
                    width: machine.columns.unwrap_or(LogOptions::WIDTH),
                    ..LogOptions::OFF
                },
                ..Config::new(".".into(), machine.processors.max(1), machine.descriptors)
            },
            shown: Arc::default(),
            root_source: RootSource::Usual,
            config_file: None,
            print_config: false,
            cache_memory: None,
            https: Https::default(),
            quiet: false,
            log_format: None,
            log_time: None,
            zone: machine.zone.clone(),
            open: false,
            stays_closed: false,
            qr: Qr::Auto,
            lan: machine.lan,
            request: Request {
                method: b"GET".to_vec(),
                version: Version::Http11,
                fields: Vec::new(),
            },
            format: OutputFormat::Text,
            is_strict: false,
            compress: Options {
                root: ".".into(),
                clean: false,
                hidden: false,
                workers: machine.processors.max(1),
            },
            remarks: Vec::new(),
            print: None,
        }
    }

    /// What `docroot learn` turns on.
    pub fn learn(&mut self) {
        self.config.inspect = true;
        self.config.lab = true;
        self.config.site.negotiate = true;
        self.open = true;
    }

    /// Decides what follows from where the access log goes, unless an option says it.
    pub fn settle_log(&mut self) {
        let log = &mut self.config.log;
        if log.file.is_some() {
            // No terminal shows it.
            (log.format, log.colour) = (LogFormat::Combined, false);
            log.width = LogOptions::WIDTH;
        }
        log.format = self.log_format.unwrap_or(log.format);
    }

    /// Lets this machine open the pages of `--inspect`, `--lab` and `--class` at its own addresses too. A connection to
    /// such an address comes from there, and no other machine can have it.
    pub fn allow_own_addresses(&mut self) {
        let config = &mut self.config;
        let bound: Vec<IpAddr> = config.bind.addresses().collect();
        let is_everywhere = bound.iter().any(IpAddr::is_unspecified);
        let own = bound.into_iter().chain(self.lan.filter(|_| is_everywhere));
        let is_own = |ip: &IpAddr| !ip.is_unspecified() && !ip.to_canonical().is_loopback();
        for ip in own.filter(is_own) {
            config.inspect_from.allow_address(ip);
        }
    }

    /// The server to start. An error says which options do not fit together, and what to do.
    pub fn launch(self) -> Result<Launch, String> {
        let mut config = self.config;
        config.site.cache_memory = cache_memory(self.cache_memory, config.site.memory)?;
        config.tls = self.https.options()?;
        config.privileges.config_file = self.config_file;
        check_passwords(&mut config)?;
        check_live_reload(&config)?;
        check_proxies(&config)?;
        check_rules(&config)?;
        // People compare the log with their clock, programs compare logs of several machines.
        let log_time = self.log_time.unwrap_or(match config.log.format {
            LogFormat::Pretty => LogTime::Local,
            LogFormat::Combined | LogFormat::Json | LogFormat::Journal | LogFormat::Off => {
                LogTime::Utc
            }
        });
        config.log.zone = match log_time {
            LogTime::Local => self.zone,
            LogTime::Utc => Zone::Utc,
        };
        check_listeners(&config)?;
        Ok(Launch {
            config,
            shown: self.shown,
            root_source: self.root_source,
            banner: !self.quiet,
            open: self.open && !self.stays_closed,
            qr: self.qr,
            remarks: self.remarks,
        })
    }

    /// The server to check. An error says which options do not fit together, and what to do.
    pub fn check(self) -> Result<Check, String> {
        let (is_strict, format) = (self.is_strict, self.format);
        Ok(Check {
            launch: self.launch()?,
            is_strict,
            format,
        })
    }

    /// The request for this target, and the server that would answer it.
    pub fn explain(mut self, target: Vec<u8>) -> Result<Explain, String> {
        let site = &mut self.config.site;
        site.cache_memory = cache_memory(self.cache_memory, site.memory)?;
        check_passwords(&mut self.config)?;
        check_rules(&self.config)?;
        Ok(Explain {
            target,
            method: self.request.method,
            version: self.request.version,
            fields: self.request.fields,
            format: self.format,
            remarks: self.remarks,
            config: self.config,
            root_source: self.root_source,
        })
    }
}

impl Settings {
    /// The files to compress.
    pub fn compress(self) -> Compress {
        Compress {
            options: Options {
                root: self.config.root,
                ..self.compress
            },
            root_source: self.root_source,
            remarks: self.remarks,
        }
    }
}

/// How `--auth` and `--auth-file` combine.
fn check_passwords(config: &mut Config) -> Result<(), String> {
    let protection = &mut config.rules.protection;
    match &config.auth_file {
        Some(_) if !cfg!(feature = "auth") => return Err(AuthError::NotBuiltIn.to_string()),
        Some(_) => protection.use_file(),
        None if protection.needs_file() => return Err(AuthError::NoFile.to_string()),
        None => {}
    }
    Ok(())
}

/// How the rules fit together, and with what docroot does by itself.
fn check_rules(config: &Config) -> Result<(), String> {
    let (rules, site) = (&config.rules, &config.site);
    rules.check().map_err(|fault| fault.to_string())?;
    let own = OwnRedirects {
        prefix: site.prefix.as_bytes(),
        clean_urls: site.clean_urls,
        index: &site.index,
    };
    let checked = loops::check(&rules.redirects, own);
    checked.map_err(|fault| fault.to_string())
}

/// A header that names the client must come from somebody who is believed.
fn check_proxies(config: &Config) -> Result<(), String> {
    match config.is_proxied && config.proxies.is_empty() {
        true => Err("--proxy-protocol has no effect without --trust-proxy: name the addresses of the proxies".into()),
        false => Ok(()),
    }
}

fn check_live_reload(config: &Config) -> Result<(), String> {
    match config.site.live_reload {
        true if !cfg!(feature = "live-reload") => Err(
            "this docroot was built without live reload: to get it, run cargo install --path . --features live-reload".to_owned(),
        ),
        false if !config.reload_ignored.is_empty() => Err(
            "--reload-ignore has no effect without --live-reload: add --live-reload".to_owned(),
        ),
        _ => Ok(()),
    }
}

/// The memory of the cache: what was asked for, or half of the whole memory.
fn cache_memory(asked: Option<u64>, memory: u64) -> Result<u64, String> {
    match asked {
        None => Ok((memory / 2).min(SiteOptions::CACHE_MEMORY)),
        Some(asked) if asked <= memory => Ok(asked),
        Some(asked) => Err(format!(
            "--cache-memory {} is more than --memory {}: the cache is a part of the memory",
            show_size(asked),
            show_size(memory)
        )),
    }
}
