//! The id of a request, by which people find it in the logs of several programs.
//!
//! ```text
//! 9f86d081884c7d659a2feaa0c55ad015        128 random bits, made here
//! checkout-7:retry=1                      from a trusted proxy: 1*128( ALPHA / DIGIT / "._~+/=:-" )
//! ```
//!
//! No standard defines `X-Request-Id`; nginx, Apache, Envoy and others use it. An id has no space, quote or control
//! character, so it needs no escape in a head or in a log.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use chacha20::ChaCha8Rng;
use chacha20::rand_core::{Rng, SeedableRng};

use crate::text::octet::{self, REQUEST_ID};

/// The longest id that is taken from a proxy. The log and the response repeat it.
const MOST: usize = 128;

/// The id of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(Text);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Text {
    /// 128 bits in hexadecimal digits.
    Made([u8; 32]),
    /// From a proxy.
    Given(Box<[u8]>),
}

impl RequestId {
    /// The id that a trusted proxy has given; `None` if it is not one.
    pub fn given(value: &[u8]) -> Option<RequestId> {
        let is_id =
            (1..=MOST).contains(&value.len()) && octet::run(&REQUEST_ID, value) == value.len();
        is_id.then(|| RequestId(Text::Given(value.into())))
    }

    /// The text.
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Text::Made(digits) => digits,
            Text::Given(text) => text,
        }
    }

    /// The memory that it refers to, in bytes.
    pub fn cost(&self) -> usize {
        match &self.0 {
            Text::Made(_) => 0,
            Text::Given(text) => text.len(),
        }
    }
}

/// Where the generators of all workers come from.
pub struct IdSource {
    /// Random octets of the system.
    key: [u8; 32],
    /// How many generators there were. Each has a stream of its own, so no two make the same ids.
    generators: AtomicU64,
}

/// Makes ids for one worker. It is a stream cipher, so an id costs no system call, and nobody can compute the ids of
/// others from their own.
#[derive(Debug)]
pub struct RequestIds(ChaCha8Rng);

impl IdSource {
    /// Asks the system for random octets.
    pub fn new() -> io::Result<IdSource> {
        let mut key = [0; 32];
        getrandom::fill(&mut key)?;
        Ok(IdSource {
            key,
            generators: AtomicU64::new(0),
        })
    }

    /// A generator for one worker.
    pub fn generator(&self) -> RequestIds {
        let mut random = ChaCha8Rng::from_seed(self.key);
        random.set_stream(self.generators.fetch_add(1, Ordering::Relaxed));
        RequestIds(random)
    }
}

impl RequestIds {
    /// A new id.
    pub fn make(&mut self) -> RequestId {
        let mut bits = [0; 16];
        self.0.fill_bytes(&mut bits);
        let digit = |value: u8| b"0123456789abcdef"[usize::from(value & 15)];
        let mut digits = [0; 32];
        for (pair, octet) in digits.chunks_exact_mut(2).zip(bits) {
            pair.copy_from_slice(&[digit(octet >> 4), digit(octet)]);
        }
        RequestId(Text::Made(digits))
    }

    /// The id that was given, if it is one, or else a new one.
    pub fn take_or_make(&mut self, given: Option<&[u8]>) -> RequestId {
        let given = given.and_then(RequestId::given);
        given.unwrap_or_else(|| self.make())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[track_caller]
    fn check(value: &[u8], is_taken: bool) {
        let mut ids = IdSource::new().expect("random octets").generator();
        let id = ids.take_or_make(Some(value));
        assert_eq!(id.as_bytes() == value, is_taken, "{}", value.escape_ascii());
        assert_eq!(RequestId::given(value).is_some(), is_taken);
    }

    #[test]
    fn an_id_of_a_proxy_is_short_and_has_no_odd_characters() {
        check(b"a", true);
        check(b"4fzzz-Z0._~+/=:-", true);
        check(&[b'a'; 128], true);
        check(&[b'a'; 129], false);
        check(b"", false);
        for odd in [
            &b" "[..],
            b"a b",
            b"a\"",
            b"a\\",
            b"a,b",
            b"<a>",
            b"a\r\nb",
            b"\xc3\xa4",
            b"a\0",
        ] {
            check(odd, false);
        }
    }

    #[test]
    fn no_two_ids_are_equal() {
        let source = IdSource::new().expect("random octets");
        let mut workers = [source.generator(), source.generator()];
        let mut seen = HashSet::new();
        for _ in 0..1000 {
            for worker in &mut workers {
                let id = worker.make();
                let text = id.as_bytes();
                assert!(text.len() == 32 && text.iter().all(u8::is_ascii_hexdigit));
                assert!(!text.iter().any(u8::is_ascii_uppercase));
                assert!(seen.insert(text.to_vec()));
            }
        }
        // Another process has another key.
        let other = IdSource::new().expect("random octets").generator().make();
        assert!(!seen.contains(other.as_bytes()));
    }

    /// Each of the 128 bits is 1 about half of the time.
    #[test]
    fn every_bit_is_random() {
        let mut ids = IdSource::new().expect("random octets").generator();
        let mut ones = [0; 128];
        for _ in 0..1000 {
            let id = ids.make();
            let text = std::str::from_utf8(id.as_bytes()).expect("ASCII");
            let number = u128::from_str_radix(text, 16).expect("hexadecimal");
            for (bit, ones) in ones.iter_mut().enumerate() {
                *ones += number >> bit & 1;
            }
        }
        // 16 is the standard deviation.
        assert!(
            ones.iter().all(|ones| (380..620).contains(ones)),
            "{ones:?}"
        );
    }

    #[test]
    fn what_was_given_counts_as_memory() {
        let id = RequestId::given(&[b'a'; 100]).expect("an id");
        assert_eq!(id.cost(), 100);
    }
}
