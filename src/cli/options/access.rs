//! Who may read the site.

use super::definition::{Group, Kind, List, OptionDef, Scope, utf8};
#[cfg(not(feature = "auth"))]
use crate::origin::auth::fault::AuthError;

/// The options of this group.
pub const GROUP: Group = Group {
    heading: "Access",
    options: &[AUTH, AUTH_FILE, ALLOW, DENY],
};

/// A build without passwords has these options too. Its errors say how to get passwords.
const AUTH: OptionDef = OptionDef::new(
    "auth",
    Kind::List(List {
        name: "USER:HASH",
        separator: Some('\n'),
        clear: |settings| settings.config.rules.protection.clear(),
        add: |settings, value| {
            let added = settings.config.rules.protection.add(utf8(value)?);
            check_hash(added.map_err(|fault| fault.to_string())?)
        },
    }),
    "Require a name and a password (HTTP Basic authentication), and let this user read every path, or \
     those that match a pattern: '/private/** USER:HASH'. A path that no rule matches needs no password. \
     docroot hash-password makes the hash. Repeat the option for several rules. A pattern without a user \
     applies to the users of --auth-file",
)
.short('a')
.secret()
.default(|_| "no password".into())
.table("[{pattern} ][{user}:{hash}]")
.scope(Scope::Answer);

const AUTH_FILE: OptionDef = OptionDef::new(
    "auth-file",
    Kind::File(|settings, file| settings.config.auth_file = Some(file)),
    "Let the users of this file read every path or, if rules of --auth have a pattern and no user, the \
     paths that match such a rule. Each line is USER:HASH, as htpasswd writes it, with an argon2, bcrypt \
     or SHA crypt hash. If the file changes, docroot reads it again",
)
.default(|_| "none".into())
.scope(Scope::Answer);

/// Checks the hash of a rule that has one.
#[cfg(feature = "auth")]
fn check_hash(hash: Option<&str>) -> Result<(), String> {
    let parsed = hash.map(crate::origin::auth::hash::Hash::parse);
    let parsed = parsed.transpose().map_err(|fault| fault.in_option());
    parsed.map(|_| ())
}

#[cfg(not(feature = "auth"))]
fn check_hash(_: Option<&str>) -> Result<(), String> {
    Err(AuthError::NotBuiltIn.to_string())
}

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
    "Answer only clients with an address in this block, such as 192.0.2.0/24; all others get 403. For \
     several blocks, repeat the option or separate them with commas. If an address is in blocks of \
     --allow and --deny, the smallest block decides; of two equal blocks, --deny wins",
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
