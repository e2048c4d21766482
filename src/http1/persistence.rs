//! RFC 9112 section 9.3: whether the connection stays open after the answer.
//!
//! `Connection = [ connection-option *( OWS "," OWS connection-option ) ]`: `close`, `keep-alive`.

use super::version::Version;
use crate::semantics::field::{FieldName, Fields};

/// What the client wants to become of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Persistence {
    /// Another request may follow.
    KeepAlive,
    /// The answer is the last one.
    Close,
}

/// Section 9.3, its rules in their order: `close` settles it, HTTP/1.1 persists, HTTP/1.0 does if
/// `keep-alive` asks for it.
pub fn persistence(version: Version, fields: &Fields) -> Persistence {
    let mut persists = version >= Version::Http11;
    for option in fields.members(FieldName::Connection) {
        if option.eq_ignore_ascii_case(b"close") {
            return Persistence::Close;
        }
        persists |= option.eq_ignore_ascii_case(b"keep-alive");
    }
    if persists {
        Persistence::KeepAlive
    } else {
        Persistence::Close
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http1::parse::tests::with_fields;

    #[track_caller]
    fn check(version: Version, lines: &str, want: Persistence) {
        let got = with_fields(lines, |fields| persistence(version, fields));
        assert_eq!(got, want, "{version:?} {lines:?}");
    }

    #[test]
    fn persistence_by_version_and_options() {
        use Persistence::*;
        use Version::*;
        check(Http11, "", KeepAlive); // 9.3: the default of HTTP/1.1
        check(Http10, "", Close);
        check(Http11, "Connection: close\n", Close);
        check(Http11, "connection: CLOSE\n", Close); // RFC 9110 7.6.1: without case
        check(Http11, "Connection: keep-alive, close\n", Close); // close comes first in 9.3
        check(Http11, "Connection: a\nConnection: close\n", Close); // RFC 9110 5.3: one list
        check(Http11, "Connection: closed\n", KeepAlive);
        check(Http11, "Connection: Upgrade\n", KeepAlive);
        check(Http10, "Connection: Keep-Alive\n", KeepAlive);
        check(Http10, "Connection: Keep-Alive, close\n", Close);
        check(Http10, "Connection: upgrade\n", Close);
    }
}
