//! Warnings about a configuration that serves more than its operator may want. docroot prints them
//! on the standard error before the banner, one line each. `--quiet` does not silence them.

use std::fmt;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};
use rustix::process::geteuid;

use crate::net::config::Config;
use crate::net::tls::options::CertificateSource;
use crate::text::escape::Name;

/// A warning. The text says what is wrong, then what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Warning {
    /// docroot runs as root, and other machines can connect.
    Root,
    /// Other machines can connect to a root with private files. The second path is one of them.
    PrivateFiles(PathBuf, PathBuf),
    /// Other machines can read hidden files.
    Hidden,
    /// Other users of this machine can read the private key, or write it.
    OpenKey(PathBuf, u32),
}

/// What the warnings depend on, beside the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// Whether docroot runs as root.
    pub is_root: bool,
    /// The served directory and a private file in it that docroot can read, if there is one.
    pub private: Option<(PathBuf, PathBuf)>,
    /// The permissions of the private key.
    pub key_mode: Option<u32>,
}

impl Surroundings {
    /// Looks at the process and at the files that the configuration names.
    pub fn inspect(config: &Config) -> Surroundings {
        let key = key(config).and_then(|key| fs::metadata(key).ok());
        Surroundings {
            is_root: geteuid().is_root(),
            private: private(&config.root),
            key_mode: key.map(|key| key.permissions().mode() & 0o777),
        }
    }
}

/// Names that mark a directory as one with private files: the whole file system, and a home.
const PRIVATE: [&str; 2] = ["etc/shadow", ".ssh"];

/// The absolute path of the served directory, and the private file in it. If docroot serves a single
/// file, there is none.
fn private(root: &Path) -> Option<(PathBuf, PathBuf)> {
    let root = root.canonicalize().ok()?;
    let is_readable = |path: &PathBuf| access(path, Access::READ_OK).is_ok();
    let found = PRIVATE
        .map(|name| root.join(name))
        .into_iter()
        .find(is_readable);
    // Even if docroot cannot read its password file, the whole file system is private.
    let found = found.or_else(|| (root == Path::new("/")).then(|| root.clone()));
    found.map(|file| (root, file))
}

fn key(config: &Config) -> Option<&Path> {
    match &config.tls.as_ref()?.certificate {
        CertificateSource::Files { key, .. } => Some(key),
        CertificateSource::SelfSigned => None,
    }
}

/// The warnings about a server.
pub fn warnings(config: &Config, surroundings: &Surroundings) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let is_open = !config.bind.is_loopback();
    if is_open && surroundings.is_root {
        warnings.push(Warning::Root);
    }
    if let (true, Some((root, file))) = (is_open, &surroundings.private) {
        warnings.push(Warning::PrivateFiles(root.clone(), file.clone()));
    }
    if is_open && config.site.hidden {
        warnings.push(Warning::Hidden);
    }
    if let (Some(key), Some(mode)) = (key(config), surroundings.key_mode)
        && mode & OTHERS != 0
    {
        warnings.push(Warning::OpenKey(key.to_owned(), mode));
    }
    warnings
}

/// The permissions of the group and of all others.
const OTHERS: u32 = 0o077;

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("warning: ")?;
        match self {
            Warning::Root => f.write_str(
                "docroot runs as root and other machines can connect; \
                 run it as a user that can read only the served files",
            ),
            Warning::PrivateFiles(root, file) if root == file => write!(
                f,
                "other machines can connect and {} is the whole file system; \
                 serve a directory that has only public files",
                Name::of(root)
            ),
            Warning::PrivateFiles(root, file) => write!(
                f,
                "other machines can connect and {} has private files such as {}; \
                 serve a directory that has only public files",
                Name::of(root),
                Name::of(file)
            ),
            Warning::Hidden => f.write_str(
                "other machines can connect and read hidden files such as .git and .env; \
                 leave out --include-hidden unless they may",
            ),
            Warning::OpenKey(key, mode) => write!(
                f,
                "other users can access the private key {} (its mode is {mode:03o}); \
                 run chmod 600 on it",
                Name::of(key)
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::net::tls::options::{ClientAuthentication, TlsOptions, TlsVersion};

    fn config(address: &str) -> Config {
        let mut config = Config::new("/srv".into(), 1, 1024);
        let ip: IpAddr = address.parse().expect(address);
        config.bind.required = vec![ip];
        config.bind.optional.clear();
        config
    }

    #[track_caller]
    fn check(config: &Config, surroundings: &Surroundings, want: &[&str]) {
        let texts: Vec<String> = warnings(config, surroundings)
            .iter()
            .map(Warning::to_string)
            .collect();
        assert_eq!(texts, want);
    }

    #[test]
    fn a_server_for_other_machines_is_warned_about_what_it_exposes() {
        let surroundings = Surroundings {
            is_root: true,
            private: Some(("/srv\u{202e}".into(), "/srv\u{202e}/.ssh".into())),
            key_mode: None,
        };
        let mut hidden = config("0.0.0.0");
        hidden.site.hidden = true;
        let want = [
            "warning: docroot runs as root and other machines can connect; \
             run it as a user that can read only the served files",
            "warning: other machines can connect and \"/srv\\u{202e}\" has private files such as \
             \"/srv\\u{202e}/.ssh\"; serve a directory that has only public files",
            "warning: other machines can connect and read hidden files such as .git and .env; \
             leave out --include-hidden unless they may",
        ];
        check(&hidden, &surroundings, &want);
        check(&config("192.0.2.7"), &surroundings, &want[..2]);
        check(&config("192.0.2.7"), &Surroundings::default(), &[]);
        for loopback in ["127.0.0.1", "127.0.0.9", "::1", "::ffff:127.0.0.1"] {
            let mut local = config(loopback);
            local.site.hidden = true;
            check(&local, &surroundings, &[]);
        }
    }

    #[test]
    fn the_whole_file_system_is_private() {
        let (root, file) = private(Path::new("/")).expect("it is private");
        assert_eq!(root, Path::new("/"));
        let file_system = Surroundings {
            private: Some((root.clone(), root)),
            ..Surroundings::default()
        };
        let want = "warning: other machines can connect and \"/\" is the whole file system; \
                    serve a directory that has only public files";
        check(&config("::"), &file_system, &[want]);
        assert!(file == Path::new("/") || file == Path::new("/etc/shadow"));
    }

    #[test]
    fn a_private_key_is_for_one_user() {
        let mut secure = config("127.0.0.1");
        secure.tls = Some(TlsOptions {
            certificate: CertificateSource::Files {
                certificate: "c.pem".into(),
                key: "k.pem".into(),
            },
            clients: ClientAuthentication::None,
            client_depth: 1,
            min: TlsVersion::Tls12,
            hsts: None,
            redirect: None,
        });
        for mode in [0o600, 0o400, 0o700] {
            let key_mode = Some(mode);
            check(
                &secure,
                &Surroundings {
                    key_mode,
                    ..Surroundings::default()
                },
                &[],
            );
        }
        for mode in [0o640, 0o604, 0o620, 0o602, 0o610, 0o601] {
            let want = format!(
                "warning: other users can access the private key \"k.pem\" (its mode is {mode:03o}); \
                 run chmod 600 on it"
            );
            let key_mode = Some(mode);
            check(
                &secure,
                &Surroundings {
                    key_mode,
                    ..Surroundings::default()
                },
                &[&want],
            );
        }
    }
}
