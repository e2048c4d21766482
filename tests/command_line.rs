//! The command as people run it, as far as it needs no server: what it prints, and its status.

use std::process::{Command, Output, Stdio};

/// Runs the command with these variables and no others.
fn run(variables: &[(&str, &str)], arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_docroot"));
    command.env_clear().envs(variables.iter().copied());
    command.args(arguments).stdin(Stdio::null());
    command.output().expect("the command runs")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

/// The standard output of a run that ends well.
#[track_caller]
fn printed(variables: &[(&str, &str)], arguments: &[&str]) -> String {
    let output = run(variables, arguments);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}");
    assert_eq!(text(&output.stderr), "", "{arguments:?}");
    text(&output.stdout).to_owned()
}

#[track_caller]
fn check_mistake(variables: &[(&str, &str)], arguments: &[&str], status: i32, want: &str) {
    let output = run(variables, arguments);
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{arguments:?}: {error}");
    assert_eq!(text(&output.stdout), "", "{arguments:?}");
    let first = error.lines().next().unwrap_or_default();
    assert!(first.starts_with("docroot: "), "{error}");
    assert!(first.contains(want), "{error}");
    // A mistake in the arguments is followed by where help is.
    assert_eq!(
        error.lines().count(),
        if status == 2 { 2 } else { 1 },
        "{error}"
    );
    assert!(!error.contains("panicked"), "{error}");
}

#[test]
fn mistakes_end_with_2_and_say_where_help_is() {
    check_mistake(&[], &["--prot", "1"], 2, "unexpected argument '--prot'");
    check_mistake(&[], &["a", "b"], 2, "unexpected argument 'b'");
    check_mistake(&[], &["--port", "http"], 2, "'--port <N>'");
    check_mistake(&[], &["--port"], 2, "a value is required");
    check_mistake(&[], &["--idle-timeout", "soon"], 2, "such as 10s");
    check_mistake(&[("PORT", "http")], &[], 2, "the variable PORT: ");
    check_mistake(
        &[("DOCROOT_THREADS", "0")],
        &[],
        2,
        "the variable DOCROOT_THREADS: ",
    );
}

#[test]
fn a_root_that_cannot_be_served_ends_with_1() {
    check_mistake(
        &[],
        &["--port", "0", "/no/such/place"],
        1,
        "there is no \"/no/such/place\": ",
    );
    check_mistake(
        &[],
        &["--port", "0", "/dev/null/x"],
        1,
        "there is no \"/dev/null/x\": ",
    );
}

#[test]
fn the_help_shows_every_default_in_groups() {
    let help = printed(&[("PORT", "http")], &["--help"]);
    for group in [
        "Serving:",
        "Network:",
        "Output:",
        "Limits and deadlines:",
        "Other:",
    ] {
        assert!(help.contains(&format!("\n{group}\n")), "{group}\n{help}");
    }
    // Its lines are wrapped: the words are what counts. A value is named in angle brackets.
    let words: Vec<&str> = help.split_whitespace().collect();
    for option in words.join(" ").split('<').skip(1) {
        let told = option.contains("[default: ") || option.starts_with("SHELL>");
        assert!(told, "{option}\n{help}");
    }
    assert!(help.contains("\nExamples:\n"));
    assert!(!help.contains('\x1b'));
    assert_eq!(printed(&[], &["-h"]), help);
}

#[test]
fn version_manual_and_completions_are_printed() {
    let version = printed(&[], &["--version"]);
    assert_eq!(version, format!("docroot {}\n", env!("CARGO_PKG_VERSION")));
    assert!(printed(&[], &["--man"]).contains(".TH docroot"));
    for (shell, sign) in [
        ("bash", "complete -F"),
        ("zsh", "#compdef docroot"),
        ("fish", "complete -c docroot"),
    ] {
        assert!(
            printed(&[], &["--completions", shell]).contains(sign),
            "{shell}"
        );
    }
}
