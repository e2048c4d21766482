//! Pages and endpoints of the server itself, to learn HTTP with.

use super::definition::{Group, Kind, OptionDef, Scope};

/// The options of this group.
pub const GROUP: Group = Group {
    heading: "Learning",
    options: &[LAB],
};

const LAB: OptionDef = OptionDef::new(
    "lab",
    Kind::Switch(|settings| settings.config.lab = true),
    "Serve endpoints to try protocols with: /.docroot/lab/echo is a WebSocket that sends each message \
     back",
)
.scope(Scope::Answer);
