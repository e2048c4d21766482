//! Makes the response from a chosen representation: which part is sent, and with which fields (RFC
//! 9110 sections 8, 13 and 14).

use std::hash::{BuildHasher, Hasher, RandomState};

use crate::origin::applied_rules::AppliedRules;
use crate::origin::pages::RESOURCE_POLICY;
use crate::origin::reason::Reason;
use crate::origin::refuse::{error_page_for, varying};
use crate::origin::request::Request;
use crate::origin::response::Response;
use crate::semantics::byteranges::Byteranges;
use crate::semantics::coding::{Coding, CodingReason};
use crate::semantics::decide::{Decision, Selected, WholeReason, decide};
use crate::semantics::field_section::{FieldSection, FieldValue};
use crate::semantics::method::Method;
use crate::semantics::range::ContentRange;
use crate::semantics::trace::Trace;
use crate::semantics::validator::Validators;
use crate::semantics::variant::{Dimensions, Variant};
use crate::site::body::{Body, Parts, Source, Stored};
use crate::site::file::Representation;

/// The metadata of a representation. It does not depend on the status.
pub struct Metadata<'a> {
    /// Its own validators.
    pub validators: Validators<'a>,
    /// `Content-Type`.
    pub media_type: &'a str,
    /// Which of the resource's representations it is.
    pub variant: Variant,
    /// How the representations of the resource differ.
    pub dimensions: Dimensions,
    /// The length in bytes; `None` if no range of it can be sent.
    pub length: Option<u64>,
    /// Whether the resource supports range requests, perhaps in another coding.
    pub has_ranges: bool,
    /// `Content-Security-Policy`, for pages of the server itself. They get
    /// `Cross-Origin-Resource-Policy` too.
    pub policy: Option<&'static str>,
    /// The rules that apply.
    pub rules: &'a AppliedRules,
    /// Where the field lines are cached; `None` if they may change.
    pub prepared: Option<&'a Representation>,
    /// What the request adds to the fields.
    pub extra: &'a Extra,
}

/// Fields that depend on how a representation was asked for, so they are not cached with it.
#[derive(Clone, Debug, Default)]
pub struct Extra {
    /// Further ways in which the responses for this path differ.
    pub dimensions: Dimensions,
    /// Further fields.
    pub fields: Vec<(&'static str, FieldValue)>,
}

impl Extra {
    /// With one more field.
    pub fn field(mut self, name: &'static str, value: impl Into<FieldValue>) -> Extra {
        self.fields.push((name, value.into()));
        self
    }
}

/// The whole content of a representation, before ranges are applied.
pub enum Whole {
    /// The content exists and its length is known.
    Stored(Stored),
    /// The content is made while it is sent.
    Source(Box<dyn Source>),
    /// The content is not made, or is made later. It is sent whole.
    Omitted,
}

/// A representation, and what the preconditions and ranges of a request decide about it.
pub struct Decided<'a> {
    metadata: &'a Metadata<'a>,
    decision: Decision,
    reason: Reason,
}

impl<'a> Decided<'a> {
    /// Evaluates the request. `why` is the reason for the coding.
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
            has_ranges: metadata.has_ranges,
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

    /// Whether the content is the whole representation, perhaps as the only range.
    pub fn is_whole(&self) -> bool {
        match &self.decision {
            Decision::Whole(_) => true,
            Decision::Partial(range) => Some(range.len()) == self.metadata.length,
            _ => false,
        }
    }

    /// Whether the preconditions of the request match this representation better than `other`: the
    /// client already has this one, its preconditions fail only for `other`, or If-Range names this one.
    pub fn suits_better_than(&self, other: &Decided<'_>) -> bool {
        use Decision::{Multipart, NotModified, Partial, PreconditionFailed, RangeNotSatisfiable};
        match (&self.decision, &other.decision) {
            (NotModified(_), _) => true,
            (PreconditionFailed(_), _) => false,
            (_, PreconditionFailed(_)) => true,
            (
                Partial(_) | Multipart(_) | RangeNotSatisfiable { .. },
                Decision::Whole(WholeReason::IfRangeDiffers(_)),
            ) => true,
            _ => false,
        }
    }

    /// The response without fields and content.
    fn response(&self) -> Response {
        Response {
            rules: Some(self.metadata.rules.set()),
            ..Response::new(self.decision.status(), self.reason)
        }
    }

    /// The response; `None` if it has content of the representation.
    pub fn without_content(&self) -> Option<Response> {
        let response = self.response();
        let response = match self.decision {
            Decision::NotModified(_) => {
                return Some(response.with_fields(self.metadata.not_modified_fields()));
            }
            Decision::PreconditionFailed(_) => response,
            Decision::RangeNotSatisfiable { length } => response.field(
                "Content-Range",
                ContentRange::Unsatisfied(length).to_string(),
            ),
            Decision::Whole(_) | Decision::Partial(_) | Decision::Multipart(_) => return None,
        };
        let dimensions = self.metadata.dimensions;
        let dimensions = dimensions.and(self.metadata.extra.dimensions);
        Some(error_page_for(varying(response, dimensions)))
    }

    /// The response with the representation, or with the requested ranges of it.
    pub fn with_content(self, whole: Whole) -> Response {
        let status = self.decision.status();
        let metadata = self.metadata;
        let (fields, body) = match (whole, self.decision) {
            (Whole::Source(source), _) => (metadata.content_fields(), Body::Source(source)),
            (Whole::Omitted, _) => (metadata.content_fields(), Body::Omitted),
            (Whole::Stored(stored), Decision::Partial(range)) => {
                let content_range = ContentRange::Satisfied(range, stored.len());
                let mut fields = metadata.content_fields();
                fields.push("Content-Range", content_range.to_string());
                (fields, Body::One(stored.slice(range.first, range.len())))
            }
            (Whole::Stored(stored), Decision::Multipart(ranges)) => {
                let media_type = metadata.media_type.to_owned();
                let layout = Byteranges::new(boundary(), media_type, stored.len(), ranges)
                    .coded(metadata.variant.coding);
                let mut fields = metadata.cache_fields();
                metadata.push_content_fields(&mut fields, layout.content_type());
                metadata.push_extra(&mut fields);
                (fields, Body::Parts(Box::new(Parts::new(layout, stored))))
            }
            (Whole::Stored(stored), _) => {
                let all = stored.slice(0, stored.len());
                (metadata.content_fields(), Body::One(all))
            }
        };
        Response {
            rules: Some(metadata.rules.set()),
            fields,
            body: Some(body),
            ..Response::new(status, self.reason)
        }
    }
}

impl Metadata<'_> {
    /// The fields of a response whose content is the representation or one range of it.
    fn content_fields(&self) -> FieldSection {
        let mut fields = self.described_fields();
        self.push_extra(&mut fields);
        fields
    }

    /// Adds what depends on the request. It follows the prepared lines, which have the operator's field of
    /// the same name, or none if the operator removes the field.
    fn push_extra(&self, fields: &mut FieldSection) {
        if !self.extra.dimensions.is_empty() {
            fields.push("Vary", self.extra.dimensions.vary());
        }
        let all = self.extra.fields.iter();
        for (name, value) in all.filter(|(name, _)| !self.rules.replace_field(name)) {
            fields.push(name, value.clone());
        }
    }

    fn described_fields(&self) -> FieldSection {
        let write = || {
            let mut fields = self.cache_fields();
            self.push_content_fields(&mut fields, self.media_type.to_owned());
            if self.variant.coding != Coding::Identity {
                fields.push("Content-Encoding", self.variant.coding.name());
            }
            fields
        };
        match self.prepared {
            Some(cached) => {
                let prepare = || self.rules.prepare(&write());
                FieldSection::prepared(cached.described.get(self.rules.set(), prepare))
            }
            None => write(),
        }
    }

    /// The fields of a 304 (RFC 9110 section 15.4.5).
    fn not_modified_fields(&self) -> FieldSection {
        let mut fields = self.cached_fields();
        self.push_extra(&mut fields);
        fields
    }

    fn cached_fields(&self) -> FieldSection {
        match self.prepared {
            Some(cached) => {
                let prepare = || self.rules.prepare(&self.cache_fields());
                FieldSection::prepared(cached.not_modified.get(self.rules.set(), prepare))
            }
            None => self.cache_fields(),
        }
    }

    /// The fields that a 304 and a response with content have in common.
    fn cache_fields(&self) -> FieldSection {
        let mut fields = FieldSection::default();
        if !self.dimensions.is_empty() {
            fields.push("Vary", self.dimensions.vary());
        }
        fields.push("Cache-Control", self.rules.cache_control());
        if let Some(tag) = &self.validators.entity_tag {
            let mut value = Vec::new();
            tag.write(&mut value);
            fields.push("ETag", value);
        }
        fields
    }

    /// The fields that describe the content, apart from its coding.
    fn push_content_fields(&self, fields: &mut FieldSection, media_type: String) {
        fields.push("Content-Type", media_type);
        fields.push("X-Content-Type-Options", "nosniff");
        if self.has_ranges {
            fields.push("Accept-Ranges", "bytes");
        }
        if let Some(policy) = self.policy {
            fields.push("Content-Security-Policy", policy);
            fields.push("Cross-Origin-Resource-Policy", RESOURCE_POLICY);
        }
        if let Some(date) = self.validators.last_modified {
            fields.push("Last-Modified", date);
        }
    }
}

/// A random boundary, so no content contains it by chance. The randomness is that of the hasher's
/// keys.
fn boundary() -> String {
    let half = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", half(), half())
}
