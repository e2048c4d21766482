//! The users and groups of this system, by name or number.
//!
//! The C library asks every service that `/etc/nsswitch.conf` names. For that it loads libraries of the machine, which a
//! static program must not do: those of another version crash it. So a static docroot reads the files itself.

use std::io;

#[cfg(not(target_feature = "crt-static"))]
pub use of_library::{group_named, groups_of, user_named, user_numbered};

#[cfg(target_feature = "crt-static")]
pub use of_files::{group_named, groups_of, user_named, user_numbered};

/// An entry of the list of users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The name.
    pub name: String,
    /// The number of the user.
    pub user: u32,
    /// The number of the main group.
    pub group: u32,
}

/// A list that is not there has no entries.
fn or_none<T>(found: io::Result<Option<T>>) -> io::Result<Option<T>> {
    match found {
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => Ok(None),
        found => found,
    }
}

#[cfg(not(target_feature = "crt-static"))]
mod of_library {
    use std::ffi::CString;
    use std::io;

    use nix::unistd::{Gid, Group, Uid, User, getgrouplist};

    use super::{Account, or_none};

    /// The user with this name, if there is one.
    pub fn user_named(name: &str) -> io::Result<Option<Account>> {
        account(User::from_name(name))
    }

    /// The user with this number, if there is one.
    pub fn user_numbered(number: u32) -> io::Result<Option<Account>> {
        account(User::from_uid(Uid::from_raw(number)))
    }

    fn account(found: nix::Result<Option<User>>) -> io::Result<Option<Account>> {
        let found = found.map(|user| {
            user.map(|user| Account {
                name: user.name,
                user: user.uid.as_raw(),
                group: user.gid.as_raw(),
            })
        });
        or_none(found.map_err(io::Error::from))
    }

    /// The number of the group with this name, if there is one.
    pub fn group_named(name: &str) -> io::Result<Option<u32>> {
        let found = Group::from_name(name).map(|group| group.map(|group| group.gid.as_raw()));
        or_none(found.map_err(io::Error::from))
    }

    /// The groups in which the list of groups has the user, and the main one.
    pub fn groups_of(name: &str, main: u32) -> io::Result<Vec<u32>> {
        let name = CString::new(name)?;
        let groups = getgrouplist(&name, Gid::from_raw(main))?;
        Ok(groups.into_iter().map(Gid::as_raw).collect())
    }
}

/// The lists as files, with one entry in each line: passwd(5) and group(5).
#[cfg(any(test, target_feature = "crt-static"))]
mod of_files {
    use std::fs;
    use std::io;

    use super::{Account, or_none};

    const USERS: &str = "/etc/passwd";
    const GROUPS: &str = "/etc/group";

    /// The user with this name, if there is one.
    pub fn user_named(name: &str) -> io::Result<Option<Account>> {
        first(USERS, |line| account(line).filter(|user| user.name == name))
    }

    /// The user with this number, if there is one.
    pub fn user_numbered(number: u32) -> io::Result<Option<Account>> {
        first(USERS, |line| {
            account(line).filter(|user| user.user == number)
        })
    }

    /// The number of the group with this name, if there is one.
    pub fn group_named(name: &str) -> io::Result<Option<u32>> {
        first(GROUPS, |line| {
            let group = group(line)?;
            (group.name == name).then_some(group.number)
        })
    }

    /// The groups in which the list of groups has the user, and the main one.
    pub fn groups_of(name: &str, main: u32) -> io::Result<Vec<u32>> {
        let text = or_none(fs::read_to_string(GROUPS).map(Some))?.unwrap_or_default();
        let listed = text.lines().filter_map(group);
        let mut groups = vec![main];
        for group in listed.filter(|group| group.members.split(',').any(|one| one == name)) {
            if !groups.contains(&group.number) {
                groups.push(group.number);
            }
        }
        Ok(groups)
    }

    fn first<T>(path: &str, entry: impl FnMut(&str) -> Option<T>) -> io::Result<Option<T>> {
        let text = or_none(fs::read_to_string(path).map(Some))?.unwrap_or_default();
        Ok(text.lines().find_map(entry))
    }

    /// `name:password:user:group:...`. `None`: a line that is no entry.
    pub(super) fn account(line: &str) -> Option<Account> {
        let mut parts = line.split(':');
        let (name, _password) = (parts.next()?, parts.next()?);
        Some(Account {
            name: name.to_owned(),
            user: parts.next()?.parse().ok()?,
            group: parts.next()?.parse().ok()?,
        })
    }

    #[derive(Debug, PartialEq, Eq)]
    pub(super) struct Group<'a> {
        pub(super) name: &'a str,
        pub(super) number: u32,
        /// Names, with commas between them.
        pub(super) members: &'a str,
    }

    /// `name:password:group:members`. `None`: a line that is no entry.
    pub(super) fn group(line: &str) -> Option<Group<'_>> {
        let mut parts = line.split(':');
        let (name, _password) = (parts.next()?, parts.next()?);
        Some(Group {
            name,
            number: parts.next()?.parse().ok()?,
            members: parts.next()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::of_files::{Group, account, group};
    use super::*;

    #[test]
    fn lines_are_entries_or_are_left_out() {
        let root = account("root:x:0:0:root:/root:/bin/bash");
        let want = Account {
            name: "root".to_owned(),
            user: 0,
            group: 0,
        };
        assert_eq!(root, Some(want));
        for line in [
            "",
            "# none",
            "a:x:1",
            "a:x:-1:1:",
            "a:x:1:4294967296:",
            "+::::::",
        ] {
            assert_eq!(account(line), None, "{line}");
        }
        let want = |members| {
            Some(Group {
                name: "www",
                number: 33,
                members,
            })
        };
        assert_eq!(group("www:x:33:"), want(""));
        assert_eq!(group("www:x:33:a,bc"), want("a,bc"));
        for line in ["", "www:x:33", "www:x::a", "www"] {
            assert_eq!(group(line), None, "{line}");
        }
    }

    /// Both ways know the same of every user that the files have.
    #[cfg(not(target_feature = "crt-static"))]
    #[test]
    fn the_files_say_what_the_library_says() {
        let users = std::fs::read_to_string("/etc/passwd").expect("a list");
        let mut count = 0;
        for user in users.lines().filter_map(account) {
            let (name, number) = (user.name.as_str(), user.user);
            let by_name = of_files::user_named(name).expect("a list");
            assert_eq!(by_name, user_named(name).expect("a list"));
            let by_number = of_files::user_numbered(number).expect("a list");
            assert_eq!(by_number, user_numbered(number).expect("a list"));
            let mut groups = of_files::groups_of(name, user.group).expect("a list");
            let mut others = groups_of(name, user.group).expect("a list");
            groups.sort_unstable();
            others.sort_unstable();
            assert_eq!(groups, others, "{name}");
            count += 1;
        }
        assert!(count > 0);
        for name in ["root", "nogroup", "no-such-group"] {
            assert_eq!(
                of_files::group_named(name).expect("a list"),
                group_named(name).expect("a list")
            );
        }
    }

    #[test]
    fn a_list_that_is_not_there_has_no_entries() {
        let missing = io::Error::from(io::ErrorKind::NotFound);
        assert_eq!(or_none::<u32>(Err(missing)).expect("no error"), None);
        let broken = io::Error::from(io::ErrorKind::PermissionDenied);
        assert!(or_none::<u32>(Err(broken)).is_err());
    }
}
