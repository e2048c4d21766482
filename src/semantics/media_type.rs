//! RFC 9110 section 8.3: chooses the media type of a file by its name and by its first bytes.
//!
//! `index.html` is `text/html; charset=utf-8`, `seg0.ts` is `video/mp2t` if it is not text, and `data` is
//! `text/plain; charset=utf-8` if it is UTF-8, or else `application/octet-stream`.
//! Responses contain `nosniff`, so browsers do not correct a wrong media type.

use super::beginning::Beginning;
use super::charset::{Charset, charset, has_charset};
use super::coding::Coding;
use super::media_table::{PLAIN, Rule, UNKNOWN, by_extension, by_name};
use super::own_types::{OwnType, OwnTypes};
use super::trace::{Clause, Evidence, Quote, Step, Trace, clause};
use crate::text::segment::last_segment;

/// Types that compress well, in addition to `text/*`, `*+xml`, `*+json` and `*+yaml`.
const COMPRESSIBLE: &[&str] = &[
    "application/javascript",
    "application/json",
    "application/rtf",
    "application/vnd.apple.mpegurl",
    "application/vnd.ms-fontobject",
    "application/wasm",
    "application/xml",
    "application/yaml",
    "audio/mpegurl",
    "font/collection",
    "font/otf",
    "font/ttf",
    "image/bmp",
    "image/vnd.microsoft.icon",
    "image/x-icon",
    "model/mtl",
    "model/obj",
    "model/stl",
];

/// What the head of a response says about the content of a file.
#[derive(Clone, Debug)]
pub struct MediaType {
    /// The value of Content-Type.
    pub value: Box<str>,
    /// The content coding in which the file is stored. It decodes to content of this media type.
    pub stored: Coding,
    source: Source,
    charset: Charset,
}

/// What gave the media type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    /// The operator, by an option.
    Operator,
    /// The name.
    Name,
    /// The content, because the extension has several meanings.
    Content,
    /// The content is text, and the name is not known.
    Text,
    /// Neither; it is the default.
    Default,
}

/// Whether the content of the file at this path decides its media type, its coding or its charset. If not,
/// nobody reads it.
pub fn depends_on_content(path: &[u8], own: &OwnTypes) -> bool {
    let essence = match (own.find(path), rule(last_segment(path))) {
        (Some(given), _) if given.coding != Coding::Identity => return true,
        (Some(given), _) if has_parameters(&given.media_type) => return false,
        (Some(given), _) => &given.media_type,
        (None, Some(Rule::Is(essence))) => essence,
        (None, _) => return true,
    };
    has_charset(essence)
}

/// The media type without parameters that a name suggests, for programs that do not look at the content.
/// If the extension has several, text comes first.
pub fn suggested_by(name: &[u8]) -> Option<&'static str> {
    Some(match rule(name)? {
        Rule::Is(essence) | Rule::Gzipped(essence) | Rule::TextOr(essence, _) => essence,
    })
}

/// The media type of the file at this path below the root.
pub fn media_type(path: &[u8], beginning: Beginning<'_>, own: &OwnTypes) -> MediaType {
    let (essence, stored, source) = match own.find(path) {
        Some(given) => {
            let stored = match given.coding {
                Coding::Gzip if !beginning.is_gzip() => Coding::Identity,
                // Nothing in the content tells whether it is Brotli.
                coding => coding,
            };
            (&*given.media_type, stored, Source::Operator)
        }
        None => essence(last_segment(path), beginning),
    };
    let charset = match has_parameters(essence) {
        true => Charset::Given,
        false => charset(essence, beginning),
    };
    let value = match charset {
        Charset::Utf8 => format!("{essence}; charset=utf-8").into(),
        _ => essence.into(),
    };
    MediaType {
        value,
        stored,
        source,
        charset,
    }
}

/// The media type without parameters, by what the server knows itself.
fn essence(name: &[u8], beginning: Beginning<'_>) -> (&'static str, Coding, Source) {
    let Some(rule) = rule(name) else {
        return match beginning.is_text() {
            true => (PLAIN, Coding::Identity, Source::Text),
            false => (UNKNOWN, Coding::Identity, Source::Default),
        };
    };
    let by_content = |essence| (essence, Coding::Identity, Source::Content);
    match rule {
        Rule::TextOr(text, _) if beginning.may_be_text() => by_content(text),
        Rule::TextOr(_, other) => by_content(other),
        Rule::Gzipped(essence) if beginning.is_gzip() => (essence, Coding::Gzip, Source::Name),
        Rule::Gzipped(essence) | Rule::Is(essence) => (essence, Coding::Identity, Source::Name),
    }
}

impl MediaType {
    /// Adds the steps that say how the media type of the file at this path was chosen.
    pub fn note(&self, path: &[u8], own: &OwnTypes, trace: &mut Trace) {
        const CLAUSE: Clause = clause!("RFC 9110 section 8.3", "media_type");
        let name = last_segment(path);
        trace.note(|| {
            let chosen = Quote::of(self.value.as_bytes());
            let step = Step::new(CLAUSE, self.source.finding(extension(name).is_some()));
            let from = match own.rule(path).filter(|_| self.source == Source::Operator) {
                Some((rule, _)) => Quote::of(rule.to_string().as_bytes()),
                None => Quote::of(name),
            };
            step.with(Evidence::Became(from, chosen))
        });
        trace.note_if(|| self.coding_step(own.find(path)?));
        trace.note_if(|| self.charset.step());
    }

    /// Says what came of the coding that the operator has given to the file.
    fn coding_step(&self, given: &OwnType) -> Option<Step> {
        const CLAUSE: Clause = clause!("RFC 9110 section 8.4", "media_type");
        match (given.coding, self.stored) {
            (Coding::Identity, _) => None,
            // Only gzip can be recognised by its content, so only a rule for gzip can be wrong here.
            (_, Coding::Identity) => {
                let finding =
                    "--type says that the file is stored in gzip, but its content is not gzip";
                Some(Step::new(CLAUSE, finding))
            }
            (given, _) => {
                let step = Step::new(CLAUSE, "--type says in which coding the file is stored");
                Some(step.with(Evidence::Value(Quote::of(given.name().as_bytes()))))
            }
        }
    }

    /// The type without parameters.
    pub fn essence(&self) -> &str {
        let essence = self.value.split(';').next().unwrap_or_default();
        essence.trim_end()
    }

    /// Whether compression makes the content smaller than it is stored.
    pub fn is_compressible(&self) -> bool {
        self.stored == Coding::Identity && is_compressible(&self.value)
    }
}

impl Source {
    /// The result, as part of a sentence.
    fn finding(self, has_extension: bool) -> &'static str {
        match self {
            Source::Operator => "the rule of --type that matches gives the media type",
            Source::Name if has_extension => "the extension of the file gives the media type",
            Source::Name => "the name of the file gives the media type",
            Source::Content => "the extension has several media types, and the content decides",
            Source::Text => "the file has no known extension or name, and its content is text",
            Source::Default => {
                "the file has no known extension or name and is not text, so it gets the default media type"
            }
        }
    }
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

/// What the name of a file says; `None` if it is not known.
fn rule(name: &[u8]) -> Option<Rule> {
    match extension(name) {
        // All known extensions and names are UTF-8.
        Some(extension) => by_extension(std::str::from_utf8(extension).ok()?),
        None => by_name(std::str::from_utf8(name).ok()?),
    }
}

/// The part after the last dot. A dot at the start does not count: `.profile` has no extension.
fn extension(name: &[u8]) -> Option<&[u8]> {
    let dot = name.iter().rposition(|&byte| byte == b'.')?;
    name.get(dot + 1..).filter(|_| dot > 0)
}

fn has_parameters(media_type: &str) -> bool {
    media_type.contains(';')
}

fn is_any(word: &str, words: &[&str]) -> bool {
    words.iter().any(|known| known.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, content: &[u8]) -> MediaType {
        media_type(
            name.as_bytes(),
            Beginning::whole(content),
            &OwnTypes::default(),
        )
    }

    #[track_caller]
    fn check_content(name: &str, content: &[u8], want: &str) {
        assert_eq!(&*of(name, content).value, want, "{name:?}");
    }

    #[track_caller]
    fn check(name: &str, want: &str) {
        check_content(name, b"content", want);
    }

    #[track_caller]
    fn check_steps(name: &str, content: &[u8], want: &[&str]) {
        let mut trace = Trace::watched();
        of(name, content).note(name.as_bytes(), &OwnTypes::default(), &mut trace);
        let got: Vec<String> = trace.steps().iter().map(Step::to_string).collect();
        assert_eq!(got, want);
    }

    #[test]
    fn steps_say_how_the_media_type_was_chosen() {
        let utf8 = "the content is UTF-8 and declares no other encoding, so the charset is utf-8";
        let step =
            "the extension of the file gives the media type: a.txt => text/plain; charset=utf-8";
        check_steps("a.txt", b"", &[step, utf8]);
        let step = "the name of the file gives the media type: README => text/plain";
        let other = "the content is not UTF-8 text, so there is no charset";
        check_steps("README", b"\xe9", &[step, other]);
        let step = "the file has no known extension or name, and its content is text: a => text/plain; charset=utf-8";
        check_steps("a", b"text", &[step, utf8]);
        let step = "the file has no known extension or name and is not text, so it gets the default media type: \
                    a.b => application/octet-stream";
        check_steps("a.b", b"\0", &[step]);
        let step = "the extension has several media types, and the content decides: \
                    a.pub => application/x-mspublisher";
        check_steps("a.pub", b"\0", &[step]);
        let step = "the extension of the file gives the media type: a.html => text/html";
        let other = "the content declares an encoding other than UTF-8, so there is no charset: windows-1252";
        check_steps("a.html", b"<meta charset=latin1>", &[step, other]);
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
        check("a.jsonld", "application/ld+json");
        check("a.geojson", "application/geo+json");
        check("a.webmanifest", "application/manifest+json");
        check("a.wasm", "application/wasm");
        check("a.svg", "image/svg+xml");
        check("a.xml", "application/xml"); // RFC 7303
        check("feed.atom", "application/atom+xml");
        check("a.woff", "font/woff"); // RFC 8081
        check("a.woff2", "font/woff2");
        check("a.ttf", "font/ttf");
        check("a.otf", "font/otf");
        check("a.avif", "image/avif");
        check("a.jxl", "image/jxl");
        check("a.webp", "image/webp");
        check("a.png", "image/png");
        check("a.ico", "image/vnd.microsoft.icon");
        check("a.pdf", "application/pdf");
    }

    #[test]
    fn media_have_their_media_types() {
        check("a.mp4", "video/mp4");
        check("a.webm", "video/webm");
        check("a.mkv", "video/matroska"); // RFC 9559
        check("a.m4a", "audio/mp4"); // RFC 4337
        check("a.flac", "audio/flac"); // RFC 9639
        check("a.opus", "audio/ogg"); // RFC 7845
        check("a.m3u8", "application/vnd.apple.mpegurl"); // RFC 8216
        check("a.stl", "model/stl");
        check("a.epub", "application/epub+zip");
        check("a.vcf", "text/vcard; charset=utf-8"); // RFC 6350
        check("a.ics", "text/calendar; charset=utf-8");
        check("a.csv", "text/csv; charset=utf-8");
        check("a.rtf", "application/rtf");
    }

    #[test]
    fn text_files_have_types_that_browsers_display() {
        check("a.md", "text/markdown; charset=utf-8"); // RFC 7763
        for name in [
            "a.txt",
            "a.log",
            "main.rs",
            "a.py",
            "a.lua",
            "a.nfo",
            "a.less",
            "a.tex",
            "a.bib",
            "a.yaml",
            "a.yml",
            "a.toml",
            "a.sql",
            "a.jsonl",
            "a.srt",
            "a.asc",
            "a.vue",
            "a.tsx",
            "README",
            "LICENSE-MIT",
            "Makefile",
            "Dockerfile",
            "SHA256SUMS",
            "a.sha256",
            "a.md5",
            "a.service",
            "a.lock",
            "a.unheard-of",
            "a.",
            "data",
            ".html",
            ".gitignore",
        ] {
            check(name, "text/plain; charset=utf-8");
        }
        check("apple-app-site-association", "application/json");
    }

    #[test]
    fn content_decides_if_the_name_does_not() {
        let (plain, unknown) = ("text/plain; charset=utf-8", UNKNOWN);
        for (name, text, other) in [
            ("", plain, unknown),
            ("data", plain, unknown),
            ("a.unheard-of", plain, unknown),
            (".DS_Store", plain, unknown),
            ("go.mod", plain, unknown),
            ("id_ed25519.pub", plain, "application/x-mspublisher"),
            ("de.pot", plain, "application/vnd.ms-powerpoint"),
            ("notes.org", plain, "application/vnd.lotus-organizer"),
            ("a.obj", "model/obj", unknown),
        ] {
            check_content(name, b"text", text);
            check_content(name, b"\x7fELF\0", other);
        }
        check_content("notes.org", b"caf\xe9", "text/plain");
        // A known name needs no look.
        check_content("a.png", b"text", "image/png");
        check_content("a.bin", b"text", UNKNOWN);
        check_content("README", b"caf\xe9", "text/plain");
        check_content("a.py", b"# caf\xe9", "text/plain");
        let cut = Beginning::part("€".as_bytes().split_last().expect("bytes").1);
        assert_eq!(
            &*media_type(b"data", cut, &OwnTypes::default()).value,
            plain
        );
        let own = OwnTypes::default();
        let odd = |name: &[u8]| media_type(name, Beginning::whole(b"\0"), &own).value;
        assert_eq!(&*odd(b"a.\xff"), UNKNOWN);
        assert_eq!(&*odd(b"\xff.html"), "text/html");
    }

    #[test]
    fn a_transport_stream_is_told_from_typescript() {
        let packet = |prefix: &[u8], length: usize| {
            let packet = [prefix, b"\x47\x40\0\x10", &vec![0xff; length - 4]].concat();
            packet.repeat(20)
        };
        // A segment that is encrypted looks like random bytes (RFC 8216 section 4.3.2.4).
        let random = (0..4096_u32).map(|n| n.wrapping_mul(0x9e37_79b1).to_be_bytes()[0]);
        let streams = [
            packet(b"", 188),
            packet(b"\0\0\0\x01", 188), // with the time stamps of a Blu-ray disc
            packet(b"", 204),           // with error correction
            [&[0xa5; 10], &packet(b"", 188)[..]].concat(), // cut off somewhere
            random.collect(),
            vec![0; 1000],
        ];
        for name in ["seg0.ts", "00001.MTS", "00001.m2ts"] {
            for stream in &streams {
                let of_stream = of(name, stream);
                assert_eq!(&*of_stream.value, "video/mp2t", "{name}");
                assert!(!of_stream.is_compressible(), "{name}");
            }
            check(name, "text/plain; charset=utf-8");
            check_content(name, b"", "text/plain; charset=utf-8");
            check_content(name, b"let a = '\xe9'", "text/plain");
            check_content(name, b"\xff\xfe/\0/\0", "text/plain");
        }
    }

    #[test]
    fn compressed_files_have_the_type_of_their_compression() {
        check("a.tar.gz", "application/gzip");
        check("a.tgz", "application/gzip");
        check("a.zip", "application/zip");
        check("a.zst", "application/zstd");
        check("a.xz", "application/x-xz");
        check("a.7z", "application/x-7z-compressed");
        check("a.rpm", "application/x-rpm");
        for name in ["a.tar.gz", "a.tgz", "a.svg"] {
            assert_eq!(of(name, b"\x1f\x8b\x08").stored, Coding::Identity, "{name}");
        }
    }

    #[test]
    fn an_svgz_is_an_svg_in_gzip() {
        let image = of("a.svgz", b"\x1f\x8b\x08\0");
        assert_eq!(
            (&*image.value, image.stored),
            ("image/svg+xml", Coding::Gzip)
        );
        assert!(!image.is_compressible());
        let image = of("a.svgz", b"<svg/>");
        assert_eq!(
            (&*image.value, image.stored),
            ("image/svg+xml", Coding::Identity)
        );
        assert!(image.is_compressible());
    }

    #[test]
    fn the_operator_has_the_last_word() {
        let mut own = OwnTypes::default();
        for rule in [
            "md=text/plain",
            "bin=text/html;charset=koi8-r",
            "svgz=a/b",
            "ts=video/mp2t",
        ] {
            own.add(rule).expect("a rule");
        }
        for (name, content, want) in [
            ("a.md", &b"text"[..], "text/plain; charset=utf-8"),
            ("a.md", b"caf\xe9", "text/plain"),
            ("a.bin", b"text", "text/html;charset=koi8-r"), // as it was given
            ("a.svgz", b"\x1f\x8b\x08", "a/b"),
            ("a.ts", b"text", "video/mp2t"),
            ("a.txt", b"text", "text/plain; charset=utf-8"),
        ] {
            let got = media_type(name.as_bytes(), Beginning::whole(content), &own);
            assert_eq!(
                (&*got.value, got.stored),
                (want, Coding::Identity),
                "{name}"
            );
        }
    }

    #[test]
    fn files_whose_type_the_name_decides_are_not_looked_at() {
        let mut own = OwnTypes::default();
        for rule in ["a=video/mp2t", "b=text/plain", "c=text/plain; charset=a"] {
            own.add(rule).expect("a rule");
        }
        for name in [
            "a.mp4",
            "a.json",
            "a.iso",
            "x.a",
            "x.c",
            "apple-app-site-association",
        ] {
            assert!(!depends_on_content(name.as_bytes(), &own), "{name}");
        }
        for name in [
            "a.html", "a.ts", "a.svgz", "a.mod", "a", "README", "x.b", "x.d",
        ] {
            assert!(depends_on_content(name.as_bytes(), &own), "{name}");
        }
    }

    #[test]
    fn text_and_uncompressed_types_are_compressible() {
        for name in [
            "a.html",
            "a.css",
            "a.js",
            "a.json",
            "a.svg",
            "a.wasm",
            "a.xml",
            "a.ttf",
            "a.otf",
            "a.atom",
            "a.toml",
            "a.yml",
            "a.ico",
            "a.md",
            "README",
            "a.geojson",
            "a.m3u8",
            "a.unheard-of",
        ] {
            assert!(of(name, b"text").is_compressible(), "{name}");
        }
        for name in [
            "a.png", "a.webp", "a.avif", "a.woff", "a.woff2", "a.zip", "a.gz", "a.mp4", "a.pdf",
            "a.mkv", "a.mp3", "a.flac", "a.epub", "a.apk", "a.iso", "a.jxl", "a.jpg", "a.docx",
        ] {
            assert!(!of(name, b"\0").is_compressible(), "{name}");
        }
        assert!(is_compressible("Text/HTML ;charset=utf-8"));
        assert!(is_compressible("application/ld+JSON"));
        assert!(!is_compressible(UNKNOWN));
        assert!(!is_compressible(""));
        assert!(!is_compressible("téxt"));
    }
}
