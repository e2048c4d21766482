//! The log with sinks that block, fail and recover.

use std::io::{ErrorKind, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::Mutex;

use crossbeam_channel::{Receiver, Sender, bounded};
use rustix::pipe::PIPE_BUF;

use super::*;
use crate::observe::access_log::tests::example;
use crate::observe::event::ExchangeRecord;

const COMBINED: LogOptions = LogOptions {
    format: LogFormat::Combined,
    ..LogOptions::OFF
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
    start_on(Output::of(sink), errors)
}

fn start_on(output: Output, errors: &MemorySink) -> (Log, Arc<Counters>) {
    let counters = Arc::new(Counters::default());
    let errors = errors.clone();
    let report = Arc::new(move |text: &str| {
        let line = format!("docroot: {text}\n");
        errors.clone().write_all(line.as_bytes()).expect("memory");
    });
    let log = Log::start_with(COMBINED, output, never(), report, Arc::clone(&counters));
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
    let is_empty = |handle: &LogHandle| {
        let collected = handle.collected.lock();
        collected.as_ref().is_none_or(|batch| batch.lines == 0)
    };
    while !is_empty(handle) {
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
    let errors = MemorySink::default();
    let (log, counters) = start(Box::new(sink), &errors);
    let mut handle = log.handle();
    handle.record(&example());
    handle.flush();
    has_begun.recv().expect("the writer begins to write");
    // One line is in hand, one is in the queue, and one is dropped with the handle.
    handle.record(&example());
    handle.flush();
    handle.record(&example());
    drop(handle);
    assert_eq!(log.shutdown(Duration::from_millis(10)), LogEnd::Abandoned);
    assert_eq!(counters.log_lines_dropped.value(), 3);
    let told = "docroot: 3 log lines could not be written\n";
    assert_eq!(errors.text(), told);
}

/// A pipe or a socket with a log at its end. In non-blocking mode, which other programs can set, a
/// write without room fails at once.
fn ends() -> Vec<(Box<dyn Read + Send>, Output)> {
    let mut ends = Vec::<(Box<dyn Read + Send>, OwnedFd)>::new();
    for is_blocking in [true, false] {
        let (reader, writer) = io::pipe().expect("a pipe");
        ends.push((Box::new(reader), writer.into()));
        let (reader, writer) = UnixStream::pair().expect("two sockets");
        ends.push((Box::new(reader), writer.into()));
        for (_, writer) in ends.iter().rev().take(2) {
            rustix::io::ioctl_fionbio(writer, !is_blocking).expect("a mode");
        }
    }
    let output = |writer| Output::of_descriptor(writer).expect("a descriptor");
    let ends = ends.into_iter();
    ends.map(|(reader, writer)| (reader, output(writer)))
        .collect()
}

/// A line that is longer than what a pipe takes at once comes now and then.
fn record_some(handle: &mut LogHandle, number: usize) {
    let target = vec![
        b'a';
        if number.is_multiple_of(50) {
            2 * PIPE_BUF
        } else {
            number % 50
        }
    ];
    let sent = number as u64;
    handle.record(&ExchangeRecord {
        target: &target,
        sent,
        ..example()
    });
}

#[test]
fn an_output_that_is_full_now_and_then_gets_every_line() {
    for (mut reader, output) in ends() {
        let errors = MemorySink::default();
        let (log, _) = start_on(output, &errors);
        let mut handle = log.handle();
        let read = thread::spawn(move || {
            let (mut text, mut buffer) = (Vec::new(), [0; 1000]);
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                text.extend_from_slice(&buffer[..count]);
                thread::yield_now();
            }
            String::from_utf8(text).expect("ASCII")
        });
        for number in 0..5000 {
            record_some(&mut handle, number);
            drain(&mut handle);
        }
        assert_eq!(log.shutdown(TIMEOUT), LogEnd::Finished);
        drop(handle);
        let text = read.join().expect("no panic");
        let sizes = text.lines().filter_map(|line| line.split(' ').nth(9));
        assert!(sizes.eq((0..5000).map(|number| number.to_string())));
        assert!(text.lines().all(|line| line.ends_with("\"curl/8.0\"")));
        assert_eq!(errors.text(), "");
    }
}

/// How many lines the log and the report at the end say were not written.
fn told(text: &str) -> usize {
    let count = |line: &str| {
        let (number, what) = line.strip_prefix("docroot: ")?.split_once(' ')?;
        let is_count = ["log lines dropped", "log lines could not be written"].contains(&what);
        is_count.then(|| number.parse::<usize>().expect("a number"))
    };
    text.lines().filter_map(count).sum()
}

/// What was written and what was told as dropped is what was recorded, however far the reader got.
#[test]
fn each_line_is_written_or_counted_if_the_reader_is_slow() {
    let recorded = 50_000;
    let with = |reads| ends().into_iter().map(move |ends| (reads, ends));
    for (reads, (mut reader, output)) in with(0).chain(with(700)) {
        let errors = MemorySink::default();
        let (log, counters) = start_on(output, &errors);
        let mut handle = log.handle();
        let mut text = Vec::new();
        let mut buffer = [0; 4096];
        for number in 0..recorded {
            record_some(&mut handle, number);
            if number < reads {
                // So many lines are in the pipe or on their way.
                handle.flush();
                let count = reader.read(&mut buffer[..60]).expect("a pipe");
                text.extend_from_slice(&buffer[..count]);
            }
        }
        drop(handle);
        assert_eq!(log.shutdown(Duration::from_millis(10)), LogEnd::Abandoned);
        reader.read_to_end(&mut text).expect("the writer has ended");
        let text = String::from_utf8(text).expect("ASCII");
        let notices = text
            .lines()
            .filter(|line| line.starts_with("docroot"))
            .count();
        let written = text.matches('\n').count() - notices;
        let dropped = told(&text) + told(&errors.text());
        assert_eq!(written + dropped, recorded, "{}", errors.text());
        assert_eq!(counters.log_lines_dropped.value(), dropped as u64);
        assert!(written > reads / 50, "{written}");
    }
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

/// A worker that is stuck neither flushes nor drops its handle.
#[test]
fn the_lines_of_a_stuck_worker_are_written_or_counted() {
    let (output, errors) = (MemorySink::default(), MemorySink::default());
    let (log, _) = start(Box::new(output.clone()), &errors);
    let mut handle = log.handle();
    handle.record(&example());
    handle.flush();
    handle.record(&example());
    handle.record(&example());
    assert_eq!(log.shutdown(TIMEOUT), LogEnd::Finished);
    assert_eq!(output.text().lines().count(), 3);
    assert_eq!(errors.text(), "");

    let (begun, has_begun) = bounded(1);
    let (_allow, allowed) = bounded::<()>(0);
    let output = MemorySink::default();
    let sink = BlockingSink {
        begun,
        allowed,
        output,
    };
    let (log, counters) = start(Box::new(sink), &errors);
    let (mut first, mut second) = (log.handle(), log.handle());
    first.record(&example());
    first.flush();
    has_begun.recv().expect("the writer begins to write");
    for _ in 0..10_000 {
        first.record(&example());
        second.record(&example());
    }
    assert_eq!(log.shutdown(Duration::from_millis(10)), LogEnd::Abandoned);
    assert_eq!(told(&errors.text()), 20_001);
    assert_eq!(counters.log_lines_dropped.value(), 20_001);
    drop((first, second));
    assert_eq!(counters.log_lines_dropped.value(), 20_001);
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
