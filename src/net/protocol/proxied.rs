//! The start of a connection that a trusted proxy has opened, if `--proxy-protocol` is on: a header that says who
//! the client is ([`crate::proxy_protocol`]).

use crate::net::context::Context;
use crate::net::listener::Listener;
use crate::net::protocol::step::{Refusal, Step, Switch};
use crate::net::socket::Input;
use crate::net::stream::Stream;
use crate::observe::closed::{Closed, Why};
use crate::observe::event::End;
use crate::origin::reason::Reason;
use crate::proxy_protocol::{Header, HeaderError, parse};
use crate::semantics::status::Status;

/// A connection whose header is still to come.
pub struct Proxied {
    listener: Listener,
    /// If set, the client is refused after the header.
    refusal: Option<Box<Refusal>>,
}

impl Proxied {
    /// A connection to `listener`. After the header comes `refusal`, if there is one.
    pub fn new(listener: Listener, refusal: Option<Box<Refusal>>) -> Proxied {
        Proxied { listener, refusal }
    }

    /// Reads the header, or waits for the rest of it.
    pub fn step(&mut self, stream: &mut Stream<'_>, context: &mut Context) -> Step {
        match parse(stream.inbox.waiting()) {
            Ok(Some((header, length))) => {
                stream.inbox.consume(length);
                self.take(header, stream, context)
            }
            Ok(None) => self.receive(stream, context),
            Err(fault) => self.refuse(Status::BadRequest, fault, stream),
        }
    }

    /// The client is the one that the header names. What follows is as if it had connected itself.
    fn take(&mut self, header: Header, stream: &mut Stream<'_>, context: &Context) -> Step {
        let state = &mut *stream.state;
        if let Some(source) = header.source {
            state.client.note_source(source);
        }
        state.is_secure_to_proxy = header.is_secure.unwrap_or(false);
        let (first, waiting) = Switch::first(self.listener, self.refusal.take());
        state.deadline = context.deadline(waiting);
        Step::Switch(first)
    }

    fn receive(&mut self, stream: &mut Stream<'_>, context: &mut Context) -> Step {
        match stream.read(context) {
            Ok(Input::Bytes(_)) => Step::Next,
            Ok(Input::End(_)) if stream.inbox.is_empty() => {
                Step::Close(Closed::Orderly(Why::ClientClosed))
            }
            Ok(Input::End(_)) => self.refuse(Status::BadRequest, HeaderError::Incomplete, stream),
            Ok(Input::Nothing | Input::Overhead) => match self.refusal {
                None if context.origins.is_draining() && context.ends_idle => {
                    Step::Close(Closed::Orderly(Why::ShuttingDown))
                }
                _ => Step::Wait,
            },
            Err(_) => Step::Close(Closed::Cut(End::ClientGone)),
        }
    }

    /// The deadline has passed.
    pub fn expire(&mut self, stream: &mut Stream<'_>) -> Step {
        match stream.inbox.is_empty() {
            true => Step::Close(Closed::Orderly(Why::NoRequest)),
            false => self.refuse(Status::RequestTimeout, HeaderError::Incomplete, stream),
        }
    }

    /// Answers in plain text, even if the listener speaks TLS: the operator looks at what the proxy got. What came of
    /// a header is no request, so no log may show it as one.
    fn refuse(&self, status: Status, fault: HeaderError, stream: &mut Stream<'_>) -> Step {
        if fault != HeaderError::Missing {
            stream.inbox.consume(stream.inbox.waiting().len());
        }
        let reason = Reason::ProxyHeader(fault);
        let refusal = Box::new(Refusal { status, reason });
        Step::Switch(Switch::Http1(self.listener.service, Some(refusal)))
    }
}
