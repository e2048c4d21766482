//! What a path names. Workers and disk threads call these functions. On a worker, they do not wait for
//! the disk.

use std::fs::File;

use crate::semantics::beginning::{Beginning, LOOK};
use crate::semantics::media_type::{MediaType, depends_on_content, media_type};
use crate::site::cached_read::{CachedReader, read_at};
use crate::site::disk_error::{DiskError, LookupError};
use crate::site::file_state::{FileState, state_of};
use crate::site::nofollow::Blocking;
use crate::site::options::SiteOptions;
use crate::site::path::SitePath;
use crate::site::reload_script;
use crate::site::root::{Root, pause};
use crate::site::storage::Storage;

/// How often a file is read into memory if it keeps changing during the read. After that, it is
/// served from disk. If it changes then, the response is cut.
const READ_ATTEMPTS: usize = 3;

/// How many looks without a pause must each show another time until a file system is taken for one that
/// reports the current time. If it reports when a file was written to, that would take a write between
/// each two looks.
const LOOKS: usize = 3;

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
    /// Whether the state does not describe the content, because the file system does not know it: see
    /// [`StoredFile::is_size_unknown`](crate::site::file::StoredFile::is_size_unknown).
    pub is_size_unknown: bool,
    /// Whether the document gets the script of live reload. Content in memory has it.
    pub has_script: bool,
}

/// An open file that is being examined.
struct Examined<'a> {
    root: &'a Root,
    options: &'a SiteOptions,
    /// Its path below the root.
    path: &'a [u8],
    file: File,
    state: FileState,
    blocking: Blocking,
}

/// What came of reading a file into memory.
enum Attempt<C> {
    Read(FileRead<C>),
    /// The state of the file has changed.
    Changed,
    /// The state of the file is the same as before, but the file has another size. Either the file system
    /// does not know the size, or the file has changed within one tick of its clock.
    OtherSize(FileState),
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
    options: &SiteOptions,
    path: &[u8],
    largest: u64,
    blocking: Blocking,
    mut charge: impl FnMut(u64) -> Option<C>,
) -> Result<FileRead<C>, LookupError> {
    let mut other_size = None;
    for _ in 0..READ_ATTEMPTS {
        match Examined::new(root, options, path, blocking)?.read(largest, &mut charge)? {
            Attempt::Read(read) => return Ok(read),
            Attempt::Changed => {}
            Attempt::OtherSize(state) if other_size == Some(state) => break,
            Attempt::OtherSize(state) => {
                other_size = Some(state);
                // Only a disk thread comes here: a worker reads no files of such a file system.
                pause();
            }
        }
    }
    let file = Examined::new(root, options, path, blocking)?;
    let is_size_unknown = other_size == Some(file.state);
    file.without_content(is_size_unknown)
}

impl<'a> Examined<'a> {
    fn new(
        root: &'a Root,
        options: &'a SiteOptions,
        path: &'a [u8],
        blocking: Blocking,
    ) -> Result<Examined<'a>, LookupError> {
        let (file, state) = root.open_file(path, blocking)?;
        Ok(Examined {
            root,
            options,
            path,
            file,
            state,
            blocking,
        })
    }

    fn read<C>(
        self,
        largest: u64,
        charge: &mut impl FnMut(u64) -> Option<C>,
    ) -> Result<Attempt<C>, LookupError> {
        let (devices, device) = (self.root.devices(), self.state.device());
        if devices.generates_files(device) {
            return self.without_content(true).map(Attempt::Read);
        }
        let may_misreport = !devices.reports_truly(device);
        let is_small = self.state.size <= largest;
        let most = self.state.size + 1 + reload_script::added(self.options, self.path);
        let charge = is_small.then(|| charge(most)).flatten();
        let Some(charge) = charge else {
            let is_size_unknown = may_misreport && self.has_moving_times()?;
            return self.without_content(is_size_unknown).map(Attempt::Read);
        };
        let bytes = self.content()?;
        let is_same = state_of(&self.file)? == self.state;
        match bytes {
            Some(bytes) if is_same => self.with_content(bytes, charge).map(Attempt::Read),
            None if is_same && may_misreport => Ok(Attempt::OtherSize(self.state)),
            _ if may_misreport && self.has_moving_times()? => {
                self.without_content(true).map(Attempt::Read)
            }
            _ => Ok(Attempt::Changed),
        }
    }

    /// The content. `None` if it has another size than the state says.
    fn content(&self) -> Result<Option<Storage>, LookupError> {
        let (file, length) = (&self.file, self.state.size as usize);
        let read = || Storage::read_all(&mut &*file, length);
        let mut reader = CachedReader::new(file);
        let read = match self.blocking {
            Blocking::Allowed => read(),
            Blocking::Refused => match Storage::read_all(&mut reader, length) {
                Err(_) if reader.is_unknown => {
                    let device = self.state.device();
                    self.root.devices().measured(device, read)
                }
                read => read,
            },
        };
        read.map_err(|fault| LookupError::of_read(&fault))
    }

    /// Whether the file system reports another time at each look, although nobody writes to the file.
    fn has_moving_times(&self) -> Result<bool, LookupError> {
        let mut last = self.state;
        for _ in 0..LOOKS {
            let now = state_of(&self.file)?;
            if !now.differs_in_times(&last) {
                return Ok(false);
            }
            last = now;
        }
        Ok(true)
    }

    fn with_content<C>(self, bytes: Storage, charge: C) -> Result<FileRead<C>, LookupError> {
        let beginning = Beginning {
            bytes: &bytes,
            is_whole: true,
        };
        let media_type = media_type(self.path, beginning, &self.options.types);
        let has_script = reload_script::is_wanted(self.options, &media_type, &bytes);
        let bytes = match has_script {
            true => reload_script::with_script(self.path, &bytes)?,
            false => bytes,
        };
        Ok(FileRead {
            state: self.state,
            media_type,
            content: Some((bytes, charge)),
            is_size_unknown: false,
            has_script,
        })
    }

    /// Describes a file whose content is not kept in memory. If its media type depends on the content, its
    /// beginning is read.
    fn without_content<C>(self, is_size_unknown: bool) -> Result<FileRead<C>, LookupError> {
        let (mut buffer, mut count) = ([0; LOOK], 0);
        if self.options.live_reload || depends_on_content(self.path, &self.options.types) {
            let (devices, device) = (self.root.devices(), self.state.device());
            let read = read_at(devices, device, &self.file, &mut buffer, 0, self.blocking);
            count = read.map_err(|fault| LookupError::of_read(&fault))?;
        }
        let beginning = Beginning {
            bytes: &buffer[..count],
            is_whole: !is_size_unknown && count as u64 == self.state.size,
        };
        let media_type = media_type(self.path, beginning, &self.options.types);
        let has_script = reload_script::is_wanted(self.options, &media_type, beginning.bytes);
        Ok(FileRead {
            state: self.state,
            media_type,
            content: None,
            is_size_unknown,
            has_script,
        })
    }
}
