//! Which paths need a password, and who may read them (RFC 9110 section 11.5).
//!
//! ```text
//! alice:HASH           only alice may read anything
//! /private bob:HASH    only bob may read /private and everything below it
//! /intranet/**         only users of the password file may read /intranet and everything below it
//! ```
//!
//! A rule protects the paths that its pattern matches and everything below them. So the patterns `/private`,
//! `/private/` and `/private/**` mean the same. If several rules protect a path, the users of each of them may
//! read it.
//!
//! A file may have several names. A rule for one name also protects the other names of the same file:
//!
//! ```text
//! rule for  /a.html   protects  /A.HTML      because some file systems ignore case
//!                               /a.html.gz   the same content in a coding
//!                               /a.de.html   the same page in a language
//! rule for  /a        protects  /a.html      the page whose clean URL is /a
//! ```
//!
//! Invariant: this module never looks at a password or a hash.

use std::fmt;

use super::language::Language;
use super::own_fields::split_pattern;
use super::pattern::{Pattern, PatternError};
use super::variant::original_of;
use crate::text::segment::last_segment;

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
    /// The user is in the password file.
    File,
}

/// Users who may read the paths that a pattern matches.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Grant {
    /// `None` matches every path.
    scope: Option<Scope>,
    holder: Holder,
}

/// Some paths, and everything below them.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Scope {
    /// The pattern as it was written.
    text: Box<str>,
    /// What the pattern matches in folded case, and what is below that.
    paths: Pattern,
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
    /// It looks like a pattern without the slash at its start.
    Pattern,
    /// It has a space, and follows a pattern, which may have ended too early.
    Space,
}

/// The longest name of a user, and the longest password, in bytes. A hash of a longer password could take
/// long, and htpasswd has this limit too.
pub const MOST_BYTES: usize = 255;

impl Protection {
    /// Adds a rule such as `alice:HASH`, `/private/** alice:HASH` or `/private/**`. Returns the hash, for
    /// whoever knows hashes.
    pub fn add<'a>(&mut self, text: &'a str) -> Result<Option<&'a str>, ProtectionError> {
        let (pattern, user) = split_pattern(text);
        let has_pattern = pattern.is_some();
        let scope = pattern.map(Scope::of).transpose();
        let scope = scope.map_err(ProtectionError::Pattern)?.flatten();
        if has_pattern && user.is_empty() {
            let holder = Holder::OfFile;
            self.grants.push(Grant { scope, holder });
            return Ok(None);
        }
        let (name, hash) = user.split_once(':').ok_or(ProtectionError::NoColon)?;
        check_name(name).map_err(ProtectionError::Name)?;
        if name.contains('*') || (name.contains('/') && name.contains(' ')) {
            return Err(ProtectionError::Name(NameError::Pattern));
        }
        // It may be the rest of the pattern, which would protect another path then.
        if has_pattern && name.contains(' ') {
            return Err(ProtectionError::Name(NameError::Space));
        }
        match self.users.iter().find(|user| *user.name == *name) {
            Some(user) if *user.hash != *hash => return Err(ProtectionError::TwoHashes),
            Some(_) => {}
            None => self.users.push(NamedUser {
                name: name.into(),
                hash: hash.into(),
            }),
        }
        let holder = Holder::Named(name.into());
        self.grants.push(Grant { scope, holder });
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
                scope: None,
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
        let names = match self.grants.iter().any(|grant| grant.scope.is_some()) {
            true => names(path),
            false => Vec::new(),
        };
        self.grants.iter().filter(move |grant| {
            let scope = grant.scope.as_ref();
            scope.is_none_or(|scope| names.iter().any(|name| scope.has(name)))
        })
    }
}

impl Scope {
    /// `None`: everything.
    fn of(text: &str) -> Result<Option<Scope>, PatternError> {
        // A mistake is told about the pattern as it was written: other letters may have other lengths.
        Pattern::parse(text)?;
        let folded = String::from_utf8_lossy(&fold_case(text.as_bytes())).into_owned();
        let paths = Pattern::with_all_below(&folded)?;
        let text = text.into();
        Ok(paths.map(|paths| Scope { text, paths }))
    }

    fn has(&self, name: &[u8]) -> bool {
        self.paths.matches(name)
    }
}

impl Grant {
    fn text(&self) -> &str {
        self.scope.as_ref().map_or("/**", |scope| &scope.text)
    }

    fn is_for(&self, user: &User) -> bool {
        match (&self.holder, user.source) {
            (Holder::Named(name), UserSource::Rule) => *name == user.name,
            (Holder::OfFile, UserSource::File) => true,
            _ => false,
        }
    }
}

/// The names under which a rule protects the file at `path`: the path itself, and the path without the extension
/// of a coding, without a language, and without `.html`. They are in folded case, without a slash at the end.
fn names(path: &[u8]) -> Vec<Vec<u8>> {
    let path = path.strip_suffix(b"/").unwrap_or(path);
    let mut names = vec![fold_case(path)];
    for other in [without_coding, without_language, clean] {
        let more: Vec<_> = names.iter().filter_map(|name| other(name)).collect();
        names.extend(more);
    }
    names
}

/// `d/a.html` for `d/a.html.gz`.
fn without_coding(name: &[u8]) -> Option<Vec<u8>> {
    original_of(name).map(|(original, _)| original.to_vec())
}

/// `d/a` for `d/a.html`.
fn clean(name: &[u8]) -> Option<Vec<u8>> {
    name.strip_suffix(b".html").map(<[u8]>::to_vec)
}

/// `d/a.html` for `d/a.de.html`.
fn without_language(name: &[u8]) -> Option<Vec<u8>> {
    let folder = name.len() - last_segment(name).len();
    let mut parts = name[folder..].rsplitn(3, |&byte| byte == b'.');
    let (extension, language, stem) = (parts.next()?, parts.next()?, parts.next()?);
    Language::parse(language)?;
    Some([&name[..folder], stem, b".", extension].concat())
}

/// The text without regard to case. Each character counts for itself, so that a part of a text is folded as the
/// whole text is. Some file systems take `\u{17f}` for `s`, so upper case comes first.
fn fold_case(text: &[u8]) -> Vec<u8> {
    let mut folded = Vec::with_capacity(text.len());
    for chunk in text.utf8_chunks() {
        let upper = chunk.valid().chars().flat_map(char::to_uppercase);
        for lower in upper.flat_map(char::to_lowercase) {
            folded.extend(lower.encode_utf8(&mut [0; 4]).as_bytes());
        }
        folded.extend(chunk.invalid());
    }
    folded
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
                "this user has a different hash in another rule: use the same hash in every rule",
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
            NameError::Pattern => f.write_str(
                "the name of the user looks like a pattern, and patterns begin with a slash: write \
                 '/private/** USER:HASH', or put this user into the file of --auth-file",
            ),
            NameError::Space => f.write_str(
                "the name of the user has a space, or the pattern has one: write \\ before each space of the \
                 pattern, such as '/my\\ folder USER:HASH', or put this user into the file of --auth-file",
            ),
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
        check(&["/** u:h"], "a", Some("/**"));
        check(&["/ u:h"], "a", Some("/**"));
    }

    #[test]
    fn what_is_below_a_protected_path_is_protected() {
        let secret = &["/secret u:h"];
        for path in ["secret", "secret/", "secret/a", "secret/a/b.txt"] {
            check(secret, path, Some("/secret"));
        }
        check(secret, "secrets", None);
        check(secret, "a/secret", None);
        check(&["/**/*.pdf u:h"], "d/e.pdf/a", Some("/**/*.pdf"));
        check(&["/{a,b}/c u:h"], "b/c/d/", Some("/{a,b}/c"));
        for pattern in ["/{a/,b/}", "/{a/**,b}", "/{a,b}/{}", "/{a,b/**}/"] {
            for path in ["a", "a/", "a/x.txt", "b/x"] {
                check(&[&format!("{pattern} u:h")], path, Some(pattern));
            }
            check(&[&format!("{pattern} u:h")], "c/a", None);
        }
        check(&["/{a,} u:h"], "x", Some("/**"));
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
    fn a_file_is_protected_with_its_clean_url_and_in_every_language() {
        for path in [
            "about",
            "about.html",
            "about.html.gz",
            "about.de.html",
            "about.pt-br.html.br",
        ] {
            check(&["/about u:h"], path, Some("/about"));
        }
        check(&["/about.html u:h"], "about.de.html", Some("/about.html"));
        check(&["/about.html u:h"], "about.v2.html", None);
        check(&["/about.de.html u:h"], "about.html", None);
        check(
            &["/d/index.html u:h"],
            "d/index.en.html",
            Some("/d/index.html"),
        );
    }

    #[test]
    fn case_does_not_open_a_path() {
        check(&["/private/** u:h"], "PRIVATE/a", Some("/private/**"));
        check(&["/Private/** u:h"], "private/a", Some("/Private/**"));
        check(&["/\u{c4}/** u:h"], "\u{e4}/a", Some("/\u{c4}/**"));
        // The lower case of a sigma depends on what follows, and a long s is an s for some file systems.
        check(
            &["/\u{391}\u{3a3}* u:h"],
            "\u{391}\u{3a3}\u{392}",
            Some("/\u{391}\u{3a3}*"),
        );
        check(&["/secret u:h"], "\u{17f}ecret/a", Some("/secret"));
        let protection = protection(&["/\u{c4}rger/** u:h"]);
        for path in ["\u{c4}rger/\u{fc}", "\u{e4}RGER/a"] {
            let path = [path.as_bytes(), b"\xff"].concat();
            assert!(
                protection.pattern_for(&path).is_some(),
                "{}",
                path.escape_ascii()
            );
        }
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
        check_error("private/** alice:secret", "begin with a slash");
        check_error(&format!("{}:secret", "a".repeat(256)), "255");
        check_error("/a{ a:secret", "character 3");
        let mut twice = protection(&["/a/** u:h", "/b/** u:h"]);
        assert_eq!(twice.users().len(), 1);
        assert_eq!(twice.add("/c/** u:g"), Err(ProtectionError::TwoHashes));
        assert!(!format!("{twice:?}").contains("h\""), "{twice:?}");
    }
}
