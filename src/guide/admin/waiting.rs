//! Answers that wait for other threads: a disk thread opens the roots, and each worker says what its connections do.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::guide::admin::answers::{answer_page, leaving, text, unavailable};
use crate::guide::admin::metrics;
use crate::guide::admin::operated::Operated;
use crate::guide::plain;
use crate::observe::exposition::Format;
use crate::origin::embedded::Embedded;
use crate::origin::handler::{Answer, Origin, Polled, Responder};
use crate::origin::reason::{OwnPageReason, Reason};
use crate::origin::request::{Request, RequestBody};
use crate::semantics::accept::choose_media_type;
use crate::semantics::trace::Trace;
use crate::semantics::variant::Dimension;
use crate::site::disk::{Effort, Ended, FileSystem, NOBODY, Pending, Registered, Room};

/// How long the disk may take. Load balancers wait for a few seconds.
const DISK: Duration = Duration::from_secs(2);

/// How long the workers may take. A stuck worker does not delay the numbers of the others for longer.
const WORKERS: Duration = Duration::from_millis(250);

/// The time between two checks whether the workers have answered.
const LOOK: Duration = Duration::from_millis(2);

/// `/ready`.
pub(super) fn ready(
    server: &Arc<dyn Operated>,
    request: &Request<'_>,
    origin: &mut Origin,
    trace: &mut Trace,
) -> Answer {
    if server.is_leaving() {
        return Answer::Ready(leaving(trace));
    }
    let pending = server
        .look()
        .zip(origin.site.disk())
        .and_then(|(look, disk)| {
            let (effort, file_system) = (Effort::Look, FileSystem::NONE);
            disk.submit(effort, file_system, NOBODY, Room::Limited, look)
        });
    match pending {
        None => not_ready(
            "the roots were not checked: the disk is busy".to_owned(),
            trace,
        ),
        Some(pending) => Answer::Later(Box::new(Ready {
            pending,
            registered: Registered::default(),
            until: request.instant + DISK,
        })),
    }
}

/// Waits until the roots are open.
struct Ready {
    pending: Pending<Result<(), String>>,
    registered: Registered,
    until: Instant,
}

impl Responder for Ready {
    fn poll(
        &mut self,
        request: &Request<'_>,
        _: &mut dyn RequestBody,
        origin: &mut Origin,
        trace: &mut Trace,
    ) -> Polled {
        let ended = self.pending.poll();
        if ended.is_none() && request.instant < self.until {
            self.pending.wake_once(&mut self.registered, request.wakers);
            return Polled::WaitForDisk(self.until);
        }
        Polled::Done(match ended {
            Some(Ended::Done(Ok(()))) => text("ready\n", request, origin, trace),
            Some(Ended::Done(Err(why))) => not_ready(why, trace),
            _ => not_ready(
                "the roots were not checked: the disk does not answer".to_owned(),
                trace,
            ),
        })
    }
}

fn not_ready(why: String, trace: &mut Trace) -> Answer {
    let reason = Reason::OwnPage(OwnPageReason::NotReady);
    Answer::Ready(unavailable(reason, why + "\n", trace))
}

/// `/metrics`.
pub(super) fn metrics(server: &Arc<dyn Operated>, request: &Request<'_>) -> Answer {
    server.ask_workers();
    Answer::Later(Box::new(Metrics {
        server: Arc::clone(server),
        until: request.instant + WORKERS,
    }))
}

/// Waits until the workers have answered.
struct Metrics {
    server: Arc<dyn Operated>,
    until: Instant,
}

impl Responder for Metrics {
    fn poll(
        &mut self,
        request: &Request<'_>,
        _: &mut dyn RequestBody,
        origin: &mut Origin,
        trace: &mut Trace,
    ) -> Polled {
        if !self.server.have_workers_answered() && request.instant < self.until {
            return Polled::WaitUntil(request.instant + LOOK);
        }
        let offered = Format::MEDIA_TYPES;
        let index = choose_media_type(request.fields(), &offered, trace).index;
        let content = metrics::write(&self.server.facts(), Format::ALL[index]);
        let page = Embedded::made(content.into(), offered[index], plain::POLICY);
        let page = page.varying(Dimension::MediaType);
        Polled::Done(answer_page(&page, request, origin, trace))
    }
}
