//! What docroot prints about itself.

use clap_complete::Shell;

use super::definition::{Choice, Group, Kind, OptionDef, Scope};
use crate::cli::settings::Printed;

/// The options of this group.
pub const GROUP: Group = Group {
    heading: "Other",
    options: &[COMPLETIONS, MAN, VERSION, SHORT_HELP, HELP],
};

const COMPLETIONS: OptionDef = OptionDef::new(
    "completions",
    Kind::Choice(
        "SHELL",
        &[
            Choice {
                word: "bash",
                help: "",
                apply: |settings| settings.print = Some(Printed::Completions(Shell::Bash)),
            },
            Choice {
                word: "elvish",
                help: "",
                apply: |settings| settings.print = Some(Printed::Completions(Shell::Elvish)),
            },
            Choice {
                word: "fish",
                help: "",
                apply: |settings| settings.print = Some(Printed::Completions(Shell::Fish)),
            },
            Choice {
                word: "powershell",
                help: "",
                apply: |settings| settings.print = Some(Printed::Completions(Shell::PowerShell)),
            },
            Choice {
                word: "zsh",
                help: "",
                apply: |settings| settings.print = Some(Printed::Completions(Shell::Zsh)),
            },
        ],
    ),
    "Print a completion script for this shell. Example: docroot --completions bash",
)
.scope(Scope::Print);

const MAN: OptionDef = OptionDef::new(
    "man",
    Kind::Switch(|settings| settings.print = Some(Printed::Manual)),
    "Print the manual page. Example: docroot --man | man -l -",
)
.scope(Scope::Help);

const VERSION: OptionDef = OptionDef::new(
    "version",
    Kind::Switch(|settings| settings.print = Some(Printed::Version)),
    "Print the version",
)
.short('V')
.scope(Scope::Print);

const SHORT_HELP: OptionDef = OptionDef::new(
    "short-help",
    Kind::Switch(|settings| settings.print = Some(Printed::ShortHelp)),
    "Print the common options",
)
.only_short('h')
.scope(Scope::Help);

const HELP: OptionDef = OptionDef::new(
    "help",
    Kind::Switch(|settings| settings.print = Some(Printed::Help)),
    "Print this help",
)
.scope(Scope::Help);
