//! Lists with quality values, entity-tags, dates and hosts: nothing a client writes is refused by
//! a panic, and no coding is chosen that was refused.
#![no_main]

use docroot::semantics::host::Host;
use docroot::semantics::accept::choose_media_type;
use docroot::semantics::coding::{Coding, CodingChoice, accepts_identity, choose};
use docroot::semantics::date::HttpDate;
use docroot::semantics::digest::WantedDigests;
use docroot::semantics::field::{FieldLine, FieldName, Fields, Span};
use docroot::semantics::trace::Trace;
use docroot::semantics::validator::entity_tags;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|value: &[u8]| {
    let Ok(end) = u32::try_from(value.len()) else {
        return;
    };
    let line = |known| FieldLine {
        known: Some(known),
        name: Span { start: 0, end: 0 },
        value: Span { start: 0, end },
    };
    let lines = [
        line(FieldName::AcceptEncoding),
        line(FieldName::Accept),
        line(FieldName::WantReprDigest),
    ];
    let fields = Fields::new(value, &lines);
    match choose(&fields, &[Coding::Gzip, Coding::Deflate], &mut Trace::off()) {
        CodingChoice::Chosen(Coding::Identity, _) => assert!(accepts_identity(&fields)),
        CodingChoice::NotAcceptable => assert!(!accepts_identity(&fields)),
        CodingChoice::Chosen(..) => {}
    }
    assert!(
        choose_media_type(
            &fields,
            &["text/html", "application/json"],
            &mut Trace::off()
        )
        .index
            < 2
    );
    let _ = WantedDigests::of(&fields);
    let _ = entity_tags(value).count();
    let _ = HttpDate::parse(value, HttpDate::EPOCH);
    let _ = Host::parse(value);
});
