//! Makes the bytes of an archive, piece by piece, on a disk thread.
//!
//! ```text
//! Start -> Between -> Content -> Between -> ... -> End -> Done
//! ```
//!
//! A file is read in the state in which its entry was written. If it changes before its last byte was read, the
//! archive ends with an error: a complete archive has complete files.

use std::io::Write;
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::entry::{ArchiveFormat, ArchiveSpec, Entry};
use super::tar;
use super::tree::{Tree, Walked, unreadable};
use super::zip::Zip;
use crate::semantics::media_type::{is_compressible, suggested_by};
use crate::site::body_error::BodyError;
use crate::site::budget::Budget;
use crate::site::disk::DiskPool;
use crate::site::disk_error::LookupError;
use crate::site::file_state::{FileKind, FileState};
use crate::site::nofollow::Blocking;
use crate::site::opened::Opened;
use crate::site::root::Root;
use crate::text::segment::last_segment;

/// A step ends when it has produced so much.
pub(super) const PIECE: usize = 64 * 1024;

/// What is read of a file at once.
pub(super) const READ: usize = 32 * 1024;

/// Work per step, in units of about 10 microseconds if the disk has everything in memory.
const STEP: usize = 2048;

/// What it costs to find and to open an entry.
const ENTRY: usize = 4;

/// What it costs to read some names of a directory.
const NAMES: usize = 64;

/// How many bytes cost as much as one unit, if they are compressed.
const BYTES: usize = 1024;

/// An archive that is being made.
pub(super) struct Packer {
    root: Arc<Root>,
    /// Closes files.
    closer: Option<DiskPool>,
    tree: Tree,
    /// The path of the archived directory. It is empty or ends with a slash.
    folder: Box<[u8]>,
    /// The name of the top directory. It holds all other entries, so unpacking creates only one directory.
    top: Box<[u8]>,
    writer: Writer,
    state: State,
    /// For a piece of a file.
    buffer: Vec<u8>,
}

enum Writer {
    Zip(Box<Zip>),
    Tar,
    /// With the bytes that are not coded yet.
    TarGzip(Box<GzEncoder<Vec<u8>>>, Vec<u8>),
}

enum State {
    Start,
    Between,
    Content(Content),
    End,
    Done,
}

/// A file whose content is being packed.
struct Content {
    opened: Opened,
    size: u64,
    /// The offset of the next byte.
    at: u64,
}

impl Packer {
    /// An archive as `spec` says.
    pub(super) fn new(
        root: Arc<Root>,
        closer: Option<DiskPool>,
        spec: ArchiveSpec<'_>,
        memory: Arc<Budget>,
    ) -> Packer {
        let writer = match spec.format {
            ArchiveFormat::Zip => Writer::Zip(Box::new(Zip::new(Arc::clone(&memory)))),
            ArchiveFormat::Tar => Writer::Tar,
            ArchiveFormat::TarGzip => {
                let encoder = GzEncoder::new(Vec::new(), Compression::default());
                Writer::TarGzip(Box::new(encoder), Vec::new())
            }
        };
        Packer {
            tree: Tree::new(Arc::clone(&root), spec.folder, spec.selection, memory),
            root,
            closer,
            folder: spec.folder.into(),
            top: spec.name.into(),
            writer,
            state: State::Start,
            buffer: Vec::new(),
        }
    }

    /// Appends a piece to `out`, which may be empty. Returns whether there is more.
    pub(super) fn step(&mut self, out: &mut Vec<u8>) -> Result<bool, BodyError> {
        let mut work = 0;
        while work < STEP && out.len() < PIECE {
            work += self.cost();
            self.state = match std::mem::replace(&mut self.state, State::Done) {
                State::Start => self.start(out)?,
                State::Between => self.next_entry(out)?,
                State::Content(content) => self.pack(content, out)?,
                State::End if self.writer.finish(out)? => State::End,
                State::End | State::Done => return Ok(false),
            };
        }
        Ok(true)
    }

    /// What the next part of a step costs.
    fn cost(&self) -> usize {
        match &self.state {
            State::Content(content) => {
                let rest = usize::try_from(content.size - content.at).unwrap_or(READ);
                1 + rest.min(READ) / BYTES
            }
            State::Between if self.tree.reads_names() => NAMES,
            State::Start | State::Between | State::End | State::Done => ENTRY,
        }
    }

    /// Writes the entry of the directory itself.
    fn start(&mut self, out: &mut Vec<u8>) -> Result<State, BodyError> {
        let found = self.root.find(&self.folder, Blocking::Allowed);
        let found = found.map_err(LookupError::on_disk_thread);
        let (_, state) = found.map_err(unreadable)?;
        self.begin(&[], FileKind::Directory, &state, out)?;
        Ok(State::Between)
    }

    fn next_entry(&mut self, out: &mut Vec<u8>) -> Result<State, BodyError> {
        let (kind, state) = match self.tree.advance()? {
            Walked::More => return Ok(State::Between),
            Walked::End => return Ok(State::End),
            Walked::Entry(kind, state) => (kind, state),
        };
        let path = self.tree.path().to_vec();
        if kind == FileKind::Directory {
            self.begin(&path, kind, &state, out)?;
            return Ok(State::Between);
        }
        let closer = self.closer.clone();
        let opened = Opened::new(&self.root, closer, &path, Some(&state), Blocking::Allowed);
        let opened = opened.map_err(LookupError::on_disk_thread);
        let opened = opened.map_err(unreadable)?.ok_or(BodyError::Changed)?;
        self.begin(&path, kind, &state, out)?;
        Ok(State::Content(Content {
            opened,
            size: state.size,
            at: 0,
        }))
    }

    /// Writes what stands before the content of the entry at `path`.
    fn begin(
        &mut self,
        path: &[u8],
        kind: FileKind,
        state: &FileState,
        out: &mut Vec<u8>,
    ) -> Result<(), BodyError> {
        let below = path.strip_prefix(&*self.folder).unwrap_or_default();
        let name = [&self.top, &b"/"[..], below].concat();
        let is_directory = kind == FileKind::Directory;
        let entry = Entry {
            name: &name,
            is_directory,
            size: if is_directory { 0 } else { state.size },
            modified: state.modified,
            is_executable: state.is_executable(),
        };
        self.writer.begin(&entry, out)
    }

    /// Packs a piece of a file, or ends it.
    fn pack(&mut self, mut content: Content, out: &mut Vec<u8>) -> Result<State, BodyError> {
        let rest = content.size - content.at;
        let length = usize::try_from(rest).unwrap_or(READ).min(READ);
        self.buffer.resize(length, 0);
        let opened = &content.opened;
        let checked = opened.read_checked_at(&mut self.buffer, content.at, Blocking::Allowed)?;
        content.at += length as u64;
        if !checked.is_same() {
            return Err(BodyError::Changed);
        }
        self.writer.write(&self.buffer, out)?;
        if content.at < content.size {
            return Ok(State::Content(content));
        }
        // Some file systems do not know the size.
        let behind = content
            .opened
            .read_at(&mut [0], content.size, Blocking::Allowed);
        if behind? > 0 {
            return Err(BodyError::Changed);
        }
        self.writer.end(content.size, out)?;
        Ok(State::Between)
    }
}

impl Writer {
    fn begin(&mut self, entry: &Entry<'_>, out: &mut Vec<u8>) -> Result<(), BodyError> {
        match self {
            Writer::Zip(zip) => zip.begin(entry, level(entry.name), out),
            Writer::Tar => {
                tar::write_header(entry, out);
                Ok(())
            }
            Writer::TarGzip(_, plain) => {
                tar::write_header(entry, plain);
                self.code(out)
            }
        }
    }

    fn write(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), BodyError> {
        match self {
            Writer::Zip(zip) => zip.write(bytes, out),
            Writer::Tar => {
                out.extend_from_slice(bytes);
                Ok(())
            }
            Writer::TarGzip(_, plain) => {
                plain.extend_from_slice(bytes);
                self.code(out)
            }
        }
    }

    fn end(&mut self, size: u64, out: &mut Vec<u8>) -> Result<(), BodyError> {
        match self {
            Writer::Zip(zip) => zip.end(out),
            Writer::Tar => {
                tar::pad(size, out);
                Ok(())
            }
            Writer::TarGzip(_, plain) => {
                tar::pad(size, plain);
                self.code(out)
            }
        }
    }

    /// Writes a piece of the end. Returns whether there is more.
    fn finish(&mut self, out: &mut Vec<u8>) -> Result<bool, BodyError> {
        match self {
            Writer::Zip(zip) => return Ok(zip.finish(out)),
            Writer::Tar => tar::write_end(out),
            Writer::TarGzip(_, plain) => {
                tar::write_end(plain);
                self.code(out)?;
                if let Writer::TarGzip(encoder, _) = self {
                    encoder.try_finish()?;
                    out.append(encoder.get_mut());
                }
            }
        }
        Ok(false)
    }

    /// Codes what was written.
    fn code(&mut self, out: &mut Vec<u8>) -> Result<(), BodyError> {
        if let Writer::TarGzip(encoder, plain) = self {
            encoder.write_all(plain)?;
            plain.clear();
            out.append(encoder.get_mut());
        }
        Ok(())
    }
}

/// How much work compression of a file of this name is worth. Most of what is not text is compressed already.
fn level(name: &[u8]) -> Compression {
    match suggested_by(last_segment(name)) {
        Some(media_type) if !is_compressible(media_type) => Compression::none(),
        _ => Compression::default(),
    }
}
