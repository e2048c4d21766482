//! Messages between windows: over a WebSocket, and by asking again and again (RFC 6455 sections 1.9 and 4.2.2).
//!
//! ```text
//! chat                WebSocket. With the sub-protocol superchat, each message is {"number":7,"text":"hello"}, after
//!                     {"head":412}: the length of the head of the request. With chat or none, it is hello
//! chat?since=7        without an upgrade: the messages after that one
//! POST message        text=hello
//! ```

use std::time::Instant;

use crate::guide::fault::Fault;
use crate::guide::lab::answers::{LONGEST_FORM, json, ok, with_content};
use crate::guide::lab::query::Query;
use crate::guide::lab::room::{LONGEST_MESSAGE, Message, Participant};
use crate::guide::lab::visit::{Endpoint, Methods, Users, Visit};
use crate::guide::plain::text;
use crate::http1::version::Version;
use crate::origin::handler::{Answer, Origin};
use crate::origin::request::Request;
use crate::origin::websocket::application::{Application, Part, ShortMessage, TooLong};
use crate::origin::websocket::open_with;
use crate::origin::websocket::sender::Sender;
use crate::semantics::field::FieldName;
use crate::semantics::trace::Trace;
use crate::text::escape::JsonString;
use crate::websocket::close::CloseCode;
use crate::websocket::handshake;
use crate::websocket::message::MessageKind;

/// `chat`.
pub const ENDPOINT: Endpoint = Endpoint::read("chat", answer);

/// `message`.
pub const MESSAGE: Endpoint = Endpoint {
    name: "message",
    methods: Methods::Post,
    users: Users::OwnPages,
    most_content: Some(LONGEST_FORM),
    answer: post,
};

/// The sub-protocols, as in the example of section 1.2.
const SUPERCHAT: &str = "superchat";
const PROTOCOLS: [&str; 2] = [SUPERCHAT, "chat"];

fn answer(visit: &Visit<'_>, origin: &mut Origin, trace: &mut Trace) -> Result<Answer, Fault> {
    let request = visit.request;
    if !wants_websocket(request) {
        return poll(visit);
    }
    let address = request.client.address().ip();
    let participant = visit
        .room
        .join(address, request.instant, request.wakers.waker())?;
    let window = |protocol: Option<&'static str>| Window {
        participant,
        is_superchat: protocol == Some(SUPERCHAT),
        head: Some(request.head.head.length),
        message: ShortMessage::of_at_most(LONGEST_MESSAGE),
    };
    let endpoint = handshake::Endpoint {
        protocols: &PROTOCOLS,
        ..handshake::Endpoint::default()
    };
    Ok(open_with(request, origin, endpoint, window, trace))
}

/// Whether the client asks for a WebSocket. RFC 9110 section 7.8: the server need not change to another protocol, and it
/// ignores what HTTP/1.0 asks for.
fn wants_websocket(request: &Request<'_>) -> bool {
    let mut protocols = request.fields().members(FieldName::Upgrade);
    request.head.head.version != Version::Http10
        && protocols.any(|protocol| protocol.eq_ignore_ascii_case(b"websocket"))
}

/// The messages so far, for clients that ask again and again. `head` is the length of the head of the request, so
/// that a page can count the bytes that asking costs.
fn poll(visit: &Visit<'_>) -> Result<Answer, Fault> {
    let since = visit.query.number("since", 0..=u64::MAX, 0)?;
    let messages: Vec<String> = visit.room.since(since).iter().map(data).collect();
    let head = visit.request.head.head.length;
    let messages = messages.join(",");
    Ok(json(format!(
        "{{\"head\":{head},\"messages\":[{messages}]}}\n"
    )))
}

fn post(visit: &Visit<'_>, origin: &mut Origin, _: &mut Trace) -> Result<Answer, Fault> {
    let room = visit.room.clone();
    Ok(with_content(
        origin,
        Box::new(move |request: &Request<'_>, held| {
            let form = Query::of(&held.bytes);
            let message = form
                .value("text")
                .and_then(|text| str::from_utf8(text).ok());
            let message = message.filter(|text| text.len() <= LONGEST_MESSAGE);
            let message = message.ok_or_else(|| {
                Fault::query(format!(
                    "text must be 1 to {LONGEST_MESSAGE} bytes of UTF-8."
                ))
            })?;
            let number = room.post(message, request.instant)?;
            Ok(text(ok(), format!("This is message {number}.\n")))
        }),
    ))
}

fn data(message: &Message) -> String {
    let text = JsonString(message.text.as_bytes());
    format!("{{\"number\":{},\"text\":{text}}}", message.number)
}

/// A client that is connected.
struct Window {
    participant: Participant,
    is_superchat: bool,
    /// The length of the head of its request, until it was told.
    head: Option<usize>,
    message: ShortMessage,
}

impl Application for Window {
    fn receive(
        &mut self,
        part: Part<'_>,
        now: Instant,
        _: &mut Sender<'_>,
    ) -> Result<(), CloseCode> {
        if part.kind != MessageKind::Text {
            return Err(CloseCode::UNSUPPORTED_DATA);
        }
        let added = self.message.add(part);
        let Some(message) = added.map_err(|TooLong| CloseCode::MESSAGE_TOO_BIG)? else {
            return Ok(());
        };
        // The connection has checked that a text is UTF-8.
        match self
            .participant
            .send(&String::from_utf8_lossy(&message), now)
        {
            true => Ok(()),
            false => Err(CloseCode::POLICY_VIOLATION),
        }
    }

    fn send(&mut self, sender: &mut Sender<'_>) -> bool {
        if let Some(head) = self.head.take().filter(|_| self.is_superchat) {
            let content = format!("{{\"head\":{head}}}");
            sender.part(MessageKind::Text, content.as_bytes(), true);
            return true;
        }
        let message = self.participant.next();
        if let Some(message) = &message {
            let content = match self.is_superchat {
                true => data(message),
                false => message.text.to_string(),
            };
            sender.part(MessageKind::Text, content.as_bytes(), true);
        }
        message.is_some()
    }
}
