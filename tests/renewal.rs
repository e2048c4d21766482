//! Certificates that are replaced while the server runs: clients soon get the new one, and what is no good
//! changes nothing.
#![cfg(feature = "tls")]
#![allow(clippy::disallowed_methods, reason = "tests replace files")]

mod support;

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use docroot::net::tls::options::ClientAuthentication;
use rustix::process::Signal;
#[cfg(target_os = "linux")]
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use rustls::ClientConfig;
use rustls::HandshakeKind::{Full, Resumed};
use rustls::pki_types::CertificateDer;
#[cfg(target_os = "linux")]
use support::fuse::SlowFs;
use support::program::{Program, command};
use support::tls::{Authority, EACH, Issued, TLS_1_3, put, setup};
use support::{TestServer, until};

fn start(issued: &Issued) -> TestServer {
    let options = issued.options();
    setup().with(|config| config.tls = Some(options)).start()
}

/// Whoever comes is soon shown this certificate.
#[track_caller]
fn check_shown(server: &TestServer, authority: &Authority, want: &Issued) {
    until("it is shown", || {
        let mut client = server.secure(&authority.caller());
        client.check_served();
        client.server_certificate() == want.chain()[0]
    });
}

/// Clients come for longer than the time between two looks at the files.
fn while_files_are_looked_at(mut come: impl FnMut()) {
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_millis(700) {
        come();
    }
}

#[test]
fn new_connections_get_the_new_certificate() {
    let authority = Authority::new("authority");
    let files = authority.server();
    let server = start(&files);
    let mut old = server.secure(&authority.caller());
    old.check_served();
    for _ in 0..5 {
        let new = authority.server();
        new.replace(&files);
        check_shown(&server, &authority, &new);
    }
    // Whoever was there before goes on.
    old.check_served();
}

/// Sessions rest on what was agreed at their beginning: they are resumed under another certificate.
#[test]
fn sessions_outlive_a_renewal() {
    let authority = Authority::new("authority");
    let files = authority.server();
    let server = start(&files);
    for versions in EACH {
        let caller = Arc::new(authority.caller_with(versions, None));
        server.secure(&caller).check_served();
        let new = authority.server();
        new.replace(&files);
        check_shown(&server, &authority, &new);
        let mut client = server.secure(&caller);
        client.check_served();
        assert_eq!(client.kind(), Resumed);
    }
}

/// Tools that renew replace what a link leads to.
#[test]
fn links_are_followed() {
    let authority = Authority::new("authority");
    let [first, second] = [authority.server(), authority.server()];
    let live = Issued {
        certificate: authority.folder().join("live.certificate"),
        key: authority.folder().join("live.key"),
    };
    let link = |to: &Issued| {
        for (to, at) in [(&to.certificate, &live.certificate), (&to.key, &live.key)] {
            let next = at.with_extension("next");
            std::os::unix::fs::symlink(to, &next).expect("a link");
            std::fs::rename(&next, at).expect("a link replaced");
        }
    };
    link(&first);
    let server = start(&live);
    check_shown(&server, &authority, &first);
    link(&second);
    check_shown(&server, &authority, &second);
}

/// A file that is no good: the old certificate stays, then a good one is taken.
#[track_caller]
fn check_kept(spoil: impl Fn(&Authority, &Issued)) {
    let authority = Authority::new("authority");
    let files = authority.server();
    let first = files.chain();
    let server = start(&files);
    spoil(&authority, &files);
    while_files_are_looked_at(|| {
        let mut client = server.secure(&authority.caller());
        client.check_served();
        assert!(client.server_certificate() == first[0], "another");
    });
    let new = authority.server();
    new.replace(&files);
    check_shown(&server, &authority, &new);
}

#[test]
fn files_that_are_no_good_change_nothing() {
    check_kept(|_, files| std::fs::write(&files.certificate, "garbage").expect("a file"));
    check_kept(|_, files| std::fs::write(&files.certificate, "").expect("a file"));
    check_kept(|_, files| std::fs::write(&files.key, "garbage").expect("a file"));
    check_kept(|_, files| std::fs::remove_file(&files.certificate).expect("a file"));
    check_kept(|_, files| std::fs::remove_file(&files.key).expect("a file"));
    check_kept(|authority, files| put(&authority.server().key, &files.key));
    check_kept(|authority, files| put(&authority.server().certificate, &files.certificate));
    check_kept(|_, files| {
        let whole = std::fs::read(&files.certificate).expect("a file");
        std::fs::write(&files.certificate, &whole[..whole.len() / 2]).expect("a file");
    });
}

/// A server of `ours` for those whom `theirs` has signed, and the file that says so.
fn server_trusting(ours: &Authority, theirs: &Authority) -> (TestServer, PathBuf) {
    let trusted = ours.folder().join("clients.pem");
    put(&theirs.certificate(), &trusted);
    let clients = ClientAuthentication::Required(trusted.clone());
    let setup = setup().https(ours).tls(|tls| tls.clients = clients);
    (setup.start(), trusted)
}

/// Until this client may come.
#[track_caller]
fn until_served(server: &TestServer, caller: &Arc<ClientConfig>) {
    until("it is served", || server.secure(caller).is_served());
}

/// Who may come has changed: what was agreed with those who could come before is void.
#[test]
fn other_authorities_end_old_sessions() {
    let ours = Authority::new("servers");
    let [before, after] = [Authority::new("before"), Authority::new("after")];
    let (server, trusted) = server_trusting(&ours, &before);
    let callers = EACH.map(|versions| -> Arc<ClientConfig> {
        let alice = before.client("alice");
        ours.caller_with(versions, Some(&alice)).into()
    });
    for caller in &callers {
        for kind in [Full, Resumed] {
            let mut client = server.secure(caller);
            client.check_served();
            assert_eq!(client.kind(), kind);
        }
    }
    put(&after.certificate(), &trusted);
    let bob = after.client("bob");
    until_served(&server, &ours.caller_with(TLS_1_3, Some(&bob)).into());
    for caller in &callers {
        let error = server.secure(caller).refusal();
        assert!(error.contains("UnknownCA"), "{error}");
    }
    for versions in EACH {
        let caller = ours.caller_with(versions, Some(&bob)).into();
        server.secure(&caller).check_served();
    }
}

/// Both may come: whoever was known before is known again, and has to say so.
#[test]
fn one_more_authority_lets_everybody_in() {
    let ours = Authority::new("servers");
    let [before, after] = [Authority::new("before"), Authority::new("after")];
    let (server, trusted) = server_trusting(&ours, &before);
    let alice = before.client("alice");
    let caller: Arc<ClientConfig> = ours.caller_with(TLS_1_3, Some(&alice)).into();
    server.secure(&caller).check_served();
    let both: Vec<u8> = [before.certificate(), after.certificate()]
        .iter()
        .flat_map(|path| std::fs::read(path).expect("a file"))
        .collect();
    let new = ours.folder().join("both.pem");
    std::fs::write(&new, both).expect("a file");
    put(&new, &trusted);
    let bob = after.client("bob");
    until_served(&server, &ours.caller_with(TLS_1_3, Some(&bob)).into());
    let mut client = server.secure(&caller);
    client.check_served();
    assert_eq!(client.kind(), Full);
}

/// What is said of new files that are good.
const RENEWED: &str = "docroot: new connections use the new TLS files";

fn program(root: &Path, files: &Issued) -> Program {
    let mut command = command();
    command.args(["--log-format", "off"]).arg(root);
    command.arg("--tls-cert").arg(&files.certificate);
    command.arg("--tls-key").arg(&files.key);
    Program::start(&mut command)
}

/// A site in a process of its own, whose standard error is read.
struct Told {
    program: Program,
    authority: Authority,
    files: Issued,
    _root: tempfile::TempDir,
}

impl Told {
    fn new() -> Told {
        let root = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(root.path().join("a.txt"), "here").expect("a file");
        let authority = Authority::new("authority");
        let files = authority.server();
        let told = Told {
            program: program(root.path(), &files),
            authority,
            files,
            _root: root,
        };
        told.served();
        assert_eq!(told.program.said(), "", "nothing has changed");
        told
    }

    /// Asks for a reload, and waits until it is done.
    fn reload(&self) {
        let done = "reloaded the configuration";
        let count = || self.program.said().matches(done).count();
        let before = count();
        self.program.signal(Signal::HUP);
        until("it is reloaded", || count() > before);
    }

    /// A client comes; the certificate that it is shown.
    #[track_caller]
    fn served(&self) -> CertificateDer<'static> {
        let mut client = self.program.secure(&self.authority.caller());
        client.check_served();
        client.server_certificate()
    }

    /// Everything that was said once `count` lines were.
    #[track_caller]
    fn lines(&self, count: usize) -> Vec<String> {
        until("it is told", || {
            self.program.said().lines().count() >= count
        });
        self.program.said().lines().map(str::to_owned).collect()
    }
}

/// The operator is told in one line that names the file, once: clients go on coming.
#[track_caller]
fn check_told(spoil: impl Fn(&Authority, &Issued), file: impl Fn(&Issued) -> &Path) {
    let told = Told::new();
    spoil(&told.authority, &told.files);
    until("it is told", || {
        told.served();
        !told.program.said().is_empty()
    });
    for _ in 0..3 {
        told.served();
    }
    let new = told.authority.server();
    new.replace(&told.files);
    until("the new one is in use", || told.served() == new.chain()[0]);
    let lines = told.lines(2);
    assert_eq!(lines.len(), 2, "{lines:#?}");
    let changed = "docroot: the TLS files have changed, but ";
    assert!(lines[0].starts_with(changed), "{lines:#?}");
    let name = format!("{:?}", file(&told.files));
    assert!(lines[0].contains(&name), "{lines:#?}");
    assert_eq!(lines[1], RENEWED);
}

#[test]
fn the_operator_is_told_of_garbage() {
    check_told(
        |_, files| std::fs::write(&files.certificate, "garbage").expect("a file"),
        |files| &files.certificate,
    );
}

#[test]
fn the_operator_is_told_of_a_key_of_another_certificate() {
    check_told(
        |authority, files| put(&authority.server().key, &files.key),
        |files| &files.key,
    );
}

/// Whatever has the name: it is not waited for, nor read without an end.
#[test]
fn the_operator_is_told_of_what_is_no_file() {
    fn replaced(files: &Issued, make: impl Fn(&Path)) {
        std::fs::remove_file(&files.certificate).expect("a file");
        make(&files.certificate);
    }
    check_told(
        |_, files| replaced(files, make_pipe),
        |files| &files.certificate,
    );
    check_told(
        |_, files| replaced(files, |path| symlink("/dev/zero", path).expect("a link")),
        |files| &files.certificate,
    );
    check_told(
        |_, files| {
            let whole = std::fs::read_to_string(&files.certificate).expect("a file");
            // It would be good if it were read.
            std::fs::write(&files.certificate, whole + &"\n".repeat(1 << 20)).expect("a file");
        },
        |files| &files.certificate,
    );
}

/// Nobody writes to it.
fn make_pipe(path: &Path) {
    let made = Command::new("mkfifo").arg(path).status();
    assert!(made.expect("mkfifo").success());
}

/// A file cannot be put into the place of a directory at once.
#[test]
fn the_operator_is_told_of_a_directory() {
    let told = Told::new();
    let certificate = &told.files.certificate;
    std::fs::remove_file(certificate).expect("a file");
    std::fs::create_dir(certificate).expect("a folder");
    until("it is told", || {
        told.served();
        !told.program.said().is_empty()
    });
    std::fs::remove_dir(certificate).expect("a folder");
    let new = told.authority.server();
    new.replace(&told.files);
    until("the new one is in use", || told.served() == new.chain()[0]);
    let lines = told.lines(2);
    assert_eq!(lines.len(), 2, "{lines:#?}");
    assert!(lines[0].contains("is not a regular file"), "{lines:#?}");
    assert_eq!(lines[1], RENEWED);
}

/// Whoever replaces a certificate and its key replaces one before the other, and clients come at
/// any time: that is no news.
#[test]
fn half_a_renewal_is_not_told() {
    let told = Told::new();
    let new = told.authority.server();
    put(&new.certificate, &told.files.certificate);
    while_files_are_looked_at(|| {
        assert!(told.served() != new.chain()[0], "its key is another's");
    });
    put(&new.key, &told.files.key);
    until("the new one is in use", || told.served() == new.chain()[0]);
    assert_eq!(told.lines(1), [RENEWED]);
}

/// The files are good, and the moment was not: a process without descriptors can look at files and
/// not read them. Nothing about the files changes when there are some again.
#[test]
#[cfg(target_os = "linux")]
fn what_could_not_be_read_is_tried_again() {
    let told = Told::new();
    let pid = Pid::from_child(&told.program.child);
    let none = Rlimit {
        current: Some(0),
        ..getrlimit(Resource::Nofile)
    };
    // Clients are accepted in the order in which they come: this one has its descriptor.
    let mut client = told.program.secure(&told.authority.caller());
    told.served();
    let new = told.authority.server();
    new.replace(&told.files);
    let before = prlimit(Some(pid), Resource::Nofile, none).expect("our child");
    client.shake_hands().expect("a session");
    assert!(client.server_certificate() != new.chain()[0], "it was read");
    told.program.until_said("the TLS files have changed, but");
    prlimit(Some(pid), Resource::Nofile, before).expect("our child");
    until("they are in use", || told.served() == new.chain()[0]);
    let lines = told.lines(2);
    assert_eq!((lines.len(), &*lines[1]), (2, RENEWED), "{lines:#?}");
}

/// A client that comes after a quiet night does not get a certificate that has expired in it.
#[test]
fn files_are_looked_at_although_no_client_comes() {
    let told = Told::new();
    let new = told.authority.server();
    new.replace(&told.files);
    assert_eq!(told.lines(1), [RENEWED]);
    assert!(told.served() == new.chain()[0]);
}

/// The file system of the certificate hangs. Workers serve those who were there, and those who come.
#[test]
#[cfg(target_os = "linux")]
fn no_worker_waits_for_the_files() {
    let authority = Authority::new("authority");
    let place = tempfile::tempdir().expect("a temporary folder");
    let stored = authority.server();
    let shown = |path: &Path| place.path().join(path.file_name().expect("a name"));
    let seen = Issued {
        certificate: shown(&stored.certificate),
        key: shown(&stored.key),
    };
    let folder = stored.certificate.parent().expect("a folder");
    let Some(mut disk) = SlowFs::mount(folder, place.path()) else {
        return;
    };
    let options = seen.options();
    let setup = setup().with(|config| {
        config.tls = Some(options);
        config.threads = 1;
    });
    let server = setup.start();
    let mut kept = server.secure(&authority.caller());
    kept.check_served();
    disk.order("hold all");
    while_files_are_looked_at(|| {
        server.secure(&authority.caller()).check_served();
        kept.check_served();
    });
    disk.order("release");
    let new = authority.server();
    new.replace(&stored);
    check_shown(&server, &authority, &new);
}

/// No client has to come first, and none gets the old certificate.
#[test]
fn a_reload_reads_the_files_at_once() {
    let told = Told::new();
    let new = told.authority.server();
    new.replace(&told.files);
    told.reload();
    assert!(told.served() == new.chain()[0], "the old one");
    assert_eq!(told.program.said().matches(RENEWED).count(), 1);

    // Each reload tells what is wrong, and how the old files stay.
    std::fs::write(&told.files.certificate, "garbage").expect("a file");
    for times in 1..=2 {
        told.reload();
        let said = told.program.said();
        let kept = said.matches("docroot: the TLS files have changed, but ");
        assert_eq!(kept.count(), times, "{said}");
    }
    assert!(told.served() == new.chain()[0], "the old one stays");
    assert_eq!(
        told.program.said().matches("docroot keeps using").count(),
        2
    );

    let last = told.authority.server();
    last.replace(&told.files);
    told.reload();
    assert!(told.served() == last.chain()[0], "the one before");
    told.reload();
    assert_eq!(told.program.said().matches(RENEWED).count(), 2);
}
