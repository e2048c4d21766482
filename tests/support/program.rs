//! The command as people run it: a process with arguments, variables and a banner.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use rustix::process::{Pid, Signal, geteuid, kill_process};

use super::{Client, connect_from, until};

/// A running server. Dropping it ends it.
pub struct Program {
    pub child: Child,
    pub address: SocketAddr,
    /// The banner.
    pub banner: String,
    said: Arc<Mutex<String>>,
    listener: Option<JoinHandle<()>>,
}

/// The command with an environment that says nothing.
pub fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_docroot"));
    command.env_clear().stdin(Stdio::null());
    command
}

/// Runs a program for which the kernel refuses calls.
const SECCOMP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/seccomp.py");

/// The command, for which the kernel refuses a call with this error.
pub fn command_without(call: &str, error: &str) -> Command {
    let mut command = Command::new("python3");
    let docroot = env!("CARGO_BIN_EXE_docroot");
    command.args(["-I", SECCOMP, "without", call, error, docroot]);
    command.stdin(Stdio::null());
    command
}

/// The command, which the kernel ends at the first call that is not among these numbers.
pub fn command_only(calls: &[String]) -> Command {
    let mut command = Command::new("python3");
    command.args(["-I", SECCOMP, "only", &calls.join(",")]);
    command.arg(env!("CARGO_BIN_EXE_docroot"));
    command.stdin(Stdio::null());
    command
}

/// The same without the rights of root to read and to listen where others may not. If the tests run
/// as root and cannot give up those rights, it says so and is `None`.
pub fn unprivileged() -> Option<Command> {
    if !geteuid().is_root() {
        return Some(command());
    }
    let drop = "--bounding-set=-dac_override,-dac_read_search,-net_bind_service";
    let probe = Command::new("setpriv").args([drop, "true"]).output();
    if !probe.is_ok_and(|output| output.status.success()) {
        skipped("the tests run as root, and setpriv cannot give up its rights");
        return None;
    }
    let mut command = Command::new("setpriv");
    command.env_clear().stdin(Stdio::null());
    command.args([drop, env!("CARGO_BIN_EXE_docroot")]);
    Some(command)
}

/// Says why a test is skipped, where people see it: cargo captures what macros print, but not this.
pub fn skipped(why: &str) {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    let told = writeln!(std::io::stderr(), "\nskipped: {test}: {why}");
    told.expect("standard error is open");
}

/// Ends a test in which a server becomes another user, if the tests may not do that.
#[allow(unused_macros, reason = "few tests need root")]
macro_rules! needs_root {
    () => {
        if !rustix::process::geteuid().is_root() {
            return $crate::support::program::skipped("only root may become another user");
        }
    };
}
#[allow(unused_imports, reason = "few tests need root")]
pub(crate) use needs_root;

/// A terminal: the end of its user, and the end of the program.
pub fn terminal() -> (File, File) {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let user = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&user).expect("a terminal");
    unlockpt(&user).expect("a terminal");
    let name = ptsname(&user, Vec::new()).expect("a name");
    let program = OpenOptions::new()
        .read(true)
        .write(true)
        .open(name.to_string_lossy().as_ref());
    (user.into(), program.expect("it opens"))
}

/// A free port. It is below the ports that Linux gives to clients, so no client takes it. Another test
/// process may choose the same one if it begins at the same number.
pub fn free_port() -> u16 {
    static TRIED: AtomicU32 = AtomicU32::new(0);
    loop {
        let tried = TRIED.fetch_add(1, Ordering::Relaxed);
        let number = 10_000 + (std::process::id() % 100 * 200 + tried) % 20_000;
        let port = u16::try_from(number).expect("a small number");
        if TcpListener::bind(("0.0.0.0", port)).is_ok() {
            return port;
        }
    }
}

impl Program {
    /// Serves `root` on any port of 127.0.0.1, without a log.
    pub fn serve(root: &Path) -> Program {
        let mut command = command();
        command.args(["--log-format", "off"]).arg(root);
        Program::start(&mut command)
    }

    /// Starts the command, on any port of 127.0.0.1, and waits for its banner. It also answers for the
    /// host of [`request`](super::request).
    pub fn start(command: &mut Command) -> Program {
        command.args(["--port", "0", "--bind", "127.0.0.1"]);
        command.args(["--allow-host", "test"]);
        Program::start_as_told(command)
    }

    /// The same where its arguments and variables say where it listens.
    pub fn start_as_told(command: &mut Command) -> Program {
        let mut child = command.stderr(Stdio::piped()).spawn().expect("it starts");
        let mut stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        let mut banner = String::new();
        while !banner.ends_with("Press Ctrl-C to stop.\n") {
            let count = stderr.read_line(&mut banner).expect("text");
            assert!(count > 0, "it ended: {banner}");
        }
        let url = banner.split("://").nth(1).expect("a URL");
        let address = url.split('/').next().expect("a host and a port");
        let said = Arc::<Mutex<String>>::default();
        let listener = listen(stderr, Arc::clone(&said));
        Program {
            address: address.parse().expect("an address"),
            child,
            banner,
            said,
            listener: Some(listener),
        }
    }

    /// A new connection.
    pub fn connect(&self) -> Client {
        Client::of(TcpStream::connect(self.address).expect("it accepts"))
    }

    /// A new connection from another address of this machine.
    pub fn connect_from(&self, source: [u8; 4]) -> Client {
        Client::of(connect_from(source, self.address))
    }

    /// Where it answers operators, as its banner says.
    pub fn admin(&self) -> SocketAddr {
        let address = self.banner.split("metrics are at http://").nth(1);
        let address = address.and_then(|rest| rest.split('/').next());
        let address = address.expect("--admin");
        address.parse().expect("an address")
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).expect("it runs");
    }

    /// What it has said after the banner so far.
    pub fn said(&self) -> String {
        self.said.lock().expect("no panic").clone()
    }

    /// Waits until it has said this after the banner.
    pub fn until_said(&self, text: &str) {
        until(text, || self.said().contains(text));
    }

    /// Waits for its end; also gives what it said after the banner.
    pub fn wait(mut self) -> (ExitStatus, String) {
        let mut status = None;
        until("the process ends", || {
            status = self.child.try_wait().expect("a child");
            status.is_some()
        });
        let listener = self.listener.take().expect("waited for once");
        listener.join().expect("it speaks text");
        (status.expect("it has ended"), self.said())
    }
}

/// Notes every line as it is said.
fn listen(mut stderr: impl BufRead + Send + 'static, said: Arc<Mutex<String>>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut line = String::new();
        while stderr.read_line(&mut line).expect("text") > 0 {
            said.lock().expect("no panic").push_str(&line);
            line.clear();
        }
    })
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
