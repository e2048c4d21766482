//! Opens a URL in a browser.
//!
//! docroot raises its own limit of open files, and what it starts would inherit that. A browser that sees a high
//! limit may use it up, and programs that call `select` fail above 1024. So a shell gives back the limit that docroot
//! was started with, and becomes the program.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{RecvTimeoutError, bounded};

/// `$0` is the limit. If it cannot be set, the program starts nevertheless.
const START: &str = r#"ulimit -S -n "$0"; exec "$@""#;

/// The exit status of a shell that has not found a program.
const NOT_FOUND: i32 = 127;

/// How long a program that opens URLs is watched. It may ask the desktop and try several browsers before it fails. A
/// program that runs for longer has opened one, and what it ends with says nothing of the URL.
const WATCHED: Duration = Duration::from_secs(30);

/// Opens `url` with the first program of the desktop that does so. It may have this many open files. Waits until the
/// program has ended or has run for a while, so this needs a thread of its own.
pub fn open(url: &str, descriptors: u64) -> io::Result<()> {
    let mut fault = None;
    for program in open::commands(url) {
        let status = start(&program, descriptors)?;
        if status.is_none_or(|status| status.success()) {
            return Ok(());
        }
        let is_found = |status: &ExitStatus| status.code() != Some(NOT_FOUND);
        if let Some(status) = status.filter(is_found) {
            let name = program.get_program().to_string_lossy();
            fault.get_or_insert_with(|| io::Error::other(format!("{name} failed ({status})")));
        }
    }
    Err(fault.unwrap_or_else(|| io::Error::other("no program that opens URLs was found")))
}

/// Starts a program. Returns how it has ended; `None` if it has not yet.
fn start(program: &Command, descriptors: u64) -> io::Result<Option<ExitStatus>> {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", START, &descriptors.to_string()]);
    command.arg(program.get_program()).args(program.get_args());
    command.stdin(Stdio::null()).stdout(Stdio::null());
    // A signal that the terminal sends to docroot is not for the browser.
    command.stderr(Stdio::null()).process_group(0);
    let mut child = command.spawn()?;
    let (ending, ended) = bounded(1);
    // It waits for as long as the program runs, so that no zombie stays.
    thread::Builder::new()
        .name("browser".into())
        .spawn(move || ending.send(child.wait()))?;
    match ended.recv_timeout(WATCHED) {
        Ok(status) => status.map(Some),
        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => Ok(None),
    }
}
