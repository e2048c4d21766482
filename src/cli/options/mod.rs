//! Every option, defined once.
//!
//! To add an option, add a definition to its group. Its flag, variable, help, manual entry and
//! completions are made from it.

pub use definition::{Group, Kind, OptionDef, Scope, quoted};

// What an option is.
mod definition;
// HTTPS.
mod https;
// Limits and deadlines.
mod limits;
// Addresses, the port, the threads.
mod network;
// Help, version, manual, completions.
mod other;
// The banner and the access log.
mod output;
// The request of `docroot explain`.
mod request;
// How files are served.
mod serving;

/// The groups, in the order of the help.
const GROUPS: [Group; 7] = [
    request::GROUP,
    serving::GROUP,
    network::GROUP,
    output::GROUP,
    https::GROUP,
    limits::GROUP,
    other::GROUP,
];

/// A command that takes options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// `docroot [PATH]`.
    Serve,
    /// `docroot explain TARGET [PATH]`.
    Explain,
}

impl Mode {
    /// The options that the command takes, each with the heading of its group.
    pub fn options(self) -> impl Iterator<Item = (&'static str, &'static OptionDef)> {
        let all = GROUPS.iter();
        let all = all.flat_map(|group| group.options.iter().map(|option| (group.heading, option)));
        all.filter(move |(_, option)| self.takes(option))
    }

    /// The other command.
    pub fn other(self) -> Mode {
        match self {
            Mode::Serve => Mode::Explain,
            Mode::Explain => Mode::Serve,
        }
    }

    fn takes(self, option: &OptionDef) -> bool {
        match (self, option.scope) {
            (_, Scope::Answer | Scope::Help) => true,
            (Mode::Serve, scope) => scope != Scope::Request,
            (Mode::Explain, scope) => scope == Scope::Request,
        }
    }
}
