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
//! Secrets are masked: see [`masked`]. Everything that is not printable is escaped, so no
//! client can forge a line or control the terminal.

use super::event::{Head, Heads};
use super::masked::{Masked, masked};
use crate::text::append;
use crate::text::escape::Line;

/// Appends both heads, each line with `> ` or `< ` before it.
pub fn write(out: &mut Vec<u8>, heads: &Heads) {
    write_head(out, '>', heads.request);
    write_head(out, '<', heads.response);
}

fn write_head(out: &mut Vec<u8>, prefix: char, head: Head) {
    for Masked { text, end } in masked(head.bytes) {
        let end = if end == b"\r\n" { b"" } else { end };
        append(out, format_args!("{prefix} {}{}\n", Line(&text), Line(end)));
    }
    if head.length > head.bytes.len() {
        let (shown, length) = (head.bytes.len(), head.length);
        append(
            out,
            format_args!("{prefix} (the first {shown} of {length} bytes)\n"),
        );
    }
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
