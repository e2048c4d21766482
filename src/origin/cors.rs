//! Lets scripts of other origins read responses (the Fetch standard, section "HTTP-CORS protocol").
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
    ALLOW_CREDENTIALS, Cors, EXPOSED, PREFLIGHT_AGE, is_preflight, requested_names,
};
use crate::semantics::field::{FieldName, Fields};
use crate::semantics::method::ALLOW;
use crate::semantics::rules::{RuleSet, Rules};
use crate::semantics::status::Status;
use crate::semantics::trace::{Evidence, Quote, Trace};

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
pub(super) fn add(rules: &Rules, set: RuleSet, fields: &Fields<'_>, response: &mut Response) {
    let cors = &rules.cors;
    if cors.varies() {
        response.fields.push("Vary", "Origin");
    }
    let Some(origin) = cors.allowed(fields) else {
        return;
    };
    // Scripts never see the response to a preflight request.
    let exposed = (response.reason != Reason::Preflight).then_some(EXPOSED);
    let fields = [
        ("Access-Control-Allow-Origin", Some(origin)),
        ("Access-Control-Expose-Headers", exposed),
        ("Timing-Allow-Origin", Some(origin)),
    ];
    for (name, value) in fields {
        let Some(value) = value else {
            continue;
        };
        if !rules.have_field(set, name) {
            response.fields.push(name, value.to_owned());
        }
    }
    if set.is_protected && cors.varies() && !rules.have_field(set, ALLOW_CREDENTIALS) {
        response.fields.push(ALLOW_CREDENTIALS, "true");
    }
}
