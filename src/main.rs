//! The command: arguments, then a configuration, then a server, then an exit status.
//!
//! The status is 0 after a stop that was asked for, 2 for a mistake in the arguments, and 1 for
//! everything else that keeps the server from running.
#![forbid(unsafe_code)]

use std::env;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::ExitCode;

use docroot::cli::banner::Banner;
use docroot::cli::surroundings::{Surroundings, wants_colour};
use docroot::cli::{self, Command, Launch};
use docroot::net::config::Port;
use docroot::net::reach::outward_addresses;
use docroot::net::start_error::StartError;

fn main() -> ExitCode {
    let variable = |name: &str| env::var_os(name);
    match cli::parse(env::args_os(), variable, &Surroundings::look()) {
        Ok(Command::Serve(launch)) => run(*launch),
        Ok(Command::Print(text)) => print(&text),
        Err(error) => {
            // A reader who closed the pipe has seen enough.
            error.print().unwrap_or_default();
            ExitCode::from(error.exit_code())
        }
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

fn serve(launch: Launch) -> Result<(), StartError> {
    let root = &launch.config.root;
    std::fs::metadata(root).map_err(|error| StartError::from_root(root, error))?;
    announce(&launch, &[]);
    Ok(())
}

/// Prints the banner and opens the browser, as far as either was asked for.
fn announce(launch: &Launch, listening: &[SocketAddr]) {
    let root = &launch.config.root;
    let absolute = root.canonicalize();
    let banner = Banner {
        listening,
        outward: &outward_addresses(),
        root: absolute.as_ref().unwrap_or(root),
        taken: taken_port(launch.config.port, listening),
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
    match io::stdout().write_all(text) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            say(&format!("docroot: cannot print: {error}\n"));
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}

/// Says it on the standard error. Where that is closed, there is nobody to tell.
fn say(text: &str) {
    io::stderr().write_all(text.as_bytes()).unwrap_or_default();
}
