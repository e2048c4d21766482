//! RFC 9110 section 8: a directory as one file, `/photos/?archive=zip`.
//!
//! An archive is made while it is sent. So its length is not known, it has no validators and no ranges, and if
//! something in it cannot be read, the connection is cut.

use crate::origin::applied_rules::AppliedRules;
use crate::origin::attempt::Attempt;
use crate::origin::handler::{Answer, Origin, Polled, Responder};
use crate::origin::patience::{DISK_PATIENCE, Patience};
use crate::origin::reason::Reason;
use crate::origin::refuse::{disk_error, error};
use crate::origin::represent::{Decided, Extra, Metadata, Whole};
use crate::origin::request::{Request, RequestBody};
use crate::origin::response::Response;
use crate::semantics::coding::{Coding, CodingReason};
use crate::semantics::disposition::attachment;
use crate::semantics::edit::{Edit, NewTarget};
use crate::semantics::method::Method;
use crate::semantics::status::Status;
use crate::semantics::trace::{Clause, Evidence, Quote, Step, Trace, clause};
use crate::semantics::validator::Validators;
use crate::semantics::variant::{Dimensions, Variant};
use crate::site::archive::source::{ArchiveSource, Prepared, Recipient};
use crate::site::archive::{ArchiveFormat, ArchiveSpec, Readable, Selection};
use crate::site::body::Body;
use crate::site::body_error::BodyError;
use crate::site::disk_error::DiskError;
use crate::site::path::SitePath;

const WANTED: Clause = clause!("RFC 9110 section 8.3", "wanted");
const ARCHIVE: Clause = clause!("RFC 9110 section 8.3", "answer_archive");

/// The listing of the same directory.
const WITHOUT_ARCHIVE: NewTarget = NewTarget::WithoutQuery("archive");

/// The name of the root directory of the system, which has none.
const ROOT: &[u8] = b"root";

/// What the query asks for.
pub(super) enum Wanted {
    /// An archive in this format.
    Archive(ArchiveFormat),
    /// An archive in a format that docroot does not make. This is the response.
    UnknownFormat(Response),
}

/// The archive that the query asks for; `None` if it asks for none, or if archives are off.
pub(super) fn wanted(attempt: &mut Attempt<'_>) -> Option<Wanted> {
    let request = attempt.request;
    if !attempt.path.is_directory() || request.method() == Some(Method::Options) {
        return None;
    }
    let pairs = request.query_pairs();
    let mut named = pairs.filter(|pair| *pair.name == *b"archive");
    let value = named.next_back()?.value;
    let options = attempt.origin.site.options();
    // An archive tells the names in a directory, as a listing does.
    let is_on = options.archive && options.listing && options.only.is_none();
    let mut formats = ArchiveFormat::ALL.into_iter();
    let format = formats.find(|format| *format.extension().as_bytes() == *value);
    let evidence = || Evidence::Value(Quote::of(&value));
    match (is_on, format) {
        (true, Some(format)) => Some(Wanted::Archive(format)),
        (true, None) => {
            let (status, reason) = (Status::BadRequest, Reason::ArchiveFormat);
            let step = || reason.step().with(evidence()).leads_to(status);
            attempt.trace.note(step);
            Some(Wanted::UnknownFormat(error(status, reason)))
        }
        (false, _) => {
            let ignored = "the query asks for an archive, and archives are off";
            let step = || {
                let without = Edit::target(WITHOUT_ARCHIVE).keeps_status();
                Step::new(WANTED, ignored).with(evidence()).unless(without)
            };
            attempt.trace.note(step);
            None
        }
    }
}

/// Answers a request with an archive of the directory that its path names.
pub(super) fn answer_archive(attempt: &mut Attempt<'_>, format: ArchiveFormat) -> Answer {
    let (origin, trace) = (&mut *attempt.origin, &mut *attempt.trace);
    let (request, path) = (attempt.request, attempt.path);
    let name = name(origin, path);
    let file_name = [&name, &b"."[..], format.extension().as_bytes()].concat();
    trace.note(|| {
        let finding =
            "the query asks for an archive of the directory, which docroot makes while it sends it";
        let step = Step::new(ARCHIVE, finding).with(Evidence::Value(Quote::of(&file_name)));
        step.unless(Edit::target(WITHOUT_ARCHIVE))
    });
    let rules = AppliedRules::at(origin, request, path.as_bytes());
    let metadata = Metadata {
        validators: Validators::default(),
        media_type: format.media_type(),
        variant: Variant::coded(Coding::Identity),
        dimensions: Dimensions::NONE,
        length: None,
        has_ranges: false,
        policy: None,
        rules: &rules,
        prepared: None,
        extra: &Extra::default().field("Content-Disposition", attachment(&file_name)),
    };
    rules.note_caching(trace);
    let why = CodingReason::NotOffered;
    let decided = Decided::new(request, &metadata, why, origin.max_ranges, trace);
    if let Some(response) = decided.without_content() {
        return Answer::Ready(response);
    }
    let response = decided.with_content(Whole::Omitted);
    if request.method() == Some(Method::Head) {
        return Answer::Ready(response);
    }
    match begin(origin, request, path, &name, format) {
        Ok(source) => Answer::Later(Box::new(ArchiveResponse {
            made: Some((response, source)),
            patience: Patience::of(DISK_PATIENCE),
        })),
        Err(fault) => Answer::Ready(refused(fault, trace)),
    }
}

fn begin(
    origin: &mut Origin,
    request: &Request<'_>,
    path: SitePath<'_>,
    name: &[u8],
    format: ArchiveFormat,
) -> Result<ArchiveSource, DiskError> {
    let network = request.client.network();
    let turn = origin.archives.begin(network);
    let recipient = Recipient {
        network,
        waker: request.wakers.waker(),
        turn: turn.ok_or(DiskError::ArchivesBusy)?,
    };
    let spec = ArchiveSpec {
        folder: path.as_bytes(),
        name,
        format,
        selection: Selection {
            hidden: origin.site.options().hidden,
            readable: Readable::of(&origin.rules.protection, request.user),
        },
    };
    ArchiveSource::new(&mut origin.site, spec, recipient)
}

/// The name of the directory at `path`.
fn name(origin: &Origin, path: SitePath<'_>) -> Vec<u8> {
    let mut names = path.as_bytes().split(|&byte| byte == b'/').rev();
    let name = names.find(|name| !name.is_empty());
    match name.unwrap_or_else(|| origin.site.root().name()) {
        b"" => ROOT.to_vec(),
        name => name.to_vec(),
    }
}

fn refused(fault: DiskError, trace: &mut Trace) -> Response {
    let response = disk_error(fault);
    trace.note(|| response.reason.step().leads_to(response.status));
    response
}

/// A response that waits for the first bytes of its archive.
struct ArchiveResponse {
    /// `None` once it was returned.
    made: Option<(Response, ArchiveSource)>,
    /// For the disk.
    patience: Patience,
}

impl Responder for ArchiveResponse {
    fn poll(
        &mut self,
        request: &Request<'_>,
        _: &mut dyn RequestBody,
        _: &mut Origin,
        trace: &mut Trace,
    ) -> Polled {
        let prepared = self.made.as_mut().map(|(_, source)| source.prepare());
        let fault = match prepared {
            Some(Ok(Prepared::WaitForDisk)) => match self.patience.until(request.instant) {
                Some(end) => return Polled::WaitForDisk(end),
                None => DiskError::TimedOut,
            },
            Some(Ok(Prepared::Again)) => return Polled::More,
            Some(Ok(Prepared::Ready)) => match self.made.take() {
                Some((response, source)) => {
                    let body = Body::Source(Box::new(source));
                    return Polled::Done(Answer::Ready(response.body(body)));
                }
                None => DiskError::Failed,
            },
            Some(Err(BodyError::TakenBack)) => DiskError::ArchivesBusy,
            Some(Err(fault)) => fault.into(),
            // A bug: nobody polls it after the end.
            None => DiskError::Failed,
        };
        Polled::Done(Answer::Ready(refused(fault, trace)))
    }
}
