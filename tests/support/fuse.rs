//! A real file system that is slow: a folder that the kernel reads through a program, by FUSE.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use super::program::skipped;

const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/hold/slow_disk.py");

/// A mounted file system. Dropping it lets everything go on and unmounts it.
pub struct SlowFs {
    program: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl SlowFs {
    /// Shows `folder` at `mountpoint`. If this machine does not allow that, it says so and is `None`.
    pub fn mount(folder: &Path, mountpoint: &Path) -> Option<SlowFs> {
        let program = Command::new("python3")
            .arg(PROGRAM)
            .args([folder, mountpoint])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let Ok(mut program) = program else {
            skipped("there is no python3 to run a FUSE file system");
            return None;
        };
        let mut mounted = SlowFs {
            orders: program.stdin.take(),
            answers: BufReader::new(program.stdout.take().expect("a pipe")),
            program,
        };
        match mounted.answer() {
            ready if ready == "ready" => Some(mounted),
            why => {
                skipped(&format!("no FUSE file system can be mounted here: {why}"));
                None
            }
        }
    }

    /// Gives an order, as the program describes them, and waits until it is obeyed.
    pub fn order(&mut self, order: &str) {
        let orders = self.orders.as_mut().expect("it is mounted");
        writeln!(orders, "{order}").expect("it reads");
        assert_eq!(self.answer(), "done");
    }

    fn answer(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("text");
        line.trim_end().to_owned()
    }
}

impl Drop for SlowFs {
    fn drop(&mut self) {
        // The end of its input would not do: a process that another test is starting may have inherited the
        // pipe, and may wait for this very file system in turn.
        if let Some(mut orders) = self.orders.take() {
            let _ = writeln!(orders, "end");
        }
        // If it reads no order or cannot be waited for, it has ended.
        let _ = self.program.wait();
    }
}

/// Another mount. Dropping it unmounts it.
pub struct Mount(PathBuf);

impl Mount {
    /// Shows these folders as one at `mountpoint`, by an overlay. If this machine does not allow that, it
    /// says so and is `None`.
    pub fn overlay(folders: &[&Path], mountpoint: &Path) -> Option<Mount> {
        let folders: Vec<_> = folders.iter().map(|path| path.to_string_lossy()).collect();
        let folders = format!("lowerdir={}", folders.join(":"));
        Mount::of("overlay", &["-o", &folders], mountpoint)
    }

    /// An empty file system in memory.
    pub fn memory(mountpoint: &Path) -> Option<Mount> {
        Mount::of("tmpfs", &[], mountpoint)
    }

    fn of(kind: &str, options: &[&str], mountpoint: &Path) -> Option<Mount> {
        let mut mount = Command::new("mount");
        mount.args(["-t", kind, kind]).args(options).arg(mountpoint);
        match mount.output() {
            Ok(output) if output.status.success() => Some(Mount(mountpoint.to_owned())),
            _ => {
                skipped(&format!("no {kind} can be mounted here"));
                None
            }
        }
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // A server may still have it open.
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).output();
    }
}
