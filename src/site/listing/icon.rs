//! Which icon stands for an entry, as classes of its row. The media type decides, and the extension if
//! the media type does not tell: source code is `text/plain`, and archives have many types. A link has
//! an icon of its own, in the colour of what it leads to.

use super::entry::{EntryKind, ListedEntry};
use crate::semantics::media_type::suggested_by;

/// Extensions of source code, markup, settings and data for programs.
const CODE: &[&str] = &[
    "bash", "bat", "c", "cc", "cjs", "clj", "cmake", "cpp", "cs", "css", "cts", "cxx", "dart",
    "diff", "el", "ex", "exs", "fish", "fs", "go", "gradle", "graphql", "h", "hpp", "hs", "htm",
    "html", "ini", "java", "jl", "js", "json", "jsonl", "jsx", "kt", "kts", "lisp", "lua", "m",
    "mjs", "mk", "ml", "mts", "nix", "patch", "php", "pl", "proto", "ps1", "py", "pyi", "r", "rb",
    "rs", "scala", "scss", "sh", "sql", "svelte", "swift", "tf", "toml", "ts", "tsx", "vue",
    "wasm", "xhtml", "xml", "yaml", "yml", "zig", "zsh",
];

/// Extensions of archives, packages and images of disks.
const ARCHIVES: &[&str] = &[
    "7z", "apk", "ar", "br", "bz2", "cab", "cpio", "deb", "dmg", "gz", "img", "iso", "jar", "lz",
    "lz4", "lzma", "rar", "rpm", "tar", "tbz2", "tgz", "txz", "war", "whl", "xz", "zip", "zst",
];

/// Extensions of documents with text that are not `text/*`.
const DOCUMENTS: &[&str] = &[
    "doc", "docx", "epub", "fodt", "odp", "ods", "odt", "ppt", "pptx", "rtf", "xls", "xlsx",
];

/// The classes of an entry's row: one for its kind, such as `d` for a directory, and `l` for a link. A file
/// of no special kind has none for its kind.
pub(super) fn classes(entry: &ListedEntry) -> impl Iterator<Item = &'static str> {
    let kind = match entry.kind {
        _ if !entry.is_readable => "x",
        EntryKind::Directory => "d",
        EntryKind::File => class_of_file(entry.name),
    };
    let kind = (!kind.is_empty()).then_some(kind);
    let link = (entry.is_link && entry.is_readable).then_some("l");
    kind.into_iter().chain(link)
}

fn class_of_file(name: &[u8]) -> &'static str {
    let dot = name.iter().rposition(|&byte| byte == b'.').unwrap_or(0);
    // A dot at the start begins no extension.
    let extension = name.get(dot + 1..).filter(|_| dot > 0).unwrap_or_default();
    let is_one_of = |known: &[&str]| {
        let mut known = known.iter().map(|one| one.as_bytes());
        known.any(|one| one.eq_ignore_ascii_case(extension))
    };
    if is_one_of(CODE) {
        return "c";
    }
    if is_one_of(ARCHIVES) {
        return "z";
    }
    let media_type = suggested_by(name).unwrap_or_default();
    match media_type.split_once('/').unwrap_or_default() {
        ("image", _) => "i",
        ("video", _) => "v",
        ("audio", _) => "s",
        ("application", "pdf") => "p",
        ("text", _) => "t",
        _ if is_one_of(DOCUMENTS) => "t",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, want: &str) {
        assert_eq!(class_of_file(name.as_bytes()), want, "{name}");
    }

    #[test]
    fn a_file_has_the_icon_of_its_kind() {
        check("photo.JPG", "i");
        check("drawing.svg", "i");
        check("film.mp4", "v");
        check("song.flac", "s");
        check("notes.txt", "t");
        check("README", "t");
        check("letter.docx", "t");
        check("main.rs", "c");
        check("index.html", "c");
        check("data.json", "c");
        check("report.pdf", "p");
        check("backup.tar.gz", "z");
        check("disk.iso", "z");
        check("data.bin", "");
        check("noextension", "");
        check(".zip", ""); // a hidden name without an extension
        check("\u{e4}.png", "i");
    }

    #[test]
    fn what_cannot_be_read_looks_like_that_whatever_it_is() {
        let check = |kind, is_readable, is_link, want: &[&str]| {
            let entry = ListedEntry {
                name: b"a.png",
                kind,
                size: None,
                modified: None,
                is_readable,
                is_link,
            };
            assert!(classes(&entry).eq(want.iter().copied()), "{entry:?}");
        };
        check(EntryKind::Directory, true, false, &["d"]);
        check(EntryKind::File, true, false, &["i"]);
        check(EntryKind::Directory, true, true, &["d", "l"]);
        check(EntryKind::File, true, true, &["i", "l"]);
        for kind in [EntryKind::Directory, EntryKind::File] {
            check(kind, false, false, &["x"]);
            check(kind, false, true, &["x"]);
        }
    }
}
