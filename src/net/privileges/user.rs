//! Another user for the process, so that root is given up after the ports are bound: `www-data`,
//! `www-data:www`, `1000:1000`.
//!
//! The order is that of setgroups(2), setgid(2), setuid(2): after the last one, the process may not do the others
//! any more. The C library changes all threads.

use std::fmt;

use super::fault::UserError;

/// A user and perhaps a group, by name or number, as the operator wrote them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserName {
    /// The user.
    pub user: String,
    /// The main group. `None`: the user's own.
    pub group: Option<String>,
}

impl UserName {
    /// Parses `USER` or `USER:GROUP`. An error says what to write.
    pub fn parse(text: &str) -> Result<UserName, &'static str> {
        let (user, group) = match text.split_once(':') {
            Some((user, group)) => (user, Some(group)),
            None => (text, None),
        };
        let is_name = |name: &str| !name.is_empty() && !name.contains([':', '/', ' ', '\0']);
        match is_name(user) && group.is_none_or(is_name) {
            true => Ok(UserName {
                user: user.to_owned(),
                group: group.map(str::to_owned),
            }),
            false => Err("write NAME or NAME:GROUP, such as www-data or www-data:www-data"),
        }
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.user)?;
        match &self.group {
            Some(group) => write!(f, ":{group}"),
            None => Ok(()),
        }
    }
}

#[cfg(not(target_vendor = "apple"))]
pub use of_process::{give_up_root, numbers};

/// macOS has no call that sets the supplementary groups for good.
#[cfg(target_vendor = "apple")]
pub fn give_up_root(_: &UserName) -> Result<(), UserError> {
    Err(UserError::Unsupported)
}

/// The same: nobody can become the user.
#[cfg(target_vendor = "apple")]
pub fn numbers(_: &UserName) -> Result<(u32, u32), UserError> {
    Err(UserError::Unsupported)
}

#[cfg(not(target_vendor = "apple"))]
mod of_process {
    use std::io;

    use nix::errno::Errno;
    use nix::unistd::{
        Gid, Uid, getegid, geteuid, getgid, getuid, setegid, seteuid, setgid, setgroups, setuid,
    };

    use super::super::accounts::{Account, group_named, groups_of, user_named, user_numbered};
    use super::{UserError, UserName};

    const ROOT: u32 = 0;

    /// A user as the system knows it.
    #[derive(Debug, PartialEq, Eq)]
    pub(super) struct Identity {
        user: Uid,
        group: Gid,
        /// The supplementary groups.
        groups: Vec<Gid>,
    }

    /// The numbers of the user and of the group.
    pub fn numbers(name: &UserName) -> Result<(u32, u32), UserError> {
        let Identity { user, group, .. } = Identity::of(name)?;
        Ok((user.as_raw(), group.as_raw()))
    }

    /// Makes the process that of another user, and checks that it cannot become root again. Threads that exist
    /// change too.
    pub fn give_up_root(name: &UserName) -> Result<(), UserError> {
        let identity = Identity::of(name)?;
        if !geteuid().is_root() {
            return Err(UserError::NotRoot(name.user.clone()));
        }
        let refused = |errno: Errno| UserError::Refused(name.user.clone(), errno.into());
        setgroups(&identity.groups).map_err(refused)?;
        setgid(identity.group).map_err(refused)?;
        // For root, this sets the saved user as well.
        setuid(identity.user).map_err(refused)?;
        match identity.is_of_process() && !can_become_root(&identity) {
            true => Ok(()),
            false => Err(UserError::NotGivenUp(name.user.clone())),
        }
    }

    /// Tries it. Whoever has root left, as the saved user or as a capability, succeeds.
    fn can_become_root(identity: &Identity) -> bool {
        let is_user = setuid(Uid::from_raw(ROOT)).is_ok() || seteuid(Uid::from_raw(ROOT)).is_ok();
        // The operator may have named the group of root.
        let has_group = identity.group.as_raw() == ROOT;
        let is_group = setgid(Gid::from_raw(ROOT)).is_ok() || setegid(Gid::from_raw(ROOT)).is_ok();
        is_user || (is_group && !has_group)
    }

    impl Identity {
        /// Looks up a name, or takes it for a number if nobody has the name.
        pub fn of(name: &UserName) -> Result<Identity, UserError> {
            let unreadable = |fault| UserError::Unreadable(name.user.clone(), fault);
            let account = account(&name.user).map_err(unreadable)?;
            let user = match (&account, name.user.parse()) {
                (Some(account), _) => Uid::from_raw(account.user),
                (None, Ok(number)) => Uid::from_raw(number),
                (None, Err(_)) => return Err(UserError::Unknown(name.user.clone())),
            };
            if user.is_root() {
                return Err(UserError::IsRoot(name.user.clone()));
            }
            let group = match (&name.group, &account) {
                (Some(group), _) => group_of(group)?,
                (None, Some(account)) => account.group,
                (None, None) => return Err(UserError::NeedsGroup(name.user.clone())),
            };
            let groups = match &account {
                Some(account) => groups_of(&account.name, group).map_err(unreadable)?,
                None => vec![group],
            };
            Ok(Identity {
                user,
                group: Gid::from_raw(group),
                groups: groups.into_iter().map(Gid::from_raw).collect(),
            })
        }

        fn is_of_process(&self) -> bool {
            [getuid(), geteuid()] == [self.user; 2] && [getgid(), getegid()] == [self.group; 2]
        }
    }

    fn account(name: &str) -> io::Result<Option<Account>> {
        match (user_named(name)?, name.parse()) {
            (None, Ok(number)) => user_numbered(number),
            (account, _) => Ok(account),
        }
    }

    fn group_of(name: &str) -> Result<u32, UserError> {
        let found = group_named(name);
        let found = found.map_err(|fault| UserError::Unreadable(name.to_owned(), fault))?;
        match (found, name.parse()) {
            (Some(group), _) | (None, Ok(group)) => Ok(group),
            (None, Err(_)) => Err(UserError::UnknownGroup(name.to_owned())),
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        fn identity(text: &str) -> Result<Identity, UserError> {
            Identity::of(&UserName::parse(text).expect(text))
        }

        #[test]
        fn numbers_need_no_entry() {
            let got = identity("4000000:4000001").expect("numbers");
            let group = Gid::from_raw(4_000_001);
            let want = Identity {
                user: Uid::from_raw(4_000_000),
                group,
                groups: vec![group],
            };
            assert_eq!(got, want);
        }

        #[test]
        fn names_are_looked_up() {
            let nobody = user_named("nobody").expect("a list").expect("a user");
            let by_name = identity("nobody").expect("a user");
            assert_eq!(
                (by_name.user.as_raw(), by_name.group.as_raw()),
                (nobody.user, nobody.group)
            );
            assert!(by_name.groups.contains(&by_name.group));
            assert_eq!(
                identity(&nobody.user.to_string()).expect("a number"),
                by_name
            );
            let other = identity("nobody:4000001").expect("a user");
            assert_eq!(other.group, Gid::from_raw(4_000_001));
            assert!(other.groups.contains(&other.group));
        }

        #[test]
        fn mistakes_are_told_apart() {
            let check = |text: &str, is_it: fn(&UserError) -> bool| {
                let error = identity(text).expect_err(text);
                assert!(is_it(&error), "{text}: {error:?}");
            };
            check("no-such-user", |e| matches!(e, UserError::Unknown(_)));
            check("nobody:no-such-group", |e| {
                matches!(e, UserError::UnknownGroup(_))
            });
            check("4000000", |e| matches!(e, UserError::NeedsGroup(_)));
            for root in ["root", "0", "0:65534", "root:nogroup"] {
                check(root, |e| matches!(e, UserError::IsRoot(_)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_may_have_a_group() {
        let parsed = |text: &str| UserName::parse(text).expect(text);
        assert_eq!(parsed("www-data").group, None);
        assert_eq!(parsed("1000:www").group.as_deref(), Some("www"));
        for text in ["www-data", "1000:www"] {
            assert_eq!(parsed(text).to_string(), text);
        }
        for text in ["", ":", "a:", ":b", "a:b:c", "a/b", "/", "a b"] {
            let told = UserName::parse(text).expect_err(text);
            assert!(told.starts_with("write NAME"), "{told}");
        }
    }
}
