//! `docroot compress`: writes the sidecars that `docroot --precompressed` sends.
//!
//! ```text
//! walk --tasks--> workers --events--> report: progress, faults, summary
//!   \-----------------events--------/
//! ```
//!
//! Invariant: nothing outside the folder is read or written. No link is followed, and every call names a
//! file in an open folder.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded, never, select, tick, unbounded};

use fault::Fault;
use report::Report;
use stop::Stop;
use task::{Event, Task};
use walk::Walk;

// Removes sidecars that are of no use.
mod clean;
// Bytes to coded bytes.
mod encode;
// What went wrong.
pub mod fault;
// Opens folders and files without following links.
mod folder;
// What was done.
pub mod report;
// Writes one sidecar.
mod sidecar;
// Ends the work early.
pub mod stop;
// What is to be done, and what came of it.
mod task;
// Goes through the folders.
mod walk;

/// What to compress, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The folder.
    pub root: PathBuf,
    /// Whether to remove sidecars that are of no use.
    pub clean: bool,
    /// Whether names that begin with a dot count.
    pub hidden: bool,
    /// How many files are compressed at a time; at least one.
    pub workers: usize,
}

/// How many tasks may wait. The walk is ahead of the workers, so that the progress shows how many there are.
const QUEUED: usize = 1 << 16;

/// How often the progress is shown.
const PROGRESS: Duration = Duration::from_millis(100);

/// Writes the sidecars. `show` receives a report of the progress ten times a second, if it is wanted, and
/// `tell` each fault. If `stop` is set, the work ends early, and half-written files are removed.
pub fn run(
    options: &Options,
    stop: &Stop,
    show: Option<&mut dyn FnMut(&Report)>,
    tell: &mut dyn FnMut(&Fault),
) -> Result<Report, Fault> {
    let root = folder::open_root(&options.root)
        .map_err(|fault| Fault::Root(options.root.clone(), fault))?;
    let (tasks, todo) = bounded(QUEUED);
    let (events, done) = unbounded();
    let report = thread::scope(|scope| {
        let walk = Walk {
            root: root.as_fd(),
            clean: options.clean,
            hidden: options.hidden,
            stop,
            tasks,
            events: events.clone(),
        };
        for number in 0..options.workers.max(1) {
            let (todo, events, root) = (todo.clone(), events.clone(), root.as_fd());
            let work = move || work(root, options, stop, &todo, &events);
            match named("compress").spawn_scoped(scope, work) {
                Ok(_) => {}
                // A few threads do the same work, and take longer.
                Err(_) if number > 0 => break,
                Err(fault) => return Err(no_thread(fault)),
            }
        }
        let walk = move || walk.run();
        // If it fails, the sender of the tasks is dropped, so the other threads end.
        let walking = named("walk").spawn_scoped(scope, walk);
        walking.map_err(no_thread)?;
        drop((todo, events));
        Ok(collect(&done, show, tell))
    })?;
    match stop.is_set() {
        true => Err(Fault::Stopped(report.written())),
        false => Ok(report),
    }
}

fn named(name: &str) -> thread::Builder {
    thread::Builder::new().name(name.into())
}

fn no_thread(fault: io::Error) -> Fault {
    Fault::System("a thread", fault)
}

/// Does tasks until there are no more.
fn work(
    root: BorrowedFd<'_>,
    options: &Options,
    stop: &Stop,
    todo: &Receiver<Task>,
    events: &Sender<Event>,
) {
    let mut way = folder::Way::from(root);
    for task in todo {
        if stop.is_set() {
            return;
        }
        let event = match sidecar::write(&mut way, &task, options.clean, stop) {
            Ok(outcome) => Event::Did(task.coding, outcome),
            // It was given up.
            Err(_) if stop.is_set() => return,
            Err(fault) => Event::Failed(Fault::File(task.path(), fault)),
        };
        // Nobody listens any more only after a panic.
        let _ = events.send(event);
    }
}

/// Collects the events until the last sender is gone.
fn collect(
    events: &Receiver<Event>,
    mut show: Option<&mut dyn FnMut(&Report)>,
    tell: &mut dyn FnMut(&Fault),
) -> Report {
    let mut report = Report::default();
    let ticks = match show {
        Some(_) => tick(PROGRESS),
        None => never(),
    };
    loop {
        select! {
            recv(events) -> event => match event {
                Ok(event) => {
                    report.note(&event);
                    if let Event::Failed(fault) = event {
                        tell(&fault);
                    }
                }
                Err(_) => return report,
            },
            recv(ticks) -> _ => if let Some(show) = &mut show {
                show(&report);
            },
        }
    }
}
