//! Writes one sidecar: to a file of another name, which then takes its place.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rustix::fs::{
    AtFlags, FlockOperation, Gid, Mode, OFlags, Stat, Timespec, Timestamps, Uid, fchmod, fchown,
    flock, fstat, futimens, openat, renameat, unlinkat,
};

use super::encode::encode;
use super::fault::FileFault;
use super::folder::{Entry, open_file, open_folder};
use super::task::{Outcome, Task};

/// The names of unfinished sidecars begin with this. A dot hides them from clients.
pub(super) const UNFINISHED: &[u8] = b".docroot-compress-";

/// Writes the sidecar of `task`, unless it would save less than 2 %. `clean` removes an outdated one then.
pub(super) fn write(
    root: BorrowedFd<'_>,
    task: &Task,
    clean: bool,
    stop: &AtomicBool,
) -> Result<Outcome, FileFault> {
    let folder = open_folder(root, &task.folder).map_err(FileFault::Read)?;
    let file = open_file(&folder, &task.name).map_err(FileFault::Read)?;
    let stat = |file: &File| fstat(file).map_err(|fault| FileFault::Read(fault.into()));
    let state = stat(&file)?;
    let before = Entry::of(&state);
    if !before.is_file() {
        return Err(FileFault::NotRegular);
    }
    let sidecar = task.sidecar();
    let cannot_write = |fault| FileFault::Write([&*task.folder, &sidecar].concat(), fault);
    let unfinished = Unfinished::create(&folder).map_err(cannot_write)?;
    let mut input = Input {
        file: &file,
        stop,
        fault: None,
    };
    let mut output = Output {
        file: &unfinished.file,
        written: 0,
    };
    let coded = encode(task.coding, before.size, &mut input, &mut output);
    let after = output.written;
    if let Some(fault) = input.fault {
        return Err(FileFault::Read(fault));
    }
    // If the file has another size now, a coder that was told the size may have failed.
    if has_changed(&state, &stat(&file)?) {
        return Err(FileFault::Changed);
    }
    coded.map_err(cannot_write)?;
    if !is_gain(before.size, after) {
        let removed = task.replaces && clean;
        if removed {
            remove(&folder, &sidecar)?;
        }
        return Ok(Outcome::NoGain { removed });
    }
    unfinished.finish(&state, &sidecar).map_err(cannot_write)?;
    Ok(Outcome::Written {
        before: before.size,
        after,
    })
}

/// Removes a file.
pub(super) fn remove(folder: &OwnedFd, name: &[u8]) -> Result<(), FileFault> {
    let removed = unlinkat(folder, name, AtFlags::empty());
    removed.map_err(|fault| FileFault::Remove(fault.into()))
}

/// Whether a sidecar is smaller than its original by at least 2 %.
fn is_gain(before: u64, after: u64) -> bool {
    u128::from(after) * 50 <= u128::from(before) * 49
}

fn has_changed(before: &Stat, now: &Stat) -> bool {
    let change = |stat: &Stat| (stat.st_ctime, stat.st_ctime_nsec);
    Entry::of(before) != Entry::of(now) || change(before) != change(now)
}

/// A sidecar that is being written. It is removed unless it is finished.
struct Unfinished<'a> {
    folder: &'a OwnedFd,
    name: Vec<u8>,
    file: File,
    is_finished: bool,
}

impl Unfinished<'_> {
    /// A new file. While it is open, it is locked: this process still writes it.
    fn create(folder: &OwnedFd) -> io::Result<Unfinished<'_>> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let number = format!("{}-{number}", process::id());
        let name = [UNFINISHED, number.as_bytes()].concat();
        let flags = OFlags::WRONLY
            .union(OFlags::CREATE)
            .union(OFlags::EXCL)
            .union(OFlags::NOFOLLOW)
            .union(OFlags::CLOEXEC);
        let file = openat(folder, &*name, flags, Mode::RUSR.union(Mode::WUSR))?;
        // A file system without locks has other ways to fail.
        let _ = flock(&file, FlockOperation::NonBlockingLockExclusive);
        Ok(Unfinished {
            folder,
            name,
            file: file.into(),
            is_finished: false,
        })
    }

    /// Gives the sidecar its name, and the owner, mode and time of the original. So the same users may read it,
    /// and it is not outdated.
    fn finish(mut self, original: &Stat, name: &[u8]) -> io::Result<()> {
        let file = self.file.as_fd();
        // Only root may give files to others.
        let (owner, group) = (
            Uid::from_raw(original.st_uid),
            Gid::from_raw(original.st_gid),
        );
        let _ = fchown(file, Some(owner), Some(group));
        let mode = Mode::from_raw_mode(original.st_mode) & Mode::from_raw_mode(0o666);
        fchmod(file, mode)?;
        let time = Timespec {
            tv_sec: original.st_mtime,
            tv_nsec: original.st_mtime_nsec as _,
        };
        futimens(
            file,
            &Timestamps {
                last_access: time,
                last_modification: time,
            },
        )?;
        renameat(self.folder, &*self.name, self.folder, name)?;
        self.is_finished = true;
        Ok(())
    }
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if !self.is_finished {
            // If it cannot be removed, --clean removes it later.
            let _ = unlinkat(self.folder, &*self.name, AtFlags::empty());
        }
    }
}

/// The original, which is read until the work is to stop. Keeps the error of a read, because a coder does
/// not say whether reading or writing failed.
struct Input<'a> {
    file: &'a File,
    stop: &'a AtomicBool,
    fault: Option<io::Error>,
}

impl Read for Input<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = match self.stop.load(Ordering::Relaxed) {
            true => Err(io::Error::other("stopped")),
            false => self.file.read(buffer),
        };
        read.inspect_err(|fault| {
            if fault.kind() != io::ErrorKind::Interrupted {
                self.fault = Some(io::Error::new(fault.kind(), fault.to_string()));
            }
        })
    }
}

/// The sidecar. Counts what is written.
struct Output<'a> {
    file: &'a File,
    written: u64,
}

impl Write for Output<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.written += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gain_is_two_percent() {
        assert!(is_gain(100, 98));
        assert!(!is_gain(100, 99));
        assert!(!is_gain(1, 1));
        assert!(!is_gain(0, 20));
        assert!(is_gain(u64::MAX, u64::MAX / 2));
        assert!(!is_gain(u64::MAX, u64::MAX));
    }
}
