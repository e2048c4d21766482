//! What the server must be able to do, row by row, and the proof that each row has a test on the
//! wire: one that is named `concept_<row>_<words>`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The rows of `www/concepts`. HTTPS and passwords are tested in builds that have them.
const ROWS: [(u32, &str); 37] = [
    (1, "URIs: decoded once, the query kept apart"),
    (
        2,
        "messages: one parser, tolerant only where RFC 9112 says so",
    ),
    (3, "the four forms of a target"),
    (4, "Host is mandatory"),
    (5, "GET, HEAD and OPTIONS; HEAD gives the fields of GET"),
    (6, "methods that are refused, with 405 or 501"),
    (7, "status codes and their phrases"),
    (8, "where a message ends"),
    (9, "persistent connections and pipelining"),
    (10, "byte ranges"),
    (11, "conditional requests"),
    (12, "dates in three formats"),
    (13, "entity-tags and modification dates"),
    (14, "content codings by their weights"),
    (15, "media types"),
    (16, "the fields that each answer calls for"),
    (17, "Expect: 100-continue"),
    (18, "Retry-After with 503"),
    (19, "Cache-Control of responses"),
    (20, "Cache-Control of requests, Pragma, Age"),
    (21, "Accept and Accept-Language"),
    (22, "cookies"),
    (23, "Basic authentication"),
    (24, "Content-Disposition"),
    (25, "Referer and User-Agent in the log"),
    (26, "security fields"),
    (27, "redirection"),
    (28, "chunks, both ways"),
    (29, "HTTPS: handshake, certificate, chain"),
    (30, "one-way and mutual authentication"),
    (31, "the cost of TLS"),
    (32, "WebSocket: the opening handshake"),
    (33, "WebSocket: frames"),
    (34, "WebSocket over TLS"),
    (
        35,
        "WebSocket instead of polling: changes are pushed at once",
    ),
    (36, "TCP: a connection from its beginning to its end"),
    (
        37,
        "the fields of RFC 2616, and codes that nobody has registered",
    ),
];

#[test]
fn every_concept_has_a_test() {
    let found = concept_tests(&sources());
    for (row, concept) in ROWS {
        let tests = found.get(&row).map_or(&[][..], Vec::as_slice);
        println!("{row:2} {concept}: {}", tests.join(", "));
        assert!(!tests.is_empty(), "no test shows row {row}, {concept}");
    }
}

#[test]
fn only_tests_that_run_are_counted() {
    let source = "#[test]\nfn concept_1_a() {\n}\n\
                  #[test]\n#[ignore]\nfn concept_2_ignored() {\n}\n\
                  fn concept_3_no_test() {\n}\n\
                  #[test]\nfn concept_x() {\n}\n\
                  // #[test]\n// fn concept_4_remark() {\n";
    let found = concept_tests(&[source.to_owned()]);
    assert_eq!(found.into_keys().collect::<Vec<_>>(), [1]);
}

/// The files of this folder, this one excepted.
fn sources() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    fs::read_dir(folder)
        .expect("the tests")
        .map(|entry| entry.expect("a test").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .filter(|path| !path.ends_with("concepts.rs"))
        .map(|path| fs::read_to_string(path).expect("text"))
        .collect()
}

/// The names of the tests of each row. The attribute stands on the line above the function.
fn concept_tests(sources: &[String]) -> BTreeMap<u32, Vec<String>> {
    let mut found: BTreeMap<u32, Vec<String>> = BTreeMap::new();
    for source in sources {
        for (above, line) in source.lines().zip(source.lines().skip(1)) {
            let name = line
                .strip_prefix("fn ")
                .and_then(|rest| rest.split('(').next());
            let words = name.and_then(|name| name.strip_prefix("concept_"));
            let row = words.and_then(|words| words.split('_').next()?.parse().ok());
            if let (Some(name), Some(row), "#[test]") = (name, row, above) {
                found.entry(row).or_default().push(name.to_owned());
            }
        }
    }
    found
}
