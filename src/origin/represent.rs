//! A representation that was chosen: how much of it is sent, and under which fields (RFC 9110
//! sections 8, 13 and 14).

use std::collections::VecDeque;
use std::hash::{BuildHasher, Hasher, RandomState};

use crate::http1::response::prepare;
use crate::origin::reason::Reason;
use crate::origin::refuse::error_page_for;
use crate::origin::request::Request;
use crate::origin::response::Response;
use crate::semantics::byteranges::Byteranges;
use crate::semantics::coding::{Coding, CodingReason};
use crate::semantics::decide::{Decision, Selected, decide};
use crate::semantics::field_section::FieldSection;
use crate::semantics::method::Method;
use crate::semantics::range::ContentRange;
use crate::semantics::rules::RuleSet;
use crate::semantics::status::Status;
use crate::semantics::trace::Trace;
use crate::semantics::validator::Validators;
use crate::semantics::variant::{Dimensions, Variant, vary};
use crate::site::body::{Body, Piece, Source, Stored};
use crate::site::file::Representation;

/// What the metadata of a representation says, whatever the status.
pub struct Metadata<'a> {
    /// Its own validators.
    pub validators: Validators<'a>,
    /// `Content-Type`.
    pub media_type: &'a str,
    /// Which one it is among the representations of its resource.
    pub variant: Variant,
    /// In what those representations differ.
    pub dimensions: Dimensions,
    /// Bytes, if ranges may be cut from it.
    pub length: Option<u64>,
    /// Whether requests for ranges are honoured, even if in another coding.
    pub has_ranges: bool,
    /// `Content-Security-Policy`, for pages of the server's own.
    pub policy: Option<&'static str>,
    /// Where the field lines are kept, if they are the same every time, and under which rules.
    pub prepared: Option<(&'a Representation, RuleSet)>,
}

/// The content of a representation, before a range is applied.
pub enum Whole {
    /// There, and of known length.
    Stored(Stored),
    /// Made as it is sent.
    Source(Box<dyn Source>),
}

/// A representation, and what the conditions and ranges of a request come to.
pub struct Decided<'a> {
    metadata: &'a Metadata<'a>,
    decision: Decision,
    reason: Reason,
}

impl<'a> Decided<'a> {
    /// Decides; `why` is the reason for the coding.
    pub fn new(
        request: &Request<'_>,
        metadata: &'a Metadata<'a>,
        why: CodingReason,
        max_ranges: usize,
        trace: &mut Trace,
    ) -> Decided<'a> {
        let selected = Selected {
            validators: metadata.validators,
            length: metadata.length,
        };
        let method = request.method().unwrap_or(Method::Get);
        let (fields, now) = (request.fields(), request.now);
        let decision = decide(method, fields, &selected, now, max_ranges, trace);
        Decided {
            metadata,
            reason: Reason::of(&decision, why),
            decision,
        }
    }

    /// Which representation it is.
    pub fn variant(&self) -> Variant {
        self.metadata.variant
    }

    /// Whether the client's conditions speak of this representation rather than of `other`: the
    /// client has this one already, or insists on it.
    pub fn suits_better_than(&self, other: &Decided<'_>) -> bool {
        let fails = |decision: &Decision| matches!(decision, Decision::PreconditionFailed(_));
        matches!(self.decision, Decision::NotModified(_))
            || (fails(&other.decision) && !fails(&self.decision))
    }

    /// The response, if it carries no part of the representation.
    pub fn without_content(&self) -> Option<Response> {
        let response = Response::new(self.decision.status(), self.reason);
        let response = match self.decision {
            Decision::NotModified(_) => {
                return Some(response.with_fields(self.metadata.not_modified()));
            }
            Decision::PreconditionFailed(_) => response,
            Decision::RangeNotSatisfiable { length } => response.field(
                "Content-Range",
                ContentRange::Unsatisfied(length).to_string(),
            ),
            Decision::Whole(_) | Decision::Partial(_) | Decision::Multipart(_) => return None,
        };
        let vary = vary(self.metadata.dimensions);
        Some(error_page_for(response.field("Vary", vary)))
    }

    /// The response that carries all or some of it.
    pub fn with_content(self, whole: Whole) -> Response {
        let metadata = self.metadata;
        let response = Response::new(self.decision.status(), self.reason);
        let stored = match whole {
            Whole::Stored(stored) => stored,
            Whole::Source(source) => {
                let response = response.with_fields(metadata.described());
                return response.body(Body::Source(source));
            }
        };
        let length = stored.len();
        match self.decision {
            Decision::Partial(range) => {
                let slice = stored.slice(range.first, range.len());
                let content_range = ContentRange::Satisfied(range, length);
                response
                    .with_fields(metadata.described())
                    .field("Content-Range", content_range.to_string())
                    .body(Body::One(slice))
            }
            Decision::Multipart(ranges) => {
                let media_type = metadata.media_type.to_owned();
                let layout = Byteranges::new(boundary(), media_type, length, ranges);
                let mut fields = metadata.for_cache();
                metadata.for_parts(&mut fields, layout.content_type());
                let body = parts(&layout, &stored);
                response.with_fields(fields).body(body)
            }
            _ => response
                .with_fields(metadata.described())
                .body(Body::One(stored.slice(0, length))),
        }
    }

    /// The status to which it leads.
    pub fn status(&self) -> Status {
        self.decision.status()
    }
}

impl Metadata<'_> {
    /// The fields of a response whose content is this representation or a part of it.
    fn described(&self) -> FieldSection {
        let write = || {
            let mut fields = self.for_cache();
            self.for_parts(&mut fields, self.media_type.to_owned());
            if self.variant.coding != Coding::Identity {
                fields.push("Content-Encoding", self.variant.coding.name());
            }
            fields
        };
        match self.prepared {
            Some((kept, rules)) => {
                FieldSection::prepared(kept.described.get(rules, || prepare(&write())))
            }
            None => write(),
        }
    }

    /// The fields of a 304 (RFC 9110 section 15.4.5).
    fn not_modified(&self) -> FieldSection {
        match self.prepared {
            Some((kept, rules)) => {
                FieldSection::prepared(kept.not_modified.get(rules, || prepare(&self.for_cache())))
            }
            None => self.for_cache(),
        }
    }

    /// What a cache needs: the fields of a 304, and of every response with content too.
    fn for_cache(&self) -> FieldSection {
        let mut fields = FieldSection::default();
        fields.push("Vary", vary(self.dimensions));
        fields.push("Cache-Control", "no-cache");
        if let Some(tag) = &self.validators.entity_tag {
            let mut value = Vec::new();
            tag.write(&mut value);
            fields.push("ETag", value);
        }
        fields
    }

    fn for_parts(&self, fields: &mut FieldSection, media_type: String) {
        fields.push("Content-Type", media_type);
        fields.push("X-Content-Type-Options", "nosniff");
        if self.has_ranges {
            fields.push("Accept-Ranges", "bytes");
        }
        if let Some(policy) = self.policy {
            fields.push("Content-Security-Policy", policy);
        }
        if let Some(date) = self.validators.last_modified {
            fields.push("Last-Modified", date);
        }
    }
}

/// The pieces of a multipart/byteranges content: heads and slices in turn, then the closing line.
fn parts(layout: &Byteranges, stored: &Stored) -> Body {
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
    Body::Several(pieces)
}

/// A line that no content holds except by design: the hasher's keys are random.
fn boundary() -> String {
    let half = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", half(), half())
}
