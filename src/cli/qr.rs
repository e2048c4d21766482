//! A URL as a QR code (ISO/IEC 18004) for the camera of a phone, drawn with half blocks.

use qrcode::render::unicode::Dense1x2;
use qrcode::{EcLevel, QrCode};

/// When the banner has a QR code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Qr {
    /// On a terminal, if other machines can connect.
    Auto,
    /// Always. If there is none, the banner says why.
    Always,
    /// Never.
    Never,
}

/// Black on white, whatever the colours of the terminal are.
const INK: &str = "\x1b[30;107m";
const RESET: &str = "\x1b[0m";

/// The code in lines of at most `columns` characters. `None` if it is wider.
///
/// Without colours, the terminal is taken for a dark one, as most are: the light modules are drawn.
pub fn code(url: &str, columns: usize, colour: bool) -> Option<String> {
    // A screen is neither dirty nor torn, so the lowest level of correction is enough.
    let code = QrCode::with_error_correction_level(url, EcLevel::L).ok()?;
    let (dark, light) = match colour {
        true => (Dense1x2::Dark, Dense1x2::Light),
        false => (Dense1x2::Light, Dense1x2::Dark),
    };
    let mut image = code.render::<Dense1x2>();
    let image = image.dark_color(dark).light_color(light).build();
    if image.lines().any(|line| line.chars().count() > columns) {
        return None;
    }
    let (begin, end) = if colour { (INK, RESET) } else { ("", "") };
    let lines = image.lines().map(|line| format!("{begin}{line}{end}\n"));
    Some(lines.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "http://192.168.1.5:8080/";

    /// Whether each module of the quiet zone and of the code is dark, row by row.
    fn modules(text: &str, is_light_drawn: bool) -> Vec<Vec<bool>> {
        let row = |line: &str, (full, half): (char, char)| -> Vec<bool> {
            let is_drawn = |char| char == full || char == half;
            let chars = line.chars();
            chars.map(|char| is_drawn(char) != is_light_drawn).collect()
        };
        let rows = text
            .lines()
            .flat_map(|line| [row(line, ('█', '▀')), row(line, ('█', '▄'))]);
        rows.collect()
    }

    #[test]
    fn the_code_is_the_one_of_the_url() {
        let code = QrCode::with_error_correction_level(URL, EcLevel::L).expect("a code");
        let width = code.width();
        let colours = code.to_colors();
        let drawn = super::code(URL, 80, false).expect("it fits");
        let modules = modules(&drawn, true);
        for (place, want) in colours.iter().enumerate() {
            // The quiet zone has four modules.
            let (row, column) = (place / width + 4, place % width + 4);
            let is_dark = *want == qrcode::Color::Dark;
            assert_eq!(modules[row][column], is_dark, "{row} {column}");
        }
        assert!(modules[..4].iter().flatten().all(|is_dark| !is_dark));
    }

    #[test]
    fn the_colours_of_the_terminal_do_not_matter() {
        let plain = code(URL, 80, false).expect("it fits");
        let coloured = code(URL, 80, true).expect("it fits");
        let bare = coloured.replace(INK, "").replace(RESET, "");
        let (light, dark) = (modules(&plain, true), modules(&bare, false));
        // Both end with a row that may be one more than the code has.
        assert_eq!(light[..light.len() - 1], dark[..dark.len() - 1]);
        assert!(
            coloured
                .lines()
                .all(|line| line.starts_with(INK) && line.ends_with(RESET))
        );
    }

    #[test]
    fn a_code_that_is_too_wide_is_not_drawn() {
        let width = code(URL, 80, false).expect("it fits");
        let width = width.lines().next().expect("a line").chars().count();
        assert!(code(URL, width, false).is_some());
        assert_eq!(code(URL, width - 1, false), None);
        assert_eq!(code(&"x".repeat(10_000), usize::MAX, false), None);
    }
}
