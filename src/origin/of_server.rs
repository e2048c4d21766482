//! Answers of the server's own pages. `--cors` opens the site, and they are no part of it (the Fetch standard,
//! section "CORS protocol").

use crate::origin::handler::{Answer, Origin, Polled, Responder};
use crate::origin::request::{Request, RequestBody};
use crate::origin::response::Response;
use crate::semantics::trace::Trace;

/// The answer as one of the server's own pages, even if it is made later.
pub(super) fn of_server(answer: Answer) -> Answer {
    let marked = |response| Response {
        is_of_server: true,
        ..response
    };
    match answer {
        Answer::Ready(response) => Answer::Ready(marked(response)),
        Answer::Upgrade(response, conversation) => Answer::Upgrade(marked(response), conversation),
        Answer::Later(responder) => Answer::Later(Box::new(OfServer(responder))),
    }
}

/// Makes the answer of one of the server's own pages.
struct OfServer(Box<dyn Responder>);

impl Responder for OfServer {
    fn poll(
        &mut self,
        request: &Request<'_>,
        body: &mut dyn RequestBody,
        origin: &mut Origin,
        trace: &mut Trace,
    ) -> Polled {
        match self.0.poll(request, body, origin, trace) {
            Polled::Done(answer) => Polled::Done(of_server(answer)),
            unfinished => unfinished,
        }
    }

    fn cost(&self) -> usize {
        size_of_val(&*self.0) + self.0.cost()
    }
}
