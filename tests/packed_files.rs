//! The data beside the wire view: the table of words, and the source files of the functions that steps name. It is
//! packed when docroot is built, and sent in gzip to clients that accept it.

#[path = "../scripts/pack/list.rs"]
mod list;
mod support;

use std::fs;
use std::io::Read;
use std::path::Path;

use flate2::read::GzDecoder;
use support::{Response, Setup, TestServer};
use tempfile::TempDir;

const WORDS: [&str; 4] = ["fields", "methods", "statuses", "websocket"];

fn server() -> TestServer {
    Setup::new().with(|config| config.inspect = true).start()
}

fn in_repository(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    fs::read_to_string(path).expect("a file of the repository")
}

fn unpacked(response: &Response) -> String {
    let mut text = String::new();
    let mut decoder = GzDecoder::new(&response.body[..]);
    decoder.read_to_string(&mut text).expect("gzip");
    text
}

#[test]
fn words_are_sent_in_gzip_and_without() {
    let server = server();
    for name in WORDS {
        let target = format!("/.docroot/words/{name}.json");
        let want = in_repository(&format!("src/guide/words/{name}.json"));
        let packed = server.get(&target, &[("Accept-Encoding", "gzip")]);
        assert_eq!(packed.field("Content-Encoding"), Some("gzip"));
        assert_eq!(packed.field("Vary"), Some("Accept-Encoding"));
        assert_eq!(packed.field("Content-Type"), Some("application/json"));
        assert!(packed.body.len() * 2 < want.len(), "{name}");
        assert!(unpacked(&packed) == want, "{name}");
        let plain = server.get(&target, &[]);
        assert_eq!(plain.field("Content-Encoding"), None);
        assert!(plain.text() == want, "{name}");
        assert_ne!(plain.field("ETag"), packed.field("ETag"));
    }
}

#[test]
fn packed_files_follow_the_rules_of_other_representations() {
    let server = server();
    let target = "/.docroot/words/methods.json";
    for fields in [&[("Accept-Encoding", "gzip")][..], &[]] {
        let whole = server.get(target, fields);
        let tag = whole.field("ETag").expect("a tag");
        let again = [fields, &[("If-None-Match", tag)]].concat();
        assert_eq!(server.get(target, &again).status, 304);
        let head = server.request("HEAD", target, fields);
        let coding = whole.field("Content-Encoding");
        assert_eq!(
            (
                head.status,
                head.field("Content-Encoding"),
                head.field("ETag")
            ),
            (200, coding, Some(tag))
        );
    }
    let range = [("Accept-Encoding", "gzip"), ("Range", "bytes=0-1")];
    let part = server.get(target, &range);
    assert_eq!((part.status, &part.body[..]), (206, &[0x1F, 0x8B][..]));
    let refused = server.get(target, &[("Accept-Encoding", "*;q=0")]);
    assert_eq!(refused.status, 406);
    // HTTP/1.0 has no chunks. From this machine, it is that of a proxy.
    let named = Setup::new().with(|config| {
        config.inspect = true;
        let named = &mut config.inspect_named;
        named.allow("127.0.0.1").expect("an address");
    });
    let old = named
        .start()
        .raw(b"GET /.docroot/words/methods.json HTTP/1.0\r\n\r\n");
    let want = in_repository("src/guide/words/methods.json");
    assert!(old.ends_with(want.as_bytes()));
}

/// The build script names a file by its path in the folder, so two of one name do not overwrite each other.
#[test]
fn files_of_one_name_are_packed_side_by_side() {
    let (folder, out) = (TempDir::new(), TempDir::new());
    let (folder, out) = (folder.expect("a folder"), out.expect("a folder"));
    let all = ["a.json", "one/a.json", "two/three/a.json"];
    for name in all {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, name).expect("a file");
    }
    let files = list::files_below(folder.path());
    let files = files.iter().map(|path| {
        let content = fs::read(path).expect("a file");
        (list::name_below(folder.path(), path), content)
    });
    list::pack(out.path(), "list", files);
    let list = fs::read_to_string(out.path().join("list.rs")).expect("a list");
    for name in all {
        let packed = fs::read(out.path().join(format!("list/{name}.gz"))).expect("a file");
        let mut text = String::new();
        GzDecoder::new(&packed[..])
            .read_to_string(&mut text)
            .expect("gzip");
        assert_eq!(text, name);
        let entry = format!("(\"{name}\", include_bytes!(");
        assert_eq!(list.matches(&entry).count(), 1, "{list}");
        assert!(list.contains(&format!("/list/{name}.gz\"")), "{list}");
    }
}

#[test]
fn packed_files_need_the_wire_view() {
    let server = Setup::new().start();
    for target in ["/.docroot/words/fields.json", "/.docroot/sources.json"] {
        assert_eq!(server.get(target, &[]).status, 404, "{target}");
    }
}

#[cfg(not(feature = "sources"))]
#[test]
fn a_build_without_sources_serves_none() {
    assert_eq!(server().get("/.docroot/sources.json", &[]).status, 404);
}

#[cfg(feature = "sources")]
#[test]
fn sources_are_the_files_that_docroot_was_built_from() {
    let server = server();
    let target = "/.docroot/sources.json";
    let packed = server.get(target, &[("Accept-Encoding", "gzip")]);
    let text = unpacked(&packed);
    assert!(server.get(target, &[]).text() == text);
    let sources: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let sources = sources.as_object().expect("an object");
    let count = sources.len();
    println!(
        "{count} files, {} bytes, {} in gzip",
        text.len(),
        packed.body.len()
    );
    assert!(count > 60, "only {count} files");
    for (path, content) in sources {
        let (content, original) = (content.as_str().expect("a text"), in_repository(path));
        match path.starts_with("tests/") {
            // The tests that name no function are left out, and the lines keep their numbers.
            true => {
                let mut lines = content.lines().zip(original.lines());
                assert!(
                    lines.all(|(one, other)| one.is_empty() || one == other),
                    "{path}"
                );
                assert!(content.contains("/// Tests `"), "{path}");
            }
            false => assert!(content == original, "{path}"),
        }
    }
    for path in [
        "src/semantics/precondition.rs",
        "src/net/protocol/dispatch.rs",
        "src/origin/websocket/mod.rs",
        "src/http1/parse/tests.rs",
    ] {
        assert!(sources.contains_key(path), "{path}");
    }
}

/// The textbook inside the program takes about 0.2 MB, as the README says.
#[test]
fn the_book_is_small() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("www");
    let files = list::files_below(&folder).into_iter().map(|path| {
        let content = fs::read(&path).expect("a file of the book");
        (list::name_below(&folder, &path), content)
    });
    let out = TempDir::new().expect("a folder");
    list::pack(out.path(), "learn", files);
    let packed = list::files_below(&out.path().join("learn"));
    let sizes = packed
        .iter()
        .map(|path| fs::metadata(path).expect("it is there").len());
    let size: u64 = sizes.sum();
    assert!((100_000..=300_000).contains(&size), "{size}");
}
