//! The requests of the test `what_if`, by the options of the server that they are sent to.

/// The options of a server, and the requests that it gets: each a request-line and fields. `Host: localhost` is
/// added unless the fields have a Host, or the line `no Host`. `[etag]` stands for the entity-tag of the file that
/// the target names, and `[long]` for a name that is longer than a target may be.
pub type Group = (&'static [&'static str], &'static [&'static [&'static str]]);

const GET: &str = "GET /hello.txt HTTP/1.1";
const POEM: &str = "GET /poem.txt HTTP/1.1";
const WIRE: &str = "GET /.docroot/wire HTTP/1.1";
const UPGRADE: &str = "Upgrade: websocket";
const OPTION: &str = "Connection: Upgrade";
const VERSION: &str = "Sec-WebSocket-Version: 13";
const KEY: &str = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";

/// Alice's password is `secret`, and Bob's is `other`. The hashes are bcrypt's at its lowest cost.
#[cfg(feature = "auth")]
const ALICE: &str =
    "/private/** alice:$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW";
#[cfg(feature = "auth")]
const BOB: &str = "/bob/** bob:$2b$04$abcdefghijklmnopqrstuu0HtfOlPbTiymk5tcV.3TsFPDd3SYZqu";
#[cfg(feature = "auth")]
const AS_ALICE: &str = "Authorization: Basic YWxpY2U6c2VjcmV0";
#[cfg(feature = "auth")]
const AS_BOB: &str = "Authorization: Basic Ym9iOm90aGVy";

pub const GROUPS: &[Group] = &[
    (&[], PLAIN),
    (&[], MALFORMED),
    (&[], WEBSOCKETS),
    (&["--lab"], LAB),
    (
        &["--archive"],
        &[
            &["GET /letters/?archive=zip HTTP/1.1"],
            &["GET /letters/?archive=rar&format=json HTTP/1.1"],
            &["OPTIONS /letters/?archive=zip HTTP/1.1"],
        ],
    ),
    (
        &["--no-listing"],
        &[&["GET /letters/ HTTP/1.1"], &["GET /letters HTTP/1.1"]],
    ),
    (
        &["--clean-urls"],
        &[
            &["GET /site/text.html HTTP/1.1"],
            &["GET /site/text HTTP/1.1"],
            &["GET /site/text/?a HTTP/1.1"],
            &["GET /site/index HTTP/1.1"],
            &["GET /site/index.html HTTP/1.1"],
        ],
    ),
    (
        &["--prefix", "/p"],
        &[
            &["GET /p?q HTTP/1.1"],
            &["GET /p/hello.txt HTTP/1.1"],
            &["GET /p/none HTTP/1.1"],
            &["GET /p/letters HTTP/1.1"],
            &["GET /hello.txt HTTP/1.1"],
        ],
    ),
    (
        &["--negotiate"],
        &[
            &["GET /site/text.html HTTP/1.1"],
            &["GET /site/text.html?lang=de&a=b HTTP/1.1"],
            &[
                "GET /site/text.html HTTP/1.1",
                "Cookie: a=b; docroot-lang=de",
            ],
            &[
                "GET /site/text.html?download HTTP/1.1",
                "Accept-Language: de-CH, en;q=0.5",
            ],
            &["GET /site/text.html HTTP/1.1", "Accept-Language: fr"],
            &["GET /photo.png HTTP/1.1", "Accept: image/avif, */*;q=0.5"],
        ],
    ),
    (
        &["--negotiate", "--strict-negotiation"],
        &[
            &["GET /site/text.html HTTP/1.1", "Accept-Language: fr, *;q=0"],
            &["GET /site/text.html HTTP/1.1", "Accept-Language: de"],
        ],
    ),
    (
        &["--precompressed"],
        &[
            &["GET /books/book.txt HTTP/1.1"],
            &[
                "GET /books/book.txt HTTP/1.1",
                "Accept-Encoding: gzip, deflate, br, zstd",
            ],
            &[
                "GET /books/book.txt HTTP/1.1",
                "Accept-Encoding: gzip, identity;q=0",
                "Range: bytes=-5",
            ],
            &["GET /books/book.txt HTTP/1.1", "Accept-Encoding: *;q=0"],
            &["GET /books/book.txt.br HTTP/1.1", "Accept-Encoding: br;q=0"],
            &["GET /books/book.txt.br HTTP/1.1"],
            &["GET /books/book.txt.br HTTP/1.1", "Accept-Encoding: br"],
        ],
    ),
    (
        &["--spa=site/text.html"],
        &[
            &["GET /deep/link HTTP/1.1"],
            &["GET /deep/link HTTP/1.1", "Sec-Fetch-Dest: document"],
            &["GET /deep/link HTTP/1.1", "Sec-Fetch-Dest: empty"],
            &["GET /deep/link HTTP/1.1", "Accept: image/png"],
            &["GET /deep/link.v2 HTTP/1.1", "Accept: */*"],
            &["OPTIONS /deep/link HTTP/1.1"],
        ],
    ),
    (&["--spa=none.html"], &[&["GET /deep/link HTTP/1.1"]]),
    (
        &["--cors"],
        &[
            &[GET, "Origin: https://a.example"],
            &[
                "OPTIONS /hello.txt HTTP/1.1",
                "Origin: https://a.example",
                "Access-Control-Request-Method: GET",
            ],
        ],
    ),
    (
        &["--cors=https://a.example"],
        &[
            &[GET],
            &[GET, "Origin: https://a.example"],
            &[GET, "Origin: https://b.example"],
            &["GET /none HTTP/1.1", "Origin: https://b.example"],
            &[
                "OPTIONS /hello.txt HTTP/1.1",
                "Origin: https://b.example",
                "Access-Control-Request-Method: GET",
            ],
            &[
                WIRE,
                UPGRADE,
                OPTION,
                VERSION,
                KEY,
                "Origin: https://a.example",
            ],
            &[WIRE, UPGRADE, OPTION, VERSION, KEY],
        ],
    ),
    (
        &["--cache", "/**=max-age=60"],
        &[
            &["GET /hello.txt HTTP/1.0", "no Host"],
            &["GET /hello.txt HTTP/1.0", "Connection: keep-alive"],
        ],
    ),
    (
        &["--redirect", "/old/**=https://b.example/$1"],
        &[&["GET /old/a?b HTTP/1.1"]],
    ),
    (&["--deny", "127.0.0.2"], &[&[GET], &["PUT / HTTP/1.1"]]),
    (&["--allow", "127.0.0.0/8"], &[&[GET]]),
    #[cfg(feature = "live-reload")]
    (&["--live-reload"], &[&["GET /site/ HTTP/1.1"]]),
    (
        &["--etag", "content", "--no-compress"],
        &[
            &[GET, "If-None-Match: [etag]"],
            &[POEM, "Accept-Encoding: gzip"],
        ],
    ),
    (
        &["--allow-host", "a.example,example.org"],
        &[
            &[GET, "Host: a.example"],
            &["GET http://example.org/hello.txt HTTP/1.1"],
            &["GET http://b.example/hello.txt HTTP/1.1"],
            &["OPTIONS http://example.org HTTP/1.1"],
        ],
    ),
    (
        &["--strict-host", "--allow-host", "127.0.0.1,a.example"],
        &[&[GET, "Host: a.example"], &[GET, "Host: localhost"]],
    ),
    #[cfg(feature = "auth")]
    (
        &["--auth", ALICE, "--auth", BOB, "--cors=https://a.example"],
        &[
            &["GET /private/a.txt HTTP/1.1"],
            &[
                "GET /private/a.txt HTTP/1.1",
                AS_ALICE,
                "Origin: https://a.example",
            ],
            &["GET /private/a.txt HTTP/1.1", AS_BOB],
            &[
                "GET /private/a.txt HTTP/1.1",
                "Authorization: Basic YWxpY2U6d3Jvbmc=",
            ],
            &["GET /private/a.txt HTTP/1.1", "Authorization: Bearer a"],
        ],
    ),
    (
        &["--max-fields", "8", "--max-target", "512"],
        &[
            &[
                GET, "A: b", "A: b", "A: b", "A: b", "A: b", "A: b", "A: b", "A: b",
            ],
            &["GET /[long] HTTP/1.1"],
        ],
    ),
];

const PLAIN: &[&[&str]] = &[
    // Whole representations, and how they are chosen.
    &[GET],
    &["HEAD /hello.txt HTTP/1.1"],
    &["HEAD /poem.txt HTTP/1.1", "Accept-Encoding: gzip"],
    &["HEAD /hello.txt HTTP/1.1", "Range: bytes=0-1"],
    &["HEAD /hello.txt HTTP/1.1", "If-None-Match: [etag]"],
    &["GET /empty HTTP/1.1"],
    &["GET /empty HTTP/1.1", "Range: bytes=0-1"],
    &["GET / HTTP/1.1"],
    &["GET /?a HTTP/1.1"],
    &["GET /letters/ HTTP/1.1"],
    &["GET /letters/ HTTP/1.1", "Accept: application/json"],
    &["GET /letters/ HTTP/1.1", "Accept: image/png"],
    &["GET /letters/ HTTP/1.1", "Accept-Encoding: gzip"],
    &[
        "GET /letters/ HTTP/1.1",
        "Accept-Encoding: gzip",
        "If-None-Match: \"a\"",
    ],
    &["GET /letters/ HTTP/1.1", "Range: bytes=0-1"],
    &["GET /letters/ HTTP/1.0", "Accept-Encoding: gzip"],
    &[
        "GET /letters/?format=json&sort=size HTTP/1.1",
        "Accept: text/html",
    ],
    &["GET /letters/?archive=zip HTTP/1.1"],
    &["GET /site/ HTTP/1.1"],
    &["GET /hello.txt?download HTTP/1.1"],
    &[
        "GET /hello.txt?a=b&download&c HTTP/1.1",
        "If-None-Match: [etag]",
    ],
    // Codings.
    &[POEM],
    &[POEM, "Accept-Encoding:"],
    &[POEM, "Accept-Encoding: br"],
    &[POEM, "Accept-Encoding: gzip;q=0.5, deflate"],
    &[POEM, "Accept-Encoding: identity, gzip;q=0.5"],
    &[POEM, "Accept-Encoding: identity;q=0, gzip"],
    &[POEM, "Accept-Encoding: *;q=0"],
    &[POEM, "Accept-Encoding: *;q=0", "If-None-Match: \"a\""],
    &[POEM, "Accept-Encoding: gzip", "Cache-Control: no-transform"],
    &[POEM, "Accept-Encoding: gzip", "If-None-Match: \"a\""],
    &[POEM, "Accept-Encoding: gzip", "If-None-Match: [etag]"],
    &[POEM, "Accept-Encoding: gzip", "If-Match: [etag]"],
    &[POEM, "Accept-Encoding: gzip", "If-Match: \"a\""],
    &[POEM, "Accept-Encoding: gzip", "Range: bytes=0-9"],
    &[POEM, "Accept-Encoding: gzip", "Range: bytes=9-2"],
    &[
        POEM,
        "Accept-Encoding: gzip",
        "Range: bytes=0-9",
        "If-Range: [etag]",
    ],
    &[
        POEM,
        "Accept-Encoding: gzip",
        "Range: bytes=0-9",
        "If-Match: [etag]",
    ],
    &["GET /poem.txt HTTP/1.0", "Accept-Encoding: gzip"],
    // Preconditions.
    &[GET, "If-Match: *"],
    &[GET, "If-Match: [etag]"],
    &[GET, "If-Match: \"a\""],
    &[GET, "If-Match: \"a\"", "If-None-Match: [etag]"],
    &[GET, "If-Match: a"],
    &[
        GET,
        "If-Match: *",
        "If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT",
    ],
    &[GET, "If-Unmodified-Since: Sun, 06 Nov 1994 08:49:36 GMT"],
    &[GET, "If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT"],
    &[GET, "If-Unmodified-Since: yesterday"],
    &[GET, "If-None-Match: *"],
    &[GET, "If-None-Match: [etag]"],
    &[GET, "If-None-Match: [etag]", "Range: bytes=0-1"],
    &[GET, "If-None-Match: \"a\""],
    &[
        GET,
        "If-None-Match: \"a\"",
        "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT",
    ],
    &[
        GET,
        "If-None-Match: [etag]",
        "If-Modified-Since: Mon, 07 Nov 1994 08:49:37 GMT",
    ],
    &[GET, "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT"],
    &[GET, "If-Modified-Since: Sun, 06 Nov 1994 08:49:36 GMT"],
    &[GET, "If-Modified-Since: tomorrow"],
    &["OPTIONS /hello.txt HTTP/1.1", "If-Match: *"],
    &["GET /none HTTP/1.1", "If-None-Match: *"],
    // Ranges.
    &[GET, "Range: bytes=0-1"],
    &[GET, "Range: bytes=0-1, 4-5"],
    &[GET, "Range: bytes=1000-"],
    &[GET, "Range: bytes=9-2"],
    &[GET, "Range: lines=1-2"],
    &[GET, "Range: bytes=0-1", "Range: bytes=0-1"],
    &[GET, "Range: bytes=0-1", "If-Range: [etag]"],
    &[GET, "Range: bytes=0-1", "If-Range: \"a\""],
    &[
        GET,
        "Range: bytes=0-1",
        "If-Range: Sun, 06 Nov 1994 08:49:37 GMT",
    ],
    &[
        GET,
        "Range: bytes=0-1",
        "If-Range: Sun, 06 Nov 1994 08:49:38 GMT",
    ],
    &[GET, "Range: bytes=0-1", "If-Range: a"],
    &[GET, "Range: bytes=0-1", "If-Match: [etag]"],
    // Digests.
    &[GET, "Want-Repr-Digest: sha-256=1"],
    &[
        GET,
        "Want-Repr-Digest: sha-256=1",
        "Want-Content-Digest: sha-512=2",
        "Range: bytes=0-1",
    ],
    &[
        POEM,
        "Want-Repr-Digest: sha-256=1",
        "Accept-Encoding: deflate",
    ],
    &["HEAD /hello.txt HTTP/1.1", "Want-Content-Digest: sha-256=1"],
    &[
        GET,
        "Want-Content-Digest: sha-256=1",
        "Range: bytes=0-1, 4-5",
    ],
    // Methods.
    &["OPTIONS /hello.txt HTTP/1.1"],
    &["OPTIONS * HTTP/1.1"],
    &["OPTIONS /letters HTTP/1.1"],
    &["PUT /hello.txt HTTP/1.1"],
    &["BREW /hello.txt HTTP/1.1"],
    &["CONNECT example.org:80 HTTP/1.1"],
    // Paths.
    &["GET /letters HTTP/1.1"],
    &["GET /letters?sort=size HTTP/1.1"],
    &["GET /letters//one.txt HTTP/1.1"],
    &["GET /letters/../hello.txt?a HTTP/1.1"],
    &["GET /letters/a%20b/../x HTTP/1.1"],
    &["GET http://localhost/letters HTTP/1.1"],
    &["GET /.docroot HTTP/1.1"],
    &["GET /../hello.txt HTTP/1.1"],
    &["GET /a%zz HTTP/1.1"],
    &["GET /a%2Fb HTTP/1.1"],
    &["GET /a%00b HTTP/1.1"],
    &["GET /a%5Cb HTTP/1.1"],
    &["GET /a/%2E%2E/b HTTP/1.1"],
    &["GET /../a//b HTTP/1.1"],
    &["GET /?%61rchive=zip HTTP/1.1"],
    &["GET /none HTTP/1.1"],
    &["GET /none/ HTTP/1.1"],
    &["GET /hello.txt/ HTTP/1.1"],
    &["GET /.secret HTTP/1.1"],
    &["GET http://localhost/hello.txt HTTP/1.1"],
    &["GET http://localhost?a HTTP/1.1"],
    &["GET https://localhost/hello.txt?a HTTP/1.1"],
    &["OPTIONS http://localhost HTTP/1.1"],
    // Hosts.
    &[GET, "Host: rebound.example"],
    &[GET, "Host: 127.0.0.1"],
    &["GET /hello.txt HTTP/1.0", "no Host"],
    &[
        "GET http://localhost/hello.txt HTTP/1.1",
        "Host: rebound.example",
    ],
    // Connections.
    &[GET, "Connection: close"],
    &[GET, "Connection: close, Upgrade", UPGRADE],
    &["GET /hello.txt HTTP/1.0"],
    &["GET /hello.txt HTTP/1.0", "Connection: keep-alive"],
    &["GET /hello.txt HTTP/1.0", "Connection: close"],
    // Bodies and expectations.
    &[GET, "Content-Length: 5"],
    &[GET, "Content-Length: 0"],
    &[GET, "Content-Length: 5", "Expect: 100-continue"],
    &[GET, "Expect: 100-continue"],
    &[
        "PUT /hello.txt HTTP/1.1",
        "Content-Length: 5",
        "Expect: 100-continue",
    ],
    &[GET, "Expect: 200-ok"],
    &[GET, "Content-Length: 2000000", "Expect: 100-continue"],
    &["GET /hello.txt HTTP/1.0", "Expect: 100-continue"],
];

const MALFORMED: &[&[&str]] = &[
    &[GET, "no Host"],
    &[GET, "Host: a", "Host: b"],
    &[GET, "Host: a b"],
    &["GET http://localhost/ HTTP/1.1", "Host: a b"],
    &["G(T /hello.txt HTTP/1.1"],
    &["GET /hello.txt"],
    &["GET /hello.txt HTTP/1"],
    &["GET /hello.txt HTTP/2.0"],
    &["GET  HTTP/1.1"],
    &["GET /a#b HTTP/1.1"],
    &["GET hello.txt HTTP/1.1"],
    &["GET ftp://localhost/ HTTP/1.1"],
    &["GET http:/// HTTP/1.1"],
    &["GET http://a@localhost/ HTTP/1.1"],
    &["GET * HTTP/1.1"],
    &["CONNECT /hello.txt HTTP/1.1"],
    &[GET, "Content-Length: 1", "Content-Length: 2"],
    &[GET, "Content-Length: one"],
    &[GET, "Content-Length: 99999999999999999999999"],
    &[GET, "Content-Length: 5", "Transfer-Encoding: chunked"],
    &[GET, "Transfer-Encoding: gzip"],
    &["GET /hello.txt HTTP/1.0", "Transfer-Encoding: chunked"],
    &[GET, "A b"],
    &[GET, "A : b"],
    &[GET, " folded"],
    &[GET, ": b"],
];

const WEBSOCKETS: &[&[&str]] = &[
    &[WIRE, UPGRADE, OPTION, VERSION, KEY],
    &[
        WIRE,
        UPGRADE,
        OPTION,
        VERSION,
        KEY,
        "Sec-WebSocket-Extensions: permessage-deflate",
    ],
    &[
        WIRE,
        UPGRADE,
        OPTION,
        VERSION,
        KEY,
        "Sec-WebSocket-Extensions: a=",
    ],
    &[
        WIRE,
        UPGRADE,
        OPTION,
        VERSION,
        KEY,
        "Sec-WebSocket-Protocol: a b",
    ],
    &[
        WIRE,
        UPGRADE,
        OPTION,
        VERSION,
        KEY,
        "Origin: https://evil.example",
    ],
    &[WIRE, UPGRADE, OPTION, VERSION, "Sec-WebSocket-Key: a"],
    &[WIRE, UPGRADE, OPTION, VERSION],
    &[WIRE, UPGRADE, OPTION, KEY],
    &[WIRE, UPGRADE, VERSION, KEY],
    &[WIRE, OPTION, VERSION, KEY],
    &[
        "HEAD /.docroot/wire HTTP/1.1",
        UPGRADE,
        OPTION,
        VERSION,
        KEY,
    ],
    &["GET /.docroot/wire HTTP/1.0", UPGRADE, OPTION, VERSION, KEY],
    &[WIRE, UPGRADE, OPTION, VERSION, VERSION, KEY],
    &[WIRE, UPGRADE, OPTION, VERSION, KEY, KEY],
    &[WIRE, UPGRADE, OPTION, VERSION, KEY, "Content-Length: 5"],
    &["GET /.docroot/inspect.js HTTP/1.1", "Accept-Encoding: gzip"],
];

const WEAK: &str =
    "GET /.docroot/lab/cache?etag=weak&modified=Sun,%2006%20Nov%201994%2008:49:37%20GMT HTTP/1.1";
const UNTAGGED: &str = "GET /.docroot/lab/cache?etag=none HTTP/1.1";
const EPOCH: &str =
    "GET /.docroot/lab/cache?modified=Thu,%2001%20Jan%201970%2000:00:00%20GMT HTTP/1.1";
const ECHO: &str = "GET /.docroot/lab/echo HTTP/1.1";
const CHAT: &str = "GET /.docroot/lab/chat HTTP/1.1";

/// Validators that no file has, and endpoints with a WebSocket.
const LAB: &[&[&str]] = &[
    // RFC 9110 section 8.8.3.2: a weak tag matches nothing by strong comparison, not even itself.
    &[WEAK, "If-Match: \"a\""],
    &[WEAK, "If-Match: [etag]"],
    &[WEAK, "If-Match: a"],
    &[WEAK, "If-Match: *"],
    &[WEAK, "If-None-Match: [etag]"],
    &[WEAK, "If-None-Match: \"a\""],
    &[WEAK, "Range: bytes=0-1", "If-Range: [etag]"],
    &[WEAK, "Range: bytes=0-1", "If-Range: \"a\""],
    &[UNTAGGED, "If-Match: \"a\""],
    &[UNTAGGED, "If-None-Match: \"a\""],
    &[UNTAGGED, "Range: bytes=0-1", "If-Range: \"a\""],
    // No date is before the first second of 1970.
    &[EPOCH, "If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT"],
    &[EPOCH, "If-Unmodified-Since: Thu, 01 Jan 1970 00:00:01 GMT"],
    &[EPOCH, "If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT"],
    &[
        EPOCH,
        "Range: bytes=0-1",
        "If-Range: Thu, 01 Jan 1970 00:00:00 GMT",
    ],
    &["HEAD /.docroot/lab/echo HTTP/1.1"],
    &["HEAD /.docroot/lab/chat HTTP/1.1"],
    &[
        "HEAD /.docroot/lab/echo HTTP/1.1",
        UPGRADE,
        OPTION,
        VERSION,
        KEY,
    ],
    &[ECHO],
    &[ECHO, UPGRADE, OPTION, VERSION, KEY],
    &[
        ECHO,
        UPGRADE,
        OPTION,
        VERSION,
        KEY,
        "Transfer-Encoding: chunked",
    ],
    &[CHAT],
    &[CHAT, UPGRADE, OPTION, VERSION, KEY],
    &[CHAT, UPGRADE, OPTION, VERSION],
    &[CHAT, UPGRADE, OPTION, VERSION, KEY, "Content-Length: 5"],
];
