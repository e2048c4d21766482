//! What a path names if the site has clean URLs.
//!
//! ```text
//! /about        about.html, also if there is a directory about/
//! /about/       about/index.html, or a redirect to /about if there is only about.html
//! /about.html   a redirect to /about
//! /d/index.html a redirect to /d/
//! /d/index      the same, because an index page has one URL
//! ```

use std::borrow::Cow;
use std::rc::Rc;

use crate::origin::attempt::{Attempt, Obstacle};
use crate::site::disk_error::DiskError;
use crate::site::file::StoredFile;
use crate::site::path::SitePath;
use crate::site::resolve::Found;
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

/// What the path of the request names.
pub(super) fn resource<'a>(attempt: &mut Attempt<'a>) -> Result<Resource<'a>, Obstacle> {
    let path = attempt.path;
    let found = attempt.find(path.as_bytes())?;
    let options = attempt.origin.site.options();
    if !options.clean_urls || options.only.is_some() {
        return Ok(named(found, path));
    }
    match &found {
        Ok(Found::File(file)) if *file.path == *path.as_bytes() => {
            if let Some(reference) = clean_reference(attempt, file)? {
                return Ok(Resource::Elsewhere(reference));
            }
        }
        Ok(Found::File(_)) => {}
        Ok(Found::Directory) if path.is_directory() => {}
        Ok(Found::Directory) | Err(_) => {
            if let Some(clean) = page(attempt)? {
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

/// The page whose clean path this is. With a slash at the end, the page is elsewhere, and so is an index page:
/// its URL is that of its folder.
fn page(attempt: &mut Attempt<'_>) -> Result<Option<Resource<'static>>, Obstacle> {
    let path = attempt.path;
    let bytes = path.as_bytes();
    let clean = bytes.strip_suffix(b"/").unwrap_or(bytes);
    if clean.is_empty() {
        return Ok(None);
    }
    let named = [clean, HTML].concat();
    let Some(file) = attempt.find_file(&named)? else {
        return Ok(None);
    };
    let up: &[u8] = if path.is_directory() { b"../" } else { b"./" };
    if is_index(attempt, &named, &file)? == Some(true) {
        return Ok(Some(Resource::Elsewhere(up.to_vec())));
    }
    Ok(Some(match path.is_directory() {
        true => {
            let mut reference = up.to_vec();
            append(
                &mut reference,
                format_args!("{}", percent::segment(last_segment(clean))),
            );
            Resource::Elsewhere(reference)
        }
        false => Resource::File(file, Cow::Owned(named)),
    }))
}

/// Whether `file`, which `path` names, is the index page of its folder. `None`: its name is not that of an
/// index file.
fn is_index(
    attempt: &mut Attempt<'_>,
    path: &[u8],
    file: &Rc<StoredFile>,
) -> Result<Option<bool>, Obstacle> {
    let name = last_segment(path);
    let index = &attempt.origin.site.options().index;
    if !index.iter().any(|index| index.as_bytes() == name) {
        return Ok(None);
    }
    let found = attempt.find_file(&path[..path.len() - name.len()])?;
    Ok(Some(found.is_some_and(|found| found.path == file.path)))
}

/// The relative reference from the path of a page to its clean path, if that leads to the same file.
fn clean_reference(
    attempt: &mut Attempt<'_>,
    file: &Rc<StoredFile>,
) -> Result<Option<Vec<u8>>, Obstacle> {
    let bytes = attempt.path.as_bytes();
    if let Some(is_index) = is_index(attempt, bytes, file)? {
        return Ok(is_index.then(|| b"./".to_vec()));
    }
    let Some(clean) = bytes.strip_suffix(HTML) else {
        return Ok(None);
    };
    // What is left of `.html`, `..html` and `...html` would lead to a directory.
    if matches!(last_segment(clean), b"" | b"." | b"..") {
        return Ok(None);
    }
    // A file of the clean name comes first.
    let is_taken = attempt.find_file(clean)?.is_some();
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
