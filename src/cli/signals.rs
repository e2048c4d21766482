//! The signals that docroot handles.
//!
//! SIGINT and SIGTERM end docroot. SIGHUP reloads the configuration, but ends docroot if its terminal has closed.
//! SIGUSR1 opens the files of the logs again.
//! If its parent ignores one of them, docroot ignores it too: a shell does so for a background
//! job, and `nohup` for SIGHUP.

use std::io::{self, IsTerminal};
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{bounded, never};
use nix::sys::signal::{SigSet, SigmaskHow, Signal};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGXFSZ};
use signal_hook::flag;
use signal_hook::iterator::Signals;

use super::service_manager::{self, Event};
use super::units::show_duration;
use crate::net::handle::Handle;
use crate::observe::metrics::Counters;
use crate::observe::notice::{print_now, print_soon};

/// The signals that end docroot. SIGHUP does so only if the terminal has closed.
const ENDING: [i32; 3] = [SIGHUP, SIGINT, SIGTERM];

/// How many descriptors [`act_on_signals`] opens: two sockets, through which a handler wakes a thread.
pub const DESCRIPTORS: usize = 2;

/// How long a drain may take before docroot says what it waits for.
const QUICK_DRAIN: Duration = Duration::from_millis(500);

/// How long the second signal waits for the other threads to end. A worker that waits for a disk may
/// take longer. It is longer than `LOG_TIMEOUT` plus the time that `flush` may take.
const STOP_TIMEOUT: Duration = Duration::from_secs(3);

/// How long the second signal to a command waits until half-written files are removed. A file system may hang.
const LAST_TIMEOUT: Duration = Duration::from_secs(1);

/// Whether a second signal has come.
#[derive(Clone, Debug, Default)]
pub struct Hurry(Arc<AtomicBool>);

impl Hurry {
    /// Whether docroot was told not to finish the responses that it had begun.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// The signals that this process ignores, one bit each. The lowest bit is signal 1.
#[derive(Clone, Copy, Debug)]
pub struct Ignored(u64);

impl Ignored {
    /// Reads them. A process that is confined may not be able to.
    #[cfg(target_os = "linux")]
    pub fn of_process() -> Ignored {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        Ignored(ignored_in(&status).unwrap_or(0))
    }

    /// Other systems do not say it without a call that is unsafe in Rust.
    #[cfg(not(target_os = "linux"))]
    pub fn of_process() -> Ignored {
        Ignored(0)
    }

    fn has(self, signal: i32) -> bool {
        self.0 >> (signal - 1) & 1 == 1
    }
}

/// Lets the first signal drain the server, and the second one stop it. Signals that are `ignored` do nothing. If a drain
/// takes long, says what it waits for. If the main thread does not return in time after the second signal, `last` runs before the process
/// ends. For each SIGHUP that does not end docroot, `reload` runs on a thread of its own, one after another. For each
/// SIGUSR1, `reopen` runs. It must not wait.
pub fn act_on_signals(
    handle: Handle,
    counters: Arc<Counters>,
    ignored: Ignored,
    reload: impl Fn() + Send + 'static,
    reopen: impl Fn() + Send + 'static,
    last: impl FnOnce() + Send + 'static,
) -> io::Result<Hurry> {
    let mut signals = heard(ENDING.into_iter().chain([SIGUSR1]), ignored)?;
    let hurry = Hurry::default();
    let second = hurry.clone();
    let had_terminal = terminal().is_ok();
    // Capacity 1: one reload can wait while another runs. It reads the newest file, so further signals are
    // dropped.
    let (reloads, ordered) = bounded(1);
    let reload = move || {
        for () in ordered {
            // The hook has told what panicked. The next signal finds the thread alive.
            let _ = catch_unwind(AssertUnwindSafe(&reload));
        }
    };
    thread::Builder::new().name("reload".into()).spawn(reload)?;
    let wait = move || {
        let ends = |signal: &i32| match *signal {
            SIGUSR1 => {
                reopen();
                false
            }
            SIGHUP if !(had_terminal && has_hung_up()) => {
                let _ = reloads.try_send(());
                false
            }
            _ => true,
        };
        let ending = signals.forever().filter(ends);
        for (number, signal) in with_one_hangup(ending).take(2).enumerate() {
            // The main thread reads this as soon as the server has stopped.
            second.0.store(number > 0, Ordering::Release);
            service_manager::tell(Event::Stopping);
            let delay = end(&handle, signal);
            if signal == SIGINT {
                end_line();
            }
            if number == 0 {
                tell_if_slow(Arc::clone(&counters), delay);
            }
        }
        // The process ends here only if the main thread does not return in time.
        let _ = never::<()>().recv_timeout(STOP_TIMEOUT);
        last();
        process::exit(1);
    };
    thread::Builder::new().name("signals".into()).spawn(wait)?;
    Ok(hurry)
}

/// Ends the server, after a delay if the signal and the configuration say so. Returns the delay.
fn end(handle: &Handle, signal: i32) -> Duration {
    // Whoever has pressed Ctrl-C waits for the end.
    let delay = match signal {
        SIGTERM => handle.drain_delay(),
        _ => Duration::ZERO,
    };
    match delay.is_zero() {
        true => handle.drain(),
        false => handle.leave(),
    }
    delay
}

/// The signals that count. A hangup counts only if it is the first signal: when a terminal closes, the shell
/// and the kernel each send one, and nobody is there who could ask docroot to stop at once.
fn with_one_hangup(signals: impl Iterator<Item = i32>) -> impl Iterator<Item = i32> {
    let counts = |(number, signal): &(usize, i32)| *number == 0 || *signal != SIGHUP;
    signals.enumerate().filter(counts).map(|(_, signal)| signal)
}

/// The terminal of the process.
fn terminal() -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::NOCTTY | OFlags::CLOEXEC;
    rustix::fs::open("/dev/tty", flags, Mode::empty())
}

/// Whether the terminal is closed. Any other fault, such as too many open files, says nothing of it.
fn has_hung_up() -> bool {
    matches!(terminal(), Err(Errno::NXIO | Errno::IO))
}

/// Lets the first signal call `first`, and the second one end the process, with status 1. `last` runs before that,
/// unless it takes too long.
pub fn stop_on_signals(
    first: impl FnOnce() + Send + 'static,
    last: impl FnOnce() + Send + 'static,
) -> io::Result<()> {
    let mut signals = heard(ENDING.into_iter(), Ignored::of_process())?;
    let wait = move || {
        let mut ending = with_one_hangup(signals.forever());
        ending.next();
        first();
        ending.next();
        let (done, ended) = bounded::<()>(0);
        let last = move || {
            last();
            drop(done);
        };
        // Without a thread, `done` is dropped, and nothing is waited for.
        let _ = thread::Builder::new().name("last".into()).spawn(last);
        let _ = ended.recv_timeout(LAST_TIMEOUT);
        process::exit(1);
    };
    thread::Builder::new().name("signals".into()).spawn(wait)?;
    Ok(())
}

/// These signals, without those that are ignored.
fn heard(signals: impl Iterator<Item = i32>, ignored: Ignored) -> io::Result<Signals> {
    let is_heard = |signal: &i32| !ignored.has(*signal);
    held_back(|| Signals::new(signals.filter(is_heard)))
}

/// Installs handlers while the signals are held back. `signal_hook` replaces the default action first and
/// notes what to do second, so it would lose a signal between the two. No other thread may run yet.
pub(super) fn held_back<T>(install: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let _held_back = HeldBack::new()?;
    install()
}

/// Holds back the handled signals, for this thread and for those that it starts. When the value is dropped, a signal
/// that has come meanwhile takes effect.
#[derive(Debug)]
pub struct HeldBack(SigSet);

impl HeldBack {
    /// From now on.
    pub fn new() -> io::Result<HeldBack> {
        let handled = [
            Signal::SIGHUP,
            Signal::SIGINT,
            Signal::SIGTERM,
            Signal::SIGUSR1,
        ];
        let handled: SigSet = handled.into_iter().collect();
        Ok(HeldBack(handled.thread_swap_mask(SigmaskHow::SIG_BLOCK)?))
    }
}

impl Drop for HeldBack {
    fn drop(&mut self) {
        // It was the mask before, so it is a valid one.
        let _ = self.0.thread_set_mask();
    }
}

/// Says that the server leaves after a delay, and after a while how many responses it still sends.
fn tell_if_slow(counters: Arc<Counters>, delay: Duration) {
    if !delay.is_zero() {
        let delay = show_duration(delay);
        print_soon(format!(
            "docroot: shutting down in {delay} (--drain-delay), and serving until then\n"
        ));
    }
    let tell = move || {
        let _ = never::<()>().recv_timeout(delay + QUICK_DRAIN);
        let can_press = io::stderr().is_terminal();
        let open = counters.connections_open.value();
        if let Some(text) = waiting(open, counters.draining.value(), can_press) {
            print_soon(text);
        }
    };
    // Without a thread, nothing is said.
    let _ = thread::Builder::new().name("drain".into()).spawn(tell);
}

/// What a server waits for that has so many connections, of which so many sent a response when the drain began. While
/// it drains, each has a response under way, because idle connections end at once. Others have not begun theirs: they
/// wait for the disk or the rest of a request. Without a terminal, it is a program that sends signals.
fn waiting(connections: u64, sending: u64, can_press: bool) -> Option<String> {
    let what = match sending == connections {
        true => "download",
        false => "response",
    };
    let ending = match connections {
        0 => return None,
        1 => "",
        _ => "s",
    };
    let advice = match can_press {
        true => "press Ctrl-C again to stop now",
        false => "a second signal stops docroot now",
    };
    Some(format!(
        "docroot: waiting for {connections} {what}{ending}; {advice}\n"
    ))
}

/// Makes a write beyond the limit on the size of a file (`ulimit -f`) an error like that of a full
/// disk. Otherwise, SIGXFSZ would kill the process. The standard library does the same for SIGPIPE.
pub fn survive_file_size_limit() {
    // The handler sets a flag that nobody reads. A signal that has a handler does not kill.
    let handler = flag::register(SIGXFSZ, Arc::default());
    // This fails only on a system without the signal.
    handler.map(drop).unwrap_or_default();
}

/// Ends the line on which a terminal shows `^C`, so that the next prompt gets a line of its own. It
/// does not wait for a terminal that is stopped, because a second signal would wait too.
fn end_line() {
    if io::stderr().is_terminal() {
        print_now("\n");
    }
}

/// Reads the field `SigIgn` of `/proc/self/status`.
#[cfg(any(target_os = "linux", test))]
fn ignored_in(status: &str) -> Option<u64> {
    let mut lines = status.lines();
    let bits = lines.find_map(|line| line.strip_prefix("SigIgn:"))?;
    u64::from_str_radix(bits.trim(), 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drain_says_how_many_responses_it_waits_for() {
        let check = |connections, sending, can_press, want: &str| {
            let told = waiting(connections, sending, can_press).unwrap_or_default();
            assert_eq!(told, want);
        };
        let download = "docroot: waiting for 1 download; press Ctrl-C again to stop now\n";
        check(1, 1, true, download);
        let downloads = "docroot: waiting for 2 downloads; a second signal stops docroot now\n";
        check(2, 2, false, downloads);
        let response = "docroot: waiting for 1 response; press Ctrl-C again to stop now\n";
        check(1, 0, true, response);
        let responses = "docroot: waiting for 2 responses; a second signal stops docroot now\n";
        check(2, 1, false, responses);
        check(0, 0, true, "");
    }

    #[test]
    fn a_second_hangup_does_not_count() {
        let check = |signals: &[i32], want: &[i32]| {
            let counted: Vec<i32> = with_one_hangup(signals.iter().copied()).collect();
            assert_eq!(counted, want, "{signals:?}");
        };
        check(&[SIGHUP, SIGHUP, SIGHUP], &[SIGHUP]);
        check(&[SIGHUP, SIGHUP, SIGINT], &[SIGHUP, SIGINT]);
        check(&[SIGHUP, SIGTERM], &[SIGHUP, SIGTERM]);
        check(&[SIGINT, SIGHUP, SIGINT], &[SIGINT, SIGINT]);
        check(&[SIGTERM, SIGTERM], &[SIGTERM, SIGTERM]);
    }

    #[test]
    fn ignored_signals_are_read_from_the_status() {
        let status = "Name:\tdocroot\nSigBlk:\t0000000000000004\nSigIgn:\t0000000000001001\n";
        let ignored = Ignored(ignored_in(status).expect("a field"));
        assert!(ignored.has(SIGHUP));
        assert!(ignored.has(13)); // SIGPIPE
        assert!(!ignored.has(SIGINT));
        assert_eq!(ignored_in("Name:\tdocroot\n"), None);
        assert_eq!(ignored_in("SigIgn:\tnone\n"), None);
    }
}
