//! The thread that writes the log, so no worker waits for a disk.
//!
//! ```text
//! worker: record, record, flush --batch--> queue --> writer: write to the sink
//!           ^------------- emptied buffers ------------'
//! ```
//!
//! Both channels are bounded, and no worker blocks on them. If the queue is full, a worker keeps
//! its batch and tries again in its next turn. If the batch is full too, lines are dropped and
//! counted. When the log can be written again, a line says how many were dropped.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};

use super::access_log::{LogFormat, LogOptions};
use super::metrics::Counters;
use handle::{Batch, Channels};
use writer::Writer;

pub use handle::LogHandle;
pub use sink::{Sink, standard_output};

// A worker's end: lines, batches, the queue.
mod handle;
// Where the lines are written.
mod sink;
// What the writer's thread does.
mod writer;

#[cfg(test)]
mod tests;

/// The access log of a server. [`Log::shutdown`] ends it.
#[derive(Debug)]
pub struct Log {
    options: LogOptions,
    counters: Arc<Counters>,
    writer: Option<WriterThread>,
}

/// How a log ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogEnd {
    /// Every line that the workers handed over was written, or counted as dropped.
    Finished,
    /// The sink was blocked. Lines that it did not take are lost.
    Abandoned,
}

impl Log {
    /// A log that writes to `sink` from a thread of its own. If it is off, it starts no thread.
    /// Dropped lines are counted in `counters`.
    pub fn start(options: LogOptions, sink: Sink, counters: Arc<Counters>) -> io::Result<Log> {
        Log::start_with(options, sink, Box::new(io::stderr()), counters)
    }

    /// A log that is off.
    pub fn off() -> Log {
        Log {
            options: LogOptions::OFF,
            counters: Arc::default(),
            writer: None,
        }
    }

    /// A handle for one worker.
    pub fn handle(&self) -> LogHandle {
        LogHandle {
            options: self.options,
            counters: Arc::clone(&self.counters),
            channels: self.writer.as_ref().map(|writer| writer.channels.clone()),
            batch: Batch::default(),
        }
    }

    /// Writes the lines that were handed over and ends the thread. It waits at most `timeout`, so a
    /// blocked sink does not keep the process from exiting. The workers drop their handles first.
    pub fn shutdown(self, timeout: Duration) -> LogEnd {
        let Some(WriterThread {
            stop, done, thread, ..
        }) = self.writer
        else {
            return LogEnd::Finished;
        };
        drop(stop);
        // The thread sends nothing. The channel closes when the thread ends.
        match done.recv_timeout(timeout) {
            Err(error) if error.is_timeout() => LogEnd::Abandoned,
            _ => {
                thread.join().unwrap_or_default();
                LogEnd::Finished
            }
        }
    }

    fn start_with(
        options: LogOptions,
        sink: Sink,
        error_output: Sink,
        counters: Arc<Counters>,
    ) -> io::Result<Log> {
        let mut log = Log {
            options,
            counters,
            writer: None,
        };
        if options.format != LogFormat::Off {
            let writer = |queue, spare| Writer {
                format: options.format,
                sink,
                is_mid_line: false,
                error_output,
                counters: Arc::clone(&log.counters),
                reported: 0,
                failing: None,
                queue,
                spare,
            };
            log.writer = Some(WriterThread::start(writer)?);
        }
        Ok(log)
    }
}

/// What other threads hold of the writer's thread.
#[derive(Debug)]
struct WriterThread {
    channels: Channels,
    /// Dropping it ends the thread, even if workers still have handles.
    stop: Sender<()>,
    /// Closes when the thread ends.
    done: Receiver<()>,
    thread: JoinHandle<()>,
}

impl WriterThread {
    fn start(
        writer: impl FnOnce(Receiver<Batch>, Sender<Vec<u8>>) -> Writer,
    ) -> io::Result<WriterThread> {
        let (queue, batches) = bounded(Batch::QUEUED);
        let (emptied, spare) = bounded(Batch::SPARE);
        let (stop, stopped) = bounded(0);
        let (ending, done) = bounded(0);
        let writer = writer(batches, emptied);
        let thread = thread::Builder::new().name("log".into()).spawn(move || {
            let _ending: Sender<()> = ending;
            writer.run(&stopped);
        })?;
        Ok(WriterThread {
            channels: Channels { queue, spare },
            stop,
            done,
            thread,
        })
    }
}
