//! Which content coding a file is sent in (RFC 9110 section 12.5.3, RFC 9111 section 5.2.1.6).

use crate::origin::handler::Origin;
use crate::origin::request::Request;
use crate::origin::sidecars::Sidecars;
use crate::semantics::cache_control::forbids_transforming;
use crate::semantics::coding::{self, Coding, CodingChoice};
use crate::semantics::edit::Edit;
use crate::semantics::field::FieldName;
use crate::semantics::precondition::has_condition;
use crate::semantics::trace::{Clause, Step, Trace, clause};
use crate::site::file::StoredFile;
use crate::site::options::SiteOptions;

/// Every coding that the server applies, most preferred first.
const CODINGS: [Coding; 2] = [Coding::Gzip, Coding::Deflate];

/// The most codings on offer: those that the server applies, two that only sidecars have, and identity.
const MOST: usize = 5;

const NO_TRANSFORM: Clause = clause!("RFC 9111 section 5.2.1.6", "offered");

/// The content codings that the server would apply; none if that is off, not worth it, or forbidden by the
/// client. `Vary` does not name `Cache-Control` for that: whoever accepts a coding can read identity too.
pub(super) fn offered(
    options: &SiteOptions,
    request: &Request<'_>,
    is_worth_coding: bool,
    trace: &mut Trace,
) -> &'static [Coding] {
    if !is_worth_coding || !options.compress {
        return &[];
    }
    if forbids_transforming(request.fields()) {
        trace.note(|| {
            let remove = Edit::remove(FieldName::CacheControl);
            let is_same = !has_condition(request.fields());
            Step::new(NO_TRANSFORM, "Cache-Control has no-transform")
                .unless(remove.keeps_status_if(is_same))
        });
        return &[];
    }
    &CODINGS
}

/// Chooses the coding for a file. The order of the offer decides between equal weights: the smallest
/// sidecar comes first, and identity before sidecars that are larger than the file. The codings that the server applies
/// come last, because their size is not known, or known only for a while. So the same request gets the same
/// representation.
pub(super) fn choose_coding(
    origin: &Origin,
    request: &Request<'_>,
    file: &StoredFile,
    sidecars: &Sidecars,
    trace: &mut Trace,
) -> CodingChoice {
    if file.stored() != Coding::Identity {
        return coding::choose_stored(request.fields(), file.stored(), trace);
    }
    let options = origin.site.options();
    let offer = Offer::of(
        file,
        sidecars,
        offered(options, request, file.is_worth_coding, trace),
    );
    let mark = trace.steps().len();
    if options.compress {
        trace.note_if(|| file.step_without_coding());
    }
    match coding::choose(request.fields(), offer.codings(), trace) {
        // If the client refuses identity, it gets a coding even if the coding saves nothing.
        CodingChoice::NotAcceptable => {
            trace.take_from(mark);
            let every = Offer::of(file, sidecars, offered(options, request, true, trace));
            coding::choose(request.fields(), every.codings(), trace)
        }
        choice => choice,
    }
}

/// Every coding in which a client can get the file, identity first.
pub(super) fn available(
    origin: &Origin,
    request: &Request<'_>,
    file: &StoredFile,
    sidecars: &Sidecars,
) -> Vec<Coding> {
    match file.stored() {
        Coding::Identity => {
            let options = origin.site.options();
            let applied = offered(options, request, true, &mut Trace::off());
            let offer = Offer::of(file, sidecars, applied);
            let codings = offer.codings().iter().copied();
            let coded = codings.filter(|coding| *coding != Coding::Identity);
            [Coding::Identity].into_iter().chain(coded).collect()
        }
        stored if stored.is_decoded() => vec![Coding::Identity, stored],
        stored => vec![stored],
    }
}

/// Codings on offer, most preferred first.
struct Offer {
    codings: [Coding; MOST],
    count: usize,
}

impl Offer {
    /// The codings of the sidecars, then those that the server applies.
    fn of(file: &StoredFile, sidecars: &Sidecars, applied: &[Coding]) -> Offer {
        let mut offer = Offer {
            codings: [Coding::Identity; MOST],
            count: 0,
        };
        for coding in sidecars.codings(file).chain(applied.iter().copied()) {
            if !offer.codings().contains(&coding) {
                offer.codings[offer.count] = coding;
                offer.count += 1;
            }
        }
        offer
    }

    fn codings(&self) -> &[Coding] {
        &self.codings[..self.count]
    }
}
