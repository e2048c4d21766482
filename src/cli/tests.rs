//! The command line and the environment, from arguments to a configuration.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::launch::{Explain, Launch, OutputFormat, RootSource};
use super::machine::Stdout;
use super::options::{Kind, options};
use super::qr::Qr;
use super::*;
use crate::http1::allowed_hosts::HostPattern;
use crate::net::config::{Bind, Config, Port, SiteRoot, SocketFile};
use crate::net::limits::{Deadlines, Limits};
use crate::net::privileges::options::{Landlock, Privileges};
use crate::net::privileges::user::UserName;
use crate::observe::options::{LogFormat, LogOptions};
use crate::observe::zone::Zone;
use crate::precompress::Options;
use crate::semantics::address_rules::AddressRules;
use crate::semantics::cors::Cors;
use crate::semantics::own_types::OwnTypes;
use crate::semantics::rules::Rules;
use crate::semantics::trace::Trace;
use crate::site::options::SiteOptions;

// Configuration files.
#[cfg(feature = "config-file")]
mod config_file;
// `docroot explain`.
mod explain;

const MACHINE: Machine = Machine {
    processors: 4,
    given_descriptors: 1024,
    descriptors: 1024,
    colour_on_stdout: true,
    stdout: Stdout::Terminal,
    columns: Some(100),
    zone: Zone::Utc,
    lan: Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7))),
};

/// There are no configuration files.
fn no_file(_: &Path) -> std::io::Result<String> {
    Err(std::io::ErrorKind::NotFound.into())
}

type Variables<'a> = &'a [(&'a str, &'a str)];

fn run(variables: Variables, line: &str) -> Result<Command, UsageError> {
    run_words(variables, &line.split_whitespace().collect::<Vec<_>>())
}

fn run_words(variables: Variables, words: &[&str]) -> Result<Command, UsageError> {
    run_reading(variables, words, &no_file)
}

fn run_reading(
    variables: Variables,
    words: &[&str],
    read: ReadText<'_>,
) -> Result<Command, UsageError> {
    let arguments = ["docroot"].iter().chain(words).map(OsString::from);
    let owned = |(name, value): &(&str, &str)| (name.into(), value.into());
    parse(arguments, variables.iter().map(owned), &MACHINE, read)
}

#[track_caller]
fn launch_words(words: &[&str]) -> Launch {
    match run_words(&[], words) {
        Ok(Command::Serve(launch)) => *launch,
        other => panic!("{words:?}: {other:?}"),
    }
}

#[track_caller]
fn launch_with(variables: Variables, line: &str) -> Launch {
    match run(variables, line) {
        Ok(Command::Serve(launch)) => *launch,
        other => panic!("{line:?}: {other:?}"),
    }
}

#[track_caller]
fn launch(line: &str) -> Launch {
    launch_with(&[], line)
}

#[track_caller]
fn check_error(variables: Variables, line: &str, want: &str) {
    let error = run(variables, line).expect_err(line);
    let got = error.mistake();
    assert!(got.contains(want), "{line:?}: {got}");
    assert!(!got.contains('\n'), "{got}");
}

#[test]
fn the_command_line_is_consistent() {
    command::command(&Settings::defaults(&MACHINE)).debug_assert();
}

#[test]
fn the_defaults_are_the_documented_ones() {
    let want = Launch {
        config: Config {
            root: ".".into(),
            bind: Bind::loopback(),
            port: Port::Preferred(8080),
            allow_hosts: Vec::new(),
            proxies: Arc::default(),
            is_proxied: false,
            admin: None,
            drain_delay: Duration::ZERO,
            take_over: None,
            sites: Vec::new(),
            strict_host: false,
            reload_ignored: Vec::new(),
            lab: false,
            inspect: false,
            inspect_from: AddressRules::loopback(),
            inspect_named: AddressRules::default(),
            class_from: None,
            threads: 4,
            disk_threads: 4,
            site: SiteOptions::default(),
            rules: Rules::default(),
            auth_file: None,
            limits: Limits::default(),
            deadlines: Deadlines::default(),
            log: LogOptions {
                format: LogFormat::Pretty,
                colour: true,
                width: 100,
                ..LogOptions::OFF
            },
            request_ids: false,
            error_log: None,
            tls: None,
            privileges: Privileges::default(),
        },
        shown: Arc::clone(&launch("").shown),
        root_source: RootSource::Usual,
        banner: true,
        open: false,
        qr: Qr::Auto,
        remarks: Vec::new(),
    };
    assert_eq!(launch(""), want);
}

#[test]
fn rules_are_read() {
    let launched = launch_words(&[
        "--cache",
        "/a/**=max-age=60",
        "--cache=/**=no-store",
        "-H",
        "X-A: b",
        "--header=/d/* Server:",
        "--cors",
        "--security-headers",
        "--coi",
        "www",
    ]);
    let mut want = Rules::default();
    for rule in ["/a/**=max-age=60", "/**=no-store"] {
        want.add_cache(rule).expect("a rule");
    }
    for field in ["X-A: b", "/d/* Server:"] {
        want.add_field(field).expect("a field");
    }
    want.cors = Cors::Any;
    (want.security, want.isolation) = (true, true);
    assert_eq!(launched.config.rules, want);
    assert_eq!(launched.config.root, Path::new("www"));
    let variables: Variables = &[
        ("DOCROOT_CACHE", "/a/**=max-age=60\n/**=no-store"),
        ("DOCROOT_HEADER", "X-A: b\n/d/* Server:"),
        ("DOCROOT_CORS", "*"),
        ("DOCROOT_SECURITY_HEADERS", "1"),
        ("DOCROOT_COI", "1"),
    ];
    assert_eq!(launch_with(variables, "www").config.rules, want);
    let two = launch_words(&[
        "--cors=https://a.example, http://b.example",
        "--cors=http://c.example",
    ]);
    let mut cors = Cors::default();
    for origin in ["https://a.example", "http://b.example", "http://c.example"] {
        cors.add(origin).expect("an origin");
    }
    assert_eq!(two.config.rules.cors, cors);
}

#[track_caller]
fn check_words(words: &[&str], want: &str) {
    let error = run_words(&[], words).expect_err("a mistake");
    assert_eq!(error.mistake(), want);
}

#[test]
fn redirects_make_no_loop_with_other_options() {
    let about = "--redirect '/about=/about.html' makes a loop, because --clean-urls redirects /about.html to /about: \
                 choose another target";
    check_words(&["--redirect", "/about=/about.html", "--clean-urls"], about);
    check_words(
        &[
            "explain",
            "--redirect",
            "/about=/about.html",
            "--clean-urls",
            "/",
        ],
        about,
    );
    check_words(
        &[
            "--index",
            "start.html",
            "--clean-urls",
            "--redirect",
            "/=/start.html",
        ],
        "--redirect '/=/start.html' makes a loop, because --clean-urls redirects /start.html to /: choose another \
         target",
    );
    check_words(
        &["--prefix", "/p", "--redirect", "/a=/../p/a"],
        "--redirect '/a=/../p/a' makes a loop: choose another target",
    );
    launch_words(&["--redirect", "/about=/about.html"]);
}

#[test]
fn a_mistake_in_a_rule_names_the_option_and_the_place() {
    let check = check_words;
    check(
        &["--cache", "/a{b=max-age=1"],
        "invalid value '/a{b=max-age=1' for '--cache <RULE>': the { at character 3 is not \
         closed: add a }, or write \\{ for the character itself",
    );
    check(
        &["--cache", "/a=max-aeg=1"],
        "invalid value '/a=max-aeg=1' for '--cache <RULE>': there is no directive \
         'max-aeg'; did you mean max-age?",
    );
    check(
        &["--cache", "/a=only-if-cached"],
        "invalid value '/a=only-if-cached' for '--cache <RULE>': only-if-cached is a request directive, which \
         only clients send: remove it",
    );
    check(
        &["-H", "Cache-Control: no-store"],
        "invalid value 'Cache-Control: no-store' for '--header <FIELD>': use --cache for \
         this field",
    );
    check(
        &["--cors=a.example"],
        "invalid value 'a.example' for '--cors <ORIGIN>': write an origin such as https://app.example, \
         or *",
    );
    check(
        &["--cors=https://a.example:99999"],
        "invalid value 'https://a.example:99999' for '--cors <ORIGIN>': write a port from 0 to 65535 after the \
         colon, or leave out both",
    );
    for field in [
        "Access-Control-Allow-Credentials: true",
        "/api/** access-control-allow-credentials: true",
    ] {
        check(
            &["--cors", "-H", field],
            "--cors for every origin and -H 'Access-Control-Allow-Credentials' contradict each other, \
             because browsers refuse credentials for *: list the origins, as in \
             --cors=https://app.example, or leave the field out",
        );
    }
}

#[test]
fn a_mistake_is_quoted_with_advice() {
    let check = check_words;
    check(
        &["--redirect", "/a=/%zz"],
        "invalid value '/a=/%zz' for '--redirect <RULE>': two hex digits must follow the % at character \
         2 of the target: write %25 for a percent sign",
    );
    check(
        &["--etag", "inode"],
        "invalid value 'inode' for '--etag <SOURCE>': write metadata or content",
    );
    check(
        &["--etag"],
        "the value of '--etag <SOURCE>' is missing: write metadata or content",
    );
    check(
        &["--qr=x"],
        "invalid value 'x' for '--qr[=<WHEN>]': write auto, always or never",
    );
    check(
        &["--log-format", "x"],
        "invalid value 'x' for '--log-format <FORMAT>': write pretty, combined, json, journal or off",
    );
    check(
        &["--archive=zip"],
        "the option '--archive' takes no value: leave out '=zip'",
    );
    check(
        &["-H", "Age: 1"],
        "invalid value 'Age: 1' for '--header <FIELD>': only caches send this field: leave it out",
    );
    check(
        &["-H", "X: \u{e4}"],
        "invalid value 'X: \u{e4}' for '--header <FIELD>': a value has only printable ASCII characters: \
         leave out '\u{e4}', or encode it as the field allows",
    );
    check(
        &["--prefix", "/../a"],
        "invalid value '/../a' for '--prefix <PATH>': the path contains a dot segment: write the path \
         without . and ..",
    );
    check(
        &["--prefix", "/a//b"],
        "invalid value '/a//b' for '--prefix <PATH>': the path contains an empty segment: write one slash \
         between two names",
    );
    check(
        &["--redirect", "/**/a/**=/b"],
        "invalid value '/**/a/**=/b' for '--redirect <RULE>': a redirect may have only one **: write * for \
         a part of one name, or write several redirects",
    );
    check(
        &["--redirect", "/a=/b c"],
        "invalid value '/a=/b c' for '--redirect <RULE>': 'c' after the space is not a status of a \
         redirect: write 301, 302, 307 or 308, or write %20 for a space in the target",
    );
}

#[test]
fn a_word_that_a_variable_may_not_have_is_told() {
    let variables = &[("DOCROOT_ETAG", "inode")];
    let want = "the variable DOCROOT_ETAG: invalid value 'inode' for '--etag <SOURCE>': write metadata or \
                content";
    check_error(variables, "", want);
}

/// A longer line would be wrapped a second time.
#[test]
fn the_texts_of_the_help_fit_into_its_lines() {
    let defaults = Settings::defaults(&MACHINE);
    for mode in Mode::WITH_WORD.into_iter().chain([Mode::Serve]) {
        let full = (super::command::full(mode, &defaults), 100);
        let short = (super::command::short(mode, &defaults), 80);
        for (command, columns) in [full, short] {
            let text = command.get_after_help().expect("a text").to_string();
            for line in text.lines() {
                assert!(line.chars().count() <= columns, "{line}");
            }
        }
    }
}

#[test]
fn addresses_are_allowed_and_denied_in_blocks() {
    let launched = launch("--allow 10.0.0.0/8,::1 --allow 192.0.2.7 --deny 10.1.0.0/16");
    let mut want = Rules::default();
    for block in ["10.0.0.0/8", "::1", "192.0.2.7"] {
        want.addresses.allow(block).expect("a block");
    }
    want.addresses.deny("10.1.0.0/16").expect("a block");
    assert_eq!(launched.config.rules, want);
    let variables: Variables = &[
        ("DOCROOT_ALLOW", "10.0.0.0/8,::1,192.0.2.7"),
        ("DOCROOT_DENY", "10.1.0.0/16"),
    ];
    assert_eq!(launch_with(variables, "").config.rules, want);
    let mistake = run(&[], "--deny 10.1.2.3/8").expect_err("a mistake");
    assert_eq!(
        mistake.mistake(),
        "invalid value '10.1.2.3/8' for '--deny <BLOCK>': the address is not the first one of its \
         block: write 10.0.0.0/8"
    );
}

#[test]
fn options_are_read() {
    assert_eq!(launch("www").config.root, Path::new("www"));
    assert_eq!(launch("-- -p").config.root, Path::new("-p"));
    assert_eq!(launch("-p 8080").config.port, Port::Fixed(8080));
    assert_eq!(launch("-p0").config.port, Port::Fixed(0));
    assert_eq!(launch("-p 1 --port=2").config.port, Port::Fixed(2)); // the last one wins
    assert_eq!(launch("-t 2").config.threads, 2);
    assert_eq!(launch("--disk-threads 9").config.disk_threads, 9);
    assert!(launch("-o").open);
    assert_eq!(launch("--qr").qr, Qr::Always);
    assert_eq!(launch("--qr=never").qr, Qr::Never);
    assert_eq!(launch("--qr=never --qr").qr, Qr::Always);
    assert!(!launch("--no-listing").config.site.listing);
    assert!(!launch("--no-compress").config.site.compress);
    assert!(launch("--include-hidden").config.site.hidden);
    assert!(launch("--follow-symlinks").config.site.follow_symlinks);
    let types = launch("--type log=text/plain,.A=b/c --type tar.gz=d/e")
        .config
        .site
        .types;
    let mut want = OwnTypes::default();
    for rule in ["log=text/plain", "A=b/c", "tar.gz=d/e"] {
        want.add(rule).expect("a rule");
    }
    assert_eq!(types, want);
    let site = launch("--index a --index b,c --cache-memory 0").config.site;
    assert_eq!(
        (site.index, site.cache_memory),
        (["a", "b", "c"].map(String::from).into(), 0)
    );
}

#[test]
fn quiet_silences_the_banner_and_not_the_log() {
    let quiet = launch("-q --log-format json");
    assert!(!quiet.banner);
    assert_eq!(quiet.config.log.format, LogFormat::Json);
    assert_eq!(
        launch("-q --log-format off").config.log.format,
        LogFormat::Off
    );
}

#[test]
fn the_log_is_local_for_people_and_utc_for_programs() {
    let machine = Machine {
        zone: Zone::read(Some("NPT-5:45"), &tz::TimeZoneSettings::DEFAULT),
        ..MACHINE
    };
    let zone = |line: &str| {
        let arguments = line.split_whitespace().map(OsString::from);
        match parse(arguments, [], &machine, &no_file) {
            Ok(Command::Serve(launch)) => launch.config.log.zone,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(zone("docroot --log-format pretty"), machine.zone);
    for format in ["combined", "json"] {
        let line = format!("docroot --log-format {format}");
        assert_eq!(zone(&line), Zone::Utc);
        assert_eq!(zone(&format!("{line} --log-time local")), machine.zone);
    }
    assert_eq!(zone("docroot --log-time utc"), Zone::Utc);
}

#[test]
fn the_log_says_more_with_each_v() {
    let detail = |variables: Variables, line| launch_with(variables, line).config.log.detail;
    assert_eq!(detail(&[], ""), Detail::Brief);
    assert_eq!(detail(&[], "-v"), Detail::Full);
    assert_eq!(detail(&[], "-vv"), Detail::Heads);
    assert_eq!(detail(&[], "-v -p 0 --verbose"), Detail::Heads);
    assert_eq!(detail(&[], "-vvvv"), Detail::Heads);
    for (value, want) in [
        ("0", Detail::Brief),
        ("1", Detail::Full),
        ("2", Detail::Heads),
        ("off", Detail::Brief),
        ("on", Detail::Full),
    ] {
        assert_eq!(detail(&[("DOCROOT_VERBOSE", value)], ""), want);
    }
    assert_eq!(detail(&[("DOCROOT_VERBOSE", "2")], "-v"), Detail::Full);
    let want = "the variable DOCROOT_VERBOSE: invalid value 'much': write a number such as 1";
    check_error(&[("DOCROOT_VERBOSE", "much")], "", want);
}

#[test]
fn the_address_of_a_service_is_told_only_to_who_asks_for_more() {
    let service = &[("DOCROOT_PORT", "tcp://192.0.2.1:80")];
    assert_eq!(launch_with(service, "").remarks, [""; 0]);
    assert_eq!(launch_with(service, "-v").remarks.len(), 1);
}

#[test]
fn where_the_log_goes_decides_its_format() {
    let log = |line: &str| launch(line).config.log;
    let to_file = log("--log-file a.log");
    assert_eq!(to_file.file.as_deref(), Some(Path::new("a.log")));
    let format = (to_file.format, to_file.colour, to_file.width);
    assert_eq!(format, (LogFormat::Combined, false, LogOptions::WIDTH));
    let json = log("--log-format json --log-file a.log");
    assert_eq!((json.format, json.colour), (LogFormat::Json, false));
    let pretty = log("--log-file=a.log --log-format=pretty");
    assert_eq!((pretty.format, pretty.colour), (LogFormat::Pretty, false));
    let off = "--log-file has no effect with --log-format off: remove one of the two";
    check_error(&[], "--log-format off --log-file a.log", off);
    let nameless = "the name of the file is missing";
    check_error(&[], "--log-file=", nameless);
    check_error(&[], "--error-log=", nameless);
    let errors = launch("--error-log e.log").config.error_log;
    assert_eq!(errors.as_deref(), Some(Path::new("e.log")));
}

#[test]
fn the_time_of_a_log_in_a_file_is_utc_unless_the_format_is_for_people() {
    let machine = Machine {
        zone: Zone::read(Some("NPT-5:45"), &tz::TimeZoneSettings::DEFAULT),
        ..MACHINE
    };
    for (line, is_local) in [
        ("", false),
        ("--log-time local", true),
        ("--log-format json", false),
        ("--log-format json --log-time local", true),
        ("--log-format pretty", true),
        ("--log-format pretty --log-time utc", false),
    ] {
        let line = format!("docroot --log-file a.log {line}");
        let arguments = line.split_whitespace().map(OsString::from);
        let Ok(Command::Serve(launch)) = parse(arguments, [], &machine, &no_file) else {
            panic!("{line}");
        };
        let zone = launch.config.log.zone;
        assert_eq!(zone == machine.zone, is_local, "{line}");
    }
}

#[test]
fn the_fields_of_the_log_keep_their_order() {
    let log = |line: &str| launch(line).config.log;
    let names = |line: &str| {
        let fields = log(line).fields.map(|fields| fields.to_vec());
        fields.map(|fields| fields.iter().map(|field| field.name()).collect::<Vec<_>>())
    };
    assert_eq!(names("--log-format json"), None);
    let few = "--log-format json --log-fields status,time --log-fields peer";
    assert_eq!(names(few), Some(vec!["status", "time", "peer"]));
    let error = |fields: &str, want: &str| {
        let line = format!("--log-format json --log-fields={fields}");
        check_error(&[], &line, want);
    };
    error(
        "time,tiem",
        "invalid value 'tiem' for '--log-fields <FIELD>': there is no such field; did you mean time?",
    );
    error(
        "user-agent",
        "there is no such field; did you mean user_agent?",
    );
    error("xyz", "there is no such field; write time, peer, port, ");
    error("", "there is no such field; write time, peer, ");
    error(
        "time,peer,time",
        "'time' for '--log-fields <FIELD>': it is there twice: leave one out",
    );
    let told = launch("--log-fields time --log-format combined").remarks;
    let want = "only the json log has fields: add --log-format json to --log-fields";
    assert_eq!(told, [want]);
    // The help names each.
    let (_, option) = options(Mode::Serve)
        .find(|(_, option)| option.long == "log-fields")
        .expect("an option");
    let all = JsonField::ALL.map(JsonField::name).join(", ");
    assert!(
        option.help.ends_with(&format!(": {all}")),
        "{}",
        option.help
    );
}

#[test]
fn a_sample_of_the_log_is_a_number() {
    let one_in = |line: &str| launch(line).config.log.one_in.get();
    assert_eq!(one_in(""), 1);
    assert_eq!(one_in("--log-sample 100"), 100);
    for wrong in ["0", "-1", "1.5", "x", "1000001"] {
        let want = "for '--log-sample <N>': not a number from 1 to 1000000";
        check_error(&[], &format!("--log-sample={wrong}"), want);
    }
    let told = |line: &str| launch(line).remarks;
    let json = "--log-format json --log-sample 10";
    assert_eq!(told(json), [""; 0]);
    assert_eq!(told(&format!("{json} --log-fields time,sample")), [""; 0]);
    let want =
        "the log does not say for how many requests a line stands: add sample to --log-fields";
    assert_eq!(told(&format!("{json} --log-fields time")), [want]);
}

#[test]
fn heads_that_the_log_cannot_show_are_told() {
    assert_eq!(launch("-vv").remarks, [""; 0]);
    assert_eq!(launch("-v --log-format json").remarks, [""; 0]);
    let told = launch("-vv --log-format json").remarks;
    assert_eq!(
        told,
        ["only the pretty log shows heads: add --log-format pretty to -vv"]
    );
}

#[test]
fn steps_that_the_log_cannot_show_are_told() {
    assert_eq!(launch("--explain").remarks, [""; 0]);
    assert!(launch("--explain").config.log.steps);
    let told = launch("--explain --log-format combined").remarks;
    assert_eq!(
        told,
        ["only the pretty log explains responses: add --log-format pretty to --explain"]
    );
}

#[test]
fn the_log_has_the_width_of_the_terminal() {
    for columns in [40, 79, 200] {
        let machine = Machine {
            columns: Some(columns),
            ..MACHINE
        };
        match parse([OsString::from("docroot")], [], &machine, &no_file) {
            Ok(Command::Serve(launch)) => assert_eq!(launch.config.log.width, columns),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn the_log_is_pretty_only_on_a_terminal() {
    let piped = Machine {
        stdout: Stdout::Other,
        colour_on_stdout: false,
        columns: None,
        ..MACHINE
    };
    let log = |line: &str| {
        let arguments = line.split_whitespace().map(OsString::from);
        match parse(arguments, [], &piped, &no_file) {
            Ok(Command::Serve(launch)) => launch.config.log,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(log("docroot").format, LogFormat::Combined);
    let journal = Machine {
        stdout: Stdout::Journal,
        ..piped.clone()
    };
    let format = |line: &str| {
        let arguments = line.split_whitespace().map(OsString::from);
        match parse(arguments, [], &journal, &no_file) {
            Ok(Command::Serve(launch)) => launch.config.log.format,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(format("docroot"), LogFormat::Journal);
    assert_eq!(format("docroot --log-file a.log"), LogFormat::Combined);
    assert_eq!(format("docroot --log-format json"), LogFormat::Json);
    let pretty = log("docroot --log-format pretty");
    assert_eq!((pretty.format, pretty.colour), (LogFormat::Pretty, false));
    assert_eq!(pretty.width, LogOptions::WIDTH);
    assert_eq!(pretty.width, 80);
    // A caller may leave out even the name of the program.
    assert_eq!(log("").format, LogFormat::Combined);
}

#[track_caller]
fn check_bind(line: &str, required: &[&str], optional: &[&str]) {
    let parse = |texts: &[&str]| -> Vec<IpAddr> {
        texts
            .iter()
            .map(|text| text.parse().expect("an address"))
            .collect()
    };
    let bind = launch(line).config.bind;
    assert_eq!(
        (bind.required, bind.optional),
        (parse(required), parse(optional)),
        "{line}"
    );
}

#[test]
fn addresses_are_read() {
    check_bind("", &[], &["127.0.0.1", "::1"]);
    check_bind("-b localhost", &[], &["127.0.0.1", "::1"]);
    check_bind("--host LOCALHOST", &[], &["127.0.0.1", "::1"]);
    check_bind("-b 0.0.0.0", &["0.0.0.0"], &[]);
    check_bind("-b lan", &["192.0.2.7"], &[]);
    check_bind("-b LAN,localhost", &["192.0.2.7"], &["127.0.0.1", "::1"]);
    check_bind("-b 0.0.0.0 --bind ::", &["0.0.0.0", "::"], &[]);
    check_bind("-b 0.0.0.0,[::1]", &["0.0.0.0", "::1"], &[]);
    // The wildcard means them too, so their port would be in use.
    check_bind("-b 0.0.0.0,127.0.0.1", &["0.0.0.0"], &[]);
    check_bind("-b ::1 -b :: -b 192.0.2.1", &["::", "192.0.2.1"], &[]);
    check_bind("-b lan,localhost,0.0.0.0", &["0.0.0.0"], &["::1"]);
    check_bind(
        "-b 127.0.0.1 -b localhost -b 127.0.0.1",
        &["127.0.0.1"],
        &["::1"],
    );
}

#[test]
fn a_machine_without_a_network_has_no_lan() {
    let alone = Machine {
        lan: None,
        ..MACHINE
    };
    let arguments = ["docroot", "-b", "lan"].map(OsString::from);
    let error = parse(arguments, [], &alone, &no_file).expect_err("no address");
    let mistake = error.mistake();
    assert!(mistake.contains("this machine has no network"), "{mistake}");
}

#[test]
fn privileges_are_given_up() {
    let privileges = |line| launch(line).config.privileges;
    assert_eq!(privileges(""), Privileges::default());
    let user = |line| privileges(line).user;
    assert_eq!(user("--user www-data"), UserName::parse("www-data").ok());
    assert_eq!(user("--user 1000:www"), UserName::parse("1000:www").ok());
    check_error(&[], "--user a:", "write NAME or NAME:GROUP");
    check_error(&[], "learn --user a", "docroot learn does not take --user");
    assert_eq!(privileges("--landlock auto").landlock, Landlock::Auto);
    assert_eq!(privileges("--landlock require").landlock, Landlock::Require);
    assert_eq!(privileges("--landlock off").landlock, Landlock::Off);
    check_error(&[], "--landlock on", "write auto, require or off");
    let variables = &[("DOCROOT_USER", "a"), ("DOCROOT_LANDLOCK", "off")];
    let config = launch_with(variables, "--landlock require").config;
    assert_eq!(config.privileges.user, UserName::parse("a").ok());
    assert_eq!(config.privileges.landlock, Landlock::Require);
}

#[test]
fn limits_and_deadlines_are_read() {
    let config = launch(
        "--max-connections 7 --max-head 32k --max-target 4k --max-fields 9 --max-body 2g \
         --max-ranges 0 --min-rate 0 --handshake-timeout 9s --head-timeout 1s --body-timeout 2m --idle-timeout 0 \
         --send-timeout 1h --linger-timeout 500ms --drain-timeout 3",
    )
    .config;
    let limits = Limits {
        max_connections: 7,
        max_head: 32 << 10,
        max_target: 4 << 10,
        max_fields: 9,
        max_body: 2 << 30,
        max_ranges: 0,
        min_rate: 0,
    };
    let deadlines = Deadlines {
        handshake: Duration::from_secs(9),
        head: Duration::from_secs(1),
        body: Duration::from_secs(120),
        idle: Duration::ZERO,
        send: Duration::from_secs(3600),
        linger: Duration::from_millis(500),
        drain: Duration::from_secs(3),
    };
    assert_eq!((config.limits, config.deadlines), (limits, deadlines));
}

#[test]
fn the_environment_sets_what_the_command_line_leaves_out() {
    let port = |variables, line| launch_with(variables, line).config.port;
    assert_eq!(port(&[("DOCROOT_PORT", "1")], ""), Port::Fixed(1));
    assert_eq!(port(&[("DOCROOT_PORT", "1")], "-p 2"), Port::Fixed(2));
    assert_eq!(port(&[("PORT", "3")], ""), Port::Fixed(3));
    assert_eq!(
        port(&[("PORT", "3"), ("DOCROOT_PORT", "1")], ""),
        Port::Fixed(1)
    );
    assert_eq!(
        port(&[("PORT", "x"), ("DOCROOT_PORT", "1")], ""),
        Port::Fixed(1)
    );
    assert_eq!(port(&[("PORT", "x")], "-p 1"), Port::Fixed(1));
    // An empty variable counts as unset.
    assert_eq!(
        port(&[("PORT", "3"), ("DOCROOT_PORT", "")], ""),
        Port::Fixed(3)
    );
    assert_eq!(port(&[("DOCROOT_PORT", "")], ""), Port::Preferred(8080));
    // Kubernetes sets this for a service that is named docroot.
    const SERVICE: &str = "tcp://192.0.2.1:8080";
    assert_eq!(
        port(&[("DOCROOT_PORT", SERVICE)], ""),
        Port::Preferred(8080)
    );
    assert_eq!(
        port(&[("DOCROOT_PORT", SERVICE), ("PORT", "3")], ""),
        Port::Fixed(3)
    );
    assert_eq!(port(&[("PORT", SERVICE)], ""), Port::Preferred(8080));

    let index = |line| {
        launch_with(&[("DOCROOT_INDEX", "a,b")], line)
            .config
            .site
            .index
    };
    assert_eq!(index(""), ["a", "b"]);
    assert_eq!(index("--index c"), ["c"]); // the command line replaces the variable
    let idle = launch_with(&[("DOCROOT_IDLE_TIMEOUT", "5s")], "")
        .config
        .deadlines
        .idle;
    assert_eq!(idle, Duration::from_secs(5));
    // Options that print something have no variable.
    launch_with(&[("DOCROOT_MAN", "1"), ("DOCROOT_COMPLETIONS", "bash")], "");
}

#[test]
fn a_variable_names_what_to_serve() {
    let root = |variables, line| launch_with(variables, line).config.root;
    let srv = &[("DOCROOT_PATH", "/srv")][..];
    assert_eq!(root(srv, ""), Path::new("/srv"));
    assert_eq!(root(srv, "www"), Path::new("www"));
    assert_eq!(root(srv, "."), Path::new("."));
    assert_eq!(root(&[("DOCROOT_PATH", "")], ""), Path::new("."));
}

#[test]
fn unknown_variables_are_told_at_the_start() {
    let remarks = launch_with(&[("DOCROOT_PROT", "1")], "-q").remarks;
    assert_eq!(remarks.len(), 1);
    assert!(remarks[0].ends_with("did you mean DOCROOT_PORT?"));
}

#[test]
fn variables_turn_switches_on_and_off() {
    let listing = |value| {
        launch_with(&[("DOCROOT_NO_LISTING", value)], "")
            .config
            .site
            .listing
    };
    for word in ["1", "true", "yes", "on", "TRUE"] {
        assert!(!listing(word), "{word}");
    }
    for word in ["0", "false", "no", "off", ""] {
        assert!(listing(word), "{word}");
    }
    assert!(launch_with(&[("DOCROOT_OPEN", "1"), ("DOCROOT_QUIET", "0")], "").open);
}

#[test]
fn a_value_without_its_equals_sign_is_told() {
    for (line, want) in [
        (
            "--cors https://a.example www",
            "write --cors=https://a.example",
        ),
        (
            "--spa app.html www",
            "to give --spa a value, write --spa=app.html",
        ),
        ("explain / --spa app.html www", "write --spa=app.html"),
        ("explain / www --spa app.html", "write --spa=app.html"),
    ] {
        check_error(&[], line, "unexpected argument '");
        check_error(&[], line, want);
    }
    for line in ["--cors www b", "--spa=app.html www b", "--spa -q www b"] {
        let error = run(&[], line).expect_err(line);
        assert!(!error.mistake().contains("to give"), "{}", error.mistake());
    }
}

#[test]
fn a_letter_with_a_value_that_it_does_not_take_is_told() {
    for (line, want) in [
        (
            "-o=firefox",
            "the option '-o' takes no value: leave out '=firefox'",
        ),
        (
            "-p=80 -qo=firefox",
            "the option '-o' takes no value: leave out '=firefox'",
        ),
        (
            "check -v=2",
            "the option '-v' takes no value: leave out '=2'",
        ),
        ("-=", "there is no option '-='"),
        ("-c-1", "there is no option '-c'; did you mean --cache?"),
    ] {
        check_error(&[], line, want);
    }
}

#[test]
fn mistakes_are_one_line() {
    check_error(
        &[],
        "--prot 1",
        "there is no option '--prot'; did you mean --port?",
    );
    check_error(
        &[],
        "--prot=1",
        "there is no option '--prot'; did you mean --port?",
    );
    check_error(&[], "--xyz", "there is no option '--xyz'");
    check_error(&[], "a b", "unexpected argument 'b' found");
    check_error(&[], "-p 65536", "not a number from 0 to 65535");
    check_error(&[], "-t 0", "--threads");
    check_error(&[], "--disk-threads 0", "--disk-threads");
    check_error(&[], "--disk-threads 65", "--disk-threads");
    check_error(&[], "-b nowhere", "not an IP address");
    check_error(&[], "--index a/b", "a single file name");
    check_error(&[], "--index ..", "a single file name");
    check_error(
        &[],
        "--index a,.env",
        "--index '.env' is the name of a hidden file",
    );
    let (option, variable) = ("'--type <RULE>'", &[("DOCROOT_TYPE", "log=text/plain,log")]);
    check_error(&[], "--type log", option);
    check_error(variable, "", "write EXT=TYPE");
    check_error(&[], "--type a/b=text/plain", "not a file extension");
    check_error(&[], "--type log=text", "not a media type");
    check_error(&[], "explain / --index .env", "add --include-hidden");
    assert!(run(&[], "--index .env --include-hidden").is_ok());
    assert!(run(&[], "--index .well-known").is_ok());
    check_error(&[], "--pro\u{202e}t 1", "--pro\\u{202e}t");
    check_error(&[], "a b\u{200b}c", "b\\u{200b}c");
    check_error(&[], "--max-head 1t", "64k");
    check_error(&[], "--max-head 1", "from 512 to 16m");
    check_error(&[], "--head-timeout 10x", "10s");
    check_error(&[], "--head-timeout 0", "more than 0");
    check_error(
        &[],
        "--log-format xml",
        "write pretty, combined, json, journal or off",
    );
    check_error(&[], "--max-connections 0", "--max-connections");
}

#[test]
fn mistakes_in_the_environment_name_the_variable() {
    check_error(&[("PORT", "x")], "", "the variable PORT: invalid value 'x'");
    check_error(&[("DOCROOT_PORT", "x")], "", "the variable DOCROOT_PORT: ");
    check_error(
        &[("DOCROOT_QUIET", "maybe")],
        "",
        "the variable DOCROOT_QUIET: ",
    );
    check_error(
        &[("DOCROOT_BIND", "::1,x")],
        "",
        "the variable DOCROOT_BIND: ",
    );
}

#[test]
fn every_option_has_a_help_and_a_default_if_it_takes_a_value() {
    for (heading, option) in Mode::ALL.into_iter().flat_map(options) {
        let name = option.long;
        assert!(!heading.is_empty() && !option.help.is_empty(), "{name}");
        assert!(!option.help.ends_with('.'), "{name}");
        let wants_default = option.value_name().is_some() && !option.prints();
        assert_eq!(option.default.is_some(), wants_default, "{name}");
    }
}

/// The help shows what happens without the option, in a form that can be typed.
#[test]
fn defaults_are_shown_as_they_are_typed() {
    let defaults = Settings::defaults(&MACHINE);
    let options = Mode::ALL.into_iter().flat_map(options);
    for (_, option) in options {
        // Every text is the name of a file. An option with an optional value is off without it.
        if matches!(option.kind, Kind::File(_)) || option.bare.is_some() {
            continue;
        }
        let Some(show) = option.default else { continue };
        let mut settings = defaults.clone();
        let typed = show(&defaults);
        let applied = option.apply(&mut settings, &[OsStr::new(&typed)]);
        let is_quantity = matches!(option.value_name(), Some("SIZE" | "TIME"));
        assert!(applied.is_ok() || !is_quantity, "{}: {typed}", option.long);
        if applied.is_ok() {
            assert_eq!(settings.config, defaults.config, "{}", option.long);
        }
    }
}

#[test]
fn compress_takes_options_of_its_own() {
    let compress = |variables, line| match run(variables, line) {
        Ok(Command::Compress(compress)) => *compress,
        other => panic!("{line}: {other:?}"),
    };
    let defaults = Options {
        root: ".".into(),
        clean: false,
        hidden: false,
        workers: MACHINE.processors,
    };
    assert_eq!(compress(&[], "compress").options, defaults);
    let all = Options {
        root: "www".into(),
        clean: true,
        hidden: true,
        ..defaults.clone()
    };
    let line = "compress --clean www --include-hidden";
    assert_eq!(compress(&[], line).options, all);
    // Only what is typed removes files or compresses hidden ones.
    let variables: Variables = &[
        ("DOCROOT_INCLUDE_HIDDEN", "1"),
        ("DOCROOT_CLEAN", "1"),
        ("DOCROOT_PATH", "www"),
    ];
    let told = compress(variables, "compress");
    let root = "www".into();
    assert_eq!(told.options, Options { root, ..defaults });
    assert_eq!(told.remarks.len(), 1, "{:?}", told.remarks);
    // It is a command only as the first argument.
    assert_eq!(launch("./compress").config.root, Path::new("./compress"));
    check_error(&[], "www compress", "compress must be the first argument");
}

#[test]
fn precompressed_files_are_sent_on_request() {
    assert!(!launch("").config.site.precompressed);
    assert!(launch("--precompressed").config.site.precompressed);
    let variables = &[("DOCROOT_PRECOMPRESSED", "1")];
    assert!(launch_with(variables, "").config.site.precompressed);
}

#[test]
fn help_version_manual_and_completions_end_early() {
    // Whatever else is wrong, whoever asks for help gets it.
    for line in ["--version", "-V", "-p x --version"] {
        match run(&[("PORT", "x")], line) {
            Ok(Command::Print(text)) => assert!(text.starts_with(b"docroot "), "{line}"),
            other => panic!("{line}: {other:?}"),
        }
    }
    for line in [
        "--help",
        "-h",
        "-p x -h",
        "explain -h",
        "explain / -h",
        "explain --help",
        "compress -h",
        "compress www --help",
        "--man",
        "check --man",
        "explain --man",
        "--completions bash",
        "--completions zsh",
        "--completions fish",
    ] {
        match run(&[("PORT", "x")], line) {
            Ok(Command::Print(text)) => assert!(text.len() > 500, "{line}"),
            other => panic!("{line}: {other:?}"),
        }
    }
}

#[test]
fn sites_are_read() {
    let site = |host: &str, root: &str| SiteRoot {
        host: HostPattern::parse(host).expect(host),
        root: root.into(),
    };
    let config = launch("--site a.example=/a --site=*.example=b=c --strict-host").config;
    let want = [site("a.example", "/a"), site("*.example", "b=c")];
    assert_eq!(config.sites, want);
    assert!(config.strict_host);
    // The first site is for all other hosts, unless there is a path.
    assert_eq!(config.root, Path::new("/a"));
    assert_eq!(
        launch("--site a.example=/a /b").config.root,
        Path::new("/b")
    );
    assert_eq!(launch("").config.root, Path::new("."));
    for mistake in [
        "--site a.example",
        "--site a.example=",
        "--site =/a",
        "--site http://a=/b",
    ] {
        check_error(&[], mistake, "--site <HOST=DIR>");
    }
    check_error(
        &[],
        "--site *=/a /b",
        "invalid value '*=/a' for '--site <HOST=DIR>': '*' matches every host: give '/a' as PATH instead, \
         which serves all hosts without a site",
    );
    assert_eq!(want[1].host.to_string(), "*.example");
    check_error(&[], "--site a.example=/a --site A.example=/b", "remove one");
}

#[test]
fn the_page_of_an_application_is_a_file_that_is_served() {
    for page in ["../x", ".hid", "", "a//b", "a/.", "/"] {
        check_words(
            &[&format!("--spa={page}")],
            &format!(
                "invalid value '{page}' for '--spa <FILE>': write a path in the served directory, without .. or \
                 hidden names, such as index.html"
            ),
        );
    }
    let page = launch("--spa=/app/start.html").config.site.spa;
    assert_eq!(page.as_deref(), Some("app/start.html"));
}

#[test]
fn archives_need_listings() {
    let both = "--archive has no effect with --no-listing";
    check_error(&[], "--archive --no-listing", both);
    check_error(&[("DOCROOT_NO_LISTING", "1")], "explain / --archive", both);
    assert!(launch("--archive").config.site.archive);
}

#[test]
fn a_server_answers_for_some_host() {
    let nobody = "--strict-host without --site or --allow-host answers nobody: add --allow-host";
    check_error(&[], "--strict-host", nobody);
    check_error(&[("DOCROOT_STRICT_HOST", "1")], "/b", nobody);
    check_error(&[], "explain / --strict-host", nobody);
    let only = |line: &str| launch(line).config.only_hosts().map(<[_]>::len);
    assert_eq!(only("--strict-host --allow-host a.example"), Some(1));
    assert_eq!(only("--strict-host --site a.example=/a"), Some(0));
    assert_eq!(only("--strict-host --allow-host *"), None);
    assert_eq!(only("--allow-host a.example"), None);
}

#[test]
fn options_of_negotiation_need_it() {
    for tag in ["en_US", ""] {
        let option = format!("--default-language={tag}");
        check_words(
            &["--negotiate", &option],
            &format!(
                "invalid value '{tag}' for '--default-language <TAG>': write a language tag such as en or pt-BR"
            ),
        );
    }
    check_error(&[], "--default-language de", "add --negotiate");
    check_error(&[], "--strict-negotiation", "add --negotiate");
    let both = launch("--negotiate --strict-negotiation --default-language de");
    assert!(both.config.site.strict_negotiation);
}

/// The option adds addresses. It takes none away from this machine.
#[test]
fn clients_of_the_wire_view_are_named() {
    let named = |line: &str, address: &str| {
        let config = launch(line).config;
        assert_eq!(config.inspect_from, AddressRules::loopback(), "{line}");
        (config.inspect_named).names(address.parse().expect("an address"))
    };
    assert!(!named("--inspect", "127.0.0.1"));
    let line = "--inspect --inspect-allow 127.0.0.1,192.0.2.0/24 --inspect-allow 2001:db8::/32";
    for (address, want) in [
        ("127.0.0.1", true),
        ("::ffff:127.0.0.1", true),
        ("127.0.0.2", false),
        ("192.0.2.7", true),
        ("2001:db8::1", true),
    ] {
        assert_eq!(named(line, address), want, "{address}");
    }
}
/// The addresses that the lines admit to the pages of the wire view, apart from those of a class.
#[test]
fn this_machine_opens_its_pages_at_its_own_addresses() {
    let lan = MACHINE.lan.expect("an address");
    for (line, want) in [
        ("--inspect", false),
        ("--inspect -b lan", true),
        ("--inspect -b 0.0.0.0", true),
        ("--inspect -b 192.0.2.9", false),
        ("--inspect -b lan --inspect-allow 198.51.100.0/24", true),
    ] {
        let from = launch(line).config.inspect_from;
        assert_eq!(from.admits(lan, &mut Trace::off()), want, "{line}");
        let other = "192.0.2.8".parse().expect("an address");
        assert!(!from.admits(other, &mut Trace::off()), "{line}");
    }
}

#[test]
fn a_class_has_its_addresses() {
    assert_eq!(launch("--inspect").config.class_from, None);
    for (line, address, want) in [
        ("--inspect --class", "192.168.1.20", true),
        ("--inspect --class", "192.0.2.7", false),
        ("--inspect --class=192.0.2.0/24", "192.0.2.7", true),
        ("--inspect --class=192.0.2.0/24", "192.168.1.20", false),
        ("--inspect --class=192.0.2.0/24,private", "10.0.0.1", true),
    ] {
        let class = launch(line).config.class_from.expect("a class");
        let address = address.parse().expect("an address");
        assert_eq!(class.admits(address, &mut Trace::off()), want, "{line}");
    }
    check_error(&[], "--class", "add --inspect, or run docroot learn");
    check_error(&[], "--inspect --class=here", "or private");
    let remarks = |line: &str| launch(line).remarks.len();
    assert_eq!(remarks("--inspect --class"), 1);
    assert_eq!(remarks("--inspect --class -b lan"), 0);
}

#[test]
fn a_unix_socket_has_a_path_and_perhaps_permissions() {
    let bind = launch("-b unix:/run/a.sock,mode=0660,::1 -b unix:b")
        .config
        .bind;
    let socket = |path: &str, mode| SocketFile {
        path: path.into(),
        mode,
    };
    assert_eq!(
        bind.sockets,
        [socket("/run/a.sock", Some(0o660)), socket("b", None)]
    );
    assert_eq!(bind.required, [Ipv6Addr::LOCALHOST]);
    assert!(launch("-b unix:a").config.bind.addresses().next().is_none());
    for (line, want) in [
        ("-b unix:", "write unix:PATH"),
        ("-b mode=0600", "belongs behind a socket"),
        ("-b unix:a,mode=0888", "an octal number"),
        ("-b unix:a,mode=1777", "an octal number"),
        ("-b unix:a,mode=", "an octal number"),
        ("-b unix", "unix:PATH or systemd"),
    ] {
        check_error(&[], line, want);
    }
}

#[test]
fn proxies_are_named_before_they_are_believed() {
    let config = launch("--trust-proxy 10.0.0.0/8,::1=forwarded --proxy-protocol").config;
    assert!(config.is_proxied);
    assert!(config.proxies.trust([10, 1, 2, 3].into()));
    assert!(config.proxies.trust(Ipv6Addr::LOCALHOST.into()));
    assert!(!config.proxies.trust([127, 0, 0, 1].into()));
    for (line, want) in [
        ("--proxy-protocol", "no effect without --trust-proxy"),
        ("--trust-proxy nginx", "write an address"),
        ("--trust-proxy 10.0.0.1=via", "=forwarded or =x-forwarded"),
        (
            "--trust-proxy 10.0.0.1=forwarded,10.0.0.1=x-forwarded",
            "10.0.0.1/32 is there twice",
        ),
    ] {
        check_error(&[], line, want);
    }
}

#[test]
fn operators_have_an_address_of_their_own() {
    let config = |line: &str| launch(line).config;
    assert_eq!(config("").admin, None);
    let at = |line: &str| {
        let admin = config(line).admin.expect(line);
        (admin.bind.required, admin.port)
    };
    let local = IpAddr::V4(Ipv4Addr::LOCALHOST);
    assert_eq!(at("--admin 127.0.0.1:9180"), (vec![local], 9180));
    assert_eq!(at("--admin [::1]:0"), (vec![Ipv6Addr::LOCALHOST.into()], 0));
    let admin = config("--admin unix:/run/a,mode=0600")
        .admin
        .expect("a socket");
    let socket = SocketFile {
        path: "/run/a".into(),
        mode: Some(0o600),
    };
    assert_eq!(
        (admin.bind.sockets, admin.bind.required),
        (vec![socket], vec![])
    );
    for line in [
        "--admin 9180",
        "--admin localhost",
        "--admin 127.0.0.1",
        "--admin :9180",
    ] {
        check_error(&[], line, "such as 127.0.0.1:9180");
    }
    check_error(&[], "--admin unix:", "write unix:PATH");
    check_error(&[], "--admin unix:/a,mode=9", "octal");
    let delay = config("--drain-delay 5s").drain_delay;
    assert_eq!(delay, Duration::from_secs(5));
}

/// Without this, the start blamed another program.
#[test]
fn two_options_do_not_name_the_same_place_to_listen() {
    let site = "because the site uses it: choose another port";
    for (line, want) in [
        ("--admin 127.0.0.1:8080", site),
        ("--admin 127.0.0.1:8080 -p 8080", site),
        ("--admin 0.0.0.0:9180 -p 9180", site),
        ("-b 0.0.0.0 --admin 127.0.0.1:9180 -p 9180", site),
        ("-b :: --admin [::1]:9180 -p 9180", site),
        (
            "-b unix:a --admin unix:a",
            "--bind and --admin name the same socket \"a\"",
        ),
        (
            "-b unix:/run/a --take-over /run/./a",
            "--bind and --take-over name the same",
        ),
        (
            "--admin unix:a --take-over ./a",
            "--admin and --take-over name the same",
        ),
        (
            "-b unix:a -b unix:./a",
            "--bind names the socket \"./a\" twice",
        ),
    ] {
        check_error(&[], line, want);
    }
    for line in [
        "--admin 127.0.0.1:8081",
        "--admin 127.0.0.1:0 -p 0",
        "-b 192.0.2.1 --admin 127.0.0.1:9180 -p 9180",
        "-b :: --admin 127.0.0.1:9180 -p 9180",
        "-b unix:a --admin 127.0.0.1:8080",
        "-b unix:a --admin unix:b --take-over c",
    ] {
        launch(line);
    }
}

#[cfg(feature = "tls")]
#[test]
fn operators_are_not_redirected_to_https() {
    let line = "--tls-self-signed -p 8443 --http-redirect=9180 --admin 127.0.0.1:9180";
    let want = "--admin cannot use port 9180, because --http-redirect uses it";
    check_error(&[], line, want);
}
