//! RFC 9112 sections 4 and 5: writes the lines of a response head.
//!
//! ```text
//! HTTP/1.1 206 Partial Content␍␊     status_line(out, Status::PartialContent)
//! Content-Type: text/plain␍␊         field(out, "Content-Type", b"text/plain")
//! Content-Length: 512␍␊              number_field(out, "Content-Length", 512)
//! ␍␊                                 end(out)
//! ```
//!
//! Invariant: no value can end its line, which prevents response splitting (RFC 9110 section 5.5).
//! Spaces replace CR, LF, NUL and other control bytes except HTAB.

use super::octet;
use crate::semantics::date::HttpDate;
use crate::semantics::status::Status;

/// The interim response to an expectation: a complete head (RFC 9110 section 15.2.1).
pub const INTERIM_CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// Appends `HTTP/1.1 200 OK␍␊`. The version is that of the server, also for HTTP/1.0 clients (RFC
/// 9110 section 6.2).
#[inline(always)] // Interim responses have one too. A call would cost every response 16 instructions.
pub fn status_line(out: &mut Vec<u8>, status: Status) {
    out.extend_from_slice(b"HTTP/1.1 ");
    number(out, status.code().into());
    out.push(b' ');
    out.extend_from_slice(status.phrase().as_bytes());
    end(out);
}

/// Appends `name: value␍␊`. `name` must be a token; it never comes from a client.
pub fn field(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    debug_assert!(
        !has_forbidden(value),
        "the value of {name} has a control byte"
    );
    begin_field(out, name);
    field_value(out, value);
    end(out);
}

/// Appends `name: 42␍␊`.
pub fn number_field(out: &mut Vec<u8>, name: &str, value: u64) {
    begin_field(out, name);
    number(out, value);
    end(out);
}

/// Appends `name: Sun, 06 Nov 1994 08:49:37 GMT␍␊`.
pub fn date_field(out: &mut Vec<u8>, name: &str, value: HttpDate) {
    begin_field(out, name);
    value.write(out);
    end(out);
}

/// Appends the empty line that ends a head.
pub fn end(out: &mut Vec<u8>) {
    out.extend_from_slice(b"\r\n");
}

fn begin_field(out: &mut Vec<u8>, name: &str) {
    debug_assert!(octet::run(&octet::TOKEN, name.as_bytes()) == name.len() && !name.is_empty());
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
}

fn has_forbidden(value: &[u8]) -> bool {
    value.iter().copied().any(octet::is_forbidden)
}

/// Appends `value`, with spaces in place of control bytes except HTAB.
fn field_value(out: &mut Vec<u8>, value: &[u8]) {
    let start = out.len();
    out.extend_from_slice(value);
    for byte in out.iter_mut().skip(start) {
        if octet::is_forbidden(*byte) {
            *byte = b' ';
        }
    }
}

/// Appends `value` in decimal digits.
pub fn number(out: &mut Vec<u8>, mut value: u64) {
    let start = out.len();
    loop {
        out.push(b'0' + (value % 10) as u8);
        value /= 10;
        if value == 0 {
            break;
        }
    }
    if let Some(digits) = out.get_mut(start..) {
        digits.reverse();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(write: impl Fn(&mut Vec<u8>), want: &str) {
        let mut out = b"before".to_vec();
        write(&mut out);
        let got = String::from_utf8_lossy(&out).into_owned();
        assert_eq!(got, format!("before{want}"));
    }

    #[test]
    fn lines() {
        check(
            |out| status_line(out, Status::PartialContent),
            "HTTP/1.1 206 Partial Content\r\n",
        ); // RFC 9112 4
        check(|out| field(out, "ETag", b"\"a\tb\""), "ETag: \"a\tb\"\r\n"); // 5
        check(
            |out| field(out, "Location", "/\u{e9}".as_bytes()),
            "Location: /\u{e9}\r\n",
        ); // obs-text
        check(|out| number_field(out, "Age", 0), "Age: 0\r\n");
        check(|out| number_field(out, "Age", 1030), "Age: 1030\r\n");
        check(
            |out| number_field(out, "Age", u64::MAX),
            "Age: 18446744073709551615\r\n",
        );
        check(end, "\r\n"); // 2.1
    }

    #[test]
    fn the_interim_response_is_a_status_line_and_an_empty_line() {
        let mut out = Vec::new();
        status_line(&mut out, Status::Continue);
        end(&mut out);
        assert_eq!(out, INTERIM_CONTINUE);
    }

    #[test]
    fn no_value_ends_its_line() {
        let every: Vec<u8> = (0..=255).collect();
        let mut out = Vec::new();
        field_value(&mut out, &every);
        assert_eq!(out.len(), every.len());
        assert!(!has_forbidden(&out));
        assert_eq!(out[9], b'\t'); // RFC 9110 5.5 allows it
        assert_eq!(&out[b' ' as usize..0x7f], &every[b' ' as usize..0x7f]);
    }

    #[test]
    #[cfg(debug_assertions)]
    #[should_panic(expected = "has a control byte")]
    fn a_value_with_a_control_byte_is_a_bug() {
        field(&mut Vec::new(), "Location", b"/\r\nSet-Cookie: a");
    }
}
