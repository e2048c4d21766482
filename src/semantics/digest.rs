//! RFC 9530: which digest a client wants.
//!
//! ```text
//! Want-Repr-Digest: sha-256=3, sha-512=10
//! ```
//!
//! Section 4: each algorithm has a preference from 1, the lowest, to 10. An algorithm with 0 is not wanted.

use super::field::{FieldName, Fields};
use super::structured_fields::{Value, dictionary};

/// An algorithm that the server knows: those that section 5 calls active.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Algorithm {
    Sha256,
    Sha512,
}

/// The digest fields that a client wants, each with the algorithm that it prefers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WantedDigests {
    /// For `Repr-Digest`, which is about the selected representation (section 3).
    pub representation: Option<Algorithm>,
    /// For `Content-Digest`, which is about the content of the message (section 2).
    pub content: Option<Algorithm>,
}

/// The highest preference.
const MOST: i64 = 10;

impl Algorithm {
    /// Every algorithm. If a client prefers none, the first one is used, because more clients know it.
    const ALL: [Algorithm; 2] = [Algorithm::Sha256, Algorithm::Sha512];

    /// The key in digest fields.
    pub fn key(self) -> &'static str {
        match self {
            Algorithm::Sha256 => "sha-256",
            Algorithm::Sha512 => "sha-512",
        }
    }
}

impl WantedDigests {
    /// What a request wants; `None` if it says nothing about digests. This tests two bits.
    pub fn of(fields: &Fields<'_>) -> Option<WantedDigests> {
        let names = [FieldName::WantReprDigest, FieldName::WantContentDigest];
        if !names.iter().any(|&name| fields.contains(name)) {
            return None;
        }
        let [representation, content] = names.map(|name| preferred(fields, name));
        Some(WantedDigests {
            representation,
            content,
        })
    }
}

/// The algorithm with the highest preference among those that the server knows (section 4). A member that is
/// no preference is ignored, and so is a malformed line.
fn preferred(fields: &Fields<'_>, name: FieldName) -> Option<Algorithm> {
    let is_known = |key: &[u8]| {
        Algorithm::ALL
            .iter()
            .any(|known| known.key().as_bytes() == key)
    };
    let lines = fields.values(name);
    let members = lines
        .filter_map(|line| dictionary(line, is_known))
        .flatten();
    let mut preferences = [0; Algorithm::ALL.len()];
    for (key, value) in members {
        let known = Algorithm::ALL.iter().zip(&mut preferences);
        for (_, preference) in known.filter(|(known, _)| known.key().as_bytes() == key) {
            *preference = match value {
                Value::Integer(wanted @ 0..=MOST) => wanted,
                _ => 0,
            };
        }
    }
    let wanted = Algorithm::ALL.into_iter().zip(preferences).rev();
    let best = wanted.max_by_key(|(_, preference)| *preference);
    best.filter(|(_, preference)| *preference > 0)
        .map(|(algorithm, _)| algorithm)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::semantics::field::Section;
    use Algorithm::{Sha256, Sha512};

    #[track_caller]
    fn check(lines: &[&str], want: Option<Algorithm>) {
        let lines: Vec<_> = lines
            .iter()
            .map(|line| (FieldName::WantContentDigest, *line))
            .collect();
        let wanted = WantedDigests::of(&Section::of(&lines).fields());
        let want = WantedDigests {
            representation: None,
            content: want,
        };
        assert_eq!(wanted, Some(want), "{lines:?}");
    }

    #[test]
    fn the_highest_preference_wins() {
        check(&["sha-256=1"], Some(Sha256));
        check(&["sha-512=3, sha-256=10, unixsum=0"], Some(Sha256)); // the example of section 4
        check(&["sha-256=3, sha-512=10"], Some(Sha512));
        check(&["sha-512=5, sha-256=5"], Some(Sha256));
        check(&["sha-256=3", "sha-512=4"], Some(Sha512));
        check(&["sha-256=9, sha-256=1", "sha-512=2"], Some(Sha512)); // RFC 9651 section 3.2
    }

    #[test]
    fn what_is_no_preference_is_ignored() {
        check(&["sha-256=0"], None);
        check(&["sha-256=0, sha-512=1"], Some(Sha512));
        check(&["md5=10, sha-256=1"], Some(Sha256));
        check(&["sha-256"], None); // a boolean
        check(&["sha-256=11"], None);
        check(&["sha-256=-1, sha-512=2"], Some(Sha512));
        check(&["sha-256=1.5"], None);
        check(&["SHA-256=1"], None); // a key is in lower case
        check(&["sha-256=1,"], None);
        check(&["sha-256=,", "sha-512=1"], Some(Sha512));
        check(&[""], None);
    }

    #[test]
    fn each_field_has_its_own_preferences() {
        let lines = [
            (FieldName::WantReprDigest, "sha-512=1"),
            (FieldName::WantContentDigest, "sha-256=1"),
        ];
        let wanted = WantedDigests {
            representation: Some(Sha512),
            content: Some(Sha256),
        };
        let section = Section::of(&lines);
        assert_eq!(WantedDigests::of(&section.fields()), Some(wanted));
        assert_eq!(WantedDigests::of(&Fields::empty()), None);
    }
}
