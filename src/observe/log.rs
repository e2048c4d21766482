//! The thread that writes the log, so that no worker waits for a disk.
//!
//! ```text
//! worker: record, record, flush --batch--> queue --> writer: write to the sink
//!           ^------------- emptied buffers ------------'
//! ```
//!
//! Both channels are bounded and are only ever tried. Where the queue is full, a worker keeps its
//! batch and tries again at its next turn; where that batch is full too, lines are dropped and
//! counted, and the log says how many as soon as it can be written again.

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

/// Where lines go.
pub type Sink = Box<dyn Write + Send>;

/// The standard output as a sink: unbuffered, because the writer brings whole batches.
pub fn standard_output() -> Sink {
    match io::stdout().as_fd().try_clone_to_owned() {
        Ok(descriptor) => Box::new(File::from(descriptor)),
        // It was closed before the start; a write will say so.
        Err(_) => Box::new(io::stdout()),
    }
}

/// The access log of a server. It ends with [`Log::shutdown`].
#[derive(Debug)]
pub struct Log {
    options: LogOptions,
    counters: Arc<Counters>,
    writer: Option<Running>,
}

/// How a log came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogEnd {
    /// What was handed over was written, or counted as dropped.
    Finished,
    /// The sink was stuck; what it held back is lost.
    Abandoned,
}

impl Log {
    /// A log that writes to `sink` from a thread of its own; none is started where the log is off.
    /// Lines that are lost are counted in `counters`.
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

    /// What one worker records with.
    pub fn handle(&self) -> LogHandle {
        LogHandle {
            options: self.options,
            counters: Arc::clone(&self.counters),
            outlet: self.writer.as_ref().map(|writer| writer.outlet.clone()),
            batch: Batch::default(),
        }
    }

    /// Writes what was handed over and ends the thread, waiting no longer than `within`: a stuck
    /// sink does not hold up the exit. Workers drop their
    /// handles before this is called.
    pub fn shutdown(self, within: Duration) -> LogEnd {
        let Some(Running {
            stop, done, thread, ..
        }) = self.writer
        else {
            return LogEnd::Finished;
        };
        drop(stop);
        // The thread sends nothing: its end is the end of the channel.
        match done.recv_timeout(within) {
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
        complaints: Sink,
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
                torn: false,
                complaints,
                counters: Arc::clone(&log.counters),
                told: 0,
                failing: None,
                queue,
                spare,
            };
            log.writer = Some(Running::start(writer)?);
        }
        Ok(log)
    }
}

/// What one worker records with. Invariant: no call waits for anything.
#[derive(Debug)]
pub struct LogHandle {
    options: LogOptions,
    counters: Arc<Counters>,
    outlet: Option<Outlet>,
    batch: Batch,
}

impl LogHandle {
    /// Whether anything would be written; where not, an [`ExchangeRecord`] need not be put together.
    pub fn enabled(&self) -> bool {
        self.outlet.is_some()
    }

    /// Adds a line about an exchange to the batch of this turn.
    pub fn record(&mut self, exchange: &ExchangeRecord) {
        self.add(|bytes, options| write_line(bytes, options, exchange));
    }

    /// Adds a line about a TLS session that failed.
    pub fn record_tls_failure(&mut self, failed: &TlsFailure) {
        self.add(|bytes, options| write_tls_failure(bytes, options, failed));
    }

    fn add(&mut self, write: impl FnOnce(&mut Vec<u8>, LogOptions)) {
        if !self.enabled() {
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

    /// Hands the batch over. A worker calls it at the end of each turn; a handle that is dropped
    /// does so itself.
    pub fn flush(&mut self) {
        let Some(outlet) = &self.outlet else { return };
        if self.batch.lines == 0 {
            return;
        }
        match outlet.queue.try_send(mem::take(&mut self.batch)) {
            Ok(()) => self.batch.bytes = outlet.spare.try_recv().unwrap_or_default(),
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
    /// 64 KiB, some 400 lines: what a worker logs in a busy turn goes over in one piece.
    const LIMIT: usize = 64 << 10;
    /// Batches that wait for the writer: with all of them full, 4 MiB, about a second's lines.
    const QUEUED: usize = 64;
    /// Emptied buffers kept for reuse; more workers than that are seldom between turns at once.
    const SPARE: usize = 8;

    fn is_full(&self) -> bool {
        self.bytes.len() >= Batch::LIMIT
    }
}

/// A worker's ends of the two channels.
#[derive(Clone, Debug)]
struct Outlet {
    queue: Sender<Batch>,
    spare: Receiver<Vec<u8>>,
}

/// The writer's thread, seen from outside.
#[derive(Debug)]
struct Running {
    outlet: Outlet,
    /// Dropped to make the thread end, even while workers hold an outlet.
    stop: Sender<()>,
    /// Dropped by the thread when it ends.
    done: Receiver<()>,
    thread: JoinHandle<()>,
}

impl Running {
    fn start(
        writer: impl FnOnce(Receiver<Batch>, Sender<Vec<u8>>) -> Writer,
    ) -> io::Result<Running> {
        let (queue, batches) = bounded(Batch::QUEUED);
        let (emptied, spare) = bounded(Batch::SPARE);
        let (stop, stopped) = bounded(0);
        let (ending, done) = bounded(0);
        let writer = writer(batches, emptied);
        let thread = thread::Builder::new().name("log".into()).spawn(move || {
            let _ending: Sender<()> = ending;
            writer.run(&stopped);
        })?;
        Ok(Running {
            outlet: Outlet { queue, spare },
            stop,
            done,
            thread,
        })
    }
}

/// What the thread owns.
struct Writer {
    format: LogFormat,
    sink: Sink,
    /// Whether the sink took the beginning of a line and not its end.
    torn: bool,
    /// Where the sink's own failures are told.
    complaints: Sink,
    counters: Arc<Counters>,
    /// How many of the dropped lines the log has told of.
    told: u64,
    /// Lines lost since the sink began to fail; `None` while it works.
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
        self.tell_dropped();
    }

    fn write(&mut self, batch: Batch) {
        match self.put(&batch.bytes) {
            Ok(()) => self.sink_works(),
            Err(fault) => self.sink_fails(&batch, &fault),
        }
        self.tell_dropped();
        let Batch { mut bytes, .. } = batch;
        bytes.clear();
        // Where enough spare buffers lie ready, this one is freed.
        self.spare.try_send(bytes).unwrap_or_default();
    }

    /// Says in the log how many lines are missing that it has not told of.
    fn tell_dropped(&mut self) {
        let dropped = self.counters.log_lines_dropped.value();
        if dropped == self.told || self.failing.is_some() {
            return;
        }
        let mut line = Vec::new();
        write_dropped(&mut line, self.format, dropped - self.told);
        match self.put(&line) {
            Ok(()) => self.told = dropped,
            Err(fault) => self.sink_fails(&Batch::default(), &fault),
        }
    }

    /// Writes all of `bytes`, after the end of a line that was torn before.
    fn put(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        if self.torn {
            write_whole(&mut self.sink, b"\n")?;
            self.torn = false;
        }
        let outcome = write_whole(&mut self.sink, bytes);
        if let Err(fault) = &outcome {
            let taken = bytes.get(..fault.written).unwrap_or_default();
            self.torn = taken.last().is_some_and(|&byte| byte != b'\n');
        }
        outcome
    }

    fn sink_fails(&mut self, batch: &Batch, fault: &Fault) {
        let taken = batch.bytes.iter().take(fault.written);
        let written = taken.filter(|&&byte| byte == b'\n').count() as u64;
        let lost = batch.lines.saturating_sub(written);
        self.counters.log_lines_dropped.add(lost);
        if self.failing.is_none() {
            let error = &fault.error;
            self.complain(format_args!(
                "the access log cannot be written: {error}; lines are dropped until it can"
            ));
        }
        self.failing = Some(self.failing.unwrap_or(0) + lost);
    }

    fn sink_works(&mut self) {
        if let Some(lost) = self.failing.take() {
            self.complain(format_args!(
                "the access log is written again; {lost} lines were lost"
            ));
        }
    }

    fn complain(&mut self, text: std::fmt::Arguments) {
        // There is nobody left to tell where this fails too.
        writeln!(self.complaints, "docroot: {text}").unwrap_or_default();
    }
}

/// A write that failed after so many bytes.
struct Fault {
    written: usize,
    error: io::Error,
}

/// As [`Write::write_all`], but where it fails it knows how far it came.
fn write_whole(sink: &mut Sink, bytes: &[u8]) -> Result<(), Fault> {
    let mut written = 0;
    while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
        let error = match sink.write(rest) {
            Ok(0) => ErrorKind::WriteZero.into(),
            Ok(taken) => {
                written += taken;
                continue;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => error,
        };
        return Err(Fault { written, error });
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
    const PATIENCE: Duration = Duration::from_secs(60);

    /// A sink whose bytes can be read afterwards.
    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Page {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().expect("no panic").clone()).expect("ASCII")
        }
    }

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no panic").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// A sink that takes each write only when it is allowed to, and says when one has begun.
    struct Gate {
        begun: Sender<()>,
        allowed: Receiver<()>,
        page: Page,
    }

    impl Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.begun.try_send(()).unwrap_or_default();
            // Once the other end is gone, everything is allowed.
            self.allowed.recv().unwrap_or_default();
            self.page.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// A sink that follows a script: how many bytes of each write it takes, `None` for an error;
    /// after its end, everything.
    struct Scripted {
        script: std::vec::IntoIter<Option<usize>>,
        page: Page,
    }

    impl Write for Scripted {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            match self.script.next() {
                Some(None) => Err(ErrorKind::StorageFull.into()),
                Some(Some(most)) => self.page.write(&bytes[..most.min(bytes.len())]),
                None => self.page.write(bytes),
            }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn start(sink: Sink, complaints: &Page) -> (Log, Arc<Counters>) {
        let counters = Arc::new(Counters::default());
        let complaints = Box::new(complaints.clone());
        let log = Log::start_with(COMBINED, sink, complaints, Arc::clone(&counters));
        (log.expect("a thread"), counters)
    }

    #[test]
    fn lines_arrive_in_order_and_shutdown_waits_for_them() {
        let (page, complaints) = (Page::default(), Page::default());
        let (log, _) = start(Box::new(page.clone()), &complaints);
        let mut handle = log.handle();
        for sent in 1..=1000 {
            handle.record(&ExchangeRecord { sent, ..example() });
            drain(&mut handle);
        }
        assert_eq!(log.shutdown(PATIENCE), LogEnd::Finished);
        let text = page.text();
        let sizes = text.lines().filter_map(|line| line.split(' ').nth(9));
        let want: Vec<String> = (1..=1000).map(|sent| sent.to_string()).collect();
        assert!(sizes.eq(want), "{text}");
        assert_eq!(complaints.text(), "");
    }

    /// Flushes until the queue took everything; the writer is known to be working.
    fn drain(handle: &mut LogHandle) {
        while handle.batch.lines > 0 {
            handle.flush();
            thread::yield_now();
        }
    }

    #[test]
    fn a_sink_that_blocks_holds_nobody_up() {
        let (begun, has_begun) = bounded(1);
        let (allow, allowed) = bounded::<()>(0);
        let (page, complaints) = (Page::default(), Page::default());
        let gate = Gate {
            begun,
            allowed,
            page: page.clone(),
        };
        let (log, counters) = start(Box::new(gate), &complaints);
        let mut handle = log.handle();
        handle.record(&example());
        handle.flush();
        has_begun.recv().expect("the writer is at work, and stuck");
        // Were anything here to wait, it would wait for ever.
        let recorded = 100_000;
        for _ in 1..recorded {
            handle.record(&example());
        }
        let dropped = counters.log_lines_dropped.value();
        assert!(dropped > 0);
        drop(allow);
        drain(&mut handle);
        assert_eq!(log.shutdown(PATIENCE), LogEnd::Finished);
        let text = page.text();
        let notice = format!("docroot: {dropped} log lines dropped");
        assert_eq!(text.lines().filter(|line| *line == notice).count(), 1);
        assert_eq!(text.lines().count() as u64 - 1 + dropped, recorded);
        assert_eq!(complaints.text(), "");
    }

    #[test]
    fn a_sink_that_stays_stuck_is_left_behind() {
        let (begun, has_begun) = bounded(1);
        let (_allow, allowed) = bounded::<()>(0);
        let gate = Gate {
            begun,
            allowed,
            page: Page::default(),
        };
        let (log, _) = start(Box::new(gate), &Page::default());
        let mut handle = log.handle();
        handle.record(&example());
        handle.flush();
        has_begun.recv().expect("the writer is at work, and stuck");
        assert_eq!(log.shutdown(Duration::from_millis(10)), LogEnd::Abandoned);
    }

    #[test]
    fn a_sink_that_fails_is_complained_of_once_and_recovers() {
        let (page, complaints) = (Page::default(), Page::default());
        let sink = Scripted {
            // The first batch breaks within its second line; two more batches fail whole.
            script: vec![Some(100), None, None, None].into_iter(),
            page: page.clone(),
        };
        let (log, counters) = start(Box::new(sink), &complaints);
        let mut handle = log.handle();
        for _ in 0..4 {
            handle.record(&example());
            handle.record(&example());
            handle.flush();
        }
        assert_eq!(log.shutdown(PATIENCE), LogEnd::Finished);
        assert_eq!(counters.log_lines_dropped.value(), 5);
        let text = page.text();
        let lines: Vec<&str> = text.lines().collect();
        // A whole line, a torn one on a line of its own, the fourth batch, the notice.
        assert_eq!(lines.len(), 5, "{text}");
        assert!(lines[0] == lines[2] && lines[0] == lines[3] && lines[0].starts_with(lines[1]));
        assert_eq!(lines[4], "docroot: 5 log lines dropped");
        assert_eq!(
            complaints.text(),
            "docroot: the access log cannot be written: no storage space; lines are dropped until it can\n\
             docroot: the access log is written again; 5 lines were lost\n"
        );
    }

    #[test]
    fn a_log_that_is_off_has_no_thread() {
        let log = Log::off();
        let mut handle = log.handle();
        assert!(!handle.enabled());
        handle.record(&example());
        handle.flush();
        assert!(log.writer.is_none());
        assert_eq!(log.shutdown(Duration::ZERO), LogEnd::Finished);
    }

    #[test]
    fn lines_after_the_end_are_counted() {
        let page = Page::default();
        let (log, counters) = start(Box::new(page.clone()), &Page::default());
        let mut handle = log.handle();
        log.shutdown(PATIENCE);
        handle.record(&example());
        handle.flush();
        assert_eq!(counters.log_lines_dropped.value(), 1);
        assert_eq!(page.text(), "");
    }
}
