//! The heads of an exchange as they went over the wire, for people at a terminal.
//!
//! ```text
//! > GET /a.html HTTP/1.1
//! > Host: localhost:8080
//! > Cookie: ***
//! >
//! < HTTP/1.1 200 OK
//! < Content-Length: 5
//! <
//! ```
//!
//! The values of fields that hold secrets are masked. Everything that is not printable is escaped, so no
//! client can forge a line or control the terminal.

use std::iter;

use super::event::{Head, Heads};
use crate::text::append;
use crate::text::escape::Line;

/// Fields of a request whose values let others act for the client.
const SECRET: [&[u8]; 3] = [b"Authorization", b"Proxy-Authorization", b"Cookie"];

/// Whether the values of a request's field let others act for the client. Names are case-insensitive.
pub fn is_secret(name: &[u8]) -> bool {
    SECRET
        .iter()
        .any(|secret| name.eq_ignore_ascii_case(secret))
}

/// Appends both heads, each line with `> ` or `< ` before it.
pub fn write(out: &mut Vec<u8>, heads: &Heads) {
    write_head(out, '>', heads.request);
    write_head(out, '<', heads.response);
}

fn write_head(out: &mut Vec<u8>, prefix: char, head: Head) {
    for Masked { shown, mask, end } in masked(head.bytes) {
        let end = if end == b"\r\n" { b"" } else { end };
        append(
            out,
            format_args!("{prefix} {}{mask}{}\n", Line(shown), Line(end)),
        );
    }
    if head.length > head.bytes.len() {
        let (shown, length) = (head.bytes.len(), head.length);
        append(
            out,
            format_args!("{prefix} (the first {shown} of {length} bytes)\n"),
        );
    }
}

/// A line of a head without secrets.
pub(super) struct Masked<'a> {
    /// The beginning, or all of it.
    pub shown: &'a [u8],
    /// What replaces the rest.
    pub mask: &'static str,
    /// CRLF, or what a malformed head has instead. Empty at the end of a head that is not whole.
    pub end: &'a [u8],
}

/// The lines of a head, with a mask for each secret.
pub(super) fn masked(head: &[u8]) -> impl Iterator<Item = Masked<'_>> {
    let mut is_secret = false;
    lines(head).map(move |(line, end)| {
        let name = line.iter().position(|&octet| octet == b':');
        let is_folded = matches!(line.first(), Some(b' ' | b'\t'));
        // A folded line continues the value before it. After the first line of a head, it has a name.
        let has_secret_name = name.is_some_and(|colon| is_secret_name(&line[..colon]));
        is_secret = has_secret_name || (is_folded && is_secret);
        let shown = match name {
            _ if !is_secret => line,
            Some(colon) if !is_folded => &line[..=colon],
            _ => b"",
        };
        let mask = if is_secret { " ***" } else { "" };
        Masked { shown, mask, end }
    })
}

fn is_secret_name(name: &[u8]) -> bool {
    // A refused head may have other bytes around the name.
    let is_of_name = |octet: &&u8| octet.is_ascii_alphabetic() || **octet == b'-';
    let name: Vec<u8> = name.iter().filter(is_of_name).copied().collect();
    is_secret(&name) || name.eq_ignore_ascii_case(b"Set-Cookie")
}

/// The lines of a head, and the end of each. A bare CR or LF ends a line too, so that it cannot hide a secret. It
/// is printed, because it is why docroot refused the head.
fn lines(head: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = head;
    iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let length = rest.iter().position(|octet| b"\r\n".contains(octet));
        let (line, tail) = rest.split_at(length.unwrap_or(rest.len()));
        let end = match tail {
            [b'\r', b'\n', ..] => 2,
            _ => tail.len().min(1),
        };
        let (end, tail) = tail.split_at(end);
        rest = tail;
        Some((line, end))
    })
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn written(request: &[u8], response: &[u8]) -> String {
        let mut out = Vec::new();
        let head = |bytes| Head {
            bytes,
            length: <[u8]>::len(bytes),
        };
        let heads = Heads {
            request: head(request),
            response: head(response),
        };
        write(&mut out, &heads);
        String::from_utf8(out).expect("ASCII")
    }

    #[track_caller]
    fn check(request: &str, want: &str) {
        assert_eq!(written(request.as_bytes(), b""), want);
    }

    #[test]
    fn each_line_has_a_prefix() {
        let got = written(
            b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n",
            b"HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n",
        );
        let want =
            "> GET /a HTTP/1.1\n> Host: a\n> \n< HTTP/1.1 304 Not Modified\n< ETag: \"a\"\n< \n";
        assert_eq!(got, want);
        check("", "");
        check("GET /", "> GET /\n");
    }

    #[test]
    fn secrets_are_masked() {
        for name in [
            "Authorization",
            "COOKIE",
            "set-cookie",
            "Proxy-Authorization",
        ] {
            let head = format!("GET / HTTP/1.1\r\n{name}: secret\r\nA: b\r\n\r\n");
            let want = format!("> GET / HTTP/1.1\n> {name}: ***\n> A: b\n> \n");
            check(&head, &want);
        }
        // Malformed heads, which are refused, and heads that end early.
        check("Cookie : secret", "> Cookie : ***\n");
        check(
            "Cookie: a\r\n secret\r\n\tsecret: b\r\nA: b",
            "> Cookie: ***\n>  ***\n>  ***\n> A: b\n",
        );
        check(
            "A: b\rCookie: secret\nC: d",
            "> A: b\\x0D\n> Cookie: ***\\x0A\n> C: d\n",
        );
        check("Cookies: shown", "> Cookies: shown\n");
        // Heads that are refused.
        check(
            "GET / HTTP/1.1\r\n Cookie: secret",
            "> GET / HTTP/1.1\n>  ***\n",
        );
        check("\"Cookie\x0b\": secret", "> \"Cookie\\x0B\": ***\n");
    }

    #[test]
    fn a_head_that_is_not_whole_says_so() {
        let mut out = Vec::new();
        let head = Head {
            bytes: b"GET /aaa",
            length: 10_000,
        };
        write_head(&mut out, '>', head);
        let want = "> GET /aaa\n> (the first 8 of 10000 bytes)\n";
        assert_eq!(String::from_utf8_lossy(&out), want);
    }

    proptest! {
        #[test]
        fn no_client_forges_a_line(
            request in vec(prop_oneof![
                any::<u8>(),
                prop::sample::select(&b"\r\n\x1b\0:\\ \x9b[m"[..]),
            ], 0..200),
        ) {
            let got = written(&request, b"");
            let is_printable = |char| matches!(char, ' '..='~');
            for line in got.lines() {
                prop_assert!(line.starts_with("> ") && line.chars().all(is_printable), "{line:?}");
            }
        }
    }
}
