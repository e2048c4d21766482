//! Which content codings are on offer (RFC 9110 section 12.5.3, RFC 9111 section 5.2.1.6).

use crate::origin::request::Request;
use crate::semantics::cache_control::forbids_transforming;
use crate::semantics::coding::Coding;
use crate::semantics::trace::{Clause, Step, Trace, clause};
use crate::site::options::SiteOptions;

/// Every coding that the server applies, most preferred first.
const CODINGS: [Coding; 2] = [Coding::Gzip, Coding::Deflate];

const NO_TRANSFORM: Clause = clause!("RFC 9111 section 5.2.1.6", "offered");

/// The content codings on offer; none if coding is off, not worth it, or forbidden by the client. `Vary`
/// does not name `Cache-Control` for that: whoever accepts a coding can read identity too.
pub(super) fn offered(
    options: &SiteOptions,
    request: &Request<'_>,
    is_worth_coding: bool,
    trace: &mut Trace,
) -> &'static [Coding] {
    if !is_worth_coding || !options.compress {
        return &[];
    }
    if forbids_transforming(request.fields()) {
        trace.note(|| Step::new(NO_TRANSFORM, "Cache-Control has no-transform"));
        return &[];
    }
    &CODINGS
}
