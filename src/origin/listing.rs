//! Lists a directory. It is read in pieces, then the rules for a file apply to the listing too (RFC
//! 9110 sections 7.1, 8, 12.5.1, 12.5.3 and 13).

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::http1::version::Version;
use crate::origin::applied_rules::AppliedRules;
use crate::origin::attempt::Facts;
use crate::origin::auth::needed::may_read;
use crate::origin::disk_wait::{How, answer_with};
use crate::origin::handler::{Answer, Origin, Polled, Responder};
use crate::origin::offered::offered;
use crate::origin::patience::{DISK_PATIENCE, Patience, RETRY, RETRY_PATIENCE};
use crate::origin::refuse::{disk_error, not_acceptable};
use crate::origin::represent::{Decided, Extra, Metadata, Whole};
use crate::origin::request::{Request, RequestBody};
use crate::origin::response::Response;
use crate::origin::variants::{Sought, Variants};
use crate::semantics::accept::choose_media_type;
use crate::semantics::coding::{self, Coding, CodingChoice, CodingReason};
use crate::semantics::edit::{Edit, NewTarget};
use crate::semantics::method::Method;
use crate::semantics::trace::{Clause, Evidence, Quote, Step, Trace, clause};
use crate::semantics::validator::{EntityTag, Validators};
use crate::semantics::variant::{Dimension, Dimensions, Variant};
use crate::site::body::{Pulled, Source, Stored};
use crate::site::body_error::BodyError;
use crate::site::budget::{Account, Charge};
use crate::site::compress::{Coded, Coder};
use crate::site::directory::{Read, ReadingWakes, SharedReading};
use crate::site::disk_error::{DiskError, Told};
use crate::site::held::HeldBytes;
use crate::site::held_listing::HeldListing;
use crate::site::listing::{Format, Listing, ListingQuery, Renderer, Shown};
use crate::site::options::SiteOptions;
use crate::site::path::SitePath;
use crate::site::reload_script;
use crate::site::resolve::Site;
use crate::site::root::Root;
use crate::site::storage::Storage;

/// A page of at most this many bytes is rendered at once, so its length is known. A longer one is
/// rendered while it is sent, so a client that reads slowly does not hold the whole page. Style and
/// script take about 20 KiB.
const SMALL: usize = 40 * 1024;

/// How long a job waits for a place, for memory or for a coder. Then the answer is 503.
const PATIENCE: Duration = Duration::from_secs(10);

/// How the representations of a listing differ.
const DIMENSIONS: Dimensions =
    Dimensions::of(Dimension::MediaType).and(Dimensions::of(Dimension::Coding));

const UNCODED: Clause = clause!("RFC 9110 section 12.5.3", "coder_or_identity");

const ENTITY_TAG: Clause = clause!("RFC 9110 section 8.8.3", "answer");
const ROOT: Clause = clause!("RFC 9110 section 7.1", "decided_again");
const BY_QUERY: Clause = clause!("RFC 9110 section 8.3", "format_by_query");

/// A response that waits for a directory to be read.
pub struct ListingJob {
    reading: SharedReading,
    query: ListingQuery,
    /// How the request is decided again if the path of the root leads elsewhere meanwhile.
    how: How,
    /// The root when it was decided.
    root: Arc<Root>,
    /// The directory is only read to know what it has of some files.
    search: Option<Search>,
    /// Further ways in which the responses for this path differ.
    dimensions: Dimensions,
    /// The decoded path.
    path: Box<[u8]>,
    /// The rules that apply to it.
    rules: AppliedRules,
    /// For a place, for memory or for a coder.
    patience: Patience,
    /// For the disk.
    disk_patience: Patience,
    /// For a descriptor, if there was none.
    descriptor_patience: Patience,
    /// When a new reading begins, if the last one found no descriptor, or its listing was taken back.
    begins_again: Option<Instant>,
    wakes: ReadingWakes,
}

/// Files that are looked for, and what the answer is then made with.
struct Search {
    sought: Sought,
    facts: Facts,
}

impl ListingJob {
    /// A job that lists the directory at `path` as the query of the request asks.
    /// `dimensions` are further ways in which the responses for this path differ.
    pub fn new(
        origin: &mut Origin,
        request: &Request<'_>,
        path: SitePath<'_>,
        dimensions: Dimensions,
        how: How,
    ) -> ListingJob {
        let query = ListingQuery::parse(request.query());
        let mut job = ListingJob::with(origin, request, path.as_bytes(), query, how);
        job.dimensions = dimensions;
        job
    }

    /// A job that looks for files in a directory, and then makes the answer with what it has found.
    pub(super) fn of_variants(
        origin: &mut Origin,
        request: &Request<'_>,
        sought: Sought,
        facts: Facts,
        how: How,
    ) -> ListingJob {
        let query = ListingQuery::of_names_with(&String::from_utf8_lossy(&sought.stem));
        let folder = sought.folder.clone();
        let mut job = ListingJob::with(origin, request, &folder, query, how);
        job.search = Some(Search { sought, facts });
        job
    }

    fn with(
        origin: &mut Origin,
        request: &Request<'_>,
        path: &[u8],
        query: ListingQuery,
        how: How,
    ) -> ListingJob {
        ListingJob {
            rules: AppliedRules::at(origin, request, path),
            reading: join(origin, request, path, &query),
            path: path.into(),
            query,
            how,
            root: Arc::clone(origin.site.root()),
            search: None,
            dimensions: Dimensions::NONE,
            patience: Patience::of(PATIENCE),
            disk_patience: Patience::of(DISK_PATIENCE),
            descriptor_patience: Patience::of(RETRY_PATIENCE),
            begins_again: None,
            wakes: ReadingWakes::default(),
        }
    }

    /// Answers a request for a directory that was read to its end. Fails if there is too little memory.
    fn answer(
        &self,
        origin: &mut Origin,
        request: &Request<'_>,
        held: &Rc<HeldListing>,
        trace: &mut Trace,
    ) -> Result<Response, DiskError> {
        if self.search.is_some() {
            // The listing was taken back before `searched` could look at it.
            return Err(DiskError::ListingsBusy);
        }
        let dimensions = DIMENSIONS.and(self.dimensions);
        dimensions.note(trace);
        let format = format(&self.query, request, trace);
        let offered = offered(origin.site.options(), request, true, trace);
        let CodingChoice::Chosen(coding, why) = coding::choose(request.fields(), offered, trace)
        else {
            let available = [&[Coding::Identity], offered].concat();
            return Ok(not_acceptable(&available, dimensions));
        };
        let (coding, why, coder) = coder_or_identity(coding, why, origin, request, trace)?;
        let variant = Variant::coded(coding);
        let listing = held.listing().ok_or(DiskError::ListingsBusy)?;
        let site = &origin.site;
        let shown = shown(site.options(), format);
        let tag = listing.entity_tag(site.root().name(), &self.query, &shown);
        let tag = tag + variant.tag_suffix();
        let policy = shown.policy();
        let mut page = Page::new(&self.path, &self.query, shown, &listing, held, site);
        let small = coder.is_none().then(|| page.take_small(site)).flatten();
        let length = small.as_ref().map(|bytes| bytes.len() as u64);
        let metadata = Metadata {
            validators: Validators {
                entity_tag: Some(EntityTag {
                    // If entries are omitted, the disk's order determines which ones are shown.
                    weak: listing.totals().omitted > 0,
                    opaque: tag.as_bytes(),
                }),
                last_modified: None,
            },
            media_type: format.content_type(),
            variant,
            dimensions,
            length,
            has_ranges: length.is_some(),
            policy: Some(policy),
            rules: &self.rules,
            prepared: None,
            extra: &Extra::default(),
        };
        note_entity_tag(&metadata.validators, trace);
        self.rules.note_caching(trace);
        let decided = Decided::new(request, &metadata, why, origin.max_ranges, trace);
        Ok(decided.without_content().unwrap_or_else(|| {
            let is_head = request.method() == Some(Method::Head);
            decided.with_content(page.whole(small, coder, is_head))
        }))
    }

    /// The answer of a job that looks for files, once the directory was read. A directory that does not
    /// exist or may not be read has none of them.
    fn searched(
        &mut self,
        read: &Read,
        origin: &mut Origin,
        request: &Request<'_>,
        trace: &mut Trace,
    ) -> Option<Answer> {
        let search = self.search.as_ref()?;
        let variants = match read {
            Read::Done(Ok(held)) => {
                let may_read = |path: &[u8]| may_read(&origin.rules, request, path);
                search.sought.among(&*held.listing()?, may_read)
            }
            Read::Done(Err(fault)) if matches!(fault.told(), Told::Absent | Told::Forbidden) => {
                Variants::default()
            }
            _ => return None,
        };
        let Search { sought, mut facts } = self.search.take()?;
        facts.add_variants(sought, variants);
        Some(answer_with(origin, request, facts, self.how, trace))
    }

    /// The answer to a request that is decided again, if the path of the root leads elsewhere than when it was
    /// decided. The index file, for example, may be in the one directory and not in the other.
    fn decided_again(
        &self,
        origin: &mut Origin,
        request: &Request<'_>,
        trace: &mut Trace,
    ) -> Option<Answer> {
        if Arc::ptr_eq(&self.root, origin.site.root()) {
            return None;
        }
        trace.note(|| {
            let finding =
                "the path of the root leads elsewhere by now, so the request is decided again";
            Step::new(ROOT, finding)
        });
        let facts = Facts::default();
        Some(answer_with(origin, request, facts, self.how, trace))
    }

    /// Waits for a descriptor and begins again, unless that has lasted too long.
    fn wait_for_descriptor(&mut self, now: Instant) -> Polled {
        self.begins_again = self.descriptor_patience.next_try(now);
        match self.begins_again {
            Some(at) => Polled::WaitForDisk(at),
            None => Polled::Done(Answer::Ready(disk_error(DiskError::Exhausted))),
        }
    }

    /// Waits for a place, for memory or for a coder, unless that has lasted too long.
    fn wait(&mut self, fault: DiskError, now: Instant) -> Polled {
        match self.patience.next_try(now) {
            Some(at) => Polled::WaitUntil(at),
            None => Polled::Done(Answer::Ready(disk_error(fault))),
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
        if let Some(answer) = self.decided_again(origin, request, trace) {
            return Polled::Done(answer);
        }
        if let Some(at) = self.begins_again {
            if at > request.instant {
                return Polled::WaitForDisk(at);
            }
            self.begins_again = None;
            self.reading = join(origin, request, &self.path, &self.query);
        }
        let (readings, site) = (&mut origin.readings, &mut origin.site);
        let mut reading = self.reading.borrow_mut();
        let read = readings.advance(&mut reading, site, request.caller(), &mut self.wakes);
        drop(reading);
        if !matches!(read, Read::WaitsForDisk | Read::Displaced) {
            self.disk_patience.renew();
        }
        if let Some(answer) = self.searched(&read, origin, request, trace) {
            return Polled::Done(answer);
        }
        let response = match read {
            Read::More | Read::Displaced => return Polled::More,
            Read::WaitsForDisk => match self.disk_patience.until(request.instant) {
                Some(end) => return Polled::WaitForDisk(end),
                None => disk_error(DiskError::TimedOut),
            },
            Read::WaitsForPlace => match self.patience.until(request.instant) {
                Some(end) => return Polled::WaitUntil(end),
                None => disk_error(DiskError::ListingsBusy),
            },
            Read::Waits => return self.wait(DiskError::ListingsBusy, request.instant),
            Read::Done(Ok(held)) => {
                let mark = trace.steps().len();
                match self.answer(origin, request, &held, trace) {
                    Ok(response) => response,
                    Err(fault) => {
                        trace.take_from(mark);
                        if held.listing().is_none() {
                            self.begins_again = Some(request.instant + RETRY);
                        }
                        return self.wait(fault, request.instant);
                    }
                }
            }
            Read::Done(Err(DiskError::Exhausted)) if origin.site.disk().is_some() => {
                return self.wait_for_descriptor(request.instant);
            }
            Read::Done(Err(fault)) => disk_error(fault),
        };
        Polled::Done(Answer::Ready(response))
    }

    /// The reading and the table of all readings have copies of the path and the query.
    fn cost(&self) -> usize {
        3 * (self.path.len() + self.query.cost())
    }
}

/// The reading that the client of a request for the directory at `path` may share.
fn join(
    origin: &mut Origin,
    request: &Request<'_>,
    path: &[u8],
    query: &ListingQuery,
) -> SharedReading {
    let turn = origin.site.turn();
    let network = request.client.network();
    origin.readings.join(path, query, network, turn)
}

/// A coder for the coding that was chosen, or identity and the reason if there can be none. Fails if
/// the client refuses identity.
fn coder_or_identity(
    coding: Coding,
    chosen: CodingReason,
    origin: &mut Origin,
    request: &Request<'_>,
    trace: &mut Trace,
) -> Result<(Coding, CodingReason, Option<Coder>), DiskError> {
    if coding == Coding::Identity {
        return Ok((coding, chosen, None));
    }
    let has_chunks = request.head.head.version == Version::Http11;
    let may_be_identity = coding::accepts_identity(request.fields());
    // Without chunks, the end of a coded listing is that of the connection.
    let coder = match has_chunks || !may_be_identity {
        true => origin.site.memory.coder(request.client.network(), coding),
        false => None,
    };
    let why = match (&coder, has_chunks) {
        (Some(_), _) => return Ok((coding, chosen, coder)),
        (None, _) if !may_be_identity => return Err(DiskError::CodersBusy),
        (None, true) => CodingReason::CodersBusy,
        (None, false) => CodingReason::LengthUnknown,
    };
    let edit = (why == CodingReason::LengthUnknown).then(Edit::http11);
    trace.note(|| Step::new(UNCODED, why.text()).unless(edit));
    Ok((Coding::Identity, why, None))
}

/// A rendered listing as a source of bytes.
struct Page {
    renderer: Renderer,
    held: Rc<HeldListing>,
    /// What was rendered to learn whether the page is small. It is sent first.
    begun: Storage,
    /// How many bytes of it were sent.
    sent: usize,
    /// For the renderer.
    _charge: Charge,
}

impl Page {
    fn new(
        path: &[u8],
        query: &ListingQuery,
        shown: Shown,
        listing: &Listing,
        held: &Rc<HeldListing>,
        site: &Site,
    ) -> Page {
        let renderer = Renderer::new(site.root().name(), path, query.clone(), shown, listing);
        Page {
            _charge: site
                .memory
                .charge_anyway(Account::Listings, renderer.bytes()),
            renderer,
            held: Rc::clone(held),
            begun: Storage::default(),
            sent: 0,
        }
    }

    /// The content of a response: the bytes of a small page, or the page itself.
    fn whole(self, small: Option<Rc<HeldBytes>>, coder: Option<Coder>, is_head: bool) -> Whole {
        match (small, coder) {
            (Some(bytes), _) => Whole::Stored(Stored::Memory(bytes)),
            _ if is_head => Whole::Omitted,
            (None, None) => Whole::Source(Box::new(self)),
            (None, Some(coder)) => Whole::Source(Box::new(Coded::new(Box::new(self), coder))),
        }
    }

    /// The whole page, if it is small.
    fn take_small(&mut self, site: &Site) -> Option<Rc<HeldBytes>> {
        let mut bytes = Vec::new();
        let pulled = self.pull(&mut bytes, SMALL + 1);
        if !matches!(pulled, Ok(Pulled::Done)) || bytes.len() > SMALL {
            // Many connections may keep it, so the system has it back as soon as it is sent.
            self.begun = Storage::copy_of(&[&bytes]);
            return None;
        }
        let charge = site.memory.charge_anyway(Account::Listings, 0);
        Some(HeldBytes::new(Storage::of(bytes), charge))
    }
}

impl Source for Page {
    fn pull(&mut self, out: &mut Vec<u8>, budget: usize) -> Result<Pulled, BodyError> {
        if self.begun.is_empty() {
            let listing = self.held.listing().ok_or(BodyError::TakenBack)?;
            return Ok(self.renderer.pull(&listing, out, budget));
        }
        let end = self.begun.len().min(self.sent + budget.max(1));
        out.extend_from_slice(&self.begun[self.sent..end]);
        self.sent = end;
        if end == self.begun.len() {
            (self.begun, self.sent) = (Storage::default(), 0);
        }
        Ok(Pulled::More)
    }

    fn cost(&self) -> usize {
        self.begun.cost()
    }
}

fn shown(options: &SiteOptions, format: Format) -> Shown {
    let has_script = options.live_reload && format == Format::Html;
    let script = has_script.then(|| reload_script::element(None) + "\n");
    Shown {
        format,
        has_archives: options.archive,
        script: script.map(String::into_boxed_str),
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

fn format(query: &ListingQuery, request: &Request<'_>, trace: &mut Trace) -> Format {
    match query.format {
        Some(format) => format_by_query(format, trace),
        None => format_by_accept(request, trace),
    }
}

fn format_by_query(format: Format, trace: &mut Trace) -> Format {
    trace.note(|| {
        let media_type = Quote::of(format.content_type().as_bytes());
        let step = Step::new(
            BY_QUERY,
            "the query chooses the media type, so Accept is ignored",
        );
        step.with(Evidence::Value(media_type))
            .unless(Edit::target(NewTarget::WithoutQuery("format")))
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
