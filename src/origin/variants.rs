//! 406 with a list of the representations that exist (RFC 9110 section 15.5.7).

use crate::origin::pages::variants_page;
use crate::origin::reason::Reason;
use crate::origin::refuse::{error_with_page, varying};
use crate::origin::response::Response;
use crate::semantics::language::Language;
use crate::semantics::status::Status;
use crate::semantics::variant::Dimensions;
use crate::site::listing::Listing;

/// Representations of one resource in several languages: files in one directory whose names differ in the
/// language.
pub(super) struct Variants {
    /// Their names up to the dot before the language.
    pub stem: Vec<u8>,
    /// Their names from the dot after the language.
    pub extension: Vec<u8>,
    /// How the representations differ.
    pub dimensions: Dimensions,
}

impl Variants {
    /// The response that lists those of them that the directory has.
    pub(super) fn response(&self, listing: &Listing) -> Response {
        let mut found: Vec<(Language, Vec<u8>)> = Vec::new();
        listing.each_file(|name| {
            let tag = name.strip_prefix(&*self.stem);
            let tag = tag.and_then(|rest| rest.strip_prefix(b"."));
            let tag = tag.and_then(|rest| rest.strip_suffix(&*self.extension));
            if let Some(language) = tag.and_then(Language::parse) {
                found.push((language, name.to_vec()));
            }
        });
        found.sort_by(|(_, one), (_, other)| one.cmp(other));
        let reason = Reason::LanguageNotAcceptable;
        let page = variants_page(&reason.for_client(), &found);
        let response = Response::new(Status::NotAcceptable, reason);
        error_with_page(varying(response, self.dimensions), page)
    }
}
