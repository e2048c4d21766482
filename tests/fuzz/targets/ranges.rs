//! Every range that is selected lies within the representation, and no byte is selected twice.
#![no_main]

use docroot::semantics::range::{RangeChoice, select};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    // The first byte is the limit, the second how many bits the length has.
    let [limit, bits, value @ ..] = input else {
        return;
    };
    let (limit, length) = (
        usize::from(*limit),
        u64::MAX.checked_shr((*bits).into()).unwrap_or(0),
    );
    let ranges = match select(value, length, limit) {
        RangeChoice::Single(range) => vec![range],
        RangeChoice::Several(ranges) => ranges,
        RangeChoice::Ignored(_) | RangeChoice::Unsatisfiable => return,
    };
    assert!(ranges.len() <= limit);
    let mut sorted = ranges;
    sorted.sort_by_key(|range| range.first);
    assert!(
        sorted
            .iter()
            .all(|range| range.first <= range.last && range.last < length)
    );
    assert!(sorted.windows(2).all(|pair| pair[0].last < pair[1].first));
});
