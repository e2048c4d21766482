//! However a body in chunks is cut into pieces, its content and its end are the same.
#![no_main]

use docroot::http1::chunked::{ChunkedError, Decoder};
use libfuzzer_sys::fuzz_target;

/// The content so far, whether it has ended, and how many bytes were taken.
type Outcome = Result<(Vec<u8>, bool, usize), ChunkedError>;

fn decode(bytes: &[u8], step: usize) -> Outcome {
    let mut decoder = Decoder::default();
    let (mut content, mut taken, mut given) = (Vec::new(), 0, 0);
    loop {
        let decoded = decoder.decode(&bytes[taken..given])?;
        content.extend_from_slice(&bytes[taken..given][decoded.content]);
        taken += decoded.consumed;
        if decoded.complete {
            return Ok((content, true, taken));
        }
        if decoded.consumed == 0 || taken == given {
            if given == bytes.len() {
                return Ok((content, false, taken));
            }
            given = (given + step).min(bytes.len());
        }
    }
}

fuzz_target!(|input: &[u8]| {
    // The first byte is the length of a piece.
    let Some((&step, bytes)) = input.split_first() else {
        return;
    };
    let whole = decode(bytes, bytes.len().max(1));
    let pieces = decode(bytes, usize::from(step).max(1));
    match (whole, pieces) {
        (Ok(whole), Ok(pieces)) => assert_eq!(whole, pieces),
        (whole, pieces) => assert_eq!(whole.is_err(), pieces.is_err()),
    }
});
