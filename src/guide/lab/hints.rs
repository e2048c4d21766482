//! Interim responses: 103 before the response is ready, and 100 before the content is sent (RFC 8297 section 2, RFC
//! 9110 sections 10.1.1 and 15.2).
//!
//! ```text
//! hints?wait=1000                  103 with Link at once, then 200
//! continue?wait=1000&answer=100    100 after a second, then 200 with the length of the content
//! continue?answer=417              417 instead of 100: the client need not send the content
//! ```

use std::time::{Duration, Instant};

use crate::guide::lab::answers::{ok, refused, text};
use crate::guide::lab::fault::Fault;
use crate::guide::lab::sequence::{Before, sequence};
use crate::guide::lab::slots::Slot;
use crate::guide::lab::visit::{Endpoint, Methods, Users, Visit};
use crate::origin::handler::{Answer, Origin, Polled, Responder};
use crate::origin::reason::{OwnPageReason, Reason};
use crate::origin::request::{Content, Request, RequestBody};
use crate::origin::response::{Interim, Response};
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
    let content = "The hints came first: 103 Early Hints with the field Link.\n";
    Ok(sequence(
        before,
        text(response, content),
        visit.slots.take()?,
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
        expected: visit.request.head.expects_continue,
        _slot: visit.slots.take()?,
    })))
}

/// Waits, then refuses the content or reads it.
struct Expectation {
    until: Instant,
    wait: Duration,
    refusal: Option<Status>,
    /// Bytes of content.
    received: u64,
    /// Whether the client waits for 100.
    expected: bool,
    _slot: Slot,
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
                Content::NotYet => return Polled::NeedsContent,
                Content::End => break,
            }
        }
        let how = match self.expected {
            true => "The request had Expect: 100-continue, so 100 (Continue) came first",
            false => "The request did not have Expect: 100-continue, so the content came at once",
        };
        let content = format!(
            "{how}.\nThe wait was {} ms, and the content had {} bytes.\n",
            self.wait.as_millis(),
            self.received
        );
        let response = Response::new(Status::Ok, Reason::OwnPage(OwnPageReason::Lab));
        Polled::Done(Answer::Ready(text(response, content)))
    }
}

const REFUSED: &str = "The lab refuses the content before it was sent, as the query asks.";
