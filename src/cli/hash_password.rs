//! `docroot hash-password`: asks for a password and hashes it.
//!
//! On a terminal, docroot asks twice and the terminal does not show the password. Otherwise it reads one
//! line. It prints the hash alone, so that a shell can use it.

use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::process;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP};
use signal_hook::iterator::Signals;
use unicode_normalization::UnicodeNormalization;

use crate::cli::signals::held_back;
use crate::origin::auth::fault::AuthError;
use crate::semantics::protection::MOST_BYTES;
use crate::sync::lock;

/// Asks for a password and returns its hash.
pub fn run() -> Result<String, String> {
    if !cfg!(feature = "auth") {
        return Err(AuthError::NotBuiltIn.to_string());
    }
    let typed = match io::stdin().is_terminal() {
        true => ask_twice()?,
        false => read_line().map_err(unreadable)?,
    };
    hash(&checked(&typed)?).ok_or_else(|| AuthError::Random.to_string())
}

#[cfg(feature = "auth")]
fn hash(password: &str) -> Option<String> {
    crate::origin::auth::hash::Hash::of(password.as_bytes())
}

#[cfg(not(feature = "auth"))]
fn hash(_: &str) -> Option<String> {
    None
}

/// The password as browsers send it: in UTF-8 and composed (NFC, RFC 7617 section 2.1).
fn checked(typed: &[u8]) -> Result<String, String> {
    let text = std::str::from_utf8(typed).map_err(|_| "the password is not UTF-8")?;
    let password: String = text.nfc().collect();
    if password.is_empty() {
        return Err("the password is empty: type one".into());
    }
    if password.len() > MOST_BYTES {
        let what = "the password is longer than";
        return Err(format!("{what} {MOST_BYTES} bytes: choose a shorter one"));
    }
    if password.chars().any(char::is_control) {
        let what = "the password has a control character, which HTTP cannot send";
        return Err(format!("{what}: choose another one"));
    }
    Ok(password)
}

/// Asks at the terminal. The terminal shows the passwords again if the process is ended meanwhile.
fn ask_twice() -> Result<Vec<u8>, String> {
    let silent = Silent::begin().map_err(unreadable)?;
    let first = ask("Password: ")?;
    checked(&first)?;
    let second = ask("The same again: ")?;
    drop(silent);
    match first == second {
        true => Ok(first),
        false => Err("the passwords differ: try again".into()),
    }
}

fn ask(prompt: &str) -> Result<Vec<u8>, String> {
    let mut terminal = io::stderr();
    let shown = terminal.write_all(prompt.as_bytes());
    shown.and_then(|()| read_line()).map_err(unreadable)
}

/// One line of the standard input, without its end.
fn read_line() -> io::Result<Vec<u8>> {
    // Nobody types more, and a file may be endless.
    const LONGEST: u64 = 16 * 1024;
    let mut line = Vec::new();
    io::stdin()
        .lock()
        .take(LONGEST)
        .read_until(b'\n', &mut line)?;
    for end in [b"\n", b"\r"] {
        if line.ends_with(end) {
            line.pop();
        }
    }
    Ok(line)
}

fn unreadable(fault: io::Error) -> String {
    format!("the password cannot be read: {fault}")
}

/// The signals that end docroot while the terminal is silent.
const ENDING: [i32; 4] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM];

/// A terminal that does not show what is typed. Dropping it restores the terminal. Meanwhile Ctrl-Z does nothing: not
/// every shell restores a terminal that it takes from a program that has stopped.
struct Silent(Arc<Mutex<Termios>>);

impl Silent {
    fn begin() -> io::Result<Silent> {
        let silent = Silent(Arc::new(Mutex::new(tcgetattr(io::stdin())?)));
        let restored = Arc::clone(&silent.0);
        let mut signals = held_back(|| Signals::new(ENDING.iter().chain(&[SIGTSTP])))?;
        thread::Builder::new().spawn(move || {
            if let Some(signal) = signals.forever().find(|one| ENDING.contains(one)) {
                // It stays locked, so that nobody makes the terminal silent again.
                let _before = restore(&restored);
                process::exit(128 + signal);
            }
        })?;
        silent.silence()?;
        Ok(silent)
    }

    fn silence(&self) -> io::Result<()> {
        let before = lock(&self.0);
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        // The end of the line is shown, so that the next prompt is on a line of its own.
        silent.local_modes.insert(LocalModes::ECHONL);
        Ok(tcsetattr(io::stdin(), OptionalActions::Flush, &silent)?)
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        drop(restore(&self.0));
    }
}

fn restore(before: &Mutex<Termios>) -> MutexGuard<'_, Termios> {
    let before = lock(before);
    // If the terminal is gone, there is nothing to restore.
    let _ = tcsetattr(io::stdin(), OptionalActions::Now, &before);
    before
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(typed: &str, want: Result<&str, &str>) {
        match (checked(typed.as_bytes()), want) {
            (Ok(got), Ok(want)) => assert_eq!(got, want),
            (Err(got), Err(want)) => assert!(got.contains(want), "{got}"),
            (got, want) => panic!("{typed:?}: {got:?}, not {want:?}"),
        }
    }

    #[test]
    fn a_password_is_what_http_can_send() {
        check("secret", Ok("secret"));
        check(" a b ", Ok(" a b "));
        check("a\u{308}", Ok("\u{e4}"));
        check("", Err("empty"));
        check("a\tb", Err("control"));
        check(&"a".repeat(255), Ok(&"a".repeat(255)));
        check(&"a".repeat(256), Err("255 bytes"));
        assert!(checked(b"\xff").is_err());
    }
}
