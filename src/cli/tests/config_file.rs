//! Configuration files.

use super::*;

/// What docroot does with a configuration file of this text.
fn run_with(variables: Variables, text: &str, line: &str) -> Result<Command, UsageError> {
    let read = |name: &Path| match name == "site.toml" {
        true => Ok(text.to_owned()),
        false => no_file(name),
    };
    let words: Vec<&str> = line.split_whitespace().collect();
    run_reading(variables, &words, &read)
}

#[track_caller]
fn launch_of(text: &str) -> Launch {
    match run_with(&[], text, "--config site.toml") {
        Ok(Command::Serve(launch)) => *launch,
        other => panic!("{text}: {other:?}"),
    }
}

/// The file means the same as the command line.
#[track_caller]
fn check_same(text: &str, words: &[&str]) {
    let typed = launch_words(words);
    let Launch { root_source, .. } = launch_of(text);
    let of_file = Launch {
        root_source: typed.root_source.clone(),
        ..launch_of(text)
    };
    assert_eq!(of_file, typed, "{text} from {root_source:?}");
}

#[track_caller]
fn check_mistake(text: &str, want: &str) {
    let error = run_with(&[], text, "--config site.toml").expect_err(text);
    assert_eq!(error.mistake(), want, "{text}");
}

#[test]
fn each_key_is_an_option() {
    check_same("", &[]);
    check_same("path = '/srv'", &["/srv"]);
    check_same("port = 9000", &["--port", "9000"]);
    check_same("port = '9000'", &["--port", "9000"]);
    check_same("no-listing = true", &["--no-listing"]);
    check_same("no-listing = false", &[]);
    check_same("idle-timeout = '5s'", &["--idle-timeout", "5s"]);
    check_same("log-format = 'json'", &["--log-format", "json"]);
    check_same("verbose = 2", &["-vv"]);
    check_same("verbose = true", &["-v"]);
    check_same("spa = true", &["--spa"]);
    check_same("spa = 'app.html'", &["--spa=app.html"]);
    check_same("spa = false", &[]);
    check_same("index = 'a.html,b.html'", &["--index", "a.html,b.html"]);
    check_same(
        "index = ['a.html', 'b.html']",
        &["--index", "a.html", "--index", "b.html"],
    );
    check_same("cors = [true]", &["--cors"]);
}

#[test]
fn a_table_is_a_value_of_several_parts() {
    check_same(
        "[[site]]\nhost = 'a.example'\nroot = '/a'\n[[site]]\nhost = 'b.example'\nroot = '/b'",
        &["--site", "a.example=/a", "--site", "b.example=/b"],
    );
    check_same(
        "[[header]]\nname = 'X-A'\nvalue = 'b: c'\n[[header]]\npattern = '/d e/**'\nname = 'X-F'\nvalue = ''",
        &["-H", "X-A: b: c", "-H", "/d\\ e/** X-F:"],
    );
    check_same(
        "[[redirect]]\nfrom = '/old/**'\nto = '/new/$1'\nstatus = 308\n[[redirect]]\nfrom = '/a=b'\nto = '/c'",
        &[
            "--redirect",
            "/old/**=/new/$1 308",
            "--redirect",
            "/a\\=b=/c",
        ],
    );
    check_same(
        "cache = [{ pattern = '/a/**', directives = 'public, max-age=60' }, '/b=no-store']",
        &[
            "--cache",
            "/a/**=public, max-age=60",
            "--cache",
            "/b=no-store",
        ],
    );
    check_same(
        "type = { pattern = '/a\\=b', type = 'text/plain' }",
        &["--type", "/a\\=b=text/plain"],
    );
}

#[test]
fn the_command_line_and_variables_take_precedence() {
    let launched =
        |variables: Variables, text: &str, line: &str| match run_with(variables, text, line) {
            Ok(Command::Serve(launch)) => *launch,
            other => panic!("{other:?}"),
        };
    let port = "port = 1";
    let of_variable: Variables = &[("DOCROOT_PORT", "2"), ("DOCROOT_CONFIG", "site.toml")];
    let typed = launched(of_variable, port, "--port 3").config.port;
    assert_eq!(typed, Port::Fixed(3));
    assert_eq!(launched(of_variable, port, "").config.port, Port::Fixed(2));
    assert_eq!(
        launched(&of_variable[1..], port, "").config.port,
        Port::Fixed(1)
    );
    // A variable turns off what the file turns on.
    let off: Variables = &[("DOCROOT_NO_LISTING", "0")];
    let off = launched(off, "no-listing = true", "--config site.toml");
    assert!(off.config.site.listing);
    let serves = "path = '/file'";
    let of_variable: Variables = &[("DOCROOT_PATH", "/variable")];
    let root = |variables, line: &str| launched(variables, serves, line).config.root;
    assert_eq!(
        root(of_variable, "--config site.toml /typed"),
        Path::new("/typed")
    );
    assert_eq!(
        root(of_variable, "--config site.toml"),
        Path::new("/variable")
    );
    assert_eq!(root(&[], "--config site.toml"), Path::new("/file"));
}

#[test]
fn a_mistake_is_told_with_its_line() {
    check_mistake(
        "\nprot = 1",
        "'site.toml', line 2: unknown key 'prot'; did you mean port?",
    );
    check_mistake("xyzzy = 1", "'site.toml', line 1: unknown key 'xyzzy'");
    check_mistake("config = 'a'", "'site.toml', line 1: unknown key 'config'");
    check_mistake(
        "a = ",
        "'site.toml', line 1: string values must be quoted, expected literal string",
    );
    check_mistake(
        "\n\nport = 'x'",
        "'site.toml', line 3: invalid value 'x' for '--port <N>': not a number from 0 to 65535",
    );
    check_mistake(
        "no-listing = 'yes'",
        "'site.toml', line 1: the value of no-listing is wrong: write true or false",
    );
    check_mistake(
        "port = true",
        "'site.toml', line 1: the value of port is wrong: write it in quotes",
    );
    check_mistake(
        "port = 1.5",
        "'site.toml', line 1: the value of port is wrong: write one text in quotes, or a number",
    );
    check_mistake(
        "index = [1979-05-27]",
        "'site.toml', line 1: the value of index is wrong: write texts in quotes",
    );
    check_mistake(
        "redirect = [\n  '/a=/b',\n  '/c',\n]",
        "'site.toml', line 3: invalid value '/c' for '--redirect <RULE>': write FROM=TO, such as \
         '/old/**=/new/$1'",
    );
    check_mistake(
        "[[redirect]]\nfrom = '/a'\nto = '/b'\n[[redirect]]\nform = '/c'\nto = '/d'",
        "'site.toml', line 5: a table of redirect has no key 'form'; did you mean from?",
    );
    check_mistake(
        "[[redirect]]\nfrom = '/a'",
        "'site.toml', line 1: a table of redirect needs to",
    );
    check_mistake(
        "[[redirect]]\nfrom = '/a'\nto = []",
        "'site.toml', line 3: to must be a text in quotes, or a number",
    );
    check_mistake(
        "path = 1",
        "'site.toml', line 1: write the name of a directory or of a file in quotes",
    );
    check_mistake(
        "bind = 'lan'\nhost = 'x'",
        "'site.toml', line 2: bind is set twice",
    );
}

#[test]
fn a_file_that_cannot_be_read_is_an_error() {
    check_error(
        &[],
        "--config none.toml",
        "cannot read the configuration file 'none.toml': entity not found",
    );
}

/// What is printed is a configuration file that means the same.
#[test]
fn the_configuration_is_printed_as_a_file() {
    let words = [
        "--port",
        "9000",
        "--no-listing",
        "-v",
        "-H",
        "X-A: \"b\" \\",
        "-H",
        "X-C: d",
        "--spa",
        "--redirect",
        "/a=/b",
        "/srv/\u{e9}\u{1f600}\t\"x\"",
    ];
    let printed = [&words[..], &["--print-config"]].concat();
    let text = match run_words(&[], &printed) {
        Ok(Command::Print(text)) => text,
        other => panic!("{other:?}"),
    };
    let text = String::from_utf8(text).expect("UTF-8");
    check_same(&text, &words);
    assert!(text.contains("\nport = \"9000\"\n"), "{text}");
    assert!(text.contains("(from the command line)"), "{text}");
    assert!(
        text.contains("\n# idle-timeout = ...  (default: 75s)\n"),
        "{text}"
    );
    assert!(
        text.lines().all(|line| line.chars().count() <= 100),
        "{text}"
    );
}

#[test]
fn a_configuration_with_a_mistake_is_not_printed() {
    check_error(
        &[],
        "--print-config --default-language de",
        "--default-language has no effect",
    );
}
