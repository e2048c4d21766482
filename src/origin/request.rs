//! A request, as those who answer it see it.

use std::task::Waker;
use std::time::Instant;

use crate::http1::check::CheckedHead;
use crate::observe::client::Client;
use crate::semantics::date::HttpDate;
use crate::semantics::field::Fields;
use crate::semantics::method::Method;

/// One request, parsed and checked.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// Its head.
    pub head: &'a CheckedHead<'a>,
    /// Who sent it.
    pub client: &'a Client,
    /// When it is answered, for dates.
    pub now: HttpDate,
    /// The same, for timers.
    pub instant: Instant,
    /// Makes wakers for answers that wait for news.
    pub wakers: &'a dyn Wakers,
}

/// Makes wakers for one connection.
pub trait Wakers {
    /// A waker that makes the worker look at the connection again, from any thread.
    fn waker(&self) -> Waker;
}

/// The body of a request, to be pulled from by whoever answers.
pub trait RequestBody {
    /// The next bytes of content that have arrived. Whoever takes them takes all of them.
    fn pull(&mut self) -> Content<'_>;
}

/// What a pull of a request's body gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content<'a> {
    /// Some bytes, at least one.
    Bytes(&'a [u8]),
    /// More is to come.
    NotYet,
    /// That was all.
    End,
}

impl<'a> Request<'a> {
    /// What is asked for; `None` for a method that this server does not know.
    pub fn method(&self) -> Option<Method> {
        self.head.head.known
    }

    /// The field section.
    pub fn fields(&self) -> &'a Fields<'a> {
        &self.head.head.fields
    }

    /// The query as sent, without its `?`.
    pub fn query(&self) -> &'a [u8] {
        self.head.target.query().unwrap_or_default()
    }
}
