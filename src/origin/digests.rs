//! RFC 9530: adds `Repr-Digest` and `Content-Digest` to the responses for a file, if the client wants them.
//!
//! Section 4 says how a client asks for them.
//!
//! - `Repr-Digest` (section 3) is over the whole selected representation, in its coding, whichever part of it
//!   is sent.
//! - `Content-Digest` (section 2) is over the content of this message: the range of a 206, and nothing for
//!   HEAD (appendix B.2).
//!
//! docroot leaves a field out if it does not know the digest before it sends the head:
//!
//! - The content is made while it is sent.
//! - Several ranges are sent. Their boundary is new in each response.
//! - The file is large, and nobody has hashed it yet. Reading all of it for one client would cost too much.
//!
//! A 304 has neither field: it has no content, and its client already has the metadata of the representation (RFC
//! 9110 section 15.4.5).
//!
//! `Vary` does not name `Want-Repr-Digest` and `Want-Content-Digest`. They select no representation, and whoever
//! wants a digest can do without it, so a cache may reuse a response for any of their values (RFC 9110 section
//! 12.5.5).

use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::origin::handler::{Answer, Origin, Polled, Responder};
use crate::origin::patience::{DISK_PATIENCE, Patience};
use crate::origin::refuse::unanswered;
use crate::origin::request::{Request, RequestBody};
use crate::origin::response::Response;
use crate::semantics::coding::Coding;
use crate::semantics::digest::{Algorithm, WantedDigests};
use crate::semantics::edit::Edit;
use crate::semantics::field::FieldName;
use crate::semantics::method::Method;
use crate::semantics::trace::{Clause, Evidence, Quote, Step, Trace, clause};
use crate::site::body::{Body, Piece};
use crate::site::digest::Digest;
use crate::site::file::StoredFile;
use crate::site::hashing::{Hashed, Hashing, Part};
use crate::site::held::HeldBytes;

/// The largest file that is read because one client wants its digest: 256 MiB, a second or two of a disk.
/// All clients share that work. With `--etag content`, docroot hashes each file, so the digest of a larger one
/// is known too.
const MOST_OF_FILE: u64 = 256 << 20;

/// The largest range of a file that is read twice because a client wants its digest. Such a digest is of no use
/// for others.
const MOST_OF_RANGE: u64 = 16 << 20;

const WANTED: Clause = clause!("RFC 9530 section 4", "note_wanted");
const LEFT_OUT: Clause = clause!("RFC 9530 section 3", "note_left_out");

/// A digest field of a response.
struct DigestField {
    name: &'static str,
    value: Value,
}

enum Value {
    Known(Digest),
    /// It is computed; then it is kept with this representation, if it is of all its bytes.
    Computed(Hashing, Option<Coding>),
}

/// A response that waits for its digests.
struct DigestedResponse {
    /// `None` once it was returned.
    response: Option<Response>,
    file: Rc<StoredFile>,
    fields: Vec<DigestField>,
    /// For the disk.
    patience: Patience,
}

/// What a response sends of a stored representation.
struct Sent {
    /// The bytes of the whole representation, if they are in memory.
    memory: Option<Rc<HeldBytes>>,
    /// The length of the whole representation.
    size: u64,
    /// The first byte that is sent, and how many are; `None` if several ranges are.
    part: Option<(u64, u64)>,
}

/// What digests are made from.
struct Subject<'a> {
    origin: &'a Origin,
    file: &'a StoredFile,
    coding: Coding,
    is_head: bool,
    /// `None`: the content is made while it is sent.
    sent: Option<Sent>,
}

/// The answer with the digests that the client wants. `response` is one with content of `file` in this
/// coding.
pub(super) fn with_digests(
    origin: &Origin,
    request: &Request<'_>,
    file: &Rc<StoredFile>,
    coding: Coding,
    response: Response,
    trace: &mut Trace,
) -> Answer {
    let Some(wanted) = WantedDigests::of(request.fields()) else {
        return Answer::Ready(response);
    };
    let subject = Subject {
        origin,
        file,
        coding,
        is_head: request.method() == Some(Method::Head),
        sent: response.body.as_ref().and_then(Sent::of),
    };
    let of_representation = |algorithm| subject.of_representation(algorithm);
    let of_content = |algorithm| subject.of_content(algorithm);
    let mut fields = Vec::new();
    for (name, algorithm, value) in [
        (
            "Repr-Digest",
            wanted.representation,
            wanted.representation.and_then(of_representation),
        ),
        (
            "Content-Digest",
            wanted.content,
            wanted.content.and_then(of_content),
        ),
    ] {
        let Some(algorithm) = algorithm else { continue };
        note_wanted(name, algorithm, trace);
        match value {
            Some(value) => fields.push(DigestField { name, value }),
            None => note_left_out(name, trace),
        }
    }
    let mut digested = DigestedResponse {
        response: Some(response),
        file: Rc::clone(file),
        fields,
        patience: Patience::of(DISK_PATIENCE),
    };
    match digested.fields.iter().all(DigestField::is_known) {
        true => Answer::Ready(digested.take()),
        false => Answer::Later(Box::new(digested)),
    }
}

impl Sent {
    fn of(body: &Body) -> Option<Sent> {
        match body {
            Body::One(piece) => Sent::of_piece(piece),
            Body::Parts(parts) => {
                let sent = Sent::of_piece(&parts.first()?)?;
                Some(Sent { part: None, ..sent })
            }
            Body::Source(_) | Body::Omitted => None,
        }
    }

    fn of_piece(piece: &Piece) -> Option<Sent> {
        let (memory, size, part) = match piece {
            Piece::Bytes(_) => return None,
            Piece::Memory(bytes, range) => {
                let part = (range.start as u64, range.len() as u64);
                (Some(Rc::clone(bytes)), bytes.len() as u64, part)
            }
            Piece::File(file, first, length) => (None, file.state.size, (*first, *length)),
            Piece::Private(copy, first, length) => (None, copy.size, (*first, *length)),
        };
        Some(Sent {
            memory,
            size,
            part: Some(part),
        })
    }
}

impl Subject<'_> {
    /// The digest of the representation; `None` if it is left out.
    fn of_representation(&self, algorithm: Algorithm) -> Option<Value> {
        let known = self.file.representation(self.coding).digest(algorithm);
        known.map(Value::Known).or_else(|| {
            let size = self.sent.as_ref()?.size;
            self.of_part(Part::whole(size, algorithm))
        })
    }

    /// The digest of the content of the message; `None` if it is left out.
    fn of_content(&self, algorithm: Algorithm) -> Option<Value> {
        if self.is_head {
            return Some(Value::Known(Digest::of(algorithm, b"")));
        }
        let sent = self.sent.as_ref()?;
        let (first, length) = sent.part?;
        if length == sent.size {
            return self.of_representation(algorithm);
        }
        self.of_part(Part {
            first,
            length,
            algorithm,
        })
    }

    /// The digest of a part of the representation; `None` if the part is too large.
    fn of_part(&self, part: Part) -> Option<Value> {
        let (hashes, file, sent) = (&self.origin.hashes, self.file, self.sent.as_ref()?);
        let is_whole = part.length == sent.size;
        let kept = is_whole.then_some(self.coding);
        if let Some(bytes) = &sent.memory {
            return Some(Value::Computed(Hashing::of_memory(bytes, part), kept));
        }
        if is_whole && let Some(digest) = hashes.known(file, part) {
            return Some(Value::Known(digest));
        }
        let most = match is_whole {
            true => MOST_OF_FILE,
            false => MOST_OF_RANGE,
        };
        (part.length <= most).then(|| {
            let hashing = Hashing::of_file(hashes, &self.origin.site, file, part);
            Value::Computed(hashing, kept)
        })
    }
}

impl DigestedResponse {
    /// The response with the digests that are known.
    fn take(&mut self) -> Response {
        // A bug: nobody polls it after the end.
        let response = self.response.take().unwrap_or_else(unanswered);
        let with_field = |response: Response, field: &DigestField| match &field.value {
            Value::Known(digest) => response.field(field.name, member(digest)),
            Value::Computed(..) => response,
        };
        self.fields.iter().fold(response, with_field)
    }
}

impl Responder for DigestedResponse {
    fn poll(
        &mut self,
        request: &Request<'_>,
        _: &mut dyn RequestBody,
        origin: &mut Origin,
        trace: &mut Trace,
    ) -> Polled {
        let unknown = self.fields.iter().position(|field| !field.is_known());
        let Some(index) = unknown else {
            return Polled::Done(Answer::Ready(self.take()));
        };
        let field = &mut self.fields[index];
        let Value::Computed(hashing, coding) = &mut field.value else {
            return Polled::More;
        };
        match hashing.advance(&origin.hashes, &origin.site, request.caller()) {
            Hashed::More => return Polled::More,
            Hashed::WaitsForDisk(is_further) => {
                if is_further {
                    self.patience.renew();
                }
                if let Some(end) = self.patience.until(request.instant) {
                    return Polled::WaitForDisk(end);
                }
            }
            Hashed::Done(Ok(digest)) => {
                if let Some(coding) = coding {
                    self.file.representation(*coding).keep_digest(digest);
                }
                field.value = Value::Known(digest);
                return Polled::More;
            }
            Hashed::Done(Err(_)) => {}
        }
        // The response can do without it. If the file has changed, the content shows that.
        note_left_out(field.name, trace);
        self.fields.remove(index);
        Polled::More
    }
}

impl DigestField {
    fn is_known(&self) -> bool {
        matches!(self.value, Value::Known(_))
    }
}

/// The value of a digest field: a dictionary with one byte sequence (section 3).
fn member(digest: &Digest) -> String {
    let encoded = STANDARD.encode(digest.as_bytes());
    format!("{}=:{encoded}:", digest.algorithm.key())
}

fn note_wanted(name: &str, algorithm: Algorithm, trace: &mut Trace) {
    trace.note(|| {
        let step = Step::new(WANTED, "the client prefers this algorithm for a digest");
        let chosen = format!("{name}: {}", algorithm.key());
        step.with(Evidence::Value(Quote::of(chosen.as_bytes())))
            .unless(unwanted(name))
    });
}

/// Nobody wants the digest.
fn unwanted(name: &str) -> Edit {
    let wanted_by = match name {
        "Repr-Digest" => FieldName::WantReprDigest,
        _ => FieldName::WantContentDigest,
    };
    Edit::remove(wanted_by).keeps_status()
}

fn note_left_out(name: &str, trace: &mut Trace) {
    trace.note(|| {
        let finding = "the digest is left out, because it is not known before the content is sent";
        Step::new(LEFT_OUT, finding)
            .with(Evidence::Value(Quote::of(name.as_bytes())))
            .unless(unwanted(name))
    });
}
