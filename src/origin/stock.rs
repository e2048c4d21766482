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

/// Every coding this server applies, in the order of its preference.
pub const CODINGS: [Coding; 2] = [Coding::Gzip, Coding::Deflate];

/// What a worker answers from.
pub struct Stock {
    /// The document root.
    pub site: Site,
    /// How many contents are being coded as they are sent.
    pub coders: Coders,
    /// The largest number of ranges that one request may name.
    pub max_ranges: usize,
}

impl Stock {
    /// The codings that may be applied to what gains from them.
    pub fn offered(&self, gains: bool) -> &'static [Coding] {
        match gains && self.site.options().compress {
            true => &CODINGS,
            false => &[],
        }
    }
}

/// Counts the coders at work on one worker.
#[derive(Default)]
pub struct Coders {
    busy: Rc<Cell<usize>>,
}

/// A stream that is counted for as long as it lasts.
pub struct Held<S> {
    source: S,
    busy: Rc<Cell<usize>>,
}

impl Coders {
    /// Whether one more content may be coded.
    pub fn are_free(&self) -> bool {
        self.busy.get() < MAX_CODERS
    }

    /// Counts a coded stream until it is dropped.
    pub fn hold<S: Source>(&self, source: S) -> Held<S> {
        self.busy.set(self.busy.get() + 1);
        Held {
            source,
            busy: Rc::clone(&self.busy),
        }
    }
}

impl<S: Source> Source for Held<S> {
    fn pull(&mut self, out: &mut Vec<u8>, budget: usize) -> io::Result<Progress> {
        self.source.pull(out, budget)
    }
}

impl<S> Drop for Held<S> {
    fn drop(&mut self) {
        self.busy.set(self.busy.get() - 1);
    }
}
