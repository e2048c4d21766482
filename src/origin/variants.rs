//! The files that are representations of one resource in several languages, and 406 with a list of them (RFC
//! 9110 section 15.5.7).
//!
//! ```text
//! /page.html   page.html, page.de.html, page.zh-Hant.html
//! ```

use std::collections::BTreeSet;

use crate::origin::pages::variants_page;
use crate::origin::reason::Reason;
use crate::origin::refuse::{error_with_page, varying};
use crate::origin::response::Response;
use crate::semantics::language::{Language, is_in_names};
use crate::semantics::status::Status;
use crate::semantics::variant::Dimensions;
use crate::site::listing::Listing;

/// The most files in a list. A person cannot choose among more, and the page is made in one turn.
const MOST_LISTED: usize = 100;

/// What is looked for in a directory: files whose names differ in the language only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sought {
    /// The path of the directory.
    pub folder: Vec<u8>,
    /// Their names up to the dot before the language.
    pub stem: Vec<u8>,
    /// Their names from the dot after the language.
    pub extension: Vec<u8>,
}

/// What a directory has of them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Variants {
    /// The names with a language, the first ones only.
    names: BTreeSet<Vec<u8>>,
    /// How many there are.
    count: usize,
    /// The name without a language, if there is such a file.
    plain: Option<Vec<u8>>,
}

impl Sought {
    /// Looks for them in a directory that was read. `may_read` says which paths the client may read.
    pub(super) fn among(&self, listing: &Listing, may_read: impl Fn(&[u8]) -> bool) -> Variants {
        let mut variants = Variants::default();
        listing.each_readable_file(|name| match self.tag(name) {
            Some(_) if !may_read(&[&*self.folder, name].concat()) => {}
            Some(b"") => variants.plain = Some(name.to_vec()),
            Some([b'.', tag @ ..]) if is_in_names(tag) => variants.add(name),
            _ => {}
        });
        variants
    }

    /// What stands between the stem and the extension.
    fn tag<'a>(&self, name: &'a [u8]) -> Option<&'a [u8]> {
        let rest = name.strip_prefix(&*self.stem)?;
        rest.strip_suffix(&*self.extension)
    }

    /// The language in a name.
    fn language(&self, name: &[u8]) -> Option<Language> {
        let tag = self.tag(name)?.strip_prefix(b".")?;
        Language::of_name(tag)
    }
}

impl Variants {
    /// Whether no file has a language in its name, so that there is nothing to choose.
    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    fn add(&mut self, name: &[u8]) {
        self.count += 1;
        let is_full = self.names.len() == MOST_LISTED;
        if is_full && self.names.last().is_some_and(|last| **last <= *name) {
            return;
        }
        self.names.insert(name.to_vec());
        if is_full {
            self.names.pop_last();
        }
    }

    /// The first files in a language, by name.
    pub(super) fn languages<'a>(
        &'a self,
        sought: &'a Sought,
    ) -> impl Iterator<Item = (Language, &'a [u8])> {
        let names = self.names.iter();
        names.filter_map(|name| Some((sought.language(name)?, &**name)))
    }

    /// 406 with the list of `sought`. `dimensions` are how the responses for the path differ.
    pub(super) fn response(&self, sought: &Sought, dimensions: Dimensions) -> Response {
        let names = self
            .names
            .iter()
            .map(|name| (sought.language(name), &**name));
        let plain = self.plain.iter().map(|name| (None, &**name));
        let listed: Vec<(Option<Language>, &[u8])> = plain.chain(names).collect();
        let reason = Reason::LanguageNotAcceptable;
        let further = self.count - self.names.len();
        let page = variants_page(&reason.for_client(), &listed, further);
        let response = Response::new(Status::NotAcceptable, reason);
        error_with_page(varying(response, dimensions), page)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_names_are_kept() {
        let name = |number: usize| format!("page.de-{:03}.html", (number * 7) % 300).into_bytes();
        let mut variants = Variants::default();
        (0..300).for_each(|number| variants.add(&name(number)));
        assert_eq!((variants.count, variants.names.len()), (300, MOST_LISTED));
        let last = variants
            .names
            .last()
            .map(|name| String::from_utf8_lossy(name));
        assert_eq!(last.as_deref(), Some("page.de-099.html"));
    }
}
