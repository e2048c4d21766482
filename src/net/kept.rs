//! A request that cannot be answered, or told of, at once.

use crate::http1::limits::Limits;
use crate::http1::parse::{self, RequestHead};
use crate::semantics::field::FieldLine;

/// The bytes of a request's head, which are parsed again when they are needed.
pub struct Kept {
    head: Box<[u8]>,
}

impl Kept {
    /// A copy of a head that was parsed before.
    pub fn of(head: &[u8]) -> Kept {
        Kept { head: head.into() }
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
