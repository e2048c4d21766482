//! The checks that a request head must pass before the server uses it (RFC 9112 sections 3 and 6, RFC
//! 9110 section 10.1.1).
//!
//! Framing comes first. If it is wrong, the server knows neither the end of this message nor the start
//! of the next one.

use super::error::Error;
use super::expect;
use super::framing::{self, BodyLength};
use super::host;
use super::parse::RequestHead;
use super::target::Target;
use crate::semantics::host::Host;
use crate::semantics::trace::Trace;

/// A head that has passed all checks.
#[derive(Clone, Copy, Debug)]
pub struct CheckedHead<'a> {
    /// The head as it was parsed.
    pub head: RequestHead<'a>,
    /// The request-target.
    pub target: Target<'a>,
    /// The host that the request is for, if it names one.
    pub host: Option<Host<'a>>,
    /// The length of the body.
    pub length: BodyLength,
    /// Whether the client waits for 100 (Continue) before it sends the body.
    pub expects_continue: bool,
}

/// Checks a head. The error names the first rule that the head breaks. The trace gets a step for each
/// rule that the head keeps.
pub fn check<'a>(head: &RequestHead<'a>, trace: &mut Trace) -> Result<CheckedHead<'a>, Error> {
    trace.note(|| head.step());
    let length = framing::body_length(head.version, &head.fields)?;
    trace.note(|| length.step());
    let target = Target::parse(head.known, head.target)?;
    trace.note(|| target.step(head.target));
    let named = host::host(head.version, &head.fields)?;
    trace.note(|| host::step(named, head.version));
    trace.note_if(|| target.host_step());
    let expects_continue = expect::expects_continue(head.version, &head.fields)?;
    trace.note_if(|| expect::step(head.version, &head.fields));
    Ok(CheckedHead {
        head: *head,
        target,
        host: target.host(named),
        length,
        expects_continue,
    })
}
