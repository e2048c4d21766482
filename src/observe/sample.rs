//! What is kept of a body for people who look: its first octets, its length, and the sizes of its chunks.

/// How many octets of a body are kept.
const MOST_FIRST: usize = 4096;

/// How many chunks are kept.
const MOST_CHUNKS: usize = 64;

/// What is kept of a body as it crosses the connection.
#[derive(Debug, Default)]
pub struct BodySample {
    first: Vec<u8>,
    length: u64,
    chunks: Vec<u64>,
    /// Whether octets that would have been kept have not been seen.
    is_unseen: bool,
}

impl BodySample {
    /// Takes the next octets, with the framing of chunks if there is any.
    pub fn see(&mut self, octets: &[u8]) {
        let room = match self.is_unseen {
            false => MOST_FIRST - self.first.len(),
            true => 0,
        };
        self.first
            .extend_from_slice(&octets[..octets.len().min(room)]);
        self.length += octets.len() as u64;
    }

    /// Counts octets that the kernel has sent from a file.
    pub fn skip(&mut self, count: u64) {
        self.is_unseen |= self.first.len() < MOST_FIRST;
        self.length += count;
    }

    /// Notes that a chunk of this size begins (RFC 9112 section 7.1).
    pub fn chunk(&mut self, size: u64) {
        if self.chunks.len() < MOST_CHUNKS {
            self.chunks.push(size);
        }
    }

    /// Forgets the octets, because only some people may see them.
    pub fn hide(&mut self) {
        self.first = Vec::new();
        self.is_unseen = true;
    }

    /// The memory that it takes, in bytes.
    pub fn cost(&self) -> usize {
        self.first.capacity() + self.chunks.capacity() * size_of::<u64>()
    }

    /// How many octets have crossed.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The first octets.
    pub fn first(&self) -> &[u8] {
        &self.first
    }

    /// The sizes of the first chunks. Empty if the body has none.
    pub fn chunks(&self) -> &[u64] {
        &self.chunks
    }

    /// Whether the first octets end early, because the kernel has sent the rest.
    pub fn is_unseen(&self) -> bool {
        self.is_unseen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_of_a_body_is_kept() {
        let mut sample = BodySample::default();
        let body: Vec<u8> = (0..10_000_u32).map(|at| (at % 251) as u8).collect();
        for piece in body.chunks(1000) {
            sample.see(piece);
        }
        assert_eq!(sample.first(), &body[..MOST_FIRST]);
        assert_eq!((sample.length(), sample.is_unseen()), (10_000, false));
        sample.skip(5);
        assert_eq!((sample.length(), sample.is_unseen()), (10_005, false));
    }

    /// What follows octets that nobody has seen does not belong behind those that were seen.
    #[test]
    fn what_the_kernel_sends_is_only_counted() {
        let mut sample = BodySample::default();
        sample.see(b"first");
        sample.skip(100);
        sample.see(b"last");
        assert_eq!((sample.first(), sample.length()), (&b"first"[..], 109));
        assert!(sample.is_unseen());
    }

    #[test]
    fn hidden_octets_are_only_counted() {
        let mut sample = BodySample::default();
        sample.see(b"secret");
        sample.hide();
        sample.see(b"more");
        assert_eq!((sample.first(), sample.length()), (&b""[..], 10));
    }

    #[test]
    fn many_chunks_are_not_kept() {
        let mut sample = BodySample::default();
        (0..1000_u64).for_each(|size| sample.chunk(size));
        assert_eq!(sample.chunks().len(), MOST_CHUNKS);
        assert!(sample.cost() <= 2 * MOST_CHUNKS * size_of::<u64>());
    }
}
