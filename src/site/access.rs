//! Who the server is for the file system, to tell which entries of a directory it may read.
//!
//! Access control lists and capabilities are not considered, so the answer is a hint. Only an attempt to
//! open the file decides.

use rustix::process::{getegid, geteuid, getgroups};

/// The permission to read a file, as mode bits of one class of users.
pub(super) const READ: u32 = 0o4;

/// The permission to list a directory and to open its entries.
pub(super) const LIST: u32 = 0o5;

/// The user and the groups of the process.
#[derive(Debug)]
pub(super) struct Reader {
    user: u32,
    groups: Vec<u32>,
}

impl Reader {
    /// The user and the groups that the process has now.
    pub(super) fn of_process() -> Reader {
        let groups = getgroups().unwrap_or_default();
        let groups = groups.into_iter().chain([getegid()]);
        Reader {
            user: geteuid().as_raw(),
            groups: groups.map(|group| group.as_raw()).collect(),
        }
    }

    /// Another user, without groups. For tests.
    #[cfg(test)]
    pub(super) fn of_user(user: u32) -> Reader {
        Reader {
            user,
            groups: Vec::new(),
        }
    }

    /// Whether the mode bits allow it to do what `wanted` says.
    pub(super) fn may(&self, wanted: u32, mode: u32, owner: u32, group: u32) -> bool {
        // The first class that applies decides, even if a later one would allow more.
        let allowed = match () {
            _ if self.user == 0 => 0o7,
            _ if self.user == owner => mode >> 6,
            _ if self.groups.contains(&group) => mode >> 3,
            _ => mode,
        };
        allowed & wanted == wanted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(wanted: u32, mode: u32, owner: u32, group: u32, want: bool) {
        let reader = Reader {
            user: 1000,
            groups: vec![100, 101],
        };
        let got = reader.may(wanted, mode, owner, group);
        assert_eq!(got, want, "{mode:o} of {owner}:{group}");
    }

    #[test]
    fn the_first_class_of_users_that_applies_decides() {
        check(READ, 0o100_644, 0, 0, true);
        check(READ, 0o100_640, 0, 0, false);
        check(READ, 0o100_640, 0, 101, true);
        check(READ, 0o100_604, 0, 101, false);
        check(READ, 0o100_600, 1000, 0, true);
        check(READ, 0o100_044, 1000, 100, false);
        check(LIST, 0o040_755, 0, 0, true);
        check(LIST, 0o040_754, 0, 0, false); // its entries cannot be opened
        check(LIST, 0o040_711, 0, 0, false);
    }

    #[test]
    fn root_may_read_everything() {
        let reader = Reader {
            user: 0,
            groups: Vec::new(),
        };
        assert!(reader.may(READ, 0o100_000, 1000, 1000));
    }
}
