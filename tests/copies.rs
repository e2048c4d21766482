//! Large files: private copies of those that are asked for again, and the pace of who reads them.
#![allow(clippy::disallowed_methods, reason = "tests open files")]

mod support;

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::Duration;

use docroot::net::connection::Turn;
use docroot::observe::closed::Closed;
use docroot::observe::event::End;
use support::rig::Rig;
use support::{Setup, find, request};

const SIZE: usize = 3_000_000;

fn content() -> Vec<u8> {
    (0..SIZE as u32 / 4).flat_map(u32::to_le_bytes).collect()
}

fn get(fields: &[(&str, &str)]) -> Vec<u8> {
    request("GET", "/large.bin", fields)
}

fn rig() -> Rig {
    Rig::new(Setup::new().file("large.bin", content()))
}

/// Downloads the file as often as it takes until there is a copy of it.
fn rig_with_copy() -> Rig {
    let mut rig = rig();
    for _ in 0..2 {
        assert!(rig.response(&get(&[])).body == content());
    }
    rig
}

/// Begins a download, changes the file in its place, and goes on: whether the rest comes, and is
/// what it was.
fn survives_a_change(rig: &mut Rig) -> bool {
    rig.send(&get(&[]));
    let mut answer = Vec::new();
    while answer.len() < 1_000_000 {
        answer.extend(rig.read(1000));
    }
    let head = find(&answer, b"\r\n\r\n").expect("a head") + 4;
    let path = rig.setup.root().join("large.bin");
    let file = File::options().write(true).open(path).expect("it opens");
    file.write_all_at(&[b'x'; 1_500_000], 1_250_000)
        .expect("it writes");
    while answer.len() < head + SIZE && rig.drive() == Turn::Wait {
        answer.extend(rig.read((head + SIZE - answer.len()).min(1000)));
    }
    answer[head..] == content()
}

#[test]
#[cfg(target_os = "linux")]
fn a_copy_is_sent_as_it_was_whatever_happens_to_its_file() {
    assert!(!survives_a_change(&mut rig()), "without a copy it is cut");
    let mut rig = rig_with_copy();
    assert!(survives_a_change(&mut rig));
    // The next answer is of the file as it now is.
    let now = rig.response(&get(&[])).body;
    assert!(now[..1_250_000] == content()[..1_250_000]);
    assert!(now[1_250_000..2_750_000].iter().all(|&byte| byte == b'x'));
}

#[test]
fn a_copy_is_a_representation_like_its_file() {
    let mut rig = rig();
    let answers = |rig: &mut Rig| {
        [
            &[("Range", "bytes=1000-1999999")][..],
            &[("Range", "bytes=-5")],
            &[("Range", "bytes=3000000-")],
            &[("If-None-Match", "*")],
            &[],
        ]
        .map(|fields| rig.response(&get(fields)))
        .map(|answer| (answer.status, answer.fields, answer.body))
    };
    let of_file = answers(&mut rig);
    assert_eq!(of_file[0].0, 206);
    assert!(rig.response(&get(&[])).body == content());
    assert!(answers(&mut rig) == of_file);
    let head = rig.response(&request("HEAD", "/large.bin", &[]));
    assert_eq!(head.field("Content-Length"), Some("3000000"));
    let parts = rig.response(&get(&[("Range", "bytes=0-9, 2999990-")]));
    let has = |bytes: &[u8]| find(&parts.body, bytes).is_some();
    assert!(has(&content()[..10]) && has(&content()[2_999_990..]));
    assert!(survives_a_change(&mut rig), "there was a copy");
}

#[test]
fn a_part_makes_no_copy() {
    let mut rig = rig();
    for _ in 0..3 {
        let part = rig.response(&get(&[("Range", "bytes=0-2999998")]));
        assert!(part.body == content()[..2_999_999]);
        rig.response(&request("HEAD", "/large.bin", &[]));
    }
    assert!(!survives_a_change(&mut rig));
}

/// The kernel tells of room in a socket when a third of it is free. What a client has taken until
/// then is learnt at the end of a window by filling the socket up, which takes several turns.
#[test]
fn whoever_takes_less_than_the_socket_holds_keeps_the_pace() {
    let mut rig = rig();
    let window = rig.context.deadlines.send + Duration::from_secs(1);
    rig.send(&get(&[]));
    rig.read(1000);
    assert_eq!(rig.drive(), Turn::Wait);
    let minimum = 61_440; // 2 KiB/s for 30 s
    for taken in [190_000, 160_000, 150_000, 140_000] {
        let mut buffer = vec![0; taken];
        std::io::Read::read_exact(&mut rig.client, &mut buffer).expect("more");
        rig.context.now.instant += window;
        let turn = rig.connection.expire(&mut rig.buffers, &mut rig.context);
        assert!(
            taken > minimum && !matches!(turn, Turn::Closed(_)),
            "{taken}"
        );
        assert_eq!(rig.drive(), Turn::Wait);
    }
    let mut buffer = vec![0; 10_000];
    std::io::Read::read_exact(&mut rig.client, &mut buffer).expect("more");
    rig.context.now.instant += window;
    let turn = rig.connection.expire(&mut rig.buffers, &mut rig.context);
    assert_eq!(turn, Turn::Closed(Closed::Cut(End::TooSlow)));
}

#[test]
fn room_that_was_made_before_a_window_does_not_keep_its_pace() {
    let mut rig = rig();
    let window = rig.context.deadlines.send + Duration::from_secs(1);
    rig.send(&get(&[]));
    rig.read(1000);
    assert_eq!(rig.drive(), Turn::Wait);
    // More than a turn fills, in the window that began with an empty socket.
    let mut buffer = vec![0; 190_000];
    std::io::Read::read_exact(&mut rig.client, &mut buffer).expect("more");
    rig.context.now.instant += window;
    assert_eq!(
        rig.connection.expire(&mut rig.buffers, &mut rig.context),
        Turn::Again
    );
    assert_eq!(rig.drive(), Turn::Wait);
    std::io::Read::read_exact(&mut rig.client, &mut buffer[..10_000]).expect("more");
    rig.context.now.instant += window;
    let turn = rig.connection.expire(&mut rig.buffers, &mut rig.context);
    assert_eq!(turn, Turn::Closed(Closed::Cut(End::TooSlow)));
}
