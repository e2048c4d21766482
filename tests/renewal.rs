//! Certificates that are replaced while the server runs: the next client gets the new one, and what
//! is no good changes nothing.
#![cfg(feature = "tls")]
#![allow(clippy::disallowed_methods, reason = "tests replace files")]

mod support;

use std::path::Path;
use std::sync::Arc;

use docroot::net::tls::options::ClientAuthentication;
use rustls::ClientConfig;
use rustls::HandshakeKind::{Full, Resumed};
use support::program::{Program, command};
use support::tls::{Authority, EACH, Issued, TLS_1_3, put, setup};
use support::{TestServer, until};

fn start(issued: &Issued) -> TestServer {
    let options = issued.options();
    setup().with(|config| config.tls = Some(options)).start()
}

/// Who comes now is shown this certificate.
#[track_caller]
fn check_shown(server: &TestServer, authority: &Authority, want: &Issued) {
    let mut client = server.secure(&authority.caller());
    client.check_served();
    assert!(client.server_certificate() == want.chain()[0], "another");
}

#[test]
fn the_next_connection_gets_the_new_certificate() {
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
        authority.server().replace(&files);
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
    for _ in 0..3 {
        let mut client = server.secure(&authority.caller());
        client.check_served();
        assert!(client.server_certificate() == first[0], "another");
    }
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

/// Who may come has changed: what was agreed with those who could come before is void.
#[test]
fn other_authorities_end_old_sessions() {
    let ours = Authority::new("servers");
    let [before, after] = [Authority::new("before"), Authority::new("after")];
    let trusted = ours.folder().join("clients.pem");
    put(&before.certificate(), &trusted);
    let clients = ClientAuthentication::Required(trusted.clone());
    let setup = setup().https(&ours);
    let server = setup.tls(|tls| tls.clients = clients).start();
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
    for caller in &callers {
        let error = server.secure(caller).refusal();
        assert!(error.contains("UnknownCA"), "{error}");
    }
    let bob = after.client("bob");
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
    let trusted = ours.folder().join("clients.pem");
    put(&before.certificate(), &trusted);
    let clients = ClientAuthentication::Required(trusted.clone());
    let setup = setup().https(&ours);
    let server = setup.tls(|tls| tls.clients = clients).start();
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
    let mut client = server.secure(&caller);
    client.check_served();
    assert_eq!(client.kind(), Full);
    let bob = after.client("bob");
    let caller = ours.caller_with(TLS_1_3, Some(&bob)).into();
    server.secure(&caller).check_served();
}

fn program(root: &Path, files: &Issued) -> Program {
    let mut command = command();
    command.args(["--log-format", "off"]).arg(root);
    command.arg("--tls-cert").arg(&files.certificate);
    command.arg("--tls-key").arg(&files.key);
    Program::start(&mut command)
}

/// The operator is told in one line that names the file, once: clients go on coming.
#[track_caller]
fn check_told(spoil: impl Fn(&Authority, &Issued), file: impl Fn(&Issued) -> &Path) {
    let root = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(root.path().join("a.txt"), "here").expect("a file");
    let authority = Authority::new("authority");
    let files = authority.server();
    let program = program(root.path(), &files);
    program.secure(&authority.caller()).check_served();
    assert_eq!(program.said(), "", "nothing has changed");
    spoil(&authority, &files);
    until("it is told", || {
        program.secure(&authority.caller()).check_served();
        !program.said().is_empty()
    });
    for _ in 0..3 {
        program.secure(&authority.caller()).check_served();
    }
    let new = authority.server();
    new.replace(&files);
    until("the new one is in use", || {
        let mut client = program.secure(&authority.caller());
        client.check_served();
        client.server_certificate() == new.chain()[0]
    });
    until("that is told", || program.said().lines().count() > 1);
    let said = program.said();
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 2, "{said}");
    let name = format!("{:?}", file(&files));
    assert!(
        lines[0].starts_with("docroot: the TLS files have changed, but "),
        "{said}"
    );
    assert!(lines[0].contains(&name), "{said}");
    assert!(lines[1].contains("new TLS files are in use"), "{said}");
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
