//! The response under construction: its head is written straight into the connection's outgoing
//! bytes, its content is handed over to be moved.

use std::cell::OnceCell;

use crate::http1::head;
use crate::http1::persistence::Persistence;
use crate::origin::reason::Reason;
use crate::origin::request::Circumstances;
use crate::semantics::date::HttpDate;
use crate::semantics::status::Status;
use crate::semantics::validator::EntityTag;
use crate::site::content::{Content, Piece};

/// A response whose head is written.
pub struct Response {
    /// As on the status line.
    pub status: Status,
    /// Why.
    pub reason: Reason,
    /// What follows the head.
    pub content: Content,
    /// How the end of the content is told.
    pub framing: Framing,
    /// Whether the connection goes on.
    pub persistence: Persistence,
}

/// How a recipient learns where the content ends (RFC 9112 section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// By `Content-Length`, or by having none.
    Length,
    /// By the last chunk.
    Chunked,
    /// By the end of the connection: for HTTP/1.0 clients where the length is not known.
    Close,
}

/// Writes one response head.
pub struct ResponseWriter<'o> {
    out: &'o mut Vec<u8>,
    circumstances: Circumstances,
    status: Status,
    reason: Reason,
}

impl<'o> ResponseWriter<'o> {
    /// Begins with the status line and the fields that every response has.
    pub fn begin(
        out: &'o mut Vec<u8>,
        circumstances: Circumstances,
        status: Status,
        reason: Reason,
    ) -> ResponseWriter<'o> {
        head::status_line(out, status);
        out.extend_from_slice(b"Server: docroot\r\nDate: ");
        out.extend_from_slice(circumstances.date.as_bytes());
        out.extend_from_slice(b"\r\n");
        if let Some(seconds) = circumstances.hsts {
            out.extend_from_slice(b"Strict-Transport-Security: max-age=");
            head::number(out, seconds);
            out.extend_from_slice(b"\r\n");
        }
        ResponseWriter {
            out,
            circumstances,
            status,
            reason,
        }
    }

    /// Adds a field.
    pub fn field(self, name: &str, value: &[u8]) -> Self {
        head::field(self.out, name, value);
        self
    }

    /// Adds the lines that `write` adds, and keeps them in `memory`, or adds those kept there.
    pub fn remembered(
        self,
        memory: Option<&OnceCell<Box<[u8]>>>,
        write: impl FnOnce(Self) -> Self,
    ) -> Self {
        let Some(memory) = memory else {
            return write(self);
        };
        if let Some(lines) = memory.get() {
            self.out.extend_from_slice(lines);
            return self;
        }
        let start = self.out.len();
        let written = write(self);
        memory.get_or_init(|| written.out[start..].into());
        written
    }

    /// Adds a date.
    pub fn date(self, name: &str, date: HttpDate) -> Self {
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b": ");
        date.write(self.out);
        self.out.extend_from_slice(b"\r\n");
        self
    }

    /// Adds the entity-tag.
    pub fn entity_tag(self, tag: &EntityTag<'_>) -> Self {
        self.out.extend_from_slice(b"ETag: ");
        tag.write(self.out);
        self.out.extend_from_slice(b"\r\n");
        self
    }

    /// Ends the head of a response without content: 204 and 304 have neither length nor body.
    pub fn bodiless(self) -> Response {
        self.finish(Content::Empty, Framing::Length)
    }

    /// Ends the head of a response whose content has `length` bytes.
    pub fn content(self, length: u64, content: Content) -> Response {
        head::number_field(self.out, "Content-Length", length);
        self.finish(content, Framing::Length)
    }

    /// The same for content that was made for this response.
    pub fn bytes(self, bytes: Vec<u8>) -> Response {
        self.content(bytes.len() as u64, Content::One(Piece::Bytes(bytes)))
    }

    /// Ends the head of a response whose length is not known: chunked, or for an HTTP/1.0 client
    /// until the connection closes.
    pub fn stream(mut self, content: Content) -> Response {
        if self.circumstances.is_http10 {
            self.circumstances.persistence = Persistence::Close;
            return self.finish(content, Framing::Close);
        }
        head::field(self.out, "Transfer-Encoding", b"chunked");
        self.finish(content, Framing::Chunked)
    }

    fn finish(self, content: Content, framing: Framing) -> Response {
        let persistence = self.circumstances.persistence;
        match persistence {
            Persistence::Close => head::field(self.out, "Connection", b"close"),
            Persistence::KeepAlive if self.circumstances.is_http10 => {
                head::field(self.out, "Connection", b"keep-alive");
            }
            Persistence::KeepAlive => {}
        }
        head::end(self.out);
        let content = match self.circumstances.is_head {
            true => Content::Empty,
            false => content,
        };
        Response {
            status: self.status,
            reason: self.reason,
            content,
            framing,
            persistence,
        }
    }
}
