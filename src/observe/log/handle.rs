//! A worker's end of the log: lines are collected in batches, and batches are queued.

use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use crossbeam_channel::{Receiver, SendError, Sender};

use crate::observe::access_log::{write_line, write_tls_failure};
use crate::observe::event::{End, ExchangeRecord, TlsFailure, is_always_logged};
use crate::observe::metrics::Counters;
use crate::observe::options::{LogFormat, LogOptions};
use crate::observe::sampler::Sampler;
use crate::sync::lock;

/// One worker's handle to the log. Invariant: no call blocks.
#[derive(Debug)]
pub struct LogHandle {
    pub(super) options: LogOptions,
    pub(super) counters: Arc<Counters>,
    pub(super) channels: Option<Channels>,
    pub(super) collected: Collected,
    pub(super) sampler: Sampler,
}

impl LogHandle {
    /// Uses these options from the next line on. It cannot turn the log on or off.
    pub fn set_options(&mut self, options: &LogOptions) {
        if options.one_in != self.options.one_in {
            self.sampler = Sampler::new(options.one_in);
        }
        self.options = options.clone();
    }

    /// Whether the log is on. If not, no [`ExchangeRecord`] needs to be made.
    pub fn is_enabled(&self) -> bool {
        self.channels.is_some()
    }

    /// Whether an exchange that ends now is logged. Call this once for each, and [`LogHandle::record`] if so.
    pub fn takes(&mut self, status: Option<u16>, end: End) -> bool {
        self.is_enabled()
            && (is_always_logged(status, end)
                || !self.options.only_errors && self.sampler.takes_next())
    }

    /// Whether the log prints heads.
    pub fn wants_heads(&self) -> bool {
        self.is_enabled() && self.options.wants_heads()
    }

    /// Whether the log prints the steps of decisions.
    pub fn wants_steps(&self) -> bool {
        self.is_enabled() && self.options.wants_steps()
    }

    /// Adds the lines about an exchange to the batch. The writer does not separate them.
    pub fn record(&mut self, exchange: &ExchangeRecord) {
        self.add(|bytes, options| write_line(bytes, options, exchange));
    }

    /// Adds a line about a TLS session that failed to the batch.
    pub fn record_tls_failure(&mut self, failed: &TlsFailure) {
        self.add(|bytes, options| write_tls_failure(bytes, options, failed));
    }

    fn add(&mut self, write: impl FnOnce(&mut Vec<u8>, &LogOptions)) {
        if !self.is_enabled() {
            return;
        }
        let mut collected = self.collected.lock();
        self.send(&mut collected, Batch::is_full);
        let Some(batch) = collected.as_mut().filter(|batch| !batch.is_full()) else {
            return self.counters.log_lines_dropped.add(1);
        };
        let start = batch.bytes.len();
        write(&mut batch.bytes, &self.options);
        let added = batch.bytes.get(start..).unwrap_or_default();
        let lines = added.iter().filter(|&&byte| byte == b'\n').count();
        batch.lines += lines as u64;
        batch.format = Some(self.options.format);
    }

    /// Sends the batch to the writer, if the queue has room. A worker calls this at the end of each
    /// turn. Dropping the handle calls it too.
    pub fn flush(&mut self) {
        self.send(&mut self.collected.lock(), |batch| batch.lines > 0);
    }

    /// Sends the batch if it `is_due` and the queue has room.
    fn send(&self, collected: &mut Option<Batch>, is_due: impl Fn(&Batch) -> bool) {
        let (Some(channels), Some(batch)) = (&self.channels, collected.as_mut()) else {
            return;
        };
        if !is_due(batch) {
            return;
        }
        let Some(room) = channels.room_for(batch.bytes.len()) else {
            return;
        };
        batch.room = Some(room);
        match channels.queue.send(mem::take(batch)) {
            Ok(()) => batch.bytes = channels.spare.try_recv().unwrap_or_default(),
            Err(SendError(batch)) => self.counters.log_lines_dropped.add(batch.lines),
        }
    }
}

impl Drop for LogHandle {
    fn drop(&mut self) {
        self.flush();
        let left = self.collected.take().unwrap_or_default();
        self.counters.log_lines_dropped.add(left.lines);
    }
}

/// What a worker has collected. Only the worker uses it until the log ends, so its lock is free. A worker that is
/// stuck then cannot send its lines, so the log takes them.
#[derive(Clone, Debug)]
pub(super) struct Collected(Arc<Mutex<Option<Batch>>>);

impl Collected {
    /// Takes the lines. Those that come later are dropped.
    pub(super) fn take(&self) -> Option<Batch> {
        self.lock().take()
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Option<Batch>> {
        // A line that a panic has left unfinished is not counted.
        lock(&self.0)
    }
}

impl Default for Collected {
    fn default() -> Collected {
        Collected(Arc::new(Mutex::new(Some(Batch::default()))))
    }
}

/// Lines on their way from a worker to the writer.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) bytes: Vec<u8>,
    pub(super) lines: u64,
    /// The format of its lines, if it was sent.
    pub(super) format: Option<LogFormat>,
    /// Its room in the queue, until the writer has dealt with it.
    room: Option<Room>,
}

impl Batch {
    /// 64 KiB, about 400 lines: enough for a busy turn of a worker.
    const LIMIT: usize = 64 << 10;
    /// Bytes that wait for the writer: 4 MiB, about the lines of one second.
    const QUEUED: usize = 4 << 20;
    /// What a batch costs besides its bytes. A turn may log a single line.
    const OVERHEAD: usize = 256;
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
    /// Bytes in the queue. They bound it, because batches differ in size.
    pub(super) queued: Arc<AtomicUsize>,
}

/// Room for bytes in the queue. It is free again when this is dropped.
#[derive(Debug)]
struct Room {
    queued: Arc<AtomicUsize>,
    bytes: usize,
}

impl Channels {
    /// Room for a batch of this many bytes, if the queue has it.
    fn room_for(&self, bytes: usize) -> Option<Room> {
        let bytes = bytes + Batch::OVERHEAD;
        let take = |queued: usize| (queued + bytes <= Batch::QUEUED).then(|| queued + bytes);
        let order = Ordering::Relaxed;
        self.queued.fetch_update(order, order, take).ok()?;
        Some(Room {
            queued: Arc::clone(&self.queued),
            bytes,
        })
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.queued.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
