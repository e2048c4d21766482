//! Files that are part of docroot, such as the script of live reload. They are representations like any
//! other: with validators, conditions and ranges (RFC 9110 sections 8, 13 and 14).

use crate::origin::applied_rules::AppliedRules;
use crate::origin::handler::{Answer, Origin};
use crate::origin::methods::{options, refused_method};
use crate::origin::reason::Reason;
use crate::origin::represent::{Decided, Extra, Metadata, Whole};
use crate::origin::request::Request;
use crate::semantics::coding::{Coding, CodingReason};
use crate::semantics::method::Method;
use crate::semantics::trace::Trace;
use crate::semantics::validator::{EntityTag, Validators};
use crate::semantics::variant::{Dimension, Dimensions, Variant};
use crate::site::body::Stored;
use crate::site::budget::Account;
use crate::site::held::HeldBytes;
use crate::site::storage::Storage;
use crate::text::hash::stable_hash;

/// A file that is part of docroot.
#[derive(Clone, Debug)]
pub struct Embedded {
    content: &'static str,
    media_type: &'static str,
    policy: &'static str,
    /// The opaque part of its entity-tag.
    tag: String,
    /// How the representations of its resource differ, and further fields.
    extra: Extra,
}

impl Embedded {
    /// A file with this content and media type. `policy` is the value of `Content-Security-Policy`.
    /// `Cross-Origin-Resource-Policy` keeps other origins from using the file.
    pub fn new(content: &'static str, media_type: &'static str, policy: &'static str) -> Embedded {
        Embedded {
            content,
            media_type,
            policy,
            tag: format!("{:016x}", stable_hash(content)),
            extra: Extra::default(),
        }
    }

    /// The file as the representation in this language, beside those in other languages.
    pub fn in_language(self, tag: &'static str) -> Embedded {
        let extra = Extra {
            dimensions: Dimensions::of(Dimension::Language),
            ..Extra::default()
        };
        let extra = extra.field("Content-Language", tag);
        Embedded { extra, ..self }
    }
}

/// Answers a request for the file, which is at this path below the prefix of the site.
pub fn answer_embedded(
    origin: &Origin,
    request: &Request<'_>,
    path: &[u8],
    file: &Embedded,
    trace: &mut Trace,
) -> Answer {
    if let Some(refusal) = refused_method(request, trace) {
        return Answer::Ready(refusal);
    }
    if request.method() == Some(Method::Options) {
        return Answer::Ready(options(Reason::ResourceOptions, trace));
    }
    let rules = AppliedRules::at(origin, request, path);
    let content = file.content.as_bytes();
    let metadata = Metadata {
        validators: Validators {
            entity_tag: Some(EntityTag {
                weak: false,
                opaque: file.tag.as_bytes(),
            }),
            last_modified: None,
        },
        media_type: file.media_type,
        variant: Variant::coded(Coding::Identity),
        dimensions: Dimensions::NONE,
        length: Some(content.len() as u64),
        has_ranges: true,
        policy: Some(file.policy),
        rules: &rules,
        prepared: None,
        extra: &file.extra,
    };
    let why = CodingReason::NotOffered;
    let decided = Decided::new(request, &metadata, why, origin.max_ranges, trace);
    rules.note(trace);
    Answer::Ready(decided.without_content().unwrap_or_else(|| {
        let charge = origin.site.charge_anyway(Account::Contents, 0);
        let bytes = HeldBytes::new(Storage::of(content.to_vec()), charge);
        decided.with_content(Whole::Stored(Stored::Memory(bytes)))
    }))
}
