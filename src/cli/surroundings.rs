//! What the command finds around it: processors, limits, terminals.

use std::env;
use std::io::{self, IsTerminal};
use std::thread;

use crate::net::limits::raise_descriptor_limit;

/// What defaults depend on; looked up once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Surroundings {
    /// Processors this process may use.
    pub processors: usize,
    /// Files it may have open.
    pub descriptors: u64,
    /// Whether a person reads the standard output.
    pub stdout_is_terminal: bool,
    /// Whether colours are welcome there.
    pub colour_on_stdout: bool,
}

impl Surroundings {
    /// Looks around, and raises the limit of open files as far as it goes.
    pub fn look() -> Surroundings {
        Surroundings {
            processors: thread::available_parallelism().map_or(1, usize::from),
            descriptors: raise_descriptor_limit(),
            stdout_is_terminal: io::stdout().is_terminal(),
            colour_on_stdout: wants_colour(&io::stdout()),
        }
    }
}

/// Whether colours are welcome on `stream`: it is a terminal, one that knows them, and nobody set
/// `NO_COLOR` to something (<https://no-color.org>).
pub fn wants_colour(stream: &impl IsTerminal) -> bool {
    let forbidden = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = env::var_os("TERM").is_some_and(|value| value == "dumb");
    stream.is_terminal() && !forbidden && !dumb
}
