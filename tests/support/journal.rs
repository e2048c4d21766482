//! What the access log tells of an exchange, read from each of its formats.

use std::ops::RangeInclusive;

use docroot::observe::event::End;
use docroot::observe::options::{Detail, LogFormat, LogOptions};
use serde_json::Value;

use super::Setup;
use super::page::Page;

/// Every format.
pub const FORMATS: [LogFormat; 3] = [LogFormat::Pretty, LogFormat::Combined, LogFormat::Json];

impl Setup {
    /// Logs to a page that the test reads.
    pub fn logging(mut self, format: LogFormat) -> (Setup, Page) {
        let page = Page::default();
        self.sink = Some(Box::new(page.clone()));
        let colour = false;
        let setup = self.with(|config| {
            config.log = LogOptions {
                format,
                colour,
                detail: Detail::Full,
                ..LogOptions::OFF
            }
        });
        (setup, page)
    }
}

/// What a line must tell.
pub struct Wanted<'a> {
    /// Empty if none could be read.
    pub method: &'a str,
    pub target: &'a str,
    pub version: &'a str,
    /// `None` if there was no answer.
    pub status: Option<u16>,
    pub sent: RangeInclusive<u64>,
    pub end: End,
}

impl Wanted<'_> {
    /// An answer to `GET target` that was sent whole.
    pub fn complete(target: &str, status: u16, sent: u64) -> Wanted<'_> {
        Wanted {
            method: "GET",
            target,
            version: "HTTP/1.1",
            status: Some(status),
            sent: sent..=sent,
            end: End::Complete,
        }
    }

    /// The same, ended otherwise.
    pub fn but(self, end: End) -> Self {
        Wanted { end, ..self }
    }

    /// The same without an answer.
    pub fn unanswered(self, end: End) -> Self {
        Wanted {
            status: None,
            sent: 0..=0,
            end,
            ..self
        }
    }

    /// Compares a line with it.
    #[track_caller]
    pub fn check(&self, format: LogFormat, line: &str) {
        match format {
            LogFormat::Pretty => self.check_pretty(line),
            LogFormat::Combined => self.check_combined(line),
            LogFormat::Json => self.check_json(line),
            LogFormat::Journal | LogFormat::Off => panic!("no test of the line"),
        }
    }

    /// `13:55:36Z 200 GET         2.2 KiB    1.2 ms  /a.html  the reason  (cut: the end)`.
    #[track_caller]
    fn check_pretty(&self, line: &str) {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let status = self.status.map_or("---".into(), |code| code.to_string());
        let or_dash = |word: &str| if word.is_empty() { "-" } else { word }.to_owned();
        let wanted = [status, or_dash(self.method), or_dash(self.target)];
        assert_eq!([words[1], words[2], words[7]], wanted, "{line}");
        // Larger sizes are rounded for people.
        if words[4] == "B" {
            self.check_sent(words[3].parse().expect("a number"), line);
        }
        let cut = line.rsplit_once("  (cut: ");
        let cut = cut.and_then(|(_, end)| end.split(')').next());
        assert_eq!(cut, self.cut(), "{line}");
    }

    /// `127.0.0.1 - - [...] "GET / HTTP/1.1" 200 2326 "-" "-"`. It does not tell how it ended.
    #[track_caller]
    fn check_combined(&self, line: &str) {
        let quoted: Vec<&str> = line.split('"').collect();
        let numbers: Vec<&str> = quoted[2].split_ascii_whitespace().collect();
        let request = match self.method {
            "" => "-".to_owned(),
            method => format!("{method} {} {}", self.target, self.version),
        };
        let status = match (self.status, self.end) {
            (Some(status), _) => status.to_string(),
            (None, End::ClientGone | End::SessionBroken) => "499".into(),
            (None, _) => "000".into(),
        };
        assert_eq!((quoted[1], numbers[0]), (&*request, &*status), "{line}");
        self.check_sent(numbers[1].parse().expect("a number"), line);
    }

    #[track_caller]
    fn check_json(&self, line: &str) {
        let object: Value = serde_json::from_str(line).expect("JSON");
        let got = ["method", "target", "version", "status", "complete", "cut"];
        let got = got.map(|name| object[name].clone());
        let read = |text: &str| match text {
            "" => Value::Null,
            text => text.into(),
        };
        let wanted: [Value; 6] = [
            read(self.method),
            read(self.target),
            read(self.version),
            self.status.into(),
            (self.end == End::Complete).into(),
            self.cut().into(),
        ];
        assert_eq!(got, wanted, "{line}");
        self.check_sent(object["sent"].as_u64().expect("a number"), line);
    }

    #[track_caller]
    fn check_sent(&self, sent: u64, line: &str) {
        assert!(self.sent.contains(&sent), "not {:?}: {line}", self.sent);
    }

    fn cut(&self) -> Option<&'static str> {
        (self.end != End::Complete).then(|| self.end.text())
    }
}

/// Seconds from the first byte of a request to the last of its response, as a JSON line has them.
pub fn duration(line: &str) -> f64 {
    let object: Value = serde_json::from_str(line).expect("JSON");
    object["duration"].as_f64().expect("a number")
}
