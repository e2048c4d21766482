//! Reads the whole content of a request before it is answered (RFC 9110 section 6.4).

use crate::guide::fault::{Fault, no_memory};
use crate::origin::handler::{Answer, Origin, Polled, Responder};
use crate::origin::request::{Content, Request, RequestBody};
use crate::origin::response::Response;
use crate::semantics::trace::Trace;
use crate::site::budget::{Account, Charge};

/// Makes the response from the content.
pub type Then = Box<dyn FnOnce(&Request<'_>, Held) -> Result<Response, Fault>>;

/// Makes the response that says what is wrong.
pub type Refuse = fn(Fault, &mut Trace) -> Response;

/// Content, and the memory for it.
pub struct Held {
    /// The content.
    pub bytes: Vec<u8>,
    /// What it is charged.
    pub charge: Charge,
}

/// The answer that `then` makes from the content. The handler says how much it takes; more is refused before.
pub fn with_content(origin: &Origin, then: Then, refuse: Refuse) -> Answer {
    Answer::Later(Box::new(Collected {
        held: Some(Held {
            bytes: Vec::new(),
            charge: origin.site.memory.charge_anyway(Account::Contents, 0),
        }),
        then: Some(then),
        refuse,
    }))
}

struct Collected {
    /// `None` after the end, like `then`.
    held: Option<Held>,
    then: Option<Then>,
    refuse: Refuse,
}

impl Collected {
    /// Takes what has arrived. Returns whether that is all.
    fn take(&mut self, body: &mut dyn RequestBody) -> Result<bool, Fault> {
        let Some(held) = &mut self.held else {
            return Ok(true);
        };
        loop {
            match body.pull() {
                Content::Bytes(bytes) if held.charge.grow(bytes.len() as u64) => {
                    held.bytes.extend_from_slice(bytes);
                }
                Content::Bytes(_) => {
                    return Err(no_memory());
                }
                Content::NotYet => return Ok(false),
                Content::End => return Ok(true),
            }
        }
    }
}

impl Responder for Collected {
    fn poll(
        &mut self,
        request: &Request<'_>,
        body: &mut dyn RequestBody,
        _: &mut Origin,
        trace: &mut Trace,
    ) -> Polled {
        let made = match self.take(body) {
            Ok(false) => return Polled::NeedsContent,
            Ok(true) => match (self.held.take(), self.then.take()) {
                (Some(held), Some(then)) => then(request, held),
                _ => Err(Fault::query("The request was answered already.")),
            },
            Err(fault) => Err(fault),
        };
        let response = made.unwrap_or_else(|fault| (self.refuse)(fault, trace));
        Polled::Done(Answer::Ready(response))
    }
}
