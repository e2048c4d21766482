//! The sidecars of a file: files beside it that hold its content in a coding (RFC 9110 section 8.4).
//!
//! ```text
//! page.html       the original, which gives the media type, the date and the rules
//! page.html.br    its content in Brotli, unless it is outdated
//! page.html.zst   in Zstandard
//! page.html.gz    in gzip
//! ```

use std::rc::Rc;

use crate::origin::attempt::{Attempt, Obstacle};
use crate::origin::handler::Origin;
use crate::semantics::coding::{Coding, accepts, accepts_identity};
use crate::semantics::edit::Edit;
use crate::semantics::field::FieldName;
use crate::semantics::precondition::asks_for_whole;
use crate::semantics::trace::{Clause, Evidence, Quote, Step, clause};
use crate::semantics::variant::{Outdated, SIDECARS, original_of, outdated};
use crate::site::disk_error::DiskError;
use crate::site::file::StoredFile;
use crate::site::resolve::Found;

const CLAUSE: Clause = clause!("RFC 9110 section 8.4", "find");

/// The sidecars that may be sent in response to a request, smallest first.
#[derive(Default)]
pub(super) struct Sidecars(Vec<Sidecar>);

struct Sidecar {
    coding: Coding,
    file: Rc<StoredFile>,
}

impl Sidecars {
    /// Looks for the sidecars of `file` whose codings the client accepts.
    pub fn find(attempt: &mut Attempt<'_>, file: &Rc<StoredFile>) -> Result<Sidecars, Obstacle> {
        let mut sidecars = Sidecars::default();
        if !file.stored().is_decoded() {
            // The file holds its content only in this coding, as a sidecar does.
            let (coding, file) = (file.stored(), Rc::clone(file));
            sidecars.0.push(Sidecar { coding, file });
            return Ok(sidecars);
        }
        if !may_have_sidecars(attempt.origin, file) {
            return Ok(sidecars);
        }
        let fields = attempt.request.fields();
        let accepted = SIDECARS.map(|(coding, _)| accepts(fields, coding));
        if accepted == [false; SIDECARS.len()] {
            let finding = "Accept-Encoding accepts no coding of precompressed files";
            attempt.trace.note(|| {
                let accept = Edit::set(FieldName::AcceptEncoding, "br, zstd, gzip");
                let keeps = asks_for_whole(fields) && accepts_identity(fields);
                Step::new(CLAUSE, finding).unless(accept.keeps_status_if(keeps))
            });
            return Ok(sidecars);
        }
        let codings = SIDECARS.into_iter().zip(accepted);
        for ((coding, extension), _) in codings.filter(|(_, is_accepted)| *is_accepted) {
            let path = [&*file.path, b".", extension.as_bytes()].concat();
            let found = look(attempt, &path, file)?;
            sidecars
                .0
                .extend(found.map(|file| Sidecar { coding, file }));
        }
        sidecars.0.sort_by_key(|sidecar| sidecar.file.size());
        attempt.trace.note_if(|| sidecars.step_of_order(file));
        Ok(sidecars)
    }

    /// The sidecar in this coding.
    pub fn get(&self, coding: Coding) -> Option<&Rc<StoredFile>> {
        let mut all = self.0.iter();
        let found = all.find(|sidecar| sidecar.coding == coding);
        found.map(|sidecar| &sidecar.file)
    }

    /// A sidecar whose entity-tag is not known yet.
    pub fn without_tags(&self) -> Option<&Rc<StoredFile>> {
        let mut files = self.0.iter().map(|sidecar| &sidecar.file);
        files.find(|file| !file.has_tags())
    }

    /// The step that says which of several representations comes first.
    fn step_of_order(&self, original: &StoredFile) -> Option<Step> {
        let names: Vec<&str> = self.codings(original).map(Coding::name).collect();
        let finding = "if the client prefers several codings equally, the smallest file is sent";
        let order = Quote::of(names.join(", ").as_bytes());
        let step = Step::new(CLAUSE, finding).with(Evidence::Value(order));
        (names.len() > 1).then(|| step.unless(Edit::remove(FieldName::AcceptEncoding)))
    }

    /// The codings of the sidecars, the smallest sidecar first. Identity stands before those that are larger than the
    /// original, if there are any.
    pub fn codings(&self, original: &StoredFile) -> impl Iterator<Item = Coding> {
        let is_smaller = |sidecar: &&Sidecar| sidecar.file.size() <= original.size();
        let (smaller, larger) = self
            .0
            .split_at(self.0.iter().take_while(is_smaller).count());
        let identity = (!larger.is_empty()).then_some(Coding::Identity);
        let coding = |sidecar: &Sidecar| sidecar.coding;
        let smaller = smaller.iter().map(coding);
        smaller.chain(identity).chain(larger.iter().map(coding))
    }
}

/// A sidecar has none itself. Nothing shows whether a sidecar is as new as a file without a known time.
fn may_have_sidecars(origin: &Origin, file: &StoredFile) -> bool {
    let options = origin.site.options();
    options.precompressed
        && options.only.is_none()
        && file.stored() == Coding::Identity
        && !file.is_size_unknown
        // A sidecar was made without the script.
        && !file.has_script
        && original_of(file.name()).is_none()
}

/// The sidecar at `path`, if there is one that may be sent for `original`.
fn look(
    attempt: &mut Attempt<'_>,
    path: &[u8],
    original: &StoredFile,
) -> Result<Option<Rc<StoredFile>>, Obstacle> {
    let ignored = |attempt: &mut Attempt<'_>, finding| {
        let step = || Step::new(CLAUSE, finding).with(Evidence::Value(Quote::of(path)));
        attempt.trace.note(step);
        Ok(None)
    };
    let found = match attempt.find(path) {
        // The original can be sent without it.
        Err(Obstacle::Scarcity(fault)) => Err(fault),
        found => found?,
    };
    let file = match found {
        Ok(Found::File(file)) => file,
        Ok(Found::Directory) => {
            return ignored(attempt, "a directory has the name of a precompressed file");
        }
        Err(DiskError::NotFound) => return Ok(None),
        Err(fault) => {
            attempt.trace.note(|| {
                let why = Quote::of(fault.text().as_bytes());
                let step = Step::new(CLAUSE, "this precompressed file cannot be sent");
                step.with(Evidence::Became(Quote::of(path), why))
            });
            return Ok(None);
        }
    };
    if file.is_size_unknown || file.size() == 0 {
        return ignored(
            attempt,
            "this precompressed file is empty, so it holds no content",
        );
    }
    if let Some(why) = outdated(file.state.times(), original.state.times()) {
        attempt.origin.outdated.tell(path, &original.path, why);
        return ignored(attempt, outdated_finding(why));
    }
    if attempt.facts.may_lack_tags && !file.has_tags() {
        let finding = "this precompressed file has no entity-tag, because it changed each time that it was read, so it is ignored";
        return ignored(attempt, finding);
    }
    attempt.trace.note(|| {
        let size = Quote::of(format!("{} bytes", file.size()).as_bytes());
        let step = Step::new(CLAUSE, "there is a precompressed file that is not outdated");
        let remove = Edit::remove(FieldName::AcceptEncoding);
        step.with(Evidence::Became(Quote::of(path), size))
            .unless(remove.keeps_status_if(asks_for_whole(attempt.request.fields())))
    });
    Ok(Some(file))
}

fn outdated_finding(why: Outdated) -> &'static str {
    match why {
        Outdated::Older => "this precompressed file is older than the original, so it is ignored",
        Outdated::PutBefore => {
            "this precompressed file may be outdated, because the original was put in place after it, so it is ignored"
        }
    }
}
