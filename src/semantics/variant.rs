//! RFC 9110 section 12: in what the representations of one resource differ.
//!
//! A file has one representation for each content coding. Each has validators of its own (section
//! 8.8.3.3), and `Vary` names the request field that chose between them (section 12.5.5).

use super::coding::Coding;

/// One representation among those of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Variant {
    /// Its content coding.
    pub coding: Coding,
}

/// A way in which representations of one resource can differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dimension {
    /// The media type, chosen by `Accept`.
    MediaType,
    /// The content coding, chosen by `Accept-Encoding`.
    Coding,
}

/// The dimensions of one resource.
pub type Dimensions = &'static [Dimension];

impl Variant {
    /// The representation in this coding.
    pub const fn coded(coding: Coding) -> Variant {
        Variant { coding }
    }

    /// What sets its entity-tag apart from those of the others.
    pub fn tag_suffix(self) -> &'static str {
        self.coding.suffix()
    }
}

impl Dimension {
    /// The request field that chooses.
    fn field(self) -> &'static str {
        match self {
            Dimension::MediaType => "Accept",
            Dimension::Coding => "Accept-Encoding",
        }
    }
}

/// The value of `Vary`: the request fields that chose the representation.
pub fn vary(dimensions: Dimensions) -> String {
    let fields: Vec<&str> = dimensions.iter().map(|one| one.field()).collect();
    fields.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vary_names_the_fields_that_chose() {
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
