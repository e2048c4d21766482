//! CRC32c, the checksum of RFC 4960 appendix B.

/// The polynomial of Castagnoli with its bits reversed.
const POLYNOMIAL: u32 = 0x82f6_3b78;

/// The checksum of these bytes. A header is short, so it goes bit by bit and needs no table.
pub(super) fn checksum(bytes: impl Iterator<Item = u8>) -> u32 {
    let bit = |crc: u32| (crc >> 1) ^ (POLYNOMIAL & (crc & 1).wrapping_neg());
    let octet = |crc: u32, octet: u8| (0..8).fold(crc ^ u32::from(octet), |crc, _| bit(crc));
    !bytes.fold(u32::MAX, octet)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of RFC 3720 section B.4, and the usual one.
    #[test]
    fn examples() {
        let check = |bytes: &[u8], want| assert_eq!(checksum(bytes.iter().copied()), want);
        check(b"123456789", 0xe306_9283);
        check(&[0; 32], 0x8a91_36aa);
        check(&[0xff; 32], 0x62a8_ab43);
        check(&(0..32).collect::<Vec<u8>>(), 0x46dd_794e);
        check(b"", 0);
    }
}
