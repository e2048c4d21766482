//! What a configuration file sets.

use std::ffi::OsString;

/// An option that the file sets.
#[derive(Debug)]
pub struct Entry {
    /// The long name.
    pub option: &'static str,
    /// The values. None for a switch.
    pub values: Vec<Value>,
}

/// A value and its line.
#[derive(Debug)]
pub struct Value {
    /// The value as on the command line.
    pub text: OsString,
    /// The keys and values of the table that stands for it, if it is one.
    pub row: Option<Vec<(&'static str, String)>>,
    /// The line, from 1.
    pub line: usize,
}
