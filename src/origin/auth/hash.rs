//! Hashes of passwords: which ones docroot takes, and whether a password belongs to one.
//!
//! ```text
//! $argon2id$v=19$m=19456,t=2,p=1$SALT$HASH     argon2 (RFC 9106)
//! $2b$12$SALTHASH                              bcrypt, also $2a$ and $2y$
//! $6$rounds=5000$SALT$HASH                     SHA-512 crypt; $5$ is SHA-256 crypt
//! ```
//!
//! A check takes as much time and memory as the hash says, so both have a limit. One check is made at a
//! time.

use std::fmt;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier};
use sha_crypt::ShaCrypt;

/// A hash that docroot can check.
#[derive(Clone, PartialEq, Eq)]
pub struct Hash {
    kind: Kind,
    text: Box<str>,
}

/// An algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// argon2id, argon2i and argon2d.
    Argon2,
    /// bcrypt.
    Bcrypt,
    /// SHA-256 crypt and SHA-512 crypt.
    ShaCrypt,
}

/// Why a text is no hash that docroot can check. No message repeats the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashError {
    /// It is no hash of a known form: a password in plain text, or the old hash of `crypt`.
    NotAHash,
    /// It is a hash of MD5 or SHA-1, which are computed too quickly.
    Weak(&'static str),
    /// docroot does not know the algorithm.
    Unknown,
    /// It begins like such a hash, and is not one.
    Malformed(Kind),
    /// A check would take too much time or memory.
    TooCostly(Kind),
}

/// 1 GiB read and written takes about a second.
const MOST_ARGON2_KIB: u64 = 1 << 20;

/// The most memory of one check.
const MOST_ARGON2_MEMORY_KIB: u32 = 256 << 10;

/// Each step doubles the time. This one takes about two seconds.
const MOST_BCRYPT_COST: u32 = 15;

/// They take about two seconds.
const MOST_SHA_CRYPT_ROUNDS: u32 = 5_000_000;

impl Hash {
    /// Reads a hash.
    pub fn parse(text: &str) -> Result<Hash, HashError> {
        let kind = match text.split('$').nth(1) {
            _ if text.starts_with("{SHA}") => return Err(HashError::Weak("SHA-1")),
            _ if !text.starts_with('$') => return Err(HashError::NotAHash),
            Some("1" | "apr1") => return Err(HashError::Weak("MD5")),
            Some("2a" | "2b" | "2y") => check_bcrypt(text)?,
            Some("5") => check_sha_crypt(text, 43)?,
            Some("6") => check_sha_crypt(text, 86)?,
            Some("argon2id" | "argon2i" | "argon2d") => check_argon2(text)?,
            _ => return Err(HashError::Unknown),
        };
        Ok(Hash {
            kind,
            text: text.into(),
        })
    }

    /// Makes the hash of a password, with a new salt. `None` if the system gives no random bytes.
    ///
    /// RFC 9106 and OWASP both recommend argon2id first; the parameters are OWASP's. It needs memory, which
    /// hardware for guessing is short of, so a check can be short: 40 ms, against 290 ms for bcrypt at its
    /// usual cost of 12.
    pub fn of(password: &[u8]) -> Option<String> {
        let hash = Argon2::default().hash_password(password).ok()?;
        Some(hash.to_string())
    }

    /// Whether this is the password. It takes about the same time for every password.
    pub fn belongs_to(&self, password: &[u8]) -> bool {
        let text = &*self.text;
        match self.kind {
            Kind::Argon2 => Argon2::default().verify_password(password, text).is_ok(),
            // As everywhere, the first 72 bytes count.
            Kind::Bcrypt => bcrypt::verify(password, text).unwrap_or(false),
            Kind::ShaCrypt => ShaCrypt::default().verify_password(password, text).is_ok(),
        }
    }

    /// How many bytes a check needs.
    pub fn memory(&self) -> u64 {
        let hash = PasswordHash::new(&self.text).ok();
        let params = hash.and_then(|hash| Params::try_from(&hash).ok());
        match (self.kind, params) {
            (Kind::Argon2, Some(params)) => u64::from(params.m_cost()) * 1024,
            // bcrypt needs the most of the others: its tables.
            _ => 4168,
        }
    }

    /// The text of the hash. It is as secret as a weak password.
    pub fn text(&self) -> &str {
        &self.text
    }
}

fn check_bcrypt(text: &str) -> Result<Kind, HashError> {
    let malformed = HashError::Malformed(Kind::Bcrypt);
    let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || b"./".contains(&byte);
    let mut parts = text.split('$').skip(2);
    let (Some(cost), Some(rest), None) = (parts.next(), parts.next(), parts.next()) else {
        return Err(malformed);
    };
    let number = cost.parse::<u32>().ok().filter(|_| cost.len() == 2);
    if rest.len() != 53 || !rest.bytes().all(is_digit) || number.is_none_or(|cost| cost < 4) {
        return Err(malformed);
    }
    match number {
        Some(0..=MOST_BCRYPT_COST) => Ok(Kind::Bcrypt),
        _ => Err(HashError::TooCostly(Kind::Bcrypt)),
    }
}

/// A hash of SHA-256 crypt has 43 digits and one of SHA-512 crypt has 86.
fn check_sha_crypt(text: &str, digits: usize) -> Result<Kind, HashError> {
    let malformed = HashError::Malformed(Kind::ShaCrypt);
    let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || b"./".contains(&byte);
    let mut parts: Vec<&str> = text.split('$').skip(2).collect();
    let rounds = match parts
        .first()
        .and_then(|first| first.strip_prefix("rounds="))
    {
        Some(rounds) => {
            let number = rounds.parse::<u32>().map_err(|_| malformed)?;
            parts.remove(0);
            number
        }
        None => sha_crypt::Params::RECOMMENDED_ROUNDS,
    };
    let [salt, hash] = parts[..] else {
        return Err(malformed);
    };
    let is_salt =
        (1..=16).contains(&salt.len()) && salt.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_salt || hash.len() != digits || !hash.bytes().all(is_digit) {
        return Err(malformed);
    }
    match rounds {
        // Others compute with 1000 rounds at least, whatever the hash says.
        0..sha_crypt::Params::ROUNDS_MIN => Err(malformed),
        sha_crypt::Params::ROUNDS_MIN..=MOST_SHA_CRYPT_ROUNDS => Ok(Kind::ShaCrypt),
        _ => Err(HashError::TooCostly(Kind::ShaCrypt)),
    }
}

fn check_argon2(text: &str) -> Result<Kind, HashError> {
    let malformed = HashError::Malformed(Kind::Argon2);
    let hash = PasswordHash::new(text).map_err(|_| malformed)?;
    Algorithm::try_from(hash.algorithm.as_str()).map_err(|_| malformed)?;
    if hash.salt.is_none() || hash.hash.is_none() {
        return Err(malformed);
    }
    let params = Params::try_from(&hash).map_err(|_| malformed)?;
    let passes = u64::from(params.m_cost()) * u64::from(params.t_cost());
    match params.m_cost() <= MOST_ARGON2_MEMORY_KIB && passes <= MOST_ARGON2_KIB {
        true => Ok(Kind::Argon2),
        false => Err(HashError::TooCostly(Kind::Argon2)),
    }
}

impl fmt::Debug for Hash {
    /// Without the text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Hash").field(&self.kind).finish()
    }
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Argon2 => "argon2",
            Kind::Bcrypt => "bcrypt",
            Kind::ShaCrypt => "SHA crypt",
        }
    }

    fn limit(self) -> &'static str {
        match self {
            Kind::Argon2 => {
                "use at most 256 MiB of memory, and at most 1 GiB for memory times passes"
            }
            Kind::Bcrypt => "use a cost of at most 15",
            Kind::ShaCrypt => "use at most 5000000 rounds",
        }
    }
}

impl HashError {
    /// The message for a hash in an option, which a shell may have changed.
    pub fn in_option(&self) -> String {
        match self {
            HashError::NotAHash | HashError::Malformed(_) => format!(
                "{self}; in a shell, put it in single quotes, because the shell replaces what follows a $"
            ),
            HashError::Weak(_) | HashError::Unknown | HashError::TooCostly(_) => self.to_string(),
        }
    }
}

impl fmt::Display for HashError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HashError::NotAHash => {
                f.write_str("this is not a password hash: make one with docroot hash-password")
            }
            HashError::Weak(name) => write!(
                f,
                "{name} hashes are too weak: make a new hash with docroot hash-password"
            ),
            HashError::Unknown => f.write_str(
                "this is not an argon2, bcrypt or SHA crypt ($5$, $6$) hash: make one with docroot \
                 hash-password",
            ),
            HashError::Malformed(kind) => write!(
                f,
                "this {} hash is malformed or cut off: copy all of it, or make a new one with docroot \
                 hash-password",
                kind.name()
            ),
            HashError::TooCostly(kind) => write!(
                f,
                "checking this hash of {} would take too long: {}",
                kind.name(),
                kind.limit()
            ),
        }
    }
}

impl std::error::Error for HashError {}

#[cfg(test)]
mod tests {
    use super::*;

    /// All of `secret`, made by libxcrypt, OpenSSL and the reference implementation of argon2.
    const HASHES: [&str; 10] = [
        "$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW",
        "$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a",
        "$2a$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW",
        "$5$saltsalt$0IyaXrmV7.sGNS6tirgqHLqX/G.FBvgkYA.lpPdS5sA",
        "$5$rounds=1000$s$1G5532wclKO2DGU0xcX3Rd6BmCQw9FWjZAp9VdiPyK3",
        "$6$rounds=1500$saltsalt$34Syr0FSbWlp9hNFif0BNSVHRPxwiPh79DU920TQC0DoAPilRd9UG4mVZjASSDEENmIuJl1xJneHoAcjNgCp00",
        "$6$abcdefgh$ltjgWl6579NluT/Vi1nwEvcil.G5Nbc4NiXZaNGStk8PSwGfQv72N2CKPPrVACtLtip/cZ/1GM/O6IND4WQhG.",
        "$5$abcdefgh$gruCpC7VkOTspMQTTSAR8mtlO9Upms.fwqE5y16JVM.",
        "$argon2id$v=19$m=64,t=2,p=2$N+TB2EbwTfxSzvApA1lMVw$EwYQfHPLikPOpMeAnNTXUBrM5MOw2kiE1BQN1PRBkGw",
        "$argon2i$v=19$m=64,t=2,p=2$b1F7fwnBx+aLnLjwtPyOSA$NmVukmsa9L9jXVd9/vJI3qPNzunMAz9ozieY9qfJokc",
    ];

    #[test]
    fn hashes_of_other_programs_are_checked() {
        for text in HASHES {
            let hash = Hash::parse(text).expect(text);
            assert!(hash.belongs_to(b"secret"), "{text}");
            assert!(!hash.belongs_to(b"Secret"), "{text}");
            assert!(!hash.belongs_to(b""), "{text}");
            assert!(!format!("{hash:?}").contains('$'));
        }
    }

    #[test]
    fn a_new_hash_has_a_salt_of_its_own() {
        let hash = Hash::of(b"p\xc3\xa4ss").expect("random bytes");
        assert_ne!(Hash::of(b"p\xc3\xa4ss"), Some(hash.clone()));
        assert!(
            hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{hash}"
        );
        let parsed = Hash::parse(&hash).expect("a hash");
        assert!(parsed.belongs_to(b"p\xc3\xa4ss") && !parsed.belongs_to(b"pass"));
    }

    #[track_caller]
    fn check_error(text: &str, want: &str) {
        let fault = Hash::parse(text).expect_err(text);
        assert!(fault.to_string().contains(want), "{text}: {fault}");
    }

    #[test]
    fn what_cannot_be_checked_is_told_with_what_to_do() {
        for plain in ["", "secret", "rqXexS6ZhobKA", "{PLAIN}secret"] {
            check_error(plain, "docroot hash-password");
            let fault = Hash::parse(plain).expect_err(plain);
            assert!(fault.in_option().contains("single quotes"));
            assert!(!fault.to_string().contains("shell"));
        }
        check_error("$apr1$abcdefgh$h9FWgUz3n9YxylKLlR5SQ/", "MD5");
        check_error("$1$abcdefgh$cHJi5PXp/ki/ktXzqlk6I1", "MD5");
        check_error("{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=", "SHA-1");
        for other in ["$y$j9T$a$b", "$7$a$b", "$2x$04$a", "$", "$$", "$scrypt$a"] {
            check_error(other, "argon2, bcrypt or SHA crypt");
        }
    }

    #[test]
    fn a_part_of_a_hash_is_none() {
        // The length of a hash of argon2 is not fixed. A part of it belongs to no password.
        for text in HASHES.iter().filter(|text| !text.starts_with("$argon2")) {
            for end in 1..text.len() {
                assert!(Hash::parse(&text[..end]).is_err(), "{}", &text[..end]);
            }
        }
        check_error(
            "$argon2id$v=19$m=64,t=2,p=2$N+TB2EbwTfxSzvApA1lMVw",
            "cut off",
        );
        check_error("$argon2id$v=19$m=64", "cut off");
        check_error(
            "$2b$4$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW",
            "cut off",
        );
        check_error(
            "$2b$03$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW",
            "cut off",
        );
        check_error(
            "$5$rounds=999$s$1G5532wclKO2DGU0xcX3Rd6BmCQw9FWjZAp9VdiPyK3",
            "cut off",
        );
        check_error(
            "$5$rounds=x$s$1G5532wclKO2DGU0xcX3Rd6BmCQw9FWjZAp9VdiPyK3",
            "cut off",
        );
    }

    #[test]
    fn a_check_that_takes_too_long_is_refused() {
        check_error(
            "$2b$16$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW",
            "at most 15",
        );
        check_error(
            "$5$rounds=5000001$s$1G5532wclKO2DGU0xcX3Rd6BmCQw9FWjZAp9VdiPyK3",
            "at most 5000000",
        );
        for cost in ["m=262145,t=1,p=1", "m=65536,t=17,p=1"] {
            let text = format!(
                "$argon2id$v=19${cost}$N+TB2EbwTfxSzvApA1lMVw$EwYQfHPLikPOpMeAnNTXUBrM5MOw2kiE1BQN1PRBkGw"
            );
            check_error(&text, "256 MiB");
        }
    }
}
