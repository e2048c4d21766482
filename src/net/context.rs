//! What a worker lends to the connection that it drives: buffers, the origin, the time.

use std::sync::Arc;
use std::time::Duration;

use crate::http1::limits::HeadLimits;
use crate::http1::response::Common;
use crate::net::buffer::Buffer;
use crate::net::clock::Now;
use crate::net::config::Config;
use crate::net::deadline::{Deadline, Waiting};
use crate::net::limits::{Deadlines, Limits};
use crate::net::mailbox::WakeSender;
use crate::net::outbox::Outbox;
use crate::net::tls::{Endpoint, Wire};
use crate::observe::log::LogHandle;
use crate::observe::metrics::Counters;
use crate::observe::observer::Observer;
use crate::origin::handler::{Handler, Origin};
use crate::semantics::field::FieldLine;
use crate::semantics::trace::Trace;
use crate::site::options::SiteOptions;
use crate::site::resolve::Site;
use crate::site::root::Root;

/// Room for pipelined requests behind the largest head.
const READ_AHEAD: usize = 16 * 1024;

/// A worker's context. It belongs to the thread that makes it.
pub struct Context {
    /// The buffers of the connection that is driven.
    pub buffers: Buffers,
    /// Where the lines of a head are noted.
    pub lines: Vec<FieldLine>,
    /// For bytes on their way from a file or a source to the socket.
    pub scratch: Vec<u8>,
    /// What answers.
    pub origin: Origin,
    /// The time of this turn.
    pub now: Now,
    /// How much a client may use.
    pub limits: Limits,
    /// How large a head may be.
    pub head_limits: HeadLimits,
    /// How long a client may take.
    pub deadlines: Deadlines,
    /// Where exchanges end.
    pub observer: Observer,
    /// The steps of the decision at hand.
    pub trace: Trace,
    /// The server is about to end: connections are not kept.
    pub is_draining: bool,
    /// Where TLS sessions come from, if the site is served over TLS.
    pub endpoint: Option<Arc<Endpoint>>,
    /// The port to which clients of the plain port are redirected.
    pub https_port: u16,
    /// The seconds for which clients are told to return over HTTPS only.
    pub hsts: Option<u64>,
    /// Makes wakers for answers that wait for news.
    pub wakes: WakeSender,
}

/// The buffers that a worker lends for one turn.
pub struct Buffers {
    /// For what is received.
    pub inbox: Buffer,
    /// For what is to be sent.
    pub outbox: Outbox,
    /// For the records of a TLS session.
    pub wire: Wire,
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
    /// Where TLS sessions come from, if the site is served over TLS.
    pub endpoint: Option<Arc<Endpoint>>,
    /// The port at which the site is served.
    pub port: u16,
    /// Makes the handlers that each worker asks before the site.
    pub handlers: Vec<MakeHandler>,
}

/// Makes a handler for one worker.
pub type MakeHandler = Box<dyn Fn() -> Box<dyn Handler> + Send + Sync>;

impl Context {
    /// The context of a worker.
    pub fn new(settings: &Settings, log: LogHandle, wakes: WakeSender) -> Context {
        let config = &settings.config;
        let site = Site::new(
            Arc::clone(&settings.root),
            Arc::clone(&settings.options),
            config.site.share(config.threads),
        );
        let mut origin = Origin::new(site, config.limits.max_ranges);
        origin.handlers = settings.handlers.iter().map(|make| make()).collect();
        let head_limits = HeadLimits {
            target: config.limits.max_target,
            head: config.limits.max_head,
            fields: config.limits.max_fields,
        };
        Context {
            buffers: Buffers::new(&head_limits),
            lines: Vec::new(),
            scratch: Vec::new(),
            origin,
            now: Now::read(),
            limits: config.limits,
            head_limits,
            deadlines: config.deadlines,
            observer: Observer {
                log,
                counters: Arc::clone(&settings.counters),
            },
            trace: Trace::off(),
            is_draining: false,
            endpoint: settings.endpoint.clone(),
            https_port: settings.port,
            hsts: config.tls.as_ref().and_then(|tls| tls.hsts),
            wakes,
        }
    }

    /// Replaces the buffers of a connection that ended in the middle of its turn.
    pub fn renew_buffers(&mut self) {
        self.buffers = Buffers::new(&self.head_limits);
    }

    /// The deadline of something that is waited for from now on.
    pub fn deadline(&self, waiting: Waiting) -> Deadline {
        Deadline::new(waiting, self.now.instant, self.allowed(waiting))
    }

    /// What the connection adds to each of its responses. HSTS is never sent in plain text (RFC 6797
    /// section 7.2).
    pub fn common(&self, is_secure: bool) -> Common {
        Common {
            date: self.now.text,
            hsts: self.hsts.filter(|_| is_secure),
        }
    }

    fn allowed(&self, waiting: Waiting) -> Duration {
        match waiting {
            Waiting::Handshake => self.deadlines.handshake,
            Waiting::FirstRequest | Waiting::Head => self.deadlines.head,
            Waiting::Request => self.deadlines.idle,
            Waiting::Body => self.deadlines.body,
            Waiting::Send => self.deadlines.send,
            Waiting::Close => self.deadlines.linger,
            Waiting::Answer => Duration::MAX,
        }
    }
}

impl Buffers {
    fn new(limits: &HeadLimits) -> Buffers {
        Buffers {
            inbox: Buffer::new(limits.head + READ_AHEAD),
            outbox: Outbox::default(),
            wire: Wire::new(),
        }
    }
}
