//! A request as the origin sees it: its head, and what else every response to it depends on.

use crate::http1::host::Host;
use crate::http1::parse::RequestHead;
use crate::http1::persistence::Persistence;
use crate::http1::target::Target;
use crate::semantics::date::{HttpDate, ImfFixdate};

/// One request, parsed and found to be well-formed.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The request head.
    pub head: &'a RequestHead<'a>,
    /// Its target.
    pub target: Target<'a>,
    /// The host that it is for, where it names one.
    pub host: Option<Host<'a>>,
    /// What else the response depends on.
    pub circumstances: Circumstances,
}

/// What every response depends on besides the resource.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances {
    /// The time of this turn.
    pub now: HttpDate,
    /// The same in words: `Date`.
    pub date: ImfFixdate,
    /// Whether the connection goes on after this response, as far as the request and the server's
    /// state decide it.
    pub persistence: Persistence,
    /// Whether the client speaks HTTP/1.0: it is told of keep-alive and never sent chunks.
    pub is_http10: bool,
    /// Whether only the head is sent (RFC 9110 section 9.3.2).
    pub is_head: bool,
    /// For how many seconds the client is to come back over HTTPS only (RFC 6797); `None` where
    /// the operator does not ask for it, and in plain text.
    pub hsts: Option<u64>,
}
