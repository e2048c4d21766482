//! The access log of real requests: what clients wrote can forge nothing, and a log that cannot be
//! written holds nobody up.

mod support;

use std::io::{PipeReader, Read};
use std::net::TcpStream;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossbeam_channel::bounded;
use docroot::observe::options::{Detail, LogFormat, LogOptions};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use support::handlers::text;
use support::page::Page;
use support::program::{Program, command, free_port};
use support::{Client, Setup, TestServer, find, pause, request, until};

fn logging(format: LogFormat) -> (TestServer, Page) {
    let (setup, page) = setup(format);
    (setup.start(), page)
}

fn setup(format: LogFormat) -> (Setup, Page) {
    let page = Page::default();
    let mut setup = Setup::new()
        .with(|config| {
            config.threads = 1;
            config.log = LogOptions {
                format,
                detail: Detail::Full,
                ..LogOptions::OFF
            };
        })
        .file("a.txt", "twelve bytes")
        .file("large.bin", vec![0; 4 << 20]);
    setup.sink = Some(Box::new(page.clone()));
    (setup, page)
}

/// Ends the server, so that every line is written, and gives the lines.
fn lines_after(server: TestServer, page: &Page) -> Vec<String> {
    drop(server);
    page.lines()
}

/// Requests whose bytes would end a line, begin another, close a quote, or move a cursor. The
/// parser refuses control bytes; what it lets through must be escaped.
fn hostile(server: &TestServer) -> usize {
    let forged = "\" 200 0 \"-\" \"-\"";
    let requests: [Vec<u8>; 7] = [
        request("GET", "/a.txt?\"quote'%0d%0a%1b[2J", &[("User-Agent", forged)]),
        request("GET", "/a.txt", &[("Referer", "http://a/\"\\x"), ("User-Agent", "a\tb\\")]),
        [&b"GET /a.txt HTTP/1.1\r\nHost: t\r\nUser-Agent: \xff\xfe\xc2\x9b2J\xe2\x80\xae\r\n\r\n"[..]].concat(),
        [&b"GET /\xe2\x80\xae\xff HTTP/1.1\r\nHost: t\r\n\r\n"[..]].concat(),
        [&b"GET /\x1b[2J HTTP/1.1\r\nHost: t\r\n\r\n"[..]].concat(),
        [&b"GET /a.txt HTTP/1.1\r\nHost: t\r\nUser-Agent: x\n127.0.0.1 - - forged\r\n\r\n"[..]].concat(),
        [&b"\"\\!#$%&'*+^_`|~ / HTTP/1.1\r\nHost: t\r\n\r\n"[..]].concat(),
    ];
    for request in &requests {
        let mut client = server.connect();
        client.send(request);
        client.finish();
        assert!(find(&client.rest(), b"HTTP/1.1 ").is_some());
    }
    requests.len()
}

/// The columns of a combined line: host, dashes, time, request, status, bytes, referer, agent.
fn combined(line: &str) -> [String; 6] {
    let quoted: Vec<&str> = line.split('"').collect();
    assert_eq!(quoted.len(), 7, "three quoted columns: {line}");
    let begin = quoted[0].strip_prefix("127.0.0.1 - - [").expect(line);
    let time = begin.strip_suffix(" +0000] ").expect(line);
    assert_eq!(time.len(), "10/Oct/2000:13:55:36".len(), "{line}");
    let numbers: Vec<&str> = quoted[2].split_ascii_whitespace().collect();
    let [status, bytes] = numbers[..] else {
        panic!("status and bytes: {line}");
    };
    assert_eq!((quoted[4], quoted[6]), (" ", ""), "{line}");
    [time, quoted[1], status, bytes, quoted[3], quoted[5]].map(str::to_owned)
}

#[test]
fn concept_25_referer_and_user_agent_are_in_the_lines_that_tools_parse() {
    let (server, page) = logging(LogFormat::Combined);
    let mut client = server.connect();
    let fields = [("Referer", "http://a/"), ("User-Agent", "test/1.0")];
    client.send(&request("GET", "/a.txt?x=1", &fields));
    client.response("GET");
    client.send(&request("HEAD", "/a.txt", &fields));
    client.response("HEAD");
    client.send(&request("GET", "/none", &[]));
    let missing = client.response("GET").body.len().to_string();
    client.send(&request(
        "GET",
        "/large.bin",
        &[("Range", "bytes=100-1000099")],
    ));
    client.response("GET");
    let lines = lines_after(server, &page);
    let columns: Vec<[String; 6]> = lines.iter().map(|line| combined(line)).collect();
    let without_time: Vec<[&str; 5]> = columns
        .iter()
        .map(|[_, rest @ ..]| rest.each_ref().map(String::as_str))
        .collect();
    assert_eq!(
        without_time,
        [
            [
                "GET /a.txt?x=1 HTTP/1.1",
                "200",
                "12",
                "http://a/",
                "test/1.0"
            ],
            ["HEAD /a.txt HTTP/1.1", "200", "0", "http://a/", "test/1.0"],
            ["GET /none HTTP/1.1", "404", &missing, "-", "-"],
            ["GET /large.bin HTTP/1.1", "206", "1000000", "-", "-"],
        ]
    );
}

#[test]
fn nothing_a_client_writes_forges_a_combined_line() {
    let (server, page) = logging(LogFormat::Combined);
    let requests = hostile(&server);
    let lines = lines_after(server, &page);
    assert_eq!(lines.len(), requests, "{lines:#?}");
    let columns: Vec<[String; 6]> = lines.iter().map(|line| combined(line)).collect();
    assert_eq!(columns[0][5], "\\x22 200 0 \\x22-\\x22 \\x22-\\x22");
    assert_eq!(columns[0][1], "GET /a.txt?\\x22quote'%0d%0a%1b[2J HTTP/1.1");
    assert_eq!(columns[2][5], "\\xFF\\xFE\\xC2\\x9B2J\\xE2\\x80\\xAE");
    // Of what is no request is told what can be read of its request line.
    let refused = ["GET /\\x1B[2J HTTP/1.1", "GET /a.txt HTTP/1.1"];
    for (columns, line) in columns[4..].iter().zip(refused) {
        assert_eq!((&columns[1][..], &columns[2][..]), (line, "400"));
    }
}

#[test]
fn json_lines_are_objects_that_keep_every_word() {
    let (server, page) = logging(LogFormat::Json);
    let requests = hostile(&server);
    server.get("/large.bin", &[("Accept-Encoding", "gzip")]);
    let lines = lines_after(server, &page);
    assert_eq!(lines.len(), requests + 1);
    let objects: Vec<Value> = lines
        .iter()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let first = &objects[0];
    assert_eq!(first["target"], "/a.txt?\"quote'%0d%0a%1b[2J");
    assert_eq!(first["user_agent"], "\" 200 0 \"-\" \"-\"");
    assert_eq!(
        (&first["status"], &first["sent"]),
        (&200.into(), &12.into())
    );
    assert_eq!(
        (&first["method"], &first["version"]),
        (&"GET".into(), &"HTTP/1.1".into())
    );
    assert_eq!(first["referer"], Value::Null);
    assert_eq!(objects[1]["referer"], "http://a/\"\\x");
    assert_eq!(objects[1]["user_agent"], "a\tb\\");
    assert_eq!(objects[2]["user_agent"], "\u{fffd}\u{fffd}\u{9b}2J\u{202e}");
    assert_eq!(
        (&objects[5]["method"], &objects[5]["status"]),
        (&"GET".into(), &400.into())
    );
    assert!(objects.iter().all(|object| object["complete"] == true));
    assert!(
        objects.iter().all(|object| object["reason"] != ""),
        "each has a reason"
    );
    assert_eq!(objects[7]["sent"], 4 << 20);
}

#[test]
fn pretty_lines_have_their_columns_whatever_the_client_writes() {
    let (server, page) = logging(LogFormat::Pretty);
    let requests = hostile(&server);
    let lines = lines_after(server, &page);
    assert_eq!(lines.len(), requests, "{lines:#?}");
    for line in &lines {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        assert!(words[0].ends_with('Z') && words[0].len() == 9, "{line}");
        assert!(["200", "400", "404", "501"].contains(&words[1]), "{line}");
    }
    let first: Vec<&str> = lines[0].split_ascii_whitespace().collect();
    assert_eq!(first[1..5], ["200", "GET", "12", "B"]);
    assert_eq!(first[7], "/a.txt?\"quote'%0d%0a%1b[2J");
}

/// A server that logs heads. The lines of several workers come in any order.
fn logging_heads(workers: usize) -> (TestServer, Page) {
    let page = Page::default();
    let mut setup = Setup::new().with(|config| {
        config.threads = workers;
        config.log = LogOptions {
            format: LogFormat::Pretty,
            detail: Detail::Heads,
            ..LogOptions::OFF
        };
    });
    setup.sink = Some(Box::new(page.clone()));
    (setup.file("a.txt", "twelve bytes").start(), page)
}

#[test]
fn heads_are_shown_as_they_went_over_the_wire_without_secrets() {
    let (server, page) = logging_heads(1);
    let mut client = server.connect();
    let secret = [("COOKIE", "a=secret"), ("Authorization", "Basic secret")];
    let sent = request("GET", "/a.txt", &secret);
    client.send(&sent);
    client.finish();
    let answer = String::from_utf8(client.rest()).expect("ASCII");
    let head = answer.strip_suffix("twelve bytes").expect("the content");
    // A head that is refused, and what follows it, which is not its head.
    let mut refused = server.connect();
    refused.send(b"GET /\x1b[2J HTTP/1.1\r\nCookie: secret\r\n\r\nsecret");
    refused.finish();
    let refusal = refused.rest();
    assert!(find(&refusal, b"HTTP/1.1 400").is_some());
    let lines = lines_after(server, &page);
    let begins: Vec<usize> = (0..lines.len())
        .filter(|&line| !lines[line].starts_with(['>', '<']))
        .collect();
    assert_eq!(begins.len(), 2, "{lines:#?}");
    let (first, second) = (&lines[1..begins[1]], &lines[begins[1] + 1..]);
    let sent = String::from_utf8(sent)
        .expect("ASCII")
        .replace("a=secret", "***");
    let sent = sent.replace("Basic secret", "***");
    let wire = |prefix: &str, head: &str| -> Vec<String> {
        let lines = head.split_terminator("\r\n");
        lines.map(|line| format!("{prefix} {line}")).collect()
    };
    let want = [wire(">", &sent), wire("<", head)].concat();
    assert_eq!(first, want);
    assert_eq!(
        second[..3],
        ["> GET /\\x1B[2J HTTP/1.1", "> Cookie: ***", "> "],
        "{second:#?}"
    );
    assert!(second[3].starts_with("< HTTP/1.1 400 "), "{second:#?}");
    assert!(!lines.concat().contains("secret"), "{lines:#?}");
}

/// `--explain`: below each line stand the steps of its own exchange.
#[test]
fn steps_follow_their_line() {
    let page = Page::default();
    let mut setup = Setup::new().file("a.txt", "a").with(|config| {
        // The lines of several workers come in any order.
        config.threads = 1;
        config.log = LogOptions {
            format: LogFormat::Pretty,
            steps: true,
            ..LogOptions::OFF
        };
    });
    setup.sink = Some(Box::new(page.clone()));
    let server = setup.start();
    for (target, status) in [("/a.txt", 200), ("/b.txt", 404)] {
        assert_eq!(server.get(target, &[]).status, status);
    }
    let lines = lines_after(server, &page);
    let second = lines
        .iter()
        .position(|line| line.ends_with("/b.txt  no such file"));
    let (first, second) = lines.split_at(second.expect("its line"));
    assert!(first[0].ends_with("  /a.txt"), "{lines:#?}");
    for (block, target) in [(first, "/a.txt"), (second, "/b.txt")] {
        assert!(block[1].contains(&format!("GET {target} ")), "{lines:#?}");
        assert!(block.len() > 3, "{lines:#?}");
        for (number, step) in block.iter().enumerate().skip(1) {
            assert!(step.starts_with(&format!("{number:2}. ")), "{lines:#?}");
        }
    }
}

/// With the steps too, and in the lines that programs read.
#[test]
fn user_information_and_lines_that_are_no_fields_are_masked_in_every_format() {
    for format in [LogFormat::Pretty, LogFormat::Combined, LogFormat::Json] {
        let page = Page::default();
        let mut setup = Setup::new().with(|config| {
            config.log = LogOptions {
                format,
                detail: Detail::Heads,
                steps: true,
                ..LogOptions::OFF
            };
        });
        setup.sink = Some(Box::new(page.clone()));
        let server = setup.start();
        for request in [
            "GET http://user:secret@h/ HTTP/1.1\r\nHost: user:secret@h\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: h\r\nReferer: http://user:secret@h/\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: h\r\nAuthorization Bearer secret\r\n\r\n",
            "Authorization Bearer secret\r\n\r\n",
        ] {
            let mut client = server.connect();
            client.send(request.as_bytes());
            client.response("GET");
        }
        let text = lines_after(server, &page).concat();
        assert!(
            text.contains("***@h") && text.contains("Authorization"),
            "{text}"
        );
        assert!(!text.contains("secret"), "{text}");
    }
}

#[test]
fn heads_of_several_exchanges_are_not_mixed() {
    let (server, page) = logging_heads(2);
    std::thread::scope(|scope| {
        for number in 0..4 {
            let server = &server;
            scope.spawn(move || {
                let mut client = server.connect();
                for _ in 0..100 {
                    let target = format!("/a.txt?{number}");
                    client.send(&request("GET", &target, &[]));
                    assert_eq!(client.response("GET").status, 200);
                }
            });
        }
    });
    let lines = lines_after(server, &page);
    // The first lines of an exchange, which name the target, stand together, and the response follows.
    let mut exchanges = 0;
    let mut rest = &lines[..];
    while let [line, request, others @ ..] = rest {
        let target = request.split(' ').nth(2).expect("a target");
        assert!(line.contains(&format!("  {target}  ")), "{line} {request}");
        let end = others.iter().position(|line| line == "< ").expect("an end");
        let sides = others[..=end].iter().map(|line| &line[..1]);
        let sides: Vec<&str> = sides.collect();
        assert!(sides.is_sorted_by(|one, next| one >= next), "{others:#?}");
        rest = &others[end + 1..];
        exchanges += 1;
    }
    assert_eq!((exchanges, rest.len()), (400, 0));
}

#[test]
fn an_answer_that_was_cut_is_told_with_the_bytes_that_left() {
    let (server, page) = logging(LogFormat::Json);
    let length = 64 << 20;
    let file = std::fs::File::create(server.root.join("shrinks.bin")).expect("a file");
    file.set_len(length).expect("a sparse file");
    let mut client = server.connect();
    client.send(&request("GET", "/shrinks.bin", &[]));
    client.head();
    client.take(1 << 20);
    file.set_len(1).expect("it shrinks");
    let got = (1 << 20) + client.rest().len() as u64;
    let lines = lines_after(server, &page);
    assert_eq!(lines.len(), 1);
    let object: Value = serde_json::from_str(&lines[0]).expect("JSON");
    assert_eq!(
        (&object["complete"], &object["status"]),
        (&false.into(), &200.into())
    );
    let sent = object["sent"].as_u64().expect("a number");
    assert!(got <= sent && sent < length, "{got} arrived, {sent} told");
}

/// Far more lines than the log may hold back, each as long as a request may make it.
const FLOOD: usize = 400;

fn flood(server: &TestServer) {
    let target = format!("/a.txt?{}", "\"".repeat(7000));
    let mut client = server.connect();
    for _ in 0..FLOOD {
        client.send(&request("GET", &target, &[]));
        assert_eq!(client.response("GET").text(), "twelve bytes");
    }
}

#[test]
fn a_stuck_log_holds_nobody_up_and_says_what_is_missing() {
    let (server, page) = logging(LogFormat::Combined);
    page.change(|page| page.is_stuck = true);
    flood(&server);
    assert!(page.writes() <= 1, "it is stuck in its first write");
    let counters = Arc::clone(&server.counters);
    assert!(
        counters.log_lines_dropped.value() > 0,
        "the flood was no flood"
    );
    page.change(|page| page.is_stuck = false);
    let lines = lines_after(server, &page);
    // Those that the worker still held at its end are among them.
    check_flood(&lines, counters.log_lines_dropped.value());
}

/// Each line of the flood was written or dropped, and the log says how many were dropped.
#[track_caller]
fn check_flood(lines: &[String], dropped: u64) {
    let told: Vec<u64> = lines
        .iter()
        .filter_map(|line| {
            line.strip_prefix("docroot: ")?
                .strip_suffix(" log lines dropped")
        })
        .map(|number| number.parse().expect("a number"))
        .collect();
    assert_eq!(told.iter().sum::<u64>(), dropped);
    assert_eq!(lines.len() - told.len() + dropped as usize, FLOOD);
}

/// The log has no room for the lines of the worker before something blocks it.
#[test]
fn the_lines_of_a_worker_that_is_stuck_at_the_end_are_not_lost() {
    let (setup, page) = setup(LogFormat::Combined);
    let (reached, is_reached) = bounded(1);
    let (release, released) = bounded::<()>(0);
    let mut server = setup
        .at("/stuck", move |_| {
            let _ = reached.send(());
            let _ = released.recv();
            text("")
        })
        .start();
    page.change(|page| page.is_stuck = true);
    flood(&server);
    let mut client = server.connect();
    client.send(&request("GET", "/stuck", &[]));
    is_reached.recv().expect("the worker is stuck");
    page.change(|page| page.is_stuck = false);
    server.stop();
    server.wait();
    check_flood(&page.lines(), server.counters.log_lines_dropped.value());
    drop(release);
}

#[test]
fn a_failing_log_is_written_again_as_soon_as_it_can_be() {
    let (server, page) = logging(LogFormat::Json);
    page.change(|page| page.fails = true);
    let before = page.writes();
    server.get("/a.txt", &[]);
    support::until("the line has failed", || page.writes() > before);
    support::until("it is counted", || {
        server.counters.log_lines_dropped.value() == 1
    });
    page.change(|page| page.fails = false);
    assert_eq!(server.get("/a.txt", &[]).status, 200);
    let lines = lines_after(server, &page);
    let objects: Vec<Value> = lines
        .iter()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(objects.len(), 2, "{lines:#?}");
    assert_eq!(objects[0]["target"], "/a.txt");
    assert_eq!(objects[1]["log_lines_dropped"], 1);
}

/// The program with its log in a pipe. In non-blocking mode, a write to a full pipe fails at once; a
/// reader can set this mode too.
fn piped(is_blocking: bool) -> (Program, tempfile::TempDir, PipeReader) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("a.txt"), "twelve bytes").expect("a file");
    let large = std::fs::File::create(folder.path().join("large.bin")).expect("a file");
    large.set_len(64 << 20).expect("a sparse file");
    let (reader, writer) = std::io::pipe().expect("a pipe");
    rustix::io::ioctl_fionbio(&writer, !is_blocking).expect("a mode");
    let mut command = command();
    command.args(["--log-format", "combined", "--threads", "2"]);
    let program = Program::start(command.arg(folder.path()).stdout(writer));
    (program, folder, reader)
}

/// Asks so often, and reads every answer. Some requests make lines that are longer than what a pipe
/// takes at once.
fn ask(program: &Program, requests: usize) {
    let mut client = program.connect();
    let long = format!("/a.txt?{}", "\"".repeat(2000));
    for _ in 0..requests / 20 {
        let mut pipeline = request("GET", "/a.txt", &[]).repeat(19);
        pipeline.extend(request("GET", &long, &[]));
        client.send(&pipeline);
        for _ in 0..20 {
            assert_eq!(client.response("GET").text(), "twelve bytes");
        }
    }
}

/// The requests that have a line, and those that are told as dropped.
fn written_and_told(log: &str, said: &str) -> (usize, usize) {
    let whole = log.rfind('\n').map_or("", |end| &log[..=end]);
    let requests = whole.lines().filter(|line| line.ends_with("\"-\" \"-\""));
    let told = whole.lines().chain(said.lines()).filter_map(|line| {
        let (number, what) = line.strip_prefix("docroot: ")?.split_once(' ')?;
        let is_count = ["log lines dropped", "log lines could not be written"].contains(&what);
        is_count.then(|| number.parse::<usize>().expect("a number"))
    });
    (requests.count(), told.sum())
}

/// The pipe is full before the first byte is read. The rest waits in memory.
#[test]
fn a_pipe_that_does_not_block_gets_every_line() {
    let (program, _folder, mut reader) = piped(false);
    ask(&program, 1_500);
    let log = std::thread::spawn(move || {
        let mut log = String::new();
        reader.read_to_string(&mut log).expect("text");
        log
    });
    ask(&program, 1_500);
    program.signal(Signal::TERM);
    let (status, said) = program.wait();
    assert_eq!((status.code(), said.as_str()), (Some(0), ""));
    let log = log.join().expect("no panic");
    assert_eq!(written_and_told(&log, ""), (3_000, 0));
    assert_eq!(log.lines().count(), 3_000);
}

/// The reader takes nothing, or so many bytes in a millisecond, until the program has ended.
#[test]
fn at_the_end_each_request_is_in_the_log_or_told_as_dropped() {
    for (is_blocking, pace) in [(true, 0), (false, 0), (true, 1024), (false, 1024)] {
        let (program, _folder, mut reader) = piped(is_blocking);
        let ended = Arc::new(AtomicBool::new(false));
        let has_ended = Arc::clone(&ended);
        let log = std::thread::spawn(move || {
            let (mut log, mut buffer) = (Vec::new(), vec![0; pace]);
            while pace > 0 && !has_ended.load(Ordering::Relaxed) {
                let count = reader.read(&mut buffer).expect("a pipe");
                log.extend_from_slice(&buffer[..count]);
                pause(Duration::from_millis(1));
            }
            reader.read_to_end(&mut log).expect("a pipe");
            String::from_utf8(log).expect("ASCII")
        });
        ask(&program, 3_000);
        program.signal(Signal::TERM);
        let (status, said) = program.wait();
        ended.store(true, Ordering::Relaxed);
        assert_eq!(status.code(), Some(0));
        let log = log.join().expect("no panic");
        let (written, told) = written_and_told(&log, &said);
        assert_eq!(written + told, 3_000, "{written} {told} {said}");
    }
}

/// The second signal cuts the download. Its line counts too.
#[test]
fn a_second_signal_loses_no_line() {
    let (program, _folder, mut reader) = piped(true);
    ask(&program, 3_000);
    let mut download = program.connect();
    download.send(&request("GET", "/large.bin", &[]));
    assert_eq!(download.head().status, 200);
    let mut idle = program.connect();
    idle.send(&request("GET", "/a.txt", &[]));
    assert_eq!(idle.response("GET").status, 200);
    program.signal(Signal::TERM);
    assert!(idle.is_closed(), "the first was heard");
    program.signal(Signal::TERM);
    let (status, said) = program.wait();
    assert_eq!(status.code(), Some(1));
    let mut log = String::new();
    reader.read_to_string(&mut log).expect("text");
    let (written, told) = written_and_told(&log, &said);
    assert_eq!(written + told, 3_002, "{written} {told} {said}");
}

/// `docroot >log 2>&1` on a full disk. The limit on the size of a file stands for it.
#[test]
fn a_file_with_the_log_and_the_notices_has_only_whole_lines() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::create_dir(folder.path().join("www")).expect("a folder");
    std::fs::write(folder.path().join("www/a.txt"), "twelve bytes").expect("a file");
    let path = folder.path().join("log");
    let log = std::fs::File::create(&path).expect("a file");
    let port = free_port();
    let mut child = Command::new("sh")
        .args(["-c", "ulimit -f 16; exec \"$0\" \"$@\""])
        .arg(env!("CARGO_BIN_EXE_docroot"))
        .args(["--log-format", "combined", "--bind", "127.0.0.1"])
        .args(["--allow-host", "test", "--port", &port.to_string()])
        .arg(folder.path().join("www"))
        .stderr(log.try_clone().expect("a descriptor"))
        .stdout(log)
        .spawn()
        .expect("it starts");
    let connect = || TcpStream::connect(("127.0.0.1", port));
    until("it listens", || connect().is_ok());
    let mut client = Client::of(connect().expect("it accepts"));
    for _ in 0..200 {
        client.send(&request("GET", "/a.txt", &[]));
        assert_eq!(client.response("GET").status, 200);
    }
    kill_process(Pid::from_child(&child), Signal::TERM).expect("it runs");
    child.wait().expect("a child");
    let text = std::fs::read_to_string(&path).expect("text");
    assert!(text.ends_with('\n'), "{text}");
    let lines = text.lines().filter(|line| line.starts_with("127.0.0.1"));
    assert!(lines.clone().count() > 50, "{text}");
    for line in lines {
        assert!(line.ends_with("\"-\" \"-\""), "{line}");
    }
}
