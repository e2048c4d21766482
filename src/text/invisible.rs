//! Characters that show nothing, or that change how the characters around them are shown.
//!
//! With U+202E (right-to-left override), the name `rtl<U+202E>gnp.exe` reads as `rtlexe.png`. Whatever
//! shows a name to people shows these characters as escapes.
//!
//! The table is from the Unicode Character Database 16.0. It has the characters of the general
//! category Cf, Zl, Zp or Zs (`DerivedGeneralCategory.txt`), and those with the property
//! `Default_Ignorable_Code_Point` (`DerivedCoreProperties.txt`): bidirectional controls, characters of
//! no width, spaces other than U+0020, variation selectors, fillers and tags. Two symbols that look like
//! a space are in it too. Control characters (Cc) are not in it, because some formats have escapes of
//! their own for them.

/// The first and the last character of each range, in order.
static RANGES: [(char, char); 30] = [
    ('\u{a0}', '\u{a0}'), // no-break space
    ('\u{ad}', '\u{ad}'), // soft hyphen
    ('\u{34f}', '\u{34f}'),
    ('\u{600}', '\u{605}'),
    ('\u{61c}', '\u{61c}'), // Arabic letter mark
    ('\u{6dd}', '\u{6dd}'),
    ('\u{70f}', '\u{70f}'),
    ('\u{890}', '\u{891}'),
    ('\u{8e2}', '\u{8e2}'),
    ('\u{115f}', '\u{1160}'), // Hangul fillers
    ('\u{1680}', '\u{1680}'), // Ogham space
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{2000}', '\u{200f}'), // spaces, no width, and direction marks
    ('\u{2028}', '\u{202f}'), // separators, embeddings, overrides, and a space
    ('\u{205f}', '\u{206f}'), // a space, no width, and isolates
    ('\u{2800}', '\u{2800}'), // Braille pattern blank
    ('\u{3000}', '\u{3000}'), // ideographic space
    ('\u{3164}', '\u{3164}'),
    ('\u{fe00}', '\u{fe0f}'), // variation selectors
    ('\u{feff}', '\u{feff}'), // byte order mark
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{fff0}', '\u{fffb}'),
    ('\u{110bd}', '\u{110bd}'),
    ('\u{110cd}', '\u{110cd}'),
    ('\u{13430}', '\u{1343f}'),
    ('\u{1bca0}', '\u{1bca3}'),
    ('\u{1d159}', '\u{1d159}'), // musical symbol null notehead
    ('\u{1d173}', '\u{1d17a}'),
    ('\u{e0000}', '\u{e0fff}'), // tags and more variation selectors
];

/// Whether a character must be made visible.
pub fn is_invisible(character: char) -> bool {
    // Most characters of most names end here.
    if character < RANGES[0].0 {
        return false;
    }
    let next = RANGES.partition_point(|&(_, last)| last < character);
    RANGES
        .get(next)
        .is_some_and(|&(first, _)| first <= character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(characters: &str, want: bool) {
        for character in characters.chars() {
            assert_eq!(is_invisible(character), want, "U+{:04X}", character as u32);
        }
    }

    #[test]
    fn characters_that_hide_are_invisible() {
        check(
            "\u{61c}\u{200e}\u{200f}\u{202a}\u{202e}\u{2066}\u{2069}",
            true,
        ); // directions
        check("\u{200b}\u{200c}\u{200d}\u{2060}\u{feff}", true); // no width
        check("\u{fe00}\u{fe0f}\u{e0100}\u{e01ef}\u{180b}", true); // variation selectors
        check("\u{ad}\u{34f}\u{115f}\u{3164}\u{e0041}\u{2028}", true);
        check(
            "\u{a0}\u{1680}\u{2000}\u{200a}\u{202f}\u{205f}\u{3000}",
            true,
        ); // Zs
        check("\u{2800}\u{1d159}\u{1160}\u{ffa0}\u{e0001}\u{e007f}", true);
        check(
            " a~\u{7f}\u{a1}\u{ac}\u{ae}\u{e9}\u{5d0}\u{2801}\u{3001}\u{65e5}\u{1f600}",
            false,
        );
        check(
            "\u{1fff}\u{2010}\u{2027}\u{2030}\u{205e}\u{2070}\u{fffc}\u{fffd}\u{10ffff}",
            false,
        );
    }

    /// The ranges are in order and do not touch: the search depends on it.
    #[test]
    fn the_table_is_sorted() {
        assert!(RANGES.iter().all(|(first, last)| first <= last));
        assert!(RANGES.windows(2).all(|pair| pair[0].1 < pair[1].0));
    }

    /// The standard library has a table of its own. It regards letters and symbols that show nothing as
    /// printable.
    #[test]
    fn the_standard_library_escapes_the_same_characters() {
        const BLANKS: &str = "\u{115f}\u{1160}\u{2800}\u{3164}\u{ffa0}\u{1d159}";
        for (first, last) in RANGES {
            for character in (first..=last).filter(|other| !BLANKS.contains(*other)) {
                assert_eq!(character.escape_debug().next(), Some('\\'), "{character:?}");
            }
        }
    }
}
