//! A small file that is kept in memory is served without the heap: from a request in the socket to
//! its answer in the socket nothing is allocated.
//!
//! One connection, driven on this thread, with a counting allocator under it that counts each
//! thread for itself.

mod support;

use std::time::Duration;

use docroot::http1::allowed_hosts::HostPattern;
use docroot::semantics::rules::{RuleError, Rules};
use docroot::site::budget::Account;
use support::rig::Rig;
use support::{Setup, request};

/// So many requests are measured together, each in a turn of its own.
const TURNS: usize = 100;

fn rig() -> Rig {
    rig_with(|_| {})
}

fn rig_with(change: impl FnOnce(&mut Rules)) -> Rig {
    let text = "so much text that a coding is worth its while; ".repeat(40);
    let setup = Setup::new().file("text.txt", text);
    // The host of the requests is looked up in the list of those that are allowed.
    let hosts = ["*.example", "test"].map(|host| HostPattern::parse(host).expect(host));
    let setup = setup.with(|config| config.allow_hosts = hosts.into());
    let mut rig = Rig::new(setup.with(|config| change(&mut config.rules)));
    // A slow machine must not split what is measured into several turns.
    rig.context.turn_time = Duration::from_secs(3600);
    rig
}

/// Answers to `request`, which is sent again and again, need nothing from the heap once the file
/// is known and coded.
#[track_caller]
fn check(rig: &mut Rig, request: &[u8], want: (u16, Option<&str>)) {
    check_at_most(0, rig, request, want);
}

/// The same for answers that each need `most` allocations at most.
#[track_caller]
fn check_at_most(most: usize, rig: &mut Rig, request: &[u8], want: (u16, Option<&str>)) {
    let head = rig.head(request);
    assert_eq!((head.status, head.field("Content-Encoding")), want);
    // The second answer has what the first may not have had: a buffer that has grown, a coded
    // content that the cache has charged for.
    let length = rig.turn(request);
    let mut answered = 0;
    let counted = allocation_counter::measure(|| {
        for _ in 0..TURNS {
            answered += rig.turn(request);
        }
    });
    assert_eq!(answered, TURNS * length, "one answer is as long as another");
    let count = counted.count_total;
    assert!(
        count <= (most * TURNS) as u64,
        "{count}: {}",
        request.escape_ascii()
    );
}

fn get(fields: &[(&str, &str)]) -> Vec<u8> {
    request("GET", "/text.txt", fields)
}

#[test]
fn the_first_request_does_allocate() {
    let mut rig = rig();
    let counted = allocation_counter::measure(|| {
        rig.turn(&get(&[]));
    });
    assert!(counted.count_total > 0, "or nothing is counted");
}

#[test]
fn a_whole_file() {
    check(&mut rig(), &get(&[]), (200, None));
}

#[test]
fn a_coded_file() {
    let coded = get(&[("Accept-Encoding", "gzip, br;q=0.5")]);
    check(&mut rig(), &coded, (200, Some("gzip")));
}

#[test]
fn a_head_alone() {
    let head = request("HEAD", "/text.txt", &[]);
    check(&mut rig(), &head, (200, None));
}

#[test]
fn a_file_that_the_client_has() {
    let mut rig = rig();
    let known = rig.head(&get(&[]));
    let tag = known.field("ETag").expect("an entity-tag");
    check(&mut rig, &get(&[("If-None-Match", tag)]), (304, None));
    let date = known.field("Last-Modified").expect("a date");
    check(&mut rig, &get(&[("If-Modified-Since", date)]), (304, None));
}

/// A server with a rule of each kind.
fn with_rules(origins: &[&str]) -> Rig {
    rig_with(|rules| {
        let add = |result: Result<(), RuleError>| result.expect("a rule");
        add(rules.add_cache("/**/*.txt=public, max-age=60"));
        add(rules.add_cache("/**=no-store"));
        add(rules.add_field("X-A: b"));
        add(rules.add_field("/*.{txt,md} Link: </a>; rel=preload"));
        rules.security = true;
        for origin in origins {
            rules.cors.add(origin).expect("an origin");
        }
    })
}

const ORIGIN: (&str, &str) = ("Origin", "https://b.example");

/// Which rules apply to a file was found out once, and their lines were written once.
#[test]
fn rules_for_a_file() {
    let mut rig = with_rules(&[]);
    let known = rig.head(&get(&[]));
    for (name, value) in [
        ("Cache-Control", "public, max-age=60"),
        ("X-A", "b"),
        ("Link", "</a>; rel=preload"),
    ] {
        assert_eq!(known.field(name), Some(value));
    }
    check(&mut rig, &get(&[ORIGIN]), (200, None));
    let coded = get(&[("Accept-Encoding", "gzip")]);
    check(&mut rig, &coded, (200, Some("gzip")));
    let tag = known.field("ETag").expect("an entity-tag");
    check(&mut rig, &get(&[("If-None-Match", tag)]), (304, None));
}

/// The fields that name an origin are made for each response: a list of them and two values.
#[test]
fn origins_that_may_read_take_a_few_allocations() {
    for origins in [&["*"][..], &["https://a.example", "https://b.example"]] {
        let mut rig = with_rules(origins);
        assert!(
            rig.head(&get(&[ORIGIN]))
                .field("Access-Control-Allow-Origin")
                .is_some()
        );
        check_at_most(4, &mut rig, &get(&[ORIGIN]), (200, None));
    }
}

#[test]
fn sixteen_at_once() {
    check(&mut rig(), &get(&[]).repeat(16), (200, None));
}

/// What the allocator of the process adds to a block: a header of eight bytes, and about as much that is not used,
/// because sizes are multiples of sixteen.
const PER_BLOCK: i64 = 16;

/// Small files that were served once are charged for all that is kept of them, so that the limit of the cache is one.
#[test]
fn what_is_charged_for_cached_files_is_what_they_take() {
    // The table of the cache is nearly full. When it has just doubled, it takes some 70 bytes more for each file.
    const FILES: usize = 1700;
    let name = |number: usize| format!("{number:0>20}.txt");
    let mut setup = Setup::new().file("text.txt", "text");
    for number in 0..FILES {
        setup = setup.file(&name(number), [b'x'; 1100]);
    }
    let mut rig = Rig::new(setup);
    rig.turn(&get(&[]));
    let charged = |rig: &Rig| rig.context.memory.budget().held(Account::Contents) as i64;
    let before = charged(&rig);
    let counted = allocation_counter::measure(|| {
        for number in 0..FILES {
            rig.turn(&request("GET", &format!("/{}", name(number)), &[]));
        }
    });
    let taken = counted.bytes_current + PER_BLOCK * counted.count_current;
    let (taken, charged) = (
        taken / FILES as i64,
        (charged(&rig) - before) / FILES as i64,
    );
    assert!(taken <= charged, "{taken} bytes for {charged}");
    assert!(charged <= taken + taken / 8, "{taken} bytes for {charged}");
}
