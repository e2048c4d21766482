//! Who may read the site.

use super::definition::{Group, Kind, List, OptionDef, Scope, utf8};

/// The options of this group.
pub const GROUP: Group = Group {
    heading: "Access",
    options: &[ALLOW, DENY],
};

const ALLOW: OptionDef = OptionDef::new(
    "allow",
    Kind::List(List {
        name: "BLOCK",
        separator: Some(','),
        clear: |settings| settings.config.rules.addresses.clear_allowed(),
        add: |settings, value| {
            let added = settings.config.rules.addresses.allow(utf8(value)?);
            added.map_err(|fault| fault.to_string())
        },
    }),
    "Answer only clients with an address in this block, such as 192.0.2.0/24, and 403 to all others. For \
     several blocks, repeat the option or separate them with commas. If blocks of --allow and --deny have \
     the same address, the smallest block decides",
)
.default(|_| "every address".into())
.scope(Scope::Answer);

const DENY: OptionDef = OptionDef::new(
    "deny",
    Kind::List(List {
        name: "BLOCK",
        separator: Some(','),
        clear: |settings| settings.config.rules.addresses.clear_denied(),
        add: |settings, value| {
            let added = settings.config.rules.addresses.deny(utf8(value)?);
            added.map_err(|fault| fault.to_string())
        },
    }),
    "Answer 403 to clients with an address in this block",
)
.default(|_| "none".into())
.scope(Scope::Answer);
