//! RFC 9110 section 12: how the representations of one resource differ.
//!
//! A file has one representation per content coding. Each has its own validators (section
//! 8.8.3.3). The operator may have put a sidecar beside the file: a file that holds its content in a
//! coding, such as `page.html.br` for `page.html`. `Vary` lists the request fields that select one (section 12.5.5), such as
//! `Accept-Encoding` or `Accept, Accept-Encoding`.

use super::coding::Coding;
use super::trace::{Clause, Evidence, Quote, Step, Trace, clause};

/// One representation of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Variant {
    /// The content coding.
    pub coding: Coding,
    /// Whether the coded content is that of a sidecar. If not, the server codes it. The two have
    /// different bytes.
    pub is_sidecar: bool,
}

/// The codings of sidecars, each with the extension that its sidecar adds to the name of the file.
pub const SIDECARS: [(Coding, &str); 3] = [
    (Coding::Brotli, "br"),
    (Coding::Zstd, "zst"),
    (Coding::Gzip, "gz"),
];

/// When a file was modified. Earlier times are less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Modified {
    /// Since 1970; negative before.
    pub seconds: i64,
    /// Since that second.
    pub nanoseconds: u64,
}

/// Whether a sidecar is older than its original, so that it may hold the content of an earlier one. If its
/// time has no fraction of a second, only whole seconds count: some tools and file systems cut the
/// fraction off when they copy a time.
pub fn is_outdated(sidecar: Modified, original: Modified) -> bool {
    match sidecar.nanoseconds {
        0 => sidecar.seconds < original.seconds,
        _ => sidecar < original,
    }
}

/// The name of the file whose sidecar would have this name, and the coding of the sidecar.
pub fn original_of(name: &[u8]) -> Option<(&[u8], Coding)> {
    SIDECARS.into_iter().find_map(|(coding, extension)| {
        let name = name.strip_suffix(extension.as_bytes())?;
        let original = name.strip_suffix(b".")?;
        (!original.is_empty()).then_some((original, coding))
    })
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

/// All the ways in which the representations of one resource differ: one bit for each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dimensions(u8);

impl Variant {
    /// The representation that the server makes in this content coding.
    pub const fn coded(coding: Coding) -> Variant {
        Variant {
            coding,
            is_sidecar: false,
        }
    }

    /// The representation that a sidecar holds in this content coding.
    pub const fn sidecar(coding: Coding) -> Variant {
        Variant {
            coding,
            is_sidecar: true,
        }
    }

    /// The suffix that makes its entity-tag unique among the variants.
    pub fn tag_suffix(self) -> &'static str {
        match (self.coding, self.is_sidecar) {
            (Coding::Identity, _) => "",
            (Coding::Gzip, false) => "-gzip",
            (Coding::Gzip, true) => "-gz",
            (Coding::Deflate, _) => "-deflate",
            (Coding::Brotli, _) => "-br",
            (Coding::Zstd, _) => "-zst",
        }
    }
}

impl Dimensions {
    /// There is one representation.
    pub const NONE: Dimensions = Dimensions(0);

    /// The representations differ in one way.
    pub const fn of(dimension: Dimension) -> Dimensions {
        Dimensions(1 << dimension as u8)
    }

    /// They differ in the ways of either set.
    pub const fn and(self, other: Dimensions) -> Dimensions {
        Dimensions(self.0 | other.0)
    }

    /// Whether there is one representation.
    pub fn is_empty(self) -> bool {
        self == Dimensions::NONE
    }

    /// The value of `Vary`: the request fields that select the representation.
    pub fn vary(self) -> String {
        let all = Dimension::ALL.into_iter();
        let own = all.filter(|dimension| self.0 & Dimensions::of(*dimension).0 != 0);
        let fields: Vec<&str> = own.map(Dimension::field).collect();
        fields.join(", ")
    }

    /// Adds the step that says which request fields select the representation.
    pub fn note(self, trace: &mut Trace) {
        const VARY: Clause = clause!("RFC 9110 section 12.5.5", "vary");
        trace.note(|| {
            let fields = Evidence::Value(Quote::of(self.vary().as_bytes()));
            let finding = "the representation depends on these request fields, so Vary lists them";
            Step::new(VARY, finding).with(fields)
        });
    }
}

impl Dimension {
    /// In the order in which `Vary` lists their fields.
    const ALL: [Dimension; 4] = [
        Dimension::MediaType,
        Dimension::Coding,
        Dimension::Language,
        Dimension::Destination,
    ];

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vary_lists_the_selecting_fields() {
        let check = |all: &[Dimension], want: &str| {
            let all = all.iter().copied().map(Dimensions::of);
            let all = all.fold(Dimensions::NONE, Dimensions::and);
            assert_eq!(all.vary(), want);
            assert_eq!(all.is_empty(), want.is_empty());
        };
        use Dimension::{Coding, Destination, Language, MediaType};
        check(&[], "");
        check(&[Coding], "Accept-Encoding");
        check(&[Coding, MediaType, Coding], "Accept, Accept-Encoding");
        check(
            &[Destination, Language],
            "Accept-Language, Cookie, Sec-Fetch-Dest",
        );
    }

    #[test]
    fn entity_tags_differ_by_coding_and_by_who_coded() {
        let coded = [Coding::Identity, Coding::Gzip, Coding::Deflate].map(Variant::coded);
        let sidecars = SIDECARS.map(|(coding, _)| Variant::sidecar(coding));
        let suffixes = coded.into_iter().chain(sidecars).map(Variant::tag_suffix);
        let want = ["", "-gzip", "-deflate", "-br", "-zst", "-gz"];
        assert!(suffixes.eq(want));
    }

    #[test]
    fn a_sidecar_is_outdated_if_it_is_older() {
        let time = |(seconds, nanoseconds)| Modified {
            seconds,
            nanoseconds,
        };
        let check = |sidecar, original, want| {
            let outdated = is_outdated(time(sidecar), time(original));
            assert_eq!(outdated, want, "{sidecar:?} {original:?}");
        };
        check((5, 0), (5, 0), false);
        check((6, 0), (5, 999), false);
        check((5, 3), (5, 2), false);
        check((5, 2), (5, 3), true);
        check((5, 0), (5, 3), false); // the fraction was cut off
        check((4, 999), (5, 0), true);
        check((4, 0), (5, 0), true);
        check((-1, 0), (0, 0), true);
    }

    #[test]
    fn a_sidecar_adds_an_extension_to_the_name() {
        let check = |name: &str, want: Option<(&str, Coding)>| {
            let want = want.map(|(original, coding)| (original.as_bytes(), coding));
            assert_eq!(original_of(name.as_bytes()), want, "{name:?}");
        };
        check("page.html.br", Some(("page.html", Coding::Brotli)));
        check("page.html.zst", Some(("page.html", Coding::Zstd)));
        check("README.gz", Some(("README", Coding::Gzip)));
        check("page.html.gz.br", Some(("page.html.gz", Coding::Brotli)));
        check("page.html", None);
        check("page.html.GZ", None); // the server looks for the name as it is
        check("page.gzip", None);
        check("gz", None);
        check(".gz", None);
    }
}
