//! A representation that was chosen: how much of it is sent, and under which fields.

use std::cell::OnceCell;
use std::collections::VecDeque;
use std::hash::{BuildHasher, Hasher, RandomState};

use crate::origin::reason::Reason;
use crate::origin::refuse::error_fields;
use crate::origin::request::{Circumstances, Request};
use crate::origin::response::{Response, ResponseWriter};
use crate::semantics::byteranges::Byteranges;
use crate::semantics::coding::{Coding, CodingReason};
use crate::semantics::decide::{Decision, Selected, decide};
use crate::semantics::method::Method;
use crate::semantics::range::ContentRange;
use crate::semantics::validator::Validators;
use crate::site::content::{Content, Piece, Source, Stored};

/// What a representation's metadata says, whatever the status.
pub struct Metadata<'a> {
    /// Its validators, those of its coding.
    pub validators: Validators<'a>,
    /// `Content-Type`.
    pub media_type: &'a str,
    /// `Content-Encoding`.
    pub coding: Coding,
    /// Bytes, where ranges may be cut from it.
    pub length: Option<u64>,
    /// Whether requests for ranges are honoured, be it in another coding.
    pub has_ranges: bool,
    /// The request fields that the choice depended on.
    pub vary: &'static str,
    /// `Content-Security-Policy`, for pages of the server's own.
    pub policy: Option<&'static str>,
    /// Where all of this may be remembered as it stands in a head, if it is the same every time.
    pub fields: Option<&'a OnceCell<Box<[u8]>>>,
}

/// The content of a representation, before a range is applied.
pub enum Whole {
    /// There, and of known length.
    Stored(Stored),
    /// Made as it is sent.
    Stream(Box<dyn Source>),
}

/// A representation and what the conditions and ranges of a request come to.
pub struct Decided<'a> {
    metadata: &'a Metadata<'a>,
    decision: Decision,
    reason: Reason,
    circumstances: Circumstances,
}

impl<'a> Decided<'a> {
    /// Decides; `why` is the reason for the coding.
    pub fn new(
        request: &Request<'_>,
        metadata: &'a Metadata<'a>,
        why: CodingReason,
        max_ranges: usize,
    ) -> Decided<'a> {
        let selected = Selected {
            validators: metadata.validators,
            length: metadata.length,
        };
        let method = request.head.known.unwrap_or(Method::Get);
        let (fields, now) = (&request.head.fields, request.circumstances.now);
        let decision = decide(method, fields, &selected, now, max_ranges);
        Decided {
            metadata,
            reason: Reason::of(&decision, why),
            decision,
            circumstances: request.circumstances,
        }
    }

    /// The coding of the representation.
    pub fn coding(&self) -> Coding {
        self.metadata.coding
    }

    /// Whether the client's conditions speak of this representation rather than of `other`: it has
    /// this one already, or it insists on it.
    pub fn suits_better_than(&self, other: &Decided<'_>) -> bool {
        let fails = |decision: &Decision| matches!(decision, Decision::PreconditionFailed(_));
        matches!(self.decision, Decision::NotModified(_))
            || (fails(&other.decision) && !fails(&self.decision))
    }

    /// The response, where it carries no part of the representation.
    pub fn without_content(&self, out: &mut Vec<u8>) -> Option<Response> {
        let status = self.decision.status();
        let begin = |out| ResponseWriter::begin(out, self.circumstances, status, self.reason);
        let writer = match self.decision {
            Decision::NotModified(_) => {
                return Some(self.metadata.for_cache(begin(out)).bodiless());
            }
            Decision::PreconditionFailed(_) => begin(out),
            Decision::RangeNotSatisfiable { length } => {
                let range = ContentRange::Unsatisfied(length).to_string();
                begin(out).field("Content-Range", range.as_bytes())
            }
            Decision::Whole(_) | Decision::Partial(_) | Decision::Multipart(_) => return None,
        };
        Some(error_fields(
            self.metadata.vary(writer),
            status,
            self.reason,
        ))
    }

    /// The response that carries all or some of it.
    pub fn with_content(self, whole: Whole, out: &mut Vec<u8>) -> Response {
        let metadata = self.metadata;
        let status = self.decision.status();
        let writer = ResponseWriter::begin(out, self.circumstances, status, self.reason);
        let stored = match whole {
            Whole::Stored(stored) => stored,
            Whole::Stream(source) => {
                return metadata.describe(writer).stream(Content::Stream(source));
            }
        };
        let length = stored.len();
        match self.decision {
            Decision::Partial(range) => {
                let slice = stored.slice(range.first, range.len());
                let content_range = ContentRange::Satisfied(range, length).to_string();
                metadata
                    .describe(writer)
                    .field("Content-Range", content_range.as_bytes())
                    .content(range.len(), Content::One(slice))
            }
            Decision::Multipart(ranges) => {
                let media_type = metadata.media_type.to_owned();
                let layout = Byteranges::new(boundary(), media_type, length, ranges);
                metadata
                    .for_parts(metadata.for_cache(writer), &layout.content_type())
                    .content(layout.content_length(), parts(&layout, &stored))
            }
            _ => {
                let whole = stored.slice(0, length);
                metadata
                    .describe(writer)
                    .content(length, Content::One(whole))
            }
        }
    }
}

impl Metadata<'_> {
    /// The fields of an answer whose content is this representation or a part of it.
    fn describe<'o>(&self, writer: ResponseWriter<'o>) -> ResponseWriter<'o> {
        writer.remembered(self.fields, |writer| {
            let writer = self.for_cache(writer);
            let writer = self.for_parts(writer, self.media_type);
            match self.coding {
                Coding::Identity => writer,
                coding => writer.field("Content-Encoding", coding.name().as_bytes()),
            }
        })
    }

    /// What a cache needs (RFC 9110 section 15.4.5): the fields of a 304, and of every answer with
    /// content too.
    fn for_cache<'o>(&self, writer: ResponseWriter<'o>) -> ResponseWriter<'o> {
        let mut writer = self.vary(writer).field("Cache-Control", b"no-cache");
        if let Some(tag) = &self.validators.entity_tag {
            writer = writer.entity_tag(tag);
        }
        writer
    }

    fn vary<'o>(&self, writer: ResponseWriter<'o>) -> ResponseWriter<'o> {
        writer.field("Vary", self.vary.as_bytes())
    }

    fn for_parts<'o>(&self, writer: ResponseWriter<'o>, media_type: &str) -> ResponseWriter<'o> {
        let mut writer = writer
            .field("Content-Type", media_type.as_bytes())
            .field("X-Content-Type-Options", b"nosniff");
        if self.has_ranges {
            writer = writer.field("Accept-Ranges", b"bytes");
        }
        if let Some(policy) = self.policy {
            writer = writer.field("Content-Security-Policy", policy.as_bytes());
        }
        if let Some(date) = self.validators.last_modified {
            writer = writer.date("Last-Modified", date);
        }
        writer
    }
}

/// The pieces of a multipart/byteranges content: heads and slices in turn, then the closing line.
fn parts(layout: &Byteranges, stored: &Stored) -> Content {
    let ranges = layout.ranges();
    let mut pieces = VecDeque::with_capacity(2 * ranges.len() + 1);
    for (number, range) in ranges.iter().enumerate() {
        let mut head = Vec::new();
        layout.part_head(number, &mut head);
        pieces.push_back(Piece::Bytes(head));
        pieces.push_back(stored.slice(range.first, range.len()));
    }
    let mut closing = Vec::new();
    layout.closing(&mut closing);
    pieces.push_back(Piece::Bytes(closing));
    Content::Several(pieces)
}

/// A line that no content holds but by design: the hasher's keys are random.
fn boundary() -> String {
    let half = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", half(), half())
}
