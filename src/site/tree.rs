//! The files and directories below a root that count for live reload.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{DirEntry, Metadata, read_dir};
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::site::changes::{Before, ChangeFilter};

/// Calls `visit` with the path below `root` of each file and directory below `start` that counts, a directory
/// before what is in it. `start` is a path below the root too. Links are not followed, and directories that this
/// user cannot read are left out. Ends with the first error of `visit`, or if the system has no room for another
/// open directory.
pub fn walk(
    root: &Path,
    start: &Path,
    filter: &ChangeFilter,
    visit: &mut dyn FnMut(&Path, &DirEntry) -> io::Result<()>,
) -> io::Result<()> {
    let mut directories = vec![start.to_owned()];
    while let Some(directory) = directories.pop() {
        let entries = match read_dir(root.join(&directory)) {
            Err(fault) if is_unreadable(fault.kind()) => continue,
            entries => entries?,
        };
        for entry in entries.flatten() {
            let path = directory.join(entry.file_name());
            let name = path.as_os_str().as_bytes();
            match is_directory(&entry) {
                true if filter.enters(name) => {
                    visit(&path, &entry)?;
                    directories.push(path);
                }
                false if filter.counts(name) => visit(&path, &entry)?,
                _ => {}
            }
        }
    }
    Ok(())
}

/// Whether the error means that this user cannot read something, or that it is gone.
pub fn is_unreadable(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::PermissionDenied | ErrorKind::NotFound | ErrorKind::NotADirectory
    )
}

/// Whether it is a directory. A link is not.
pub fn is_directory(entry: &DirEntry) -> bool {
    entry.file_type().is_ok_and(|kind| kind.is_dir())
}

/// All files and directories at one time.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Snapshot(BTreeMap<PathBuf, Stamp>);

/// Differs after each change.
#[derive(Debug, PartialEq, Eq)]
enum Stamp {
    /// What changes in it has a path of its own.
    Directory,
    File(FileStamp),
}

/// The stamp of a file.
#[derive(Debug, PartialEq, Eq)]
struct FileStamp {
    /// The inode, the size, and when the content was modified: seconds and nanoseconds.
    content: (u64, u64, i64, i64),
    /// When the content or the attributes changed. Unlike the time of modification, it cannot be set.
    changed: (i64, i64),
    attributes: Attributes,
}

/// What may change while the content stays the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Attributes {
    mode: u32,
    owner: u32,
    group: u32,
    links: u64,
}

impl Attributes {
    /// What decides who can read the file.
    fn readers(self) -> (u32, u32, u32) {
        (self.mode & 0o444, self.owner, self.group)
    }
}

impl Stamp {
    fn of(metadata: &Metadata) -> Stamp {
        if metadata.is_dir() {
            return Stamp::Directory;
        }
        Stamp::File(FileStamp {
            content: (
                metadata.ino(),
                metadata.size(),
                metadata.mtime(),
                metadata.mtime_nsec(),
            ),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            attributes: Attributes {
                mode: metadata.mode(),
                owner: metadata.uid(),
                group: metadata.gid(),
                links: metadata.nlink(),
            },
        })
    }

    /// Whether the server answers as before: nothing has changed, or only attributes that do not decide who can
    /// read the file.
    fn is_same_content(&self, later: &Stamp) -> bool {
        match (self, later) {
            (Stamp::File(old), Stamp::File(new)) => {
                let has_new_attributes = old.attributes != new.attributes
                    && old.attributes.readers() == new.attributes.readers();
                old == new || has_new_attributes && old.content == new.content
            }
            _ => self == later,
        }
    }
}

impl Snapshot {
    /// The files and directories below `root` that count.
    pub fn take(root: &Path, filter: &ChangeFilter) -> io::Result<Snapshot> {
        let mut found = BTreeMap::new();
        let mut add = |path: &Path, entry: &DirEntry| -> io::Result<()> {
            // Otherwise it is gone again.
            if let Ok(metadata) = entry.metadata() {
                found.insert(path.to_owned(), Stamp::of(&metadata));
            }
            Ok(())
        };
        walk(root, Path::new(""), filter, &mut add)?;
        Ok(Snapshot(found))
    }

    /// The paths that have changed until a later snapshot, and what was there before.
    pub fn changes<'a>(&'a self, later: &'a Snapshot) -> impl Iterator<Item = (&'a OsStr, Before)> {
        let gone = self.0.keys().filter(|path| !later.0.contains_key(*path));
        let gone = gone.map(|path| (path.as_os_str(), Before::Something));
        let changed = later.0.iter().filter_map(|(path, stamp)| {
            let before = match self.0.get(path) {
                Some(before) if before.is_same_content(stamp) => return None,
                Some(_) => Before::Something,
                None => Before::Nothing,
            };
            Some((path.as_os_str(), before))
        });
        gone.chain(changed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    fn changes(earlier: &Snapshot, later: &Snapshot) -> Vec<(String, Before)> {
        let changes = earlier.changes(later);
        changes
            .map(|(path, before)| (path.to_string_lossy().into_owned(), before))
            .collect()
    }

    #[test]
    fn a_snapshot_tells_what_has_changed() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        let filter = ChangeFilter::default();
        fs::create_dir_all(root.join("a/b")).expect("folders");
        fs::create_dir_all(root.join(".git/objects")).expect("folders");
        fs::write(root.join("a/b/c.html"), "1").expect("a file");
        fs::write(root.join("old.html"), "1").expect("a file");
        std::os::unix::fs::symlink("..", root.join("a/up")).expect("a link");
        let take = || Snapshot::take(root, &filter).expect("a folder");
        let first = take();
        let paths: Vec<&str> = first.0.keys().filter_map(|path| path.to_str()).collect();
        assert_eq!(paths, ["a", "a/b", "a/b/c.html", "a/up", "old.html"]);
        assert_eq!(changes(&first, &take()), []);

        // The same size and time of modification.
        let replaced = root.join("a/b/c.html");
        let modified = fs::metadata(&replaced).and_then(|metadata| metadata.modified());
        fs::write(root.join("a/b/new"), "2").expect("a file");
        fs::rename(root.join("a/b/new"), &replaced).expect("renamed");
        let file = fs::File::options().write(true).open(&replaced);
        let set = |file: fs::File| file.set_modified(modified.expect("a time"));
        file.and_then(set).expect("its time");
        fs::remove_file(root.join("old.html")).expect("removed");
        fs::write(root.join("new.html"), "1").expect("a file");
        let want = [
            ("old.html", Before::Something),
            ("a/b/c.html", Before::Something),
            ("new.html", Before::Nothing),
        ];
        let want = want.map(|(path, before)| (path.to_owned(), before));
        assert_eq!(changes(&first, &take()), want);
    }

    #[test]
    fn attributes_are_no_content() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("a.html");
        fs::write(&file, "1").expect("a file");
        let take = || Snapshot::take(folder.path(), &ChangeFilter::default()).expect("a folder");
        let set_mode =
            |mode| fs::set_permissions(&file, Permissions::from_mode(mode)).expect("a mode");
        set_mode(0o644);
        let first = take();
        set_mode(0o755);
        fs::hard_link(&file, folder.path().join(".link")).expect("a link");
        assert_eq!(changes(&first, &take()), []);
        let want = [("a.html".to_owned(), Before::Something)];
        set_mode(0o600);
        assert_eq!(changes(&first, &take()), want, "others cannot read it");
        set_mode(0o755);
        fs::write(&file, "22").expect("written");
        assert_eq!(changes(&first, &take()), want);
    }

    #[test]
    fn only_what_counts_is_visited() {
        let folder = tempfile::tempdir().expect("a folder");
        for path in ["a", "a/.b", "a/c", "logs", "logs/d"] {
            fs::create_dir(folder.path().join(path)).expect("a folder");
        }
        let filter = ChangeFilter {
            ignored: vec![
                crate::semantics::pattern::Pattern::parse("/logs/**").expect("a pattern"),
            ],
            ..ChangeFilter::default()
        };
        let visited = |start: &str| {
            let mut paths = Vec::new();
            let mut visit = |path: &Path, _: &DirEntry| -> io::Result<()> {
                paths.push(path.to_string_lossy().into_owned());
                Ok(())
            };
            walk(folder.path(), Path::new(start), &filter, &mut visit).expect("no error");
            paths.sort();
            paths
        };
        assert_eq!(visited(""), ["a", "a/c"]);
        assert_eq!(visited("a"), ["a/c"]);
        assert_eq!(visited("none"), [""; 0]);
    }
}
