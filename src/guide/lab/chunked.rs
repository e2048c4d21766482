//! A chunked body with chosen chunks (RFC 9112 sections 7.1.1 and 7.1.2, RFC 9110 sections 6.5.1 and 10.1.4, RFC
//! 9530 section 2).
//!
//! ```text
//! chunked?sizes=5,10&delay=500&extension=name&value=a+b&trailers=1
//!
//! 5;name="a b"␍␊
//! aaaa␊␍␊
//! a;name="a b"␍␊
//! ...
//! 0␍␊
//! Content-Digest: sha-256=:...:␍␊     if the request has TE: trailers
//! ␍␊
//! ```

use std::cell::RefCell;
use std::rc::Rc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use crate::guide::fault::Fault;
use crate::guide::lab::answers::{made, ok};
use crate::guide::lab::query::Query;
use crate::guide::lab::timed::{Timed, within_longest, write_filler};
use crate::guide::lab::visit::{Endpoint, Visit};
use crate::http1::chunked::ChunkExtension;
use crate::http1::version::Version;
use crate::origin::handler::{Answer, Origin};
use crate::origin::request::Request;
use crate::origin::response::Response;
use crate::semantics::field::split_outside_quotes;
use crate::semantics::trace::{Clause, Step, Trace, clause};

/// `chunked`.
pub const ENDPOINT: Endpoint = Endpoint::read("chunked", answer);

/// The largest chunk. It is made at once, and an exchange may keep it until its client reads.
const LARGEST: u64 = 16 * 1024;

/// How many chunks there are at most.
const MOST: usize = 64;

/// The longest time between two chunks, in milliseconds.
const LONGEST_DELAY: u64 = 10_000;

/// The longest name or value of an extension. A line with a size and such an extension stays within what
/// recipients accept.
const LONGEST_EXTENSION: usize = 40;

const TRAILERS: Clause = clause!("RFC 9110 section 6.5.1", "may_have_trailers");

fn answer(visit: &Visit<'_>, _: &mut Origin, trace: &mut Trace) -> Result<Answer, Fault> {
    let sizes = visit
        .query
        .numbers("sizes", 1..=LARGEST, MOST, &[5, 10, 20])?;
    let delay = visit.query.milliseconds("delay", LONGEST_DELAY, 500)?;
    within_longest(delay, sizes.len())?;
    let extensions = extension(&visit.query)?;
    let wants_trailers = visit.query.has("trailers");
    let may = wants_trailers && may_have_trailers(visit.request, trace);
    let hash = Rc::new(RefCell::new(Sha256::new()));
    let count = sizes.len();
    let written = Rc::clone(&hash);
    let make = move |number: usize, out: &mut Vec<u8>| {
        let start = out.len();
        write_filler(out, number, sizes.get(number).copied().unwrap_or_default());
        written.borrow_mut().update(&out[start..]);
    };
    let place = visit.place()?;
    let mut source = Timed::new(visit.request.instant, delay, count, Box::new(make), place);
    source.extensions = extensions;
    if may {
        source.make_trailers = Some(Box::new(move || {
            let digest = STANDARD.encode(hash.borrow_mut().finalize_reset());
            vec![("Content-Digest", format!("sha-256=:{digest}:"))]
        }));
    }
    let response: Response = match may {
        true => ok().field("Trailer", "Content-Digest"),
        false => ok(),
    };
    Ok(Answer::Ready(made(response, source)))
}

/// The extension of each chunk, if one is wanted.
fn extension(query: &Query<'_>) -> Result<Vec<ChunkExtension>, Fault> {
    let Some(name) = query.text("extension", LONGEST_EXTENSION)? else {
        return Ok(Vec::new());
    };
    let value = query.text("value", LONGEST_EXTENSION)?.unwrap_or_default();
    let extension = ChunkExtension::new(name, value);
    let extension = extension.ok_or_else(|| {
        Fault::query(format!(
            "extension is \"{name}\". It must be a token: letters, digits and some signs such as - and _."
        ))
    })?;
    Ok(vec![extension])
}

/// Section 6.5.1: trailers are for clients that say `TE: trailers`, because others may discard them. They need the chunked
/// coding (RFC 9112 section 7.1.2), which HTTP/1.0 lacks.
fn may_have_trailers(request: &Request<'_>, trace: &mut Trace) -> bool {
    let values = request.fields().named("TE");
    let mut members = values.flat_map(|value| split_outside_quotes(value, b','));
    let accepts = members.any(|member| member.eq_ignore_ascii_case(b"trailers"));
    let has_chunks = request.head.head.version != Version::Http10;
    trace.note(|| {
        let finding = match accepts {
            _ if !has_chunks => {
                "HTTP/1.0 has no chunked coding, so no trailer section follows the content"
            }
            true => "the request has TE: trailers, so a trailer section follows the content",
            false => "the request has no TE: trailers, so no trailer section follows the content",
        };
        Step::new(TRAILERS, finding)
    });
    accepts && has_chunks
}
