//! Interim responses: 103 before the response is ready, and 100 before the content is sent (RFC 8297 section 2, RFC
//! 9110 sections 10.1.1 and 15.2).
//!
//! ```text
//! hints?wait=1000                  103 with Link at once, then 200
//! continue?wait=1000&answer=100    100 after a second, then 200 with the length of the content
//! continue?answer=417              417 instead of 100: the client need not send the content
//! ```

use std::time::{Duration, Instant};

use crate::guide::fault::Fault;
use crate::guide::lab::answers::{ok, refused};
use crate::guide::lab::sequence::{Before, NO_INTERIM, sequence, takes_interim};
use crate::guide::lab::visit::{Endpoint, Methods, Users, Visit};
use crate::guide::places::Place;
use crate::guide::plain::text;
use crate::http1::framing::BodyLength;
use crate::origin::handler::{Answer, Origin, Polled, Responder};
use crate::origin::reason::{OwnPageReason, Reason};
use crate::origin::request::{Content, Request, RequestBody};
use crate::origin::response::{Interim, Response};
use crate::semantics::field::FieldName;
use crate::semantics::field_section::FieldSection;
use crate::semantics::status::Status;
use crate::semantics::trace::Trace;

/// `hints`.
pub const ENDPOINT: Endpoint = Endpoint::read("hints", early_hints);

/// `continue`.
pub const CONTINUE: Endpoint = Endpoint {
    name: "continue",
    methods: Methods::Any,
    users: Users::OwnPages,
    most_content: Some(LONGEST),
    answer: expectation,
};

/// The longest wait in milliseconds.
const LONGEST_WAIT: u64 = 10_000;

/// The most content that is read and counted, in bytes.
const LONGEST: u64 = 10_000_000;

fn early_hints(visit: &Visit<'_>, _: &mut Origin, _: &mut Trace) -> Result<Answer, Fault> {
    let wait = visit.query.milliseconds("wait", LONGEST_WAIT, 1000)?;
    let mut fields = FieldSection::default();
    fields.push("Link", "<lab.css>; rel=preload; as=style");
    let status = Status::EarlyHints;
    let before = [
        Before::Interim(Interim { status, fields }),
        Before::Wait(wait),
    ];
    let response = ok().field("Link", "<lab.css>; rel=preload; as=style");
    let content = match takes_interim(visit.request) {
        true => "The hints came first: 103 Early Hints with the field Link",
        false => NO_INTERIM,
    };
    let content = format!("{content}.\n");
    Ok(sequence(
        before,
        text(response, content),
        Some(visit.place()?),
    ))
}

fn expectation(visit: &Visit<'_>, _: &mut Origin, _: &mut Trace) -> Result<Answer, Fault> {
    let wait = visit.query.milliseconds("wait", LONGEST_WAIT, 0)?;
    let answers = [
        ("100", None),
        ("401", Some(Status::Unauthorized)),
        ("413", Some(Status::ContentTooLarge)),
        ("417", Some(Status::ExpectationFailed)),
    ];
    let refusal = visit.query.choice("answer", &answers, None)?;
    Ok(Answer::Later(Box::new(Expectation {
        until: visit.request.instant + wait,
        wait,
        refusal,
        received: 0,
        has_asked: false,
        _place: visit.place()?,
    })))
}

/// Waits, then refuses the content or reads it.
struct Expectation {
    until: Instant,
    wait: Duration,
    refusal: Option<Status>,
    /// Bytes of content.
    received: u64,
    /// Whether the server had to wait for content. If the client expects 100, it was sent then.
    has_asked: bool,
    _place: Place,
}

impl Responder for Expectation {
    fn poll(
        &mut self,
        request: &Request<'_>,
        body: &mut dyn RequestBody,
        origin: &mut Origin,
        trace: &mut Trace,
    ) -> Polled {
        if request.instant < self.until && !origin.is_draining {
            return Polled::WaitUntil(self.until);
        }
        if let Some(status) = self.refusal {
            let response = refused(
                Fault {
                    status,
                    text: REFUSED.to_owned(),
                },
                trace,
            );
            return Polled::Done(Answer::Ready(match status {
                Status::Unauthorized => {
                    response.field("WWW-Authenticate", "Basic realm=\"the lab\"")
                }
                _ => response,
            }));
        }
        loop {
            match body.pull() {
                Content::Bytes(bytes) => self.received += bytes.len() as u64,
                Content::NotYet => {
                    self.has_asked = true;
                    return Polled::NeedsContent;
                }
                Content::End => break,
            }
        }
        let how = what_came_first(request, self.has_asked);
        let content = format!(
            "{how}.\nThe wait was {} ms, and the content had {} bytes.\n",
            self.wait.as_millis(),
            self.received
        );
        let response = Response::new(Status::Ok, Reason::OwnPage(OwnPageReason::Lab));
        Polled::Done(Answer::Ready(text(response, content)))
    }
}

/// Whether 100 came before the response, and why (RFC 9110 section 10.1.1).
fn what_came_first(request: &Request<'_>, has_asked: bool) -> &'static str {
    let has_content = !matches!(request.head.length, BodyLength::None | BodyLength::Known(0));
    let mut expected = request.fields().members(FieldName::Expect);
    if !expected.any(|member| member.eq_ignore_ascii_case(b"100-continue")) {
        return "The request did not have Expect: 100-continue, so the client did not wait for 100 (Continue)";
    }
    match request.head.expects_continue {
        false => "The request had Expect: 100-continue, but HTTP/1.0 has no 100 (Continue)",
        true if !has_content => {
            "The request had Expect: 100-continue but no content, so there was nothing to wait for"
        }
        true if has_asked => "The request had Expect: 100-continue, so 100 (Continue) came first",
        true => {
            "The request had Expect: 100-continue, but the client did not wait for 100 (Continue): its content was \
             there already"
        }
    }
}

const REFUSED: &str = "The lab refuses the content before it was sent, as the query asks.";
