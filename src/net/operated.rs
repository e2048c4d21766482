//! What the administrative pages see of a running server, and what they change.
//!
//! Everything is asked for when a page is requested, so a reload shows at once.

use std::sync::{Arc, Mutex};
use std::task::Waker;
use std::time::{Instant, SystemTime};

use crate::guide::admin::metrics::Facts;
use crate::guide::admin::operated::{Look, Operated};
use crate::net::limits::descriptor_limit;
use crate::net::mailbox::{Change, Shutdown};
use crate::net::open::open_site;
use crate::net::reload::Reloader;
use crate::observe::metrics::Counters;
use crate::observe::notice;
use crate::observe::options::{LogLevel, NoSuchLevel};
use crate::observe::process::{ProcessFiles, Usage};
use crate::observe::tally::{Tally, Totals};
use crate::observe::topic::Reader;
use crate::site::budget::Account;
use crate::site::disk::FileSystem;
use crate::site::options::Budgets;
use crate::sync::lock;
use crate::text::escape::Name;

/// The running server that operators ask and change.
pub(super) struct OperatedServer {
    /// Its shutdown.
    pub shutdown: Arc<Shutdown>,
    /// What it has and does now.
    pub reloader: Arc<Reloader>,
    /// When it started.
    pub started: SystemTime,
    /// What it holds for clients.
    pub budgets: Budgets,
    /// What its threads count together.
    pub counters: Arc<Counters>,
    /// What each worker counts.
    pub tallies: Vec<Arc<Tally>>,
    /// What the administrative worker counts. Its panics belong to the server.
    pub own: Arc<Counters>,
    /// What the system says.
    pub files: Mutex<ProcessFiles>,
}

impl OperatedServer {
    fn usage(&self) -> Usage {
        let mut files = lock(&self.files);
        files.read()
    }
}

/// Lines may be missing from the log from now on, and whoever reads it should know why.
fn tell_change(earlier: Option<LogLevel>, level: LogLevel) {
    if let Some(earlier) = earlier.filter(|earlier| *earlier != level) {
        let (earlier, level) = (earlier.name(), level.name());
        notice::tell(&[format!(
            "the log level is {level} until the next reload; it was {earlier}"
        )]);
    }
}

impl Operated for OperatedServer {
    fn is_leaving(&self) -> bool {
        self.shutdown.is_leaving()
    }

    fn looks(&self) -> Option<Vec<Look>> {
        let settings = self.reloader.settings()?;
        let config = &settings.config;
        let looks = config.roots().into_iter().map(|root| {
            // A job that hangs keeps nothing of a configuration that was replaced.
            let (path, options) = (root.to_owned(), config.site.clone());
            let open = move || open_site(&path, &options).map(drop);
            Look {
                root: Name::of(root).to_string(),
                // After a reload, the same path may lead elsewhere.
                hangs_alone: FileSystem::named((settings.generation, root)),
                open: Box::new(move || open().map_err(|fault| fault.to_string())),
            }
        });
        Some(looks.collect())
    }

    fn config(&self) -> Arc<[u8]> {
        let settings = self.reloader.settings();
        settings.map_or(Arc::default(), |settings| Arc::clone(&settings.shown))
    }

    fn log_level(&self) -> Option<LogLevel> {
        self.reloader.log_level()
    }

    fn set_log_level(&self, level: LogLevel) -> Option<Result<(), NoSuchLevel>> {
        let changed = self.reloader.set_log_level(level)?;
        Some(changed.map(|earlier| tell_change(earlier, level)))
    }

    fn ask_workers(&self, now: Instant, waker: Waker) -> Option<Reader<()>> {
        // Before they are asked, so that no answer is missed.
        let answers = self.tallies.first()?.answers(now, waker);
        for (tally, worker) in self.tallies.iter().zip(self.reloader.workers()) {
            if tally.ask_for_phases() {
                worker.change(Change::AskedForPhases);
            }
        }
        Some(answers)
    }

    fn have_workers_answered(&self) -> bool {
        let workers = self.reloader.workers();
        let mut tallies = self.tallies.iter().zip(&workers);
        // A worker that has exited has no connections.
        tallies.all(|(tally, worker)| !tally.is_asked() || worker.has_exited())
    }

    fn facts(&self) -> Facts {
        let memory = self.budgets.memory();
        let mut counters = self.counters.snapshot();
        counters.worker_panics += self.own.worker_panics.value();
        Facts {
            started: self.started,
            workers: self.tallies.len(),
            counters,
            totals: Totals::of(&self.tallies),
            memory: Account::ALL.map(|account| memory.held(account)),
            memory_limit: memory.limit(),
            cached: self.budgets.cached(),
            copies: self.budgets.copies(),
            usage: self.usage(),
            most_descriptors: descriptor_limit(),
        }
    }
}
