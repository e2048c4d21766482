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

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::mem;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded, select};

use super::access_log::{LogFormat, LogOptions, write_dropped, write_line, write_tls_failure};
use super::event::{ExchangeRecord, TlsFailure};
use super::metrics::Counters;

/// Where the lines are written.
pub type Sink = Box<dyn Write + Send>;

/// The standard output as a sink. It is unbuffered, because the writer writes whole batches.
pub fn standard_output() -> Sink {
    match io::stdout().as_fd().try_clone_to_owned() {
        Ok(descriptor) => Box::new(File::from(descriptor)),
        // No descriptor is free. The buffered handle needs none.
        Err(_) => Box::new(io::stdout()),
    }
}

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

/// One worker's handle to the log. Invariant: no call blocks.
#[derive(Debug)]
pub struct LogHandle {
    options: LogOptions,
    counters: Arc<Counters>,
    channels: Option<Channels>,
    batch: Batch,
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
struct Batch {
    bytes: Vec<u8>,
    lines: u64,
}

impl Batch {
    /// 64 KiB, about 400 lines: enough for a busy turn of a worker.
    const LIMIT: usize = 64 << 10;
    /// Batches that wait for the writer. Full, they hold 4 MiB, about the lines of one second.
    const QUEUED: usize = 64;
    /// Empty buffers kept for reuse. It is rare that more workers than this need one at once.
    const SPARE: usize = 8;

    fn is_full(&self) -> bool {
        self.bytes.len() >= Batch::LIMIT
    }
}

/// A worker's ends of the two channels.
#[derive(Clone, Debug)]
struct Channels {
    queue: Sender<Batch>,
    spare: Receiver<Vec<u8>>,
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

/// What the writer's thread owns.
struct Writer {
    format: LogFormat,
    sink: Sink,
    /// Whether the sink took the beginning of a line but not its end.
    is_mid_line: bool,
    /// Where failures of the sink are reported.
    error_output: Sink,
    counters: Arc<Counters>,
    /// How many dropped lines the log has reported.
    reported: u64,
    /// How many lines were dropped since the sink began to fail; `None` while it works.
    failing: Option<u64>,
    queue: Receiver<Batch>,
    spare: Sender<Vec<u8>>,
}

impl Writer {
    fn run(mut self, stopped: &Receiver<()>) {
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
                "the access log cannot be written: {cause}; docroot drops log lines until it can write them"
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

/// Why a write failed, and how many bytes were written before.
struct WriteError {
    written: usize,
    cause: io::Error,
}

/// Like [`Write::write_all`], but an error says how many bytes were written.
fn write_whole(sink: &mut Sink, bytes: &[u8]) -> Result<(), WriteError> {
    let mut written = 0;
    while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
        let cause = match sink.write(rest) {
            Ok(0) => ErrorKind::WriteZero.into(),
            Ok(taken) => {
                written += taken;
                continue;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => error,
        };
        return Err(WriteError { written, cause });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::super::access_log::tests::example;
    use super::*;

    const COMBINED: LogOptions = LogOptions {
        format: LogFormat::Combined,
        colour: false,
    };
    /// Far longer than any of these tests takes.
    const TIMEOUT: Duration = Duration::from_secs(60);

    /// A sink whose bytes can be read later.
    #[derive(Clone, Default)]
    struct MemorySink(Arc<Mutex<Vec<u8>>>);

    impl MemorySink {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().expect("no panic").clone()).expect("ASCII")
        }
    }

    impl Write for MemorySink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no panic").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// A sink that reports when a write begins, and blocks it until it is allowed.
    struct BlockingSink {
        begun: Sender<()>,
        allowed: Receiver<()>,
        output: MemorySink,
    }

    impl Write for BlockingSink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.begun.try_send(()).unwrap_or_default();
            // When the sender is dropped, every write is allowed.
            self.allowed.recv().unwrap_or_default();
            self.output.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// A sink that follows a script: how many bytes of each write it takes, or `None` for an error.
    /// After the end of the script it takes everything.
    struct ScriptedSink {
        script: std::vec::IntoIter<Option<usize>>,
        output: MemorySink,
    }

    impl Write for ScriptedSink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            match self.script.next() {
                Some(None) => Err(ErrorKind::StorageFull.into()),
                Some(Some(most)) => self.output.write(&bytes[..most.min(bytes.len())]),
                None => self.output.write(bytes),
            }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn start(sink: Sink, errors: &MemorySink) -> (Log, Arc<Counters>) {
        let counters = Arc::new(Counters::default());
        let errors = Box::new(errors.clone());
        let log = Log::start_with(COMBINED, sink, errors, Arc::clone(&counters));
        (log.expect("a thread"), counters)
    }

    #[test]
    fn lines_arrive_in_order_and_shutdown_waits_for_them() {
        let (output, errors) = (MemorySink::default(), MemorySink::default());
        let (log, _) = start(Box::new(output.clone()), &errors);
        let mut handle = log.handle();
        for sent in 1..=1000 {
            handle.record(&ExchangeRecord { sent, ..example() });
            drain(&mut handle);
        }
        assert_eq!(log.shutdown(TIMEOUT), LogEnd::Finished);
        let text = output.text();
        let sizes = text.lines().filter_map(|line| line.split(' ').nth(9));
        let want: Vec<String> = (1..=1000).map(|sent| sent.to_string()).collect();
        assert!(sizes.eq(want), "{text}");
        assert_eq!(errors.text(), "");
    }

    /// Flushes until the queue took everything. Only for a writer that makes progress.
    fn drain(handle: &mut LogHandle) {
        while handle.batch.lines > 0 {
            handle.flush();
            thread::yield_now();
        }
    }

    #[test]
    fn a_blocked_sink_does_not_block_workers() {
        let (begun, has_begun) = bounded(1);
        let (allow, allowed) = bounded::<()>(0);
        let (output, errors) = (MemorySink::default(), MemorySink::default());
        let sink = BlockingSink {
            begun,
            allowed,
            output: output.clone(),
        };
        let (log, counters) = start(Box::new(sink), &errors);
        let mut handle = log.handle();
        handle.record(&example());
        handle.flush();
        has_begun.recv().expect("the writer begins to write");
        // If a call blocked, the test would never end.
        let recorded = 100_000;
        for _ in 1..recorded {
            handle.record(&example());
        }
        let dropped = counters.log_lines_dropped.value();
        assert!(dropped > 0);
        drop(allow);
        drain(&mut handle);
        assert_eq!(log.shutdown(TIMEOUT), LogEnd::Finished);
        let text = output.text();
        let notice = format!("docroot: {dropped} log lines dropped");
        assert_eq!(text.lines().filter(|line| *line == notice).count(), 1);
        assert_eq!(text.lines().count() as u64 - 1 + dropped, recorded);
        assert_eq!(errors.text(), "");
    }

    #[test]
    fn shutdown_does_not_wait_for_a_blocked_sink() {
        let (begun, has_begun) = bounded(1);
        let (_allow, allowed) = bounded::<()>(0);
        let sink = BlockingSink {
            begun,
            allowed,
            output: MemorySink::default(),
        };
        let (log, _) = start(Box::new(sink), &MemorySink::default());
        let mut handle = log.handle();
        handle.record(&example());
        handle.flush();
        has_begun.recv().expect("the writer begins to write");
        assert_eq!(log.shutdown(Duration::from_millis(10)), LogEnd::Abandoned);
    }

    #[test]
    fn a_failing_sink_is_reported_once_and_recovers() {
        let (output, errors) = (MemorySink::default(), MemorySink::default());
        let sink = ScriptedSink {
            // The first batch fails in its second line. Two more batches fail completely.
            script: vec![Some(100), None, None, None].into_iter(),
            output: output.clone(),
        };
        let (log, counters) = start(Box::new(sink), &errors);
        let mut handle = log.handle();
        for _ in 0..4 {
            handle.record(&example());
            handle.record(&example());
            handle.flush();
        }
        assert_eq!(log.shutdown(TIMEOUT), LogEnd::Finished);
        assert_eq!(counters.log_lines_dropped.value(), 5);
        let text = output.text();
        let lines: Vec<&str> = text.lines().collect();
        // A whole line, a part of a line, the two lines of the fourth batch, the notice.
        assert_eq!(lines.len(), 5, "{text}");
        assert!(lines[0] == lines[2] && lines[0] == lines[3] && lines[0].starts_with(lines[1]));
        assert_eq!(lines[4], "docroot: 5 log lines dropped");
        assert_eq!(
            errors.text(),
            "docroot: the access log cannot be written: no storage space; docroot drops log lines until it can write them\n\
             docroot: the access log is written again; 5 lines were dropped\n"
        );
    }

    #[test]
    fn a_log_that_is_off_has_no_thread() {
        let log = Log::off();
        let mut handle = log.handle();
        assert!(!handle.is_enabled());
        handle.record(&example());
        handle.flush();
        assert!(log.writer.is_none());
        assert_eq!(log.shutdown(Duration::ZERO), LogEnd::Finished);
    }

    #[test]
    fn lines_after_shutdown_are_counted_as_dropped() {
        let output = MemorySink::default();
        let (log, counters) = start(Box::new(output.clone()), &MemorySink::default());
        let mut handle = log.handle();
        log.shutdown(TIMEOUT);
        handle.record(&example());
        handle.flush();
        assert_eq!(counters.log_lines_dropped.value(), 1);
        assert_eq!(output.text(), "");
    }
}
