//! What holds for every answer, whatever the operator's rules are (RFC 9110 sections 12.5.5 and 15.4.5).

mod support;

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use docroot::http1::allowed_hosts::HostPattern;
use docroot::net::config::{Config, SiteRoot};
use docroot::site::options::TagSource;
use docroot::site::prefix::Prefix;
use proptest::prelude::*;
use sha2::{Digest, Sha256};
use support::{Response, Setup, TestServer, request};

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
    /// Whether `localhost` has a site of its own.
    site: bool,
    etag: TagSource,
    types: Vec<&'static str>,
    origins: Vec<&'static str>,
    cache: Vec<&'static str>,
    fields: Vec<&'static str>,
    redirects: Vec<&'static str>,
}

fn some(all: &'static [&'static str]) -> impl Strategy<Value = Vec<&'static str>> {
    prop::sample::subsequence(all.to_vec(), 0..=all.len())
}

fn options() -> impl Strategy<Value = Options> {
    let switches = prop::array::uniform15(any::<bool>());
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
    let types = some(&[
        "md=text/markdown; charset=utf-8",
        "/docs/*.html=text/plain",
        // Its content is no gzip.
        "js=text/javascript; coding=gzip",
    ]);
    (switches, origins, cache, fields, redirects, types).prop_map(
        |(on, origins, cache, fields, redirects, types)| Options {
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
            site: on[14],
            etag: if on[9] {
                TagSource::Content
            } else {
                TagSource::Metadata
            },
            origins,
            cache,
            fields,
            redirects,
            types,
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
        for rule in &self.types {
            site.types.add(rule).expect(rule);
        }
        if self.site {
            let root = config.root.clone();
            config.root.push("folder");
            let host = HostPattern::parse("localhost").expect("a host");
            config.sites.push(SiteRoot { host, root });
        }
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

/// RFC 9110 sections 13.1.5 and 15.3.7: a part says of the representation what the whole says, and has its bytes.
fn check_part(
    options: &Options,
    server: &TestServer,
    target: &str,
    asked: &Asked,
    whole: &Response,
) -> Result<(), TestCaseError> {
    let range = ("Range", "bytes=1-2");
    let with = |fields: &[(&'static str, &'static str)]| [&asked[..], fields].concat();
    // What docroot itself codes is sent as it is stored if a range is asked for.
    let uncoded = asked.iter().filter(|(name, _)| *name != "Accept-Encoding");
    let uncoded = server.get(target, &uncoded.copied().collect::<Asked>());
    let whole_of = |response: &Response| {
        let coding = response.field("Content-Encoding");
        match coding == whole.field("Content-Encoding") {
            true => whole.clone(),
            false => uncoded.clone(),
        }
    };
    let part = server.get(target, &with(&[range]));
    check_fields(&part, options)?;
    prop_assert_eq!(vary(&part), vary(whole), "{}", target);
    let own = whole_of(&part);
    if part.status == 206 {
        let range = format!("bytes 1-2/{}", own.body.len());
        prop_assert_eq!(part.field("Content-Range"), Some(&*range), "{}", target);
        prop_assert_eq!(&part.body[..], &own.body[1..=2], "{}", target);
        for name in [
            "Cache-Control",
            "Content-Encoding",
            "Content-Location",
            "ETag",
            "Expires",
        ] {
            prop_assert_eq!(part.field(name), own.field(name), "{} {}", target, name);
        }
    } else {
        prop_assert_eq!(content(&part), content(&own), "{}", target);
    }
    let other = server.get(target, &with(&[range, ("If-Range", "\"other\"")]));
    prop_assert_eq!(content(&other), content(&whole_of(&other)), "{}", target);
    let Some(tag) = part.field("ETag").filter(|tag| !tag.starts_with("W/")) else {
        return Ok(());
    };
    let fields = [&asked[..], &[range, ("If-Range", tag)]].concat();
    prop_assert_eq!(
        server.get(target, &fields).status,
        part.status,
        "{}",
        target
    );
    Ok(())
}

/// RFC 9530 sections 2 and 3: the digest of a whole content, which changes nothing else.
fn check_digest(
    server: &TestServer,
    target: &str,
    asked: &Asked,
    whole: &Response,
) -> Result<(), TestCaseError> {
    let wants = [
        ("Want-Repr-Digest", "sha-256=1"),
        ("Want-Content-Digest", "sha-256=1"),
    ];
    let mut response = server.get(target, &[&asked[..], &wants].concat());
    let digest = STANDARD.encode(Sha256::digest(&response.body));
    let want = format!("sha-256=:{digest}:");
    for name in ["Repr-Digest", "Content-Digest"] {
        if let Some(sent) = response.field(name) {
            prop_assert_eq!(sent, &*want, "{} {}", target, name);
        }
        response.fields.retain(|(other, _)| other != name);
    }
    prop_assert_eq!(content(&response), content(whole), "{}", target);
    Ok(())
}

/// Whether caches of HTTP/1.0 are told by `Expires` what `max-age` says (RFC 9111 section 5.3).
fn check_expires(response: &Response, target: &str) -> Result<(), TestCaseError> {
    let cache = response.field("Cache-Control").unwrap_or_default();
    let is_limited = ["no-cache", "no-store", "private"]
        .iter()
        .any(|one| cache.contains(one));
    let is_fresh = matches!(response.status, 200 | 304) && cache.contains("max-age") && !is_limited;
    prop_assert_eq!(
        response.field("Expires").is_some(),
        is_fresh,
        "{} {}",
        target,
        cache
    );
    Ok(())
}

/// What a client of HTTP/1.0 gets, and then a 304 for it.
fn check_old(server: &TestServer, target: &str, asked: &Asked) -> Result<(), TestCaseError> {
    let old = |fields: &[(&str, &str)]| {
        let request = String::from_utf8(request("GET", target, fields)).expect("UTF-8");
        let mut client = server.connect();
        client.send(request.replacen("HTTP/1.1", "HTTP/1.0", 1).as_bytes());
        client.response("GET")
    };
    let whole = old(asked);
    check_expires(&whole, target)?;
    if let Some(tag) = whole.field("ETag") {
        let again = old(&[&asked[..], &[("If-None-Match", tag)]].concat());
        prop_assert_eq!(again.status, 304, "{}", target);
        check_expires(&again, target)?;
    }
    Ok(())
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
        asked in prop::collection::vec((prop::sample::select(&TARGETS[..]), fields(), fields()), 8),
    ) {
        let server = options.start();
        for (target, asked, other) in asked {
            let (target, asked) = (&*options.target(target), [options.always(), asked].concat());
            check_protected(&options, &server, target, &asked)?;
            let response = server.get(target, &asked);
            check_fields(&response, &options)?;
            if response.status == 200 {
                check_not_modified(&options, &server, target, &asked, &response)?;
                check_part(&options, &server, target, &asked, &response)?;
                check_digest(&server, target, &asked, &response)?;
            }
            check_old(&server, target, &asked)?;
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
