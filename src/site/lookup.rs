//! What a path names. Workers and disk threads call these functions. On a worker, they do not wait for
//! the disk.

use std::fs::File;

use crate::semantics::beginning::{Beginning, LOOK};
use crate::semantics::media_type::{MediaType, depends_on_content, media_type};
use crate::semantics::own_types::OwnTypes;
use crate::site::cached_read::{CachedReader, read_at};
use crate::site::file::last_segment;
use crate::site::nofollow::Blocking;
use crate::site::options::SiteOptions;
use crate::site::path::SitePath;
use crate::site::root::{DiskError, FileState, LookupError, Root, state_of};
use crate::site::storage::Storage;

/// How often a file is read into memory if it keeps changing during the read. After that, it is
/// served from disk. If it changes then, the response is cut.
const READ_ATTEMPTS: usize = 3;

/// What a name is.
#[derive(Clone)]
pub enum Resolved<T> {
    /// A regular file.
    File(T),
    /// A directory. The path may lack the slash at its end.
    Directory,
}

/// A file that was read.
pub(super) struct FileRead<C> {
    /// The state that its content belongs to.
    pub state: FileState,
    /// The media type of the content.
    pub media_type: MediaType,
    /// The content and the charge for it, if there was memory for it.
    pub content: Option<(Storage, C)>,
}

/// Finds what `path` names, if it may be served. `resolve` looks at one name, `scratch` is for the
/// names of index files.
pub(super) fn find<T>(
    options: &SiteOptions,
    path: SitePath<'_>,
    scratch: &mut Vec<u8>,
    mut resolve: impl FnMut(&[u8]) -> Result<Resolved<T>, LookupError>,
) -> Result<Resolved<T>, LookupError> {
    if let Some(name) = &options.only {
        return find_only(name, path, resolve);
    }
    if path.is_hidden() && !options.hidden {
        return Err(DiskError::Hidden.into());
    }
    match path.is_directory() {
        true => find_index(options, path, scratch, resolve),
        false => resolve(path.as_bytes()),
    }
}

/// Finds the single file that is served. Its path is its name or the root.
fn find_only<T>(
    name: &[u8],
    path: SitePath<'_>,
    mut resolve: impl FnMut(&[u8]) -> Result<Resolved<T>, LookupError>,
) -> Result<Resolved<T>, LookupError> {
    if !path.as_bytes().is_empty() && path.as_bytes() != name {
        return Err(DiskError::NotTheServedFile.into());
    }
    match resolve(name)? {
        Resolved::File(file) => Ok(Resolved::File(file)),
        Resolved::Directory => Err(DiskError::NotFound.into()),
    }
}

/// Finds the first index file that exists. If there is no index file, finds the directory.
fn find_index<T>(
    options: &SiteOptions,
    path: SitePath<'_>,
    scratch: &mut Vec<u8>,
    mut resolve: impl FnMut(&[u8]) -> Result<Resolved<T>, LookupError>,
) -> Result<Resolved<T>, LookupError> {
    for name in &options.index {
        scratch.clear();
        scratch.extend_from_slice(path.as_bytes());
        scratch.extend_from_slice(name.as_bytes());
        match resolve(scratch) {
            Ok(Resolved::File(file)) => return Ok(Resolved::File(file)),
            Ok(Resolved::Directory) => {}
            Err(LookupError::Disk(error)) if error.is_absence() => {}
            Err(error) => return Err(error),
        }
    }
    match resolve(path.as_bytes())? {
        Resolved::Directory => Ok(Resolved::Directory),
        // The path ends with a slash, which the system refuses for anything but a directory.
        Resolved::File(_) => Err(DiskError::NotDirectory.into()),
    }
}

/// Describes the file at `path`. If it has at most `largest` bytes and `charge` grants the memory, reads
/// its content too.
pub(super) fn read<C>(
    root: &Root,
    types: &OwnTypes,
    path: &[u8],
    largest: u64,
    blocking: Blocking,
    mut charge: impl FnMut(u64) -> Option<C>,
) -> Result<FileRead<C>, LookupError> {
    for _ in 0..READ_ATTEMPTS {
        if let Some(read) = read_once(root, types, path, largest, blocking, &mut charge)? {
            return Ok(read);
        }
    }
    let read = read_once(root, types, path, 0, blocking, &mut charge)?;
    read.ok_or(DiskError::Unsteady.into())
}

/// `None` means that the file changed during the read.
fn read_once<C>(
    root: &Root,
    types: &OwnTypes,
    path: &[u8],
    largest: u64,
    blocking: Blocking,
    charge: &mut impl FnMut(u64) -> Option<C>,
) -> Result<Option<FileRead<C>>, LookupError> {
    let (file, state) = root.open_file(path, blocking)?;
    let charge = match state.size <= largest {
        true => charge(state.size + 1),
        false => None,
    };
    let name = last_segment(path);
    let Some(charge) = charge else {
        return Ok(Some(FileRead {
            state,
            media_type: media_type_of_open(root, types, name, &file, &state, blocking)?,
            content: None,
        }));
    };
    let length = state.size as usize;
    let bytes = match blocking {
        Blocking::Allowed => Storage::read_all(&mut &file, length)?,
        Blocking::Refused => {
            let mut reader = CachedReader::new(&file);
            match Storage::read_all(&mut reader, length) {
                Err(_) if reader.is_unknown => {
                    let read = || Storage::read_all(&mut &file, length);
                    root.devices().measured(state.device(), read)?
                }
                read => read?,
            }
        }
    };
    let is_intact = state_of(&file)? == state;
    let content = bytes.filter(|_| is_intact);
    Ok(content.map(|bytes| FileRead {
        state,
        media_type: {
            let (bytes, is_whole) = (&*bytes, true);
            media_type(name, Beginning { bytes, is_whole }, types)
        },
        content: Some((bytes, charge)),
    }))
}

/// The media type of a file whose content is not in memory. If it depends on the content, the beginning is
/// read.
fn media_type_of_open(
    root: &Root,
    types: &OwnTypes,
    name: &[u8],
    file: &File,
    state: &FileState,
    blocking: Blocking,
) -> Result<MediaType, LookupError> {
    if !depends_on_content(name, types) {
        return Ok(media_type(name, Beginning::default(), types));
    }
    let mut buffer = [0; LOOK];
    let (devices, device) = (root.devices(), state.device());
    let count = read_at(devices, device, file, &mut buffer, 0, blocking)?;
    let beginning = Beginning {
        bytes: &buffer[..count],
        is_whole: count as u64 == state.size,
    };
    Ok(media_type(name, beginning, types))
}
