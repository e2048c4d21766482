//! What is packed, and how it is named.

use crate::semantics::protection::{Protection, User};
use crate::site::path::is_hidden_name;
use crate::text::segment::last_segment;

/// The format of an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum ArchiveFormat {
    Zip,
    Tar,
    TarGzip,
}

/// What to pack.
pub struct ArchiveSpec<'a> {
    /// The path of the directory. It is empty or ends with a slash.
    pub folder: &'a [u8],
    /// The name of the directory.
    pub name: &'a [u8],
    /// The format.
    pub format: ArchiveFormat,
    /// Which paths may be in it.
    pub selection: Selection,
}

/// Which paths may be in an archive. Every file and directory below the archived one passes through
/// `Selection::admits`.
#[derive(Clone, Debug)]
pub struct Selection {
    /// Whether names that begin with a dot are served.
    pub hidden: bool,
    /// What the user of the request may read. `None`: everything.
    pub readable: Option<Readable>,
}

/// Which protected paths somebody may read. It goes to disk threads, so it has no hashes of passwords.
#[derive(Clone, Debug)]
pub struct Readable {
    protection: Protection,
    user: Option<User>,
}

impl Readable {
    /// What this user may read; `None` if nothing is protected.
    pub fn of(protection: &Protection, user: Option<&User>) -> Option<Readable> {
        (!protection.is_empty()).then(|| Readable {
            protection: protection.without_users(),
            user: user.cloned(),
        })
    }

    fn admits(&self, path: &[u8]) -> bool {
        self.protection.admits(self.user.as_ref(), path)
    }
}

/// An entry of an archive.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<'a> {
    /// The path in the archive, with a slash at the end of a directory.
    pub name: &'a [u8],
    pub is_directory: bool,
    /// In bytes; 0 for a directory.
    pub size: u64,
    /// In seconds since 1970.
    pub modified: i64,
    pub is_executable: bool,
}

impl ArchiveFormat {
    /// Every format, in the order in which pages offer them.
    pub const ALL: [ArchiveFormat; 3] = [
        ArchiveFormat::Zip,
        ArchiveFormat::TarGzip,
        ArchiveFormat::Tar,
    ];

    /// The end of the name of such a file, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            ArchiveFormat::Zip => "zip",
            ArchiveFormat::Tar => "tar",
            ArchiveFormat::TarGzip => "tar.gz",
        }
    }

    /// The value of `Content-Type`.
    pub fn media_type(self) -> &'static str {
        match self {
            ArchiveFormat::Zip => "application/zip",
            ArchiveFormat::Tar => "application/x-tar",
            ArchiveFormat::TarGzip => "application/gzip",
        }
    }
}

impl Selection {
    /// Whether the file or directory at this path below the root may be in an archive of a directory above it.
    /// If not, nothing below it is.
    pub(super) fn admits(&self, path: &[u8]) -> bool {
        let is_shown = self.hidden || !is_hidden_name(last_segment(path));
        is_shown
            && self
                .readable
                .as_ref()
                .is_none_or(|readable| readable.admits(path))
    }
}

impl Entry<'_> {
    /// The permissions of the entry after it was unpacked.
    pub(super) fn mode(&self) -> u32 {
        match self.is_directory || self.is_executable {
            true => 0o755,
            false => 0o644,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_user_may_read_has_no_hashes() {
        let mut protection = Protection::default();
        assert!(Readable::of(&protection, None).is_none());
        protection.add("/private/** alice:HASH").expect("a rule");
        let readable = Readable::of(&protection, None).expect("a rule");
        assert!(readable.protection.users().is_empty());
        assert!(readable.admits(b"public/a") && !readable.admits(b"private/a"));
    }
}
