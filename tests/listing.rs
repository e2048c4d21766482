//! The page of a directory as a representation like any other: forms, order, filter, validators,
//! codings; and a very large one that holds nobody up.

mod support;

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use flate2::read::{GzDecoder, ZlibDecoder};
use serde_json::Value;
use support::{Client, Response, Setup, TestServer, request};

/// Two folders and files of which size, date and name each give another order.
fn server() -> TestServer {
    let server = TestServer::of(&[
        ("docs/file10.txt", "ten"),
        ("docs/file2.txt", "two two two"),
        ("docs/File1.txt", "one one"),
        ("docs/b/inner.txt", ""),
        ("docs/a/inner.txt", ""),
        ("docs/.hidden", ""),
        ("indexed/index.html", "<p>index"),
    ]);
    for (name, seconds) in [("File1.txt", 3), ("file2.txt", 1), ("file10.txt", 2)] {
        let file = File::options()
            .write(true)
            .open(server.root.join("docs").join(name));
        let time = UNIX_EPOCH + Duration::from_secs(1_000_000_000 + seconds);
        file.expect("it opens").set_modified(time).expect("a date");
    }
    server
}

const JSON: (&str, &str) = ("Accept", "application/json");

#[track_caller]
fn json(response: &Response) -> Value {
    assert_eq!(response.status, 200, "{}", response.text());
    assert_eq!(response.field("Content-Type"), Some("application/json"));
    serde_json::from_slice(&response.body).expect("JSON")
}

fn names(listing: &Value) -> Vec<&str> {
    let entries = listing["entries"].as_array().expect("entries");
    let names = entries.iter().map(|entry| entry["name"].as_str());
    names.map(|name| name.expect("a name")).collect()
}

/// Spaces that are not U+0020, symbols that look like a space, and control characters.
#[test]
fn blanks_and_control_characters_of_names_are_shown_and_links_keep_them() {
    for blank in "\u{a0}\u{2003}\u{3000}\u{2800}\u{3164}\u{fe0f}\u{7}\u{1b}\u{7f}\u{85}".chars() {
        let name = format!("a{blank}b");
        let server = TestServer::of(&[(name.as_str(), "here")]);
        let page = server.get("/", &[]).text();
        let code = u32::from(blank);
        let shown = format!(">a<span class=\"invisible\">U+{code:04X}</span>b</a>");
        assert!(page.contains(&shown), "{shown}: {page}");
        assert!(!page.contains(blank), "{code:04X}");
        let (_, link) = page.split_once("<a href=\"a%").expect("a link");
        let (rest, _) = link.split_once('"').expect("an end");
        assert_eq!(server.get(&format!("/a%{rest}"), &[]).text(), "here");
    }
}

/// A right-to-left override makes `rtl<U+202E>gnp.exe` read as `rtlexe.png`. The page shows it, and the
/// link leads to the file.
#[test]
fn invisible_characters_of_names_are_shown_and_links_keep_them() {
    let server = TestServer::of(&[("rtl\u{202e}gnp.exe", "a program")]);
    let page = server.get("/", &[("Accept", "text/html")]).text();
    let shown = ">rtl<span class=\"invisible\">U+202E</span>gnp.exe</a>";
    let (before, _) = page.split_once(shown).expect("a marked name");
    assert!(!page.contains('\u{202e}'), "{page}");
    let (_, link) = before.rsplit_once("href=\"").expect("a link");
    let link = link.strip_suffix('"').expect("an attribute");
    assert_eq!(server.get(&format!("/{link}"), &[]).text(), "a program");
    let listing = json(&server.get("/", &[JSON]));
    assert_eq!(names(&listing), ["rtl\u{202e}gnp.exe"]);
}

/// Tests `origin::listing::answer`.
#[test]
fn a_folder_is_a_page_for_people() {
    let server = server();
    let page = server.get("/docs/", &[("Accept", "text/html,*/*;q=0.8")]);
    assert_eq!(page.status, 200);
    assert_eq!(page.field("Content-Type"), Some("text/html; charset=utf-8"));
    assert_eq!(page.field("Vary"), Some("Accept, Accept-Encoding"));
    assert_eq!(page.field("Cache-Control"), Some("no-cache"));
    assert_eq!(page.field("X-Content-Type-Options"), Some("nosniff"));
    assert!(page.field("Content-Security-Policy").is_some());
    let resource_policy = page.field("Cross-Origin-Resource-Policy");
    assert_eq!(resource_policy, Some("same-origin"));
    let text = page.text();
    for part in [
        "<title>Index of /docs/</title>",
        "2 folders, 3 files, 21 B",
        "<a href=\"../\">Parent folder</a>",
        "<a href=\"a/\">a/</a>",
        "<a href=\"file10.txt\">file10.txt</a>",
        "2001-09-09",
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    assert!(!text.contains("href=\".hidden"));
    let root = server.root.to_str().expect("UTF-8");
    assert!(!text.contains(root), "a path of the machine leaks");
}

#[test]
fn a_folder_is_json_for_programs() {
    let server = server();
    let listing = json(&server.get("/docs/", &[JSON]));
    assert_eq!(listing["path"], "/docs/");
    assert_eq!(
        (&listing["directories"], &listing["files"]),
        (&2.into(), &3.into())
    );
    assert_eq!(listing["bytes"], 21);
    assert_eq!(
        names(&listing),
        ["a", "b", "File1.txt", "file2.txt", "file10.txt"]
    );
    let entries = &listing["entries"];
    assert_eq!(entries[0]["type"], "directory");
    assert_eq!(
        (&entries[0]["size"], &entries[0]["href"]),
        (&Value::Null, &"a/".into())
    );
    let file = &entries[2];
    assert_eq!((&file["type"], &file["size"]), (&"file".into(), &7.into()));
    assert_eq!(file["modified"], "2001-09-09T01:46:43Z");
}

#[test]
fn a_link_is_told_from_what_it_leads_to() {
    let server = server();
    for (target, link) in [("a", "to a folder"), ("file2.txt", "to a text.txt")] {
        symlink(target, server.root.join("docs").join(link)).expect("a link");
    }
    let page = server.get("/docs/", &[("Accept", "text/html")]).text();
    for row in [
        "<tr class=\"d\"><td><a href=\"a/\">",
        "<tr class=\"d l\"><td><a href=\"to%20a%20folder/\">",
        "<tr class=\"t\"><td><a href=\"file2.txt\">",
        "<tr class=\"t l\"><td><a href=\"to%20a%20text.txt\">",
    ] {
        assert!(page.contains(row), "{row} is not in {page}");
    }
    let listing = json(&server.get("/docs/", &[JSON]));
    let entries = listing["entries"].as_array().expect("entries");
    let kinds = entries.iter().map(|one| (&one["type"], &one["link"]));
    let (folder, file) = ("directory".into(), "file".into());
    let (link, none) = (Value::Bool(true), Value::Null);
    let want = [
        (&folder, &none),
        (&folder, &none),
        (&folder, &link),
        (&file, &none),
        (&file, &none),
        (&file, &none),
        (&file, &link),
    ];
    assert!(kinds.eq(want), "{listing}");
}

/// Tests `origin::listing::format_by_query`.
#[test]
fn the_form_is_negotiated_and_the_query_overrules() {
    let server = server();
    let form = |target: &str, accept: &str| {
        let response = server.get(target, &[("Accept", accept)]);
        response.field("Content-Type").expect("a type").to_owned()
    };
    let (html, json) = ("text/html; charset=utf-8", "application/json");
    for (target, accept, want) in [
        ("/docs/", "*/*", html),
        ("/docs/", "application/*", json),
        ("/docs/", "text/html;q=0.5, application/json", json),
        ("/docs/", "application/json;q=0.5, text/html", html),
        ("/docs/", "image/png", html), // a listing rather than 406 (section 12.5.1)
        ("/docs/?format=json", "text/html", json),
        ("/docs/?format=html", "application/json", html),
        ("/docs/?format=xml", "text/html", html),
    ] {
        assert_eq!(form(target, accept), want, "{target} {accept}");
    }
}

#[test]
fn the_order_is_that_of_a_column_with_folders_first() {
    let server = server();
    for (query, want) in [
        ("", "a b File1.txt file2.txt file10.txt"),
        (
            "?sort=name&order=desc",
            "b a file10.txt file2.txt File1.txt",
        ),
        ("?sort=size", "a b file10.txt File1.txt file2.txt"),
        (
            "?sort=size&order=desc",
            "a b file2.txt File1.txt file10.txt",
        ),
        ("?sort=modified&order=asc", "file2.txt file10.txt File1.txt"),
        (
            "?sort=modified&order=desc",
            "File1.txt file10.txt file2.txt",
        ),
        (
            "?sort=nonsense&order=&x=%zz",
            "a b File1.txt file2.txt file10.txt",
        ),
    ] {
        let listing = json(&server.get(&format!("/docs/{query}"), &[JSON]));
        let got = names(&listing).join(" ");
        // The folders' dates are those of this run.
        let got = match query.contains("modified") {
            true => got.split_once("b ").map_or(got.as_str(), |split| split.1),
            false => &got,
        };
        assert_eq!(
            got.trim_start_matches("a "),
            want.trim_start_matches("a "),
            "{query}"
        );
        assert!(
            names(&listing)[..2]
                .iter()
                .all(|name| ["a", "b"].contains(name))
        );
    }
}

#[test]
fn the_filter_keeps_names_that_contain_it() {
    let server = server();
    for (query, want) in [
        ("?q=FILE1", &["File1.txt", "file10.txt"][..]),
        ("?q=0.t", &["file10.txt"]),
        ("?q=%66ile2", &["file2.txt"]),
        ("?q=nothing", &[]),
        ("?q=hidden", &[]),
        ("?q=", &["a", "b", "File1.txt", "file2.txt", "file10.txt"]),
    ] {
        let listing = json(&server.get(&format!("/docs/{query}"), &[JSON]));
        assert_eq!(names(&listing), want, "{query}");
    }
    // What was typed comes back as text, never as markup.
    let page = server
        .get("/docs/?q=%22%3E%3Cscript%3Ealert(1)", &[])
        .text();
    assert!(!page.contains("<script>alert"), "{page}");
    assert!(page.contains("&lt;script&gt;alert(1)"), "{page}");
}

#[test]
fn a_listing_has_validators_and_obeys_them() {
    let server = server();
    let first = server.get("/docs/", &[]);
    let tag = first.field("ETag").expect("a tag").to_owned();
    assert!(tag.starts_with('"'), "a strong one");
    assert_eq!(first.field("Last-Modified"), None);
    let not_modified = server.get("/docs/", &[("If-None-Match", &tag)]);
    assert_eq!((not_modified.status, not_modified.body.len()), (304, 0));
    for name in ["ETag", "Vary", "Cache-Control", "Date"] {
        assert!(not_modified.field(name).is_some(), "{name}");
    }
    assert_eq!(not_modified.field("Content-Type"), None);
    assert_eq!(
        server.get("/docs/", &[("If-Match", "\"other\"")]).status,
        412
    );
    assert_eq!(server.get("/docs/", &[("If-Match", &tag)]).status, 200);
    // Each form, order, filter and coding is a representation of its own.
    let tag_of = |target: &str, fields: &[(&str, &str)]| {
        let response = server.get(target, fields);
        response.field("ETag").expect("a tag").to_owned()
    };
    let mut tags = vec![
        tag.clone(),
        tag_of("/docs/", &[JSON]),
        tag_of("/docs/?order=desc", &[]),
        tag_of("/docs/?q=file", &[]),
        tag_of("/docs/", &[("Accept-Encoding", "gzip")]),
        tag_of("/docs/", &[("Accept-Encoding", "deflate")]),
    ];
    assert_eq!(tag_of("/docs/", &[]), tag, "the same again");
    // Whatever the page shows changes it.
    server.write("docs/new.txt", "");
    tags.push(tag_of("/docs/", &[]));
    server.write("docs/new.txt", "longer");
    tags.push(tag_of("/docs/", &[]));
    std::fs::rename(
        server.root.join("docs/new.txt"),
        server.root.join("docs/old.txt"),
    )
    .expect("it moves");
    tags.push(tag_of("/docs/", &[]));
    let distinct: std::collections::HashSet<&String> = tags.iter().collect();
    assert_eq!(distinct.len(), tags.len(), "{tags:?}");
    std::fs::remove_file(server.root.join("docs/old.txt")).expect("it goes");
    assert_eq!(
        server.get("/docs/", &[("If-None-Match", &tag)]).status,
        304,
        "as before"
    );
}

#[test]
fn head_says_what_get_would() {
    let server = server();
    for fields in [
        &[][..],
        &[JSON],
        &[("Accept-Encoding", "gzip")],
        &[("Accept-Encoding", "deflate")],
    ] {
        let get = server.get("/docs/", fields);
        let mut head = server.request("HEAD", "/docs/", fields);
        let mut get = get;
        // Nothing is coded for HEAD (RFC 9110 section 9.3.2).
        match get.field("Content-Encoding") {
            None => assert!(head.field("Content-Length").is_some()),
            Some(_) => get.fields.retain(|(name, _)| name != "Transfer-Encoding"),
        }
        // Two requests may fall into two seconds.
        let date =
            |response: &Response| response.fields.iter().position(|(name, _)| name == "Date");
        assert_eq!(date(&head), date(&get));
        let at = date(&head).expect("a date");
        head.fields[at] = get.fields[at].clone();
        assert_eq!(head.fields, get.fields, "{fields:?}");
    }
}

/// Tests `origin::listing::coder_or_identity`.
#[test]
fn a_listing_is_coded_and_sliced_like_a_file() {
    let server = server();
    let plain = server.get("/docs/", &[]).body;
    let gzip = server.get("/docs/", &[("Accept-Encoding", "gzip")]);
    assert_eq!(gzip.field("Content-Encoding"), Some("gzip"));
    let mut got = Vec::new();
    GzDecoder::new(&gzip.body[..])
        .read_to_end(&mut got)
        .expect("gzip");
    assert!(got == plain);
    let deflate = server.get("/docs/", &[("Accept-Encoding", "deflate")]);
    assert_eq!(deflate.field("Content-Encoding"), Some("deflate"));
    got.clear();
    ZlibDecoder::new(&deflate.body[..])
        .read_to_end(&mut got)
        .expect("zlib");
    assert!(got == plain);
    let part = server.get("/docs/", &[("Range", "bytes=10-19")]);
    assert_eq!((part.status, &part.body[..]), (206, &plain[10..20]));
    let refused = server.get("/docs/", &[("Accept-Encoding", "identity;q=0, *;q=0")]);
    assert_eq!(refused.status, 406);
    assert_eq!(refused.field("Vary"), Some("Accept, Accept-Encoding"));
    let advice = "Allow identity, gzip or deflate in Accept-Encoding.";
    assert!(refused.text().contains(advice), "{}", refused.text());
    // Without chunks, the end of the connection is that of a coded listing.
    let mut old = server.connect();
    old.send(b"GET /docs/ HTTP/1.0\r\nAccept-Encoding: gzip, identity;q=0\r\n\r\n");
    let coded = old.response("GET");
    assert_eq!(coded.field("Content-Encoding"), Some("gzip"));
    got.clear();
    GzDecoder::new(&coded.body[..])
        .read_to_end(&mut got)
        .expect("gzip");
    assert!(got == plain);
    assert!(old.is_closed());
}

#[test]
fn an_index_stands_for_its_folder_and_no_listing_hides_the_others() {
    let server = server();
    assert_eq!(server.get("/indexed/", &[JSON]).text(), "<p>index");
    let server = Setup::new()
        .with(|config| config.site.listing = false)
        .file("docs/a.txt", "here")
        .file("indexed/index.htm", "<p>index")
        .start();
    for target in ["/", "/docs/", "/docs/?format=json"] {
        for method in ["GET", "HEAD", "OPTIONS"] {
            let response = server.request(method, target, &[]);
            assert_eq!(response.status, 404, "{method} {target}");
        }
    }
    assert_eq!(server.get("/docs/a.txt", &[]).text(), "here");
    assert_eq!(server.get("/indexed/", &[]).text(), "<p>index");
    assert_eq!(server.get("/indexed", &[]).status, 301);
}

#[test]
fn entries_that_vanish_under_the_listing_are_left_out() {
    let setup = Setup::new().with(|config| config.threads = 1);
    for number in 0..2000 {
        File::create(setup.root().join(number.to_string())).expect("a file");
    }
    let server = setup.start();
    let root = server.root.clone();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..2000 {
                std::fs::remove_file(root.join(number.to_string())).expect("it goes");
            }
            done.store(true, Ordering::SeqCst);
        });
        loop {
            let is_last = done.load(Ordering::SeqCst);
            let listing = json(&server.get("/", &[JSON]));
            assert_eq!(listing["files"], names(&listing).len());
            if is_last {
                assert_eq!(listing["files"], 0);
                break;
            }
        }
    });
}

/// A hundred thousand entries, on the only worker there is.
const MANY: usize = 100_000;

fn crowded_server() -> TestServer {
    let setup = Setup::new()
        .with(|config| config.threads = 1)
        .file("small.txt", "small");
    let folder = setup.root().join("many");
    std::fs::create_dir(&folder).expect("a folder");
    // Links cost the file system a fraction of what files do; it allows some 65,000 to each.
    let mut original = folder.join("file 0");
    for number in 0..MANY {
        let name = folder.join(format!("file {number}"));
        if number % 25_000 == 0 {
            File::create(&name).expect("a file");
            original = name;
        } else {
            std::fs::hard_link(&original, &name).expect("a link");
        }
    }
    setup.start()
}

fn ask_small(client: &mut Client) {
    client.send(&request("GET", "/small.txt", &[]));
    assert_eq!(client.response("GET").text(), "small");
}

#[test]
fn a_hundred_thousand_entries_hold_nobody_up() {
    let server = crowded_server();
    let mut neighbour = server.connect();
    ask_small(&mut neighbour);
    let mut crowd = server.connect();
    crowd.send(&request("GET", "/many/", &[JSON, ("Connection", "close")]));
    // While the folder is read no byte of the listing has come, and the neighbour is served: had
    // the worker read it in one go, its first answer would have come behind the listing's head.
    let mut while_reading = 0;
    while !crowd.has_answer() {
        ask_small(&mut neighbour);
        while_reading += 1;
    }
    assert!(
        while_reading > 3,
        "the neighbour had {while_reading} answers"
    );
    // While the page is written and read as fast as it comes, the neighbour is served as well.
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let response = crowd.response("GET");
            done.store(true, Ordering::SeqCst);
            response
        });
        let mut while_writing = 0;
        while !done.load(Ordering::SeqCst) {
            ask_small(&mut neighbour);
            while_writing += 1;
        }
        assert!(
            while_writing > 3,
            "the neighbour had {while_writing} answers"
        );
        check_many(&json(&reader.join().expect("it reads")));
    });
    // The other form and the codings are made in the same pieces.
    let page = server.get("/many/", &[("Accept-Encoding", "gzip")]);
    assert_eq!(page.field("Content-Encoding"), Some("gzip"));
    assert_eq!(page.field("Transfer-Encoding"), Some("chunked"));
    let mut text = String::new();
    GzDecoder::new(&page.body[..])
        .read_to_string(&mut text)
        .expect("gzip");
    assert_eq!(text.matches("<a href=\"file%20").count(), MANY);
    assert!(text.contains("100,000 files"), "{}", &text[..3000]);
    let tag = page.field("ETag").expect("a tag");
    let fields = [("Accept-Encoding", "gzip"), ("If-None-Match", tag)];
    assert_eq!(server.get("/many/", &fields).status, 304);
    let head = server.request("HEAD", "/many/", &[("Accept-Encoding", "gzip")]);
    assert_eq!((head.status, head.field("ETag")), (200, Some(tag)));
    let filtered = json(&server.get("/many/?q=99999", &[JSON]));
    assert_eq!(names(&filtered), ["file 99999"]);
}

/// Every entry once, in natural order.
fn check_many(listing: &Value) {
    assert_eq!(listing["files"], MANY);
    let names = names(listing);
    assert_eq!(names.len(), MANY);
    let misplaced = (0..MANY).find(|&number| names[number] != format!("file {number}"));
    assert_eq!(misplaced, None);
}

/// A client that has sent its only request and half-closed, as `nc -N` does, gets one response.
#[test]
fn a_half_closed_client_gets_its_listing_and_nothing_before_it() {
    let server = server();
    std::fs::create_dir(server.root.join("many")).expect("a folder");
    for number in 0..3000 {
        server.write(&format!("many/{number}.txt"), "");
    }
    let mut client = server.connect();
    client.send(&support::request("GET", "/many/", &[]));
    client.finish();
    assert_eq!(client.next_response("GET").status, 200);
    assert!(client.is_closed());
}

/// Crawlers such as wget follow every link, whatever its `rel` says.
#[test]
fn a_crawler_asks_for_each_file_once() {
    let mut setup = Setup::new().with(|config| config.site.archive = true);
    for number in 0..6 {
        setup = setup.file(&format!("{number}.txt"), "text");
    }
    let server = setup.file("docs/6.txt", "text").start();
    let (mut asked, mut waiting) = (BTreeSet::new(), vec!["/".to_owned()]);
    while let Some(path) = waiting.pop() {
        if !asked.insert(path.clone()) {
            continue;
        }
        let response = server.get(&path, &[]);
        assert_eq!(response.status, 200, "{path}");
        if response.field("Content-Type") == Some("text/html; charset=utf-8") {
            let page = response.text();
            let elements = page.split("<script>").next().unwrap_or_default();
            waiting.extend(links(&path, elements));
        }
    }
    // The two folders, and the files.
    assert_eq!(asked.len(), 2 + 7, "{asked:?}");
}

/// What a page at this path links to on its own server.
fn links(path: &str, page: &str) -> Vec<String> {
    let starts = ["href=\"", "src=\""];
    let found = starts
        .iter()
        .flat_map(|start| page.split(start).skip(1))
        .filter_map(|rest| rest.split('"').next());
    found
        .filter(|reference| !reference.starts_with("data:"))
        .map(|reference| match reference.strip_prefix("../") {
            Some(rest) => format!("/{rest}"),
            None => format!("{path}{reference}"),
        })
        .collect()
}
