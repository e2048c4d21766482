//! The configuration file.

use super::definition::{CONFIG, Group, Kind, OptionDef, Scope};

/// The options of this group.
pub const GROUP: Group = Group {
    heading: "Configuration",
    options: &[FILE, PRINT],
};

const FILE: OptionDef = OptionDef::new(
    CONFIG,
    Kind::File(|settings, path| settings.config_file = Some(path)),
    "Read options from this TOML file. Keys are long option names, such as port = 9000; path names what to serve. \
     The command line and environment variables take precedence",
)
.default(|_| "none".into())
.scope(Scope::Answer);

const PRINT: OptionDef = OptionDef::new(
    "print-config",
    Kind::Switch(|settings| settings.print_config = true),
    "Print all options as a configuration file: set ones with their values, others as comments. Example: docroot \
     --print-config > docroot.toml",
)
.scope(Scope::Print);
