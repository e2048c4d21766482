//! However the bytes of a client are cut, the messages and the end are the same. No message exceeds the
//! limit.
#![no_main]

use docroot::websocket::assemble::{Assembler, Item};
use docroot::websocket::error::Error;
use docroot::websocket::message::MessageLimits;
use docroot::websocket::negotiation::{DeflateContext, WindowBits};
use libfuzzer_sys::fuzz_target;

const LIMITS: MessageLimits = MessageLimits {
    content: 64 * 1024,
    compressed: 1024,
};

/// What arrives in pieces of `step` bytes, and the error that ends it.
fn read(
    bytes: &[u8],
    step: usize,
    compression: Option<DeflateContext>,
) -> (Vec<Item>, Option<Error>) {
    let mut assembler = Assembler::new(LIMITS, compression);
    let (mut items, mut at, mut end) = (Vec::new(), 0, 0);
    while end < bytes.len() {
        end = (end + step).min(bytes.len());
        loop {
            let assembled = match assembler.receive(&bytes[at..end]) {
                Ok(assembled) => assembled,
                Err(error) => return (items, Some(error)),
            };
            at += assembled.consumed;
            match assembled.item {
                Some(Item::Part) => assert!(assembler.held() < 128 * 1024),
                Some(item) => items.push(item),
                None => break,
            }
        }
    }
    (items, None)
}

fuzz_target!(|input: &[u8]| {
    // The first byte is the length of a piece. Its lowest bits say how the client compresses.
    let Some((&step, bytes)) = input.split_first() else {
        return;
    };
    let compression = (step & 1 == 1).then_some(DeflateContext {
        is_taken_over: step & 2 == 2,
        window: WindowBits::MAX,
    });
    let whole = read(bytes, bytes.len().max(1), compression);
    assert_eq!(read(bytes, usize::from(step).max(1), compression), whole);
});
