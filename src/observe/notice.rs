//! Prints notices to the operator on the standard error while the server runs.

use std::fmt::Display;
use std::io::{self, Write};
use std::thread;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Prints each notice on a line of its own.
///
/// A new thread prints them. If nobody reads the standard error, only that thread blocks, and
/// notices are rare. If no thread can be started or the standard error is closed, they are lost.
pub fn tell(notices: &[impl Display]) {
    let lines: String = notices
        .iter()
        .map(|notice| format!("docroot: {notice}\n"))
        .collect();
    let print = move || io::stderr().write_all(lines.as_bytes()).unwrap_or_default();
    let _ = thread::Builder::new().name("notice".into()).spawn(print);
}

/// Prints a short text on the standard error if there is room for it. If nobody reads the standard
/// error, the text is lost, because the caller must not wait.
pub fn print_now(text: &str) {
    let stderr = io::stderr();
    let mut watched = [PollFd::new(&stderr, PollFlags::OUT)];
    if poll(&mut watched, Some(&Timespec::default())) == Ok(1) {
        // This does not wait for a thread that prints, as a locked stream would.
        let _ = rustix::io::write(&stderr, text.as_bytes());
    }
}
