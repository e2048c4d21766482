//! Users and the hashes of their passwords, from options and from a file in the format of htpasswd.
//!
//! ```text
//! # a comment
//! alice:$argon2id$v=19$m=19456,t=2,p=1$SALT$HASH
//! bob:$2y$05$SALTHASH:a remark
//! ```

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::path::PathBuf;

use crate::origin::auth::fault::{AuthError, LineError};
use crate::origin::auth::hash::Hash;
use crate::semantics::protection::{NamedUser, User, UserSource, check_name};

/// Users, each with one hash.
#[derive(Default)]
pub struct Users {
    hashes: BTreeMap<Box<str>, (Hash, UserSource)>,
    /// Chooses the hash for a name that does not exist.
    choice: RandomState,
}

/// The hash to compare a password with.
pub struct Subject<'a> {
    /// The hash. If the user does not exist, it is that of another user.
    pub hash: &'a Hash,
    /// The user, if there is one of this name.
    pub user: Option<User>,
}

impl Users {
    /// The users of the options and of the text of a file.
    pub fn of(named: &[NamedUser], file: Option<(&PathBuf, &[u8])>) -> Result<Users, AuthError> {
        let mut users = Users::default();
        for user in named {
            let hash = Hash::parse(&user.hash);
            let hash = hash.map_err(|fault| AuthError::Option(user.name.clone(), fault))?;
            let entry = (hash, UserSource::Rule);
            users.hashes.insert(user.name.clone(), entry);
        }
        if let Some((path, text)) = file {
            users
                .add_file(text)
                .map_err(|(line, fault)| AuthError::Line {
                    file: path.clone(),
                    line,
                    fault,
                })?;
            if users.hashes.len() == named.len() {
                return Err(AuthError::Empty(path.clone()));
            }
        }
        Ok(users)
    }

    /// Adds the users of a file. The error has the number of the line.
    fn add_file(&mut self, text: &[u8]) -> Result<(), (usize, LineError)> {
        for (line, number) in text.split(|&byte| byte == b'\n').zip(1..) {
            self.add_line(line).map_err(|fault| (number, fault))?;
        }
        Ok(())
    }

    fn add_line(&mut self, line: &[u8]) -> Result<(), LineError> {
        let line = std::str::from_utf8(line).map_err(|_| LineError::NotUtf8)?;
        // Some editors begin a file with such a mark. Files that were put together have it in any line.
        let line = line.trim_start_matches('\u{feff}').trim_end();
        if line.is_empty() || line.starts_with('#') {
            return Ok(());
        }
        let (name, rest) = line.split_once(':').ok_or(LineError::NoColon)?;
        check_name(name).map_err(LineError::Name)?;
        let hash = rest.split(':').next().unwrap_or(rest);
        let hash = Hash::parse(hash).map_err(LineError::Hash)?;
        let entry = (hash, UserSource::File);
        match self.hashes.insert(name.into(), entry) {
            None => Ok(()),
            Some((_, UserSource::Rule)) => Err(LineError::InOption),
            Some((_, UserSource::File)) => Err(LineError::Twice),
        }
    }

    /// The hash for a user of this name. A name that does not exist gets the hash of some user, always the
    /// same one, so that a check takes as long as for a name that exists. `None` if there is no user at all.
    pub fn subject(&self, name: &str) -> Option<Subject<'_>> {
        if let Some((hash, source)) = self.hashes.get(name) {
            let (name, source) = (name.into(), *source);
            let user = Some(User { name, source });
            return Some(Subject { hash, user });
        }
        let number = self.choice.hash_one(name) % u64::try_from(self.hashes.len().max(1)).ok()?;
        let mut hashes = self.hashes.values();
        let (hash, _) = hashes.nth(usize::try_from(number).ok()?)?;
        Some(Subject { hash, user: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUICK: &str = "$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW";
    const SHA: &str = "$5$saltsalt$0IyaXrmV7.sGNS6tirgqHLqX/G.FBvgkYA.lpPdS5sA";

    fn named(name: &str) -> NamedUser {
        NamedUser {
            name: name.into(),
            hash: QUICK.into(),
        }
    }

    fn read(text: impl AsRef<[u8]>) -> Result<Users, AuthError> {
        let path = PathBuf::from("users");
        Users::of(&[named("option")], Some((&path, text.as_ref())))
    }

    #[test]
    fn a_file_of_htpasswd_is_read() {
        let users = read(format!(
            "\u{feff}# users\r\n\r\na:{QUICK}\r\n\u{feff}b c:{SHA}:a remark\n\u{feff}# more\n\u{e4}:{SHA}"
        ));
        let users = users.expect("a file");
        let known = |name: &str| {
            let subject = users.subject(name).expect("a hash");
            subject
                .user
                .map(|user| (user.source, subject.hash.text().to_owned()))
        };
        assert_eq!(known("a"), Some((UserSource::File, QUICK.into())));
        assert_eq!(known("b c"), Some((UserSource::File, SHA.into())));
        assert_eq!(known("\u{e4}"), Some((UserSource::File, SHA.into())));
        assert_eq!(known("option"), Some((UserSource::Rule, QUICK.into())));
        assert_eq!(known("A"), None);
        assert_eq!(known(""), None);
    }

    #[track_caller]
    fn check_error(text: impl AsRef<[u8]>, want: &[&str]) {
        let fault = match read(text) {
            Ok(_) => panic!("it is valid"),
            Err(fault) => fault.to_string(),
        };
        for want in want {
            assert!(fault.contains(want), "{want:?}: {fault}");
        }
        assert!(!fault.contains("secret"), "{fault}");
    }

    #[test]
    fn a_mistake_is_told_with_its_line() {
        check_error("", &["\"users\"", "no user"]);
        check_error("# nobody\n", &["no user"]);
        check_error("\n\nsecret\n", &["line 3 of \"users\"", "colon"]);
        check_error(":secret", &["line 1", "missing"]);
        check_error("a:secret", &["line 1", "docroot hash-password"]);
        check_error("a:$apr1$secret$x", &["MD5"]);
        check_error(format!("a:{QUICK}\na:{SHA}"), &["line 2", "the same user"]);
        check_error(format!("option:{SHA}"), &["--auth"]);
        check_error(b"\xff:secret", &["UTF-8"]);
    }

    /// Nobody can tell from the work whether a name exists.
    #[test]
    fn an_unknown_name_has_the_hash_of_a_user() {
        let users = read(format!("a:{SHA}\nb:{SHA}\nc:{SHA}")).expect("a file");
        let mut seen = Vec::new();
        for number in 0..200 {
            let name = format!("nobody {number}");
            let subject = users.subject(&name).expect("a hash");
            assert!(subject.user.is_none());
            let again = users.subject(&name).expect("a hash");
            assert_eq!(subject.hash, again.hash, "it is always the same");
            seen.push(subject.hash.text().to_owned());
        }
        seen.sort();
        seen.dedup();
        assert_eq!(seen, [QUICK, SHA], "every kind occurs");
        assert!(Users::default().subject("a").is_none());
    }
}
