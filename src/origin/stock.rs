//! What a worker answers from: its view of the site, and the coders it has at work.

use crate::semantics::coding::Coding;
use crate::site::places::Places;
use crate::site::resolve::Site;

/// Contents that one worker codes at the same time. Each holds about 300 KiB for the coder's
/// window, so slow readers could otherwise exhaust the machine's memory.
const MAX_CODERS: u64 = 64;

/// Large directories that one worker lists at the same time. Each holds its entries, about 5 MB for
/// 100,000 of them.
const MAX_LISTINGS: u64 = 16;

/// Every coding this server applies, in the order of its preference.
pub const CODINGS: [Coding; 2] = [Coding::Gzip, Coding::Deflate];

/// What a worker answers from.
pub struct Stock {
    /// The document root.
    pub site: Site,
    /// Contents that are being coded as they are sent.
    pub coders: Places,
    /// Directories that are being read, or sent as they are rendered.
    pub listings: Places,
    /// The largest number of ranges that one request may name.
    pub max_ranges: usize,
}

impl Stock {
    /// With nothing at work.
    pub fn new(site: Site, max_ranges: usize) -> Stock {
        Stock {
            site,
            coders: Places::new(MAX_CODERS),
            listings: Places::new(MAX_LISTINGS),
            max_ranges,
        }
    }

    /// The codings that may be applied to what gains from them.
    pub fn offered(&self, gains: bool) -> &'static [Coding] {
        match gains && self.site.options().compress {
            true => &CODINGS,
            false => &[],
        }
    }
}
