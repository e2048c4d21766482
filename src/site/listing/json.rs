//! A listing as JSON (RFC 8259).
//!
//! ```text
//! {"path":"/x/","directories":0,"files":1,"bytes":5,"entries":[
//! {"name":"a b","type":"file","size":5,"modified":"2026-11-21T06:58:12Z","href":"./a%20b"}
//! ]}
//! ```
//!
//! A directory has no size and what has no date has none: `null`. A name that is not UTF-8 has
//! U+FFFD where it is not; its `href` is exact.

use super::frame::Frame;
use super::html::href;
use super::text::Moment;
use super::{Entry, Kind};
use std::fmt::Write;

pub(super) fn push_head(out: &mut String, frame: &Frame) {
    out.push_str("{\"path\":");
    push_string(out, &frame.path);
    let totals = &frame.totals;
    push_number(out, ",\"directories\":", totals.directories);
    push_number(out, ",\"files\":", totals.files);
    push_number(out, ",\"bytes\":", totals.bytes);
    if totals.omitted > 0 {
        push_number(out, ",\"omitted\":", totals.omitted);
    }
    out.push_str(",\"entries\":[");
}

pub(super) fn push_row(out: &mut String, entry: &Entry, first: bool) {
    out.push_str(if first { "\n" } else { ",\n" });
    out.push_str("{\"name\":");
    push_string(out, entry.name);
    match entry.kind {
        Kind::Directory => out.push_str(",\"type\":\"directory\",\"size\":null"),
        Kind::File => push_number(out, ",\"type\":\"file\",\"size\":", entry.size),
    }
    match entry.modified.and_then(Moment::from_unix) {
        Some(moment) => push_quoted(out, ",\"modified\":", &moment.rfc3339()),
        None => out.push_str(",\"modified\":null"),
    }
    // A reference is made of unreserved characters, `%`, `.` and `/`: nothing to escape.
    push_quoted(out, ",\"href\":", &href(entry));
    out.push('}');
}

pub(super) fn push_foot(out: &mut String, _: &Frame) {
    out.push_str("\n]}\n");
}

fn push_number(out: &mut String, before: &str, number: u64) {
    // Writing to a string cannot fail.
    let _ = write!(out, "{before}{number}");
}

fn push_quoted(out: &mut String, before: &str, plain: &str) {
    let _ = write!(out, "{before}\"{plain}\"");
}

/// A string of RFC 8259 section 7: what must be escaped is, all else stands for itself.
fn push_string(out: &mut String, bytes: &[u8]) {
    out.push('"');
    for character in String::from_utf8_lossy(bytes).chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            '\0'..='\x1f' | '\x7f' => {
                let _ = write!(out, "\\u{:04x}", character as u32);
            }
            _ => out.push(character),
        }
    }
    out.push('"');
}
