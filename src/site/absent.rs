//! Paths that named nothing in this turn of a worker's loop.
//!
//! For each request, docroot may look for several files that do not exist: precompressed ones, other
//! languages, a page for a clean URL, the first of several index files. Many requests in one turn look for
//! each of them once, as they do for cached files.

/// More than one request looks for, with every feature on.
const MOST: usize = 64;

/// The bytes of all these paths together.
const MOST_BYTES: usize = 8 * 1024;

/// The paths. It keeps its memory, so a turn allocates nothing.
#[derive(Default)]
pub(super) struct Absent {
    /// The turn in which they named nothing.
    turn: u64,
    /// The paths, one after another.
    bytes: Vec<u8>,
    /// Where each path ends.
    ends: Vec<usize>,
}

impl Absent {
    /// Whether `path` named nothing in this `turn`.
    pub fn contains(&self, path: &[u8], turn: u64) -> bool {
        let mut start = 0;
        self.turn == turn
            && self.ends.iter().any(|&end| {
                let known = &self.bytes[start..end];
                start = end;
                known == path
            })
    }

    /// Notes that `path` names nothing in this `turn`, if there is room.
    pub fn note(&mut self, path: &[u8], turn: u64) {
        if self.turn != turn {
            self.turn = turn;
            self.bytes.clear();
            self.ends.clear();
        }
        if self.ends.len() < MOST && self.bytes.len() + path.len() <= MOST_BYTES {
            self.bytes.extend_from_slice(path);
            self.ends.push(self.bytes.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_known_until_the_turn_ends() {
        let mut absent = Absent::default();
        assert!(!absent.contains(b"", 0));
        absent.note(b"a.br", 1);
        absent.note(b"", 1);
        absent.note(b"a.gz", 1);
        for path in [&b"a.br"[..], b"", b"a.gz"] {
            assert!(absent.contains(path, 1));
            assert!(!absent.contains(path, 2));
        }
        assert!(!absent.contains(b"a.b", 1));
        absent.note(b"b", 2);
        assert!(absent.contains(b"b", 2));
        assert!(!absent.contains(b"a.br", 2));
    }

    #[test]
    fn it_has_bounds() {
        let mut absent = Absent::default();
        absent.note(&[b'a'; MOST_BYTES + 1], 1);
        assert_eq!(absent.bytes.len(), 0);
        for number in 0..=MOST {
            absent.note(&number.to_be_bytes(), 1);
        }
        assert!(absent.contains(&(MOST - 1).to_be_bytes(), 1));
        assert!(!absent.contains(&MOST.to_be_bytes(), 1));
    }
}
