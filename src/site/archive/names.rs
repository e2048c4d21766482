//! The names in a directory, in order.
//!
//! They stand in two pieces of memory, so that each name takes little beside its bytes, and a worker can drop
//! millions of them without delay.
//!
//! ```text
//! text:   b.txt 0 0 a.txt 0 1      each with a zero and whether it is a link
//! starts: 0 7
//! ```

use std::sync::Arc;

use crate::site::body_error::BodyError;
use crate::site::budget::{Account, Budget, Reserved};

/// Room for so many bytes or names is charged at least. There may be hundreds of small directories in a path.
const FEWEST: usize = 64;

/// Names that are added, sorted, and returned one by one.
#[derive(Default)]
pub(super) struct Names {
    text: Vec<u8>,
    /// Where the names begin that were not returned yet. The next one is the last.
    starts: Vec<usize>,
    /// For all that the two have room for.
    charges: Vec<Reserved>,
}

impl Names {
    /// Adds a name. Fails if there is too little memory.
    pub(super) fn add(
        &mut self,
        name: &[u8],
        is_link: bool,
        memory: &Arc<Budget>,
    ) -> Result<(), BodyError> {
        self.charges
            .extend(make_room(&mut self.text, name.len() + 2, memory)?);
        self.charges.extend(make_room(&mut self.starts, 1, memory)?);
        self.starts.push(self.text.len());
        self.text.extend_from_slice(name);
        self.text.extend_from_slice(&[0, u8::from(is_link)]);
        Ok(())
    }

    /// Sorts the names by their bytes.
    pub(super) fn sort(&mut self) {
        // What follows a name matters to no comparison: the zero is less than every byte of a longer name.
        let name = |start: &usize| &self.text[*start..];
        self.starts
            .sort_unstable_by(|one, other| name(other).cmp(name(one)));
    }

    /// The next name, and whether it is a link.
    pub(super) fn next(&mut self) -> Option<(&[u8], bool)> {
        let rest = &self.text[self.starts.pop()?..];
        let length = rest.iter().position(|&byte| byte == 0)?;
        let is_link = rest.get(length + 1) == Some(&1);
        Some((&rest[..length], is_link))
    }
}

/// Makes room for more items. Returns the charge for what was added.
fn make_room<T>(
    items: &mut Vec<T>,
    more: usize,
    memory: &Arc<Budget>,
) -> Result<Option<Reserved>, BodyError> {
    if items.capacity() - items.len() >= more {
        return Ok(None);
    }
    // Twice the room, so that items are seldom moved.
    let added = items.capacity().max(more).max(FEWEST);
    let bytes = (added * size_of::<T>()) as u64;
    let charge = memory.reserve(Account::Contents, bytes);
    let charge = charge.ok_or(BodyError::TakenBack)?;
    items.reserve_exact(added);
    Ok(Some(charge))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_by_their_bytes() {
        let memory = Arc::new(Budget::new(1 << 20, 1));
        let mut names = Names::default();
        let long = [b'b'; 255];
        let unsorted: [(&[u8], bool); 6] = [
            (b"b", true),
            (b"a\x01", false),
            (b"\xff", false),
            (&long, false),
            (b"a", true),
            (b"B", false),
        ];
        for (name, is_link) in unsorted {
            names.add(name, is_link, &memory).expect("memory");
        }
        names.sort();
        let mut sorted = unsorted;
        sorted.sort();
        for want in sorted {
            assert_eq!(names.next(), Some(want));
        }
        assert_eq!(names.next(), None);
    }

    #[test]
    fn all_room_is_charged() {
        let memory = Arc::new(Budget::new(1 << 20, 1));
        let mut names = Names::default();
        for number in 0..1000 {
            let name = "x".repeat(number % 200 + 1);
            names.add(name.as_bytes(), false, &memory).expect("memory");
            let room = names.text.capacity() + names.starts.capacity() * size_of::<usize>();
            assert!(memory.held(Account::Contents) >= room as u64);
        }
        drop(names);
        assert_eq!(memory.held(Account::Contents), 0);
    }
}
