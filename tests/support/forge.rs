//! Records of TLS 1.3 that rustls would not send, made of the secret of its session (RFC 8446
//! sections 5.2 and 7).

use std::sync::{Arc, Mutex};

use rustls::crypto::cipher::{AeadKey, Iv, MessageEncrypter, OutboundChunks, OutboundPlainMessage};
use rustls::crypto::tls13::{HkdfExpander, OkmBlock, expand};
use rustls::{
    ClientConfig, ClientConnection, ContentType, KeyLog, ProtocolVersion, SupportedCipherSuite,
    Tls13CipherSuite,
};

/// Writes as a client whose session has begun. What rustls would write after it could not be read.
pub struct Forge {
    suite: &'static Tls13CipherSuite,
    expander: Box<dyn HkdfExpander>,
    encrypter: Box<dyn MessageEncrypter>,
    sequence: u64,
}

/// The bytes of a key in the suites with AES-256 and ChaCha20, of which the server takes one.
const KEY: usize = 32;

/// What rustls tells whoever debugs it.
#[derive(Debug, Default)]
pub struct Secret(Mutex<Vec<u8>>);

impl KeyLog for Secret {
    fn log(&self, label: &str, _: &[u8], secret: &[u8]) {
        if label == "CLIENT_TRAFFIC_SECRET_0" {
            *self.0.lock().expect("no panic") = secret.to_vec();
        }
    }
}

/// Makes rustls tell the secret of the one session that `caller` begins.
pub fn tapped(caller: &mut ClientConfig) -> Arc<Secret> {
    let secret = Arc::<Secret>::default();
    caller.key_log = Arc::clone(&secret) as Arc<dyn KeyLog>;
    secret
}

impl Forge {
    /// Writes on behalf of this client, which has shaken hands and written nothing else.
    pub fn of(session: &ClientConnection, secret: &Secret) -> Forge {
        let Some(SupportedCipherSuite::Tls13(suite)) = session.negotiated_cipher_suite() else {
            panic!("no suite of TLS 1.3");
        };
        Forge::new(suite, &OkmBlock::new(&secret.0.lock().expect("no panic")))
    }

    fn new(suite: &'static Tls13CipherSuite, secret: &OkmBlock) -> Forge {
        assert_eq!(suite.aead_alg.key_len(), KEY);
        let expander = suite.hkdf_provider.expander_for_okm(secret);
        let key: AeadKey = expand(&*expander, &[&info(KEY, "key")]);
        let iv: Iv = expand(&*expander, &[&info(12, "iv")]);
        Forge {
            encrypter: suite.aead_alg.encrypter(key, iv),
            suite,
            expander,
            sequence: 0,
        }
    }

    /// A record of this content.
    pub fn record(&mut self, kind: ContentType, content: &[u8]) -> Vec<u8> {
        let message = OutboundPlainMessage {
            typ: kind,
            version: ProtocolVersion::TLSv1_3,
            payload: OutboundChunks::Single(content),
        };
        let record = self.encrypter.encrypt(message, self.sequence);
        self.sequence += 1;
        record.expect("an encrypted record").encode()
    }

    /// KeyUpdate, which asks for nothing in return: what follows it is under the next key.
    pub fn key_update(&mut self) -> Vec<u8> {
        let record = self.record(ContentType::Handshake, &[24, 0, 0, 1, 0]);
        let info = info(self.expander.hash_len(), "traffic upd");
        *self = Forge::new(self.suite, &self.expander.expand_block(&[&info]));
        record
    }
}

/// HkdfLabel of RFC 8446 section 7.1, without a context.
fn info(length: usize, label: &str) -> Vec<u8> {
    let label = format!("tls13 {label}");
    let length = u16::try_from(length).expect("a short key").to_be_bytes();
    let sizes = [length[0], length[1], label.len() as u8];
    [&sizes, label.as_bytes(), &[0]].concat()
}
