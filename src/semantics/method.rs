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
    Post,
    Put,
    Delete,
    Trace,
    Connect,
    Patch,
    Link,
    Unlink,
}

/// The value of `Allow` (section 10.2.1). `TRACE` is not allowed, because its response repeats
/// credentials.
pub const ALLOW: &str = "GET, HEAD, OPTIONS";

impl Method {
    /// Every known method: those of section 9.3 in order, then PATCH (RFC 5789), then LINK and
    /// UNLINK, which only RFC 2068 defines.
    pub(super) const ALL: [Method; 11] = [
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

    /// The method with this token, or `None` if the server does not know it (501, section 9.1).
    pub fn from_token(token: &[u8]) -> Option<Method> {
        Method::ALL
            .into_iter()
            .find(|method| method.token().as_bytes() == token)
    }

    /// The token in the request line.
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
        for method in Method::ALL {
            assert_eq!(Method::from_token(method.token().as_bytes()), Some(method));
        }
        assert_eq!(Method::from_token(b"get"), None);
        assert_eq!(Method::from_token(b""), None);
    }

    #[test]
    fn allow_lists_the_allowed_methods() {
        for method in Method::ALL {
            let listed = ALLOW.split(", ").any(|token| token == method.token());
            assert_eq!(method.is_allowed(), listed, "{}", method.token());
        }
    }
}
