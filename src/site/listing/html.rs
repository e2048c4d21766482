//! A listing as an HTML page. The page works without its script: forms sort and filter the list. What shows
//! the same list in another way is a form and not a link, because crawlers follow links. The script filters while the user types, shows dates in the zone of the browser, images as
//! tiles and the text of a README, and adds keyboard shortcuts.

use super::entry::Totals;
use super::entry::{EntryKind, ListedEntry};
use super::frame::Frame;
use super::icon;
use super::order::{Order, Sort, SortKey};
use super::query::{ListingQuery, key_name, order_name};
use crate::site::archive::ArchiveFormat;
use crate::text::calendar::{TimeFormat, UtcTime};
use crate::text::escape::{Html, HtmlMarked, HtmlValue};
use crate::text::human::{Grouped, HumanSize};
use crate::text::{append, percent};
use std::fmt::{self, Display, Formatter};

/// The content of the page's `style` element.
pub(super) const STYLE: &str = include_str!("assets/listing.css");

/// The content of the page's `script` element.
pub(super) const SCRIPT: &str = include_str!("assets/listing.js");

/// The title of the last column has the zone of its times. The script hides it, because it converts them.
const COLUMNS: [(SortKey, &str); 3] = [
    (SortKey::Name, "Name"),
    (SortKey::Size, "Size"),
    (SortKey::Modified, "Modified<span id=\"zone\"> (UTC)</span>"),
];

/// How many rows are in a group. The style has the same number.
pub(super) const GROUP: u64 = 100;

/// A name of more bytes may not fit into three lines of a narrow page. It is also the title of its link.
const LONG_NAME: usize = 100;

/// The reference from a directory's page to an entry, such as `a%20b` or `photos/`. Programs that read
/// listings expect bare names. A colon is encoded, so that no name reads as a scheme. The slash at the end
/// of a directory avoids a redirect.
pub(super) struct Href<'e>(pub(super) &'e ListedEntry<'e>);

impl Display for Href<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let slash = match self.0.kind {
            EntryKind::Directory => "/",
            EntryKind::File => "",
        };
        write!(f, "{}{slash}", percent::segment(self.0.name))
    }
}

pub(super) fn write_head(out: &mut Vec<u8>, frame: &Frame) {
    out.extend_from_slice(
        b"<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
          <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n",
    );
    // With an empty icon in the page, browsers do not request /favicon.ico.
    append(
        out,
        format_args!(
            "<title>Index of {}</title>\n<link rel=\"icon\" href=\"data:,\">\n\
             <style>{STYLE}</style>\n</head>\n<body>\n<header>\n",
            Html(&frame.path)
        ),
    );
    write_breadcrumbs(out, frame);
    write_bar(out, frame);
    out.extend_from_slice(b"</header>\n<main>\n<table>\n<thead>\n<tr>");
    for (key, title) in COLUMNS {
        write_column(out, frame, key, title);
    }
    out.extend_from_slice(b"</tr>\n</thead>\n");
    if frame.path != b"/" {
        out.extend_from_slice(
            b"<tbody class=\"up\"><tr><td><a href=\"../\">Parent folder</a></td><td></td><td></td></tr></tbody>\n",
        );
    }
}

/// Begins a group of rows before the row `at`, if one begins there. `count` is the number of rows. The
/// browser lays out a full group only when it comes near the viewport, and until then estimates its
/// height from the number of rows.
pub(super) fn write_group(out: &mut Vec<u8>, at: u64, count: u64) {
    if !at.is_multiple_of(GROUP) {
        return;
    }
    if at > 0 {
        out.extend_from_slice(b"</tbody>\n");
    }
    out.extend_from_slice(match count - at >= GROUP {
        true => b"<tbody class=\"g\">\n",
        false => b"<tbody>\n",
    });
}

pub(super) fn write_row(out: &mut Vec<u8>, entry: &ListedEntry) {
    write_row_start(out, icon::classes(entry));
    append(out, format_args!("<td><a href=\"{}\"", Href(entry)));
    if entry.name.len() > LONG_NAME {
        append(out, format_args!(" title=\"{}\"", Html(entry.name)));
    }
    append(out, format_args!(">{}", HtmlMarked(entry.name)));
    match entry.kind {
        EntryKind::Directory => out.extend_from_slice(b"/</a></td>"),
        EntryKind::File => out.extend_from_slice(b"</a></td>"),
    }
    match entry.is_readable {
        true => write_size(out, entry.size),
        false => out.extend_from_slice(b"<td>no access</td><td>"),
    }
    if let Some(time) = entry.modified.and_then(UtcTime::from_unix) {
        write_time(out, time);
    }
    out.extend_from_slice(b"</td></tr>\n");
}

fn write_row_start(out: &mut Vec<u8>, mut classes: impl Iterator<Item = &'static str>) {
    let Some(first) = classes.next() else {
        return out.extend_from_slice(b"<tr>");
    };
    append(out, format_args!("<tr class=\"{first}"));
    classes.for_each(|class| append(out, format_args!(" {class}")));
    out.extend_from_slice(b"\">");
}

pub(super) fn write_foot(out: &mut Vec<u8>, frame: &Frame) {
    let end = if frame.rows() > 0 { "</tbody>\n" } else { "" };
    // The script fills and shows this paragraph if its filter leaves no row. Until then it is empty,
    // because text browsers show hidden elements.
    let (hidden, text) = match (frame.totals.entries(), frame.query.filter.is_empty()) {
        (0, true) => ("", "This folder is empty."),
        (0, false) => ("", "No name matches."),
        _ => (" hidden", ""),
    };
    append(
        out,
        format_args!("{end}</table>\n<p class=\"none\" id=\"none\"{hidden}>{text}</p>\n"),
    );
    if frame.totals.omitted > 0 {
        let omitted = Grouped(frame.totals.omitted);
        append(
            out,
            format_args!("<p class=\"none\">{omitted} more entries are not listed.</p>\n"),
        );
    }
    append(
        out,
        format_args!(
            "</main>\n<footer>\n<span id=\"keys\" hidden><kbd>/</kbd> filter \
             <kbd>j</kbd> <kbd>k</kbd> move <kbd>Enter</kbd> open <kbd>c</kbd> copy the address</span>\n",
        ),
    );
    if frame.shown.has_archives {
        write_archive_form(out);
    }
    write_json_form(out, &frame.query);
    append(
        out,
        format_args!(
            "</footer>\n<p id=\"said\" role=\"status\"></p>\n<script>{SCRIPT}</script>\n{}</body>\n</html>\n",
            frame.shown.script.as_deref().unwrap_or_default(),
        ),
    );
}

/// Writes a form with the two archives that most people can open.
fn write_archive_form(out: &mut Vec<u8>) {
    let [zip, tar] = [ArchiveFormat::Zip, ArchiveFormat::TarGzip].map(ArchiveFormat::extension);
    append(
        out,
        format_args!(
            "<form>This folder as <button name=\"archive\" value=\"{zip}\">{zip}</button> or \
             <button name=\"archive\" value=\"{tar}\">{tar}</button></form>\n"
        ),
    );
}

/// Writes a form that shows the same list as JSON.
fn write_json_form(out: &mut Vec<u8>, query: &ListingQuery) {
    out.extend_from_slice(b"<form>");
    if query.sort != Sort::default() {
        write_sort(out, query.sort);
    }
    write_filter(out, query);
    append(
        out,
        format_args!("<button name=\"format\" value=\"json\">This list as JSON</button></form>\n"),
    );
}

/// Writes the hidden fields of a form that asks for this order.
fn write_sort(out: &mut Vec<u8>, sort: Sort) {
    let (key, order) = (key_name(sort.key), order_name(sort.order));
    append(
        out,
        format_args!(
            "<input type=\"hidden\" name=\"sort\" value=\"{key}\">\
             <input type=\"hidden\" name=\"order\" value=\"{order}\">"
        ),
    );
}

/// Writes the hidden field of a form that keeps the filter, if there is one.
fn write_filter(out: &mut Vec<u8>, query: &ListingQuery) {
    if !query.filter.is_empty() {
        let filter = HtmlValue(query.filter.as_bytes());
        append(
            out,
            format_args!("<input type=\"hidden\" name=\"q\" value=\"{filter}\">"),
        );
    }
}

/// Writes the path as a heading, from the name of the root directory on. Each parent directory is a
/// relative link (`../`), so the page also works behind a proxy that serves it under another path.
fn write_breadcrumbs(out: &mut Vec<u8>, frame: &Frame) {
    let names: Vec<&[u8]> = (frame.path)
        .split(|&byte| byte == b'/')
        .filter(|name| !name.is_empty())
        .collect();
    out.extend_from_slice(b"<nav aria-label=\"Breadcrumb\"><h1><small>Index of </small>");
    let root = match frame.root.as_slice() {
        [] => HtmlMarked(b"/".as_slice()),
        name => HtmlMarked(name),
    };
    match names.len() {
        0 => append(out, format_args!("<b aria-current=\"page\">{root}</b>")),
        depth => append(
            out,
            format_args!("<a href=\"{}\">{root}</a><i>/</i>", "../".repeat(depth)),
        ),
    }
    for (at, name) in names.iter().enumerate() {
        write_breadcrumb(out, name, names.len() - 1 - at);
    }
    out.extend_from_slice(b"</h1></nav>\n");
}

fn write_breadcrumb(out: &mut Vec<u8>, name: &[u8], above: usize) {
    let name = HtmlMarked(name);
    match above {
        0 => append(out, format_args!("<b aria-current=\"page\">{name}</b>")),
        _ => append(
            out,
            format_args!("<a href=\"{}\">{name}</a><i>/</i>", "../".repeat(above)),
        ),
    }
}

fn write_bar(out: &mut Vec<u8>, frame: &Frame) {
    let (sort, filter) = (frame.query.sort, frame.query.filter.as_bytes());
    append(
        out,
        format_args!(
            "<div class=\"bar\">\n<p><span id=\"count\" aria-live=\"polite\">{}",
            summary(&frame.totals)
        ),
    );
    match frame.query.filter.is_empty() {
        true => out.extend_from_slice(b"</span>"),
        false => {
            append(
                out,
                format_args!(
                    " with \u{201c}{}\u{201d} in the name</span>",
                    HtmlMarked(filter)
                ),
            );
            write_unfiltered_link(out, sort);
        }
    }
    out.extend_from_slice(b"</p>\n<form role=\"search\">");
    if sort != Sort::default() {
        write_sort(out, sort);
    }
    append(
        out,
        format_args!(
            "<input type=\"search\" id=\"q\" name=\"q\" aria-label=\"Filter by name\" \
             placeholder=\"Filter by name\" autocomplete=\"off\" spellcheck=\"false\" \
             value=\"{}\"><button type=\"submit\">Filter</button>\
             <button type=\"button\" id=\"view\" aria-pressed=\"false\" hidden>Tiles</button></form>\n</div>\n",
            HtmlValue(filter)
        ),
    );
}

/// Writes a link from a filtered list to the whole list.
fn write_unfiltered_link(out: &mut Vec<u8>, sort: Sort) {
    let all = ListingQuery {
        sort,
        ..ListingQuery::default()
    };
    let link = all.link();
    append(
        out,
        format_args!(
            " <a rel=\"nofollow\" href=\"{}\">show all</a>",
            Html(link.as_bytes())
        ),
    );
}

/// `2 folders, 31 files, 4.5 MiB`.
fn summary(totals: &Totals) -> String {
    let counted = |number: u64, one: &str, many: &str| match number {
        1 => format!("1 {one}"),
        _ => format!("{} {many}", Grouped(number)),
    };
    let mut parts = Vec::with_capacity(3);
    if totals.directories > 0 {
        parts.push(counted(totals.directories, "folder", "folders"));
    }
    if totals.files > 0 || parts.is_empty() {
        parts.push(counted(totals.files, "file", "files"));
    }
    if totals.files > 0 {
        parts.push(HumanSize(totals.bytes).to_string());
    }
    parts.join(", ")
}

/// Writes a column heading with a button that sorts by this column. If the list is already sorted by it,
/// the button reverses the order. Otherwise, names sort in ascending order, and sizes and dates in
/// descending order.
fn write_column(out: &mut Vec<u8>, frame: &Frame, key: SortKey, title: &str) {
    let sort = frame.query.sort;
    let (order, state) = match (sort.key == key, sort.order) {
        (true, Order::Ascending) => (Order::Descending, " aria-sort=\"ascending\""),
        (true, Order::Descending) => (Order::Ascending, " aria-sort=\"descending\""),
        (false, _) if key == SortKey::Name => (Order::Ascending, ""),
        (false, _) => (Order::Descending, ""),
    };
    append(out, format_args!("<th scope=\"col\"{state}><form>"));
    write_sort(out, Sort { key, order });
    write_filter(out, &frame.query);
    append(out, format_args!("<button>{title}</button></form></th>"));
}

/// Writes the cell of a size, which is empty if there is none, and begins the next one.
fn write_size(out: &mut Vec<u8>, size: Option<u64>) {
    let Some(size) = size else {
        return out.extend_from_slice(b"<td></td><td>");
    };
    let human = HumanSize(size);
    match size {
        // The text is exact.
        0..1024 => append(out, format_args!("<td>{human}</td><td>")),
        _ => {
            let exact = Grouped(size);
            append(
                out,
                format_args!("<td title=\"{exact} bytes\">{human}</td><td>"),
            );
        }
    }
}

/// Writes a time. Programs that read listings of Apache know the form of the text, `2026-11-21 06:58`. The
/// script replaces it with the time in the zone and the language of the browser.
fn write_time(out: &mut Vec<u8>, time: UtcTime) {
    let exact = time.format(TimeFormat::Rfc3339);
    let (date, minute) = (
        time.format(TimeFormat::Date),
        time.format(TimeFormat::HourMinute),
    );
    append(
        out,
        format_args!("<time datetime=\"{exact}\">{date} {minute}</time>"),
    );
}
