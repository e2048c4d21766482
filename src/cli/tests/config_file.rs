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
        Ok(Command::Serve(mut launch)) => {
            let file = launch.config.privileges.config_file.take();
            assert_eq!(file.as_deref(), Some(Path::new("site.toml")));
            *launch
        }
        other => panic!("{text}: {other:?}"),
    }
}

/// The file means the same as the command line. What operators are shown says where each value comes from.
#[track_caller]
fn check_same(text: &str, words: &[&str]) {
    let typed = launch_words(words);
    let Launch { root_source, .. } = launch_of(text);
    let of_file = Launch {
        root_source: typed.root_source.clone(),
        shown: Arc::clone(&typed.shown),
        ..launch_of(text)
    };
    assert_eq!(of_file, typed, "{text} from {root_source:?}");
}

/// What operators are shown says where each value comes from. Only that differs.
#[test]
fn equal_configurations_may_be_shown_in_different_words() {
    let typed = launch("--admin 127.0.0.1:9 --log-format off");
    let of_file = launch_of("admin = '127.0.0.1:9'\nlog-format = 'off'");
    assert_eq!(of_file.config, typed.config);
    assert_ne!(of_file.shown, typed.shown);
    let other = launch("--admin 127.0.0.1:9 --log-format off --no-listing");
    assert_ne!(other.config, typed.config);
}

#[track_caller]
fn check_mistake(text: &str, want: &str) {
    let error = run_with(&[], text, "--config site.toml").expect_err(text);
    assert_eq!(error.mistake(), want, "{text}");
}

/// Whoever starts docroot has typed none of them.
#[test]
fn mistakes_say_which_options_come_from_elsewhere() {
    let check = |variables: Variables, text: &str, line: &str, want: &str| {
        let line = format!("--config site.toml {line}");
        let error = run_with(variables, text, &line).expect_err(want);
        let mistake = error.mistake();
        assert!(mistake.ends_with(want), "{mistake}");
    };
    let of_file = "log-fields = ['time']\nlog-file = 'a.log'";
    let want = "(--log-file comes from the configuration file)";
    check(&[], of_file, "--log-format off", want);
    let listing: Variables = &[("DOCROOT_ARCHIVE", "1")];
    let want = "(--archive comes from the variable DOCROOT_ARCHIVE)";
    check(listing, "", "--no-listing", want);
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
    check_same("cors = true", &["--cors"]);
    check_same("verbose = false", &[]);
    let tls = &["--tls-self-signed", "--tls-min", "1.2"];
    if cfg!(feature = "tls") {
        check_same("tls-self-signed = true\ntls-min = 1.2", tls);
    }
}

/// The defaults of lists stay too.
#[test]
fn off_and_empty_are_the_same_as_no_line() {
    check_same("cors = false", &[]);
    check_same("class = false", &[]);
    check_same("qr = false", &[]);
    for (_, option) in options(Mode::Serve).filter(|(_, option)| option.is_in_file()) {
        if matches!(option.kind, Kind::List(_)) {
            check_same(&format!("{} = []", option.long), &[]);
        }
    }
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

/// A pattern without a user is for the users of a file.
#[test]
fn a_table_of_auth_may_have_a_pattern_alone() {
    let text = "[[auth]]\npattern = '/a b/**'";
    if cfg!(feature = "auth") {
        let alone = "auth-file = '/users'\n".to_owned() + text;
        check_same(&alone, &["--auth-file", "/users", "-a", "/a\\ b/**"]);
        let hash = "$2b$04$abcdefghijklmnopqrstuuRLLNyjJbQpQTdGLfZoKfcqfSOvvQOFW";
        check_same(
            &format!("{text}\nuser = 'b'\nhash = '{hash}'"),
            &["-a", &format!("/a\\ b/** b:{hash}")],
        );
        check_same(
            &format!("[[auth]]\nuser = 'b'\nhash = '{hash}'"),
            &["-a", &format!("b:{hash}")],
        );
    }
}

/// Separators in it separate nothing.
#[test]
fn a_table_is_one_value() {
    let types = launch_of("type = { pattern = '/a,b/*', type = 'text/plain' }");
    let mut want = OwnTypes::default();
    want.add("/a,b/*=text/plain").expect("a rule");
    assert_eq!(types.config.site.types, want);
    let rules = "[[redirect]]\nfrom = '/a'\nto = \"/b\\n/c=/d\"";
    check_mistake(
        rules,
        "'site.toml', line 3: to in a redirect table must not contain control characters",
    );
    check_mistake(
        "[[header]]\nname = 'X-A'\nvalue = \"b\\nX-C: d\"",
        "'site.toml', line 3: value in a header table must not contain control characters",
    );
    check_mistake(
        "[[auth]]\nuser = 'a'\nhash = \"b\\nc:d\"",
        "'site.toml', line 3: hash in an auth table must not contain control characters",
    );
}

/// Otherwise the option would read other parts than the table has.
#[test]
fn a_value_that_would_end_early_is_told_with_its_key() {
    check_mistake(
        "[[site]]\nhost = 'a=b'\nroot = '/x'",
        "'site.toml', line 2: host in a site table must not contain =",
    );
    check_mistake(
        "[[header]]\nname = 'a:b'\nvalue = 'c'",
        "'site.toml', line 2: name in a header table must not contain :",
    );
    check_mistake(
        "[[redirect]]\nfrom = '/a'\nto = '/b 302'",
        "'site.toml', line 3: to in a redirect table must not contain a space",
    );
    check_mistake(
        "[[auth]]\nuser = '/a'\nhash = 'b'",
        "'site.toml', line 2: user in an auth table must not begin with a slash",
    );
    check_mistake(
        "[[auth]]\nuser = 'a'\nhash = 'b'\npattern = 'c'",
        "'site.toml', line 4: pattern in an auth table must begin with a slash",
    );
    check_mistake(
        "[[cache]]\npattern = '/a\\'\ndirectives = 'no-store'",
        "'site.toml', line 2: pattern in a cache table must not end in the middle of an escape: \
         remove the last \\",
    );
    check_same(
        "[[site]]\nhost = 'a.example'\nroot = '/x=y z'",
        &["--site", "a.example=/x=y z"],
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
    for (line, want) in [
        ("root = '/srv'", "'root'; did you mean path?"),
        ("listen = 80", "'listen'; did you mean port?"),
        ("spa-file = 'a'", "'spa-file'; did you mean spa?"),
        (
            "gzip = true",
            "'gzip'; leave it out: docroot does this anyway, unless told no-compress",
        ),
    ] {
        check_mistake(line, &format!("'site.toml', line 1: unknown key {want}"));
    }
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
        "redirect = [\n  '/a=/b',\n  '/c',\n]",
        "'site.toml', line 3: invalid value '/c' for '--redirect <RULE>': write FROM=TO, such as \
         '/old/**=/new/$1'",
    );
    check_mistake(
        "[[redirect]]\nfrom = '/a'\nto = '/b'\n[[redirect]]\nform = '/c'\nto = '/d'",
        "'site.toml', line 5: unknown key 'form' in a redirect table; did you mean from?",
    );
    check_mistake(
        "[[redirect]]\nfrom = '/a'",
        "'site.toml', line 1: a redirect table needs the key 'to'",
    );
    let user = "'site.toml', line 1: an auth table needs the key 'user'";
    check_mistake("[[auth]]\npattern = '/a'\nhash = 'b'", user);
    check_mistake("[[auth]]", user);
    check_mistake(
        "[[auth]]\npattern = '/a'\nuser = 'b'",
        "'site.toml', line 1: an auth table needs the key 'hash'",
    );
    check_mistake(
        "[[redirect]]\nfrom = '/a'\nto = []",
        "'site.toml', line 3: to in a redirect table must be a string or a decimal integer",
    );
    check_mistake(
        "bind = 'lan'\nhost = 'x'",
        "'site.toml', line 2: bind is set twice",
    );
}

#[test]
fn a_value_of_another_type_is_told_with_the_right_types() {
    check_mistake(
        "no-listing = 'yes'",
        "'site.toml', line 1: no-listing must be true or false",
    );
    check_mistake(
        "port = true",
        "'site.toml', line 1: port must be a string or a decimal integer",
    );
    check_mistake(
        "port = 1.5",
        "'site.toml', line 1: invalid value '1.5' for '--port <N>': not a number from 0 to 65535",
    );
    check_mistake(
        "port = 0x50",
        "'site.toml', line 1: port must be a string or a decimal integer",
    );
    check_mistake(
        "spa = []",
        "'site.toml', line 1: spa must be true, false or a string",
    );
    check_mistake(
        "index = [\n  'a',\n  1979-05-27,\n]",
        "'site.toml', line 3: index must be a string or an array of strings",
    );
    check_mistake(
        "cors = [\n  false]",
        "'site.toml', line 2: cors must be true, false, a string or an array of strings",
    );
    check_mistake(
        "header = 1979-05-27",
        "'site.toml', line 1: header must be a string or an array of strings or tables",
    );
    check_mistake("path = 1", "'site.toml', line 1: path must be a string");
    check_mistake(
        "path = ''",
        "'site.toml', line 1: path must name a directory or a file",
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

/// What `--print-config` prints.
#[track_caller]
fn printed(variables: Variables, words: &[&str], read: ReadText<'_>) -> String {
    let all = [words, &["--print-config"]].concat();
    match run_reading(variables, &all, read) {
        Ok(Command::Print(text)) => String::from_utf8(text).expect("UTF-8"),
        other => panic!("{variables:?} {words:?}: {other:?}"),
    }
}

/// What is printed means the same as what it was printed from.
#[cfg(feature = "full")]
#[track_caller]
fn check_read_back(variables: Variables, words: &[&str]) {
    let launched = match run_words(variables, words) {
        Ok(Command::Serve(launch)) => *launch,
        other => panic!("{variables:?} {words:?}: {other:?}"),
    };
    let text = printed(variables, words, &no_file);
    let of_file = Launch {
        root_source: launched.root_source.clone(),
        // It says where each value comes from.
        shown: Arc::clone(&launched.shown),
        ..launch_of(&text)
    };
    assert_eq!(of_file, launched, "{variables:?} {words:?}: {text}");
    // It has no line more, and what is printed from it is the same but for the sources.
    let again = printed(&[], &["--config", "site.toml"], &|_| Ok(text.clone()));
    let set = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let lines = lines.filter(|line| !line.ends_with(" = false"));
        lines.map(str::to_owned).collect()
    };
    assert_eq!(set(&again), set(&text), "{variables:?} {words:?}");
}

/// Values of an option, and the arguments without which it is refused.
#[cfg(feature = "full")]
fn samples(option: &OptionDef) -> (Vec<&'static str>, &'static [&'static str]) {
    const TLS: &[&str] = &["--tls-self-signed"];
    let needs: &[&str] = match option.long {
        "default-language" | "strict-negotiation" => &["--negotiate"],
        "reload-ignore" => &["--live-reload"],
        "class" => &["--inspect"],
        "proxy-protocol" => &["--trust-proxy", "::1"],
        "strict-host" => &["--allow-host", "a.example"],
        "tls-cert" => &["--tls-key", "k"],
        "tls-key" => &["--tls-cert", "c"],
        "tls-client-depth" | "tls-client-optional" => {
            &["--tls-self-signed", "--tls-client-ca", "a"]
        }
        "tls-client-ca" | "tls-min" | "http-redirect" | "hsts" => TLS,
        _ => &[],
    };
    let values = match (option.long, option.kind, option.value_name()) {
        ("index", ..) => vec!["a.html,b.html", "\u{e9} \"q\" \\ \u{85}"],
        ("spa", ..) => vec!["app.html", "no"],
        ("redirect", ..) => vec!["/a=/b", "/a=/b\n/c\\=d/**=/$1 308"],
        ("prefix", ..) => vec!["/docs"],
        ("default-language", ..) => vec!["de"],
        ("type", ..) => vec!["log=text/plain,/{a,b}=text/plain"],
        ("log-fields", ..) => vec!["status,time"],
        ("reload-ignore", ..) => vec!["/logs/**,/a"],
        ("cache", ..) => vec!["/a/**=max-age=60\n/**=no-store"],
        ("header", ..) => vec!["X-A: \"b\" \\\n/d\\ e/** X-F:"],
        ("cors", ..) => vec!["https://a.example,https://b.example"],
        ("auth", ..) => {
            vec!["/a/** b:$2b$04$abcdefghijklmnopqrstuuRLLNyjJbQpQTdGLfZoKfcqfSOvvQOFW"]
        }
        ("allow" | "deny" | "inspect-allow" | "class", ..) => vec!["192.0.2.0/24,2001:db8::/32"],
        ("bind", ..) => vec![
            "lan,::1",
            "localhost",
            "0.0.0.0",
            "unix:/a,mode=0660",
            "systemd",
        ],
        ("admin", ..) => vec!["127.0.0.1:9180", "[::1]:0", "unix:/a,mode=0660"],
        ("trust-proxy", ..) => vec!["10.0.0.0/8,::1=forwarded"],
        ("user", ..) => vec!["www-data", "1000:www"],
        ("allow-host", ..) => vec!["a.example,*.b.example"],
        ("site", ..) => vec!["a.example=/a=\u{e9}\nb.example=/b"],
        (_, Kind::Switch(_), _) => vec!["1", "yes", "0", "off"],
        (_, Kind::Count(_), _) => vec!["1", "2", "007", "yes", "no", "0"],
        (_, Kind::Choice(_, choices), _) => choices.iter().map(|choice| choice.word).collect(),
        (_, Kind::File(_), _) => vec!["/\u{e9}\t\"f\" \\"],
        (_, _, Some("N" | "SECONDS")) => vec!["5"],
        (_, _, Some("SIZE")) => vec!["1m", "4096"],
        (_, _, Some("TIME")) => vec!["5s", "7"],
        (name, ..) => panic!("{name} has no sample"),
    };
    (values, needs)
}

/// Every option, from variables and from the command line.
#[cfg(feature = "full")]
#[test]
fn every_printed_option_reads_back() {
    for (_, option) in options(Mode::Serve).filter(|(_, option)| option.is_in_file()) {
        let (values, needs) = samples(option);
        let long = format!("--{}", option.long);
        for value in values {
            for name in option.variables() {
                check_read_back(&[(&name, value)], needs);
            }
            let takes_value = option.value_name().is_some();
            let typed = format!("{long}={value}");
            let typed = if takes_value { &typed } else { &long };
            check_read_back(&[], &[needs, &[typed]].concat());
        }
        if option.bare.is_some() {
            check_read_back(&[], &[needs, &[&long]].concat());
            for word in ["1", "on", "0", "no"] {
                check_read_back(&[(&option.variables()[0], word)], needs);
            }
        }
        if matches!(option.kind, Kind::Count(_)) {
            check_read_back(&[], &[&*long, &long]);
        }
    }
    check_read_back(&[("DOCROOT_PATH", "/\u{e9}")], &[]);
    check_read_back(&[], &["--index", "a", "--index", "b,c", "--cors", "www"]);
}

/// A table stays one, because its value may contain a separator.
#[test]
fn a_printed_table_reads_back() {
    let text = "type = ['log=text/plain', { pattern = '/a,b/*', type = 'text/plain' }]\n\
                redirect = { from = '/a\"=', to = '/b', status = 308 }\n";
    let again = printed(&[], &["--config", "site.toml"], &|_| Ok(text.to_owned()));
    assert_eq!(launch_of(&again), launch_of(text), "{again}");
    let want = "redirect = [{ from = \"/a\\\"=\", to = \"/b\", status = \"308\" }]\n";
    assert!(again.contains(want), "{again}");
}

#[test]
fn the_path_is_printed_with_its_source() {
    let begin = "# What to serve: a directory or a single file.\n";
    let check = |variables: Variables, words: &[&str], text: &str, want: &str| {
        let printed = printed(variables, words, &|_| Ok(text.to_owned()));
        assert!(
            printed.starts_with(&format!("{begin}{want}\n")),
            "{printed}"
        );
    };
    let file = "path = 'a'";
    check(&[], &["a"], "", "# (from the command line)\npath = \"a\"");
    let variable: Variables = &[("DOCROOT_PATH", "a")];
    let want = "# (from the variable DOCROOT_PATH)\npath = \"a\"";
    check(variable, &[], "", want);
    let want = "# (from the configuration file)\npath = \"a\"";
    check(&[], &["--config", "site.toml"], file, want);
    check(&[], &[], "", "# path = \".\"");
    check(&[], &["--site", "a.example=/a"], "", "# path = \"/a\"");
}

/// Any other text would name another file.
#[cfg(unix)]
#[test]
fn a_value_that_is_not_utf8_is_not_printed() {
    use std::os::unix::ffi::OsStrExt;
    let name = OsStr::from_bytes(b"/a\xff");
    let check = |words: &[&OsStr], option: &str| {
        let words = [
            &[OsStr::new("docroot"), OsStr::new("--print-config")],
            words,
        ]
        .concat();
        let words = words.into_iter().map(OsStr::to_owned);
        let error = parse(words, [], &MACHINE, &no_file).expect_err(option);
        let want = format!(
            "--print-config cannot print '/a\u{fffd}' for {option}: it is not UTF-8, and a configuration \
             file must be; rename the file or the directory"
        );
        assert_eq!(error.mistake(), want);
    };
    check(&[name], "path");
    if cfg!(feature = "auth") {
        check(&[OsStr::new("--auth-file"), name], "auth-file");
    }
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
    let text = printed(&[], &words, &no_file);
    check_same(&text, &words);
    assert!(text.contains("\nport = \"9000\"\n"), "{text}");
    assert!(text.contains("(from the command line)"), "{text}");
    assert!(
        text.contains("\n# idle-timeout = ...  # default: 75s\n"),
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
