//! RFC 9110 section 8.8: validators.
//!
//! ```text
//! entity-tag = [ %s"W/" ] DQUOTE *etagc DQUOTE
//! etagc      = %x21 / %x23-7E / obs-text
//! ```
//!
//! Representations with the strong tag `"1a-5f"` have the same bytes. Those with the weak tag
//! `W/"1a"` have the same meaning.

use super::date::HttpDate;
use super::field::trim;

/// An entity-tag. It has no escapes: a backslash is an ordinary byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntityTag<'a> {
    /// Whether it starts with `W/`, which is case-sensitive.
    pub weak: bool,
    /// The bytes between the quotes.
    pub opaque: &'a [u8],
}

/// The error for a list member that is not an entity-tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MalformedEntityTag;

/// The validators of the selected representation. They change when the representation changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Validators<'a> {
    /// The value of ETag.
    pub entity_tag: Option<EntityTag<'a>>,
    /// The value of Last-Modified. It must not be in the future (section 8.8.2.1).
    pub last_modified: Option<HttpDate>,
}

impl Validators<'_> {
    /// Whether the entity-tag equals itself by strong comparison (section 8.8.3.2).
    pub(super) fn has_strong_tag(&self) -> bool {
        self.entity_tag.is_some_and(|tag| !tag.weak)
    }
}

impl<'a> EntityTag<'a> {
    /// Parses a value that is exactly one entity-tag.
    pub(super) fn parse(value: &'a [u8]) -> Option<EntityTag<'a>> {
        let (tag, rest) = EntityTag::parse_prefix(value)?;
        rest.is_empty().then_some(tag)
    }

    /// Strong comparison (section 8.8.3.2): the tags are equal, and neither is weak.
    pub(super) fn strong_eq(&self, other: &EntityTag) -> bool {
        !self.weak && !other.weak && self.opaque == other.opaque
    }

    /// Weak comparison (section 8.8.3.2): the tags are equal, and each may be weak.
    pub(super) fn weak_eq(&self, other: &EntityTag) -> bool {
        self.opaque == other.opaque
    }

    /// Appends the value of ETag.
    pub fn write(&self, out: &mut Vec<u8>) {
        if self.weak {
            out.extend_from_slice(b"W/");
        }
        out.push(b'"');
        out.extend_from_slice(self.opaque);
        out.push(b'"');
    }

    fn parse_prefix(value: &'a [u8]) -> Option<(EntityTag<'a>, &'a [u8])> {
        let unmarked = value.strip_prefix(b"W/");
        let quoted = unmarked.unwrap_or(value).strip_prefix(b"\"")?;
        let end = quoted.iter().position(|&byte| byte == b'"')?;
        let (opaque, rest) = quoted.split_at_checked(end)?;
        let weak = unmarked.is_some();
        let tag = EntityTag { weak, opaque };
        opaque.iter().copied().all(is_etagc).then_some(())?;
        Some((tag, rest.strip_prefix(b"\"")?))
    }
}

/// The members of `#entity-tag` in one field line. The quotes may contain commas. A malformed
/// member ends at the next comma, even if that comma is inside quotes.
pub fn entity_tags(
    value: &[u8],
) -> impl Iterator<Item = Result<EntityTag<'_>, MalformedEntityTag>> {
    let mut rest = value;
    std::iter::from_fn(move || {
        rest = skip_separators(rest);
        if rest.is_empty() {
            return None;
        }
        let (member, after) = match EntityTag::parse_prefix(rest) {
            Some((tag, after)) if ends_member(after) => (Ok(tag), after),
            _ => (Err(MalformedEntityTag), from_comma(rest)),
        };
        rest = after;
        Some(member)
    })
}

fn is_etagc(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x7E | 0x80..)
}

fn ends_member(rest: &[u8]) -> bool {
    matches!(trim(rest).first(), None | Some(b','))
}

fn skip_separators(value: &[u8]) -> &[u8] {
    let is_separator = |byte: &u8| matches!(byte, b',' | b' ' | b'\t');
    let start = value.iter().position(|byte| !is_separator(byte));
    start
        .and_then(|start| value.get(start..))
        .unwrap_or_default()
}

fn from_comma(value: &[u8]) -> &[u8] {
    let comma = value.iter().position(|&byte| byte == b',');
    comma
        .and_then(|comma| value.get(comma..))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: &str, want: Option<(bool, &str)>) {
        let got = EntityTag::parse(value.as_bytes()).map(|tag| (tag.weak, tag.opaque));
        assert_eq!(
            got,
            want.map(|(weak, opaque)| (weak, opaque.as_bytes())),
            "{value:?}"
        );
    }

    #[test]
    fn entity_tags_are_read() {
        check("\"xyzzy\"", Some((false, "xyzzy"))); // the examples of 8.8.3
        check("W/\"xyzzy\"", Some((true, "xyzzy")));
        check("\"\"", Some((false, "")));
        check("\"a,b\"", Some((false, "a,b"))); // %x2C is an etagc
        check("\"a\\\"", Some((false, "a\\"))); // no escapes
        check("\"é\"", Some((false, "é"))); // obs-text
        check("\"W/\"", Some((false, "W/")));
    }

    #[test]
    fn other_values_are_not_entity_tags() {
        for value in ["", "xyzzy", "\"", "\"a", "a\"", "*", "W/", "W/a", "W/\"a"] {
            check(value, None);
        }
        check("w/\"a\"", None); // W is case-sensitive
        check("W /\"a\"", None);
        check("\"a b\"", None); // no space
        check("\"a\" ", None);
        check("\"a\"b", None);
        check("\"a\x7f\"", None); // DEL is not an etagc
    }

    #[test]
    fn comparison_table() {
        // The table of 8.8.3.2.
        let tag = |weak, opaque| EntityTag { weak, opaque };
        let rows: [(EntityTag, EntityTag, bool, bool); 4] = [
            (tag(true, b"1"), tag(true, b"1"), false, true),
            (tag(true, b"1"), tag(true, b"2"), false, false),
            (tag(true, b"1"), tag(false, b"1"), false, true),
            (tag(false, b"1"), tag(false, b"1"), true, true),
        ];
        for (one, other, strong, weak) in rows {
            assert_eq!(one.strong_eq(&other), strong, "{one:?} {other:?}");
            assert_eq!(other.strong_eq(&one), strong, "{one:?} {other:?}");
            assert_eq!(one.weak_eq(&other), weak, "{one:?} {other:?}");
        }
    }

    #[track_caller]
    fn check_list(value: &str, want: &[&str]) {
        let got: Vec<String> = entity_tags(value.as_bytes())
            .map(|member| {
                let mut out = Vec::new();
                match member {
                    Ok(tag) => tag.write(&mut out),
                    Err(MalformedEntityTag) => out.push(b'!'),
                }
                String::from_utf8(out).unwrap()
            })
            .collect();
        assert_eq!(got, want, "{value:?}");
    }

    #[test]
    fn lists_are_read() {
        check_list("", &[]);
        check_list(" ,\t, ", &[]); // 5.6.1.2
        check_list("\"a\"", &["\"a\""]);
        check_list("\"a\", W/\"b\" ,\"c\"", &["\"a\"", "W/\"b\"", "\"c\""]);
        check_list("\"a,b\", \"c\"", &["\"a,b\"", "\"c\""]);
        check_list("\"a\\\", \"b\"", &["\"a\\\"", "\"b\""]);
        check_list("a, \"b\"", &["!", "\"b\""]);
        check_list("\"a\"x, \"b\"", &["!", "\"b\""]);
        check_list("\"a\" \"b\"", &["!"]);
        check_list("*, \"b\"", &["!", "\"b\""]); // an asterisk must be the only member
        check_list("\"a", &["!"]);
        check_list("\"a b\", \"c\"", &["!", "\"c\""]);
    }
}
