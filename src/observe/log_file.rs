//! A file to which docroot appends its log, and which is opened again when it was renamed or deleted.
//!
//! ```text
//! access.log  --logrotate-->  access.log.1     the open file has another name now
//!                             access.log       the path leads to another file, or to none: open it
//! ```
//!
//! Whoever writes the log calls [`LogFile::look`] before a write, so no worker asks the file system. The
//! look compares device and inode. While the file is open, no other file has its numbers. If a program
//! empties the file instead, nothing needs to be opened: each write goes to the end.

use std::ffi::OsStr;
use std::fmt;
use std::fs::{self, File};
use std::io;
use std::mem;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::fs::{
    Access, FileType, Gid, Mode, OFlags, Stat, Uid, access, fchown, fstat, open, stat,
};
use rustix::io::Errno;

use crate::text::escape::Name;
use crate::text::segment::{MOST_LINKS, directory_of, last_segment};

/// What to do if docroot may not reach a file any more. Landlock knows folders, not names.
pub const MADE_AGAIN: &str =
    "if its folder was made again while Landlock confines docroot, restart docroot";

/// How often docroot looks whether the path still leads to the open file.
const LOOK: Duration = Duration::from_secs(1);

/// The mode of a new file: its owner writes it, and its group may read it. A log names the clients.
const MODE: Mode = Mode::from_raw_mode(0o640);

/// A file that is open to append to.
#[derive(Debug)]
pub struct LogFile {
    name: LogName,
    file: Arc<File>,
    identity: Identity,
    /// Whether the file did not exist before.
    is_new: bool,
    next_look: Instant,
    /// Why the file cannot be opened again, if the operator was told so.
    told: Option<Errno>,
    /// The clock.
    now: fn() -> Instant,
}

/// A device and an inode.
type Identity = (u64, u64);

/// The path of a log, and the option that names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogName {
    /// The option, such as `--log-file`.
    pub option: &'static str,
    /// The path.
    pub path: PathBuf,
}

/// The file of a log cannot be opened.
#[derive(Debug)]
pub struct LogFileError {
    name: LogName,
    fault: Errno,
    /// Whether the directory of the file exists.
    has_directory: bool,
}

/// What came of a look.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Looked {
    /// Whether another file is open now.
    pub is_new: bool,
    /// What the operator should know.
    pub news: Option<String>,
}

impl LogName {
    /// A path that this option names.
    pub fn new(option: &'static str, path: &Path) -> LogName {
        LogName {
            option,
            path: path.to_owned(),
        }
    }

    /// The path without links in its directory; `None` if there is no such directory.
    pub fn real_path(&self) -> Option<PathBuf> {
        let directory = directory_of(&self.path).canonicalize().ok()?;
        Some(directory.join(self.path.file_name()?))
    }

    /// Opens the file, or creates it.
    pub fn open(self, now: fn() -> Instant) -> Result<LogFile, LogFileError> {
        let (opened, is_new) = match append_to(&self.path, OFlags::CREATE | OFlags::EXCL) {
            Err(Errno::EXIST) => (append_to(&self.path, OFlags::CREATE), false),
            created => (created, true),
        };
        match opened {
            Ok((file, identity)) => Ok(LogFile {
                next_look: now() + LOOK,
                name: self,
                file: Arc::new(file),
                identity,
                is_new,
                told: None,
                now,
            }),
            Err(fault) => Err(self.error(fault)),
        }
    }

    /// Whether the file could be opened or created. It is not created: another user may run the check, and
    /// would own the file.
    pub fn check(self) -> Result<(), LogFileError> {
        let found = append_to(&self.path, OFlags::empty()).map(drop);
        let could = match found {
            Err(Errno::NOENT) => could_create(&self.path),
            found => found,
        };
        could.map_err(|fault| self.error(fault))
    }

    fn error(self, fault: Errno) -> LogFileError {
        LogFileError {
            has_directory: directory_of(&self.path).is_dir(),
            name: self,
            fault,
        }
    }
}

impl LogFile {
    /// The file.
    pub fn file(&self) -> &Arc<File> {
        &self.file
    }

    /// Gives the file to the user that the process will become, unless it existed before. What a link at the end of
    /// the path has made root create is not given either: whoever may write to the folder chooses where a link leads.
    pub fn give_to(&self, user: u32, group: u32) {
        let (user, group) = (Uid::from_raw(user), Gid::from_raw(group));
        if self.is_new {
            // Some file systems know no owners. Whoever is not root cannot become the user either, and is told so.
            let _ = fchown(&self.file, Some(user), Some(group));
        }
    }

    /// Opens the file again if the path leads to another one or to none. If that fails, the open one stays. Looks
    /// at most once a second, unless the operator has `asked` for it.
    pub fn look(&mut self, asked: bool) -> Looked {
        let now = (self.now)();
        if now < self.next_look && !asked {
            return Looked::default();
        }
        self.next_look = now + LOOK;
        if stat(&self.name.path).is_ok_and(|found| identity(&found) == self.identity) {
            self.told = None;
            return Looked::default();
        }
        let opened = append_to(&self.name.path, OFlags::CREATE);
        let told = mem::replace(&mut self.told, opened.as_ref().err().copied());
        let (option, path) = (self.name.option, Name::of(&self.name.path));
        match opened {
            Ok((file, identity)) => {
                let news = format!("{option} {path} was opened again, and the log goes on there");
                (self.file, self.identity) = (Arc::new(file), identity);
                Looked {
                    is_new: true,
                    news: told.map(|_| news),
                }
            }
            Err(errno) => {
                let (fault, advice) = (io::Error::from(errno), advice(errno));
                let news = format!(
                    "{option} {path} cannot be opened again: {fault}{advice}; \
                     docroot writes to the old file and tries again every second"
                );
                Looked {
                    is_new: false,
                    news: (told != Some(errno)).then_some(news),
                }
            }
        }
    }
}

/// What to do about a file that was writable before.
fn advice(fault: Errno) -> String {
    match fault {
        Errno::ACCESS => {
            format!("; let the user of docroot write there, or, {MADE_AGAIN}")
        }
        _ => String::new(),
    }
}

/// Whether a file that does not exist could be created, perhaps where links lead.
fn could_create(path: &Path) -> Result<(), Errno> {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        let name = match last_name(&path) {
            // Only a folder can have such a name.
            b"" => return Err(Errno::ISDIR),
            b"." | b".." => return Err(Errno::NOENT),
            name => name.len(),
        };
        let bytes = path.as_os_str().as_bytes();
        let folder = match &bytes[..bytes.len() - name] {
            b"" => Path::new("."),
            folder => Path::new(OsStr::from_bytes(folder)),
        };
        match fs::read_link(&path) {
            Ok(target) => path = folder.join(target),
            Err(_) => return access(folder, Access::WRITE_OK | Access::EXEC_OK),
        }
    }
    Err(Errno::LOOP)
}

/// What follows the last slash. `Path::file_name` leaves that slash out.
fn last_name(path: &Path) -> &[u8] {
    last_segment(path.as_os_str().as_bytes())
}

/// Opens a file to append to it. If it is a pipe, does not wait for its reader.
fn append_to(path: &Path, more: OFlags) -> Result<(File, Identity), Errno> {
    let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CLOEXEC | OFlags::NOCTTY;
    let file = File::from(open(path, flags | OFlags::NONBLOCK | more, MODE)?);
    let found = fstat(&file)?;
    match FileType::from_raw_mode(found.st_mode) {
        // The flag has an effect on some files of FUSE too.
        FileType::RegularFile => rustix::fs::fcntl_setfl(&file, OFlags::APPEND)?,
        FileType::Directory => return Err(Errno::ISDIR),
        _ => {}
    }
    Ok((file, identity(&found)))
}

#[allow(clippy::unnecessary_cast, reason = "the types depend on the system")]
fn identity(found: &Stat) -> Identity {
    (found.st_dev as u64, found.st_ino as u64)
}

impl fmt::Display for LogFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LogName { option, path } = &self.name;
        write!(f, "{option} {} cannot be opened: ", Name::of(path))?;
        let parent = Name::of(directory_of(path));
        match self.fault {
            Errno::ISDIR | Errno::NOTDIR if last_name(path).is_empty() && !path.is_dir() => {
                f.write_str("only a directory has a slash at its end; name a file")
            }
            Errno::NOENT if !self.has_directory => write!(
                f,
                "the directory {parent} does not exist; create it, or name another file"
            ),
            // In /proc, or a link to a directory that does not exist.
            Errno::NOENT => write!(
                f,
                "it does not exist and cannot be created in {parent}; name another file"
            ),
            Errno::NOTDIR => write!(f, "{parent} is not a directory; name another file"),
            Errno::ISDIR => {
                let example = path.join("docroot.log");
                let example = Name::of(&example);
                write!(
                    f,
                    "it is a directory; name a file in it, such as {example}"
                )
            }
            Errno::ACCESS | Errno::PERM => write!(
                f,
                "this user may not write it; change its permissions or those of {parent}, or run docroot as another user"
            ),
            Errno::NXIO => f.write_str(
                "it is a socket, or a pipe that nobody reads; name a file, or start the reader first",
            ),
            fault => {
                let fault = io::Error::from(fault);
                write!(f, "{fault}; check its disk, or name another file")
            }
        }
    }
}

impl std::error::Error for LogFileError {}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::io::Write;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    thread_local! {
        /// Seconds since the beginning of the test.
        static SECONDS: Cell<u64> = const { Cell::new(0) };
        static BEGIN: Instant = begin();
    }

    #[expect(clippy::disallowed_methods, reason = "a test needs an instant")]
    fn begin() -> Instant {
        Instant::now()
    }

    /// A clock that only the test moves.
    fn now() -> Instant {
        BEGIN.with(|begin| *begin) + Duration::from_secs(SECONDS.get())
    }

    fn pass(seconds: u64) {
        SECONDS.set(SECONDS.get() + seconds);
    }

    fn name(path: &Path) -> LogName {
        LogName::new("--log-file", path)
    }

    fn write(log: &LogFile, text: &str) {
        (&**log.file()).write_all(text.as_bytes()).expect("a file");
    }

    fn read(path: &Path) -> String {
        fs::read_to_string(path).expect("a file")
    }

    #[test]
    fn a_file_is_created_for_its_owner_and_group_and_appended_to() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("log");
        let log = name(&path).open(now).expect("it opens");
        let mode = fs::metadata(&path).expect("a file").permissions().mode();
        assert_eq!(mode & 0o137, 0, "{mode:o}");
        write(&log, "one\n");
        let again = name(&path).open(now).expect("it opens");
        write(&again, "two\n");
        // Whoever empties the file needs not tell docroot.
        fs::write(&path, "").expect("it is emptied");
        write(&log, "three\n");
        assert_eq!(read(&path), "three\n");
    }

    #[test]
    fn another_file_at_the_path_is_noticed_within_a_second() {
        let folder = tempfile::tempdir().expect("a folder");
        let [path, old] = ["log", "log.1"].map(|name| folder.path().join(name));
        let mut log = name(&path).open(now).expect("it opens");
        write(&log, "one\n");
        fs::rename(&path, &old).expect("it is renamed");
        assert_eq!(log.look(false), Looked::default());
        write(&log, "two\n");
        pass(1);
        let is_new = Looked {
            is_new: true,
            news: None,
        };
        assert_eq!(log.look(false), is_new);
        write(&log, "three\n");
        assert_eq!(
            (read(&old), read(&path)),
            ("one\ntwo\n".into(), "three\n".into())
        );
        // With a signal, at once.
        fs::remove_file(&path).expect("it is deleted");
        assert_eq!(log.look(false), Looked::default());
        assert_eq!(log.look(true), is_new);
        assert_eq!(log.look(true), Looked::default());
        write(&log, "four\n");
        assert_eq!(read(&path), "four\n");
    }

    #[test]
    fn a_file_that_cannot_be_opened_again_is_told_once_and_tried_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("in/log");
        let (inside, moved) = (folder.path().join("in"), folder.path().join("moved"));
        fs::create_dir(&inside).expect("a folder");
        let mut log = name(&path).open(now).expect("it opens");
        fs::rename(&inside, &moved).expect("it is renamed");
        let looked = log.look(true);
        assert!(!looked.is_new);
        let news = looked.news.expect("news");
        let want = format!("--log-file {path:?} cannot be opened again: No such file");
        assert!(news.starts_with(&want), "{news}");
        for _ in 0..3 {
            pass(1);
            assert_eq!(log.look(false), Looked::default());
        }
        write(&log, "old\n");
        assert_eq!(read(&moved.join("log")), "old\n");
        // Another reason is told too.
        fs::write(&inside, "").expect("a file");
        let news = log.look(true).news.expect("news");
        let want = format!("--log-file {path:?} cannot be opened again: Not a directory");
        assert!(news.starts_with(&want), "{news}");
        assert_eq!(log.look(true), Looked::default());
        fs::remove_file(&inside).expect("it goes");
        fs::create_dir(&inside).expect("a folder");
        assert_eq!(
            log.look(false),
            Looked::default(),
            "not before a second has passed"
        );
        pass(1);
        let looked = log.look(false);
        let news = looked.news.expect("news");
        assert!(looked.is_new && news.contains("was opened again"), "{news}");
        write(&log, "new\n");
        assert_eq!(read(&path), "new\n");
        // A second failure is told too.
        fs::rename(&path, inside.join("log.1")).expect("it is renamed");
        fs::create_dir(&path).expect("a folder");
        assert!(log.look(true).news.is_some());
        // The old file comes back.
        fs::remove_dir(&path).expect("it goes");
        fs::rename(inside.join("log.1"), &path).expect("it is renamed");
        assert_eq!(log.look(true), Looked::default());
    }

    #[track_caller]
    fn check_fault(path: &Path, want: &str) {
        for fault in [
            name(path).open(now).map(drop).expect_err("a fault"),
            name(path).check().expect_err("a fault"),
        ] {
            let told = fault.to_string();
            let want = format!("--log-file {path:?} cannot be opened: {want}");
            assert!(told.starts_with(&want), "{told}\n{want}");
            assert!(told.contains("; "), "{told}");
        }
    }

    #[test]
    fn a_fault_says_what_to_do() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        let absent = path("absent");
        let want = format!("the directory {absent:?} does not exist; create it");
        check_fault(&absent.join("log"), &want);
        let want = format!(
            "it is a directory; name a file in it, such as {:?}",
            path("docroot.log")
        );
        check_fault(folder.path(), &want);
        for (link, target) in [("link", "absent/log"), ("second", "link")] {
            symlink(target, path(link)).expect("a link");
            let want = format!(
                "it does not exist and cannot be created in {:?}; name",
                folder.path()
            );
            check_fault(&path(link), &want);
        }
        symlink("loop", path("loop")).expect("a link");
        check_fault(&path("loop"), "Too many levels of symbolic links");
        fs::write(path("file"), "").expect("a file");
        for slashed in ["new/", "file/"] {
            check_fault(
                &path(slashed),
                "only a directory has a slash at its end; name a file",
            );
        }
        check_fault(&path("new/."), "");
        let want = format!("{:?} is not a directory; name", path("file"));
        check_fault(&path("file/log"), &want);
        let pipe = path("pipe");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, FileType::Fifo, MODE, 0).expect("a pipe");
        check_fault(&pipe, "it is a socket, or a pipe that nobody reads; name");
    }

    #[test]
    fn a_check_creates_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("log");
        name(&path).check().expect("it could be created");
        let link = folder.path().join("link");
        symlink("log", &link).expect("a link");
        name(&link).check().expect("it could be created");
        assert!(!path.exists());
        fs::write(&path, "kept").expect("a file");
        name(&path).check().expect("it opens");
        assert_eq!(read(&path), "kept");
    }
}
