//! Server-sent events (HTML standard, section 9.2).
//!
//! ```text
//! events?count=5&interval=1000&retry=2000
//!
//! retry: 2000
//!
//! id: 1
//! event: tick
//! data: {"number":1,"at":784111777}
//! ```
//!
//! When the response ends, a browser asks again with `Last-Event-ID`, and the numbers go on. After three responses
//! it gets 204, which tells it to stop.

use std::fmt::Write;

use crate::guide::fault::Fault;
use crate::guide::lab::answers::ok;
use crate::guide::lab::timed::{Timed, within_longest};
use crate::guide::lab::visit::{Endpoint, Visit};
use crate::guide::plain::described;
use crate::origin::handler::{Answer, Origin};
use crate::origin::reason::{OwnPageReason, Reason};
use crate::origin::request::Request;
use crate::origin::response::Response;
use crate::semantics::status::Status;
use crate::semantics::trace::Trace;
use crate::site::body::Body;

/// `events`.
pub const ENDPOINT: Endpoint = Endpoint::read("events", answer);

/// How many events a response has at most.
const MOST: u64 = 100;

/// The shortest and the longest time between two events, in milliseconds.
const INTERVALS: std::ops::RangeInclusive<u64> = 100..=10_000;

/// After how many responses a browser is told to stop.
const RESPONSES: u64 = 3;

fn answer(visit: &Visit<'_>, _: &mut Origin, _: &mut Trace) -> Result<Answer, Fault> {
    let count = visit.query.number("count", 1..=MOST, 5)?;
    let interval = visit.query.number("interval", INTERVALS, 1000)?;
    let retry = visit.query.number("retry", INTERVALS, 2000)?;
    let interval = std::time::Duration::from_millis(interval);
    within_longest(interval, count as usize)?;
    let last = last_event(visit.request);
    if last >= RESPONSES * count {
        let response = Response::new(Status::NoContent, Reason::OwnPage(OwnPageReason::Lab));
        return Ok(Answer::Ready(response.field("Cache-Control", "no-store")));
    }
    let now = visit.request.now.seconds();
    let step = interval.as_millis() as u64;
    let make = move |number: usize, out: &mut Vec<u8>| {
        let id = last + number as u64 + 1;
        let at = now + number as u64 * step / 1000;
        let mut event = String::new();
        if number == 0 {
            let _ = write!(event, "retry: {retry}\n\n");
        }
        let _ = write!(
            event,
            "id: {id}\nevent: tick\ndata: {{\"number\":{id},\"at\":{at}}}\n\n"
        );
        out.extend_from_slice(event.as_bytes());
    };
    let (place, start) = (visit.place()?, visit.request.instant);
    let source = Timed::new(start, interval, count as usize, Box::new(make), place);
    let response = described(ok(), "text/event-stream").field("Cache-Control", "no-store");
    Ok(Answer::Ready(response.body(Body::Source(Box::new(source)))))
}

/// The number of the last event that the client has got.
fn last_event(request: &Request<'_>) -> u64 {
    let value = request.fields().named("Last-Event-ID").next();
    let text = value.and_then(|value| str::from_utf8(value).ok());
    text.and_then(|text| text.parse().ok()).unwrap_or(0)
}
