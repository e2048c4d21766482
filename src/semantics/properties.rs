//! Properties that hold for every input, tested with random inputs.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::accept::choose_media_type;
use super::beginning::Beginning;
use super::coding::{Coding, CodingChoice, accepts_identity, choose};
use super::date::HttpDate;
use super::decide::{Decision, Selected, decide};
use super::field::{FieldName, Section};
use super::media_type::{is_compressible, media_type};
use super::method::Method;
use super::own_types::OwnTypes;
use super::range::{ByteRange, RangeChoice, select};
use super::trace::Trace;
use super::validator::{EntityTag, Validators};
use super::weight::{Weight, split_weight};

/// A range as a client writes it. `holds` tests each byte position on its own.
#[derive(Clone, Debug)]
enum Spec {
    From(u64),
    Between(u64, u64),
    Last(u64),
}

impl Spec {
    fn text(&self) -> String {
        match self {
            Spec::From(first) => format!("{first}-"),
            Spec::Between(first, last) => format!("{first}-{last}"),
            Spec::Last(suffix) => format!("-{suffix}"),
        }
    }

    fn holds(&self, position: u64, length: u64) -> bool {
        match *self {
            Spec::From(first) => position >= first,
            Spec::Between(first, last) => (first..=last).contains(&position),
            Spec::Last(suffix) => position + suffix >= length,
        }
    }
}

fn spec() -> impl Strategy<Value = Spec> {
    prop_oneof![
        (0..80u64).prop_map(Spec::From),
        (0..80u64, 0..20u64).prop_map(|(first, more)| Spec::Between(first, first + more)),
        (0..80u64).prop_map(Spec::Last),
    ]
}

fn field_name() -> impl Strategy<Value = FieldName> {
    prop::sample::select(vec![
        FieldName::Accept,
        FieldName::AcceptEncoding,
        FieldName::IfMatch,
        FieldName::IfModifiedSince,
        FieldName::IfNoneMatch,
        FieldName::IfRange,
        FieldName::IfUnmodifiedSince,
        FieldName::Range,
    ])
}

/// Arbitrary bytes, or a nearly valid field value.
fn field_value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..40),
        "(bytes=)?[0-9,\\- ]{0,20}".prop_map(String::into_bytes),
        "(W/)?\"?[a-z0-9, \"*]{0,12}\"?".prop_map(String::into_bytes),
        "(gzip|\\*|identity|a/b)(;q=[0-9.]{0,5})?(, ?[a-z/*]+(;q=[01])?)?"
            .prop_map(String::into_bytes),
        "(Sun|Sunday|Mon), [0-9]{2}[ -]Nov[ -]([0-9]{2}){1,2} [0-9:]{8} GMT"
            .prop_map(String::into_bytes),
    ]
}

fn selected(choice: RangeChoice) -> Vec<ByteRange> {
    match choice {
        RangeChoice::Single(range) => vec![range],
        RangeChoice::Several(ranges) => ranges,
        RangeChoice::Ignored(_) | RangeChoice::Unsatisfiable => Vec::new(),
    }
}

proptest! {
    #[test]
    fn ranges_are_exactly_the_bytes_asked_for(
        specs in prop::collection::vec(spec(), 1..12),
        length in 1..64u64,
    ) {
        let set: Vec<String> = specs.iter().map(Spec::text).collect();
        let value = format!("bytes={}", set.join(", "));
        let asked = (0..length).filter(|&at| specs.iter().any(|spec| spec.holds(at, length)));
        let asked: BTreeSet<u64> = asked.collect();
        let got = selected(select(value.as_bytes(), length, specs.len()));
        let mut sent = BTreeSet::new();
        for range in &got {
            prop_assert!(range.first <= range.last && range.last < length);
            for position in range.first..=range.last {
                prop_assert!(sent.insert(position), "{} comes twice", position);
            }
        }
        prop_assert_eq!(sent, asked);
        for one in &got {
            prop_assert!(!got.iter().any(|other| one.last + 1 == other.first), "adjacent");
        }
    }

    #[test]
    fn every_weight_is_parsed(thousandths in 0..=1000u16) {
        let (whole, rest) = (thousandths / 1000, thousandths % 1000);
        let text = format!("{whole}.{rest:03}");
        let parsed = Weight::parse(text.as_bytes()).map(Weight::thousandths);
        prop_assert_eq!(parsed, Some(thousandths));
        let short = text.trim_end_matches('0');
        let parsed = Weight::parse(short.as_bytes()).map(Weight::thousandths);
        prop_assert_eq!(parsed, Some(thousandths));
        let member = format!("gzip ; q={text}");
        let split = split_weight(member.as_bytes());
        prop_assert_eq!(split.map(|(value, weight)| (value, weight.thousandths())),
            Some((&b"gzip"[..], thousandths)));
    }

    #[test]
    fn written_dates_are_parsed(seconds in 0..253_402_300_800i64, now in 0..253_402_300_800i64) {
        let date = HttpDate::from_unix(seconds).unwrap();
        let now = HttpDate::from_unix(now).unwrap();
        let mut text = Vec::new();
        date.write(&mut text);
        prop_assert_eq!(text.len(), HttpDate::LENGTH);
        prop_assert_eq!(HttpDate::parse(&text, now), Some(date));
    }

    #[test]
    fn a_two_digit_year_is_the_nearest(age in -1_500_000_000..1_500_000_000i64) {
        const NOW: i64 = 1_777_593_600;
        let (now, date) = (HttpDate::from_unix(NOW), HttpDate::from_unix(NOW - age));
        let (now, date) = (now.unwrap(), date.unwrap());
        let imf = date.to_string();
        let weekday = match &imf[..3] {
            "Tue" => "Tuesday".to_owned(),
            "Wed" => "Wednesday".to_owned(),
            "Thu" => "Thursday".to_owned(),
            "Sat" => "Saturday".to_owned(),
            short => format!("{short}day"),
        };
        let (day, month, year) = (&imf[5..7], &imf[8..11], &imf[14..16]);
        let rfc850 = format!("{weekday}, {day}-{month}-{year}{}", &imf[16..]);
        prop_assert_eq!(HttpDate::parse(rfc850.as_bytes(), now), Some(date));
    }

    #[test]
    fn decisions_do_not_panic_and_every_part_exists(
        method in prop::sample::select(Method::all().collect::<Vec<_>>()),
        pairs in prop::collection::vec((field_name(), field_value()), 0..6),
        length in prop::option::of(any::<u64>()),
        tag in "[!#-~]{0,6}",
        modified in prop::option::of(0..4_000_000_000i64),
        now in 0..4_000_000_000i64,
    ) {
        let section = Section::of(&pairs);
        let fields = section.fields();
        let validators = Validators {
            entity_tag: Some(EntityTag { weak: false, opaque: tag.as_bytes() }),
            last_modified: modified.and_then(HttpDate::from_unix),
        };
        let now = HttpDate::from_unix(now).unwrap();
        let selected = Selected {
            validators,
            length,
            has_ranges: length.is_some(),
        };
        let decision = decide(method, &fields, &selected, now, 16, &mut Trace::off());
        prop_assert!(!decision.text().is_empty());
        let parts = match &decision {
            Decision::Partial(range) => std::slice::from_ref(range),
            Decision::Multipart(ranges) => ranges,
            _ => &[],
        };
        for range in parts {
            prop_assert!(range.first <= range.last && Some(range.last) < length);
        }
        prop_assert!(choose_media_type(&fields, &["text/html", "application/json"], &mut Trace::off()).index < 2);
    }

    #[test]
    fn a_refused_coding_is_never_chosen(
        members in prop::collection::vec(
            (
                prop::sample::select(vec!["gzip", "x-gzip", "deflate", "identity", "*", "br", "zstd", "lzma"]),
                prop::sample::select(vec!["", ";q=0", ";q=0.5", ";q=0.000", ";q=1"]),
            ),
            0..6,
        ),
        offered in prop::sample::subsequence(
            vec![Coding::Brotli, Coding::Gzip, Coding::Zstd, Coding::Deflate],
            0..=4,
        ),
    ) {
        let refused = |weight: &str| weight.starts_with(";q=0") && weight != ";q=0.5";
        let list: Vec<String> = members.iter().map(|(name, q)| format!("{name}{q}")).collect();
        let section = Section::of(&[(FieldName::AcceptEncoding, list.join(", "))]);
        let fields = section.fields();
        let is_refused = |coding: Coding| {
            let same = |name: &str| Coding::from_token(name.as_bytes()) == Some(coding);
            let (named, wildcards): (Vec<_>, Vec<_>) = (
                members.iter().filter(|(name, _)| same(name)).collect(),
                members.iter().filter(|(name, _)| *name == "*").collect(),
            );
            let applicable = if named.is_empty() { wildcards } else { named };
            applicable.iter().any(|(_, weight)| refused(weight))
        };
        match choose(&fields, &offered, &mut Trace::off()) {
            CodingChoice::Chosen(coding, reason) => {
                prop_assert!(!is_refused(coding), "{:?} {}", coding, reason.text());
                prop_assert!(coding == Coding::Identity || offered.contains(&coding));
            }
            CodingChoice::NotAcceptable => prop_assert!(is_refused(Coding::Identity)),
        }
        prop_assert_eq!(accepts_identity(&fields), !is_refused(Coding::Identity));
    }

    #[test]
    fn every_file_has_a_media_type(
        name in prop::collection::vec(any::<u8>(), 0..20),
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        is_whole in any::<bool>(),
    ) {
        let beginning = Beginning { bytes: &bytes, is_whole };
        let media_type = media_type(&name, beginning, &OwnTypes::default());
        prop_assert!(media_type.value.contains('/'));
        media_type.is_compressible();
    }

    #[test]
    fn arbitrary_markup_does_not_panic(text in r#"[<>!?/=;'" \ta-cmet-]{0,40}|<meta[ a-z=;'"/>-]{0,40}"#) {
        let html = Beginning { bytes: text.as_bytes(), is_whole: true };
        let media_type = media_type(b"a.html", html, &OwnTypes::default());
        prop_assert!(media_type.value.starts_with("text/html"));
    }

    #[test]
    fn a_rule_that_is_accepted_is_a_field_value(rule in r#"[a-z.=/; "\\\PC]{0,30}|a=b/c[;a-z=" \r\n]{0,20}"#) {
        if OwnTypes::default().add(&rule).is_ok() {
            let (_, value) = rule.split_once('=').expect("a sign");
            prop_assert!(value.bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~')));
        }
    }

    #[test]
    fn arbitrary_text_does_not_panic(text in "\\PC{0,30}") {
        is_compressible(&text);
        Weight::parse(text.as_bytes());
        split_weight(text.as_bytes());
    }
}
