//! The pages that errors carry (RFC 9110 sections 15.5 and 15.6: an answer should explain the
//! situation).
//!
//! A page says what went wrong and what one can do, in a few hundred bytes and without anything
//! else to load. Invariant: it knows no more than its arguments, so no path of the machine leaks.

use crate::semantics::status::Status;
use crate::text::escape::Html;

/// The value of `Content-Security-Policy` for an error page. A test holds the hash against the style.
pub const CONTENT_SECURITY_POLICY: &str = concat!(
    "default-src 'none'; ",
    "style-src 'sha256-UW/EMJHOAUbPtEtWNQMarQYfAuyURvP5KnN1+sSbuag='; ",
    "img-src data:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
);

/// The value of `Content-Type` for an error page.
pub const CONTENT_TYPE: &str = "text/html; charset=utf-8";

const STYLE: &str = include_str!("pages.css");

/// How much of a detail is shown, in characters: it may quote what a client sent.
const DETAIL_LIMIT: usize = 120;

/// The page for `status`. `detail` says in a sentence what was wrong with this request; it is
/// text, not HTML, may be empty and is cut after 120 characters.
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
    push_paragraph(&mut page, detail);
    push_paragraph(&mut page, advice(status));
    page.push_str("<p><a href=\"/\">To the start page</a></p>\n");
    page.into_bytes()
}

fn push_paragraph(page: &mut String, text: &str) {
    if text.is_empty() {
        return;
    }
    let cut = text
        .char_indices()
        .nth(DETAIL_LIMIT)
        .and_then(|(end, _)| text.get(..end));
    page.push_str("<p>");
    page.push_str(&Html(cut.unwrap_or(text).as_bytes()).to_string());
    page.push_str(if cut.is_some() {
        "\u{2026}</p>\n"
    } else {
        "</p>\n"
    });
}

/// What one can do about it, in at most 120 characters.
fn advice(status: Status) -> &'static str {
    match status {
        Status::BadRequest => "The request breaks the rules of HTTP. A newer client may help.",
        Status::Forbidden => "The server may not give you this. Its owner can change that.",
        Status::NotFound => "Check the address, or start from the folder above.",
        Status::MethodNotAllowed => "This server only reads: GET, HEAD and OPTIONS.",
        Status::NotAcceptable => {
            "Accept-Encoding refuses them all: allow identity, gzip or deflate."
        }
        Status::RequestTimeout => "The request took too long to arrive. Try again.",
        Status::PreconditionFailed => "The file has changed since. Load it anew.",
        Status::ContentTooLarge => "This server needs no request content. Send less, or none.",
        Status::UriTooLong => "Shorten the address.",
        Status::RangeNotSatisfiable => {
            "Content-Range tells how long the file is. Ask for bytes within it."
        }
        Status::MisdirectedRequest => "Ask the server that the address names, or mend the address.",
        Status::ExpectationFailed => "100-continue is the only expectation known here.",
        Status::RequestHeaderFieldsTooLarge => "Send fewer fields. Clearing cookies often helps.",
        Status::InternalServerError => "The fault lies with the server. Its log may say more.",
        Status::NotImplemented => "The server does not know this method. It knows GET and HEAD.",
        Status::ServiceUnavailable => "The server is busy or about to stop. Try again in a moment.",
        Status::HttpVersionNotSupported => "Speak HTTP/1.1 or HTTP/1.0.",
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
            let page = page(status, "There is no \u{201c}<x>\u{201d} here.");
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
        assert!(!page(Status::NotFound, &"ä".repeat(120)).contains('\u{2026}'));
    }

    #[test]
    fn without_a_detail_there_is_no_empty_paragraph() {
        assert!(!page(Status::NotFound, "").contains("<p></p>"));
    }

    #[test]
    fn the_policy_admits_the_style_as_it_stands_in_the_page() {
        let hash = base64::engine::general_purpose::STANDARD.encode(sha2::Sha256::digest(STYLE));
        let want = format!("style-src 'sha256-{hash}';");
        assert!(CONTENT_SECURITY_POLICY.contains(&want), "want {want}");
        assert!(page(Status::NotFound, "").contains(&format!("<style>{STYLE}</style>")));
    }
}
