//! The coding of a file that is in memory, once for all clients that want it at the same time.

use std::cell::RefCell;
use std::net::IpAddr;
use std::rc::{Rc, Weak};

use crate::semantics::coding::Coding;
use crate::site::body::{MemorySource, Pulled, Source};
use crate::site::budget::{Account, Charge};
use crate::site::compress::{Coded, PIECE};
use crate::site::file::StoredFile;
use crate::site::held::HeldBytes;
use crate::site::resolve::Site;
use crate::site::storage::Storage;

/// A coding in progress. Each client that waits for it holds a reference, and each may advance it.
pub struct CodingJob {
    file: Rc<StoredFile>,
    coding: Coding,
    coder: Coded,
    bytes: Vec<u8>,
    /// For `bytes`; `None` at the end.
    charge: Option<Charge>,
    coded: Option<Rc<HeldBytes>>,
}

/// A coding that clients share.
pub type SharedCoding = Rc<RefCell<CodingJob>>;

/// The codings of one worker.
#[derive(Default)]
pub struct CodingJobs(Vec<Weak<RefCell<CodingJob>>>);

impl CodingJobs {
    /// The coding of `file` that is in progress.
    pub fn find(&self, file: &Rc<StoredFile>, coding: Coding) -> Option<SharedCoding> {
        self.0.iter().filter_map(Weak::upgrade).find(|job| {
            let job = job.borrow();
            Rc::ptr_eq(&job.file, file) && job.coding == coding
        })
    }

    /// Joins the coding of `file` that is in progress, or begins one for a client in `network`. `None` if
    /// there is not enough memory, or if the file is not in memory.
    pub fn join(
        &mut self,
        site: &mut Site,
        file: &Rc<StoredFile>,
        coding: Coding,
        network: IpAddr,
    ) -> Option<SharedCoding> {
        if let Some(job) = self.find(file, coding) {
            return Some(job);
        }
        let content = file.memory.as_ref()?;
        let charge = site
            .memory
            .charge(Account::Contents, most_coded(file.size()))?;
        let coder = site.memory.coder(network, coding)?;
        let source = Box::new(MemorySource::new(Rc::clone(content)));
        let job = Rc::new(RefCell::new(CodingJob {
            file: Rc::clone(file),
            coding,
            coder: Coded::new(source, coder),
            bytes: Vec::new(),
            charge: Some(charge),
            coded: None,
        }));
        self.0.retain(|job| job.strong_count() > 0);
        self.0.push(Rc::downgrade(&job));
        Some(job)
    }
}

/// The longest coded content of `size` bytes. Content that cannot be compressed becomes slightly longer.
pub fn most_coded(size: u64) -> u64 {
    size + size / 64 + 64
}

impl CodingJob {
    /// Codes one more piece, which takes about a millisecond. Returns the whole coded content once it
    /// is complete.
    pub fn advance(&mut self, site: &Site) -> Option<Rc<HeldBytes>> {
        if self.coded.is_none()
            && self.has_coded_the_last_piece()
            && let Some(charge) = self.charge.take()
        {
            let bytes = HeldBytes::new(Storage::of(std::mem::take(&mut self.bytes)), charge);
            let updates = site.updates();
            updates.keep(&self.file, self.coding, Rc::clone(&bytes));
            self.coded = Some(bytes);
        }
        self.coded.clone()
    }

    fn has_coded_the_last_piece(&mut self) -> bool {
        // Memory neither fails nor waits.
        !matches!(self.coder.pull(&mut self.bytes, PIECE), Ok(Pulled::More))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    use crate::site::compress::CODER;
    use crate::site::options::{Budgets, SiteOptions};
    use crate::site::root::{LinkPolicy, Root};

    const GZIP: Coding = Coding::Gzip;
    const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn site(folder: &tempfile::TempDir, memory: u64) -> Site {
        let root = Root::open(folder.path(), LinkPolicy::default()).expect("a root");
        let options = SiteOptions {
            memory,
            ..SiteOptions::default()
        };
        let allowances = Budgets::new(&options, 1).part();
        Site::new(Arc::new(root), Arc::new(options), allowances)
    }

    #[test]
    fn clients_share_a_coding_and_its_result_is_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut site, mut jobs) = (site(&folder, 8 << 20), CodingJobs::default());
        let file = Rc::new(StoredFile::in_memory("a.txt", vec![b'x'; 3 * PIECE]));
        let mut join = |coding| jobs.join(&mut site, &file, coding, CLIENT).expect("memory");
        let (one, other) = (join(GZIP), join(GZIP));
        assert!(Rc::ptr_eq(&one, &other));
        assert!(!Rc::ptr_eq(&one, &join(Coding::Deflate)));
        // Three clients advance it, in turn.
        assert!(one.borrow_mut().advance(&site).is_none());
        assert!(other.borrow_mut().advance(&site).is_none());
        let coded = one.borrow_mut().advance(&site).expect("it has ended");
        let kept = file.representation(GZIP).coded().expect("it is kept");
        assert!(Rc::ptr_eq(&coded, &kept));
        assert!(Rc::ptr_eq(
            &coded,
            &other.borrow_mut().advance(&site).expect("ended")
        ));
        drop((one, other));
        assert!(jobs.find(&file, GZIP).is_none());
    }

    #[test]
    fn without_memory_nothing_is_coded() {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut site, mut jobs) = (site(&folder, CODER), CodingJobs::default());
        let file = Rc::new(StoredFile::in_memory("a.txt", vec![b'x'; PIECE]));
        assert!(jobs.join(&mut site, &file, GZIP, CLIENT).is_none());
        assert!(
            site.memory.charge(Account::Listings, CODER).is_some(),
            "nothing is held"
        );
    }
}
