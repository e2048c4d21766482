//! The replacement of the login in a build without passwords.

use crate::origin::handler::{Admitted, Answer, Origin};
use crate::origin::refuse::unanswered;
use crate::origin::request::Request;
use crate::semantics::trace::Trace;

/// Without passwords, the server does not start if a path needs one, so this is never called.
pub(in crate::origin) fn login(
    _: &mut Origin,
    _: &Request<'_>,
    _: Admitted,
    _: &mut Trace,
) -> Answer {
    Answer::Ready(unanswered())
}
