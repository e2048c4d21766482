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

/// Whether a request opens a page, and why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Navigation {
    /// It does.
    Page,
    /// The method opens no page.
    Method,
    /// `Sec-Fetch-Dest` says what else the content is for.
    Destination,
    /// `Accept` refuses pages.
    Refused,
    /// The client does not name pages, and the path has an extension.
    Extension,
}

/// Whether a request for a decoded path opens a page. Programs such as curl say nothing about that: their
/// requests open a page if the last segment has no extension. OPTIONS asks about what GET would do.
pub fn navigation(method: Option<Method>, fields: &Fields<'_>, path: &[u8]) -> Navigation {
    if !matches!(method, Some(Method::Get | Method::Head | Method::Options)) {
        return Navigation::Method;
    }
    if fields.contains(FieldName::SecFetchDest) {
        return match fields.sole(FieldName::SecFetchDest) {
            Some(b"document" | b"iframe" | b"frame") => Navigation::Page,
            _ => Navigation::Destination,
        };
    }
    match acceptance(fields, "text/html") {
        Acceptance::Any if has_extension(path) => Navigation::Extension,
        Acceptance::Named | Acceptance::Any => Navigation::Page,
        Acceptance::Refused => Navigation::Refused,
    }
}

/// Whether a path looks like that of a file which is no page.
pub fn has_extension(path: &[u8]) -> bool {
    last_segment(path).contains(&b'.')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::semantics::field::Section;
    use FieldName::{Accept, SecFetchDest};

    #[track_caller]
    fn check(fields: &[(FieldName, &str)], path: &str, want: Navigation) {
        let section = Section::of(fields);
        let got = navigation(Some(Method::Get), &section.fields(), path.as_bytes());
        assert_eq!(got, want, "{fields:?} {path}");
    }

    #[test]
    fn only_documents_are_pages() {
        use Navigation::{Destination, Extension, Page, Refused};
        check(&[(SecFetchDest, "document")], "a.js", Page);
        check(&[(SecFetchDest, "iframe")], "a", Page);
        let script = [(SecFetchDest, "script"), (Accept, "*/*")];
        check(&script, "a.js", Destination);
        let fetched = [(SecFetchDest, "empty"), (Accept, "text/html")];
        check(&fetched, "a", Destination);
        let twice = [(SecFetchDest, "document"), (SecFetchDest, "document")];
        check(&twice, "a", Destination);
        let browser = "text/html,application/xhtml+xml,*/*;q=0.8";
        check(&[(Accept, browser)], "a.js", Page); // without Fetch Metadata
        check(&[(Accept, "text/html;q=0")], "a", Refused);
        check(&[(Accept, "image/png")], "a", Refused);
        check(&[(Accept, "*/*")], "a/b", Page); // curl
        check(&[(Accept, "*/*")], "a/b.js", Extension);
        check(&[], "a.d/b", Page);
        check(&[], "b.js", Extension);
    }

    #[test]
    fn other_methods_than_get_and_head_open_no_pages() {
        let section = Section::of(&[(SecFetchDest, "document")]);
        let of = |method| navigation(method, &section.fields(), b"a");
        assert_eq!(of(Some(Method::Head)), Navigation::Page);
        assert_eq!(of(Some(Method::Options)), Navigation::Page); // RFC 9110 section 9.3.7
        assert_eq!(of(Some(Method::Registered("POST"))), Navigation::Method);
        assert_eq!(of(None), Navigation::Method);
    }
}
