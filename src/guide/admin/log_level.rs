//! How much is logged: `errors`, `brief`, `full` or `heads`.
//!
//! ```text
//! GET /log-level     brief
//! PUT /log-level     the content is one of the names; 204
//! ```

use std::sync::Arc;

use crate::guide::access::refusal_to_foreign;
use crate::guide::admin::answers::{NOT_RUNNING, page, text_page};
use crate::guide::admin::operated::Operated;
use crate::guide::content::with_content;
use crate::guide::fault::Fault;
use crate::guide::plain;
use crate::observe::options::{LogLevel, NoSuchLevel};
use crate::origin::handler::{Answer, Origin};
use crate::origin::methods;
use crate::origin::reason::{OwnPageReason, Reason};
use crate::origin::refuse::error;
use crate::origin::request::Request;
use crate::origin::response::Response;
use crate::semantics::method::Method;
use crate::semantics::precondition::FailedReason;
use crate::semantics::status::Status;
use crate::semantics::trace::Trace;

/// The path.
pub(super) const LOG_LEVEL: &[u8] = b"/log-level";

/// The methods.
const ALLOW: &str = "GET, HEAD, OPTIONS, PUT";

/// The most bytes of content: a name and a line end.
const LONGEST: u64 = 16;

/// The maximum length of the request content, if the request may have content.
pub(super) fn takes_content(request: &Request<'_>) -> Option<u64> {
    let is_put = request.method() == Some(Method::Registered("PUT"));
    (is_put && request.head.target.path() == Some(LOG_LEVEL)).then_some(LONGEST)
}

/// The answer to any method.
pub(super) fn answer(
    server: &Arc<dyn Operated>,
    request: &Request<'_>,
    origin: &mut Origin,
    trace: &mut Trace,
) -> Answer {
    match request.method() {
        Some(Method::Get | Method::Head) => text_page(shown(server), request, origin, trace),
        Some(Method::Registered("PUT")) => put(server, request, origin, trace),
        Some(Method::Options) => {
            let response = Response::new(Status::NoContent, Reason::ResourceOptions);
            Answer::Ready(response.field("Allow", ALLOW))
        }
        method => {
            let (status, reason) = methods::refusal(request, ALLOW, trace);
            let refusal = error(status, reason);
            Answer::Ready(match method {
                Some(_) => refusal.field("Allow", ALLOW),
                None => refusal,
            })
        }
    }
}

/// What GET shows.
fn shown(server: &Arc<dyn Operated>) -> String {
    let name = server.log_level().map_or("off", LogLevel::name);
    format!("{name}\n")
}

fn put(
    server: &Arc<dyn Operated>,
    request: &Request<'_>,
    origin: &mut Origin,
    trace: &mut Trace,
) -> Answer {
    if let Some(refusal) = refusal_to_foreign(request) {
        return Answer::Ready(refusal);
    }
    if let Some(fault) = unusable(request) {
        // Section 12.5.3: this is a 415 because of the coding.
        let is_coded = fault.status == Status::UnsupportedMediaType;
        let refusal = refused(fault, trace);
        return Answer::Ready(match is_coded {
            true => refusal.field("Accept-Encoding", "identity"),
            false => refusal,
        });
    }
    let server = Arc::clone(server);
    let change = move |request: &Request<'_>, content: &[u8]| {
        let level = level(content)?;
        let shown = shown(&server);
        // Somebody else may have changed it (RFC 9110 section 13.1.1).
        if let Some(reason) = page(&*shown).failed_condition(request) {
            return Err(failed(reason, &shown));
        }
        let changed = server.set_log_level(level).ok_or_else(not_running)?;
        changed.map_err(conflict)?;
        let reason = Reason::OwnPage(OwnPageReason::LogLevelChanged);
        Ok(Response::new(Status::NoContent, reason).field("Cache-Control", "no-store"))
    };
    with_content(
        origin,
        Box::new(move |request, held| change(request, &held.bytes)),
        refused,
    )
}

/// Content that is not the whole representation as it is (RFC 9110 sections 8.4 and 14.5).
fn unusable(request: &Request<'_>) -> Option<Fault> {
    let has = |name: &str| request.fields().named(name).any(|value| !value.is_empty());
    if has("Content-Encoding") {
        return Some(Fault {
            status: Status::UnsupportedMediaType,
            text: "Nothing was changed: the content is coded. Send it without Content-Encoding."
                .into(),
        });
    }
    has("Content-Range").then(|| {
        Fault::query("Nothing was changed: the content is a part. Send it without Content-Range.")
    })
}

/// The level that the content names.
fn level(content: &[u8]) -> Result<LogLevel, Fault> {
    let name = content.trim_ascii();
    let mut levels = LogLevel::ALL.into_iter();
    let found = levels.find(|level| level.name().as_bytes() == name);
    found.ok_or_else(|| {
        let names = LogLevel::ALL.map(LogLevel::name).join(", ");
        Fault::query(format!("That is not a log level. Send one of {names}."))
    })
}

fn failed(reason: FailedReason, shown: &str) -> Fault {
    let (reason, level) = (reason.text(), shown.trim_end());
    Fault {
        status: Status::PreconditionFailed,
        text: format!("Nothing was changed: {reason}. The log level is {level}."),
    }
}

fn conflict(fault: NoSuchLevel) -> Fault {
    Fault {
        status: Status::Conflict,
        text: fault.to_string(),
    }
}

fn not_running() -> Fault {
    Fault {
        status: Status::ServiceUnavailable,
        text: format!("Nothing was changed: {NOT_RUNNING}."),
    }
}

fn refused(fault: Fault, trace: &mut Trace) -> Response {
    plain::refused(fault, OwnPageReason::LogLevelUnchanged, 0, trace)
}
