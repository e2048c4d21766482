//! Which paths need a password, and who may read them (RFC 9110 section 11.5).
//!
//! ```text
//! alice:HASH                  alice may read everything, others nothing
//! /private/** bob:HASH        bob may read what is in /private/, and /private itself
//! /intranet/**                so may every user of the file of users in /intranet/
//! ```
//!
//! A path is protected if a rule matches it, and every user of such a rule may read it. Patterns match
//! without regard to case: where a file system ignores case, `/PRIVATE/` is the same directory. They also
//! match with the suffix of a content coding: `a.html.gz` has the content of `a.html`.
//!
//! Invariant: this module never looks at a password or a hash.

use std::fmt;

use super::own_fields::split_pattern;
use super::pattern::{Pattern, PatternError};
use super::variant::original_of;

/// The rules of a server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Protection {
    grants: Vec<Grant>,
    /// The users whom the rules name, each once.
    users: Vec<NamedUser>,
}

/// A user whom a rule names. The hash is that of the password, as it was written.
#[derive(Clone, PartialEq, Eq)]
pub struct NamedUser {
    /// The name.
    pub name: Box<str>,
    /// The hash of the password.
    pub hash: Box<str>,
}

/// A user who has proved who they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The name. It may have any character except a colon and control characters.
    pub name: Box<str>,
    /// Where the user is known from.
    pub source: UserSource,
}

/// Where a user is known from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserSource {
    /// A rule names the user.
    Rule,
    /// The user is in the file of users.
    File,
}

/// Users who may read the paths that a pattern matches.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Grant {
    /// `None` matches every path.
    pattern: Option<(Pattern, Box<str>)>,
    holder: Holder,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Holder {
    /// The user whom a rule names.
    Named(Box<str>),
    /// Every user of the file.
    OfFile,
}

/// What is wrong with a rule. No text repeats the rule, because it may have a password in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtectionError {
    /// The pattern.
    Pattern(PatternError),
    /// The user and the hash are not separated by a colon.
    NoColon,
    /// The name of the user.
    Name(NameError),
    /// The user has another hash in another rule.
    TwoHashes,
}

/// What is wrong with the name of a user (RFC 7617 section 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameError {
    /// It is empty.
    Empty,
    /// It has more than [`MOST_BYTES`] bytes.
    TooLong,
    /// It has a control character.
    Control,
}

/// The longest name of a user, and the longest password, in bytes. A hash of a longer password could take
/// long, and htpasswd has this limit too.
pub const MOST_BYTES: usize = 255;

impl Protection {
    /// Adds a rule such as `alice:HASH`, `/private/** alice:HASH` or `/private/**`. Returns the hash, for
    /// whoever knows hashes.
    pub fn add<'a>(&mut self, text: &'a str) -> Result<Option<&'a str>, ProtectionError> {
        let (pattern, user) = split_pattern(text);
        let pattern = pattern.map(lower_case);
        let pattern = pattern.transpose().map_err(ProtectionError::Pattern)?;
        if pattern.is_some() && user.is_empty() {
            let holder = Holder::OfFile;
            self.grants.push(Grant { pattern, holder });
            return Ok(None);
        }
        let (name, hash) = user.split_once(':').ok_or(ProtectionError::NoColon)?;
        check_name(name).map_err(ProtectionError::Name)?;
        match self.users.iter().find(|user| *user.name == *name) {
            Some(user) if *user.hash != *hash => return Err(ProtectionError::TwoHashes),
            Some(_) => {}
            None => self.users.push(NamedUser {
                name: name.into(),
                hash: hash.into(),
            }),
        }
        let holder = Holder::Named(name.into());
        self.grants.push(Grant { pattern, holder });
        Ok(Some(hash))
    }

    /// Removes all rules.
    pub fn clear(&mut self) {
        *self = Protection::default();
    }

    /// Lets the users of a file read everything, unless rules say what they may read.
    pub fn use_file(&mut self) {
        if !self.needs_file() {
            let holder = Holder::OfFile;
            self.grants.push(Grant {
                pattern: None,
                holder,
            });
        }
    }

    /// Whether a rule is for the users of a file.
    pub fn needs_file(&self) -> bool {
        self.grants
            .iter()
            .any(|grant| grant.holder == Holder::OfFile)
    }

    /// Whether everyone may read everything.
    pub fn is_empty(&self) -> bool {
        self.grants.is_empty()
    }

    /// The same rules without the hashes of the users whom they name.
    pub fn without_users(&self) -> Protection {
        Protection {
            grants: self.grants.clone(),
            users: Vec::new(),
        }
    }

    /// The users whom the rules name.
    pub fn users(&self) -> &[NamedUser] {
        &self.users
    }

    /// The first pattern that protects a decoded path, which has no slash at its start.
    pub fn pattern_for(&self, path: &[u8]) -> Option<&str> {
        self.matching(path).next().map(Grant::text)
    }

    /// Whether a user may read a protected path. Without protection, everyone may.
    pub fn admits(&self, user: Option<&User>, path: &[u8]) -> bool {
        let mut matching = self.matching(path).peekable();
        matching.peek().is_none()
            || matching.any(|grant| user.is_some_and(|user| grant.is_for(user)))
    }

    fn matching(&self, path: &[u8]) -> impl Iterator<Item = &Grant> {
        let paths = match self.is_empty() {
            true => Vec::new(),
            false => names(path),
        };
        self.grants.iter().filter(move |grant| {
            let Some((pattern, _)) = &grant.pattern else {
                return true;
            };
            paths.iter().any(|path| pattern.matches(path))
        })
    }
}

impl Grant {
    fn text(&self) -> &str {
        self.pattern.as_ref().map_or("/**", |(_, text)| text)
    }

    fn is_for(&self, user: &User) -> bool {
        match (&self.holder, user.source) {
            (Holder::Named(name), UserSource::Rule) => *name == user.name,
            (Holder::OfFile, UserSource::File) => true,
            _ => false,
        }
    }
}

/// The pattern in lower case, with its text.
fn lower_case(text: &str) -> Result<(Pattern, Box<str>), PatternError> {
    // A mistake is told about the pattern as it was written: other letters may have other lengths.
    Pattern::parse(text)?;
    let pattern = Pattern::parse(&text.to_lowercase())?;
    Ok((pattern, text.into()))
}

/// What patterns are compared with: the path in lower case, the path of the file whose coded form it may
/// be, and each of them with a slash at its end, because the pattern of what is in a directory protects the
/// directory too.
fn names(path: &[u8]) -> Vec<Vec<u8>> {
    let path = match std::str::from_utf8(path) {
        Ok(text) => text.to_lowercase().into_bytes(),
        Err(_) => path.to_ascii_lowercase(),
    };
    let original = original_of(&path).map(|(original, _)| original.to_vec());
    let mut names: Vec<_> = original.into_iter().chain([path]).collect();
    let with_slash: Vec<_> = names
        .iter()
        .map(|name| [name, &b"/"[..]].concat())
        .collect();
    names.extend(with_slash);
    names
}

/// Whether this can be the name of a user. A colon ends the name, so it has none.
pub fn check_name(name: &str) -> Result<(), NameError> {
    match name {
        "" => Err(NameError::Empty),
        _ if name.len() > MOST_BYTES => Err(NameError::TooLong),
        _ if name.chars().any(char::is_control) => Err(NameError::Control),
        _ => Ok(()),
    }
}

impl fmt::Debug for NamedUser {
    /// Without the hash.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("NamedUser").field(&self.name).finish()
    }
}

impl fmt::Display for ProtectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ProtectionError::Pattern(fault) => fault.fmt(f),
            ProtectionError::NoColon => f.write_str(
                "write USER:HASH, or 'PATTERN USER:HASH' such as '/private/** alice:HASH'; \
                 docroot hash-password makes the hash",
            ),
            ProtectionError::Name(fault) => fault.fmt(f),
            ProtectionError::TwoHashes => f.write_str(
                "this user has another hash in another rule: give a user the same hash in every rule",
            ),
        }
    }
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NameError::Empty => f.write_str("the name of the user is missing before the colon"),
            NameError::TooLong => write!(
                f,
                "the name of the user is longer than {MOST_BYTES} bytes: choose a shorter one"
            ),
            NameError::Control => {
                f.write_str("the name of the user has a control character: remove it")
            }
        }
    }
}

impl std::error::Error for ProtectionError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn protection(rules: &[&str]) -> Protection {
        let mut protection = Protection::default();
        for rule in rules {
            protection.add(rule).expect(rule);
        }
        protection
    }

    fn user(name: &str, source: UserSource) -> User {
        User {
            name: name.into(),
            source,
        }
    }

    #[track_caller]
    fn check(rules: &[&str], path: &str, want: Option<&str>) {
        let protection = protection(rules);
        assert_eq!(protection.pattern_for(path.as_bytes()), want, "{path}");
        let is_open = protection.admits(None, path.as_bytes());
        assert_eq!(is_open, want.is_none(), "{path}");
    }

    #[test]
    fn a_path_is_protected_if_a_rule_matches_it() {
        check(&[], "a", None);
        check(&["u:h"], "", Some("/**"));
        check(&["u:h"], "a/b", Some("/**"));
        let private = &["/private/** u:h"];
        check(private, "private/a", Some("/private/**"));
        check(private, "private/", Some("/private/**"));
        check(private, "private", Some("/private/**"));
        check(private, "privates", None);
        check(private, "", None);
        check(&["/a/ u:h"], "a", Some("/a/"));
        check(&["/*.html u:h"], "x.html", Some("/*.html"));
        check(&["/*.html u:h"], "d/x.html", None);
        check(&["/d/**"], "d/e/f", Some("/d/**"));
    }

    #[test]
    fn the_coded_form_of_a_file_is_protected_with_it() {
        let pages = &["/*.html u:h", "/d/** u:h"];
        for suffix in ["gz", "GZ", "br", "zst"] {
            check(pages, &format!("a.html.{suffix}"), Some("/*.html"));
            check(pages, &format!("d.{suffix}"), Some("/d/**"));
        }
        check(pages, "a.html.txt", None);
        check(&["/a.gz u:h"], "a.gz", Some("/a.gz"));
        check(&["/a.gz u:h"], "a", None);
    }

    #[test]
    fn case_does_not_open_a_path() {
        check(&["/private/** u:h"], "PRIVATE/a", Some("/private/**"));
        check(&["/Private/** u:h"], "private/a", Some("/Private/**"));
        check(&["/\u{c4}/** u:h"], "\u{e4}/a", Some("/\u{c4}/**"));
        let protection = protection(&["/Private/** u:h"]);
        assert!(protection.pattern_for(b"pRIVATE/\xff").is_some());
    }

    #[test]
    fn every_user_of_a_rule_that_matches_may_read() {
        let protection = protection(&["root:r", "/a/** alice:h", "/b/**", "/b/c/** alice:h"]);
        let admits = |name: &str, source, path: &str| {
            protection.admits(Some(&user(name, source)), path.as_bytes())
        };
        for path in ["", "a/x", "b/x", "c"] {
            assert!(admits("root", UserSource::Rule, path), "{path}");
            // The same name in the file is another user.
            let is_in_file = admits("root", UserSource::File, path);
            assert_eq!(is_in_file, path.starts_with('b'), "{path}");
        }
        assert!(admits("alice", UserSource::Rule, "a/x"));
        assert!(admits("alice", UserSource::Rule, "b/c/x"));
        assert!(!admits("alice", UserSource::Rule, "b/x"));
        assert!(!admits("alice", UserSource::Rule, ""));
        assert!(!admits("Alice", UserSource::Rule, "a/x"));
        assert!(admits("anyone", UserSource::File, "b/c/x"));
        assert!(!admits("anyone", UserSource::File, "a/x"));
    }

    #[test]
    fn the_users_of_a_file_may_read_everything_unless_a_rule_says_what() {
        let file = user("f", UserSource::File);
        let mut everything = protection(&["/a/** u:h"]);
        everything.use_file();
        assert!(everything.admits(Some(&file), b"a/x"));
        assert!(!everything.admits(None, b"b"));
        let mut some = protection(&["/a/**"]);
        some.use_file();
        assert!(some.admits(Some(&file), b"a/x"));
        assert!(some.admits(None, b"b"));
    }

    #[track_caller]
    fn check_error(rule: &str, want: &str) {
        let fault = Protection::default().add(rule).expect_err(rule);
        assert!(fault.to_string().contains(want), "{rule}: {fault}");
        assert!(!fault.to_string().contains("secret"), "{rule}: {fault}");
    }

    #[test]
    fn a_mistake_is_told_without_the_rule() {
        check_error("secret", "USER:HASH");
        check_error("", "USER:HASH");
        check_error("/a/** secret", "USER:HASH");
        check_error(":secret", "missing");
        check_error("a\tb:secret", "control");
        check_error(&format!("{}:secret", "a".repeat(256)), "255");
        check_error("/a{ a:secret", "character 3");
        let mut twice = protection(&["/a/** u:h", "/b/** u:h"]);
        assert_eq!(twice.users().len(), 1);
        assert_eq!(twice.add("/c/** u:g"), Err(ProtectionError::TwoHashes));
        assert!(!format!("{twice:?}").contains("h\""), "{twice:?}");
    }
}
