//! Lets the Linux kernel confine the process (Landlock, see landlock(7)).
//!
//! From then on, the process can read what [`Reach`] has and nothing else. It cannot write, create or run a file. It
//! cannot listen on a TCP port or connect to one, send a signal to another process, or connect to an abstract socket
//! of another one. What is open stays open. No process can undo this.
//!
//! The kernel checks the path when a file is opened. To look at a name (`stat`, `O_PATH`) needs no right, so a response
//! from the cache costs nothing more.

use std::fmt;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use super::fault::{LandlockError, NEEDED, Unconfined};
use super::options::Landlock;
use super::reach::Reach;
use crate::text::escape::Name;

/// How many descriptors stay open while the process is confined.
pub const DESCRIPTORS: usize = 1;

/// What came of it.
#[derive(Clone, Debug)]
pub enum Confined {
    /// The operator does not want it.
    Off,
    /// The kernel does not confine the process.
    No(Unconfined),
    /// The kernel confines the process.
    Yes(Arc<Confinement>),
}

/// How the kernel confines the process.
#[derive(Debug)]
pub struct Confinement {
    /// The version of the interface of the kernel.
    pub abi: u32,
    /// What the process can reach.
    pub reach: Reach,
    /// Keeps the kernel from forgetting a folder of `/proc` and its rule with it.
    _pinned: Vec<OwnedFd>,
}

/// Confines this thread, and those that it starts from now on, as far as the operator wants it.
pub fn confine(wanted: Landlock, reach: Reach) -> Result<Confined, LandlockError> {
    if wanted == Landlock::Off {
        return Ok(Confined::Off);
    }
    match (kernel::restrict(reach), wanted) {
        (Ok(made), Landlock::Require) if made.abi < NEEDED => {
            Err(LandlockError(Unconfined::TooOld(made.abi)))
        }
        (Ok(made), _) => Ok(Confined::Yes(Arc::new(made))),
        (Err(why), Landlock::Require) => Err(LandlockError(why)),
        (Err(why), _) => Ok(Confined::No(why)),
    }
}

impl Confined {
    /// What the operator may want to know, as a sentence. `None` if there is nothing to know.
    pub fn told(&self) -> Option<String> {
        match self {
            Confined::Off => None,
            Confined::No(why) => Some(format!("the kernel does not confine docroot: {why}")),
            Confined::Yes(made) => Some(made.to_string()),
        }
    }

    /// How the process is confined, if it is.
    pub fn confinement(&self) -> Option<&Arc<Confinement>> {
        match self {
            Confined::Yes(made) => Some(made),
            Confined::Off | Confined::No(_) => None,
        }
    }
}

impl fmt::Display for Confinement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Confinement { abi, reach, .. } = self;
        write!(f, "Landlock (ABI {abi}) confines docroot: it reads ")?;
        match reach.is_everything() {
            true => f.write_str("every file")?,
            false => {
                let names = reach.readable().into_iter().map(Name::of);
                let names: Vec<String> = names.map(|name| name.to_string()).collect();
                write!(f, "only {}", names.join(", "))?;
            }
        }
        f.write_str(match reach.writes() {
            true => ", writes only logs and sockets, runs nothing",
            false => ", writes and runs nothing",
        })?;
        match *abi < NEEDED {
            true => f.write_str("; this kernel does not confine its connections"),
            false => f.write_str(", and opens no other port or connection"),
        }
    }
}

#[cfg(target_os = "linux")]
mod kernel {
    use landlock::{
        ABI, Access, AccessFs, AccessNet, BitFlags, LandlockStatus, NetPort, PathBeneath, PathFd,
        RestrictionStatus, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError, RulesetStatus,
        Scope,
    };
    use rustix::fs::{Mode, OFlags, open};

    use super::{Confinement, OwnedFd, Reach, Unconfined};
    use crate::net::privileges::reach::{Grant, LIMITS};

    /// The newest version whose restrictions docroot was tested with. An older kernel applies those that it knows.
    const TESTED: ABI = ABI::V6;

    /// The port of a client, which the system chooses.
    const ANY: u16 = 0;

    /// Confines this thread. After an error, it is not confined.
    pub fn restrict(reach: Reach) -> Result<Confinement, Unconfined> {
        let (status, pinned) = apply(&reach).map_err(|fault| Unconfined::Refused(text(&fault)))?;
        match (status.landlock, status.ruleset) {
            (LandlockStatus::NotEnabled, _) => Err(Unconfined::NotEnabled),
            (LandlockStatus::NotImplemented, _) | (_, RulesetStatus::NotEnforced) => {
                Err(Unconfined::Absent)
            }
            (LandlockStatus::Available { effective_abi, .. }, _) => Ok(Confinement {
                // Its text is its number.
                abi: effective_abi.to_string().parse().unwrap_or_default(),
                reach,
                _pinned: pinned,
            }),
        }
    }

    fn apply(reach: &Reach) -> Result<(RestrictionStatus, Vec<OwnedFd>), RulesetError> {
        let mut rules = Ruleset::default()
            .handle_access(AccessFs::from_all(TESTED))?
            .handle_access(AccessNet::from_all(TESTED))?
            .scope(scopes())?
            .create()?;
        // Before its rule is made, so that both are for the same folder.
        let pinned = open(LIMITS, OFlags::PATH | OFlags::CLOEXEC, Mode::empty());
        for (path, grant) in reach.grants() {
            // It has gone since it was found. Then nobody needs it.
            if let Ok(place) = PathFd::new(path) {
                rules = rules.add_rule(PathBeneath::new(place, accesses(grant)))?;
            }
        }
        for &port in &reach.ports {
            rules = rules
                .add_rule(NetPort::new(port, AccessNet::ConnectTcp))?
                .add_rule(NetPort::new(ANY, AccessNet::BindTcp))?;
        }
        Ok((rules.restrict_self()?, pinned.into_iter().collect()))
    }

    /// The service manager may wait for messages at an abstract socket (sd_notify(3)).
    fn scopes() -> BitFlags<Scope> {
        let all = Scope::from_all(TESTED);
        let socket = std::env::var_os("NOTIFY_SOCKET").unwrap_or_default();
        match socket.as_encoded_bytes().starts_with(b"@") {
            true => all & !Scope::AbstractUnixSocket,
            false => all,
        }
    }

    fn accesses(grant: Grant) -> BitFlags<AccessFs> {
        let read = AccessFs::ReadFile | AccessFs::ReadDir;
        match grant {
            Grant::ReadFiles => AccessFs::ReadFile.into(),
            Grant::Read => read,
            Grant::RemoveFolders => AccessFs::RemoveDir.into(),
            Grant::Clear => read | AccessFs::RemoveFile | AccessFs::RemoveDir,
            // A torn line is cut off.
            Grant::Append => AccessFs::WriteFile | AccessFs::Truncate,
            Grant::Logs => AccessFs::WriteFile | AccessFs::Truncate | AccessFs::MakeReg,
            Grant::Sockets => AccessFs::MakeSock | AccessFs::RemoveFile,
        }
    }

    /// The error with its causes, which the error itself does not tell.
    fn text(fault: &RulesetError) -> String {
        let mut text = fault.to_string();
        let mut cause = std::error::Error::source(fault);
        while let Some(next) = cause {
            let told = next.to_string();
            if !text.contains(&told) {
                text += &format!(": {told}");
            }
            cause = next.source();
        }
        text
    }
}

#[cfg(not(target_os = "linux"))]
mod kernel {
    use super::{Confinement, Reach, Unconfined};

    /// No other system has Landlock.
    pub fn restrict(_: Reach) -> Result<Confinement, Unconfined> {
        Err(Unconfined::NotLinux)
    }
}
