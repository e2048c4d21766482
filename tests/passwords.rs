//! Passwords on the wire (RFC 7617, RFC 9110 sections 11 and 15.5.2, RFC 6585 section 4).
#![cfg(feature = "auth")]
#![allow(clippy::disallowed_methods, reason = "tests write files")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use docroot::http1::allowed_hosts::HostPattern;
use docroot::net::config::{Config, SiteRoot};
use docroot::observe::options::LogFormat;
use docroot::origin::auth::hash::Hash;
use docroot::semantics::rules::Rules;
use docroot::site::budget::Account;
#[cfg(feature = "config-file")]
use rustix::process::Signal;
#[cfg(feature = "config-file")]
use support::program::{Program, command};
use support::slow::SlowDisk;
use support::{Client, Response, Setup, TestServer, find, request, until};

/// `secret` and `other`, by bcrypt at its lowest cost.
const SECRET: &str = "$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW";
const OTHER: &str = "$2b$04$abcdefghijklmnopqrstuu0HtfOlPbTiymk5tcV.3TsFPDd3SYZqu";

const ALICE: (&str, &str) = ("alice", "secret");
const BOB: (&str, &str) = ("bob", "other");

fn credentials((name, password): (&str, &str)) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))
}

fn site() -> Setup {
    Setup::new()
        .file("index.html", "<p>start")
        .file("open.txt", "everybody may read this")
        .file("private/index.html", "<p>private start")
        .file("private/a.txt", "alice may read this")
        .file("private/list/b.txt", "b")
        .file("page.html", "<p>page")
}

fn protected(setup: Setup, rules: &[&str]) -> Setup {
    setup.with(|config| {
        for rule in rules {
            let rule = rule.replace("SECRET", SECRET).replace("OTHER", OTHER);
            config.rules.protection.add(&rule).expect("a rule");
        }
    })
}

fn private() -> Setup {
    protected(site(), &["/private/** alice:SECRET"])
}

fn ask(server: &TestServer, line: &str, user: Option<(&str, &str)>, fields: &[&str]) -> Response {
    let (method, target) = line.split_once(' ').expect("a method");
    let fields = fields.iter().filter_map(|field| field.split_once(": "));
    let mut fields: Vec<(&str, &str)> = fields.collect();
    let value = user.map(credentials);
    fields.extend(value.as_deref().map(|value| ("Authorization", value)));
    server.request(method, target, &fields)
}

fn get(server: &TestServer, path: &str, user: Option<(&str, &str)>) -> Response {
    ask(server, &format!("GET {path}"), user, &[])
}

/// Every field but the date, and the content.
fn seen(response: &Response) -> (u16, Vec<(String, String)>, Vec<u8>) {
    let fields = response.fields.iter();
    let fields = fields.filter(|(name, _)| !name.eq_ignore_ascii_case("date"));
    (
        response.status,
        fields.cloned().collect(),
        response.body.clone(),
    )
}

/// Tests `origin::auth::login::login`, `origin::auth::refuse::challenge`.
#[test]
fn concept_23_a_protected_path_asks_for_a_password() {
    let server = private().start();
    let asked = get(&server, "/private/a.txt", None);
    assert_eq!(asked.status, 401);
    let challenge = "Basic realm=\"docroot\", charset=\"UTF-8\"";
    assert_eq!(asked.field("WWW-Authenticate"), Some(challenge));
    assert_eq!(asked.field("Cache-Control"), Some("private, no-cache"));
    assert!(!asked.text().contains("alice"));
    let right = get(&server, "/private/a.txt", Some(ALICE));
    assert_eq!(
        (right.status, right.text()),
        (200, "alice may read this".into())
    );
    for wrong in [("alice", "Secret"), ("alice", ""), ("Alice", "secret"), BOB] {
        let asked = get(&server, "/private/a.txt", Some(wrong));
        assert_eq!(asked.status, 401, "{wrong:?}");
        assert_eq!(asked.field("WWW-Authenticate"), Some(challenge));
    }
    assert_eq!(get(&server, "/open.txt", None).status, 200);
}

/// A rule for a folder is one for everything in it.
/// Tests `origin::auth::needed::needed`.
#[test]
fn a_rule_protects_what_is_below_its_path() {
    let server = protected(site(), &["/private alice:SECRET"])
        .with(|config| config.site.archive = true)
        .start();
    for path in [
        "/private",
        "/private/",
        "/private/a.txt",
        "/PRIVATE/list/",
        "/private/?archive=tar",
    ] {
        assert_eq!(get(&server, path, None).status, 401, "{path}");
    }
    assert_eq!(get(&server, "/private/a.txt", Some(ALICE)).status, 200);
}

/// The rule names the page by its clean URL.
#[test]
fn a_rule_for_a_clean_url_protects_the_page_in_every_form() {
    let server = protected(site(), &["/page alice:SECRET"])
        .file("page.html.gz", "in gzip")
        .file("page.de.html", "<p>deutsch")
        .with(|config| config.site.archive = true)
        .start();
    for path in ["/page", "/page.html", "/page.html.gz", "/page.de.html"] {
        assert_eq!(get(&server, path, None).status, 401, "{path}");
    }
    let archive = get(&server, "/?archive=tar", None);
    assert_eq!(find(&archive.body, b"page"), None);
}

/// Whatever somebody without a password asks for, the answer is the same for a file, for a directory and
/// for nothing.
#[test]
fn nothing_tells_which_paths_exist() {
    let server = private()
        .with(|config| {
            let rules = &mut config.rules;
            rules
                .redirects
                .add("/private/old=/open.txt")
                .expect("a rule");
            config.site.clean_urls = true;
        })
        .start();
    for method in ["GET", "HEAD", "OPTIONS", "POST", "DELETE", "BREW"] {
        let none = ask(&server, &format!("{method} /private/none"), None, &[]);
        assert_eq!(none.status, 401, "{method}");
        for path in [
            "/private",
            "/private/",
            "/private/a.txt",
            "/private/list",
            "/private/list/",
            "/private/list/?format=json",
            "/private/index",
            "/private/index.html",
            "/private/old",
            "/private/.hidden",
            "/private/%61.txt",
            "/PRIVATE/a.txt",
        ] {
            let line = format!("{method} {path}");
            for fields in [&[][..], &["Range: bytes=0-1"], &["If-None-Match: *"]] {
                let other = ask(&server, &line, None, fields);
                assert_eq!(seen(&other), seen(&none), "{line} {fields:?}");
            }
        }
    }
    let status = |line: &str| ask(&server, line, Some(ALICE), &[]).status;
    assert_eq!(status("GET /private/none"), 404);
    assert_eq!(status("GET /private"), 301);
    assert_eq!(status("GET /private/list/"), 200);
    assert_eq!(status("GET /private/old"), 301);
    assert_eq!(status("OPTIONS /private/a.txt"), 204);
    assert_eq!(status("POST /private/a.txt"), 405);
    assert_eq!(status("BREW /private/a.txt"), 501);
}

#[test]
fn a_rule_without_a_pattern_protects_everything() {
    let server = protected(site(), &["alice:SECRET"]).start();
    for path in ["/", "/open.txt", "/none", "/.docroot/x"] {
        assert_eq!(get(&server, path, None).status, 401, "{path}");
    }
    assert_eq!(get(&server, "/", Some(ALICE)).status, 200);
    assert_eq!(get(&server, "/none", Some(ALICE)).status, 404);
}

/// The path of the file counts too, whatever path leads to it.
#[test]
fn a_protected_file_is_protected_under_every_path() {
    let clean = |config: &mut Config| config.site.clean_urls = true;
    let page = protected(site(), &["/page.html alice:SECRET"])
        .with(clean)
        .start();
    for path in ["/page", "/page/", "/page.html"] {
        assert_eq!(get(&page, path, None).status, 401, "{path}");
        let method = ask(&page, &format!("OPTIONS {path}"), None, &[]);
        assert_eq!(method.status, 401, "{path}");
    }
    assert_eq!(get(&page, "/page", Some(ALICE)).text(), "<p>page");
    let cached = get(&page, "/page", Some(ALICE));
    assert_eq!(cached.field("Cache-Control"), Some("private, no-cache"));

    let index = protected(site(), &["/index.html alice:SECRET"]).start();
    assert_eq!(get(&index, "/", None).status, 401);
    assert_eq!(get(&index, "/", Some(ALICE)).text(), "<p>start");
    assert_eq!(get(&index, "/open.txt", None).status, 200);

    let only = protected(site(), &["/open.txt alice:SECRET"])
        .with(|config| config.root = config.root.join("open.txt"))
        .start();
    assert_eq!(get(&only, "/", None).status, 401);
    assert_eq!(get(&only, "/", Some(ALICE)).status, 200);
}

#[test]
fn the_page_of_an_application_and_an_error_page_can_be_protected() {
    let navigation = &["Accept: text/html", "Sec-Fetch-Dest: document"];
    let server = protected(site(), &["/app.html alice:SECRET"])
        .file("app.html", "<p>application")
        .with(|config| config.site.spa = Some("app.html".into()))
        .start();
    let line = "GET /some/where";
    assert_eq!(ask(&server, line, None, navigation).status, 401);
    let wrong = ask(&server, line, Some(("alice", "x")), navigation);
    assert_eq!(wrong.status, 401);
    let page = ask(&server, line, Some(ALICE), navigation);
    assert_eq!((page.status, page.text()), (200, "<p>application".into()));
    assert_eq!(page.field("Cache-Control"), Some("private, no-cache"));
    assert_eq!(ask(&server, "GET /a.js", None, &[]).status, 404);

    let server = protected(site(), &["/404.html alice:SECRET"])
        .file("404.html", "<p>our page")
        .start();
    let none = get(&server, "/none", None);
    assert_eq!(none.status, 404);
    assert!(!none.text().contains("our page"));
    assert_eq!(get(&server, "/404.html", None).status, 401);
    let open = site().file("404.html", "<p>our page");
    let open = protected(open, &["/private/** alice:SECRET"]).start();
    assert_eq!(get(&open, "/none", None).text(), "<p>our page");
    let none = get(&open, "/private/none", Some(ALICE));
    assert_eq!((none.status, none.text()), (404, "<p>our page".into()));
    assert_eq!(none.field("Cache-Control"), Some("private, no-cache"));
}

/// A sidecar has the content of its file.
#[test]
fn the_sidecars_of_a_protected_file_are_protected() {
    let server = protected(site(), &["/page.html alice:SECRET"])
        .file("page.html.gz", "in gzip")
        .with(|config| config.site.precompressed = true)
        .start();
    let coded = ["Accept-Encoding: gzip"];
    for line in ["GET /page.html", "GET /page.html.gz"] {
        assert_eq!(ask(&server, line, None, &coded).status, 401, "{line}");
        let page = ask(&server, line, Some(ALICE), &coded);
        assert_eq!(
            (page.status, page.body),
            (200, b"in gzip".to_vec()),
            "{line}"
        );
    }
}

/// A rule for the page protects it in every language, and one for a language protects that.
#[test]
fn negotiated_files_are_protected() {
    let site = || {
        site()
            .file("page.en.html", "<p>English")
            .file("page.de.html", "<p>deutsch")
            .with(|config| config.site.negotiate = true)
    };
    let german = ["Accept-Language: de"];
    let whole = protected(site(), &["/page.html alice:SECRET"]).start();
    assert_eq!(ask(&whole, "GET /page.html", None, &german).status, 401);
    let one = protected(site(), &["/*.de.html alice:SECRET"]).start();
    // Nobody learns of the page in German without asking for it.
    assert_eq!(ask(&one, "GET /page.html", None, &german).text(), "<p>page");
    assert_eq!(get(&one, "/page.de.html", None).status, 401);
    assert_eq!(get(&one, "/page.de.html", Some(ALICE)).text(), "<p>deutsch");
    let english = ask(&one, "GET /page.html", None, &["Accept-Language: en"]);
    assert_eq!((english.status, english.text()), (200, "<p>English".into()));
}

/// What a rule protects is not in the archive of a folder above it.
#[test]
fn an_archive_has_only_what_the_client_may_read() {
    let rules = ["/private/** alice:SECRET", "/private/list/** bob:OTHER"];
    for format in ["tar", "zip"] {
        let server = protected(site(), &[rules[0], "/page.html alice:SECRET"])
            .with(|config| config.site.archive = true)
            .start();
        let archive = |path: &str, user| {
            let archive = get(&server, &format!("{path}?archive={format}"), user);
            (archive.status == 200).then_some(archive.body)
        };
        let has = |archive: &[u8], name: &str| find(archive, name.as_bytes()).is_some();
        let whole = archive("/", None).expect("an archive");
        assert!(has(&whole, "open.txt") && has(&whole, "index.html"));
        assert!(!has(&whole, "private") && !has(&whole, "page.html"));
        assert_eq!(archive("/private/", None), None);
        let own = archive("/private/", Some(ALICE)).expect("an archive");
        assert!(has(&own, "a.txt") && has(&own, "b.txt"));
    }
    // Bob may read a part of the folder, and so the folder itself is not his.
    let server = protected(site(), &rules)
        .with(|config| config.site.archive = true)
        .start();
    assert_eq!(get(&server, "/private/?archive=tar", Some(BOB)).status, 401);
    let list = get(&server, "/private/list/?archive=tar", Some(BOB));
    assert!(find(&list.body, b"b.txt").is_some());
}

/// Paths mean the same in every site.
#[test]
fn rules_hold_for_every_site() {
    let other = tempfile::tempdir().expect("a folder");
    fs::create_dir(other.path().join("private")).expect("a folder");
    fs::write(other.path().join("private/a.txt"), "of the other").expect("a file");
    let site = SiteRoot {
        host: HostPattern::parse("b.example").expect("a host"),
        root: other.path().to_owned(),
    };
    let server = private().with(|config| config.sites = vec![site]).start();
    let ask = |user: Option<(&str, &str)>| {
        let credentials = user.map(credentials);
        let field = credentials.map(|value| format!("Authorization: {value}\r\n"));
        let field = field.unwrap_or_default();
        let head = format!("GET /private/a.txt HTTP/1.1\r\nHost: b.example\r\n{field}\r\n");
        let mut client = server.connect();
        client.send(head.as_bytes());
        client.response("GET")
    };
    assert_eq!(ask(None).status, 401);
    assert_eq!(ask(Some(ALICE)).text(), "of the other");
}

#[test]
fn each_user_reads_what_the_rules_let_them() {
    let rules = &[
        "/private/** alice:SECRET",
        "/private/list/** bob:OTHER",
        "/page.html bob:OTHER",
    ];
    let server = protected(site(), rules).start();
    let status = |path: &str, user| get(&server, path, Some(user)).status;
    assert_eq!(status("/private/a.txt", ALICE), 200);
    assert_eq!(status("/private/a.txt", BOB), 401);
    assert_eq!(status("/private/list/b.txt", BOB), 200);
    assert_eq!(status("/private/list/b.txt", ALICE), 200);
    assert_eq!(status("/page.html", ALICE), 401);
    assert_eq!(status("/page.html", BOB), 200);
    // The password was right, so these are no failures, however many they are.
    for _ in 0..30 {
        assert_eq!(status("/page.html", ALICE), 401);
    }
    assert_eq!(status("/private/a.txt", ALICE), 200);
}

/// RFC 9111 section 3.5.
#[test]
fn what_is_protected_is_private() {
    let rules = |rules: &mut Rules| {
        rules
            .add_cache("/**=public, max-age=60, s-maxage=9")
            .expect("a rule");
    };
    let server = private().with(|config| rules(&mut config.rules)).start();
    let check = |line: &str, fields: &[&str], status: u16, want: &str| {
        let response = ask(&server, line, Some(ALICE), fields);
        assert_eq!(response.status, status, "{line} {fields:?}");
        assert_eq!(response.field("Cache-Control"), Some(want), "{line}");
    };
    let private = "private, max-age=60";
    let file = "GET /private/a.txt";
    check(file, &[], 200, private);
    check("HEAD /private/a.txt", &[], 200, private);
    check(file, &["Range: bytes=0-1"], 206, private);
    check(file, &["Range: bytes=0-1,3-4"], 206, private);
    check(file, &["If-None-Match: *"], 304, private);
    check("GET /private/list/", &[], 200, "private, no-cache");
    check(file, &["Range: bytes=99-"], 416, "private, no-cache");
    check(file, &["If-Match: \"x\""], 412, "private, no-cache");
    check("GET /private", &[], 301, "private, no-cache");
    check("GET /private/none", &[], 404, "private, no-cache");
    // A client of HTTP/1.0 gets no time for shared caches either.
    let open = "public, max-age=60, s-maxage=9";
    check("GET /open.txt", &[], 200, open);
}

#[test]
fn scripts_of_listed_origins_may_send_a_password() {
    let with = |origin: &str| {
        let origin = origin.to_owned();
        private()
            .with(move |config| config.rules.cors.add(&origin).expect("an origin"))
            .start()
    };
    let listed = with("https://a.example");
    let allowed = "Access-Control-Allow-Credentials";
    let origin = "Origin: https://a.example";
    let preflight = [
        origin,
        "Access-Control-Request-Method: GET",
        "Access-Control-Request-Headers: authorization",
    ];
    for path in ["/private/a.txt", "/private/none"] {
        let line = format!("OPTIONS {path}");
        let answered = ask(&listed, &line, None, &preflight);
        assert_eq!(answered.status, 204, "{path}");
        assert_eq!(answered.field(allowed), Some("true"));
        let names = answered.field("Access-Control-Allow-Headers");
        assert_eq!(names, Some("authorization"));
    }
    for (user, status) in [(None, 401), (Some(ALICE), 200)] {
        let response = ask(&listed, "GET /private/a.txt", user, &[origin]);
        assert_eq!(response.status, status);
        assert_eq!(response.field(allowed), Some("true"));
        let sent = response.field("Access-Control-Allow-Origin");
        assert_eq!(sent, Some("https://a.example"));
    }
    let foreign = ["Origin: https://b.example"];
    let response = ask(&listed, "GET /private/a.txt", Some(ALICE), &foreign);
    assert_eq!(response.field(allowed), None);
    let open = ask(&listed, "GET /open.txt", None, &[origin]);
    assert_eq!(open.field(allowed), None);
    let any = with("*");
    for user in [None, Some(ALICE)] {
        let response = ask(&any, "GET /private/a.txt", user, &[origin]);
        assert_eq!(response.field("Access-Control-Allow-Origin"), Some("*"));
        assert_eq!(response.field(allowed), None);
    }
    let answered = ask(&any, "OPTIONS /private/a.txt", None, &preflight);
    assert_eq!((answered.status, answered.field(allowed)), (204, None));
}

/// A preflight request for a path says what the response for the path will say, whatever file is protected.
#[test]
fn a_preflight_request_knows_the_files_that_a_path_may_lead_to() {
    let rules = [
        "/private/index.html alice:SECRET",
        "/page.html alice:SECRET",
    ];
    let server = protected(site(), &rules)
        .with(|config| {
            config.site.clean_urls = true;
            let cors = &mut config.rules.cors;
            cors.add("https://a.example").expect("an origin");
        })
        .start();
    let origin = "Origin: https://a.example";
    let preflight = [origin, "Access-Control-Request-Method: GET"];
    for path in ["/private/", "/page"] {
        let answered = ask(&server, &format!("OPTIONS {path}"), None, &preflight);
        let read = ask(&server, &format!("GET {path}"), Some(ALICE), &[origin]);
        assert_eq!((answered.status, read.status), (204, 200), "{path}");
        for response in [answered, read] {
            let allowed = response.field("Access-Control-Allow-Credentials");
            assert_eq!(allowed, Some("true"), "{path}");
        }
    }
}

fn slow(checks: &SlowDisk, most_waiting: usize) -> TestServer {
    let mut setup = private().with(|config| config.threads = 1);
    setup.slow_checks = Some((checks.clone(), most_waiting));
    setup.start()
}

/// Whoever measures the time learns nothing about names, because the work is the same.
#[test]
fn an_unknown_name_is_checked_like_a_wrong_password() {
    let checks = SlowDisk::default();
    let server = slow(&checks, 10);
    let mut made = 0;
    let mut check = |user: Option<(&str, &str)>, more: usize| {
        get(&server, "/private/a.txt", user);
        made += more;
        assert_eq!(checks.jobs(), (made, 0), "{user:?}");
    };
    check(None, 0);
    check(Some(("alice", "wrong")), 1);
    check(Some(("nobody", "wrong")), 1);
    check(Some(("nobody", "secret")), 1);
    check(Some(ALICE), 1);
    // A pair that was right is remembered. Other pairs are not.
    check(Some(ALICE), 0);
    check(Some(("alice", "wrong")), 1);
    for malformed in ["Basic", "Basic %%%", "Bearer abc", "Basic bm9ib2R5"] {
        let field = [("Authorization", malformed)];
        let response = server.get("/private/a.txt", &field);
        assert_eq!(response.status, 401, "{malformed}");
    }
    assert_eq!(checks.jobs(), (made, 0));
}

fn login(server: &TestServer, address: [u8; 4], user: (&str, &str)) -> Client {
    let mut client = server.connect_from(address);
    let value = credentials(user);
    let fields = [("Authorization", value.as_str())];
    client.send(&request("GET", "/private/a.txt", &fields));
    client
}

const HERE: [u8; 4] = [127, 0, 0, 1];
const THERE: [u8; 4] = [127, 0, 0, 2];

#[test]
fn the_worker_serves_others_while_a_password_is_checked() {
    let checks = SlowDisk::holding();
    let server = slow(&checks, 10);
    let mut waiting = login(&server, HERE, ALICE);
    checks.await_jobs(1);
    assert_eq!(get(&server, "/open.txt", None).status, 200);
    assert_eq!(get(&server, "/private/a.txt", None).status, 401);
    assert!(!waiting.has_answer());
    checks.let_pass(1);
    assert_eq!(waiting.response("GET").status, 200);
}

#[test]
fn the_memory_of_a_check_is_charged() {
    let hash = Hash::of(b"secret").expect("random bytes");
    let server = protected(site(), &[&format!("/private/** alice:{hash}")]).start();
    let mut seen = 0;
    // Other addresses, so that none has to wait.
    for address in 1..=100 {
        let mut client = login(&server, [127, 0, 0, address], BOB);
        while seen == 0 && !client.has_answer() {
            seen = server.held(Account::Passwords);
        }
        assert_eq!(client.response("GET").status, 401);
        if seen > 0 {
            break;
        }
    }
    assert_eq!(seen, 19 << 20);
    until("it is given back", || server.held(Account::Passwords) == 0);
}

/// Tests `origin::auth::refuse::busy`.
#[test]
fn passwords_that_find_no_room_get_503() {
    let checks = SlowDisk::holding();
    let server = slow(&checks, 2);
    let mut first = login(&server, HERE, ALICE);
    checks.await_jobs(1);
    let mut second = login(&server, HERE, ALICE);
    let mut third = login(&server, HERE, ALICE);
    // The worker takes them in this order, or the other way round.
    let mut fourth = login(&server, HERE, ALICE);
    until("one has no room", || {
        [&mut second, &mut third, &mut fourth]
            .into_iter()
            .any(Client::has_answer)
    });
    let mut clients = vec![second, third, fourth];
    let refused = clients.iter_mut().position(Client::has_answer);
    let mut refused = clients.remove(refused.expect("one"));
    let response = refused.response("GET");
    assert_eq!(
        (response.status, response.field("Retry-After")),
        (503, Some("2"))
    );
    // A client of another network takes the place of one of them.
    let mut other = login(&server, THERE, ALICE);
    until("one is displaced", || {
        clients.iter_mut().any(Client::has_answer)
    });
    let displaced = clients.iter_mut().position(Client::has_answer);
    let mut displaced = clients.remove(displaced.expect("one"));
    assert_eq!(displaced.response("GET").status, 503);
    checks.open();
    for client in clients.iter_mut().chain([&mut first, &mut other]) {
        assert_eq!(client.response("GET").status, 200);
    }
}

/// A client that goes away takes its password out of the queue.
#[test]
fn nobody_checks_the_password_of_a_client_that_left() {
    let checks = SlowDisk::holding();
    let server = slow(&checks, 10);
    let mut first = login(&server, HERE, ALICE);
    checks.await_jobs(1);
    let second = login(&server, HERE, BOB);
    let is_open = |connections| server.counters.connections_open.value() == connections;
    until("both are there", || is_open(2));
    // The answer of the worker comes after it has read what came before.
    for _ in 0..3 {
        assert_eq!(get(&server, "/open.txt", None).status, 200);
    }
    second.reset();
    until("one has left", || is_open(1));
    checks.open();
    assert_eq!(first.response("GET").status, 200);
    assert_eq!(get(&server, "/private/a.txt", Some(BOB)).status, 401);
    assert_eq!(checks.jobs(), (2, 0), "the first and the last");
}

/// Tests `origin::auth::refuse::too_many_failures`.
#[test]
fn many_wrong_passwords_from_one_address_have_to_wait() {
    let server = private().start();
    let status = |address, user| login(&server, address, user).response("GET");
    for _ in 0..10 {
        assert_eq!(status(HERE, ("alice", "wrong")).status, 401);
    }
    for user in [("alice", "wrong"), ("nobody", "x"), ALICE] {
        let refused = status(HERE, user);
        assert_eq!(refused.status, 429, "{user:?}");
        let wait: u64 = refused
            .field("Retry-After")
            .expect("a wait")
            .parse()
            .expect("seconds");
        assert!((1..=60).contains(&wait), "{wait}");
    }
    // Nobody else waits, and without a password nothing is counted.
    assert_eq!(status(THERE, ALICE).status, 200);
    assert_eq!(get(&server, "/private/a.txt", None).status, 401);
    assert_eq!(get(&server, "/open.txt", None).status, 200);
}

#[test]
fn a_right_password_lets_failures_be_forgotten() {
    // Each pair is checked only once, so the right one is another user each time.
    let users: Vec<String> = (0..3).map(|number| format!("u{number}:SECRET")).collect();
    let users: Vec<&str> = users.iter().map(String::as_str).collect();
    let server = protected(site(), &users).start();
    for user in ["u0", "u1", "u2"] {
        for _ in 0..9 {
            assert_eq!(get(&server, "/", Some((user, "wrong"))).status, 401);
        }
        assert_eq!(get(&server, "/", Some((user, "secret"))).status, 200);
    }
}

/// A password file that is not served.
fn users_file(text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("users");
    fs::write(&path, text).expect("a file");
    (folder, path)
}

fn with_file(path: &Path, rules: &[&str]) -> TestServer {
    protected(site(), rules)
        .with(|config| {
            config.auth_file = Some(path.to_owned());
            config.rules.protection.use_file();
        })
        .start()
}

#[test]
fn users_of_a_file_are_read_again_when_it_changes() {
    let (_folder, path) = users_file(&format!("# users\nalice:{SECRET}\n"));
    let server = with_file(&path, &[]);
    let status = |user| get(&server, "/open.txt", Some(user)).status;
    assert_eq!(get(&server, "/open.txt", None).status, 401);
    assert_eq!(status(ALICE), 200);
    assert_eq!(status(BOB), 401);
    fs::write(&path, format!("bob:{OTHER}\n")).expect("a file");
    assert_eq!(status(BOB), 200, "a new user counts at once");
    assert_eq!(
        status(ALICE),
        401,
        "a remembered pair of an old user does not count"
    );
    // An invalid file changes nothing.
    fs::write(&path, "bob:other\n").expect("a file");
    assert_eq!(status(ALICE), 401);
    assert_eq!(status(BOB), 200);
    fs::remove_file(&path).expect("a file");
    assert_eq!(status(BOB), 200);
    fs::write(&path, format!("bob:{SECRET}\n")).expect("a file");
    until("the old password does not count", || status(BOB) == 401);
    assert_eq!(status(("bob", "secret")), 200);
}

/// The server looks at the file when a request comes, and the answer waits for the look.
#[test]
fn a_removed_user_gets_no_answer_from_what_is_remembered() {
    let (_folder, path) = users_file(&format!("alice:{SECRET}\n"));
    let server = with_file(&path, &[]);
    let status = |user| get(&server, "/open.txt", Some(user)).status;
    assert_eq!(status(ALICE), 200);
    fs::write(&path, format!("bob:{OTHER}\n")).expect("a file");
    let changed = Instant::now();
    until("the last look is old", || {
        changed.elapsed() > Duration::from_secs(1)
    });
    assert_eq!(status(ALICE), 401);
    assert_eq!(status(BOB), 200);
}

#[test]
fn patterns_alone_say_what_the_users_of_a_file_may_read() {
    let (_folder, path) = users_file(&format!("bob:{OTHER}\n"));
    let server = with_file(&path, &["/private/**", "/private/list/** alice:SECRET"]);
    let status = |path: &str, user| get(&server, path, Some(user)).status;
    assert_eq!(get(&server, "/open.txt", None).status, 200);
    assert_eq!(get(&server, "/private/a.txt", None).status, 401);
    assert_eq!(status("/private/a.txt", BOB), 200);
    assert_eq!(status("/private/list/", BOB), 200);
    assert_eq!(status("/private/list/", ALICE), 200);
    assert_eq!(status("/private/a.txt", ALICE), 401);
}

#[test]
fn the_log_names_the_user_whom_a_password_has_proved() {
    let ask_all = |format| {
        let (setup, page) = protected(site(), &["a \"b:SECRET"]).logging(format);
        // One worker logs the requests in the order in which they end.
        let server = setup.with(|config| config.threads = 1).start();
        get(&server, "/private/a.txt", Some(("a \"b", "secret")));
        get(&server, "/private/list/", Some(("a \"b", "secret")));
        get(&server, "/private/a.txt", Some(("a \"b", "wrong")));
        get(&server, "/open.txt", None);
        drop(server);
        let lines = page.lines();
        assert_eq!(lines.len(), 4, "{lines:?}");
        lines
    };
    let combined = ask_all(LogFormat::Combined);
    let third = combined
        .iter()
        .map(|line| line.split(' ').nth(2).expect("a column"));
    assert_eq!(
        third.collect::<Vec<_>>(),
        ["a\\x20\\x22b", "a\\x20\\x22b", "-", "-"]
    );
    let json = ask_all(LogFormat::Json);
    let users = json.iter().map(|line| {
        let value: serde_json::Value = serde_json::from_str(line).expect("JSON");
        value["user"].as_str().map(str::to_owned)
    });
    let named = Some("a \"b".to_owned());
    assert_eq!(
        users.collect::<Vec<_>>(),
        [named.clone(), named, None, None]
    );
    let pretty = ask_all(LogFormat::Pretty);
    let has_user = pretty.iter().map(|line| line.contains("user a \\x22b"));
    assert_eq!(has_user.collect::<Vec<_>>(), [true, true, false, false]);
    for line in combined.iter().chain(&json).chain(&pretty) {
        assert!(!line.contains("secret") && !line.contains("$2b$"), "{line}");
    }
}

/// Large bodies and other answers that wait go through the login too.
#[test]
fn every_kind_of_answer_comes_after_the_login() {
    let disk = SlowDisk::holding();
    let mut setup = private().with(|config| config.threads = 1);
    setup.slow = Some((disk.clone(), 100));
    let server = setup.start();
    let mut client = login(&server, HERE, ALICE);
    disk.await_jobs(1);
    disk.open();
    let response = client.response("GET");
    assert_eq!(
        (response.status, response.text()),
        (200, "alice may read this".into())
    );
    assert_eq!(response.field("Cache-Control"), Some("private, no-cache"));
}

/// Connections stay: only who may read changes.
#[cfg(feature = "config-file")]
#[test]
fn a_reload_changes_the_users() {
    let folder = tempfile::tempdir().expect("a folder");
    let [root, file] = ["root", "docroot.toml"].map(|name| folder.path().join(name));
    fs::create_dir(&root).expect("a folder");
    fs::write(root.join("a.txt"), "for users").expect("a file");
    let write = |users: &str| fs::write(&file, format!("auth = [{users}]\n")).expect("a file");
    write(&format!("'/** alice:{SECRET}'"));
    let mut command = command();
    command.args(["--log-format", "off", "--config"]).arg(&file);
    let program = Program::start(command.arg(&root));
    let status = |client: &mut Client, user| {
        let value = credentials(user);
        client.send(&request("GET", "/a.txt", &[("Authorization", &value)]));
        client.response("GET").status
    };
    let mut kept = program.connect();
    assert_eq!(status(&mut kept, ALICE), 200);
    assert_eq!(status(&mut kept, BOB), 401);
    write(&format!("'/** bob:{OTHER}'"));
    program.signal(Signal::HUP);
    until("the old user is gone", || status(&mut kept, ALICE) == 401);
    assert_eq!(status(&mut kept, BOB), 200);
    // The other worker has them too.
    until("everywhere", || {
        (0..8).all(|_| status(&mut program.connect(), ALICE) == 401)
    });
    write("'/** bob:no-hash'");
    program.signal(Signal::HUP);
    program.until_said("the configuration was not reloaded: ");
    assert_eq!(status(&mut kept, BOB), 200, "the users in use stay");
    assert_eq!(status(&mut program.connect(), ALICE), 401);
}
