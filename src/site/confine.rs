//! The directory that paths do not leave, and what is known about its place.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Errno;

use crate::site::nofollow::PASS;

/// Which symbolic links are followed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkPolicy {
    /// Whether a link may lead out of the root.
    pub outside: bool,
    /// Whether a link may lead to or through a name below the root that begins with a dot.
    pub hidden: bool,
}

impl LinkPolicy {
    /// Every link is followed.
    pub const ALL: LinkPolicy = LinkPolicy {
        outside: true,
        hidden: true,
    };
}

/// Why a path is not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// A link leads out of the root.
    Outside,
    /// A link leads to or through a hidden name.
    Hidden,
    /// The path leads through too many links, or following them takes too long.
    TooManyLinks,
    /// The operating system refused.
    System(Errno),
}

/// A directory that paths do not leave.
#[derive(Debug)]
pub(super) struct Confinement {
    directory: OwnedFd,
    /// Its absolute path without links and without a slash at the end. Empty if it is `/`.
    pub path: Vec<u8>,
    /// Its absolute path as the operator wrote it. It may contain links.
    pub given: PathBuf,
    /// The directory `/`, if links may lead out.
    pub top: Option<OwnedFd>,
    /// Whether names that begin with a dot may be reached through links.
    pub hidden: bool,
}

impl Confinement {
    /// Opens the directory `path`.
    pub fn open(path: &Path, flags: OFlags, links: LinkPolicy) -> io::Result<Confinement> {
        let real = path.canonicalize()?;
        let top = match links.outside {
            true => Some(openat(CWD, "/", PASS, Mode::empty())?),
            false => None,
        };
        Ok(Confinement {
            directory: openat(CWD, &real, flags | OFlags::DIRECTORY, Mode::empty())?,
            given: std::path::absolute(path)?,
            path: match real.into_os_string().into_vec() {
                top if top == b"/" => Vec::new(),
                path => path,
            },
            top,
            hidden: links.hidden,
        })
    }

    /// The directory itself.
    pub fn directory(&self) -> BorrowedFd<'_> {
        self.directory.as_fd()
    }

    /// Where the path below the root begins in `path`. `None` if `path` does not lead below the root.
    pub fn inner(&self, path: &[u8]) -> Option<usize> {
        match path.strip_prefix(self.path.as_slice())? {
            [] => Some(path.len()),
            [b'/', ..] => Some(self.path.len() + 1),
            _ => None,
        }
    }

    /// How much of `path` is also the way to the root.
    pub fn shared(&self, path: &[u8]) -> usize {
        let names = path.split(|&byte| byte == b'/');
        let of_root = self.path.split(|&byte| byte == b'/');
        let shared = names.zip(of_root).take_while(|(name, root)| name == root);
        let length: usize = shared.map(|(name, _)| name.len() + 1).sum();
        length.min(path.len())
    }

    /// Whether the root lies below `path`.
    pub fn is_above(&self, path: &[u8]) -> bool {
        let rest = self.path.strip_prefix(path);
        rest.is_some_and(|rest| rest.starts_with(b"/"))
    }
}

impl From<Errno> for Refusal {
    fn from(error: Errno) -> Refusal {
        Refusal::System(error)
    }
}
