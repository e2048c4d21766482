//! A build without HTTPS: whoever asks for it learns how to get it, and is not served in plain text.
#![cfg(not(feature = "tls"))]

mod support;

use support::program::command;

#[track_caller]
fn check_told(variables: &[(&str, &str)], arguments: &[&str]) {
    let mut command = command();
    command.envs(variables.iter().copied()).args(arguments);
    let output = command.output().expect("it runs");
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
    assert!(output.stdout.is_empty(), "{arguments:?}");
    let first = error.lines().next().unwrap_or_default();
    assert!(first.starts_with("docroot: "), "{error}");
    assert!(first.contains("built without HTTPS"), "{error}");
    assert!(first.contains("--features tls"), "{error}");
    // The second line is where help is.
    assert_eq!(error.lines().count(), 2, "{error}");
}

#[test]
fn every_option_of_https_says_how_to_get_it() {
    for arguments in [
        &["--tls-cert", "c"][..],
        &["--tls-key", "k"],
        &["--tls-cert", "c", "--tls-key", "k"],
        &["--tls-self-signed"],
        &["--tls-client-ca", "c"],
        &["--tls-client-optional"],
        &["--tls-client-depth", "3"],
        &["--tls-min", "1.3"],
        &["--http-redirect", "0"],
        &["--hsts", "31536000"],
    ] {
        check_told(&[], arguments);
    }
}

#[test]
fn every_variable_of_https_says_how_to_get_it() {
    for variable in [
        ("DOCROOT_TLS_CERT", "c"),
        ("DOCROOT_TLS_KEY", "k"),
        ("DOCROOT_TLS_SELF_SIGNED", "1"),
        ("DOCROOT_TLS_CLIENT_CA", "c"),
        ("DOCROOT_TLS_CLIENT_OPTIONAL", "1"),
        ("DOCROOT_TLS_MIN", "1.2"),
        ("DOCROOT_HTTP_REDIRECT", "0"),
        ("DOCROOT_HSTS", "1"),
    ] {
        check_told(&[variable], &[]);
    }
}

#[test]
fn the_help_names_what_is_missing() {
    let output = command().arg("--help").output().expect("it runs");
    let help = String::from_utf8_lossy(&output.stdout);
    assert!(
        help.contains("\nHTTPS (this docroot was built without it):\n"),
        "{help}"
    );
}
