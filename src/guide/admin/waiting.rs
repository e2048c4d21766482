//! Answers that wait for other threads: a disk thread opens the roots, and each worker says what its connections do.

use std::sync::Arc;
use std::time::{Duration, Instant};
use std::vec::IntoIter;

use crate::guide::admin::answers::{NOT_RUNNING, leaving, text_page, unavailable};
use crate::guide::admin::metrics;
use crate::guide::admin::operated::{Look, Operated};
use crate::guide::plain;
use crate::observe::exposition::Format;
use crate::observe::topic::{News, Reader};
use crate::origin::embedded::{Embedded, answer_made};
use crate::origin::handler::{Answer, Origin, Polled, Responder};
use crate::origin::reason::{OwnPageReason, Reason};
use crate::origin::request::{Request, RequestBody};
use crate::semantics::accept::choose_media_type;
use crate::semantics::trace::Trace;
use crate::semantics::variant::Dimension;
use crate::site::disk::{DiskPool, Effort, Ended, NOBODY, Pending, Registered, Room};

/// How long the disk may take. Load balancers wait for a few seconds.
const DISK: Duration = Duration::from_secs(2);

/// How long the workers may take. A stuck worker does not delay the numbers of the others for longer.
const WORKERS: Duration = Duration::from_millis(250);

/// `/ready`.
pub(super) fn ready(
    server: &Arc<dyn Operated>,
    request: &Request<'_>,
    trace: &mut Trace,
) -> Answer {
    if server.is_leaving() {
        return Answer::Ready(leaving(trace));
    }
    let Some(looks) = server.looks() else {
        return not_ready(NOT_RUNNING.to_owned(), trace);
    };
    Answer::Later(Box::new(Ready {
        looks: looks.into_iter(),
        under_way: None,
        registered: Registered::default(),
        until: request.instant + DISK,
    }))
}

/// Waits until the roots are open, one after another. The first one that hangs is the one to name.
struct Ready {
    /// Those that have not begun.
    looks: IntoIter<Look>,
    under_way: Option<LookUnderWay>,
    registered: Registered,
    until: Instant,
}

struct LookUnderWay {
    root: String,
    pending: Pending<Result<(), String>>,
}

impl LookUnderWay {
    /// `None` if no thread can be started.
    fn begin(look: Look, disk: Option<&DiskPool>) -> Option<LookUnderWay> {
        let Look {
            root,
            hangs_alone,
            open,
        } = look;
        let pending = disk?.submit(Effort::Look, hangs_alone, NOBODY, Room::Limited, open)?;
        Some(LookUnderWay { root, pending })
    }
}

impl Ready {
    /// Whether every root could be opened, or why that is not known. `None`: not yet.
    fn outcome(&mut self, now: Instant, disk: Option<&DiskPool>) -> Option<Result<(), String>> {
        loop {
            if let Some(LookUnderWay { root, pending }) = &self.under_way {
                let unknown = |why| Some(Err(format!("{root} was not checked: {why}")));
                match pending.poll() {
                    Some(Ended::Done(Ok(()))) => {}
                    Some(Ended::Done(Err(why))) => return Some(Err(why)),
                    Some(Ended::Panicked) => return unknown("docroot has a bug"),
                    Some(Ended::Displaced) => return unknown("too many others are being checked"),
                    None if now < self.until => return None,
                    None => return unknown("the disk does not answer"),
                }
            }
            let Some(look) = self.looks.next() else {
                return Some(Ok(()));
            };
            self.under_way = LookUnderWay::begin(look, disk);
            if self.under_way.is_none() {
                let why = "the roots were not checked: no thread can be started";
                return Some(Err(why.to_owned()));
            }
        }
    }
}

impl Responder for Ready {
    fn poll(
        &mut self,
        request: &Request<'_>,
        _: &mut dyn RequestBody,
        origin: &mut Origin,
        trace: &mut Trace,
    ) -> Polled {
        match self.outcome(request.instant, origin.site.disk()) {
            Some(Ok(())) => Polled::Done(text_page("ready\n", request, origin, trace)),
            Some(Err(why)) => Polled::Done(not_ready(why, trace)),
            None => {
                if let Some(look) = &self.under_way {
                    look.pending.wake_once(&mut self.registered, request.wakers);
                }
                Polled::WaitForDisk(self.until)
            }
        }
    }
}

fn not_ready(why: String, trace: &mut Trace) -> Answer {
    let reason = Reason::OwnPage(OwnPageReason::NotReady);
    Answer::Ready(unavailable(reason, why + "\n", trace))
}

/// `/metrics`.
pub(super) fn metrics(server: &Arc<dyn Operated>, request: &Request<'_>) -> Answer {
    Answer::Later(Box::new(Metrics {
        answers: server.ask_workers(request.instant, request.wakers.waker()),
        server: Arc::clone(server),
        until: request.instant + WORKERS,
    }))
}

/// Waits until the workers have answered.
struct Metrics {
    server: Arc<dyn Operated>,
    answers: Option<Reader<()>>,
    until: Instant,
}

/// Reads until there is nothing new.
fn read_all(answers: &mut Reader<()>) {
    while answers.poll() != News::Nothing {}
}

impl Responder for Metrics {
    fn poll(
        &mut self,
        request: &Request<'_>,
        _: &mut dyn RequestBody,
        origin: &mut Origin,
        trace: &mut Trace,
    ) -> Polled {
        // The next answer wakes this one, if it comes after this.
        self.answers.iter_mut().for_each(read_all);
        if !self.server.have_workers_answered() && request.instant < self.until {
            return Polled::WaitForDisk(self.until);
        }
        let offered = Format::OFFERED.map(|(_, media_type)| media_type);
        let index = choose_media_type(request.fields(), &offered, trace).index;
        let (format, media_type) = Format::OFFERED[index];
        let content = metrics::write(&self.server.facts(), format);
        let page = Embedded::made(content.into(), media_type, plain::POLICY);
        let page = page.varying(Dimension::MediaType);
        Polled::Done(answer_made(origin, request, page, trace))
    }
}
