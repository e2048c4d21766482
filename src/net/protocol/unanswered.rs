//! A request that was read and has no response yet: its body is still to come, or its answer takes
//! time.

use std::time::Duration;

use crate::http1::head::INTERIM_CONTINUE;
use crate::http1::response::write_interim;
use crate::http1::version::Version;
use crate::net::context::Context;
use crate::net::deadline::{Deadline, Waiting};
use crate::net::protocol::body::BodyReader;
use crate::net::protocol::dispatch::RequestFacts;
use crate::net::saved_head::SavedHead;
use crate::net::stream::Stream;
use crate::origin::response::Interim;

/// A request that has no response yet.
pub struct Unanswered {
    /// The head.
    pub head: SavedHead,
    /// What writing the response needs.
    pub facts: RequestFacts,
    /// The body, and how much of it was read.
    pub body: BodyReader,
    /// See [`Context::reloads`](crate::net::context::Context::reloads), when the decision began.
    pub reloads: u32,
    /// What is left of the time that the client has for its body. `None` until the server waits for
    /// the body.
    time_left: Option<Duration>,
    /// The client has ended its stream, and was asked whether it still reads.
    is_asked: bool,
}

impl Unanswered {
    /// A request with this head, which was parsed and checked.
    pub fn new(
        head: &[u8],
        facts: RequestFacts,
        body: BodyReader,
        reloads: u32,
    ) -> Box<Unanswered> {
        Box::new(Unanswered {
            head: SavedHead::of(head),
            facts,
            body,
            reloads,
            time_left: None,
            is_asked: false,
        })
    }

    /// The memory that it takes, in bytes.
    pub fn cost(&self) -> usize {
        size_of::<Unanswered>() + self.head.cost() + self.body.cost()
    }

    /// Asks a client that has ended its stream whether it still reads. A client that only sends no
    /// more discards the 100 (RFC 9110 section 15.2.1). A client that has closed resets the connection.
    pub fn ask_if_client_reads(&mut self, stream: &mut Stream<'_>) {
        let may_ask = !self.is_asked && self.facts.version == Version::Http11;
        if may_ask && stream.state.transport.has_hung_up() {
            self.is_asked = true;
            stream.outbox.end().extend_from_slice(INTERIM_CONTINUE);
        }
    }

    /// The deadline of the body, if the server waits for it from now on. The waits before have used
    /// up a part of the time.
    pub fn deadline(&self, context: &Context) -> Deadline {
        let allowed = context.deadlines.body;
        let left = self.time_left.unwrap_or(allowed);
        Deadline::new(Waiting::Body, context.now.instant, left)
    }

    /// Notes how much time is left after a wait for the body.
    pub fn end_wait(&mut self, stream: &Stream<'_>, context: &Context) {
        let Deadline { waiting, at } = stream.state.deadline;
        if waiting == Waiting::Body {
            self.time_left = Some(at.saturating_duration_since(context.now.instant));
        }
    }

    /// Writes an interim response, which clients of HTTP/1.0 must not get (RFC 9110 section 15.2).
    pub fn send_interim(&mut self, interim: &Interim, stream: &mut Stream<'_>) {
        if self.facts.version == Version::Http11 {
            write_interim(stream.outbox.end(), interim.status, &interim.fields);
        }
    }

    /// Writes 100 (Continue) once, if the client waits for it (RFC 9110 section 10.1.1).
    pub fn send_continue(&mut self, stream: &mut Stream<'_>) {
        if std::mem::take(&mut self.facts.expects_continue) {
            stream.outbox.end().extend_from_slice(INTERIM_CONTINUE);
        }
    }
}
