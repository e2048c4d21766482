//! RFC 6266 section 4.2: `/a.txt?download` asks for content that is to be saved.

use crate::origin::represent::Extra;
use crate::origin::request::Request;
use crate::semantics::disposition::attachment;
use crate::semantics::edit::{Edit, NewTarget};
use crate::semantics::trace::{Clause, Evidence, Quote, Step, Trace, clause};
use crate::site::file::StoredFile;

/// Adds `Content-Disposition` if the query asks for content that is to be saved.
pub(super) fn with_disposition(
    extra: Extra,
    request: &Request<'_>,
    file: &StoredFile,
    trace: &mut Trace,
) -> Extra {
    const DOWNLOAD: Clause = clause!("RFC 6266 section 4.2", "with_disposition");
    let mut pairs = request.query_pairs();
    if !pairs.any(|pair| *pair.name == *b"download") {
        return extra;
    }
    let value = attachment(file.name());
    trace.note(|| {
        let step = Step::new(DOWNLOAD, "the query asks for a download instead of display");
        let without = Edit::target(NewTarget::WithoutQuery("download")).keeps_status();
        step.with(Evidence::Value(Quote::of(value.as_bytes())))
            .unless(without)
    });
    extra.field("Content-Disposition", value)
}
