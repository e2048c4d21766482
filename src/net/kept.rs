//! A request that cannot be answered, or told of, at once.

use crate::http1::limits::Limits;
use crate::http1::parse::{self, RequestHead};
use crate::semantics::field::FieldLine;

/// The bytes of a request's head, which are parsed again when they are needed.
pub struct Kept {
    head: Box<[u8]>,
    /// Its body is not read to the end, so nothing that follows can be understood.
    pub has_rest: bool,
}

impl Kept {
    /// A copy of a head that was parsed before.
    pub fn of(head: &[u8], has_rest: bool) -> Kept {
        Kept {
            head: head.into(),
            has_rest,
        }
    }

    /// The bytes of the head.
    pub fn bytes(&self) -> &[u8] {
        &self.head
    }

    /// The head, under the limits under which it was parsed before: it is always there.
    pub fn parse<'a>(
        &'a self,
        lines: &'a mut Vec<FieldLine>,
        limits: &Limits,
    ) -> Option<RequestHead<'a>> {
        let mut progress = parse::Progress::default();
        parse::request_head(&self.head, &mut progress, lines, limits)
            .ok()
            .flatten()
    }
}
