//! Whether a request opens a page, for applications that route in the browser (the W3C draft "Fetch
//! Metadata Request Headers", section 2.1).
//!
//! ```text
//! Sec-Fetch-Dest: document        opens a page
//! Sec-Fetch-Dest: script          does not, so a missing script is 404
//! Accept: text/html, */*;q=0.8    opens a page, if Sec-Fetch-Dest is absent
//! ```

use super::accept::{Acceptance, acceptance};
use super::field::{FieldName, Fields};
use super::method::Method;
use crate::text::segment::last_segment;

/// Whether a request for a decoded path opens a page. Programs such as curl say nothing about that: their
/// requests open a page if the last segment has no extension.
pub fn is_navigation(method: Option<Method>, fields: &Fields<'_>, path: &[u8]) -> bool {
    if !matches!(method, Some(Method::Get | Method::Head)) {
        return false;
    }
    if fields.contains(FieldName::SecFetchDest) {
        let destination = fields.sole(FieldName::SecFetchDest);
        return matches!(destination, Some(b"document" | b"iframe" | b"frame"));
    }
    match acceptance(fields, "text/html") {
        Acceptance::Named => true,
        Acceptance::Any => !last_segment(path).contains(&b'.'),
        Acceptance::Refused => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::semantics::field::Section;
    use FieldName::{Accept, SecFetchDest};

    #[track_caller]
    fn check(fields: &[(FieldName, &str)], path: &str, want: bool) {
        let section = Section::of(fields);
        let got = is_navigation(Some(Method::Get), &section.fields(), path.as_bytes());
        assert_eq!(got, want, "{fields:?} {path}");
    }

    #[test]
    fn only_documents_are_pages() {
        check(&[(SecFetchDest, "document")], "a.js", true);
        check(&[(SecFetchDest, "iframe")], "a", true);
        check(&[(SecFetchDest, "script"), (Accept, "*/*")], "a.js", false);
        check(
            &[(SecFetchDest, "empty"), (Accept, "text/html")],
            "a",
            false,
        ); // fetch()
        check(
            &[(SecFetchDest, "document"), (SecFetchDest, "document")],
            "a",
            false,
        );
        let browser = "text/html,application/xhtml+xml,*/*;q=0.8";
        check(&[(Accept, browser)], "a.js", true); // without Fetch Metadata
        check(&[(Accept, "text/html;q=0")], "a", false);
        check(&[(Accept, "image/png")], "a", false);
        check(&[(Accept, "*/*")], "a/b", true); // curl
        check(&[(Accept, "*/*")], "a/b.js", false);
        check(&[], "a.d/b", true);
        check(&[], "b.js", false);
    }

    #[test]
    fn only_get_and_head_open_pages() {
        let section = Section::of(&[(SecFetchDest, "document")]);
        let is_page = |method| is_navigation(method, &section.fields(), b"a");
        assert!(is_page(Some(Method::Head)));
        assert!(!is_page(Some(Method::Options)) && !is_page(None));
    }
}
