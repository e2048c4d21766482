//! Why a privilege is not given up.

use std::fmt;
use std::io;

use crate::text::escape::Name;

/// Why the process does not become another user. Each has the name that the operator typed.
#[derive(Debug)]
pub enum UserError {
    /// There is no such user.
    Unknown(String),
    /// There is no such group.
    UnknownGroup(String),
    /// A number without an entry in the list of users says nothing about a group.
    NeedsGroup(String),
    /// It is root, so nothing would be given up.
    IsRoot(String),
    /// Only root may become another user.
    NotRoot(String),
    /// The list of users or groups cannot be read.
    Unreadable(String, io::Error),
    /// The system refused.
    Refused(String, io::Error),
    /// The process can become root again.
    NotGivenUp(String),
    /// docroot cannot do this on this system.
    Unsupported,
}

impl fmt::Display for UserError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("--user")?;
        match self {
            UserError::Unknown(name) => write!(
                f,
                " {}: this system has no such user; create the user, or name another one",
                Name(name.as_bytes())
            ),
            UserError::UnknownGroup(name) => write!(
                f,
                ": this system has no group {}; create the group, or name another one",
                Name(name.as_bytes())
            ),
            UserError::NeedsGroup(name) => write!(
                f,
                " {name}: this number has no entry in the list of users, so its group is unknown; \
                 name a group too, such as --user {name}:{name}"
            ),
            UserError::IsRoot(name) => write!(
                f,
                " {} is root: name a user that can read only the served files",
                Name(name.as_bytes())
            ),
            UserError::NotRoot(name) => write!(
                f,
                " {} needs root, because only root may become another user: \
                 start docroot as root, or leave out --user",
                Name(name.as_bytes())
            ),
            UserError::Unreadable(name, fault) => write!(
                f,
                " {}: the list of users cannot be read ({fault}); use numbers, such as --user 65534:65534",
                Name(name.as_bytes())
            ),
            UserError::Refused(name, fault) => write!(
                f,
                " {}: the system refuses to change the user ({fault}); allow setgroups, setgid and setuid, \
                 or start docroot as this user",
                Name(name.as_bytes())
            ),
            UserError::NotGivenUp(name) => write!(
                f,
                " {}: the system would let docroot become root again; leave out --user, \
                 and start docroot as this user",
                Name(name.as_bytes())
            ),
            UserError::Unsupported => f.write_str(
                " does not work on this system: leave it out, and start docroot as the other user",
            ),
        }
    }
}

/// Why the kernel does not confine the process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unconfined {
    /// Only Linux has Landlock.
    NotLinux,
    /// The kernel has no Landlock, or a sandbox hides it.
    Absent,
    /// The kernel has Landlock, but was started without it.
    NotEnabled,
    /// The interface of the kernel has this version, which is too old for `--landlock require`.
    TooOld(u32),
    /// A call failed.
    Refused(String),
}

/// The version of the interface that `--landlock require` needs: the first that confines files and TCP ports.
pub(super) const NEEDED: u32 = 4;

impl fmt::Display for Unconfined {
    /// A clause, without what to do.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unconfined::NotLinux => f.write_str("only Linux has Landlock"),
            Unconfined::Absent => {
                f.write_str("this kernel has no Landlock, or a sandbox does not let docroot use it")
            }
            Unconfined::NotEnabled => {
                f.write_str("Landlock is not among the active security modules of this kernel")
            }
            Unconfined::TooOld(abi) => write!(
                f,
                "the Landlock of this kernel is too old (ABI {abi}, and ABI {NEEDED} is needed)"
            ),
            Unconfined::Refused(why) => write!(f, "the kernel refused Landlock ({why})"),
        }
    }
}

/// What `--landlock require` says if the kernel cannot confine the process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LandlockError(pub Unconfined);

impl fmt::Display for LandlockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "--landlock require: {}; ", self.0)?;
        match self.0 {
            Unconfined::NotEnabled => f.write_str(
                "add landlock to lsm= on the kernel's command line, or serve unconfined with --landlock auto",
            ),
            _ => f.write_str("use Linux 6.7 or newer, or serve unconfined with --landlock auto"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_text_says_what_to_do() {
        let name = || "nobdy".to_owned();
        let fault = || io::Error::from(io::ErrorKind::PermissionDenied);
        for error in [
            UserError::Unknown(name()),
            UserError::UnknownGroup(name()),
            UserError::NeedsGroup("4711".into()),
            UserError::IsRoot("root".into()),
            UserError::NotRoot(name()),
            UserError::Unreadable(name(), fault()),
            UserError::Refused(name(), fault()),
            UserError::NotGivenUp(name()),
            UserError::Unsupported,
        ] {
            let text = error.to_string();
            assert!(text.starts_with("--user"), "{text}");
            assert!(text.contains(": ") || text.contains("; "), "{text}");
            assert!(!text.ends_with('.') && !text.contains('\n'), "{text}");
        }
        let unknown = UserError::Unknown("a\nb".into()).to_string();
        assert!(
            unknown.starts_with("--user \"a\\nb\": this system"),
            "{unknown}"
        );
    }

    #[test]
    fn require_says_why_and_what_to_do() {
        let check = |why: Unconfined, want: &str| {
            let text = LandlockError(why).to_string();
            assert!(text.starts_with("--landlock require: "), "{text}");
            assert!(text.contains(want), "{text}");
            assert!(text.ends_with("with --landlock auto"), "{text}");
        };
        check(Unconfined::NotLinux, "only Linux has Landlock; use Linux");
        check(Unconfined::Absent, "has no Landlock");
        check(Unconfined::NotEnabled, "lsm=");
        check(Unconfined::TooOld(2), "(ABI 2, and ABI 4 is needed)");
        check(Unconfined::Refused("EPERM".into()), "(EPERM)");
    }
}
