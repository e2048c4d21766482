//! tinyproxy, a proxy of Debian that knows CONNECT, with a configuration and a port of its own.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};

use super::support::program::{free_port, skipped};
use super::support::until;

/// A proxy that runs. Dropping it ends it.
pub struct Tinyproxy {
    child: Child,
    address: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Tinyproxy {
    /// Starts it. If it is not installed, it says so and is `None`.
    pub fn start() -> Option<Tinyproxy> {
        if Command::new("tinyproxy").arg("-v").output().is_err() {
            skipped("tinyproxy is not installed");
            return None;
        }
        // It wants to know its port. If somebody else takes that first, it ends, and another port is tried.
        let mut tries = std::iter::repeat_with(Tinyproxy::at_free_port).take(10);
        let started = tries.find_map(|started| started);
        Some(started.expect("a free port"))
    }

    fn at_free_port() -> Option<Tinyproxy> {
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("tinyproxy.conf");
        let port = address.port();
        let configuration = format!("Port {port}\nListen 127.0.0.1\nAllow 127.0.0.1\n");
        fs::write(&file, configuration).expect("written");
        let mut command = Command::new("tinyproxy");
        command.arg("-d").arg("-c").arg(file);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut proxy = Tinyproxy {
            child: command.spawn().expect("tinyproxy"),
            address,
            _folder: folder,
        };
        let mut has_ended = false;
        until("tinyproxy listens", || {
            has_ended = proxy.child.try_wait().expect("a child").is_some();
            has_ended || TcpStream::connect(address).is_ok()
        });
        (!has_ended).then_some(proxy)
    }

    /// A connection to it.
    pub fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).expect("it listens")
    }
}

impl Drop for Tinyproxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
