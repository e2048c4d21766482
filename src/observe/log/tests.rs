//! The log with sinks that block, fail and recover.

use std::io::{ErrorKind, Write};
use std::sync::Mutex;

use crossbeam_channel::{Receiver, Sender, bounded};

use super::*;
use crate::observe::access_log::tests::example;
use crate::observe::event::ExchangeRecord;

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
        "docroot: the access log cannot be written: no storage space; docroot drops its lines until it can\n\
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
