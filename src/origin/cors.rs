//! Lets scripts of other origins read responses (the Fetch standard, section "HTTP-CORS protocol", and RFC 9110
//! section 12.5.5).
//!
//! ```text
//! OPTIONS /a                                   204
//! Origin: https://a.example                    Access-Control-Allow-Origin: https://a.example
//! Access-Control-Request-Method: GET           Access-Control-Allow-Methods: GET, HEAD, OPTIONS
//! Access-Control-Request-Headers: range        Access-Control-Allow-Headers: range
//! ```

use crate::origin::reason::Reason;
use crate::origin::request::Request;
use crate::origin::response::Response;
use crate::semantics::cors::{
    ALLOW_CREDENTIALS, ALLOW_ORIGIN, Cors, EXPOSED, PREFLIGHT_AGE, is_preflight, requested_names,
};
use crate::semantics::edit::Edit;
use crate::semantics::field::{FieldName, Fields};
use crate::semantics::method::ALLOW;
use crate::semantics::rules::{RuleSet, Rules};
use crate::semantics::status::Status;
use crate::semantics::trace::{Clause, Evidence, Quote, Step, Trace, clause};

const VARY: Clause = clause!("RFC 9110 section 12.5.5", "add");
const READ: Clause = clause!("Fetch standard section 3.3.3", "note_origin");
const CREDENTIALS: Clause = clause!("Fetch standard section 3.3.5", "add");

/// The answer to a preflight request, if this is one and other origins may read. It is the same for every
/// path, so it does not tell which paths exist.
pub(super) fn preflight(cors: &Cors, request: &Request<'_>, trace: &mut Trace) -> Option<Response> {
    let fields = request.fields();
    if *cors == Cors::Off || !is_preflight(request.method(), fields) {
        return None;
    }
    let reason = match cors.allowed(fields) {
        Some(_) => Reason::Preflight,
        None => Reason::PreflightRefused,
    };
    trace.note(|| {
        let origin = Quote::of_field(fields, FieldName::Origin);
        let step = reason.step().with(Evidence::Value(origin));
        step.leads_to(Status::NoContent)
    });
    let response = Response::new(Status::NoContent, reason)
        .field("Allow", ALLOW)
        .field("Vary", "Access-Control-Request-Headers");
    if reason == Reason::PreflightRefused {
        return Some(response);
    }
    let response = response
        .field("Access-Control-Allow-Methods", ALLOW)
        .field("Access-Control-Max-Age", PREFLIGHT_AGE);
    Some(match requested_names(fields) {
        Some(names) => response.field("Access-Control-Allow-Headers", names.to_vec()),
        None => response,
    })
}

/// Says whether the origin of a request with these fields may read the response, also if it is an error. A field of the
/// operator with the same name counts instead.
///
/// Responses that need a password may also be read by scripts that send one, if the origin is listed.
pub(super) fn add(
    rules: &Rules,
    set: RuleSet,
    fields: &Fields<'_>,
    response: &mut Response,
    trace: &mut Trace,
) {
    let cors = &rules.cors;
    if cors.varies() {
        response.fields.push("Vary", "Origin");
        trace.note(|| {
            let finding =
                "--cors lists origins, so the response depends on Origin, and Vary lists it";
            Step::new(VARY, finding)
        });
    }
    // The answer to a preflight request has its own step.
    let is_preflight = matches!(
        response.reason,
        Reason::Preflight | Reason::PreflightRefused
    );
    if !is_preflight && !rules.replace_field(set, ALLOW_ORIGIN) {
        note_origin(cors, fields, trace);
    }
    let Some(origin) = cors.allowed(fields) else {
        return;
    };
    // Scripts never see the response to a preflight request.
    let exposed = (response.reason != Reason::Preflight).then_some(EXPOSED);
    let request_fields = fields;
    let fields = [
        (ALLOW_ORIGIN, Some(origin)),
        ("Access-Control-Expose-Headers", exposed),
        ("Timing-Allow-Origin", Some(origin)),
    ];
    for (name, value) in fields {
        let Some(value) = value else {
            continue;
        };
        if !rules.replace_field(set, name) {
            response.fields.push(name, value.to_owned());
        }
    }
    if set.is_protected && cors.varies() && !rules.replace_field(set, ALLOW_CREDENTIALS) {
        response.fields.push(ALLOW_CREDENTIALS, "true");
        trace.note(|| {
            let finding = "the path needs a password, and scripts of this origin may send one";
            Step::new(CREDENTIALS, finding).unless(without_origin(request_fields))
        });
    }
}

/// Adds the step that says whether the origin of the request may read the response.
fn note_origin(cors: &Cors, fields: &Fields<'_>, trace: &mut Trace) {
    trace.note_if(|| match (cors, cors.allowed(fields)) {
        (Cors::Off, _) => None,
        (Cors::Any, _) => Some(Step::new(
            READ,
            "--cors lets scripts of every origin read the response",
        )),
        (Cors::Listed(_), None) if !fields.contains(FieldName::Origin) => {
            let finding = "the request has no Origin that --cors could list";
            let origin = Edit::set(FieldName::Origin, "https://docroot.invalid");
            let is_same = !fields.contains(FieldName::Upgrade);
            Some(Step::new(READ, finding).unless(origin.keeps_status_if(is_same)))
        }
        (Cors::Listed(_), allowed) => {
            let finding = match allowed {
                Some(_) => "--cors lists this origin, so its scripts may read the response",
                None => {
                    "--cors does not list this origin, so its scripts may not read the response"
                }
            };
            let sent = Quote::of_field(fields, FieldName::Origin);
            let step = Step::new(READ, finding).with(Evidence::Value(sent));
            Some(step.unless(without_origin(fields)))
        }
    });
}

/// The same request of a client that is no browser. A handshake for a WebSocket has another status then.
fn without_origin(fields: &Fields<'_>) -> Edit {
    let is_same = !fields.contains(FieldName::Upgrade);
    Edit::remove(FieldName::Origin).keeps_status_if(is_same)
}
