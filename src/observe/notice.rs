//! Prints notices to the operator on the standard error while the server runs.

use std::fmt::Display;
use std::io::{self, Write};
use std::thread;

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
