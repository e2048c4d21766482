//! Files of the wire view and of the lab, which are packed when docroot is built.
//!
//! ```text
//! /.docroot/lab/lab.js           the files of src/guide/assets/lab: see super::lab::page
//! /.docroot/                     the page, and the files of src/guide/assets/inspect beside it
//! /.docroot/words/fields.json    the table of [words](super::words): also methods, statuses, websocket
//! /.docroot/sources.json         {"src/http1/host.rs": "the whole text", ...}; 404 without the feature `sources`
//! ```

use std::io::Read;

use flate2::read::GzDecoder;

use crate::guide::words::TABLE;

/// Names and contents in gzip.
pub(super) type Packed = &'static [(&'static str, &'static [u8])];

/// The files that the build script has packed from a folder.
macro_rules! packed {
    ($list:literal) => {
        &include!(concat!(env!("OUT_DIR"), "/", $list, ".rs"))
    };
}

/// The page.
const PAGE: Packed = packed!("inspect");

/// The page of the lab, and what is beside it.
pub(super) const LAB: Packed = packed!("lab");

/// The source files of the functions that steps name.
#[cfg(feature = "sources")]
const SOURCES: Packed = packed!("sources");
#[cfg(not(feature = "sources"))]
const SOURCES: Packed = &[];

/// Each file with its path below the one of the page, and its content in gzip.
pub(super) fn files() -> impl Iterator<Item = (String, &'static [u8])> {
    // The URL of the page itself ends with the slash.
    let page = PAGE.iter().map(|(name, content)| match *name {
        "index.html" => (String::new(), *content),
        name => (name.to_owned(), *content),
    });
    let words = TABLE
        .iter()
        .map(|(name, content)| (format!("words/{name}"), *content));
    let sources = SOURCES
        .iter()
        .map(|(name, content)| ((*name).to_owned(), *content));
    page.chain(words).chain(sources)
}

/// The text of the file with this name, which must be one of these.
pub(super) fn text(files: Packed, name: &str) -> String {
    let found = files.iter().find(|(known, _)| *known == name);
    let (_, content) = found.expect("the build script has packed it");
    let mut text = String::new();
    let read = GzDecoder::new(*content).read_to_string(&mut text);
    read.expect("the build script has packed text");
    text
}

/// The media type of a file with this name.
pub(super) fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.') {
        Some((_, "js")) => "text/javascript; charset=utf-8",
        Some((_, "css")) => "text/css; charset=utf-8",
        Some((_, "json")) => "application/json",
        _ => "text/html; charset=utf-8",
    }
}
