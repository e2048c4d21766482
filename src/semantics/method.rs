//! RFC 9110 section 9: the request method.
//!
//! `method = token`, case-sensitive. The server knows `GET`, but not `get` and `BREW`.

/// A method that the server knows. It does not allow all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Method {
    Get,
    Head,
    Options,
    Trace,
    Connect,
    /// Another one of the registry.
    Registered(&'static str),
}

/// The other methods of the HTTP Method Registry of IANA
/// (<https://www.iana.org/assignments/http-methods>), in its order. The registry reserves two more names
/// so that no method uses them: `*` (RFC 9110 section 18.2) and `PRI` (RFC 9113 section 3.4).
const REGISTERED: [&str; 34] = [
    "ACL",
    "BASELINE-CONTROL",
    "BIND",
    "CHECKIN",
    "CHECKOUT",
    "COPY",
    "DELETE",
    "LABEL",
    "LINK",
    "LOCK",
    "MERGE",
    "MKACTIVITY",
    "MKCALENDAR",
    "MKCOL",
    "MKREDIRECTREF",
    "MKWORKSPACE",
    "MOVE",
    "ORDERPATCH",
    "PATCH",
    "POST",
    "PROPFIND",
    "PROPPATCH",
    "PUT",
    "QUERY",
    "REBIND",
    "REPORT",
    "SEARCH",
    "UNBIND",
    "UNCHECKOUT",
    "UNLINK",
    "UNLOCK",
    "UPDATE",
    "UPDATEREDIRECTREF",
    "VERSION-CONTROL",
];

/// The value of `Allow` (section 10.2.1). `TRACE` is not allowed, because its response repeats
/// credentials.
pub const ALLOW: &str = "GET, HEAD, OPTIONS";

impl Method {
    /// Every known method.
    pub fn all() -> impl Iterator<Item = Method> {
        use Method::*;
        let named = [Get, Head, Options, Trace, Connect];
        let registered = REGISTERED.into_iter().map(Method::Registered);
        named.into_iter().chain(registered)
    }

    /// The method with this token, or `None` if the server does not know it (501, section 9.1).
    pub fn from_token(token: &[u8]) -> Option<Method> {
        match token {
            b"GET" => Some(Method::Get),
            b"HEAD" => Some(Method::Head),
            b"OPTIONS" => Some(Method::Options),
            b"TRACE" => Some(Method::Trace),
            b"CONNECT" => Some(Method::Connect),
            _ => {
                let mut registered = REGISTERED.into_iter();
                let found = registered.find(|known| known.as_bytes() == token);
                found.map(Method::Registered)
            }
        }
    }

    /// The token in the request line.
    pub fn token(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Head => "HEAD",
            Method::Options => "OPTIONS",
            Method::Trace => "TRACE",
            Method::Connect => "CONNECT",
            Method::Registered(token) => token,
        }
    }

    /// Whether the server performs this method. If not, it answers 405 (section 15.5.6).
    pub fn is_allowed(self) -> bool {
        matches!(self, Method::Get | Method::Head | Method::Options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_case_sensitive() {
        for method in Method::all() {
            assert_eq!(Method::from_token(method.token().as_bytes()), Some(method));
        }
        assert_eq!(Method::from_token(b"get"), None);
        assert_eq!(Method::from_token(b""), None);
    }

    /// RFC 9110 section 16.1: each registered name once. What the registry reserves is no method.
    #[test]
    fn the_registry_is_known_once() {
        let tokens: Vec<&str> = Method::all().map(Method::token).collect();
        for known in ["QUERY", "PATCH", "PROPFIND", "VERSION-CONTROL", "ACL"] {
            assert!(tokens.contains(&known), "{known}");
        }
        for reserved in ["*", "PRI", "BREW"] {
            assert_eq!(Method::from_token(reserved.as_bytes()), None, "{reserved}");
        }
        assert!(REGISTERED.is_sorted());
        let mut unique = tokens.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(unique.len(), tokens.len());
    }

    #[test]
    fn allow_lists_the_allowed_methods() {
        for method in Method::all() {
            let listed = ALLOW.split(", ").any(|token| token == method.token());
            assert_eq!(method.is_allowed(), listed, "{}", method.token());
        }
    }
}
