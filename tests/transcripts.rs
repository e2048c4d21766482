//! Conversations between a client and the server, byte for byte. The files in `tests/transcripts`
//! are written to be read as lessons.
//!
//! ```text
//! # a remark
//! > what the client sends
//! < what the server answers
//! - the server closes
//! ```
//!
//! A line ends with CR LF on the wire. If it ends with `␊`, it ends with LF alone; if it ends with `∎`,
//! it has no line end. Values that differ from run to run are in brackets: `[date]`, `[etag]`,
//! `[boundary]`, the server's own pages, and the lengths of those pages and of compressed texts. A
//! client that sends `[etag]` sends the last one that it received.

mod support;

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use support::{Setup, TestServer};

/// How long the next byte may take before the conversation has failed.
const PATIENCE: Duration = Duration::from_secs(5);

const CLOSES: &str = "- the server closes";

/// One turn of a conversation.
enum Step {
    Send(String),
    Expect(String),
    Close,
}

#[test]
fn the_server_answers_as_the_lessons_say() {
    let server = site();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    let mut lessons: Vec<_> = fs::read_dir(folder)
        .expect("the lessons")
        .map(|entry| entry.expect("a lesson").path())
        .collect();
    lessons.sort();
    assert!(lessons.len() >= 8, "lessons are missing");
    for lesson in lessons {
        let text = fs::read_to_string(&lesson).expect("text");
        if let Err(fault) = converse(&server, &steps(&text)) {
            panic!("{}: {fault}", lesson.display());
        }
    }
}

#[test]
fn a_lesson_can_fail() {
    let server = site();
    let hold = |lesson: &str| converse(&server, &steps(lesson)).is_ok();
    let head = "> OPTIONS * HTTP/1.1\n> Host: test\n> Connection: close\n>\n";
    let answer = "< HTTP/1.1 204 No Content\n< Server: docroot\n< Date: [date]\n\
                  < Allow: GET, HEAD, OPTIONS\n< Accept-Ranges: bytes\n< Connection: close\n<\n";
    assert!(hold(&format!("{head}{answer}{CLOSES}\n")));
    assert!(!hold(&format!(
        "{head}{}",
        answer.replace("docroot", "other")
    )));
    assert!(!hold(&format!("{head}< HTTP/1.1 204 No Content\n")));
    assert!(!hold(&format!("{head}{answer}< more\n")));
    assert!(!hold(&format!(
        "{}{CLOSES}\n",
        head.replace("close", "keep-alive")
    )));
}

/// The files that the lessons speak of, last modified in the RFC's favourite second.
fn site() -> TestServer {
    let poem: String = (1..=100)
        .map(|line| format!("{line:02} the tide comes in, the tide goes out\n"))
        .collect();
    let setup = Setup::new()
        .file("hello.txt", "Hello, world!\n")
        .file("alphabet", "abcdefghijklmnopqrstuvwxyz")
        .file("poem.txt", poem)
        .file("letters/index.html", "<p>Letters\n");
    for name in ["hello.txt", "alphabet", "poem.txt", "letters/index.html"] {
        let file = fs::File::options()
            .write(true)
            .open(setup.root().join(name));
        let date = UNIX_EPOCH + Duration::from_secs(784_111_777);
        file.and_then(|file| file.set_modified(date))
            .expect("a date");
    }
    setup.start()
}

/// Reads a lesson: neighbouring lines of one side are one step.
fn steps(lesson: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    for line in lesson.lines() {
        match (line.get(..1), steps.last_mut()) {
            (None | Some("#"), _) => {}
            (Some(">"), Some(Step::Send(text))) | (Some("<"), Some(Step::Expect(text))) => {
                *text += line;
                *text += "\n";
            }
            (Some(">"), _) => steps.push(Step::Send(format!("{line}\n"))),
            (Some("<"), _) => steps.push(Step::Expect(format!("{line}\n"))),
            _ if line == CLOSES => steps.push(Step::Close),
            _ => panic!("a lesson does not say {line:?}"),
        }
    }
    steps
}

/// Plays the client's part and compares the server's.
fn converse(server: &TestServer, steps: &[Step]) -> Result<(), String> {
    let mut stream = TcpStream::connect(server.address).expect("it accepts");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let mut etag = String::new();
    for step in steps {
        match step {
            Step::Send(text) => stream.write_all(&on_wire(text, &etag)).expect("it reads"),
            Step::Expect(text) => {
                let answer = receive(&mut stream, text)?;
                etag = last_etag(&answer).unwrap_or(etag);
            }
            Step::Close => {
                receive(&mut stream, "")?;
                return match stream.read(&mut [0]) {
                    Ok(0) => Ok(()),
                    other => Err(format!("the server does not close: {other:?}")),
                };
            }
        }
    }
    // Whatever the server says beyond the lesson comes before its close.
    stream.shutdown(Shutdown::Write).expect("half a close");
    match stream.read(&mut [0; 1]) {
        Ok(0) => Ok(()),
        other => Err(format!("the server has more to say: {other:?}")),
    }
}

/// Reads until the bytes, as a lesson shows them, are `want`.
fn receive(stream: &mut TcpStream, want: &str) -> Result<Vec<u8>, String> {
    let mut received = Vec::new();
    let mut buffer = [0; 4096];
    while shown(&received) != want {
        match stream.read(&mut buffer) {
            Ok(count) if count > 0 => received.extend_from_slice(&buffer[..count]),
            _ => return Err(difference(want, &shown(&received))),
        }
    }
    Ok(received)
}

fn difference(want: &str, got: &str) -> String {
    let same = want
        .lines()
        .zip(got.lines())
        .take_while(|(want, got)| want == got);
    let line = same.count();
    let at = |text: &str| text.lines().nth(line).unwrap_or("nothing").to_owned();
    format!("expected\n{}\ngot\n{}\nin\n{got}", at(want), at(got))
}

/// The client's lines as bytes.
fn on_wire(text: &str, etag: &str) -> Vec<u8> {
    let lines = text.lines().map(|line| {
        let line = line
            .strip_prefix("> ")
            .unwrap_or("")
            .replace("[etag]", etag);
        match (line.strip_suffix('␊'), line.strip_suffix('∎')) {
            (Some(line), _) => format!("{line}\n"),
            (_, Some(line)) => line.to_owned(),
            _ => format!("{line}\r\n"),
        }
    });
    lines.collect::<String>().into_bytes()
}

/// The server's bytes as a lesson shows them.
fn shown(received: &[u8]) -> String {
    let text = masked(&String::from_utf8_lossy(received));
    let mut shown = String::new();
    for line in text.split_inclusive('\n') {
        let (line, sign) = match (line.strip_suffix("\r\n"), line.strip_suffix('\n')) {
            (Some(line), _) => (line, ""),
            (_, Some(line)) => (line, "␊"),
            _ => (line, "∎"),
        };
        shown += format!("< {line}{sign}").trim_end();
        shown.push('\n');
    }
    shown
}

/// What differs from one day to the next, in brackets.
fn masked(text: &str) -> String {
    let text = between(text, "\r\nDate: ", "\r\n", "[date]");
    let text = between(&text, "\r\nContent-Security-Policy: ", "\r\n", "[policy]");
    let text = between(&text, "<!doctype html>", "</main>\n", "[page]");
    let text = text.replace("<!doctype html>[page]</main>\n", "[page]");
    let text = without_page_lengths(&text);
    // How small a text becomes is the library's affair.
    let coded = "\r\nContent-Encoding: deflate\r\nContent-Length: ";
    let text = between(&text, coded, "\r\n", "[length]");
    let text = match between_first(&text, "multipart/byteranges; boundary=", "\r\n") {
        Some(boundary) => text.replace(&boundary, "[boundary]"),
        None => text,
    };
    match last_etag(text.as_bytes()) {
        Some(_) => masked_etags(&text),
        None => text,
    }
}

/// The length of a page is as changeable as its words.
fn without_page_lengths(text: &str) -> String {
    let mut answers: Vec<String> = Vec::new();
    for answer in text.split_inclusive("[page]") {
        let at = answer
            .rfind("\r\nContent-Length: ")
            .filter(|_| answer.ends_with("[page]"));
        answers.push(match at {
            Some(at) => {
                let (before, after) = answer.split_at(at);
                before.to_owned() + &between(after, "\r\nContent-Length: ", "\r\n", "[length]")
            }
            None => answer.to_owned(),
        });
    }
    answers.concat()
}

/// The part of an entity-tag that names the state of the file; what names the coding stays.
fn masked_etags(text: &str) -> String {
    let mut masked = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("\r\nETag: \"") {
        let (before, tag) = rest.split_at(at + "\r\nETag: \"".len());
        let state = tag.bytes().take_while(u8::is_ascii_hexdigit).count();
        masked += before;
        masked += "[etag]";
        rest = &tag[state..];
    }
    masked + rest
}

fn last_etag(answer: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(answer);
    let tag = text.rsplit_once("\r\nETag: \"")?.1;
    Some(
        tag.bytes()
            .take_while(u8::is_ascii_hexdigit)
            .map(char::from)
            .collect(),
    )
}

fn between_first(text: &str, before: &str, after: &str) -> Option<String> {
    let rest = text.split_once(before)?.1;
    Some(rest.split_once(after)?.0.to_owned())
}

/// `text` with everything that stands between `before` and `after` replaced.
fn between(text: &str, before: &str, after: &str, by: &str) -> String {
    let mut pieces = text.split(before);
    let mut replaced = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        replaced += before;
        match piece.find(after) {
            Some(end) => {
                replaced += by;
                replaced += &piece[end..];
            }
            None => replaced += piece,
        }
    }
    replaced
}
