//! What the writer's thread does: it writes batches to the output, and counts what it cannot write.

use std::io::{self, PipeReader};
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, never, select};

use super::handle::Batch;
use super::output::{Output, WriteError};
use crate::observe::access_log::write_dropped;
use crate::observe::metrics::{Counter, Counters};
use crate::observe::options::LogFormat;

/// Prints one line for the operator. It must not block.
pub(super) type Report = Arc<dyn Fn(&str) + Send + Sync>;

/// What the writer's thread owns.
pub(super) struct Writer {
    pub(super) format: LogFormat,
    pub(super) output: Output,
    /// When the other end is closed, the writer stops at once.
    pub(super) cancel: PipeReader,
    /// Where failures of the output are reported.
    pub(super) report: Report,
    pub(super) counters: Arc<Counters>,
    pub(super) counts: Arc<LineCounts>,
    /// How many lines were dropped since the output began to fail; `None` while it works.
    pub(super) failing: Option<u64>,
    pub(super) queue: Receiver<Batch>,
    pub(super) spare: Sender<Vec<u8>>,
    /// Says that the file of the log may have been renamed.
    pub(super) reopen: Receiver<()>,
}

/// What the writer has done. Other threads read it after the writer has ended, or while it blocks.
#[derive(Debug, Default)]
pub(super) struct LineCounts {
    /// Lines that were taken from the queue, and not written or dropped yet.
    pub(super) in_hand: Counter,
    /// Dropped lines that the log has reported.
    pub(super) reported: Counter,
}

/// The writer was told to stop at once. What it has in hand is still counted.
struct Cancelled;

impl Writer {
    /// Writes until `stopped` is disconnected, and then what is left in the queue.
    pub(super) fn run(mut self, stopped: &Receiver<()>) {
        // An error means that the rest of the queue is left to the thread that waits for the end.
        self.write_all(stopped).unwrap_or_default();
    }

    fn write_all(&mut self, stopped: &Receiver<()>) -> Result<(), Cancelled> {
        loop {
            select! {
                recv(self.queue) -> batch => match batch {
                    Ok(batch) => self.write(batch)?,
                    Err(_) => break,
                },
                recv(self.reopen) -> asked => match asked {
                    Ok(()) => self.follow(true),
                    Err(_) => self.reopen = never(),
                },
                recv(stopped) -> _ => break,
            }
        }
        while let Ok(batch) = self.queue.try_recv() {
            self.write(batch)?;
        }
        self.report_dropped()
    }

    fn write(&mut self, batch: Batch) -> Result<(), Cancelled> {
        let Batch {
            mut bytes,
            lines,
            format,
            ..
        } = batch;
        self.follow(false);
        // The writer's own lines use the format of this batch.
        self.format = format.unwrap_or(self.format);
        let in_hand = &self.counts.in_hand;
        in_hand.add(lines);
        let count = |written| in_hand.subtract(written);
        match self.output.write(&bytes, &self.cancel, count) {
            Ok(()) => self.output_works(),
            Err(WriteError::Failed(error)) => self.output_fails(&error),
            Err(WriteError::Cancelled) => return Err(Cancelled),
        }
        bytes.clear();
        // If there are enough spare buffers, this one is freed.
        self.spare.try_send(bytes).unwrap_or_default();
        self.report_dropped()
    }

    /// Writes to the log how many lines were dropped since its last report.
    fn report_dropped(&mut self) -> Result<(), Cancelled> {
        let reported = &self.counts.reported;
        let news = self.counters.log_lines_dropped.value() - reported.value();
        if news == 0 || self.failing.is_some() {
            return Ok(());
        }
        let mut line = Vec::new();
        write_dropped(&mut line, self.format, news);
        match self.output.write(&line, &self.cancel, |_| {}) {
            Ok(()) => reported.add(news),
            Err(WriteError::Failed(error)) => self.output_fails(&error),
            Err(WriteError::Cancelled) => return Err(Cancelled),
        }
        Ok(())
    }

    /// Opens the file of the log again, if it was renamed or deleted.
    fn follow(&mut self, asked: bool) {
        if let Some(news) = self.output.follow(asked) {
            (self.report)(&news);
        }
    }

    /// Drops what is in hand.
    fn output_fails(&mut self, error: &io::Error) {
        let dropped = self.counts.in_hand.value();
        self.counters.log_lines_dropped.add(dropped);
        self.counts.in_hand.subtract(dropped);
        if self.failing.is_none() {
            (self.report)(&format!(
                "the access log cannot be written: {error}; docroot drops log lines until it can write them"
            ));
        }
        self.failing = Some(self.failing.unwrap_or(0) + dropped);
    }

    fn output_works(&mut self) {
        if let Some(dropped) = self.failing.take() {
            (self.report)(&format!(
                "the access log is written again; {dropped} lines were dropped"
            ));
        }
    }
}
