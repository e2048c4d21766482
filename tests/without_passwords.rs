//! A build without passwords: whoever asks for them learns how to get them, and nothing is served open.
#![cfg(not(feature = "auth"))]

mod support;

use support::program::command;

#[track_caller]
fn check_told(variables: &[(&str, &str)], arguments: &[&str], status: i32) {
    let mut command = command();
    command.envs(variables.iter().copied()).args(arguments);
    let output = command.output().expect("it runs");
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{arguments:?}: {error}");
    assert!(output.stdout.is_empty(), "{arguments:?}");
    let first = error.lines().next().unwrap_or_default();
    assert!(first.starts_with("docroot: "), "{error}");
    assert!(first.contains("built without passwords"), "{error}");
    assert!(first.contains("--features auth"), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
}

#[test]
fn every_option_of_passwords_says_how_to_get_them() {
    check_told(&[], &["-a", "alice:hunter2"], 2);
    check_told(&[], &["--auth", "/a/** alice:$2b$04$hunter2"], 2);
    check_told(&[], &["--auth-file", "users"], 2);
    check_told(&[], &["explain", "/", "-a", "alice:hunter2"], 2);
    check_told(&[("DOCROOT_AUTH", "alice:hunter2")], &[], 2);
    check_told(&[("DOCROOT_AUTH_FILE", "users")], &[], 2);
    check_told(&[], &["hash-password"], 1);
}

/// Whoever makes the configuration without the command line is not served without passwords either.
#[test]
fn a_server_with_protected_paths_does_not_start() {
    let setup = support::Setup::new().with(|config| {
        let protection = &mut config.rules.protection;
        protection.add("alice:$2b$04$x").expect("a rule");
    });
    let bound = docroot::net::server::Server::bind(setup.config, std::sync::Arc::default());
    let fault = bound.err().expect("it does not start").to_string();
    assert!(fault.contains("--features auth"), "{fault}");
}
