//! Who may use the server's own pages (RFC 9110 sections 3.7, 7.4, 15.5.4 and 15.5.20; Fetch Metadata Request Headers,
//! section 2).
//!
//! ```text
//! Host: evil.example                                 421: its owner could make the name mean this machine
//! a client at 192.0.2.7                              403, unless --inspect-allow has the address
//! X-Forwarded-For: 192.0.2.7                         403, unless --inspect-allow has the address of the proxy
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
use crate::semantics::trace::{Evidence, Quote, Trace};
use crate::websocket::same_origin;

/// Fields that a proxy adds (RFC 7239 section 4, RFC 9110 section 7.6.3, and what proxies did before). A browser on this
/// machine sends none of them.
const OF_PROXIES: [&str; 6] = [
    "Forwarded",
    "Via",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Real-IP",
];

/// Who may use them.
#[derive(Clone)]
pub struct Access {
    hosts: AllowedHosts,
    /// Addresses from which clients may use them that ask for themselves.
    from: AddressRules,
    /// Addresses that the operator has named.
    named: AddressRules,
}

impl Access {
    /// For requests to these hosts from these addresses, and from addresses that the operator has `named`.
    pub fn new(hosts: AllowedHosts, from: AddressRules, named: AddressRules) -> Access {
        Access { hosts, from, named }
    }

    /// The refusal of a client that may see nothing of a page.
    pub fn refusal(&self, request: &Request<'_>, trace: &mut Trace) -> Option<Response> {
        let version = request.head.head.version;
        if self.hosts.rule(version, request.head.host).is_none() {
            return Some(error(Status::MisdirectedRequest, Reason::HostNotAllowed));
        }
        let address = request.client.peer.ip();
        // The operator knows who is behind an address that they have named.
        if self.named.names(address) && self.named.admits(address, trace) {
            return None;
        }
        if !self.from.admits(address, trace) {
            return Some(error(Status::Forbidden, Reason::AddressNotAllowed));
        }
        through_proxy(request, trace)
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

/// The refusal of a request that a proxy on this machine has forwarded: its client may be anywhere. A proxy that adds no
/// field cannot be noticed.
fn through_proxy(request: &Request<'_>, trace: &mut Trace) -> Option<Response> {
    let fields = request.fields();
    let mut names = OF_PROXIES.into_iter();
    let name = names.find(|name| fields.named(name).next().is_some())?;
    let (status, reason) = (Status::Forbidden, Reason::OwnPage(OwnPageReason::Proxied));
    trace.note(|| {
        let name = Evidence::Value(Quote::of(name.as_bytes()));
        reason.step().with(name).leads_to(status)
    });
    Some(error(status, reason))
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
