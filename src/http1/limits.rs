//! What is too long. RFC 9112 section 3 asks for request-lines of at least 8000 octets and RFC
//! 9110 section 5.4 for an answer in the 4xx class beyond a server's limits.

/// Bounds on one request head, each checked as soon as it is certain to be crossed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeadLimits {
    /// The longest request-target in bytes (414). 8 KiB: section 3 recommends 8000 octets at
    /// least, and no file system takes a longer path.
    pub target: usize,
    /// The longest head in bytes, from its first byte through its blank line, skipped empty lines
    /// included (431). 16 KiB: a target at its limit and as much again for fields, of which a
    /// browser with many cookies sends some 4 KiB; it is also the read buffer of a connection.
    /// At most 4 GiB is honoured, since spans are 32 bits wide.
    pub head: usize,
    /// The most field lines (431). 100: browsers send about 20, proxies add a few; each costs
    /// work that a byte count does not show.
    pub fields: usize,
}

/// What a request-line may hold beside its target: a method, two spaces and the version. Known
/// methods take at most 17 bytes together with those; the rest is for unknown ones, which are
/// answered 501 (RFC 9112 section 3.1).
pub(super) const METHOD_AND_VERSION: usize = 64;

impl Default for HeadLimits {
    fn default() -> HeadLimits {
        HeadLimits {
            target: 8 * 1024,
            head: 16 * 1024,
            fields: 100,
        }
    }
}
