//! nginx as a reverse proxy, with a configuration, a port and files of its own.

use std::fmt::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::program::skipped;
use super::tls::Issued;

/// A proxy that runs. Dropping it ends it.
pub struct Nginx {
    child: Child,
    pub address: SocketAddr,
    folder: tempfile::TempDir,
}

/// Directories for what does not fit into memory. The default ones belong to the system.
const TEMPORARY: [&str; 5] = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];

impl Nginx {
    /// Starts nginx with these directives in its `server` block. It speaks TLS if it gets a certificate. If nginx is
    /// not installed, it says so and is `None`.
    pub fn start(directives: &str, certificate: Option<&Issued>) -> Option<Nginx> {
        let Some(program) = program() else {
            skipped("nginx is not installed");
            return None;
        };
        // nginx takes over a socket that listens, as from an nginx before it. So the system may choose the port.
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        listener.set_nonblocking(true).expect("a mode");
        let address = listener.local_addr().expect("an address");
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().display();
        let mut server = match certificate {
            Some(Issued { certificate, key }) => format!(
                "listen {address} ssl;\nssl_certificate {};\nssl_certificate_key {};\n",
                certificate.display(),
                key.display()
            ),
            None => format!("listen {address};\n"),
        };
        server += directives;
        let mut http = "access_log off;\n".to_owned();
        for name in TEMPORARY {
            writeln!(http, "{name}_temp_path {path}/{name};").expect("a string");
        }
        let configuration = format!(
            "daemon off;\npid {path}/pid;\nerror_log {path}/errors;\nevents {{}}\n\
             http {{\n{http}server {{\n{server}\n}}\n}}\n"
        );
        let file = folder.path().join("nginx.conf");
        std::fs::write(&file, configuration).expect("written");
        let mut command = Command::new(program);
        command.arg("-c").arg(file);
        command.arg("-e").arg(folder.path().join("errors"));
        command.env("NGINX", "0;").stdin(OwnedFd::from(listener));
        command.stderr(Stdio::null());
        let child = command.spawn().expect("nginx");
        Some(Nginx {
            child,
            address,
            folder,
        })
    }
}

/// The program. Debian has it where only root looks.
fn program() -> Option<&'static str> {
    let mut names = ["nginx", "/usr/sbin/nginx"].into_iter();
    names.find(|name| {
        let mut command = Command::new(name);
        command
            .arg("-v")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    })
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // It ends its worker first.
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let _ = self.child.wait();
        if std::thread::panicking() {
            let errors = std::fs::read_to_string(self.folder.path().join("errors"));
            println!("nginx said: {}", errors.unwrap_or_default());
        }
    }
}
