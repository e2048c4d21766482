//! RFC 9110 section 8.3: what is known of media types by the names of files.
//!
//! Sources, in this order:
//!
//! - The registry of media types at IANA, and the RFCs that it names: RFC 9239 for JavaScript, RFC 8081
//!   for fonts, RFC 8878 for zstd, RFC 9559 for Matroska, RFC 4337 for audio in MP4, RFC 6350 for vCards,
//!   RFC 8216 section 4 for playlists.
//! - What browsers do. They show `text/plain`, but download most text with a more specific media type,
//!   such as `application/yaml` (RFC 9512) or `application/sql` (RFC 6922). So text that no browser
//!   renders is plain text.
//! - The crate `mime_guess`, for every extension that has no row here.

use std::cmp::Ordering;

/// The media type of files of which nothing is known.
pub(super) const UNKNOWN: &str = "application/octet-stream";

/// The media type of text that browsers show as it is.
pub(super) const PLAIN: &str = "text/plain";

/// The media type of an MPEG transport stream (RFC 3555).
const TRANSPORT_STREAM: &str = "video/mp2t";

/// What a name says about the media type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// It is this one.
    Is(&'static str),
    /// Two kinds of files have this extension: it is the first one for text, also in an old
    /// encoding, and the second one for other content.
    TextOr(&'static str, &'static str),
    /// It is this one, and the file is stored in the content coding gzip.
    Gzipped(&'static str),
}

use Rule::{Gzipped, Is, TextOr};

/// Exceptions to `mime_guess`, sorted by extension.
const BY_EXTENSION: &[(&str, Rule)] = &[
    ("3mf", Is("model/3mf")),
    ("adoc", Is(PLAIN)),
    ("asc", Is(PLAIN)),
    ("bash", Is(PLAIN)),
    ("bat", Is(PLAIN)),
    ("bib", Is(PLAIN)),
    ("bst", Is(PLAIN)),
    ("cbr", Is("application/vnd.comicbook-rar")),
    ("cbz", Is("application/vnd.comicbook+zip")),
    ("cjs", Is("text/javascript")),
    ("clj", Is(PLAIN)),
    ("cls", Is(PLAIN)),
    ("cmake", Is(PLAIN)),
    ("coffee", Is(PLAIN)),
    ("csh", Is(PLAIN)),
    ("cts", Is(PLAIN)),
    ("dart", Is(PLAIN)),
    ("deb", Is("application/vnd.debian.binary-package")),
    ("diff", Is(PLAIN)),
    ("dwg", Is("image/vnd.dwg")),
    ("dxf", Is("image/vnd.dxf")),
    ("el", Is(PLAIN)),
    ("env", Is(PLAIN)),
    ("fish", Is(PLAIN)),
    ("go", Is(PLAIN)),
    ("gradle", Is(PLAIN)),
    ("graphql", Is(PLAIN)),
    ("hjson", Is(PLAIN)),
    ("hs", Is(PLAIN)),
    ("ico", Is("image/vnd.microsoft.icon")),
    ("java", Is(PLAIN)),
    ("jl", Is(PLAIN)),
    ("json5", Is(PLAIN)),
    ("jsonl", Is(PLAIN)),
    ("jsx", Is(PLAIN)),
    ("kt", Is(PLAIN)),
    ("kts", Is(PLAIN)),
    ("less", Is(PLAIN)),
    ("lisp", Is(PLAIN)),
    ("lock", Is(PLAIN)),
    ("m2ts", TextOr(PLAIN, TRANSPORT_STREAM)),
    ("m3u", Is("audio/mpegurl")),
    ("m3u8", Is("application/vnd.apple.mpegurl")),
    ("m4a", Is("audio/mp4")),
    ("m4b", Is("audio/mp4")),
    ("map", Is("application/json")),
    ("mdx", Is(PLAIN)),
    ("mjs", Is("text/javascript")),
    ("mk3d", Is("video/matroska-3d")),
    ("mka", Is("audio/matroska")),
    ("mkv", Is("video/matroska")),
    ("mod", TextOr(PLAIN, UNKNOWN)),
    ("mtl", Is("model/mtl")),
    ("mts", TextOr(PLAIN, TRANSPORT_STREAM)),
    ("ndjson", Is(PLAIN)),
    ("nix", Is(PLAIN)),
    ("obj", TextOr("model/obj", UNKNOWN)),
    ("opml", Is("application/xml")),
    ("org", TextOr(PLAIN, "application/vnd.lotus-organizer")),
    ("otf", Is("font/otf")),
    ("patch", Is(PLAIN)),
    ("php", Is(PLAIN)),
    ("pl", Is(PLAIN)),
    ("pm", Is(PLAIN)),
    ("po", Is(PLAIN)),
    ("pot", TextOr(PLAIN, "application/vnd.ms-powerpoint")),
    ("ps1", Is(PLAIN)),
    ("psd", Is("image/vnd.adobe.photoshop")),
    ("pub", TextOr(PLAIN, "application/x-mspublisher")),
    ("pyi", Is(PLAIN)),
    ("r", Is(PLAIN)),
    ("rar", Is("application/vnd.rar")),
    ("rb", Is(PLAIN)),
    ("rpm", Is("application/x-rpm")),
    ("rst", Is(PLAIN)),
    ("scala", Is(PLAIN)),
    ("scr", TextOr(PLAIN, UNKNOWN)),
    ("sh", Is(PLAIN)),
    ("sql", Is(PLAIN)),
    ("srt", Is(PLAIN)),
    ("stl", Is("model/stl")),
    ("sty", Is(PLAIN)),
    ("styl", Is(PLAIN)),
    ("sub", TextOr(PLAIN, UNKNOWN)),
    ("svelte", Is(PLAIN)),
    ("svgz", Gzipped("image/svg+xml")),
    ("swift", Is(PLAIN)),
    ("tcl", Is(PLAIN)),
    ("tex", Is(PLAIN)),
    ("tf", Is(PLAIN)),
    ("tgz", Is("application/gzip")),
    ("ts", TextOr(PLAIN, TRANSPORT_STREAM)),
    ("tsx", Is(PLAIN)),
    ("usdz", Is("model/vnd.usdz+zip")),
    ("vcf", Is("text/vcard")),
    ("vue", Is(PLAIN)),
    ("woff", Is("font/woff")),
    ("zig", Is(PLAIN)),
    ("zsh", Is(PLAIN)),
    ("zst", Is("application/zstd")),
];

/// Well-known names without an extension, in any encoding, sorted. A suffix after `-` is ignored, as in
/// `LICENSE-MIT`.
const BY_NAME: &[(&str, &str)] = &[
    // Apple requests this file below .well-known, without an extension, and expects JSON.
    ("apple-app-site-association", "application/json"),
    ("AUTHORS", PLAIN),
    ("CHANGELOG", PLAIN),
    ("CHANGES", PLAIN),
    ("CONTRIBUTORS", PLAIN),
    ("COPYING", PLAIN),
    ("Dockerfile", PLAIN),
    ("INSTALL", PLAIN),
    ("LICENCE", PLAIN),
    ("LICENSE", PLAIN),
    ("Makefile", PLAIN),
    ("NEWS", PLAIN),
    ("NOTICE", PLAIN),
    ("README", PLAIN),
    ("THANKS", PLAIN),
    ("TODO", PLAIN),
];

/// What a file extension says; `None` if it is not known.
pub(super) fn by_extension(extension: &str) -> Option<Rule> {
    find(BY_EXTENSION, extension).or_else(|| {
        let guess = guessed(extension)?;
        Some(Is(registered(guess)))
    })
}

/// What a name without an extension says; `None` if it is not known.
pub(super) fn by_name(name: &str) -> Option<Rule> {
    let stem = name.split('-').next()?;
    let known = find(BY_NAME, name).or_else(|| find(BY_NAME, stem));
    known.map(Is)
}

/// Replaces unregistered types of `mime_guess`, and `text/xml`. XML documents declare their own
/// encoding, and `application/xml` needs no charset (RFC 7303 section 3).
fn registered(guess: &'static str) -> &'static str {
    match guess {
        "text/xml" => "application/xml",
        text if text.starts_with("text/x-") => PLAIN,
        other => other,
    }
}

/// What `mime_guess` says of an extension: the build script has written its table.
fn guessed(extension: &str) -> Option<&'static str> {
    const TYPES: &str = include_str!(concat!(env!("OUT_DIR"), "/media_types.txt"));
    // Both are at the start of a line, and the line is between them if it is there.
    let (mut first, mut end) = (0, TYPES.len());
    while first < end {
        let start = TYPES[..(first + end) / 2]
            .rfind('\n')
            .map_or(0, |at| at + 1);
        let line = TYPES[start..].lines().next()?;
        let (known, media_type) = line.split_once(' ')?;
        match without_case(known, extension) {
            Ordering::Less => first = start + line.len() + 1,
            Ordering::Greater => end = start,
            Ordering::Equal => return Some(media_type),
        }
    }
    None
}

/// The value of `key` in a sorted table. Case does not matter.
fn find<T: Copy>(table: &[(&str, T)], key: &str) -> Option<T> {
    let at = table.binary_search_by(|(known, _)| without_case(known, key));
    at.ok().map(|at| table[at].1)
}

fn without_case(one: &str, other: &str) -> Ordering {
    let [one, other] = [one, other].map(|text| text.bytes().map(|byte| byte.to_ascii_lowercase()));
    one.cmp(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_sorted<T>(table: &[(&str, T)]) {
        for pair in table.windows(2) {
            let [(one, _), (other, _)] = pair else {
                unreachable!("windows of two")
            };
            assert_eq!(without_case(one, other), Ordering::Less, "{one} {other}");
        }
    }

    #[test]
    fn the_tables_are_sorted_and_name_each_key_once() {
        check_sorted(BY_EXTENSION);
        check_sorted(BY_NAME);
    }

    #[test]
    fn each_row_overrides_the_guess() {
        for &(extension, rule) in BY_EXTENSION {
            let guess = guessed(extension).map(|guess| Is(registered(guess)));
            assert_ne!(guess, Some(rule), "{extension} needs no row");
        }
    }

    #[test]
    fn each_type_of_the_crate_is_found() {
        let extensions = mime_guess::get_extensions("*", "*").expect("the crate lists all");
        assert!(extensions.len() > 1000);
        for extension in extensions {
            let want = mime_guess::from_ext(extension).first_raw();
            assert_eq!(guessed(extension), want, "{extension}");
            assert_eq!(
                guessed(&extension.to_ascii_uppercase()),
                want,
                "{extension}"
            );
            assert_eq!(guessed(&format!("{extension} ")), None);
        }
        for unknown in ["", " ", "\n", "!", "zzzz", "\u{ff}"] {
            assert_eq!(guessed(unknown), None, "{unknown:?}");
        }
    }

    #[test]
    fn rules_are_found_without_case() {
        assert_eq!(
            by_extension("M3U8"),
            Some(Is("application/vnd.apple.mpegurl"))
        );
        assert_eq!(by_extension("HTML"), Some(Is("text/html")));
        assert_eq!(by_extension("unheard-of"), None);
        assert_eq!(by_name("license-mit"), Some(Is(PLAIN)));
        assert_eq!(by_name("data"), None);
    }
}
