//! Tells the operator which sidecars are older than their originals, once per file and worker.

use std::collections::HashSet;

use crate::observe::notice;
use crate::text::escape::Name;
use crate::text::hash::stable_hash;

/// How many files are told of. This bounds the memory for them, and the lines if a whole site is
/// outdated.
const MOST: usize = 256;

/// The outdated sidecars that the operator was told of.
#[derive(Debug, Default)]
pub(super) struct Outdated {
    /// Hashes of their paths.
    told: HashSet<u64>,
}

impl Outdated {
    /// Tells the operator about the sidecar at this path, unless that was done before. Does not wait.
    pub fn tell(&mut self, sidecar: &[u8], original: &[u8]) {
        notice::tell(&self.lines(sidecar, original));
    }

    fn lines(&mut self, sidecar: &[u8], original: &[u8]) -> Vec<String> {
        if self.told.len() >= MOST || !self.told.insert(stable_hash(sidecar)) {
            return Vec::new();
        }
        let (name, newer) = (Name(sidecar), Name(original));
        let mut lines = vec![format!(
            "{name} is older than {newer}, so docroot does not send it; run docroot compress to renew it"
        )];
        if self.told.len() == MOST {
            lines.push("further outdated precompressed files are not reported".into());
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_file_is_told_of_once_and_not_too_many_are() {
        let mut outdated = Outdated::default();
        let told = outdated.lines(b"a\n.html.br", b"a\n.html");
        let want = "\"a\\n.html.br\" is older than \"a\\n.html\", so docroot does not send it; \
                    run docroot compress to renew it";
        assert_eq!(told, [want]);
        assert!(outdated.lines(b"a\n.html.br", b"a\n.html").is_empty());
        for number in 1..MOST - 1 {
            let path = format!("{number}.gz");
            assert_eq!(outdated.lines(path.as_bytes(), b"x").len(), 1);
        }
        assert_eq!(outdated.lines(b"last.gz", b"last").len(), 2);
        assert!(outdated.lines(b"more.gz", b"more").is_empty());
        assert_eq!(outdated.told.len(), MOST);
    }
}
