//! What the access log needs of a request, from the head to the end of the exchange. Secrets are masked.

use std::ops::Range;

use crate::http1::parse::RequestHead;
use crate::semantics::field::FieldName;
use crate::semantics::host::Host;
use crate::semantics::secrets::{
    MASK, secret_of_line, value_without_user_information, without_user_information,
};
use crate::site::storage::Storage;

/// The parts of a request that are logged, copied from the receive buffer.
#[derive(Debug, Default)]
pub struct RequestText {
    bytes: Storage,
    method: Range<usize>,
    target: Range<usize>,
    version: Range<usize>,
    host: Option<Range<usize>>,
    /// The host that was asked for, if the field does not name it.
    other_host: Option<Storage>,
    referer: Option<Range<usize>>,
    user_agent: Option<Range<usize>>,
}

/// How many bytes of a malformed or incomplete request line are kept.
const PARTIAL_LIMIT: usize = 256;

/// How many bytes of Host, Referer and User-Agent are kept. Browsers send less than 1 KiB. A slow reader
/// keeps them until its response has left, so they must not be as long as a head may be.
const FIELD_LIMIT: usize = 1024;

impl RequestText {
    /// The parts of a head. Long values of fields are cut.
    pub fn of(head: &RequestHead<'_>) -> RequestText {
        let field = |name| head.fields.first(name);
        let host = field(FieldName::Host).map(without_user_information);
        let host = host.as_deref().map(cut);
        let referer = field(FieldName::Referer);
        let referer = referer.map(|value| value_without_user_information(b"Referer", value));
        let referer = referer.as_deref().map(cut);
        let user_agent = field(FieldName::UserAgent).map(cut);
        let target = without_user_information(head.target);
        let line = [head.method, &target, head.version.text().as_bytes()];
        RequestText::of_parts(line, [host, referer, user_agent])
    }

    /// The parts of a request line that may be incomplete or malformed: it is split at spaces.
    pub fn of_part(received: &[u8]) -> RequestText {
        let start = received.iter().position(|byte| !b"\r\n".contains(byte));
        let line = received.get(start.unwrap_or(received.len())..);
        let line = line.unwrap_or_default();
        let is_end = |byte: &u8| b"\r\n".contains(byte);
        let line = line.split(is_end).next().unwrap_or_default();
        let line = line.get(..PARTIAL_LIMIT).unwrap_or(line);
        if let Some(secret) = secret_of_line(line) {
            return RequestText::of_parts([&line[..secret], MASK.as_bytes(), b""], [None; 3]);
        }
        let mut parts = line.splitn(3, |&byte| byte == b' ');
        let line = [(); 3].map(|()| parts.next().unwrap_or_default());
        let line = line.map(without_user_information);
        RequestText::of_parts(line.each_ref().map(|part| &**part), [None; 3])
    }

    /// The parts of a request line, and the values of Host, Referer and User-Agent.
    fn of_parts(line: [&[u8]; 3], fields: [Option<&[u8]>; 3]) -> RequestText {
        let mut end = 0;
        let mut next = |part: &[u8]| {
            let start = end;
            end += part.len();
            start..end
        };
        let [method, target, version] = line.map(&mut next);
        let [first, second, third] = line;
        let [fourth, fifth, sixth] = fields.map(Option::unwrap_or_default);
        let [host, referer, user_agent] = fields.map(|field| field.map(&mut next));
        RequestText {
            method,
            target,
            version,
            host,
            other_host: None,
            referer,
            user_agent,
            bytes: Storage::copy_of(&[first, second, third, fourth, fifth, sixth]),
        }
    }

    /// Notes the host that was asked for. It may be in the target, or a trusted proxy may name it.
    pub fn note_host(&mut self, host: Host<'_>) {
        if self.host().and_then(Host::parse) == Some(host) {
            return;
        }
        let port = host.port.map(|port| format!(":{port}"));
        let port = port.as_deref().unwrap_or_default().as_bytes();
        self.other_host = Some(Storage::copy_of(&[cut(host.name), port]));
    }

    /// The memory that it takes, in bytes.
    pub fn cost(&self) -> usize {
        let other_host = self.other_host.as_ref().map_or(0, Storage::cost);
        size_of::<RequestText>() + self.bytes.cost() + other_host
    }

    /// The method.
    pub fn method(&self) -> &[u8] {
        &self.bytes[self.method.clone()]
    }

    /// The request target.
    pub fn target(&self) -> &[u8] {
        &self.bytes[self.target.clone()]
    }

    /// The protocol version.
    pub fn version(&self) -> &[u8] {
        &self.bytes[self.version.clone()]
    }

    /// The host that was asked for, with its port if that was sent. If the request was refused before that was known,
    /// the value of `Host`.
    pub fn host(&self) -> Option<&[u8]> {
        let field = || self.host.clone().map(|range| &self.bytes[range]);
        self.other_host.as_deref().or_else(field)
    }

    /// The value of `Referer`.
    pub fn referer(&self) -> Option<&[u8]> {
        self.referer.clone().map(|range| &self.bytes[range])
    }

    /// The value of `User-Agent`.
    pub fn user_agent(&self) -> Option<&[u8]> {
        self.user_agent.clone().map(|range| &self.bytes[range])
    }
}

/// The value of a field, as far as it is kept.
fn cut(value: &[u8]) -> &[u8] {
    value.get(..FIELD_LIMIT).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http1::limits::HeadLimits;
    use crate::http1::parse::request_head;

    #[track_caller]
    fn check(received: &[u8], want: [&str; 3]) {
        let text = RequestText::of_part(received);
        let got = [text.method(), text.target(), text.version()].map(String::from_utf8_lossy);
        assert_eq!(got, want, "{}", received.escape_ascii());
    }

    #[test]
    fn the_readable_parts_of_a_request_line_are_kept() {
        check(b"", ["", "", ""]);
        check(b"GE", ["GE", "", ""]);
        check(b"GET /a", ["GET", "/a", ""]);
        check(
            b"\r\nGET /a HTTP/1.1\r\nHost: x\r\n",
            ["GET", "/a", "HTTP/1.1"],
        );
        check(b"GET  HTTP/1.1\n", ["GET", "", "HTTP/1.1"]);
        check(b"GET /a b c\r\n", ["GET", "/a", "b c"]);
        check(b"\x16\x03\x01", ["\x16\x03\x01", "", ""]); // TLS on the plain port
        check(b"GET http://a:b@c/ x@y", ["GET", "http://***@c/", "***@y"]);
        check(b"Authorization Bearer a\r\n", ["Authorization", "***", ""]);
        let long = "x".repeat(1000);
        check(long.as_bytes(), [&long[..256], "", ""]);
    }

    fn text_of(head: &str) -> RequestText {
        let (mut progress, mut lines) = Default::default();
        let limits = HeadLimits {
            target: 16 << 10,
            head: 32 << 10,
            fields: 100,
        };
        let head = request_head(head.as_bytes(), &mut progress, &mut lines, &limits);
        RequestText::of(&head.expect("a valid head").expect("a whole head"))
    }

    #[test]
    fn long_fields_are_cut_and_the_target_is_not() {
        for length in [0, 1, 1023, 1024, 1025, 5000] {
            let (target, referer) = ("t".repeat(length), "r".repeat(length));
            let agent = "a".repeat(length);
            let text = text_of(&format!(
                "GET /{target} HTTP/1.1\r\nHost: a\r\nReferer: {referer}\r\nUser-Agent: {agent}\r\n\r\n"
            ));
            assert_eq!(text.method(), b"GET");
            assert_eq!(text.target(), format!("/{target}").as_bytes());
            assert_eq!(text.version(), b"HTTP/1.1");
            let kept = length.min(1024);
            assert_eq!(text.referer(), Some(&referer.as_bytes()[..kept]));
            assert_eq!(text.user_agent(), Some(&agent.as_bytes()[..kept]));
            assert!(text.cost() >= length + 2 * kept, "{length}");
            assert_eq!(text.host(), Some(&b"a"[..]));
        }
        let long = "h".repeat(5000);
        let text = text_of(&format!("GET / HTTP/1.1\r\nHost: {long}\r\n\r\n"));
        assert_eq!(text.host(), Some(&long.as_bytes()[..1024]));
        let text = text_of("GET http://b/ HTTP/1.1\r\nHost: a\r\nReferer: http://a:b@c/\r\n\r\n");
        assert_eq!(text.target(), b"http://b/");
        assert_eq!(text.referer(), Some(&b"http://***@c/"[..]));
        let text = text_of("GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: b\r\n\r\n");
        assert_eq!((text.referer(), text.user_agent()), (None, Some(&b"b"[..])));
    }

    #[test]
    fn the_host_is_the_one_that_was_asked_for() {
        let check = |field: &str, host: &str, want: &str| {
            let mut text = text_of(&format!("GET / HTTP/1.1\r\n{field}\r\n"));
            text.note_host(Host::parse(host.as_bytes()).expect("a host"));
            let got = text.host().map(String::from_utf8_lossy);
            assert_eq!(got.as_deref(), Some(want), "{field}");
        };
        check(
            "Host: Files.example:81\r\n",
            "Files.example:81",
            "Files.example:81",
        );
        check("Host: proxy\r\n", "files.example:81", "files.example:81");
        check("Host: proxy\r\n", "[::1]", "[::1]");
        check("", "files.example", "files.example");
        assert_eq!(text_of("GET / HTTP/1.0\r\n\r\n").host(), None);
        let refused = text_of("GET / HTTP/1.1\r\nHost: alice:secret@b\r\n\r\n");
        assert_eq!(refused.host(), Some(&b"***@b"[..]));
    }
}
