//! What an endpoint of the lab is, and what it may use (RFC 9110 section 9.1).

use crate::guide::fault::Fault;
use crate::guide::lab::query::Query;
use crate::guide::lab::room::Room;
use crate::guide::places::{Full, Place, Places};
use crate::origin::handler::{Answer, Origin};
use crate::origin::request::Request;
use crate::semantics::method::Method;
use crate::semantics::status::Status;
use crate::semantics::trace::Trace;

/// One of the lab's resources.
pub struct Endpoint {
    /// Its path below that of the lab.
    pub name: &'static str,
    /// What it does.
    pub methods: Methods,
    /// Who may use it.
    pub users: Users,
    /// The most bytes of content that it takes, if it takes any.
    pub most_content: Option<u64>,
    /// Answers a request.
    pub answer: fn(&Visit<'_>, &mut Origin, &mut Trace) -> Result<Answer, Fault>,
}

impl Endpoint {
    /// An endpoint that is read.
    pub const fn read(
        name: &'static str,
        answer: fn(&Visit<'_>, &mut Origin, &mut Trace) -> Result<Answer, Fault>,
    ) -> Endpoint {
        Endpoint {
            name,
            methods: Methods::Get,
            users: Users::OwnPages,
            most_content: None,
            answer,
        }
    }
}

/// Who may use an endpoint, if the host and the address are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Users {
    /// Pages of the same origin, and clients that are no browsers.
    OwnPages,
    /// Whoever gets so far. The endpoint itself refuses pages.
    Clients,
}

/// The methods of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Methods {
    /// It is read.
    Get,
    /// It changes something.
    Post,
    /// It is read, and it changes something.
    GetAndPost,
    /// Every known method but CONNECT, which makes a tunnel, and TRACE, whose response repeats credentials.
    Any,
}

impl Methods {
    /// Whether the method is one of them.
    pub fn admit(self, method: Option<Method>) -> bool {
        let reads = matches!(method, Some(Method::Get | Method::Head));
        let posts = method == Some(Method::Registered("POST"));
        match self {
            Methods::Get => reads,
            Methods::Post => posts,
            Methods::GetAndPost => reads || posts,
            Methods::Any => !matches!(method, None | Some(Method::Connect | Method::Trace)),
        }
    }

    /// The value of `Allow` (section 10.2.1): each method that is admitted, and OPTIONS, which every endpoint answers.
    pub fn allow(self) -> String {
        let listed = |method: &Method| *method == Method::Options || self.admit(Some(*method));
        let mut tokens: Vec<&str> = Method::all().filter(listed).map(Method::token).collect();
        tokens.sort_unstable();
        tokens.join(", ")
    }
}

/// A request for an endpoint, and what the endpoint may use.
pub struct Visit<'a> {
    /// The request.
    pub request: &'a Request<'a>,
    /// What the query asks for.
    pub query: Query<'a>,
    /// The part of the path that follows the name of the endpoint.
    pub rest: &'a str,
    /// The messages of the clients.
    pub room: &'a Room,
    /// For the responses that may take their time.
    pub places: &'a Places,
}

impl Visit<'_> {
    /// A place for a response that takes its time, if one is left.
    pub fn place(&self) -> Result<Place, Fault> {
        let place = self.places.take(self.request.client.address().ip());
        place.map_err(|full| Fault {
            status: Status::ServiceUnavailable,
            text: match full {
                Full::OfAddress => MANY_OF_ADDRESS,
                Full::All => MANY,
            }
            .to_owned(),
        })
    }
}

const MANY: &str = "The lab has as many slow responses as it allows. Try again in a few seconds.";
const MANY_OF_ADDRESS: &str =
    "Your address has as many slow responses as the lab allows. Try again in a few seconds.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_endpoint_names_the_methods_that_it_admits() {
        for (methods, want) in [
            (Methods::Get, "GET, HEAD, OPTIONS"),
            (Methods::Post, "OPTIONS, POST"),
            (Methods::GetAndPost, "GET, HEAD, OPTIONS, POST"),
        ] {
            assert_eq!(methods.allow(), want, "{methods:?}");
        }
        let any = Methods::Any.allow();
        assert!(any.starts_with("ACL, BASELINE-CONTROL, "), "{any}");
        for name in ["TRACE", "CONNECT", "BREW"] {
            assert!(!any.split(", ").any(|listed| listed == name), "{any}");
            for methods in [Methods::Get, Methods::Any] {
                let method = Method::from_token(name.as_bytes());
                assert!(!methods.admit(method), "{methods:?} {name}");
            }
        }
    }
}
