//! The command: arguments, then a configuration, then a server, then an exit status.
#![forbid(unsafe_code)]

fn main() {}
