//! The script of `--live-reload`, which documents get.
//!
//! ```text
//! <script src=".docroot/live-reload.js" data-version="0123456789abcdef" data-file="a/b.html" async></script></body></html>
//! ```
//!
//! The path of the script is relative, because a proxy may change the paths of the site: it may put a prefix in front
//! of them, or remove one. So docroot answers for the script in every folder.
//!
//! The version is a hash of the content. After a restart of the server, the script compares it with the version
//! in a fresh copy of the file. The address of the page may be another one, as in an application that routes in
//! the browser.

use std::io;

use crate::semantics::body_end::{BodyEnd, Scanned, is_document};
use crate::semantics::coding::Coding;
use crate::semantics::media_type::MediaType;
use crate::site::body::{Pulled, Source};
use crate::site::body_error::BodyError;
use crate::site::options::SiteOptions;
use crate::site::storage::Storage;
use crate::text::hash::stable_hash;
use crate::text::percent;

/// The path of the script, below any folder of the site.
pub const SCRIPT_PATH: &str = ".docroot/live-reload.js";

/// The path of the WebSocket that tells the script what has changed, below any folder of the site.
pub const SOCKET_PATH: &str = ".docroot/live-reload";

/// The folder of a path that is one of these two, and the one that it is.
pub fn split(path: &[u8]) -> Option<(&[u8], &'static str)> {
    [SCRIPT_PATH, SOCKET_PATH].into_iter().find_map(|own| {
        let folder = path.strip_suffix(own.as_bytes())?;
        (folder.is_empty() || folder.ends_with(b"/")).then_some((folder, own))
    })
}

/// The path whose rules a path has. The script and its connection tell nothing of their folder, so they have the rules
/// of the root: a page below a protected folder could otherwise not connect, because browsers need not send
/// credentials with an opening handshake.
pub fn ruled<'a>(options: &SiteOptions, path: &'a [u8]) -> &'a [u8] {
    let own = options.live_reload.then(|| split(path)).flatten();
    own.map_or(path, |(_, own)| own.as_bytes())
}

/// Whether a page with this path in its address can load the script: a browser asks for it in the folder of the page, and
/// docroot answers there if the folder has a valid path below the prefix.
pub fn loads_beside(options: &SiteOptions, raw: &[u8]) -> bool {
    let folder = raw.iter().rposition(|&octet| octet == b'/');
    let folder = folder.map(|slash| &raw[..=slash]);
    folder.is_some_and(|folder| options.prefix.decode(folder, &mut Vec::new()).is_ok())
}

/// The file of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Document<'a> {
    /// The path below the root.
    pub path: &'a [u8],
    /// A hash of the content.
    pub version: u64,
}

/// The element for a document, or for a page that is no file.
pub fn element(document: Option<Document<'_>>) -> String {
    let document = document.map(|Document { path, version }| {
        let file = percent::path(path);
        format!(" data-version=\"{version:016x}\" data-file=\"{file}\"")
    });
    let document = document.unwrap_or_default();
    format!("<script src=\"{SCRIPT_PATH}\"{document} async></script>")
}

/// How many bytes the element adds to the document at `path` in memory.
pub(super) fn added(options: &SiteOptions, path: &[u8]) -> u64 {
    match options.live_reload {
        // All versions have the same length.
        true => element(Some(Document { path, version: 0 })).len() as u64,
        false => 0,
    }
}

/// Whether a file of this type that begins like this gets the script. Fragments of documents, which a script
/// inserts into a page, do not.
pub(super) fn is_wanted(options: &SiteOptions, media_type: &MediaType, beginning: &[u8]) -> bool {
    let is_html = || media_type.essence().eq_ignore_ascii_case("text/html");
    options.live_reload
        && media_type.stored == Coding::Identity
        && is_html()
        && is_document(beginning)
}

/// The document at `path` with the script.
pub(super) fn with_script(path: &[u8], document: &[u8]) -> io::Result<Storage> {
    let end = match BodyEnd::default().scan(document, true) {
        Scanned::Found(at) => at,
        Scanned::Unfinished(_) => document.len(),
    };
    let version = stable_hash(document);
    let element = element(Some(Document { path, version }));
    let (before, after) = document.split_at(end);
    Storage::concat(&[before, element.as_bytes(), after])
}

/// A document that gets the script while it is sent.
pub(super) struct WithScript {
    document: Box<dyn Source>,
    /// `None` once it was sent.
    element: Option<String>,
    end: BodyEnd,
    /// Bytes of the document that may be the beginning of its end tag.
    held: Vec<u8>,
}

impl WithScript {
    /// The document with this element.
    pub(super) fn new(document: Box<dyn Source>, element: String) -> WithScript {
        WithScript {
            document,
            element: Some(element),
            end: BodyEnd::default(),
            held: Vec::new(),
        }
    }
}

impl Source for WithScript {
    fn pull(&mut self, out: &mut Vec<u8>, budget: usize) -> Result<Pulled, BodyError> {
        let Some(element) = &self.element else {
            return self.document.pull(out, budget);
        };
        let pulled = self.document.pull(&mut self.held, budget)?;
        let is_last = pulled == Pulled::Done;
        let (at, is_end) = match self.end.scan(&self.held, is_last) {
            Scanned::Found(at) => (at, true),
            Scanned::Unfinished(_) if is_last => (self.held.len(), true),
            Scanned::Unfinished(at) => (at, false),
        };
        out.extend_from_slice(&self.held[..at]);
        if is_end {
            out.extend_from_slice(element.as_bytes());
            out.extend_from_slice(&self.held[at..]);
            self.element = None;
            self.held = Vec::new();
        } else {
            // A client may read slowly, and this may be held for long.
            self.held = self.held[at..].to_vec();
        }
        Ok(pulled)
    }

    fn cost(&self) -> usize {
        let element = self.element.as_ref().map_or(0, String::capacity);
        let document = size_of_val(&*self.document) + self.document.cost();
        element + self.held.capacity() + document
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A source of these bytes, a few at a time.
    struct Slow(Vec<u8>, usize);

    impl Source for Slow {
        fn pull(&mut self, out: &mut Vec<u8>, budget: usize) -> Result<Pulled, BodyError> {
            let count = self.1.min(budget).min(self.0.len());
            out.extend(self.0.drain(..count));
            match self.0.is_empty() {
                true => Ok(Pulled::Done),
                false => Ok(Pulled::More),
            }
        }
    }

    fn sent(document: &str, piece: usize, element: &str) -> String {
        let source = Box::new(Slow(document.into(), piece));
        let mut source = WithScript::new(source, element.to_owned());
        let mut out = Vec::new();
        while source.pull(&mut out, 1000).expect("memory does not fail") == Pulled::More {}
        assert!(source.held.is_empty());
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn documents_get_the_script_before_their_end() {
        let end = "<!doctype html><p title='</body>'>text";
        for (document, rest) in [
            (format!("{end}</body></html>"), "</body></html>"),
            (end.into(), ""),
        ] {
            let version = stable_hash(document.as_bytes());
            let path = b"a/b.html";
            let element = element(Some(Document { path, version }));
            let want = format!("{end}{element}{rest}");
            let got = with_script(path, document.as_bytes()).expect("memory");
            assert_eq!(std::str::from_utf8(&got), Ok(&*want));
            for piece in [1, 5, 100] {
                assert_eq!(sent(&document, piece, &element), want);
            }
        }
    }

    #[test]
    fn the_script_and_its_connection_have_the_rules_of_the_root() {
        let mut options = SiteOptions {
            live_reload: true,
            ..SiteOptions::default()
        };
        for (path, want) in [
            (".docroot/live-reload", ".docroot/live-reload"),
            ("a/b/.docroot/live-reload", ".docroot/live-reload"),
            ("a/.docroot/live-reload.js", ".docroot/live-reload.js"),
            ("a/x.docroot/live-reload", "a/x.docroot/live-reload"),
            ("a/.docroot/live-reload/", "a/.docroot/live-reload/"),
            ("a/.docroot/b", "a/.docroot/b"),
        ] {
            assert_eq!(ruled(&options, path.as_bytes()), want.as_bytes());
        }
        options.live_reload = false;
        let path = b"a/.docroot/live-reload";
        assert_eq!(ruled(&options, path), path);
    }

    #[test]
    fn the_element_names_the_script_and_the_file() {
        let path = b"a\"/b";
        let version = 0xab;
        let whole = element(Some(Document { path, version }));
        let want = "<script src=\".docroot/live-reload.js\" data-version=\"00000000000000ab\" \
                    data-file=\"a%22/b\" async></script>";
        assert_eq!(whole, want);
        let without_file = element(None);
        let want = "<script src=\".docroot/live-reload.js\" async></script>";
        assert_eq!(without_file, want);
        let options = SiteOptions {
            live_reload: true,
            ..SiteOptions::default()
        };
        assert_eq!(added(&options, path), whole.len() as u64);
        assert_eq!(added(&SiteOptions::default(), path), 0);
    }
}
