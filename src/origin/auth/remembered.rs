//! Pairs of a name and a password that were right a moment ago, so that the next request of a page need
//! not wait for another check.
//!
//! Invariant: this module keeps only digests, under a random key of this process. A digest covers the hash
//! of the password too, so if the hash changes, the old password is forgotten at once.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use crate::semantics::credentials::Credentials;
use crate::sync::lock;

/// How long a pair is remembered.
const REMEMBERED: Duration = Duration::from_secs(5 * 60);

/// How many pairs are remembered: about 100 KiB.
const MOST_PAIRS: usize = 1024;

/// The digest of a pair.
pub type PairDigest = [u8; 32];

/// The pairs.
pub struct Remembered {
    key: [u8; 32],
    /// Until when each pair is remembered. All workers use it, so no digest is computed while it is locked.
    until: Mutex<HashMap<PairDigest, Instant>>,
}

impl Remembered {
    /// Remembers nothing yet. `None` if the system gives no random bytes.
    pub fn new() -> Option<Remembered> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).ok()?;
        Some(Remembered {
            key,
            until: Mutex::default(),
        })
    }

    /// The digest of a pair and of the hash that it belongs to.
    pub fn digest(&self, credentials: &Credentials, hash: &str) -> PairDigest {
        let parts = [
            credentials.name.as_bytes(),
            &credentials.password,
            hash.as_bytes(),
        ];
        let mut digest = Sha256::new_with_prefix(self.key);
        for part in parts {
            // The lengths keep apart what would look alike in a row.
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        }
        digest.finalize().into()
    }

    /// Whether the pair was right a moment ago.
    pub fn has(&self, pair: &PairDigest, now: Instant) -> bool {
        self.pairs().get(pair).is_some_and(|until| *until > now)
    }

    /// Remembers a pair that is right.
    pub fn add(&self, pair: PairDigest, now: Instant) {
        let mut pairs = self.pairs();
        if pairs.len() >= MOST_PAIRS {
            pairs.retain(|_, until| *until > now);
        }
        if pairs.len() >= MOST_PAIRS {
            let oldest = pairs.iter().min_by_key(|(_, until)| **until);
            let oldest = oldest.map(|(pair, _)| *pair);
            oldest.map(|pair| pairs.remove(&pair));
        }
        pairs.insert(pair, now + REMEMBERED);
    }

    fn pairs(&self) -> MutexGuard<'_, HashMap<PairDigest, Instant>> {
        // No panic leaves the table half-written.
        lock(&self.until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(name: &str, password: &str) -> Credentials {
        Credentials {
            name: name.into(),
            password: password.as_bytes().into(),
        }
    }

    #[test]
    fn a_pair_is_remembered_for_a_while() {
        let (now, remembered) = (Instant::now(), Remembered::new().expect("a key"));
        let pair = remembered.digest(&credentials("a", "b"), "h");
        assert!(!remembered.has(&pair, now));
        remembered.add(pair, now);
        assert!(remembered.has(&pair, now));
        assert!(remembered.has(&pair, now + REMEMBERED - Duration::from_secs(1)));
        assert!(!remembered.has(&pair, now + REMEMBERED));
    }

    #[test]
    fn every_part_and_the_key_count() {
        let one = Remembered::new().expect("a key");
        let digest = |name, password, hash| one.digest(&credentials(name, password), hash);
        let all = [
            digest("a", "bc", "h"),
            digest("ab", "c", "h"),
            digest("a", "bch", ""),
            digest("a", "bc", "g"),
            Remembered::new()
                .expect("a key")
                .digest(&credentials("a", "bc"), "h"),
        ];
        for (number, pair) in all.iter().enumerate() {
            assert!(!all[..number].contains(pair), "{number}");
        }
        assert_eq!(digest("a", "bc", "h"), all[0]);
    }

    #[test]
    fn the_table_is_bounded_and_loses_the_oldest_pair() {
        let (now, remembered) = (Instant::now(), Remembered::new().expect("a key"));
        let second = Duration::from_secs(1);
        let pair = |number: usize| remembered_pair(number);
        remembered.add(pair(0), now);
        for number in 1..=MOST_PAIRS {
            remembered.add(pair(number), now + second);
        }
        assert_eq!(remembered.pairs().len(), MOST_PAIRS);
        assert!(!remembered.has(&pair(0), now) && remembered.has(&pair(1), now));
        remembered.add(pair(0), now + second + REMEMBERED);
        assert_eq!(remembered.pairs().len(), 1);
    }

    fn remembered_pair(number: usize) -> PairDigest {
        let mut pair = [0; 32];
        pair[..8].copy_from_slice(&(number as u64).to_le_bytes());
        pair
    }
}
