//! What the page of a listing may load.

/// The policy with further sources of scripts.
macro_rules! policy {
    ($scripts:literal) => {
        concat!(
            "default-src 'none'; ",
            "style-src 'sha256-rGhO+ovG3+rM6hzWPOYPWnxwCuQHMyBv5wqmrkWr27c='; ",
            "script-src 'sha256-/eJnWbGH2i0MyV/L7LPyTwq77BQQzlL4RFoeoxhghbw='",
            $scripts,
            "; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; ",
            "frame-ancestors 'self'"
        )
    };
}

/// The value of `Content-Security-Policy` for the page. The page may use its own style and script. It may
/// show images of this server and `data:` images, and it may fetch from this server, for the text of a
/// README. Its forms may only submit to this server. A test compares the hashes with the
/// assets.
pub const LISTING_POLICY: &str = policy!("");

/// The same for a page with the script of live reload.
pub const LISTING_POLICY_WITH_RELOAD: &str = policy!(" 'self'");
