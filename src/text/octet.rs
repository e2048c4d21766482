//! The octet classes of RFC 9110 and RFC 3986, as tables of 256 entries.
//!
//! ```text
//! tchar      = "!" / "#" / ... / DIGIT / ALPHA            RFC 9110 section 5.6.2
//! unreserved = ALPHA / DIGIT / "-" / "." / "_" / "~"      RFC 3986 section 2.3
//! sub-delims = "!" / "$" / ... / "="                      RFC 3986 section 2.2
//! ```

/// A set of octets. The entry at the index of each member is `true`.
pub type Class = [bool; 256];

/// `tchar` (RFC 9110 section 5.6.2): the octets of methods and field names.
pub static TOKEN: Class = alphanumeric_and(b"!#$%&'*+-.^_`|~");

/// `unreserved` (RFC 3986 section 2.3): the octets that have no special meaning anywhere in a URI.
pub static UNRESERVED: Class = alphanumeric_and(b"-._~");

/// `unreserved / sub-delims` (RFC 3986 section 3.2.2): the octets of a registered name, except `%`.
pub static HOST_NAME: Class = alphanumeric_and(b"-._~!$&'()*+,;=");

/// The octets of a label of a host name, as DNS names and browsers have them.
pub static LABEL: Class = alphanumeric_and(b"-_");

/// The octets of an id that a trusted proxy gives a request: those of base64, of dates and of UUIDs, and more that
/// need no quotes anywhere.
pub static REQUEST_ID: Class = alphanumeric_and(b"._~+/=:-");

/// ASCII letters, digits and the octets of `others`.
pub(super) const fn alphanumeric_and(others: &[u8]) -> Class {
    let mut class = [false; 256];
    let mut octet = 0;
    while octet < 256 {
        class[octet] = (octet as u8).is_ascii_alphanumeric();
        octet += 1;
    }
    with(class, others, true)
}

/// The printable octets of ASCII, including SP, without those of `others`.
pub(super) const fn printable_except(others: &[u8]) -> Class {
    let mut class = [false; 256];
    let mut octet = b' ';
    while octet <= b'~' {
        class[octet as usize] = true;
        octet += 1;
    }
    with(class, others, false)
}

const fn with(mut class: Class, octets: &[u8], member: bool) -> Class {
    let mut index = 0;
    while index < octets.len() {
        class[octets[index] as usize] = member;
        index += 1;
    }
    class
}

/// Whether `octet` is in `class`.
pub fn is(class: &Class, octet: u8) -> bool {
    class[octet as usize]
}

/// How many octets at the start of `bytes` are in `class`.
pub fn run(class: &Class, bytes: &[u8]) -> usize {
    bytes
        .iter()
        .position(|&octet| !is(class, octet))
        .unwrap_or(bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(class: &Class, want: &str) {
        let got: String = (0..=255u8)
            .filter(|&octet| is(class, octet))
            .map(char::from)
            .collect();
        assert_eq!(got, want);
    }

    #[test]
    fn classes_are_those_of_their_sections() {
        const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
        let lower = UPPER.to_lowercase();
        let class = |before: &str, after: &str, between: &str, end: &str| {
            format!("{before}0123456789{after}{UPPER}{between}{lower}{end}")
        };
        check(&TOKEN, &class("!#$%&'*+-.", "", "^_`", "|~")); // RFC 9110 5.6.2
        check(&UNRESERVED, &class("-.", "", "_", "~")); // RFC 3986 2.3
        check(&HOST_NAME, &class("!$&'()*+,-.", ";=", "_", "~")); // RFC 3986 3.2.2
        check(
            &printable_except(b" A"),
            &class("!\"#$%&'()*+,-./", ":;<=>?@", "[\\]^_`", "{|}~").replace('A', ""),
        );
    }

    #[test]
    fn a_run_ends_before_the_first_octet_of_another_class() {
        assert_eq!(run(&TOKEN, b""), 0);
        assert_eq!(run(&TOKEN, b" a"), 0);
        assert_eq!(run(&TOKEN, b"GET /"), 3);
        assert_eq!(run(&TOKEN, b"GET"), 3);
    }
}
