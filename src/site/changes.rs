//! Which files of a site have changed, from the events of the file system.
//!
//! - Names that begin with a dot, and those of temporary files of editors, are ignored.
//! - A group of changes ends when nothing changes for a moment. A build that writes a thousand files is one
//!   group.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::semantics::pattern::Pattern;
use crate::site::path::is_hidden_name;
use crate::text::segment::last_segment;

/// How many paths a group lists. A page cannot use more: it reloads.
const MOST_LISTED: usize = 20;

/// How many paths a group notes, with those of files that are gone at its end.
const MOST_NOTED: usize = 2 * MOST_LISTED;

/// What has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    /// The files and directories at these paths below the root.
    Paths(Vec<Box<[u8]>>),
    /// Perhaps everything.
    Anything,
}

impl Changed {
    /// The memory of what it lists, in bytes.
    pub fn size(&self) -> usize {
        match self {
            Changed::Paths(paths) => paths.iter().map(|path| path.len()).sum(),
            Changed::Anything => 0,
        }
    }
}

/// Which changes count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangeFilter {
    /// Paths that do not count.
    pub ignored: Vec<Pattern>,
    /// The files to which this program writes. Its log must not reload the pages whose requests it logs.
    pub own: Vec<Vec<u8>>,
    /// Whether names that begin with a dot count.
    pub hidden: bool,
    /// If a single file is served: its name.
    pub only: Option<Vec<u8>>,
}

impl ChangeFilter {
    /// Whether nothing in the directories below the root counts.
    pub fn is_flat(&self) -> bool {
        self.only.is_some()
    }

    /// Whether a change of the file at this path below the root counts.
    pub fn counts(&self, path: &[u8]) -> bool {
        match &self.only {
            Some(only) => path == only,
            None => {
                self.admits(path)
                    && !self.is_ignored(path)
                    && !is_temporary(last_segment(path))
                    && !self.is_own(path)
            }
        }
    }

    /// The same for a directory. If nothing in it counts, it does not count either.
    pub fn counts_directory(&self, path: &[u8]) -> bool {
        self.counts(path) && (self.is_flat() || !self.is_ignored_directory(path))
    }

    fn is_own(&self, path: &[u8]) -> bool {
        self.own.iter().any(|own| own == path)
    }

    /// Whether what is in the directory at this path may count.
    pub fn enters(&self, path: &[u8]) -> bool {
        self.admits(path) && !self.is_ignored_directory(path)
    }

    /// Whether the directories above this path and its names let it count.
    fn admits(&self, path: &[u8]) -> bool {
        let is_hidden = |name| !self.hidden && is_hidden_name(name);
        let slashes = path.iter().enumerate().filter(|(_, byte)| **byte == b'/');
        let mut above = slashes.map(|(at, _)| &path[..at]);
        !path.is_empty()
            && !self.is_flat()
            && !path.split(|&byte| byte == b'/').any(is_hidden)
            && !above.any(|directory| self.is_ignored_directory(directory))
    }

    fn is_ignored(&self, path: &[u8]) -> bool {
        self.ignored.iter().any(|pattern| pattern.matches(path))
    }

    /// Whether the directory is ignored, or everything in it: `/logs` and `/logs/**` both ignore `logs`.
    fn is_ignored_directory(&self, path: &[u8]) -> bool {
        // No file has this name, so a pattern that matches it matches every name.
        const ANY: &[u8] = b"/\0";
        !self.ignored.is_empty()
            && (self.is_ignored(path) || self.is_ignored(&[path, ANY].concat()))
    }
}

/// Whether editors and browsers name temporary files like this.
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
    // Vim creates this file to test whether it can write to a directory.
    name == b"4913"
        || name.ends_with(b"~")
        || name.starts_with(b"#")
        || EXTENSIONS.iter().any(|end| name.ends_with(end))
}

/// How long nothing must change until a group ends. Fast builds write their next file earlier. After a save, the page must
/// have loaded within 200 ms, of which a browser needs almost half.
const SETTLED: Duration = Duration::from_millis(110);

/// The same in a build, which may pause between its files.
const SETTLED_IN_BUILD: Duration = Duration::from_millis(300);

/// The same if files were only deleted. Builds delete old files before they write new ones.
const SETTLED_AFTER_LOSS: Duration = Duration::from_millis(600);

/// An editor takes less time to save a file.
const SAVE: Duration = Duration::from_millis(50);

/// The longest group. It ends even if files still change, because a program may write to a file without end.
const LONGEST: Duration = Duration::from_secs(5);

/// How many changes are many.
const MANY: usize = 4;

/// What was at a path before it changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// Nothing: it was created.
    Nothing,
    /// A file or a directory, or it is not known.
    Something,
}

/// Paths that have changed, and what was there before.
pub type Changes = Vec<(Box<[u8]>, Before)>;

/// Changes that belong together.
#[derive(Debug)]
pub struct Group {
    /// What was at each path when the group began.
    paths: BTreeMap<Box<[u8]>, Before>,
    /// Whether there are further changes that it does not list.
    is_incomplete: bool,
    /// Whether a build has probably made the first change.
    is_of_build: bool,
    began: Instant,
    /// When the last change was added.
    changed: Instant,
}

impl Group {
    /// A group without changes that begins `now`.
    pub fn new(now: Instant) -> Group {
        Group {
            paths: BTreeMap::new(),
            is_incomplete: false,
            is_of_build: false,
            began: now,
            changed: now,
        }
    }

    /// Adds a change of a path.
    pub fn add(&mut self, path: &[u8], before: Before, now: Instant) {
        self.changed = now;
        if self.paths.contains_key(path) {
            return;
        }
        match self.paths.len() < MOST_NOTED {
            true => drop(self.paths.insert(path.into(), before)),
            false => self.is_incomplete = true,
        }
    }

    /// A group of changes that are not known.
    pub fn unknown(now: Instant) -> Group {
        Group {
            is_incomplete: true,
            ..Group::new(now)
        }
    }

    /// Makes the changes unknown, after one of them was missed `now`.
    pub fn forget(&mut self, now: Instant) {
        self.paths.clear();
        self.is_incomplete = true;
        self.changed = now;
    }

    /// Whether it ends although files still change.
    pub fn is_longest(&self, now: Instant) -> bool {
        now >= self.began + LONGEST
    }

    /// When the group ends if nothing more changes. `is_gone` says whether nothing is at a path.
    pub fn end(&self, is_gone: impl Fn(&[u8]) -> bool) -> Instant {
        let is_loss = !self.paths.is_empty() && self.paths.keys().all(|path| is_gone(path));
        let is_build = self.is_of_build
            || self.is_incomplete
            || self.paths.len() >= MANY
            || self.is_longer_than_save();
        let pause = match is_build {
            _ if is_loss => SETTLED_AFTER_LOSS,
            true => SETTLED_IN_BUILD,
            false => SETTLED,
        };
        (self.changed + pause).min(self.began + LONGEST)
    }

    fn is_longer_than_save(&self) -> bool {
        self.changed.saturating_duration_since(self.began) > SAVE
    }

    /// What has changed; `None` if nothing has. A file that was created and is gone again does not count: an
    /// atomic save has such a file.
    pub fn outcome(mut self, is_gone: impl Fn(&[u8]) -> bool) -> Option<Changed> {
        self.paths
            .retain(|path, before| *before == Before::Something || !is_gone(path));
        match self.is_incomplete || self.paths.len() > MOST_LISTED {
            true => Some(Changed::Anything),
            false if self.paths.is_empty() => None,
            false => Some(Changed::Paths(self.paths.into_keys().collect())),
        }
    }
}

/// Whether a build writes the files, as far as past groups tell. Some builds pause for longer than `SETTLED`: their
/// first file is a group of its own, which ends too early. After that, docroot waits longer, until a single save shows
/// that an editor writes the files.
#[derive(Debug, Default)]
pub struct Rhythm {
    ended: Option<Instant>,
    is_build: bool,
}

impl Rhythm {
    /// A group that begins `now`.
    pub fn begin(&mut self, now: Instant) -> Group {
        let is_soon = |ended| now < ended + SETTLED_IN_BUILD;
        self.is_build |= self.ended.is_some_and(is_soon);
        Group {
            is_of_build: self.is_build,
            ..Group::new(now)
        }
    }

    /// Notes that a group ends `now`.
    pub fn end(&mut self, group: &Group, now: Instant) {
        self.ended = Some(now);
        self.is_build &= group.is_longer_than_save();
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
        // A directory may have any name.
        assert!(filter.counts(b"notes.tmp/a.html") && filter.enters(b"notes.tmp"));
        assert!(!filter.enters(b"logs/a") && !filter.enters(b".git") && !filter.enters(b""));
    }

    /// If nothing in a directory counts, it does not count either.
    #[test]
    fn ignored_directories_do_not_count() {
        let filter = ChangeFilter {
            ignored: vec![Pattern::parse("/logs/**").expect("a pattern")],
            ..ChangeFilter::default()
        };
        assert!(!filter.enters(b"logs") && !filter.counts_directory(b"logs"));
        assert!(filter.counts_directory(b"logs2") && filter.counts_directory(b"a/logs"));
        let folder = ChangeFilter {
            ignored: vec![Pattern::parse("/logs").expect("a pattern")],
            ..ChangeFilter::default()
        };
        assert!(!folder.counts(b"logs/a/b") && folder.counts(b"logs.txt"));
        let below = ChangeFilter {
            ignored: ["/*/**", "/{tmp,out/*}", "/a.b/*.log"]
                .map(|text| Pattern::parse(text).expect("a pattern"))
                .into(),
            ..ChangeFilter::default()
        };
        assert!(below.counts(b"a.html") && !below.counts(b"a/b.html"));
        for directory in ["a", "tmp", "out", "out/a"] {
            assert!(!below.counts_directory(directory.as_bytes()), "{directory}");
        }
        let some = ChangeFilter {
            ignored: below.ignored[1..].to_vec(),
            ..ChangeFilter::default()
        };
        for (directory, want) in [("tmp", false), ("out", false), ("a.b", true), ("b", true)] {
            assert_eq!(
                some.counts_directory(directory.as_bytes()),
                want,
                "{directory}"
            );
        }
    }

    #[test]
    fn options_say_which_files_count() {
        let hidden = ChangeFilter {
            hidden: true,
            ..ChangeFilter::default()
        };
        assert!(hidden.counts(b".env"));
        let own = ChangeFilter {
            own: vec![b"logs/access.log".to_vec()],
            ..ChangeFilter::default()
        };
        assert!(!own.counts(b"logs/access.log") && own.counts(b"access.log"));
        let only = ChangeFilter {
            only: Some(b"a.html".to_vec()),
            ..ChangeFilter::default()
        };
        assert!(only.counts(b"a.html") && !only.counts(b"b.html"));
        // An editor may remove it for a moment, and then it may have been a directory.
        assert!(only.counts_directory(b"a.html"));
    }

    fn never(_: &[u8]) -> bool {
        false
    }

    /// A group of these paths, each of which existed before.
    fn group(paths: &[&str], now: Instant) -> Group {
        let mut group = Group::new(now);
        for path in paths {
            group.add(path.as_bytes(), Before::Something, now);
        }
        group
    }

    #[test]
    fn a_large_group_lists_nothing() {
        let now = Instant::now();
        let outcome = |count: usize| {
            let paths: Vec<String> = (0..count).map(|number| number.to_string()).collect();
            let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
            group(&paths, now).outcome(never)
        };
        assert_eq!(outcome(0), None);
        assert!(
            matches!(outcome(MOST_LISTED), Some(Changed::Paths(paths)) if paths.len() == MOST_LISTED)
        );
        for count in [MOST_LISTED + 1, MOST_NOTED, MOST_NOTED + 1] {
            assert_eq!(outcome(count), Some(Changed::Anything), "{count}");
        }
        assert_eq!(Group::unknown(now).outcome(never), Some(Changed::Anything));
    }

    #[test]
    fn a_file_that_has_come_and_gone_does_not_count() {
        let now = Instant::now();
        let is_gone = |path: &[u8]| path.ends_with(b".new");
        let mut group = Group::new(now);
        group.add(b"a.new", Before::Nothing, now);
        group.add(b"a.new", Before::Something, now);
        assert_eq!(group.outcome(is_gone), None);
        let mut group = Group::new(now);
        group.add(b"a.new", Before::Nothing, now);
        group.add(b"a", Before::Something, now);
        group.add(b"b.new", Before::Something, now);
        let paths = [&b"a"[..], b"b.new"].map(Box::from);
        assert_eq!(group.outcome(is_gone), Some(Changed::Paths(paths.into())));
        // If there are many, none of the others is lost.
        let mut group = Group::new(now);
        for number in 0..MOST_NOTED {
            group.add(format!("{number}.new").as_bytes(), Before::Nothing, now);
        }
        group.add(b"a", Before::Something, now);
        assert_eq!(group.outcome(is_gone), Some(Changed::Anything));
    }

    #[test]
    fn a_group_ends_when_nothing_has_changed_for_a_moment() {
        let begin = Instant::now();
        let mut group = group(&["a"], begin);
        assert_eq!(group.end(never), begin + SETTLED);
        assert_eq!(group.end(|_| true), begin + SETTLED_AFTER_LOSS);
        let later = begin + SETTLED;
        group.add(b"a", Before::Something, later);
        assert_eq!(
            group.end(never),
            later + SETTLED_IN_BUILD,
            "no save takes so long"
        );
        for path in ["b", "c", "d"] {
            group.add(path.as_bytes(), Before::Nothing, later);
        }
        assert_eq!(group.end(never), later + SETTLED_IN_BUILD);
        group.add(b"a", Before::Something, begin + LONGEST);
        assert_eq!(
            group.end(never),
            begin + LONGEST,
            "although files still change"
        );
        assert!(!group.is_longest(later) && group.is_longest(begin + LONGEST));
        // Many losses are losses too, and missed changes are many.
        let paths: Vec<String> = (0..50).map(|number| number.to_string()).collect();
        let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
        let mut group = self::group(&paths, begin);
        assert_eq!(group.end(|_| true), begin + SETTLED_AFTER_LOSS);
        group.forget(later);
        assert_eq!(group.end(|_| true), later + SETTLED_IN_BUILD);
        assert_eq!(group.outcome(never), Some(Changed::Anything));
    }

    /// When groups end, if the files of a build are written so far apart.
    fn ends(rhythm: &mut Rhythm, begin: Instant, files: u32, apart: Duration) -> Vec<Instant> {
        let mut ends = Vec::new();
        let mut open: Option<Group> = None;
        let mut finish = |group: &Group, rhythm: &mut Rhythm| {
            let end = group.end(never);
            rhythm.end(group, end);
            ends.push(end);
        };
        for number in 0..files {
            let now = begin + apart * number;
            if let Some(group) = open.take_if(|group| group.end(never) <= now) {
                finish(&group, rhythm);
            }
            let group = open.get_or_insert_with(|| rhythm.begin(now));
            group.add(number.to_string().as_bytes(), Before::Something, now);
        }
        finish(&open.expect("a group"), rhythm);
        ends
    }

    #[test]
    fn a_build_that_keeps_writing_is_one_group() {
        let begin = Instant::now();
        for (files, apart) in [(1000, 1), (40, 60), (20, 100), (30, 109)] {
            let apart = Duration::from_millis(apart);
            let last = begin + apart * (files - 1);
            let got = ends(&mut Rhythm::default(), begin, files, apart);
            assert_eq!(got, [last + SETTLED_IN_BUILD], "{apart:?}");
        }
        let single = ends(&mut Rhythm::default(), begin, 1, SAVE);
        assert_eq!(single, [begin + SETTLED], "a save");
        // A program writes without end.
        let got = ends(
            &mut Rhythm::default(),
            begin,
            200,
            Duration::from_millis(100),
        );
        assert_eq!(got[..3], [1, 2, 3].map(|number| begin + LONGEST * number));
    }

    #[test]
    fn a_build_that_pauses_is_known_by_its_second_file() {
        let (mut rhythm, apart) = (Rhythm::default(), Duration::from_millis(250));
        let begin = Instant::now();
        let last = begin + apart * 9;
        let first = ends(&mut rhythm, begin, 10, apart);
        assert_eq!(first, [begin + SETTLED, last + SETTLED_IN_BUILD]);
        let begin = begin + Duration::from_secs(60);
        let second = ends(&mut rhythm, begin, 10, apart);
        assert_eq!(second, [begin + apart * 9 + SETTLED_IN_BUILD]);
        // Somebody edits a file, and again.
        for (minute, pause) in [(1, SETTLED_IN_BUILD), (2, SETTLED)] {
            let begin = begin + Duration::from_secs(60) * minute;
            let save = ends(&mut rhythm, begin, 1, apart);
            assert_eq!(save, [begin + pause]);
        }
    }
}
