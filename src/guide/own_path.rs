//! The paths of the server's own pages.

use crate::origin::request::Request;
use crate::site::prefix::Prefix;
use crate::text::percent;

/// A path such as `.docroot/lab/` in the site with this prefix, as requests have it.
pub(super) fn in_site(prefix: &Prefix, path: &str) -> Box<str> {
    let prefix = percent::path(prefix.as_bytes());
    format!("/{prefix}{path}").into()
}

/// The part of the path of a request below `path`, which ends with a slash. `None` for other requests.
pub(super) fn below<'a>(path: &str, request: &Request<'a>) -> Option<&'a str> {
    let below = request.head.target.path()?.strip_prefix(path.as_bytes())?;
    str::from_utf8(below).ok()
}
