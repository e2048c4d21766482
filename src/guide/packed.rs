//! Data beside the wire view, which is packed when docroot is built: the table of [words](super::words), and the source
//! files of the functions that steps name.
//!
//! ```text
//! /.docroot/words/fields.json    and methods.json, statuses.json, websocket.json
//! /.docroot/sources.json         {"src/http1/host.rs": "the whole text", ...}; 404 without the feature `sources`
//! ```

/// A packed file: its name, and its content in gzip.
macro_rules! packed {
    ($folder:literal, $name:literal) => {
        (
            concat!($folder, $name),
            include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".gz")),
        )
    };
}

/// The files. All of them are JSON.
pub(super) const FILES: &[(&str, &[u8])] = &[
    packed!("words/", "fields.json"),
    packed!("words/", "methods.json"),
    packed!("words/", "statuses.json"),
    packed!("words/", "websocket.json"),
    #[cfg(feature = "sources")]
    packed!("", "sources.json"),
];
