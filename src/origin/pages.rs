//! Error pages (RFC 9110 sections 15.5 and 15.6: a response should explain the error).
//!
//! A page says what went wrong, then what to do. It is under 1536 bytes and loads nothing else.
//! Invariant: a page is made from its arguments alone, so no path of the machine leaks.

use crate::semantics::status::Status;
use crate::text::escape::Html;

/// The value of `Content-Security-Policy` for an error page. A test checks the hash of the style.
pub const CONTENT_SECURITY_POLICY: &str = concat!(
    "default-src 'none'; ",
    "style-src 'sha256-UW/EMJHOAUbPtEtWNQMarQYfAuyURvP5KnN1+sSbuag='; ",
    "img-src data:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
);

/// The value of `Cross-Origin-Resource-Policy` for listings and error pages. A page of another origin
/// cannot embed them, so it cannot learn from them what the server has.
pub const RESOURCE_POLICY: &str = "same-origin";

/// The value of `Content-Type` for an error page.
pub const CONTENT_TYPE: &str = "text/html; charset=utf-8";

const STYLE: &str = include_str!("pages.css");

/// How many characters of a detail a page shows. A detail may quote what a client sent.
const DETAIL_LIMIT: usize = 120;

/// The page for `status`. `detail` says what was wrong with this request, as plain text and as
/// part of a sentence. It may be empty and is cut after 120 characters.
pub fn error_page(status: Status, detail: &str) -> Vec<u8> {
    let mut page = String::with_capacity(1536);
    page.push_str("<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n");
    page.push_str("<meta name=\"viewport\" content=\"width=device-width\">\n");
    let (code, phrase) = (status.code(), status.phrase());
    page.push_str(&format!("<title>{code} {phrase}</title>\n"));
    page.push_str("<link rel=\"icon\" href=\"data:,\">\n<style>");
    page.push_str(STYLE);
    page.push_str(&format!(
        "</style>\n<h1><small>{code}</small>{phrase}</h1>\n"
    ));
    push_paragraph(&mut page, &sentence(detail));
    push_paragraph(&mut page, advice(status));
    page.push_str("<p><a href=\"/\">Go to the start page</a></p>\n");
    page.into_bytes()
}

fn push_paragraph(page: &mut String, text: &str) {
    if !text.is_empty() {
        page.push_str(&format!("<p>{}</p>\n", Html(text.as_bytes())));
    }
}

/// The clause with a capital letter and a period, or with an ellipsis if it is cut.
fn sentence(clause: &str) -> String {
    let mut characters = clause.chars();
    let first = characters.next().map(|first| first.to_ascii_uppercase());
    let characters = first.into_iter().chain(characters);
    let mut sentence: String = characters.take(DETAIL_LIMIT).collect();
    if sentence.len() < clause.len() {
        sentence.push('\u{2026}');
    } else if !sentence.is_empty() && !sentence.ends_with('.') {
        sentence.push('.');
    }
    sentence
}

/// What the visitor can do, in at most 120 characters.
fn advice(status: Status) -> &'static str {
    match status {
        Status::BadRequest => "The request is not valid. Check the address, or use another client.",
        Status::Forbidden => "Ask the owner of this server for access.",
        Status::NotFound => "Check the address, or go to the directory above it.",
        Status::MethodNotAllowed | Status::NotImplemented => "Use GET, HEAD or OPTIONS.",
        Status::NotAcceptable => "Allow identity, gzip or deflate in Accept-Encoding.",
        Status::RequestTimeout => "Check your connection and try again.",
        Status::PreconditionFailed => "The file may have changed. Reload it and try again.",
        Status::ContentTooLarge => "Send less content with the request.",
        Status::UriTooLong => "Use a shorter address.",
        Status::RangeNotSatisfiable => {
            "Content-Range gives the length of the file. Request a range within it."
        }
        Status::MisdirectedRequest => "Correct the address. An https address needs TLS.",
        Status::ExpectationFailed => "Leave out the Expect field, or send Expect: 100-continue.",
        Status::RequestHeaderFieldsTooLarge => {
            "Send fewer or shorter fields. It often helps to delete the cookies of this site."
        }
        Status::InternalServerError => "Something is wrong with the server. Its log may say more.",
        Status::ServiceUnavailable => "Try again in a moment.",
        Status::HttpVersionNotSupported => "Use HTTP/1.1 or HTTP/1.0.",
        Status::Continue
        | Status::SwitchingProtocols
        | Status::Ok
        | Status::NoContent
        | Status::PartialContent
        | Status::MovedPermanently
        | Status::NotModified
        | Status::PermanentRedirect => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use sha2::Digest;

    const ALL: [Status; 17] = [
        Status::BadRequest,
        Status::Forbidden,
        Status::NotFound,
        Status::MethodNotAllowed,
        Status::NotAcceptable,
        Status::RequestTimeout,
        Status::PreconditionFailed,
        Status::ContentTooLarge,
        Status::UriTooLong,
        Status::RangeNotSatisfiable,
        Status::ExpectationFailed,
        Status::MisdirectedRequest,
        Status::RequestHeaderFieldsTooLarge,
        Status::InternalServerError,
        Status::NotImplemented,
        Status::ServiceUnavailable,
        Status::HttpVersionNotSupported,
    ];

    fn page(status: Status, detail: &str) -> String {
        String::from_utf8(error_page(status, detail)).unwrap()
    }

    #[test]
    fn a_page_says_what_went_wrong_and_what_to_do() {
        for status in ALL {
            let page = page(status, "there is no \u{201c}<x>\u{201d} here");
            assert!(page.contains(&format!(
                "<title>{} {}</title>",
                status.code(),
                status.phrase()
            )));
            assert!(page.contains("<p>There is no \u{201c}&lt;x&gt;\u{201d} here.</p>"));
            assert!(page.contains(&format!("<p>{}</p>", advice(status))));
            assert!(!advice(status).is_empty() && advice(status).len() <= DETAIL_LIMIT);
        }
    }

    #[test]
    fn a_page_is_small() {
        for status in ALL {
            let page = page(status, &"\"".repeat(10_000));
            assert!(page.len() < 1536, "{}", page.len());
        }
        assert!(page(Status::NotFound, &"ä".repeat(121)).contains("ä\u{2026}</p>"));
        assert!(page(Status::NotFound, &"ä".repeat(120)).contains("ä.</p>"));
    }

    #[test]
    fn a_clause_becomes_a_sentence() {
        assert_eq!(sentence(""), "");
        assert_eq!(sentence("a"), "A.");
        assert_eq!(sentence("There is an end."), "There is an end.");
        assert_eq!(sentence("ä is not ASCII"), "ä is not ASCII.");
    }

    #[test]
    fn without_a_detail_there_is_no_empty_paragraph() {
        assert!(!page(Status::NotFound, "").contains("<p></p>"));
    }

    #[test]
    fn the_policy_allows_the_style_of_the_page() {
        let hash = base64::engine::general_purpose::STANDARD.encode(sha2::Sha256::digest(STYLE));
        let want = format!("style-src 'sha256-{hash}';");
        assert!(CONTENT_SECURITY_POLICY.contains(&want), "want {want}");
        assert!(page(Status::NotFound, "").contains(&format!("<style>{STYLE}</style>")));
    }
}
