//! Prints for the operator: on the standard error, or in the error log if there is one. Invariant: no function
//! waits for its reader, except [`flush`], which waits for a limited time.
//!
//! ```text
//! print, tell, a panic --text--> queue --> the thread "notice": write; say how many texts were lost
//! show ------------------text--> queue --> the same, but always on the standard error
//! print_now ------------------------------------------------> write, if there is room
//! ```
//!
//! A pipe that nobody reads, or a terminal that is stopped, blocks a write. The thread waits for it, so
//! the server serves and obeys signals meanwhile.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::fmt::Display;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::panic;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, after, bounded, select};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FileType, fstat};
use rustix::io::Errno;

use super::log_file::LogFile;
use super::regular;
use crate::sync::lock;

/// How many texts may wait for the reader of the standard error. Notices are rare, so the queue is full
/// only if nobody reads. Then more texts are lost.
const QUEUED: usize = 64;

/// How a line begins that warns of something. Other lines only tell it.
pub const WARNING: &str = "warning: ";

/// The queue of the thread. `None`: the thread could not be started.
static QUEUE: OnceLock<Option<Queue>> = OnceLock::new();

struct Queue {
    tasks: Sender<Task>,
    /// Texts that found no room, and that the thread has not reported yet.
    lost: Arc<AtomicU64>,
}

/// The error log. Only the thread writes to it.
static ERROR_LOG: Mutex<Option<ErrorLog>> = Mutex::new(None);

/// Whether there is an error log. Who asks does not wait for the thread, which may wait for the reader of a pipe.
static HAS_ERROR_LOG: AtomicBool = AtomicBool::new(false);

/// Whether the file of the error log may have been renamed.
static MUST_LOOK: AtomicBool = AtomicBool::new(false);

struct ErrorLog {
    file: LogFile,
    /// The current time, for the beginning of a line.
    time: Box<dyn Fn() -> String + Send>,
}

/// Where a text goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// To the error log, or to the standard error if there is none.
    Operator,
    /// To the standard error.
    StandardError,
}

enum Task {
    /// Print this.
    Print(Place, String),
    /// Look whether the file of the error log was renamed.
    Look,
    /// Drop the sender when everything before this task was printed.
    Flush(Sender<()>),
}

/// From now on, notices are appended to this file, each line behind the `time`. If the file cannot be written, they
/// appear on the standard error.
pub fn use_error_log(file: LogFile, time: impl Fn() -> String + Send + 'static) {
    let time = Box::new(time);
    *error_log() = Some(ErrorLog { file, time });
    HAS_ERROR_LOG.store(true, Ordering::Release);
}

/// The file of the error log may have been renamed. If it was, it is opened again. Does not wait.
pub fn reopen() {
    MUST_LOOK.store(true, Ordering::Release);
    // If the queue is full, the next text finds the flag.
    if let Some(Some(queue)) = QUEUE.get() {
        let _ = queue.tasks.try_send(Task::Look);
    }
}

/// Prints a notice. The texts appear in the order of the calls.
pub fn print(text: String) {
    print_at(Place::Operator, text);
}

/// Prints a text for whoever has started docroot. It never goes to the error log.
pub fn show(text: String) {
    print_at(Place::StandardError, text);
}

fn print_at(place: Place, text: String) {
    match QUEUE.get_or_init(|| Queue::start(write)) {
        Some(queue) => queue.print(place, text),
        None => print_now(&text),
    }
}

/// Prints a short notice: in the error log if there is one, or else like [`print_now`].
pub fn print_soon(text: String) {
    match HAS_ERROR_LOG.load(Ordering::Acquire) {
        true => print(text),
        false => print_now(&text),
    }
}

/// Prints each notice on a line of its own.
pub fn tell(notices: &[impl Display]) {
    if notices.is_empty() {
        return;
    }
    let lines = notices.iter().map(|notice| format!("docroot: {notice}\n"));
    print(lines.collect());
}

/// Makes panics print through the queue. A worker goes on after a panic, so it must not wait for a reader
/// either.
pub fn print_panics() {
    panic::set_hook(Box::new(|panic| {
        let thread = thread::current();
        let name = thread.name().unwrap_or("without a name");
        let mut text = format!("docroot: this is a bug: the thread {name} {panic}\n");
        // It is captured only if the environment asks for it.
        let trace = Backtrace::capture();
        if trace.status() == BacktraceStatus::Captured {
            text += &trace.to_string();
        }
        print(text);
        // This thread is about to end the process.
        if name == "main" {
            flush(FLUSH_TIMEOUT);
        }
    }));
}

/// How long to wait at exit until the queue is printed.
pub const FLUSH_TIMEOUT: Duration = Duration::from_millis(500);

/// Waits until the queue is printed, but not longer than `timeout`.
pub fn flush(timeout: Duration) {
    if let Some(Some(queue)) = QUEUE.get() {
        queue.flush(timeout);
    }
}

/// Prints a short text at once, before the texts in the queue, if there is room for it. If nobody reads
/// the standard error, the text is lost.
pub fn print_now(text: &str) {
    let stderr = io::stderr();
    let mut watched = [PollFd::new(&stderr, PollFlags::OUT)];
    if poll(&mut watched, Some(&Timespec::default())) == Ok(1) {
        // This does not wait for a thread that prints, as a locked stream would.
        let _ = rustix::io::write(&stderr, text.as_bytes());
    }
}

impl Queue {
    /// Starts the thread. `write` may block.
    fn start(write: impl FnMut(Place, &[u8]) + Send + 'static) -> Option<Queue> {
        let (tasks, queued) = bounded(QUEUED);
        let lost = Arc::<AtomicU64>::default();
        let unreported = Arc::clone(&lost);
        let thread = thread::Builder::new().name("notice".into());
        let thread = thread.spawn(move || run(&queued, &unreported, write));
        thread.is_ok().then_some(Queue { tasks, lost })
    }

    fn print(&self, place: Place, text: String) {
        if self.tasks.try_send(Task::Print(place, text)).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn flush(&self, timeout: Duration) {
        let late = after(timeout);
        let (done, flushed) = bounded::<()>(0);
        select! {
            send(self.tasks, Task::Flush(done)) -> _ => {}
            recv(late) -> _ => return,
        }
        // Nothing is ever sent. An error means that the thread has dropped the sender.
        select! {
            recv(flushed) -> _ => {}
            recv(late) -> _ => {}
        }
    }
}

fn run(tasks: &Receiver<Task>, lost: &AtomicU64, mut write: impl FnMut(Place, &[u8])) {
    for task in tasks {
        let done = match task {
            Task::Print(place, text) => {
                write(place, text.as_bytes());
                None
            }
            Task::Look => {
                write(Place::Operator, b"");
                None
            }
            Task::Flush(done) => Some(done),
        };
        // The lost texts came after those that were in the queue.
        if done.is_some() || tasks.is_empty() {
            report_lost(lost, &mut write);
        }
    }
}

fn report_lost(lost: &AtomicU64, write: &mut impl FnMut(Place, &[u8])) {
    let count = lost.swap(0, Ordering::Relaxed);
    if count > 0 {
        let told =
            format!("docroot: {count} messages were lost because nobody read the standard error\n");
        write(Place::Operator, told.as_bytes());
    }
}

/// Writes the whole text. If the standard error cannot be written, there is no other place to report it.
fn write(place: Place, text: &[u8]) {
    let stderr = io::stderr();
    let stderr = stderr.as_fd();
    let mut guard = error_log();
    let Some(log) = guard.as_mut().filter(|_| place == Place::Operator) else {
        // The stream may wait for its reader.
        drop(guard);
        write_to(stderr, text);
        return;
    };
    if let Some(news) = log.look() {
        write_to(stderr, format!("docroot: {news}\n").as_bytes());
    }
    if !log.write(text) {
        write_to(stderr, text);
    }
}

fn error_log() -> MutexGuard<'static, Option<ErrorLog>> {
    lock(&ERROR_LOG)
}

impl ErrorLog {
    /// Opens the file again if it was renamed or deleted. Returns what the operator should know.
    fn look(&mut self) -> Option<String> {
        let asked = MUST_LOOK.swap(false, Ordering::AcqRel);
        self.file.look(asked).news
    }

    /// Writes lines. Returns whether the file has taken all of them.
    fn write(&self, lines: &[u8]) -> bool {
        let mut text = Vec::new();
        for line in lines.split_inclusive(|&byte| byte == b'\n') {
            text.extend_from_slice((self.time)().as_bytes());
            text.push(b' ');
            text.extend_from_slice(line);
        }
        write_to(self.file.file().as_fd(), &text)
    }
}

/// Writes the whole text, or as many lines as fit. Returns whether everything was taken.
fn write_to(stream: BorrowedFd<'_>, text: &[u8]) -> bool {
    let kind = fstat(stream).map(|stat| FileType::from_raw_mode(stat.st_mode));
    if kind == Ok(FileType::RegularFile) {
        return regular::write_lines(stream, text);
    }
    let mut rest = text;
    while !rest.is_empty() {
        match rustix::io::write(stream, rest) {
            Ok(taken @ 1..) => rest = &rest[taken..],
            Err(Errno::INTR) => {}
            // Another program has made the stream non-blocking.
            Err(Errno::AGAIN) => {
                let mut watched = [PollFd::new(&stream, PollFlags::OUT)];
                // An error means that the next write is tried at once.
                let _ = poll(&mut watched, None);
            }
            Ok(_) | Err(_) => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use crossbeam_channel::unbounded;

    use super::*;

    #[test]
    fn lost_texts_are_counted_and_reported_after_those_that_were_queued() {
        let (begun, has_begun) = bounded(0);
        let (allow, allowed) = bounded::<()>(0);
        let (printed, output) = unbounded();
        let write = move |_, text: &[u8]| {
            // Both fail when the test no longer blocks the writer.
            let _ = begun.send(());
            let _ = allowed.recv();
            printed.send(text.to_vec()).expect("the test reads");
        };
        let queue = Queue::start(write).expect("a thread");
        let print = |number: usize| queue.print(Place::Operator, format!("{number}\n"));
        print(0);
        has_begun.recv().expect("the writer begins to write");
        (1..=QUEUED + 3).for_each(print);
        // There is no room for this task, and the wait ends.
        queue.flush(Duration::from_millis(1));
        drop((allow, has_begun));
        queue.flush(Duration::from_secs(60));
        let texts = output.try_iter().collect::<Vec<_>>().concat();
        let mut want: String = (0..=QUEUED).map(|number| format!("{number}\n")).collect();
        want += "docroot: 3 messages were lost because nobody read the standard error\n";
        assert_eq!(String::from_utf8(texts).expect("ASCII"), want);
    }
}
