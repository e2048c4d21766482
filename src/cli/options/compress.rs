//! What `docroot compress` does.

use super::definition::{Group, Kind, OptionDef, Scope};

/// The options of this group.
pub const GROUP: Group = Group {
    heading: "Compressing",
    options: &[CLEAN, HIDDEN],
};

const CLEAN: OptionDef = OptionDef::new(
    "clean",
    Kind::Switch(|settings| settings.compress.clean = true),
    "Also remove useless precompressed files: outdated ones that docroot does not rewrite, and those whose \
     original is gone, if docroot wrote them",
)
.scope(Scope::Compress)
.common("Also remove precompressed files that are of no use");

const HIDDEN: OptionDef = OptionDef::new(
    "include-hidden",
    Kind::Switch(|settings| settings.compress.hidden = true),
    "Compress files whose names begin with a dot, and files in such directories. docroot always compresses \
     those in .well-known",
)
.scope(Scope::Compress)
.common("Compress names that begin with a dot");
