//! Writes one sidecar: to a file of another name, which then takes its place.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{
    AtFlags, FlockOperation, Gid, Mode, OFlags, Stat, Timespec, Timestamps, Uid, fchmod, fchown,
    flock, fstat, futimens, openat, renameat, unlinkat,
};
use rustix::io::Errno;

use super::encode::encode;
use super::fault::FileFault;
use super::folder::{Entry, Way, open_file};
use super::stop::Stop;
use super::task::{Outcome, Task};

/// The names of unfinished sidecars begin with this. A dot hides them from clients.
pub(super) const UNFINISHED: &[u8] = b".docroot-compress-";

/// Writes the sidecar of `task`, unless it would save less than 2 %. `clean` removes one that is
/// certainly wrong then.
pub(super) fn write(
    way: &mut Way<'_>,
    task: &Task,
    clean: bool,
    stop: &Stop,
) -> Result<Outcome, FileFault> {
    let folder = way.to(&task.folder).map_err(FileFault::Read)?;
    let file = open_file(&folder, &task.name).map_err(FileFault::Read)?;
    let stat = |file: &File| fstat(file).map_err(|fault| FileFault::Read(fault.into()));
    let state = stat(&file)?;
    let before = Entry::of(&state);
    if !before.is_file() {
        return Err(FileFault::NotRegular);
    }
    let sidecar = task.sidecar();
    let cannot_write = |fault| FileFault::Write([&*task.folder, &sidecar].concat(), fault);
    let unfinished = Unfinished::create(&folder, stop).map_err(cannot_write)?;
    let mut input = Input {
        file: &file,
        stop,
        fault: None,
    };
    let mut output = Output {
        file: &unfinished.file,
        stop,
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
        let removed = task.replaces_wrong && clean;
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
    Entry::of(before) != Entry::of(now)
}

/// A sidecar that is being written. It is removed unless it is finished.
struct Unfinished<'a> {
    folder: &'a Arc<OwnedFd>,
    name: Vec<u8>,
    file: File,
    is_finished: bool,
    stop: &'a Stop,
}

impl<'a> Unfinished<'a> {
    /// A new file. While it is open, it is locked: this process still writes it.
    fn create(folder: &'a Arc<OwnedFd>, stop: &'a Stop) -> io::Result<Unfinished<'a>> {
        let (file, name) = stop.begin(folder, || create(folder, stop))?;
        // A file system without locks has other ways to fail.
        let _ = flock(&file, FlockOperation::NonBlockingLockExclusive);
        Ok(Unfinished {
            folder,
            name,
            file,
            is_finished: false,
            stop,
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
        self.stop.end(self.folder, &self.name);
    }
}

/// Creates a file with a name that no file in the folder has. In a container, each run may have the same process
/// id, so a run that was killed may have left the first names behind.
fn create(folder: &OwnedFd, stop: &Stop) -> io::Result<(File, Vec<u8>)> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let flags = OFlags::WRONLY
        .union(OFlags::CREATE)
        .union(OFlags::EXCL)
        .union(OFlags::NOFOLLOW)
        .union(OFlags::CLOEXEC);
    loop {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let number = format!("{}-{number}", process::id());
        let name = [UNFINISHED, number.as_bytes()].concat();
        match openat(folder, &*name, flags, Mode::RUSR.union(Mode::WUSR)) {
            Err(Errno::EXIST) if !stop.is_set() => {}
            file => return Ok((file?.into(), name)),
        }
    }
}

/// The original, which is read until the work is to stop. Keeps the error of a read, because a coder does
/// not say whether reading or writing failed.
struct Input<'a> {
    file: &'a File,
    stop: &'a Stop,
    fault: Option<io::Error>,
}

impl Read for Input<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = match self.stop.is_set() {
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

/// The sidecar, which is written until the work is to stop. Counts what is written.
struct Output<'a> {
    file: &'a File,
    stop: &'a Stop,
    written: u64,
}

impl Write for Output<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.stop.is_set() {
            return Err(io::Error::other("stopped"));
        }
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

    /// As in a container, where each run has the same process id.
    #[test]
    fn names_that_are_taken_are_passed_over() {
        let place = tempfile::tempdir().expect("a temporary folder");
        let folder = super::super::folder::open_root(place.path()).expect("it opens");
        let (folder, stop) = (Arc::new(folder), Stop::default());
        let first = Unfinished::create(&folder, &stop).expect("a file");
        let name = first.name.clone();
        drop(first);
        let number = String::from_utf8_lossy(&name).into_owned();
        let number = number
            .rsplit('-')
            .next()
            .and_then(|number| number.parse().ok());
        let number: u64 = number.expect("a number");
        let taken = |ahead: u64| format!(".docroot-compress-{}-{}", process::id(), number + ahead);
        // Other tests may take numbers meanwhile.
        for ahead in 1..100 {
            std::fs::write(place.path().join(taken(ahead)), "left").expect("a file");
        }
        let next = Unfinished::create(&folder, &stop).expect("a file");
        let next_name = String::from_utf8_lossy(&next.name).into_owned();
        assert!(
            (1..100).all(|ahead| taken(ahead) != next_name),
            "{next_name}"
        );
        stop.remove_unfinished();
        assert!(!place.path().join(&next_name).exists());
        assert!(place.path().join(taken(1)).exists(), "it is another's");
        // Its end would wait for the end of the process.
        std::mem::forget(next);
    }

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
