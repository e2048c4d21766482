//! A listing as a page. It needs no script: sorting and filtering are links and a form. The script
//! adds a filter that acts while one types, and keys.

use super::frame::Frame;
use super::order::{Order, Sort, SortKey};
use super::query::{key_name, order_name};
use super::text::{Moment, grouped, human_size, push_encoded, push_escaped};
use super::{Entry, Format, Kind, ListingQuery, Totals};
use std::fmt::Write;

/// The style of the page, as it stands between its tags.
pub(super) const STYLE: &str = include_str!("assets/listing.css");

/// The script of the page, as it stands between its tags.
pub(super) const SCRIPT: &str = include_str!("assets/listing.js");

/// The value of `Content-Security-Policy` for the page: nothing is loaded, only the page's own style
/// and script act, its form leads back to this server. A test holds the hashes against the assets.
pub const CONTENT_SECURITY_POLICY: &str = concat!(
    "default-src 'none'; ",
    "style-src 'sha256-jZpBD0IMMbJAur8NSdpRBAJxnf7spTV1VlBq8YoQTyY='; ",
    "script-src 'sha256-MgoKmQ7AAJPADjuIwaidJbxLMu2e9lgoxBZBgEmfIt4='; ",
    "img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'self'"
);

const COLUMNS: [(SortKey, &str); 3] = [
    (SortKey::Name, "Name"),
    (SortKey::Size, "Size"),
    (SortKey::Modified, "Modified"),
];

/// The reference from a directory's page to an entry. `./` keeps a name like `a:b` or `x//y` from
/// being read as a scheme or a host; the slash spares a directory its redirect.
pub(super) fn href(entry: &Entry) -> String {
    let mut href = String::with_capacity(entry.name.len() + 3);
    href.push_str("./");
    push_encoded(&mut href, entry.name);
    if entry.kind == Kind::Directory {
        href.push('/');
    }
    href
}

pub(super) fn push_head(out: &mut String, frame: &Frame) {
    out.push_str("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    out.push_str("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    out.push_str("<title>Index of ");
    push_escaped(out, &String::from_utf8_lossy(&frame.path));
    // An icon of its own spares the server a request for /favicon.ico.
    out.push_str("</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>");
    out.push_str(STYLE);
    out.push_str("</style>\n</head>\n<body>\n<header>\n");
    push_breadcrumbs(out, &frame.path);
    push_bar(out, frame);
    out.push_str("</header>\n<main>\n<table>\n<thead>\n<tr>");
    for (key, title) in COLUMNS {
        push_column(out, frame, key, title);
    }
    out.push_str("</tr>\n</thead>\n<tbody>\n");
    if frame.path != b"/" {
        out.push_str(
            "<tr class=\"up\"><td><a href=\"../\">Parent folder</a></td><td></td><td></td></tr>\n",
        );
    }
}

pub(super) fn push_row(out: &mut String, entry: &Entry) {
    let directory = entry.kind == Kind::Directory;
    out.push_str(if directory {
        "<tr class=\"d\">"
    } else {
        "<tr>"
    });
    out.push_str("<td><a href=\"");
    out.push_str(&href(entry));
    out.push_str("\">");
    push_escaped(out, &String::from_utf8_lossy(entry.name));
    out.push_str(if directory {
        "/</a></td><td>"
    } else {
        "</a></td><td>"
    });
    if !directory {
        push_size(out, entry.size);
    }
    out.push_str("</td><td>");
    if let Some(moment) = entry.modified.and_then(Moment::from_unix) {
        push_time(out, moment);
    }
    out.push_str("</td></tr>\n");
}

pub(super) fn push_foot(out: &mut String, frame: &Frame) {
    out.push_str("</tbody>\n</table>\n");
    let hidden = if frame.totals.entries() > 0 {
        " hidden"
    } else {
        ""
    };
    let empty = if frame.query.filter.is_empty() && hidden.is_empty() {
        "This folder is empty."
    } else {
        "No name here contains that."
    };
    write(
        out,
        format_args!("<p class=\"none\" id=\"none\"{hidden}>{empty}</p>\n"),
    );
    if frame.totals.omitted > 0 {
        let omitted = grouped(frame.totals.omitted);
        write(
            out,
            format_args!("<p class=\"none\">{omitted} more entries are not listed.</p>\n"),
        );
    }
    out.push_str("</main>\n<footer>\n<span id=\"keys\" hidden><kbd>/</kbd> filter ");
    out.push_str("<kbd>j</kbd> <kbd>k</kbd> move <kbd>Enter</kbd> open</span>\n<span><a href=\"");
    push_escaped(out, &frame.query.link(frame.query.sort, Some(Format::Json)));
    out.push_str("\">This list as JSON</a></span>\n</footer>\n<script>");
    out.push_str(SCRIPT);
    out.push_str("</script>\n</body>\n</html>\n");
}

/// The path as a heading, each directory above a link. The links climb (`../`), so the page works
/// behind a proxy that serves it under another path.
fn push_breadcrumbs(out: &mut String, path: &[u8]) {
    let names: Vec<&[u8]> = path
        .split(|&byte| byte == b'/')
        .filter(|name| !name.is_empty())
        .collect();
    out.push_str("<nav aria-label=\"Breadcrumb\"><h1><small>Index of </small>");
    match names.len() {
        0 => out.push_str("<b aria-current=\"page\">/</b>"),
        depth => write(
            out,
            format_args!("<a href=\"{}\">/</a>", "../".repeat(depth)),
        ),
    }
    for (at, name) in names.iter().enumerate() {
        push_breadcrumb(out, name, names.len() - 1 - at);
    }
    out.push_str("</h1></nav>\n");
}

fn push_breadcrumb(out: &mut String, name: &[u8], above: usize) {
    let name = String::from_utf8_lossy(name);
    if above == 0 {
        out.push_str("<b aria-current=\"page\">");
        push_escaped(out, &name);
        out.push_str("</b>");
    } else {
        write(out, format_args!("<a href=\"{}\">", "../".repeat(above)));
        push_escaped(out, &name);
        out.push_str("</a><i>/</i>");
    }
}

fn push_bar(out: &mut String, frame: &Frame) {
    out.push_str("<div class=\"bar\">\n<p><span id=\"count\" aria-live=\"polite\">");
    push_escaped(out, &summary(&frame.totals));
    let (sort, filter) = (frame.query.sort, &frame.query.filter);
    if !filter.is_empty() {
        out.push_str(" with \u{201c}");
        push_escaped(out, filter);
        out.push_str("\u{201d} in the name");
    }
    out.push_str("</span>");
    if !filter.is_empty() {
        push_way_back(out, sort);
    }
    out.push_str("</p>\n<form role=\"search\">");
    if sort != Sort::default() {
        let (key, order) = (key_name(sort.key), order_name(sort.order));
        write(
            out,
            format_args!("<input type=\"hidden\" name=\"sort\" value=\"{key}\">"),
        );
        write(
            out,
            format_args!("<input type=\"hidden\" name=\"order\" value=\"{order}\">"),
        );
    }
    out.push_str("<input type=\"search\" id=\"q\" name=\"q\" aria-label=\"Filter by name\" ");
    out.push_str(
        "placeholder=\"Filter by name\" autocomplete=\"off\" spellcheck=\"false\" value=\"",
    );
    push_escaped(out, filter);
    out.push_str("\"><button>Filter</button></form>\n</div>\n");
}

/// From a filtered list to the whole one.
fn push_way_back(out: &mut String, sort: Sort) {
    let all = ListingQuery {
        sort,
        ..ListingQuery::default()
    };
    out.push_str(" <a href=\"");
    push_escaped(out, &all.link(sort, None));
    out.push_str("\">show all</a>");
}

/// `2 folders, 31 files, 4.5 MiB`.
fn summary(totals: &Totals) -> String {
    let counted = |number: u64, one: &str, many: &str| match number {
        1 => format!("1 {one}"),
        _ => format!("{} {many}", grouped(number)),
    };
    let mut parts = Vec::with_capacity(3);
    if totals.directories > 0 {
        parts.push(counted(totals.directories, "folder", "folders"));
    }
    if totals.files > 0 || parts.is_empty() {
        parts.push(counted(totals.files, "file", "files"));
    }
    if totals.files > 0 {
        parts.push(human_size(totals.bytes));
    }
    parts.join(", ")
}

/// A heading that sorts by its column: the other way round where the list is sorted by it, the
/// largest and the latest first where it is not.
fn push_column(out: &mut String, frame: &Frame, key: SortKey, title: &str) {
    let sort = frame.query.sort;
    let (order, state) = match (sort.key == key, sort.order) {
        (true, Order::Ascending) => (Order::Descending, " aria-sort=\"ascending\""),
        (true, Order::Descending) => (Order::Ascending, " aria-sort=\"descending\""),
        (false, _) if key == SortKey::Name => (Order::Ascending, ""),
        (false, _) => (Order::Descending, ""),
    };
    write(out, format_args!("<th scope=\"col\"{state}><a href=\""));
    push_escaped(out, &frame.query.link(Sort { key, order }, None));
    write(out, format_args!("\">{title}</a></th>"));
}

fn push_size(out: &mut String, size: u64) {
    let (exact, human) = (grouped(size), human_size(size));
    let unit = if size == 1 { "byte" } else { "bytes" };
    write(
        out,
        format_args!("<data value=\"{size}\" title=\"{exact} {unit}\">{human}</data>"),
    );
}

fn push_time(out: &mut String, moment: Moment) {
    let (exact, date, time) = (moment.rfc3339(), moment.date(), moment.hour_and_minute());
    write(
        out,
        format_args!(
            "<time datetime=\"{exact}\" title=\"{exact}\">{date}<span> {time}</span></time>"
        ),
    );
}

fn write(out: &mut String, text: std::fmt::Arguments) {
    // Writing to a string cannot fail.
    let _ = out.write_fmt(text);
}
