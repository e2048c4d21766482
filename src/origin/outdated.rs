//! Tells the operator which sidecars are outdated, once per file and worker.

use std::collections::HashSet;

use crate::observe::notice;
use crate::semantics::variant::Outdated;
use crate::text::escape::Name;
use crate::text::hash::stable_hash;

/// How many files are told of. This bounds the memory for them, and the lines if a whole site is
/// outdated.
const MOST: usize = 256;

/// The outdated sidecars that the operator was told of.
#[derive(Debug, Default)]
pub(super) struct ToldOutdated {
    /// Hashes of their paths.
    told: HashSet<u64>,
}

impl ToldOutdated {
    /// Tells the operator about the sidecar at this path, unless that was done before. Does not wait.
    pub fn tell(&mut self, sidecar: &[u8], original: &[u8], why: Outdated) {
        notice::tell(&self.lines(sidecar, original, why));
    }

    fn lines(&mut self, sidecar: &[u8], original: &[u8], why: Outdated) -> Vec<String> {
        if self.told.len() >= MOST || !self.told.insert(stable_hash(sidecar)) {
            return Vec::new();
        }
        let (name, newer) = (Name(sidecar), Name(original));
        let why = match why {
            Outdated::Older => format!("{name} is older than {newer}"),
            Outdated::PutBefore => {
                format!("{name} may be outdated, because {newer} was put in place after it")
            }
        };
        let mut lines = vec![format!(
            "{why}; docroot does not send {name}; run docroot compress to renew it"
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
        let mut outdated = ToldOutdated::default();
        let told = outdated.lines(b"a\n.html.br", b"a\n.html", Outdated::Older);
        let want = "\"a\\n.html.br\" is older than \"a\\n.html\"; \
                    docroot does not send \"a\\n.html.br\"; run docroot compress to renew it";
        assert_eq!(told, [want]);
        assert!(
            outdated
                .lines(b"a\n.html.br", b"a\n.html", Outdated::Older)
                .is_empty()
        );
        let told = outdated.lines(b"b.gz", b"b", Outdated::PutBefore);
        let want = "\"b.gz\" may be outdated, because \"b\" was put in place after it; \
                    docroot does not send \"b.gz\"; run docroot compress to renew it";
        assert_eq!(told, [want]);
        for number in 2..MOST - 1 {
            let path = format!("{number}.gz");
            assert_eq!(
                outdated.lines(path.as_bytes(), b"x", Outdated::Older).len(),
                1
            );
        }
        assert_eq!(
            outdated.lines(b"last.gz", b"last", Outdated::Older).len(),
            2
        );
        assert!(
            outdated
                .lines(b"more.gz", b"more", Outdated::Older)
                .is_empty()
        );
        assert_eq!(outdated.told.len(), MOST);
    }
}
