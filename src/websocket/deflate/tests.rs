use super::*;

fn context(is_taken_over: bool, bits: u8) -> DeflateContext {
    let window = WindowBits::new(bits).expect("a window");
    DeflateContext {
        is_taken_over,
        window,
    }
}

/// The payload of a message whose content arrives in pieces of `step` bytes.
fn compressed(compressor: &mut Compressor, content: &[u8], step: usize) -> Vec<u8> {
    let mut out = b"before".to_vec();
    content
        .chunks(step)
        .for_each(|piece| compressor.compress(piece, &mut out));
    compressor.finish(&mut out);
    assert!(out.starts_with(b"before"));
    out.split_off(6)
}

/// The content of a message, which is produced in pieces of at most `most` bytes.
fn inflated(
    decompressor: &mut Decompressor,
    payload: &[u8],
    most: usize,
) -> Result<Vec<u8>, InvalidDeflate> {
    let input = [payload, &TAIL].concat();
    let (mut at, mut out) = (0, Vec::new());
    loop {
        let start = out.len();
        at += decompressor.inflate(&input[at..], &mut out, most)?;
        assert!(out.len() - start <= most);
        if at == input.len() && out.len() == start {
            return Ok(out);
        }
    }
}

/// Bytes that do not repeat.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..length).map(next).collect()
}

#[test]
fn the_examples_are_written() {
    let hello = b"\xf2\x48\xcd\xc9\xc9\x07\0";
    let mut compressor = Compressor::new(context(true, 15));
    assert_eq!(compressed(&mut compressor, b"Hello", 9), hello); // 7.2.3.1
    assert_eq!(compressed(&mut compressor, b"Hello", 9), b"\xf2\0\x11\0\0"); // 7.2.3.2
    assert_eq!(compressed(&mut compressor, b"", 9), b"\0"); // 7.2.3.6
    let mut compressor = Compressor::new(context(false, 15));
    for _ in 0..3 {
        assert_eq!(compressed(&mut compressor, b"Hello", 2), hello); // 7.1.1.1
    }
    assert_eq!(compressed(&mut compressor, b"", 9), b"\0");
}

#[track_caller]
fn check(content: &[u8], is_taken_over: bool, bits: u8, step: usize, most: usize) {
    let agreed = context(is_taken_over, bits);
    let (mut compressor, mut decompressor) = (Compressor::new(agreed), Decompressor::new(agreed));
    for number in 0..3 {
        let payload = compressed(&mut compressor, content, step);
        assert!(!payload.ends_with(&TAIL));
        if !is_taken_over {
            decompressor = Decompressor::new(agreed);
        }
        let got = inflated(&mut decompressor, &payload, most);
        assert_eq!(got.as_deref(), Ok(content), "message {number}");
    }
}

#[test]
fn what_was_compressed_comes_back() {
    let text = "so much text that it is worth its while; ".repeat(1000);
    for content in [&b""[..], b"a", text.as_bytes(), &noise(20_000)] {
        for is_taken_over in [false, true] {
            for bits in [8, 9, 10, 15] {
                check(content, is_taken_over, bits, 100_000, 100_000);
                check(content, is_taken_over, bits, 1000, 333);
                check(content, is_taken_over, bits, 7000, 5);
            }
        }
    }
}

/// Section 7.1.2.1: nothing refers to what has left the window.
#[test]
fn the_window_has_the_agreed_size() {
    for bits in 9..=15 {
        let window = 1 << bits;
        let repeated = |distance: usize| noise(distance).repeat(2);
        let length = |content: &[u8]| {
            let mut compressor = Compressor::new(context(false, bits));
            compressed(&mut compressor, content, content.len()).len()
        };
        let beyond = repeated(window + 1);
        assert!(length(&beyond) > 2 * window, "{bits} bits");
        // What is half as far away is found.
        let within = repeated(window / 4);
        assert!(length(&within) < window / 2, "{bits} bits");
    }
}

#[test]
fn a_stream_may_end_within_a_message() {
    let mut decompressor = Decompressor::new(context(true, 15));
    let last_block = b"\xf3\x48\xcd\xc9\xc9\x07\0"; // 7.2.3.4
    for most in [1, 5, 100] {
        let twice = [&last_block[..], last_block, b"\0"].concat();
        let got = inflated(&mut decompressor, &twice, most);
        assert_eq!(got.as_deref(), Ok(&b"HelloHello"[..]), "{most} bytes");
    }
}

#[test]
fn invalid_data_is_found() {
    let check = |payload: &[u8]| {
        let mut decompressor = Decompressor::new(context(true, 15));
        let got = inflated(&mut decompressor, payload, 100);
        assert_eq!(got, Err(InvalidDeflate), "{payload:x?}");
    };
    check(b"\x07"); // RFC 1951 3.2.3: BTYPE 11
    check(b"\xf2\0\x11\0\0"); // 3.2.5: beyond the start
    check(b"\0\x05\0\0\0Hello\0"); // 3.2.4: NLEN
}
