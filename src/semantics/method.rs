//! RFC 9110 section 9: the request method.
//!
//! `method = token`, compared with case. `GET` is known; `get` and `BREW` are not.

/// A method this server knows, whether or not it allows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Method {
    Get,
    Head,
    Options,
    Post,
    Put,
    Delete,
    Trace,
    Connect,
    Patch,
    Link,
    Unlink,
}

/// The value of `Allow` (section 10.2.1). `TRACE` is absent because it reflects credentials.
pub const ALLOW: &str = "GET, HEAD, OPTIONS";

impl Method {
    /// Every known method, in the order of section 9.3, then PATCH (RFC 5789) and the two retired
    /// ones of RFC 2068.
    pub const ALL: [Method; 11] = [
        Method::Get,
        Method::Head,
        Method::Post,
        Method::Put,
        Method::Delete,
        Method::Connect,
        Method::Options,
        Method::Trace,
        Method::Patch,
        Method::Link,
        Method::Unlink,
    ];

    /// The method a token names, or `None` for one that is unknown here (501, section 9.1).
    pub fn from_token(token: &[u8]) -> Option<Method> {
        Method::ALL
            .into_iter()
            .find(|method| method.token().as_bytes() == token)
    }

    /// The token as it stands on the wire.
    pub fn token(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Head => "HEAD",
            Method::Options => "OPTIONS",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Delete => "DELETE",
            Method::Trace => "TRACE",
            Method::Connect => "CONNECT",
            Method::Patch => "PATCH",
            Method::Link => "LINK",
            Method::Unlink => "UNLINK",
        }
    }

    /// Whether a static server performs it; the others get 405 (section 15.5.6).
    pub fn is_allowed(self) -> bool {
        matches!(self, Method::Get | Method::Head | Method::Options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_compared_with_case() {
        for method in Method::ALL {
            assert_eq!(Method::from_token(method.token().as_bytes()), Some(method));
        }
        assert_eq!(Method::from_token(b"get"), None);
        assert_eq!(Method::from_token(b""), None);
    }

    #[test]
    fn allow_lists_what_is_allowed() {
        for method in Method::ALL {
            let listed = ALLOW.split(", ").any(|token| token == method.token());
            assert_eq!(method.is_allowed(), listed, "{}", method.token());
        }
    }
}
