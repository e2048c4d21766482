//! A worker's end of the log: lines are collected in batches, and batches are queued.

use std::mem;
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, TrySendError};

use crate::observe::access_log::{LogOptions, write_line, write_tls_failure};
use crate::observe::event::{ExchangeRecord, TlsFailure};
use crate::observe::metrics::Counters;

/// One worker's handle to the log. Invariant: no call blocks.
#[derive(Debug)]
pub struct LogHandle {
    pub(super) options: LogOptions,
    pub(super) counters: Arc<Counters>,
    pub(super) channels: Option<Channels>,
    pub(super) batch: Batch,
}

impl LogHandle {
    /// Whether the log is on. If not, no [`ExchangeRecord`] needs to be made.
    pub fn is_enabled(&self) -> bool {
        self.channels.is_some()
    }

    /// Adds a line about an exchange to the batch.
    pub fn record(&mut self, exchange: &ExchangeRecord) {
        self.add(|bytes, options| write_line(bytes, options, exchange));
    }

    /// Adds a line about a TLS session that failed to the batch.
    pub fn record_tls_failure(&mut self, failed: &TlsFailure) {
        self.add(|bytes, options| write_tls_failure(bytes, options, failed));
    }

    fn add(&mut self, write: impl FnOnce(&mut Vec<u8>, LogOptions)) {
        if !self.is_enabled() {
            return;
        }
        if self.batch.is_full() {
            self.flush();
        }
        if self.batch.is_full() {
            return self.counters.log_lines_dropped.add(1);
        }
        write(&mut self.batch.bytes, self.options);
        self.batch.lines += 1;
    }

    /// Sends the batch to the writer, if the queue has room. A worker calls this at the end of each
    /// turn. Dropping the handle calls it too.
    pub fn flush(&mut self) {
        let Some(channels) = &self.channels else {
            return;
        };
        if self.batch.lines == 0 {
            return;
        }
        match channels.queue.try_send(mem::take(&mut self.batch)) {
            Ok(()) => self.batch.bytes = channels.spare.try_recv().unwrap_or_default(),
            Err(TrySendError::Full(batch)) => self.batch = batch,
            Err(TrySendError::Disconnected(batch)) => {
                self.counters.log_lines_dropped.add(batch.lines);
            }
        }
    }
}

impl Drop for LogHandle {
    fn drop(&mut self) {
        self.flush();
        self.counters.log_lines_dropped.add(self.batch.lines);
    }
}

/// Lines on their way from a worker to the writer.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) bytes: Vec<u8>,
    pub(super) lines: u64,
}

impl Batch {
    /// 64 KiB, about 400 lines: enough for a busy turn of a worker.
    const LIMIT: usize = 64 << 10;
    /// Batches that wait for the writer. Full, they hold 4 MiB, about the lines of one second.
    pub(super) const QUEUED: usize = 64;
    /// Empty buffers kept for reuse. It is rare that more workers than this need one at once.
    pub(super) const SPARE: usize = 8;

    fn is_full(&self) -> bool {
        self.bytes.len() >= Batch::LIMIT
    }
}

/// A worker's ends of the two channels.
#[derive(Clone, Debug)]
pub(super) struct Channels {
    pub(super) queue: Sender<Batch>,
    pub(super) spare: Receiver<Vec<u8>>,
}
