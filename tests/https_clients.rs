//! The clients that people use, over TLS. They are found at run time and required: what is not
//! tested with them has not been seen to work.
#![cfg(feature = "tls")]

mod support;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use docroot::net::tls::options::ClientAuthentication;
use support::tls::{
    Authority, Issued, KeyAlgorithm, Wanted, client_hello, openssl, setup, traditional,
};
use support::{A_SECOND_OF_IT, TestServer, find, noise};

const CURL: &str = "curl is needed by these tests; scripts/test installs it";
const PYTHON: &str = "python3 is needed by these tests; scripts/test installs it";

/// What is sent by hand, so that the server ends the session.
const LAST: &[u8] = b"GET /a.txt HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

fn url(server: &TestServer, path: &str) -> String {
    format!("https://localhost:{}{path}", server.address.port())
}

/// Runs curl in `folder`, without the settings of whoever runs the tests.
fn curl(folder: &Path, authority: &Authority, arguments: &[&str]) -> Output {
    let mut curl = Command::new("curl");
    curl.args(["-q", "--noproxy", "*", "-4", "--silent", "--show-error"]);
    curl.args(["--max-time", "60"]).arg("--cacert");
    curl.arg(authority.certificate()).args(arguments);
    curl.current_dir(folder).stdin(Stdio::null());
    curl.output().expect(CURL)
}

/// A run of curl that must succeed; what it wrote to its standard output.
#[track_caller]
fn fetched(folder: &Path, authority: &Authority, arguments: &[&str]) -> Vec<u8> {
    let output = curl(folder, authority, arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
    output.stdout
}

/// The header comes before the handshake.
#[test]
fn curl_sends_a_header_of_the_proxy_protocol() {
    let authority = Authority::new("authority");
    let proxied = setup().https(&authority).with(|config| {
        let proxies = Arc::make_mut(&mut config.proxies);
        proxies.add("127.0.0.1").expect("a proxy");
        config.is_proxied = true;
    });
    let server = proxied.start();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let here = url(&server, "/a.txt");
    let got = fetched(folder.path(), &authority, &["--haproxy-protocol", &here]);
    assert_eq!(got, b"here");
    // 35: the server does not speak TLS to it.
    let output = curl(folder.path(), &authority, &[&here]);
    assert_eq!(output.status.code(), Some(35));
    // The header and the first message of TLS in one piece.
    let caller = authority.caller();
    let mut stream = TcpStream::connect(server.address).expect("it accepts");
    let header = b"PROXY TCP4 192.0.2.7 203.0.113.1 56324 443\r\n";
    let hello = client_hello(&caller);
    stream
        .write_all(&[&header[..], &hello].concat())
        .expect("it reads");
    let mut first = [0];
    stream.read_exact(&mut first).expect("a record");
    // RFC 8446 section 5.1: a handshake message.
    assert_eq!(first, [22]);
}

#[test]
fn curl_fetches_over_each_version() {
    let authority = Authority::new("authority");
    let server = setup().https(&authority).start();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let here = url(&server, "/a.txt");
    for version in [
        &["--tls-max", "1.2"][..],
        &["--tlsv1.3"],
        &["--http1.1"],
        &[],
    ] {
        let got = fetched(folder.path(), &authority, &[version, &[&here]].concat());
        assert_eq!(got, b"here", "{version:?}");
    }
    // One connection for all of them: curl sends what it does on the first.
    let many = format!("{here}?[1-20]");
    let count = ["-w", "%{num_connects}", "-o", "body"];
    let connects = fetched(folder.path(), &authority, &[&count[..], &[&many]].concat());
    assert_eq!(connects, b"10000000000000000000");
    // An authority that it does not know (exit status 60).
    let another = Authority::new("another");
    let output = curl(folder.path(), &another, &[&here]);
    assert_eq!(output.status.code(), Some(60), "{output:?}");
}

#[test]
fn curl_asks_for_parts_and_resumes() {
    let content = noise(12 << 20);
    let authority = Authority::new("authority");
    let setup = setup().file("large.bin", &content);
    let server = setup.https(&authority).start();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let large = url(&server, "/large.bin");
    let range = |range| fetched(folder.path(), &authority, &["-r", range, &large]);
    assert!(range("16000-80000") == content[16_000..=80_000]);
    assert!(range("-10") == content[content.len() - 10..]);
    let part = folder.path().join("part");
    let slow = [&A_SECOND_OF_IT[..], &[&large]].concat();
    let output = curl(folder.path(), &authority, &slow);
    assert_eq!(output.status.code(), Some(28), "{output:?}");
    let begun = std::fs::read(&part).expect("a part").len();
    assert!(begun > 0 && begun < content.len());
    let rest = ["-C", "-", "-o", "part", &large];
    fetched(folder.path(), &authority, &rest);
    assert!(std::fs::read(&part).expect("the file") == content);
}

#[test]
fn curl_shows_a_certificate() {
    let clients = Authority::new("clients");
    check_shown(&clients, clients.certificate());
}

/// Their names are longer than 64 KiB, and so than a request for a certificate can be.
#[test]
fn curl_shows_a_certificate_of_one_of_many_authorities() {
    let clients = Authority::new("clients");
    check_shown(&clients, clients.certificate_among(490));
}

#[track_caller]
fn check_shown(clients: &Authority, authorities: PathBuf) {
    let authority = Authority::new("authority");
    let setup = setup().https(&authority);
    let required = ClientAuthentication::Required(authorities);
    let server = setup.tls(|tls| tls.clients = required).start();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let here = url(&server, "/a.txt");
    let alice = clients.client("alice");
    let shown = [
        "--cert",
        text(&alice.certificate),
        "--key",
        text(&alice.key),
    ];
    for version in ["1.2", "1.3"] {
        let limit = ["--tls-max", version, &here];
        let got = fetched(folder.path(), &authority, &[&shown[..], &limit].concat());
        assert_eq!(got, b"here");
        // Without one there is an alert and no answer (35 in the handshake; behind
        // it 56, or 98 where curl knows what the alert asks for).
        let output = curl(folder.path(), &authority, &limit);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(matches!(output.status.code(), Some(35 | 56 | 98)), "{said}");
        assert!(said.contains("alert"), "{said}");
    }
}

#[test]
fn curl_follows_from_the_plain_port() {
    let authority = Authority::new("authority");
    let setup = setup().https(&authority);
    let server = setup.tls(|tls| tls.redirect = Some(0)).start();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let port = server.plain_addresses[0].port();
    let plain = format!("http://localhost:{port}/a.txt?x=1");
    assert_eq!(fetched(folder.path(), &authority, &["-L", &plain]), b"here");
}

/// A session of openssl that asks for a file and must get it; everything it printed.
#[track_caller]
fn opened(address: SocketAddr, authority: &Authority, more: &[&str]) -> String {
    let (address, file) = (address.to_string(), authority.certificate());
    let mut arguments = vec!["s_client", "-connect", &address, "-CAfile", text(&file)];
    arguments.extend(["-verify_return_error", "-servername", "localhost"]);
    // A Q or an R that stands at the beginning of a line is no command.
    arguments.extend(["-verify_hostname", "localhost", "-ign_eof"]);
    arguments.extend(more);
    let output = openssl(&arguments, LAST);
    let said = String::from_utf8_lossy(&output.stdout);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{more:?}: {said}{error}");
    assert!(
        said.contains("Verify return code: 0 (ok)"),
        "{more:?}: {said}"
    );
    assert!(
        find(&output.stdout, b"\r\n\r\nhere").is_some(),
        "{more:?}: {said}"
    );
    said.into_owned()
}

/// Keys as tools have written them, now and long ago.
#[test]
fn openssl_takes_every_key_in_every_form() {
    let authority = Authority::new("authority");
    for (algorithm, signature) in [
        (KeyAlgorithm::P256, "ECDSA"),
        (KeyAlgorithm::P384, "ECDSA"),
        (KeyAlgorithm::Ed25519, "ed25519"),
        (KeyAlgorithm::Rsa, "RSA"),
    ] {
        let issued = authority.issue(Wanted::server().with_key(algorithm));
        let mut forms = vec![issued.clone()];
        if algorithm != KeyAlgorithm::Ed25519 {
            let key = traditional(&issued.key);
            forms.push(Issued { key, ..issued });
        }
        for issued in forms {
            let setup = setup().with(|config| config.tls = Some(issued.options()));
            let server = setup.start();
            for (option, version) in [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")] {
                let said = opened(server.address, &authority, &[option]);
                assert!(
                    said.contains(&format!("New, {version}, Cipher is ")),
                    "{said}"
                );
                let signed = said
                    .lines()
                    .find(|line| line.contains("Peer signature type"));
                assert!(signed.expect(&said).contains(signature), "{said}");
            }
        }
    }
}

#[test]
fn openssl_shows_a_certificate() {
    let authority = Authority::new("authority");
    let clients = Authority::new("clients");
    let setup = setup().https(&authority);
    let required = ClientAuthentication::Required(clients.certificate());
    let server = setup.tls(|tls| tls.clients = required).start();
    for algorithm in [KeyAlgorithm::P256, KeyAlgorithm::Rsa, KeyAlgorithm::Ed25519] {
        let alice = clients.issue(Wanted::client("alice").with_key(algorithm));
        let shown = ["-cert", text(&alice.certificate), "-key", text(&alice.key)];
        for version in ["-tls1_2", "-tls1_3"] {
            let said = opened(
                server.address,
                &authority,
                &[&shown[..], &[version]].concat(),
            );
            // The server names whom it would believe.
            assert!(said.contains("CN = clients"), "{said}");
        }
    }
}

#[test]
fn openssl_resumes_its_session() {
    let authority = Authority::new("authority");
    let server = setup().https(&authority).start();
    let file = authority.folder().join("session");
    for version in ["-tls1_2", "-tls1_3"] {
        let said = opened(
            server.address,
            &authority,
            &[version, "-sess_out", text(&file)],
        );
        assert!(said.contains("New, TLSv1."), "{said}");
        let said = opened(
            server.address,
            &authority,
            &[version, "-sess_in", text(&file)],
        );
        assert!(said.contains("Reused, TLSv1."), "{said}");
    }
}

#[test]
fn openssl_is_told_which_protocol() {
    let authority = Authority::new("authority");
    let server = setup().https(&authority).start();
    let said = opened(server.address, &authority, &["-alpn", "h2,http/1.1"]);
    assert!(said.contains("ALPN protocol: http/1.1"), "{said}");
    let address = server.address.to_string();
    let output = openssl(&["s_client", "-connect", &address, "-alpn", "h2"], b"Q\n");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{said}");
    assert!(said.contains("alert no application protocol"), "{said}");
}

/// Runs a program in Python with these files; it asserts for itself.
#[track_caller]
fn python(server: &TestServer, files: &[&Path], program: &str) {
    let mut python = Command::new("python3");
    python.args(["-I", "-c", program]);
    python.arg(server.address.port().to_string()).args(files);
    let output = python.stdin(Stdio::null()).output().expect(PYTHON);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert_eq!(output.stdout, b"done\n", "{said}");
}

#[test]
fn python_fetches_and_resumes() {
    let authority = Authority::new("authority");
    let setup = setup().file("large.bin", "pattern".repeat(1 << 20));
    let server = setup.https(&authority).start();
    python(
        &server,
        &[&authority.certificate()],
        r#"
import http.client, socket, ssl, sys
port, authority = int(sys.argv[1]), sys.argv[2]

def context(version):
    context = ssl.create_default_context(cafile=authority)
    context.minimum_version = context.maximum_version = version
    return context

for version in [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]:
    connection = http.client.HTTPSConnection("localhost", port, timeout=60, context=context(version))
    for _ in range(20):
        connection.request("GET", "/a.txt")
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b"here")
    connection.request("GET", "/large.bin")
    assert connection.getresponse().read() == b"pattern" * 2**20
    connection.close()

def ask(context, session):
    plain = socket.create_connection(("127.0.0.1", port), timeout=60)
    # A connection that ends without close_notify raises an error.
    with context.wrap_socket(plain, server_hostname="localhost", session=session,
                             suppress_ragged_eofs=False) as secure:
        secure.sendall(b"GET /a.txt HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answer = b""
        while piece := secure.recv(4096):
            answer += piece
        assert answer.endswith(b"\r\n\r\nhere"), answer
        return secure.session, secure.session_reused

for version in [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]:
    same = context(version)
    session, reused = ask(same, None)
    assert not reused
    session, reused = ask(same, session)
    assert reused, version
print("done")
"#,
    );
}

#[test]
fn python_shows_a_certificate() {
    let authority = Authority::new("authority");
    let clients = Authority::new("clients");
    let setup = setup().https(&authority);
    let required = ClientAuthentication::Required(clients.certificate());
    let server = setup.tls(|tls| tls.clients = required).start();
    let alice = clients.client("alice");
    python(
        &server,
        &[&authority.certificate(), &alice.certificate, &alice.key],
        r#"
import http.client, ssl, sys
port, authority, certificate, key = int(sys.argv[1]), *sys.argv[2:]

def ask(context):
    connection = http.client.HTTPSConnection("localhost", port, timeout=60, context=context)
    connection.request("GET", "/a.txt")
    return connection.getresponse().read()

for version in [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]:
    context = ssl.create_default_context(cafile=authority)
    context.minimum_version = context.maximum_version = version
    try:
        ask(context)
        raise SystemExit("it was served without a certificate")
    except ssl.SSLError as error:
        assert "ALERT" in error.reason, error.reason
    context.load_cert_chain(certificate, key)
    assert ask(context) == b"here"
print("done")
"#,
    );
}
