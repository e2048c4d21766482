//! Makes the browser delete what it keeps for this site (Clear Site Data, sections 3 and 4).
//!
//! ```text
//! POST clear    types=cookies&types=cache
//!      Clear-Site-Data: "cookies", "cache"
//! ```
//!
//! It needs POST, so no link and no image of another site can cause it.

use crate::guide::fault::Fault;
use crate::guide::lab::answers::{LONGEST_FORM, ok, with_content};
use crate::guide::lab::query::Query;
use crate::guide::lab::visit::{Endpoint, Methods, Users, Visit};
use crate::guide::plain::text;
use crate::origin::handler::{Answer, Origin};
use crate::origin::response::Response;
use crate::semantics::trace::Trace;

/// `clear`.
pub const ENDPOINT: Endpoint = Endpoint {
    name: "clear",
    methods: Methods::Post,
    users: Users::OwnPages,
    most_content: Some(LONGEST_FORM),
    answer,
};

/// What a browser can delete.
const TYPES: [&str; 8] = [
    "cache",
    "clientHints",
    "cookies",
    "executionContexts",
    "prefetchCache",
    "prerenderCache",
    "storage",
    "*",
];

fn answer(_: &Visit<'_>, origin: &mut Origin, _: &mut Trace) -> Result<Answer, Fault> {
    Ok(with_content(
        origin,
        Box::new(|_, held| clear(&Query::of(&held.bytes))),
    ))
}

fn clear(form: &Query<'_>) -> Result<Response, Fault> {
    let mut wanted = Vec::new();
    for value in form.values("types") {
        let known = TYPES.iter().find(|known| known.as_bytes() == value);
        match known {
            Some(known) if wanted.contains(known) => {}
            Some(known) => wanted.push(*known),
            None => return Err(unknown()),
        }
    }
    if wanted.is_empty() {
        return Err(unknown());
    }
    let quoted: Vec<String> = wanted.iter().map(|name| format!("\"{name}\"")).collect();
    let value = quoted.join(", ");
    let content = format!("Clear-Site-Data: {value}\n");
    Ok(text(ok().field("Clear-Site-Data", value), content))
}

fn unknown() -> Fault {
    Fault::query(format!(
        "types must be one or more of {}.",
        TYPES.join(", ")
    ))
}
