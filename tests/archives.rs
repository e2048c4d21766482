//! Directories as one file: zip, tar and tar.gz, read by other programs and by hand.
#![allow(clippy::disallowed_methods, reason = "tests open files")]

mod support;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, UNIX_EPOCH};

use docroot::net::config::Config;
use docroot::observe::event::End;
use docroot::observe::options::LogFormat;
use docroot::site::budget::Account;
use flate2::read::{DeflateDecoder, GzDecoder};
use support::program::{Program, skipped, unprivileged};
use support::slow::SlowDisk;
use support::{Client, Response, Setup, TestServer, find, noise, request, until};

fn on(config: &mut Config) {
    config.site.archive = true;
}

/// What an archive has: the content of each file, and nothing for a directory.
type Contents = BTreeMap<String, Option<Vec<u8>>>;

fn contents(entries: &[(&str, Option<&[u8]>)]) -> Contents {
    let owned =
        |(name, content): &(&str, Option<&[u8]>)| (name.to_string(), content.map(<[u8]>::to_vec));
    entries.iter().map(owned).collect()
}

fn name(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// An entry of a tar archive.
#[derive(Debug)]
struct TarEntry {
    name: Vec<u8>,
    kind: u8,
    content: Vec<u8>,
    modified: u64,
    mode: u64,
}

/// The entries of a tar archive, in order. It must end as one does.
fn untar(archive: &[u8]) -> Vec<TarEntry> {
    let (mut at, mut entries, mut path) = (0, Vec::new(), None);
    loop {
        let block = &archive[at..at + 512];
        if block.iter().all(|&byte| byte == 0) {
            assert_eq!(archive.len() - at, 1024, "the end");
            assert!(archive[at..].iter().all(|&byte| byte == 0));
            return entries;
        }
        let text = |from: usize, to: usize| {
            let field = &block[from..to];
            let end = field.iter().position(|&byte| byte == 0);
            field[..end.unwrap_or(field.len())].to_vec()
        };
        let number = |from, to| {
            let digits = String::from_utf8(text(from, to)).expect("digits");
            u64::from_str_radix(digits.trim(), 8).expect("octal")
        };
        let sum: u64 = (0..512)
            .map(|at| {
                u64::from(if (148..156).contains(&at) {
                    b' '
                } else {
                    block[at]
                })
            })
            .sum();
        assert_eq!(number(148, 156), sum, "the checksum");
        assert_eq!(&block[257..265], b"ustar\x0000");
        let size = number(124, 136) as usize;
        let content = archive[at + 512..at + 512 + size].to_vec();
        at += 512 + size.div_ceil(512) * 512;
        if block[156] == b'x' {
            path = pax(&content).remove("path").or(path);
            continue;
        }
        if block[156] == b'L' {
            path = content.strip_suffix(b"\0").map(<[u8]>::to_vec);
            assert!(path.is_some(), "a long name without its end");
            continue;
        }
        entries.push(TarEntry {
            name: path.take().unwrap_or_else(|| text(0, 100)),
            kind: block[156],
            content,
            modified: number(136, 148),
            mode: number(100, 108),
        });
    }
}

/// The records of a pax header.
fn pax(mut records: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    while let Some(space) = records.iter().position(|&byte| byte == b' ') {
        let length: usize = name(&records[..space]).parse().expect("a length");
        let (record, rest) = records.split_at(length);
        let record = record[space + 1..].strip_suffix(b"\n").expect("a line");
        let equals = record.iter().position(|&byte| byte == b'=').expect("a key");
        found.insert(name(&record[..equals]), record[equals + 1..].to_vec());
        records = rest;
    }
    found
}

/// The contents of these entries. Their names must differ.
fn distinct(entries: impl Iterator<Item = (String, Option<Vec<u8>>)>) -> Contents {
    let mut contents = Contents::new();
    for (name, content) in entries {
        let other = contents.insert(name.clone(), content);
        assert!(other.is_none(), "{name} comes twice");
    }
    contents
}

fn of_tar(archive: &[u8]) -> Contents {
    distinct(untar(archive).into_iter().map(|entry| {
        let content = (entry.kind == b'0').then_some(entry.content);
        (name(&entry.name), content)
    }))
}

fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    let mut decoder = GzDecoder::new(bytes);
    decoder.read_to_end(&mut plain).expect("gzip");
    plain
}

/// A number in a zip file.
fn number(bytes: &[u8], at: usize, length: usize) -> u64 {
    let mut number = [0; 8];
    number[..length].copy_from_slice(&bytes[at..at + length]);
    u64::from_le_bytes(number)
}

/// An entry in the list at the end of a zip file.
struct ZipEntry {
    name: String,
    flags: u64,
    method: u64,
    crc: u64,
    sizes: [u64; 2],
    offset: u64,
    needed: u64,
}

/// The list at the end of a zip file. Everything must be where it is said to be. `skipped` bytes at the
/// beginning of the file are missing.
fn list(archive: &[u8], skipped: u64) -> Vec<ZipEntry> {
    let end = archive.len() - 22;
    assert_eq!(number(archive, end, 4), 0x0605_4b50);
    let (mut count, mut at) = (number(archive, end + 10, 2), number(archive, end + 16, 4));
    if end >= 20 && number(archive, end - 20, 4) == 0x0706_4b50 {
        let long = (number(archive, end - 12, 8) - skipped) as usize;
        assert_eq!(number(archive, long, 4), 0x0606_4b50);
        (count, at) = (number(archive, long + 32, 8), number(archive, long + 48, 8));
    }
    let mut at = (at - skipped) as usize;
    let mut entries = Vec::new();
    for _ in 0..count {
        assert_eq!(number(archive, at, 4), 0x0201_4b50);
        let length = |field: usize| number(archive, at + field, 2) as usize;
        let name_end = at + 46 + length(28);
        let end = name_end + length(30);
        let mut large = Vec::new();
        let mut extra = name_end;
        while extra < end {
            let length = number(archive, extra + 2, 2) as usize;
            if number(archive, extra, 2) == 1 {
                let fields = (0..length).step_by(8);
                large.extend(fields.map(|field| number(archive, extra + 4 + field, 8)));
            }
            extra += 4 + length;
        }
        let mut large = large.into_iter();
        let mut size = |field| match number(archive, at + field, 4) {
            0xffff_ffff => large.next().expect("a large number"),
            number => number,
        };
        let (plain, coded) = (size(24), size(20));
        entries.push(ZipEntry {
            name: name(&archive[at + 46..name_end]),
            flags: number(archive, at + 8, 2),
            method: number(archive, at + 10, 2),
            crc: number(archive, at + 16, 4),
            sizes: [coded, plain],
            offset: size(42),
            needed: number(archive, at + 6, 2),
        });
        at = end;
    }
    entries
}

fn of_zip(archive: &[u8]) -> Contents {
    let entries = list(archive, 0).into_iter().map(|entry| {
        let at = entry.offset as usize;
        assert_eq!(number(archive, at, 4), 0x0403_4b50, "{}", entry.name);
        assert_eq!(entry.flags & (1 << 11), 1 << 11, "{} is UTF-8", entry.name);
        assert!(!entry.name.starts_with('/') && !entry.name.split('/').any(|name| name == ".."));
        let length = |field: usize| number(archive, at + field, 2) as usize;
        let start = at + 30 + length(26) + length(28);
        let coded = &archive[start..start + entry.sizes[0] as usize];
        if entry.name.ends_with('/') {
            assert_eq!((entry.method, entry.sizes), (0, [0, 0]));
            return (entry.name, None);
        }
        let mut plain = Vec::new();
        let mut decoder = DeflateDecoder::new(coded);
        decoder.read_to_end(&mut plain).expect("deflate");
        let mut crc = flate2::Crc::new();
        crc.update(&plain);
        assert_eq!(u64::from(crc.sum()), entry.crc, "{}", entry.name);
        assert_eq!(plain.len() as u64, entry.sizes[1]);
        (entry.name, Some(plain))
    });
    distinct(entries)
}

/// The contents by each format. They are all the same.
#[track_caller]
fn check(server: &TestServer, target: &str, want: &Contents) {
    for (format, read) in [
        ("zip", of_zip as fn(&[u8]) -> Contents),
        ("tar", of_tar),
        ("tar.gz", |archive| of_tar(&gunzip(archive))),
    ] {
        let response = archive(server, target, format);
        let got = read(&response.body);
        let names = |contents: &Contents| contents.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&got), names(want), "{format}");
        assert!(got == *want, "{format}");
    }
}

fn archive(server: &TestServer, target: &str, format: &str) -> Response {
    let response = server.get(&format!("{target}?archive={format}"), &[]);
    assert_eq!(response.status, 200, "{}", response.text());
    until("the turn is over", || {
        // The next client of this address may have one then.
        server.held(Account::Contents) < 100_000
    });
    response
}

const TEXT: &str = "a line of text, and another one, and so on\n";

fn site() -> Setup {
    Setup::new()
        .file("d/a.txt", "content")
        .file("d/empty.txt", "")
        .file("d/long.txt", TEXT.repeat(10_000))
        .file("d/noise.png", noise(300_000))
        .file("d/b/c", "deeper")
        .file("d/b.txt", "after b")
        .file("d/b/index.html", "<p>")
        .with(on)
}

fn wanted() -> Contents {
    contents(&[
        ("d/", None),
        ("d/a.txt", Some(b"content")),
        ("d/empty.txt", Some(b"")),
        ("d/long.txt", Some(TEXT.repeat(10_000).as_bytes())),
        ("d/noise.png", Some(&noise(300_000))),
        ("d/b/", None),
        ("d/b/c", Some(b"deeper")),
        ("d/b/index.html", Some(b"<p>")),
        ("d/b.txt", Some(b"after b")),
    ])
}

#[test]
fn an_archive_has_the_directory_and_all_that_is_below_it() {
    let server = site().start();
    check(&server, "/d/", &wanted());
    // An index file is no obstacle.
    let below = contents(&[
        ("b/", None),
        ("b/c", Some(b"deeper")),
        ("b/index.html", Some(b"<p>")),
    ]);
    check(&server, "/d/b/", &below);
    let order = untar(&archive(&server, "/d/", "tar").body);
    let order: Vec<String> = order.iter().map(|entry| name(&entry.name)).collect();
    let want = [
        "d/",
        "d/a.txt",
        "d/b/",
        "d/b/c",
        "d/b/index.html",
        "d/b.txt",
        "d/empty.txt",
        "d/long.txt",
        "d/noise.png",
    ];
    assert_eq!(
        order, want,
        "by the bytes of the names, directory by directory"
    );
    let zip = archive(&server, "/d/", "zip").body;
    assert!(zip.len() < 320_000, "text is compressed: {}", zip.len());
}

/// Tests `origin::archive::answer_archive`.
#[test]
fn the_head_says_what_it_is() {
    let server = site().file("\u{fc} x/a", "").start();
    for (format, media_type) in [
        ("zip", "application/zip"),
        ("tar", "application/x-tar"),
        ("tar.gz", "application/gzip"),
    ] {
        let target = format!("/d/?archive={format}");
        let fields = [
            ("Accept-Encoding", "gzip"),
            ("Range", "bytes=0-9"),
            ("If-None-Match", "\"x\""),
            ("If-Modified-Since", "Fri, 01 Jan 2100 00:00:00 GMT"),
        ];
        let head = server.request("HEAD", &target, &fields);
        assert_eq!(
            (head.status, head.field("Content-Type")),
            (200, Some(media_type))
        );
        let disposition = format!("attachment; filename=\"d.{format}\"");
        assert_eq!(head.field("Content-Disposition"), Some(&*disposition));
        assert_eq!(head.field("Cache-Control"), Some("no-cache"));
        for absent in [
            "Content-Length",
            "Content-Encoding",
            "ETag",
            "Last-Modified",
            "Accept-Ranges",
            "Vary",
        ] {
            assert_eq!(head.field(absent), None, "{absent}");
        }
        let whole = server.get(&target, &fields);
        assert_eq!(whole.field("Transfer-Encoding"), Some("chunked"));
        let of_both = |response: &Response| {
            let mut fields = response.fields.clone();
            fields.retain(|(name, _)| name != "Transfer-Encoding" && name != "Date");
            fields
        };
        assert_eq!(of_both(&whole), of_both(&head));
        until("the turn is over", || {
            server.held(Account::Contents) < 100_000
        });
    }
    let head = server.request("HEAD", "/%C3%BC%20x/?archive=zip", &[]);
    let want = "attachment; filename=\"_ x.zip\"; filename*=UTF-8''%C3%BC%20x.zip";
    assert_eq!(head.field("Content-Disposition"), Some(want));
}

#[test]
fn rules_for_the_path_apply() {
    let with_rule = |config: &mut Config| {
        on(config);
        let added = config.rules.add_cache("/d/=max-age=60");
        added.expect("a rule");
        config.rules.add_field("/d/ X-A: b").expect("a rule");
    };
    let server = site().with(with_rule).start();
    let head = server.request("HEAD", "/d/?archive=zip", &[]);
    assert_eq!(head.field("X-A"), Some("b"));
    // The rules for caches are for files.
    assert_eq!(head.field("Cache-Control"), Some("no-cache"));
}

/// HTTP/1.0 has no chunks: the archive ends with the connection.
#[test]
fn an_old_client_gets_an_archive() {
    let server = site().start();
    let answer = server.raw(b"GET /d/?archive=tar HTTP/1.0\r\nHost: test\r\n\r\n");
    let end = find(&answer, b"\r\n\r\n").expect("a head") + 4;
    let head = Response::parse(&answer[..end]);
    assert_eq!(head.field("Transfer-Encoding"), None);
    assert!(of_tar(&answer[end..]) == wanted());
}

/// Tests `origin::archive::wanted`.
#[test]
fn only_an_archive_that_is_asked_for_is_sent() {
    let listed = |response: &Response| response.text().contains("Index of");
    let server = site().start();
    for target in ["/d/", "/d/?xarchive=zip"] {
        assert!(listed(&server.get(target, &[])), "{target}");
    }
    for target in [
        "/d/?archive",
        "/d/?archive=",
        "/d/?archive=rar",
        "/d/?archive=ZIP",
        "/d/?archive=zip&archive=rar",
    ] {
        let response = server.get(target, &[]);
        assert_eq!(response.status, 400, "{target}");
        let text = response.text();
        let formats = "the formats are zip, tar and tar.gz.";
        assert!(text.contains(formats), "{target}: {text}");
        assert_eq!(server.request("HEAD", target, &[]).status, 400);
    }
    let head = server.request("HEAD", "/d/?%61rchive=z%69p", &[]);
    assert_eq!(head.field("Content-Type"), Some("application/zip"));
    assert_eq!(server.get("/d/a.txt?archive=zip", &[]).text(), "content");
    assert_eq!(server.get("/nothing/?archive=zip", &[]).status, 404);
    assert_eq!(
        server.request("OPTIONS", "/d/?archive=zip", &[]).status,
        204
    );
    let redirect = server.get("/d?archive=zip", &[]);
    assert_eq!(
        (redirect.status, redirect.field("Location")),
        (301, Some("d/?archive=zip"))
    );
    let off = Setup::new().file("d/a", "").start();
    for target in ["/d/?archive=zip", "/d/?archive=rar"] {
        let page = off.get(target, &[]);
        assert!(listed(&page) && !page.text().contains("?archive"));
    }
    let unlisted = site().with(|config| config.site.listing = false).start();
    assert_eq!(unlisted.get("/d/?archive=zip", &[]).status, 404);
}

#[test]
fn listings_link_to_archives() {
    let server = site().start();
    let page = server.get("/d/", &[]);
    for format in ["zip", "tar.gz"] {
        let link = format!("<button name=\"archive\" value=\"{format}\">{format}</button>");
        assert!(page.text().contains(&link), "{}", page.text());
    }
}

#[test]
fn an_archive_has_what_listings_show() {
    let make = |hidden: bool| {
        let setup = Setup::new()
            .file("d/.git/config", "secret")
            .file("d/.env", "secret")
            .file("d/.well-known/x", "public")
            .file("d/a", "content")
            .file("d/sub/b", "deeper")
            .file("outside", "not in d, but in the root");
        let folder = setup.root().join("d");
        for (target, link) in [
            ("a", "link"),
            ("../outside", "above"),
            ("/etc/hostname", "outside"),
            ("nowhere", "dangling"),
            ("circle", "circle"),
            (".env", "to-hidden"),
            ("sub", "to-directory"),
            ("..", "sub/up"),
        ] {
            symlink(target, folder.join(link)).expect("a link");
        }
        rustix::fs::mknodat(
            rustix::fs::CWD,
            folder.join("fifo"),
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR,
            0,
        )
        .expect("a FIFO");
        setup
            .with(on)
            .with(|config| config.site.hidden = hidden)
            .start()
    };
    let mut want = contents(&[
        ("d/", None),
        ("d/.well-known/", None),
        ("d/.well-known/x", Some(b"public")),
        ("d/a", Some(b"content")),
        ("d/above", Some(b"not in d, but in the root")),
        ("d/link", Some(b"content")),
        ("d/sub/", None),
        ("d/sub/b", Some(b"deeper")),
    ]);
    check(&make(false), "/d/", &want);
    want.extend(contents(&[
        ("d/.env", Some(b"secret")),
        ("d/.git/", None),
        ("d/.git/config", Some(b"secret")),
        ("d/to-hidden", Some(b"secret")),
    ]));
    check(&make(true), "/d/", &want);
}

#[test]
fn the_root_and_an_empty_folder_are_archives_too() {
    let server = Setup::new().with(on).start();
    let root = server
        .root
        .file_name()
        .and_then(OsStr::to_str)
        .expect("a name");
    check(&server, "/", &contents(&[(&format!("{root}/"), None)]));
    fs::create_dir(server.root.join("d")).expect("a folder");
    check(&server, "/d/", &contents(&[("d/", None)]));
}

#[test]
fn names_of_any_kind_are_kept() {
    let (long, deep) = ("n".repeat(200), "deep/".repeat(40));
    let server = Setup::new()
        .file("d/\u{fc}ber \u{1f600}.txt", "1")
        .file(&format!("d/{long}"), "2")
        .file(&format!("d/{deep}end"), "3")
        .with(on)
        .start();
    let folder = server.root.join("d");
    for (name, content) in [
        (&b"z\xff"[..], "4"),
        (b"z\xfe", "5"),
        (b"x\\..\\..\\evil", "6"),
        (b"x_.._.._evil", "7"),
        (b"x%5C..%5C..%5Cevil", "8"),
    ] {
        fs::write(folder.join(OsStr::from_bytes(name)), content).expect("a file");
    }
    let mut want = contents(&[
        ("d/", None),
        ("d/\u{fc}ber \u{1f600}.txt", Some(b"1")),
        (&format!("d/{long}"), Some(b"2")),
        (&format!("d/{deep}end"), Some(b"3")),
        ("d/z%FF", Some(b"4")),
        ("d/z%FE", Some(b"5")),
        ("d/x%5C..%5C..%5Cevil", Some(b"6")),
        ("d/x_.._.._evil", Some(b"7")),
        ("d/x%255C..%255C..%255Cevil", Some(b"8")),
    ]);
    for depth in 1..=40 {
        want.insert(format!("d/{}", "deep/".repeat(depth)), None);
    }
    // A zip file has UTF-8, and a backslash separates names on Windows.
    assert_eq!(of_zip(&archive(&server, "/d/", "zip").body), want);
    let tar = untar(&archive(&server, "/d/", "tar").body);
    for (name, content) in [
        (&b"d/z\xff"[..], b"4"),
        (b"d/z\xfe", b"5"),
        (b"d/x\\..\\..\\evil", b"6"),
        (b"d/x_.._.._evil", b"7"),
        (b"d/x%5C..%5C..%5Cevil", b"8"),
    ] {
        let entry = tar.iter().find(|entry| entry.name == name);
        assert_eq!(entry.expect("its bytes").content, content);
    }
    assert_eq!(tar.len(), want.len());
}

#[test]
fn times_and_the_right_to_run_are_kept() {
    let server = site().start();
    let path = server.root.join("d/a.txt");
    let file = File::options().write(true).open(&path).expect("a file");
    file.set_modified(UNIX_EPOCH + Duration::from_secs(784_111_777))
        .expect("a time");
    fs::set_permissions(&path, PermissionsExt::from_mode(0o4755)).expect("a mode");
    fs::set_permissions(
        server.root.join("d/b.txt"),
        PermissionsExt::from_mode(0o666),
    )
    .expect("a mode");
    let entries = untar(&archive(&server, "/d/", "tar").body);
    let entry = |name: &[u8]| {
        entries
            .iter()
            .find(|entry| entry.name == name)
            .expect("there")
    };
    assert_eq!(
        (entry(b"d/a.txt").modified, entry(b"d/a.txt").mode),
        (784_111_777, 0o755)
    );
    assert_eq!(entry(b"d/b.txt").mode, 0o644);
    assert_eq!(entry(b"d/b/").mode, 0o755);
    let zip = archive(&server, "/d/", "zip").body;
    // The extended timestamp.
    let field = [b"UT\x05\x00\x01", &784_111_777u32.to_le_bytes()[..]].concat();
    let count = zip
        .windows(field.len())
        .filter(|window| *window == field)
        .count();
    assert_eq!(count, 2, "before the content and in the list");
}

/// Each program that is installed reads them.
#[test]
fn other_programs_read_archives() {
    const ZIP: &str = "import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; \
                       assert z.read('d/b/c') == b'deeper'; print(len(z.namelist()))";
    const TAR: &str = "import sys, tarfile; t = tarfile.open(sys.argv[1]); \
                       assert t.extractfile('d/b/c').read() == b'deeper'; print(len(t.getnames()))";
    let server = site()
        .file("d/\u{fc}\u{1f600}", "")
        .file(&format!("d/{}", "n".repeat(200)), "")
        .start();
    let folder = tempfile::tempdir().expect("a folder");
    for (format, programs) in [
        (
            "zip",
            &[
                &["unzip", "-tqq"][..],
                &["python3", "-c", ZIP],
                &["bsdtar", "tf"],
            ][..],
        ),
        (
            "tar",
            &[&["tar", "tf"], &["python3", "-c", TAR], &["bsdtar", "tf"]],
        ),
        (
            "tar.gz",
            &[&["tar", "tzf"], &["python3", "-c", TAR], &["bsdtar", "tzf"]],
        ),
    ] {
        let path = folder.path().join(format);
        fs::write(&path, archive(&server, "/d/", format).body).expect("a file");
        for program in programs {
            let mut command = Command::new(program[0]);
            is_silent(command.args(&program[1..]).arg(&path));
        }
    }
}

/// Runs a program, which must succeed without a word. False: it is not installed.
#[track_caller]
fn is_silent(command: &mut Command) -> bool {
    let Ok(output) = command.output() else {
        skipped(&format!("{:?} is not installed", command.get_program()));
        return false;
    };
    let said = String::from_utf8_lossy(&output.stderr);
    let is_silent = output.status.success() && said.is_empty();
    assert!(is_silent, "{command:?}: {said}");
    true
}

/// Each program that is installed unpacks them without a word. The environment says that names are UTF-8.
#[test]
fn other_programs_unpack_names_that_are_not_utf_8() {
    const PYTHON: &str = "import sys, tarfile; tarfile.open(sys.argv[1]).extractall(sys.argv[2])";
    let server = Setup::new().file("d/\u{fc}", "").with(on).start();
    let long = [&[b'n'; 200][..], b"\xff"].concat();
    let mut want = vec![b"z\xff".to_vec(), long, "\u{fc}".as_bytes().to_vec()];
    want.sort();
    for name in &want {
        let path = server.root.join("d").join(OsStr::from_bytes(name));
        fs::write(path, name).expect("a file");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("archive");
    fs::write(&path, archive(&server, "/d/", "tar").body).expect("a file");
    for (number, program) in [
        &["tar", "xf", "ARCHIVE", "-C", "OUT"][..],
        &["bsdtar", "-xf", "ARCHIVE", "-C", "OUT"],
        &["python3", "-c", PYTHON, "ARCHIVE", "OUT"],
    ]
    .into_iter()
    .enumerate()
    {
        let out = folder.path().join(number.to_string());
        fs::create_dir(&out).expect("a folder");
        let mut command = Command::new(program[0]);
        command.env("LC_ALL", "C.UTF-8");
        for word in &program[1..] {
            match *word {
                "ARCHIVE" => command.arg(&path),
                "OUT" => command.arg(&out),
                word => command.arg(word),
            };
        }
        if !is_silent(&mut command) {
            continue;
        }
        let entries = fs::read_dir(out.join("d")).expect("the folder");
        let mut names: Vec<Vec<u8>> = entries
            .map(|entry| entry.expect("an entry").file_name().as_bytes().to_vec())
            .collect();
        names.sort();
        assert_eq!(names, want, "{program:?}");
    }
}

#[test]
fn ten_thousand_files_are_packed() {
    let setup = Setup::new().with(on);
    let mut want = contents(&[("d/", None)]);
    fs::create_dir(setup.root().join("d")).expect("a folder");
    for number in 0..10_000 {
        let name = format!(
            "d/{:05}-with a name that is not short",
            number * 7919 % 10_000
        );
        fs::write(setup.root().join(&name), number.to_string()).expect("a file");
        want.insert(name, Some(number.to_string().into_bytes()));
    }
    let server = setup.start();
    let zip = archive(&server, "/d/", "zip").body;
    assert!(of_zip(&zip) == want);
    let order = untar(&archive(&server, "/d/", "tar").body);
    assert!(order.iter().map(|entry| &entry.name).is_sorted());
    assert_eq!(order.len(), want.len());
}

/// Entries that do not fit into the count of the original format.
#[test]
fn many_entries_take_zip64() {
    let setup = Setup::new().with(on);
    // Hard links cost nearly nothing, but a file has at most 65,000 of them.
    for folder in ["d/one", "d/other"] {
        let folder = setup.root().join(folder);
        fs::create_dir_all(&folder).expect("folders");
        fs::write(folder.join("0"), "").expect("a file");
        (1..33_000).for_each(|number| {
            fs::hard_link(folder.join("0"), folder.join(number.to_string())).expect("a link");
        });
    }
    let server = setup.start();
    let zip = archive(&server, "/d/", "zip").body;
    assert_eq!(number(&zip, zip.len() - 12, 2), 0xffff);
    assert_eq!(list(&zip, 0).len(), 66_003);
}

/// A file of more than 4 GiB: the head of its entry, its descriptor, and its place in the list. Its zeros cost
/// neither disk nor much time.
#[test]
fn a_file_of_more_than_4_gib_takes_zip64() {
    let size = (4 << 30) + 5u64;
    let setup = Setup::new().file("d/z.txt", "after it").with(on);
    let file = File::create(setup.root().join("d/vast.txt")).expect("a file");
    file.set_len(size).expect("a length");
    let server = setup.start();
    let zip = server.get("/d/?archive=zip", &[]).body;
    let entries = list(&zip, 0);
    let vast = &entries[1];
    assert_eq!(
        (&*vast.name, vast.sizes[1], vast.needed),
        ("d/vast.txt", size, 45)
    );
    let at = vast.offset as usize;
    assert_eq!(number(&zip, at + 4, 2), 45);
    assert_eq!(
        (number(&zip, at + 18, 4), number(&zip, at + 22, 4)),
        (0xffff_ffff, 0xffff_ffff)
    );
    let descriptor = entries[2].offset as usize - 24;
    assert_eq!(number(&zip, descriptor, 4), 0x0807_4b50);
    assert_eq!(number(&zip, descriptor + 8, 8), vast.sizes[0]);
    assert_eq!(number(&zip, descriptor + 16, 8), size);
    assert_eq!(entries[2].name, "d/z.txt");
}

/// A tar header has no room for such a size.
#[test]
fn a_file_of_more_than_8_gib_takes_a_pax_header() {
    let setup = Setup::new().with(on);
    fs::create_dir(setup.root().join("d")).expect("a folder");
    let file = File::create(setup.root().join("d/vast")).expect("a file");
    file.set_len(9 << 30).expect("a length");
    let server = setup.start();
    let mut client = server.connect();
    client.send(&request("GET", "/d/?archive=tar", &[]));
    assert_eq!(client.head().status, 200);
    let mut begin = Vec::new();
    while begin.len() < 2048 {
        begin.extend(client.chunk());
    }
    assert_eq!(begin[512 + 156], b'x');
    let size = pax(&begin[1024..1024 + 19]).remove("size").expect("a size");
    assert_eq!(name(&size), (9u64 << 30).to_string());
    client.reset();
}

fn asking(server: &TestServer, from: [u8; 4]) -> Client {
    let mut client = server.connect_from(from);
    client.send(&request("GET", "/d/?archive=tar", &[]));
    client
}

/// Archives that do not fit into the buffers of sockets.
fn large() -> Setup {
    let setup = Setup::new().with(on).with(|config| config.threads = 1);
    fs::create_dir(setup.root().join("d")).expect("a folder");
    for number in 0..50 {
        let name = setup.root().join(format!("d/{number}"));
        let file = File::create(name).expect("a file");
        file.set_len(100 << 20).expect("a length");
    }
    setup
}

const ONE: [u8; 4] = [127, 0, 0, 1];

#[test]
fn a_network_has_one_archive_at_a_time_and_a_worker_a_few() {
    let server = large().start();
    let mut first = asking(&server, ONE);
    assert_eq!(first.head().status, 200);
    let refused = asking(&server, ONE).response("GET");
    assert_eq!(refused.status, 503);
    assert!(refused.field("Retry-After").is_some());
    assert!(
        refused.text().contains("no room for another one"),
        "{}",
        refused.text()
    );
    // HEAD makes none.
    assert_eq!(server.request("HEAD", "/d/?archive=zip", &[]).status, 200);
    let mut others: Vec<Client> = (2..=4)
        .map(|last| asking(&server, [127, 0, 0, last]))
        .collect();
    others
        .iter_mut()
        .for_each(|client| assert_eq!(client.head().status, 200));
    assert_eq!(asking(&server, [127, 0, 0, 9]).response("GET").status, 503);
    first.reset();
    until("the first one is gone", || {
        asking(&server, ONE).head().status == 200
    });
}

/// Five gigabytes, of which the server holds a few hundred KiB.
#[test]
fn a_slow_reader_holds_little_memory() {
    let server = large().start();
    assert_eq!(server.held(Account::Contents), 0);
    let mut client = asking(&server, ONE);
    assert_eq!(client.head().status, 200);
    let mut most = 0;
    for _ in 0..200 {
        client.chunk();
        most = most.max(server.held(Account::Contents));
    }
    assert!((1..400_000).contains(&most), "{most}");
    client.reset();
    until("nothing is held", || server.held(Account::Contents) == 0);
}

/// The names of a folder are kept while it is packed.
#[test]
fn a_folder_whose_names_need_too_much_memory_has_no_archive() {
    let setup = Setup::new()
        .file("small/a", "content")
        .with(on)
        .with(|config| (config.threads, config.site.memory) = (1, 2 << 20));
    fs::create_dir(setup.root().join("d")).expect("a folder");
    for number in 0..5000 {
        let name = format!("d/{number:0>240}");
        fs::write(setup.root().join(name), "").expect("a file");
    }
    let server = setup.start();
    let refused = server.get("/d/?archive=tar", &[]);
    assert_eq!(refused.status, 503);
    let text = refused.text();
    assert!(text.contains("no room for another one"), "{text}");
    until("nothing is held", || server.held(Account::Contents) == 0);
    let small = archive(&server, "/small/", "tar");
    assert_eq!(untar(&small.body).len(), 2);
}

/// A site on a slow disk, whose archive takes a job for each piece.
fn slow(disk: &SlowDisk) -> (TestServer, support::page::Page) {
    let mut setup = Setup::new()
        .file("d/a", noise(100_000))
        .file("d/b", noise(100_000))
        .file("c.txt", "other")
        .with(on)
        .with(|config| config.threads = 1);
    setup.slow = Some((disk.clone(), 100));
    let (setup, page) = setup.logging(LogFormat::Pretty);
    (setup.start(), page)
}

/// What comes of an archive if something happens before its second piece is made.
#[track_caller]
fn check_cut(change: impl FnOnce(&Path)) {
    let disk = SlowDisk::holding();
    let (server, page) = slow(&disk);
    let mut client = asking(&server, ONE);
    // The look at the name, and the first piece.
    disk.let_pass(2);
    assert_eq!(client.head().status, 200);
    disk.await_jobs(3);
    change(&server.root.join("d"));
    disk.open();
    let rest = client.rest();
    assert!(!rest.ends_with(b"0\r\n\r\n"), "it has no end");
    until("it is logged", || {
        page.lines()
            .iter()
            .any(|line| line.contains(End::FileChanged.text()))
    });
}

#[test]
fn a_file_that_grows_while_it_is_packed_cuts_the_archive() {
    check_cut(|folder| fs::write(folder.join("a"), noise(100_001)).expect("written"));
}

#[test]
fn a_file_that_vanishes_while_it_is_packed_cuts_the_archive() {
    check_cut(|folder| fs::remove_file(folder.join("a")).expect("removed"));
}

#[test]
fn a_file_that_vanishes_before_it_is_packed_cuts_the_archive() {
    check_cut(|folder| fs::remove_file(folder.join("b")).expect("removed"));
}

#[test]
fn an_archive_that_waits_for_the_disk_holds_up_nobody() {
    let disk = SlowDisk::holding_reads();
    let (server, _) = slow(&disk);
    let mut client = asking(&server, ONE);
    disk.await_jobs(2);
    // It is read by another disk thread.
    disk.let_pass(1);
    assert_eq!(server.request("HEAD", "/d/?archive=zip", &[]).status, 200);
    disk.open();
    assert_eq!(client.response("GET").status, 200);
}

#[test]
fn what_may_not_be_read_cuts_the_archive_or_is_403() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["closed/a", "d/a", "d/b"] {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
        fs::write(path, noise(100_000)).expect("a file");
    }
    for name in ["closed", "d/b"] {
        fs::set_permissions(folder.path().join(name), PermissionsExt::from_mode(0o000))
            .expect("a mode");
    }
    let Some(command) = unprivileged() else {
        return;
    };
    let mut command = command;
    command.args(["--log-format", "off", "--archive"]);
    command.arg(folder.path());
    let program = Program::start(&mut command);
    let client = |target: &str| {
        let mut client = program.connect();
        client.send(&request("GET", target, &[]));
        client
    };
    assert_eq!(client("/closed/?archive=zip").response("GET").status, 403);
    let mut cut = client("/d/?archive=tar");
    assert_eq!(cut.head().status, 200);
    assert!(!cut.rest().ends_with(b"0\r\n\r\n"));
    fs::set_permissions(
        folder.path().join("closed"),
        PermissionsExt::from_mode(0o755),
    )
    .expect("a mode");
}
