//! RFC 3986 section 3.3: the segments of a path.

/// The last segment: `c.txt` of `a/b/c.txt`, and nothing of `a/b/`.
pub fn last_segment(path: &[u8]) -> &[u8] {
    path.rsplit(|&byte| byte == b'/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slash_at_the_end_is_followed_by_an_empty_segment() {
        for (path, want) in [("a/b/c.txt", "c.txt"), ("a", "a"), ("a/b/", ""), ("", "")] {
            assert_eq!(last_segment(path.as_bytes()), want.as_bytes(), "{path}");
        }
    }
}
