//! A small file that is kept in memory is served without the heap: from a request in the socket to
//! its answer in the socket nothing is allocated.
//!
//! One connection, driven on this thread, with a counting allocator under it that counts each
//! thread for itself.

mod support;

use std::time::Duration;

use docroot::http1::allowed_hosts::HostPattern;
use support::rig::Rig;
use support::{Setup, request};

/// So many requests are measured together, each in a turn of its own.
const TURNS: usize = 100;

fn rig() -> Rig {
    let text = "so much text that a coding is worth its while; ".repeat(40);
    let setup = Setup::new().file("text.txt", text);
    // The host of the requests is looked up in the list of those that are allowed.
    let hosts = ["*.example", "test"].map(|host| HostPattern::parse(host).expect(host));
    let mut rig = Rig::new(setup.with(|config| config.allow_hosts = hosts.into()));
    // A slow machine must not split what is measured into several turns.
    rig.context.turn_time = Duration::from_secs(3600);
    rig
}

/// Answers to `request`, which is sent again and again, need nothing from the heap once the file
/// is known and coded.
#[track_caller]
fn check(rig: &mut Rig, request: &[u8], want: (u16, Option<&str>)) {
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
    assert_eq!(counted.count_total, 0, "{}", request.escape_ascii());
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

#[test]
fn sixteen_at_once() {
    check(&mut rig(), &get(&[]).repeat(16), (200, None));
}
