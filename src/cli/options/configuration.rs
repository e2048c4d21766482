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
    "Read options from this file, which is TOML. A key is the long name of an option, such as port = 9000 or \
     no-listing = true, and path is what to serve. The command line and variables take precedence",
)
.default(|_| "none".into())
.scope(Scope::Answer);

const PRINT: OptionDef = OptionDef::new(
    "print-config",
    Kind::Switch(|settings| settings.print_config = true),
    "Print the options that were set, and all others as comments, as a configuration file. Example: docroot \
     --print-config > docroot.toml",
)
.scope(Scope::Print);
