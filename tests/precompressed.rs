//! RFC 9110 sections 8.4 and 12.5.3: precompressed files beside a file, on the wire.

mod support;

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use docroot::net::config::Config;
use support::program::{Program, command};
use support::slow::SlowDisk;
use support::{Client, Response, Setup, TestServer, request, until};

/// What the server sends is never decoded here, so each file only says what it is.
const PAGE: &str = "<p>page";
const BR: &str = "in Brotli";
const ZST: &str = "in Zstandard, longer";
const GZ: &str = "in gzip, the longest of all";

/// The time of the page, in seconds since 1970.
const NOON: u64 = 1_600_000_000;

/// A page that docroot would compress too, and its precompressed files.
fn page() -> String {
    PAGE.to_owned() + &" and more text".repeat(200)
}

fn setup() -> Setup {
    let setup = Setup::new()
        .file("page.html", page())
        .file("page.html.br", BR)
        .file("page.html.zst", ZST)
        .file("page.html.gz", GZ)
        .with(|config| config.site.precompressed = true);
    for extension in ["", ".br", ".zst", ".gz"] {
        set_time(&setup.root().join(format!("page.html{extension}")), NOON);
    }
    setup
}

fn set_time(path: &Path, seconds: u64) {
    set_modified(path, UNIX_EPOCH + Duration::from_secs(seconds));
}

fn set_modified(path: &Path, time: SystemTime) {
    let file = fs::File::options().write(true).open(path).expect("opened");
    file.set_modified(time).expect("a time");
}

fn accepting(server: &TestServer, codings: &str) -> Response {
    server.get("/page.html", &[("Accept-Encoding", codings)])
}

/// Whether this is the precompressed file in a coding, with the metadata of the page.
#[track_caller]
fn check_sidecar(response: &Response, coding: &str, content: &str) {
    assert_eq!(response.status, 200);
    assert_eq!(response.field("Content-Encoding"), Some(coding));
    let length = content.len().to_string();
    assert_eq!(response.field("Content-Length"), Some(&*length));
    check_metadata(response);
    assert_eq!(response.text(), content);
}

#[track_caller]
fn check_metadata(response: &Response) {
    let media_type = response.field("Content-Type");
    assert_eq!(media_type, Some("text/html; charset=utf-8"));
    let date = response.field("Last-Modified");
    assert_eq!(date, Some("Sun, 13 Sep 2020 12:26:40 GMT"));
    assert_eq!(response.field("Vary"), Some("Accept-Encoding"));
    assert_eq!(response.field("Cache-Control"), Some("no-cache"));
    assert_eq!(response.field("Accept-Ranges"), Some("bytes"));
}

#[track_caller]
fn check_plain(response: &Response) {
    assert_eq!(response.status, 200);
    assert_eq!(response.field("Content-Encoding"), None);
    check_metadata(response);
    assert_eq!(response.text(), page());
}

/// Tests `origin::offered::offered`.
#[test]
fn the_weights_decide_and_then_the_size() {
    let server = setup().start();
    let check = |codings: &str, coding: &str, content: &str| {
        check_sidecar(&accepting(&server, codings), coding, content);
    };
    check("gzip, deflate, br, zstd", "br", BR); // what browsers send
    check("gzip, deflate", "gzip", GZ);
    check("gzip, zstd", "zstd", ZST);
    check("gzip;q=1, br;q=0.9", "gzip", GZ);
    check("br;q=0, *", "zstd", ZST);
    check("*", "br", BR);
    check("BR", "br", BR);
    check("identity, gzip", "gzip", GZ); // a coding wins over identity
    check("identity;q=0, zstd", "zstd", ZST);
    check_plain(&accepting(&server, "identity, gzip;q=0.5"));
    check_plain(&accepting(&server, ""));
    check_plain(&accepting(&server, "compress"));
    check_plain(&server.get("/page.html", &[]));
    // docroot itself applies deflate. Without a weight that says otherwise, a known size comes first.
    let deflate = accepting(&server, "deflate");
    assert_eq!(deflate.field("Content-Encoding"), Some("deflate"));
    check("deflate, gzip", "gzip", GZ);
    let deflate = accepting(&server, "deflate, gzip;q=0.9");
    assert_eq!(deflate.field("Content-Encoding"), Some("deflate"));
}

/// RFC 9110 section 12.5.3: the weights decide. Between equal ones, the smallest representation is sent.
#[test]
fn a_precompressed_file_that_is_larger_than_the_original_comes_after_it() {
    let server = setup().start();
    let page = page();
    let large = "g".repeat(page.len() + 1);
    server.write("page.html.gz", &large);
    for codings in ["gzip, identity", "gzip;q=0.5, identity;q=0.5"] {
        check_plain(&accepting(&server, codings));
    }
    for codings in ["gzip", "gzip, identity;q=0.5", "gzip, identity;q=0"] {
        check_sidecar(&accepting(&server, codings), "gzip", &large);
    }
    check_sidecar(&accepting(&server, "gzip, identity, br"), "br", BR);
    server.write("page.html.gz", &large[..page.len()]);
    check_sidecar(
        &accepting(&server, "gzip, identity"),
        "gzip",
        &large[..page.len()],
    );
}

#[test]
fn explain_shows_the_order() {
    let setup = setup();
    let mut command = command();
    let fields = [
        "explain",
        "/page.html",
        "-H",
        "Accept-Encoding: zstd, gzip, br;q=0.5",
    ];
    command
        .args(fields)
        .arg("--precompressed")
        .arg(setup.root());
    let output = command.output().expect("it runs");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let order =
        "if the client prefers several codings equally, the smallest file is sent: br, zstd, gzip";
    assert!(text.contains(order), "{text}");
    assert!(text.contains("Accept-Encoding prefers zstd"), "{text}");
    assert!(output.stderr.is_empty());
}

#[test]
fn another_size_changes_the_choice() {
    let setup = setup();
    fs::write(setup.root().join("page.html.gz"), "x").expect("written");
    let server = setup.start();
    check_sidecar(&accepting(&server, "gzip, br, zstd"), "gzip", "x");
}

#[test]
fn each_representation_has_its_own_strong_entity_tag() {
    let server = setup().start();
    let mut tags: Vec<String> = ["", "br", "zstd", "gzip", "deflate"]
        .iter()
        .map(|coding| {
            accepting(&server, coding)
                .field("ETag")
                .expect("a tag")
                .into()
        })
        .collect();
    assert!(tags.iter().all(|tag| tag.starts_with('"')), "{tags:?}");
    // What docroot codes itself differs from the file in the same coding.
    fs::remove_file(server.root.join("page.html.gz")).expect("removed");
    let coded = accepting(&server, "gzip");
    assert_eq!(coded.field("Content-Encoding"), Some("gzip"));
    assert_ne!(coded.body, GZ.as_bytes());
    tags.push(coded.field("ETag").expect("a tag").into());
    let count = tags.len();
    tags.sort();
    tags.dedup();
    assert_eq!(tags.len(), count, "{tags:?}");
}

#[test]
fn conditions_are_for_the_variant() {
    let server = setup().start();
    let tag = |coding| {
        accepting(&server, coding)
            .field("ETag")
            .expect("a tag")
            .to_owned()
    };
    let (br, gz, plain) = (tag("br"), tag("gzip"), tag(""));
    let ask = |codings: &str, name: &str, value: &str| {
        server.get("/page.html", &[("Accept-Encoding", codings), (name, value)])
    };
    let known = ask("br, gzip", "If-None-Match", &br);
    assert_eq!((known.status, known.field("ETag")), (304, Some(&*br)));
    assert_eq!(known.field("Vary"), Some("Accept-Encoding"));
    assert_eq!(ask("gzip", "If-None-Match", &gz).status, 304);
    check_sidecar(&ask("br", "If-None-Match", &gz), "br", BR);
    check_sidecar(&ask("br", "If-None-Match", &plain), "br", BR);
    check_plain(&ask("", "If-None-Match", &br));
    assert_eq!(ask("br", "If-Match", &br).status, 200);
    assert_eq!(ask("br", "If-Match", &gz).status, 412);
    let date = "Sun, 13 Sep 2020 12:26:40 GMT";
    assert_eq!(ask("br", "If-Modified-Since", date).status, 304);
}

#[test]
fn head_has_the_fields_of_get() {
    let server = setup().start();
    for codings in ["br", "gzip", ""] {
        let fields = [("Accept-Encoding", codings)];
        let get = server.get("/page.html", &fields);
        let head = server.request("HEAD", "/page.html", &fields);
        let without_date = |response: &Response| {
            let fields = response.fields.iter();
            let fields = fields.filter(|(name, _)| name != "Date");
            fields.cloned().collect::<Vec<_>>()
        };
        assert_eq!(without_date(&head), without_date(&get), "{codings}");
        assert!(head.body.is_empty());
    }
}

#[test]
fn ranges_count_the_bytes_of_the_file_itself() {
    let server = setup().start();
    let ask = |codings: &str, more: &[(&str, &str)]| {
        let fields = [("Accept-Encoding", codings), ("Range", "bytes=3-6")];
        server.get("/page.html", &[&fields[..], more].concat())
    };
    let part = ask("br, gzip", &[]);
    assert_eq!((part.status, part.field("Content-Encoding")), (206, None));
    assert_eq!(part.text(), "page");
    // A range of the precompressed file, if that is what the client wants or has.
    let check_coded = |part: Response| {
        let coding = part.field("Content-Encoding");
        assert_eq!((part.status, coding), (206, Some("br")));
        assert_eq!(part.field("Content-Range"), Some("bytes 3-6/9"));
        assert_eq!(part.text(), &BR[3..7]);
    };
    check_coded(ask("br, identity;q=0", &[]));
    let br = accepting(&server, "br");
    let br = br.field("ETag").expect("a tag");
    check_coded(ask("br", &[("If-Range", br)]));
    check_coded(ask("br, identity;q=0", &[("If-Range", br)]));
    // What the client has is neither the page nor the file in this coding.
    check_plain(&ask("gzip", &[("If-Range", br)]));
    check_plain(&ask("", &[("If-Range", br)]));
    check_plain(&ask("br", &[("If-Range", "\"old\"")]));
    check_sidecar(
        &ask("br, identity;q=0", &[("If-Range", "\"old\"")]),
        "br",
        BR,
    );
    let plain = accepting(&server, "");
    let plain = plain.field("ETag").expect("a tag");
    let part = ask("br", &[("If-Range", plain)]);
    assert_eq!((part.status, part.text()), (206, "page".into()));
    check_sidecar(&ask("br, identity;q=0", &[("If-Range", plain)]), "br", BR);
    let beyond = [("Range", "bytes=9-"), ("Accept-Encoding", "br, *;q=0")];
    let beyond = server.get("/page.html", &beyond);
    let range = beyond.field("Content-Range");
    assert_eq!((beyond.status, range), (416, Some("bytes */9")));
}

/// It needs the length before the content, and here it is known.
#[test]
fn http_1_0_clients_get_precompressed_files_too() {
    let large = "text ".repeat(200_000);
    let setup = setup().file("large.txt", &large).file("large.txt.gz", GZ);
    set_time(&setup.root().join("large.txt"), NOON);
    let server = setup.start();
    let mut client = server.connect();
    client.send(b"GET /large.txt HTTP/1.0\r\nAccept-Encoding: gzip\r\n\r\n");
    let response = client.response("GET");
    assert_eq!(response.field("Content-Encoding"), Some("gzip"));
    assert_eq!(response.text(), GZ);
    assert!(client.is_closed());
}

#[test]
fn identity_that_is_refused_needs_a_coding_that_is_there() {
    let setup = setup();
    for extension in ["gz", "zst"] {
        let path = setup.root().join(format!("page.html.{extension}"));
        fs::remove_file(path).expect("removed");
    }
    let server = setup.with(|config| config.site.compress = false).start();
    check_sidecar(&accepting(&server, "br, identity;q=0"), "br", BR);
    check_sidecar(&accepting(&server, "gzip, br;q=0.1, *;q=0"), "br", BR);
    check_plain(&accepting(&server, "gzip"));
    let refused = accepting(&server, "gzip, identity;q=0");
    assert_eq!(refused.status, 406);
    assert_eq!(refused.field("Vary"), Some("Accept-Encoding"));
}

/// A request directive for whoever transforms. These files are as the operator made them.
#[test]
fn no_transform_keeps_only_docroot_from_coding() {
    let server = setup().start();
    let ask = |codings: &str| {
        let fields = [
            ("Accept-Encoding", codings),
            ("Cache-Control", "no-transform"),
        ];
        server.get("/page.html", &fields)
    };
    check_sidecar(&ask("br"), "br", BR);
    check_plain(&ask("deflate"));
}

#[test]
fn without_the_option_docroot_codes_itself() {
    let server = setup()
        .with(|config| config.site.precompressed = false)
        .start();
    let response = accepting(&server, "br, gzip");
    assert_eq!(response.field("Content-Encoding"), Some("gzip"));
    assert_ne!(response.body, GZ.as_bytes());
    check_plain(&accepting(&server, "br"));
}

#[test]
fn a_precompressed_file_is_also_a_file() {
    let server = setup().file("page.html.gz.br", "never").start();
    let response = server.get("/page.html.gz", &[("Accept-Encoding", "gzip, br")]);
    assert_eq!(response.field("Content-Encoding"), None);
    assert_eq!(response.field("Content-Type"), Some("application/gzip"));
    assert_eq!(response.text(), GZ);
}

/// The tag of the file that is asked for by its own name is another than that of the variant.
#[test]
fn the_two_uses_of_a_precompressed_file_do_not_mix() {
    let server = setup().start();
    let own = || server.get("/page.html.br", &[("Accept-Encoding", "br")]);
    let (first, variant, second) = (own(), accepting(&server, "br"), own());
    assert_eq!(first.field("ETag"), second.field("ETag"));
    assert_ne!(first.field("ETag"), variant.field("ETag"));
    assert_eq!(second.field("Content-Encoding"), None);
    check_sidecar(&variant, "br", BR);
}

#[test]
fn any_media_type_may_have_precompressed_files() {
    let setup = setup().file("data.tar", "tar").file("data.tar.gz", GZ);
    let server = setup.start();
    let response = server.get("/data.tar", &[("Accept-Encoding", "gzip")]);
    assert_eq!(response.field("Content-Encoding"), Some("gzip"));
    assert_eq!(response.field("Content-Type"), Some("application/x-tar"));
    assert_eq!(response.text(), GZ);
}

/// Tests `origin::sidecars::find`.
#[test]
fn an_outdated_file_is_ignored() {
    let setup = setup();
    set_time(&setup.root().join("page.html.br"), NOON - 1);
    let server = setup.start();
    check_sidecar(&accepting(&server, "br, zstd"), "zstd", ZST);
    check_plain(&accepting(&server, "br"));
    // A new page is newer than all of them.
    server.write("page.html", page());
    let coded = accepting(&server, "br, zstd, gzip");
    assert_eq!(coded.field("Content-Encoding"), Some("gzip"));
    assert_ne!(coded.body, GZ.as_bytes());
    set_time(&server.root.join("page.html"), NOON);
    set_time(&server.root.join("page.html.br"), NOON + 1);
    check_sidecar(&accepting(&server, "br, zstd"), "br", BR);
}

/// As after `cp -p`, `rsync -t` or `tar` with an earlier release.
#[test]
fn the_sidecar_of_an_original_that_an_older_one_has_replaced_is_ignored() {
    let setup = setup();
    set_time(&setup.root().join("page.html.br"), NOON + 1);
    let server = setup.start();
    check_sidecar(&accepting(&server, "br"), "br", BR);
    let (page_path, sidecar) = (
        server.root.join("page.html"),
        server.root.join("page.html.br"),
    );
    let changed = |path: &Path| {
        let state = fs::metadata(path).expect("a file");
        (state.ctime(), state.ctime_nsec())
    };
    // The clock of the file system has a coarse tick.
    until("the page is put in place later", || {
        server.write("page.html", page());
        set_time(&page_path, NOON - 1);
        changed(&page_path) > changed(&sidecar)
    });
    for coding in ["br", "zstd"] {
        let plain = accepting(&server, coding);
        assert_eq!(plain.field("Content-Encoding"), None, "{coding}");
        assert_eq!(plain.text(), page());
    }
    // Whoever sets its times again says that it is right.
    until("it is put in place later", || {
        set_time(&sidecar, NOON + 1);
        changed(&sidecar) >= changed(&page_path)
    });
    assert_eq!(accepting(&server, "br").text(), BR);
}

/// Some tools keep only the seconds of a time that they copy.
#[test]
fn a_time_in_whole_seconds_is_compared_in_seconds() {
    let setup = setup();
    let within = |nanoseconds| UNIX_EPOCH + Duration::new(NOON, nanoseconds);
    set_modified(&setup.root().join("page.html"), within(500_000_000));
    set_modified(&setup.root().join("page.html.zst"), within(499_999_999));
    set_modified(&setup.root().join("page.html.gz"), within(500_000_000));
    let server = setup.start();
    check_sidecar(&accepting(&server, "br"), "br", BR);
    check_plain(&accepting(&server, "zstd"));
    check_sidecar(&accepting(&server, "gzip"), "gzip", GZ);
}

#[test]
fn what_cannot_be_sent_is_ignored() {
    let outside = tempfile::tempdir().expect("a folder");
    fs::write(outside.path().join("secret"), "secret").expect("a file");
    let setup = setup();
    let path = |extension: &str| setup.root().join(format!("page.html.{extension}"));
    for extension in ["br", "zst", "gz"] {
        fs::remove_file(path(extension)).expect("removed");
    }
    fs::create_dir(path("br")).expect("a folder");
    symlink(outside.path().join("secret"), path("zst")).expect("a link");
    // The disk was full, say.
    fs::write(path("gz"), "").expect("written");
    let server = setup.start();
    for codings in ["br", "zstd"] {
        check_plain(&accepting(&server, codings));
    }
    let coded = accepting(&server, "br, zstd, gzip");
    assert_eq!(coded.field("Content-Encoding"), Some("gzip"));
    assert!(!coded.body.is_empty());
}

#[test]
fn a_file_that_changes_or_vanishes_is_noticed() {
    let server = setup().start();
    let first = accepting(&server, "br");
    check_sidecar(&first, "br", BR);
    let other = "other bytes of the same page";
    server.write("page.html.br", other);
    let second = accepting(&server, "br");
    check_sidecar(&second, "br", other);
    assert_ne!(first.field("ETag"), second.field("ETag"));
    fs::remove_file(server.root.join("page.html.br")).expect("removed");
    check_sidecar(&accepting(&server, "br, zstd"), "zstd", ZST);
    check_plain(&accepting(&server, "br"));
    // And it comes back.
    server.write("page.html.br", BR);
    check_sidecar(&accepting(&server, "br, zstd"), "br", BR);
}

/// A precompressed file may come and go between two requests of a connection.
#[test]
fn a_new_precompressed_file_shows_at_once() {
    let setup = setup().with(|config| config.threads = 1);
    for extension in ["br", "zst"] {
        fs::remove_file(setup.root().join(format!("page.html.{extension}"))).expect("removed");
    }
    let server = setup.start();
    let mut client = server.connect();
    let mut ask = || {
        client.send(&request(
            "GET",
            "/page.html",
            &[("Accept-Encoding", "br, zstd")],
        ));
        client.response("GET")
    };
    for (extension, coding, content) in [("zst", "zstd", ZST), ("br", "br", BR)] {
        server.write(&format!("page.html.{extension}"), content);
        check_sidecar(&ask(), coding, content);
        let path = server.root.join(format!("page.html.{extension}"));
        fs::remove_file(path).expect("removed");
        let made = ask();
        assert_ne!(made.field("Content-Encoding"), Some(coding));
    }
}

/// The media type of the original is part of what the client keeps.
#[test]
fn another_original_gives_other_metadata() {
    let server = Setup::new()
        .file("a", "text")
        .file("a.br", BR)
        .with(|config| config.site.precompressed = true)
        .start();
    let get = || server.get("/a", &[("Accept-Encoding", "br")]);
    let first = get();
    let media_type = first.field("Content-Type");
    assert_eq!(media_type, Some("text/plain; charset=utf-8"));
    server.write("a", b"\0\x01");
    for name in ["a", "a.br"] {
        set_time(&server.root.join(name), NOON);
    }
    let second = get();
    let media_type = second.field("Content-Type");
    assert_eq!(media_type, Some("application/octet-stream"));
    assert_eq!(second.text(), BR);
    assert_ne!(first.field("ETag"), second.field("ETag"));
}

#[test]
fn the_rules_for_the_path_of_the_original_apply() {
    let rules = |config: &mut Config| {
        let rules = &mut config.rules;
        rules
            .add_cache("/*.html=public, max-age=60")
            .expect("a rule");
        rules.add_cache("/*.br=no-store").expect("a rule");
    };
    let server = setup().with(rules).start();
    let cache = |response: Response| response.field("Cache-Control").map(str::to_owned);
    let page = Some("public, max-age=60".to_owned());
    assert_eq!(cache(accepting(&server, "br")), page);
    assert_eq!(cache(accepting(&server, "")), page);
    let own = server.get("/page.html.br", &[]);
    assert_eq!(cache(own), Some("no-store".to_owned()));
    let again = accepting(&server, "br");
    let known = [("If-None-Match", again.field("ETag").expect("a tag"))];
    let known = server.get("/page.html", &[known[0], ("Accept-Encoding", "br")]);
    assert_eq!((known.status, cache(known)), (304, page));
}

#[test]
fn index_files_and_clean_urls_have_precompressed_files() {
    let server = setup()
        .file("docs/index.html", "<p>docs")
        .file("docs/index.html.br", "docs in Brotli")
        .with(|config| config.site.clean_urls = true)
        .start();
    let br = |target| server.get(target, &[("Accept-Encoding", "br")]).text();
    assert_eq!(br("/docs/"), "docs in Brotli");
    assert_eq!(br("/page"), BR);
}

#[test]
fn a_single_file_has_none() {
    let setup = setup().with(|config| config.root.push("page.html"));
    let server = setup.start();
    check_plain(&accepting(&server, "br"));
    assert_eq!(server.get("/page.html.br", &[]).status, 404);
}

/// Too large for the cache, so it is opened for the response.
#[test]
fn a_large_precompressed_file_is_sent_from_the_disk() {
    let large = support::noise(3_000_000);
    let server = setup().file("page.html.br", &large).start();
    for _ in 0..3 {
        assert!(accepting(&server, "br").body == large);
    }
    let fields = [
        ("Accept-Encoding", "br, *;q=0"),
        ("Range", "bytes=2999999-"),
    ];
    let last = server.get("/page.html", &fields);
    assert_eq!((last.status, &last.body[..]), (206, &large[2_999_999..]));
    fs::remove_file(server.root.join("page.html.br")).expect("removed");
    check_plain(&accepting(&server, "br"));
}

fn asking(server: &TestServer, fields: &[(&str, &str)]) -> Client {
    let mut client = server.connect();
    client.send(&request("GET", "/page.html", fields));
    client
}

/// Disk threads look at the page and at each precompressed file. They open the one that is sent.
#[test]
fn a_slow_disk_is_waited_for() {
    let large = support::noise(3_000_000);
    let disk = SlowDisk::holding();
    let mut setup = setup().file("page.html.br", &large);
    setup.slow = Some((disk.clone(), 100));
    let server = setup.start();
    let mut client = asking(&server, &[("Accept-Encoding", "br")]);
    disk.await_jobs(1);
    disk.open();
    let response = client.response("GET");
    assert_eq!(response.field("Content-Encoding"), Some("br"));
    assert!(response.body == large);
    disk.hold_reads();
    fs::remove_file(server.root.join("page.html.br")).expect("removed");
    let mut client = asking(&server, &[("Accept-Encoding", "br")]);
    disk.open();
    check_plain(&client.response("GET"));
}

#[test]
fn an_outdated_file_is_told_of_once() {
    let setup = setup();
    set_time(&setup.root().join("page.html.br"), NOON - 1);
    let mut command = command();
    command.args(["--precompressed", "--threads", "1", "--log-format", "off"]);
    let program = Program::start(command.arg(setup.root()));
    let mut client = program.connect();
    for _ in 0..3 {
        client.send(&request("GET", "/page.html", &[("Accept-Encoding", "br")]));
        check_plain(&client.response("GET"));
    }
    set_time(&setup.root().join("page.html.zst"), NOON - 1);
    client.send(&request(
        "GET",
        "/page.html",
        &[("Accept-Encoding", "zstd")],
    ));
    check_plain(&client.response("GET"));
    until("both lines are there", || {
        program.said().lines().count() >= 2
    });
    let line = |name: &str| {
        format!(
            "docroot: \"{name}\" is older than \"page.html\"; docroot does not send \"{name}\"; \
             run docroot compress to renew it\n"
        )
    };
    assert_eq!(
        program.said(),
        line("page.html.br") + &line("page.html.zst")
    );
}
