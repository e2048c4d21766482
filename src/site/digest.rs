//! Digests of contents, by the algorithms of RFC 9530 section 5.

use sha2::{Digest as _, Sha256, Sha512};

use crate::semantics::digest::Algorithm;

/// The longest digest in bytes: that of SHA-512.
const LONGEST: usize = 64;

/// A digest and its algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest {
    /// The algorithm.
    pub algorithm: Algorithm,
    bytes: [u8; LONGEST],
    length: usize,
}

/// A digest that is being computed.
#[derive(Clone)]
pub(super) enum Hasher {
    Sha256(Sha256),
    Sha512(Sha512),
}

impl Digest {
    /// The digest of these bytes.
    pub fn of(algorithm: Algorithm, bytes: &[u8]) -> Digest {
        let mut hasher = Hasher::new(algorithm);
        hasher.update(bytes);
        hasher.finish()
    }

    fn new(algorithm: Algorithm, digest: &[u8]) -> Digest {
        let mut bytes = [0; LONGEST];
        let length = digest.len().min(LONGEST);
        bytes[..length].copy_from_slice(&digest[..length]);
        Digest {
            algorithm,
            bytes,
            length,
        }
    }

    /// The bytes of the digest.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

impl Hasher {
    pub(super) fn new(algorithm: Algorithm) -> Hasher {
        match algorithm {
            Algorithm::Sha256 => Hasher::Sha256(Sha256::new()),
            Algorithm::Sha512 => Hasher::Sha512(Sha512::new()),
        }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Hasher::Sha256(hasher) => hasher.update(bytes),
            Hasher::Sha512(hasher) => hasher.update(bytes),
        }
    }

    pub(super) fn finish(self) -> Digest {
        match self {
            Hasher::Sha256(hasher) => Digest::new(Algorithm::Sha256, &hasher.finalize()),
            Hasher::Sha512(hasher) => Digest::new(Algorithm::Sha512, &hasher.finalize()),
        }
    }
}
