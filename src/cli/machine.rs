//! What defaults depend on: the processors, the limit of open files, the terminal, the time zone, the
//! network.

use std::env;
use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::net::IpAddr;
use std::os::fd::AsFd;
use std::thread;

use rustix::fs::{Stat, fstat};
use rustix::termios::tcgetwinsize;
use tz::TimeZoneSettings;

use crate::net::limits::{descriptor_limit, raise_descriptor_limit};
use crate::net::local_addresses::outward_addresses;
use crate::observe::zone::Zone;
use crate::site::named_file;

/// The facts about this machine and this process that defaults depend on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// The number of processors that this process may use.
    pub processors: usize,
    /// The number of files that this process could have open when it started.
    pub given_descriptors: u64,
    /// The number of files that this process may have open.
    pub descriptors: u64,
    /// What the standard output is.
    pub stdout: Stdout,
    /// Whether to write colours to the standard output.
    pub colour_on_stdout: bool,
    /// The columns of the terminal that is the standard output.
    pub columns: Option<usize>,
    /// The time zone.
    pub zone: Zone,
    /// The address of the interface that has the default route.
    pub lan: Option<IpAddr>,
}

impl Machine {
    /// Reads the facts once. It also raises the limit of open files as far as the system allows.
    pub fn inspect() -> Machine {
        Machine {
            processors: thread::available_parallelism().map_or(1, usize::from),
            given_descriptors: descriptor_limit(),
            // After it was read.
            descriptors: raise_descriptor_limit(),
            stdout: Stdout::inspect(),
            colour_on_stdout: wants_colour(&io::stdout()),
            columns: columns(io::stdout()),
            zone: zone(env::var("TZ").ok().as_deref()),
            lan: outward_addresses().first().copied(),
        }
    }
}

/// The time zone that `TZ` names, or else that of the system. `TZ` may be the path of any file.
fn zone(variable: Option<&str>) -> Zone {
    let directories = TimeZoneSettings::DEFAULT_DIRECTORIES;
    let files = TimeZoneSettings::new(directories, |path| Ok(named_file::read(path.as_ref())?));
    Zone::read(variable, &files)
}

/// What the standard output is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stdout {
    /// A person sees it.
    Terminal,
    /// The journal of systemd reads it.
    Journal,
    /// A file, a pipe or anything else.
    Other,
}

impl Stdout {
    #[allow(clippy::unnecessary_cast, reason = "the types depend on the system")]
    fn inspect() -> Stdout {
        let stdout = io::stdout();
        let named = env::var("JOURNAL_STREAM").ok();
        let found = fstat(&stdout).ok();
        let is_journal =
            |found: &Stat| is_journal(named.as_deref(), found.st_dev as u64, found.st_ino as u64);
        if stdout.is_terminal() {
            Stdout::Terminal
        } else if found.as_ref().is_some_and(is_journal) {
            Stdout::Journal
        } else {
            Stdout::Other
        }
    }
}

/// Whether systemd has named the stream with this device and inode as one that its journal reads (systemd.exec(5)). The
/// variable alone says nothing: programs inherit it when their output goes elsewhere.
fn is_journal(named: Option<&str>, device: u64, inode: u64) -> bool {
    named.is_some_and(|named| named == format!("{device}:{inode}"))
}

/// The columns of a terminal. `None` if `stream` is no terminal, or if the terminal does not know.
pub fn columns(stream: impl AsFd) -> Option<usize> {
    let size = tcgetwinsize(stream).ok()?;
    Some(usize::from(size.ws_col)).filter(|&columns| columns > 0)
}

/// Whether there is a desktop on which a browser can open. `variable` looks up the environment.
///
/// Only Linux can tell: a program on its desktop finds it by one of two variables. Below Windows, the
/// browser opens there.
pub fn has_desktop(variable: impl Fn(&str) -> Option<OsString>) -> bool {
    let is_set = |name: &&str| variable(name).is_some_and(|value| !value.is_empty());
    let signs = ["DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME"];
    !cfg!(target_os = "linux") || signs.iter().any(is_set)
}

/// Whether to write colours to `stream`. It must be a terminal that supports them, and `NO_COLOR`
/// must be unset or empty (<https://no-color.org>).
pub fn wants_colour(stream: &impl IsTerminal) -> bool {
    let forbidden = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = env::var_os("TERM").is_some_and(|value| value == "dumb");
    stream.is_terminal() && !forbidden && !dumb
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// Neither keeps docroot from starting.
    #[test]
    fn a_zone_may_be_a_file_that_never_ends_or_never_begins() {
        let folder = tempfile::tempdir().expect("a folder");
        let fifo = folder.path().join("fifo");
        rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, rustix::fs::Mode::RUSR).expect("a FIFO");
        let utc = zone(Some("UTC0"));
        for path in [Path::new("/dev/zero"), &fifo] {
            let (read, is_read) = crossbeam_channel::bounded(1);
            let path = path.to_str().expect("UTF-8").to_owned();
            thread::spawn(move || read.send(zone(Some(&path))));
            let found = is_read.recv_timeout(std::time::Duration::from_secs(60));
            let time = |zone: &Zone| {
                let format = crate::text::calendar::TimeFormat::Rfc3339;
                zone.format(std::time::UNIX_EPOCH, format).to_string()
            };
            assert_eq!(time(&found.expect("it is read")), time(&utc));
        }
    }

    #[track_caller]
    fn check_desktop(variables: &[(&str, &str)], want: bool) {
        let variable = |name: &str| {
            let found = variables.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| OsString::from(value))
        };
        let want = want || !cfg!(target_os = "linux");
        assert_eq!(has_desktop(variable), want, "{variables:?}");
    }

    #[test]
    fn the_journal_is_the_stream_that_systemd_has_named() {
        assert!(is_journal(Some("9:40123"), 9, 40123));
        for named in [
            None,
            Some(""),
            Some("9:4012"),
            Some("8:40123"),
            Some("9:40123 "),
        ] {
            assert!(!is_journal(named, 9, 40123), "{named:?}");
        }
    }

    #[test]
    fn a_desktop_is_named_in_the_environment() {
        check_desktop(&[("DISPLAY", ":0")], true);
        check_desktop(&[("WAYLAND_DISPLAY", "wayland-0")], true);
        check_desktop(&[("WSL_DISTRO_NAME", "Debian")], true);
        check_desktop(&[], false);
        check_desktop(&[("DISPLAY", "")], false);
    }
}
