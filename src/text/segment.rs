//! RFC 3986 section 3.3: the segments of a path, and the directory of a file.

use std::path::Path;

/// As many symbolic links as Linux follows for one path.
pub const MOST_LINKS: usize = 40;

/// The last segment: `c.txt` of `a/b/c.txt`, and nothing of `a/b/`.
pub fn last_segment(path: &[u8]) -> &[u8] {
    path.rsplit(|&byte| byte == b'/').next().unwrap_or(path)
}

/// A relative reference to the directory this many levels above the one of the path that it is relative to.
pub fn levels_up(levels: usize) -> String {
    match levels {
        // Without it, what follows would be read as a URL if it began like `a:b`.
        0 => "./".to_owned(),
        levels => "../".repeat(levels),
    }
}

/// The directory in which a path of the system names something: `.` for `c.txt`.
pub fn directory_of(path: &Path) -> &Path {
    let directory = path.parent();
    let named = directory.filter(|directory| !directory.as_os_str().is_empty());
    named.unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_alone_is_in_the_current_directory() {
        for (path, want) in [
            ("c", "."),
            ("./c", "."),
            ("b/c", "b"),
            ("/c", "/"),
            ("../c", ".."),
        ] {
            assert_eq!(directory_of(Path::new(path)), Path::new(want), "{path}");
        }
    }

    #[test]
    fn a_reference_is_never_empty() {
        assert_eq!([0, 1, 3].map(levels_up), ["./", "../", "../../../"]);
    }

    #[test]
    fn a_slash_at_the_end_is_followed_by_an_empty_segment() {
        for (path, want) in [("a/b/c.txt", "c.txt"), ("a", "a"), ("a/b/", ""), ("", "")] {
            assert_eq!(last_segment(path.as_bytes()), want.as_bytes(), "{path}");
        }
    }
}
