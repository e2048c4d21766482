//! A representation with chosen validators and freshness, answered by the server's own rules (RFC 9110 sections 8.8,
//! 13 and 14, RFC 9111 sections 4.2 and 5).
//!
//! ```text
//! cache?max-age=60&etag=strong&version=2&modified=Sun, 06 Nov 1994 08:49:37 GMT
//!
//! Cache-Control: max-age=60
//! ETag: "lab-2"
//! Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT
//! ```

use crate::guide::fault::Fault;
use crate::guide::lab::query::Query;
use crate::guide::lab::visit::{Endpoint, Visit};
use crate::guide::plain::{TEXT, described, text};
use crate::origin::handler::{Answer, Origin};
use crate::origin::reason::{OwnPageReason, Reason};
use crate::origin::response::Response;
use crate::semantics::date::HttpDate;
use crate::semantics::decide::{Decision, Selected, decide};
use crate::semantics::field::{is_token, trim};
use crate::semantics::method::Method;
use crate::semantics::range::ContentRange;
use crate::semantics::trace::Trace;
use crate::semantics::validator::{EntityTag, Validators};
use crate::site::body::Body;

/// `cache`.
pub const ENDPOINT: Endpoint = Endpoint::read("cache", answer);

/// The longest time in seconds: a year (RFC 9111 section 1.2.2 lets caches take more for this anyway).
const LONGEST: u64 = 365 * 24 * 60 * 60;

/// The longest name of a version.
const LONGEST_VERSION: usize = 20;

/// The longest value of `Vary`.
const LONGEST_VARY: usize = 100;

/// The longest date in one of the three formats of HTTP.
const LONGEST_DATE: usize = 40;

/// Other directives of a response (section 5.2.2), apart from those with a time.
const DIRECTIVES: [&str; 8] = [
    "no-cache",
    "no-store",
    "no-transform",
    "must-revalidate",
    "must-understand",
    "private",
    "public",
    "immutable",
];

/// How the entity-tag is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tag {
    None,
    Weak,
    Strong,
}

/// A representation that a query describes.
struct Described {
    tag: Tag,
    opaque: String,
    content: String,
    modified: Option<HttpDate>,
    cache_control: String,
    age: Option<u64>,
    vary: Option<String>,
}

fn answer(visit: &Visit<'_>, _: &mut Origin, trace: &mut Trace) -> Result<Answer, Fault> {
    let request = visit.request;
    let described = Described::of(&visit.query, request.now)?;
    let length = described.content.len() as u64;
    let selected = Selected {
        validators: described.validators(),
        length: Some(length),
        has_ranges: true,
    };
    let method = request.method().unwrap_or(Method::Get);
    let (fields, now) = (request.fields(), request.now);
    // A multipart response would hide what is shown here.
    let decision = decide(method, fields, &selected, now, 1, trace);
    let response = Response::new(decision.status(), Reason::OwnPage(OwnPageReason::Lab));
    Ok(Answer::Ready(match decision {
        Decision::NotModified(_) => described.with_cache_fields(response),
        Decision::PreconditionFailed(_) => {
            text(response, "The precondition of the request is false.\n")
        }
        Decision::RangeNotSatisfiable { length } => {
            let range = ContentRange::Unsatisfied(length).to_string();
            let response = response.field("Content-Range", range);
            text(response, format!("There are only {length} bytes.\n"))
        }
        Decision::Partial(range) => {
            let value = ContentRange::Satisfied(range, length).to_string();
            let response = response.field("Content-Range", value);
            // The range is within the content, which is short.
            let (first, last) = (range.first as usize, range.last as usize);
            let part = described.content.as_bytes().get(first..=last);
            described.with_content(response, part.unwrap_or_default())
        }
        Decision::Whole(_) | Decision::Multipart(_) => {
            described.with_content(response, described.content.as_bytes())
        }
    }))
}

impl Described {
    fn of(query: &Query<'_>, now: HttpDate) -> Result<Described, Fault> {
        let tags = [
            ("none", Tag::None),
            ("weak", Tag::Weak),
            ("strong", Tag::Strong),
        ];
        let version = query.text("version", LONGEST_VERSION)?.unwrap_or("1");
        if version.contains('"') {
            return Err(Fault::query("version must not have quotes."));
        }
        let seconds = |name| {
            query
                .value(name)
                .map(|_| query.number(name, 0..=LONGEST, 0))
                .transpose()
        };
        Ok(Described {
            tag: query.choice("etag", &tags, Tag::Strong)?,
            opaque: format!("lab-{version}"),
            // The same version always has the same bytes, as a strong entity-tag promises.
            content: format!("This is version {version} of the representation.\n"),
            modified: modified(query, now)?,
            cache_control: cache_control(query, seconds)?,
            age: seconds("age")?,
            vary: vary(query)?,
        })
    }

    fn validators(&self) -> Validators<'_> {
        let entity_tag = EntityTag {
            weak: self.tag == Tag::Weak,
            opaque: self.opaque.as_bytes(),
        };
        Validators {
            entity_tag: Some(entity_tag).filter(|_| self.tag != Tag::None),
            last_modified: self.modified,
        }
    }

    /// Adds the fields that a 304 has too (RFC 9110 section 15.4.5).
    fn with_cache_fields(&self, mut response: Response) -> Response {
        if !self.cache_control.is_empty() {
            response = response.field("Cache-Control", self.cache_control.clone());
        }
        if let Some(tag) = self.validators().entity_tag {
            let mut value = Vec::new();
            tag.write(&mut value);
            response = response.field("ETag", value);
        }
        if let Some(date) = self.modified {
            response = response.field("Last-Modified", date);
        }
        if let Some(vary) = &self.vary {
            response = response.field("Vary", vary.clone());
        }
        match self.age {
            Some(age) => response.field("Age", age),
            None => response,
        }
    }

    fn with_content(&self, response: Response, content: &[u8]) -> Response {
        let response = described(self.with_cache_fields(response), TEXT);
        let response = response.field("Accept-Ranges", "bytes");
        response.body(Body::of(content.to_vec()))
    }
}

/// The time of the last change, as HTTP writes dates. It must not be in the future (RFC 9110 section 8.8.2.1).
fn modified(query: &Query<'_>, now: HttpDate) -> Result<Option<HttpDate>, Fault> {
    let Some(text) = query.text("modified", LONGEST_DATE)? else {
        return Ok(None);
    };
    let date = HttpDate::parse(text.as_bytes(), now).filter(|date| date.seconds() <= now.seconds());
    let example = "Sun, 06 Nov 1994 08:49:37 GMT";
    let fault = || {
        Fault::query(format!(
            "modified is \"{text}\". It must be a past date such as {example}."
        ))
    };
    date.map(Some).ok_or_else(fault)
}

/// The value of `Vary` (RFC 9110 section 12.5.5): names of fields, which are tokens. `*` is a token too.
fn vary(query: &Query<'_>) -> Result<Option<String>, Fault> {
    let Some(text) = query.text("vary", LONGEST_VARY)? else {
        return Ok(None);
    };
    let mut names = text.split(',');
    match names.all(|name| is_token(trim(name.as_bytes()))) {
        true => Ok(Some(text.to_owned())),
        false => Err(Fault::query(format!(
            "vary is \"{text}\". It must be * or names of fields, such as Accept, Accept-Language."
        ))),
    }
}

/// The value of `Cache-Control`; empty if there is none.
fn cache_control(
    query: &Query<'_>,
    seconds: impl Fn(&'static str) -> Result<Option<u64>, Fault>,
) -> Result<String, Fault> {
    let mut members = Vec::new();
    for name in [
        "max-age",
        "s-maxage",
        "stale-while-revalidate",
        "stale-if-error",
    ] {
        if let Some(seconds) = seconds(name)? {
            members.push(format!("{name}={seconds}"));
        }
    }
    for value in query.values("directive") {
        let known = DIRECTIVES.iter().find(|known| known.as_bytes() == value);
        match known {
            Some(known) if members.iter().any(|member| member == known) => {}
            Some(known) => members.push((*known).to_owned()),
            None => {
                let all = DIRECTIVES.join(", ");
                return Err(Fault::query(format!("directive must be one of {all}.")));
            }
        }
    }
    Ok(members.join(", "))
}
