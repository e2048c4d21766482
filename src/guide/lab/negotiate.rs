//! Which of its representations the server would choose, and why (RFC 9110 sections 12.1, 12.5 and 12.5.2).
//!
//! ```text
//! negotiate?accept=text/html;q=0.5,application/json&accept-language=zh&accept-encoding=gzip
//! ```
//!
//! Pages cannot set all of these fields, so each may come as a value of the query too. It then takes the place of the
//! field. The functions that choose are those that choose among files, and the content shows their steps.

use std::io::Write;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};

use crate::guide::fault::Fault;
use crate::guide::lab::answers::ok;
use crate::guide::lab::query::Query;
use crate::guide::lab::visit::{Endpoint, Visit};
use crate::guide::plain::described;
use crate::http1::limits::HeadLimits;
use crate::http1::parse::{ParseState, RequestHead, request_head};
use crate::origin::handler::{Answer, Origin};
use crate::origin::reason::Reason;
use crate::origin::request::Request;
use crate::origin::response::Response;
use crate::semantics::accept::choose_media_type;
use crate::semantics::coding::{Coding, CodingChoice, choose};
use crate::semantics::language::wanted;
use crate::semantics::status::Status;
use crate::semantics::trace::{Trace, write_steps};
use crate::site::body::Body;
use crate::text::escape::{Html, JsonString, Line};

/// `negotiate`.
pub const ENDPOINT: Endpoint = Endpoint::read("negotiate", answer);

/// The fields that select a representation.
const FIELDS: [&str; 4] = [
    "Accept",
    "Accept-Language",
    "Accept-Encoding",
    "Accept-Charset",
];

/// The longest value of one of them.
const LONGEST: usize = 300;

const TYPES: [&str; 3] = ["text/plain", "text/html", "application/json"];
const TYPES_WITH_CHARSET: [&str; 3] = [
    "text/plain; charset=utf-8",
    "text/html; charset=utf-8",
    "application/json",
];
const LANGUAGES: [&str; 3] = ["en", "zh", "de"];
const GREETINGS: [&str; 3] = ["Hello, world", "你好，世界", "Hallo, Welt"];
const CODINGS: [Coding; 2] = [Coding::Gzip, Coding::Deflate];

fn answer(visit: &Visit<'_>, _: &mut Origin, _: &mut Trace) -> Result<Answer, Fault> {
    let head = asked(visit.request, &visit.query)?;
    let (mut state, mut lines) = (ParseState::default(), Vec::new());
    let limits = HeadLimits {
        target: 1,
        head: head.len(),
        // The head of the request has met the limit already.
        fields: usize::MAX,
    };
    let parsed = request_head(&head, &mut state, &mut lines, &limits);
    let parsed = parsed.ok().flatten();
    let parsed = parsed.ok_or_else(|| Fault::query("A value is not valid in a field."))?;
    Ok(Answer::Ready(chosen(&parsed)))
}

/// A head with the fields that the query asks for, or else those of the request.
fn asked(request: &Request<'_>, query: &Query<'_>) -> Result<Vec<u8>, Fault> {
    let mut head = b"GET / HTTP/1.1\r\n".to_vec();
    for name in FIELDS {
        let parameter = name.to_ascii_lowercase();
        let given = query.text(&parameter, LONGEST)?.map(str::as_bytes);
        // RFC 9110 section 5.3: several lines are one list.
        let sent = request.fields().named(name);
        let sent = sent.filter(|_| given.is_none());
        for value in given.into_iter().chain(sent) {
            head.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
        }
    }
    head.extend_from_slice(b"\r\n");
    Ok(head)
}

/// The response with the representation that is chosen.
fn chosen(head: &RequestHead<'_>) -> Response {
    let (fields, mut trace) = (&head.fields, Trace::watched());
    let media_type = choose_media_type(fields, &TYPES, &mut trace).index;
    let tags = wanted(fields).tags;
    let mut known = tags.iter().filter_map(|tag| {
        LANGUAGES
            .iter()
            .position(|language| *language == tag.as_str())
    });
    let language = known.next().unwrap_or(0);
    let coding = match choose(fields, &CODINGS, &mut trace) {
        CodingChoice::Chosen(coding, _) => Some(coding),
        CodingChoice::NotAcceptable => None,
    };
    let mut steps = Vec::new();
    write_steps(&mut steps, trace.steps());
    let steps = String::from_utf8_lossy(&steps);
    let asked = FIELDS.iter().flat_map(|name| {
        let values = fields.named(name);
        values.map(move |value| format!("{name}: {}\n", Line(value)))
    });
    let text = format!(
        "{}\n\nThe request, as far as it selects:\n{}\nThe choice:\n  media type {}\n  language {}\n  coding {}\n  \
         charset utf-8: RFC 9110 section 12.5.2 lets servers ignore Accept-Charset\n\nThe steps:\n{steps}",
        GREETINGS[language],
        asked.collect::<String>(),
        TYPES[media_type],
        LANGUAGES[language],
        coding.map_or("none is acceptable", Coding::name),
    );
    let status = if coding.is_some() {
        Status::Ok
    } else {
        Status::NotAcceptable
    };
    let response = Response { status, ..ok() };
    let response = described(response, TYPES_WITH_CHARSET[media_type])
        .field("Content-Language", LANGUAGES[language])
        .field("Vary", "Accept, Accept-Language, Accept-Encoding")
        .field("Cache-Control", "no-store");
    let content = in_media_type(media_type, &text);
    coded(
        response,
        coding.unwrap_or(Coding::Identity),
        content.as_bytes(),
    )
}

/// The text in one of [`TYPES`].
fn in_media_type(index: usize, text: &str) -> String {
    match TYPES[index] {
        "text/html" => {
            // A line break would be escaped.
            let lines = text
                .lines()
                .map(|line| format!("{}\n", Html(line.as_bytes())));
            let text: String = lines.collect();
            format!("<!doctype html>\n<title>negotiation</title>\n<pre>\n{text}</pre>\n")
        }
        "application/json" => {
            let text = JsonString(text.as_bytes());
            format!("{{\"text\":{text}}}\n")
        }
        _ => text.to_owned(),
    }
}

/// The response with content in a coding. It is short, so it is coded at once.
fn coded(response: Response, coding: Coding, content: &[u8]) -> Response {
    let made = match coding {
        Coding::Gzip => {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(content).and_then(|()| encoder.finish())
        }
        Coding::Deflate => {
            let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(content).and_then(|()| encoder.finish())
        }
        _ => return response.body(Body::of(content.to_vec())),
    };
    match made {
        Ok(bytes) => response
            .field("Content-Encoding", coding.name())
            .body(Body::of(bytes)),
        // Writing to memory does not fail.
        Err(_) => Response::new(Status::InternalServerError, Reason::Unanswered),
    }
}
