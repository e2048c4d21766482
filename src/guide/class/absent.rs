//! The page of a class where there is none: a teacher who opens it learns which option is missing.

use crate::guide::access::Access;
use crate::guide::class::{PAGES_OF_TEACHER, name_below, path_below};
use crate::origin::handler::{Answer, Handler, Origin};
use crate::origin::reason::{OwnPageReason, Reason};
use crate::origin::refuse::error;
use crate::origin::request::Request;
use crate::semantics::status::Status;
use crate::semantics::trace::Trace;
use crate::site::prefix::Prefix;

/// Answers requests for the page of a class that does not exist.
pub struct NoClass {
    /// The path of everything that a class has.
    path: Box<str>,
    access: Access,
}

impl NoClass {
    /// For the site with this prefix.
    pub fn new(prefix: &Prefix, access: Access) -> NoClass {
        NoClass {
            path: path_below(prefix),
            access,
        }
    }
}

impl Handler for NoClass {
    fn is_of_server(&self) -> bool {
        true
    }

    fn answer(&self, request: &Request<'_>, _: &mut Origin, trace: &mut Trace) -> Option<Answer> {
        let name = name_below(&self.path, request)?;
        if !PAGES_OF_TEACHER.contains(&name) {
            return None;
        }
        let reason = Reason::OwnPage(OwnPageReason::NoClass);
        let refusal = self.access.refusal_to_learners(request, trace);
        Some(Answer::Ready(refusal.unwrap_or_else(|| {
            trace.note(|| reason.step().leads_to(Status::NotFound));
            error(Status::NotFound, reason)
        })))
    }
}
