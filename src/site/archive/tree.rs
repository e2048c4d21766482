//! The entries of a directory and of those below it, in order: sorted by the bytes of their names, and what is in
//! a directory right after it.
//!
//! Directories may have any number of entries and any depth, and memory is bounded. So only the next names of a
//! directory are kept. When they are used up, the directory is read again for those that follow. If many
//! directories are open, the outer ones forget their names.

use std::collections::BinaryHeap;
use std::sync::Arc;

use super::entry::Selection;
use crate::site::body_error::BodyError;
use crate::site::nofollow::Blocking;
use crate::site::root::{Directory, DiskError, FileKind, FileState, LookupError, NameKind, Root};

/// The most bytes of names that are kept of one directory.
const MOST_OF_ONE: usize = 64 * 1024;

/// The most bytes of names that are kept of all directories.
const MOST_NAMES: usize = 128 * 1024;

/// What a name takes beside its bytes.
const OVERHEAD: usize = size_of::<Name>() + 16;

/// Names that are read in one step: about a millisecond.
const STEP: usize = 4096;

/// The walk through a directory.
pub(super) struct Tree {
    root: Arc<Root>,
    selection: Selection,
    /// The path of the entry that came last, or of the directory that is read. A directory's ends with a slash.
    path: Vec<u8>,
    /// The open directories, the outermost first.
    levels: Vec<Level>,
    /// The bytes of all names that are kept.
    kept: usize,
    reading: Option<Reading>,
    /// Scratch space for a name.
    name: Vec<u8>,
}

struct Level {
    /// The length of its path.
    length: usize,
    /// The next names, the first one last.
    names: Vec<Name>,
    /// The name that came last.
    last: Box<[u8]>,
    /// Whether no name follows those that are kept.
    is_complete: bool,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Name {
    bytes: Box<[u8]>,
    is_link: bool,
}

/// A directory whose names are being read.
struct Reading {
    directory: Directory,
    /// The first names so far.
    first: BinaryHeap<Name>,
    bytes: usize,
    is_complete: bool,
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
    pub(super) fn new(root: Arc<Root>, path: &[u8], selection: Selection) -> Tree {
        Tree {
            root,
            selection,
            levels: vec![Level::new(path.len())],
            path: path.to_vec(),
            kept: 0,
            reading: None,
            name: Vec::new(),
        }
    }

    /// The path of the entry that came last. A directory's ends with a slash.
    pub(super) fn path(&self) -> &[u8] {
        &self.path
    }

    /// Whether the next step reads names of a directory.
    pub(super) fn reads_names(&self) -> bool {
        self.reading.is_some()
    }

    /// Goes one step further, on a disk thread.
    pub(super) fn advance(&mut self) -> Result<Walked, BodyError> {
        if self.reading.is_some() {
            return self.read_on();
        }
        let Some(level) = self.levels.last_mut() else {
            return Ok(Walked::End);
        };
        self.path.truncate(level.length);
        if let Some(name) = level.names.pop() {
            self.kept -= cost(&name);
            self.path.extend_from_slice(&name.bytes);
            level.last = name.bytes;
            return self.look(name.is_link);
        }
        if level.is_complete {
            self.levels.pop();
            return Ok(Walked::More);
        }
        let directory = self.root.open_directory(&self.path, Blocking::Allowed);
        self.reading = Some(Reading {
            directory: directory.map_err(unreadable)?,
            first: BinaryHeap::new(),
            bytes: 0,
            is_complete: true,
        });
        Ok(Walked::More)
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
            // It was there when the directory was read.
            Err(fault) if fault.is_absence() => Err(BodyError::Changed),
            Err(fault) => Err(BodyError::Unreadable(fault)),
        }
    }

    /// Reads some more names.
    fn read_on(&mut self) -> Result<Walked, BodyError> {
        let (Some(reading), Some(level)) = (&mut self.reading, self.levels.last_mut()) else {
            return Ok(Walked::More);
        };
        for _ in 0..STEP {
            let next = self.root.next_name(&mut reading.directory, &mut self.name);
            match next.map_err(BodyError::Unreadable)? {
                None => {
                    self.end_reading();
                    return Ok(Walked::More);
                }
                Some(NameKind::Special) => {}
                Some(_) if *self.name <= *level.last => {}
                Some(kind) => reading.add(&self.name, kind == NameKind::Link),
            }
        }
        Ok(Walked::More)
    }

    /// Keeps the names that were read. The outer directories forget theirs if they are too many.
    fn end_reading(&mut self) {
        let (Some(reading), Some(level)) = (self.reading.take(), self.levels.last_mut()) else {
            return;
        };
        level.is_complete = reading.is_complete;
        level.names = reading.first.into_sorted_vec();
        level.names.reverse();
        self.kept += reading.bytes;
        let outer = self.levels.len() - 1;
        for level in &mut self.levels[..outer] {
            if self.kept <= MOST_NAMES {
                break;
            }
            let names = std::mem::take(&mut level.names);
            level.is_complete &= names.is_empty();
            self.kept -= names.iter().map(cost).sum::<usize>();
        }
    }
}

impl Level {
    fn new(length: usize) -> Level {
        Level {
            length,
            names: Vec::new(),
            last: Box::default(),
            is_complete: false,
        }
    }
}

impl Reading {
    /// Adds a name, if it is one of the first.
    fn add(&mut self, name: &[u8], is_link: bool) {
        let name = Name {
            bytes: name.into(),
            is_link,
        };
        self.bytes += cost(&name);
        self.first.push(name);
        while self.bytes > MOST_OF_ONE
            && let Some(last) = self.first.pop()
        {
            self.bytes -= cost(&last);
            self.is_complete = false;
        }
    }
}

fn cost(name: &Name) -> usize {
    name.bytes.len() + OVERHEAD
}

fn unreadable(error: LookupError) -> BodyError {
    match error.on_disk_thread() {
        DiskError::NotFound => BodyError::Changed,
        fault => BodyError::Unreadable(fault),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::root::LinkPolicy;
    use std::fs;
    use std::path::Path;

    const SHOWN: Selection = Selection {
        hidden: false,
        readable: None,
    };

    fn tree(folder: &Path, path: &str) -> Tree {
        let root = Root::open(folder, LinkPolicy::default()).expect("a root");
        Tree::new(Arc::new(root), path.as_bytes(), SHOWN)
    }

    fn walked(tree: &mut Tree) -> Vec<String> {
        let mut paths = Vec::new();
        loop {
            assert!(tree.kept <= MOST_NAMES + MOST_OF_ONE);
            match tree.advance().expect("readable") {
                Walked::More => {}
                Walked::Entry(..) => {
                    paths.push(String::from_utf8(tree.path().to_vec()).expect("UTF-8"));
                }
                Walked::End => return paths,
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
        assert_eq!(walked(&mut tree(folder.path(), "d/")), want);
        let all = walked(&mut tree(folder.path(), ""));
        assert_eq!(all.len(), 1 + want.len() + 1);
    }

    /// Three levels of names that do not fit into memory together.
    #[test]
    fn names_that_do_not_fit_are_read_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut want = Vec::new();
        let mut path = String::new();
        for depth in 0..4 {
            for number in 0..2500 {
                let name = format!("{path}{number:04}-{}", "x".repeat(20));
                fs::write(folder.path().join(&name), "").expect("a file");
                want.push(name);
            }
            // In the middle of the others.
            path = format!("{path}1000-deeper/");
            fs::create_dir(folder.path().join(&path)).expect("a folder");
            want.push(path.clone());
            assert!(depth < 4);
        }
        want.sort();
        let mut tree = tree(folder.path(), "");
        let got = walked(&mut tree);
        assert_eq!(got.len(), want.len());
        let mut sorted = got.clone();
        sorted.sort();
        assert!(sorted == want);
        assert!(got.is_sorted());
        assert_eq!((tree.kept, tree.levels.len()), (0, 0));
    }

    #[test]
    fn what_vanishes_ends_the_walk() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["a", "b"] {
            fs::write(folder.path().join(name), "").expect("a file");
        }
        let mut tree = tree(folder.path(), "");
        while tree.path() != b"a" {
            tree.advance().expect("readable");
        }
        fs::remove_file(folder.path().join("b")).expect("removed");
        assert!(matches!(tree.advance(), Err(BodyError::Changed)));
    }
}
