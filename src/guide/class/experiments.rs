//! The experiments of the textbook. The build script finds them in its pages.

/// Their names, in the order of the book: the lesson, a slash, and the anchor.
pub const EXPERIMENTS: &[&str] = &include!(concat!(env!("OUT_DIR"), "/experiments.rs"));

/// Some of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Done(u128);

const _: () = assert!(EXPERIMENTS.len() <= u128::BITS as usize);

impl Done {
    /// Whether the experiment with this number is one of them.
    pub fn has(self, number: usize) -> bool {
        self.0 >> number & 1 == 1
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl FromIterator<usize> for Done {
    fn from_iter<I: IntoIterator<Item = usize>>(numbers: I) -> Done {
        let bit = |number: usize| 1 << number;
        Done(numbers.into_iter().map(bit).fold(0, |all, one| all | one))
    }
}

/// The number of the experiment with this name.
pub fn number_of(name: &str) -> Option<usize> {
    EXPERIMENTS.iter().position(|known| *known == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_build_script_finds_all_of_them() {
        assert!(EXPERIMENTS.len() > 60, "{}", EXPERIMENTS.len());
        let unique: BTreeSet<&str> = EXPERIMENTS.iter().copied().collect();
        assert_eq!(unique.len(), EXPERIMENTS.len());
        assert!(EXPERIMENTS[0].starts_with("01-before-http/"));
        assert!(number_of("07-conditional/weak-tag").is_some());
        assert_eq!(number_of("07-conditional/"), None);
        assert!(EXPERIMENTS.is_sorted_by_key(|name| name.split('/').next()));
    }

    #[test]
    fn some_of_them_are_a_set() {
        let done: Done = [0, 5, 5].into_iter().collect();
        assert!(done.has(0) && done.has(5) && !done.has(1) && !done.is_empty());
        assert!(Done::default().is_empty());
    }
}
