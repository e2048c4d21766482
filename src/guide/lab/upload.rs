//! A form with files, part by part (RFC 7578).
//!
//! ```text
//! POST upload    multipart/form-data
//! {"length":1234,"parts":[{"name":"a","filename":"b.txt","type":"text/plain","length":5,"sha256":"...","first":"..."}]}
//! ```
//!
//! The content is read, hashed and dropped as it arrives. Nothing is stored.

use sha2::{Digest, Sha256};

use crate::guide::fault::Fault;
use crate::guide::lab::answers::{json, refused};
use crate::guide::lab::slots::Slot;
use crate::guide::lab::visit::{Endpoint, Methods, Users, Visit};
use crate::origin::handler::{Answer, Origin, Polled, Responder};
use crate::origin::request::{Content, Request, RequestBody};
use crate::semantics::multipart::{Multipart, MultipartError, MultipartEvent, PartHead, boundary};
use crate::semantics::status::Status;
use crate::semantics::trace::Trace;
use crate::text::escape::{JsonOctets, JsonString};

/// `upload`.
pub const ENDPOINT: Endpoint = Endpoint {
    name: "upload",
    methods: Methods::Post,
    users: Users::OwnPages,
    most_content: Some(LONGEST),
    answer,
};

/// The longest upload in bytes: 64 MiB. It costs no memory, but the time to hash it.
const LONGEST: u64 = 64 * 1024 * 1024;

/// How many bytes of a part are shown.
const SHOWN: usize = 64;

/// How many bytes are hashed in one turn. It takes about 1 ms if the processor has no instructions for it.
const TURN: usize = 256 * 1024;

fn answer(visit: &Visit<'_>, _: &mut Origin, _: &mut Trace) -> Result<Answer, Fault> {
    let media_type = visit.request.fields().named("Content-Type").next();
    let boundary = media_type.and_then(boundary).ok_or_else(|| Fault {
        status: Status::UnsupportedMediaType,
        text: "The content must be multipart/form-data with a boundary. Send a form with a file."
            .to_owned(),
    })?;
    Ok(Answer::Later(Box::new(Upload {
        reader: Multipart::new(&boundary),
        parts: Parts::default(),
        length: 0,
        _slot: visit.slots.take()?,
    })))
}

/// An upload that is being read.
struct Upload {
    reader: Multipart,
    parts: Parts,
    /// The bytes of the content so far.
    length: u64,
    _slot: Slot,
}

/// The parts so far.
#[derive(Default)]
struct Parts {
    /// Those that are complete, as JSON.
    complete: Vec<String>,
    current: Option<Part>,
}

/// A part that is being read.
struct Part {
    head: PartHead,
    length: u64,
    hash: Sha256,
    first: Vec<u8>,
}

impl Parts {
    fn note(&mut self, event: MultipartEvent<'_>) {
        match event {
            MultipartEvent::Begin(head) => {
                self.current = Some(Part {
                    head,
                    length: 0,
                    hash: Sha256::new(),
                    first: Vec::new(),
                });
            }
            MultipartEvent::Content(bytes) => {
                if let Some(part) = &mut self.current {
                    part.length += bytes.len() as u64;
                    part.hash.update(bytes);
                    let room = SHOWN - part.first.len();
                    part.first
                        .extend_from_slice(&bytes[..bytes.len().min(room)]);
                }
            }
            MultipartEvent::End => {
                self.complete.extend(self.current.take().map(Part::data));
            }
        }
    }
}

impl Part {
    fn data(self) -> String {
        let text = |bytes: &[u8]| JsonString(bytes).to_string();
        let or_null = |bytes: &Option<Vec<u8>>| bytes.as_deref().map_or("null".to_owned(), text);
        let hash = self.hash.finalize();
        let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        format!(
            "{{\"name\":{},\"filename\":{},\"type\":{},\"length\":{},\"sha256\":\"{hash}\",\"first\":{}}}",
            text(&self.head.name),
            or_null(&self.head.filename),
            or_null(&self.head.media_type),
            self.length,
            JsonOctets(&self.first)
        )
    }
}

impl Upload {
    /// Reads what has arrived, but not more than fits into a turn.
    fn read(&mut self, body: &mut dyn RequestBody) -> Result<Polled, MultipartError> {
        let mut spent = 0;
        loop {
            match body.pull() {
                Content::Bytes(bytes) => {
                    spent += bytes.len();
                    self.length += bytes.len() as u64;
                    let Upload { reader, parts, .. } = self;
                    reader.read(bytes, &mut |event| parts.note(event))?;
                    if spent >= TURN {
                        return Ok(Polled::More);
                    }
                }
                Content::NotYet => return Ok(Polled::NeedsContent),
                Content::End => break,
            }
        }
        self.reader.finish()?;
        let parts = self.parts.complete.join(",");
        let length = self.length;
        Ok(Polled::Done(json(format!(
            "{{\"length\":{length},\"parts\":[{parts}]}}\n"
        ))))
    }
}

impl Responder for Upload {
    fn poll(
        &mut self,
        _: &Request<'_>,
        body: &mut dyn RequestBody,
        _: &mut Origin,
        trace: &mut Trace,
    ) -> Polled {
        self.read(body).unwrap_or_else(|fault| {
            let text = format!("The content is not valid: {fault}.");
            Polled::Done(Answer::Ready(refused(Fault::query(text), trace)))
        })
    }
}
