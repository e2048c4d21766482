//! What a build without live reload says about it.
#![cfg(not(feature = "live-reload"))]

mod support;

use support::program::command;

#[test]
fn the_option_says_how_to_get_it() {
    let output = command().arg("--live-reload").output().expect("it runs");
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{error}");
    let first = error.lines().next().unwrap_or_default();
    assert!(
        first.contains("built without live reload")
            && first.contains("cargo install --path . --features live-reload"),
        "{error}"
    );
}
