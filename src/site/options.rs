//! The operator's options for the document root.

use std::sync::Arc;

use crate::semantics::language::Language;
use crate::semantics::own_types::OwnTypes;
use crate::site::budget::{Allowance, Budget};
use crate::site::compress::CODER;
use crate::site::copying::Copying;
use crate::site::path::SitePath;
use crate::site::prefix::Prefix;
use crate::site::private::CopyStorage;
use crate::site::queue::Queue;
use crate::site::shares::Shares;

/// The operator's options for the document root. `max_copies`, `storage` and `only` are not options
/// but are derived at startup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteOptions {
    /// What stands before the paths of the site.
    pub prefix: Prefix,
    /// The names of index files. The first one that exists is served for its directory. Default:
    /// `index.html`, then `index.htm`.
    pub index: Vec<String>,
    /// Whether a directory without an index file gets a listing. If not, the answer is 404.
    pub listing: bool,
    /// Whether a directory can be requested as an archive. This includes what is below it, except for what a
    /// listing does not show.
    pub archive: bool,
    /// Whether names that begin with a dot are served, directly or through a link. Off by default, because
    /// many folders contain `.git` or `.env`. `.well-known` (RFC 8615) is always served.
    pub hidden: bool,
    /// Whether `/about` names `about.html`.
    pub clean_urls: bool,
    /// The file, by its path below the root, that is sent for pages that do not exist.
    pub spa: Option<String>,
    /// Whether files such as `page.en.html` and `photo.avif` are representations of `page.html` and
    /// `photo.png`.
    pub negotiate: bool,
    /// Whether a client that accepts none of the languages gets 406.
    pub strict_negotiation: bool,
    /// The language of files without a language in their names, if the operator says what it is.
    pub default_language: Option<Language>,
    /// Whether a symbolic link may lead out of the root. Off by default: otherwise, anyone who can
    /// write below the root could publish every file that the server can read.
    pub follow_symlinks: bool,
    /// What the entity-tags of files are made from.
    pub etag: TagSource,
    /// Media types that the operator gives by extension.
    pub types: OwnTypes,
    /// Whether responses are compressed on the fly if the client accepts it.
    pub compress: bool,
    /// Whether sidecars are sent, such as `page.html.br` for `page.html`.
    pub precompressed: bool,
    /// Whether HTML documents get the script that reloads them.
    pub live_reload: bool,
    /// Memory that is held for clients, in bytes, for all workers together.
    pub memory: u64,
    /// The part of `memory` for cached files. Private copies count towards it once they are cached.
    /// Copies in progress, and copies that were evicted but are still being sent, may take up to the
    /// same amount again.
    pub cache_memory: u64,
    /// The maximum number of private copies, for all workers together. Each may use a file
    /// descriptor.
    pub max_copies: u64,
    /// Where private copies are stored. With TLS, the server uses the heap.
    pub storage: CopyStorage,
    /// If docroot serves a single file: its name. The file is served under this name and at `/`, even
    /// if it is hidden. Every other path is 404.
    pub only: Option<Vec<u8>>,
}

/// What the entity-tags of files are made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TagSource {
    /// The size and the modification time and, of small files, the content.
    Metadata,
    /// The content alone, so that servers with copies of the same files send the same entity-tags. A large
    /// file must be read before it is sent for the first time.
    Content,
}

/// What all workers together may hold for clients.
#[derive(Clone, Debug)]
pub struct Budgets {
    /// Bytes of memory.
    memory: Arc<Budget>,
    /// Bytes of that memory that the caches may hold.
    cache: Arc<Budget>,
    /// Bytes of that memory that private copies may hold, whether they are cached or not.
    copy_bytes: Arc<Budget>,
    /// Private copies.
    copies: Arc<Budget>,
    /// Bytes of that memory that coders may hold.
    coders: Arc<Budget>,
    /// See [`Allowances::short_readings`].
    short_readings: Queue,
}

/// What one worker may hold for clients.
#[derive(Clone, Debug)]
pub struct Allowances {
    /// Bytes of memory.
    pub memory: Allowance,
    /// Bytes of that memory that the cache may hold.
    pub cache: Allowance,
    /// Private copies.
    pub copying: Copying,
    /// Bytes of that memory that coders may hold.
    pub coders: Allowance,
    /// What the clients of each network use of `coders`. A clone has the same shares, so that all sites of the
    /// worker count together.
    pub coder_shares: Shares,
    /// Readings of directories, of all workers, that need more memory than is free. The first one keeps what it
    /// has read. If each kept its part, none might have enough.
    pub short_readings: Queue,
}

impl Budgets {
    /// The budgets that the options give to this many workers. Coders may have a quarter of the memory,
    /// because the allocator of the process seldom gives their blocks back to the system. But each worker
    /// may have one coder.
    pub fn new(options: &SiteOptions, workers: usize) -> Budgets {
        let budget = |limit| Arc::new(Budget::new(limit, workers));
        Budgets {
            memory: Arc::new(Budget::of_memory(options.memory, workers)),
            cache: budget(options.cache_memory),
            copy_bytes: budget(options.cache_memory),
            copies: budget(options.max_copies),
            coders: budget((options.memory / 4).max(2 * workers as u64 * CODER)),
            // No limit: the places of each worker's readings bound them. Half, because the line adds to it.
            short_readings: Queue::new(1, usize::MAX / 2),
        }
    }

    /// The allowances of one worker. Call this once per worker.
    pub fn part(&self) -> Allowances {
        let part = |budget: &Arc<Budget>| Allowance::new(Arc::clone(budget));
        let memory = part(&self.memory);
        Allowances {
            cache: part(&self.cache),
            copying: Copying::new(memory.clone(), part(&self.copy_bytes), part(&self.copies)),
            memory,
            coders: part(&self.coders),
            coder_shares: Shares::default(),
            short_readings: self.short_readings.clone(),
        }
    }

    /// How many bytes of memory the caches hold.
    pub fn cached(&self) -> u64 {
        self.cache.all_held()
    }

    /// How many private copies there are.
    pub fn copies(&self) -> u64 {
        self.copies.all_held()
    }

    /// The memory of the server.
    pub fn memory(&self) -> &Arc<Budget> {
        &self.memory
    }
}

impl SiteOptions {
    /// 128 MiB: the cache, and as much again for clients that read slowly. Small machines have it.
    const MEMORY: u64 = 128 << 20;
    /// 64 MiB: enough for all files of most sites, and little on most machines.
    pub const CACHE_MEMORY: u64 = 64 << 20;
    /// 64 copies. Few files this large fit into memory, so more would rarely be used.
    pub const MAX_COPIES: u64 = 64;

    /// The language for clients that want none of the others. Files without a language in their names count as written
    /// in it.
    pub fn language_of_others(&self) -> Language {
        let language = self.default_language.clone();
        language.unwrap_or_else(Language::english)
    }

    /// Whether a client may learn which files a folder has, beside the one that it asks for. The folder is a decoded
    /// path.
    pub fn shows_folder(&self, folder: &[u8]) -> bool {
        self.only.is_none() && (self.hidden || !SitePath::of_decoded(folder).is_hidden())
    }
}

impl Default for SiteOptions {
    fn default() -> SiteOptions {
        SiteOptions {
            prefix: Prefix::default(),
            index: vec!["index.html".into(), "index.htm".into()],
            listing: true,
            archive: false,
            hidden: false,
            clean_urls: false,
            spa: None,
            negotiate: false,
            strict_negotiation: false,
            default_language: None,
            follow_symlinks: false,
            etag: TagSource::Metadata,
            types: OwnTypes::default(),
            compress: true,
            precompressed: false,
            live_reload: false,
            memory: SiteOptions::MEMORY,
            cache_memory: SiteOptions::CACHE_MEMORY,
            max_copies: SiteOptions::MAX_COPIES,
            storage: CopyStorage::Memfd,
            only: None,
        }
    }
}
