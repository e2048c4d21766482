//! RFC 9110 section 12.5.4 and RFC 4647 section 3.4: which languages a client wants, in which order.
//!
//! ```text
//! Accept-Language = #( language-range [ weight ] )
//! language-range  = (1*8ALPHA *("-" 1*8alphanum)) / "*"
//! ```
//!
//! `zh-Hant-TW, en;q=0.5` asks for `zh-Hant-TW`, `zh-Hant`, `zh` and `en`, in this order. Tags are compared
//! in their usual case (RFC 5646 section 2.1.1), which is that of file names such as `page.zh-Hant.html`.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::fmt;

use super::field::{FieldName, Fields};
use super::weight::{Weight, split_weight};

/// A language tag in its usual case, such as `en`, `zh-Hant` or `pt-BR`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
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
        if text.len() > LONGEST {
            return None;
        }
        let subtags: Vec<&[u8]> = text.split(|&byte| byte == b'-').collect();
        let is_subtag = |subtag: &[u8]| {
            (1..=8).contains(&subtag.len()) && subtag.iter().all(u8::is_ascii_alphanumeric)
        };
        let is_primary = subtags[0].iter().all(u8::is_ascii_alphabetic);
        let is_tag = is_primary && subtags.iter().all(|one| is_subtag(one));
        is_tag.then(|| Language(usual_case(&subtags).into()))
    }

    /// Reads the tag in the name of a file. Other words stand there too, as in `app.min.html`, so that only
    /// tags that [`is_in_names`] knows are languages.
    pub fn of_name(text: &[u8]) -> Option<Language> {
        match is_in_names(text) {
            true => Language::parse(text),
            false => None,
        }
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
    fn chain(&self) -> impl Iterator<Item = Language> + use<> {
        std::iter::successors(Some(self.clone()), Language::shorter)
    }
}

/// Whether a tag in the name of a file is a language: a code of ISO 639-1, then a script, a region and
/// variants that are well-formed (RFC 5646 section 2.1). Longer codes look like words, such as `min` or `old`.
pub fn is_in_names(tag: &[u8]) -> bool {
    let mut subtags = tag.split(|&byte| byte == b'-').peekable();
    let is_code = match subtags.next() {
        Some([first, second]) => {
            let code = [first.to_ascii_lowercase(), second.to_ascii_lowercase()];
            CODES.binary_search(&&code).is_ok()
        }
        _ => false,
    };
    let letters = |subtag: &[u8], count: usize| {
        subtag.len() == count && subtag.iter().all(u8::is_ascii_alphabetic)
    };
    subtags.next_if(|subtag| letters(subtag, 4));
    subtags.next_if(|subtag| {
        letters(subtag, 2) || subtag.len() == 3 && subtag.iter().all(u8::is_ascii_digit)
    });
    let is_variant = |subtag: &[u8]| {
        let is_long = (5..=8).contains(&subtag.len());
        let is_short = subtag.len() == 4 && subtag[0].is_ascii_digit();
        (is_long || is_short) && subtag.iter().all(u8::is_ascii_alphanumeric)
    };
    is_code && subtags.all(is_variant)
}

/// The codes of ISO 639-1, sorted, as the Library of Congress lists them
/// (<https://www.loc.gov/standards/iso639-2/php/code_list.php>).
const CODES: [&[u8; 2]; 184] = [
    b"aa", b"ab", b"ae", b"af", b"ak", b"am", b"an", b"ar", b"as", b"av", b"ay", b"az", b"ba",
    b"be", b"bg", b"bh", b"bi", b"bm", b"bn", b"bo", b"br", b"bs", b"ca", b"ce", b"ch", b"co",
    b"cr", b"cs", b"cu", b"cv", b"cy", b"da", b"de", b"dv", b"dz", b"ee", b"el", b"en", b"eo",
    b"es", b"et", b"eu", b"fa", b"ff", b"fi", b"fj", b"fo", b"fr", b"fy", b"ga", b"gd", b"gl",
    b"gn", b"gu", b"gv", b"ha", b"he", b"hi", b"ho", b"hr", b"ht", b"hu", b"hy", b"hz", b"ia",
    b"id", b"ie", b"ig", b"ii", b"ik", b"io", b"is", b"it", b"iu", b"ja", b"jv", b"ka", b"kg",
    b"ki", b"kj", b"kk", b"kl", b"km", b"kn", b"ko", b"kr", b"ks", b"ku", b"kv", b"kw", b"ky",
    b"la", b"lb", b"lg", b"li", b"ln", b"lo", b"lt", b"lu", b"lv", b"mg", b"mh", b"mi", b"mk",
    b"ml", b"mn", b"mr", b"ms", b"mt", b"my", b"na", b"nb", b"nd", b"ne", b"ng", b"nl", b"nn",
    b"no", b"nr", b"nv", b"ny", b"oc", b"oj", b"om", b"or", b"os", b"pa", b"pi", b"pl", b"ps",
    b"pt", b"qu", b"rm", b"rn", b"ro", b"ru", b"rw", b"sa", b"sc", b"sd", b"se", b"sg", b"si",
    b"sk", b"sl", b"sm", b"sn", b"so", b"sq", b"sr", b"ss", b"st", b"su", b"sv", b"sw", b"ta",
    b"te", b"tg", b"th", b"ti", b"tk", b"tl", b"tn", b"to", b"tr", b"ts", b"tt", b"tw", b"ty",
    b"ug", b"uk", b"ur", b"uz", b"ve", b"vi", b"vo", b"wa", b"wo", b"xh", b"yi", b"yo", b"za",
    b"zh", b"zu",
];

/// RFC 5646 section 2.1.1: two letters that are not first are a region, four are a script. Behind a
/// singleton, which begins an extension or a private use, all letters are small.
fn usual_case(subtags: &[&[u8]]) -> String {
    let singleton = subtags.iter().position(|subtag| subtag.len() == 1);
    let end = singleton.unwrap_or(subtags.len());
    let subtags = subtags.iter().enumerate().map(|(number, subtag)| {
        let lower = String::from_utf8_lossy(subtag).to_ascii_lowercase();
        match (number, lower.len()) {
            _ if number > end => lower,
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
    refused: BTreeSet<Language>,
}

impl Wanted {
    /// Whether the client refuses a language, or one that it is a kind of. Those in `tags` count before.
    pub fn refuses(&self, language: &Language) -> bool {
        let mut chain = language.chain();
        chain.any(|tag| self.refused.contains(&tag))
    }
}

/// The languages that `Accept-Language` asks for. A range is followed by what it falls back to before the
/// next range is tried (RFC 4647 section 3.4).
pub fn wanted(fields: &Fields<'_>) -> Wanted {
    if !fields.contains(FieldName::AcceptLanguage) {
        return Wanted {
            accepts_others: true,
            ..Wanted::default()
        };
    }
    let members = fields.preferences(FieldName::AcceptLanguage);
    let ranges = members.filter_map(split_weight);
    let (refused, mut ranges): (Vec<_>, Vec<_>) =
        ranges.partition(|(_, weight): &(&[u8], Weight)| weight.is_refusal());
    // A stable sort: of equal weights, the first counts.
    ranges.sort_by_key(|&(_, weight)| Reverse(weight));
    let parse = |&(range, _): &(&[u8], Weight)| Language::parse(range);
    let refused: BTreeSet<Language> = refused.iter().filter_map(parse).collect();
    let chains = ranges.iter().filter_map(parse).flat_map(|tag| tag.chain());
    let mut seen = BTreeSet::new();
    let tags = chains.filter(|tag| !refused.contains(tag) && seen.insert(tag.clone()));
    Wanted {
        tags: tags.take(MOST).collect(),
        accepts_others: ranges.iter().any(|(range, _)| *range == b"*"),
        refused,
    }
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
    use crate::semantics::field::{MOST_PREFERENCES, Section};

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
        check(&["en-GB, en, en-gb, EN-US"], "en-GB en en-US", false);
    }

    #[test]
    fn a_refusal_is_also_one_of_the_kinds_of_a_language() {
        let section = Section::of(&[(FieldName::AcceptLanguage, "fr, en;q=0, pt-BR;q=0, *")]);
        let wanted = wanted(&section.fields());
        for (tag, want) in [
            ("en", true),
            ("en-GB", true),
            ("pt-BR", true),
            ("pt", false),
            ("de", false),
        ] {
            let language = Language::parse(tag.as_bytes()).expect(tag);
            assert_eq!(wanted.refuses(&language), want, "{tag}");
        }
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
    fn the_number_of_ranges_is_bounded() {
        let first = |filler: &str, last: &str| {
            let many = format!("{filler}, ").repeat(MOST_PREFERENCES - 1);
            format!("{many}{last}, zz, *, de;q=0")
        };
        check(&[&first("aa;q=0", "fr")], "fr", false);
        check(&[&first("x y", "fr")], "fr", false);
        let section = Section::of(&[(FieldName::AcceptLanguage, first("aa;q=0", "fr"))]);
        let wanted = wanted(&section.fields());
        assert_eq!(wanted.refused.len(), 1);
        assert_eq!(wanted.tags.len(), 1);
    }

    #[test]
    fn tags_are_read_in_any_case() {
        let parse = |text: &str| Language::parse(text.as_bytes()).map(|tag| tag.to_string());
        assert_eq!(parse("ZH-hANT-tw").as_deref(), Some("zh-Hant-TW"));
        assert_eq!(
            parse("sl-rozaj-biske-1994").as_deref(),
            Some("sl-rozaj-biske-1994")
        );
        // RFC 5646 section 2.1.1
        assert_eq!(parse("EN-ca-X-CA-Latn").as_deref(), Some("en-CA-x-ca-latn"));
        assert_eq!(parse("x-LATN-de").as_deref(), Some("x-latn-de"));
        assert_eq!(parse("AZ-latn-x-LATN").as_deref(), Some("az-Latn-x-latn"));
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
    #[test]
    fn only_some_words_in_the_name_of_a_file_are_languages() {
        assert!(CODES.is_sorted());
        for language in [
            "en",
            "DE",
            "zh-hant",
            "zh-Hant-TW",
            "pt-BR",
            "es-419",
            "sl-rozaj-biske-1994",
            "de-1996",
        ] {
            assert!(is_in_names(language.as_bytes()), "{language}");
            assert!(Language::of_name(language.as_bytes()).is_some());
        }
        for other in [
            "",
            "a",
            "xx",
            "old",
            "min",
            "final",
            "fil",
            "en-",
            "-en",
            "en-a",
            "en-x-y",
            "en-draft1-x",
            "en-GB-US",
            "en-1",
            "en_GB",
            "de-old",
            "zh-TW-Hant",
            "en-fina\u{e9}",
        ] {
            assert!(!is_in_names(other.as_bytes()), "{other}");
        }
        assert_eq!(
            Language::of_name(b"en-AAAAAAAA-BBBBBBBB-CCCCCCCC-DDDDDDDD"),
            None
        );
    }
}
