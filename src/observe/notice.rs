//! A word to the operator while the server runs, on the standard error.

use std::fmt::Display;
use std::io::{self, Write};
use std::thread;

/// Says each in a line of its own.
///
/// It is said on a thread of its own too: nobody may be held up by a standard error that nobody
/// reads, and what is worth a notice is rare. Where there is no thread to be had, or no standard
/// error, there is nobody to tell.
pub fn tell(notices: &[impl Display]) {
    let lines: String = notices
        .iter()
        .map(|what| format!("docroot: {what}\n"))
        .collect();
    let say = move || io::stderr().write_all(lines.as_bytes()).unwrap_or_default();
    let _ = thread::Builder::new().name("notice".into()).spawn(say);
}
