//! What the operator chose about the files served.

use crate::site::private::CopyStorage;

/// What the operator chose about the document root. Options set most fields; `max_copies`,
/// `storage` and `only` are derived at start-up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteOptions {
    /// The names that stand for their directory, the first that exists winning. Default:
    /// `index.html`, `index.htm`, the two names that sites have used since there are sites.
    pub index: Vec<String>,
    /// Whether a directory without an index is shown as a listing; without it, it is 404.
    pub listing: bool,
    /// Whether names that begin with a dot are served. Off by default, because `.git` and `.env`
    /// lie in many a folder; `.well-known` (RFC 8615) is served in any case.
    pub hidden: bool,
    /// Whether a symbolic link may lead out of the root. Off by default: whoever may write below
    /// the root could otherwise publish every file that the server may read.
    pub follow_symlinks: bool,
    /// Whether a representation is coded on the fly where the client accepts that.
    pub compress: bool,
    /// Bytes of memory that cached representations may take, over all workers together. Copies of
    /// large files may take as much again while they are made, and while clients are being sent
    /// those that were dropped.
    pub cache_memory: u64,
    /// Private copies of large files, over all workers together: each may take a descriptor.
    pub max_copies: u64,
    /// What they are kept in; a server that speaks TLS decides it by itself.
    pub storage: CopyStorage,
    /// Where a single file is served: its name. It is there by its name and at the root, hidden or
    /// not, and nothing else is.
    pub only: Option<Vec<u8>>,
}

/// A worker's part of what may be kept.
#[derive(Clone, Copy, Debug)]
pub struct Share {
    /// Bytes.
    pub memory: u64,
    /// Private copies.
    pub copies: u64,
}

impl SiteOptions {
    /// 64 MiB hold the whole of most sites and go unnoticed on most machines.
    pub const CACHE_MEMORY: u64 = 64 << 20;
    /// 64 copies: of files so large, no more fit into the memory but few.
    pub const MAX_COPIES: u64 = 64;

    /// What one of so many workers may keep.
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
