//! The language of one of the server's own pages (RFC 9110 section 12.5.4).
//!
//! `?lang=zh` chooses it, then the cookie of a site in several languages, then `Accept-Language`.

use crate::origin::request::Request;
use crate::semantics::cookie;
use crate::semantics::language::{Language, chosen, wanted};

/// The index of the language of a request among these tags, the first of which is for clients that want none of them.
pub fn chosen_of(request: &Request<'_>, tags: &[&str]) -> usize {
    let asked = request.query_pairs().find(|pair| *pair.name == b"lang"[..]);
    let asked = asked.map(|pair| chosen(&pair.value)).unwrap_or_default();
    let remembered = cookie::language(request.fields());
    let remembered = remembered.map(chosen).unwrap_or_default();
    let accepted = wanted(request.fields()).tags;
    let mut all = asked.iter().chain(&remembered).chain(&accepted);
    let index = |wanted: &Language| tags.iter().position(|tag| *tag == wanted.as_str());
    all.find_map(index).unwrap_or(0)
}
