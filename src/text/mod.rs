//! Formatting and escaping of values, and classes of octets. Every other layer may use this one.
//!
//! Most formatters are values that implement [`Display`](std::fmt::Display). They work in any format
//! string and do not allocate:
//!
//! ```
//! use docroot::text::{append, escape::JsonString, human::HumanSize};
//!
//! let mut line = Vec::new();
//! append(&mut line, format_args!("{} {}", JsonString(b"a\n"), HumanSize(1536)));
//! assert_eq!(line, b"\"a\\u000a\" 1.5 KiB");
//! ```
//!
//! Invariant: this layer uses no other layer of the crate, and no socket, file, thread or clock.

// Points in time as calendar dates and times of day, in UTC.
pub mod calendar;
// Escaping of bytes for a log line, for HTML and for JSON.
pub mod escape;
// Hashes that stay the same after a restart.
pub mod hash;
// Human-readable sizes, durations and large numbers.
pub mod human;
// Characters that must be made visible.
pub mod invisible;
// Classes of octets, as tables.
pub mod octet;
// Words that fit into some columns of a terminal.
pub mod shortened;
// RFC 3986 section 2.1: percent-encoding and decoding.
pub mod percent;
// The names and values of a query.
pub mod form;
// The segments of paths.
pub mod segment;

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
