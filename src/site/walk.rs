//! Opens names below one directory. Nothing outside this directory is ever looked at.
//!
//! If no name of a path is a symbolic link, one call of openat2 opens the path. Otherwise this module
//! reads each link and goes on with its text. So it knows every name on the way. An example:
//!
//! ```text
//! root /srv/www    link /srv/www/a/x -> ../b/../c    request a/x/y
//!
//! done              rest       request
//! /srv/www                     a/x/y    names are opened, x is a link
//! /srv/www/a        ../b/../c  y        ".." removes a name that is known to be no link
//! /srv/www          b/../c     y        names are opened up to the next ".."
//! /srv/www/b        ../c       y
//! /srv/www          c          y        names are opened
//! ```
//!
//! The names above the root are known from the start. A path that takes another way leads out.

use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{Mode, OFlags, openat};
use rustix::io::Errno;

use crate::site::confine::{Confinement, Refusal};
use crate::site::nofollow::{Blocking, Named, PASS, needs_walk, open_name, open_without_links};
use crate::site::path::is_hidden_name;
use crate::text::segment::MOST_LINKS;

/// The most work for one path, in units of a system call that opens one name. Such a call takes one to
/// three microseconds. It suffices for any path that the kernel accepts without links.
const MOST_WORK: usize = MOST_BYTES / 2;

/// Bytes of a path that cost the kernel about as much as a system call.
const BYTES_PER_UNIT: usize = 32;

/// Bytes of a path that is worth another call, because it may save many.
const LONG: usize = 4 * BYTES_PER_UNIT;

/// The longest path, as in Linux.
const MOST_BYTES: usize = 4096;

/// Opens `path`, which is relative and has no `.` or `..`. Adds the work to `work`, in units of a
/// system call. If blocking is refused, the error AGAIN means that a step would wait for the disk. Only
/// the target of a link may be read from the disk even then: it is in memory almost always if its name is.
pub(super) fn open_path(
    root: &Confinement,
    path: &[u8],
    flags: OFlags,
    blocking: Blocking,
    work: &mut usize,
) -> Result<OwnedFd, Refusal> {
    *work += 1 + path.len() / BYTES_PER_UNIT;
    let name = if path.is_empty() { b"." } else { path };
    match open_without_links(root.directory(), name, flags, blocking) {
        Err(error) if needs_walk(error) => {
            let mut walk = Walk::new(root, path, flags, blocking);
            let opened = walk.run();
            *work += walk.work;
            opened
        }
        opened => Ok(opened?),
    }
}

/// The resolution of one path.
struct Walk<'a> {
    root: &'a Confinement,
    flags: OFlags,
    blocking: Blocking,
    /// An absolute path in which no name is a link: where the walk has come to.
    done: Vec<u8>,
    /// The directory that holds the last link, unless the walk has left it.
    base: Option<Base>,
    /// What follows `done` according to the links. It may contain links, `.` and `..`.
    rest: Vec<u8>,
    /// What follows `rest` according to the request. It may contain links.
    request: &'a [u8],
    /// Whether the path names a directory, if anything.
    is_directory: bool,
    links: usize,
    work: usize,
}

/// A directory on the way.
struct Base {
    directory: OwnedFd,
    /// The length of its path.
    length: usize,
}

/// A path that was tried.
struct Stretch {
    /// The length of the path that was known before.
    known: usize,
    /// The length of the path without the names that the request added.
    linked: usize,
    /// Where `rest` goes on: at its end or at a `..`.
    stop: usize,
}

/// What a path led to.
enum Reached {
    Open(OwnedFd),
    /// A directory above the root. It need not be opened.
    Above,
    Link(Link),
}

/// A link: where its name is in the path, and what it holds.
struct Link {
    start: usize,
    end: usize,
    target: Vec<u8>,
}

impl<'a> Walk<'a> {
    fn new(
        root: &'a Confinement,
        request: &'a [u8],
        flags: OFlags,
        blocking: Blocking,
    ) -> Walk<'a> {
        Walk {
            root,
            flags,
            blocking,
            done: root.path.clone(),
            base: None,
            rest: Vec::new(),
            request: request.strip_suffix(b"/").unwrap_or(request),
            is_directory: request.ends_with(b"/"),
            links: 0,
            work: 0,
        }
    }

    fn run(&mut self) -> Result<OwnedFd, Refusal> {
        loop {
            let stretch = self.extend();
            let is_last = stretch.stop == self.rest.len();
            let reached = match is_last {
                true => self.reach(self.last_flags())?,
                // What remains is a path that was opened before.
                false if self.done.len() == stretch.known => Reached::Above,
                false => self.reach(PASS)?,
            };
            let judged = match &reached {
                Reached::Link(link) => link.end.min(stretch.linked),
                _ => stretch.linked,
            };
            self.judge(stretch.known, judged)?;
            match reached {
                Reached::Open(opened) if is_last => return Ok(opened),
                Reached::Above if is_last => return Err(Refusal::Outside),
                Reached::Link(link) => self.follow(link, &stretch)?,
                Reached::Open(_) | Reached::Above => self.go_up(&stretch),
            }
        }
    }

    /// Appends to `done` the names up to the next `..`, or all of them. They must be opened next.
    fn extend(&mut self) -> Stretch {
        let known = self.done.len();
        let mut stop = 0;
        for name in self.rest.split(|&byte| byte == b'/') {
            match name {
                b".." => break,
                b"" | b"." => {}
                _ => push(&mut self.done, name),
            }
            stop += name.len() + 1;
        }
        let stop = stop.min(self.rest.len());
        let linked = self.done.len();
        if stop == self.rest.len() && !self.request.is_empty() {
            push(&mut self.done, self.request);
        }
        Stretch {
            known,
            linked,
            stop,
        }
    }

    fn last_flags(&self) -> OFlags {
        match self.is_directory {
            true => self.flags | OFlags::DIRECTORY,
            false => self.flags,
        }
    }

    /// Opens `done`, unless it is above the root.
    fn reach(&mut self, flags: OFlags) -> Result<Reached, Refusal> {
        let root = self.root;
        if let Some(base) = self.base.take() {
            let start = self.done.len().min(base.length + 1);
            let reached = self.open(base.directory.as_fd(), start, flags);
            self.base.get_or_insert(base);
            return reached;
        }
        match (root.inner(&self.done), &root.top) {
            (Some(inner), _) => self.open(root.directory(), inner, flags),
            (None, Some(top)) => self.open(top.as_fd(), self.done.len().min(1), flags),
            (None, None) if root.is_above(&self.done) => Ok(Reached::Above),
            (None, None) => Err(Refusal::Outside),
        }
    }

    /// Opens the part of `done` that begins at `start`, below `directory`.
    fn open(
        &mut self,
        directory: BorrowedFd<'_>,
        start: usize,
        flags: OFlags,
    ) -> Result<Reached, Refusal> {
        let length = self.done.len() - start;
        if length >= MOST_BYTES {
            return Err(Errno::NAMETOOLONG.into());
        }
        if length == 0 {
            let opened = openat(directory, ".", flags, Mode::empty())?;
            return Ok(Reached::Open(opened));
        }
        // The path as the client sent it was tried before. One name can be opened as safely without
        // openat2.
        if self.links > 0 && self.done[start..].contains(&b'/') {
            self.spend(1 + length / BYTES_PER_UNIT)?;
            match open_without_links(directory, &self.done[start..], flags, self.blocking) {
                Err(error) if needs_walk(error) => {}
                opened => return Ok(Reached::Open(opened?)),
            }
        }
        self.open_names(directory, start, flags)
    }

    /// Opens name after name and stops at the first link. No step follows a link, so a name that is
    /// replaced meanwhile leads nowhere else.
    fn open_names(
        &mut self,
        directory: BorrowedFd<'_>,
        mut start: usize,
        flags: OFlags,
    ) -> Result<Reached, Refusal> {
        let mut current = self.skip_names(directory, &mut start)?;
        loop {
            self.spend(1)?;
            let slash = self.done[start..].iter().position(|&byte| byte == b'/');
            let end = slash.map_or(self.done.len(), |length| start + length);
            let directory = current.as_ref().map_or(directory, AsFd::as_fd);
            let flags = if slash.is_some() { PASS } else { flags };
            match open_name(directory, &self.done[start..end], flags, self.blocking)? {
                Named::Open(opened) if slash.is_none() => return Ok(Reached::Open(opened)),
                Named::Open(opened) => current = Some(opened),
                Named::Link(target) => {
                    let length = start - 1;
                    self.base = current.map(|directory| Base { directory, length });
                    return Ok(Reached::Link(Link { start, end, target }));
                }
            }
            start = end + 1;
        }
    }

    /// If the path is long, tries to open all but its last name in one call. Often only the last name is
    /// a link.
    fn skip_names(
        &mut self,
        directory: BorrowedFd<'_>,
        start: &mut usize,
    ) -> Result<Option<OwnedFd>, Refusal> {
        let path = &self.done[*start..];
        let slash = path.iter().rposition(|&byte| byte == b'/');
        let Some(length) = slash.filter(|&length| length > LONG) else {
            return Ok(None);
        };
        let opened = open_without_links(directory, &path[..length], PASS, self.blocking);
        self.spend(1 + length / BYTES_PER_UNIT)?;
        if opened.is_ok() {
            *start += length + 1;
        }
        Ok(opened.ok())
    }

    /// Refuses hidden names between `from` and `to`, except those on the way to the root. They come from
    /// links: of the names in a request, the caller has decided.
    fn judge(&self, from: usize, to: usize) -> Result<(), Refusal> {
        let shared = self.root.shared(&self.done);
        let names = self.done.get(shared.max(from)..to).unwrap_or_default();
        let mut names = names.split(|&byte| byte == b'/');
        match !self.root.hidden && names.any(is_hidden_name) {
            true => Err(Refusal::Hidden),
            false => Ok(()),
        }
    }

    /// Goes on at the parent directory. `done` was opened, so its last name is not a link.
    fn go_up(&mut self, stretch: &Stretch) {
        self.rest.drain(..stretch.stop + b"..".len());
        let slash = self.done.iter().rposition(|&byte| byte == b'/');
        self.cut(slash.unwrap_or_default());
    }

    /// Goes back to the path of this length.
    fn cut(&mut self, length: usize) {
        self.done.truncate(length);
        self.base.take_if(|base| base.length > length);
    }

    /// Puts the target of a link in the place of its name.
    fn follow(&mut self, link: Link, stretch: &Stretch) -> Result<(), Refusal> {
        self.links += 1;
        if self.links > MOST_LINKS {
            return Err(Refusal::TooManyLinks);
        }
        let tail = match link.end.checked_sub(stretch.linked) {
            // The request named the link, so `rest` is used up.
            Some(used) if used > 0 => {
                let used = used.min(self.request.len());
                self.request = &self.request[used..];
                Vec::new()
            }
            _ => {
                let between = &self.done[link.end..stretch.linked];
                [between, b"/", &self.rest[stretch.stop..]].concat()
            }
        };
        if self.request.is_empty() && tail.iter().all(|&byte| byte == b'/') {
            let last = link.target.rsplit(|&byte| byte == b'/').next();
            self.is_directory |= matches!(last, Some(b"" | b"." | b".."));
        }
        self.cut(link.start - 1);
        let target = match link.target.as_slice() {
            b"" => return Err(Errno::NOENT.into()),
            target @ [b'/', ..] => self.enter(target),
            target => target,
        };
        self.rest = [target, b"/", &tail].concat();
        self.spend(1 + self.rest.len() / BYTES_PER_UNIT)
    }

    /// Goes to where an absolute path begins: at the root if the path begins as the operator wrote the
    /// root. Returns what remains of the path.
    fn enter<'t>(&mut self, target: &'t [u8]) -> &'t [u8] {
        self.cut(0);
        self.base = None;
        match Path::new(OsStr::from_bytes(target)).strip_prefix(&self.root.given) {
            Ok(inner) => {
                self.done.extend_from_slice(&self.root.path);
                inner.as_os_str().as_bytes()
            }
            Err(_) => target,
        }
    }

    fn spend(&mut self, units: usize) -> Result<(), Refusal> {
        self.work += units;
        match self.work > MOST_WORK {
            true => Err(Refusal::TooManyLinks),
            false => Ok(()),
        }
    }
}

fn push(path: &mut Vec<u8>, names: &[u8]) {
    path.push(b'/');
    path.extend_from_slice(names.strip_prefix(b"/").unwrap_or(names));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::confine::LinkPolicy;
    use std::fs;
    use std::os::unix::fs::symlink;

    /// The path to a file this many levels deep.
    fn deep(levels: usize) -> String {
        "d/".repeat(levels) + "f"
    }

    /// Makes a file this many levels deep.
    fn make_deep(root: &Path, levels: usize) {
        let file = root.join(deep(levels));
        fs::create_dir_all(file.parent().expect("a folder")).expect("folders");
        fs::write(file, "deep").expect("a file");
    }

    fn place(root: &Path) -> Confinement {
        Confinement::open(root, PASS, LinkPolicy::default()).expect("a root")
    }

    /// Opens a path. Returns why it is refused, and the work.
    fn try_open(place: &Confinement, path: &str) -> (Option<Refusal>, usize) {
        let mut work = 0;
        let opened = open_path(
            place,
            path.as_bytes(),
            OFlags::PATH,
            Blocking::Allowed,
            &mut work,
        );
        (opened.err(), work)
    }

    #[test]
    fn as_many_links_are_followed_as_linux_follows() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        fs::write(root.join("0"), "end").expect("a file");
        for number in 1..=MOST_LINKS + 1 {
            symlink((number - 1).to_string(), root.join(number.to_string())).expect("a link");
        }
        let last = MOST_LINKS.to_string();
        fs::read(root.join(&last)).expect("Linux follows them");
        assert_eq!(try_open(&place(root), &last).0, None);
        let more = (MOST_LINKS + 1).to_string();
        fs::read(root.join(&more)).expect_err("Linux does not follow them");
        let refusal = try_open(&place(root), &more).0;
        assert_eq!(refusal, Some(Refusal::TooManyLinks));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_link_through_many_levels_costs_little() {
        const LEVELS: usize = 300;
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().canonicalize().expect("a path");
        make_deep(&root, LEVELS);
        symlink(root.join(deep(LEVELS)), root.join("absolute")).expect("a link");
        symlink("f", root.join(deep(LEVELS) + "-link")).expect("a link");
        for path in ["absolute", &(deep(LEVELS) + "-link")] {
            let (refusal, work) = try_open(&place(&root), path);
            assert_eq!(refusal, None);
            assert!(work < LEVELS / 4, "{work}");
        }
    }

    #[test]
    fn the_work_for_one_path_is_bounded() {
        const LEVELS: usize = 300;
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().canonicalize().expect("a path");
        make_deep(&root, LEVELS);
        // Every `..` at the end of a deep path is another way through all its levels.
        let up_and_down = "d/../".repeat(600);
        let target = "d/".repeat(LEVELS - 1) + &up_and_down + "d";
        symlink(target, root.join("winding")).expect("a link");
        let (refusal, work) = try_open(&place(&root), "winding");
        assert_eq!(refusal, Some(Refusal::TooManyLinks));
        assert!(work < 2 * MOST_WORK, "{work}");
    }

    #[test]
    fn the_root_is_recognised_as_it_is_and_as_it_was_given() {
        let folder = tempfile::tempdir().expect("a folder");
        let real = folder.path().canonicalize().expect("a path");
        let root = real.join("root");
        fs::create_dir(&root).expect("a folder");
        fs::write(root.join("f"), "here").expect("a file");
        symlink("root", real.join("given")).expect("a link");
        symlink("root", real.join("other")).expect("a link");
        let link = |target: &Path, name: &str| symlink(target, root.join(name)).expect("a link");
        link(&root.join("f"), "real");
        link(&real.join("given/./f"), "as-given");
        link(&real.join("other/f"), "by-another-way");
        link(&real.join("root/../root/f"), "up-and-down");
        link(&real.join("roo"), "shorter");
        let place = place(&real.join("given"));
        for name in ["f", "real", "as-given", "up-and-down"] {
            assert_eq!(try_open(&place, name).0, None, "{name}");
        }
        for name in ["by-another-way", "shorter"] {
            assert_eq!(try_open(&place, name).0, Some(Refusal::Outside), "{name}");
        }
    }

    /// The root may be `/` itself. Then nothing is outside.
    #[test]
    fn the_top_can_be_the_root() {
        // The usual names of temporary folders begin with a dot.
        let folder = tempfile::Builder::new().prefix("top").tempdir();
        let folder = folder.expect("a folder");
        let real = folder.path().canonicalize().expect("a path");
        fs::write(real.join("f"), "here").expect("a file");
        symlink(real.join("f"), real.join("absolute")).expect("a link");
        symlink("../../../../../../../..", real.join("top")).expect("a link");
        let inside = real.strip_prefix("/").expect("an absolute path");
        let place = place(Path::new("/"));
        for name in ["f", "absolute", "top", "top/"] {
            let path = inside.join(name).display().to_string();
            assert_eq!(try_open(&place, &path).0, None, "{name}");
        }
    }
}
