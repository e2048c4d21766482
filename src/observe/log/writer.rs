//! What the writer's thread does: it writes batches to the sink, and counts what it could not write.

use std::io::Write;
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, select};

use super::handle::Batch;
use super::sink::{Sink, WriteError, write_whole};
use crate::observe::access_log::{LogFormat, write_dropped};
use crate::observe::metrics::Counters;

/// What the writer's thread owns.
pub(super) struct Writer {
    pub(super) format: LogFormat,
    pub(super) sink: Sink,
    /// Whether the sink took the beginning of a line but not its end.
    pub(super) is_mid_line: bool,
    /// Where failures of the sink are reported.
    pub(super) error_output: Sink,
    pub(super) counters: Arc<Counters>,
    /// How many dropped lines the log has reported.
    pub(super) reported: u64,
    /// How many lines were dropped since the sink began to fail; `None` while it works.
    pub(super) failing: Option<u64>,
    pub(super) queue: Receiver<Batch>,
    pub(super) spare: Sender<Vec<u8>>,
}

impl Writer {
    pub(super) fn run(mut self, stopped: &Receiver<()>) {
        loop {
            select! {
                recv(self.queue) -> batch => match batch {
                    Ok(batch) => self.write(batch),
                    Err(_) => break,
                },
                recv(stopped) -> _ => break,
            }
        }
        while let Ok(batch) = self.queue.try_recv() {
            self.write(batch);
        }
        self.report_dropped();
    }

    fn write(&mut self, batch: Batch) {
        match self.put(&batch.bytes) {
            Ok(()) => self.sink_works(),
            Err(error) => self.sink_fails(&batch, &error),
        }
        self.report_dropped();
        let Batch { mut bytes, .. } = batch;
        bytes.clear();
        // If there are enough spare buffers, this one is freed.
        self.spare.try_send(bytes).unwrap_or_default();
    }

    /// Writes to the log how many lines were dropped since its last report.
    fn report_dropped(&mut self) {
        let dropped = self.counters.log_lines_dropped.value();
        if dropped == self.reported || self.failing.is_some() {
            return;
        }
        let mut line = Vec::new();
        write_dropped(&mut line, self.format, dropped - self.reported);
        match self.put(&line) {
            Ok(()) => self.reported = dropped,
            Err(error) => self.sink_fails(&Batch::default(), &error),
        }
    }

    /// Writes all of `bytes`. If the last write stopped in the middle of a line, ends that line first.
    fn put(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        if self.is_mid_line {
            write_whole(&mut self.sink, b"\n")?;
            self.is_mid_line = false;
        }
        let outcome = write_whole(&mut self.sink, bytes);
        if let Err(error) = &outcome {
            let taken = bytes.get(..error.written).unwrap_or_default();
            self.is_mid_line = taken.last().is_some_and(|&byte| byte != b'\n');
        }
        outcome
    }

    fn sink_fails(&mut self, batch: &Batch, error: &WriteError) {
        let taken = batch.bytes.iter().take(error.written);
        let written = taken.filter(|&&byte| byte == b'\n').count() as u64;
        let dropped = batch.lines.saturating_sub(written);
        self.counters.log_lines_dropped.add(dropped);
        if self.failing.is_none() {
            let cause = &error.cause;
            self.report(format_args!(
                "the access log cannot be written: {cause}; docroot drops its lines until it can"
            ));
        }
        self.failing = Some(self.failing.unwrap_or(0) + dropped);
    }

    fn sink_works(&mut self) {
        if let Some(dropped) = self.failing.take() {
            self.report(format_args!(
                "the access log is written again; {dropped} lines were dropped"
            ));
        }
    }

    fn report(&mut self, text: std::fmt::Arguments) {
        // If this fails too, there is no place left to report it.
        writeln!(self.error_output, "docroot: {text}").unwrap_or_default();
    }
}
