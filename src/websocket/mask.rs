//! RFC 6455 section 5.3: client-to-server masking.
//!
//! A client masks each frame with a key of four octets, so that a script cannot choose which bytes
//! cross the network. Octet `i` of the payload is XORed with octet `i mod 4` of the key. To unmask is
//! the same as to mask.
//!
//! ```text
//! key       37 fa 21 3d
//! payload   7f 9f 4d 51 58      masked
//!           48 65 6c 6c 6f      Hello
//! ```

/// The octets of a masking-key. The first one is for the next octet of the payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mask([u8; 4]);

/// The octets that are unmasked together. Compilers turn the loop into vector instructions.
const WORD: usize = size_of::<u64>();

impl Mask {
    /// A masking-key as a frame has it.
    pub fn new(key: [u8; 4]) -> Mask {
        Mask(key)
    }

    /// Masks or unmasks octets of the payload in place.
    pub fn apply(self, payload: &mut [u8]) {
        let [a, b, c, d] = self.0;
        let key = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
        let (words, rest) = payload.as_chunks_mut::<WORD>();
        for word in words {
            *word = (u64::from_ne_bytes(*word) ^ key).to_ne_bytes();
        }
        for (octet, key) in rest.iter_mut().zip(key.to_ne_bytes()) {
            *octet ^= key;
        }
    }

    /// The mask for what follows after `length` octets of the payload.
    pub fn after(self, length: usize) -> Mask {
        let Mask(mut key) = self;
        let octets = key.len();
        key.rotate_left(length % octets);
        Mask(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Section 5.3, octet by octet.
    fn by_octet(key: [u8; 4], payload: &[u8]) -> Vec<u8> {
        let octets = payload.iter().enumerate();
        octets.map(|(i, octet)| octet ^ key[i % 4]).collect()
    }

    #[test]
    fn the_example_is_unmasked() {
        let mut payload = *b"\x7f\x9f\x4d\x51\x58"; // 5.7
        Mask::new([0x37, 0xfa, 0x21, 0x3d]).apply(&mut payload);
        assert_eq!(&payload, b"Hello");
    }

    #[test]
    fn every_length_and_every_cut_give_the_same() {
        let key = [1, 20, 60, 200];
        let payload: Vec<u8> = (0..70).collect();
        for length in 0..payload.len() {
            let want = by_octet(key, &payload[..length]);
            for cut in 0..=length {
                let mut got = payload[..length].to_vec();
                let (first, second) = got.split_at_mut(cut);
                let mask = Mask::new(key);
                mask.apply(first);
                mask.after(cut).apply(second);
                assert_eq!(got, want, "{length} octets, cut at {cut}");
            }
        }
    }
}
