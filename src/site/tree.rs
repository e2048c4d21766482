//! The files and directories below a root that count for live reload.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{DirEntry, read_dir};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::site::changes::{Before, ChangeFilter};

/// Calls `visit` with the path below `root` of each file and directory below `start` that counts, a directory
/// before what is in it. `start` is a path below the root too. Links are not followed, and what cannot be read
/// is left out. Ends with the first error of `visit`.
pub fn walk<E>(
    root: &Path,
    start: &Path,
    filter: &ChangeFilter,
    visit: &mut dyn FnMut(&Path, &DirEntry) -> Result<(), E>,
) -> Result<(), E> {
    let mut directories = vec![start.to_owned()];
    while let Some(directory) = directories.pop() {
        let Ok(entries) = read_dir(root.join(&directory)) else {
            continue;
        };
        for entry in entries.flatten() {
            let path = directory.join(entry.file_name());
            if filter.counts(path.as_os_str().as_bytes()) {
                visit(&path, &entry)?;
                if is_directory(&entry) {
                    directories.push(path);
                }
            }
        }
    }
    Ok(())
}

/// Whether it is a directory. A link is none.
pub fn is_directory(entry: &DirEntry) -> bool {
    entry.file_type().is_ok_and(|kind| kind.is_dir())
}

/// The files and directories that there are at one time.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Snapshot(BTreeMap<PathBuf, Stamp>);

/// Differs after each change.
#[derive(Debug, PartialEq, Eq)]
enum Stamp {
    /// What changes in it has a path of its own.
    Directory,
    File {
        inode: u64,
        size: u64,
        /// When the content or the metadata changed: seconds and nanoseconds. Unlike the time of modification,
        /// it cannot be set.
        changed: (i64, i64),
    },
}

impl Snapshot {
    /// The files below `root` that count.
    pub fn take(root: &Path, filter: &ChangeFilter) -> Snapshot {
        let mut found = BTreeMap::new();
        let mut add = |path: &Path, entry: &DirEntry| -> io::Result<()> {
            let stamp = match entry.metadata() {
                Ok(metadata) if metadata.is_dir() => Stamp::Directory,
                Ok(metadata) => Stamp::File {
                    inode: metadata.ino(),
                    size: metadata.size(),
                    changed: (metadata.ctime(), metadata.ctime_nsec()),
                },
                // It is gone again.
                Err(_) => return Ok(()),
            };
            found.insert(path.to_owned(), stamp);
            Ok(())
        };
        // `add` does not fail.
        let _ = walk(root, Path::new(""), filter, &mut add);
        Snapshot(found)
    }

    /// The paths that have changed until a later snapshot, and what was there before.
    pub fn changes<'a>(&'a self, later: &'a Snapshot) -> impl Iterator<Item = (&'a OsStr, Before)> {
        let gone = self.0.keys().filter(|path| !later.0.contains_key(*path));
        let gone = gone.map(|path| (path.as_os_str(), Before::Something));
        let changed = later.0.iter().filter_map(|(path, stamp)| {
            let before = match self.0.get(path) {
                Some(before) if before == stamp => return None,
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
    use std::fs;

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
        let first = Snapshot::take(root, &filter);
        let paths: Vec<&str> = first.0.keys().filter_map(|path| path.to_str()).collect();
        assert_eq!(paths, ["a", "a/b", "a/b/c.html", "a/up", "old.html"]);
        assert_eq!(changes(&first, &Snapshot::take(root, &filter)), []);

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
        assert_eq!(changes(&first, &Snapshot::take(root, &filter)), want);
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
            let mut visit = |path: &Path, _: &DirEntry| -> Result<(), ()> {
                paths.push(path.to_string_lossy().into_owned());
                Ok(())
            };
            walk(folder.path(), Path::new(start), &filter, &mut visit).expect("no error");
            paths.sort();
            paths
        };
        assert_eq!(visited(""), ["a", "a/c", "logs"]);
        assert_eq!(visited("a"), ["a/c"]);
        assert_eq!(visited("none"), [""; 0]);
    }
}
