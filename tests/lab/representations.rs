//! Negotiation, validators and what browsers keep.

use std::io::Read;

use flate2::read::GzDecoder;

use super::{LAB, get, lab, post};

#[test]
fn a_representation_is_chosen() {
    let server = lab();
    let chosen = |fields: &[(&str, &str)], query: &str| {
        let response = server.get(&format!("{LAB}negotiate?{query}"), fields);
        let field = |name| response.field(name).unwrap_or("none").to_owned();
        let media_type = field("Content-Type");
        let media_type = media_type.split(';').next().unwrap_or_default().to_owned();
        (
            media_type,
            field("Content-Language"),
            field("Content-Encoding"),
        )
    };
    let want = |media_type: &str, language: &str, coding: &str| {
        (
            media_type.to_owned(),
            language.to_owned(),
            coding.to_owned(),
        )
    };
    assert_eq!(chosen(&[], ""), want("text/plain", "en", "none"));
    let fields = [
        ("Accept", "application/json"),
        ("Accept-Language", "de-AT"),
        ("Accept-Encoding", "gzip"),
    ];
    assert_eq!(chosen(&fields, ""), want("application/json", "de", "gzip"));
    // A value of the query counts instead of the field.
    let query = "accept=text/html&accept-language=fr,zh;q=0.5&accept-encoding=deflate";
    assert_eq!(chosen(&fields, query), want("text/html", "zh", "deflate"));
    assert_eq!(
        chosen(&[], "accept-language=fr"),
        want("text/plain", "en", "none")
    );

    // RFC 9110 section 5.3: several lines are one list.
    let lines = [
        ("Accept", "text/html;q=0.5"),
        ("Accept-Language", "de;q=0.5"),
        ("Accept-Encoding", "deflate;q=0.5"),
        ("accept", "application/json"),
        ("accept-language", "zh"),
        ("accept-encoding", "gzip"),
    ];
    assert_eq!(chosen(&lines, ""), want("application/json", "zh", "gzip"));
    let many = [[("Accept", "text/html;q=0.5")].repeat(40), lines.to_vec()].concat();
    assert_eq!(chosen(&many, ""), want("application/json", "zh", "gzip"));

    let refused = get(&server, "negotiate?accept-encoding=identity;q=0,br");
    assert_eq!(
        (refused.status, refused.field("Content-Encoding")),
        (406, None)
    );
    let response = get(&server, "negotiate?accept-encoding=gzip&accept=text/html");
    let mut text = String::new();
    GzDecoder::new(&response.body[..])
        .read_to_string(&mut text)
        .expect("gzip");
    for wanted in [
        "Hello, world",
        "Accept: text/html",
        "RFC 9110 section 12.5.3",
        "semantics::accept::choose_media_type",
    ] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
    assert_eq!(
        response.field("Vary"),
        Some("Accept, Accept-Language, Accept-Encoding")
    );
}

/// RFC 9110 section 12.5.2: servers may ignore the field.
#[test]
fn a_charset_is_not_chosen() {
    let server = lab();
    let wanted = "iso-8859-1,utf-8;q=0.5";
    let by_field = server.get(&format!("{LAB}negotiate"), &[("Accept-Charset", wanted)]);
    let by_query = get(&server, &format!("negotiate?accept-charset={wanted}"));
    for response in [by_field, by_query] {
        let media_type = response.field("Content-Type").unwrap_or_default();
        assert!(media_type.ends_with("; charset=utf-8"), "{media_type}");
        let text = response.text();
        assert!(
            text.contains(&format!("Accept-Charset: {wanted}\n")),
            "{text}"
        );
        assert!(
            text.contains("charset utf-8: RFC 9110 section 12.5.2"),
            "{text}"
        );
    }
}

#[test]
fn conditions_and_ranges_are_decided_by_the_rules_of_the_server() {
    let server = lab();
    let date = "Sun, 06 Nov 1994 08:49:37 GMT";
    let modified = "modified=Sun,+06+Nov+1994+08:49:37+GMT";
    let later = "Sun, 06 Nov 1994 08:49:38 GMT";
    let earlier = "Sun, 06 Nov 1994 08:49:36 GMT";
    for (query, name, value, status) in [
        ("", "If-None-Match", "\"lab-1\"", 304),
        ("", "If-None-Match", "W/\"lab-1\"", 304),
        ("", "If-None-Match", "\"lab-2\"", 200),
        ("version=2", "If-None-Match", "\"lab-2\"", 304),
        ("etag=none", "If-None-Match", "\"lab-1\"", 200),
        ("", "If-Match", "\"lab-1\"", 200),
        ("etag=weak", "If-Match", "W/\"lab-1\"", 412),
        ("", "If-Match", "\"x\"", 412),
        (modified, "If-Modified-Since", date, 304),
        (modified, "If-Modified-Since", later, 304),
        (modified, "If-Modified-Since", earlier, 200),
        (modified, "If-Unmodified-Since", earlier, 412),
        ("", "Range", "bytes=0-3", 206),
        ("", "Range", "bytes=-5", 206),
        ("", "Range", "bytes=1000-", 416),
        ("", "Range", "bytes=0-1,3-4", 200),
    ] {
        let response = server.get(&format!("{LAB}cache?{query}"), &[(name, value)]);
        assert_eq!(response.status, status, "{query} {name}: {value}");
        let is_whole = response.status == 200;
        assert_eq!(
            is_whole,
            response.text().starts_with("This is version "),
            "{query} {name}: {value}"
        );
    }
    let part = server.get(&format!("{LAB}cache"), &[("Range", "bytes=0-3")]);
    assert_eq!(
        (part.text(), part.field("Content-Range")),
        ("This".to_owned(), Some("bytes 0-3/41"))
    );
    assert_eq!(
        get(&server, "cache?etag=weak").field("ETag"),
        Some("W/\"lab-1\"")
    );
    let all = "cache?max-age=5&s-maxage=6&directive=public&directive=immutable&directive=public&age=4&vary=Accept&";
    let response = get(&server, &format!("{all}{modified}"));
    for (name, value) in [
        ("Cache-Control", "max-age=5, s-maxage=6, public, immutable"),
        ("Age", "4"),
        ("Vary", "Accept"),
        ("Last-Modified", date),
    ] {
        assert_eq!(response.field(name), Some(value));
        // A 304 has them too (RFC 9110 section 15.4.5).
        let same = server.get(&format!("{LAB}{all}{modified}"), &[("If-None-Match", "*")]);
        assert_eq!((same.status, same.field(name)), (304, Some(value)));
    }
}

#[test]
fn site_data_is_cleared() {
    let server = lab();
    let cleared = |form: &str| {
        let response = post(&server, "clear", form);
        (
            response.status,
            response.field("Clear-Site-Data").map(str::to_owned),
        )
    };
    assert_eq!(
        cleared("types=cookies"),
        (200, Some("\"cookies\"".to_owned()))
    );
    let two = cleared("types=cache&types=*&types=cache");
    assert_eq!(two, (200, Some("\"cache\", \"*\"".to_owned())));
    for form in [
        "",
        "types=",
        "types=all",
        "types=cookies&types=x",
        "types=%22",
    ] {
        assert_eq!(cleared(form), (400, None), "{form}");
    }
}
