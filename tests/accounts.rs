//! What the server holds for clients, account by account. After they have left, it holds only what it
//! keeps for the next ones: cached files, private copies, and a few coders.

mod support;

use std::os::unix::net::UnixStream;

use docroot::net::connection::Turn;
use docroot::semantics::range::ByteRange;
use docroot::site::budget::Account;
use docroot::site::compress::CODER;
use support::rig::Rig;
use support::{Client, Setup, TestServer, request, until};

/// Much more than the buffers of two sockets take, also when it is compressed.
const LARGE: usize = 16 << 20;
/// Long enough for a private copy.
const COPIED: usize = 3 << 20;
/// Clients that send the same.
const EACH: usize = 8;
/// Each of the two workers may keep two coders.
const KEPT_CODERS: u64 = 2 * 2 * CODER;
/// Each of the two workers may keep a copy.
const KEPT_COPIES: u64 = 2 * COPIED as u64;
/// The small file, and what belongs to the entries of the caches.
const KEPT_CONTENTS: u64 = 1 << 20;

/// Files of every kind, and a directory whose listing does not fit into the buffers of sockets.
fn setup() -> Setup {
    let setup = Setup::new()
        .file("small.txt", "small")
        .file("large.txt", noise(LARGE))
        .file("copied.bin", noise(COPIED));
    (0..8_000).fold(setup, |setup, number| {
        setup.file(&format!("d/{number:0200}"), "")
    })
}

/// Letters in an order that compresses to no less than half its length.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let next = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        b'a' + (state >> 24) as u8 % 26
    };
    (0..length).map(next).collect()
}

/// Clients in every phase of an exchange. They read nothing.
fn crowd(server: &TestServer) -> Vec<Client> {
    let gzip: &[(&str, &str)] = &[("Accept-Encoding", "gzip")];
    let requests = [
        request("GET", "/small.txt", &[]),
        request("GET", "/large.txt", &[]),
        request("GET", "/large.txt", gzip),
        request("GET", "/copied.bin", &[]),
        request("GET", "/d/", &[]),
        request("GET", "/d/", gzip),
        request("GET", "/d/?q=1", &[]),
        b"GET /small.txt HTTP/1.1\r\nHos".to_vec(),
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf".to_vec(),
    ];
    let mut clients = Vec::new();
    for request in requests.iter().cycle().take(EACH * requests.len()) {
        let mut client = server.connect();
        client.send(request);
        clients.push(client);
    }
    clients
}

/// Clients come and use these accounts. After they have left, no account holds more than is kept.
fn come_and_go(server: &TestServer, used: &[Account], kept: fn(Account) -> u64) {
    let clients = crowd(server);
    for account in used {
        until(account.name(), || server.held(*account) > 0);
    }
    drop(clients);
    for account in Account::ALL {
        until(&format!("{} are given back", account.name()), || {
            server.held(account) <= kept(account)
        });
    }
}

#[test]
fn after_clients_have_left_only_the_cache_and_a_few_coders_are_held() {
    let server = setup().start();
    // A file is cached and copied when it has not changed for some seconds.
    until("a copy is made", || {
        server.get("/copied.bin", &[]);
        server.held(Account::Copies) > 0
    });
    let used = [
        Account::Contents,
        Account::Copies,
        Account::Listings,
        Account::Coders,
        Account::Connections,
    ];
    for _ in 0..2 {
        come_and_go(&server, &used, |account| match account {
            Account::Contents => KEPT_CONTENTS,
            Account::Copies => KEPT_COPIES,
            Account::Coders => KEPT_CODERS,
            Account::Listings | Account::Connections | Account::Passwords => 0,
        });
    }
}

#[test]
fn without_a_cache_only_a_few_coders_are_held() {
    let server = setup().with(|config| config.site.cache_memory = 0).start();
    let used = [Account::Listings, Account::Coders, Account::Connections];
    for _ in 0..2 {
        come_and_go(&server, &used, |account| match account {
            Account::Coders => KEPT_CODERS,
            _ => 0,
        });
    }
}

/// A connection that has received these requests together. Its socket takes little.
fn rig_after(setup: Setup, requests: &[Vec<u8>]) -> Rig {
    let (ours, client) = UnixStream::pair().expect("a pair of sockets");
    rustix::net::sockopt::set_socket_send_buffer_size(&ours, 4096).expect("set");
    let mut rig = Rig::over(setup, ours.into(), client);
    rig.send(&requests.concat());
    assert_eq!(rig.drive(), Turn::Wait);
    rig
}

/// Waits until a connection keeps at least so much of the answer to `last`, while its socket takes nothing of
/// it. Returns what it keeps.
fn kept_of(setup: fn() -> Setup, last: Vec<u8>, least: u64) -> u64 {
    // So much waits for the socket before it.
    let before = || request("GET", "/before.txt", &[]);
    let setup = || setup().file("before.txt", noise(12_000));
    let rig = rig_after(setup(), &[before(), before(), before()]);
    let alone = rig.connection.kept();
    let mut rig = rig_after(setup(), &[before(), before(), before(), last]);
    let mut kept = 0;
    until("the answer is kept", || {
        // It may have waited for a disk thread.
        assert_eq!(rig.drive(), Turn::Wait);
        kept = rig.connection.kept().saturating_sub(alone);
        kept >= least
    });
    kept
}

/// The page is rendered up to where it is known to be too long, although the socket is full.
#[test]
fn a_listing_that_waits_for_its_socket_is_a_cost_of_the_connection() {
    const BEGUN: u64 = 40 * 1024;
    let setup = || {
        (0..400).fold(Setup::new(), |setup, number| {
            setup.file(&format!("d/{number:0200}"), "")
        })
    };
    let kept = kept_of(setup, request("GET", "/d/", &[]), BEGUN);
    assert!(kept < 2 * BEGUN, "{kept}");
}

/// Each head of a part says the type of the file, and is longer than what is known of its range.
#[test]
fn the_parts_of_a_response_that_waits_cost_little_of_the_connection() {
    const RANGES: usize = 30;
    /// What a head takes at least. The type of this file is one of the longest.
    const HEAD: usize = 100;
    const ONE: &str = "bytes=10000-90000";
    let setup = || Setup::new().file("a.docx", noise(100_000));
    let get = |range: &str| request("GET", "/a.docx", &[("Range", range)]);
    let one = kept_of(setup, get(ONE), 1);
    let ranges: Vec<String> = (0..RANGES).map(|at| format!("{0}-{0}", 2 * at)).collect();
    let all = format!("{ONE},{}", ranges.join(","));
    let known = (RANGES * size_of::<ByteRange>()) as u64;
    let more = kept_of(setup, get(&all), one + known) - one;
    assert!(more < (RANGES * HEAD) as u64, "{more}");
}
