//! Who may read the site, by address and by password (RFC 9110 sections 11 and 15.5, RFC 7617).

mod support;

use docroot::semantics::rules::Rules;
use support::{Response, Setup, TestServer, request};

fn server(change: impl FnOnce(&mut Rules)) -> TestServer {
    Setup::new()
        .file("index.html", "<p>start")
        .file("a.txt", "some text")
        .with(|config| change(&mut config.rules))
        .start()
}

/// The response to a client with this address.
fn from(server: &TestServer, address: [u8; 4], method: &str, target: &str) -> Response {
    let mut client = server.connect_from(address);
    client.send(&request(method, target, &[]));
    client.response(method)
}

const HERE: [u8; 4] = [127, 0, 0, 1];
const THERE: [u8; 4] = [127, 1, 2, 3];

/// Tests `origin::answer::refused_address`.
#[test]
fn an_address_that_is_not_allowed_gets_403_whatever_it_asks_for() {
    let server = server(|rules| rules.addresses.allow("127.0.0.0/16").expect("a block"));
    assert_eq!(from(&server, HERE, "GET", "/a.txt").status, 200);
    for (method, target) in [
        ("GET", "/a.txt"),
        ("GET", "/none"),
        ("GET", "/%zz"),
        ("HEAD", "/"),
        ("OPTIONS", "*"),
        ("POST", "/a.txt"),
        ("BREW", "/a.txt"),
    ] {
        let refused = from(&server, THERE, method, target);
        assert_eq!(refused.status, 403, "{method} {target}");
        assert_eq!(refused.field("Allow"), None, "{method} {target}");
        assert_eq!(refused.field("Cache-Control"), Some("no-cache"));
    }
}

#[test]
fn the_longest_prefix_decides() {
    let server = server(|rules| {
        rules.addresses.deny("127.1.0.0/16").expect("a block");
        rules.addresses.allow("127.0.0.0/8").expect("a block");
        rules.addresses.allow("127.1.2.3").expect("an address");
    });
    assert_eq!(from(&server, HERE, "GET", "/a.txt").status, 200);
    assert_eq!(from(&server, THERE, "GET", "/a.txt").status, 200);
    assert_eq!(from(&server, [127, 1, 2, 4], "GET", "/a.txt").status, 403);
}

#[test]
fn only_denied_addresses_are_refused() {
    let server = server(|rules| rules.addresses.deny("127.1.2.0/24").expect("a block"));
    assert_eq!(from(&server, HERE, "GET", "/a.txt").status, 200);
    assert_eq!(from(&server, THERE, "GET", "/a.txt").status, 403);
}
