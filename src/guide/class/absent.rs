//! The page of a class without a class. A teacher who opens it learns that `--class` is missing.

use crate::guide::access::Access;
use crate::guide::class::{PATH, is_of_teacher};
use crate::guide::own_path::{below, in_site};
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
            path: in_site(prefix, PATH),
            access,
        }
    }
}

impl Handler for NoClass {
    fn is_of_server(&self) -> bool {
        true
    }

    fn answer(&self, request: &Request<'_>, _: &mut Origin, trace: &mut Trace) -> Option<Answer> {
        let name = below(&self.path, request)?;
        if !is_of_teacher(name) {
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
