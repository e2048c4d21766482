//! How files are served.

use super::definition::{Group, Kind, List, OptionDef, Scope, utf8};

/// The options of this group.
pub const GROUP: Group = Group {
    heading: "Serving",
    options: &[INDEX, NO_LISTING, HIDDEN, SYMLINKS, TYPE, NO_COMPRESS, OPEN],
};

const INDEX: OptionDef = OptionDef::new(
    "index",
    Kind::List(List {
        name: "NAME",
        separator: Some(','),
        clear: |settings| settings.config.site.index.clear(),
        add: |settings, value| {
            let name = index_name(utf8(value)?)?;
            settings.config.site.index.push(name);
            Ok(())
        },
    }),
    "The name of the file to serve for a directory, if the directory has it. To try several names, \
     repeat the option or separate them with commas",
)
.default(|settings| settings.config.site.index.join(","))
.scope(Scope::Answer)
.common("The file to serve for a directory");

const NO_LISTING: OptionDef = OptionDef::new(
    "no-listing",
    Kind::Switch(|settings| settings.config.site.listing = false),
    "Do not list a directory that has no index file; answer 404 instead",
)
.scope(Scope::Answer)
.common("Do not list directories without an index file");

const HIDDEN: OptionDef = OptionDef::new(
    "include-hidden",
    Kind::Switch(|settings| settings.config.site.hidden = true),
    "Serve names that begin with a dot. docroot always serves .well-known",
)
.scope(Scope::Answer)
.common("Serve names that begin with a dot");

const SYMLINKS: OptionDef = OptionDef::new(
    "follow-symlinks",
    Kind::Switch(|settings| settings.config.site.follow_symlinks = true),
    "Follow symbolic links that lead out of the served directory",
)
.scope(Scope::Answer);

const TYPE: OptionDef = OptionDef::new(
    "type",
    Kind::List(List {
        name: "EXT=TYPE",
        separator: Some(','),
        clear: |settings| settings.config.site.types.clear(),
        add: |settings, value| {
            let added = settings.config.site.types.add(utf8(value)?);
            added.map_err(|fault| fault.to_string())
        },
    }),
    "Send files with this extension as this media type, such as log=text/plain. If a text type has no \
     parameters, docroot adds the charset. For several extensions, repeat the option or separate them \
     with commas",
)
.default(|_| "by name and content".into())
.scope(Scope::Answer);

const NO_COMPRESS: OptionDef = OptionDef::new(
    "no-compress",
    Kind::Switch(|settings| settings.config.site.compress = false),
    "Do not compress responses",
)
.scope(Scope::Answer);

const OPEN: OptionDef = OptionDef::new(
    "open",
    Kind::Switch(|settings| settings.open = true),
    "Open the address in the browser",
)
.short('o')
.common("Open the address in the browser");

/// Parses the name of one file, without a directory.
fn index_name(text: &str) -> Result<String, String> {
    match text {
        "" | "." | ".." => Err("not a single file name such as index.html".into()),
        _ if text.contains('/') => Err("not a single file name such as index.html".into()),
        _ => Ok(text.into()),
    }
}
