//! Prints on the standard error for the operator. Invariant: no function waits for its reader, except
//! [`flush`], which waits for a limited time.
//!
//! ```text
//! print, tell, a panic --text--> queue --> the thread "notice": write
//! print_now ------------------------------------------------> write, if there is room
//! ```
//!
//! A pipe that nobody reads, or a terminal that is stopped, blocks a write. The thread waits for it, so
//! the server serves and obeys signals meanwhile.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::fmt::Display;
use std::io;
use std::panic;
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

/// Texts that wait for the reader of the standard error. Notices are rare, so it is full only if nobody
/// reads. Then more texts are lost.
const QUEUED: usize = 64;

/// The queue of the thread. `None`: the thread could not be started.
static QUEUE: OnceLock<Option<Sender<Task>>> = OnceLock::new();

enum Task {
    /// Print this.
    Print(String),
    /// Drop this when everything before it was printed.
    Report(Sender<()>),
}

/// Prints a text. The texts appear in the order of the calls.
pub fn print(text: String) {
    match QUEUE.get_or_init(start) {
        // If the queue is full, the text is lost.
        Some(queue) => queue.try_send(Task::Print(text)).unwrap_or_default(),
        None => print_now(&text),
    }
}

/// Prints each notice on a line of its own.
pub fn tell(notices: &[impl Display]) {
    let lines = notices.iter().map(|notice| format!("docroot: {notice}\n"));
    print(lines.collect());
}

/// Makes panics print their message in the same way. A worker goes on after a panic, so it must not wait
/// for a reader either.
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

/// How long to wait at exit until the standard error has taken what was said.
pub const FLUSH_TIMEOUT: Duration = Duration::from_millis(500);

/// Waits until everything was printed, but not for much longer than `timeout`.
pub fn flush(timeout: Duration) {
    let Some(Some(queue)) = QUEUE.get() else {
        return;
    };
    let (unprinted, printed) = bounded(0);
    if queue.send_timeout(Task::Report(unprinted), timeout).is_ok() {
        // Nothing is ever sent. An error means that everything was printed, or that time has run out.
        let _ = printed.recv_timeout(timeout);
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

fn start() -> Option<Sender<Task>> {
    let (queue, tasks) = bounded(QUEUED);
    let thread = thread::Builder::new().name("notice".into());
    thread.spawn(move || run(&tasks)).is_ok().then_some(queue)
}

fn run(tasks: &Receiver<Task>) {
    for task in tasks {
        match task {
            Task::Print(text) => write(text.as_bytes()),
            Task::Report(unprinted) => drop(unprinted),
        }
    }
}

/// Writes the whole text. If this fails, there is no other place to report it.
fn write(text: &[u8]) {
    let stderr = io::stderr();
    let mut rest = text;
    while !rest.is_empty() {
        match rustix::io::write(&stderr, rest) {
            Ok(taken @ 1..) => rest = &rest[taken..],
            Err(Errno::INTR) => {}
            // Another program has made the stream non-blocking.
            Err(Errno::AGAIN) => {
                let mut watched = [PollFd::new(&stderr, PollFlags::OUT)];
                // An error means that the next write is tried at once.
                let _ = poll(&mut watched, None);
            }
            Ok(_) | Err(_) => return,
        }
    }
}
