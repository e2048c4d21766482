//! RFC 9110 section 12: how the representations of one resource differ.
//!
//! A file has one representation per content coding. Each has its own validators (section
//! 8.8.3.3). `Vary` lists the request fields that select one (section 12.5.5), such as
//! `Accept-Encoding` or `Accept, Accept-Encoding`.

use super::coding::Coding;
use super::trace::{Clause, Evidence, Quote, Step, Trace, clause};

/// One representation of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Variant {
    /// The content coding.
    pub coding: Coding,
}

/// A way in which representations of one resource can differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dimension {
    /// The media type, selected by `Accept`.
    MediaType,
    /// The content coding, selected by `Accept-Encoding`.
    Coding,
    /// The language, selected by `Accept-Language`, or by a cookie if the user has chosen one.
    Language,
    /// What the client will do with the content, told by `Sec-Fetch-Dest`.
    Destination,
}

/// All the ways in which the representations of one resource differ.
pub type Dimensions = &'static [Dimension];

impl Variant {
    /// The representation with this content coding.
    pub const fn coded(coding: Coding) -> Variant {
        Variant { coding }
    }

    /// The suffix that makes its entity-tag unique among the variants.
    pub fn tag_suffix(self) -> &'static str {
        self.coding.suffix()
    }
}

impl Dimension {
    /// The request field that selects along this dimension.
    fn field(self) -> &'static str {
        match self {
            Dimension::MediaType => "Accept",
            Dimension::Coding => "Accept-Encoding",
            Dimension::Language => "Accept-Language, Cookie",
            Dimension::Destination => "Sec-Fetch-Dest",
        }
    }
}

/// The value of `Vary`: the request fields that select the representation.
pub fn vary(dimensions: &[Dimension]) -> String {
    let fields: Vec<&str> = dimensions
        .iter()
        .map(|dimension| dimension.field())
        .collect();
    fields.join(", ")
}

/// Adds the step that says which request fields select the representation: those of `dimensions` and of
/// `more`.
pub fn note_vary(dimensions: &[Dimension], more: &[Dimension], trace: &mut Trace) {
    const VARY: Clause = clause!("RFC 9110 section 12.5.5", "vary");
    trace.note(|| {
        let all = [dimensions, more].concat();
        let fields = Evidence::Value(Quote::of(vary(&all).as_bytes()));
        Step::new(
            VARY,
            "the response depends on these request fields, so Vary lists them",
        )
        .with(fields)
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vary_lists_the_selecting_fields() {
        assert_eq!(vary(&[Dimension::Coding]), "Accept-Encoding");
        assert_eq!(
            vary(&[Dimension::MediaType, Dimension::Coding]),
            "Accept, Accept-Encoding"
        );
    }

    #[test]
    fn entity_tags_differ_by_coding() {
        let suffix = |coding| Variant::coded(coding).tag_suffix();
        assert_eq!(suffix(Coding::Identity), "");
        assert_eq!(suffix(Coding::Gzip), "-gzip");
        assert_eq!(suffix(Coding::Deflate), "-deflate");
    }
}
