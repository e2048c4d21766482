//! RFC 9112 section 9.3: whether the connection stays open after the response.
//!
//! `Connection = [ connection-option *( OWS "," OWS connection-option ) ]`: `close`, `keep-alive`.
//! Section 9.6 adds the server's own reasons to close. The decision keeps its reason.

use super::framing::Framing;
use super::version::Version;
use crate::semantics::edit::Edit;
use crate::semantics::field::{FieldName, Fields};
use crate::semantics::trace::{Clause, Step, Trace, clause};

/// Whether the connection stays open after a response, and why.
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
    /// HTTP/1.1 connections stay open by default.
    Http11,
    /// An HTTP/1.0 client asked for it.
    Asked,
}

/// Why the connection closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// The client asked for it.
    Asked,
    /// HTTP/1.0 connections close by default.
    Http10,
    /// The server refused the request. After most errors the end of the request is unknown. After the
    /// others, the client is unlikely to send a better request on this connection.
    NotUnderstood,
    /// The server does not read the whole request body, so it cannot find the next request.
    BodyUnread,
    /// The close marks the end of the response body.
    EndsBody,
    /// The server ends the connection.
    Ending(Ending),
}

/// Why the server ends a connection that would stay open otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It is shutting down.
    ShuttingDown,
    /// It has new settings that the connection cannot get, such as another certificate.
    Reloaded,
}

/// What may make the server close the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerState {
    /// Whether the server leaves part of the request body unread.
    pub leaves_body: bool,
    /// Why the server ends the connection after this response, if it does.
    pub ending: Option<Ending>,
}

impl Persistence {
    /// Whether the response is the last one.
    pub fn closes(self) -> bool {
        matches!(self, Persistence::Close(_))
    }

    /// What would make the decision turn out otherwise.
    fn edits(self) -> [Option<Edit>; 2] {
        let set = |option| Some(Edit::set(FieldName::Connection, option).keeps_status());
        let removed = Some(Edit::remove(FieldName::Connection).keeps_status());
        match self {
            Persistence::KeepAlive(KeepReason::Http11) => [set("close"), None],
            Persistence::KeepAlive(KeepReason::Asked) => [removed, None],
            Persistence::Close(CloseReason::Asked) => [removed, None],
            Persistence::Close(CloseReason::Http10) => [set("keep-alive"), Some(Edit::http11())],
            Persistence::Close(CloseReason::EndsBody) => [Some(Edit::http11()), None],
            Persistence::Close(
                CloseReason::NotUnderstood | CloseReason::BodyUnread | CloseReason::Ending(_),
            ) => [None, None],
        }
    }

    /// The decision and its reason, as part of a sentence.
    pub fn text(self) -> &'static str {
        match self {
            Persistence::KeepAlive(KeepReason::Http11) => {
                "the connection stays open, as HTTP/1.1 connections do"
            }
            Persistence::KeepAlive(KeepReason::Asked) => {
                "the connection stays open because the client asked for keep-alive"
            }
            Persistence::Close(reason) => reason.text(),
        }
    }
}

impl CloseReason {
    /// Whether the client may be sending another request, because it does not know of the close yet.
    pub fn surprises_client(self) -> bool {
        matches!(
            self,
            CloseReason::NotUnderstood | CloseReason::EndsBody | CloseReason::Ending(_)
        )
    }

    /// The reason as part of a sentence.
    pub fn text(self) -> &'static str {
        match self {
            CloseReason::Asked => "the connection closes because the client asked for it",
            CloseReason::Http10 => "the connection closes, as HTTP/1.0 connections do",
            CloseReason::NotUnderstood => {
                "the connection closes because the server refused the request"
            }
            CloseReason::BodyUnread => {
                "the connection closes because the request body was not read"
            }
            CloseReason::EndsBody => "the connection closes to mark the end of the body",
            CloseReason::Ending(Ending::ShuttingDown) => {
                "the connection closes because the server is shutting down"
            }
            CloseReason::Ending(Ending::Reloaded) => {
                "the connection closes because the server has new settings"
            }
        }
    }
}

const PERSISTENCE: Clause = clause!("RFC 9112 section 9.3", "persistence");
/// A server reads the whole body or closes the connection.
const UNREAD: Clause = clause!("RFC 9112 section 9.3", "decide");
const DECIDE: Clause = clause!("RFC 9112 section 9.6", "decide");

/// What the client wants, by the rules of section 9.3 in their order: `close` closes the
/// connection, HTTP/1.1 keeps it open, and HTTP/1.0 keeps it open if `keep-alive` asks for it.
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

/// Decides whether the connection stays open: as the client `wants`, unless the server has a reason
/// to close it (section 9.6).
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
    } else {
        server.ending.map(CloseReason::Ending)
    };
    let decided = match (wants, own) {
        (Persistence::KeepAlive(_), Some(reason)) => Persistence::Close(reason),
        (wants, _) => wants,
    };
    trace.note(|| {
        let clause = match decided {
            Persistence::KeepAlive(_)
            | Persistence::Close(CloseReason::Asked | CloseReason::Http10) => PERSISTENCE,
            Persistence::Close(CloseReason::BodyUnread) => UNREAD,
            Persistence::Close(_) => DECIDE,
        };
        let [option, version] = decided.edits();
        Step::new(clause, decided.text())
            .unless(option)
            .unless(version)
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
        check(Http11, "Connection: keep-alive, close\n", ASKED); // 9.3 tests close first
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
        ending: Option<Ending>,
        want: Persistence,
    ) {
        let server = ServerState {
            leaves_body,
            ending,
        };
        let mut trace = Trace::watched();
        assert_eq!(decide(HTTP11, framing, server, &mut trace), want);
        let verb = match want {
            Persistence::KeepAlive(_) => "the connection stays open",
            Persistence::Close(_) => "the connection closes",
        };
        assert!(want.text().starts_with(verb), "{}", want.text());
        assert_eq!(trace.steps()[0].finding, want.text());
        // If the client asks to close, its reason wins.
        assert_eq!(decide(ASKED, framing, server, &mut Trace::off()), ASKED);
    }

    #[test]
    fn the_server_may_have_a_reason_to_close() {
        let close = Persistence::Close;
        let length = Framing::Length(1);
        check_server(false, length, None, HTTP11);
        check_server(false, Framing::Chunked, None, HTTP11);
        let down = Ending::ShuttingDown;
        check_server(true, length, Some(down), close(CloseReason::BodyUnread)); // 9.3: unread content
        check_server(false, Framing::Close, None, close(CloseReason::EndsBody)); // 6.3 rule 8
        for ending in [Ending::ShuttingDown, Ending::Reloaded] {
            let want = close(CloseReason::Ending(ending)); // 9.6
            check_server(false, length, Some(ending), want);
        }
    }

    #[test]
    fn the_clause_is_that_of_the_decision() {
        let sections = [
            (ASKED, "RFC 9112 section 9.3"),
            (HTTP10, "RFC 9112 section 9.3"),
            (
                Persistence::Close(CloseReason::NotUnderstood),
                "RFC 9112 section 9.6",
            ),
        ];
        for (wants, section) in sections {
            let mut trace = Trace::watched();
            let server = ServerState {
                leaves_body: true,
                ending: None,
            };
            decide(wants, Framing::Length(1), server, &mut trace);
            assert_eq!(trace.steps()[0].clause.section, section);
        }
    }

    #[test]
    fn a_connection_would_stay_open_or_close() {
        let check = |wants, framing, want: [Option<Edit>; 2]| {
            let server = ServerState {
                leaves_body: false,
                ending: None,
            };
            let mut trace = Trace::watched();
            decide(wants, framing, server, &mut trace);
            assert_eq!(trace.steps()[0].edits, want, "{wants:?}");
        };
        let set = |option| Some(Edit::set(FieldName::Connection, option).keeps_status());
        let removed = Some(Edit::remove(FieldName::Connection).keeps_status());
        let (length, http11) = (Framing::Length(1), Some(Edit::http11()));
        let keep = Persistence::KeepAlive(KeepReason::Asked);
        check(HTTP11, length, [set("close"), None]);
        check(keep, length, [removed, None]);
        check(ASKED, length, [removed, None]);
        check(HTTP10, length, [set("keep-alive"), http11]);
        check(keep, Framing::Close, [http11, None]);
        let refused = Persistence::Close(CloseReason::NotUnderstood);
        check(refused, length, [None, None]);
    }
}
