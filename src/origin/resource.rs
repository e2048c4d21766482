//! What a path names if the site has clean URLs.
//!
//! ```text
//! /about        about.html, also if there is a directory about/
//! /about/       about/index.html, or a redirect to /about if there is only about.html
//! /about.html   a redirect to /about
//! /d/index.html a redirect to /d/
//! ```

use std::borrow::Cow;
use std::rc::Rc;

use crate::origin::disk_wait::{Facts, Obstacle};
use crate::origin::handler::Origin;
use crate::site::file::StoredFile;
use crate::site::path::SitePath;
use crate::site::resolve::Found;
use crate::site::root::DiskError;
use crate::text::segment::last_segment;
use crate::text::{append, percent};

/// What a path names.
pub(super) enum Resource<'a> {
    /// A file, and the path that names it.
    File(Rc<StoredFile>, Cow<'a, [u8]>),
    /// A directory without an index file. The path may lack the slash at its end.
    Directory,
    /// The resource has another URL, to which this relative reference leads.
    Elsewhere(Vec<u8>),
    /// Nothing that can be served.
    None(DiskError),
}

impl Resource<'_> {
    /// The file, if it is one.
    pub(super) fn file(&self) -> Option<&Rc<StoredFile>> {
        match self {
            Resource::File(file, _) => Some(file),
            Resource::Directory | Resource::Elsewhere(_) | Resource::None(_) => None,
        }
    }
}

/// The end of a name that clean URLs leave out.
const HTML: &[u8] = b".html";

/// What `path` names.
pub(super) fn resource<'a>(
    origin: &mut Origin,
    path: SitePath<'a>,
    facts: &Facts,
) -> Result<Resource<'a>, Obstacle> {
    let found = facts.find(origin, path)?;
    if !origin.site.options().clean_urls || origin.site.options().only.is_some() {
        return Ok(named(found, path));
    }
    match &found {
        Ok(Found::File(file)) if *file.path == *path.as_bytes() => {
            if let Some(reference) = clean_reference(origin, path, file, facts)? {
                return Ok(Resource::Elsewhere(reference));
            }
        }
        Ok(Found::File(_)) => {}
        Ok(Found::Directory) if path.is_directory() => {}
        Ok(Found::Directory) | Err(_) => {
            if let Some(clean) = page(origin, path, facts)? {
                return Ok(clean);
            }
        }
    }
    Ok(named(found, path))
}

fn named(found: Result<Found, DiskError>, path: SitePath<'_>) -> Resource<'_> {
    match found {
        Ok(Found::File(file)) => Resource::File(file, Cow::Borrowed(path.as_bytes())),
        Ok(Found::Directory) => Resource::Directory,
        Err(fault) => Resource::None(fault),
    }
}

/// The page whose clean path this is. With a slash at the end, the page is elsewhere.
fn page(
    origin: &mut Origin,
    path: SitePath<'_>,
    facts: &Facts,
) -> Result<Option<Resource<'static>>, Obstacle> {
    let bytes = path.as_bytes();
    let clean = bytes.strip_suffix(b"/").unwrap_or(bytes);
    if clean.is_empty() {
        return Ok(None);
    }
    let named = [clean, HTML].concat();
    let found = facts.find(origin, SitePath::of_decoded(&named))?;
    Ok(match found {
        Ok(Found::File(_)) if path.is_directory() => {
            let mut reference = b"../".to_vec();
            append(
                &mut reference,
                format_args!("{}", percent::segment(last_segment(clean))),
            );
            Some(Resource::Elsewhere(reference))
        }
        Ok(Found::File(file)) => Some(Resource::File(file, Cow::Owned(named))),
        Ok(Found::Directory) | Err(_) => None,
    })
}

/// The relative reference from the path of a page to its clean path, if that leads to the same file.
fn clean_reference(
    origin: &mut Origin,
    path: SitePath<'_>,
    file: &Rc<StoredFile>,
    facts: &Facts,
) -> Result<Option<Vec<u8>>, Obstacle> {
    let bytes = path.as_bytes();
    let name = last_segment(bytes);
    let folder = &bytes[..bytes.len() - name.len()];
    let index = &origin.site.options().index;
    if index.iter().any(|index| index.as_bytes() == name) {
        let found = facts.find(origin, SitePath::of_decoded(folder))?;
        let is_same = matches!(found, Ok(Found::File(found)) if *found.path == *file.path);
        return Ok(is_same.then(|| b"./".to_vec()));
    }
    let Some(clean) = bytes.strip_suffix(HTML) else {
        return Ok(None);
    };
    // What is left of `.html`, `..html` and `...html` would lead to a directory.
    if matches!(last_segment(clean), b"" | b"." | b"..") {
        return Ok(None);
    }
    // A file of the clean name comes first.
    let is_taken = matches!(
        facts.find(origin, SitePath::of_decoded(clean))?,
        Ok(Found::File(_))
    );
    let reference = || {
        let mut reference = Vec::new();
        append(
            &mut reference,
            format_args!("{}", percent::segment(last_segment(clean))),
        );
        reference
    };
    Ok((!is_taken).then(reference))
}
