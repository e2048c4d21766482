//! A form with files, part by part (RFC 7578).
//!
//! ```text
//! POST upload    multipart/form-data
//! {"length":1234,"parts":[{"name":"a","filename":"b.txt","type":"text/plain","length":5,"sha256":"...","first":"..."}]}
//! ```
//!
//! The content is read, hashed and dropped as it arrives. Nothing is stored.

use sha2::{Digest, Sha256};

use crate::guide::fault::{Fault, no_memory};
use crate::guide::lab::answers::{held, refused};
use crate::guide::lab::visit::{Endpoint, Methods, Users, Visit};
use crate::guide::places::Place;
use crate::guide::plain::JSON;
use crate::origin::handler::{Answer, Origin, Polled, Responder};
use crate::origin::request::{Content, Request, RequestBody};
use crate::semantics::multipart::{Multipart, MultipartError, MultipartEvent, PartHead, boundary};
use crate::semantics::status::Status;
use crate::semantics::trace::Trace;
use crate::site::budget::{Account, Charge};
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

fn answer(visit: &Visit<'_>, origin: &mut Origin, _: &mut Trace) -> Result<Answer, Fault> {
    let media_type = visit.request.fields().named("Content-Type").next();
    let boundary = media_type.and_then(boundary).ok_or_else(|| Fault {
        status: Status::UnsupportedMediaType,
        text: "The content must be multipart/form-data with a boundary. Send a form with a file."
            .to_owned(),
    })?;
    Ok(Answer::Later(Box::new(Upload {
        reader: Multipart::new(&boundary),
        parts: Parts {
            complete: String::new(),
            charge: Some(origin.site.memory.charge_anyway(Account::Contents, 0)),
            has_memory: true,
            current: None,
        },
        length: 0,
        _place: visit.place()?,
    })))
}

/// An upload that is being read.
struct Upload {
    reader: Multipart,
    parts: Parts,
    /// The bytes of the content so far.
    length: u64,
    _place: Place,
}

/// The parts so far.
struct Parts {
    /// Those that are complete, as JSON.
    complete: String,
    /// What they are charged. `None` after the end.
    charge: Option<Charge>,
    /// Whether there was memory for all of them.
    has_memory: bool,
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
                if let Some(part) = self.current.take() {
                    self.add(&part.data());
                }
            }
        }
    }

    fn add(&mut self, part: &str) {
        let comma = if self.complete.is_empty() { "" } else { "," };
        let length = (comma.len() + part.len()) as u64;
        let charge = self.charge.as_mut();
        self.has_memory &= charge.is_some_and(|charge| charge.grow(length));
        if self.has_memory {
            self.complete.push_str(comma);
            self.complete.push_str(part);
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
    fn read(&mut self, body: &mut dyn RequestBody) -> Result<Polled, Fault> {
        let mut spent = 0;
        loop {
            match body.pull() {
                Content::Bytes(bytes) => {
                    spent += bytes.len();
                    self.length += bytes.len() as u64;
                    let Upload { reader, parts, .. } = self;
                    let read = reader.read(bytes, &mut |event| parts.note(event));
                    read.map_err(invalid)?;
                    if !parts.has_memory {
                        return Err(no_memory());
                    }
                    if spent >= TURN {
                        return Ok(Polled::More);
                    }
                }
                Content::NotYet => return Ok(Polled::NeedsContent),
                Content::End => break,
            }
        }
        self.reader.finish().map_err(invalid)?;
        let (parts, length) = (&self.parts.complete, self.length);
        let data = format!("{{\"length\":{length},\"parts\":[{parts}]}}\n");
        let charge = self.parts.charge.take().ok_or_else(no_memory)?;
        let response = held(data.into_bytes(), JSON, charge);
        Ok(Polled::Done(Answer::Ready(response)))
    }
}

fn invalid(fault: MultipartError) -> Fault {
    Fault::query(format!("The content is not valid: {fault}."))
}

impl Responder for Upload {
    fn poll(
        &mut self,
        _: &Request<'_>,
        body: &mut dyn RequestBody,
        _: &mut Origin,
        trace: &mut Trace,
    ) -> Polled {
        self.read(body)
            .unwrap_or_else(|fault| Polled::Done(Answer::Ready(refused(fault, trace))))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::site::budget::{Allowance, Budget};

    #[test]
    fn what_is_kept_of_the_parts_is_charged() {
        let budget = Arc::new(Budget::new(100, 1));
        let charge = Allowance::new(Arc::clone(&budget)).charge_anyway(Account::Contents, 0);
        let mut parts = Parts {
            complete: String::new(),
            charge: Some(charge),
            has_memory: true,
            current: None,
        };
        for part in ["{}", "[]"] {
            parts.add(part);
        }
        assert_eq!((&*parts.complete, parts.has_memory), ("{},[]", true));
        assert_eq!(budget.held(Account::Contents), 5);
        parts.add(&"x".repeat(100));
        assert_eq!((&*parts.complete, parts.has_memory), ("{},[]", false));
        drop(parts);
        assert_eq!(budget.held(Account::Contents), 0);
    }
}
