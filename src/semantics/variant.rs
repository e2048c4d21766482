//! RFC 9110 section 12: how the representations of one resource differ.
//!
//! A file has one representation per content coding. Each has its own validators (section
//! 8.8.3.3). The operator may have put a sidecar beside the file: a file that holds its content in a
//! coding, such as `page.html.br` for `page.html`. `Vary` lists the request fields that select one (section 12.5.5), such as
//! `Accept-Encoding` or `Accept, Accept-Encoding`.

use std::cmp::Ordering;

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

/// Seconds since 1970. Modification times up to this one say nothing: packaging tools set them, and they do not
/// show when a file changed.
pub const LAST_MEANINGLESS_TIME: i64 = 60;

/// A time of a file. Earlier times are less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileTime {
    /// Since 1970; negative before.
    pub seconds: i64,
    /// Since that second.
    pub nanoseconds: u64,
}

/// The times of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileTimes {
    /// When its content was modified (mtime). Tools may copy it from another file.
    pub modified: FileTime,
    /// When it was put in place, or its content or anything else of it changed (ctime). Nobody can set it.
    pub changed: FileTime,
}

/// Why a sidecar may hold the content of an earlier original.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outdated {
    /// It is older.
    Older,
    /// The original was put in place after it, and has another modification time. The original may have been
    /// replaced by an older one.
    PutBefore,
}

/// Whether a sidecar may hold the content of an earlier original.
///
/// ```text
/// the sidecar was modified
///   before the original                              it is outdated
///   at the same time                                 it is not: the tool copied the time of this original
///   later, and was put in place after the original   it is not: a tool made it from this original
///   later, but was put in place before the original  it is outdated
/// ```
///
/// If the time of the sidecar has no fraction of a second, only whole seconds count: some tools and file
/// systems cut the fraction off when they copy a time. If the times are meaningless, only the order counts in which
/// the two were put in place.
pub fn outdated(sidecar: FileTimes, original: FileTimes) -> Option<Outdated> {
    let order = match sidecar.modified.nanoseconds {
        0 => sidecar.modified.seconds.cmp(&original.modified.seconds),
        _ => sidecar.modified.cmp(&original.modified),
    };
    let is_meaningful = original.modified.seconds > LAST_MEANINGLESS_TIME;
    match order {
        Ordering::Less => Some(Outdated::Older),
        Ordering::Equal if is_meaningful => None,
        Ordering::Equal | Ordering::Greater => {
            (sidecar.changed < original.changed).then_some(Outdated::PutBefore)
        }
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

    fn time((seconds, nanoseconds): (i64, u64)) -> FileTime {
        FileTime {
            seconds,
            nanoseconds,
        }
    }

    #[track_caller]
    fn check_age(sidecar: [(i64, u64); 2], original: [(i64, u64); 2], want: Option<Outdated>) {
        let times = |[modified, changed]: [(i64, u64); 2]| FileTimes {
            modified: time(modified),
            changed: time(changed),
        };
        assert_eq!(outdated(times(sidecar), times(original)), want);
    }

    #[test]
    fn a_sidecar_is_outdated_if_it_is_older() {
        let check = |sidecar, original, want: bool| {
            let want = want.then_some(Outdated::Older);
            check_age([sidecar, (900, 0)], [original, (900, 0)], want);
        };
        check((105, 0), (105, 0), false);
        check((106, 0), (105, 999), false);
        check((105, 3), (105, 2), false);
        check((105, 2), (105, 3), true);
        check((105, 0), (105, 3), false); // the fraction was cut off
        check((104, 999), (105, 0), true);
        check((104, 0), (105, 0), true);
        check((-1, 0), (0, 0), true);
    }

    #[test]
    fn a_sidecar_is_outdated_if_an_older_original_has_replaced_its_own() {
        let put_before = Some(Outdated::PutBefore);
        // A tool wrote it after the original. It was copied with the original, or was not.
        check_age([(106, 0), (900, 1)], [(105, 0), (900, 0)], None);
        check_age([(106, 0), (900, 1)], [(105, 0), (900, 1)], None);
        // The original is that of an earlier release, with its old time.
        check_age([(106, 0), (900, 0)], [(105, 0), (900, 1)], put_before);
        check_age([(106, 0), (900, 0)], [(50, 0), (999, 0)], put_before);
        // It has the time of the original, so the order does not count.
        check_age([(105, 7), (900, 0)], [(105, 7), (999, 0)], None);
        check_age([(105, 0), (900, 0)], [(105, 7), (999, 0)], None);
        check_age([(105, 8), (900, 0)], [(105, 7), (999, 0)], put_before);
        // All times are those of a packager.
        check_age([(0, 0), (900, 0)], [(0, 0), (999, 0)], put_before);
        check_age([(1, 0), (900, 0)], [(1, 0), (999, 0)], put_before);
        check_age([(1, 0), (999, 0)], [(1, 0), (999, 0)], None);
        // An original that is older than any real one is replaced likewise.
        check_age([(105, 0), (900, 0)], [(1, 0), (999, 0)], put_before);
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
