//! RFC 6455 sections 4.1, 4.2 and 10.2: the opening handshake, which turns an HTTP request into a WebSocket
//! connection (RFC 9110 section 7.8), and offers extensions (RFC 7692 section 5).
//!
//! ```text
//! GET /chat HTTP/1.1                            HTTP/1.1 101 Switching Protocols
//! Host: server.example.com                      Upgrade: websocket
//! Upgrade: websocket                            Connection: Upgrade
//! Connection: Upgrade                           Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=
//! Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==   Sec-WebSocket-Protocol: chat
//! Sec-WebSocket-Protocol: chat, superchat
//! Sec-WebSocket-Version: 13
//! ```
//!
//! The request has a valid `Host` field: the layer `http1` has checked it.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

use super::negotiation::{DeflateAgreement, DeflatePolicy, negotiate};
use super::same_origin::{self, OwnOrigin};
use crate::semantics::edit::Edit;
use crate::semantics::field::{FieldName, Fields, is_token};
use crate::semantics::field_section::FieldSection;
use crate::semantics::method::Method;
use crate::semantics::status::Status;
use crate::semantics::trace::{Clause, Evidence, Quote, Step, Trace, clause};

/// What the server needs to know of a request that may open a connection.
#[derive(Clone, Copy, Debug)]
pub struct HandshakeRequest<'a> {
    /// The method, if the server knows it.
    pub method: Option<Method>,
    /// Whether the request is HTTP/1.0, which has no upgrades.
    pub is_http10: bool,
    /// Whether the request has a body.
    pub has_body: bool,
    /// Where the client believes the server to be, if the request names a host.
    pub own: Option<OwnOrigin<'a>>,
    /// Where proxies say that the client believes it to be, as far as the endpoint takes their word.
    pub forwarded: &'a [OwnOrigin<'a>],
    /// The field section.
    pub fields: Fields<'a>,
}

/// What an endpoint of the server offers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Endpoint<'e> {
    /// The sub-protocols, the preferred one first (section 1.9).
    pub protocols: &'e [&'static str],
    /// How it compresses messages, if it does (RFC 7692).
    pub deflate: Option<DeflatePolicy>,
    /// Whether a page may have the origin that a proxy has forwarded. Anybody who makes a foreign name mean the
    /// proxy can then let a page of that name in, so this is for what need not be kept from foreign pages at any
    /// price.
    pub takes_forwarded_host: bool,
}

/// An opening handshake that the server accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The value of `Sec-WebSocket-Accept`.
    pub accept: String,
    /// The sub-protocol. `None` if the client named none that the endpoint offers.
    pub protocol: Option<&'static str>,
    /// How messages are compressed, if they are.
    pub deflate: Option<DeflateAgreement>,
}

/// Why the server refuses an opening handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The method is not GET.
    Method,
    /// HTTP/1.0 has no upgrades.
    Http10,
    /// The request has a body, so the frames would not follow the head.
    Body,
    /// The same, and the body is chunked.
    ChunkedBody,
    /// `Upgrade` does not list `websocket`.
    NoUpgrade,
    /// `Connection` does not list `Upgrade`. A proxy may have forwarded a field that was not for the server.
    NoConnectionOption,
    /// `Sec-WebSocket-Version` is not 13, or is absent.
    Version,
    /// There are several `Sec-WebSocket-Version` fields.
    RepeatedVersion,
    /// There is no `Sec-WebSocket-Key`.
    NoKey,
    /// There are several `Sec-WebSocket-Key` fields.
    RepeatedKey,
    /// The key is not 16 bytes in Base64.
    InvalidKey,
    /// A page of another origin opens the connection.
    ForeignOrigin,
    /// The same, by `Sec-Fetch-Site`.
    ForeignSite,
    /// `Sec-WebSocket-Protocol` is not a list of tokens.
    Protocols,
    /// `Sec-WebSocket-Extensions` is malformed.
    Extensions,
}

/// What the server appends to the key (section 1.3). Only a server that knows WebSocket does that.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The length of a decoded key in bytes (section 4.1).
const KEY: usize = 16;

/// The length of a key in Base64.
const ENCODED_KEY: usize = KEY.div_ceil(3) * 4;

/// Adds the step that says what became of the extensions that the client offers, if it offers any.
fn note_extensions(fields: &Fields<'_>, deflate: Option<&DeflateAgreement>, trace: &mut Trace) {
    const CLAUSE: Clause = clause!("RFC 7692 section 5", "note_extensions");
    trace.note_if(|| {
        if !fields.contains(FieldName::SecWebSocketExtensions) {
            return None;
        }
        let offered = Quote::of_field(fields, FieldName::SecWebSocketExtensions);
        let removed = Edit::remove(FieldName::SecWebSocketExtensions).keeps_status();
        let step = match deflate {
            Some(agreed) => {
                let agreed = Quote::of(agreed.to_string().as_bytes());
                Step::new(CLAUSE, "messages are compressed as the client offers")
                    .with(Evidence::Became(offered, agreed))
            }
            None => Step::new(
                CLAUSE,
                "no offer is accepted, so messages are not compressed",
            )
            .with(Evidence::Value(offered)),
        };
        Some(step.unless(removed))
    });
}

/// Accepts or refuses an opening handshake, by the rules of section 4.2.1. The version is checked before the
/// key, because another version may have other keys.
pub fn accept(
    request: &HandshakeRequest<'_>,
    endpoint: &Endpoint<'_>,
    trace: &mut Trace,
) -> Result<Accepted, Refusal> {
    let fields = &request.fields;
    request_line(request)?;
    upgrade(fields)?;
    version(fields)?;
    let key = key(fields)?;
    if same_origin::is_of_other_origin(fields) {
        return Err(Refusal::ForeignSite);
    }
    if !same_origin::admits_handshake(request.own, request.forwarded, fields) {
        return Err(Refusal::ForeignOrigin);
    }
    let protocol = protocol(fields, endpoint.protocols)?;
    let deflate = negotiate(fields, endpoint.deflate.as_ref()).map_err(|_| Refusal::Extensions)?;
    note_extensions(fields, deflate.as_ref(), trace);
    let accept = accept_value(key);
    trace.note(|| {
        let (key, accept) = (Quote::of(key), Quote::of(accept.as_bytes()));
        Step::new(
            ACCEPT,
            "the answer to the key shows that the server speaks WebSocket",
        )
        .with(Evidence::Became(key, accept))
        .leads_to(Status::SwitchingProtocols)
        // Some endpoints answer a request without an upgrade with 426, and others with a page.
        .unless(Edit::remove(FieldName::Upgrade))
    });
    Ok(Accepted {
        accept,
        protocol,
        deflate,
    })
}

/// A valid key: that of section 1.3.
const SOME_KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

const ACCEPT: Clause = clause!("RFC 6455 section 4.2.2", "accept_value");

/// Item 1: a GET request of HTTP/1.1 or later. RFC 9110 section 7.8: HTTP/1.0 has no upgrades.
fn request_line(request: &HandshakeRequest<'_>) -> Result<(), Refusal> {
    match request {
        _ if request.method != Some(Method::Get) => Err(Refusal::Method),
        _ if request.is_http10 => Err(Refusal::Http10),
        _ if !request.has_body => Ok(()),
        _ if request.fields.contains(FieldName::TransferEncoding) => Err(Refusal::ChunkedBody),
        _ => Err(Refusal::Body),
    }
}

/// Items 3 and 4: both fields list their token, in any case.
fn upgrade(fields: &Fields<'_>) -> Result<(), Refusal> {
    let lists = |name, token: &[u8]| {
        let mut members = fields.members(name);
        members.any(|member| member.eq_ignore_ascii_case(token))
    };
    if !lists(FieldName::Upgrade, b"websocket") {
        return Err(Refusal::NoUpgrade);
    }
    match lists(FieldName::Connection, b"upgrade") {
        true => Ok(()),
        false => Err(Refusal::NoConnectionOption),
    }
}

/// Item 6, and section 11.3.5: the version comes once.
fn version(fields: &Fields<'_>) -> Result<(), Refusal> {
    let mut values = fields.values(FieldName::SecWebSocketVersion);
    match (values.next(), values.next()) {
        (_, Some(_)) => Err(Refusal::RepeatedVersion),
        (Some(b"13"), None) => Ok(()),
        (_, None) => Err(Refusal::Version),
    }
}

/// Item 5, and section 11.3.1: the key comes once. It is returned as sent.
fn key<'a>(fields: &Fields<'a>) -> Result<&'a [u8], Refusal> {
    let mut values = fields.values(FieldName::SecWebSocketKey);
    let key = match (values.next(), values.next()) {
        (_, Some(_)) => return Err(Refusal::RepeatedKey),
        (None, None) => return Err(Refusal::NoKey),
        (Some(key), None) => key,
    };
    // The decoder wants room for all bytes that so many digits could stand for.
    let mut decoded = [0; 18];
    let is_valid = key.len() == ENCODED_KEY && STANDARD.decode_slice(key, &mut decoded) == Ok(KEY);
    is_valid.then_some(key).ok_or(Refusal::InvalidKey)
}

/// Item 8 and section 4.2.2: the first protocol of the endpoint that the client names. The client must not
/// name one twice, but if it does, the choice is the same.
fn protocol(
    fields: &Fields<'_>,
    protocols: &[&'static str],
) -> Result<Option<&'static str>, Refusal> {
    let named = || fields.members(FieldName::SecWebSocketProtocol);
    let is_empty = fields.contains(FieldName::SecWebSocketProtocol) && named().next().is_none();
    if is_empty || !named().all(is_token) {
        return Err(Refusal::Protocols);
    }
    let is_named = |own: &&&str| named().any(|protocol| protocol == own.as_bytes());
    Ok(protocols.iter().find(is_named).copied())
}

/// Section 4.2.2, item 5.4: the answer to a key, which is not decoded for it.
fn accept_value(key: &[u8]) -> String {
    let digest = Sha1::new().chain_update(key).chain_update(GUID).finalize();
    STANDARD.encode(digest)
}

impl Accepted {
    /// The fields of the response, whose status is 101 (section 4.2.2).
    pub fn fields(&self) -> FieldSection {
        let mut fields = FieldSection::default();
        fields.push("Upgrade", "websocket");
        fields.push("Connection", "Upgrade");
        fields.push("Sec-WebSocket-Accept", self.accept.clone());
        if let Some(protocol) = self.protocol {
            fields.push("Sec-WebSocket-Protocol", protocol);
        }
        if let Some(deflate) = &self.deflate {
            fields.push("Sec-WebSocket-Extensions", deflate.to_string());
        }
        fields
    }
}

impl Refusal {
    /// The status of the response. 426 says that an upgrade is needed (RFC 9110 section 15.5.22).
    pub fn status(self) -> Status {
        match self {
            Refusal::Method => Status::MethodNotAllowed,
            Refusal::NoUpgrade | Refusal::Version => Status::UpgradeRequired,
            Refusal::ForeignOrigin | Refusal::ForeignSite => Status::Forbidden,
            Refusal::Http10
            | Refusal::Body
            | Refusal::ChunkedBody
            | Refusal::NoConnectionOption
            | Refusal::RepeatedVersion
            | Refusal::NoKey
            | Refusal::RepeatedKey
            | Refusal::InvalidKey
            | Refusal::Protocols
            | Refusal::Extensions => Status::BadRequest,
        }
    }

    /// The fields that the response must have: `Allow` in 405 (RFC 9110 section 15.5.6), `Upgrade` in 426,
    /// and the version that the server knows (section 4.4).
    pub fn fields(self) -> FieldSection {
        let mut fields = FieldSection::default();
        if self == Refusal::Method {
            fields.push("Allow", "GET");
        }
        if self.status() == Status::UpgradeRequired {
            fields.push("Upgrade", "websocket");
            fields.push("Connection", "Upgrade");
            fields.push("Sec-WebSocket-Version", "13");
        }
        fields
    }

    /// The reason, as part of a sentence.
    pub fn text(self) -> &'static str {
        match self {
            Refusal::Method => "a WebSocket handshake is a GET request",
            Refusal::Http10 => "HTTP/1.0 has no upgrade to WebSocket",
            Refusal::Body | Refusal::ChunkedBody => "a WebSocket handshake has no body",
            Refusal::NoUpgrade => "the Upgrade field does not list websocket",
            Refusal::NoConnectionOption => "the Connection field does not list Upgrade",
            Refusal::Version => "the version of WebSocket is not 13",
            Refusal::RepeatedVersion => "the request has more than one Sec-WebSocket-Version",
            Refusal::NoKey => "the request has no Sec-WebSocket-Key",
            Refusal::RepeatedKey => "the request has more than one Sec-WebSocket-Key",
            Refusal::InvalidKey => "the Sec-WebSocket-Key is not 16 bytes in Base64",
            Refusal::ForeignOrigin => "a page of another origin opens the WebSocket",
            Refusal::ForeignSite => {
                "Sec-Fetch-Site says that a page of another origin opens the WebSocket"
            }
            Refusal::Protocols => "the Sec-WebSocket-Protocol is not a list of tokens",
            Refusal::Extensions => "the Sec-WebSocket-Extensions is malformed",
        }
    }

    /// A change that mends the request.
    pub fn edit(self) -> Edit {
        match self {
            Refusal::Method => Edit::method("GET"),
            Refusal::Http10 => Edit::http11(),
            Refusal::Body => Edit::set(FieldName::ContentLength, "0"),
            // A Content-Length beside it would be an error.
            Refusal::ChunkedBody => Edit::remove(FieldName::TransferEncoding),
            Refusal::NoUpgrade => Edit::set(FieldName::Upgrade, "websocket"),
            Refusal::NoConnectionOption => Edit::set(FieldName::Connection, "Upgrade"),
            Refusal::Version | Refusal::RepeatedVersion => {
                Edit::set(FieldName::SecWebSocketVersion, "13")
            }
            Refusal::NoKey | Refusal::RepeatedKey | Refusal::InvalidKey => {
                Edit::set(FieldName::SecWebSocketKey, SOME_KEY)
            }
            Refusal::ForeignOrigin => Edit::remove(FieldName::Origin),
            Refusal::ForeignSite => Edit::remove(FieldName::SecFetchSite),
            Refusal::Protocols => Edit::remove(FieldName::SecWebSocketProtocol),
            Refusal::Extensions => Edit::remove(FieldName::SecWebSocketExtensions),
        }
    }

    /// The rule that the request breaks.
    pub fn clause(self) -> Clause {
        match self {
            Refusal::Method | Refusal::Body | Refusal::ChunkedBody => {
                clause!("RFC 6455 section 4.2.1", "request_line")
            }
            Refusal::Http10 => clause!("RFC 9110 section 7.8", "request_line"),
            Refusal::NoUpgrade | Refusal::NoConnectionOption => {
                clause!("RFC 6455 section 4.2.1", "upgrade")
            }
            Refusal::Version | Refusal::RepeatedVersion => {
                clause!("RFC 6455 section 4.2.1", "version")
            }
            Refusal::NoKey | Refusal::RepeatedKey | Refusal::InvalidKey => {
                clause!("RFC 6455 section 4.2.1", "key")
            }
            Refusal::ForeignOrigin => {
                clause!(
                    "RFC 6455 section 4.2.2",
                    "websocket::same_origin",
                    "admits_handshake"
                )
            }
            Refusal::ForeignSite => {
                clause!(
                    "RFC 6455 section 10.2",
                    "websocket::same_origin",
                    "is_of_other_origin"
                )
            }
            Refusal::Protocols => clause!("RFC 6455 section 4.2.1", "protocol"),
            Refusal::Extensions => {
                clause!(
                    "RFC 6455 section 4.2.1",
                    "websocket::extensions",
                    "extensions"
                )
            }
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests;
