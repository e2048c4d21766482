//! Memory for contents. Large blocks are mappings of their own, so the system has them back as soon
//! as they are dropped. The allocator of the process could keep them for later.

use std::io::{self, Read};
use std::ops::Deref;

use memmap2::MmapMut;

use crate::site::cached_read::uninterrupted;

/// From this size on, a block is a mapping of its own. A mapping takes whole pages, and a few
/// microseconds to make.
const LARGE: usize = 16 * 1024;

/// What a mapping takes a multiple of. Some machines have larger pages.
const PAGE: usize = 4096;

/// A block of bytes that does not grow.
#[derive(Debug, Default)]
pub struct Storage {
    block: Block,
    length: usize,
}

#[derive(Debug)]
enum Block {
    Heap(Vec<u8>),
    Mapped(MmapMut),
}

impl Default for Block {
    fn default() -> Block {
        Block::Heap(Vec::new())
    }
}

impl Block {
    fn filled(mut copy: MmapMut, parts: &[&[u8]]) -> Block {
        fill(&mut copy, parts);
        Block::Mapped(copy)
    }
}

/// Copies all `parts` to the start of `block`, which has room for them.
fn fill(block: &mut [u8], parts: &[&[u8]]) {
    let mut rest = block;
    for part in parts {
        let (start, end) = rest.split_at_mut(part.len());
        start.copy_from_slice(part);
        rest = end;
    }
}

/// A mapping for a block of at least `least` bytes. A process may have only so many mappings (65,530 on
/// most systems). Beyond them, the block comes from the allocator.
fn mapped(length: usize, least: usize) -> Option<MmapMut> {
    let is_large = length >= least;
    is_large.then(|| MmapMut::map_anon(length).ok()).flatten()
}

impl Storage {
    /// A block of zeros. An error means that there is not enough memory.
    pub fn zeros(length: usize) -> io::Result<Storage> {
        let block = match mapped(length, LARGE) {
            Some(bytes) => Block::Mapped(bytes),
            None => {
                let mut bytes = Vec::new();
                bytes.try_reserve_exact(length)?;
                bytes.resize(length, 0);
                Block::Heap(bytes)
            }
        };
        Ok(Storage { block, length })
    }

    /// A block with all `parts`. An error means that there is not enough memory.
    pub fn concat(parts: &[&[u8]]) -> io::Result<Storage> {
        let length = parts.iter().map(|part| part.len()).sum();
        let mut storage = Storage::zeros(length)?;
        fill(storage.bytes_mut(), parts);
        Ok(storage)
    }

    /// A copy of all `parts`, which a connection keeps between its turns. Many connections may do so at
    /// the same time, so blocks of a page are mapped already.
    pub fn copy_of(parts: &[&[u8]]) -> Storage {
        let length = parts.iter().map(|part| part.len()).sum();
        let block = match mapped(length, PAGE) {
            Some(copy) => Block::filled(copy, parts),
            None => Block::Heap(parts.concat()),
        };
        Storage { block, length }
    }

    /// The memory that it takes, in bytes.
    pub fn cost(&self) -> usize {
        match &self.block {
            Block::Heap(bytes) => bytes.capacity(),
            Block::Mapped(bytes) => bytes.len().next_multiple_of(PAGE),
        }
    }

    /// A block with these bytes.
    pub fn of(bytes: Vec<u8>) -> Storage {
        let length = bytes.len();
        let block = match mapped(length, LARGE) {
            Some(copy) => Block::filled(copy, &[&bytes]),
            None => Block::Heap(bytes.into_boxed_slice().into_vec()),
        };
        Storage { block, length }
    }

    /// Reads the next `length` bytes of `file`, which must end there. `None` if it does not.
    pub fn read_all(file: &mut impl Read, length: usize) -> io::Result<Option<Storage>> {
        // One byte more shows whether the file has grown.
        let mut storage = Storage::zeros(length + 1)?;
        let bytes = storage.bytes_mut();
        let mut count = 0;
        while count < bytes.len() {
            match uninterrupted(|| file.read(&mut bytes[count..]))? {
                0 => break,
                read => count += read,
            }
        }
        storage.length = length;
        Ok((count == length).then_some(storage))
    }

    /// The bytes, to be changed before they are shared.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        match &mut self.block {
            Block::Heap(bytes) => &mut bytes[..self.length],
            Block::Mapped(bytes) => &mut bytes[..self.length],
        }
    }
}

impl Deref for Storage {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.block {
            Block::Heap(bytes) => &bytes[..self.length],
            Block::Mapped(bytes) => &bytes[..self.length],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(length: usize) -> Vec<u8> {
        (0..length).map(|at| at as u8).collect()
    }

    #[test]
    fn small_and_large_blocks_hold_their_bytes() {
        for length in [0, 1, LARGE - 2, LARGE - 1, LARGE, LARGE + 1] {
            let want = bytes(length);
            assert!(*Storage::of(want.clone()) == want[..], "{length}");
            let read = Storage::read_all(&mut &want[..], length).expect("readable");
            assert!(*read.expect("its length is right") == want[..], "{length}");
            let is_mapped = |storage: Storage| matches!(storage.block, Block::Mapped(_));
            assert_eq!(is_mapped(Storage::of(want)), length >= LARGE, "{length}");
        }
    }

    #[test]
    fn a_mapping_costs_whole_pages() {
        for (length, want) in [(0, 0), (4095, 4095), (4096, 4096), (4097, 8192)] {
            let all = bytes(length);
            let (start, end) = all.split_at(length / 3);
            for parts in [&[&all[..]][..], &[start, &[], end]] {
                let copy = Storage::copy_of(parts);
                assert!(*copy == all[..], "{length}");
                assert_eq!(copy.cost(), want, "{length}");
            }
        }
        assert_eq!(Storage::of(bytes(LARGE + 1)).cost(), LARGE + PAGE);
        assert_eq!(Storage::of(bytes(LARGE - 1)).cost(), LARGE - 1);
    }

    #[test]
    fn a_file_of_another_length_is_not_read() {
        let all = bytes(100);
        for length in [0, 99, 101] {
            let read = Storage::read_all(&mut &all[..], length).expect("readable");
            assert!(read.is_none(), "{length}");
        }
    }

    #[test]
    fn too_large_a_block_is_an_error() {
        assert!(Storage::zeros(usize::MAX / 2).is_err());
    }
}
