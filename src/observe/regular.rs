//! Whole lines in a regular file that other threads write to as well.
//!
//! The log and the notices may be in one file: `docroot >log 2>&1`. If the disk gets full in the middle of a
//! line, the beginning is taken back, so that the next line does not follow it.

use std::os::fd::BorrowedFd;
use std::sync::{Mutex, MutexGuard};

use rustix::fs::{SeekFrom, fstat, ftruncate, seek, tell};
use rustix::io::{Errno, write};

/// Held by whoever writes to a regular file, until it has taken back what is no whole line.
static WRITING: Mutex<()> = Mutex::new(());

/// Keeps the other threads of this process from writing to regular files.
pub(super) fn lock() -> MutexGuard<'static, ()> {
    crate::sync::lock(&WRITING)
}

/// The length of a file.
pub(super) fn length(file: BorrowedFd<'_>) -> Option<u64> {
    u64::try_from(fstat(file).ok()?.st_size).ok()
}

/// Writes whole lines. What does not fit is lost. Returns whether everything did.
pub(super) fn write_lines(file: BorrowedFd<'_>, lines: &[u8]) -> bool {
    let _locked = lock();
    let begin = length(file);
    let mut rest = lines;
    while !rest.is_empty() {
        match write(file, rest) {
            Ok(taken @ 1..) => rest = &rest[taken..],
            Err(Errno::INTR) => {}
            Ok(_) | Err(_) => break,
        }
    }
    let taken = &lines[..lines.len() - rest.len()];
    let whole = taken.iter().rposition(|&byte| byte == b'\n');
    let torn = taken.len() - whole.map_or(0, |end| end + 1);
    if let (Some(begin), 1..) = (begin, torn) {
        take_back(file, torn as u64, begin + taken.len() as u64);
    }
    rest.is_empty()
}

/// Removes the beginning of a line from the end of a file. Returns whether it is gone. If another program
/// has written to the file meanwhile, its length is not the one that is expected, and the beginning stays.
/// Only a write between the check and the cut would be lost. That is unlikely, because there is no room for
/// it.
pub(super) fn take_back(file: BorrowedFd<'_>, torn: u64, expected: u64) -> bool {
    // Without O_APPEND, the next write goes to this position. It is the end, unless a program has emptied
    // the file.
    if length(file) != Some(expected) || tell(file) != Ok(expected) {
        return false;
    }
    let begin = expected.saturating_sub(torn);
    ftruncate(file, begin).is_ok() && seek(file, SeekFrom::Start(begin)).is_ok()
}
