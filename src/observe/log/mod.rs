//! The thread that writes the log, so no worker waits for a disk.
//!
//! ```text
//! worker: record, record, flush --batch--> queue --> writer: write to the sink
//!           ^------------- emptied buffers ------------'
//! ```
//!
//! The queue is bounded by bytes, and no worker blocks on it. If the queue is full, a worker keeps
//! its batch and tries again in its next turn. If the batch is full too, lines are dropped and
//! counted. When the log can be written again, a line says how many were dropped.
//!
//! Invariant: after [`Log::shutdown`], each line that was recorded before it was written, or the log or a notice to
//! the operator has said that it was dropped. So the log takes the lines of workers that are stuck.

use std::io::{self, PipeWriter};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded, never, unbounded};

use super::log_file::LogFile;
use super::metrics::Counters;
use super::notice;
use super::options::{LogFormat, LogOptions};
use super::sampler::Sampler;
use crate::sync::lock;
use handle::{Batch, Channels, Collected};
use output::Output;
use writer::{LineCounts, Report, Writer};

pub use handle::LogHandle;
pub use output::Sink;

// A worker's end: lines, batches, the queue.
mod handle;
// Where the lines are written.
mod output;
// What the writer's thread does.
mod writer;

#[cfg(test)]
mod tests;

/// How long a writer that was told to stop at once may take. It ends when its current write ends,
/// unless that write is blocked.
const CANCEL_TIMEOUT: Duration = Duration::from_millis(100);

/// The access log of a server. [`Log::shutdown`] ends it.
pub struct Log {
    options: LogOptions,
    counters: Arc<Counters>,
    report: Report,
    writer: Option<WriterThread>,
}

/// Asks a log to look at once whether its file was renamed.
#[derive(Clone, Debug)]
pub struct Reopener(Sender<()>);

/// The other end of a [`Reopener`], for the log.
#[derive(Debug)]
pub struct Reopenings(Receiver<()>);

impl Reopener {
    /// Both ends. The log may start later.
    pub fn pair() -> (Reopener, Reopenings) {
        // A look that is still to come sees everything.
        let (asking, asked) = bounded(1);
        (Reopener(asking), Reopenings(asked))
    }

    /// Asks. Does not wait.
    pub fn ask(&self) {
        // If the channel is full, the log will look anyway. If it is disconnected, no file is open.
        let _ = self.0.try_send(());
    }
}

/// How a log ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogEnd {
    /// Every line that the workers handed over was written, or the output failed.
    Finished,
    /// The output was blocked. The lines that it did not take were counted as dropped.
    Abandoned,
}

impl Log {
    /// A log that writes to `sink` from a thread of its own. If it is off, it starts no thread.
    /// Dropped lines are counted in `counters`.
    pub fn start(options: LogOptions, sink: Sink, counters: Arc<Counters>) -> io::Result<Log> {
        Log::start_with(options, Output::of(sink), never(), to_operator(), counters)
    }

    /// A log that writes to the standard output. If nobody reads it, only the log waits.
    pub fn to_standard_output(options: LogOptions, counters: Arc<Counters>) -> io::Result<Log> {
        if options.format == LogFormat::Off {
            return Ok(Log::off());
        }
        Log::start_with(
            options,
            Output::standard()?,
            never(),
            to_operator(),
            counters,
        )
    }

    /// A log that is appended to a file. The file is opened again if it was renamed or deleted.
    pub fn to_file(
        options: LogOptions,
        file: LogFile,
        reopenings: Reopenings,
        counters: Arc<Counters>,
    ) -> io::Result<Log> {
        if options.format == LogFormat::Off {
            return Ok(Log::off());
        }
        let output = Output::named(file)?;
        Log::start_with(options, output, reopenings.0, to_operator(), counters)
    }

    /// How many descriptors a log needs: a file or a copy of the standard output, and the two ends of a pipe. While a
    /// file is opened again, the old one stays open.
    pub fn descriptors(options: &LogOptions) -> usize {
        match (options.format, &options.file) {
            (LogFormat::Off, _) => 0,
            (_, None) => 3,
            (_, Some(_)) => 4,
        }
    }

    /// A log that is off.
    pub fn off() -> Log {
        Log {
            options: LogOptions::OFF,
            counters: Arc::default(),
            report: to_operator(),
            writer: None,
        }
    }

    /// A handle for one worker.
    pub fn handle(&self) -> LogHandle {
        let collected = Collected::default();
        if let Some(writer) = &self.writer {
            writer.collected().push(collected.clone());
        }
        LogHandle {
            options: self.options.clone(),
            counters: Arc::clone(&self.counters),
            channels: self.writer.as_ref().map(|writer| writer.channels.clone()),
            collected,
            sampler: Sampler::new(self.options.one_in),
        }
    }

    /// Writes the lines that were recorded and ends the thread. A blocked output delays this for
    /// hardly longer than `timeout`. Lines that were dropped and that the log itself does not report
    /// are reported to the operator. The workers drop their handles first, unless they are stuck.
    pub fn shutdown(self, timeout: Duration) -> LogEnd {
        let Some(writer) = self.writer else {
            return LogEnd::Finished;
        };
        let (lost, counts) = writer.end(timeout);
        let dropped = &self.counters.log_lines_dropped;
        dropped.add(lost);
        let unreported = dropped.value() - counts.reported.value();
        if unreported > 0 {
            (self.report)(&format!("{unreported} log lines could not be written"));
        }
        match lost {
            0 => LogEnd::Finished,
            _ => LogEnd::Abandoned,
        }
    }

    fn start_with(
        options: LogOptions,
        output: Output,
        reopen: Receiver<()>,
        report: Report,
        counters: Arc<Counters>,
    ) -> io::Result<Log> {
        let mut log = Log {
            options,
            counters,
            report,
            writer: None,
        };
        if log.options.format != LogFormat::Off {
            log.writer = Some(WriterThread::start(&log, output, reopen)?);
        }
        Ok(log)
    }
}

fn to_operator() -> Report {
    Arc::new(|text| notice::tell(&[text]))
}

/// What other threads hold of the writer's thread.
struct WriterThread {
    channels: Channels,
    /// The lines of each worker.
    collected: Mutex<Vec<Collected>>,
    /// The other end of the queue, for what the writer leaves there.
    queue: Receiver<Batch>,
    counts: Arc<LineCounts>,
    /// Dropping it ends the thread when the queue is empty, even if workers still have handles.
    stop: Sender<()>,
    /// Dropping it ends the thread at once, unless a write is blocked.
    cancel: PipeWriter,
    /// Closes when the thread ends.
    done: Receiver<()>,
    thread: JoinHandle<()>,
}

impl WriterThread {
    fn start(log: &Log, output: Output, reopen: Receiver<()>) -> io::Result<WriterThread> {
        let (sender, queue) = unbounded();
        let (emptied, spare) = bounded(Batch::SPARE);
        let (stop, stopped) = bounded(0);
        let (ending, done) = bounded(0);
        let (cancelled, cancel) = io::pipe()?;
        let counts = Arc::<LineCounts>::default();
        let writer = Writer {
            format: log.options.format,
            output,
            cancel: cancelled,
            report: Arc::clone(&log.report),
            counters: Arc::clone(&log.counters),
            counts: Arc::clone(&counts),
            failing: None,
            queue: queue.clone(),
            spare: emptied,
            reopen,
        };
        let thread = thread::Builder::new().name("log".into()).spawn(move || {
            let _ending: Sender<()> = ending;
            writer.run(&stopped);
        })?;
        Ok(WriterThread {
            channels: Channels {
                queue: sender,
                spare,
                queued: Arc::default(),
            },
            collected: Mutex::default(),
            queue,
            counts,
            stop,
            cancel,
            done,
            thread,
        })
    }

    fn collected(&self) -> MutexGuard<'_, Vec<Collected>> {
        lock(&self.collected)
    }

    /// Ends the thread. Returns how many lines it has left unwritten, and what it has done.
    fn end(self, timeout: Duration) -> (u64, Arc<LineCounts>) {
        // Handles that were dropped have left nothing.
        for batch in self.collected().iter().filter_map(Collected::take) {
            // It cannot fail, because this end of the queue has a receiver.
            let _ = self.channels.queue.send(batch);
        }
        drop(self.stop);
        let mut has_ended = is_closed(&self.done, timeout);
        if !has_ended {
            drop(self.cancel);
            has_ended = is_closed(&self.done, CANCEL_TIMEOUT);
        }
        if has_ended {
            // An error means that the thread panicked. What it had in hand is still counted.
            let _ = self.thread.join();
        }
        let queued: u64 = self.queue.try_iter().map(|batch| batch.lines).sum();
        (queued + self.counts.in_hand.value(), self.counts)
    }
}

/// Waits until a channel without messages is closed.
fn is_closed(channel: &Receiver<()>, timeout: Duration) -> bool {
    channel
        .recv_timeout(timeout)
        .is_err_and(|error| error.is_disconnected())
}
