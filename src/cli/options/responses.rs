//! What responses say to browsers and caches.

use super::definition::{Group, Kind, List, OptionDef, Scope, utf8};
use crate::cli::nearest;
use crate::semantics::cache_control::{CachePolicyError, Directive};
use crate::semantics::cors::Cors;
use crate::semantics::rules::RuleError;

/// The options of this group.
pub const GROUP: Group = Group {
    heading: "Responses",
    options: &[CACHE, HEADER, CORS, SECURITY_HEADERS, ISOLATION, REQUEST_ID],
};

const CACHE: OptionDef = OptionDef::new(
    "cache",
    Kind::List(List {
        name: "RULE",
        separator: Some('\n'),
        clear: |settings| settings.config.rules.clear_cache(),
        add: |settings, value| {
            let added = settings.config.rules.add_cache(utf8(value)?);
            added.map_err(|fault| with_nearest(&fault))
        },
    }),
    "What caches may do with files whose path matches the pattern, such as '/assets/**=public, \
     max-age=31536000, immutable'. In a pattern, * stands for a part of one name, ** for any number of \
     directories, and {a,b} for either text. Repeat the option for several rules; the first one that \
     matches counts. Listings, archives, redirects and error pages are always no-cache. With --live-reload, \
     everything is no-store",
)
.default(|_| "'/**=no-cache'".into())
.table("{pattern}={directives}")
.scope(Scope::Answer)
.common("How long browsers may keep files");

const HEADER: OptionDef = OptionDef::new(
    "header",
    Kind::List(List {
        name: "FIELD",
        separator: Some('\n'),
        clear: |settings| settings.config.rules.clear_fields(),
        add: |settings, value| {
            let added = settings.config.rules.add_field(utf8(value)?);
            added.map_err(|fault| fault.to_string())
        },
    }),
    "Send this field with every response, or with those for paths that match a pattern, such as '/docs/** \
     X-Robots-Tag: noindex'. It replaces docroot's own field of this name, also on listings and error pages; 'NAME:' \
     without a value removes that field. Set-Cookie and names in Vary are added to docroot's own. Only the \
     pages below /.docroot/ keep their Content-Security-Policy, because they need it. Repeat the option for several fields; if several patterns match, the last one counts",
)
.short_to_serve('H')
.default(|_| "none".into())
.table("[{pattern} ]{name}: {value}")
.field()
.scope(Scope::Answer);

const CORS: OptionDef = OptionDef::new(
    "cors",
    Kind::List(List {
        name: "ORIGIN",
        separator: Some(','),
        clear: |settings| settings.config.rules.cors = Cors::Off,
        add: |settings, value| {
            let added = settings.config.rules.cors.add(utf8(value)?);
            added.map_err(|fault| fault.to_string())
        },
    }),
    "Let scripts of these origins read responses, such as --cors=https://app.example. --cors alone means \
     every origin. For several origins, repeat the option or separate them with commas",
)
.bare("*")
.default(|_| "no other origin".into())
.scope(Scope::Answer)
.common("Let scripts of other sites read responses");

const SECURITY_HEADERS: OptionDef = OptionDef::new(
    "security-headers",
    Kind::Switch(|settings| settings.config.rules.security = true),
    "Send fields that limit what pages may do: Content-Security-Policy for a site that loads everything \
     from itself, X-Frame-Options, Referrer-Policy, Permissions-Policy, Cross-Origin-Opener-Policy and \
     Cross-Origin-Resource-Policy. --header replaces or removes each of them. Listings and error pages have \
     a stricter Content-Security-Policy of their own",
)
.scope(Scope::Answer);

const ISOLATION: OptionDef = OptionDef::new(
    "coi",
    Kind::Switch(|settings| settings.config.rules.isolation = true),
    "Isolate pages from other origins, so that browsers allow threads of WebAssembly: send \
     Cross-Origin-Opener-Policy, Cross-Origin-Embedder-Policy and Cross-Origin-Resource-Policy",
)
.scope(Scope::Answer);

const REQUEST_ID: OptionDef = OptionDef::new(
    "request-id",
    Kind::Switch(|settings| settings.config.request_ids = true),
    "Give each request an id, 32 random hexadecimal digits: send it as X-Request-Id with every response, and log it. If a \
     proxy of --trust-proxy has sent an id, that one is kept. The pretty log shows the id with -v",
)
.scope(Scope::Answer);

/// What is wrong with a rule for caches. An unknown directive is told with the nearest known one.
fn with_nearest(fault: &RuleError) -> String {
    match fault {
        RuleError::Cache(CachePolicyError::Unknown(name)) => {
            let names = Directive::ALL.iter().map(|directive| directive.name());
            nearest::with_nearest(fault.to_string(), &name.to_ascii_lowercase(), "", names)
        }
        _ => fault.to_string(),
    }
}
