//! RFC 9112 section 9.3: whether the connection stays open after the response.
//!
//! `Connection = [ connection-option *( OWS "," OWS connection-option ) ]`: `close`, `keep-alive`.
//! Section 9.6 adds the server's own reasons to close. Whatever the reason, it is carried.

use super::framing::Framing;
use super::version::Version;
use crate::semantics::field::{FieldName, Fields};
use crate::semantics::trace::{Clause, Step, Trace, clause};

/// What becomes of the connection after a response, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Persistence {
    /// Another request may follow.
    KeepAlive(KeepReason),
    /// The response is the last one.
    Close(CloseReason),
}

/// Why the connection stays open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeepReason {
    /// HTTP/1.1 connections persist.
    Http11,
    /// An HTTP/1.0 client asked for it.
    Asked,
}

/// Why the connection closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// The client asked for it.
    Asked,
    /// HTTP/1.0 connections close.
    Http10,
    /// The request was refused before it was understood, so where the next one begins is unknown.
    NotUnderstood,
    /// The body of the request is not read to its end, so nothing behind it can be understood.
    BodyUnread,
    /// The end of the connection tells where the body ends.
    EndsBody,
    /// The server is shutting down.
    ShuttingDown,
}

/// What the server knows that bears on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerState {
    /// Whether the body of the request is left unread.
    pub leaves_body: bool,
    /// Whether the server is shutting down.
    pub is_shutting_down: bool,
}

impl Persistence {
    /// Whether the response is the last one.
    pub fn closes(self) -> bool {
        matches!(self, Persistence::Close(_))
    }

    /// The reason as a clause.
    pub fn text(self) -> &'static str {
        match self {
            Persistence::KeepAlive(KeepReason::Http11) => {
                "the connection stays open, as HTTP/1.1 connections do"
            }
            Persistence::KeepAlive(KeepReason::Asked) => {
                "the connection stays open because the client asks for keep-alive"
            }
            Persistence::Close(reason) => reason.text(),
        }
    }
}

impl CloseReason {
    fn text(self) -> &'static str {
        match self {
            CloseReason::Asked => "the connection closes because the client asks for it",
            CloseReason::Http10 => "the connection closes, as HTTP/1.0 connections do",
            CloseReason::NotUnderstood => {
                "the connection closes because the end of the request is in doubt"
            }
            CloseReason::BodyUnread => {
                "the connection closes because the body of the request is not read"
            }
            CloseReason::EndsBody => "the connection closes to tell where the body ends",
            CloseReason::ShuttingDown => "the connection closes because the server shuts down",
        }
    }
}

const PERSISTENCE: Clause = clause!("RFC 9112 section 9.3", "persistence");
const DECIDE: Clause = clause!("RFC 9112 section 9.6", "decide");

/// What the client wants. Section 9.3, its rules in their order: `close` settles it, HTTP/1.1
/// persists, HTTP/1.0 does if `keep-alive` asks for it.
pub fn persistence(version: Version, fields: &Fields) -> Persistence {
    let mut keep = match version {
        Version::Http11 => Some(KeepReason::Http11),
        Version::Http10 => None,
    };
    for option in fields.members(FieldName::Connection) {
        if option.eq_ignore_ascii_case(b"close") {
            return Persistence::Close(CloseReason::Asked);
        }
        if option.eq_ignore_ascii_case(b"keep-alive") {
            keep = keep.or(Some(KeepReason::Asked));
        }
    }
    keep.map_or(
        Persistence::Close(CloseReason::Http10),
        Persistence::KeepAlive,
    )
}

/// What becomes of the connection: what the client `wants`, unless the server has a reason of its
/// own to close (section 9.6).
pub fn decide(
    wants: Persistence,
    framing: Framing,
    server: ServerState,
    trace: &mut Trace,
) -> Persistence {
    let own = if server.leaves_body {
        Some(CloseReason::BodyUnread)
    } else if framing == Framing::Close {
        Some(CloseReason::EndsBody)
    } else if server.is_shutting_down {
        Some(CloseReason::ShuttingDown)
    } else {
        None
    };
    let decided = match (wants, own) {
        (Persistence::KeepAlive(_), Some(reason)) => Persistence::Close(reason),
        (wants, _) => wants,
    };
    trace.note(|| {
        let clause = match own {
            Some(_) => DECIDE,
            None => PERSISTENCE,
        };
        Step::new(clause, decided.text())
    });
    decided
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

    const ASKED: Persistence = Persistence::Close(CloseReason::Asked);
    const HTTP11: Persistence = Persistence::KeepAlive(KeepReason::Http11);
    const HTTP10: Persistence = Persistence::Close(CloseReason::Http10);

    #[test]
    fn persistence_by_version_and_options() {
        use Version::*;
        check(Http11, "", HTTP11); // 9.3: the default of HTTP/1.1
        check(Http10, "", HTTP10);
        check(Http11, "Connection: close\n", ASKED);
        check(Http11, "connection: CLOSE\n", ASKED); // RFC 9110 7.6.1: without case
        check(Http11, "Connection: keep-alive, close\n", ASKED); // close comes first in 9.3
        check(Http11, "Connection: a\nConnection: close\n", ASKED); // RFC 9110 5.3: one list
        check(Http11, "Connection: closed\n", HTTP11);
        check(Http11, "Connection: Upgrade\n", HTTP11);
        let keep = Persistence::KeepAlive(KeepReason::Asked);
        check(Http10, "Connection: Keep-Alive\n", keep);
        check(Http10, "Connection: Keep-Alive, close\n", ASKED);
        check(Http10, "Connection: upgrade\n", HTTP10);
    }

    #[track_caller]
    fn check_server(
        leaves_body: bool,
        framing: Framing,
        is_shutting_down: bool,
        want: Persistence,
    ) {
        let server = ServerState {
            leaves_body,
            is_shutting_down,
        };
        let mut trace = Trace::watched();
        assert_eq!(decide(HTTP11, framing, server, &mut trace), want);
        let verb = match want {
            Persistence::KeepAlive(_) => "the connection stays open",
            Persistence::Close(_) => "the connection closes",
        };
        assert!(want.text().starts_with(verb), "{}", want.text());
        assert_eq!(trace.steps()[0].finding, want.text());
        // A client that wants the end gets it, for its own reason.
        assert_eq!(decide(ASKED, framing, server, &mut Trace::off()), ASKED);
    }

    #[test]
    fn the_server_has_reasons_of_its_own() {
        let close = Persistence::Close;
        let length = Framing::Length(1);
        check_server(false, length, false, HTTP11);
        check_server(false, Framing::Chunked, false, HTTP11);
        check_server(true, length, true, close(CloseReason::BodyUnread)); // 9.3: unread content
        check_server(false, Framing::Close, false, close(CloseReason::EndsBody)); // 6.3 rule 8
        check_server(false, length, true, close(CloseReason::ShuttingDown)); // 9.6
    }
}
