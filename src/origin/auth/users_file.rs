//! The password file. It is read again when it changes; if it is then invalid, the old users stay.
//!
//! An editor may write a file in several steps, so an invalid file is reported only if it is still invalid
//! a second later. At a reload, the operator says that the file is ready, so it is reported at once.

use std::fmt;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::origin::auth::fault::AuthError;
use crate::origin::auth::users::Users;
use crate::semantics::protection::NamedUser;
use crate::site::file_state::FileState;
use crate::site::named_file::{self, ReadError};
use crate::sync::lock;
use crate::text::escape::Name;

/// How long a new file may be invalid before this is reported.
pub const PATIENCE: Duration = Duration::from_secs(1);

/// The file.
pub struct UsersFile {
    path: PathBuf,
    watch: Mutex<Watch>,
}

#[derive(Default)]
struct Watch {
    /// The state of the file that is in use, taken before it was read.
    used: Option<FileState>,
    failure: Option<Failure>,
}

/// A new file that is invalid.
struct Failure {
    state: Option<FileState>,
    since: Instant,
    is_reported: bool,
}

/// What a look at the file has found.
pub enum Found {
    /// Nothing that was not known.
    Nothing,
    /// New users, and what the operator is told.
    Users(Users, Notice),
    /// The file is invalid. If it still is after [`PATIENCE`], the next look reports it.
    Suspect,
    /// The file is invalid, of which the operator is told.
    Invalid(Notice),
}

/// Who wants to know what is in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    /// A client. The operator is told once of each invalid file.
    Client,
    /// The operator, who reloads the configuration.
    Operator,
}

/// What the operator is told.
#[derive(Debug)]
pub enum Notice {
    /// The users of the file are in use.
    Renewed(PathBuf),
    /// The file is invalid.
    Kept(AuthError),
}

impl UsersFile {
    /// A file that was not read yet.
    pub fn new(path: PathBuf) -> UsersFile {
        UsersFile {
            path,
            watch: Mutex::default(),
        }
    }

    /// Reads the users, those of the options included.
    pub fn read(&self, named: &[NamedUser]) -> Result<Users, AuthError> {
        let mut watch = lock(&self.watch);
        let state = FileState::of(&self.path).ok();
        let users = self.parse(named)?;
        watch.used = state;
        Ok(users)
    }

    /// Reads the file again if it has changed. It may wait for the disk.
    pub fn changed(&self, named: &[NamedUser], asker: Asker, now: Instant) -> Found {
        let mut watch = lock(&self.watch);
        let state = FileState::of(&self.path).ok();
        if state == watch.used {
            watch.failure = None;
            return Found::Nothing;
        }
        match self.parse(named) {
            Ok(users) => {
                watch.used = state;
                watch.failure = None;
                Found::Users(users, Notice::Renewed(self.path.clone()))
            }
            Err(fault) => {
                let same = watch.failure.take().filter(|one| one.state == state);
                let failure = watch.failure.insert(same.unwrap_or(Failure {
                    state,
                    since: now,
                    is_reported: false,
                }));
                failure.found(fault, asker, now)
            }
        }
    }

    fn parse(&self, named: &[NamedUser]) -> Result<Users, AuthError> {
        let path = || self.path.clone();
        let text = named_file::read(&self.path).map_err(|fault| match fault {
            ReadError::Unreadable(fault) => AuthError::Unreadable(path(), fault),
            ReadError::NotRegular | ReadError::NoWriter => AuthError::NotRegular(path()),
            ReadError::TooLarge => AuthError::TooLarge(path()),
        })?;
        Users::of(named, Some((&self.path, &text)))
    }
}

impl Failure {
    /// What a look has found that comes across this failure.
    fn found(&mut self, fault: AuthError, asker: Asker, now: Instant) -> Found {
        let has_stayed = now.saturating_duration_since(self.since) >= PATIENCE;
        let is_due = match asker {
            Asker::Client if self.is_reported => return Found::Nothing,
            Asker::Client => has_stayed,
            Asker::Operator => true,
        };
        self.is_reported |= is_due;
        match is_due {
            true => Found::Invalid(Notice::Kept(fault)),
            false => Found::Suspect,
        }
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Notice::Renewed(path) => {
                write!(f, "reloaded the users in {}", Name::of(path))
            }
            Notice::Kept(fault) => write!(f, "kept the old users: {fault}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Asker::{Client, Operator};
    use super::*;
    use crate::site::named_file::LARGEST;
    use std::fs;

    const ALICE: &str = "alice:$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW\n";

    fn has_alice(users: &Users) -> bool {
        let subject = users.subject("alice").expect("a hash");
        subject.user.is_some()
    }

    #[test]
    fn a_changed_file_is_read_and_an_invalid_one_is_not_used() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("users");
        let bob = ALICE.replace("alice", "bob");
        fs::write(&path, &bob).expect("a file");
        let file = UsersFile::new(path.clone());
        let now = Instant::now();
        assert!(!has_alice(&file.read(&[]).expect("users")));
        assert!(matches!(file.changed(&[], Client, now), Found::Nothing));
        fs::write(&path, ALICE.to_owned() + &bob).expect("a file");
        let is_alice = |found| matches!(found, Found::Users(users, _) if has_alice(&users));
        assert!(is_alice(file.changed(&[], Client, now)));
        assert!(matches!(file.changed(&[], Client, now), Found::Nothing));
        let is_reported = || {
            let watch = file.watch.lock().expect("no panic");
            watch.failure.as_ref().map(|failure| failure.is_reported)
        };
        fs::write(&path, "alice:secret").expect("a file");
        assert!(matches!(file.changed(&[], Client, now), Found::Suspect));
        assert_eq!(is_reported(), Some(false));
        let later = now + PATIENCE;
        assert!(matches!(
            file.changed(&[], Client, later),
            Found::Invalid(_)
        ));
        assert_eq!(is_reported(), Some(true));
        assert!(matches!(file.changed(&[], Client, later), Found::Nothing));
        fs::remove_file(&path).expect("a file");
        assert!(matches!(
            file.changed(&[], Client, now + PATIENCE),
            Found::Suspect
        ));
        assert_eq!(is_reported(), Some(false), "this is another fault");
        // Who asks for a reload is told each time, and then no client causes another report.
        for _ in 0..2 {
            let found = file.changed(&[], Operator, later);
            assert!(matches!(found, Found::Invalid(_)));
        }
        let found = file.changed(&[], Client, later + PATIENCE);
        assert!(matches!(found, Found::Nothing));
        fs::write(&path, ALICE).expect("a file");
        assert!(is_alice(file.changed(&[], Client, now)));
        assert_eq!(is_reported(), None);
    }

    /// The prefix of each line names docroot already. What is wrong and what to do are one sentence.
    #[test]
    fn a_notice_is_short() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("users");
        fs::write(&path, "alice:hunter2").expect("a file");
        let name = Name::of(&path);
        let fault = UsersFile::new(path.clone()).read(&[]);
        let kept = Notice::Kept(fault.err().expect("no hash")).to_string();
        let want = format!(
            "kept the old users: line 1 of {name}: this is not a password hash: make one with docroot \
             hash-password"
        );
        assert_eq!(kept, want);
        let renewed = Notice::Renewed(path.clone()).to_string();
        assert_eq!(renewed, format!("reloaded the users in {name}"));
    }

    #[track_caller]
    fn check_error(path: PathBuf, want: &str) {
        let fault = match UsersFile::new(path).read(&[]) {
            Ok(_) => panic!("it is valid"),
            Err(fault) => fault.to_string(),
        };
        assert!(fault.contains(want), "{fault}");
    }

    #[test]
    fn what_is_no_file_of_users_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        check_error(folder.path().join("none"), "cannot be read");
        check_error(folder.path().to_owned(), "not a regular file");
        let large = folder.path().join("large");
        fs::write(&large, vec![b'#'; (LARGEST + 1) as usize]).expect("a file");
        check_error(large, "larger than 1 MiB");
    }
}
