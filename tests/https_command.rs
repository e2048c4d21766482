//! HTTPS from the command line: what is wrong with files and options is said in one line that names
//! the file, before anybody is served.
#![cfg(feature = "tls")]

mod support;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use support::program::{Program, command};
use support::tls::{Authority, EACH, Issued, KeyAlgorithm, Wanted, openssl};

/// An authority, a root, and files beside it.
struct Desk {
    authority: Authority,
    root: tempfile::TempDir,
    good: Issued,
}

impl Desk {
    fn new() -> Desk {
        let authority = Authority::new("authority");
        let root = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(root.path().join("a.txt"), "here").expect("a file");
        Desk {
            good: authority.server(),
            authority,
            root,
        }
    }

    /// A file of this content.
    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.authority.folder().join(name);
        std::fs::write(&path, content).expect("a file");
        path
    }

    /// Runs the command until it ends by itself.
    fn run(&self, certificate: &Path, key: &Path, more: &[&str]) -> Output {
        let mut command = command();
        command.args(["--port", "0", "--bind", "127.0.0.1"]);
        command.arg("--tls-cert").arg(certificate);
        command.arg("--tls-key").arg(key).args(more);
        command.arg(self.root.path()).output().expect("it runs")
    }

    /// It does not start, and says why: `file` cannot be used, `because`.
    #[track_caller]
    fn check_refused(&self, certificate: &Path, key: &Path, file: &Path, because: &str) {
        check_failed(&self.run(certificate, key, &[]), file, because);
    }

    /// It serves over TLS, and what it says before that.
    #[track_caller]
    fn check_served(&self, issued: &Issued) -> String {
        let mut command = command();
        command.args(["--log-format", "off"]).arg(self.root.path());
        command.arg("--tls-cert").arg(&issued.certificate);
        command.arg("--tls-key").arg(&issued.key);
        let program = Program::start(&mut command);
        assert!(program.banner.contains("\n  https://127.0.0.1:"));
        program.secure(&self.authority.caller()).check_served();
        program.banner.clone()
    }
}

fn path_text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

#[track_caller]
fn check_failed(output: &Output, file: &Path, because: &str) {
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(output.stdout.is_empty());
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(error.starts_with("docroot: "), "{error}");
    assert!(error.contains(&format!("{file:?}")), "{error}");
    assert!(error.contains(because), "{error}");
}

#[test]
fn certificates_that_cannot_be_used() {
    let desk = Desk::new();
    let Issued { certificate, key } = &desk.good;
    let check = |path: &Path, because| desk.check_refused(path, key, path, because);
    check(Path::new("/no/such/file"), "cannot be read");
    check(desk.root.path(), "is not a regular file");
    check(Path::new("/dev/zero"), "is not a regular file");
    let large = "x".repeat((1 << 20) + 1);
    check(&desk.file("large", &large), "is larger than 1 MiB");
    check(&desk.file("empty", ""), "there is no certificate");
    check(&desk.file("text", "hello\n"), "there is no certificate");
    check(key, "there is no certificate");
    let text = std::fs::read_to_string(certificate).expect("a file");
    let half = desk.file("half", &text[..text.len() / 2]);
    check(&half, "ends before a line -----END");
    let no_base64 = "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n";
    check(
        &desk.file("no_base64", no_base64),
        "is not a complete PEM file",
    );
    let no_der = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    check(&desk.file("no_der", no_der), "cannot be used");
    check(
        &desk.file("name\nof two lines", ""),
        "there is no certificate",
    );
}

/// The TLS library prints most faults as the names of its types.
#[test]
fn what_is_wrong_with_a_certificate_is_told_in_words() {
    let desk = Desk::new();
    let Issued { certificate, key } = &desk.good;
    let good = CertificateDer::from_pem_file(certificate).expect("a certificate");
    let changed = |name: &str, from: &[u8], to: &[u8]| {
        assert_eq!(from.len(), to.len(), "the lengths in the certificate stay");
        let mut bytes = good.to_vec();
        let at = bytes.windows(from.len()).position(|part| part == from);
        bytes[at.expect("the part")..][..to.len()].copy_from_slice(to);
        let bytes = desk.file(&format!("{name}.der"), bytes);
        let encoded = openssl(&["base64", "-in", path_text(&bytes)], b"").stdout;
        let encoded = String::from_utf8(encoded).expect("base64");
        let text = format!("-----BEGIN CERTIFICATE-----\n{encoded}-----END CERTIFICATE-----\n");
        desk.file(name, text)
    };
    let check = |path: &Path, because| {
        let because = format!("cannot be used: {because}; create or get another one");
        desk.check_refused(path, key, path, &because);
    };
    let version = b"\xa0\x03\x02\x01";
    let version = |number: u8| [&version[..], &[number]].concat();
    let first = changed("first", &version(2), &version(0));
    check(&first, "it is not of X.509 version 3");
    // The subject alternative names become a critical extension of another number.
    let names = changed(
        "names",
        b"\x06\x03\x55\x1d\x11\x04",
        b"\x06\x03\x55\x1d\x11\x05",
    );
    check(&names, "it is damaged, or is no certificate");
    let no_der = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let no_der = desk.file("no_der", no_der);
    check(&no_der, "it is damaged, or is no certificate");
    let output = desk.run(certificate, key, &["--tls-client-ca", path_text(&no_der)]);
    check_failed(
        &output,
        &no_der,
        "cannot be used: it is damaged, or is no certificate;",
    );
}

/// A request for a certificate would be longer than clients accept.
#[test]
fn the_names_of_many_authorities_are_left_out() {
    let desk = Desk::new();
    let theirs = Authority::new("theirs");
    let alice = theirs.client("alice");
    let mut command = command();
    command.args(["--log-format", "off"]).arg(desk.root.path());
    command.arg("--tls-cert").arg(&desk.good.certificate);
    command.arg("--tls-key").arg(&desk.good.key);
    let authorities = theirs.certificate_among(490);
    command.arg("--tls-client-ca").arg(authorities);
    let program = Program::start(&mut command);
    let notice = "docroot: the names of the 490 authorities do not fit into a request for a \
        certificate, so docroot sends none; with only some of them, clients of the others would offer \
        no certificate\n";
    assert!(program.banner.contains(notice), "{}", program.banner);
    for versions in EACH {
        let caller = |identity| Arc::new(desk.authority.caller_with(versions, identity));
        program.secure(&caller(Some(&alice))).check_served();
        let refusal = program.secure(&caller(None)).refusal();
        assert!(refusal.contains("alert"), "{refusal}");
    }
}

/// Whoever can read the key can pose as the server, and the group counts too.
#[test]
fn a_key_that_others_can_read_is_warned_about() {
    let desk = Desk::new();
    let said = |mode| {
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(&desk.good.key, mode).expect("a mode");
        desk.check_served(&desk.good)
    };
    let warning = "docroot: warning: other users can access the private key ";
    assert!(!said(0o600).contains("warning"));
    for mode in [0o644, 0o640, 0o604] {
        let said = said(mode);
        assert!(
            said.starts_with(warning) && said.contains("chmod 600"),
            "{said}"
        );
    }
}

#[test]
fn keys_that_cannot_be_used() {
    let desk = Desk::new();
    let Issued { certificate, key } = &desk.good;
    let check = |path: &Path, because| desk.check_refused(certificate, path, path, because);
    check(Path::new("/no/such/file"), "cannot be read");
    check(&desk.file("empty", ""), "there is no private key");
    check(certificate, "there is no private key");
    let text = std::fs::read_to_string(key).expect("a file");
    let half = desk.file("half", &text[..text.len() / 2]);
    check(&half, "ends before a line -----END");
    let no_der = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    check(&desk.file("no_der", no_der), "cannot be used");
    let another = desk.authority.server();
    check(&another.key, "does not belong to the first certificate");
}

/// Both forms of it: nobody is there to type a passphrase.
#[test]
fn encrypted_keys() {
    let desk = Desk::new();
    let rsa = desk
        .authority
        .issue(Wanted::server().with_key(KeyAlgorithm::Rsa));
    for (issued, form) in [(&desk.good, &[][..]), (&rsa, &["-traditional"])] {
        let path = desk.authority.folder().join("encrypted.pem");
        let (from, to) = (issued.key.to_str(), path.to_str());
        let (from, to) = (from.expect("UTF-8"), to.expect("UTF-8"));
        let encrypt = ["pkey", "-in", from, "-out", to, "-aes256"];
        let passphrase = ["-passout", "pass:secret"];
        let output = openssl(&[&encrypt[..], &passphrase, form].concat(), b"");
        assert!(output.status.success(), "{output:?}");
        desk.check_refused(&issued.certificate, &path, &path, "needs a passphrase");
    }
}

#[test]
fn authorities_that_cannot_be_used() {
    let desk = Desk::new();
    let Issued { certificate, key } = &desk.good;
    for (path, because) in [
        (PathBuf::from("/no/such/file"), "cannot be read"),
        (desk.file("empty", ""), "there is no certificate"),
        (key.clone(), "there is no certificate"),
    ] {
        let file = path.to_str().expect("UTF-8");
        let output = desk.run(certificate, key, &["--tls-client-ca", file]);
        check_failed(&output, &path, because);
    }
}

/// One file may hold both, in any order, with words between them.
#[test]
fn one_file_for_both() {
    let desk = Desk::new();
    let text = |path: &Path| std::fs::read_to_string(path).expect("a file");
    let (certificate, key) = (text(&desk.good.certificate), text(&desk.good.key));
    for parts in [[&key, &certificate], [&certificate, &key]] {
        let both = desk.file("both", parts.map(|part| format!("words\n{part}")).concat());
        let [certificate, key] = [both.clone(), both];
        desk.check_served(&Issued { certificate, key });
    }
}

/// Some editors put one at the beginning of a file. Files that are put together have it anywhere.
#[test]
fn files_with_a_byte_order_mark() {
    let desk = Desk::new();
    let marked = |name: &str, path: &Path| {
        let text = std::fs::read_to_string(path).expect("a file");
        desk.file(name, format!("\u{feff}{text}"))
    };
    desk.check_served(&Issued {
        certificate: marked("certificate", &desk.good.certificate),
        key: marked("key", &desk.good.key),
    });
}

/// The chain has all certificates of the file, whatever stands between them.
#[test]
fn files_that_were_put_together() {
    let desk = Desk::new();
    let text = |path: &Path| std::fs::read_to_string(path).expect("a file");
    let (first, key) = (text(&desk.good.certificate), text(&desk.good.key));
    let other = Authority::new("other");
    let second = text(&other.certificate());
    for (number, between) in ["", "\n", "\u{feff}", "\n\u{feff}", "\r\u{feff}\u{feff}"]
        .into_iter()
        .enumerate()
    {
        let joined = |name: &str, parts: [&str; 2]| {
            let text = parts.map(str::trim_end).join(between);
            desk.file(&format!("{name}{number}"), text)
        };
        let issued = Issued {
            certificate: joined("chain", [&first, &second]),
            key: joined("key", [&second, &key]),
        };
        let authorities = joined("authorities", [&first, &second]);
        let mut command = command();
        command.args(["--log-format", "off"]).arg(desk.root.path());
        command.arg("--tls-cert").arg(&issued.certificate);
        command.arg("--tls-key").arg(&issued.key);
        let program = Program::start(&mut command);
        let mut client = program.secure(&desk.authority.caller());
        client.check_served();
        assert_eq!(client.server_chain().len(), 2, "{between:?}");
        drop(program);
        // The second authority is read too.
        command.arg("--tls-client-ca").arg(authorities);
        let program = Program::start(&mut command);
        let alice = other.client("alice");
        let caller = desk.authority.caller_with(EACH[0], Some(&alice));
        program.secure(&Arc::new(caller)).check_served();
    }
}

#[test]
fn a_certificate_that_clients_refuse_is_told_of_and_used() {
    let desk = Desk::new();
    for (wanted, want) in [
        (Wanted::server().expired(), "\" expired on "),
        (Wanted::server().not_yet_valid(), "\" is not valid before "),
    ] {
        let issued = desk.authority.issue(wanted);
        let mut command = command();
        command.args(["--log-format", "off"]).arg(desk.root.path());
        command.arg("--tls-cert").arg(&issued.certificate);
        command.arg("--tls-key").arg(&issued.key);
        let program = Program::start(&mut command);
        let warning = program.banner.lines().next().expect("a line");
        assert!(warning.starts_with("docroot: warning: "), "{warning}");
        assert!(warning.contains(want), "{warning}");
        assert!(
            warning.contains(&format!("{:?}", issued.certificate)),
            "{warning}"
        );
        // It serves whoever takes it all the same: this client sees the certificate and refuses.
        let mut client = program.secure(&desk.authority.caller());
        let refusal = client.refusal();
        assert!(refusal.contains("invalid peer certificate"), "{refusal}");
        assert_eq!(program.said(), "", "it is told of once");
    }
}

#[track_caller]
fn check_mistake(arguments: &[&str], want: &str) {
    let output = command().args(arguments).output().expect("it runs");
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
    assert!(output.stdout.is_empty(), "{arguments:?}");
    // The second line is where help is.
    assert_eq!(error.lines().count(), 2, "{error}");
    let first = error.lines().next().unwrap_or_default();
    assert!(first.starts_with("docroot: "), "{error}");
    assert!(first.contains(want), "{error}");
}

#[test]
fn options_that_do_not_go_together() {
    let (certificate, key) = (["--tls-cert", "c"], ["--tls-key", "k"]);
    let made = ["--tls-self-signed"];
    check_mistake(&certificate, "--tls-cert needs --tls-key");
    check_mistake(&key, "--tls-key needs --tls-cert");
    let own = "--tls-self-signed makes a certificate of its own";
    check_mistake(&[&made[..], &certificate].concat(), own);
    check_mistake(&[&made[..], &key].concat(), own);
    check_mistake(&[&made[..], &certificate, &key].concat(), own);
    let optional = "--tls-client-optional needs --tls-client-ca";
    check_mistake(&[&made[..], &["--tls-client-optional"]].concat(), optional);
    let depth = "--tls-client-depth needs --tls-client-ca";
    check_mistake(&[&made[..], &["--tls-client-depth", "3"]].concat(), depth);
    for alone in [
        &["--tls-client-ca", "c"][..],
        &["--tls-client-depth", "3"],
        &["--tls-client-optional"],
        &["--tls-min", "1.3"],
        &["--http-redirect", "0"],
        &["--hsts", "1"],
    ] {
        check_mistake(alone, "HTTPS needs a certificate");
    }
    let same_port = ["--port", "8443", "--http-redirect", "8443"];
    let redirect = "--http-redirect cannot use port 8443";
    check_mistake(&[&made[..], &same_port].concat(), redirect);
    check_mistake(&["--tls-cert", ""], "'--tls-cert <FILE>'");
    check_mistake(&["--tls-min", "1.1"], "'--tls-min <VERSION>'");
    for depth in ["0", "11", "deep"] {
        let arguments = ["--tls-client-depth", depth];
        check_mistake(&arguments, "'--tls-client-depth <N>'");
    }
    check_mistake(&["--hsts", "long"], "'--hsts <SECONDS>'");
    check_mistake(&["--http-redirect", "http"], "'--http-redirect <N>'");
}

/// Its fingerprint is that of the certificate which clients are shown.
#[test]
fn a_certificate_made_at_the_start() {
    let desk = Desk::new();
    let mut command = command();
    command.args(["--log-format", "off", "--http-redirect", "0"]);
    command
        .env("DOCROOT_TLS_SELF_SIGNED", "1")
        .arg(desk.root.path());
    let program = Program::start(&mut command);
    let address = program.address.to_string();
    let output = openssl(&["s_client", "-connect", &address, "-showcerts"], b"Q\n");
    let fingerprint = openssl(
        &["x509", "-noout", "-fingerprint", "-sha256"],
        &output.stdout,
    );
    let said = String::from_utf8_lossy(&fingerprint.stdout);
    let (_, fingerprint) = said.trim().split_once('=').expect("a fingerprint");
    assert!(
        program.banner.contains(&format!("\n  {fingerprint}\n")),
        "{said}"
    );
    assert!(
        program
            .banner
            .contains("\nThese URLs redirect to HTTPS: http://127.0.0.1:")
    );
}
