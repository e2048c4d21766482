//! Lists a directory. It is read in pieces, then the rules for a file apply to the listing too (RFC
//! 9110 sections 8, 12.5.1, 12.5.3 and 13).

use std::rc::Rc;

use crate::http1::version::Version;
use crate::origin::handler::{Answer, Origin, Polled, Responder};
use crate::origin::refuse::{disk_error, not_acceptable};
use crate::origin::represent::{Decided, Metadata, Whole};
use crate::origin::request::{Request, RequestBody};
use crate::origin::response::Response;
use crate::semantics::accept::choose_media_type;
use crate::semantics::coding::{self, Coding, CodingChoice, CodingReason};
use crate::semantics::rules::RuleSet;
use crate::semantics::trace::{Clause, Evidence, Quote, Step, Trace, clause};
use crate::semantics::validator::{EntityTag, Validators};
use crate::semantics::variant::{Dimension, Dimensions, Variant, note_vary};
use crate::site::body::{MemorySource, Pulled, Reserved, Source, Stored};
use crate::site::body_error::BodyError;
use crate::site::compress::{Coded, PIECE, code};
use crate::site::listing::{
    CONTENT_SECURITY_POLICY, EntryKind, Format, ListedEntry, Listing, ListingQuery, Renderer, Scan,
};
use crate::site::path::{SitePath, is_hidden_name, is_nameable};
use crate::site::quota::Reservation;
use crate::site::resolve::Site;
use crate::site::root::{Directory, DirectoryEntry, DiskError, FileKind};

/// Entries read per turn. Each costs a `stat`, so a turn takes about a third of a millisecond.
const ENTRIES_PER_TURN: usize = 256;

/// A listing of at most this many entries is rendered at once, so its length is known. It is about
/// 150 KB for short names and up to 1.4 MB for long ones.
const SMALL: u64 = 512;

/// How the representations of a listing differ.
const DIMENSIONS: Dimensions = &[Dimension::MediaType, Dimension::Coding];

const UNCODED: Clause = clause!("RFC 9110 section 12.5.3", "choose_listing_coding");

const ENTITY_TAG: Clause = clause!("RFC 9110 section 8.8.3", "answer");
const BY_QUERY: Clause = clause!("RFC 9110 section 8.3", "format_by_query");

/// A directory that is being read for its listing.
pub struct ListingJob {
    directory: Directory,
    /// The decoded path.
    path: Box<[u8]>,
    /// The rules that apply to it.
    rules: RuleSet,
    /// The entries so far; `None` after the end.
    scan: Option<Scan>,
    /// Scratch space for names.
    name: Vec<u8>,
    /// Counts this listing in the quota of the origin.
    _place: Reservation,
}

impl ListingJob {
    /// Opens the directory at `path` for a listing as `query` asks.
    pub fn new(
        origin: &Origin,
        path: SitePath<'_>,
        query: &[u8],
        rules: RuleSet,
    ) -> Result<ListingJob, DiskError> {
        if !origin.listings.has_room(1) {
            return Err(DiskError::ListingsBusy);
        }
        Ok(ListingJob {
            directory: origin.site.root().open_directory(path.as_bytes())?,
            path: path.as_bytes().into(),
            rules,
            scan: Some(Scan::new(&ListingQuery::parse(query))),
            name: Vec::new(),
            _place: origin.listings.reserve(1),
        })
    }

    /// Reads some entries. Returns whether there may be more.
    fn read(&mut self, scan: &mut Scan, site: &Site) -> Result<bool, DiskError> {
        let hidden = site.options().hidden;
        for _ in 0..ENTRIES_PER_TURN {
            let is_shown = |name: &[u8]| {
                (hidden || !is_hidden_name(name)) && is_nameable(name) && scan.wants(name)
            };
            let entry = site
                .root()
                .next_entry(&mut self.directory, &mut self.name, is_shown)?;
            match entry {
                None => return Ok(false),
                Some(DirectoryEntry::Skipped) => {}
                Some(DirectoryEntry::Served(kind, state)) => scan.push(ListedEntry {
                    name: &self.name,
                    kind: match kind {
                        FileKind::Directory => EntryKind::Directory,
                        FileKind::File | FileKind::Other => EntryKind::File,
                    },
                    size: state.size,
                    modified: Some(state.modified),
                }),
            }
        }
        Ok(true)
    }

    /// Answers a request for a directory that was read to its end.
    fn answer(
        &self,
        origin: &mut Origin,
        request: &Request<'_>,
        listing: Listing,
        trace: &mut Trace,
    ) -> Response {
        note_vary(DIMENSIONS, trace);
        let query = ListingQuery::parse(request.query());
        let format = match query.format {
            Some(format) => format_by_query(format, trace),
            None => format_by_accept(request, trace),
        };
        let is_small = listing.totals().entries() <= SMALL;
        let (coding, why) = match choose_listing_coding(origin, request, is_small, trace) {
            CodingChoice::Chosen(coding, why) => (coding, why),
            CodingChoice::NotAcceptable => return not_acceptable(DIMENSIONS),
        };
        let variant = Variant::coded(coding);
        let listing_is_cut = listing.totals().omitted > 0;
        let tag = listing.entity_tag(&query, format) + variant.tag_suffix();
        let whole = listing_content(origin, &self.path, query, format, listing, coding, is_small);
        let length = match &whole {
            Whole::Stored(stored) if coding == Coding::Identity => Some(stored.len()),
            _ => None,
        };
        let metadata = Metadata {
            validators: Validators {
                entity_tag: Some(EntityTag {
                    // If entries are omitted, the disk's order determines which ones are shown.
                    weak: listing_is_cut,
                    opaque: tag.as_bytes(),
                }),
                last_modified: None,
            },
            media_type: format.content_type(),
            variant,
            dimensions: DIMENSIONS,
            length,
            has_ranges: length.is_some(),
            policy: Some(CONTENT_SECURITY_POLICY),
            rules: self.rules,
            prepared: None,
        };
        note_entity_tag(&metadata.validators, trace);
        let decided = Decided::new(request, &metadata, why, origin.max_ranges, trace);
        match decided.without_content() {
            Some(response) => response,
            None => decided.with_content(whole),
        }
    }
}

impl Responder for ListingJob {
    fn poll(
        &mut self,
        request: &Request<'_>,
        _body: &mut dyn RequestBody,
        origin: &mut Origin,
        trace: &mut Trace,
    ) -> Polled {
        let Some(mut scan) = self.scan.take() else {
            // A bug: nobody polls it after the end.
            return Polled::Done(Answer::Ready(disk_error(DiskError::Failed)));
        };
        let response = match self.read(&mut scan, &origin.site) {
            Ok(true) => {
                self.scan = Some(scan);
                return Polled::More;
            }
            Ok(false) => self.answer(origin, request, scan.finish(), trace),
            Err(fault) => disk_error(fault),
        };
        Polled::Done(Answer::Ready(response))
    }
}

fn choose_listing_coding(
    origin: &Origin,
    request: &Request<'_>,
    is_small: bool,
    trace: &mut Trace,
) -> CodingChoice {
    let choice = coding::choose(request.fields(), origin.offered(true), trace);
    let why = if is_small {
        None
    } else if request.head.head.version == Version::Http10 {
        Some(CodingReason::LengthUnknown)
    } else {
        (!origin.coders.has_room(1)).then_some(CodingReason::CodersBusy)
    };
    match (choice, why) {
        (CodingChoice::Chosen(Coding::Gzip | Coding::Deflate, _), Some(why))
            if coding::accepts_identity(request.fields()) =>
        {
            trace.note(|| Step::new(UNCODED, why.text()));
            CodingChoice::Chosen(Coding::Identity, why)
        }
        (choice, _) => choice,
    }
}

fn listing_content(
    origin: &Origin,
    path: &[u8],
    query: ListingQuery,
    format: Format,
    listing: Listing,
    coding: Coding,
    is_small: bool,
) -> Whole {
    let mut page = Page(Renderer::new(path, query, format, listing));
    if !is_small {
        return match coding {
            Coding::Identity => Whole::Source(Box::new(Reserved::new(page, &origin.listings))),
            coding => {
                let coded = Coded::new(Box::new(Reserved::new(page, &origin.listings)), coding);
                Whole::Source(Box::new(Reserved::new(coded, &origin.coders)))
            }
        };
    }
    let mut bytes = Vec::new();
    // Neither rendering nor coding can fail in memory.
    while let Ok(Pulled::More) = page.pull(&mut bytes, PIECE) {}
    let bytes: Rc<[u8]> = bytes.into();
    if coding == Coding::Identity {
        return Whole::Stored(Stored::Memory(bytes));
    }
    let coded = code(Box::new(MemorySource::new(bytes)), coding).unwrap_or_default();
    Whole::Stored(Stored::Memory(coded.into()))
}

/// A rendered listing as a source of bytes.
struct Page(Renderer);

impl Source for Page {
    fn pull(&mut self, out: &mut Vec<u8>, budget: usize) -> Result<Pulled, BodyError> {
        Ok(self.0.pull(out, budget))
    }
}

fn note_entity_tag(validators: &Validators<'_>, trace: &mut Trace) {
    trace.note_if(|| {
        let tag = validators.entity_tag?;
        let finding = match tag.weak {
            false => "the entity-tag is a hash of the entries, their order and the format",
            true => "the entity-tag is weak because the listing leaves out some entries",
        };
        let tag = Evidence::Value(Quote::written(|out| tag.write(out)));
        Some(Step::new(ENTITY_TAG, finding).with(tag))
    });
}

fn format_by_query(format: Format, trace: &mut Trace) -> Format {
    trace.note(|| {
        let media_type = Quote::of(format.content_type().as_bytes());
        let step = Step::new(
            BY_QUERY,
            "the query chooses the media type, so Accept is ignored",
        );
        step.with(Evidence::Value(media_type))
    });
    format
}

fn format_by_accept(request: &Request<'_>, trace: &mut Trace) -> Format {
    const FORMATS: [Format; 2] = [Format::Html, Format::Json];
    // The charset is listed for JSON too, so a client that asks for UTF-8 still gets JSON.
    let offered = [
        "text/html; charset=utf-8",
        "application/json; charset=utf-8",
    ];
    FORMATS[choose_media_type(request.fields(), &offered, trace).index]
}
