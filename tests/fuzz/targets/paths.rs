//! A decoded path never climbs, and survives being encoded again.
#![no_main]

use docroot::site::path::SitePath;
use docroot::text::{append, percent};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|raw: &[u8]| {
    let (mut first, mut second) = (Vec::new(), Vec::new());
    let Ok(path) = SitePath::decode(raw, &mut first) else {
        return;
    };
    let bytes = path.as_bytes();
    assert!(!bytes.starts_with(b"/") && !bytes.contains(&0) && !bytes.contains(&b'\\'));
    assert!(
        bytes
            .split(|&byte| byte == b'/')
            .all(|segment| segment != b".." && segment != b".")
    );
    let mut encoded = Vec::new();
    append(&mut encoded, format_args!("/{}", percent::path(bytes)));
    assert_eq!(
        SitePath::decode(&encoded, &mut second).map(SitePath::as_bytes),
        Ok(bytes)
    );
});
