//! The entries of a directory and of those below it. They are sorted by the bytes of their names, and the content
//! of a directory follows the directory itself.
//!
//! A directory is read once. The names of the directories on the path to the current entry are kept, and their
//! memory is charged. If it does not suffice, the walk ends with an error.

use std::sync::Arc;

use super::entry::Selection;
use super::names::Names;
use crate::site::body_error::BodyError;
use crate::site::budget::Budget;
use crate::site::disk_error::{DiskError, LookupError};
use crate::site::file_state::{FileKind, FileState};
use crate::site::nofollow::Blocking;
use crate::site::root::{Directory, NameKind, Root};

/// Names that are read in one step: about a millisecond.
const STEP: usize = 4096;

/// The walk through a directory.
pub(super) struct Tree {
    root: Arc<Root>,
    selection: Selection,
    /// The path of the entry that came last, or of the directory that is read. A directory's ends with a slash.
    path: Vec<u8>,
    /// The directories on the path, the outermost first.
    levels: Vec<Level>,
    /// How far the names of the innermost directory are read.
    reading: Reading,
    memory: Arc<Budget>,
    /// Scratch space for a name.
    name: Vec<u8>,
}

struct Level {
    /// The length of its path.
    length: usize,
    /// The names that are still to come.
    names: Names,
}

enum Reading {
    Due,
    Begun(Directory),
    Ended,
}

/// One step of the walk.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Walked {
    /// Nothing yet.
    More,
    /// The entry at [`Tree::path`].
    Entry(FileKind, FileState),
    /// There are no more entries.
    End,
}

impl Tree {
    /// A walk through the directory at `path`, which is empty or ends with a slash.
    pub(super) fn new(
        root: Arc<Root>,
        path: &[u8],
        selection: Selection,
        memory: Arc<Budget>,
    ) -> Tree {
        Tree {
            root,
            selection,
            levels: vec![Level::new(path.len())],
            path: path.to_vec(),
            reading: Reading::Due,
            memory,
            name: Vec::new(),
        }
    }

    /// The path of the entry that came last. A directory's ends with a slash.
    pub(super) fn path(&self) -> &[u8] {
        &self.path
    }

    /// Whether the next step reads names of a directory.
    pub(super) fn reads_names(&self) -> bool {
        matches!(self.reading, Reading::Begun(_))
    }

    /// Goes one step further, on a disk thread.
    pub(super) fn advance(&mut self) -> Result<Walked, BodyError> {
        match std::mem::replace(&mut self.reading, Reading::Ended) {
            Reading::Due => {
                let directory = self.root.open_directory(&self.path, Blocking::Allowed);
                let directory = directory.map_err(LookupError::on_disk_thread);
                self.reading = Reading::Begun(directory.map_err(unreadable)?);
                return Ok(Walked::More);
            }
            Reading::Begun(directory) => return self.read_on(directory),
            Reading::Ended => {}
        }
        let Some(level) = self.levels.last_mut() else {
            return Ok(Walked::End);
        };
        self.path.truncate(level.length);
        match level.names.next() {
            Some((name, is_link)) => {
                self.path.extend_from_slice(name);
                self.look(is_link)
            }
            None => {
                self.levels.pop();
                Ok(Walked::More)
            }
        }
    }

    /// Looks at the entry at the path. A link to a file counts as the file. A link to a directory is left out,
    /// because the directory may contain the link. What a listing does not show is left out too.
    fn look(&mut self, is_link: bool) -> Result<Walked, BodyError> {
        if !self.selection.admits(&self.path) {
            return Ok(Walked::More);
        }
        let found = self.root.find(&self.path, Blocking::Allowed);
        match found.map_err(LookupError::on_disk_thread) {
            Ok((FileKind::Directory, _)) if is_link => Ok(Walked::More),
            Ok((FileKind::Directory, state)) => {
                self.path.push(b'/');
                self.levels.push(Level::new(self.path.len()));
                self.reading = Reading::Due;
                Ok(Walked::Entry(FileKind::Directory, state))
            }
            // Nobody knows its size.
            Ok((FileKind::File, state)) if self.root.devices().generates_files(state.device()) => {
                Ok(Walked::More)
            }
            Ok((FileKind::File, state)) => Ok(Walked::Entry(FileKind::File, state)),
            Ok((FileKind::Other, _)) => Ok(Walked::More),
            Err(fault) if is_link && (fault.is_absence() || fault == DiskError::Forbidden) => {
                Ok(Walked::More)
            }
            Err(fault) => Err(unreadable(fault)),
        }
    }

    /// Reads some more names, and sorts them when all are read.
    fn read_on(&mut self, mut directory: Directory) -> Result<Walked, BodyError> {
        let Some(Level { names, .. }) = self.levels.last_mut() else {
            return Ok(Walked::End);
        };
        for _ in 0..STEP {
            let next = self.root.next_name(&mut directory, &mut self.name);
            match next.map_err(BodyError::Unreadable)? {
                None => {
                    names.sort();
                    return Ok(Walked::More);
                }
                Some(NameKind::Special) => {}
                Some(kind) => names.add(&self.name, kind == NameKind::Link, &self.memory)?,
            }
        }
        self.reading = Reading::Begun(directory);
        Ok(Walked::More)
    }
}

impl Level {
    fn new(length: usize) -> Level {
        Level {
            length,
            names: Names::default(),
        }
    }
}

/// Why the archive ends if something in it cannot be read. What is absent was there when its name was read.
pub(super) fn unreadable(fault: DiskError) -> BodyError {
    match fault.is_absence() {
        true => BodyError::Changed,
        false => BodyError::Unreadable(fault),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::budget::Account;
    use crate::site::root::LinkPolicy;
    use std::fs;
    use std::path::Path;

    const SHOWN: Selection = Selection {
        hidden: false,
        readable: None,
    };

    fn tree(folder: &Path, path: &str, memory: &Arc<Budget>) -> Tree {
        let root = Root::open(folder, LinkPolicy::default()).expect("a root");
        Tree::new(Arc::new(root), path.as_bytes(), SHOWN, Arc::clone(memory))
    }

    fn plenty() -> Arc<Budget> {
        Arc::new(Budget::new(64 << 20, 1))
    }

    /// What a walk came upon.
    #[derive(Default)]
    struct Walk {
        paths: Vec<String>,
        /// How many steps read names.
        readings: usize,
        /// The most memory that was held.
        most: u64,
    }

    fn walk(tree: &mut Tree) -> Walk {
        let mut walk = Walk::default();
        loop {
            walk.readings += usize::from(tree.reads_names());
            let walked = tree.advance().expect("readable");
            walk.most = walk.most.max(tree.memory.held(Account::Contents));
            match walked {
                Walked::More => {}
                Walked::Entry(..) => {
                    let path = String::from_utf8(tree.path().to_vec());
                    walk.paths.push(path.expect("UTF-8"));
                }
                Walked::End => return walk,
            }
        }
    }

    #[test]
    fn entries_come_in_the_order_of_their_names() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["d/b/c", "d/b.txt", "d/a", "d/.hidden", "d/B", "other"] {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
            fs::write(path, "").expect("a file");
        }
        fs::create_dir(folder.path().join("d/empty")).expect("a folder");
        let want = ["d/B", "d/a", "d/b/", "d/b/c", "d/b.txt", "d/empty/"];
        assert_eq!(walk(&mut tree(folder.path(), "d/", &plenty())).paths, want);
        let mut all = want.to_vec();
        all.insert(0, "d/");
        all.push("other");
        assert_eq!(walk(&mut tree(folder.path(), "", &plenty())).paths, all);
    }

    /// Two directories, the second in the middle of the first, and an empty one in the second.
    #[test]
    fn a_directory_is_read_once_and_its_names_are_charged_meanwhile() {
        const NAMES: usize = STEP;
        let folder = tempfile::tempdir().expect("a folder");
        let (mut want, mut path, mut bytes) = (Vec::new(), String::new(), 0);
        for _ in 0..2 {
            for number in 1..NAMES {
                let name = format!("{number:04}-{}", "x".repeat(20));
                bytes += name.len();
                let name = path.clone() + &name;
                fs::write(folder.path().join(&name), "").expect("a file");
                want.push(name);
            }
            path += "4000-deeper/";
            fs::create_dir(folder.path().join(&path)).expect("a folder");
            want.push(path.clone());
        }
        want.sort();
        let memory = plenty();
        let walk = walk(&mut tree(folder.path(), "", &memory));
        assert!(walk.paths == want);
        // The names with `.`, `..` and the end, twice, and the empty directory.
        assert_eq!(walk.readings, 2 * (NAMES + 3).div_ceil(STEP) + 1);
        // Both are held in the second one.
        let most = 2 * (bytes + 2 * NAMES * (2 + size_of::<usize>()));
        assert!(
            (bytes as u64..most as u64).contains(&walk.most),
            "{}",
            walk.most
        );
        assert_eq!(memory.held(Account::Contents), 0);
    }

    #[test]
    fn names_are_given_back_when_their_directory_ends() {
        let folder = tempfile::tempdir().expect("a folder");
        for directory in ["a", "b", "c"] {
            fs::create_dir(folder.path().join(directory)).expect("a folder");
            for number in 0..1000 {
                let name = format!("{directory}/{number}");
                fs::write(folder.path().join(name), "").expect("a file");
            }
        }
        let most = |path| walk(&mut tree(folder.path(), path, &plenty())).most;
        let top = most("") - most("a/");
        assert!(
            top < most("a/"),
            "one of the three is held at a time: {top}"
        );
    }

    #[test]
    fn a_walk_without_memory_ends_and_holds_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        for number in 0..1000 {
            let name = folder.path().join(number.to_string());
            fs::write(name, "").expect("a file");
        }
        let memory = Arc::new(Budget::new(8 << 10, 1));
        let mut tree = tree(folder.path(), "", &memory);
        assert_eq!(tree.advance().expect("it is opened"), Walked::More);
        assert!(matches!(tree.advance(), Err(BodyError::TakenBack)));
        assert!(memory.held(Account::Contents) > 0);
        drop(tree);
        assert_eq!(memory.held(Account::Contents), 0);
    }

    #[test]
    fn what_vanishes_ends_the_walk() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["a", "b"] {
            fs::write(folder.path().join(name), "").expect("a file");
        }
        let mut tree = tree(folder.path(), "", &plenty());
        while tree.path() != b"a" {
            tree.advance().expect("readable");
        }
        fs::remove_file(folder.path().join("b")).expect("removed");
        assert!(matches!(tree.advance(), Err(BodyError::Changed)));
    }
}
