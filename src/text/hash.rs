//! A hash that stays the same after a restart, for entity-tags and versions.

use std::hash::{DefaultHasher, Hash, Hasher};

/// The hash of a value. There is no random key, so whoever chooses values can choose equal hashes.
pub fn stable_hash(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
