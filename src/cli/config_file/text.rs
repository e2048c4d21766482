//! Reads the text of a configuration file.

use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::Duration;

use crate::observe::log_file::MADE_AGAIN;
use crate::site::named_file::{ReadError, read, read_or_await};

/// How long docroot waits at its start for somebody who writes to a pipe: the command that opens the other end has
/// been started already.
const PATIENCE: Duration = Duration::from_secs(10);

/// Reads a file when docroot starts. It may be a pipe such as that of `<(command)`. A file of more than 1 MiB is an
/// error.
pub fn read_at_start(path: &Path) -> io::Result<String> {
    text(read_or_await(path, PATIENCE))
}

/// Reads a file while docroot serves. Anything but a regular file is an error, because a read of it may never end.
/// So is a file of more than 1 MiB.
pub fn read_at_reload(path: &Path) -> io::Result<String> {
    text(read(path)).map_err(|fault| match fault.kind() {
        ErrorKind::PermissionDenied => io::Error::new(
            ErrorKind::PermissionDenied,
            format!("{fault}; let the user of docroot read it, or, {MADE_AGAIN}"),
        ),
        _ => fault,
    })
}

fn text(bytes: Result<Vec<u8>, ReadError>) -> io::Result<String> {
    let bytes = bytes.map_err(|fault| match fault {
        ReadError::Unreadable(fault) => fault,
        ReadError::NotRegular => io::Error::other(format!(
            "{fault}: put one into its place, or restart docroot"
        )),
        ReadError::TooLarge | ReadError::NoWriter => {
            io::Error::other(format!("{fault}: name a configuration file"))
        }
    })?;
    String::from_utf8(bytes).map_err(|_| io::Error::other("it is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[track_caller]
    fn check(outcome: io::Result<String>, want: Result<&str, &str>) {
        let outcome = outcome.map_err(|fault| fault.to_string());
        let shown = outcome.as_ref().map(String::as_str);
        match (shown, want) {
            (Err(fault), Err(want)) => assert!(fault.contains(want), "{fault}"),
            _ => assert_eq!(shown.map_err(String::as_str), want),
        }
    }

    #[test]
    fn files_are_read_up_to_their_limit() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("a.toml");
        for read in [read_at_start, read_at_reload] {
            check(read(&path), Err("No such file"));
            fs::write(&path, "port = 1").expect("a file");
            check(read(&path), Ok("port = 1"));
            let most = "#".repeat(1 << 20);
            fs::write(&path, &most).expect("a file");
            check(read(&path), Ok(&most));
            fs::write(&path, most.clone() + "#").expect("a file");
            check(read(&path), Err("larger than 1 MiB"));
            // The limit is in the middle of a character.
            fs::write(&path, most.clone() + "\u{e4}").expect("a file");
            check(read(&path), Err("larger than 1 MiB"));
            fs::write(&path, b"\xff").expect("a file");
            check(read(&path), Err("UTF-8"));
            fs::remove_file(&path).expect("a file");
        }
    }

    #[test]
    fn what_never_ends_is_refused() {
        let zero = Path::new("/dev/zero");
        check(read_at_start(zero), Err("larger than 1 MiB"));
        check(read_at_reload(zero), Err("not a regular file"));
        let folder = tempfile::tempdir().expect("a temporary folder");
        check(read_at_reload(folder.path()), Err("not a regular file"));
    }
}
