//! HTTP/1 on a connection (RFC 9112): one exchange after another.
//!
//! ```text
//!        +------------------------- next request ----------------------+
//!        v                                                             |
//!    ReadHead --(a body)--> ReadBody --+                               |
//!        |                             v                               |
//!        +-------------------------> answer --(it takes time)--> Respond
//!        |                             |                           |   |
//!      (fault)                         v                           |   |
//!        |                           Send <------------------------+   |
//!        v                             |                               |
//!     Closing <--------(close)---------+----------(keep-alive)---------+
//! ```
//!
//! A small response skips Send: it goes to the outbox at once, and the next state is ReadHead.

use std::time::{Duration, Instant};

use crate::http1::error::Error as MessageError;
use crate::http1::head::INTERIM_CONTINUE;
use crate::http1::parse;
use crate::http1::persistence::{Ending, Persistence};
use crate::http1::version::Version;
use crate::net::clock;
use crate::net::context::Context;
use crate::net::deadline::{Deadline, Waiting};
use crate::net::exchange::Exchange;
use crate::net::listener::Service;
use crate::net::mailbox::ConnectionWakers;
use crate::net::outbox::OUTBOX_HIGH;
use crate::net::protocol::body::{BodyFault, BodyReader, PulledBody};
use crate::net::protocol::closing::close_after_read_error;
use crate::net::protocol::dispatch::{
    self, ConnectionFacts, Dispatched, RequestFacts, checked, client_of, dispatch, other_host,
    received, request_of,
};
use crate::net::protocol::output::{close_after_write_error, flush, wait_to_send};
use crate::net::protocol::reply::reply;
use crate::net::protocol::step::{Needed, Refusal, Step, Switch};
use crate::net::protocol::unanswered::Unanswered;
use crate::net::pump::{Output, Pump, Pumped, SendError};
use crate::net::request_ids::id_of;
use crate::net::saved_head::SavedHead;
use crate::net::shed::FEW;
use crate::net::socket::{End as InputEnd, Input};
use crate::net::stream::Stream;
use crate::net::stream_state::StreamState;
use crate::net::transport_error::TransportError;
use crate::observe::closed::{Closed, Why};
use crate::observe::event::End;
use crate::origin::answer;
use crate::origin::applied_rules::finish_refusal;
use crate::origin::handler::{Answer, Conversation, Made, Origin, Polled, Responder};
use crate::origin::reason::Reason;
use crate::origin::refuse::{error, plain_text, unanswered};
use crate::origin::request::Request;
use crate::origin::response::Response;
use crate::semantics::field::Fields;
use crate::semantics::server_timing::server_timing;
use crate::semantics::status::Status;
use crate::semantics::trace::Trace;
use crate::site::body_error::{BodyError, EarlyEnd};

/// How long a responder may work before the server asks whether its client is still there.
const SOON: Duration = Duration::from_secs(1);

/// What a request costs of the budget of a turn, besides the bytes that it moves.
const REQUEST_COST: u64 = 4 * 1024;

/// HTTP/1 on one connection.
pub struct Http1 {
    service: Service,
    state: State,
    /// The progress in a head that is not complete.
    parsed: parse::ParseState,
    /// The current exchange.
    exchange: Option<Exchange>,
    /// If set, the client is refused before a request is read.
    refusal: Option<Box<Refusal>>,
}

enum State {
    ReadHead,
    /// The body is discarded.
    ReadBody(Box<Unanswered>),
    /// A responder makes the answer.
    Respond(Box<Unanswered>, Box<dyn Responder>),
    Send(Box<Sending>),
}

/// The rest of a response, and what follows it.
struct Sending {
    pump: Pump,
    then: Then,
}

/// What follows a response.
enum Then {
    NextRequest,
    Close { linger: bool, why: Why },
    Upgrade(Box<dyn Conversation>),
}

impl Sending {
    /// The memory that it takes, in bytes.
    fn cost(&self) -> usize {
        let conversation = match &self.then {
            Then::Upgrade(conversation) => conversation.cost(),
            Then::NextRequest | Then::Close { .. } => 0,
        };
        size_of::<Sending>() + self.pump.cost() + conversation
    }
}

impl Http1 {
    /// HTTP/1 for a service. If there is a refusal, it is sent at once.
    pub fn new(service: Service, refusal: Option<Box<Refusal>>) -> Http1 {
        Http1 {
            service,
            state: State::ReadHead,
            parsed: parse::ParseState::default(),
            exchange: None,
            refusal,
        }
    }

    /// Takes one step. Each state function sets the next state, unless that is ReadHead.
    pub fn step(&mut self, stream: &mut Stream<'_>, context: &mut Context) -> Step {
        let goes_on = self.is_deciding();
        if goes_on {
            self.swap_trace(context);
        }
        let step = self.step_of_state(stream, context);
        if goes_on || self.is_deciding() {
            self.swap_trace(context);
        }
        step
    }

    /// Whether a decision takes several turns.
    fn is_deciding(&self) -> bool {
        matches!(self.state, State::ReadBody(_) | State::Respond(..))
    }

    /// Gives the worker the steps of the decision so far, or takes them back until it goes on.
    fn swap_trace(&mut self, context: &mut Context) {
        if let Some(exchange) = &mut self.exchange {
            exchange.swap_trace(&mut context.trace);
        }
    }

    /// Takes the step of the current state.
    fn step_of_state(&mut self, stream: &mut Stream<'_>, context: &mut Context) -> Step {
        match std::mem::replace(&mut self.state, State::ReadHead) {
            State::ReadHead => match self.refusal.take() {
                None => self.read_head(stream, context),
                Some(refusal) => self.refuse(*refusal, stream, context),
            },
            State::ReadBody(request) => self.read_body(request, stream, context),
            State::Respond(request, responder) => self.respond(request, responder, stream, context),
            State::Send(sending) => self.send(sending, stream, context),
        }
    }

    /// ReadHead: parses and dispatches a head, or waits for the rest of it.
    fn read_head(&mut self, stream: &mut Stream<'_>, context: &mut Context) -> Step {
        self.skip_empty_line(stream);
        if stream.outbox.waiting().len() >= most_unsent(context)
            && let Some(step) = flush(stream, context)
        {
            return step;
        }
        let connection = self.facts(stream, context);
        let unread = stream.inbox.waiting();
        let (lines, limits) = (&mut context.lines, &context.head_limits);
        let began = || Exchange::begin(stream.state.arrived);
        let head = match parse::request_head(unread, &mut self.parsed, lines, limits) {
            Ok(Some(head)) => head,
            Ok(None) if is_blank(unread) => return self.receive(Waiting::Head, stream, context),
            unclear => {
                self.exchange.get_or_insert_with(began);
                // The client of the request before may be another one.
                stream.state.client.note_forwarded(None);
                return match unclear.err() {
                    None => self.receive(Waiting::Head, stream, context),
                    Some(fault) => self.refuse_message(fault.into(), stream, context),
                };
            }
        };
        let exchange = self.exchange.get_or_insert_with(began);
        exchange.note_request(&head, &unread[..head.length], &context.observer);
        exchange.begin_trace(&context.observer, &mut context.trace);
        let mut facts = RequestFacts::of(&head);
        let (hosts, proxies) = (&context.hosts, &context.proxies);
        let (rules, trace) = (context.origins.rules(), &mut context.trace);
        let forwarded = proxies.forwarding(connection.peer, &head.fields);
        stream.state.client.note_forwarded(client_of(&forwarded));
        exchange.note_forwarded(stream.state.client.forwarded());
        let observer = &mut context.observer;
        exchange.note_id(id_of(connection.peer, &head.fields, proxies, observer));
        let dispatched = match checked(&head, forwarded, connection, hosts, rules, trace) {
            Err(response) => {
                facts = facts.refused();
                exchange.note_host(other_host(&head, &forwarded));
                Dispatched::Answered(Answer::Ready(*response), BodyReader::none())
            }
            Ok(received) => {
                let wakers = ConnectionWakers::new(&context.wakes, stream.state.token);
                let (client, session) = (&stream.state.client, &stream.state.transport);
                let (now, secure) = (&context.now, connection.is_secure);
                let request = request_of(&received, client, hosts, session, now, &wakers, secure);
                let origin = context.origins.of_noted(received.head.host, trace);
                exchange.note_site(origin.number, received.head.host);
                dispatch(&request, connection, &mut facts, origin, trace)
            }
        };
        let length = head.length;
        let made = ready_or_state(dispatched, &unread[..length], &mut facts, context.reloads);
        stream.inbox.consume(length);
        stream.spend(REQUEST_COST);
        match made {
            Ok((response, upgrade)) => self.reply(response, facts, upgrade, stream, context),
            Err(state) => self.begin_answer(state, stream, context),
        }
    }

    /// Enters the state of an answer that is not ready.
    fn begin_answer(&mut self, state: State, stream: &mut Stream<'_>, context: &Context) -> Step {
        self.state = state;
        self.watch_body();
        match &self.state {
            // The answer may take long, and this turn is for short ones.
            State::Respond(..) if context.turn_time.is_zero() => yield_turn(stream, context),
            _ => Step::Next,
        }
    }

    /// Skips an empty line before a request (RFC 9112 section 2.2). A client that sends one after a
    /// body and then nothing is idle; it has not begun a request.
    fn skip_empty_line(&mut self, stream: &mut Stream<'_>) {
        if stream.inbox.waiting() == b"\r\n" {
            stream.inbox.consume(2);
            self.parsed = parse::ParseState::default();
        }
    }

    /// ReadBody: discards the body, then answers.
    fn read_body(
        &mut self,
        mut request: Box<Unanswered>,
        stream: &mut Stream<'_>,
        context: &mut Context,
    ) -> Step {
        request.end_wait(stream, context);
        request.send_continue(stream);
        request.body.discard(stream.inbox);
        match request.body.fault() {
            Some(BodyFault::Malformed(fault)) => {
                self.state = State::ReadBody(request);
                return self.refuse_message(fault.into(), stream, context);
            }
            Some(BodyFault::TooLong) => {}
            None if request.body.is_done() => {}
            None => {
                self.state = State::ReadBody(request);
                return self.receive(Waiting::Body, stream, context);
            }
        }
        self.answer_saved(request, stream, context)
    }

    /// Answers a request whose head was saved.
    fn answer_saved(
        &mut self,
        mut request: Box<Unanswered>,
        stream: &mut Stream<'_>,
        context: &mut Context,
    ) -> Step {
        request.reloads = context.reloads;
        let connection = self.facts(stream, context);
        let answer = of_saved(
            &request.head,
            stream.state,
            context,
            |request, origin, trace| dispatch::answer(request, connection, origin, trace),
        );
        match answer {
            Some(answer) => self.take_answer(answer, request, stream, context),
            None => self.fail(request.facts, stream, context),
        }
    }

    /// Respond: polls the responder.
    fn respond(
        &mut self,
        mut request: Box<Unanswered>,
        mut responder: Box<dyn Responder>,
        stream: &mut Stream<'_>,
        context: &mut Context,
    ) -> Step {
        request.end_wait(stream, context);
        if request.reloads != context.reloads && !request.facts.takes_body {
            // Other rules may forbid now what was decided before.
            drop(responder);
            return self.answer_saved(request, stream, context);
        }
        let received = stream.inbox.waiting().len();
        let polled = poll(&mut request, &mut *responder, stream, context);
        let fault = request.body.fault();
        let waits = match polled {
            Some(Polled::Done(answer)) => {
                return self.take_answer(answer, request, stream, context);
            }
            Some(Polled::Interim(interim)) => {
                request.send_interim(&interim, stream);
                Polled::More
            }
            Some(waits) => waits,
            None => return self.fail(request.facts, stream, context),
        };
        let has_content = !request.body.is_done();
        match waits {
            Polled::NeedsContent if has_content => request.send_continue(stream),
            // Most answers that need several turns are made soon. Their clients need not be asked.
            Polled::More | Polled::WaitForDisk(_)
                if context.now.instant < stream.state.arrived + SOON => {}
            _ => request.ask_if_client_reads(stream),
        }
        // A handler that left some of the received content is offered the rest before more is received.
        let has_pulled = stream.inbox.waiting().len() < received;
        let must_receive = !has_pulled || stream.inbox.is_empty();
        self.state = State::Respond(request, responder);
        match (fault, waits) {
            (Some(BodyFault::Malformed(fault)), _) => {
                self.refuse_message(fault.into(), stream, context)
            }
            (Some(BodyFault::TooLong), _) => {
                let (status, reason) = (Status::ContentTooLarge, Reason::ContentTooLarge);
                self.refuse(Refusal { status, reason }, stream, context)
            }
            (None, Polled::NeedsContent) if has_content && must_receive => {
                self.receive(Waiting::Body, stream, context)
            }
            (None, Polled::WaitUntil(at)) => pause(Some(at), stream, context),
            (None, Polled::WaitForWake) => pause(None, stream, context),
            (None, Polled::WaitForDisk(at)) => pause_for_disk(at, stream, context),
            (None, _) => yield_turn(stream, context),
        }
    }

    /// Sends the response of an answer that was not ready at once, or polls its responder.
    fn take_answer(
        &mut self,
        answer: Answer,
        mut request: Box<Unanswered>,
        stream: &mut Stream<'_>,
        context: &mut Context,
    ) -> Step {
        let mut facts = request.facts;
        facts.leaves_body |= !request.body.is_done();
        match answer.made() {
            Ok((response, upgrade)) => {
                self.note_body(&mut request);
                self.reply(response, facts, upgrade, stream, context)
            }
            Err(responder) => {
                self.state = State::Respond(request, responder);
                // A chain of responders must not keep the worker from its other connections.
                yield_turn(stream, context)
            }
        }
    }

    /// If somebody looks, keeps a part of the body that is read from now on.
    fn watch_body(&mut self) {
        if self.exchange.as_ref().is_some_and(Exchange::is_watched)
            && let State::ReadBody(request) | State::Respond(request, _) = &mut self.state
        {
            request.body.watch();
        }
    }

    /// Notes what is kept of the body of a request that is answered.
    fn note_body(&mut self, request: &mut Unanswered) {
        if let Some(exchange) = &mut self.exchange {
            exchange.note_request_body(request.body.take_sample());
        }
    }

    /// A saved head no longer passes the checks, which is a bug. The client gets a 500.
    fn fail(
        &mut self,
        facts: RequestFacts,
        stream: &mut Stream<'_>,
        context: &mut Context,
    ) -> Step {
        let response = self.with_rules(unanswered(), context);
        self.reply(response, facts.refused(), None, stream, context)
    }

    /// Adds the fields of the operator's rules for all paths to an error of the site.
    fn with_rules(&self, mut response: Response, context: &mut Context) -> Response {
        if self.service == Service::Site {
            let (rules, trace) = (context.origins.rules(), &mut context.trace);
            finish_refusal(rules, &Fields::default(), &mut response, trace);
        }
        response
    }

    /// Writes a response, or its head if the content is large.
    fn reply(
        &mut self,
        response: Response,
        facts: RequestFacts,
        upgrade: Option<Box<dyn Conversation>>,
        stream: &mut Stream<'_>,
        context: &mut Context,
    ) -> Step {
        let (mut response, upgrade) = match refused_upgrade(&response, upgrade.is_some(), facts) {
            Some(refused) => (self.with_rules(refused, context), None),
            None => (response, upgrade),
        };
        if upgrade.is_some() && facts.expects_continue {
            // It must come before a 101 (RFC 9110 section 7.8).
            stream.outbox.end().extend_from_slice(INTERIM_CONTINUE);
        }
        let began = || Exchange::begin(stream.state.arrived);
        let exchange = self.exchange.get_or_insert_with(began);
        exchange.note_answer(&response);
        exchange.make_id(&mut context.observer);
        if context.observer.wire.is_some() {
            let (head, decided) = exchange.times(clock::instant());
            let timing = server_timing(head, decided);
            response.fields.push("Server-Timing", timing);
        }
        let start = stream.outbox.end().len();
        let reply = reply(response, facts, exchange.id(), stream, context);
        let written = stream.outbox.end().get(start..).unwrap_or_default();
        let written = written.split_at_checked(reply.head).unwrap_or_default();
        let (observer, trace) = (&context.observer, &mut context.trace);
        exchange.note_response(written, observer, trace);
        exchange.note_written(reply.written);
        let then = match (upgrade, reply.persistence) {
            (Some(conversation), _) => Then::Upgrade(conversation),
            (None, Persistence::KeepAlive(_)) => Then::NextRequest,
            (None, Persistence::Close(reason)) => Then::Close {
                linger: facts.leaves_body || reason.surprises_client(),
                why: Why::LastResponse(reason),
            },
        };
        match reply.rest {
            None => self.finish(then, stream, context),
            Some(pump) => {
                stream.state.deadline = context.lowest_rate.window(context.now.instant);
                self.state = State::Send(Box::new(Sending { pump, then }));
                Step::Next
            }
        }
    }

    /// Send: sends content until it ends or the socket is full.
    fn send(
        &mut self,
        mut sending: Box<Sending>,
        stream: &mut Stream<'_>,
        context: &mut Context,
    ) -> Step {
        let sample = self.exchange.as_mut().and_then(Exchange::response_sample);
        let pumped = sending.pump.advance(&mut Output {
            now: context.now.instant,
            sample,
            stream,
            scratch: &mut context.scratch,
            sendfile: &mut context.sendfile,
            is_short_of_memory: context.memory.is_used_up(),
        });
        stream.count_traffic();
        if let Some(exchange) = &mut self.exchange {
            exchange.note_written(sending.pump.moved());
        }
        if let Ok(Pumped::Done) = pumped {
            return self.finish(sending.then, stream, context);
        }
        self.state = State::Send(sending);
        match pumped {
            Ok(Pumped::Done | Pumped::Paused) => Step::Again,
            Ok(Pumped::Blocked) => wait_to_send(stream, context),
            Ok(Pumped::WaitUntil(at)) => pause(Some(at), stream, context),
            Ok(Pumped::WaitForWake | Pumped::WaitForDisk) => pause(None, stream, context),
            Err(SendError::Transport(fault)) => close_after_write_error(&fault, stream, context),
            Err(SendError::Body(BodyError::OnPurpose(EarlyEnd::Close))) => {
                self.end(End::OnPurpose, stream, context);
                Step::closing(true, Why::CutOnPurpose)
            }
            Err(SendError::Body(fault)) => Step::Close(Closed::Cut(match fault {
                BodyError::Changed => End::FileChanged,
                BodyError::Unreadable(_) => End::Unreadable,
                BodyError::Disk(_) => End::DiskFault,
                BodyError::TakenBack => End::TakenBack,
                BodyError::WrongLength => End::Bug,
                BodyError::OnPurpose(_) => End::OnPurpose,
            })),
        }
    }

    /// Ends a response, then reads the next request, upgrades or closes. The exchange ends when the
    /// last byte of the response has been sent.
    fn finish(&mut self, then: Then, stream: &mut Stream<'_>, context: &mut Context) -> Step {
        if let Some(exchange) = self.exchange.take() {
            stream.outbox.mark_end(exchange);
        }
        stream.end_message();
        stream.state.deadline = context.deadline(Waiting::Request);
        match then {
            Then::NextRequest => {
                stream.end_if_late(context);
                Step::Next
            }
            Then::Close { linger, why } => Step::closing(linger, why),
            Then::Upgrade(conversation) => Step::Switch(Switch::Upgraded(conversation)),
        }
    }

    /// Reads more of what is `awaited`. First sends everything written so far, because the client may
    /// wait for a response before it sends more.
    fn receive(
        &mut self,
        awaited: Waiting,
        stream: &mut Stream<'_>,
        context: &mut Context,
    ) -> Step {
        if let Some(step) = flush(stream, context) {
            return step;
        }
        let is_idle = awaited == Waiting::Head && stream.inbox.is_empty();
        let waiting = if is_idle { Waiting::Request } else { awaited };
        let deadline = match &self.state {
            State::ReadBody(request) | State::Respond(request, _) => request.deadline(context),
            State::ReadHead | State::Send(_) => context.deadline(waiting),
        };
        stream.wait_for(deadline);
        if let Some(end) = stream.state.ended {
            return self.end_of_requests(end, awaited, stream, context);
        }
        if stream.inbox.room().is_empty() {
            return Step::Wait;
        }
        match stream.read(context) {
            Ok(Input::Bytes(_) | Input::Overhead | Input::End(_)) => Step::Next,
            Ok(Input::Nothing) if is_idle && let Some(ending) = stream.ending_idle(context) => {
                Step::Close(Closed::Orderly(match ending {
                    Ending::ShuttingDown => Why::ShuttingDown,
                    Ending::Reloaded => Why::Reloaded,
                }))
            }
            Ok(Input::Nothing)
                if self.cost() + stream.inbox.waiting().len() > FEW as usize
                    && context.memory.is_overdrawn() =>
            {
                self.refuse(Needed::Memory.refusal(), stream, context)
            }
            Ok(Input::Nothing) => Step::Wait,
            Err(fault) => {
                let step = close_after_read_error(&fault, stream, context);
                if let TransportError::Session(_) = fault {
                    self.end(End::SessionBroken, stream, context);
                }
                step
            }
        }
    }

    /// The client has closed its side. If a request is incomplete, the response says so (RFC 9112
    /// section 8).
    fn end_of_requests(
        &mut self,
        end: InputEnd,
        awaited: Waiting,
        stream: &mut Stream<'_>,
        context: &mut Context,
    ) -> Step {
        let (closed, reason) = match end {
            InputEnd::Orderly => (Closed::Orderly(Why::ClientClosed), Reason::Incomplete),
            InputEnd::Truncated => (Closed::Cut(End::ClientGone), Reason::Truncated),
        };
        if awaited == Waiting::Head && is_blank(stream.inbox.waiting()) {
            return Step::Close(closed);
        }
        let status = Status::BadRequest;
        self.refuse(Refusal { status, reason }, stream, context)
    }

    /// A deadline for the client has passed.
    pub fn expire(&mut self, stream: &mut Stream<'_>, context: &mut Context) -> Step {
        let status = Status::RequestTimeout;
        let reason = match stream.state.deadline.waiting {
            Waiting::Head if !is_blank(stream.inbox.waiting()) => Reason::HeadDeadline,
            Waiting::Body => Reason::BodyDeadline,
            _ => return Step::Close(Closed::Orderly(Why::NoRequest)),
        };
        self.refuse(Refusal { status, reason }, stream, context)
    }

    /// The connection is given up. A client that waits for no response is not told so.
    pub fn shed(&mut self, needed: Needed, stream: &mut Stream<'_>, context: &mut Context) -> Step {
        if matches!(self.state, State::ReadHead) && is_blank(stream.inbox.waiting()) {
            return Step::Close(Closed::Orderly(needed.why()));
        }
        self.refuse(needed.refusal(), stream, context)
    }

    /// Refuses a malformed message.
    fn refuse_message(
        &mut self,
        fault: MessageError,
        stream: &mut Stream<'_>,
        context: &mut Context,
    ) -> Step {
        let (status, reason) = (fault.status(), Reason::Message(fault));
        self.refuse(Refusal { status, reason }, stream, context)
    }

    /// Sends an error response and closes the connection.
    fn refuse(&mut self, refusal: Refusal, stream: &mut Stream<'_>, context: &mut Context) -> Step {
        let facts = match std::mem::replace(&mut self.state, State::ReadHead) {
            State::ReadBody(mut request) | State::Respond(mut request, _) => {
                self.note_body(&mut request);
                request.facts.refused()
            }
            State::ReadHead | State::Send(_) => {
                let received = stream.inbox.waiting();
                let began = || Exchange::begin(stream.state.arrived);
                let exchange = self.exchange.get_or_insert_with(began);
                exchange.note_part(received, &context.observer);
                exchange.begin_trace(&context.observer, &mut context.trace);
                RequestFacts::of_refused(dispatch::method_of(received))
            }
        };
        let response = match refusal.reason {
            Reason::PlainText => plain_text(),
            reason => self.with_rules(error(refusal.status, reason), context),
        };
        self.reply(response, facts, None, stream, context)
    }

    /// Ends the current exchange, because the connection is over. If the head is incomplete, the log
    /// gets the part that arrived.
    pub fn end(&mut self, end: End, stream: &mut Stream<'_>, context: &mut Context) {
        if let Some(mut exchange) = self.exchange.take() {
            if !exchange.has_request() {
                exchange.note_part(stream.inbox.waiting(), &context.observer);
            }
            stream.end_exchange(exchange, end, stream.unsent(), context);
        }
    }

    /// Whether a response was begun and is not complete. It cannot look at the state, because a step
    /// that panics loses the state.
    pub fn is_mid_response(&self) -> bool {
        self.exchange.as_ref().is_some_and(Exchange::is_answered)
    }

    /// Gives up the private copy of the file that is sent. A slow client must not hold the space that
    /// other copies need.
    pub fn give_up_copy(&self) {
        if let State::Send(sending) = &self.state {
            sending.pump.give_up_copy();
        }
    }

    /// The memory of what it keeps of the current request and its response, in bytes.
    pub fn cost(&self) -> usize {
        let request = match &self.state {
            State::ReadHead => 0,
            State::ReadBody(request) => request.cost(),
            State::Respond(request, responder) => {
                request.cost() + size_of_val(&**responder) + responder.cost()
            }
            State::Send(sending) => sending.cost(),
        };
        request + self.exchange.as_ref().map_or(0, Exchange::cost)
    }

    fn facts(&self, stream: &Stream<'_>, context: &Context) -> ConnectionFacts {
        ConnectionFacts {
            service: self.service,
            is_secure: stream.state.is_secure(),
            peer: stream.state.client.peer.ip(),
            https_port: context.https_port,
            max_body: context.limits.max_body,
        }
    }
}

/// Polls a responder. `None` if the saved head no longer passes the checks, which is a bug.
fn poll(
    request: &mut Unanswered,
    responder: &mut dyn Responder,
    stream: &mut Stream<'_>,
    context: &mut Context,
) -> Option<Polled> {
    let mut body = PulledBody {
        reader: &mut request.body,
        inbox: &mut *stream.inbox,
    };
    of_saved(
        &request.head,
        stream.state,
        context,
        |request, origin, trace| answer::poll(responder, request, &mut body, origin, trace),
    )
}

/// Passes a request whose head was saved to `act`. `None` if the head no longer passes the checks, which is a bug.
fn of_saved<T>(
    head: &SavedHead,
    state: &StreamState,
    context: &mut Context,
    act: impl FnOnce(&Request<'_>, &mut Origin, &mut Trace) -> T,
) -> Option<T> {
    let answered = head.read(&mut context.lines, |checked| {
        let peer = state.client.peer.ip();
        let forwarding = context.proxies.forwarding(peer, &checked.head.fields);
        let received = received(checked, forwarding.ok()?);
        let wakers = ConnectionWakers::new(&context.wakes, state.token);
        let (client, session) = (&state.client, &state.transport);
        let (hosts, now) = (&context.hosts, &context.now);
        let is_secure = state.is_secure();
        let request = request_of(&received, client, hosts, session, now, &wakers, is_secure);
        let origin = context.origins.of(received.head.host);
        Some(act(&request, origin, &mut context.trace))
    });
    answered.flatten()
}

/// The response, or the state that leads to it. The state keeps a copy of the head.
fn ready_or_state(
    dispatched: Dispatched,
    head: &[u8],
    facts: &mut RequestFacts,
    reloads: u32,
) -> Result<Made, State> {
    let unanswered = |facts, body| Unanswered::new(head, facts, body, reloads);
    match dispatched {
        Dispatched::BodyFirst(body) => Err(State::ReadBody(unanswered(*facts, body))),
        Dispatched::Answered(answer, body) => {
            let is_done = body.is_done();
            let state = |responder| State::Respond(unanswered(*facts, body), responder);
            let made = answer.made().map_err(state)?;
            facts.leaves_body |= !is_done;
            Ok(made)
        }
    }
}

/// The response that replaces an upgrade which may not happen (RFC 9110 section 7.8).
fn refused_upgrade(response: &Response, is_upgrade: bool, facts: RequestFacts) -> Option<Response> {
    let is_101 = response.status == Status::SwitchingProtocols;
    let (status, reason) = if is_upgrade != is_101 {
        // A bug in the handler. Only one end would change the protocol.
        (Status::InternalServerError, Reason::Unanswered)
    } else if is_upgrade && facts.version == Version::Http10 {
        (Status::BadRequest, Reason::UpgradeOfHttp10)
    } else if is_upgrade && facts.leaves_body {
        // The rest of the body would be read as the first bytes of the new protocol.
        (Status::ContentTooLarge, Reason::ContentTooLarge)
    } else {
        return None;
    };
    Some(error(status, reason))
}

/// Lets other connections take their turn. Until the next turn, the connection waits for the server and
/// not for its client.
fn yield_turn(stream: &mut Stream<'_>, context: &Context) -> Step {
    stream.state.deadline = context.deadline(Waiting::Answer);
    Step::Again
}

/// Waits until `at`, or until a waker wakes the connection. Sends what was written first.
fn pause(at: Option<Instant>, stream: &mut Stream<'_>, context: &mut Context) -> Step {
    if let Some(step) = flush(stream, context) {
        return step;
    }
    stream.state.transport.probe(context.deadlines.idle);
    let waiting = Waiting::Answer;
    stream.state.deadline = match at {
        Some(at) => Deadline { waiting, at },
        None => context.deadline(waiting),
    };
    Step::Wait
}

/// Waits for the disk until `at`. Wakes up earlier to ask whether the client is still there, if it has
/// not been asked.
fn pause_for_disk(at: Instant, stream: &mut Stream<'_>, context: &mut Context) -> Step {
    let asks = stream.state.arrived + SOON;
    let at = match context.now.instant < asks {
        true => at.min(asks),
        false => at,
    };
    pause(Some(at), stream, context)
}

/// How many bytes may wait to be sent before the next request is answered.
fn most_unsent(context: &Context) -> usize {
    match context.memory.is_used_up() {
        true => 1,
        false => OUTBOX_HIGH,
    }
}

/// Whether only empty lines were received, which are not part of a request (RFC 9112 section 2.2).
fn is_blank(received: &[u8]) -> bool {
    received.iter().all(|byte| b"\r\n".contains(byte))
}
