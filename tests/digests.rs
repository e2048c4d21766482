//! Digests of what is sent (RFC 9530), and entity-tags that are made from the content.
#![allow(clippy::disallowed_methods, reason = "tests open files")]

mod support;

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use docroot::http1::allowed_hosts::HostPattern;
use docroot::net::config::{Config, SiteRoot};
use docroot::site::options::TagSource;
use sha2::{Digest as _, Sha256, Sha512};
use support::slow::SlowDisk;
use support::{Client, Response, Setup, TestServer, noise, request, until};

const TEXT: &str = "some text that is long enough to be worth a coding, and it goes on and on\n";

const REPR: &str = "Repr-Digest";
const CONTENT: &str = "Content-Digest";

/// What a client sends that wants both digests.
const WANTED: [(&str, &str); 2] = [
    ("Want-Repr-Digest", "sha-256=10"),
    ("Want-Content-Digest", "sha-256=10"),
];

/// More than the cache keeps, and more than a disk thread hashes at once.
fn large() -> Vec<u8> {
    static LARGE: OnceLock<Vec<u8>> = OnceLock::new();
    LARGE.get_or_init(|| noise(9 << 20)).clone()
}

fn encoded(key: &str, digest: &[u8]) -> Option<String> {
    let digest = base64::engine::general_purpose::STANDARD.encode(digest);
    Some(format!("{key}=:{digest}:"))
}

fn sha256(bytes: impl AsRef<[u8]>) -> Option<String> {
    encoded("sha-256", &Sha256::digest(bytes))
}

fn digests(response: &Response) -> [Option<String>; 2] {
    [REPR, CONTENT].map(|name| response.field(name).map(str::to_owned))
}

fn get(server: &TestServer, target: &str, fields: &[(&str, &str)]) -> Response {
    server.get(target, &[&WANTED[..], fields].concat())
}

fn server() -> TestServer {
    Setup::new()
        .file("hello.txt", "Hello, world!\n")
        .file("text.txt", TEXT.repeat(4000))
        .file("empty", "")
        .file("large.bin", large())
        .file("long.txt", TEXT.repeat(20_000))
        .file("d/one", "1")
        .start()
}

/// Content in memory, of one piece and of several, and a file that a disk thread reads in two pieces.
#[test]
fn a_whole_representation_has_one_digest_for_both_fields() {
    let server = server();
    for (target, content) in [
        ("/hello.txt", b"Hello, world!\n".to_vec()),
        ("/text.txt", TEXT.repeat(4000).into_bytes()),
        ("/empty", Vec::new()),
        ("/large.bin", large()),
    ] {
        let want = [sha256(&content), sha256(&content)];
        for _ in 0..2 {
            let response = get(&server, target, &[]);
            assert!(response.body == content, "{target}");
            assert_eq!(digests(&response), want, "{target}");
        }
    }
}

#[test]
fn nobody_gets_a_digest_without_wanting_it() {
    let server = server();
    let none = [None, None];
    assert_eq!(digests(&server.get("/hello.txt", &[])), none);
    for wanted in ["sha-256=0", "md5=10", "sha-256", "sha-256=11", "sha-256=1,"] {
        let fields = [
            ("Want-Repr-Digest", wanted),
            ("Want-Content-Digest", wanted),
        ];
        assert_eq!(
            digests(&server.get("/hello.txt", &fields)),
            none,
            "{wanted}"
        );
    }
    let only_one = server.get("/hello.txt", &WANTED[1..]);
    assert_eq!(digests(&only_one), [None, sha256("Hello, world!\n")]);
}

/// Tests `origin::digests::note_wanted`.
#[test]
fn the_preferred_algorithm_is_used() {
    let server = server();
    let want = encoded("sha-512", &Sha512::digest("Hello, world!\n"));
    let fields = [
        ("Want-Repr-Digest", "sha-256=3, sha-512=10, unixsum=9"),
        ("Want-Content-Digest", "sha-512=1, sha-256=5"),
    ];
    for _ in 0..2 {
        let response = server.get("/hello.txt", &fields);
        assert_eq!(
            digests(&response),
            [want.clone(), sha256("Hello, world!\n")]
        );
    }
}

/// The first client waits for the coding. Then the coded content is cached.
#[test]
fn the_digest_is_over_the_coded_content() {
    let server = server();
    let gzip = [("Accept-Encoding", "gzip")];
    for _ in 0..2 {
        let response = get(&server, "/text.txt", &gzip);
        assert_eq!(response.field("Content-Encoding"), Some("gzip"));
        let want = sha256(&response.body);
        assert_eq!(digests(&response), [want.clone(), want]);
    }
    let plain = sha256(TEXT.repeat(4000));
    let response = get(&server, "/text.txt", &[]);
    assert_eq!(digests(&response), [plain.clone(), plain]);
    // The digests do not select the representation.
    assert_eq!(response.field("Vary"), Some("Accept-Encoding"));
}

/// Content that is coded while it is sent has no digest before its end.
/// Tests `origin::digests::note_left_out`.
#[test]
fn content_that_is_made_while_it_is_sent_has_no_digest() {
    let server = server();
    let response = get(&server, "/long.txt", &[("Accept-Encoding", "gzip")]);
    assert_eq!(response.field("Content-Encoding"), Some("gzip"));
    assert_eq!(response.field("Content-Length"), None);
    assert_eq!(digests(&response), [None, None]);
}

#[test]
fn a_part_has_the_digest_of_the_whole_and_its_own() {
    let server = server();
    let content = large();
    let whole = sha256(&content);
    for (range, part) in [
        ("bytes=5-9", &content[5..10]),
        ("bytes=-3000000", &content[content.len() - 3_000_000..]),
        ("bytes=0-", &content[..]),
    ] {
        let response = get(&server, "/large.bin", &[("Range", range)]);
        assert_eq!(response.status, 206, "{range}");
        assert!(response.body == part, "{range}");
        assert_eq!(digests(&response), [whole.clone(), sha256(part)], "{range}");
    }
    let response = get(&server, "/hello.txt", &[("Range", "bytes=7-11")]);
    assert_eq!(response.text(), "world");
    assert_eq!(
        digests(&response),
        [sha256("Hello, world!\n"), sha256("world")]
    );
    // Each response has another boundary.
    for target in ["/large.bin", "/hello.txt"] {
        let response = get(&server, target, &[("Range", "bytes=0-1,4-5")]);
        assert_eq!(response.status, 206);
        assert!(digests(&response)[0].is_some(), "{target}");
        assert_eq!(response.field(CONTENT), None, "{target}");
    }
}

/// Appendix B.2: the content of a response to HEAD is empty.
#[test]
fn head_has_the_digest_of_the_representation() {
    let server = server();
    for (target, content) in [
        ("/large.bin", large()),
        ("/hello.txt", b"Hello, world!\n".to_vec()),
    ] {
        let response = server.request("HEAD", target, &WANTED);
        assert_eq!(
            digests(&response),
            [sha256(&content), sha256("")],
            "{target}"
        );
    }
    let fields = [WANTED[0], ("Accept-Encoding", "gzip")];
    // Nobody codes for HEAD, but what is cached is known.
    assert_eq!(
        digests(&server.request("HEAD", "/text.txt", &fields))[0],
        None
    );
    let coded = server.get("/text.txt", &fields);
    until("the coded content is cached", || {
        server.get("/text.txt", &fields);
        let head = server.request("HEAD", "/text.txt", &fields);
        digests(&head)[0] == sha256(&coded.body)
    });
}

#[test]
fn responses_without_content_of_a_file_have_no_digest() {
    let server = server();
    let none = [None, None];
    let tag = server.get("/hello.txt", &[]);
    let tag = tag.field("ETag").expect("a tag");
    for (target, fields, status) in [
        ("/hello.txt", ("If-None-Match", tag), 304),
        ("/hello.txt", ("If-Match", "\"other\""), 412),
        ("/hello.txt", ("Range", "bytes=99-"), 416),
        ("/nothing", ("Accept", "*/*"), 404),
        ("/d/", ("Accept", "*/*"), 200),
    ] {
        let response = get(&server, target, &[fields]);
        assert_eq!(response.status, status, "{target}");
        assert_eq!(digests(&response), none, "{target} {status}");
    }
}

/// A sparse file costs no disk, and its holes no reads.
fn vast(setup: Setup) -> Setup {
    let file = File::create(setup.root().join("vast.bin")).expect("a file");
    file.set_len(257 << 20).expect("a length");
    setup
}

#[test]
fn no_client_makes_the_server_hash_a_vast_file() {
    let server = vast(Setup::new()).start();
    assert_eq!(
        digests(&server.request("HEAD", "/vast.bin", &WANTED)),
        [None, sha256("")]
    );
    let range = |range: &str| get(&server, "/vast.bin", &[("Range", range)]);
    assert_eq!(digests(&range("bytes=0-9")), [None, sha256([0; 10])]);
    let most = 16 << 20;
    assert_eq!(
        digests(&range(&format!("bytes=0-{}", most - 1)))[1],
        sha256(vec![0; most])
    );
    assert_eq!(digests(&range(&format!("bytes=0-{most}")))[1], None);
}

#[test]
fn a_vast_file_that_was_hashed_for_its_entity_tag_has_a_digest() {
    let server = vast(Setup::new()).with(by_content).start();
    let response = server.request("HEAD", "/vast.bin", &WANTED);
    let digest = Sha256::digest(vec![0; 257 << 20]);
    assert_eq!(response.field(REPR), encoded("sha-256", &digest).as_deref());
    let tag = response.field("ETag").expect("a tag");
    assert!(tag[1..].starts_with(&hex(&digest)[..32]), "{tag}");
}

fn by_content(config: &mut Config) {
    config.site.etag = TagSource::Content;
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A server with these files, as they were written at this time.
fn replica(seconds: u64, etag: fn(&mut Config)) -> TestServer {
    let setup = Setup::new()
        .file("hello.txt", "Hello, world!\n")
        .file("hello.css", "Hello, world!\n")
        .file("text.txt", TEXT.repeat(400))
        .file("large.bin", large())
        .with(etag);
    for name in ["hello.txt", "hello.css", "text.txt", "large.bin"] {
        let file = File::options().write(true).open(setup.root().join(name));
        let date = UNIX_EPOCH + Duration::from_secs(seconds);
        file.expect("a file").set_modified(date).expect("a date");
    }
    setup.start()
}

#[test]
fn replicas_agree_on_entity_tags_by_content() {
    let tag = |server: &TestServer, target: &str, coding: &str| {
        let response = server.get(target, &[("Accept-Encoding", coding)]);
        response.field("ETag").expect("a tag").to_owned()
    };
    let [one, other] = [1_000_000_000, 1_100_000_000].map(|at| replica(at, by_content));
    let mut tags = Vec::new();
    for (target, coding) in [
        ("/hello.txt", "identity"),
        ("/hello.css", "identity"),
        ("/text.txt", "identity"),
        ("/text.txt", "gzip"),
        ("/text.txt", "deflate"),
        ("/large.bin", "identity"),
    ] {
        let known = tag(&one, target, coding);
        assert_eq!(known, tag(&other, target, coding), "{target} {coding}");
        let fields = [("Accept-Encoding", coding), ("If-None-Match", &*known)];
        assert_eq!(other.get(target, &fields).status, 304, "{target} {coding}");
        tags.push(known);
    }
    let hello = hex(&Sha256::digest("Hello, world!\n"));
    assert!(tags[0][1..].starts_with(&hello[..32]), "{}", tags[0]);
    tags.sort();
    tags.dedup();
    assert_eq!(tags.len(), 6, "each representation has its own: {tags:?}");
    // Otherwise the time counts.
    let [one, other] = [1_000_000_000, 1_100_000_000].map(|at| replica(at, |_| {}));
    for target in ["/hello.txt", "/large.bin"] {
        assert_ne!(
            tag(&one, target, "identity"),
            tag(&other, target, "identity")
        );
    }
}

#[test]
fn a_new_content_has_a_new_entity_tag() {
    let server = replica(1_000_000_000, by_content);
    for target in ["/hello.txt", "/large.bin"] {
        let before = server.get(target, &[]);
        let mut content = before.body.clone();
        content[3] ^= 1;
        server.write(&target[1..], &content);
        let after = server.get(target, &[]);
        assert!(after.body == content);
        assert_ne!(before.field("ETag"), after.field("ETag"), "{target}");
        // The same bytes are the same representation, whenever they were written.
        server.write(&target[1..], &before.body);
        assert_eq!(server.get(target, &[]).field("ETag"), before.field("ETag"));
    }
}

/// A range of a large file, and a condition, need the entity-tag as well.
#[test]
fn conditions_compare_entity_tags_by_content() {
    let server = replica(1_000_000_000, by_content);
    let whole = server.request("HEAD", "/large.bin", &[]);
    let tag = whole.field("ETag").expect("a tag");
    let fields = [("Range", "bytes=1-2"), ("If-Range", tag)];
    assert_eq!(server.get("/large.bin", &fields).body, &large()[1..3]);
    assert_eq!(
        server.get("/large.bin", &[("If-Match", "\"x\"")]).status,
        412
    );
    assert_eq!(server.get("/large.bin", &[("If-Match", tag)]).status, 200);
}

/// A site on a slow disk, with one worker.
fn slow(disk: &SlowDisk) -> Setup {
    let mut setup = Setup::new().with(|config| config.threads = 1);
    setup.slow = Some((disk.clone(), 100));
    setup
}

fn asking(server: &TestServer, target: &str) -> Client {
    let mut client = server.connect();
    client.send(&request("HEAD", target, &WANTED));
    client
}

/// Waits until a later change of the file is certain to show. Only then do clients share what is known of it.
fn settle(path: &Path) {
    let changed = path.metadata().expect("a state").ctime();
    until("the file is old", || {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        now.expect("after 1970").as_secs() as i64 > changed + 3
    });
}

#[test]
fn hashing_holds_up_nobody_and_is_shared() {
    let disk = SlowDisk::default();
    let setup = slow(&disk)
        .file("large.bin", large())
        .file("a.txt", "cached");
    settle(&setup.root().join("a.txt"));
    let server = setup.start();
    server.get("/a.txt", &[]);
    server.request("HEAD", "/large.bin", &[]);
    let (_, before) = disk.jobs();
    disk.hold_reads();
    let mut clients: Vec<Client> = (0..10).map(|_| asking(&server, "/large.bin")).collect();
    for _ in 0..20 {
        assert_eq!(
            get(&server, "/a.txt", &[]).field(REPR),
            sha256("cached").as_deref()
        );
    }
    disk.open();
    for client in &mut clients {
        let response = client.response("HEAD");
        assert_eq!(response.field(REPR), sha256(large()).as_deref());
    }
    // Each client opens the file. The two pieces are hashed once.
    let (_, reads) = disk.jobs();
    assert_eq!(reads - before, 10 + 2);
}

/// A client that left has not waited in vain.
#[test]
fn hashing_goes_on_where_it_was_left() {
    let disk = SlowDisk::holding();
    let setup = slow(&disk).with(by_content).file("large.bin", large());
    settle(&setup.root().join("large.bin"));
    let server = setup.start();
    let client = asking(&server, "/large.bin");
    // The look at the name, the look at the file, and the first piece. The second one waits.
    disk.let_pass(3);
    disk.await_jobs(4);
    client.reset();
    until("the client is gone", || {
        server.counters.connections_open.value() == 0
    });
    disk.open();
    let mut again = asking(&server, "/large.bin");
    assert_eq!(
        again.response("HEAD").field(REPR),
        sha256(large()).as_deref()
    );
    // Both pieces were hashed once, and the file is opened once.
    assert_eq!(disk.jobs().1, 1 + 2 + 1);
}

/// A file has another path in each of two sites, one of which is in the other. What the first one has begun,
/// the second one goes on with.
#[test]
fn sites_that_overlap_share_what_is_hashed() {
    let disk = SlowDisk::holding();
    let setup = slow(&disk)
        .with(by_content)
        .file("inner/large.bin", large());
    settle(&setup.root().join("inner/large.bin"));
    let site = SiteRoot {
        host: HostPattern::parse("inner.example").expect("a host"),
        root: setup.root().join("inner"),
    };
    let server = setup.with(|config| config.sites = vec![site]).start();
    let mut client = server.connect();
    client.send(b"HEAD /large.bin HTTP/1.1\r\nHost: inner.example\r\n\r\n");
    // The look at the name, the look at the file, and the first piece. The second one waits.
    disk.let_pass(3);
    disk.await_jobs(4);
    client.reset();
    until("the client is gone", || {
        server.counters.connections_open.value() == 0
    });
    disk.open();
    let response = asking(&server, "/inner/large.bin").response("HEAD");
    assert_eq!(response.status, 200);
    assert_eq!(response.field(REPR), sha256(large()).as_deref());
    // Both pieces were hashed once, and each site has looked at the file.
    assert_eq!(disk.jobs().1, 2 + 2 + 1);
}

/// Answers a request for a file that grows before each of the first jobs on the disk. Returns whether there is an
/// entity-tag.
fn has_tag_while_growing(jobs: usize) -> bool {
    let disk = SlowDisk::default();
    let setup = slow(&disk).with(by_content);
    let server = setup.file("log.bin", large()).start();
    // The kernel lets no thread of the server open it for writing.
    let log = OpenOptions::new()
        .append(true)
        .open(server.root.join("log.bin"));
    let log = log.expect("a log");
    disk.before_each(move |job| {
        if job <= jobs {
            (&log).write_all(b"x").expect("a longer log");
        }
    });
    let mut client = server.connect();
    client.send(&request("GET", "/log.bin", &[]));
    let response = client.response("GET");
    assert_eq!(response.status, 200, "{jobs}");
    assert!(response.body.starts_with(&large()), "{jobs}");
    response.field("ETag").is_some()
}

/// A log may grow each time that its content is read for an entity-tag. Then it is sent without one.
#[test]
fn a_file_that_grows_while_it_is_hashed_is_sent() {
    assert!(has_tag_while_growing(6));
    // docroot tries to hash it five times, then sends it without. Each try is at most four jobs: one looks at the name,
    // one at the file, one hashes a piece, and one closes the file.
    assert!(!has_tag_while_growing(5 * 4 + 8));
}

/// A precompressed file that is being written. Its content is never read in time for an entity-tag.
#[test]
fn the_original_is_sent_while_a_precompressed_file_grows() {
    let disk = SlowDisk::default();
    let content = TEXT.repeat(100);
    let setup = slow(&disk)
        .with(by_content)
        .with(|config| config.site.precompressed = true)
        .file("log.html", &content)
        .file("log.html.br", large());
    settle(&setup.root().join("log.html"));
    let server = setup.start();
    let plain = server.get("/log.html", &[]);
    let growing = OpenOptions::new()
        .append(true)
        .open(server.root.join("log.html.br"));
    let growing = growing.expect("a file");
    disk.before_each(move |_| (&growing).write_all(b"x").expect("a longer file"));
    let response = server.get("/log.html", &[("Accept-Encoding", "br")]);
    assert_eq!(response.status, 200);
    assert_eq!(response.field("Content-Encoding"), None);
    assert!(response.body == content.as_bytes());
    assert!(plain.field("ETag").is_some());
    assert_eq!(response.field("ETag"), plain.field("ETag"));
}

#[test]
fn a_file_that_changes_while_it_is_hashed_is_found_again() {
    let disk = SlowDisk::holding();
    let server = slow(&disk)
        .with(by_content)
        .file("large.bin", large())
        .start();
    let mut client = asking(&server, "/large.bin");
    // The look-up, and the look at the file. The first piece waits.
    disk.let_pass(2);
    disk.await_jobs(3);
    let other = noise(1 << 20);
    server.write("large.bin", &other);
    disk.open();
    let response = client.response("HEAD");
    assert_eq!(response.field("Content-Length"), Some("1048576"));
    assert_eq!(response.field(REPR), sha256(&other).as_deref());
}
