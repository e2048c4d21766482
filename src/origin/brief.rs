//! Reasons in a few words, for a line of the log that has to fit into a terminal.

use std::borrow::Cow;
use std::fmt::{self, Display, Formatter};

use crate::http1::error::Error as MessageError;
use crate::http1::fault::ParseError;
use crate::origin::reason::Reason;
use crate::proxy_protocol::HeaderError;
use crate::semantics::coding::{Coding, CodingReason};
use crate::semantics::decide::WholeReason;
use crate::semantics::forwarded::ForwardedError;
use crate::semantics::precondition::{FailedReason, NotModifiedReason};
use crate::site::disk_error::DiskError;
use crate::site::path::PathError;

/// A reason in a few words. Empty if the status says everything.
#[derive(Clone, Copy, Debug)]
pub struct Brief<'a>(pub &'a Reason);

impl Display for Brief<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&brief(self.0))
    }
}

fn brief(reason: &Reason) -> Cow<'static, str> {
    Cow::Borrowed(match reason {
        Reason::Partial(range) => return format!("range {}-{}", range.first, range.last).into(),
        Reason::Multipart(count) => return format!("{count} ranges").into(),
        Reason::Whole(why, coding) => whole(*why, *coding),
        Reason::NotModified(NotModifiedReason::NotModifiedSince) => "not modified since",
        Reason::NotModified(_) => "If-None-Match matched",
        Reason::PreconditionFailed(why) => match why {
            FailedReason::NoMatch => "If-Match did not match",
            FailedReason::MatchMalformed => "If-Match is malformed",
            FailedReason::ModifiedSince => "modified since",
            FailedReason::EntityTagMatches => "If-None-Match matched",
        },
        Reason::RangeNotSatisfiable(_) => "no such range",
        Reason::CodingNotAcceptable => "no acceptable coding",
        Reason::LanguageNotAcceptable => "no such language",
        Reason::DirectoryWithoutSlash | Reason::PrefixWithoutSlash => "slash added",
        Reason::PathNotNormalised => "path normalised",
        Reason::CleanUrl => "clean URL",
        Reason::RedirectRule => "redirect rule",
        Reason::ListingOff => "listings are off",
        Reason::ArchiveFormat => "no such archive format",
        Reason::ServerOptions | Reason::ResourceOptions => "",
        Reason::Preflight => "preflight",
        Reason::PreflightRefused => "origin not allowed",
        Reason::UnknownMethod => "unknown method",
        Reason::MethodNotAllowed => "method not allowed",
        Reason::Path(why) => path(*why),
        Reason::Disk(why) => disk(*why),
        Reason::Message(why) => message(*why),
        Reason::Incomplete | Reason::Truncated => "request incomplete",
        Reason::ClientExpired => "certificate expired",
        Reason::Misdirected => "https without TLS",
        Reason::HostNotAllowed => "see --allow-host",
        Reason::AddressNotAllowed => "address not allowed",
        Reason::PasswordNeeded => "password needed",
        Reason::CredentialsMalformed => "malformed credentials",
        Reason::PasswordWrong => "wrong password",
        Reason::UserNotAllowed => "user not allowed",
        Reason::TooManyFailures => "too many failures",
        Reason::PasswordsBusy => "too many logins",
        Reason::PlainText => "no TLS",
        Reason::ProxyHeader(HeaderError::Missing) => "no PROXY header",
        Reason::ProxyHeader(_) => "bad PROXY header",
        Reason::ToHttps => "to HTTPS",
        Reason::NoHost => "no Host",
        Reason::ContentTooLarge => "content too large",
        Reason::UpgradeOfHttp10 => "HTTP/1.0",
        Reason::WebSocket => "WebSocket",
        Reason::WebSocketRefused(_) => "no WebSocket",
        Reason::OwnPage(why) => why.brief(),
        Reason::Unanswered => "bug in docroot",
        Reason::HeadDeadline => "head too slow",
        Reason::BodyDeadline => "body too slow",
        Reason::AtCapacity => "too many connections",
        Reason::FewDescriptors => "out of descriptors",
        Reason::NoMemory => "no memory left",
        Reason::Draining => "shutting down",
    })
}

/// Why a whole representation is sent is worth a word if the client asked for something else, or if it
/// is compressed.
fn whole(why: WholeReason, coding: CodingReason) -> &'static str {
    match (why, coding) {
        (WholeReason::RangeIgnored(_) | WholeReason::LengthUnknown, _) => "Range ignored",
        (WholeReason::IfRangeDiffers(_), _) => "If-Range did not match",
        (_, CodingReason::Preferred(coding) | CodingReason::IdentityRefused(coding)) => {
            match coding {
                Coding::Identity => "",
                coded => coded.name(),
            }
        }
        (_, CodingReason::CodersBusy) => "no memory to compress",
        (WholeReason::Asked(_) | WholeReason::RangeWithoutGet, _) => "",
    }
}

fn path(why: PathError) -> &'static str {
    match why {
        PathError::InvalidEscape => "invalid percent escape",
        PathError::Nul => "NUL in the path",
        PathError::EncodedSlash => "encoded slash",
        PathError::Backslash => "backslash",
        PathError::DotSegment => "dot segment",
        PathError::EmptySegment => "empty segment",
        PathError::OutsidePrefix => "outside the prefix",
        PathError::PrefixWithoutSlash => "slash added",
    }
}

fn disk(why: DiskError) -> &'static str {
    match why {
        DiskError::NotFound => "no such file",
        DiskError::Hidden => "hidden name",
        DiskError::Outside => "link leads outside",
        DiskError::LinkLoop => "symlink loop",
        DiskError::NotDirectory => "not a directory",
        DiskError::Special => "not a regular file",
        DiskError::NotTheServedFile => "not the served file",
        DiskError::Forbidden => "permission denied",
        DiskError::Exhausted => "out of descriptors",
        DiskError::ListingsBusy | DiskError::CodersBusy => "no memory left",
        DiskError::ArchivesBusy => "too many archives",
        DiskError::DiskBusy => "disk busy",
        DiskError::TimedOut => "disk too slow",
        DiskError::Leased => "file is leased",
        DiskError::Unsteady => "file keeps changing",
        DiskError::RootLost => "restart docroot",
        DiskError::Failed => "disk failed",
    }
}

fn message(why: MessageError) -> &'static str {
    match why {
        MessageError::Head(ParseError::TlsHandshake) => "HTTPS on an HTTP port",
        MessageError::Head(ParseError::TargetTooLong) => "target too long",
        MessageError::Head(ParseError::HeadTooLong) => "head too long",
        MessageError::Head(ParseError::TooManyFields) => "too many fields",
        MessageError::Head(ParseError::VersionNotSupported) => "unsupported version",
        MessageError::Head(_) => "malformed head",
        MessageError::Target(_) => "invalid target",
        MessageError::Host(_) => "invalid Host",
        MessageError::Framing(_) => "invalid body length",
        MessageError::Chunked(_) => "malformed chunk",
        MessageError::Expectation(_) => "unknown expectation",
        MessageError::Forwarded(ForwardedError::Malformed) => "malformed proxy field",
        MessageError::Forwarded(ForwardedError::Ambiguous) => "two kinds of proxy fields",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::semantics::precondition::ProceedReason;
    use crate::semantics::range::ByteRange;

    #[track_caller]
    fn check(reason: Reason, want: &str) {
        assert_eq!(brief(&reason), want, "{reason:?}");
        // It leaves room for a path in a line of 80 columns.
        assert!(want.len() <= 22, "{want}");
    }

    #[test]
    fn a_few_words_say_what_the_status_does_not() {
        let asked = WholeReason::Asked(ProceedReason::NoCondition);
        check(Reason::Whole(asked, CodingReason::FieldAbsent), "");
        check(
            Reason::Whole(asked, CodingReason::Preferred(Coding::Gzip)),
            "gzip",
        );
        check(
            Reason::Whole(WholeReason::LengthUnknown, CodingReason::RangeAsked),
            "Range ignored",
        );
        check(
            Reason::Partial(ByteRange { first: 0, last: 10 }),
            "range 0-10",
        );
        check(Reason::Multipart(3), "3 ranges");
        let matched = NotModifiedReason::EntityTagMatches;
        check(Reason::NotModified(matched), "If-None-Match matched");
        check(Reason::Disk(DiskError::NotFound), "no such file");
        check(
            Reason::Path(PathError::InvalidEscape),
            "invalid percent escape",
        );
        check(
            Reason::Message(ParseError::FoldedLine.into()),
            "malformed head",
        );
        check(
            Reason::Message(ParseError::HeadTooLong.into()),
            "head too long",
        );
        check(
            Reason::Message(ParseError::TlsHandshake.into()),
            "HTTPS on an HTTP port",
        );
    }
}
