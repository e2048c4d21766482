//! What a worker lends to the connection it drives: buffers, the origin, the time.

use std::sync::Arc;
use std::time::Duration;

use crate::http1::limits::Limits as HeadLimits;
use crate::net::buffer::Buffer;
use crate::net::clock::Now;
use crate::net::config::Config;
use crate::net::deadline::{Deadline, Waiting};
use crate::net::limits::{Deadlines, Limits};
use crate::net::outbox::Outbox;
use crate::net::tls::{Endpoint, Wire};
use crate::observe::log::LogHandle;
use crate::observe::metrics::Counters;
use crate::origin::answer::Origin;
use crate::origin::stock::Stock;
use crate::semantics::field::FieldLine;
use crate::site::options::SiteOptions;
use crate::site::resolve::Site;
use crate::site::root::Root;

/// Room for pipelined requests behind the largest head.
const READ_AHEAD: usize = 16 * 1024;

/// The parts that a parsed head borrows, apart from everything that answering it changes.
pub struct Bench {
    /// What was received.
    pub inbox: Buffer,
    /// Where the lines of a head are noted.
    pub lines: Vec<FieldLine>,
    /// Everything else.
    pub desk: Desk,
}

/// Where a request is answered.
pub struct Desk {
    /// What answers.
    pub origin: Origin,
    /// Where answers gather.
    pub outbox: Outbox,
    /// For content on its way.
    pub scratch: Vec<u8>,
    /// The time of this turn.
    pub now: Now,
    /// How much a client may use.
    pub limits: Limits,
    /// How large a head may be.
    pub parse_limits: HeadLimits,
    /// How long it may take.
    pub deadlines: Deadlines,
    /// Where finished exchanges are told.
    pub log: LogHandle,
    /// Where they are counted.
    pub counters: Arc<Counters>,
    /// The server is about to end: connections are not kept.
    pub draining: bool,
    /// Bytes that the connection at work may still move in this turn.
    pub budget: u64,
    /// Where TLS sessions come from, where the site is served over TLS.
    pub endpoint: Option<Arc<Endpoint>>,
    /// Lent to TLS sessions.
    pub wire: Wire,
    /// The port to which clients of the plain port are sent.
    pub https_port: u16,
    /// For how long clients are told to come back over HTTPS only, in seconds.
    pub hsts: Option<u64>,
}

impl Bench {
    /// A bench around `desk`.
    pub fn new(desk: Desk) -> Bench {
        Bench {
            inbox: Buffer::new(desk.parse_limits.head + READ_AHEAD),
            lines: Vec::new(),
            desk,
        }
    }

    /// Forgets what a connection left behind that ended in the middle of its turn.
    pub fn reset(&mut self) {
        self.inbox.restore(&mut Vec::new());
        self.desk.outbox.restore(&mut Vec::new());
        // It may have been lent.
        self.desk.wire = Wire::new();
    }
}

/// What all workers have in common.
pub struct Settings {
    /// What the server was told.
    pub config: Config,
    /// The open root.
    pub root: Arc<Root>,
    /// What of it is served.
    pub options: Arc<SiteOptions>,
    /// What happens, counted.
    pub counters: Arc<Counters>,
    /// Where TLS sessions come from, where the site is served over TLS.
    pub endpoint: Option<Arc<Endpoint>>,
    /// The port at which the site is served.
    pub port: u16,
}

impl Desk {
    /// A worker's desk. It belongs to the thread that makes it.
    pub fn new(settings: &Settings, log: LogHandle) -> Desk {
        let Settings { config, .. } = settings;
        let site = Site::new(
            Arc::clone(&settings.root),
            Arc::clone(&settings.options),
            config.site.share(config.threads),
        );
        Desk {
            origin: Origin::new(Stock::new(site, config.limits.max_ranges)),
            outbox: Outbox::default(),
            scratch: Vec::new(),
            now: Now::read(),
            limits: config.limits,
            parse_limits: HeadLimits {
                target: config.limits.max_target,
                head: config.limits.max_head,
                fields: config.limits.max_fields,
            },
            deadlines: config.deadlines,
            log,
            counters: Arc::clone(&settings.counters),
            draining: false,
            budget: 0,
            wire: Wire::new(),
            endpoint: settings.endpoint.clone(),
            https_port: settings.port,
            hsts: config.tls.as_ref().and_then(|tls| tls.hsts),
        }
    }

    /// Counts work towards the turn's budget.
    pub fn spend(&mut self, bytes: u64) {
        self.budget = self.budget.saturating_sub(bytes);
    }

    /// Until when a connection may take for what it is waited for from now on.
    pub fn deadline(&self, waiting: Waiting) -> Deadline {
        Deadline::new(waiting, self.now.instant, self.allowed(waiting))
    }

    fn allowed(&self, waiting: Waiting) -> Duration {
        match waiting {
            Waiting::Handshake => self.deadlines.handshake,
            Waiting::FirstRequest => self.deadlines.head,
            Waiting::Request => self.deadlines.idle,
            Waiting::Head => self.deadlines.head,
            Waiting::Body => self.deadlines.body,
            Waiting::Send => self.deadlines.send,
            Waiting::Close => self.deadlines.linger,
        }
    }
}
