//! Who may use the server's own pages (RFC 9110 sections 7.4, 15.5.4 and 15.5.20; Fetch Metadata Request Headers,
//! section 2).
//!
//! ```text
//! Host: evil.example                                 421: its owner could make the name mean this machine
//! a client at 192.0.2.7                              403, unless --inspect-allow or --class has the address
//! Origin: https://evil.example                       403 for what acts or tells something
//! Sec-Fetch-Site: cross-site                         403 for the same
//! ```

use crate::http1::allowed_hosts::AllowedHosts;
use crate::origin::reason::{OwnPageReason, Reason};
use crate::origin::refuse::error;
use crate::origin::request::Request;
use crate::origin::response::Response;
use crate::semantics::address_rules::AddressRules;
use crate::semantics::status::Status;
use crate::semantics::trace::Trace;
use crate::websocket::same_origin;

/// Who may use them.
#[derive(Clone)]
pub struct Access {
    hosts: AllowedHosts,
    from: AddressRules,
    /// From where learners of a class use them.
    class: Option<AddressRules>,
}

impl Access {
    /// For requests to these hosts from these addresses, and from those of a class, if there is one.
    pub fn new(hosts: AllowedHosts, from: AddressRules, class: Option<AddressRules>) -> Access {
        Access { hosts, from, class }
    }

    /// Whether the client is a learner and no more. A learner sees what came from its own address, and nothing of
    /// others.
    pub fn is_learner(&self, request: &Request<'_>) -> bool {
        self.class.is_some()
            && !self
                .from
                .admits(request.client.peer.ip(), &mut Trace::off())
    }

    /// The refusal of a client that may see nothing of a page.
    pub fn refusal(&self, request: &Request<'_>, trace: &mut Trace) -> Option<Response> {
        let version = request.head.head.version;
        if self.hosts.rule(version, request.head.host).is_none() {
            return Some(error(Status::MisdirectedRequest, Reason::HostNotAllowed));
        }
        let address = request.client.peer.ip();
        let is_of_class = |trace: &mut Trace| {
            let class = self.class.as_ref();
            class.is_some_and(|class| class.admits(address, trace))
        };
        let is_admitted = self.from.admits(address, trace) || is_of_class(trace);
        (!is_admitted).then(|| error(Status::Forbidden, Reason::AddressNotAllowed))
    }

    /// The same for what learners may not see either.
    pub fn refusal_to_learners(
        &self,
        request: &Request<'_>,
        trace: &mut Trace,
    ) -> Option<Response> {
        let refusal = self.refusal(request, trace);
        let is_learner = || self.is_learner(request);
        refusal
            .or_else(|| is_learner().then(|| error(Status::Forbidden, Reason::AddressNotAllowed)))
    }

    /// The same for what acts for the client or tells something of it: a page of another origin must not use it.
    pub fn refusal_to_pages(&self, request: &Request<'_>, trace: &mut Trace) -> Option<Response> {
        let refusal = self.refusal(request, trace);
        let foreign = || {
            error(
                Status::Forbidden,
                Reason::OwnPage(OwnPageReason::ForeignPage),
            )
        };
        refusal.or_else(|| is_foreign(request).then(foreign))
    }
}

/// Whether a page of another origin makes the request. `Sec-Fetch-Site` says so for every request of a browser
/// to this machine or over TLS, and `Origin` for those that could change something. `none` is an address that
/// the user typed.
fn is_foreign(request: &Request<'_>) -> bool {
    let fields = request.fields();
    let mut sites = fields.named("Sec-Fetch-Site");
    let is_foreign = |site: &[u8]| !matches!(site, b"same-origin" | b"none");
    sites.any(is_foreign) || !same_origin::admits(request.own_origin(), fields)
}
