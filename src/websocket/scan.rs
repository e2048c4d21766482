//! RFC 6455 section 5.2: finds the frames in a stream of octets, for people who look at them.
//!
//! ```text
//! 81 85 37fa213d 7f9f4d5158  ->  head 81 85 37fa213d, length 5, first octets "Hello"
//! ```
//!
//! It judges nothing: a frame that [`receive`](super::receive) refuses is found too, as long as its length
//! can be read. The same scanner works for both directions.

use super::mask::Mask;

/// How many octets of a payload are kept.
pub const MOST_FIRST: usize = 256;

/// The longest header: two octets, a length of eight, and a masking key.
const MOST_HEAD: usize = 14;

/// A frame, as far as it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScannedFrame<'a> {
    /// The header as it was sent.
    pub head: &'a [u8],
    /// The length of the payload in octets.
    pub length: u64,
    /// The first octets of the payload, without the mask: at most [`MOST_FIRST`].
    pub first: &'a [u8],
}

/// Finds the frames of one direction of a connection.
#[derive(Debug, Default)]
pub struct FrameScanner {
    head: Vec<u8>,
    first: Vec<u8>,
    /// The length of the payload, once the header is complete.
    length: Option<u64>,
    /// The octets of the payload that have not come.
    rest: u64,
}

impl FrameScanner {
    /// The memory of what it keeps, in bytes.
    pub fn cost(&self) -> usize {
        self.head.capacity() + self.first.capacity()
    }

    /// Takes the next octets, and shows each frame as soon as its first octets are there.
    pub fn scan(&mut self, mut octets: &[u8], mut show: impl FnMut(ScannedFrame<'_>)) {
        while !octets.is_empty() {
            octets = match self.length {
                None => self.take_head(octets),
                Some(_) => self.take_payload(octets),
            };
            let Some(length) = self.length else {
                continue;
            };
            let wanted = length.min(MOST_FIRST as u64);
            // A frame is shown once: when this call has brought the last octet that is kept.
            if self.first.len() as u64 == wanted && !self.head.is_empty() {
                show(ScannedFrame {
                    head: &self.head,
                    length,
                    first: &self.first,
                });
                self.head.clear();
            }
            if self.rest == 0 {
                self.first.clear();
                self.length = None;
            }
        }
    }

    /// Takes an octet of the header, which may be the last one.
    fn take_head<'o>(&mut self, octets: &'o [u8]) -> &'o [u8] {
        let Some((&octet, rest)) = octets.split_first() else {
            return octets;
        };
        self.head.push(octet);
        if let Some(length) = payload_length(&self.head) {
            self.length = Some(length);
            self.rest = length;
        }
        rest
    }

    fn take_payload<'o>(&mut self, octets: &'o [u8]) -> &'o [u8] {
        let count = octets
            .len()
            .min(usize::try_from(self.rest).unwrap_or(usize::MAX));
        let (payload, rest) = octets.split_at(count);
        let room = MOST_FIRST - self.first.len();
        let kept = &payload[..count.min(room)];
        // After the frame was shown, its header is gone, and nothing more of it is kept.
        if !self.head.is_empty() {
            let begin = self.first.len();
            self.first.extend_from_slice(kept);
            if let Some(key) = mask_of(&self.head) {
                Mask::new(key).after(begin).apply(&mut self.first[begin..]);
            }
        }
        self.rest -= count as u64;
        rest
    }
}

/// The length of the payload, if the header is complete.
fn payload_length(head: &[u8]) -> Option<u64> {
    let &[_, second, ref rest @ ..] = head else {
        return None;
    };
    let size = match second & 0x7f {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    let key = if second & 0x80 != 0 { 4 } else { 0 };
    if rest.len() < size + key {
        return None;
    }
    debug_assert!(
        head.len() <= MOST_HEAD,
        "a header ends where its length says"
    );
    Some(match size {
        0 => u64::from(second & 0x7f),
        _ => rest[..size]
            .iter()
            .fold(0, |length, &octet| length << 8 | u64::from(octet)),
    })
}

/// The masking key of a complete header, if it has one.
fn mask_of(head: &[u8]) -> Option<[u8; 4]> {
    let is_masked = head.get(1)? & 0x80 != 0;
    is_masked.then(|| head.last_chunk().copied()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Found = Vec<(Vec<u8>, u64, Vec<u8>)>;

    fn scanned(pieces: &[&[u8]]) -> Found {
        let (mut scanner, mut found) = (FrameScanner::default(), Vec::new());
        for piece in pieces {
            scanner.scan(piece, |frame| {
                found.push((frame.head.to_vec(), frame.length, frame.first.to_vec()));
            });
        }
        found
    }

    /// Whole, octet by octet, and in two pieces.
    #[track_caller]
    fn check(stream: &[u8], want: &Found) {
        assert_eq!(&scanned(&[stream]), want);
        let octets: Vec<&[u8]> = stream.chunks(1).collect();
        assert_eq!(&scanned(&octets), want);
        for at in 0..stream.len().min(40) {
            assert_eq!(&scanned(&[&stream[..at], &stream[at..]]), want, "{at}");
        }
    }

    #[test]
    fn frames_of_both_directions_are_found() {
        let hello = (b"\x81\x05".to_vec(), 5, b"Hello".to_vec());
        check(b"\x81\x05Hello", &vec![hello.clone()]);
        let masked = (b"\x81\x85\x37\xfa\x21\x3d".to_vec(), 5, b"Hello".to_vec());
        check(
            b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58\x81\x05Hello",
            &vec![masked, hello],
        );
        let ping = (b"\x89\x00".to_vec(), 0, vec![]);
        check(b"\x89\x00\x89\x00", &vec![ping.clone(), ping]);
        // Nothing that a receiver would refuse stops it.
        let odd = (b"\xf3\x01".to_vec(), 1, b"a".to_vec());
        check(b"\xf3\x01a", &vec![odd]);
    }

    #[test]
    fn only_the_first_octets_of_a_long_payload_are_kept() {
        let payload: Vec<u8> = (0..70_000_u32).map(|at| (at % 251) as u8).collect();
        let mut stream = b"\x82\x7f\0\0\0\0\0\x01\x11\x70".to_vec();
        stream.extend_from_slice(&payload);
        stream.extend_from_slice(b"\x82\x7e\x01\x00");
        stream.extend_from_slice(&payload[..256]);
        let first = payload[..256].to_vec();
        let want = vec![
            (stream[..10].to_vec(), 70_000, first.clone()),
            (b"\x82\x7e\x01\x00".to_vec(), 256, first),
        ];
        assert_eq!(scanned(&[&stream]), want);
        let pieces: Vec<&[u8]> = stream.chunks(100).collect();
        assert_eq!(scanned(&pieces), want);
    }

    proptest! {
        #[test]
        fn it_takes_any_octets(stream: Vec<u8>, at: prop::sample::Index) {
            let at = at.index(stream.len() + 1);
            let whole = scanned(&[&stream]);
            prop_assert_eq!(&whole, &scanned(&[&stream[..at], &stream[at..]]));
            prop_assert!(whole.iter().all(|(head, _, first)| head.len() <= MOST_HEAD && first.len() <= MOST_FIRST));
        }
    }
}
