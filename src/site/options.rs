//! The operator's options for the document root.

use crate::site::private::CopyStorage;

/// The operator's options for the document root. `max_copies`, `storage` and `only` are not options
/// but are derived at startup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteOptions {
    /// The names of index files. The first one that exists is served for its directory. Default:
    /// `index.html`, then `index.htm`.
    pub index: Vec<String>,
    /// Whether a directory without an index file gets a listing. If not, the answer is 404.
    pub listing: bool,
    /// Whether names that begin with a dot are served. Off by default, because many folders contain
    /// `.git` or `.env`. `.well-known` (RFC 8615) is always served.
    pub hidden: bool,
    /// Whether a symbolic link may lead out of the root. Off by default: otherwise, anyone who can
    /// write below the root could publish every file that the server can read.
    pub follow_symlinks: bool,
    /// Whether responses are compressed on the fly if the client accepts it.
    pub compress: bool,
    /// Memory for cached files, in bytes, for all workers together. Private copies count towards it
    /// once they are cached. Copies in progress, and copies that were evicted but are still being
    /// sent, may take up to the same amount again.
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

/// One worker's share of the cache limits.
#[derive(Clone, Copy, Debug)]
pub struct Share {
    /// Memory in bytes.
    pub memory: u64,
    /// The number of private copies.
    pub copies: u64,
}

impl SiteOptions {
    /// 64 MiB: enough for all files of most sites, and little on most machines.
    const CACHE_MEMORY: u64 = 64 << 20;
    /// 64 copies. Few files this large fit into memory, so more would rarely be used.
    pub const MAX_COPIES: u64 = 64;

    /// The share of each of `workers` workers.
    pub fn share(&self, workers: usize) -> Share {
        let workers = workers.max(1) as u64;
        Share {
            memory: self.cache_memory / workers,
            copies: self.max_copies / workers,
        }
    }
}

impl Default for SiteOptions {
    fn default() -> SiteOptions {
        SiteOptions {
            index: vec!["index.html".into(), "index.htm".into()],
            listing: true,
            hidden: false,
            follow_symlinks: false,
            compress: true,
            cache_memory: SiteOptions::CACHE_MEMORY,
            max_copies: SiteOptions::MAX_COPIES,
            storage: CopyStorage::Memfd,
            only: None,
        }
    }
}
