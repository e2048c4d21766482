//! RFC 9110 section 8.3: chooses the media type of a file by its name.
//!
//! `index.html` is `text/html; charset=utf-8`, and `data.bin` is `application/octet-stream`.
//! Responses contain `nosniff`, so browsers do not correct a wrong media type.

use std::borrow::Cow;

use super::trace::{Clause, Evidence, Quote, Step, clause};

/// The media type of files with an unknown name.
const UNKNOWN: &str = "application/octet-stream";

const PLAIN: &str = "text/plain";

/// Exceptions to `mime_guess`, by file extension. Source code is plain text, because browsers
/// display plain text but download `text/x-rust`.
const BY_EXTENSION: &[(&str, &[&str])] = &[
    ("text/javascript", &["js", "mjs", "cjs"]), // RFC 9239
    ("text/markdown", &["md", "markdown"]),     // RFC 7763
    ("application/json", &["map"]),             // a source map
    ("application/jsonl", &["jsonl", "ndjson"]),
    ("application/toml", &["toml"]),
    ("application/yaml", &["yaml", "yml"]), // RFC 9512
    ("application/sql", &["sql"]),          // RFC 6922
    ("application/gzip", &["svgz"]),        // an image only with a Content-Encoding
    ("application/zstd", &["zst"]),         // RFC 8878
    ("audio/mp4", &["m4a"]),                // RFC 4337
    ("font/otf", &["otf"]),                 // RFC 8081
    ("video/mp2t", &["m2ts", "mts"]),       // RFC 3555, written by cameras
    // `ts` is also an MPEG transport stream. TypeScript is more common, and players of MPEG streams
    // ignore the media type.
    (PLAIN, &["ts", "cts", "tsx", "jsx", "vue", "svelte"]),
    (PLAIN, SOURCE),
];

/// Extensions of source code and settings. Browsers display no specific media type for them.
const SOURCE: &[&str] = &[
    "adoc", "bash", "bat", "bib", "clj", "cmake", "dart", "diff", "el", "env", "fish", "go",
    "gradle", "graphql", "hs", "java", "kt", "kts", "lisp", "lock", "lua", "mk", "nix", "org",
    "patch", "php", "pl", "proto", "ps1", "py", "pyi", "rb", "rs", "rst", "scala", "sh", "swift",
    "tex", "tf", "zig", "zsh",
];

/// Well-known names without an extension. A suffix after `-` is ignored, as in `LICENSE-MIT`.
const BY_NAME: &[(&str, &[&str])] = &[
    (PLAIN, &["README", "LICENSE", "LICENCE", "COPYING"]),
    (PLAIN, &["CHANGELOG", "CHANGES", "NEWS", "NOTICE", "TODO"]),
    (PLAIN, &["AUTHORS", "CONTRIBUTORS", "MAINTAINERS"]),
    (PLAIN, &["CONTRIBUTING", "INSTALL", "VERSION"]),
    (PLAIN, &["Makefile", "Dockerfile", "Containerfile"]),
    (PLAIN, &["Gemfile", "Rakefile", "Procfile", "Vagrantfile"]),
    (PLAIN, &["Jenkinsfile", "Justfile", "CODEOWNERS", "CNAME"]),
    (PLAIN, &[".gitignore", ".gitattributes", ".editorconfig"]),
    (PLAIN, &[".dockerignore", ".npmrc", ".profile", ".bashrc"]),
    // Apple requests this file below .well-known, without an extension, and expects JSON.
    ("application/json", &["apple-app-site-association"]),
];

/// Common text types with UTF-8, the encoding of nearly all text files.
const WITH_CHARSET: &[(&str, &str)] = &[
    ("text/html", "text/html; charset=utf-8"),
    ("text/css", "text/css; charset=utf-8"),
    ("text/javascript", "text/javascript; charset=utf-8"),
    (PLAIN, "text/plain; charset=utf-8"),
    ("text/markdown", "text/markdown; charset=utf-8"),
    ("text/csv", "text/csv; charset=utf-8"),
    ("text/vtt", "text/vtt; charset=utf-8"),
    ("text/calendar", "text/calendar; charset=utf-8"),
];

/// Types that compress well, in addition to `text/*`, `*+xml`, `*+json` and `*+yaml`.
const COMPRESSIBLE: &[&str] = &[
    "application/javascript",
    "application/json",
    "application/jsonl",
    "application/rtf",
    "application/sql",
    "application/toml",
    "application/vnd.ms-fontobject",
    "application/wasm",
    "application/xml",
    "application/yaml",
    "font/collection",
    "font/otf",
    "font/ttf",
    "image/bmp",
    "image/vnd.microsoft.icon",
    "image/x-icon",
];

/// The value of Content-Type for a file. `name` is the last segment of its path. Allocates only
/// for rare text types.
pub fn media_type(name: &[u8]) -> Cow<'static, str> {
    let essence = match extension(name) {
        Some(extension) => by_extension(extension),
        None => by_name(name),
    };
    with_charset(essence.unwrap_or(UNKNOWN))
}

/// The step that says how the media type of a file was chosen. `name` is that of [`media_type`].
pub fn step(name: &[u8]) -> Step {
    const CLAUSE: Clause = clause!("RFC 9110 section 8.3", "media_type");
    let chosen = Quote::of(media_type(name).as_bytes());
    let (known, finding) = match extension(name) {
        Some(extension) => {
            let finding = "the extension of the file gives the media type";
            (by_extension(extension), finding)
        }
        None => (by_name(name), "the name of the file gives the media type"),
    };
    let finding = match known {
        Some(_) => finding,
        None => "the file has no known extension or name, so its media type is the default",
    };
    Step::new(CLAUSE, finding).with(Evidence::Became(Quote::of(name), chosen))
}

/// Whether compression makes this type smaller. Images, videos, archives and web fonts are usually
/// compressed already. Parameters of `media_type` are ignored.
pub fn is_compressible(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    let begins = |prefix: &str| {
        let start = essence.get(..prefix.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    let suffix = essence.rsplit_once('+').map_or("", |(_, suffix)| suffix);
    begins("text/") || is_any(suffix, &["xml", "json", "yaml"]) || is_any(essence, COMPRESSIBLE)
}

/// The part after the last dot. A dot at the start does not count: `.profile` has no extension.
fn extension(name: &[u8]) -> Option<&str> {
    let dot = name.iter().rposition(|&byte| byte == b'.')?;
    let extension = name.get(dot + 1..).filter(|_| dot > 0)?;
    // All known extensions are UTF-8, so any other extension is unknown.
    Some(std::str::from_utf8(extension).unwrap_or_default())
}

fn by_extension(extension: &str) -> Option<&'static str> {
    look_up(BY_EXTENSION, extension).or_else(|| {
        let guess = mime_guess::from_ext(extension).first_raw()?;
        Some(registered(guess))
    })
}

/// Replaces unregistered types of `mime_guess`, and `text/xml`. XML documents declare their own
/// encoding, and `application/xml` needs no charset (RFC 7303 section 3).
fn registered(guess: &'static str) -> &'static str {
    match guess {
        "text/xml" => "application/xml",
        "application/javascript" => "text/javascript",
        text if text.starts_with("text/x-") => PLAIN,
        other => other,
    }
}

fn by_name(name: &[u8]) -> Option<&'static str> {
    let name = std::str::from_utf8(name).ok()?;
    let stem = name.split('-').next()?;
    look_up(BY_NAME, name).or_else(|| look_up(BY_NAME, stem))
}

fn look_up(table: &[(&'static str, &[&str])], key: &str) -> Option<&'static str> {
    let row = table.iter().find(|(_, keys)| is_any(key, keys));
    row.map(|&(essence, _)| essence)
}

fn is_any(word: &str, words: &[&str]) -> bool {
    words.iter().any(|known| known.eq_ignore_ascii_case(word))
}

fn with_charset(essence: &'static str) -> Cow<'static, str> {
    let known = WITH_CHARSET.iter().find(|(known, _)| *known == essence);
    match known {
        Some((_, complete)) => Cow::Borrowed(*complete),
        None if essence.starts_with("text/") => Cow::Owned(format!("{essence}; charset=utf-8")),
        None => Cow::Borrowed(essence),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, want: &str) {
        assert_eq!(media_type(name.as_bytes()), want, "{name:?}");
    }

    #[test]
    fn a_step_says_how_the_media_type_was_chosen() {
        let check = |name: &str, want: &str| assert_eq!(step(name.as_bytes()).to_string(), want);
        check(
            "a.txt",
            "the extension of the file gives the media type: a.txt => text/plain; charset=utf-8",
        );
        check(
            "README",
            "the name of the file gives the media type: README => text/plain; charset=utf-8",
        );
        for name in ["a", "a.unheard-of"] {
            let unknown =
                "the file has no known extension or name, so its media type is the default";
            check(name, &format!("{unknown}: {name} => {UNKNOWN}"));
        }
    }

    #[test]
    fn web_files_have_their_media_types() {
        check("index.html", "text/html; charset=utf-8");
        check("INDEX.HTM", "text/html; charset=utf-8"); // extensions are case-insensitive
        check("a.css", "text/css; charset=utf-8");
        check("a.js", "text/javascript; charset=utf-8"); // RFC 9239
        check("a.min.mjs", "text/javascript; charset=utf-8");
        check("a.json", "application/json"); // RFC 8259: always UTF-8, no charset
        check("a.js.map", "application/json");
        check("a.webmanifest", "application/manifest+json");
        check("a.wasm", "application/wasm");
        check("a.svg", "image/svg+xml");
        check("a.xml", "application/xml"); // RFC 7303
        check("feed.atom", "application/atom+xml");
        check("a.woff2", "font/woff2");
        check("a.ttf", "font/ttf");
        check("a.otf", "font/otf");
        check("a.avif", "image/avif");
        check("a.webp", "image/webp");
        check("a.png", "image/png");
        check("a.ico", "image/x-icon");
        check("a.mp4", "video/mp4");
        check("a.webm", "video/webm");
        check("00001.mts", "video/mp2t");
        check("a.pdf", "application/pdf");
    }

    #[test]
    fn text_files_have_types_that_browsers_display() {
        check("a.txt", "text/plain; charset=utf-8");
        check("a.md", "text/markdown; charset=utf-8");
        check("a.csv", "text/csv; charset=utf-8");
        check("a.ts", "text/plain; charset=utf-8");
        check("main.rs", "text/plain; charset=utf-8");
        check("a.py", "text/plain; charset=utf-8");
        check("a.lua", "text/plain; charset=utf-8");
        check("a.nfo", "text/plain; charset=utf-8"); // not text/x-nfo, which is not registered
        check("a.jsonl", "application/jsonl");
        check("Cargo.toml", "application/toml");
        check("a.yml", "application/yaml");
        check("a.less", "text/less; charset=utf-8");
        check("README", "text/plain; charset=utf-8");
        check("LICENSE", "text/plain; charset=utf-8");
        check("LICENSE-MIT", "text/plain; charset=utf-8");
        check("Makefile", "text/plain; charset=utf-8");
        check(".gitignore", "text/plain; charset=utf-8");
        check("apple-app-site-association", "application/json");
    }

    #[test]
    fn other_files_have_the_unknown_type() {
        for name in [
            "",
            "data",
            "a.",
            "a.unheard-of",
            ".html",
            ".DS_Store",
            "a.bin",
        ] {
            check(name, UNKNOWN);
        }
        assert_eq!(media_type(b"a.\xff"), UNKNOWN);
        assert_eq!(media_type(b"\xff.html"), "text/html; charset=utf-8");
    }

    #[test]
    fn compressed_files_have_the_type_of_their_compression() {
        check("a.tar.gz", "application/gzip");
        check("a.zip", "application/zip");
        check("a.zst", "application/zstd");
        check("a.svgz", "application/gzip");
    }

    #[test]
    fn text_and_uncompressed_types_are_compressible() {
        for name in [
            "a.html", "a.css", "a.js", "a.json", "a.svg", "a.wasm", "a.xml", "a.ttf",
        ] {
            assert!(is_compressible(&media_type(name.as_bytes())), "{name}");
        }
        for name in [
            "a.otf",
            "a.atom",
            "a.toml",
            "a.yml",
            "a.ico",
            "a.md",
            "README",
            "a.geojson",
        ] {
            assert!(is_compressible(&media_type(name.as_bytes())), "{name}");
        }
        for name in [
            "a.png", "a.webp", "a.avif", "a.woff2", "a.zip", "a.gz", "a.mp4", "a.pdf",
        ] {
            assert!(!is_compressible(&media_type(name.as_bytes())), "{name}");
        }
        assert!(is_compressible("Text/HTML ;charset=utf-8"));
        assert!(is_compressible("application/ld+JSON"));
        assert!(!is_compressible(UNKNOWN));
        assert!(!is_compressible(""));
        assert!(!is_compressible("téxt"));
    }
}
