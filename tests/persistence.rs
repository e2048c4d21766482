//! RFC 9112 section 9: connections that are kept, and how they end.

mod support;

use support::{TestServer, request};

#[test]
fn concept_9_persistent_connections_and_pipelining() {
    let server = TestServer::of(&[("a", "first"), ("b", "second")]);
    let mut client = server.connect();
    let mut pipeline = request("GET", "/a", &[]);
    pipeline.extend(request("HEAD", "/a", &[]));
    pipeline.extend(request("GET", "/b", &[("Connection", "close")]));
    client.send(&pipeline);
    assert_eq!(client.response("GET").text(), "first");
    assert_eq!(client.response("HEAD").field("Content-Length"), Some("5"));
    let last = client.response("GET");
    assert_eq!(last.text(), "second");
    assert_eq!(last.field("Connection"), Some("close"));
    assert!(client.is_closed());
}
