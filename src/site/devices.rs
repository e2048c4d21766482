//! Which file systems answer at once, by device.
//!
//! The kernel can say whether it has data of a local file system in memory. For a file system that is
//! remote or runs in user space, no flag says whether even the size of a file takes a message to a
//! server. All work on it belongs to the disk threads. The same holds for a while if a local file system
//! that knows no such flag was found slow.
//!
//! The number of a device may be used again after its file system was unmounted. While a file is open, its
//! number stays what it is. For a path, the mount that it leads to is compared as well.
//!
//! A stacked file system, such as overlayfs, shows the files of others. It passes these flags on, but
//! whoever reads the entries of a directory may wait for a file system below it. So the disk threads do
//! that, and a worker does everything else.

use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::sync::lock;

/// File systems that are known beside that of the root. A site has few mounts.
const MOST: usize = 64;

/// A local operation that takes longer makes its file system slow. A read from memory takes less than
/// a tenth of it.
const SLOW: Duration = Duration::from_millis(10);

/// How long a file system counts as slow after it was slow.
const STAYS_SLOW: Duration = Duration::from_secs(30);

/// What a file system says about waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    /// It is on this machine and in its kernel.
    Local,
    /// It is in the kernel, which makes the content of its files when somebody reads them.
    Generated,
    /// It is in the kernel and shows the files of other file systems, whatever those are.
    Stacked,
    /// It is anything else.
    Remote,
}

/// How long a file system stays known if mounts have no number that is never used again (before Linux
/// 6.8).
const STAYS_KNOWN: Duration = Duration::from_secs(1);

/// A mount. Its number is never used again. `None` if the kernel has no such numbers.
pub(super) type Mount = Option<u64>;

/// The file systems below a root.
#[derive(Debug)]
pub(super) struct Devices {
    root: Device,
    others: Mutex<Vec<Device>>,
    /// Times are counted from here.
    start: Instant,
}

/// One file system.
#[derive(Debug)]
struct Device {
    number: u64,
    mount: Mount,
    class: Class,
    /// Whether its times may come from the clock of another machine. Not if it is stacked: what overlayfs shows may only
    /// be changed through it, and what it writes to cannot be remote.
    has_own_clock: bool,
    /// When it was learned, counted from the start.
    learned: Duration,
    /// Until when it counts as slow, in milliseconds since the start. 0 if it was never slow.
    slow_until: AtomicU64,
}

impl Devices {
    /// Knows only the file system of the root, an open directory.
    pub fn new(number: u64, root: BorrowedFd<'_>) -> Devices {
        Devices {
            root: Device::new(number, None, class_of(root), Duration::ZERO),
            others: Mutex::default(),
            start: now(),
        }
    }

    /// Treats every file system as remote.
    pub fn assume_remote(&mut self) {
        self.root.class = Class::Remote;
    }

    /// Whether the kernel can say what it has of the root's file system in memory.
    pub fn is_root_quick(&self) -> bool {
        self.root.is_quick(self.start)
    }

    /// Whether work on the file system that a path has led to may be tried on a worker. `false` if the
    /// file system is not known.
    pub fn is_mount_quick(&self, number: u64, mount: Mount) -> bool {
        let now = self.start.elapsed();
        let is_known = || {
            let others = self.others();
            let mut same = others.iter().filter(|device| device.number == number);
            same.any(|device| device.is_current(mount, now))
        };
        (number == self.root.number || is_known()) && self.is_quick(number)
    }

    /// Whether work on the file system of an open file may be tried on a worker. `false` if the file
    /// system is not known.
    pub fn is_quick(&self, number: u64) -> bool {
        match number == self.root.number {
            true => self.is_root_quick(),
            false => {
                let others = self.others();
                let known = others.iter().find(|device| device.number == number);
                self.root.class != Class::Remote
                    && known.is_some_and(|device| device.is_quick(self.start))
            }
        }
    }

    /// Whether the entries of a directory on this file system may be read on a worker.
    pub fn lists_quickly(&self, number: u64) -> bool {
        let is_listed = |class| matches!(class, Class::Local | Class::Generated);
        self.is_quick(number) && self.class(number).is_some_and(is_listed)
    }

    /// Whether this file system makes the contents of its files when somebody reads them. If so, their
    /// sizes and times say nothing about them.
    pub fn generates_files(&self, number: u64) -> bool {
        self.class(number) == Some(Class::Generated)
    }

    /// Whether the sizes and times of the files on this file system are right. Most others are right as
    /// well, but a program that runs in user space may report anything.
    pub fn reports_truly(&self, number: u64) -> bool {
        matches!(self.class(number), Some(Class::Local | Class::Stacked))
    }

    /// Whether the times of this file system may come from another clock than that of this machine, such as that
    /// of a file server.
    pub fn has_own_clock(&self, number: u64) -> bool {
        if number == self.root.number {
            return self.root.has_own_clock;
        }
        let others = self.others();
        let known = others.iter().find(|device| device.number == number);
        known.is_none_or(|device| device.has_own_clock)
    }

    fn class(&self, number: u64) -> Option<Class> {
        if number == self.root.number {
            return Some(self.root.class);
        }
        let others = self.others();
        let known = others.iter().find(|device| device.number == number);
        known.map(|device| device.class)
    }

    /// Learns what a file system is, from an open file on it. This may wait for the disk.
    pub fn learn(&self, number: u64, mount: Mount, file: BorrowedFd<'_>) {
        if number == self.root.number {
            return;
        }
        let now = self.start.elapsed();
        let is_same = |device: &Device| (device.number, device.mount) == (number, mount);
        let is_known = |device: &Device| device.number == number && device.is_current(mount, now);
        if self.others().iter().any(is_known) {
            return;
        }
        let device = Device::new(number, mount, class_of(file), now);
        let mut others = self.others();
        // A file system may be mounted at several places. Another class shows that the number was used
        // again.
        others.retain(|one| !is_same(one) && (one.number != number || one.class == device.class));
        if others.len() == MOST {
            others.remove(0);
        }
        others.push(device);
    }

    /// Does something that may wait for the disk, because the kernel cannot be asked. If it takes long,
    /// the file system counts as slow.
    pub fn measured<T>(&self, number: u64, work: impl FnOnce() -> T) -> T {
        let (outcome, took) = timed(work);
        if took > SLOW {
            let until = self.start.elapsed() + STAYS_SLOW;
            let until = u64::try_from(until.as_millis()).unwrap_or(u64::MAX);
            if number == self.root.number {
                self.root.slow_until.store(until, Ordering::Relaxed);
            }
            for one in self.others().iter().filter(|one| one.number == number) {
                one.slow_until.store(until, Ordering::Relaxed);
            }
        }
        outcome
    }

    /// The number of the root's file system.
    pub fn root(&self) -> u64 {
        self.root.number
    }

    fn others(&self) -> MutexGuard<'_, Vec<Device>> {
        lock(&self.others)
    }
}

impl Device {
    fn new(number: u64, mount: Mount, class: Class, learned: Duration) -> Device {
        Device {
            number,
            mount,
            class,
            has_own_clock: class == Class::Remote,
            learned,
            slow_until: AtomicU64::new(0),
        }
    }

    /// Whether this is what a path leads to that leads to `mount`.
    fn is_current(&self, mount: Mount, now: Duration) -> bool {
        self.mount == mount && (mount.is_some() || now < self.learned + STAYS_KNOWN)
    }

    fn is_quick(&self, start: Instant) -> bool {
        self.class != Class::Remote
            && match self.slow_until.load(Ordering::Relaxed) {
                0 => true,
                until => start.elapsed() > Duration::from_millis(until),
            }
    }
}

/// Does something, and says how long it took.
pub(super) fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let began = now();
    let outcome = work();
    (outcome, began.elapsed())
}

#[expect(
    clippy::disallowed_methods,
    reason = "it measures how long a disk takes, which no time of the turn shows"
)]
fn now() -> Instant {
    Instant::now()
}

/// What the file system of an open file says about waiting. If it is not known, it is assumed to be
/// remote.
#[cfg(target_os = "linux")]
fn class_of(file: BorrowedFd<'_>) -> Class {
    // The field has 32 bits on some machines and is signed on others.
    #[allow(clippy::unnecessary_cast)]
    let kind = rustix::fs::fstatfs(file).map(|stat| stat.f_type as u64 & 0xffff_ffff);
    match kind {
        Ok(kind) if LOCAL.contains(&kind) => Class::Local,
        Ok(kind) if STACKED.contains(&kind) => Class::Stacked,
        Ok(kind) if GENERATED.contains(&kind) => Class::Generated,
        _ => Class::Remote,
    }
}

/// Other systems cannot be asked what they have in memory. There, every file system is measured.
#[cfg(not(target_os = "linux"))]
fn class_of(_: BorrowedFd<'_>) -> Class {
    Class::Local
}

/// The values of `f_type` for local file systems (statfs(2)).
#[cfg(target_os = "linux")]
const LOCAL: [u64; 20] = [
    0xef53,      // ext2, ext3, ext4
    0x5846_5342, // XFS
    0x9123_683e, // Btrfs
    0x0102_1994, // tmpfs
    0x8584_58f6, // ramfs
    0xf2f5_2010, // F2FS
    0x2fc1_2fc1, // ZFS
    0xca45_1a4e, // bcachefs
    0x7371_7368, // Squashfs
    0xe0f5_e1e2, // EROFS
    0x9660,      // ISO 9660
    0x1501_3346, // UDF
    0x4d44,      // FAT
    0x2011_bab0, // exFAT
    0x7366_746e, // NTFS
    0x4244,      // HFS
    0x482b,      // HFS+
    0x3153_464a, // JFS
    0x5265_4973, // ReiserFS
    0x3434,      // NILFS
];

/// The values of `f_type` for file systems that show the state of the kernel.
#[cfg(target_os = "linux")]
const GENERATED: [u64; 2] = [
    0x9fa0,      // proc
    0x6265_6572, // sysfs
];

/// The values of `f_type` for stacked file systems.
#[cfg(target_os = "linux")]
const STACKED: [u64; 2] = [
    0x794c_7630, // overlayfs
    0xf15f,      // eCryptfs
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;

    fn devices(folder: &tempfile::TempDir) -> Devices {
        let directory = std::fs::File::open(folder.path()).expect("a folder");
        Devices::new(1, directory.as_fd())
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_kernel_generates_files_in_proc() {
        let folder = tempfile::tempdir().expect("a folder");
        let devices = devices(&folder);
        let proc = std::fs::File::open("/proc").expect("a folder");
        devices.learn(2, Some(7), proc.as_fd());
        assert!(devices.generates_files(2) && !devices.reports_truly(2));
        assert!(devices.is_quick(2) && devices.lists_quickly(2));
        assert!(!devices.generates_files(1) && devices.reports_truly(1));
        assert!(!devices.generates_files(3) && !devices.reports_truly(3));
    }

    #[test]
    fn an_unknown_file_system_is_not_quick() {
        let folder = tempfile::tempdir().expect("a folder");
        let devices = devices(&folder);
        assert!(devices.is_quick(1) && !devices.is_quick(2));
        let directory = std::fs::File::open(folder.path()).expect("a folder");
        devices.learn(2, Some(7), directory.as_fd());
        assert!(devices.is_quick(2));
    }

    #[test]
    fn a_device_number_that_is_used_again_is_another_file_system() {
        let folder = tempfile::tempdir().expect("a folder");
        let devices = devices(&folder);
        let directory = std::fs::File::open(folder.path()).expect("a folder");
        let remote = || Device::new(2, Some(8), Class::Remote, Duration::ZERO);
        devices.learn(2, Some(7), directory.as_fd());
        assert!(devices.is_mount_quick(2, Some(7)));
        assert!(!devices.is_mount_quick(2, Some(8)) && !devices.is_mount_quick(2, None));
        // A second place of the same file system.
        devices.learn(2, Some(9), directory.as_fd());
        assert!(devices.is_mount_quick(2, Some(7)) && devices.is_mount_quick(2, Some(9)));
        *devices.others() = vec![remote()];
        devices.learn(2, Some(9), directory.as_fd());
        assert!(devices.is_quick(2) && devices.others().len() == 1);
    }

    #[test]
    fn without_numbers_of_mounts_a_file_system_is_forgotten_soon() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut devices = devices(&folder);
        let directory = std::fs::File::open(folder.path()).expect("a folder");
        devices.learn(2, None, directory.as_fd());
        assert!(devices.is_mount_quick(2, None));
        devices.start -= 2 * STAYS_KNOWN;
        assert!(!devices.is_mount_quick(2, None));
        devices.learn(2, None, directory.as_fd());
        assert!(devices.is_mount_quick(2, None) && devices.others().len() == 1);
    }

    #[test]
    fn no_more_file_systems_are_known_than_a_site_has() {
        let folder = tempfile::tempdir().expect("a folder");
        let devices = devices(&folder);
        let directory = std::fs::File::open(folder.path()).expect("a folder");
        for number in 2..=2 * MOST as u64 {
            devices.learn(number, Some(7), directory.as_fd());
        }
        assert_eq!(devices.others().len(), MOST);
        assert!(devices.is_quick(2 * MOST as u64) && !devices.is_quick(2));
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a slow disk sleeps")]
    fn a_file_system_that_was_slow_counts_as_slow() {
        let folder = tempfile::tempdir().expect("a folder");
        let devices = devices(&folder);
        devices.measured(1, || ());
        assert!(devices.is_quick(1));
        devices.measured(1, || std::thread::sleep(2 * SLOW));
        assert!(!devices.is_quick(1));
    }
}
