//! The table of words is complete: it has every word that the server reads or writes, and every field of
//! RFC 2616. Each word is explained in both languages and names its specification.

// The parts of the table, and what each entry must have.
#[path = "words/table.rs"]
mod table;
// How a section of a specification is written.
#[path = "words/section.rs"]
mod section;
// The field names and status codes in the source files of the server.
#[path = "words/sources.rs"]
mod sources;
// The strings in those files.
#[path = "words/literals.rs"]
mod literals;
// The server's sentences, and their translations.
#[path = "words/findings.rs"]
mod findings;
// The terms of the pages in Chinese.
#[path = "words/terms.rs"]
mod terms;

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::ops::RangeInclusive;

use docroot::semantics::field::FieldName;
use docroot::semantics::method::Method;
use docroot::websocket::close::CloseCode;
use docroot::websocket::frame::Opcode;
use table::{Entry, Part};

/// RFC 2616 section 4.5.
const GENERAL: [&str; 9] = [
    "Cache-Control",
    "Connection",
    "Date",
    "Pragma",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
    "Via",
    "Warning",
];

/// RFC 2616 section 5.3.
const REQUEST: [&str; 19] = [
    "Accept",
    "Accept-Charset",
    "Accept-Encoding",
    "Accept-Language",
    "Authorization",
    "Expect",
    "From",
    "Host",
    "If-Match",
    "If-Modified-Since",
    "If-None-Match",
    "If-Range",
    "If-Unmodified-Since",
    "Max-Forwards",
    "Proxy-Authorization",
    "Range",
    "Referer",
    "TE",
    "User-Agent",
];

/// RFC 2616 section 6.2.
const RESPONSE: [&str; 9] = [
    "Accept-Ranges",
    "Age",
    "ETag",
    "Location",
    "Proxy-Authenticate",
    "Retry-After",
    "Server",
    "Vary",
    "WWW-Authenticate",
];

/// RFC 2616 section 7.1.
const ENTITY: [&str; 10] = [
    "Allow",
    "Content-Encoding",
    "Content-Language",
    "Content-Length",
    "Content-Location",
    "Content-MD5",
    "Content-Range",
    "Content-Type",
    "Expires",
    "Last-Modified",
];

/// The IANA registry of status codes, with those that it marks as unused.
const CODES: [RangeInclusive<u64>; 11] = [
    100..=104,
    200..=208,
    226..=226,
    300..=308,
    400..=418,
    421..=426,
    428..=429,
    431..=431,
    451..=451,
    500..=508,
    510..=511,
];

#[test]
fn every_entry_is_whole() {
    for part in Part::ALL {
        let entries = part.entries();
        assert!(!entries.is_empty(), "{part:?}");
        let faults: Vec<String> = entries.iter().flat_map(Entry::faults).collect();
        assert!(faults.is_empty(), "{part:?}:\n{}", faults.join("\n"));
    }
}

#[test]
fn names_are_unique_and_sorted() {
    let fields = names_of(Part::Fields);
    let lower: Vec<String> = fields
        .iter()
        .map(|name| name.to_ascii_lowercase())
        .collect();
    assert_ascending(&lower); // RFC 9110 section 5.1: without case
    assert_ascending(&names_of(Part::Methods)); // section 9.1: with case
    for part in [Part::Statuses, Part::Opcodes, Part::CloseCodes] {
        assert_ascending(&codes_of(part));
    }
    for part in [Part::OpcodeRanges, Part::CloseCodeRanges] {
        let ends: Vec<u64> = part
            .entries()
            .iter()
            .flat_map(|range| [range.number("first"), range.number("last")])
            .collect();
        assert_ascending(&ends);
    }
}

/// The 47 fields of RFC 2616, each in its list.
#[test]
fn concept_37_the_fields_of_rfc_2616_are_there() {
    let lists = [
        ("general", &GENERAL[..]),
        ("request", &REQUEST),
        ("response", &RESPONSE),
        ("entity", &ENTITY),
    ];
    let count: usize = lists.iter().map(|(_, names)| names.len()).sum();
    assert_eq!(count, 47);
    let fields = Part::Fields.entries();
    for (list, names) in lists {
        for name in names {
            let field = fields.iter().find(|field| field.text("name") == *name);
            let field = field.unwrap_or_else(|| panic!("{name} is missing"));
            assert_eq!(field.lists(), [list], "{name}");
        }
    }
    let of_2616 = |field: &&Entry| {
        field
            .lists()
            .iter()
            .any(|list| ["general", "entity"].contains(list))
    };
    let count = fields.iter().filter(of_2616).count();
    assert_eq!(
        count,
        GENERAL.len() + ENTITY.len(),
        "only RFC 2616 has these lists"
    );
}

/// Each field that the server reads or writes.
#[test]
fn the_fields_of_the_server_are_there() {
    let table: BTreeSet<String> = names_of(Part::Fields)
        .iter()
        .map(|name| name.to_ascii_lowercase())
        .collect();
    let found = sources::fields();
    let missing: Vec<String> = found
        .iter()
        .filter(|(name, _)| !table.contains(&name.to_ascii_lowercase()))
        .map(|(name, file)| format!("{name} in {file}"))
        .collect();
    assert!(
        missing.is_empty(),
        "add these fields:\n{}",
        missing.join("\n")
    );
    for name in [
        "Server",
        "Date",
        "Vary",
        "Allow",
        "Content-Length",
        "Sec-WebSocket-Accept",
        "te",
    ] {
        assert!(
            found.contains_key(name),
            "{name} was not found in the sources"
        );
    }
    let read = found
        .keys()
        .filter(|name| FieldName::recognise(name.as_bytes()).is_some());
    assert!(
        read.count() >= 30,
        "the fields that the server reads were not found"
    );
}

/// Each method that the server knows, and no other, except the two names that the registry reserves.
#[test]
fn the_methods_of_the_server_are_there() {
    let known: BTreeSet<&str> = Method::all().map(Method::token).collect();
    let entries = Part::Methods.entries();
    let (reserved, methods): (Vec<&Entry>, Vec<&Entry>) = entries
        .iter()
        .partition(|method| method.text("standing") == "reserved");
    let names = |entries: &[&Entry]| -> BTreeSet<String> {
        entries
            .iter()
            .map(|entry| entry.text("name").to_owned())
            .collect()
    };
    assert_eq!(
        names(&methods),
        known.iter().map(|name| name.to_string()).collect()
    );
    assert_eq!(names(&reserved), ["*", "PRI"].map(str::to_owned).into());
    for method in methods {
        let (name, is_safe) = (method.text("name"), method.is("safe"));
        assert!(!is_safe || method.is("idempotent"), "{name}: section 9.2.2");
        let request_line = method.text("example").split(' ');
        let words: Vec<&str> = request_line.collect();
        assert!(
            matches!(words[..], [token, _, "HTTP/1.1"] if token == name),
            "{name}"
        );
    }
    let cacheable: Vec<&str> = entries
        .iter()
        .filter(|method| method.is("cacheable"))
        .map(|method| method.text("name"))
        .collect();
    // RFC 9110 section 9.2.3, RFC 5789 section 2 and RFC 10008 section 2.7.
    assert_eq!(cacheable, ["GET", "HEAD", "PATCH", "POST", "QUERY"]);
}

/// Each status of the registry, so also each one that the server sends, with the same phrase.
#[test]
fn the_status_codes_of_the_server_are_there() {
    let entries = Part::Statuses.entries();
    let registered: Vec<u64> = CODES.into_iter().flatten().collect();
    assert_eq!(codes_of(Part::Statuses), registered);
    let sent = sources::statuses();
    assert!(
        sent.len() >= 30,
        "the statuses of the server were not found"
    );
    for (code, phrase) in sent {
        let entry = entries.iter().find(|entry| entry.number("code") == code);
        let entry = entry.unwrap_or_else(|| panic!("{code} is missing"));
        assert_eq!(entry.text("phrase"), phrase, "{code}");
    }
    let classes = [
        "informational",
        "successful",
        "redirection",
        "client error",
        "server error",
    ];
    for entry in &entries {
        let code = entry.number("code");
        let class = classes[code as usize / 100 - 1];
        assert_eq!(entry.text("class"), class, "{code}: RFC 9110 section 15");
    }
}

/// RFC 6455 section 5.2: each of the 16 opcodes, by itself or in a range.
#[test]
fn the_opcodes_of_the_server_are_there() {
    let entries = Part::Opcodes.entries();
    let ranges = Part::OpcodeRanges.entries();
    for bits in 0..16 {
        let code = u64::from(bits);
        let entry = entries.iter().find(|entry| entry.number("code") == code);
        assert_eq!(entry.is_some(), Opcode::new(bits).is_some(), "{bits}");
        assert_eq!(
            entry.is_none(),
            ranges.iter().any(|range| covers(range, code)),
            "{bits}"
        );
        let Some(entry) = entry else { continue };
        let frame = bytes(entry.text("example"));
        assert_eq!(frame[0], 0x80 | bits, "{bits}: FIN and the opcode");
        assert_eq!(usize::from(frame[1]), frame.len() - 2, "{bits}: the length");
        assert_eq!(entry.text("grammar"), format!("%x{bits:X}"));
    }
    assert_eq!(entries.len(), 6);
}

/// RFC 6455 section 7.4: each close code that the server accepts, by itself or in a range.
#[test]
fn the_close_codes_of_the_server_are_there() {
    let entries = Part::CloseCodes.entries();
    let ranges = Part::CloseCodeRanges.entries();
    for number in 0..=u16::MAX {
        let valid = CloseCode::new(number);
        let code = u64::from(number);
        let range = ranges.iter().find(|range| covers(range, code));
        let Some(entry) = entries.iter().find(|entry| entry.number("code") == code) else {
            let is_current = range.is_some_and(|range| range.text("standing") == "current");
            assert_eq!(is_current, valid.is_some(), "{number}");
            continue;
        };
        assert!(range.is_some(), "{number} is in no range");
        let want = match valid {
            None => "nobody",
            Some(code) if !code.is_for_servers() => "client",
            Some(_) => entry.text("sender"),
        };
        assert_eq!(entry.text("sender"), want, "{number}");
        let example = match valid {
            None => format!("event.code === {number}"),
            Some(_) => format!("88 02 {:02x} {:02x}", number >> 8, number & 0xff),
        };
        assert_eq!(entry.text("example"), example);
    }
    let registered: Vec<u64> = (1000..=1015).chain([3000, 3003, 3008]).collect();
    assert_eq!(codes_of(Part::CloseCodes), registered);
}

fn covers(range: &Entry, code: u64) -> bool {
    (range.number("first")..=range.number("last")).contains(&code)
}

/// The bytes of hexadecimal numbers.
fn bytes(text: &str) -> Vec<u8> {
    let byte = |digits| u8::from_str_radix(digits, 16).expect("two digits");
    text.split(' ').map(byte).collect()
}

fn names_of(part: Part) -> Vec<String> {
    let entries = part.entries();
    entries
        .iter()
        .map(|entry| entry.text("name").to_owned())
        .collect()
}

fn codes_of(part: Part) -> Vec<u64> {
    let entries = part.entries();
    entries.iter().map(|entry| entry.number("code")).collect()
}

/// Sorted, and each value once.
#[track_caller]
fn assert_ascending<T: Ord + Debug>(values: &[T]) {
    for pair in values.windows(2) {
        assert!(
            pair[0] < pair[1],
            "{:?} does not come before {:?}",
            pair[0],
            pair[1]
        );
    }
}

/// The atlas has an example for each field that the server reads or sends. It names the option of those that only an
/// option brings.
#[test]
fn the_atlas_shows_each_field_of_the_server() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/www/book/atlas-tries.js");
    let text = std::fs::read_to_string(path).expect("the examples");
    let shown: BTreeSet<&str> = text
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '-')
        .collect();
    // Names in lower case are those that no option may set.
    let missing: Vec<_> = sources::fields()
        .into_iter()
        .filter(|(name, _)| name.starts_with(|c: char| c.is_ascii_uppercase()))
        .filter(|(name, _)| !shown.contains(name.as_str()))
        .collect();
    assert_eq!(missing, []);
}
