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
//! Invariant: after [`Log::shutdown`], each line was written, or the log or a notice to the operator has
//! said that it was dropped.

use std::io::{self, PipeWriter};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};

use super::metrics::Counters;
use super::notice;
use super::options::{LogFormat, LogOptions};
use handle::{Batch, Channels};
use output::Output;
use writer::{Report, Tally, Writer};

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
        Log::start_with(options, Output::of(sink), standard_error(), counters)
    }

    /// A log that writes to the standard output. If nobody reads it, only the log waits.
    pub fn to_standard_output(options: LogOptions, counters: Arc<Counters>) -> io::Result<Log> {
        if options.format == LogFormat::Off {
            return Ok(Log::off());
        }
        Log::start_with(options, Output::standard()?, standard_error(), counters)
    }

    /// How many descriptors a log to the standard output needs: a copy of its descriptor, and the two
    /// ends of a pipe.
    pub fn descriptors(format: LogFormat) -> usize {
        match format {
            LogFormat::Off => 0,
            _ => 3,
        }
    }

    /// A log that is off.
    pub fn off() -> Log {
        Log {
            options: LogOptions::OFF,
            counters: Arc::default(),
            report: standard_error(),
            writer: None,
        }
    }

    /// A handle for one worker.
    pub fn handle(&self) -> LogHandle {
        LogHandle {
            options: self.options.clone(),
            counters: Arc::clone(&self.counters),
            channels: self.writer.as_ref().map(|writer| writer.channels.clone()),
            batch: Batch::default(),
        }
    }

    /// Writes the lines that were handed over and ends the thread. A blocked output delays this for
    /// hardly longer than `timeout`. Lines that were dropped and that the log itself does not report
    /// are reported on the standard error. The workers drop their handles first.
    pub fn shutdown(self, timeout: Duration) -> LogEnd {
        let Some(writer) = self.writer else {
            return LogEnd::Finished;
        };
        let (lost, tally) = writer.end(timeout);
        let dropped = &self.counters.log_lines_dropped;
        dropped.add(lost);
        let unreported = dropped.value() - tally.reported.value();
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
            log.writer = Some(WriterThread::start(&log, output)?);
        }
        Ok(log)
    }
}

fn standard_error() -> Report {
    Arc::new(|text| notice::tell(&[text]))
}

/// What other threads hold of the writer's thread.
struct WriterThread {
    channels: Channels,
    /// The other end of the queue, for what the writer leaves there.
    queue: Receiver<Batch>,
    tally: Arc<Tally>,
    /// Dropping it ends the thread when the queue is empty, even if workers still have handles.
    stop: Sender<()>,
    /// Dropping it ends the thread at once, unless a write is blocked.
    cancel: PipeWriter,
    /// Closes when the thread ends.
    done: Receiver<()>,
    thread: JoinHandle<()>,
}

impl WriterThread {
    fn start(log: &Log, output: Output) -> io::Result<WriterThread> {
        let (sender, queue) = unbounded();
        let (emptied, spare) = bounded(Batch::SPARE);
        let (stop, stopped) = bounded(0);
        let (ending, done) = bounded(0);
        let (cancelled, cancel) = io::pipe()?;
        let tally = Arc::<Tally>::default();
        let writer = Writer {
            format: log.options.format,
            output,
            cancel: cancelled,
            report: Arc::clone(&log.report),
            counters: Arc::clone(&log.counters),
            tally: Arc::clone(&tally),
            failing: None,
            queue: queue.clone(),
            spare: emptied,
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
            queue,
            tally,
            stop,
            cancel,
            done,
            thread,
        })
    }

    /// Ends the thread. Returns how many lines it has left unwritten, and what it has done.
    fn end(self, timeout: Duration) -> (u64, Arc<Tally>) {
        drop(self.stop);
        let mut has_ended = is_closed(&self.done, timeout);
        if !has_ended {
            drop(self.cancel);
            has_ended = is_closed(&self.done, CANCEL_TIMEOUT);
        }
        if has_ended {
            // An error means that the thread panicked. What it had in hand is in the tally.
            let _ = self.thread.join();
        }
        let queued: u64 = self.queue.try_iter().map(|batch| batch.lines).sum();
        (queued + self.tally.in_hand.value(), self.tally)
    }
}

/// Waits until a channel without messages is closed.
fn is_closed(channel: &Receiver<()>, timeout: Duration) -> bool {
    channel
        .recv_timeout(timeout)
        .is_err_and(|error| error.is_disconnected())
}
