//! The command: arguments, then a configuration, then a server, then an exit status.
//!
//! The status is 0 after a stop that was asked for, 2 for a mistake in the arguments, and 1 for
//! everything else that keeps the server from running.
#![forbid(unsafe_code)]

use std::env;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use docroot::cli::banner::Banner;
use docroot::cli::machine::{Machine, wants_colour};
use docroot::cli::{self, Command, Explain, Launch, explanation};
use docroot::http1::target::Scheme;
use docroot::net;
use docroot::net::config::Port;
use docroot::net::local_addresses::outward_addresses;
use docroot::net::server::{Handle, Server};
use docroot::net::start_error::StartError;
use docroot::observe::log::{Log, standard_output};
use docroot::observe::metrics::Counters;

fn main() -> ExitCode {
    let variable = |name: &str| env::var_os(name);
    match cli::parse(env::args_os(), variable, &Machine::inspect()) {
        Ok(Command::Serve(launch)) => run(*launch),
        Ok(Command::Explain(request)) => explain(*request),
        Ok(Command::Print(text)) => print(&text),
        // Help and version are among what the parser calls errors.
        Err(error) => printed(error.print(), ExitCode::from(error.exit_code())),
    }
}

fn run(launch: Launch) -> ExitCode {
    match serve(launch) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("docroot: {error}\n"));
            ExitCode::FAILURE
        }
    }
}

fn explain(request: Explain) -> ExitCode {
    let head = explanation::request(&request);
    match net::explain::explain(request.config, &head) {
        Ok(explained) => print(&explanation::print(&explained, request.format)),
        Err(error) => {
            say(&format!("docroot: {error}\n"));
            ExitCode::FAILURE
        }
    }
}

fn serve(launch: Launch) -> Result<(), StartError> {
    let counters = Arc::new(Counters::default());
    let server = Server::bind(launch.config.clone(), Arc::clone(&counters))?;
    let log = Log::start(launch.config.log, standard_output(), counters)
        .map_err(|fault| StartError::System("a thread", fault))?;
    end_on_signals(server.handle())?;
    for notice in server.notices() {
        say(&format!("docroot: {notice}\n"));
    }
    announce(&launch, &server);
    let outcome = server.run(&log);
    log.shutdown(LOG_PATIENCE);
    outcome
}

/// How long the last lines of the log may take to be written.
const LOG_PATIENCE: Duration = Duration::from_secs(1);

/// The first signal lets the answers that were begun finish, the second ends at once.
fn end_on_signals(handle: Handle) -> Result<(), StartError> {
    let signals = AtomicUsize::new(0);
    ctrlc::set_handler(move || match signals.fetch_add(1, Ordering::Relaxed) {
        0 => handle.drain(),
        _ => std::process::exit(1),
    })
    .map_err(|fault| StartError::System("a handler of signals", io::Error::other(fault)))
}

/// Prints the banner and opens the browser, as far as either was asked for.
fn announce(launch: &Launch, server: &Server) {
    let (listening, plain) = (server.addresses(), server.plain_addresses());
    let root = &launch.config.root;
    let absolute = root.canonicalize();
    let banner = Banner {
        listening: &listening,
        scheme: match launch.config.tls {
            Some(_) => Scheme::Https,
            None => Scheme::Http,
        },
        plain: &plain,
        fingerprint: server.fingerprint(),
        outward: &outward_addresses(),
        root: absolute.as_ref().unwrap_or(root),
        taken: taken_port(launch.config.port, &listening),
        colour: wants_colour(&io::stderr()),
    };
    if launch.banner {
        say(&banner.text());
    }
    if launch.open {
        open_browser(&banner.urls());
    }
}

/// The preferred port, where the server had to move on from it.
fn taken_port(port: Port, listening: &[SocketAddr]) -> Option<u16> {
    match port {
        Port::Preferred(port) if listening.iter().all(|at| at.port() != port) => Some(port),
        _ => None,
    }
}

fn open_browser(urls: &[String]) {
    let Some(url) = urls.first() else { return };
    if let Err(error) = open::that_detached(url) {
        say(&format!(
            "docroot: the browser does not open: {error}; open {url} yourself\n"
        ));
    }
}

fn print(text: &[u8]) -> ExitCode {
    printed(io::stdout().write_all(text), ExitCode::SUCCESS)
}

/// The status after printing. A reader who closed the pipe has seen enough.
fn printed(outcome: io::Result<()>, status: ExitCode) -> ExitCode {
    match outcome {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            say(&format!("docroot: cannot print: {error}\n"));
            ExitCode::FAILURE
        }
        _ => status,
    }
}

/// Says it on the standard error. Where that is closed, there is nobody to tell.
fn say(text: &str) {
    io::stderr().write_all(text.as_bytes()).unwrap_or_default();
}
