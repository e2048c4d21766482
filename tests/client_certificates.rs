//! Clients that prove who they are: who is let in, what the others are told, and what the log says
//! of both.
#![cfg(feature = "tls")]
#![allow(clippy::disallowed_methods, reason = "tests read the clock")]

mod support;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use docroot::net::tls::options::{ClientAuthentication, TlsOptions};
use docroot::observe::options::{Detail, LogFormat, LogOptions};
use rustls::ClientConfig;
use rustls::HandshakeKind::{Full, Resumed};
use serde_json::Value;
use support::page::Page;
use support::tls::{Authority, EACH, Issued, Versions, Wanted, setup};
use support::{TestServer, request, until};

/// A server with one worker and a log, and the authorities of both sides.
struct Gate {
    server: TestServer,
    page: Page,
    ours: Authority,
    /// Who signs the certificates of clients.
    theirs: Authority,
}

impl Gate {
    fn new(
        format: LogFormat,
        clients: impl FnOnce(std::path::PathBuf) -> ClientAuthentication,
    ) -> Gate {
        let (ours, theirs) = (Authority::new("servers"), Authority::new("clients"));
        let clients = clients(theirs.certificate());
        Gate::start(format, ours, theirs, |tls| tls.clients = clients)
    }

    /// The same authorities, where chains may be so long.
    fn with_depth(self, depth: usize) -> Gate {
        let clients = ClientAuthentication::Required(self.theirs.certificate());
        Gate::start(LogFormat::Json, self.ours, self.theirs, |tls| {
            tls.clients = clients;
            tls.client_depth = depth;
        })
    }

    fn start(
        format: LogFormat,
        ours: Authority,
        theirs: Authority,
        change: impl FnOnce(&mut TlsOptions),
    ) -> Gate {
        let page = Page::default();
        let mut setup = setup().https(&ours).tls(change);
        setup.config.threads = 1;
        setup.config.log = LogOptions {
            format,
            detail: Detail::Full,
            ..LogOptions::OFF
        };
        setup.sink = Some(Box::new(page.clone()));
        Gate {
            server: setup.start(),
            page,
            ours,
            theirs,
        }
    }

    fn required() -> Gate {
        Gate::new(LogFormat::Json, ClientAuthentication::Required)
    }

    fn caller(&self, versions: Versions, identity: Option<&Issued>) -> Arc<ClientConfig> {
        self.ours.caller_with(versions, identity).into()
    }

    /// The reasons of the handshakes that have failed so far.
    fn failures(&self) -> Vec<String> {
        let reason = |line: &String| -> Option<String> {
            let line: Value = serde_json::from_str(line).expect("JSON");
            Some(line["handshake_failed"].as_str()?.to_owned())
        };
        self.page.lines().iter().filter_map(reason).collect()
    }

    /// The reason of the next one after `before` others.
    #[track_caller]
    fn next_failure(&self, before: usize) -> String {
        until("it is told", || self.failures().len() > before);
        self.failures().swap_remove(before)
    }

    /// Who shows this is refused with this alert, or without one, and the log says why.
    #[track_caller]
    fn check_refused(&self, identity: Option<&Issued>, alert: Option<&str>, reason: &str) {
        for versions in EACH {
            let before = self.failures().len();
            let caller = self.caller(versions, identity);
            let error = self.server.secure(&caller).refusal();
            let received = error.strip_prefix("received fatal alert: ");
            assert_eq!(received, alert, "{error}");
            let why = self.next_failure(before);
            assert!(why.contains(reason), "{why}");
        }
    }

    #[track_caller]
    fn check_served(&self, identity: Option<&Issued>) {
        for versions in EACH {
            self.server
                .secure(&self.caller(versions, identity))
                .check_served();
        }
    }
}

#[test]
fn concept_30_nobody_is_served_without_a_good_certificate() {
    let gate = Gate::required();
    gate.check_served(Some(&gate.theirs.client("alice")));
    gate.check_refused(
        None,
        Some("CertificateRequired"),
        "peer sent no certificates",
    );
    let another = Authority::new("another");
    let stranger = another.client("alice");
    gate.check_refused(Some(&stranger), Some("UnknownCA"), "issuer is unknown");
    // Another authority of the same name is still another.
    let namesake = Authority::new("clients");
    let forged = namesake.client("alice");
    gate.check_refused(
        Some(&forged),
        Some("DecryptError"),
        "invalid peer certificate",
    );
    let expired = gate.theirs.issue(Wanted::client("alice").expired());
    gate.check_refused(Some(&expired), Some("CertificateExpired"), "expired");
    let early = gate.theirs.issue(Wanted::client("alice").not_yet_valid());
    gate.check_refused(Some(&early), Some("CertificateExpired"), "not valid yet");
    // A server's certificate is no client's (RFC 5280 section 4.2.1.12).
    let server = gate.theirs.server();
    gate.check_refused(
        Some(&server),
        Some("UnsupportedCertificate"),
        "invalid peer certificate",
    );
    gate.check_served(Some(&gate.theirs.client("bob")));
    assert_eq!(gate.server.counters.handshakes.value(), 4);
    assert_eq!(gate.server.counters.handshakes_failed.value(), 12);
}

#[test]
fn concept_30_who_shows_none_may_be_served_and_who_shows_one_must_show_a_good_one() {
    let gate = Gate::new(LogFormat::Json, ClientAuthentication::Optional);
    gate.check_served(None);
    gate.check_served(Some(&gate.theirs.client("alice")));
    let another = Authority::new("another");
    let stranger = another.client("alice");
    gate.check_refused(Some(&stranger), Some("UnknownCA"), "issuer is unknown");
    let expired = gate.theirs.issue(Wanted::client("alice").expired());
    gate.check_refused(Some(&expired), Some("CertificateExpired"), "expired");
}

/// The lines of a full and a resumed session, for each version. The subject is in all of them: what
/// is resumed is a session with somebody.
fn lines_of_alice(format: LogFormat) -> Vec<String> {
    let gate = Gate::new(format, ClientAuthentication::Required);
    let alice = gate.theirs.client("alice");
    for versions in EACH {
        let caller = gate.caller(versions, Some(&alice));
        for kind in [Full, Resumed] {
            let mut client = gate.server.secure(&caller);
            client.check_served();
            assert_eq!(client.kind(), kind);
        }
    }
    drop(gate.server);
    let lines = gate.page.lines();
    assert_eq!(lines.len(), 4, "{lines:#?}");
    lines
}

#[test]
fn json_lines_name_the_client() {
    for line in lines_of_alice(LogFormat::Json) {
        let object: Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!(object["tls"]["client"], "CN=alice,O=Example", "{line}");
    }
}

#[test]
fn combined_lines_name_the_client() {
    for line in lines_of_alice(LogFormat::Combined) {
        assert!(line.ends_with("\"CN=alice,O=Example\""), "{line}");
    }
}

#[test]
fn pretty_lines_name_the_client() {
    for line in lines_of_alice(LogFormat::Pretty) {
        assert!(line.contains(" for CN=alice,O=Example"), "{line}");
    }
}

#[test]
fn a_client_without_a_certificate_has_no_name() {
    let gate = Gate::new(LogFormat::Json, ClientAuthentication::Optional);
    gate.check_served(None);
    drop(gate.server);
    for line in gate.page.lines() {
        let object: Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!(object["tls"]["client"], Value::Null, "{line}");
    }
}

/// A certificate is verified when a session begins; what is resumed later does not outlive it.
#[test]
fn a_session_is_not_resumed_after_its_certificate_has_expired() {
    let gate = Gate::required();
    let end = SystemTime::now() + Duration::from_secs(4);
    let alice = gate.theirs.issue(Wanted::client("alice").valid_until(end));
    let callers = EACH.map(|versions| gate.caller(versions, Some(&alice)));
    for caller in &callers {
        for kind in [Full, Resumed] {
            let mut client = gate.server.secure(caller);
            client.check_served();
            assert_eq!(client.kind(), kind);
        }
    }
    // Certificates know whole seconds, and the last belongs to them.
    let over = end + Duration::from_secs(1);
    until("it has expired", || SystemTime::now() > over);
    for caller in &callers {
        let mut client = gate.server.secure(caller);
        client.send(&request("GET", "/a.txt", &[]));
        // The session goes on where another ended, so there is no alert to be sent any more.
        let response = client.response("GET");
        assert_eq!((response.status, client.kind()), (403, Resumed));
        assert!(response.text().contains("certificate has expired"));
        assert!(client.rest().is_empty());
    }
}

#[test]
fn chains_have_a_longest_length() {
    let mut gate = Gate::required();
    let second = gate.theirs.intermediate("one").intermediate("two");
    let alice = second.client("alice");
    let third = second.intermediate("three");
    let long = third.client("alice");
    assert_eq!([alice.chain().len(), long.chain().len()], [3, 4]);
    gate.check_served(Some(&alice));
    let reason = "the client's chain has 4 certificates, and --tls-client-depth allows 3";
    gate.check_refused(Some(&long), Some("HandshakeFailure"), reason);
    gate = gate.with_depth(4);
    gate.check_served(Some(&long));
    let one = std::fs::read(&alice.certificate).expect("a file");
    std::fs::write(&alice.certificate, one.repeat(40)).expect("a file");
    gate.check_refused(Some(&alice), None, "longer than 32 KiB");
}

/// Certificates of one name lead to many paths.
#[test]
fn the_subjects_of_a_chain_differ() {
    let gate = Gate::required();
    let alice = gate.theirs.client("alice");
    let one = std::fs::read(&alice.certificate).expect("a file");
    std::fs::write(&alice.certificate, one.repeat(2)).expect("a file");
    let reason = "two certificates of the client's chain have the same subject";
    gate.check_refused(Some(&alice), Some("HandshakeFailure"), reason);
}

/// Every line of the log would be as long as the client likes.
#[test]
fn a_long_name_is_cut_in_the_log() {
    let gate = Gate::required();
    let name = "é".repeat(5000);
    gate.check_served(Some(&gate.theirs.client(&name)));
    drop(gate.server);
    let lines = gate.page.lines();
    assert_eq!(lines.len(), EACH.len(), "{lines:#?}");
    for line in lines {
        let object: Value = serde_json::from_str(&line).expect("JSON");
        let told = object["tls"]["client"].as_str().expect("a name");
        assert_eq!(told, format!("CN={}...", "é".repeat(253)));
    }
}

/// What verifies certificates takes a longer serial number than RFC 5280 allows (20 bytes, in
/// section 4.1.2.2), and what reads them does not: until when it is valid is not known later.
#[test]
fn a_certificate_that_cannot_be_read_is_good_for_one_session() {
    let gate = Gate::required();
    let alice = Wanted::client("alice").with_serial_number_of(40);
    let alice = gate.theirs.issue(alice);
    for versions in EACH {
        let caller = gate.caller(versions, Some(&alice));
        let mut client = gate.server.secure(&caller);
        client.check_served();
        assert_eq!(client.kind(), Full);
        let mut client = gate.server.secure(&caller);
        client.send(&request("GET", "/a.txt", &[]));
        let response = client.response("GET");
        assert_eq!((response.status, client.kind()), (403, Resumed));
    }
    drop(gate.server);
    for line in gate.page.lines() {
        let object: Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!(object["tls"]["client"], Value::Null, "{line}");
    }
}
