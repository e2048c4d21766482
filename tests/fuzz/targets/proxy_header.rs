//! The header of the PROXY protocol: a header that is whole is read the same whatever follows it, and a part of it is
//! no fault.
#![no_main]

use docroot::proxy_protocol::parse;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|received: &[u8]| {
    let Ok(Some((header, length))) = parse(received) else {
        return;
    };
    assert_eq!(parse(&received[..length]), Ok(Some((header, length))));
    for part in 0..length {
        assert_eq!(parse(&received[..part]), Ok(None), "{part} of {length}");
    }
});
