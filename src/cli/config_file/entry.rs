//! What a configuration file sets.

use std::ffi::OsString;

/// An option that the file sets.
#[derive(Debug)]
pub struct Entry {
    /// The long name.
    pub option: &'static str,
    /// The values as on the command line. None for a switch.
    pub values: Vec<Value>,
}

/// A value and its line, from 1.
#[derive(Debug)]
pub struct Value {
    /// The value.
    pub text: OsString,
    /// The line.
    pub line: usize,
}
