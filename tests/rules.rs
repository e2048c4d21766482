//! The operator's rules on the wire: caching, fields, other origins (RFC 9110 section 5, RFC 9111 section
//! 5.2, the Fetch standard).

mod support;

use std::time::{Duration, UNIX_EPOCH};

use docroot::semantics::rules::Rules;
use support::{Response, Setup, TestServer};

const TEXT: &str =
    "some text that is long enough to be worth a coding, some text that is long enough";

fn server(change: impl FnOnce(&mut Rules)) -> TestServer {
    Setup::new()
        .file("index.html", "<p>start")
        .file("assets/app.js", TEXT.repeat(20))
        .file("assets/deep/x.css", "p{}")
        .file("docs/a.txt", "some text")
        .file("docs/b.txt", "some text")
        .file("list/one.txt", "1")
        .with(|config| change(&mut config.rules))
        .start()
}

/// The response to a request such as `GET /a` with these fields.
fn ask(server: &TestServer, line: &str, fields: &[&str]) -> Response {
    let (method, target) = line.split_once(' ').expect("a method");
    let fields = fields.iter().filter_map(|field| field.split_once(": "));
    server.request(method, target, &fields.collect::<Vec<_>>())
}

fn get(server: &TestServer, path: &str) -> Response {
    server.get(path, &[])
}

/// Every value of a field.
fn values<'a>(response: &'a Response, name: &str) -> Vec<&'a str> {
    let fields = response.fields.iter();
    let named = fields.filter(|(field, _)| field.eq_ignore_ascii_case(name));
    named.map(|(_, value)| value.as_str()).collect()
}

#[track_caller]
fn check(response: &Response, status: u16, name: &str, want: &[&str]) {
    assert_eq!(response.status, status, "{name}");
    assert_eq!(values(response, name), want, "{name}");
}

const CACHE: &str = "Cache-Control";

fn cached() -> TestServer {
    server(|rules| {
        for rule in [
            "/assets/*.js=public, max-age=31536000, immutable",
            "/{index.html,list/**}=max-age=60",
            "/docs/a.txt=private, max-age=60",
            "/assets/**=max-age=5",
        ] {
            rules.add_cache(rule).expect(rule);
        }
    })
}

#[test]
fn concept_19_the_first_rule_that_matches_says_what_caches_may_do() {
    let server = cached();
    let forever = "public, max-age=31536000, immutable";
    check(&get(&server, "/assets/app.js"), 200, CACHE, &[forever]);
    check(
        &get(&server, "/assets/%61pp.js?v=1"),
        200,
        CACHE,
        &[forever],
    );
    check(
        &get(&server, "/assets/deep/x.css"),
        200,
        CACHE,
        &["max-age=5"],
    );
    check(&get(&server, "/docs/b.txt"), 200, CACHE, &["no-cache"]);
    // The path of the index file counts for its directory.
    check(&get(&server, "/"), 200, CACHE, &["max-age=60"]);
    check(&get(&server, "/index.html"), 200, CACHE, &["max-age=60"]);
}

/// Listings and archives change with each file in the directory.
#[test]
fn the_rules_for_caches_are_for_files() {
    let server = Setup::new()
        .file("assets/app.js", TEXT.repeat(20))
        .with(|config| {
            config.site.archive = true;
            let rules = &mut config.rules;
            let forever = "/**=public, max-age=31536000, immutable";
            rules.add_cache(forever).expect("a rule");
            rules.add_field("/assets/** X-A: b").expect("a rule");
            rules.cors.add("*").expect("an origin");
        })
        .start();
    for target in ["/assets/", "/assets/?format=json", "/assets/?archive=zip"] {
        let response = get(&server, target);
        check(&response, 200, CACHE, &["no-cache"]);
        check(&response, 200, "X-A", &["b"]);
        check(&response, 200, ALLOW_ORIGIN, &["*"]);
        let mut old = server.connect();
        old.send(format!("GET {target} HTTP/1.0\r\nHost: a\r\n\r\n").as_bytes());
        check(&old.response("GET"), 200, "Expires", &[]);
    }
    let listing = get(&server, "/assets/");
    let tag = format!("If-None-Match: {}", listing.field("ETag").expect("a tag"));
    let again = ask(&server, "GET /assets/", &[&tag]);
    check(&again, 304, CACHE, &["no-cache"]);
    let refused = ["Accept-Encoding: *;q=0"];
    check(
        &ask(&server, "GET /assets/", &refused),
        406,
        CACHE,
        &["no-cache"],
    );
    let forever = &["public, max-age=31536000, immutable"];
    check(&get(&server, "/assets/app.js"), 200, CACHE, forever);
}

#[test]
fn a_policy_belongs_to_each_response_with_the_representation() {
    let server = cached();
    let line = "GET /assets/app.js";
    let forever = &["public, max-age=31536000, immutable"];
    let whole = ask(&server, line, &["Accept-Encoding: gzip"]);
    check(&whole, 200, CACHE, forever);
    let tag = format!("If-None-Match: {}", whole.field("ETag").expect("a tag"));
    check(
        &ask(&server, line, &["Accept-Encoding: gzip", &tag]),
        304,
        CACHE,
        forever,
    );
    check(
        &ask(&server, line, &["Range: bytes=0-1"]),
        206,
        CACHE,
        forever,
    );
    check(
        &ask(&server, line, &["Range: bytes=0-1,4-5"]),
        206,
        CACHE,
        forever,
    );
    check(
        &ask(&server, "HEAD /assets/app.js", &[]),
        200,
        CACHE,
        forever,
    );
}

#[test]
fn errors_and_redirects_are_asked_for_again() {
    let server = server(|rules| rules.add_cache("/**=max-age=60").expect("a rule"));
    let no_cache = &["no-cache"];
    check(&get(&server, "/assets/none.js"), 404, CACHE, no_cache);
    check(&get(&server, "/docs"), 301, CACHE, no_cache);
    check(&get(&server, "/x/../docs/a.txt"), 301, CACHE, no_cache);
    check(&get(&server, "/%zz"), 400, CACHE, no_cache);
    check(
        &ask(&server, "POST /docs/a.txt", &["Content-Length: 0"]),
        405,
        CACHE,
        no_cache,
    );
    check(
        &ask(&server, "GET /docs/a.txt", &["Range: bytes=99-"]),
        416,
        CACHE,
        no_cache,
    );
    check(
        &ask(&server, "GET /docs/a.txt", &["If-Match: \"x\""]),
        412,
        CACHE,
        no_cache,
    );
    check(&get(&server, "/docs/a.txt"), 200, CACHE, &["max-age=60"]);
}

/// RFC 9111 section 5.3.
/// Tests `origin::applied_rules::add_expires`.
#[test]
fn a_client_of_http_1_0_is_told_when_a_response_expires() {
    let server = cached();
    let ask = |path: &str, version: &str| {
        let mut client = server.connect();
        client.send(format!("GET {path} HTTP/{version}\r\nHost: a\r\n\r\n").as_bytes());
        client.response("GET")
    };
    let seconds = |response: &Response, name: &str| {
        let date = httpdate::parse_http_date(response.field(name).expect(name));
        date.expect(name).duration_since(UNIX_EPOCH).expect(name)
    };
    let old = ask("/index.html", "1.0");
    let later = seconds(&old, "Date") + Duration::from_secs(60);
    assert_eq!(seconds(&old, "Expires"), later);
    for (path, version) in [
        ("/index.html", "1.1"),
        ("/docs/b.txt", "1.0"),
        // A shared cache of HTTP/1.0 knows Expires, but not private.
        ("/docs/a.txt", "1.0"),
        ("/assets/none", "1.0"),
    ] {
        assert_eq!(
            ask(path, version).field("Expires"),
            None,
            "{path} {version}"
        );
    }
    assert_eq!(old.field("Age"), None);
}

/// RFC 9111 section 5.2.1.6.
/// Tests `origin::file::why_uncoded`.
#[test]
fn concept_20_a_client_may_forbid_coding() {
    let server = cached();
    let coding = |cache: &str| {
        let fields = ["Accept-Encoding: gzip", cache];
        let response = ask(&server, "GET /assets/app.js", &fields);
        assert_eq!(values(&response, "Vary"), ["Accept-Encoding"]);
        response.field("Content-Encoding").map(str::to_owned)
    };
    assert_eq!(coding("Cache-Control: no-transform"), None);
    assert_eq!(coding("Cache-Control: max-age=0, no-transform"), None);
    assert_eq!(coding("Cache-Control: no-cache").as_deref(), Some("gzip"));
    assert_eq!(coding("Pragma: no-cache").as_deref(), Some("gzip"));
}

#[test]
fn the_operators_fields_are_added_replaced_and_removed() {
    let server = server(|rules| {
        for rule in [
            "X-Everywhere: yes",
            "Vary: Cookie",
            "Server: mine",
            "ETag:",
            "/docs/** X-Robots-Tag: noindex",
            "/docs/** Link: </a>; rel=preload",
            "/docs/** Link: </b>; rel=preload",
            "/assets/** X-Content-Type-Options:",
        ] {
            rules.add_field(rule).expect(rule);
        }
    });
    let text = get(&server, "/docs/a.txt");
    check(&text, 200, "X-Robots-Tag", &["noindex"]);
    check(
        &text,
        200,
        "Link",
        &["</a>; rel=preload", "</b>; rel=preload"],
    );
    check(&text, 200, "X-Content-Type-Options", &["nosniff"]);
    check(&text, 200, "Vary", &["Accept-Encoding", "Cookie"]);
    let script = get(&server, "/assets/app.js");
    check(&script, 200, "X-Content-Type-Options", &[]);
    check(&script, 200, "X-Robots-Tag", &[]);
    for (path, status) in [
        ("/docs/a.txt", 200),
        ("/list/", 200),
        ("/docs/none", 404),
        ("/docs", 301),
        ("/%zz", 400),
    ] {
        let response = get(&server, path);
        check(&response, status, "X-Everywhere", &["yes"]);
        check(&response, status, "Server", &["mine"]);
        check(&response, status, "ETag", &[]);
        assert_eq!(values(&response, "Date").len(), 1, "{path}");
    }
    check(
        &get(&server, "/docs/none"),
        404,
        "X-Robots-Tag",
        &["noindex"],
    );
    // The tag is not sent, but a client that has it from before may still use it.
    let modified = text.field("Last-Modified").expect("a date");
    let since = ask(
        &server,
        "GET /docs/a.txt",
        &[&format!("If-Modified-Since: {modified}")],
    );
    check(&since, 304, "X-Robots-Tag", &["noindex"]);
}

/// RFC 9110 section 5.3: a field has one line, also if it depends on the request.
#[test]
fn the_operators_fields_replace_and_remove_what_depends_on_the_request() {
    let names = [
        "Content-Disposition",
        "Content-Language",
        "Content-Location",
        "Set-Cookie",
    ];
    let server = |rule: fn(&str) -> String| {
        let setup = Setup::new()
            .file("page.html", "<p>unlabelled")
            .file("page.de.html", "<p>deutsch");
        let setup = setup.with(|config| {
            config.site.negotiate = true;
            for rule in names.map(rule) {
                config.rules.add_field(&rule).expect(&rule);
            }
        });
        setup.start()
    };
    let target = "/page.html?lang=de&download";
    let is_cookie = |name: &str| name == "Set-Cookie";
    let plain = server(|name| format!("X-{name}: x"));
    let removing = server(|name| format!("{name}:"));
    let replacing = server(|name| format!("/** {name}: own"));
    let line = format!("GET {target}");
    for (fields, status) in [
        (&[][..], 200),
        (&["Range: bytes=0-1"], 206),
        (&["Range: bytes=0-1,4-5"], 206),
        (&["If-None-Match: *"], 304),
    ] {
        let (without, with) = (
            ask(&removing, &line, fields),
            ask(&replacing, &line, fields),
        );
        for name in names {
            assert_eq!(values(&ask(&plain, &line, fields), name).len(), 1, "{name}");
            check(&without, status, name, &[]);
            // Each line is for a cookie of its own (RFC 6265 section 3).
            let own = values(&with, name);
            assert_eq!(own.len(), 1 + usize::from(is_cookie(name)), "{name}");
            assert!(own.contains(&"own"), "{name}");
            if is_cookie(name) {
                assert!(
                    own.iter()
                        .any(|cookie| cookie.starts_with("docroot-lang=de;"))
                );
            }
        }
        for response in [&without, &with] {
            let vary = values(response, "Vary").join(", ");
            assert!(vary.contains("Accept-Language"), "{vary}");
        }
    }
}

/// A page of docroot has the policy that the operator wants, even if it then looks plain.
#[test]
fn the_operators_policy_is_that_of_every_response() {
    let name = "Content-Security-Policy";
    for (rules, want) in [
        (
            &["Content-Security-Policy: default-src 'self'"][..],
            Some("default-src 'self'"),
        ),
        (&["content-security-policy:"], None),
        (
            &[
                "X-A: b",
                "/{list/,none,docs,index.html} Content-Security-Policy: a",
            ],
            Some("a"),
        ),
    ] {
        for is_security in [false, true] {
            let server = server(|own| {
                own.security = is_security;
                rules
                    .iter()
                    .for_each(|rule| own.add_field(rule).expect(rule));
            });
            for (line, fields, status) in [
                ("GET /index.html", &[][..], 200),
                ("GET /list/", &[], 200),
                ("HEAD /list/", &[], 200),
                ("GET /none", &[], 404),
                ("GET /docs", &[], 301),
                ("DELETE /none", &[], 405),
                ("GET /index.html", &["If-Match: \"x\""], 412),
                ("GET /index.html", &["Range: bytes=900-"], 416),
            ] {
                let response = ask(&server, line, fields);
                let want: Vec<&str> = want.into_iter().collect();
                check(&response, status, name, &want);
            }
        }
    }
    let server = server(|rules| {
        rules
            .add_field("Content-Security-Policy: a")
            .expect("a field")
    });
    check(&get(&server, "/%zz"), 400, name, &["a"]);
}

#[test]
fn concept_26_security_fields_do_not_weaken_the_pages_of_the_server() {
    let server = server(|rules| {
        rules.security = true;
        rules
            .add_field("Referrer-Policy: no-referrer")
            .expect("a field");
        rules.add_field("X-Frame-Options:").expect("a field");
    });
    let policy = "Content-Security-Policy";
    let page = get(&server, "/");
    assert!(
        page.field(policy)
            .is_some_and(|policy| policy.contains("default-src 'self'"))
    );
    check(&page, 200, "Referrer-Policy", &["no-referrer"]);
    check(&page, 200, "X-Frame-Options", &[]);
    check(&page, 200, "X-Content-Type-Options", &["nosniff"]);
    check(&page, 200, "Cross-Origin-Opener-Policy", &["same-origin"]);
    check(&page, 200, "Cross-Origin-Resource-Policy", &["same-origin"]);
    for path in ["/list/", "/none"] {
        let page = get(&server, path);
        let policies = values(&page, policy);
        assert_eq!(policies.len(), 1, "{path}");
        assert!(policies[0].contains("default-src 'none'"), "{path}");
    }
}

#[test]
fn pages_can_be_isolated() {
    let server = server(|rules| rules.isolation = true);
    for (line, status) in [
        ("GET /", 200),
        ("HEAD /assets/app.js", 200),
        ("GET /none", 404),
    ] {
        let response = ask(&server, line, &[]);
        check(
            &response,
            status,
            "Cross-Origin-Opener-Policy",
            &["same-origin"],
        );
        check(
            &response,
            status,
            "Cross-Origin-Embedder-Policy",
            &["require-corp"],
        );
        check(
            &response,
            status,
            "Cross-Origin-Resource-Policy",
            &["same-origin"],
        );
    }
}

const ALLOW_ORIGIN: &str = "Access-Control-Allow-Origin";
const A: &str = "Origin: https://a.example";

/// Tests `origin::cors::add`, `origin::cors::note_origin`.
#[test]
fn listed_origins_may_read_every_response() {
    let server = server(|rules| {
        rules.cors.add("https://a.example").expect("an origin");
        rules.cors.add("http://b.example:8080").expect("an origin");
    });
    let line = "GET /docs/a.txt";
    let whole = ask(&server, line, &[A]);
    let tag = format!("If-None-Match: {}", whole.field("ETag").expect("a tag"));
    for (line, fields, status) in [
        (line, &[A][..], 200),
        ("HEAD /docs/a.txt", &[A], 200),
        (line, &[A, &tag], 304),
        (line, &[A, "Range: bytes=0-1"], 206),
        (line, &[A, "Range: bytes=0-0,2-2"], 206),
        (line, &[A, "Range: bytes=99-"], 416),
        (line, &[A, "If-Match: \"x\""], 412),
        ("GET /list/", &[A], 200),
        ("GET /docs", &[A], 301),
        ("GET /none", &[A], 404),
        ("POST /none", &[A, "Content-Length: 0"], 405),
        ("OPTIONS /docs/a.txt", &[A], 204),
    ] {
        let response = ask(&server, line, fields);
        check(&response, status, ALLOW_ORIGIN, &["https://a.example"]);
        check(
            &response,
            status,
            "Timing-Allow-Origin",
            &["https://a.example"],
        );
        check(&response, status, "Access-Control-Allow-Credentials", &[]);
        assert!(
            values(&response, "Vary").contains(&"Origin"),
            "{line} {status}"
        );
        let exposed = response.field("Access-Control-Expose-Headers");
        let exposed = exposed.unwrap_or_default();
        for name in [
            "Content-Range",
            "Content-Location",
            "Content-Disposition",
            "Repr-Digest",
            "Content-Digest",
        ] {
            assert!(exposed.contains(name), "{name}: {exposed}");
        }
    }
    for origin in ["Origin: https://c.example", "Origin: null", "X: y"] {
        let response = ask(&server, line, &[origin]);
        check(&response, 200, ALLOW_ORIGIN, &[]);
        assert!(values(&response, "Vary").contains(&"Origin"), "{origin}");
    }
}

#[test]
fn every_origin_may_read() {
    let server = server(|rules| rules.cors.add("*").expect("an origin"));
    for fields in [&[][..], &[A]] {
        let response = ask(&server, "GET /docs/a.txt", fields);
        check(&response, 200, ALLOW_ORIGIN, &["*"]);
        check(&response, 200, "Vary", &["Accept-Encoding"]);
    }
}

/// Tests `origin::cors::preflight`.
#[test]
fn a_preflight_request_is_answered_alike_for_all_paths() {
    let server = server(|rules| rules.cors.add("https://a.example").expect("an origin"));
    let preflight = |path: &str, origin: &str, more: &[&str]| {
        let fields = [&[origin, "Access-Control-Request-Method: GET"], more].concat();
        ask(&server, &format!("OPTIONS {path}"), &fields)
    };
    for path in ["/docs/a.txt", "/none", "/%zz"] {
        let names = "Access-Control-Request-Headers: range, x-a";
        let response = preflight(path, A, &[names]);
        check(&response, 204, ALLOW_ORIGIN, &["https://a.example"]);
        check(
            &response,
            204,
            "Access-Control-Allow-Methods",
            &["GET, HEAD, OPTIONS"],
        );
        check(
            &response,
            204,
            "Access-Control-Allow-Headers",
            &["range, x-a"],
        );
        check(&response, 204, "Access-Control-Max-Age", &["7200"]);
        check(&response, 204, "Access-Control-Expose-Headers", &[]);
        check(
            &response,
            204,
            "Vary",
            &["Access-Control-Request-Headers", "Origin"],
        );
    }
    let odd = preflight("/", A, &["Access-Control-Request-Headers: a b"]);
    check(&odd, 204, "Access-Control-Allow-Headers", &[]);
    let foreign = preflight("/", "Origin: https://c.example", &[]);
    check(&foreign, 204, ALLOW_ORIGIN, &[]);
    check(&foreign, 204, "Access-Control-Allow-Methods", &[]);
}

#[test]
fn without_rules_other_origins_and_preflights_mean_nothing() {
    let server = server(|_| {});
    let fields = [A, "Access-Control-Request-Method: GET"];
    check(
        &ask(&server, "OPTIONS /none", &fields),
        404,
        ALLOW_ORIGIN,
        &[],
    );
    let response = ask(&server, "GET /docs/a.txt", &[A]);
    check(&response, 200, ALLOW_ORIGIN, &[]);
    check(&response, 200, "Vary", &["Accept-Encoding"]);
    check(&response, 200, "Server", &["docroot"]);
}

/// Also a request that is refused before the site is asked gets the rules for all paths.
#[test]
fn refused_requests_get_the_rules_for_all_paths() {
    let server = server(|rules| {
        rules.add_field("X-Robots-Tag: none").expect("a field");
        rules.add_field("/docs/** X-Docs: yes").expect("a field");
        rules.add_field("Server:").expect("a field");
        rules.cors.add("*").expect("an origin");
        rules.security = true;
    });
    let long = format!(
        "GET / HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n",
        "x".repeat(99_999)
    );
    for (request, status) in [
        (
            "GET /docs/a.txt HTTP/1.1\r\nHost: localhost\r\nExpect: x\r\n\r\n",
            417,
        ),
        (
            "GET https://localhost/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
            421,
        ),
        ("GET / HTTP/1.1\r\n\r\n", 400),
        (
            "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
            400,
        ),
        ("GET / HTTP/1.1\r\nHost : localhost\r\n\r\n", 400),
        (
            "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
            400,
        ),
        ("GET / HTTP/9.0\r\nHost: localhost\r\n\r\n", 505),
        (&long, 431),
    ] {
        let mut client = server.connect();
        client.send(request.as_bytes());
        let response = client.response("GET");
        check(&response, status, "X-Robots-Tag", &["none"]);
        check(&response, status, ALLOW_ORIGIN, &["*"]);
        check(&response, status, "X-Frame-Options", &["SAMEORIGIN"]);
        check(&response, status, "X-Docs", &[]);
        check(&response, status, "Server", &[]);
    }
}

#[test]
fn only_listed_origins_may_read_a_refusal() {
    let server = server(|rules| rules.cors.add("https://a.example").expect("an origin"));
    for (origin, want) in [
        (A, &["https://a.example"][..]),
        ("Origin: https://c.example", &[]),
    ] {
        let response = ask(&server, "GET /", &[origin, "Expect: x"]);
        check(&response, 417, ALLOW_ORIGIN, want);
        check(&response, 417, "Vary", &["Origin"]);
    }
    // Which origin a request has that cannot be read is not known.
    let long = format!("GET /{}", "a".repeat(100_000));
    let response = ask(&server, &long, &[A]);
    check(&response, 414, ALLOW_ORIGIN, &[]);
    check(&response, 414, "Vary", &["Origin"]);
}
