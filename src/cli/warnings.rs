//! Warnings about a configuration that serves more than its operator may want. docroot prints them
//! on the standard error before the banner, one line each. `--quiet` does not silence them.

use std::env;
use std::fmt;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};
use rustix::process::{getegid, geteuid, getgroups};

use super::secrets::{
    OTHER_WRITES, is_served, is_writable_for_all, key, open_secrets, served_secrets,
};
use crate::net::config::Config;
use crate::net::logs;
use crate::net::passed;
use crate::net::privileges::reach::{Reread, SYSTEM, reread};
use crate::net::privileges::user::UserName;
use crate::observe::notice::WARNING;
use crate::text::escape::Name;

/// A warning. The text says what is wrong, then what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Warning {
    /// docroot runs as root, and other machines can connect.
    Root,
    /// Other machines can connect to a private root.
    Private(PathBuf, Private),
    /// The root is the whole file system, and only this machine can connect.
    FileSystem,
    /// Other machines can read hidden files.
    Hidden,
    /// Passwords cross the network in plain text.
    PlainPasswords,
    /// Every client can say that it is another one.
    EveryProxy,
    /// The service manager has passed so many sockets, and docroot does not listen there.
    UnusedSockets(usize),
    /// The administrative pages are on every address of the machine.
    OpenAdmin,
    /// A file with secrets of docroot itself is among the files that are served.
    ServedSecret(Reread, PathBuf),
    /// The file of a log is among the files that are served.
    ServedLog(PathBuf),
    /// The page of the application does not exist in a served directory or, as the last value says, something that is
    /// no file has its name.
    NoApplication(String, PathBuf, bool),
    /// Other users of this machine can read a file with secrets of docroot itself, or write it. Its permissions tell.
    OpenSecret(Reread, PathBuf, u32),
    /// Other users of this machine can replace the private key, because they may write to its folder.
    OpenFolder(PathBuf),
    /// Every user of this machine can change what is served.
    OpenRoot(PathBuf),
    /// Clients can read the history of a served directory.
    History(PathBuf),
    /// The user of `--user` belongs to the group of root.
    RootGroup(UserName),
    /// The user of `--user` cannot read a file that docroot reads again when it changes.
    Unreadable(UserName, Reread, PathBuf),
}

/// Why a root is private.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Private {
    /// It is the whole file system.
    FileSystem,
    /// It is the home directory of the user.
    Home,
    /// It is a directory in which the system keeps what is not for everybody.
    System,
    /// It has a password file, so it is probably the file system of another system.
    LikeFileSystem(PathBuf),
    /// It has the settings of SSH, so it is probably the home directory of another user. docroot hides
    /// the settings themselves by default.
    LikeHome(PathBuf),
    /// It has a private key, and docroot does not hide it.
    Key(PathBuf),
}

/// What the warnings depend on, beside the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// Whether docroot runs as root.
    pub is_root: bool,
    /// The served directories and files that are private.
    pub private: Vec<(PathBuf, Private)>,
    /// Whether docroot serves a single file.
    pub is_file: bool,
    /// How many sockets that the service manager has passed are not used.
    pub unused_sockets: usize,
    /// The files with secrets of docroot itself that are served.
    pub served_secrets: Vec<(Reread, PathBuf)>,
    /// The files of logs that are served.
    pub served_logs: Vec<PathBuf>,
    /// The served directories that lack the page of the application, each with whether something else has its name.
    pub without_application: Vec<(PathBuf, bool)>,
    /// The files with secrets of docroot itself that other users can read or write, and their permissions.
    pub open_secrets: Vec<(Reread, PathBuf, u32)>,
    /// The folder of the private key, if everyone may write to it.
    pub key_folder: Option<PathBuf>,
    /// The served directories and files that everyone may write to.
    pub open_roots: Vec<PathBuf>,
    /// The served directories that have a history.
    pub histories: Vec<PathBuf>,
    /// Whether docroot became another user, and the process still belongs to the group of root.
    pub has_root_group: bool,
    /// The files that docroot was told to read again when they change, and cannot read as the user that it has
    /// become.
    pub unreadable: Vec<(Reread, PathBuf)>,
}

impl Surroundings {
    /// Looks at the process and at the files that the configuration names. If the process becomes another user, this
    /// comes after it.
    pub fn inspect(config: &Config) -> Surroundings {
        let mode = |path: &Path| Some(fs::metadata(path).ok()?.permissions().mode());
        let is_open = |path: &Path| mode(path).is_some_and(is_writable_for_all);
        let folder =
            key(config).and_then(|key| Some(key.canonicalize().ok()?.parent()?.to_owned()));
        let home = env::var_os("HOME").map(PathBuf::from);
        Surroundings {
            is_root: geteuid().is_root(),
            private: config
                .roots()
                .into_iter()
                .filter_map(|root| private(root, home.as_deref()))
                .collect(),
            unused_sockets: match config.bind.passed {
                true => 0,
                false => passed::waiting(),
            },
            is_file: config.roots().iter().all(|root| root.is_file()),
            served_secrets: served_secrets(config),
            served_logs: served_logs(config),
            without_application: without_application(config),
            open_secrets: open_secrets(config),
            key_folder: folder.filter(|folder| is_open(folder)),
            open_roots: those(config, is_open),
            histories: those(config, |root| root.is_dir() && root.join(".git").exists()),
            has_root_group: config.privileges.user.is_some() && has_root_group(),
            unreadable: unreadable(config),
        }
    }
}

/// The usual names of private keys.
const KEYS: [&str; 9] = [
    "id_rsa",
    "id_ecdsa",
    "id_ed25519",
    "id_dsa",
    "key.pem",
    "privkey.pem",
    "private.pem",
    "private.key",
    "server.key",
];

/// The absolute path of the root, and why it is private. A single file is not: the operator has named it.
fn private(root: &Path, home: Option<&Path>) -> Option<(PathBuf, Private)> {
    let root = root.canonicalize().ok()?;
    let is_readable = |path: &PathBuf| access(path, Access::READ_OK).is_ok();
    let readable = |name: &str| Some(root.join(name)).filter(is_readable);
    let is_key = |path: &PathBuf| path.is_file() && is_readable(path);
    let reason = if root == Path::new("/") {
        Private::FileSystem
    } else if home.is_some_and(|home| is_same(home, &root) && is_own(&root)) {
        Private::Home
    } else if SYSTEM.iter().any(|path| is_same(Path::new(path), &root)) {
        Private::System
    } else if let Some(passwords) = readable("etc/shadow") {
        Private::LikeFileSystem(passwords)
    } else if let Some(settings) = readable(".ssh") {
        Private::LikeHome(settings)
    } else {
        let mut keys = KEYS.iter().map(|name| root.join(name));
        Private::Key(keys.find(is_key)?)
    };
    Some((root, reason))
}

/// Whether two paths name the same directory, whatever links and mounts lead there.
fn is_same(one: &Path, other: &Path) -> bool {
    let identity = |path: &Path| fs::metadata(path).map(|found| (found.dev(), found.ino()));
    identity(one).is_ok_and(|one| identity(other).is_ok_and(|other| one == other))
}

/// Whether this user owns a directory. A user that exists for a service often has a home directory that
/// belongs to root and is public, such as /var/www. For root, every home directory counts.
fn is_own(directory: &Path) -> bool {
    let user = geteuid();
    user.is_root() || fs::metadata(directory).is_ok_and(|found| found.uid() == user.as_raw())
}

/// The served directories and files for which something is true.
fn those(config: &Config, is_one: impl Fn(&Path) -> bool) -> Vec<PathBuf> {
    let roots = config.roots().into_iter();
    let some = roots.filter(|root| is_one(root));
    some.map(Path::to_owned).collect()
}

/// Whether the process is not root's, but belongs to its group.
fn has_root_group() -> bool {
    let groups = getgroups().unwrap_or_default();
    let mut groups = groups.into_iter().chain([getegid()]);
    !geteuid().is_root() && groups.any(|group| group.is_root())
}

/// The files to read again that this user cannot read.
fn unreadable(config: &Config) -> Vec<(Reread, PathBuf)> {
    let files = reread(config).into_iter();
    let refused = files.filter(|(_, file)| access(*file, Access::READ_OK).is_err());
    refused
        .map(|(kind, file)| (kind, file.to_owned()))
        .collect()
}

/// The files of logs that are among the files that are served, or would be once they exist.
fn served_logs(config: &Config) -> Vec<PathBuf> {
    let real = logs::names(config).filter_map(|name| name.real_path());
    real.filter(|file| !file.is_dir() && is_served(config, file))
        .collect()
}

/// The served directories that lack the page of the application. With negotiation, a file in a language may
/// replace the page.
fn without_application(config: &Config) -> Vec<(PathBuf, bool)> {
    let page = config
        .site
        .spa
        .as_deref()
        .filter(|_| !config.site.negotiate);
    let lacks = |root: &Path| {
        let page = root.join(page?);
        let is_lacking = root.is_dir() && !page.is_file();
        is_lacking.then(|| (root.to_owned(), page.exists()))
    };
    config.roots().into_iter().filter_map(lacks).collect()
}

/// The warnings about a server.
pub fn warnings(config: &Config, surroundings: &Surroundings) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let is_open = !config.bind.is_loopback();
    if is_open && surroundings.is_root {
        warnings.push(Warning::Root);
    }
    let is_told = |reason: &Private| match reason {
        Private::Key(file) => surroundings
            .served_secrets
            .iter()
            .any(|(_, own)| own == file),
        _ => false,
    };
    for (root, reason) in &surroundings.private {
        match reason {
            _ if is_open && !is_told(reason) => {
                warnings.push(Warning::Private(root.clone(), reason.clone()));
            }
            // Hardly anybody wants that, even if only this machine can connect.
            Private::FileSystem => warnings.push(Warning::FileSystem),
            _ => {}
        }
    }
    if is_open && config.site.hidden && !surroundings.is_file {
        warnings.push(Warning::Hidden);
    }
    if config.site.hidden {
        let histories = surroundings.histories.iter().cloned();
        warnings.extend(histories.map(Warning::History));
    }
    if is_open && config.tls.is_none() && !config.rules.protection.is_empty() {
        warnings.push(Warning::PlainPasswords);
    }
    if config.proxies.trust_everybody() {
        warnings.push(Warning::EveryProxy);
    }
    if surroundings.unused_sockets > 0 {
        warnings.push(Warning::UnusedSockets(surroundings.unused_sockets));
    }
    let admin = config.admin.iter();
    let mut of_admin = admin.flat_map(|admin| admin.bind.addresses());
    if of_admin.any(|ip| ip.is_unspecified()) {
        warnings.push(Warning::OpenAdmin);
    }
    let secrets = surroundings.served_secrets.iter().cloned();
    warnings.extend(secrets.map(|(kind, file)| Warning::ServedSecret(kind, file)));
    let logs = surroundings.served_logs.iter().cloned();
    warnings.extend(logs.map(Warning::ServedLog));
    for (root, is_other) in &surroundings.without_application {
        let page = config.site.spa.clone().unwrap_or_default();
        warnings.push(Warning::NoApplication(page, root.clone(), *is_other));
    }
    warnings.extend(about_others(config, surroundings));
    warnings
}

/// The warnings about what other users of this machine can do, and about the user that docroot becomes.
fn about_others(config: &Config, surroundings: &Surroundings) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let secrets = surroundings.open_secrets.iter().cloned();
    warnings.extend(secrets.map(|(kind, file, mode)| Warning::OpenSecret(kind, file, mode)));
    let folder = surroundings.key_folder.iter().cloned();
    warnings.extend(folder.map(Warning::OpenFolder));
    let roots = surroundings.open_roots.iter().cloned();
    warnings.extend(roots.map(Warning::OpenRoot));
    if let Some(user) = &config.privileges.user {
        if surroundings.has_root_group {
            warnings.push(Warning::RootGroup(user.clone()));
        }
        let unreadable = surroundings.unreadable.iter().cloned();
        warnings
            .extend(unreadable.map(|(kind, file)| Warning::Unreadable(user.clone(), kind, file)));
    }
    warnings
}

/// What to do about a file that should not be served.
const MOVE: &str = "move it out of what is served";

/// What to do about a history.
pub(super) const WITHOUT_HISTORY: &str =
    "serve a folder without it, such as what a build has written";

fn write_no_application(
    f: &mut fmt::Formatter<'_>,
    page: &str,
    root: &Path,
    is_other: bool,
) -> fmt::Result {
    let (what, advice) = match is_other {
        true => ("is not a file", "name a file"),
        false => ("does not exist", "create it, or name another page"),
    };
    let (page, root) = (Name(page.as_bytes()), Name::of(root));
    write!(f, "the page of --spa, {page}, {what} in {root}; {advice}")
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(WARNING)?;
        match self {
            Warning::Root => f.write_str(
                "docroot runs as root, and other machines can connect; \
                 add --user with the name of a user that can read only the served files",
            ),
            Warning::Private(root, reason) => write!(
                f,
                "other machines can connect, and {} {reason}; serve a directory that has only public files",
                Name::of(root)
            ),
            Warning::FileSystem => f.write_str(
                "docroot serves the whole file system, \"/\", to whoever can connect; \
                 serve a directory that has only public files",
            ),
            Warning::Hidden => f.write_str(
                "other machines can connect and read hidden files such as .git and .env; \
                 leave out --include-hidden unless they may read them",
            ),
            Warning::PlainPasswords => f.write_str(
                "other machines can connect, and passwords cross the network in plain text; \
                 serve over HTTPS, for example with --tls-self-signed",
            ),
            Warning::EveryProxy => f.write_str(
                "--trust-proxy names every address, so each client can pretend to be another one; \
                 name only the addresses of the proxies",
            ),
            Warning::UnusedSockets(count) => tell_unused_sockets(f, *count),
            Warning::OpenAdmin => f.write_str(
                "--admin listens on every address, so anyone who reaches it can change the log level; \
                 use 127.0.0.1, a private address or a Unix socket",
            ),
            Warning::ServedSecret(kind, file) => {
                let (what, file) = (named(*kind), Name::of(file));
                write!(f, "docroot serves its own {what} {file}; {MOVE}")
            }
            Warning::ServedLog(file) => {
                let file = Name::of(file);
                write!(f, "docroot serves its own log {file}, which names the clients; {MOVE}")
            }
            Warning::NoApplication(page, root, is_other) => {
                write_no_application(f, page, root, *is_other)
            }
            Warning::OpenSecret(kind, file, mode) => tell_open_secret(f, *kind, file, *mode),
            Warning::OpenFolder(folder) => write!(
                f,
                "other users can replace the private key, because they may write to {}; \
                 run chmod o-w on it",
                Name::of(folder)
            ),
            Warning::OpenRoot(root) => tell_open_root(f, root),
            Warning::History(root) => {
                let root = Name::of(root);
                write!(f, "{root} has a .git folder, and clients can read it; {WITHOUT_HISTORY}")
            }
            Warning::RootGroup(user) => tell_root_group(f, user),
            Warning::Unreadable(user, kind, file) => tell_unreadable(f, user, *kind, file),
        }
    }
}

fn tell_unused_sockets(f: &mut fmt::Formatter<'_>, count: usize) -> fmt::Result {
    let (sockets, them) = match count {
        1 => ("a socket", "it"),
        _ => ("sockets", "them"),
    };
    write!(
        f,
        "systemd has passed {sockets} that docroot does not use, so clients of {them} wait in vain; \
         add systemd to --bind, or stop the socket unit"
    )
}

fn tell_open_root(f: &mut fmt::Formatter<'_>, root: &Path) -> fmt::Result {
    write!(
        f,
        "every user of this machine can change what docroot serves, because everyone may write to {}; \
         run chmod o-w on it",
        Name::of(root)
    )
}

fn tell_root_group(f: &mut fmt::Formatter<'_>, user: &UserName) -> fmt::Result {
    write!(
        f,
        "{user} belongs to the group of root, so docroot can still read what that group may read; \
         name another group (--user NAME:GROUP), or take the user out of it"
    )
}

/// What a file with secrets is.
fn named(kind: Reread) -> &'static str {
    match kind {
        Reread::Certificate | Reread::Authorities | Reread::Key => "private key",
        Reread::Users => "password file",
        Reread::Configuration => "configuration file",
    }
}

fn tell_open_secret(
    f: &mut fmt::Formatter<'_>,
    kind: Reread,
    file: &Path,
    mode: u32,
) -> fmt::Result {
    let (does, advice) = match kind {
        Reread::Key | Reread::Certificate | Reread::Authorities => ("access", "run chmod 600"),
        Reread::Users | Reread::Configuration if mode & OTHER_WRITES != 0 => {
            ("change", "run chmod o-rw")
        }
        Reread::Users | Reread::Configuration => ("read", "run chmod o-rw"),
    };
    let (what, file) = (named(kind), Name::of(file));
    write!(
        f,
        "other users can {does} the {what} {file} (its mode is {mode:03o}); {advice} on it"
    )
}

/// What a file is, and what does not happen if it cannot be read again.
fn told(kind: Reread) -> (&'static str, &'static str) {
    match kind {
        Reread::Certificate => ("the certificate", "cannot use a renewed one"),
        Reread::Key => ("the private key", "cannot use a renewed certificate"),
        Reread::Authorities => ("the authorities", "cannot use other ones"),
        Reread::Users => ("the password file", "cannot use other users"),
        Reread::Configuration => ("the configuration file", "cannot reload it at SIGHUP"),
    }
}

fn tell_unreadable(
    f: &mut fmt::Formatter<'_>,
    user: &UserName,
    kind: Reread,
    file: &Path,
) -> fmt::Result {
    let ((what, changes), file) = (told(kind), Name::of(file));
    write!(
        f,
        "{user} cannot read {what} {file}, so docroot {changes}; let its group read the file \
         (chgrp, chmod g+r), or restart docroot when the file changes"
    )
}

impl fmt::Display for Private {
    /// What the root is or has, as the rest of a sentence.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Private::FileSystem => f.write_str("is the whole file system"),
            Private::Home => f.write_str("is your home directory"),
            Private::System => f.write_str("is a system directory"),
            Private::LikeFileSystem(file) => write!(
                f,
                "looks like a whole file system because it has {}",
                Name::of(file)
            ),
            Private::LikeHome(file) => write!(
                f,
                "looks like a home directory because it has {}",
                Name::of(file)
            ),
            Private::Key(file) => write!(f, "has the private key {}", Name::of(file)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::net::tls::options::{
        CertificateSource, ClientAuthentication, TlsOptions, TlsVersion,
    };

    fn config(address: &str) -> Config {
        let mut config = Config::new("/srv".into(), 1, 1024);
        let ip: IpAddr = address.parse().expect(address);
        config.bind.required = vec![ip];
        config.bind.optional.clear();
        config
    }

    #[track_caller]
    fn check_warnings(config: &Config, surroundings: &Surroundings, want: &[&str]) {
        let texts: Vec<String> = warnings(config, surroundings)
            .iter()
            .map(Warning::to_string)
            .collect();
        assert_eq!(texts, want);
    }

    #[test]
    fn passwords_in_plain_text_are_warned_about() {
        let protected = |address: &str| {
            let mut config = config(address);
            let protection = &mut config.rules.protection;
            protection.add("/private/** alice:hash").expect("a rule");
            config
        };
        let none = Surroundings::default();
        let want = "warning: other machines can connect, and passwords cross the network in plain \
                    text; serve over HTTPS, for example with --tls-self-signed";
        check_warnings(&protected("0.0.0.0"), &none, &[want]);
        check_warnings(&protected("127.0.0.1"), &none, &[]);
        check_warnings(&config("0.0.0.0"), &none, &[]);
        let mut secure = protected("0.0.0.0");
        secure.tls = Some(TlsOptions {
            certificate: CertificateSource::SelfSigned,
            clients: ClientAuthentication::None,
            client_depth: TlsOptions::CLIENT_DEPTH,
            min: TlsVersion::Tls12,
            hsts: None,
            redirect: None,
        });
        check_warnings(&secure, &none, &[]);
        let served = Surroundings {
            served_secrets: vec![(Reread::Users, "/srv/users".into())],
            ..Surroundings::default()
        };
        let want = "warning: docroot serves its own password file \"/srv/users\"; \
                    move it out of what is served";
        check_warnings(&protected("127.0.0.1"), &served, &[want]);
    }

    /// Also if docroot listens at addresses of its own: nobody else answers there.
    #[test]
    fn sockets_that_nobody_takes_are_warned_about() {
        for (unused_sockets, (what, whose)) in [(1, ("a socket", "it")), (2, ("sockets", "them"))] {
            let surroundings = Surroundings {
                unused_sockets,
                ..Surroundings::default()
            };
            let want = format!(
                "warning: systemd has passed {what} that docroot does not use, so clients of {whose} wait in \
                 vain; add systemd to --bind, or stop the socket unit"
            );
            check_warnings(&config("127.0.0.1"), &surroundings, &[&want]);
        }
    }

    #[test]
    fn a_missing_page_of_an_application_is_warned_about() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut config = config("127.0.0.1");
        (config.root, config.site.spa) = (folder.path().to_owned(), Some("app.html".into()));
        let surroundings = || Surroundings {
            without_application: without_application(&config),
            ..Surroundings::default()
        };
        let root = Name::of(folder.path()).to_string();
        let want = format!(
            "warning: the page of --spa, \"app.html\", does not exist in {root}; \
             create it, or name another page"
        );
        check_warnings(&config, &surroundings(), &[&want]);
        let page = folder.path().join("app.html");
        fs::create_dir(&page).expect("a folder");
        let want = format!(
            "warning: the page of --spa, \"app.html\", is not a file in {root}; name a file"
        );
        check_warnings(&config, &surroundings(), &[&want]);
        fs::remove_dir(&page).expect("an empty folder");
        fs::write(&page, "").expect("a file");
        check_warnings(&config, &surroundings(), &[]);
    }

    /// Also for this machine alone: a proxy may be in front of it.
    #[test]
    fn a_file_with_secrets_of_docroot_is_warned_about_if_it_is_served() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = folder.path().canonicalize().expect("a path");
        let (root, other) = (place.join("www"), place.join("other"));
        for folder in [&root, &other, &root.join(".hidden")] {
            fs::create_dir(folder).expect("a folder");
        }
        let with_key = "-----BEGIN PRIVATE KEY-----";
        type Set = fn(&mut Config, PathBuf);
        let set: [(&str, &str, Set); 5] = [
            ("private key", "", |config, file| {
                config.tls = secure("c.pem".into(), file).tls;
            }),
            ("private key", with_key, |config, file| {
                config.tls = secure(file, "/nowhere".into()).tls;
            }),
            ("password file", "", |config, file| {
                config.auth_file = Some(file);
            }),
            ("configuration file", "", |config, file| {
                config.privileges.config_file = Some(file);
            }),
            ("", "only a certificate", |config, file| {
                config.tls = secure(file, "/nowhere".into()).tls;
            }),
        ];
        for (what, content, set) in set {
            for (name, hidden, served, is_warned) in [
                ("www/mine", false, &root, true),
                ("www/.hidden/mine", false, &root, false),
                ("www/.hidden/mine", true, &root, true),
                ("www/mine", false, &place.join("www/mine"), true),
                ("www/mine", false, &other, false),
            ] {
                let file = place.join(name);
                fs::write(&file, content).expect("a file");
                let mut config = config("127.0.0.1");
                config.root = served.clone();
                config.site.hidden = hidden;
                set(&mut config, file.clone());
                let surroundings = Surroundings {
                    served_secrets: served_secrets(&config),
                    ..Surroundings::default()
                };
                let want = format!(
                    "warning: docroot serves its own {what} {file:?}; move it out of what is served"
                );
                let is_warned = is_warned && !what.is_empty();
                let wanted: Vec<&str> = is_warned.then_some(&*want).into_iter().collect();
                check_warnings(&config, &surroundings, &wanted);
            }
        }
    }

    /// Other machines need not be warned of the key twice.
    #[test]
    fn the_key_of_docroot_is_told_of_once() {
        let key = PathBuf::from("/srv/key.pem");
        let surroundings = Surroundings {
            private: vec![("/srv".into(), Private::Key(key.clone()))],
            served_secrets: vec![(Reread::Key, key)],
            ..Surroundings::default()
        };
        let warnings = warnings(&config("0.0.0.0"), &surroundings);
        assert_eq!(warnings.len(), 1, "{warnings:?}");
    }

    #[test]
    fn a_log_is_served_if_it_is_in_the_root_and_not_hidden() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = folder.path().canonicalize().expect("a path");
        let check = |log: &str, errors: &str, hidden: bool, want: &[&str]| {
            let mut config = config("127.0.0.1");
            config.root = place.join("www");
            config.site.hidden = hidden;
            config.log.file = Some(place.join(log));
            config.error_log = Some(place.join(errors));
            let want = want.iter().map(|name| {
                let path = place.join(name);
                format!(
                    "warning: docroot serves its own log {path:?}, which names the clients; \
                     move it out of what is served"
                )
            });
            let want: Vec<String> = want.collect();
            let want: Vec<&str> = want.iter().map(String::as_str).collect();
            let surroundings = Surroundings {
                served_logs: served_logs(&config),
                ..Surroundings::default()
            };
            check_warnings(&config, &surroundings, &want);
        };
        fs::create_dir_all(place.join("www/in")).expect("folders");
        check("log", "errors", false, &[]);
        check("www/in/log", "www/e", false, &["www/in/log", "www/e"]);
        check("www/.log", "e", false, &[]);
        check("www/.log", "e", true, &["www/.log"]);
        // A file whose directory does not exist cannot be opened anyway.
        check("www/absent/log", "e", false, &[]);
    }

    #[test]
    fn a_server_for_other_machines_is_warned_about_what_it_exposes() {
        let surroundings = Surroundings {
            is_root: true,
            private: vec![(
                "/srv\u{202e}".into(),
                Private::LikeHome("/srv\u{202e}/.ssh".into()),
            )],
            ..Surroundings::default()
        };
        let mut hidden = config("0.0.0.0");
        hidden.site.hidden = true;
        let want = [
            "warning: docroot runs as root, and other machines can connect; \
             add --user with the name of a user that can read only the served files",
            "warning: other machines can connect, and \"/srv\\u{202e}\" looks like a home directory \
             because it has \"/srv\\u{202e}/.ssh\"; serve a directory that has only public files",
            "warning: other machines can connect and read hidden files such as .git and .env; \
             leave out --include-hidden unless they may read them",
        ];
        check_warnings(&hidden, &surroundings, &want);
        check_warnings(&config("192.0.2.7"), &surroundings, &want[..2]);
        let single = Surroundings {
            is_file: true,
            ..Surroundings::default()
        };
        check_warnings(&hidden, &single, &[]);
        check_warnings(&config("192.0.2.7"), &Surroundings::default(), &[]);
        for loopback in ["127.0.0.1", "127.0.0.9", "::1", "::ffff:127.0.0.1"] {
            let mut local = config(loopback);
            local.site.hidden = true;
            check_warnings(&local, &surroundings, &[]);
        }
    }

    /// What the warning says about `root` after its path. `None` if there is no warning.
    fn said(root: &Path, home: Option<&Path>) -> Option<String> {
        let mut config = config("::");
        config.root = root.to_owned();
        private(&config.root, home).map(|(_, reason)| reason.to_string())
    }

    #[test]
    fn directories_of_the_system_are_private() {
        let check = |root: &str, want: Option<&str>| {
            assert_eq!(said(Path::new(root), None).as_deref(), want, "{root}");
        };
        check("/", Some("is the whole file system"));
        check("/usr/..", Some("is the whole file system"));
        for root in ["/etc", "/etc/", "/usr/../etc", "/var", "/dev", "/proc"] {
            check(root, Some("is a system directory"));
        }
        let public = tempfile::tempdir().expect("a folder");
        let file = public.path().join("file");
        fs::write(&file, "public").expect("a file");
        for root in [public.path(), &file, &public.path().join("absent")] {
            assert_eq!(said(root, None), None, "{root:?}");
        }
        let root = PathBuf::from("/");
        let file_system = Surroundings {
            private: vec![(root, Private::FileSystem)],
            ..Surroundings::default()
        };
        let want = "warning: other machines can connect, and \"/\" is the whole file system; \
                    serve a directory that has only public files";
        check_warnings(&config("::"), &file_system, &[want]);
        let want = "warning: docroot serves the whole file system, \"/\", to whoever can connect; \
                    serve a directory that has only public files";
        check_warnings(&config("127.0.0.1"), &file_system, &[want]);
    }

    #[test]
    fn a_home_directory_is_private() {
        let home = tempfile::tempdir().expect("a folder");
        let link = tempfile::tempdir().expect("a folder");
        let link = link.path().join("link");
        std::os::unix::fs::symlink(home.path(), &link).expect("a link");
        let public = home.path().join("public");
        fs::create_dir(&public).expect("a folder");
        let is_home = Some("is your home directory".to_owned());
        for (root, set) in [(home.path(), &*link), (&link, home.path())] {
            assert_eq!(said(root, Some(set)), is_home);
        }
        assert_eq!(said(&public, Some(home.path())), None);
        assert_eq!(said(home.path(), Some(Path::new(""))), None);
        assert_eq!(said(home.path(), None), None);
        // docroot does not serve it, so the other files decide.
        fs::create_dir(home.path().join(".git")).expect("a folder");
        assert_eq!(said(home.path(), None), None);
        fs::create_dir(home.path().join(".ssh")).expect("a folder");
        let like = said(home.path(), None).expect("a warning");
        assert!(like.starts_with("looks like a home directory because it has "));
        assert_eq!(said(home.path(), Some(home.path())), is_home);
    }

    #[test]
    fn a_private_key_that_is_served_is_warned_about() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().canonicalize().expect("a path");
        let write = |name: &str| fs::write(root.join(name), "secret").expect("a file");
        let has = |name: &str| Some(format!("has the private key {:?}", root.join(name)));
        for public in ["cert.pem", "id_rsa.pub", "keys"] {
            write(public);
        }
        fs::create_dir(root.join("key.pem")).expect("a folder");
        assert_eq!(said(&root, None), None);
        write("id_ed25519");
        assert_eq!(said(&root, None), has("id_ed25519"));
        fs::remove_file(root.join("id_ed25519")).expect("it goes");
    }

    /// A server over HTTPS with this certificate and this key.
    fn secure(certificate: PathBuf, key: PathBuf) -> Config {
        let mut secure = config("127.0.0.1");
        secure.tls = Some(TlsOptions {
            certificate: CertificateSource::Files { certificate, key },
            clients: ClientAuthentication::None,
            client_depth: 1,
            min: TlsVersion::Tls12,
            hsts: None,
            redirect: None,
        });
        secure
    }

    #[test]
    fn a_key_beside_its_certificate_or_in_an_open_folder_is_warned_about() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = folder.path().canonicalize().expect("a path");
        let set_mode = |path: &Path, mode| {
            fs::set_permissions(path, PermissionsExt::from_mode(mode)).expect("a mode");
        };
        let (both, key) = (place.join("both.pem"), place.join("k.pem"));
        fs::write(&both, "-----BEGIN CERTIFICATE-----\n").expect("a file");
        fs::write(&key, "-----BEGIN PRIVATE KEY-----\n").expect("a file");
        set_mode(&both, 0o644);
        set_mode(&key, 0o600);
        let mut config = secure("c.pem".into(), key.clone());
        let files = |certificate: &Path| CertificateSource::Files {
            certificate: certificate.to_owned(),
            key: key.clone(),
        };
        config.tls.as_mut().expect("TLS").certificate = files(&both);
        let check = |config: &Config, want: &[&str]| {
            check_warnings(config, &Surroundings::inspect(config), want);
        };
        check(&config, &[]);
        fs::copy(&key, &both).expect("a copy");
        set_mode(&both, 0o644);
        let open_key = format!(
            "warning: other users can access the private key {both:?} (its mode is 644); \
             run chmod 600 on it"
        );
        check(&config, &[&open_key]);
        config.tls.as_mut().expect("TLS").certificate = files(&key);
        check(&config, &[]);
        let open_folder = format!(
            "warning: other users can replace the private key, because they may write to {place:?}; \
             run chmod o-w on it"
        );
        for (mode, want) in [(0o777, &[&*open_folder][..]), (0o1777, &[]), (0o775, &[])] {
            set_mode(&place, mode);
            check(&config, want);
        }
    }

    #[test]
    fn what_another_user_cannot_read_again_is_warned_about() {
        let mut config = secure("c.pem".into(), "k.pem".into());
        config.auth_file = Some("/srv/users".into());
        let surroundings = Surroundings {
            unreadable: vec![
                (Reread::Key, "k.pem".into()),
                (Reread::Users, "/srv/users".into()),
            ],
            ..Surroundings::default()
        };
        check_warnings(&config, &surroundings, &[]);
        config.privileges.user = UserName::parse("www-data").ok();
        let advice = "let its group read the file (chgrp, chmod g+r), or restart docroot when the file changes";
        let want = [
            format!(
                "warning: www-data cannot read the private key \"k.pem\", so docroot cannot use a renewed \
                 certificate; {advice}"
            ),
            format!(
                "warning: www-data cannot read the password file \"/srv/users\", so docroot cannot use other \
                 users; {advice}"
            ),
        ];
        check_warnings(&config, &surroundings, &[&want[0], &want[1]]);
    }

    #[test]
    fn a_private_key_is_for_one_user() {
        let folder = tempfile::tempdir().expect("a folder");
        let key = folder.path().join("k.pem");
        fs::write(&key, "key").expect("a file");
        let check = |config: &Config, mode: u32, is_warned: bool| {
            fs::set_permissions(&key, PermissionsExt::from_mode(mode)).expect("a mode");
            let surroundings = Surroundings {
                open_secrets: open_secrets(config),
                ..Surroundings::default()
            };
            let want = format!(
                "warning: other users can access the private key {key:?} (its mode is {mode:03o}); \
                 run chmod 600 on it"
            );
            let wanted: Vec<&str> = is_warned.then_some(&*want).into_iter().collect();
            check_warnings(config, &surroundings, &wanted);
        };
        let mut config = secure("c.pem".into(), key.clone());
        for mode in [0o600, 0o400, 0o700] {
            check(&config, mode, false);
        }
        for mode in [0o640, 0o604, 0o620, 0o602, 0o610, 0o601] {
            check(&config, mode, true);
        }
        // The group of another user may read it.
        config.privileges.user = UserName::parse("www-data").ok();
        check(&config, 0o640, false);
        for mode in [0o644, 0o660, 0o604] {
            check(&config, mode, true);
        }
    }

    #[test]
    fn a_history_is_warned_about_if_clients_can_read_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        fs::create_dir(root.join(".git")).expect("a folder");
        let mut config = config("127.0.0.1");
        config.root = root.to_owned();
        let check = |config: &Config, want: &[&str]| {
            check_warnings(config, &Surroundings::inspect(config), want);
        };
        check(&config, &[]);
        config.site.hidden = true;
        let want = format!(
            "warning: {root:?} has a .git folder, and clients can read it; \
             serve a folder without it, such as what a build has written"
        );
        check(&config, &[&want]);
    }
}
