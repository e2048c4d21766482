//! Who may use the server's own pages (RFC 9110 sections 3.7, 7.4, 15.5.4 and 15.5.20; Fetch Metadata Request Headers,
//! section 2).
//!
//! ```text
//! Host: evil.example                                 421: its owner could make the name mean this machine
//! a client at 192.0.2.7                              403, unless --inspect-allow or --class has the address
//! X-Forwarded-For: 192.0.2.7                         403, unless --inspect-allow has the address of the proxy, or
//!                                                    --trust-proxy has it and 192.0.2.7 may use them
//! Host: files.example, from this machine             403, likewise: browsers here say localhost
//! HTTP/1.0, from this machine                        403, likewise: nginx speaks it by default
//! Origin: https://evil.example                       403 for what acts or tells something
//! Sec-Fetch-Site: cross-site                         403 for the same
//! ```

use std::net::IpAddr;

use crate::http1::allowed_hosts::{AllowedHosts, is_literal_of, is_loopback};
use crate::http1::version::Version;
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
    /// Clients that may use the pages directly, not through a proxy.
    from: AddressRules,
    /// Addresses that the operator has named.
    named: AddressRules,
    /// From where learners of a class use them.
    class: Option<AddressRules>,
}

impl Access {
    /// For requests to these hosts from these addresses, from those that the operator has `named`, and from those
    /// of a class, if there is one.
    pub fn new(
        hosts: AllowedHosts,
        from: AddressRules,
        named: AddressRules,
        class: Option<AddressRules>,
    ) -> Access {
        Access {
            hosts,
            from,
            named,
            class,
        }
    }

    /// Whether the client is a learner and no more. A learner sees what came from its own address, and nothing of
    /// others.
    pub fn is_learner(&self, request: &Request<'_>) -> bool {
        let (address, trace) = (request.client.address().ip(), &mut Trace::off());
        self.class.is_some() && !self.is_named(address, trace) && !self.from.admits(address, trace)
    }

    /// Whether the operator has named the address, and not denied it.
    fn is_named(&self, address: IpAddr, trace: &mut Trace) -> bool {
        self.named.names(address) && self.named.admits(address, trace)
    }

    /// The refusal of a client that may see nothing of a page.
    pub fn refusal(&self, request: &Request<'_>, trace: &mut Trace) -> Option<Response> {
        let version = request.head.head.version;
        if self.hosts.rule(version, request.head.host).is_none() {
            return Some(error(Status::MisdirectedRequest, Reason::HostNotAllowed));
        }
        let address = request.client.address().ip();
        // The operator knows who is behind an address that they have named.
        if self.is_named(address, trace) {
            return None;
        }
        let is_of_class = |trace: &mut Trace| {
            let class = self.class.as_ref();
            class.is_some_and(|class| class.admits(address, trace))
        };
        let is_here = self.from.admits(address, trace);
        if !is_here && !is_of_class(trace) {
            return Some(error(Status::Forbidden, Reason::AddressNotAllowed));
        }
        // A trusted proxy has said who the client is.
        if request.client.forwarded().is_some() {
            return None;
        }
        let perhaps = |trace| {
            is_here
                .then(|| perhaps_through_proxy(request, trace))
                .flatten()
        };
        let reason = through_proxy(request, trace).or_else(|| perhaps(trace))?;
        Some(error(Status::Forbidden, Reason::OwnPage(reason)))
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
        (self.refusal(request, trace)).or_else(|| refusal_to_foreign(request))
    }
}

/// The refusal of a page of another origin.
pub fn refusal_to_foreign(request: &Request<'_>) -> Option<Response> {
    let reason = Reason::OwnPage(OwnPageReason::ForeignPage);
    is_foreign(request).then(|| error(Status::Forbidden, reason))
}

/// Why a request is refused that a proxy has forwarded: its client may be anywhere.
fn through_proxy(request: &Request<'_>, trace: &mut Trace) -> Option<OwnPageReason> {
    let fields = request.fields();
    let mut names = OF_PROXIES.into_iter();
    let name = names.find(|name| fields.named(name).next().is_some())?;
    let why = OwnPageReason::Proxied;
    note(why, name.as_bytes(), trace);
    Some(why)
}

/// The same for a request from this machine that no browser here would send, but a proxy that adds no field. A proxy
/// that adds none, speaks HTTP/1.1 and says `localhost` cannot be noticed.
fn perhaps_through_proxy(request: &Request<'_>, trace: &mut Trace) -> Option<OwnPageReason> {
    let address = request.client.address().ip().to_canonical();
    let (version, host) = (request.head.head.version, request.head.host);
    if version == Version::Http10 {
        note(OwnPageReason::OldVersion, version.text().as_bytes(), trace);
        return Some(OwnPageReason::OldVersion);
    }
    // A browser at another address of this machine has connected to that address.
    let is_usual = |host| match address.is_loopback() {
        true => is_loopback(host),
        false => is_literal_of(host, address),
    };
    if host.is_some_and(is_usual) {
        return None;
    }
    let name = host.map_or(&b"no host"[..], |host| host.name);
    note(OwnPageReason::OtherHost, name, trace);
    Some(OwnPageReason::OtherHost)
}

fn note(why: OwnPageReason, found: &[u8], trace: &mut Trace) {
    trace.note(|| {
        let found = Evidence::Value(Quote::of(found));
        let step = Reason::OwnPage(why).step().with(found);
        step.leads_to(Status::Forbidden)
    });
}

/// Whether a page of another origin makes the request. `Sec-Fetch-Site` says so, and `Origin` does for requests that could
/// change something.
fn is_foreign(request: &Request<'_>) -> bool {
    let fields = request.fields();
    same_origin::is_of_other_origin(fields) || !same_origin::admits(request.own_origin(), fields)
}
