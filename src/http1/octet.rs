//! Which octets may stand where: the classes of RFC 9110 section 5.6.2 and RFC 9112 section 3.2 as
//! tables of 256, and a search for control bytes that looks at eight bytes at once.

/// `tchar` (RFC 9110 section 5.6.2): what methods and field names are made of.
pub static TOKEN: [bool; 256] = table(b"!#$%&'*+-.^_`|~", b"");

/// What a request-target may hold: visible ASCII but `#`, which no form of it has, and every byte
/// from 0x80 on, which is not in the grammar but can only name a file.
pub static TARGET: [bool; 256] = {
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

/// `unreserved / sub-delims` (RFC 3986 section 2): what a registered name is made of, beside `%`.
pub static HOST_NAME: [bool; 256] = table(b"-._~", b"!$&'()*+,;=");

const DEL: u8 = 0x7f;

/// Letters, digits and the octets of `some` and `more`.
const fn table(some: &[u8], more: &[u8]) -> [bool; 256] {
    let mut table = [false; 256];
    let mut octet = 0;
    while octet < 256 {
        table[octet] = (octet as u8).is_ascii_alphanumeric();
        octet += 1;
    }
    include(include(table, some), more)
}

const fn include(mut table: [bool; 256], octets: &[u8]) -> [bool; 256] {
    let mut index = 0;
    while index < octets.len() {
        table[octets[index] as usize] = true;
        index += 1;
    }
    table
}

/// Whether `octet` is in `class`.
pub fn is(class: &[bool; 256], octet: u8) -> bool {
    class[octet as usize]
}

/// How many octets at the start of `bytes` are in `class`.
pub fn run(class: &[bool; 256], bytes: &[u8]) -> usize {
    bytes
        .iter()
        .position(|&octet| !is(class, octet))
        .unwrap_or(bytes.len())
}

/// Whether `octet` is a control byte that a line of a head never holds: all but HTAB.
pub fn is_forbidden(octet: u8) -> bool {
    octet != b'\t' && is_control(octet)
}

fn is_control(octet: u8) -> bool {
    octet < b' ' || octet == DEL
}

/// The index of the first control byte, HTAB and DEL among them.
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

/// Marks the top bit of each control byte of `word`. A borrow may mark bytes above the first one
/// wrongly, never below it, so only the lowest mark is to be trusted.
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
    use crate::semantics::field::is_token_byte;

    #[test]
    fn the_token_table_agrees_with_the_semantics() {
        for octet in 0..=255 {
            assert_eq!(is(&TOKEN, octet), is_token_byte(octet), "{octet:#x}");
        }
    }

    #[test]
    fn targets_hold_no_white_space_no_control_byte_and_no_fragment() {
        for octet in 0..=255 {
            let want = !is_control(octet) && octet != b' ' && octet != b'#';
            assert_eq!(is(&TARGET, octet), want, "{octet:#x}");
        }
    }

    #[test]
    fn control_bytes_are_found_wherever_they_stand() {
        for octet in 0..=255u8 {
            for place in 0..20 {
                let mut bytes = [0xffu8, b' ', b'!', b'~', 0x80].repeat(4);
                bytes[place] = octet;
                let want = is_control(octet).then_some(place);
                assert_eq!(first_control(&bytes), want, "{octet:#x} at {place}");
                // A second one behind it must not hide the first.
                bytes[19] = 0;
                let want = want.unwrap_or(19);
                assert_eq!(first_control(&bytes), Some(want), "{octet:#x} at {place}");
            }
        }
        assert_eq!(first_control(b""), None);
    }
}
