//! One entry of a directory, as a listing shows it, and the totals over all of them.

/// The kind of a directory entry. Nothing else is served, so nothing else is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EntryKind {
    /// A directory. Directories are listed before files.
    Directory,
    /// A regular file.
    File,
}

/// One entry of a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ListedEntry<'a> {
    /// The name. It may contain any bytes except NUL and `/`, and is not always UTF-8.
    pub name: &'a [u8],
    /// The kind.
    pub kind: EntryKind,
    /// The size of a file in bytes. `None` if the system does not let anybody look at it, and for a directory.
    pub size: Option<u64>,
    /// The modification time in seconds since 1970, if it is known.
    pub modified: Option<i64>,
    /// Whether the server can read it, as far as its mode tells.
    pub is_readable: bool,
    /// Whether the name is a symbolic link. The other fields describe the target of the link.
    pub is_link: bool,
}

/// Totals over all entries of a listing, including those that are not shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Totals {
    /// The number of directories.
    pub directories: u64,
    /// The number of files.
    pub files: u64,
    /// The total size of all files in bytes.
    pub bytes: u64,
    /// The number of entries that are not shown because there are too many.
    pub omitted: u64,
}

impl Totals {
    /// The number of directories and files.
    pub fn entries(&self) -> u64 {
        self.directories + self.files
    }

    /// Adds an entry.
    pub(super) fn add(&mut self, entry: &ListedEntry, is_shown: bool) {
        match entry.kind {
            EntryKind::Directory => self.directories += 1,
            EntryKind::File => self.files += 1,
        }
        self.bytes = self.bytes.saturating_add(entry.size.unwrap_or(0));
        self.omitted += u64::from(!is_shown);
    }
}
