//! Which files of a site have changed, from the events of the file system.
//!
//! - Names that begin with a dot, and those of temporary files of editors, are ignored.
//! - A group of changes ends when nothing changes for a moment. A build that writes a thousand files is one
//!   group.

use std::collections::BTreeMap;

use crate::semantics::pattern::Pattern;
use crate::site::path::is_hidden_name;

/// How many paths a group lists. If there are more, they are of little use: pages reload.
const MOST_LISTED: usize = 20;

/// What has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    /// The files and directories at these paths below the root.
    Paths(Vec<Box<[u8]>>),
    /// Perhaps everything.
    Anything,
}

/// Which changes count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangeFilter {
    /// Paths that do not count.
    pub ignored: Vec<Pattern>,
    /// Whether names that begin with a dot count.
    pub hidden: bool,
    /// If a single file is served: its name.
    pub only: Option<Vec<u8>>,
}

impl ChangeFilter {
    /// Whether a change of the file or directory at this path below the root counts.
    pub fn counts(&self, path: &[u8]) -> bool {
        if let Some(only) = &self.only {
            return path == only;
        }
        let names = || path.split(|&byte| byte == b'/');
        let is_hidden = |name| !self.hidden && is_hidden_name(name);
        !path.is_empty()
            && !names().any(is_hidden)
            && !names().next_back().is_some_and(is_temporary)
            && !self.ignored.iter().any(|pattern| pattern.matches(path))
    }
}

/// Whether editors and browsers give such names to files that they soon rename or delete.
fn is_temporary(name: &[u8]) -> bool {
    const EXTENSIONS: [&[u8]; 7] = [
        b".crdownload",
        b".part",
        b".swo",
        b".swp",
        b".swx",
        b".temp",
        b".tmp",
    ];
    // Vim looks with this one whether it can write to a directory.
    name == b"4913"
        || name.ends_with(b"~")
        || name.starts_with(b"#")
        || EXTENSIONS.iter().any(|end| name.ends_with(end))
}

/// Changes that belong together.
#[derive(Debug, Default)]
pub struct Group {
    /// The paths, and whether the group began with their creation.
    paths: BTreeMap<Box<[u8]>, bool>,
    is_anything: bool,
}

impl Group {
    /// Adds a path. `is_new` is true if nothing was there before.
    pub fn add(&mut self, path: &[u8], is_new: bool) {
        if self.paths.len() <= MOST_LISTED && !self.paths.contains_key(path) {
            self.paths.insert(path.into(), is_new);
        }
    }

    /// Adds everything.
    pub fn add_anything(&mut self) {
        self.is_anything = true;
    }

    /// Removes what has come and gone, such as a file that a program wrote first and then renamed. `is_gone` says
    /// whether nothing is at a path.
    pub fn forget_passing(&mut self, is_gone: impl Fn(&[u8]) -> bool) {
        self.paths.retain(|path, is_new| !*is_new || !is_gone(path));
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.paths.is_empty() && !self.is_anything
    }

    /// Whether it looks like the work of a program, such as a build: it has many paths.
    pub fn is_large(&self) -> bool {
        self.paths.len() > 3 || self.is_anything
    }

    /// Whether nothing is left of it. Often, new files follow.
    pub fn is_gone(&self, is_gone: impl Fn(&[u8]) -> bool) -> bool {
        !self.is_anything && self.paths.keys().all(|path| is_gone(path))
    }

    /// What has changed.
    pub fn changed(self) -> Changed {
        match self.is_anything || self.paths.len() > MOST_LISTED {
            true => Changed::Anything,
            false => Changed::Paths(self.paths.into_keys().collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_the_site_count() {
        let filter = ChangeFilter {
            ignored: vec![Pattern::parse("/logs/**").expect("a pattern")],
            ..ChangeFilter::default()
        };
        for path in ["a.html", "a/b c.css", "a.b/c", "a.bak", ".well-known/x"] {
            assert!(filter.counts(path.as_bytes()), "{path}");
        }
        for path in [
            "",
            ".git/index",
            "a/.b.swp",
            ".a.html.swp",
            "a.html~",
            "a/#b#",
            "4913",
            "x.tmp",
            "logs/a.txt",
            "logs/a/b",
        ] {
            assert!(!filter.counts(path.as_bytes()), "{path}");
        }
        let hidden = ChangeFilter {
            hidden: true,
            ..ChangeFilter::default()
        };
        assert!(hidden.counts(b".env"));
        let only = ChangeFilter {
            only: Some(b"a.html".to_vec()),
            ..ChangeFilter::default()
        };
        assert!(only.counts(b"a.html") && !only.counts(b"b.html"));
    }

    #[test]
    fn a_large_group_lists_nothing() {
        let changed = |count: usize| {
            let mut group = Group::default();
            (0..count).for_each(|number| group.add(format!("{number:03}").as_bytes(), false));
            group.changed()
        };
        assert!(
            matches!(changed(MOST_LISTED), Changed::Paths(paths) if paths.len() == MOST_LISTED)
        );
        assert_eq!(changed(MOST_LISTED + 1), Changed::Anything);
        assert_eq!(changed(1000), Changed::Anything);
        let mut group = Group::default();
        assert!(group.is_empty());
        group.add_anything();
        assert_eq!(
            (group.is_empty(), group.changed()),
            (false, Changed::Anything)
        );
    }

    #[test]
    fn a_file_that_was_only_renamed_does_not_count() {
        let is_gone = |path: &[u8]| path.starts_with(b"gone");
        let mut group = Group::default();
        group.add(b"gone-1", true);
        group.add(b"gone-1", false);
        group.forget_passing(is_gone);
        assert!(group.is_empty());
        group.add(b"gone-2", false);
        group.forget_passing(is_gone);
        assert!(!group.is_empty() && group.is_gone(is_gone));
        group.add(b"new", true);
        group.forget_passing(is_gone);
        assert!(!group.is_gone(is_gone));
        let paths = [&b"gone-2"[..], b"new"].map(Box::from);
        assert_eq!(group.changed(), Changed::Paths(paths.into()));
    }
}
