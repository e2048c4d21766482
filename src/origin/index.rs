//! A directory as a representation: read in pieces, then held against the same rules as a file.

use std::rc::Rc;

use crate::origin::refuse::not_acceptable;
use crate::origin::represent::{Decided, Metadata, Whole};
use crate::origin::request::Request;
use crate::origin::response::Response;
use crate::origin::stock::Stock;
use crate::semantics::accept::choose_media_type;
use crate::semantics::coding::{self, Coding, CodingChoice, CodingReason};
use crate::semantics::validator::{EntityTag, Validators};
use crate::site::body_error::BodyError;
use crate::site::compress::{Coded, PIECE, code};
use crate::site::content::{Held, MemorySource, Progress, Source, Stored};
use crate::site::listing::{
    self, CONTENT_SECURITY_POLICY, Entry, Format, Listing, ListingQuery, Renderer, Scan,
};
use crate::site::path::{SitePath, is_hidden_name, is_nameable};
use crate::site::places::Taken;
use crate::site::resolve::Site;
use crate::site::root::{self, Directory, DiskError, Kind};

/// Entries read in one turn: each costs a `stat`, so about a third of a millisecond.
const ENTRIES_A_TURN: usize = 256;

/// Up to this many entries a page is made whole, so that its length is known; some 150 KB.
const SMALL: u64 = 512;

/// A directory being read.
pub struct ListingJob {
    directory: Directory,
    scan: Scan,
    name: Vec<u8>,
    _place: Taken,
}

impl ListingJob {
    /// Opens the directory at `path`, for what `query` asks of it.
    pub fn new(stock: &Stock, path: SitePath<'_>, query: &[u8]) -> Result<ListingJob, DiskError> {
        if !stock.listings.are_free(1) {
            return Err(DiskError::Exhausted);
        }
        Ok(ListingJob {
            directory: stock.site.root().open_directory(path.as_bytes())?,
            scan: Scan::new(&ListingQuery::parse(query)),
            name: Vec::new(),
            _place: stock.listings.take(1),
        })
    }

    /// Reads some entries.
    pub fn step(&mut self, site: &Site) -> Result<Progress, DiskError> {
        let hidden = site.options().hidden;
        for _ in 0..ENTRIES_A_TURN {
            let scan = &self.scan;
            let is_shown = |name: &[u8]| {
                (hidden || !is_hidden_name(name)) && is_nameable(name) && scan.wants(name)
            };
            let entry = site
                .root()
                .next_entry(&mut self.directory, &mut self.name, is_shown)?;
            match entry {
                None => return Ok(Progress::Done),
                Some(root::Entry::Skipped) => {}
                Some(root::Entry::Served(kind, identity)) => self.scan.push(Entry {
                    name: &self.name,
                    kind: match kind {
                        Kind::Directory => listing::Kind::Directory,
                        Kind::File | Kind::Other => listing::Kind::File,
                    },
                    size: identity.size,
                    modified: Some(identity.modified),
                }),
            }
        }
        Ok(Progress::More)
    }

    /// What was read.
    pub fn finish(self) -> Listing {
        self.scan.finish()
    }
}

impl Stock {
    /// Answers for a directory that was read.
    pub fn answer_listing(
        &mut self,
        request: &Request<'_>,
        path: SitePath<'_>,
        listing: Listing,
        out: &mut Vec<u8>,
    ) -> Response {
        let query = ListingQuery::parse(request.target.query().unwrap_or_default());
        let format = query.format.unwrap_or_else(|| format_by_accept(request));
        let is_small = listing.totals().entries() <= SMALL;
        let (coding, why) = match self.choose_listing_coding(request, is_small) {
            CodingChoice::Chosen(coding, why) => (coding, why),
            CodingChoice::NotAcceptable => return not_acceptable(request, VARY, out),
        };
        let listing_is_cut = listing.totals().omitted > 0;
        let tag = listing.entity_tag(&query, format) + coding.suffix();
        let whole = self.listing_content(path, query, format, listing, coding, is_small);
        let length = match &whole {
            Whole::Stored(stored) if coding == Coding::Identity => Some(stored.len()),
            _ => None,
        };
        let metadata = Metadata {
            validators: Validators {
                entity_tag: Some(EntityTag {
                    // Which entries of an endless directory are shown depends on the disk's order.
                    weak: listing_is_cut,
                    opaque: tag.as_bytes(),
                }),
                last_modified: None,
            },
            media_type: format.content_type(),
            coding,
            length,
            has_ranges: length.is_some(),
            vary: VARY,
            policy: Some(CONTENT_SECURITY_POLICY),
            fields: None,
        };
        let answer = Decided::new(request, &metadata, why, self.max_ranges);
        match answer.without_content(out) {
            Some(response) => response,
            None => answer.with_content(whole, out),
        }
    }

    fn choose_listing_coding(&self, request: &Request<'_>, is_small: bool) -> CodingChoice {
        let fields = &request.head.fields;
        let choice = coding::choose(fields, self.offered(true));
        let why = if is_small {
            None
        } else if request.circumstances.is_http10 {
            Some(CodingReason::LengthUnknown)
        } else {
            (!self.coders.are_free(1)).then_some(CodingReason::CodersBusy)
        };
        match (choice, why) {
            (CodingChoice::Chosen(Coding::Gzip | Coding::Deflate, _), Some(why))
                if coding::accepts_identity(fields) =>
            {
                CodingChoice::Chosen(Coding::Identity, why)
            }
            (choice, _) => choice,
        }
    }

    fn listing_content(
        &self,
        path: SitePath<'_>,
        query: ListingQuery,
        format: Format,
        listing: Listing,
        coding: Coding,
        is_small: bool,
    ) -> Whole {
        let mut page = Page(Renderer::new(path.as_bytes(), query, format, listing));
        if !is_small {
            return match coding {
                Coding::Identity => Whole::Stream(Box::new(Held::new(page, &self.listings))),
                coding => {
                    let coded = Coded::new(Box::new(Held::new(page, &self.listings)), coding);
                    Whole::Stream(Box::new(Held::new(coded, &self.coders)))
                }
            };
        }
        let mut bytes = Vec::new();
        // Neither a page nor a coder in memory can fail.
        while let Ok(Progress::More) = page.pull(&mut bytes, PIECE) {}
        let bytes: Rc<[u8]> = bytes.into();
        if coding == Coding::Identity {
            return Whole::Stored(Stored::Memory(bytes));
        }
        let coded = code(Box::new(MemorySource::new(bytes)), coding).unwrap_or_default();
        Whole::Stored(Stored::Memory(coded.into()))
    }
}

/// A listing differs by both.
const VARY: &str = "Accept, Accept-Encoding";

/// A page pulled as content.
struct Page(Renderer);

impl Source for Page {
    fn pull(&mut self, out: &mut Vec<u8>, budget: usize) -> Result<Progress, BodyError> {
        Ok(self.0.pull(out, budget))
    }
}

fn format_by_accept(request: &Request<'_>) -> Format {
    const FORMATS: [Format; 2] = [Format::Html, Format::Json];
    // JSON is always UTF-8; a client that says so is not refused for it.
    let offered = [
        "text/html; charset=utf-8",
        "application/json; charset=utf-8",
    ];
    FORMATS[choose_media_type(&request.head.fields, &offered).index]
}
