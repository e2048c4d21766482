//! Pages and endpoints of the server itself, to learn HTTP with.

use super::definition::{Group, Kind, List, OptionDef, Scope, utf8};
use crate::semantics::address_rules::AddressRules;

/// The options of this group.
pub const GROUP: Group = Group {
    heading: "Learning",
    options: &[INSPECT, INSPECT_ALLOW, LAB, CLASS, NO_OPEN],
};

const INSPECT: OptionDef = OptionDef::new(
    "inspect",
    Kind::Switch(|settings| settings.config.inspect = true),
    "Show each request and its response in a page at /.docroot/: their bytes, the reasons for the response, \
     and how long it took. Passwords and cookies are masked",
)
.scope(Scope::Answer)
.common("Show requests and responses at /.docroot/");

const INSPECT_ALLOW: OptionDef = OptionDef::new(
    "inspect-allow",
    Kind::List(List {
        name: "BLOCK",
        separator: Some(','),
        clear: |settings| settings.config.inspect_named = AddressRules::default(),
        add: |settings, value| {
            let added = settings.config.inspect_named.allow(utf8(value)?);
            added.map_err(|fault| fault.to_string())
        },
    }),
    "Let clients with an address in this block open the pages of --inspect and --lab too, such as 192.0.2.0/24. It \
     must also contain the address of a proxy that forwards such requests. With 127.0.0.1, everybody who can reach a \
     proxy on this machine gets in. For several blocks, repeat the option or separate them with commas",
)
.default(|_| "only this machine".into())
.scope(Scope::Answer);

const LAB: OptionDef = OptionDef::new(
    "lab",
    Kind::Switch(|settings| settings.config.lab = true),
    "Serve a page at /.docroot/lab/ with endpoints to try HTTP and WebSocket with: any status, slow and broken \
     responses, cookies, caching, uploads and more",
)
.scope(Scope::Answer);

const CLASS: OptionDef = OptionDef::new(
    "class",
    Kind::List(List {
        name: "BLOCK",
        separator: Some(','),
        clear: |settings| settings.config.class_from = None,
        add: |settings, value| {
            let text = utf8(value)?;
            let blocks = settings.config.class_from.get_or_insert_default();
            if text == PRIVATE {
                blocks.allow_private();
                return Ok(());
            }
            let added = blocks.allow(text);
            added.map_err(|fault| format!("{fault}, or {PRIVATE}"))
        },
    }),
    "Let a class learn with the textbook: clients with an address in this block, such as 192.0.2.0/24, may use the \
     lab, and may see in the wire view what they do themselves. A page at /.docroot/learn/class shows how many of \
     them have done which experiment, without names; it is only for clients that --inspect-allow names. --class \
     alone means every private address",
)
.bare(PRIVATE)
.default(|_| "no class".into())
.scope(Scope::Answer);

/// The word for the blocks of private networks.
const PRIVATE: &str = "private";

const NO_OPEN: OptionDef = OptionDef::new(
    "no-open",
    Kind::Switch(|settings| settings.stays_closed = true),
    "Do not open the textbook in the browser",
)
.scope(Scope::Learn);
