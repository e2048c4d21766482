//! Limits on a request head. RFC 9112 section 3 recommends to accept request-lines of at least 8000
//! octets. RFC 9110 section 5.4 requires a 4xx response if fields exceed the limit.

/// Limits on one request head. Each is checked as soon as the received bytes must exceed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeadLimits {
    /// The longest request-target in bytes (414). 8 KiB: section 3 recommends at least 8000 octets,
    /// and Linux accepts no path longer than 4 KiB.
    pub target: usize,
    /// The longest head in bytes (431). It counts the empty lines before the request-line and the
    /// one that ends the head. 32 KiB: a browser sends 1 to 2 KiB, and to localhost the cookies of every
    /// port, which can be 17 KiB. A value above 4 GiB counts as 4 GiB, because a span has 32 bits. The
    /// read buffer is this limit plus 16 KiB.
    pub head: usize,
    /// The most field lines (431). 100: a browser sends about 15 to 20, and proxies add a few. Each
    /// line costs work that the byte count does not show.
    pub fields: usize,
}

/// The bytes that a request-line may have besides its target: the method, two spaces and the version.
/// With a known method they are at most 17 bytes. The rest leaves room for unknown methods, so that
/// they are answered 501 (RFC 9112 section 3.1).
pub(super) const METHOD_AND_VERSION: usize = 64;

impl HeadLimits {
    /// The limits unless the operator sets others.
    pub const DEFAULT: HeadLimits = HeadLimits {
        target: 8 * 1024,
        head: 32 * 1024,
        fields: 100,
    };
}

impl Default for HeadLimits {
    fn default() -> HeadLimits {
        HeadLimits::DEFAULT
    }
}
