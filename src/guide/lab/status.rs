//! Any status, with the fields that usually come with it (RFC 9110 sections 10.2.3, 11.6.1, 14.4 and 15, RFC
//! 6585 sections 3 and 4, RFC 7725 section 3).
//!
//! ```text
//! status/404                    404 Not Found
//! status/302?chain=3            a redirect to another one, and so on until a 200
//! status/503?retry=5&as=date    Retry-After: a date in five seconds
//! status/103                    an interim response, then a 200
//! status/499                    not registered: clients treat it as 400
//! ```

use crate::guide::fault::Fault;
use crate::guide::lab::query::Query;
use crate::guide::lab::sequence::{Before, NO_INTERIM, sequence, takes_interim};
use crate::guide::lab::visit::{Endpoint, Visit};
use crate::guide::plain::{TEXT, described, text};
use crate::origin::handler::{Answer, Origin};
use crate::origin::reason::{OwnPageReason, Reason};
use crate::origin::request::Request;
use crate::origin::response::{Interim, Response};
use crate::semantics::credentials::Credentials;
use crate::semantics::field_section::FieldSection;
use crate::semantics::status::Status;
use crate::semantics::trace::{Clause, Evidence, Quote, Step, Trace, clause};
use crate::site::body::Body;

/// `status/404`.
pub const ENDPOINT: Endpoint = Endpoint::read("status/", by_path);

/// `status?code=404`, as a form asks.
pub const FORM: Endpoint = Endpoint::read("status", by_query);

/// The longest chain of redirects. Browsers follow 20 and curl 50, so this shows what they do then.
const LONGEST_CHAIN: u64 = 60;

/// The most seconds in `Retry-After`.
const LONGEST_RETRY: u64 = 120;

/// The user that a 401 asks for, and the password. The page tells both.
const USER: (&str, &[u8]) = ("demo", b"open sesame");

const CHALLENGE: &str =
    "Basic realm=\"the lab: user demo, password open sesame\", charset=\"UTF-8\"";

/// What a 416 is about: a representation of so many bytes.
const UNSATISFIED: &str = "bytes */1000";

const CLAUSE: Clause = clause!("RFC 9110 section 15", "answer");
const CREDENTIALS: Clause = clause!("RFC 9110 section 11.6.1", "has_credentials");

fn by_path(visit: &Visit<'_>, _: &mut Origin, trace: &mut Trace) -> Result<Answer, Fault> {
    answer(visit, visit.rest.as_bytes(), "", trace)
}

fn by_query(visit: &Visit<'_>, _: &mut Origin, trace: &mut Trace) -> Result<Answer, Fault> {
    let code = visit.query.value("code").unwrap_or(b"200");
    answer(visit, code, "status/", trace)
}

/// Answers with the status that `code` names. The paths of other statuses begin with `below`.
fn answer(visit: &Visit<'_>, code: &[u8], below: &str, trace: &mut Trace) -> Result<Answer, Fault> {
    let mut status = parse(code)?;
    if status == Status::Unauthorized && has_credentials(visit.request, trace) {
        status = Status::Ok;
    }
    trace.note(|| {
        let asked = Evidence::Value(Quote::of(code));
        let step = Step::new(CLAUSE, "the request names the status").with(asked);
        step.leads_to(if status.code() < 200 {
            Status::Ok
        } else {
            status
        })
    });
    if status.code() < 200 {
        let (ok, mut fields) = (Status::Ok, FieldSection::default());
        if status == Status::EarlyHints {
            let above = if below.is_empty() { "../" } else { "" };
            fields.push("Link", format!("<{above}lab.css>; rel=preload; as=style"));
        }
        let response = content(with_status(ok, visit, below)?, status, visit.request);
        let before = Before::Interim(Interim { status, fields });
        return Ok(sequence([before], response, Some(visit.place()?)));
    }
    Ok(Answer::Ready(content(
        with_status(status, visit, below)?,
        status,
        visit.request,
    )))
}

/// The status that is asked for.
fn parse(code: &[u8]) -> Result<Status, Fault> {
    let is_code = |text: &&str| text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit());
    let digits = str::from_utf8(code).ok().filter(is_code);
    let number = digits.and_then(|digits| digits.parse().ok());
    let status = number
        .and_then(Status::from_code)
        .ok_or_else(|| unknown(digits))?;
    match status {
        Status::SwitchingProtocols => Err(Fault::query(
            "101 changes the protocol, and this request asks for no other. Try the WebSocket of the lab.",
        )),
        status => Ok(status),
    }
}

/// Why a code is refused, and which codes there are. `digits` are the code, if it has three digits.
fn unknown(digits: Option<&str>) -> Fault {
    let wrong = digits.map_or_else(
        || "A status code has three digits.".to_owned(),
        |digits| format!("{digits} is not registered."),
    );
    Fault::query(format!(
        "{wrong} Use a registered status, or 199, 299, 399, 499 or 599."
    ))
}

/// Whether the request has the name and the password that a 401 asks for.
fn has_credentials(request: &Request<'_>, trace: &mut Trace) -> bool {
    let credentials = Credentials::of(request.fields());
    let is_right = credentials.is_ok_and(|sent| (&*sent.name, &*sent.password) == USER);
    if is_right {
        let finding = "the credentials are those that the lab asks for";
        trace.note(|| Step::new(CREDENTIALS, finding));
    }
    is_right
}

/// The response with the fields that belong to the status.
fn with_status(status: Status, visit: &Visit<'_>, below: &str) -> Result<Response, Fault> {
    let response = Response::new(status, Reason::OwnPage(OwnPageReason::Lab));
    Ok(match status {
        Status::Created => response.field("Location", format!("{below}200")),
        Status::PartialContent => response.field("Content-Range", "bytes 0-99/1000"),
        Status::NotModified => response.field("ETag", "\"lab\""),
        Status::MultipleChoices
        | Status::MovedPermanently
        | Status::Found
        | Status::SeeOther
        | Status::UseProxy
        | Status::TemporaryRedirect
        | Status::PermanentRedirect => response.field("Location", location(status, visit, below)?),
        Status::Unauthorized => response.field("WWW-Authenticate", CHALLENGE),
        Status::ProxyAuthenticationRequired => response.field("Proxy-Authenticate", CHALLENGE),
        Status::MethodNotAllowed => response.field("Allow", "PUT, DELETE"),
        Status::UnsupportedMediaType => response.field("Accept", "text/plain"),
        Status::RangeNotSatisfiable => response.field("Content-Range", UNSATISFIED),
        Status::UpgradeRequired => response
            .field("Upgrade", "websocket")
            .field("Connection", "Upgrade"),
        Status::UnavailableForLegalReasons => {
            response.field("Link", "<https://example.org/order>; rel=\"blocked-by\"")
        }
        Status::ContentTooLarge | Status::TooManyRequests | Status::ServiceUnavailable => {
            with_retry(response, &visit.query, visit.request)?
        }
        _ => response,
    })
}

/// Section 10.2.2: where a redirect leads, relative to the path of the request. A chain is bounded, because each
/// redirect leads to a shorter one.
fn location(status: Status, visit: &Visit<'_>, below: &str) -> Result<String, Fault> {
    let left = visit.query.number("chain", 1..=LONGEST_CHAIN, 1)? - 1;
    Ok(match left {
        0 => format!("{below}200"),
        left => format!("{below}{}?chain={left}", status.code()),
    })
}

/// Section 10.2.3: `Retry-After` in seconds or as a date.
fn with_retry(
    response: Response,
    query: &Query<'_>,
    request: &Request<'_>,
) -> Result<Response, Fault> {
    let seconds = query.number("retry", 0..=LONGEST_RETRY, 5)?;
    let is_date = query.choice("as", &[("seconds", false), ("date", true)], false)?;
    Ok(match is_date {
        // It fits, because it has a limit.
        true => response.field("Retry-After", request.now.plus(seconds as u32)),
        false => response.field("Retry-After", seconds),
    })
}

/// Adds content that tells of the status that was asked for.
fn content(response: Response, asked: Status, request: &Request<'_>) -> Response {
    let (code, phrase) = (asked.code(), asked.phrase());
    match response.status {
        // RFC 9110 section 15.3.6: it has no content, but a length.
        Status::ResetContent => return response,
        status if !status.has_content() => return response,
        // The range has so many bytes.
        Status::PartialContent => {
            let response = described(response, TEXT).field("Cache-Control", "no-store");
            let line = "The first 100 bytes of a representation of 1000 bytes.";
            let content = format!("{line:.<99}\n").into_bytes();
            return response.body(Body::of(content));
        }
        _ => {}
    }
    let class = match code / 100 {
        1 if !takes_interim(request) => NO_INTERIM,
        1 => "An interim response, and this is the final one",
        2 => "The request has succeeded",
        3 => "More has to be done to complete the request",
        4 => "The request is wrong, or cannot be fulfilled",
        _ => "The server has failed, although the request seems valid",
    };
    let mut content = format!("{code} {phrase}\n\n{class}.\n");
    if phrase == "Unassigned" {
        let as_known = code / 100 * 100;
        content += &format!(
            "{code} is not registered. A client treats it as {as_known} (RFC 9110 section 15).\n"
        );
    }
    if asked == Status::Unauthorized {
        content += "User: demo. Password: open sesame.\n";
    }
    text(response, content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_three_digits_of_a_status_are_one() {
        for code in ["200", "599", "103", "418"] {
            assert!(parse(code.as_bytes()).is_ok(), "{code}");
        }
        for code in [
            "",
            "20",
            "2000",
            "+20",
            "600",
            "000",
            "298",
            "101",
            "\u{664}04",
            "-40",
        ] {
            let fault = parse(code.as_bytes()).expect_err(code);
            assert_eq!(fault.status, Status::BadRequest);
        }
    }

    #[test]
    fn a_refusal_quotes_the_code() {
        let text = |code: &[u8]| parse(code).expect_err("a wrong code").text;
        for code in ["700", "000"] {
            assert!(text(code.as_bytes()).starts_with(&format!("{code} is not registered. Use ")));
        }
        assert!(text(b"+20").starts_with("A status code has three digits. Use "));
        assert!(text(b"<b>").starts_with("A status code has three digits. Use "));
    }
}
