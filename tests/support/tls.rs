//! HTTPS in tests: authorities and certificates that are gone with the test, and clients of rustls.
//!
//! A [`Client`] on TLS fails the test where its connection ends without close_notify: what a test
//! reads up to the end was ended by the server and by nobody else.

use std::cell::Cell;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use docroot::net::limits::Deadlines;
use docroot::net::tls::options::{CertificateSource, ClientAuthentication, TlsOptions, TlsVersion};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
    PKCS_ECDSA_P384_SHA384, PKCS_RSA_SHA256, SerialNumber,
};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{
    ClientConfig, ClientConnection, HandshakeKind, RootCertStore, StreamOwned,
    SupportedProtocolVersion,
};

use super::program::Program;
use super::{Client, Response, Setup, Stream, TestServer, request};

/// A session on a socket.
pub type Tls = StreamOwned<ClientConnection, TcpStream>;

/// The versions that a client offers.
pub type Versions = &'static [&'static SupportedProtocolVersion];

pub const TLS_1_2: Versions = &[&TLS12];
pub const TLS_1_3: Versions = &[&TLS13];
pub const BOTH: Versions = &[&TLS13, &TLS12];

/// One after the other.
pub const EACH: [Versions; 2] = [TLS_1_2, TLS_1_3];

/// Short enough for a test, and told apart from every default.
pub const SHORT: Duration = Duration::from_millis(200);

/// Long before and long after every test.
const ALWAYS: Duration = Duration::from_secs(24 * 60 * 60);

/// Who signs certificates. Its files are gone with it.
pub struct Authority {
    folder: tempfile::TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
    /// The certificates that follow the one that it issues, in PEM. Without the first authority's.
    chain: String,
    issued: Cell<usize>,
}

/// A certificate and its key (PKCS#8), each in a PEM file.
#[derive(Clone, Debug)]
pub struct Issued {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// What a certificate is to say.
pub struct Wanted {
    common_name: String,
    usage: ExtendedKeyUsagePurpose,
    algorithm: KeyAlgorithm,
    not_before: SystemTime,
    not_after: SystemTime,
    serial_number: Option<SerialNumber>,
}

/// Keys that clients know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyAlgorithm {
    P256,
    P384,
    Ed25519,
    Rsa,
}

impl Wanted {
    /// A server's, for localhost and 127.0.0.1.
    pub fn server() -> Wanted {
        let now = SystemTime::now();
        Wanted {
            common_name: "localhost".to_owned(),
            usage: ExtendedKeyUsagePurpose::ServerAuth,
            algorithm: KeyAlgorithm::P256,
            not_before: now - ALWAYS,
            not_after: now + ALWAYS,
            serial_number: None,
        }
    }

    /// A client's, with the subject `CN=name,O=Example`.
    pub fn client(name: &str) -> Wanted {
        Wanted {
            common_name: name.to_owned(),
            usage: ExtendedKeyUsagePurpose::ClientAuth,
            ..Wanted::server()
        }
    }

    /// With another key.
    pub fn with_key(self, algorithm: KeyAlgorithm) -> Wanted {
        Wanted { algorithm, ..self }
    }

    /// Over since an hour.
    pub fn expired(self) -> Wanted {
        self.valid_until(SystemTime::now() - Duration::from_secs(3600))
    }

    /// Over at this moment, in whole seconds.
    pub fn valid_until(self, not_after: SystemTime) -> Wanted {
        Wanted { not_after, ..self }
    }

    /// With a number of this many bytes.
    pub fn with_serial_number_of(self, length: usize) -> Wanted {
        let serial_number = Some(SerialNumber::from(vec![0x5a; length]));
        Wanted {
            serial_number,
            ..self
        }
    }

    /// Good in an hour.
    pub fn not_yet_valid(self) -> Wanted {
        let not_before = SystemTime::now() + Duration::from_secs(3600);
        Wanted { not_before, ..self }
    }
}

impl KeyAlgorithm {
    /// A key, and its file as PKCS#8.
    fn generate(self) -> (KeyPair, String) {
        let pair = match self {
            KeyAlgorithm::P256 => KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256),
            KeyAlgorithm::P384 => KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384),
            KeyAlgorithm::Rsa => KeyPair::generate_for(&PKCS_RSA_SHA256),
            KeyAlgorithm::Ed25519 => return ed25519(),
        };
        let pair = pair.expect("a key");
        let text = pair.serialize_pem();
        (pair, text)
    }
}

/// rcgen writes these in a form of PKCS#8 (RFC 5958) that openssl 3.0 does not read.
fn ed25519() -> (KeyPair, String) {
    let output = openssl(&["genpkey", "-algorithm", "ed25519"], b"");
    let text = String::from_utf8(output.stdout).expect("a PEM file");
    (KeyPair::from_pem(&text).expect("a key"), text)
}

impl Authority {
    /// One of this name, with a key of its own.
    pub fn new(name: &str) -> Authority {
        let key = KeyAlgorithm::P256.generate().0;
        let issuer = CertifiedIssuer::self_signed(about_authority(name), key);
        Authority::of(issuer.expect("a certificate"), String::new())
    }

    /// An intermediate authority, whose certificate this one has signed.
    pub fn intermediate(&self, name: &str) -> Authority {
        let key = KeyAlgorithm::P256.generate().0;
        let issuer = CertifiedIssuer::signed_by(about_authority(name), key, &self.issuer);
        let issuer = issuer.expect("a certificate");
        let chain = issuer.pem() + &self.chain;
        Authority::of(issuer, chain)
    }

    fn of(issuer: CertifiedIssuer<'static, KeyPair>, chain: String) -> Authority {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("authority.pem"), issuer.pem()).expect("a file");
        Authority {
            folder,
            issuer,
            chain,
            issued: Cell::new(0),
        }
    }

    /// The file of its own certificate.
    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }

    /// A file of `count` certificates of authorities. The last one is its own, and the others have long names.
    pub fn certificate_among(&self, count: usize) -> PathBuf {
        let key = KeyAlgorithm::P256.generate().0;
        let others = (1..count).map(|number| {
            let about = about_authority(&format!("{number:0>140}"));
            about.self_signed(&key).expect("a certificate").pem()
        });
        let path = self.folder.path().join("authorities.pem");
        let text = others.chain([self.issuer.pem()]).collect::<String>();
        std::fs::write(&path, text).expect("a file");
        path
    }

    /// A folder for files that belong to the test.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Makes a key and signs a certificate for it, in files of their own.
    pub fn issue(&self, wanted: Wanted) -> Issued {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let mut about = CertificateParams::new(names).expect("names");
        about.distinguished_name = named(&[
            (DnType::OrganizationName, "Example"),
            (DnType::CommonName, &wanted.common_name),
        ]);
        about.extended_key_usages = vec![wanted.usage];
        about.not_before = wanted.not_before.into();
        about.not_after = wanted.not_after.into();
        about.serial_number = wanted.serial_number;
        let (key, text) = wanted.algorithm.generate();
        let certificate = about.signed_by(&key, &self.issuer).expect("a certificate");
        let number = self.issued.replace(self.issued.get() + 1);
        let file = |what: &str, text: String| {
            let path = self.folder.path().join(format!("{number}.{what}.pem"));
            std::fs::write(&path, text).expect("a file");
            path
        };
        Issued {
            certificate: file("certificate", certificate.pem() + &self.chain),
            key: file("key", text),
        }
    }

    /// A certificate for this machine.
    pub fn server(&self) -> Issued {
        self.issue(Wanted::server())
    }

    /// A certificate of the subject `CN=name,O=Example`.
    pub fn client(&self, name: &str) -> Issued {
        self.issue(Wanted::client(name))
    }

    /// A client that trusts this authority, offers both versions, and shows no certificate.
    pub fn caller(&self) -> Arc<ClientConfig> {
        Arc::new(self.caller_with(BOTH, None))
    }

    /// The same with a choice of versions and a certificate.
    pub fn caller_with(&self, versions: Versions, identity: Option<&Issued>) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).expect("an authority");
        let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(versions)
            .expect("versions")
            .with_root_certificates(roots);
        match identity {
            None => builder.with_no_client_auth(),
            Some(issued) => builder
                .with_client_auth_cert(issued.chain(), issued.private_key())
                .expect("a certificate and its key"),
        }
    }
}

impl Issued {
    /// The certificates of the file.
    pub fn chain(&self) -> Vec<CertificateDer<'static>> {
        CertificateDer::pem_file_iter(&self.certificate)
            .expect("a file")
            .map(|certificate| certificate.expect("a certificate"))
            .collect()
    }

    fn private_key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::from_pem_file(&self.key).expect("a key")
    }

    /// For a server that asks nothing of its clients.
    pub fn options(&self) -> TlsOptions {
        TlsOptions {
            certificate: CertificateSource::Files {
                certificate: self.certificate.clone(),
                key: self.key.clone(),
            },
            clients: ClientAuthentication::None,
            client_depth: TlsOptions::CLIENT_DEPTH,
            min: TlsVersion::Tls12,
            hsts: None,
            redirect: None,
        }
    }

    /// Puts these files into the place of others, each at once, as renewal does: the certificate
    /// first.
    pub fn replace(&self, others: &Issued) {
        put(&self.certificate, &others.certificate);
        put(&self.key, &others.key);
    }
}

/// Puts a copy of `new` into the place of `old` at once: nobody reads half of it.
pub fn put(new: &Path, old: &Path) {
    let next = old.with_extension("next");
    std::fs::copy(new, &next).expect("a copy");
    std::fs::rename(&next, old).expect("a file replaced");
}

/// What the certificate of an authority says.
fn about_authority(name: &str) -> CertificateParams {
    let mut about = CertificateParams::default();
    about.distinguished_name = named(&[(DnType::CommonName, name)]);
    about.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    about.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    about
}

fn named(parts: &[(DnType, &str)]) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    for (kind, value) in parts {
        name.push(kind.clone(), *value);
    }
    name
}

/// The file that every site of these tests has.
pub fn setup() -> Setup {
    Setup::new().file("a.txt", "here")
}

impl Setup {
    /// Makes it a server of HTTPS with a certificate of `authority`.
    pub fn https(self, authority: &Authority) -> Setup {
        let options = authority.server().options();
        self.with(|config| config.tls = Some(options))
    }

    /// Changes how it speaks HTTPS.
    pub fn tls(self, change: impl FnOnce(&mut TlsOptions)) -> Setup {
        self.with(|config| change(config.tls.as_mut().expect("a server of HTTPS")))
    }
}

/// A server of HTTPS, its authority, and a client that trusts it.
pub struct SecureSite {
    pub server: TestServer,
    pub authority: Authority,
    pub caller: Arc<ClientConfig>,
}

impl SecureSite {
    /// Starts a server that needs no more than a certificate.
    pub fn start(setup: Setup) -> SecureSite {
        SecureSite::start_with(setup, |_| {})
    }

    /// The same where it speaks HTTPS in another way.
    pub fn start_with(setup: Setup, change: impl FnOnce(&mut TlsOptions)) -> SecureSite {
        let authority = Authority::new("authority");
        SecureSite {
            server: setup.https(&authority).tls(change).start(),
            caller: authority.caller(),
            authority,
        }
    }

    /// One with `/a.txt` and nothing else, where only the deadline under test is short: whatever
    /// closes a connection, no other did.
    pub fn impatient(change: impl FnOnce(&mut Deadlines)) -> SecureSite {
        SecureSite::start(setup().with(|config| change(&mut config.deadlines)))
    }

    /// A new connection; the handshake is yet to come.
    pub fn connect(&self) -> Client<Tls> {
        self.server.secure(&self.caller)
    }

    /// The same in these versions only.
    pub fn connect_in(&self, versions: Versions) -> Client<Tls> {
        let caller = self.authority.caller_with(versions, None);
        self.server.secure(&caller.into())
    }

    /// GET with more field lines, on a new connection.
    pub fn get(&self, target: &str, fields: &[(&str, &str)]) -> Response {
        let mut client = self.connect();
        client.send(&request("GET", target, fields));
        client.response("GET")
    }
}

impl TestServer {
    /// A new connection of `caller` over TLS; the handshake is yet to come.
    pub fn secure(&self, caller: &Arc<ClientConfig>) -> Client<Tls> {
        secure(self.address, caller)
    }
}

impl Program {
    /// A new connection of `caller` over TLS; the handshake is yet to come.
    pub fn secure(&self, caller: &Arc<ClientConfig>) -> Client<Tls> {
        secure(self.address, caller)
    }
}

fn secure(address: SocketAddr, caller: &Arc<ClientConfig>) -> Client<Tls> {
    let stream = TcpStream::connect(address).expect("it accepts");
    Client::of(StreamOwned::new(session(caller), stream))
}

/// A session of its own, without a connection.
pub fn session(caller: &Arc<ClientConfig>) -> ClientConnection {
    let name = ServerName::try_from("localhost").expect("a name");
    ClientConnection::new(Arc::clone(caller), name).expect("a session")
}

/// The first record that a client sends.
pub fn client_hello(caller: &Arc<ClientConfig>) -> Vec<u8> {
    let mut hello = Vec::new();
    session(caller).write_tls(&mut hello).expect("a vector");
    hello
}

/// The first `length` bytes of a ClientHello that claims to be 60,000 bytes long, in records.
pub fn endless_hello(length: usize) -> Vec<u8> {
    let mut hello = vec![1, 0, 0xea, 0x60, 3, 3];
    hello.resize(length, 0);
    let record = |part: &[u8]| {
        let length = u16::try_from(part.len()).expect("a record").to_be_bytes();
        [&[22, 3, 1], &length[..], part].concat()
    };
    hello.chunks(8 << 10).flat_map(record).collect()
}

impl Stream for Tls {
    fn socket(&self) -> &TcpStream {
        &self.sock
    }

    /// close_notify; the socket stays as it is.
    fn finish(&mut self) {
        self.conn.send_close_notify();
        self.flush().expect("it is sent");
    }

    /// None: rustls tells of close_notify without an error.
    fn is_end(_: &io::Error) -> bool {
        false
    }
}

impl Client<Tls> {
    /// Completes the handshake.
    pub fn shake_hands(&mut self) -> io::Result<()> {
        while self.stream.conn.is_handshaking() {
            self.stream.conn.complete_io(&mut self.stream.sock)?;
        }
        Ok(())
    }

    /// Asks for `/a.txt`, the only file that every site of these tests has.
    #[track_caller]
    pub fn check_served(&mut self) {
        self.send(&request("GET", "/a.txt", &[]));
        assert_eq!(self.response("GET").text(), "here");
    }

    /// Whether it gets an answer.
    pub fn is_served(&mut self) -> bool {
        let request = request("GET", "/a.txt", &[]);
        let is_sent = self.shake_hands().is_ok() && self.stream.write_all(&request).is_ok();
        is_sent && self.stream.read(&mut [0]).is_ok_and(|count| count > 0)
    }

    /// Sends bytes in a record of which a bit is changed on the way.
    pub fn send_changed(&mut self, bytes: &[u8]) {
        let Tls { conn, sock } = &mut self.stream;
        conn.writer().write_all(bytes).expect("it takes that");
        let mut record = Vec::new();
        conn.write_tls(&mut record).expect("a vector");
        *record.last_mut().expect("a byte") ^= 1;
        sock.write_all(&record).expect("it reads");
    }

    /// How the session came about, once it has.
    pub fn kind(&self) -> HandshakeKind {
        self.stream.conn.handshake_kind().expect("a handshake")
    }

    /// The server's certificate, once it was shown.
    pub fn server_certificate(&self) -> CertificateDer<'static> {
        self.server_chain()[0].clone().into_owned()
    }

    /// The server's certificate and those behind it, once they were shown.
    pub fn server_chain(&self) -> &[CertificateDer<'static>] {
        self.stream.conn.peer_certificates().expect("a chain")
    }

    /// Why nobody is served, in the words of the client: a request is sent, and there is no answer.
    /// In TLS 1.3 a client takes a handshake for done before the server has judged it.
    #[track_caller]
    pub fn refusal(&mut self) -> String {
        self.send(&request("GET", "/a.txt", &[]));
        match self.stream.read(&mut [0]) {
            Ok(count) => panic!("{count} bytes and no refusal"),
            Err(error) => error.to_string(),
        }
    }

    /// What can be read, and the error that ends it; an orderly end fails the test.
    #[track_caller]
    pub fn rest_and_error(&mut self) -> (Vec<u8>, io::Error) {
        let mut bytes = Vec::new();
        let outcome = self.stream.read_to_end(&mut bytes);
        let error = outcome.expect_err("the connection ended as if everything had been sent");
        (bytes, error)
    }
}

/// What is said where it is missing.
pub const OPENSSL: &str = "openssl is needed by these tests; scripts/test installs it";

/// Runs openssl with `input`, which may make its session end.
pub fn openssl(arguments: &[&str], input: &[u8]) -> Output {
    let mut openssl = Command::new("openssl");
    openssl.args(arguments).stdin(Stdio::piped());
    openssl.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = openssl.spawn().expect(OPENSSL);
    let mut stdin = child.stdin.take().expect("a pipe");
    let input = input.to_vec();
    // It may have ended before it read this.
    let writer = std::thread::spawn(move || stdin.write_all(&input).map(|()| stdin).ok());
    let output = child.wait_with_output().expect("it ends");
    drop(writer.join());
    output
}

/// A key in another form: `pkcs1` or `sec1`, which older tools write.
pub fn traditional(key: &Path) -> PathBuf {
    let path = key.with_extension("traditional.pem");
    let (from, to) = (key.to_str().expect("UTF-8"), path.to_str().expect("UTF-8"));
    let output = openssl(&["pkey", "-in", from, "-traditional", "-out", to], b"");
    assert!(output.status.success(), "{output:?}");
    let text = std::fs::read_to_string(&path).expect("a file");
    assert!(!text.starts_with("-----BEGIN PRIVATE KEY-----"), "{text}");
    path
}
