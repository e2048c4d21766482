//! The checks that a request head must pass before the server uses it (RFC 9112 sections 3 and 6, RFC
//! 9110 section 10.1.1).
//!
//! Framing comes first. If it is wrong, the server knows neither the end of this message nor the start
//! of the next one.

use super::error::Error;
use super::expect;
use super::framing::{self, BodyLength};
use super::host::{self, Host};
use super::parse::RequestHead;
use super::target::Target;

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

/// Checks a head. The error names the first rule that the head breaks.
pub fn check<'a>(head: &RequestHead<'a>) -> Result<CheckedHead<'a>, Error> {
    let length = framing::body_length(head.version, &head.fields)?;
    let target = Target::parse(head.known, head.target)?;
    let named = host::host(head.version, &head.fields)?;
    let expects_continue = expect::expects_continue(head.version, &head.fields)?;
    Ok(CheckedHead {
        head: *head,
        target,
        host: target.host(named),
        length,
        expects_continue,
    })
}
