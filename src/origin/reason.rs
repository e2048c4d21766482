//! Why a response is what it is. The log, the error page and the trace show the reason.
//!
//! Every response has a reason, and every reason has a step, so no response lacks a step that decides
//! its status (RFC 9110 sections 3.7, 7, 9 and 15, RFC 9112 section 8, RFC 6585 section 4, RFC 6455 section 4.2.2).
//! The text of a reason is made only when something shows it.

use std::fmt;

use crate::http1::error::Error as MessageError;
use crate::proxy_protocol::HeaderError;
use crate::semantics::coding::{CodingReason, NOT_ACCEPTABLE};
use crate::semantics::decide::{Decision, WholeReason};
use crate::semantics::edit::{Edit, NewTarget};
use crate::semantics::field::FieldName;
use crate::semantics::precondition::{FailedReason, NotModifiedReason};
use crate::semantics::range::ByteRange;
use crate::semantics::status::Status;
use crate::semantics::trace::{Clause, Step, clause};
use crate::site::disk_error::{DiskError, Told};
use crate::site::path::{self, PathError};
use crate::websocket::handshake::Refusal;

/// The rule that decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The whole representation is sent: why no range applies, and why in this coding.
    Whole(WholeReason, CodingReason),
    /// One range of the representation is sent.
    Partial(ByteRange),
    /// This number of ranges is sent.
    Multipart(usize),
    /// The client has the current representation.
    NotModified(NotModifiedReason),
    /// A precondition of the request is false.
    PreconditionFailed(FailedReason),
    /// The representation has this many bytes, and no range selects any of them.
    RangeNotSatisfiable(u64),
    /// The client refuses every coding in which the server could send the content.
    CodingNotAcceptable,
    /// The client accepts none of the languages in which the resource exists.
    LanguageNotAcceptable,
    /// The client is redirected to the URL with a slash, where the relative links work.
    DirectoryWithoutSlash,
    /// The client is redirected from the prefix of the site to its root.
    PrefixWithoutSlash,
    /// The client is redirected to the path without empty segments, `.` and `..`.
    PathNotNormalised,
    /// The client is redirected to the clean URL of the page.
    CleanUrl,
    /// The operator wants clients to be redirected.
    RedirectRule,
    /// The directory has no index file, and listings are off.
    ListingOff,
    /// The query asks for an archive in a format that docroot does not make.
    ArchiveFormat,
    /// `OPTIONS *`.
    ServerOptions,
    /// `OPTIONS` for a resource that exists.
    ResourceOptions,
    /// A preflight request of an origin that may read responses.
    Preflight,
    /// A preflight request of an origin that may not.
    PreflightRefused,
    /// The server does not know the method.
    UnknownMethod,
    /// The server knows the method but does not allow it.
    MethodNotAllowed,
    /// The path is invalid.
    Path(PathError),
    /// The file cannot be read from the disk.
    Disk(DiskError),
    /// The request is not a valid message, or has an unknown expectation.
    Message(MessageError),
    /// The client closed its side of the connection in the middle of a request.
    Incomplete,
    /// The TLS session was cut in the middle of a request, without a closing alert.
    Truncated,
    /// The client's certificate has expired since the TLS session was established.
    ClientExpired,
    /// A request for an `https` URI came without TLS.
    Misdirected,
    /// The address of the client is not allowed.
    AddressNotAllowed,
    /// The path needs a password, and the request has none.
    PasswordNeeded,
    /// The request has credentials that cannot be checked.
    CredentialsMalformed,
    /// There is no such user, or the password is another one.
    PasswordWrong,
    /// The password is right, and the user may not read the path.
    UserNotAllowed,
    /// Too many wrong passwords came from the address of the client.
    TooManyFailures,
    /// Too many passwords wait to be checked.
    PasswordsBusy,
    /// The server does not answer for the host of the request.
    HostNotAllowed,
    /// A request without TLS came to a TLS port.
    PlainText,
    /// A trusted proxy did not begin the connection with a valid header of the PROXY protocol.
    ProxyHeader(HeaderError),
    /// The client is redirected to HTTPS.
    ToHttps,
    /// The client cannot be redirected to HTTPS, because the request names no host.
    NoHost,
    /// The handler takes less content than the request has.
    ContentTooLarge,
    /// The resource is only for connections that change their protocol, which HTTP/1.0 cannot.
    UpgradeOfHttp10,
    /// The connection becomes a WebSocket.
    WebSocket,
    /// One of the server's own pages made the response.
    OwnPage(OwnPageReason),
    /// The request for a WebSocket is refused.
    WebSocketRefused(Refusal),
    /// The server produced no response because of a bug.
    Unanswered,
    /// The head took too long.
    HeadDeadline,
    /// The body took too long.
    BodyDeadline,
    /// The server has as many connections as it allows.
    AtCapacity,
    /// The file descriptors that are left are kept for files.
    FewDescriptors,
    /// The server holds as much memory for clients as it may.
    NoMemory,
    /// The server is shutting down.
    Draining,
}

/// Why one of the server's own pages made a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnPageReason {
    /// The request comes from a page of another origin, and this is not for those.
    ForeignPage,
    /// A proxy on this machine has forwarded the request, and the operator has not named it.
    Proxied,
    /// The request came from this machine in a version that proxies speak, and the operator has not named the address.
    OldVersion,
    /// The same for a host that does not mean this machine.
    OtherHost,
    /// As many wire views are open as may be, or as many pages of a class.
    ManyViewers,
    /// The class counts what a learner has done.
    ClassCounted,
    /// The class does not count it.
    ClassUncounted,
    /// The page of the class is at another path.
    ClassPage,
    /// There is no class.
    NoClass,
    /// A root cannot be opened, or it is not known whether it can.
    NotReady,
    /// The operator has changed how much is logged.
    LogLevelChanged,
    /// How much is logged cannot be changed like this.
    LogLevelUnchanged,
    /// The lab was asked for this response.
    Lab,
    /// The lab cannot do what it was asked for.
    LabRefused,
}

impl OwnPageReason {
    fn text(self) -> &'static str {
        match self {
            OwnPageReason::ForeignPage => "the request comes from a page of another origin",
            OwnPageReason::Proxied => {
                "the request came through a proxy, and --inspect-allow does not name the proxy's address"
            }
            OwnPageReason::OldVersion => {
                "HTTP/1.0 may come from a proxy: use HTTP/1.1, or name the address with --inspect-allow"
            }
            OwnPageReason::OtherHost => {
                "the host may come from a proxy: use localhost, or name the address with --inspect-allow"
            }
            OwnPageReason::ManyViewers => "as many live views are open as may be",
            OwnPageReason::ClassCounted => "the class counts what the learner has done",
            OwnPageReason::ClassUncounted => "the class does not count the report",
            OwnPageReason::ClassPage => "the page of the class is at another path",
            OwnPageReason::NoClass => "there is no class: start docroot with --class",
            OwnPageReason::NotReady => "it is not certain that every root can be opened",
            OwnPageReason::LogLevelChanged => "the log level was changed",
            OwnPageReason::LogLevelUnchanged => "the request does not change the log level",
            OwnPageReason::Lab => "the lab was asked for this response",
            OwnPageReason::LabRefused => "the lab cannot do what it was asked for",
        }
    }

    /// The same in a few words.
    pub(super) fn brief(self) -> &'static str {
        match self {
            OwnPageReason::ForeignPage => "page of another origin",
            OwnPageReason::Proxied => "through a proxy",
            OwnPageReason::OldVersion => "perhaps a proxy: HTTP/1.0",
            OwnPageReason::OtherHost => "perhaps a proxy: other host",
            OwnPageReason::ManyViewers => "too many live views",
            OwnPageReason::ClassCounted => "class: counted",
            OwnPageReason::ClassUncounted => "class: not counted",
            OwnPageReason::ClassPage => "class: other path",
            OwnPageReason::NoClass => "no class",
            OwnPageReason::NotReady => "not ready",
            OwnPageReason::LogLevelChanged => "log level: changed",
            OwnPageReason::LogLevelUnchanged => "log level: not changed",
            OwnPageReason::Lab => "lab",
            OwnPageReason::LabRefused => "lab: bad request",
        }
    }

    fn clause(self) -> Clause {
        match self {
            OwnPageReason::ForeignPage => FOREIGN_PAGE,
            OwnPageReason::Proxied => PROXIED,
            OwnPageReason::OldVersion | OwnPageReason::OtherHost => PERHAPS_PROXIED,
            OwnPageReason::ManyViewers => MANY_VIEWERS,
            OwnPageReason::ClassCounted => CLASS_COUNTED,
            OwnPageReason::ClassUncounted => CLASS_UNCOUNTED,
            OwnPageReason::ClassPage => CLASS_PAGE,
            OwnPageReason::NoClass => NO_CLASS,
            OwnPageReason::NotReady => NOT_READY,
            OwnPageReason::LogLevelChanged => LOG_LEVEL_CHANGED,
            OwnPageReason::LogLevelUnchanged => LOG_LEVEL_UNCHANGED,
            OwnPageReason::Lab => LAB,
            OwnPageReason::LabRefused => LAB_REFUSED,
        }
    }
}

impl Reason {
    /// The reason of a decision about a representation in a coding.
    pub(super) fn of(decision: &Decision, coding: CodingReason) -> Reason {
        match decision {
            Decision::Whole(why) => Reason::Whole(*why, coding),
            Decision::Partial(range) => Reason::Partial(*range),
            Decision::Multipart(ranges) => Reason::Multipart(ranges.len()),
            Decision::NotModified(why) => Reason::NotModified(*why),
            Decision::PreconditionFailed(why) => Reason::PreconditionFailed(*why),
            Decision::RangeNotSatisfiable { length } => Reason::RangeNotSatisfiable(*length),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Whole(why, coding) => write!(f, "{}; {}", why.text(), coding.text()),
            Reason::Partial(range) => {
                write!(f, "Range selects bytes {} to {}", range.first, range.last)
            }
            Reason::Multipart(count) => write!(f, "Range selects {count} parts"),
            Reason::RangeNotSatisfiable(length) => {
                write!(f, "Range selects none of the {length} bytes")
            }
            fixed => f.write_str(fixed.text()),
        }
    }
}

impl Reason {
    /// The reason for clients. It does not tell which names exist but are not served.
    pub(super) fn for_client(&self) -> String {
        match self {
            Reason::Disk(fault) => fault.text_for_client().to_owned(),
            Reason::HostNotAllowed => HOST_NOT_ALLOWED.to_owned(),
            Reason::CleanUrl => "the page has a shorter URL".to_owned(),
            other => other.to_string(),
        }
    }

    /// Whether a representation was selected before the status was decided. Only then are the
    /// preconditions of the request evaluated.
    pub(super) fn comes_from_representation(&self) -> bool {
        matches!(
            self,
            Reason::Whole(..)
                | Reason::Partial(_)
                | Reason::Multipart(_)
                | Reason::NotModified(_)
                | Reason::PreconditionFailed(_)
                | Reason::RangeNotSatisfiable(_)
        )
    }

    /// The step that decides the status, without values.
    pub fn step(&self) -> Step {
        let finding = match self.text() {
            "" => "a handler made the response",
            text => text,
        };
        Step::new(self.clause(), finding).unless(self.edit())
    }

    /// What would make the rule decide otherwise.
    fn edit(&self) -> Option<Edit> {
        Some(match self {
            Reason::DirectoryWithoutSlash
            | Reason::PrefixWithoutSlash
            | Reason::PathNotNormalised
            | Reason::CleanUrl => Edit::target(NewTarget::Location),
            Reason::Disk(fault) if matches!(fault.told(), Told::Absent | Told::Forbidden) => {
                Edit::target(NewTarget::Root)
            }
            Reason::Path(PathError::OutsidePrefix) => Edit::target(NewTarget::Own),
            Reason::Path(_) | Reason::ServerOptions => Edit::target(NewTarget::Root),
            Reason::ArchiveFormat => Edit::target(NewTarget::WithoutQuery("archive")),
            Reason::Misdirected => Edit::target(NewTarget::OriginForm),
            Reason::LanguageNotAcceptable => Edit::remove(FieldName::AcceptLanguage),
            Reason::ResourceOptions | Reason::UnknownMethod | Reason::MethodNotAllowed => {
                Edit::method("GET")
            }
            Reason::Preflight | Reason::PreflightRefused => {
                Edit::remove(FieldName::AccessControlRequestMethod)
            }
            Reason::NoHost => Edit::set(FieldName::Host, "localhost"),
            Reason::PasswordNeeded => Edit::set(FieldName::Authorization, SOME_CREDENTIALS),
            Reason::CredentialsMalformed | Reason::PasswordWrong | Reason::UserNotAllowed => {
                Edit::remove(FieldName::Authorization).leads_to(Status::Unauthorized)
            }
            Reason::UpgradeOfHttp10 | Reason::OwnPage(OwnPageReason::OldVersion) => Edit::http11(),
            Reason::OwnPage(OwnPageReason::OtherHost) => Edit::set(FieldName::Host, "localhost"),
            Reason::WebSocketRefused(refusal) => refusal.edit(),
            Reason::Message(fault) => return fault.edit(),
            _ => return None,
        })
    }

    /// The rule that decided, and the function that applied it. The functions that choose a
    /// representation add steps with values. If there is no such step, a handler chose it.
    fn clause(&self) -> Clause {
        match self {
            Reason::Whole(..) | Reason::Partial(_) | Reason::Multipart(_) => HANDLER,
            Reason::NotModified(_) | Reason::PreconditionFailed(_) => HANDLER,
            Reason::RangeNotSatisfiable(_) | Reason::CodingNotAcceptable => HANDLER,
            Reason::LanguageNotAcceptable => LANGUAGE,
            Reason::DirectoryWithoutSlash => SLASH,
            Reason::PrefixWithoutSlash => ROOT,
            Reason::PathNotNormalised => path::NORMALISED,
            Reason::CleanUrl => CLEAN_URL,
            Reason::RedirectRule => REDIRECT_RULE,
            Reason::ListingOff => LISTING_OFF,
            Reason::ArchiveFormat => ARCHIVE_FORMAT,
            Reason::ServerOptions | Reason::ResourceOptions => OPTIONS,
            Reason::Preflight | Reason::PreflightRefused => PREFLIGHT,
            Reason::UnknownMethod | Reason::MethodNotAllowed => METHOD,
            Reason::Path(fault) => fault.clause(),
            Reason::Disk(fault) => match fault.told() {
                Told::Absent => ABSENT,
                Told::Forbidden => FORBIDDEN,
                Told::Unavailable => UNAVAILABLE,
                Told::Failed => FAILED,
            },
            Reason::Message(fault) => fault.clause(),
            Reason::Incomplete | Reason::Truncated => INCOMPLETE,
            Reason::ClientExpired => CLIENT_EXPIRED,
            Reason::Misdirected => MISDIRECTED,
            Reason::HostNotAllowed => HOST,
            Reason::AddressNotAllowed => ADDRESS,
            Reason::PasswordNeeded | Reason::CredentialsMalformed => PASSWORD,
            Reason::PasswordWrong | Reason::UserNotAllowed => PASSWORD,
            Reason::TooManyFailures => FAILURES,
            Reason::PasswordsBusy => PASSWORDS_BUSY,
            Reason::PlainText => PLAIN_TEXT,
            Reason::ProxyHeader(_) => PROXY_HEADER,
            Reason::ToHttps => TO_HTTPS,
            Reason::NoHost => NO_HOST,
            Reason::ContentTooLarge => TOO_LARGE,
            Reason::Unanswered => UNANSWERED,
            Reason::HeadDeadline | Reason::BodyDeadline => DEADLINE,
            Reason::AtCapacity | Reason::FewDescriptors | Reason::NoMemory | Reason::Draining => {
                REFUSED
            }
            Reason::UpgradeOfHttp10 => UPGRADE,
            Reason::WebSocket => WEBSOCKET,
            Reason::OwnPage(why) => why.clause(),
            Reason::WebSocketRefused(refusal) => refusal.clause(),
        }
    }
}

/// Credentials of the scheme Basic (RFC 7617 section 2), for `user` with the password `password`.
const SOME_CREDENTIALS: &str = "Basic dXNlcjpwYXNzd29yZA==";

const HANDLER: Clause = clause!("RFC 9110 section 15", "origin::answer", "answer");
const LANGUAGE: Clause = clause!("RFC 9110 section 15.5.7", "origin::variants", "response");
const SLASH: Clause = clause!(
    "RFC 9110 section 15.4.2",
    "origin::moved",
    "redirect_to_slash"
);
const ROOT: Clause = clause!(
    "RFC 9110 section 15.4.2",
    "origin::moved",
    "redirect_to_root"
);
const CLEAN_URL: Clause = clause!("RFC 9110 section 15.4.2", "origin::resource", "resource");
const REDIRECT_RULE: Clause = clause!("RFC 9110 section 15.4", "origin::moved", "redirect_by_rule");
const LISTING_OFF: Clause = clause!("RFC 9110 section 15.5.5", "origin::answer", "answer_path");
const ARCHIVE_FORMAT: Clause = clause!("RFC 9110 section 15.5.1", "origin::archive", "wanted");
const OPTIONS: Clause = clause!("RFC 9110 section 9.3.7", "origin::methods", "options");
const PREFLIGHT: Clause = clause!("Fetch standard section 3.3.5", "origin::cors", "preflight");
const METHOD: Clause = clause!("RFC 9110 section 9.1", "origin::methods", "refused_method");
const ABSENT: Clause = clause!("RFC 9110 section 15.5.5", "origin::refuse", "disk_refusal");
const FORBIDDEN: Clause = clause!("RFC 9110 section 15.5.4", "origin::refuse", "disk_refusal");
const UNAVAILABLE: Clause = clause!("RFC 9110 section 15.6.4", "origin::refuse", "disk_refusal");
const FAILED: Clause = clause!("RFC 9110 section 15.6.1", "origin::refuse", "disk_refusal");
const TO_HTTPS: Clause = clause!("RFC 9110 section 15.4.9", "origin::redirect", "answer");
const NO_HOST: Clause = clause!("RFC 9110 section 7.2", "origin::redirect", "answer");
const MISDIRECTED: Clause = clause!("RFC 9110 section 7.4", "net::protocol::dispatch", "checked");
const HOST: Clause = clause!("RFC 9110 section 15.5.20", "http1::allowed_hosts", "rule");
const ADDRESS: Clause = clause!(
    "RFC 9110 section 15.5.4",
    "origin::answer",
    "refused_address"
);
const PASSWORD: Clause = clause!(
    "RFC 9110 section 15.5.2",
    "origin::auth::refuse",
    "challenge"
);
const FAILURES: Clause = clause!(
    "RFC 6585 section 4",
    "origin::auth::refuse",
    "too_many_failures"
);
const PASSWORDS_BUSY: Clause = clause!("RFC 9110 section 15.6.4", "origin::auth::refuse", "busy");
const TOO_LARGE: Clause = clause!(
    "RFC 9110 section 15.5.14",
    "net::protocol::dispatch",
    "dispatch"
);
const CLIENT_EXPIRED: Clause = clause!(
    "RFC 9110 section 15.5.4",
    "net::protocol::handshake",
    "step"
);
const PROXY_HEADER: Clause = clause!("PROXY protocol section 2", "proxy_protocol", "parse");
const PLAIN_TEXT: Clause = clause!(
    "RFC 9110 section 15.5.1",
    "net::protocol::handshake",
    "refuse_plain_text"
);
const INCOMPLETE: Clause = clause!(
    "RFC 9112 section 8",
    "net::protocol::http1",
    "end_of_requests"
);
const DEADLINE: Clause = clause!("RFC 9110 section 15.5.9", "net::protocol::http1", "expire");
const UNANSWERED: Clause = clause!("RFC 9110 section 15.6.1", "net::protocol::http1", "fail");
const UPGRADE: Clause = clause!(
    "RFC 9110 section 7.8",
    "net::protocol::http1",
    "refused_upgrade"
);
const WEBSOCKET: Clause = clause!("RFC 6455 section 4.2.2", "websocket::handshake", "accept");
const MANY_VIEWERS: Clause = clause!("RFC 9110 section 15.6.4", "guide::inspect", "open_wire");
const PROXIED: Clause = clause!("RFC 9110 section 3.7", "guide::access", "through_proxy");
const PERHAPS_PROXIED: Clause = clause!(
    "RFC 9110 section 3.7",
    "guide::access",
    "perhaps_through_proxy"
);
const CLASS_COUNTED: Clause = clause!("RFC 9110 section 15.3.5", "guide::class", "take_report");
const CLASS_UNCOUNTED: Clause = clause!("RFC 9110 section 15.5", "guide::class", "take_report");
const CLASS_PAGE: Clause = clause!("RFC 9110 section 15.4.2", "guide::class", "elsewhere");
const NO_CLASS: Clause = clause!("RFC 9110 section 15.5.5", "guide::class::absent", "answer");
const NOT_READY: Clause = clause!("RFC 9110 section 15.6.4", "guide::admin::waiting", "ready");
const LOG_LEVEL_CHANGED: Clause =
    clause!("RFC 9110 section 15.3.5", "guide::admin::log_level", "put");
const LOG_LEVEL_UNCHANGED: Clause =
    clause!("RFC 9110 section 15.5", "guide::admin::log_level", "put");
const FOREIGN_PAGE: Clause = clause!("RFC 9110 section 15.5.4", "guide::access", "is_foreign");
const LAB: Clause = clause!("RFC 9110 section 15", "guide::lab", "answer");
const LAB_REFUSED: Clause = clause!("RFC 9110 section 15.5", "guide::lab", "answer");
const REFUSED: Clause = clause!("RFC 9110 section 15.6.4", "net::acceptor", "admit");

/// The page says what its operator can do: often, this is the visitor.
const HOST_NOT_ALLOWED: &str = "this server does not answer for this host name; to allow it, start docroot with --allow-host NAME";

impl Reason {
    /// The text of the reason; empty if the text has numbers, see [`Display`](fmt::Display).
    pub fn text(&self) -> &'static str {
        match self {
            Reason::NotModified(why) => why.text(),
            Reason::PreconditionFailed(why) => why.text(),
            Reason::Path(fault) => fault.text(),
            Reason::Message(fault) => fault.text(),
            Reason::Disk(fault) => fault.text(),
            Reason::CodingNotAcceptable => NOT_ACCEPTABLE,
            Reason::LanguageNotAcceptable => {
                "Accept-Language accepts none of the available languages"
            }
            Reason::DirectoryWithoutSlash => "the URL of a directory must end with a slash",
            Reason::PrefixWithoutSlash => "the URL of the site must end with a slash",
            Reason::PathNotNormalised => "the path has empty segments or dot segments",
            Reason::CleanUrl => "--clean-urls gives the page a shorter URL",
            Reason::RedirectRule => "a redirect rule matches the path",
            Reason::ListingOff => "the directory has no index file and listings are off",
            Reason::ArchiveFormat => {
                "there is no archive in this format: the formats are zip, tar and tar.gz"
            }
            Reason::ServerOptions => "OPTIONS * asks which methods the server allows",
            Reason::ResourceOptions => "OPTIONS asks which methods the resource allows",
            Reason::Preflight => "the origin of the preflight request may read responses",
            Reason::PreflightRefused => "the origin of the preflight may not read responses",
            Reason::UnknownMethod => "the server does not know the method",
            Reason::MethodNotAllowed => "the server does not allow the method",
            Reason::Incomplete => "the request ended before it was complete",
            Reason::Truncated => "the connection was cut before the request was complete",
            Reason::ClientExpired => "the client's certificate has expired",
            Reason::Misdirected => "an https URL was requested without TLS",
            Reason::HostNotAllowed => "the server does not answer for this host, see --allow-host",
            Reason::AddressNotAllowed => "the address of the client is not allowed",
            Reason::PasswordNeeded => "the path needs a password",
            Reason::CredentialsMalformed => {
                "the credentials of the request are malformed, or not of the scheme Basic"
            }
            Reason::PasswordWrong => "the name or the password is wrong",
            Reason::UserNotAllowed => "the user may not read this path",
            Reason::TooManyFailures => "too many wrong passwords came from this address",
            Reason::PasswordsBusy => "too many passwords wait to be checked",
            Reason::PlainText => "this port speaks HTTPS",
            Reason::ProxyHeader(fault) => fault.text(),
            Reason::ToHttps => "the site is served over HTTPS",
            Reason::NoHost => "the request does not name a host",
            Reason::ContentTooLarge => "the content of the request is too long",
            Reason::UpgradeOfHttp10 => "an HTTP/1.0 connection cannot change its protocol",
            Reason::WebSocket => "the connection becomes a WebSocket",
            Reason::WebSocketRefused(refusal) => refusal.text(),
            Reason::OwnPage(why) => why.text(),
            Reason::Unanswered => "the server failed to produce a response",
            Reason::HeadDeadline => "the request head took too long to arrive",
            Reason::BodyDeadline => "the request body took too long to arrive",
            Reason::AtCapacity => "the server has as many connections as it allows",
            Reason::FewDescriptors => "the server keeps its last file descriptors for files",
            Reason::NoMemory => "the server holds as much memory for its clients as it may",
            Reason::Draining => "the server is shutting down",
            _ => "",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http1::expect::UnknownExpectation;
    use crate::http1::fault::ParseError;
    use crate::origin::refuse::{disk_error, error};
    use crate::semantics::status::Status;
    use crate::semantics::trace::Trace;
    use crate::site::body::{Body, Piece};

    #[track_caller]
    fn check(reason: Reason, section: &str) {
        let step = reason.step();
        assert_eq!(step.clause.section, section, "{reason:?}");
        assert_eq!(step.finding, reason.text(), "{reason:?}");
    }

    #[test]
    fn each_reason_names_its_rule() {
        check(Reason::DirectoryWithoutSlash, "RFC 9110 section 15.4.2");
        check(Reason::PrefixWithoutSlash, "RFC 9110 section 15.4.2");
        check(Reason::PathNotNormalised, "RFC 3986 section 6.2.2.3");
        check(Reason::ListingOff, "RFC 9110 section 15.5.5");
        check(Reason::ToHttps, "RFC 9110 section 15.4.9");
        check(Reason::Misdirected, "RFC 9110 section 7.4");
        check(Reason::HostNotAllowed, "RFC 9110 section 15.5.20");
        check(Reason::ContentTooLarge, "RFC 9110 section 15.5.14");
        check(Reason::HeadDeadline, "RFC 9110 section 15.5.9");
        check(Reason::Incomplete, "RFC 9112 section 8");
        check(Reason::AtCapacity, "RFC 9110 section 15.6.4");
        check(Reason::FewDescriptors, "RFC 9110 section 15.6.4");
        check(Reason::Unanswered, "RFC 9110 section 15.6.1");
        let dots = Reason::Path(PathError::DotSegment);
        check(dots, "RFC 3986 section 5.2.4");
        let folded = MessageError::from(ParseError::FoldedLine);
        check(Reason::Message(folded), "RFC 9112 section 5.2");
    }

    #[test]
    fn each_reason_names_what_would_change_it() {
        use FieldName::{AcceptLanguage, AccessControlRequestMethod, Authorization, Host};
        let check = |reason: Reason, want: Option<Edit>| {
            assert_eq!(reason.step().edits, [want, None], "{reason:?}");
        };
        let target = |target| Some(Edit::target(target));
        check(Reason::CleanUrl, target(NewTarget::Location));
        check(Reason::Disk(DiskError::NotFound), target(NewTarget::Root));
        check(Reason::Disk(DiskError::Exhausted), None);
        let outside = Reason::Path(PathError::OutsidePrefix);
        check(outside, target(NewTarget::Own));
        check(Reason::Path(PathError::Nul), target(NewTarget::Root));
        check(Reason::Misdirected, target(NewTarget::OriginForm));
        let archive = NewTarget::WithoutQuery("archive");
        check(Reason::ArchiveFormat, target(archive));
        check(Reason::MethodNotAllowed, Some(Edit::method("GET")));
        let localhost = Some(Edit::set(Host, "localhost"));
        check(Reason::NoHost, localhost);
        // It depends on the hosts that are allowed.
        check(Reason::HostNotAllowed, None);
        let language = Some(Edit::remove(AcceptLanguage));
        check(Reason::LanguageNotAcceptable, language);
        let preflight = Some(Edit::remove(AccessControlRequestMethod));
        check(Reason::Preflight, preflight);
        let asked = Edit::remove(Authorization).leads_to(Status::Unauthorized);
        check(Reason::PasswordWrong, Some(asked));
        check(Reason::UpgradeOfHttp10, Some(Edit::http11()));
        let expect = MessageError::from(UnknownExpectation);
        check(
            Reason::Message(expect),
            Some(Edit::remove(FieldName::Expect)),
        );
        check(Reason::RedirectRule, None);
        check(Reason::AddressNotAllowed, None);
    }

    fn page(fault: DiskError) -> String {
        match disk_error(fault).body {
            Some(Body::One(Piece::Bytes(bytes))) => String::from_utf8(bytes).expect("UTF-8"),
            _ => panic!("an error has a page in memory"),
        }
    }

    /// The operator learns the true reason. The client does not learn that the name exists.
    #[test]
    fn a_file_that_is_not_served_looks_absent_to_clients() {
        use DiskError::*;
        for fault in [
            Hidden,
            Outside,
            LinkLoop,
            NotDirectory,
            Special,
            NotTheServedFile,
        ] {
            check(Reason::Disk(fault), "RFC 9110 section 15.5.5");
            assert_ne!(fault.text(), NotFound.text());
            assert_eq!(page(fault), page(NotFound));
            assert_eq!(disk_error(fault).status, Status::NotFound);
        }
        for fault in [ListingsBusy, CodersBusy, DiskBusy] {
            check(Reason::Disk(fault), "RFC 9110 section 15.6.4");
            assert_ne!(fault.text(), Exhausted.text());
            assert_eq!(page(fault), page(Exhausted));
            assert_eq!(disk_error(fault).status, Status::ServiceUnavailable);
        }
        check(Reason::Disk(TimedOut), "RFC 9110 section 15.6.4");
        assert_ne!(page(TimedOut), page(DiskBusy));
        check(Reason::Disk(Forbidden), "RFC 9110 section 15.5.4");
        check(Reason::Disk(Unsteady), "RFC 9110 section 15.6.4");
        check(Reason::Disk(Failed), "RFC 9110 section 15.6.1");
    }

    #[test]
    fn an_error_whose_function_adds_no_step_is_concluded_from_its_reason() {
        let mut trace = Trace::watched();
        let response = error(Status::RequestTimeout, Reason::BodyDeadline);
        trace.conclude(response.status, || response.reason.step());
        let steps: Vec<String> = trace.steps().iter().map(|step| step.to_string()).collect();
        assert_eq!(steps, ["the request body took too long to arrive -> 408"]);
    }
}
