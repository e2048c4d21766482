//! What docroot is asked to do: the outcome of the command line.

use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;

use crate::cli::qr::Qr;
use crate::http1::version::Version;
use crate::net::config::Config;
use crate::net::served::Served;
use crate::net::start_error::StartError;
use crate::observe::notice::WARNING;
use crate::precompress::Options;
use crate::text::escape::Name;

/// What docroot was asked to do.
#[derive(Debug)]
pub enum Command {
    /// Start a server.
    Serve(Box<Launch>),
    /// Start a server of the textbook. It becomes the root.
    Learn(Box<Launch>),
    /// Explain how the server would answer one request.
    Explain(Box<Explain>),
    /// Report problems with a configuration.
    Check(Box<Check>),
    /// Write precompressed files.
    Compress(Box<Compress>),
    /// Ask for a password and print its hash.
    HashPassword,
    /// Print this on the standard output and exit.
    Print(Vec<u8>),
}

/// Where the path of what to serve came from. It decides what is said if the path is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RootSource {
    /// It was typed, or nothing was, or an option names it.
    Usual,
    /// It was typed, but perhaps not meant as a path. It may be a mistyped command, or the value of the option before
    /// it. The text says what to type instead.
    PerhapsNone(String),
    /// The variable of this name.
    Variable(&'static str),
    /// The configuration file.
    ConfigFile,
    /// Nothing, although there is a configuration file: it is the current directory.
    Unnamed,
}

impl RootSource {
    /// The message for an error at the start. If it is about `root`, it says where the root was named.
    pub fn start_message(&self, error: &StartError, root: &Path) -> String {
        match error.root() == Some(root) {
            true => self.message(error, matches!(error, StartError::NoSuchRoot(_))),
            false => error.to_string(),
        }
    }

    /// The message for a fault of the root. `is_absent` says whether the root does not exist.
    pub fn message(&self, fault: &dyn Display, is_absent: bool) -> String {
        match self {
            RootSource::PerhapsNone(advice) if is_absent => format!("{fault}; {advice}"),
            RootSource::Variable(name) => format!("the variable {name}: {fault}"),
            RootSource::ConfigFile => format!("the configuration file: {fault}"),
            RootSource::Usual | RootSource::PerhapsNone(_) | RootSource::Unnamed => {
                fault.to_string()
            }
        }
    }
}

/// A server to start, and what to do once it listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Launch {
    /// The server.
    pub config: Config,
    /// What operators are shown of it, if they can ask: what `--print-config` prints, without secrets.
    pub shown: Arc<[u8]>,
    /// Where its root came from.
    pub root_source: RootSource,
    /// Whether to print the banner.
    pub banner: bool,
    /// Whether to open the browser.
    pub open: bool,
    /// Whether to print a QR code. Without a value, it depends on the terminal and the addresses.
    pub qr: Qr,
    /// What is noticeable about the options, one line each.
    pub remarks: Vec<String>,
}

impl Launch {
    /// What to tell the operator at the start, after a reload and in a check, one line each. Whoever configures a service
    /// may not know what its current directory is.
    pub fn told(&self) -> Vec<String> {
        let mut told = self.remarks.clone();
        if self.root_source == RootSource::Unnamed {
            let root = &self.config.root;
            let root = Served::find(root).map_or_else(|_| root.clone(), |served| served.absolute());
            told.push(format!(
                "{WARNING}the configuration file names no path, so docroot serves its current directory, {}; \
                 add path = \"DIRECTORY\" to the file, or name the directory behind the options",
                Name::of(&root)
            ));
        }
        told
    }
}

/// A request to explain. It can be sent, but may be invalid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explain {
    /// The request target.
    pub target: Vec<u8>,
    /// The method.
    pub method: Vec<u8>,
    /// The version.
    pub version: Version,
    /// The names and values of the fields, in the order in which they were typed.
    pub fields: Vec<(Vec<u8>, Vec<u8>)>,
    /// How to print the explanation.
    pub format: OutputFormat,
    /// What to tell the operator before the explanation, one line each.
    pub remarks: Vec<String>,
    /// The server that would answer the request.
    pub config: Config,
    /// Where its root came from.
    pub root_source: RootSource,
}

/// A server to check without starting it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// The server.
    pub launch: Launch,
    /// Whether a warning makes the check fail.
    pub is_strict: bool,
    /// How to print what was found.
    pub format: OutputFormat,
}

/// Files to compress.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compress {
    /// Which, and how.
    pub options: Options,
    /// Where their root came from.
    pub root_source: RootSource,
    /// What to tell the operator before, one line each.
    pub remarks: Vec<String>,
}

/// How to print an explanation, or what a check has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}
