//! How `docroot explain` and `docroot check` print.

use super::definition::{Choice, Group, Kind, OptionDef, Scope};
use crate::cli::launch::OutputFormat;

/// The options of this group.
pub const GROUP: Group = Group {
    heading: "Report",
    options: &[FORMAT, STRICT],
};

const FORMAT: OptionDef = OptionDef::new(
    "format",
    Kind::Choice("FORMAT", &[TEXT, JSON]),
    "How to print the result",
)
.default(|settings| {
    let choice = match settings.format {
        OutputFormat::Text => TEXT,
        OutputFormat::Json => JSON,
    };
    choice.word.into()
})
.scope(Scope::Report)
.common("text or json [default: {}]");

const TEXT: Choice = Choice {
    word: "text",
    help: "For people",
    apply: |settings| settings.format = OutputFormat::Text,
};

const JSON: Choice = Choice {
    word: "json",
    help: "One JSON object",
    apply: |settings| settings.format = OutputFormat::Json,
};

const STRICT: OptionDef = OptionDef::new(
    "strict",
    Kind::Switch(|settings| settings.is_strict = true),
    "Exit with status 1 if there is a warning",
)
.scope(Scope::Check)
.common("Exit with status 1 if there is a warning");
