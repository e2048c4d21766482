//! Writes a listing piece by piece.
//!
//! ```text
//! Head -> Rows -> Done
//!         ^  |
//!         +--+  one row per step, until the budget is used up
//! ```

use super::frame::{Frame, Shown};
use super::merge::Merge;
use super::query::{Format, ListingQuery};
use super::scan::Listing;
use super::{html, json};
use crate::site::body::Pulled;

/// Writes a listing to bytes.
#[derive(Debug)]
pub struct Renderer {
    frame: Frame,
    state: State,
    merge: Merge,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Head,
    /// This number of rows is written.
    Rows {
        written: u64,
    },
    Done,
}

impl Renderer {
    /// A renderer of `listing`, which was scanned for `query`. `root` is the name of the root directory.
    /// `path` is the percent-decoded path of the directory, as in `/photos/2024/`.
    pub fn new(
        root: &[u8],
        path: &[u8],
        query: ListingQuery,
        shown: Shown,
        listing: &Listing,
    ) -> Renderer {
        let frame = Frame {
            root: root.into(),
            path: with_slashes(path),
            query,
            totals: listing.totals(),
            shown,
        };
        Renderer {
            frame,
            state: State::Head,
            merge: Merge::new(listing),
        }
    }

    /// Appends whole rows to `out`, at least one, until `budget` or more bytes are appended. The work is
    /// proportional to the bytes written. `listing` is the one that it was made for.
    pub fn pull(&mut self, listing: &Listing, out: &mut Vec<u8>, budget: usize) -> Pulled {
        let enough = out.len().saturating_add(budget.max(1));
        while out.len() < enough {
            self.state = match self.state {
                State::Head => self.head(out),
                State::Rows { written } => self.row(listing, out, written),
                State::Done => return Pulled::Done,
            };
        }
        match self.state {
            State::Done => Pulled::Done,
            State::Head | State::Rows { .. } => Pulled::More,
        }
    }

    /// The memory that it takes, with that of the path and the query by which its listing is known.
    pub fn bytes(&self) -> u64 {
        let texts = self.frame.path.len() + self.frame.query.cost();
        (size_of::<Renderer>() + self.merge.bytes() + 2 * texts) as u64
    }

    fn head(&mut self, out: &mut Vec<u8>) -> State {
        match self.frame.shown.format {
            Format::Html => html::write_head(out, &self.frame),
            Format::Json => json::write_head(out, &self.frame),
        }
        State::Rows { written: 0 }
    }

    fn row(&mut self, listing: &Listing, out: &mut Vec<u8>, written: u64) -> State {
        let rows = self.frame.rows();
        let row = self
            .merge
            .next(listing, |entry| match self.frame.shown.format {
                Format::Html => {
                    html::write_group(out, written, rows);
                    html::write_row(out, &entry);
                }
                Format::Json => json::write_row(out, &entry, written == 0),
            });
        if row.is_some() {
            return State::Rows {
                written: written + 1,
            };
        }
        match self.frame.shown.format {
            Format::Html => html::write_foot(out, &self.frame),
            Format::Json => json::write_foot(out),
        }
        State::Done
    }
}

fn with_slashes(path: &[u8]) -> Vec<u8> {
    let mut whole = Vec::with_capacity(path.len() + 2);
    if path.first() != Some(&b'/') {
        whole.push(b'/');
    }
    whole.extend_from_slice(path);
    if whole.last() != Some(&b'/') {
        whole.push(b'/');
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::listing::entry::{EntryKind, ListedEntry};
    use crate::site::listing::order::comparisons;
    use crate::site::listing::policy::LISTING_POLICY;
    use crate::site::listing::scan::Scan;
    use base64::Engine;
    use proptest::prelude::*;
    use sha2::Digest;

    fn entry(name: &[u8], kind: EntryKind) -> ListedEntry<'_> {
        let (size, modified) = (1536, Some(1_795_244_292));
        ListedEntry {
            name,
            kind,
            size: Some(size),
            modified,
            is_readable: true,
            is_link: false,
        }
    }

    fn renderer(path: &str, query: &str, entries: &[ListedEntry]) -> (Renderer, Listing) {
        let query = ListingQuery::parse(query.as_bytes());
        let format = query.format.unwrap_or(Format::Html);
        let mut scan = Scan::new(&query, u64::MAX);
        for entry in entries {
            if scan.wants(entry.name, &std::cell::Cell::default()) {
                scan.push(*entry);
            }
        }
        let listing = scan.finish();
        let shown = Shown::as_plain(format);
        let renderer = Renderer::new(b"www", path.as_bytes(), query, shown, &listing);
        (renderer, listing)
    }

    fn rendered(path: &str, query: &str, entries: &[ListedEntry], budget: usize) -> String {
        let (mut renderer, listing) = renderer(path, query, entries);
        let mut out = Vec::new();
        while renderer.pull(&listing, &mut out, budget) == Pulled::More {}
        String::from_utf8(out).unwrap()
    }

    #[track_caller]
    fn check(path: &str, query: &str, entries: &[ListedEntry], contained: &[&str]) {
        let page = rendered(path, query, entries, 1 << 20);
        for part in contained {
            assert!(page.contains(part), "{part} is not in {page}");
        }
    }

    #[test]
    fn a_page_shows_entries_with_readable_and_exact_values() {
        let file = entry(b"a <b> & 'c'.txt", EntryKind::File);
        let directory = entry(b"d", EntryKind::Directory);
        check(
            "/x/",
            "",
            &[file, directory],
            &[
                "<title>Index of /x/</title>",
                "1 folder, 1 file, 1.5 KiB",
                "<tr class=\"d\"><td><a href=\"d/\">d/</a></td><td></td>",
                "<a href=\"a%20%3Cb%3E%20%26%20%27c%27.txt\">a &lt;b&gt; &amp; &#39;c&#39;.txt</a>",
                "<td title=\"1,536 bytes\">1.5 KiB</td>",
                "<td><time datetime=\"2026-11-21T06:58:12Z\">2026-11-21 06:58</time></td>",
                "Modified<span id=\"zone\"> (UTC)</span>",
            ],
        );
    }

    /// `rtl<U+202E>gnp.exe` must not read as `rtlexe.png`, but its link must lead to it.
    #[test]
    fn invisible_characters_of_names_are_shown() {
        let name = "rtl\u{202e}gnp.exe";
        let mark = "<span class=\"invisible\">U+202E</span>";
        check(
            "/a\u{202e}/\u{feff}/",
            "q=%E2%80%AE",
            &[entry(name.as_bytes(), EntryKind::File)],
            &[
                "<title>Index of /a&lt;U+202E&gt;/&lt;U+FEFF&gt;/</title>",
                &format!("<a href=\"../\">a{mark}</a>"),
                "<b aria-current=\"page\"><span class=\"invisible\">U+FEFF</span></b>",
                &format!("<a href=\"rtl%E2%80%AEgnp.exe\">rtl{mark}gnp.exe</a>"),
                &format!("with \u{201c}{mark}\u{201d} in the name"),
                "value=\"&#x202E;\"",
            ],
        );
        let page = rendered("/a\u{202e}/", "q=%E2%80%AE", &[], 1);
        assert!(!page.contains('\u{202e}'), "{page}");
    }

    #[test]
    fn links_lead_to_parents_and_keep_the_query() {
        let up = "<a href=\"../\">Parent folder</a>";
        let crumbs = "<a href=\"../../../\">www</a><i>/</i><a href=\"../../\">a&amp;b</a><i>/</i>\
            <a href=\"../\">c d</a><i>/</i><b aria-current=\"page\">e</b>";
        check(
            "/a&b/c d/e/",
            "",
            &[],
            &[crumbs, up, "This folder is empty."],
        );
        assert!(!rendered("/", "", &[], 1).contains(up));
        let form = |key: &str, order: &str, rest: &str| {
            let hidden = |name: &str, value: &str| {
                format!("<input type=\"hidden\" name=\"{name}\" value=\"{value}\">")
            };
            let (sort, order) = (hidden("sort", key), hidden("order", order));
            let filter = hidden("q", "&quot;&gt;&amp;");
            format!("<form>{sort}{order}{filter}<button{rest}</button></form>")
        };
        let size = format!("aria-sort=\"descending\">{}", form("size", "asc", ">Size"));
        let name = format!("<th scope=\"col\">{}", form("name", "asc", ">Name"));
        let as_json = " name=\"format\" value=\"json\">This list as JSON";
        let links = [
            &*size,
            &name,
            &form("size", "desc", as_json),
            "value=\"&quot;&gt;&amp;\"",
            "No name matches.",
            "<a rel=\"nofollow\" href=\"?sort=size&amp;order=desc\">show all</a>",
        ];
        check("/", "sort=size&order=desc&q=%22%3E%26", &[], &links);
    }

    /// Text browsers show hidden elements.
    #[test]
    fn only_an_empty_list_says_that_nothing_matches() {
        let none = |query: &str, entries: &[ListedEntry]| {
            let page = rendered("/", query, entries, 1);
            let start = page.find("<p class=\"none\"").expect("the paragraph");
            page[start..].lines().next().map(str::to_owned)
        };
        let row = [entry(b"a", EntryKind::File)];
        let hidden = "<p class=\"none\" id=\"none\" hidden></p>";
        assert_eq!(none("q=a", &row).as_deref(), Some(hidden));
        let shown = "<p class=\"none\" id=\"none\">No name matches.</p>";
        assert_eq!(none("q=b", &row).as_deref(), Some(shown));
    }

    #[test]
    fn the_heading_of_the_root_is_its_name() {
        check("/", "", &[], &["<b aria-current=\"page\">www</b>"]);
        let listing = renderer("/", "", &[]).1;
        let of_root = |root: &[u8]| {
            let query = ListingQuery::default();
            let mut out = Vec::new();
            Renderer::new(root, b"/", query, Shown::as_plain(Format::Html), &listing)
                .pull(&listing, &mut out, 1);
            String::from_utf8(out).unwrap()
        };
        assert!(of_root(b"").contains("<b aria-current=\"page\">/</b>"));
        assert!(of_root(b"a<b").contains("<b aria-current=\"page\">a&lt;b</b>"));
    }

    #[test]
    fn an_entry_that_cannot_be_read_says_so() {
        let closed = |kind| ListedEntry {
            is_readable: false,
            ..entry(b"a.png", kind)
        };
        let row = |href| {
            format!("<tr class=\"x\"><td><a href=\"{href}\">{href}</a></td><td>no access</td>")
        };
        check("/", "", &[closed(EntryKind::File)], &[&row("a.png")]);
        check("/", "", &[closed(EntryKind::Directory)], &[&row("a.png/")]);
    }

    #[test]
    fn a_link_says_so() {
        let link = |name, kind| ListedEntry {
            is_link: true,
            ..entry(name, kind)
        };
        let file = link(b"a.png", EntryKind::File);
        check(
            "/",
            "",
            &[file],
            &["<tr class=\"i l\"><td><a href=\"a.png\">"],
        );
        let plain = link(b"a", EntryKind::File);
        check("/", "", &[plain], &["<tr class=\"l\"><td><a href=\"a\">"]);
        let directory = link(b"a", EntryKind::Directory);
        check(
            "/",
            "",
            &[directory],
            &["<tr class=\"d l\"><td><a href=\"a/\">"],
        );
        let json = ["\"type\":\"directory\",\"link\":true,\"size\":null"];
        check("/", "format=json", &[directory], &json);
        let closed = ListedEntry {
            is_readable: false,
            ..file
        };
        check("/", "", &[closed], &["<tr class=\"x\"><td>"]);
    }

    #[test]
    fn a_long_name_is_also_a_title() {
        let name = "x\"".repeat(51);
        let title = format!(" title=\"{}\">", "x&quot;".repeat(51));
        check(
            "/",
            "",
            &[entry(name.as_bytes(), EntryKind::File)],
            &[&title],
        );
        let page = rendered("/", "", &[entry(&[b'x'; 100], EntryKind::File)], 1);
        assert!(!page.contains("x\" title"), "{page}");
    }

    /// The style estimates the height of a group of the class `g` for 100 rows, so the last rows, which
    /// are fewer, have no class.
    #[test]
    fn rows_are_in_groups() {
        let names: Vec<String> = (0..html::GROUP * 2 + 1).map(|n| format!("n{n}")).collect();
        let all: Vec<ListedEntry> = (names.iter())
            .map(|name| entry(name.as_bytes(), EntryKind::File))
            .collect();
        for (count, want) in [
            (0, vec![]),
            (1, vec![("", 1)]),
            (99, vec![("", 99)]),
            (100, vec![(" class=\"g\"", 100)]),
            (
                201,
                vec![(" class=\"g\"", 100), (" class=\"g\"", 100), ("", 1)],
            ),
        ] {
            let page = rendered("/", "", &all[..count], 1);
            let groups: Vec<(&str, usize)> = (page.split("<tbody").skip(1))
                .map(|group| {
                    let (class, rows) = group.split_once('>').unwrap();
                    let (rows, _) = rows.split_once("</tbody>\n").unwrap();
                    (class, rows.matches("<tr").count())
                })
                .collect();
            assert_eq!(groups, want);
        }
        assert!(html::STYLE.contains(&format!("var(--rows, {})", html::GROUP)));
    }

    #[test]
    fn json_contains_the_same_entries() {
        let entries = [
            entry(b"a \"\\\n\xff", EntryKind::File),
            entry(b"d", EntryKind::Directory),
            ListedEntry {
                modified: None,
                ..entry(b"b", EntryKind::File)
            },
        ];
        let text = rendered("/\"x\"", "format=json&sort=name&order=desc", &entries, 1);
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["path"], "/\"x\"/");
        let want = serde_json::json!([
            {"name": "d", "type": "directory", "size": null, "modified": "2026-11-21T06:58:12Z", "href": "d/"},
            {"name": "b", "type": "file", "size": 1536, "modified": null, "href": "b"},
            {"name": "a \"\\\n\u{FFFD}", "type": "file", "size": 1536,
             "modified": "2026-11-21T06:58:12Z", "href": "a%20%22%5C%0A%FF"},
        ]);
        assert_eq!(value["entries"], want);
        let empty: serde_json::Value =
            serde_json::from_str(&rendered("/", "format=json", &[], 1)).unwrap();
        assert_eq!(empty["entries"], serde_json::json!([]));
    }

    #[test]
    fn a_listing_of_100_000_entries_is_written_in_small_steps() {
        let query = ListingQuery::default();
        let mut scan = Scan::new(&query, u64::MAX);
        for number in 0..100_000u32 {
            let name = number.wrapping_mul(2_654_435_761).to_string();
            scan.push(entry(name.as_bytes(), EntryKind::File));
        }
        let listing = scan.finish();
        let mut renderer =
            Renderer::new(b"www", b"/", query, Shown::as_plain(Format::Html), &listing);
        let (mut out, mut rows) = (Vec::new(), 0);
        let mut progress = Pulled::More;
        while progress == Pulled::More {
            out.clear();
            let made = comparisons::of(|| progress = renderer.pull(&listing, &mut out, 16 << 10));
            // The last piece may exceed the budget by the foot, which contains the script.
            assert!(out.len() < (16 << 10) + 12_000, "{}", out.len());
            // With 196 runs, a row costs at most 2 log2(196) = 16 comparisons. 16 KiB hold about 80
            // rows.
            assert!(made < 2_000, "{made}");
            rows += String::from_utf8_lossy(&out)
                .matches("<tr><td><a href=\"")
                .count();
        }
        assert_eq!(rows, 100_000);
    }

    #[track_caller]
    fn check_hash(asset: &str, directive: &str) {
        let digest = sha2::Sha256::digest(asset.as_bytes());
        let hash = base64::engine::general_purpose::STANDARD.encode(digest);
        let want = format!("{directive} 'sha256-{hash}';");
        assert!(LISTING_POLICY.contains(&want), "want {want}");
    }

    #[test]
    fn the_policy_allows_the_style_and_script_of_the_page() {
        check_hash(html::STYLE, "style-src");
        check_hash(html::SCRIPT, "script-src");
        let page = rendered("/", "", &[], 1);
        assert!(page.contains(&format!("<style>{}</style>", html::STYLE)));
        assert!(page.contains(&format!("<script>{}</script>", html::SCRIPT)));
        assert!(!page.contains(" style=") && !page.contains(" onclick="));
    }

    /// The relative luminance of a colour such as `#fcfbf8`, as WCAG 2.2 defines it.
    fn luminance(colour: &str) -> f64 {
        let part = |at: usize| {
            let value = u8::from_str_radix(&colour[at..at + 2], 16).expect("a digit");
            match f64::from(value) / 255.0 {
                value if value <= 0.04045 => value / 12.92,
                value => ((value + 0.055) / 1.055).powf(2.4),
            }
        };
        0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5)
    }

    /// WCAG 2.2, success criterion 1.4.11: a control stands out from what is beside it by 3:1.
    #[test]
    fn the_border_of_the_filter_is_seen() {
        let border = "\ninput, button { font: inherit; color: var(--ink); background: transparent; \
            border: 1px solid var(--edge);";
        assert!(html::STYLE.contains(border));
        let schemes: Vec<&str> = html::STYLE.split(":root {").skip(1).collect();
        for (scheme, at) in [("light", 0), ("dark", 1)] {
            let of = |name: &str| {
                let (_, value) = schemes[at].split_once(name).expect("a variable");
                luminance(&value[..7])
            };
            let (paper, edge) = (of("--paper: "), of("--edge: "));
            let contrast = (paper.max(edge) + 0.05) / (paper.min(edge) + 0.05);
            assert!(contrast >= 3.0, "{scheme}: {contrast}");
        }
    }

    /// Percent-decodes a reference, independently of the encoder and decoder under test.
    fn decoded(reference: &str) -> Vec<u8> {
        let mut pieces = reference.split('%');
        let mut bytes = pieces.next().unwrap().as_bytes().to_vec();
        for piece in pieces {
            bytes.push(u8::from_str_radix(&piece[..2], 16).unwrap());
            bytes.extend_from_slice(&piece.as_bytes()[2..]);
        }
        bytes
    }

    proptest! {
        #[test]
        fn decoding_a_reference_gives_the_name(
            name in proptest::collection::vec(1..=255u8, 1..40)
                .prop_filter("a name", |name| !name.contains(&b'/')),
            directory: bool,
        ) {
            let kind = if directory { EntryKind::Directory } else { EntryKind::File };
            let page = rendered("/", "", &[entry(&name, kind)], 1);
            let behind = page.split("<td><a href=\"").nth(1).unwrap();
            let reference = behind.split('"').next().unwrap();
            let mut want = name.clone();
            want.extend(directory.then_some(b'/'));
            prop_assert_eq!(decoded(reference), want);
            prop_assert!(reference.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%/".contains(&byte)));
            // No byte of the name becomes markup, except for the marks of invisible characters.
            let text = behind.split_once('>').unwrap().1.split_once("</a>").unwrap().0;
            let text = text.replace("<span class=\"invisible\">U+", "").replace("</span>", "");
            prop_assert!(!text.contains(['<', '>', '"', '\'']));
        }

        #[test]
        fn the_budget_does_not_change_the_output(budget in 0..4_000usize, count in 0..60u32, json: bool) {
            let names: Vec<String> = (0..count).map(|number| format!("n{number}")).collect();
            let entries: Vec<ListedEntry> =
                names.iter().map(|name| entry(name.as_bytes(), EntryKind::File)).collect();
            let query = if json { "format=json" } else { "" };
            prop_assert_eq!(
                rendered("/", query, &entries, budget),
                rendered("/", query, &entries, usize::MAX)
            );
        }

        #[test]
        fn json_is_valid_for_any_name(name in proptest::collection::vec(any::<u8>(), 1..40)) {
            let text = rendered("/", "format=json", &[entry(&name, EntryKind::File)], 1);
            let value: serde_json::Value = serde_json::from_str(&text).unwrap();
            let lossy = String::from_utf8_lossy(&name).into_owned();
            prop_assert_eq!(value["entries"][0]["name"].as_str(), Some(lossy.as_str()));
        }
    }
}
