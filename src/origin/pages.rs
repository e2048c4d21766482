//! Error pages (RFC 9110 sections 15.5 and 15.6: a response should explain the error).
//!
//! A page says what went wrong, then what to do. It names the path of the request, and links to the
//! folders above it:
//!
//! ```text
//! 404 Not Found
//! / docs / reports / draft.pdf
//! No file or folder has this name.
//! ```
//!
//! The links are relative, so they also work behind a proxy that has removed a prefix of the path. A page
//! is under 4 KiB, or under 1600 bytes without a path. It loads nothing else.
//! Invariant: a page is made from its arguments alone, so no path of the machine leaks.

use crate::semantics::coding::Coding;
use crate::semantics::language::Language;
use crate::semantics::status::Status;
use crate::text::escape::Html;
use crate::text::percent;

/// The policy with further directives.
macro_rules! policy {
    ($further:literal) => {
        concat!(
            "default-src 'none'; ",
            "style-src 'sha256-vSvTUap4qaGp9y77gxyr7kECTtKO82ZxSPr16m3457E='; ",
            $further,
            "img-src data:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
        )
    };
}

/// The value of `Content-Security-Policy` for an error page. A test checks the hash of the style.
pub const ERROR_PAGE_POLICY: &str = policy!("");

/// The same for a page with the script of live reload.
pub const ERROR_PAGE_POLICY_WITH_RELOAD: &str = policy!("script-src 'self'; connect-src 'self'; ");

/// The value of `Cross-Origin-Resource-Policy` for listings and error pages. A page of another origin
/// cannot embed them, so it cannot learn from them what the server has.
pub const RESOURCE_POLICY: &str = "same-origin";

/// The value of `Content-Type` for an error page.
pub const CONTENT_TYPE: &str = "text/html; charset=utf-8";

const STYLE: &str = include_str!("pages.css");

/// How many characters of a detail a page shows. A detail may quote what a client sent.
const DETAIL_LIMIT: usize = 120;

/// How many names of a path a page shows. Further names in the middle are left out.
const NAMES: usize = 6;

/// How many characters of a name a page shows. Further characters in the middle are left out.
const NAME_LIMIT: usize = 32;

/// The page for `status`. `detail` says what was wrong with this request, as plain text and as
/// part of a sentence. It may be empty and is cut after 120 characters. `place` is the path of
/// the request, if the error is about that path.
pub fn error_page(status: Status, detail: &str, place: Option<Place<'_>>) -> Vec<u8> {
    page(status, detail, advice(status), place)
}

/// The page for 406 if the client refuses all of these codings.
pub fn codings_page(detail: &str, available: &[Coding]) -> Vec<u8> {
    let names: Vec<&str> = available.iter().map(|coding| coding.name()).collect();
    let names = match names.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => return error_page(Status::NotAcceptable, detail, None),
    };
    let advice = format!("Allow {names} in Accept-Encoding.");
    page(Status::NotAcceptable, detail, &advice, None)
}

fn page(status: Status, detail: &str, advice: &str, place: Option<Place<'_>>) -> Vec<u8> {
    let mut page = beginning(status);
    let place = place.filter(|place| !place.path.is_empty());
    if let Some(place) = place {
        push_path(&mut page, place);
    }
    push_paragraph(&mut page, &sentence(detail));
    push_paragraph(&mut page, advice);
    if let Some(Place { path, levels }) = place {
        let name = match (names(path).count(), levels) {
            (depth, levels) if levels >= depth => "start page",
            (_, 1) => "folder above",
            _ => "nearest folder",
        };
        let up = reference(path, levels);
        page.push_str(&format!("<p><a href=\"{up}\">Go to the {name}</a></p>\n"));
    }
    page.push_str("</main>\n");
    page.into_bytes()
}

/// The path that an error is about.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The decoded path, without the slash at its start.
    pub path: &'a [u8],
    /// How many levels above it the nearest folder is that exists, at least 1.
    pub levels: usize,
}

impl Place<'_> {
    /// A path in a folder that exists.
    pub fn of(path: &[u8]) -> Place<'_> {
        Place { path, levels: 1 }
    }
}

/// The page for 406 with a link to each representation, which is a file in this directory. `further` is how
/// many the list leaves out.
pub fn variants_page(
    detail: &str,
    variants: &[(Option<Language>, &[u8])],
    further: usize,
) -> Vec<u8> {
    let mut page = beginning(Status::NotAcceptable);
    push_paragraph(&mut page, &sentence(detail));
    push_paragraph(&mut page, "Choose one of these:");
    page.push_str("<ul>\n");
    for (language, name) in variants {
        let (href, name) = (percent::segment(name), Html(name));
        let language = language.as_ref();
        let language = language.map(|tag| format!(" hreflang=\"{tag}\""));
        let language = language.unwrap_or_default();
        page.push_str(&format!(
            "<li><a href=\"{href}\"{language}>{name}</a></li>\n"
        ));
    }
    page.push_str("</ul>\n");
    if further > 0 {
        push_paragraph(&mut page, &format!("The list leaves out {further} more."));
    }
    page.push_str("</main>\n");
    page.into_bytes()
}

/// A page up to its heading.
fn beginning(status: Status) -> String {
    let mut page = String::with_capacity(1600);
    page.push_str("<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n");
    page.push_str("<meta name=\"viewport\" content=\"width=device-width\">\n");
    let (code, phrase) = (status.code(), status.phrase());
    page.push_str(&format!("<title>{code} {phrase}</title>\n"));
    page.push_str("<link rel=\"icon\" href=\"data:,\">\n<style>");
    page.push_str(STYLE);
    page.push_str(&format!(
        "</style>\n<main>\n<h1><small>{code}</small>{phrase}</h1>\n"
    ));
    page
}

fn names(path: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    path.split(|&byte| byte == b'/')
        .filter(|name| !name.is_empty())
}

/// The reference from `path` to the folder that is `levels` levels above it.
fn reference(path: &[u8], levels: usize) -> String {
    // The last segment of a URL without a slash at its end does not count (RFC 3986 section 5.2.3).
    match levels - usize::from(!path.ends_with(b"/")) {
        0 => "./".to_owned(),
        steps => "../".repeat(steps),
    }
}

/// Writes the path, with a link to each folder that exists and that it shows.
fn push_path(page: &mut String, Place { path, levels }: Place<'_>) {
    let depth = names(path).count();
    let root = match depth {
        // The link of many levels is long, and a client chooses how many there are.
        0..=NAMES => format!("<a href=\"{}\">/</a>", reference(path, depth)),
        _ => "/ <i>\u{2026}</i>".to_owned(),
    };
    page.push_str(&format!("<p class=\"path\">{root}"));
    for (at, name) in names(path).enumerate().skip(depth.saturating_sub(NAMES)) {
        let name = shortened(&String::from_utf8_lossy(name));
        let name = Html(name.as_bytes());
        let separator = if at > 0 { "<i>/</i>" } else { " " };
        page.push_str(&match depth - 1 - at {
            0 => format!("{separator}<b>{name}</b>"),
            above if above < levels => format!("{separator}{name}"),
            above => format!(
                "{separator}<a href=\"{}\">{name}</a>",
                reference(path, above)
            ),
        });
    }
    page.push_str("</p>\n");
}

/// The name, or its first and last characters if it is long.
fn shortened(name: &str) -> String {
    let length = name.chars().count();
    if length <= NAME_LIMIT {
        return name.to_owned();
    }
    let kept = NAME_LIMIT / 2;
    let start = name.chars().take(kept);
    let end = name.chars().skip(length - kept);
    start.chain(['\u{2026}']).chain(end).collect()
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
        Status::BadRequest => "Check the address, or try another browser or program.",
        Status::Unauthorized => "Reload the page to give a name and a password.",
        Status::Forbidden => "Ask the owner of this server for access.",
        Status::NotFound => "Check the spelling of the address.",
        Status::MethodNotAllowed | Status::NotImplemented => "Use GET, HEAD or OPTIONS.",
        Status::NotAcceptable => "Ask for another type, language or coding.",
        Status::RequestTimeout => "Check your connection and try again.",
        Status::PreconditionFailed => "The file may have changed. Reload it and try again.",
        Status::ContentTooLarge => "Send less content with the request.",
        Status::UriTooLong => "Use a shorter address.",
        Status::RangeNotSatisfiable => {
            "Content-Range gives the length of the file. Request a range within it."
        }
        Status::MisdirectedRequest => "Check the host name, and try http or https instead.",
        Status::UpgradeRequired => "Open this address with a WebSocket client.",
        Status::ExpectationFailed => "Leave out the Expect field, or send Expect: 100-continue.",
        Status::TooManyRequests => "Wait a minute, then try again.",
        Status::RequestHeaderFieldsTooLarge => {
            "Send fewer or shorter fields. Deleting the cookies of this site often helps."
        }
        Status::InternalServerError => "The server failed. Its log may say more.",
        Status::ServiceUnavailable => "Try again in a moment.",
        Status::HttpVersionNotSupported => "Use HTTP/1.1 or HTTP/1.0.",
        // Handlers send them, or they are no errors.
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use sha2::Digest;

    const ALL: [Status; 20] = [
        Status::BadRequest,
        Status::Unauthorized,
        Status::TooManyRequests,
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
        Status::UpgradeRequired,
        Status::RequestHeaderFieldsTooLarge,
        Status::InternalServerError,
        Status::NotImplemented,
        Status::ServiceUnavailable,
        Status::HttpVersionNotSupported,
    ];

    fn page(status: Status, detail: &str) -> String {
        String::from_utf8(error_page(status, detail, None)).unwrap()
    }

    fn page_of(path: &[u8]) -> String {
        let place = Place { path, levels: 1 };
        String::from_utf8(error_page(Status::NotFound, "", Some(place))).unwrap()
    }

    #[track_caller]
    fn check_path(path: &str, want: &str, up: &str) {
        let page = page_of(path.as_bytes());
        let want = format!("<p class=\"path\">{want}</p>");
        assert!(page.contains(&want), "{want} is not in {page}");
        assert!(page.contains(&format!("<p><a href=\"{up}")), "{page}");
    }

    #[test]
    fn a_page_links_to_the_folders_above() {
        let start = "./\">Go to the start page</a>";
        check_path("a", "<a href=\"./\">/</a> <b>a</b>", start);
        check_path("a/", "<a href=\"../\">/</a> <b>a</b>", &format!(".{start}"));
        let links = "<a href=\"../../\">/</a> <a href=\"../\">a</a><i>/</i>\
            <a href=\"./\">b</a><i>/</i><b>c</b>";
        check_path("a/b/c", links, "./\">Go to the folder above</a>");
        let links = "<a href=\"../../\">/</a> <a href=\"../\">a</a><i>/</i><b>b</b>";
        check_path("a/b/", links, "../\">Go to the folder above</a>");
        // The root has no folder above it.
        assert!(!page_of(b"").contains("href=\"."));
        assert!(!page(Status::NotFound, "").contains("href=\"."));
    }

    #[test]
    fn a_long_path_is_shortened_in_the_middle() {
        let long = format!("{}\u{e4}", "x".repeat(NAME_LIMIT));
        let short = format!("<b>{}\u{2026}{}\u{e4}</b>", "x".repeat(16), "x".repeat(15));
        assert!(page_of(long.as_bytes()).contains(&short));
        let fits = "\u{e4}".repeat(NAME_LIMIT);
        assert!(page_of(fits.as_bytes()).contains(&format!("<b>{fits}</b>")));
        let links = "/ <i>\u{2026}</i><i>/</i><a href=\"../../../../\">2</a>";
        assert!(page_of(b"1/2/3/4/5/6/7").contains(links));
        // Each invisible character becomes a mark of many bytes.
        let worst = "\u{e0001}".repeat(100) + "/";
        let page = page_of(worst.repeat(100).as_bytes());
        assert!(page.len() < 4096, "{}", page.len());
    }

    #[test]
    fn a_path_is_text() {
        let page = page_of("<b>&\u{202e}\u{7}\"".as_bytes());
        let text = "<b>&lt;b&gt;&amp;&lt;U+202E&gt;&lt;U+0007&gt;&quot;</b>";
        assert!(page.contains(text), "{page}");
        assert!(page_of(b"\xff").contains("<b>\u{fffd}</b>"));
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
    fn a_page_names_the_codings_that_exist() {
        use Coding::{Brotli, Deflate, Gzip, Identity, Zstd};
        let check = |available: &[Coding], want: &str| {
            let page = String::from_utf8(codings_page("", available)).unwrap();
            assert!(page.contains(&format!("<p>{want}</p>")), "{page}");
        };
        check(&[Brotli], "Allow br in Accept-Encoding.");
        check(
            &[Identity, Zstd],
            "Allow identity or zstd in Accept-Encoding.",
        );
        let three = "Allow identity, gzip or deflate in Accept-Encoding.";
        check(&[Identity, Gzip, Deflate], three);
        check(&[], advice(Status::NotAcceptable));
    }

    #[test]
    fn a_page_is_small() {
        for status in ALL {
            let page = page(status, &"\"".repeat(10_000));
            assert!(page.len() < 1600, "{}", page.len());
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
        assert!(ERROR_PAGE_POLICY.contains(&want), "want {want}");
        assert!(page(Status::NotFound, "").contains(&format!("<style>{STYLE}</style>")));
    }
}
