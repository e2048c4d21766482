//! `docroot explain` from its arguments.

use super::*;
use crate::http1::version::Version;

#[track_caller]
fn explain_with(variables: Variables, arguments: &[&str]) -> Explain {
    match run_words(variables, arguments) {
        Ok(Command::Explain(request)) => *request,
        other => panic!("{arguments:?}: {other:?}"),
    }
}

#[track_caller]
fn check_mistake(arguments: &[&str], want: &[&str]) {
    let error = run_words(&[], arguments).expect_err("a mistake");
    for want in want {
        let got = error.mistake();
        assert!(got.contains(want), "{arguments:?}: {got}");
        assert!(!got.contains(['\r', '\n']), "{got:?}");
    }
}

fn fields(of: &Explain) -> Vec<(&str, &str)> {
    let text = |bytes| std::str::from_utf8(bytes).expect("UTF-8");
    let fields = of.fields.iter();
    fields
        .map(|(name, value)| (text(name), text(value)))
        .collect()
}

#[test]
fn the_defaults_are_a_get_of_this_folder_as_text() {
    let want = Explain {
        root_source: RootSource::Usual,
        target: b"/a?b".to_vec(),
        method: b"GET".to_vec(),
        fields: Vec::new(),
        version: Version::Http11,
        format: OutputFormat::Text,
        remarks: Vec::new(),
        config: launch("").config,
    };
    assert_eq!(explain_with(&[], &["explain", "/a?b"]), want);
}

#[test]
fn the_hosts_are_those_of_the_server() {
    let options = ["--allow-host", "*.Intra,a", "--bind", "0.0.0.0"];
    let explained = explain_with(&[], &[&["explain", "/"][..], &options].concat());
    let served = launch("--allow-host *.Intra,a --bind 0.0.0.0");
    assert_eq!(explained.config.allow_hosts, served.config.allow_hosts);
    assert_eq!(explained.config.bind, served.config.bind);
    let variables: Variables = &[("DOCROOT_ALLOW_HOST", "*.intra,A")];
    let from_variable = explain_with(variables, &["explain", "/"]);
    assert_eq!(from_variable.config.allow_hosts, served.config.allow_hosts);
}

#[test]
fn the_request_is_read() {
    let arguments = [
        "explain",
        "-H",
        "Accept: a, b",
        "/x",
        "www",
        "--field",
        "X:",
    ];
    let more = [
        "--field=Accept:c",
        "--method",
        "HEAD",
        "--http1.0",
        "--format",
        "json",
    ];
    let request = explain_with(&[], &[&arguments[..], &more].concat());
    assert_eq!(request.target, b"/x");
    assert_eq!(request.method, b"HEAD");
    assert_eq!(request.version, Version::Http10);
    assert_eq!(request.format, OutputFormat::Json);
    assert_eq!(request.config.root, Path::new("www"));
    // Repeated fields keep their order, and commas do not split a value.
    let want = [("Accept", "a, b"), ("X", ""), ("Accept", "c")];
    assert_eq!(fields(&request), want);
}

#[test]
fn octets_that_are_not_utf8_are_kept() {
    use std::os::unix::ffi::OsStringExt;
    let arguments = [
        b"docroot".to_vec(),
        b"explain".to_vec(),
        b"/\xff".to_vec(),
        b"-HX:\xfe".to_vec(),
    ];
    let arguments = arguments.map(OsString::from_vec);
    match parse(arguments, [], &MACHINE, &no_file) {
        Ok(Command::Explain(request)) => {
            assert_eq!(request.target, b"/\xff");
            assert_eq!(request.fields, [(b"X".to_vec(), b"\xfe".to_vec())]);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn options_that_change_answers_apply_to_it() {
    let variables = &[("DOCROOT_INDEX", "a,b"), ("DOCROOT_NO_LISTING", "1")][..];
    let arguments = ["explain", "/", "--include-hidden", "--max-ranges", "3"];
    let config = explain_with(variables, &arguments).config;
    let mut want = launch("--index a,b --no-listing --include-hidden").config;
    want.limits.max_ranges = 3;
    assert_eq!(config, want);
    let memory = ["explain", "/", "--cache-memory=0", "--no-compress"];
    let site = explain_with(&[], &memory).config.site;
    assert_eq!((site.cache_memory, site.compress), (0, false));
}

/// Variables of other options are not read, and a request has no variables.
#[test]
fn other_variables_do_not_apply_to_it() {
    let variables = &[
        ("PORT", "x"),
        ("DOCROOT_LOG_FORMAT", "x"),
        ("DOCROOT_TLS_SELF_SIGNED", "1"),
        ("DOCROOT_METHOD", "HEAD"),
        ("DOCROOT_FORMAT", "json"),
        ("DOCROOT_FIELD", "A: b"),
    ][..];
    let arguments = ["explain", "/"];
    let mut explained = explain_with(variables, &arguments);
    // But whoever sets a variable that docroot does not read at all learns it.
    let remarks = std::mem::take(&mut explained.remarks);
    let names = ["DOCROOT_FIELD", "DOCROOT_FORMAT", "DOCROOT_METHOD"];
    assert_eq!(remarks.len(), names.len());
    for (remark, name) in remarks.iter().zip(names) {
        assert!(remark.contains(name), "{remark}");
    }
    assert_eq!(explained, explain_with(&[], &arguments));
}

#[test]
fn a_variable_names_the_folder_to_explain() {
    let explained = explain_with(&[("DOCROOT_PATH", "/srv")], &["explain", "/"]);
    assert_eq!(explained.config.root, Path::new("/srv"));
}

#[test]
fn requests_that_cannot_be_sent_name_the_argument() {
    check_mistake(&["explain", ""], &["'<TARGET>'", "''"]);
    check_mistake(&["explain", "/a b"], &["'<TARGET>'", "'/a b'", "%20"]);
    check_mistake(&["explain", "/\r\n"], &["'<TARGET>'", r"'/\r\n'"]);
    for field in ["Accept", "A b: c", ": c", "A: b\r\nC: d", "A: b\n", "A: \0"] {
        check_mistake(&["explain", "/", "-H", field], &["'--field <FIELD>'"]);
    }
    for method in ["", "G T", "GET\n", "\u{e9}"] {
        let arguments = ["explain", "/", "--method", method];
        check_mistake(&arguments, &["'--method <METHOD>'"]);
    }
    let format = ["explain", "/", "--format", "xml"];
    check_mistake(&format, &["'--format <FORMAT>'", "write text or json"]);
    check_mistake(&["explain", "/", "a", "b"], &["unexpected argument 'b'"]);
    check_mistake(
        &["explain", "/", "-p", "1"],
        &["explain does not take --port"],
    );
}

#[test]
fn a_folder_named_explain_can_be_served() {
    let hint = "write docroot ./explain";
    check_mistake(&["explain"], &["explain needs the target", hint]);
    check_mistake(&["explain", "--no-listing"], &[hint]);
    for line in ["./explain", "explain/", "-q explain", "-- explain"] {
        let root = launch(line).config.root;
        assert!(root.ends_with("explain"), "{line}: {root:?}");
    }
    assert_eq!(launch("help").config.root, Path::new("help"));
}

#[test]
fn it_must_be_the_first_argument() {
    for arguments in [&["-q", "explain", "/"][..], &["www", "explain"]] {
        check_mistake(arguments, &["explain must be the first argument"]);
    }
}

#[test]
fn help_manual_and_completions_include_it() {
    let printed = |line: &str| match run(&[], line) {
        Ok(Command::Print(text)) => String::from_utf8(text).expect("UTF-8"),
        other => panic!("{line}: {other:?}"),
    };
    let manual = printed("--man");
    assert!(manual.contains("DOCROOT EXPLAIN"), "{manual}");
    assert!(manual.contains(r"\-\-method"), "{manual}");
    assert!(manual.contains("DOCROOT COMPRESS"), "{manual}");
    assert!(manual.contains(r"\-\-clean"), "{manual}");
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = printed(&format!("--completions {shell}"));
        assert!(script.contains("explain"), "{shell}");
        assert!(script.contains("method"), "{shell}");
    }
    let help = printed("explain --help");
    assert!(help.contains("<TARGET>"), "{help}");
    assert!(!help.contains("--port"), "{help}");
}
