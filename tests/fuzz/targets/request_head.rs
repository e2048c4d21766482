//! However a head is cut into pieces, the outcome is the same, and its parts can be read.
#![no_main]

use docroot::http1::limits::HeadLimits;
use docroot::http1::parse::{ParseState, request_head};
use docroot::http1::target::Target;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    // The first byte says where the rest is cut.
    let Some((&cut, bytes)) = input.split_first() else {
        return;
    };
    let (mut lines, mut scratch) = (Vec::new(), Vec::new());
    let limits = HeadLimits::default();
    let whole = request_head(bytes, &mut ParseState::default(), &mut lines, &limits);
    let mut progress = ParseState::default();
    let cut = usize::from(cut).min(bytes.len());
    let first = request_head(&bytes[..cut], &mut progress, &mut scratch, &limits);
    let first = first.map(|head| head.map(|head| head.length));
    let pieces = match first {
        Ok(None) => request_head(bytes, &mut progress, &mut scratch, &limits)
            .map(|head| head.map(|head| head.length)),
        ended => ended,
    };
    assert_eq!(
        pieces,
        whole
            .as_ref()
            .map(|head| head.map(|head| head.length))
            .map_err(|e| *e)
    );
    if let Ok(Some(head)) = whole {
        assert!(head.length <= bytes.len());
        let _ = Target::parse(head.known, head.target);
        assert!(head.fields.iter().all(|(name, _)| !name.is_empty()));
    }
});
