//! What the system says about this process: its memory and its descriptors.
//!
//! The files are opened once, because a process that is confined, or that has become another user, may not open them any
//! more.

#[cfg(target_os = "linux")]
use std::fs::File;
#[cfg(target_os = "linux")]
use std::os::unix::fs::FileExt;

#[cfg(target_os = "linux")]
use rustix::fs::Dir;

/// What the system says now. `None`: it does not say it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// The memory that is resident, in bytes.
    pub resident: Option<u64>,
    /// How many descriptors are open.
    pub descriptors: Option<u64>,
}

/// Open files that say it.
#[cfg(target_os = "linux")]
#[derive(Debug, Default)]
pub struct ProcessFiles {
    status: Option<File>,
    descriptors: Option<Dir>,
}

#[cfg(target_os = "linux")]
impl ProcessFiles {
    /// How many descriptors they need.
    pub const DESCRIPTORS: usize = 2;

    /// Opens them. What cannot be opened says nothing.
    #[expect(
        clippy::disallowed_methods,
        reason = "no client names these files, and they are opened before the server runs"
    )]
    pub fn open() -> ProcessFiles {
        let descriptors = File::open("/proc/self/fd").ok();
        ProcessFiles {
            status: File::open("/proc/self/status").ok(),
            descriptors: descriptors.and_then(|folder| Dir::new(folder).ok()),
        }
    }

    /// Reads them.
    pub fn read(&mut self) -> Usage {
        Usage {
            resident: self.status.as_ref().and_then(resident),
            descriptors: self.descriptors.as_mut().map(count),
        }
    }
}

/// The longest `status` by far. The kernel makes it anew for each read from its beginning.
#[cfg(target_os = "linux")]
const STATUS: usize = 8 * 1024;

#[cfg(target_os = "linux")]
fn resident(status: &File) -> Option<u64> {
    let mut bytes = [0; STATUS];
    let length = status.read_at(&mut bytes, 0).ok()?;
    let text = String::from_utf8_lossy(bytes.get(..length)?);
    resident_in(&text)
}

/// Reads the field `VmRSS`, which is in units of 1024 bytes.
#[cfg(target_os = "linux")]
fn resident_in(status: &str) -> Option<u64> {
    let mut lines = status.lines();
    let field = lines.find_map(|line| line.strip_prefix("VmRSS:"))?;
    let number: u64 = field.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(number * 1024)
}

/// How many names a directory has, without `.` and `..`.
#[cfg(target_os = "linux")]
fn count(folder: &mut Dir) -> u64 {
    folder.rewind();
    let entries = folder.by_ref().map_while(Result::ok);
    let names = entries.filter(|entry| !entry.file_name().to_bytes().starts_with(b"."));
    names.count() as u64
}

/// Other systems have no such files.
#[cfg(not(target_os = "linux"))]
#[derive(Debug, Default)]
pub struct ProcessFiles;

#[cfg(not(target_os = "linux"))]
impl ProcessFiles {
    /// None is open.
    pub const DESCRIPTORS: usize = 0;

    /// Opens none.
    pub fn open() -> ProcessFiles {
        ProcessFiles
    }

    /// Nothing is known.
    pub fn read(&mut self) -> Usage {
        Usage::default()
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_system_knows_this_process() {
        let mut files = ProcessFiles::open();
        let before = files.read();
        assert!(before.resident.is_some_and(|bytes| bytes > 100 * 1024));
        // Other tests open and close files meanwhile, but not so many.
        let many: Vec<_> = (0..300)
            .flat_map(|_| files.status.as_ref()?.try_clone().ok())
            .collect();
        let after = files.read();
        assert_eq!(many.len(), 300);
        assert!(
            after.descriptors > before.descriptors,
            "{before:?} {after:?}"
        );
    }

    #[test]
    fn the_memory_is_in_the_status() {
        assert_eq!(
            resident_in("VmHWM:\t   9 kB\nVmRSS:\t    12 kB\n"),
            Some(12 * 1024)
        );
        assert_eq!(resident_in("VmRSS:\t    12 MB\n"), None);
        assert_eq!(resident_in("Name:\tdocroot\n"), None);
    }
}
