//! Text: how values are written, and the octets they are written with. Every other layer may use it.
//!
//! A writer is a value that implements [`Display`](std::fmt::Display). It works in any format string
//! and allocates nothing:
//!
//! ```
//! use docroot::text::{append, escape::JsonString, human::HumanSize};
//!
//! let mut line = Vec::new();
//! append(&mut line, format_args!("{} {}", JsonString(b"a\n"), HumanSize(1536)));
//! assert_eq!(line, b"\"a\\u000a\" 1.5 KiB");
//! ```
//!
//! Invariant: this layer uses nothing else of the crate, and no socket, file, thread or clock.

// A point in time as year, month, day and hour, in UTC.
pub mod calendar;
// Bytes made safe to show: in a log line, in HTML, in JSON.
pub mod escape;
// Sizes, durations and large numbers for people.
pub mod human;
// Which octets may stand where, as tables.
pub mod octet;
// RFC 3986 section 2.1: percent-encoding, written and read.
pub mod percent;

use std::fmt::{self, Write};

/// Appends formatted text to bytes.
pub fn append(out: &mut Vec<u8>, text: fmt::Arguments) {
    // Writing to a vector cannot fail.
    let _ = Bytes(out).write_fmt(text);
}

struct Bytes<'a>(&'a mut Vec<u8>);

impl Write for Bytes<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}
