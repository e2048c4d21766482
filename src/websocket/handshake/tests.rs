use super::*;
use crate::semantics::field::Section;
use crate::semantics::field_section::FieldValue;
use crate::websocket::negotiation::{DeflateContext, WindowBits};

/// The handshake of section 1.2, line by line.
const LINES: [(FieldName, &str); 6] = [
    (FieldName::Host, "server.example.com"),
    (FieldName::Upgrade, "websocket"),
    (FieldName::Connection, "Upgrade"),
    (FieldName::SecWebSocketKey, "dGhlIHNhbXBsZSBub25jZQ=="),
    (FieldName::Origin, "http://server.example.com"),
    (FieldName::SecWebSocketVersion, "13"),
];

const OWN: OwnOrigin = OwnOrigin {
    is_secure: false,
    host: b"server.example.com",
    port: None,
};

const FULL: DeflateContext = DeflateContext {
    is_taken_over: true,
    window: WindowBits::MAX,
};

const ENDPOINT: Endpoint = Endpoint {
    protocols: &["superchat", "chat"],
    deflate: Some(DeflatePolicy {
        server: FULL,
        client: FULL,
    }),
    takes_forwarded_host: false,
};

/// The answer to the handshake with other lines of the field `name`.
fn answer(name: FieldName, values: &[&str]) -> Result<Accepted, Refusal> {
    let kept = LINES.into_iter().filter(|(other, _)| *other != name);
    let changed = values.iter().map(|value| (name, *value));
    let section = Section::of(&kept.chain(changed).collect::<Vec<_>>());
    accept(&get(section.fields()), &ENDPOINT, &mut Trace::off())
}

fn get(fields: Fields<'_>) -> HandshakeRequest<'_> {
    HandshakeRequest {
        method: Some(Method::Get),
        is_http10: false,
        has_body: false,
        own: Some(OWN),
        forwarded: &[],
        fields,
    }
}

#[track_caller]
fn check(name: FieldName, values: &[&str], want: Result<(), Refusal>) {
    let got = answer(name, values);
    assert_eq!(got.map(drop), want, "{name:?} {values:?}");
}

#[test]
fn upgrade_and_connection_list_their_tokens() {
    use FieldName::{Connection, Upgrade};
    check(Upgrade, &["websocket"], Ok(())); // 4.2.1 item 3
    check(Upgrade, &["WebSocket"], Ok(()));
    check(Upgrade, &["h2c, websocket"], Ok(()));
    check(Upgrade, &["h2c", "websocket"], Ok(()));
    check(Upgrade, &[], Err(Refusal::NoUpgrade));
    check(Upgrade, &["h2c"], Err(Refusal::NoUpgrade));
    check(Upgrade, &["websocket/13"], Err(Refusal::NoUpgrade));
    check(Upgrade, &["websockets"], Err(Refusal::NoUpgrade));
    check(Connection, &["upgrade"], Ok(())); // item 4
    check(Connection, &["keep-alive, Upgrade"], Ok(())); // as Firefox sends it
    check(Connection, &["keep-alive", "UPGRADE"], Ok(()));
    check(Connection, &[], Err(Refusal::NoConnectionOption));
    check(
        Connection,
        &["keep-alive"],
        Err(Refusal::NoConnectionOption),
    );
    check(Connection, &["upgraded"], Err(Refusal::NoConnectionOption));
}

#[test]
fn the_version_is_13() {
    use FieldName::SecWebSocketVersion as Version;
    check(Version, &["13"], Ok(())); // item 6
    check(Version, &[], Err(Refusal::Version));
    check(Version, &["8"], Err(Refusal::Version)); // 4.4
    check(Version, &["013"], Err(Refusal::Version));
    check(Version, &["13, 8"], Err(Refusal::Version)); // 4.1 item 9: one version
    check(Version, &["13", "13"], Err(Refusal::RepeatedVersion)); // 11.3.5
}

#[test]
fn the_key_is_16_bytes() {
    use FieldName::SecWebSocketKey as Key;
    check(Key, &["AQIDBAUGBwgJCgsMDQ4PEC=="], Err(Refusal::InvalidKey)); // bits beyond the last byte
    check(Key, &["AQIDBAUGBwgJCgsMDQ4PEA=="], Ok(())); // item 5
    check(Key, &[], Err(Refusal::NoKey));
    check(Key, &[LINES[3].1, LINES[3].1], Err(Refusal::RepeatedKey)); // 11.3.1
    check(Key, &[""], Err(Refusal::InvalidKey));
    check(Key, &["AQIDBAUGBwgJCgsMDQ4PEA"], Err(Refusal::InvalidKey)); // no padding
    check(Key, &["AQIDBAUGBwgJCgsMDQ4PEBE="], Err(Refusal::InvalidKey)); // 17 bytes
    check(Key, &["AQIDBAUGBwgJCgsMDQ4PEBES"], Err(Refusal::InvalidKey)); // 18 bytes
    check(Key, &["AQIDBAUGBwgJCgsMDQ4P"], Err(Refusal::InvalidKey)); // 15 bytes
    check(Key, &["AQIDBAUGBwgJCgsMDQ4P-A=="], Err(Refusal::InvalidKey)); // base64url
    check(
        Key,
        &["AQIDBAUGBwgJCgsMDQ4PEA=\u{e9}"],
        Err(Refusal::InvalidKey),
    );
    check(Key, &[&"A".repeat(1000)], Err(Refusal::InvalidKey));
}

#[test]
fn the_answer_to_the_key_is_that_of_the_example() {
    let accepted = answer(FieldName::Host, &[]).expect("accepted");
    assert_eq!(accepted.accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="); // 1.3
}

#[test]
fn foreign_pages_are_refused() {
    check(FieldName::Origin, &[], Ok(())); // item 7: not a browser
    let foreign = Err(Refusal::ForeignOrigin);
    check(FieldName::Origin, &["http://example.com"], foreign); // 10.2
    check(FieldName::Origin, &["null"], foreign);
    let site = FieldName::SecFetchSite;
    check(site, &["same-origin"], Ok(()));
    check(site, &["none"], Ok(()));
    for other in ["cross-site", "same-site"] {
        check(site, &[other], Err(Refusal::ForeignSite));
    }
}

#[test]
fn requests_that_cannot_be_upgraded_are_refused() {
    let section = Section::of(&LINES);
    let get = get(section.fields());
    let check = |request: HandshakeRequest<'_>, want| {
        let got = accept(&request, &ENDPOINT, &mut Trace::off());
        assert_eq!(got.map(drop), want, "{request:?}");
    };
    check(get, Ok(()));
    let post = Some(Method::Registered("POST"));
    for method in [post, Some(Method::Head), Some(Method::Options), None] {
        let request = HandshakeRequest { method, ..get };
        check(request, Err(Refusal::Method)); // 4.2.1 item 1
    }
    let http10 = HandshakeRequest {
        is_http10: true,
        ..get
    };
    check(http10, Err(Refusal::Http10)); // RFC 9110 7.8
    let with_body = HandshakeRequest {
        has_body: true,
        ..get
    };
    check(with_body, Err(Refusal::Body));
    let chunked = [
        LINES.as_slice(),
        &[(FieldName::TransferEncoding, "chunked")],
    ]
    .concat();
    let section = Section::of(&chunked);
    let with_chunks = HandshakeRequest {
        has_body: true,
        fields: section.fields(),
        ..get
    };
    check(with_chunks, Err(Refusal::ChunkedBody));
    let hostless = HandshakeRequest { own: None, ..get };
    check(hostless, Err(Refusal::ForeignOrigin));
}

#[track_caller]
fn check_protocol(values: &[&str], want: Result<Option<&str>, Refusal>) {
    let got = answer(FieldName::SecWebSocketProtocol, values);
    assert_eq!(got.map(|accepted| accepted.protocol), want, "{values:?}");
}

#[test]
fn the_server_chooses_the_protocol() {
    check_protocol(&[], Ok(None)); // item 8
    check_protocol(&["chat"], Ok(Some("chat")));
    check_protocol(&["chat, superchat"], Ok(Some("superchat"))); // 4.2.2: the server's order
    check_protocol(&["chat", "superchat"], Ok(Some("superchat"))); // 11.3.4: one list
    check_protocol(&["mqtt, chat"], Ok(Some("chat")));
    check_protocol(&["chat, chat"], Ok(Some("chat")));
    check_protocol(&["mqtt"], Ok(None));
    check_protocol(&["Chat"], Ok(None)); // 4.1 item 10: opaque strings
    check_protocol(&[""], Err(Refusal::Protocols)); // 4.3: 1#token
    check_protocol(&[" , "], Err(Refusal::Protocols));
    check_protocol(&["chat superchat"], Err(Refusal::Protocols));
    check_protocol(&["chat", "a/b"], Err(Refusal::Protocols));
    check_protocol(&["\"chat\""], Err(Refusal::Protocols));
}

#[test]
fn extensions_are_negotiated() {
    let name = FieldName::SecWebSocketExtensions;
    let deflate = |values: &[&str]| {
        answer(name, values).map(|accepted| accepted.deflate.map(|agreed| agreed.to_string()))
    };
    assert_eq!(deflate(&[]), Ok(None)); // item 9
    assert_eq!(deflate(&["foo"]), Ok(None));
    let agreed = Ok(Some("permessage-deflate".into()));
    assert_eq!(deflate(&["permessage-deflate"]), agreed);
    assert_eq!(deflate(&["a b"]), Err(Refusal::Extensions)); // 9.1
}

/// Each field as a line.
fn lines(fields: &FieldSection) -> Vec<String> {
    let fields = fields.fields().iter();
    let lines = fields.map(|(name, value)| match value {
        FieldValue::Text(text) => format!("{name}: {}", String::from_utf8_lossy(text)),
        other => panic!("{name}: {other:?}"),
    });
    lines.collect()
}

#[test]
fn the_response_has_the_fields_of_the_rfc() {
    let mut accepted = answer(FieldName::SecWebSocketProtocol, &["chat"]).expect("accepted");
    let mut want = vec![
        "Upgrade: websocket", // 4.2.2 item 5
        "Connection: Upgrade",
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
        "Sec-WebSocket-Protocol: chat",
    ];
    assert_eq!(lines(&accepted.fields()), want);
    let offer = FieldName::SecWebSocketExtensions;
    accepted.deflate = answer(offer, &["permessage-deflate; client_no_context_takeover"])
        .expect("accepted")
        .deflate;
    want.push("Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover");
    assert_eq!(lines(&accepted.fields()), want);
    accepted.protocol = None;
    want.remove(3);
    assert_eq!(lines(&accepted.fields()), want);
}

#[test]
fn each_refusal_has_its_status() {
    use Refusal::*;
    let upgrade = [
        "Upgrade: websocket", // RFC 9110 15.5.22
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13", // 4.4
    ];
    for (refusal, status, fields) in [
        (Method, 405, &["Allow: GET"][..]), // RFC 9110 15.5.6
        (Http10, 400, &[]),
        (Body, 400, &[]),
        (ChunkedBody, 400, &[]),
        (NoUpgrade, 426, &upgrade),
        (NoConnectionOption, 400, &[]),
        (Version, 426, &upgrade), // 4.2.2
        (RepeatedVersion, 400, &[]),
        (NoKey, 400, &[]), // 4.2.1
        (RepeatedKey, 400, &[]),
        (InvalidKey, 400, &[]),
        (ForeignOrigin, 403, &[]), // 10.2
        (ForeignSite, 403, &[]),   // 10.2
        (Protocols, 400, &[]),
        (Extensions, 400, &[]),
    ] {
        assert_eq!(refusal.status().code(), status, "{refusal:?}");
        assert_eq!(lines(&refusal.fields()), fields, "{refusal:?}");
        let text = refusal.to_string();
        assert!(text.contains(' ') && !text.ends_with('.'), "{text}");
        let section = refusal.clause().section;
        assert_eq!(section.contains("RFC 9110"), refusal == Http10, "{section}");
    }
}

#[test]
fn the_trace_shows_the_key_and_the_answer() {
    let section = Section::of(&LINES);
    let mut trace = Trace::watched();
    accept(&get(section.fields()), &ENDPOINT, &mut trace).expect("accepted");
    let steps: Vec<String> = trace.steps().iter().map(Step::to_string).collect();
    let want = "the answer to the key shows that the server speaks WebSocket: \
                dGhlIHNhbXBsZSBub25jZQ== => s3pPLMBiTxaQ9kYGzzhZRbK+xOo= -> 101";
    assert_eq!(steps, [want]);
}

#[test]
fn the_trace_shows_what_became_of_extensions() {
    let check = |offered: &str, want: &str| {
        let lines = [&LINES[..], &[(FieldName::SecWebSocketExtensions, offered)]].concat();
        let section = Section::of(&lines);
        let mut trace = Trace::watched();
        accept(&get(section.fields()), &ENDPOINT, &mut trace).expect("accepted");
        assert_eq!(trace.steps()[0].to_string(), want);
    };
    check(
        "permessage-deflate; client_no_context_takeover",
        "messages are compressed as the client offers: permessage-deflate; client_no_context_takeover \
         => permessage-deflate; client_no_context_takeover",
    );
    check(
        "x-other",
        "no offer is accepted, so messages are not compressed: x-other",
    );
}

#[test]
fn each_refusal_names_what_would_mend_it() {
    use FieldName::{
        Connection, ContentLength, Origin, SecFetchSite, SecWebSocketExtensions, SecWebSocketKey,
        SecWebSocketProtocol, SecWebSocketVersion, TransferEncoding, Upgrade,
    };
    let key = Edit::set(SecWebSocketKey, "dGhlIHNhbXBsZSBub25jZQ==");
    for (refusal, want) in [
        (Refusal::Method, Edit::method("GET")),
        (Refusal::Http10, Edit::http11()),
        (Refusal::Body, Edit::set(ContentLength, "0")),
        (Refusal::ChunkedBody, Edit::remove(TransferEncoding)),
        (Refusal::NoUpgrade, Edit::set(Upgrade, "websocket")),
        (
            Refusal::NoConnectionOption,
            Edit::set(Connection, "Upgrade"),
        ),
        (Refusal::Version, Edit::set(SecWebSocketVersion, "13")),
        (
            Refusal::RepeatedVersion,
            Edit::set(SecWebSocketVersion, "13"),
        ),
        (Refusal::NoKey, key),
        (Refusal::RepeatedKey, key),
        (Refusal::InvalidKey, key),
        (Refusal::ForeignOrigin, Edit::remove(Origin)),
        (Refusal::ForeignSite, Edit::remove(SecFetchSite)),
        (Refusal::Protocols, Edit::remove(SecWebSocketProtocol)),
        (Refusal::Extensions, Edit::remove(SecWebSocketExtensions)),
    ] {
        assert_eq!(refusal.edit(), want, "{refusal}");
    }
}

#[test]
fn a_handshake_would_be_refused_or_without_extensions() {
    let offer = (FieldName::SecWebSocketExtensions, "permessage-deflate");
    let section = Section::of(&[LINES.as_slice(), &[offer]].concat());
    let mut trace = Trace::watched();
    assert!(accept(&get(section.fields()), &ENDPOINT, &mut trace).is_ok());
    let edits: Vec<Edit> = trace
        .steps()
        .iter()
        .filter_map(|step| step.edits[0])
        .collect();
    let without = Edit::remove(FieldName::SecWebSocketExtensions).keeps_status();
    let upgrade = Edit::remove(FieldName::Upgrade);
    assert_eq!(edits, [without, upgrade]);
}
