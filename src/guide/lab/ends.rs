//! Responses that end as they should, and others that do not (RFC 9112 sections 8 and 9.8).
//!
//! ```text
//! ends?how=right         Content-Length gives the length of what comes
//! ends?how=short         the connection closes before so many bytes have come
//! ends?how=unfinished    the connection closes before the last chunk; not for HTTP/1.0, which has no chunks
//! ends?how=reset         the connection is reset in the middle
//! ```

use std::time::Duration;

use crate::guide::fault::Fault;
use crate::guide::lab::answers::{made, ok};
use crate::guide::lab::timed::{Timed, write_filler};
use crate::guide::lab::visit::{Endpoint, Visit};
use crate::http1::version::Version;
use crate::origin::handler::{Answer, Origin};
use crate::semantics::trace::{Clause, Step, Trace, clause};
use crate::site::body_error::EarlyEnd;

/// `ends`.
pub const ENDPOINT: Endpoint = Endpoint::read("ends", answer);

/// The length of half of the content in bytes.
const HALF: u64 = 500;

/// The time between the halves. A reset destroys what the client has not read, so it has time to read the first
/// half.
const GAP: Duration = Duration::from_millis(300);

const CLAUSE: Clause = clause!("RFC 9112 section 8", "answer");

/// A way in which a response ends.
#[derive(Clone, Copy)]
struct How {
    finding: &'static str,
    has_length: bool,
    early: Option<EarlyEnd>,
}

const RIGHT: How = How {
    finding: "the content is as long as Content-Length says",
    has_length: true,
    early: None,
};

const WAYS: [(&str, How); 4] = [
    ("right", RIGHT),
    (
        "short",
        How {
            finding: "the connection closes before all of the content was sent, on purpose",
            has_length: true,
            early: Some(EarlyEnd::Close),
        },
    ),
    (
        "unfinished",
        How {
            finding: "the connection closes before the last chunk, on purpose",
            has_length: false,
            early: Some(EarlyEnd::Close),
        },
    ),
    (
        "reset",
        How {
            finding: "the connection is reset before all of the content was sent, on purpose",
            has_length: true,
            early: Some(EarlyEnd::Reset),
        },
    ),
];

fn answer(visit: &Visit<'_>, _: &mut Origin, trace: &mut Trace) -> Result<Answer, Fault> {
    let how = visit.query.choice("how", &WAYS, RIGHT)?;
    // RFC 9112 section 6.3: without a length and chunks, the content ends where the connection does, so it is complete.
    if !how.has_length && visit.request.head.head.version == Version::Http10 {
        let text =
            "HTTP/1.0 has no chunks, so none can be missing. Use short or reset, or HTTP/1.1.";
        return Err(Fault::query(text));
    }
    trace.note(|| Step::new(CLAUSE, how.finding));
    let make = |number: usize, out: &mut Vec<u8>| write_filler(out, number, HALF);
    let halves = if how.early.is_some() { 1 } else { 2 };
    let place = visit.place()?;
    let now = visit.request.instant;
    let mut source = Timed::new(now, GAP, halves, Box::new(make), place);
    source.length = how.has_length.then_some(2 * HALF);
    source.early = how.early;
    Ok(Answer::Ready(made(ok(), source)))
}
