//! RFC 9110 section 12.5.4 and RFC 4647 section 3.4: which languages a client wants, in which order.
//!
//! ```text
//! Accept-Language = #( language-range [ weight ] )
//! language-range  = (1*8ALPHA *("-" 1*8alphanum)) / "*"
//! ```
//!
//! `zh-Hant-TW, en;q=0.5` asks for `zh-Hant-TW`, `zh-Hant`, `zh` and `en`, in this order. Tags are compared
//! in their usual case (RFC 5646 section 2.1.1), which is that of file names such as `page.zh-Hant.html`.

use std::fmt;

use super::field::{FieldName, Fields};
use super::weight::{Weight, split_weight};

/// A language tag in its usual case, such as `en`, `zh-Hant` or `pt-BR`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Language(Box<str>);

/// The most tags that one request asks for. A file is looked up for each.
const MOST: usize = 12;

/// The longest tag. RFC 5646 section 4.4.1 wants room for 35 characters.
const LONGEST: usize = 35;

impl Language {
    /// English.
    pub fn english() -> Language {
        Language("en".into())
    }

    /// Reads a tag in any case.
    pub fn parse(text: &[u8]) -> Option<Language> {
        let subtags: Vec<&[u8]> = text.split(|&byte| byte == b'-').collect();
        let is_subtag = |subtag: &[u8]| {
            (1..=8).contains(&subtag.len()) && subtag.iter().all(u8::is_ascii_alphanumeric)
        };
        let is_primary = subtags[0].iter().all(u8::is_ascii_alphabetic);
        let is_tag =
            text.len() <= LONGEST && is_primary && subtags.iter().all(|one| is_subtag(one));
        is_tag.then(|| Language(usual_case(&subtags).into()))
    }

    /// The tag.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The tag without its last subtag. A single character that is then the last one goes with it (RFC 4647
    /// section 3.4). `None` if nothing is left.
    fn shorter(&self) -> Option<Language> {
        let (rest, _) = self.0.rsplit_once('-')?;
        let rest = match rest.rsplit_once('-') {
            Some((before, last)) if last.len() == 1 => before,
            _ => rest,
        };
        Some(Language(rest.into()))
    }

    /// The tag, then the shorter ones.
    fn chain(&self) -> impl Iterator<Item = Language> {
        std::iter::successors(Some(self.clone()), Language::shorter)
    }
}

/// RFC 5646 section 2.1.1: two letters that are not first are a region, four are a script.
fn usual_case(subtags: &[&[u8]]) -> String {
    let subtags = subtags.iter().enumerate().map(|(number, subtag)| {
        let lower = String::from_utf8_lossy(subtag).to_ascii_lowercase();
        match (number, lower.len()) {
            (1.., 2) => lower.to_ascii_uppercase(),
            (1.., 4) => {
                let (first, rest) = lower.split_at(1);
                first.to_ascii_uppercase() + rest
            }
            _ => lower,
        }
    });
    subtags.collect::<Vec<_>>().join("-")
}

/// What a client says about languages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The tags to look for, most wanted first.
    pub tags: Vec<Language>,
    /// Whether any other language will do, because the client says so or says nothing.
    pub accepts_others: bool,
}

/// The languages that `Accept-Language` asks for. A range is followed by what it falls back to before the
/// next range is tried (RFC 4647 section 3.4).
pub fn wanted(fields: &Fields<'_>) -> Wanted {
    if !fields.contains(FieldName::AcceptLanguage) {
        return Wanted {
            tags: Vec::new(),
            accepts_others: true,
        };
    }
    let members = fields.members(FieldName::AcceptLanguage);
    let mut ranges: Vec<(&[u8], Weight)> = members.filter_map(split_weight).collect();
    let refused = |(_, weight): &(&[u8], Weight)| weight.is_refusal();
    let refuses: Vec<Language> = ranges
        .iter()
        .filter(|range| refused(range))
        .filter_map(|(range, _)| Language::parse(range))
        .collect();
    ranges.retain(|range| !refused(range));
    // A stable sort: of equal weights, the first counts.
    ranges.sort_by_key(|&(_, weight)| std::cmp::Reverse(weight));
    let mut wanted = Wanted::default();
    for (range, _) in ranges {
        wanted.accepts_others |= range == b"*";
        let tags = Language::parse(range);
        for tag in tags.iter().flat_map(Language::chain) {
            if wanted.tags.len() < MOST && !wanted.tags.contains(&tag) && !refuses.contains(&tag) {
                wanted.tags.push(tag);
            }
        }
    }
    wanted
}

/// The language that a tag of a query or a cookie asks for, and what it falls back to.
pub fn chosen(tag: &[u8]) -> Vec<Language> {
    let tag = Language::parse(tag);
    tag.iter().flat_map(Language::chain).collect()
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::semantics::field::Section;

    #[track_caller]
    fn check(lines: &[&str], want: &str, accepts_others: bool) {
        let lines: Vec<_> = lines
            .iter()
            .map(|line| (FieldName::AcceptLanguage, *line))
            .collect();
        let section = Section::of(&lines);
        let got = wanted(&section.fields());
        let tags: Vec<&str> = got.tags.iter().map(Language::as_str).collect();
        assert_eq!(
            (&*tags.join(" "), got.accepts_others),
            (want, accepts_others),
            "{lines:?}"
        );
    }

    #[test]
    fn each_range_is_followed_by_what_it_falls_back_to() {
        check(&[], "", true);
        check(&["zh-CN"], "zh-CN zh", false);
        check(
            &["zh-Hant-CN-x-private1-private2"],
            "zh-Hant-CN-x-private1-private2 \
            zh-Hant-CN-x-private1 zh-Hant-CN zh-Hant zh",
            false,
        ); // RFC 4647 section 3.4
        check(&["en-US,en;q=0.9,de;q=0.8"], "en-US en de", false);
        check(&["de;q=0.5, fr"], "fr de", false);
        check(&["de", "fr"], "de fr", false);
        check(&["EN-gb"], "en-GB en", false);
        check(&["*"], "", true);
        check(&["de, *;q=0.1"], "de", true);
        check(&["de, *;q=0"], "de", false);
        check(&["de-CH, de;q=0"], "de-CH", false);
        check(&["de;q=2, x y, , fr"], "fr", false);
        check(&["a-very-long-tag-with-more-than-35-characters"], "", false);
    }

    #[test]
    fn the_number_of_tags_is_bounded() {
        let many: Vec<String> = (b'a'..=b'z')
            .map(|letter| format!("{0}{0}", letter as char))
            .collect();
        let section = Section::of(&[(FieldName::AcceptLanguage, many.join(","))]);
        assert_eq!(wanted(&section.fields()).tags.len(), MOST);
    }

    #[test]
    fn tags_are_read_in_any_case() {
        let parse = |text: &str| Language::parse(text.as_bytes()).map(|tag| tag.to_string());
        assert_eq!(parse("ZH-hANT-tw").as_deref(), Some("zh-Hant-TW"));
        assert_eq!(
            parse("sl-rozaj-biske-1994").as_deref(),
            Some("sl-rozaj-biske-1994")
        );
        for bad in [
            "",
            "-",
            "en-",
            "-en",
            "e1",
            "en_US",
            "en-123456789",
            "../en",
            "en/us",
            "\u{e4}",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
        let chain: Vec<String> = chosen(b"pt-br").iter().map(Language::to_string).collect();
        assert_eq!(chain, ["pt-BR", "pt"]);
    }
}
