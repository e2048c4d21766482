//! A request as the code that answers it sees it.

use std::time::Instant;

use crate::http1::allowed_hosts::AllowedHosts;
use crate::http1::check::CheckedHead;
use crate::observe::client::Client;
use crate::observe::event::Security;
use crate::semantics::date::HttpDate;
use crate::semantics::field::Fields;
use crate::semantics::method::Method;
use crate::semantics::protection::User;
use crate::site::disk::{Caller, Wakers};
use crate::text::form::{self, Pair};
use crate::websocket::same_origin::OwnOrigin;

/// One request, parsed and checked.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The head.
    pub head: &'a CheckedHead<'a>,
    /// Who sent it.
    pub client: &'a Client,
    /// The hosts that the server answers for.
    pub hosts: &'a AllowedHosts,
    /// Whether it came over TLS.
    pub is_secure: bool,
    /// What the TLS handshake has agreed on.
    pub session: &'a dyn Session,
    /// The user whom a password has proved, if the path needs one.
    pub user: Option<&'a User>,
    /// The current time, for dates.
    pub now: HttpDate,
    /// The current time, for timers.
    pub instant: Instant,
    /// Makes wakers for answers that have to wait.
    pub wakers: &'a dyn Wakers,
}

/// The connection that a request came on, as far as TLS is concerned.
pub trait Session {
    /// What the handshake has agreed on; `None` without TLS.
    fn security(&self) -> Option<Security<'_>>;

    /// How it did so; `None` without TLS.
    fn handshake(&self) -> Option<Handshake>;
}

/// How a TLS handshake went. No log shows this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handshake {
    /// Whether it was a full handshake, or resumed an earlier session.
    pub kind: &'static str,
    /// The group of the key exchange, if there was one.
    pub group: Option<&'static str>,
}

/// A connection without TLS.
pub struct PlainText;

impl Session for PlainText {
    fn security(&self) -> Option<Security<'_>> {
        None
    }

    fn handshake(&self) -> Option<Handshake> {
        None
    }
}

/// The body of a request. The code that answers pulls the content from it.
pub trait RequestBody {
    /// The next bytes of content that have arrived. They are not returned a second time.
    fn pull(&mut self) -> Content<'_>;
}

/// What [`RequestBody::pull`] returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content<'a> {
    /// At least one byte.
    Bytes(&'a [u8]),
    /// Nothing has arrived, but there is more to come.
    NotYet,
    /// The end of the content.
    End,
}

impl<'a> Request<'a> {
    /// The method; `None` if the server does not know it.
    pub fn method(&self) -> Option<Method> {
        self.head.head.known
    }

    /// The field section.
    pub fn fields(&self) -> &'a Fields<'a> {
        &self.head.head.fields
    }

    /// Who sent it, for the site.
    pub fn caller(&self) -> Caller<'a> {
        Caller {
            network: self.client.network(),
            now: self.instant,
            wakers: self.wakers,
        }
    }

    /// The origin of the request itself, if it names a host.
    pub fn own_origin(&self) -> Option<OwnOrigin<'a>> {
        self.head.host.map(|host| OwnOrigin {
            is_secure: self.is_secure,
            host: host.name,
            port: host.port,
        })
    }

    /// The query as sent, without its `?`.
    pub fn query(&self) -> &'a [u8] {
        self.head.target.query().unwrap_or_default()
    }

    /// The pairs of the query, such as `sort=name` or `download`, decoded.
    pub fn query_pairs(&self) -> impl DoubleEndedIterator<Item = Pair<'a>> + use<'a> {
        form::pairs(self.query())
    }
}
