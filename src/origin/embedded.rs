//! Files that are part of docroot, such as the script of live reload. They are representations like any
//! other: with validators, conditions and ranges (RFC 9110 sections 8, 13 and 14).
//!
//! So is what an administrative page has just made.
//!
//! Large ones are stored in gzip. For a client that does not accept it, docroot decodes them while it sends them.

use std::borrow::Cow;
use std::rc::Rc;

use crate::origin::applied_rules::AppliedRules;
use crate::origin::handler::{Answer, Origin};
use crate::origin::methods::{options, refused_method};
use crate::origin::reason::Reason;
use crate::origin::refuse::{disk_error, not_acceptable};
use crate::origin::represent::{Decided, Extra, Metadata, Whole};
use crate::origin::request::Request;
use crate::origin::response::Response;
use crate::semantics::coding::{self, Coding, CodingChoice, CodingReason};
use crate::semantics::method::Method;
use crate::semantics::precondition::{self, FailedReason};
use crate::semantics::trace::Trace;
use crate::semantics::validator::{EntityTag, Validators};
use crate::semantics::variant::{Dimension, Dimensions, Variant};
use crate::site::body::{MemorySource, Stored};
use crate::site::budget::Account;
use crate::site::disk_error::DiskError;
use crate::site::held::HeldBytes;
use crate::site::storage::Storage;
use crate::text::hash::stable_hash;

/// A file that is part of docroot.
#[derive(Clone, Debug)]
pub struct Embedded {
    content: Cow<'static, [u8]>,
    /// How the content is stored: as it is, or in gzip.
    stored: Coding,
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
        let content = Cow::Borrowed(content.as_bytes());
        Embedded::stored(content, Coding::Identity, media_type, policy)
    }

    /// The same for content that was made for one request. See [`answer_made`].
    pub fn made(content: Vec<u8>, media_type: &'static str, policy: &'static str) -> Embedded {
        Embedded::stored(content.into(), Coding::Identity, media_type, policy)
    }

    /// The same for content that is stored in gzip.
    pub fn packed(
        content: &'static [u8],
        media_type: &'static str,
        policy: &'static str,
    ) -> Embedded {
        Embedded::stored(content.into(), Coding::Gzip, media_type, policy)
    }

    fn stored(
        content: Cow<'static, [u8]>,
        stored: Coding,
        media_type: &'static str,
        policy: &'static str,
    ) -> Embedded {
        Embedded {
            tag: format!("{:016x}", stable_hash(&content)),
            content,
            stored,
            media_type,
            policy,
            extra: Extra::default(),
        }
    }

    /// The coding in which a request gets the file.
    fn choose_coding(&self, request: &Request<'_>, trace: &mut Trace) -> CodingChoice {
        match self.stored {
            Coding::Identity => CodingChoice::Chosen(Coding::Identity, CodingReason::NotOffered),
            stored => coding::choose(request.fields(), &[stored], trace),
        }
    }

    /// Its validators, with the opaque part of its entity-tag.
    fn validators(tag: &str) -> Validators<'_> {
        Validators {
            entity_tag: Some(EntityTag {
                weak: false,
                opaque: tag.as_bytes(),
            }),
            last_modified: None,
        }
    }

    /// Why the conditions of a request keep it from changing what this file shows as it is.
    pub fn failed_condition(&self, request: &Request<'_>) -> Option<FailedReason> {
        let validators = Embedded::validators(&self.tag);
        let fields = request.fields();
        precondition::failure(request.method()?, fields, &validators, request.now)
    }

    /// How its representations differ. A file that is packed has no other languages.
    fn dimensions(&self) -> Dimensions {
        match self.stored {
            Coding::Identity => Dimensions::NONE,
            _ => Dimensions::of(Dimension::Coding),
        }
    }

    /// The file as one of the representations that differ in this way.
    pub fn varying(mut self, dimension: Dimension) -> Embedded {
        self.extra.dimensions = Dimensions::of(dimension);
        self
    }

    /// The file as the representation in this language, beside those in other languages.
    pub fn in_language(self, tag: &'static str) -> Embedded {
        let varying = self.varying(Dimension::Language);
        let extra = varying.extra.field("Content-Language", tag);
        Embedded { extra, ..varying }
    }
}

/// The response if it does not depend on the file: a refusal of the method, or the response to OPTIONS.
pub fn without_file(request: &Request<'_>, trace: &mut Trace) -> Option<Response> {
    let refusal = refused_method(request, trace);
    let is_options = request.method() == Some(Method::Options);
    refusal.or_else(|| is_options.then(|| options(Reason::ResourceOptions, trace)))
}

/// Answers a request for the file, which is at this path below the prefix of the site.
pub fn answer_embedded(
    origin: &mut Origin,
    request: &Request<'_>,
    path: &[u8],
    file: &Embedded,
    trace: &mut Trace,
) -> Answer {
    answer(origin, request, path, file, file.content.clone(), trace)
}

/// Answers a request for what was made for it, and holds no second copy of its content. No rules are for its path.
pub fn answer_made(
    origin: &mut Origin,
    request: &Request<'_>,
    mut file: Embedded,
    trace: &mut Trace,
) -> Answer {
    let content = std::mem::take(&mut file.content);
    answer(origin, request, b"", &file, content, trace)
}

fn answer(
    origin: &mut Origin,
    request: &Request<'_>,
    path: &[u8],
    file: &Embedded,
    content: Cow<'static, [u8]>,
    trace: &mut Trace,
) -> Answer {
    if let Some(response) = without_file(request, trace) {
        return Answer::Ready(response);
    }
    let dimensions = file.dimensions();
    if !dimensions.is_empty() {
        dimensions.note(trace);
    }
    let CodingChoice::Chosen(coding, why) = file.choose_coding(request, trace) else {
        let available = [Coding::Identity, file.stored];
        return Answer::Ready(not_acceptable(&available, dimensions));
    };
    let variant = Variant::coded(coding);
    let rules = AppliedRules::at(origin, request, path);
    let tag = format!("{}{}", file.tag, variant.tag_suffix());
    // What is decoded while it is sent has a length that is not known before the end.
    let is_stored = coding == file.stored;
    let metadata = Metadata {
        validators: Embedded::validators(&tag),
        media_type: file.media_type,
        variant,
        dimensions,
        length: is_stored.then_some(content.len() as u64),
        has_ranges: is_stored,
        policy: Some(file.policy),
        rules: &rules,
        prepared: None,
        extra: &file.extra,
    };
    let decided = Decided::new(request, &metadata, why, origin.max_ranges, trace);
    rules.note_caching(trace);
    Answer::Ready(match decided.without_content() {
        Some(response) => response,
        None => with_content(origin, request, (content, file.stored), decided),
    })
}

/// The response with the content: as it is stored, or decoded while it is sent.
fn with_content(
    origin: &mut Origin,
    request: &Request<'_>,
    (content, stored): (Cow<'static, [u8]>, Coding),
    decided: Decided<'_>,
) -> Response {
    let bytes = match content {
        Cow::Borrowed(content) => HeldBytes::of_program(content),
        Cow::Owned(content) => held(origin, content),
    };
    if decided.variant().coding == stored {
        return decided.with_content(Whole::Stored(Stored::Memory(bytes)));
    }
    if request.method() == Some(Method::Head) {
        return decided.with_content(Whole::Omitted);
    }
    let source = Box::new(MemorySource::new(bytes));
    match (origin.site)
        .memory
        .decoded(request.client.network(), source)
    {
        Some(decoded) => decided.with_content(Whole::Source(Box::new(decoded))),
        None => disk_error(DiskError::CodersBusy),
    }
}

fn held(origin: &Origin, content: Vec<u8>) -> Rc<HeldBytes> {
    let charge = origin.site.memory.charge_anyway(Account::Contents, 0);
    HeldBytes::new(Storage::of(content), charge)
}
