//! The path that a page about an error names, and the folders that it links to.
//!
//! Only pages are linked to that exist as far as is known. Invariant: nothing here waits for the disk. What a worker
//! cannot find without that counts as absent.

use crate::origin::handler::Origin;
use crate::origin::pages::{Above, Links, Place, depth};
use crate::origin::reason::Reason;
use crate::origin::refuse::add_place_to;
use crate::origin::request::Request;
use crate::origin::response::Response;
use crate::semantics::status::Status;
use crate::site::path::{PathError, SitePath};
use crate::site::resolve::{Found, Site};
use crate::text::segment::last_segment;

/// How many levels above a path are looked at, beside the root.
const LOOKS: usize = 4;

/// Names the path of the request in a page of docroot about an error.
pub(super) fn add_place(origin: &mut Origin, request: &Request<'_>, response: &mut Response) {
    if !response.has_own_page || !is_about_path(response) {
        return;
    }
    let Some(raw) = request.head.target.path() else {
        return;
    };
    let mut decoded = std::mem::take(&mut origin.decoded);
    let site = &mut origin.site;
    let found = site.options().prefix.decode(raw, &mut decoded);
    let found = found.map(SitePath::as_bytes);
    let place = match found {
        // The server's own pages are no part of the site.
        Ok(path) if response.is_of_server => Place {
            path,
            links: Links::None,
        },
        Ok(path) => Place {
            path,
            links: Links::Above(pages_above(site, path)),
        },
        Err(fault) => outside(site, raw, fault, &mut decoded),
    };
    add_place_to(response, place);
    origin.decoded = decoded;
}

/// Whether the page says something about the path. A redirect says where to go instead. The others are the same for
/// each path, so that they tell nothing about what exists.
fn is_about_path(response: &Response) -> bool {
    let status = response.status;
    let is_about_client = matches!(status, Status::Unauthorized | Status::TooManyRequests)
        || response.reason == Reason::AddressNotAllowed;
    status.code() >= 400 && !is_about_client
}

/// The place of a path that names nothing in the site.
fn outside<'a>(
    site: &'a Site,
    raw: &'a [u8],
    fault: PathError,
    decoded: &'a mut Vec<u8>,
) -> Place<'a> {
    match SitePath::decode(raw, decoded) {
        Ok(path) if fault == PathError::OutsidePrefix => Place {
            path: path.as_bytes(),
            links: Links::Site(site.options().prefix.as_bytes()),
        },
        _ => Place {
            path: raw.strip_prefix(b"/").unwrap_or(raw),
            links: Links::None,
        },
    }
}

/// The folders above `path` that have a page: a listing or an index file.
fn pages_above(site: &mut Site, path: &[u8]) -> Above {
    let lists = site.options().listing;
    let depth = depth(path);
    let mut above = Above::default();
    let mut folder = path;
    for levels in 1..=depth.min(LOOKS) {
        folder = parent(folder);
        if has_page(site, folder, lists) {
            match lists {
                // The folders above a folder exist too.
                true => {
                    above.add_from(levels);
                    return above;
                }
                false => above.add(levels),
            }
        }
    }
    if depth > LOOKS && has_page(site, b"", lists) {
        above.add(depth);
    }
    above
}

/// The folder that the last name of a path is in.
fn parent(path: &[u8]) -> &[u8] {
    let path = path.strip_suffix(b"/").unwrap_or(path);
    &path[..path.len() - last_segment(path).len()]
}

/// Whether the folder is known to have a page.
fn has_page(site: &mut Site, folder: &[u8], lists: bool) -> bool {
    if lists {
        let name = folder.strip_suffix(b"/").unwrap_or(folder);
        // Its index file is not looked for: with or without one, the folder has a page.
        let found = |site: &mut Site| site.find(SitePath::of_decoded(name));
        name.is_empty() || matches!(found(site), Ok(Found::Directory))
    } else {
        let found = site.find(SitePath::of_decoded(folder));
        matches!(found, Ok(Found::File(_)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parent_ends_with_a_slash_unless_it_is_the_root() {
        let check = |path: &str, want: &str| {
            assert_eq!(parent(path.as_bytes()), want.as_bytes(), "{path}");
        };
        check("a", "");
        check("a/", "");
        check("a/b", "a/");
        check("a/b/", "a/");
        check("a/b/c", "a/b/");
        check("", "");
    }
}
