//! Goes through the folders and finds what is to be done. It does not compress.

use std::io::{self, Read};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::Arc;

use crossbeam_channel::Sender;
use rustix::fs::FileType;

use super::clean::{Cleaning, is_left_over, is_useless, is_wrong};
use super::encode::written;
use super::fault::{Fault, FileFault};
use super::folder::{Entries, Entry, Way, entries, open_file};
use super::sidecar::remove;
use super::stop::Stop;
use super::task::{Event, Task, sidecar_name};
use crate::semantics::beginning::{Beginning, LOOK};
use crate::semantics::media_type::{depends_on_content, media_type};
use crate::semantics::own_types::OwnTypes;
use crate::semantics::variant::original_of;
use crate::site::path::is_hidden_name;

/// A walk through all folders below the root.
pub(super) struct Walk<'a> {
    pub root: BorrowedFd<'a>,
    /// Whether to remove sidecars that are of no use.
    pub clean: bool,
    /// Whether names that begin with a dot count.
    pub hidden: bool,
    pub stop: &'a Stop,
    pub tasks: Sender<Task>,
    pub events: Sender<Event>,
}

/// A folder on the walk.
struct Place<'a> {
    /// The path below the root, with a slash at its end unless it is empty.
    path: Arc<[u8]>,
    folder: &'a OwnedFd,
    entries: &'a Entries,
}

impl Walk<'_> {
    /// Walks. When it returns, all tasks are queued.
    pub fn run(&self) {
        let mut paths = vec![Vec::new()];
        let mut way = Way::from(self.root);
        while let Some(path) = paths.pop() {
            match way.to(&path).and_then(|folder| self.folder(&path, &folder)) {
                Ok(inner) => paths.extend(inner),
                Err(fault) => self.say(Event::Failed(Fault::Folder(path, fault))),
            }
        }
    }

    /// Finds what is to be done in one folder. Returns the paths of its folders.
    fn folder(&self, path: &[u8], folder: &OwnedFd) -> io::Result<Vec<Vec<u8>>> {
        let entries = entries(folder, |name, fault| {
            let path = [path, name].concat();
            self.say(Event::Failed(Fault::File(path, FileFault::Read(fault))));
        })?;
        let mut cleaning = Cleaning::of(folder, &entries);
        let place = Place {
            path: path.into(),
            folder,
            entries: &entries,
        };
        let mut inner = Vec::new();
        for (name, entry) in &entries {
            if self.stop.is_set() {
                return Ok(Vec::new());
            }
            if self.clean && is_left_over(folder, name) {
                self.remove(&place, name);
            }
            let is_left_out = is_hidden_name(name) && !self.hidden;
            match (entry.kind, original_of(name)) {
                _ if is_left_out => {}
                (FileType::Directory, _) => inner.push([path, name, b"/"].concat()),
                (FileType::RegularFile, None) => self.file(&place, name, entry),
                (FileType::RegularFile, Some((original, coding))) => {
                    let is_compressible = || is_compressible(folder, original);
                    if self.clean && cleaning.removes(entry, original, coding, is_compressible) {
                        self.remove(&place, name);
                    }
                }
                _ => {}
            }
        }
        // The last one is walked next.
        inner.reverse();
        Ok(inner)
    }

    /// Queues the sidecars of a file that are to be written.
    fn file(&self, place: &Place<'_>, name: &[u8], file: &Entry) {
        let sidecars = written().map(|(coding, extension)| {
            let sidecar = sidecar_name(name, extension);
            (coding, extension, place.entries.get(&sidecar), sidecar)
        });
        let (fresh, others): (Vec<_>, Vec<_>) = sidecars.partition(|(_, _, sidecar, _)| {
            sidecar.is_some_and(|sidecar| sidecar.is_file() && !is_useless(sidecar, file))
        });
        if !fresh.is_empty() {
            self.say(Event::UpToDate(fresh.len() as u64));
        }
        if file.size == 0 || others.is_empty() || !is_compressible(place.folder, name) {
            return;
        }
        for (coding, extension, sidecar, sidecar_name) in others {
            if sidecar.is_some_and(|sidecar| sidecar.kind == FileType::Unknown) {
                // That was said already.
                continue;
            }
            if sidecar.is_some_and(|sidecar| !sidecar.is_file()) {
                let taken = FileFault::Taken([&*place.path, &sidecar_name].concat());
                self.say(Event::Failed(Fault::File(place.path_of(name), taken)));
                continue;
            }
            self.say(Event::Found);
            let task = Task {
                folder: Arc::clone(&place.path),
                name: name.to_vec(),
                extension,
                coding,
                replaces_wrong: sidecar.is_some_and(|sidecar| is_wrong(sidecar, file)),
            };
            // Nobody listens any more if the work is to stop.
            let _ = self.tasks.send(task);
        }
    }

    fn remove(&self, place: &Place<'_>, name: &[u8]) {
        self.say(match remove(place.folder, name) {
            Ok(()) => Event::Removed,
            Err(fault) => Event::Failed(Fault::File(place.path_of(name), fault)),
        });
    }

    fn say(&self, event: Event) {
        // Nobody listens any more only after a panic.
        let _ = self.events.send(event);
    }
}

impl Place<'_> {
    fn path_of(&self, name: &[u8]) -> Vec<u8> {
        [&*self.path, name].concat()
    }
}

/// Whether the server would compress such a file. If it cannot be read, whoever compresses it says so.
fn is_compressible(folder: &OwnedFd, name: &[u8]) -> bool {
    let own = OwnTypes::default();
    let mut bytes = Vec::new();
    if depends_on_content(name, &own) {
        let read = |file: std::fs::File| file.take(LOOK as u64).read_to_end(&mut bytes);
        if open_file(folder, name).and_then(read).is_err() {
            return true;
        }
    }
    let beginning = Beginning {
        bytes: &bytes,
        is_whole: false,
    };
    media_type(name, beginning, &own).is_compressible()
}
