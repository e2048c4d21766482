//! RFC 6266: `Content-Disposition`, which says that content is to be saved, and under which name.
//!
//! ```text
//! attachment; filename="a b.txt"
//! attachment; filename="na_ve.txt"; filename*=UTF-8''na%C3%AFve.txt
//! ```

use crate::text::percent;

/// The value for content that is to be saved under `name`. Clients that do not know `filename*` (section
/// 4.3) get a name in ASCII.
pub fn attachment(name: &[u8]) -> String {
    let name = String::from_utf8_lossy(name);
    let is_plain = |char: char| matches!(char, ' '..='~') && !matches!(char, '"' | '\\' | '%');
    let plain = name.replace(|char| !is_plain(char), "_");
    match plain == name {
        true => format!("attachment; filename=\"{plain}\""),
        false => format!(
            "attachment; filename=\"{plain}\"; filename*=UTF-8''{}",
            percent::segment(name.as_bytes())
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, want: &str) {
        assert_eq!(attachment(name.as_bytes()), format!("attachment; {want}"));
    }

    #[test]
    fn a_name_is_written_so_that_old_clients_read_it_too() {
        check("a.txt", "filename=\"a.txt\"");
        check("a b;c.txt", "filename=\"a b;c.txt\"");
        check(
            "na\u{ef}ve",
            "filename=\"na_ve\"; filename*=UTF-8''na%C3%AFve",
        );
        // RFC 6266 appendix D: some clients decode escapes and percent-encoding in the plain name.
        check(
            "a\"\\%41",
            "filename=\"a___41\"; filename*=UTF-8''a%22%5C%2541",
        );
        check("a\r\nb", "filename=\"a__b\"; filename*=UTF-8''a%0D%0Ab");
    }

    #[test]
    fn a_name_need_not_be_utf_8() {
        assert_eq!(
            attachment(b"\xff"),
            "attachment; filename=\"_\"; filename*=UTF-8''%EF%BF%BD"
        );
    }
}
