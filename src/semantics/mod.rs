//! RFC 9110: values in, decisions out. Invariant: this layer never reads a socket, a file or the clock.

/// Section 5: names, values and lists of fields.
pub mod field;
/// Section 9: what a request asks for.
pub mod method;
/// Section 15: how an answer begins.
pub mod status;

/// Section 5.6.7: dates in three formats.
pub mod date;
/// Section 8.3: what a file's name says of its contents.
pub mod media_type;
