//! Classes of octets in a head. The class of request-targets (RFC 9112 section 3.2) is here; the
//! others come from [`crate::text::octet`]. [`first_control`] searches eight bytes at once.

pub use crate::text::octet::{Class, LABEL, TOKEN, is, run};

/// The octets of a request-target: visible ASCII except `#`, and all octets from 0x80 on. No form
/// of a target has a `#`. The grammar excludes octets from 0x80 on, but clients send them in paths.
pub static TARGET: Class = {
    let mut table = [true; 256];
    let mut octet = 0;
    while octet <= b' ' as usize {
        table[octet] = false;
        octet += 1;
    }
    table[b'#' as usize] = false;
    table[DEL as usize] = false;
    table
};

const DEL: u8 = 0x7f;

/// Whether a line of a head must not contain `octet`: any control byte except HTAB.
pub fn is_forbidden(octet: u8) -> bool {
    octet != b'\t' && is_control(octet)
}

fn is_control(octet: u8) -> bool {
    octet < b' ' || octet == DEL
}

/// The index of the first control byte. HTAB and DEL count.
pub fn first_control(bytes: &[u8]) -> Option<usize> {
    let (words, rest) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let marks = control_marks(u64::from_le_bytes(*word));
        if marks != 0 {
            return Some(index * 8 + marks.trailing_zeros() as usize / 8);
        }
    }
    let within = rest.iter().position(|&octet| is_control(octet))?;
    Some(words.len() * 8 + within)
}

/// Sets the top bit of each control byte of `word`. A borrow may set wrong bits above the first
/// control byte, but never below it. So only the lowest bit is reliable.
fn control_marks(word: u64) -> u64 {
    const EACH: u64 = 0x0101_0101_0101_0101;
    const TOP: u64 = 0x80 * EACH;
    let low = word.wrapping_sub(b' ' as u64 * EACH) & !word;
    let from_del = word ^ (DEL as u64 * EACH);
    let del = from_del.wrapping_sub(EACH) & !from_del;
    (low | del) & TOP
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_have_no_white_space_no_control_byte_and_no_fragment() {
        for octet in 0..=255 {
            let want = !is_control(octet) && octet != b' ' && octet != b'#';
            assert_eq!(is(&TARGET, octet), want, "{octet:#x}");
        }
    }

    #[test]
    fn control_bytes_are_found_at_every_index() {
        for octet in 0..=255u8 {
            for place in 0..20 {
                let mut bytes = [0xffu8, b' ', b'!', b'~', 0x80].repeat(4);
                bytes[place] = octet;
                let want = is_control(octet).then_some(place);
                assert_eq!(first_control(&bytes), want, "{octet:#x} at {place}");
                // A second control byte after it must not hide the first.
                bytes[19] = 0;
                let want = want.unwrap_or(19);
                assert_eq!(first_control(&bytes), Some(want), "{octet:#x} at {place}");
            }
        }
        assert_eq!(first_control(b""), None);
    }
}
