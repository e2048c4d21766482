//! Error pages (RFC 9110 sections 15.5 and 15.6: a response should explain the error).
//!
//! A page says what went wrong, then what to do. It names the path of the request, and links to the
//! folders above it. The page of a redirect links to its target (RFC 9110 section 15.4):
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
use crate::text::segment::levels_up;

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

/// How many characters of the target of a redirect a page shows.
const TARGET_NAME_LIMIT: usize = 120;

/// How many levels of folders above a path a page can link to. The link of many levels is long, and a client
/// chooses how many there are.
const LEVELS: usize = 32;

/// How many bytes the target of a redirect may have to be linked to. Much longer ones are of no use to a person.
const TARGET_LIMIT: usize = 1024;

/// What ends the heading, and what ends the page.
const HEADING_END: &str = "</h1>\n";
const PAGE_END: &str = "</main>\n";

/// The page for `status`. `detail` says what was wrong with this request, as plain text and as
/// part of a sentence. It may be empty and is cut after 120 characters.
pub fn error_page(status: Status, detail: &str) -> Vec<u8> {
    page(status, detail, advice(status))
}

/// The page for 406 if the client refuses all of these codings.
pub fn codings_page(detail: &str, available: &[Coding]) -> Vec<u8> {
    let names: Vec<&str> = available.iter().map(|coding| coding.name()).collect();
    let names = match names.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => return error_page(Status::NotAcceptable, detail),
    };
    let advice = format!("Allow {names} in Accept-Encoding.");
    page(Status::NotAcceptable, detail, &advice)
}

/// The page for a redirect to `target`, which is the value of `Location`.
pub fn redirect_page(status: Status, detail: &str, target: &[u8]) -> Vec<u8> {
    let mut page = beginning(status);
    push_paragraph(&mut page, &sentence(detail));
    let text = Html(target).to_string();
    if text.len() <= TARGET_LIMIT {
        let name = shortened(&String::from_utf8_lossy(target), TARGET_NAME_LIMIT);
        let name = Html(name.as_bytes());
        page.push_str(&format!("<p>Go to <a href=\"{text}\">{name}</a></p>\n"));
    }
    page.push_str(PAGE_END);
    page.into_bytes()
}

fn page(status: Status, detail: &str, advice: &str) -> Vec<u8> {
    let mut page = beginning(status);
    push_paragraph(&mut page, &sentence(detail));
    push_paragraph(&mut page, advice);
    page.push_str(PAGE_END);
    page.into_bytes()
}

/// Adds to `page` the path that it is about, and a link to the nearest page above it. The page must be one of
/// this file.
pub fn add_place(page: &mut Vec<u8>, place: Place<'_>) {
    let Some((before, after)) = std::str::from_utf8(page)
        .ok()
        .and_then(|page| page.split_once(HEADING_END))
    else {
        return;
    };
    let mut whole = String::with_capacity(page.len() + 1024);
    whole.push_str(before);
    whole.push_str(HEADING_END);
    push_path(&mut whole, place);
    whole.push_str(after.strip_suffix(PAGE_END).unwrap_or(after));
    push_way_out(&mut whole, place);
    whole.push_str(PAGE_END);
    *page = whole.into_bytes();
}

/// The path that an error is about.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The path, without the slash at its start.
    pub path: &'a [u8],
    /// What a page about it links to.
    pub links: Links<'a>,
}

/// What a page links to.
#[derive(Clone, Copy, Debug)]
pub enum Links<'a> {
    /// Nothing: the path leads nowhere, or it is not known what exists.
    None,
    /// Folders above the path.
    Above(Above),
    /// The root of the site. The path is outside of it. These are the bytes of [`Prefix`](crate::site::prefix::Prefix).
    Site(&'a [u8]),
}

/// The folders above a path that have a page. The level of the folder that the path is in is 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Above(u32);

impl Above {
    /// Adds the folder this many levels above the path.
    pub fn add(&mut self, levels: usize) {
        if levels < LEVELS {
            self.0 |= 1 << levels;
        }
    }

    /// Adds the folder this many levels above the path and all above it.
    pub fn add_from(&mut self, levels: usize) {
        if levels < LEVELS {
            self.0 |= u32::MAX << levels;
        }
    }

    fn has(self, levels: usize) -> bool {
        levels < LEVELS && self.0 >> levels & 1 == 1
    }

    /// The level of the nearest folder. The root is `depth` levels above the path.
    fn nearest(self, depth: usize) -> Option<usize> {
        (1..=depth.min(LEVELS)).find(|&levels| self.has(levels))
    }
}

/// How many names a path has: the root is this many levels above it.
pub fn depth(path: &[u8]) -> usize {
    names(path).count()
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
    page.push_str(PAGE_END);
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
        "</style>\n<main>\n<h1><small>{code}</small>{phrase}{HEADING_END}"
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
    levels_up(levels - usize::from(!path.ends_with(b"/")))
}

/// Writes the path, with links to the folders above it that have a page and that it shows.
fn push_path(page: &mut String, Place { path, links }: Place<'_>) {
    let depth = depth(path);
    let above = match links {
        Links::Above(above) => above,
        Links::None | Links::Site(_) => Above::default(),
    };
    let root = match depth {
        0 => "<b>/</b>".to_owned(),
        1..=NAMES if above.has(depth) => format!("<a href=\"{}\">/</a>", reference(path, depth)),
        1..=NAMES => "/".to_owned(),
        _ => "/ <i>\u{2026}</i>".to_owned(),
    };
    page.push_str(&format!("<p class=\"path\">{root}"));
    for (at, name) in names(path).enumerate().skip(depth.saturating_sub(NAMES)) {
        let name = shortened(&String::from_utf8_lossy(name), NAME_LIMIT);
        let name = Html(name.as_bytes());
        let separator = if at > 0 { "<i>/</i>" } else { " " };
        page.push_str(&match depth - 1 - at {
            0 => format!("{separator}<b>{name}</b>"),
            levels if above.has(levels) => {
                let up = reference(path, levels);
                format!("{separator}<a href=\"{up}\">{name}</a>")
            }
            _ => format!("{separator}{name}"),
        });
    }
    page.push_str("</p>\n");
}

/// Writes a link to the nearest page above the path, if there is one.
fn push_way_out(page: &mut String, Place { path, links }: Place<'_>) {
    let depth = depth(path);
    let (up, name) = match links {
        Links::None => return,
        Links::Site(_) if depth >= LEVELS => return,
        Links::Site(prefix) => (reference_to_site(path, prefix), "start page"),
        Links::Above(above) => match above.nearest(depth) {
            None => return,
            Some(levels) => {
                let name = match levels {
                    _ if levels == depth => "start page",
                    1 => "folder above",
                    _ => "nearest folder",
                };
                (reference(path, levels), name)
            }
        },
    };
    page.push_str(&format!("<p><a href=\"{up}\">Go to the {name}</a></p>\n"));
}

/// The reference from a path outside of the site to its root.
fn reference_to_site(path: &[u8], prefix: &[u8]) -> String {
    let folders = path.iter().filter(|&&byte| byte == b'/').count();
    let mut reference = "../".repeat(folders);
    for name in names(prefix) {
        reference.push_str(&format!("{}/", percent::segment(name)));
    }
    reference
}

/// The name, or its first and last characters if it has more than `limit`.
fn shortened(name: &str, limit: usize) -> String {
    let length = name.chars().count();
    if length <= limit {
        return name.to_owned();
    }
    let kept = limit / 2;
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
        String::from_utf8(error_page(status, detail)).unwrap()
    }

    fn page_of(path: &[u8]) -> String {
        let mut above = Above::default();
        above.add_from(1);
        page_with(path, Links::Above(above))
    }

    fn page_with(path: &[u8], links: Links<'_>) -> String {
        let mut page = error_page(Status::NotFound, "");
        add_place(&mut page, Place { path, links });
        String::from_utf8(page).unwrap()
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
        assert!(page_of(b"").contains("<p class=\"path\"><b>/</b></p>"));
        assert!(!page_of(b"").contains("href=\"."));
        assert!(!page(Status::NotFound, "").contains("href=\"."));
    }

    #[test]
    fn only_pages_are_linked_to() {
        let mut above = Above::default();
        above.add(2);
        let page = page_with(b"a/b/c/d", Links::Above(above));
        let shown = "/ <a href=\"../\">a</a><i>/</i>b<i>/</i>c<i>/</i><b>d</b>";
        assert!(!page.contains(shown), "{page}");
        let shown = "/ a<i>/</i><a href=\"../\">b</a><i>/</i>c<i>/</i><b>d</b></p>";
        assert!(page.contains(shown), "{page}");
        assert!(page.contains("<p><a href=\"../\">Go to the nearest folder</a>"));
        for links in [Links::None, Links::Above(Above::default())] {
            let page = page_with(b"a/b", links);
            assert!(page.contains("/ a<i>/</i><b>b</b></p>"), "{page}");
            assert!(!page.contains("<a "), "{page}");
        }
        // A client chooses how many levels there are.
        let mut above = Above::default();
        above.add_from(LEVELS);
        assert_eq!(above, Above::default());
        assert!(!page_with(&b"a/".repeat(LEVELS), Links::Site(b"docs/")).contains("<a "));
    }

    #[test]
    fn a_page_outside_of_the_site_links_to_the_site() {
        let check = |path: &str, want: &str| {
            let page = page_with(path.as_bytes(), Links::Site(b"my docs/a:b/"));
            let want = format!("<p><a href=\"{want}my%20docs/a%3Ab/\">Go to the start page</a>");
            assert!(page.contains(&want), "{want} is not in {page}");
        };
        check("", "");
        check("a", "");
        check("a/", "../");
        check("a/b", "../");
    }

    #[test]
    fn the_page_of_a_redirect_links_to_its_target() {
        let page = |target: &str| {
            let page = redirect_page(Status::Found, "", target.as_bytes());
            String::from_utf8(page).unwrap()
        };
        let link = "<p>Go to <a href=\"a/?b&amp;c=&quot;\">a/?b&amp;c=&quot;</a></p>\n</main>\n";
        assert!(page("a/?b&c=\"").ends_with(link), "{}", page("a/?b&c=\""));
        let long = page(&"a".repeat(TARGET_LIMIT));
        assert!(long.contains(&"a".repeat(TARGET_LIMIT)) && long.len() < 4096);
        assert!(!page(&"a".repeat(TARGET_LIMIT + 1)).contains("<a "));
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
