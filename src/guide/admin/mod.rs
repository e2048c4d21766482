//! The administrative pages (`--admin`) for operators and load balancers, on a separate listener.
//!
//! ```text
//! /health      200, or 503 once the server will leave
//! /ready       200, or 503 if a root cannot be opened or does not answer, or the server will leave
//! /metrics     numbers for Prometheus, see crate::observe::exposition
//! /config      the configuration in use, without secrets
//! /log-level   how much is logged; PUT changes it until the next reload
//! ```
//!
//! The listener serves nothing of the site, and no public listener serves these pages. Anyone who can connect can use
//! them. A page whose name was rebound cannot: docroot answers only for hosts that nobody can rebind, see
//! [`crate::http1::allowed_hosts`].

// What they see of the server.
pub mod operated;
// The numbers.
pub mod metrics;
// What the answers have in common.
mod answers;
// How much is logged.
mod log_level;
// Answers that wait for other threads.
mod waiting;

use std::sync::Arc;

use crate::origin::embedded::without_file;
use crate::origin::handler::{Answer, Handler, Origin};
use crate::origin::request::Request;
use crate::semantics::trace::Trace;
use answers::{leaving, text_page};
use log_level::LOG_LEVEL;
use operated::Operated;

/// What `/` says.
const INDEX: &str = "/health\n/ready\n/metrics\n/config\n/log-level\n";

/// Answers requests for the administrative pages.
pub struct AdminPages {
    server: Arc<dyn Operated>,
}

impl AdminPages {
    /// Those of a server.
    pub fn new(server: Arc<dyn Operated>) -> AdminPages {
        AdminPages { server }
    }

    fn health(&self, request: &Request<'_>, origin: &mut Origin, trace: &mut Trace) -> Answer {
        match self.server.is_leaving() {
            true => Answer::Ready(leaving(trace)),
            false => text_page("ok\n", request, origin, trace),
        }
    }
}

impl Handler for AdminPages {
    fn is_of_server(&self) -> bool {
        true
    }

    fn takes_content(&self, request: &Request<'_>) -> Option<u64> {
        log_level::takes_content(request)
    }

    fn answer(
        &self,
        request: &Request<'_>,
        origin: &mut Origin,
        trace: &mut Trace,
    ) -> Option<Answer> {
        let path = request.head.target.path()?;
        if path == LOG_LEVEL {
            return Some(log_level::answer(&self.server, request, origin, trace));
        }
        type Page = fn(&AdminPages, &Request<'_>, &mut Origin, &mut Trace) -> Answer;
        let page: Page = match path {
            b"/" => |_, request, origin, trace| text_page(INDEX, request, origin, trace),
            b"/health" => AdminPages::health,
            b"/ready" => |pages, request, _, trace| waiting::ready(&pages.server, request, trace),
            b"/metrics" => |pages, request, _, _| waiting::metrics(&pages.server, request),
            b"/config" => |pages, request, origin, trace| {
                text_page(pages.server.config().to_vec(), request, origin, trace)
            },
            _ => return None,
        };
        let response = without_file(request, trace).map(Answer::Ready);
        Some(response.unwrap_or_else(|| page(self, request, origin, trace)))
    }
}
