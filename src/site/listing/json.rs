//! A listing as JSON (RFC 8259), in ASCII.
//!
//! ```text
//! {"path":"/x/","directories":0,"files":1,"bytes":5,"entries":[
//! {"name":"a b","type":"file","size":5,"modified":"2026-11-21T06:58:12Z","href":"a%20b"}
//! ]}
//! ```
//!
//! The size of a directory is `null`, and so is an unknown size or modification time. A symbolic link has the type of
//! its target, followed by the member `"link":true`. In a name, bytes that are not UTF-8 become U+FFFD. The
//! `href` is always exact.

use super::entry::{EntryKind, ListedEntry};
use super::frame::Frame;
use super::html::Href;
use crate::text::append;
use crate::text::calendar::{TimeFormat, UtcTime};
use crate::text::escape::JsonString;

pub(super) fn write_head(out: &mut Vec<u8>, frame: &Frame) {
    let (path, totals) = (JsonString(&frame.path), &frame.totals);
    let (directories, files, bytes) = (totals.directories, totals.files, totals.bytes);
    append(
        out,
        format_args!(
            "{{\"path\":{path},\"directories\":{directories},\"files\":{files},\"bytes\":{bytes}"
        ),
    );
    if totals.omitted > 0 {
        append(out, format_args!(",\"omitted\":{}", totals.omitted));
    }
    out.extend_from_slice(b",\"entries\":[");
}

pub(super) fn write_row(out: &mut Vec<u8>, entry: &ListedEntry, first: bool) {
    let comma = if first { "" } else { "," };
    append(
        out,
        format_args!("{comma}\n{{\"name\":{}", JsonString(entry.name)),
    );
    let link = match entry.is_link {
        true => ",\"link\":true",
        false => "",
    };
    let kind = match entry.kind {
        EntryKind::Directory => "directory",
        EntryKind::File => "file",
    };
    append(out, format_args!(",\"type\":\"{kind}\"{link},\"size\":"));
    match entry.size {
        Some(size) => append(out, format_args!("{size}")),
        None => out.extend_from_slice(b"null"),
    }
    match entry.modified.and_then(UtcTime::from_unix) {
        Some(time) => append(
            out,
            format_args!(",\"modified\":\"{}\"", time.format(TimeFormat::Rfc3339)),
        ),
        None => out.extend_from_slice(b",\"modified\":null"),
    }
    // The reference needs no escaping: it has only unreserved characters, `%` and `/`.
    append(out, format_args!(",\"href\":\"{}\"}}", Href(entry)));
}

pub(super) fn write_foot(out: &mut Vec<u8>) {
    out.extend_from_slice(b"\n]}\n");
}
