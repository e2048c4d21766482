//! What holds for every answer, whatever the operator's rules are (RFC 9110 sections 12.5.5 and 15.4.5).

mod support;

use std::collections::BTreeSet;

use docroot::net::config::Config;
use docroot::site::options::TagSource;
use docroot::site::prefix::Prefix;
use proptest::prelude::*;
use support::{Response, Setup, TestServer};

/// The rules of one server, each on or off.
#[derive(Clone, Debug)]
struct Options {
    clean_urls: bool,
    spa: bool,
    negotiate: bool,
    strict: bool,
    listing: bool,
    security: bool,
    isolation: bool,
    error_page: bool,
    precompressed: bool,
    archive: bool,
    prefix: bool,
    live_reload: bool,
    /// Whether `/docs/` needs a password, which every request then has.
    password: bool,
    etag: TagSource,
    origins: Vec<&'static str>,
    cache: Vec<&'static str>,
    fields: Vec<&'static str>,
    redirects: Vec<&'static str>,
}

fn some(all: &'static [&'static str]) -> impl Strategy<Value = Vec<&'static str>> {
    prop::sample::subsequence(all.to_vec(), 0..=all.len())
}

fn options() -> impl Strategy<Value = Options> {
    let switches = prop::array::uniform14(any::<bool>());
    let origins = prop::sample::select(vec![
        vec![],
        vec!["*"],
        vec!["https://a.example", "https://b.example"],
    ]);
    let cache = some(&[
        "/assets/**=public, max-age=60",
        "/**/*.html=no-store",
        "/**=max-age=5",
    ]);
    let fields = some(&[
        "X-A: b",
        "/docs/** Vary: X-Own",
        "ETag:",
        "Server:",
        "/** Link: </a>; rel=preload",
        "Access-Control-Expose-Headers: X-A",
    ]);
    let redirects = some(&["/old/**=/docs/$1", "/assets/old.js=https://c.example/a 302"]);
    (switches, origins, cache, fields, redirects).prop_map(
        |(on, origins, cache, fields, redirects)| Options {
            clean_urls: on[0],
            spa: on[1],
            negotiate: on[2],
            strict: on[3],
            listing: on[4],
            security: on[5],
            isolation: on[6],
            error_page: on[7],
            precompressed: on[8],
            archive: on[10],
            prefix: on[11],
            live_reload: on[12],
            password: on[13] && cfg!(feature = "auth"),
            etag: if on[9] {
                TagSource::Content
            } else {
                TagSource::Metadata
            },
            origins,
            cache,
            fields,
            redirects,
        },
    )
}

/// The password is `secret`, by bcrypt at its lowest cost.
const PROTECTED: &str =
    "/docs/** alice:$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW";
const CREDENTIALS: (&str, &str) = ("Authorization", "Basic YWxpY2U6c2VjcmV0");

impl Options {
    /// The target below the prefix.
    fn target(&self, target: &str) -> String {
        match self.prefix {
            true => format!("/p/q{target}"),
            false => target.to_owned(),
        }
    }

    /// The fields that every request has.
    fn always(&self) -> Asked {
        Vec::from_iter(self.password.then_some(CREDENTIALS))
    }

    fn apply(&self, config: &mut Config) {
        let site = &mut config.site;
        site.clean_urls = self.clean_urls;
        site.spa = self.spa.then(|| "index.html".into());
        (site.negotiate, site.strict_negotiation) = (self.negotiate, self.strict);
        site.listing = self.listing;
        site.precompressed = self.precompressed;
        site.archive = self.archive;
        site.live_reload = self.live_reload;
        if self.prefix {
            site.prefix = Prefix::parse("/p/q").expect("a prefix");
        }
        site.etag = self.etag;
        // One worker, so that an archive has ended before the next one is asked for.
        config.threads = 1;
        let rules = &mut config.rules;
        (rules.security, rules.isolation) = (self.security, self.isolation);
        let add = |result: Result<(), _>| result.expect("a rule");
        self.cache
            .iter()
            .for_each(|rule| add(rules.add_cache(rule)));
        self.fields
            .iter()
            .for_each(|rule| add(rules.add_field(rule)));
        if self.password {
            let added = rules.protection.add(PROTECTED);
            added.expect("a rule");
        }
        for origin in &self.origins {
            rules.cors.add(origin).expect("an origin");
        }
        for redirect in &self.redirects {
            rules.redirects.add(redirect).expect("a redirect");
        }
    }

    fn start(&self) -> TestServer {
        let text = "some text that is worth a coding ".repeat(40);
        let mut setup = Setup::new()
            .file("index.html", format!("<p>start {text}"))
            .file("index.de.html", format!("<p>Anfang {text}"))
            .file("docs/page.html", "<p>page")
            .file("docs/page.de.html", "<p>Seite")
            .file("docs/page.md", "page")
            .file("docs/only.fr.html", "<p>seule")
            .file("docs/photo.png", "png")
            .file("docs/photo.avif", "avif")
            .file("assets/app.js", text)
            .file("assets/app.js.br", "in brotli")
            .file("assets/app.js.gz", "in gzip")
            .file("docs/page.html.zst", "in zstd")
            .file("folder/a.txt", "a");
        if self.error_page {
            setup = setup.file("404.html", "<p>lost");
        }
        setup.with(|config| self.apply(config)).start()
    }
}

const TARGETS: [&str; 17] = [
    "/",
    "/?lang=de",
    "/index.html",
    "/docs",
    "/docs/",
    "/docs/page",
    "/docs/page.html",
    "/docs/page.html?download",
    "/docs/only.html",
    "/docs/photo.png",
    "/assets/app.js",
    "/assets/none.js",
    "/none/at/all",
    "/folder/",
    "/docs/?archive=zip",
    "/?archive=tar.gz",
    "/old/page.html",
];

/// Request fields that may change the answer, with values for each.
const SELECTING: [(&str, &[&str]); 6] = [
    (
        "Accept",
        &[
            "text/html",
            "*/*",
            "image/avif,*/*;q=0.8",
            "text/markdown",
            "application/json",
        ],
    ),
    (
        "Accept-Encoding",
        &[
            "gzip",
            "br, gzip;q=0.5",
            "zstd",
            "deflate",
            "identity",
            "gzip;q=0, identity;q=0",
        ],
    ),
    ("Accept-Language", &["de", "fr, en;q=0.5", "*", "ja"]),
    ("Cookie", &["docroot-lang=de", "docroot-lang=fr", "a=b"]),
    (
        "Origin",
        &[
            "https://a.example",
            "https://b.example",
            "https://c.example",
        ],
    ),
    ("Sec-Fetch-Dest", &["document", "script", "empty"]),
];

type Asked = Vec<(&'static str, &'static str)>;

fn fields() -> impl Strategy<Value = Asked> {
    let one = |(name, values): (&'static str, &'static [&'static str])| {
        prop::option::of(prop::sample::select(values.to_vec()).prop_map(move |value| (name, value)))
    };
    let each: Vec<_> = SELECTING.into_iter().map(one).collect();
    each.prop_map(|fields| fields.into_iter().flatten().collect())
}

/// Every name in the fields `Vary`, in lower case. It panics if one occurs twice.
fn vary(response: &Response) -> BTreeSet<String> {
    let lines = response.fields.iter().filter(|(name, _)| name == "Vary");
    let names = lines.flat_map(|(_, value)| value.split(','));
    let mut found = BTreeSet::new();
    for name in names {
        let is_new = found.insert(name.trim().to_ascii_lowercase());
        assert!(is_new, "{name} occurs twice: {:?}", response.fields);
    }
    found
}

/// Everything but the time.
fn content(response: &Response) -> (u16, Vec<(String, String)>, Vec<u8>) {
    let fields = response.fields.iter().filter(|(name, _)| name != "Date");
    (
        response.status,
        fields.cloned().collect(),
        response.body.clone(),
    )
}

/// Fields that occur once at most (RFC 9110 section 5.3).
const SINGLETONS: [&str; 16] = [
    "Access-Control-Allow-Origin",
    "Cache-Control",
    "Content-Disposition",
    "Content-Encoding",
    "Content-Length",
    "Content-Location",
    "Content-Range",
    "Content-Security-Policy",
    "Content-Type",
    "Date",
    "ETag",
    "Expires",
    "Last-Modified",
    "Location",
    "Retry-After",
    "Server",
];

fn check_fields(response: &Response, options: &Options) -> Result<(), TestCaseError> {
    for name in SINGLETONS {
        // It panics if there are two.
        response.field(name);
    }
    prop_assert!(response.field("Date").is_some());
    let needs_location = matches!(response.status, 301 | 302 | 307 | 308);
    prop_assert_eq!(response.field("Location").is_some(), needs_location);
    if !matches!(response.status, 200 | 206 | 304) {
        let cache = response.field("Cache-Control");
        let is_checked = match options.live_reload {
            true => cache == Some("no-store"),
            false => matches!(cache, Some("no-cache" | "private, no-cache")),
        };
        prop_assert!(is_checked, "{cache:?}");
        prop_assert_eq!(response.field("ETag"), None);
    }
    let origin = response.field("Access-Control-Allow-Origin");
    let credentials = response.field("Access-Control-Allow-Credentials");
    prop_assert!(origin != Some("*") || credentials.is_none());
    Ok(())
}

/// RFC 9110 section 15.4.5: what a 304 must repeat of the 200.
fn check_not_modified(
    options: &Options,
    server: &TestServer,
    target: &str,
    asked: &Asked,
    whole: &Response,
) -> Result<(), TestCaseError> {
    let Some(tag) = whole.field("ETag") else {
        return Ok(());
    };
    let fields = [&asked[..], &[("If-None-Match", tag)]].concat();
    let again = server.get(target, &fields);
    prop_assert_eq!(again.status, 304, "{} {:?}", target, fields);
    for name in ["Cache-Control", "Content-Location", "ETag", "Expires"] {
        prop_assert_eq!(again.field(name), whole.field(name), "{} {}", target, name);
    }
    prop_assert_eq!(vary(&again), vary(whole), "{}", target);
    prop_assert!(again.body.is_empty());
    check_fields(&again, options)
}

/// RFC 9110 section 15.5.2: whoever has no password gets the same answer for every path below, and what others get
/// is not for shared caches.
fn check_protected(
    options: &Options,
    server: &TestServer,
    target: &str,
    asked: &Asked,
) -> Result<(), TestCaseError> {
    let is_protected = options.password && target.trim_start_matches("/p/q").starts_with("/docs/");
    if !is_protected {
        return Ok(());
    }
    let fields: Asked = asked
        .iter()
        .filter(|field| **field != CREDENTIALS)
        .copied()
        .collect();
    let refused = server.get(target, &fields);
    prop_assert_eq!(refused.status, 401, "{}", target);
    prop_assert!(refused.field("WWW-Authenticate").is_some());
    check_fields(&refused, options)?;
    let admitted = server.get(target, asked);
    prop_assert!(admitted.status != 401, "{}", target);
    let cache = admitted.field("Cache-Control").unwrap_or_default();
    let is_private = cache.contains("private") || cache.contains("no-store");
    prop_assert!(is_private, "{}: {}", target, cache);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(64)
    })]

    #[test]
    fn every_answer_is_right_whatever_the_rules_are(
        options in options(),
        asked in prop::collection::vec((prop::sample::select(&TARGETS[..]), fields(), fields()), 12),
    ) {
        let server = options.start();
        for (target, asked, other) in asked {
            let (target, asked) = (&*options.target(target), [options.always(), asked].concat());
            check_protected(&options, &server, target, &asked)?;
            let response = server.get(target, &asked);
            check_fields(&response, &options)?;
            if response.status == 200 {
                check_not_modified(&options, &server, target, &asked, &response)?;
            }
            // HEAD says what GET says, but for a length that is not known before the content is made.
            let head = server.request("HEAD", target, &asked);
            prop_assert_eq!(head.status, response.status, "HEAD {}", target);
            prop_assert_eq!(vary(&head), vary(&response), "HEAD {}", target);
            // One request field after another is changed. If the answer changes, Vary names the field.
            for (name, _) in SELECTING {
                let kept = asked.iter().filter(|(other, _)| *other != name);
                let new = other.iter().filter(|(other, _)| *other == name);
                let changed: Asked = kept.chain(new).copied().collect();
                let second = server.get(target, &changed);
                if content(&response) != content(&second) {
                    for response in [&response, &second] {
                        let named = vary(response);
                        prop_assert!(
                            named.contains(&name.to_ascii_lowercase()),
                            "{} differs by {}, but Vary is {:?}\n{:?}\n{:?}", target, name, named, asked, changed
                        );
                    }
                }
            }
        }
    }
}
