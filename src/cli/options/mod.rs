//! Every option, defined once.
//!
//! To add an option, add a definition to its group. Its flag, variable, help, manual entry and
//! completions are made from it.

pub use definition::{CONFIG, Group, Kind, OptionDef, Scope, quoted, write_one_of};
pub use mode::Mode;

// What operators and load balancers see.
mod admin;
// What `docroot compress` does.
mod compress;
// The configuration file.
mod configuration;
// The commands that take options.
mod mode;
// Who may read the site.
mod access;
// What an option is.
mod definition;
// HTTPS.
mod https;
// The server's own pages and endpoints.
mod learning;
// Limits and deadlines.
mod limits;
// Addresses, the port, the threads.
mod network;
// Help, version, manual, completions.
mod other;
// The banner and the access log.
mod output;
// What the process gives up before it serves.
mod privileges;
// The request of `docroot explain`.
mod request;
// How explanations and checks are printed.
mod report;
// What responses say to browsers and caches.
mod responses;
// How files are served.
mod serving;

/// The groups, in the order of the help.
const GROUPS: [Group; 15] = [
    request::GROUP,
    report::GROUP,
    compress::GROUP,
    serving::GROUP,
    responses::GROUP,
    access::GROUP,
    network::GROUP,
    admin::GROUP,
    output::GROUP,
    learning::GROUP,
    https::GROUP,
    limits::GROUP,
    privileges::GROUP,
    configuration::GROUP,
    other::GROUP,
];

/// The options that a command takes, each with the heading of its group.
pub fn options(mode: Mode) -> impl Iterator<Item = (&'static str, &'static OptionDef)> {
    let all = GROUPS.iter();
    let all = all.flat_map(|group| group.options.iter().map(|option| (group.heading, option)));
    all.filter(move |(_, option)| takes(mode, option))
}

fn takes(mode: Mode, option: &OptionDef) -> bool {
    match option.scope {
        Scope::Help => true,
        Scope::Answer => matches!(
            mode,
            Mode::Serve | Mode::Check | Mode::Explain | Mode::Learn
        ),
        Scope::Server => matches!(mode, Mode::Serve | Mode::Check | Mode::Learn),
        Scope::Learn => mode == Mode::Learn,
        Scope::Print => mode == Mode::Serve,
        Scope::Request => mode == Mode::Explain,
        Scope::Report => matches!(mode, Mode::Check | Mode::Explain),
        Scope::Check => mode == Mode::Check,
        Scope::Compress => mode == Mode::Compress,
    }
}
