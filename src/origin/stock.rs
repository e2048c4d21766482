//! What a worker answers from: its view of the site, and the coders it has at work.

use std::cell::Cell;
use std::io;
use std::rc::Rc;

use crate::semantics::coding::Coding;
use crate::site::content::{Progress, Source};
use crate::site::resolve::Site;

/// Contents that one worker codes at the same time. Each holds about 300 KiB for the coder's
/// window, so slow readers could otherwise exhaust the machine's memory.
const MAX_CODERS: usize = 64;

/// Large directories that one worker lists at the same time. Each holds its entries, about 5 MB for
/// 100,000 of them.
const MAX_LISTINGS: usize = 16;

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

/// A number of places, some of them taken.
pub struct Places {
    taken: Rc<Cell<usize>>,
    most: usize,
}

/// A place, free again when it is dropped.
pub struct Place(Rc<Cell<usize>>);

/// A source that takes a place for as long as it lasts.
pub struct Held<S> {
    source: S,
    _place: Place,
}

impl Places {
    /// So many places, all free.
    pub fn new(most: usize) -> Places {
        Places {
            taken: Rc::default(),
            most,
        }
    }

    /// Whether one more is free.
    pub fn are_free(&self) -> bool {
        self.taken.get() < self.most
    }

    /// Takes a place, a free one or one more.
    pub fn take(&self) -> Place {
        self.taken.set(self.taken.get() + 1);
        Place(Rc::clone(&self.taken))
    }

    /// A source in a place of its own.
    pub fn hold<S: Source>(&self, source: S) -> Held<S> {
        Held {
            source,
            _place: self.take(),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

impl<S: Source> Source for Held<S> {
    fn pull(&mut self, out: &mut Vec<u8>, budget: usize) -> io::Result<Progress> {
        self.source.pull(out, budget)
    }
}
