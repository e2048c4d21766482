//! What a query asks an endpoint of the lab for (RFC 9110 section 4.2.2).
//!
//! ```text
//! sizes=5,10,20&delay=200&trailers=1
//! ```
//!
//! An empty value counts as none, because forms send the inputs that nobody filled in. Unknown names are ignored.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::guide::fault::Fault;
use crate::text::escape::Line;
use crate::text::form::{self, Pair};

/// The pairs of a query, or of a form in the content of a request.
pub struct Query<'a>(Vec<Pair<'a>>);

impl<'a> Query<'a> {
    /// The pairs of this text.
    pub fn of(text: &'a [u8]) -> Query<'a> {
        Query(form::pairs(text).collect())
    }

    /// The value of a name, if it is not empty. If the name comes more than once, the first counts.
    pub fn value(&self, name: &str) -> Option<&[u8]> {
        let mut pairs = self.0.iter();
        let found = pairs.find(|pair| *pair.name == *name.as_bytes())?;
        Some(&*found.value).filter(|value| !value.is_empty())
    }

    /// Whether the name is there, for a checkbox.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|pair| *pair.name == *name.as_bytes())
    }

    /// All values of a name, for checkboxes.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        let pairs = self.0.iter();
        let named = pairs.filter(move |pair| *pair.name == *name.as_bytes());
        named.map(|pair| &*pair.value)
    }

    /// A value as printable text of ASCII with at most `longest` characters.
    pub fn text(&self, name: &str, longest: usize) -> Result<Option<&str>, Fault> {
        let Some(value) = self.value(name) else {
            return Ok(None);
        };
        let is_printable = value.iter().all(|byte| matches!(byte, b' '..=b'~'));
        match str::from_utf8(value) {
            Ok(text) if is_printable && text.len() <= longest => Ok(Some(text)),
            _ => {
                let wanted = format!("at most {longest} printable characters of ASCII");
                Err(fault(name, value, &wanted))
            }
        }
    }

    /// A number within this range.
    pub fn number(
        &self,
        name: &str,
        range: RangeInclusive<u64>,
        absent: u64,
    ) -> Result<u64, Fault> {
        let value = self.value(name);
        value.map_or(Ok(absent), |value| number(name, value, &range))
    }

    /// A time in milliseconds.
    pub fn milliseconds(&self, name: &str, most: u64, absent: u64) -> Result<Duration, Fault> {
        self.number(name, 0..=most, absent)
            .map(Duration::from_millis)
    }

    /// A list of at most `longest` numbers within this range, with commas between them.
    pub fn numbers(
        &self,
        name: &str,
        range: RangeInclusive<u64>,
        longest: usize,
        absent: &[u64],
    ) -> Result<Vec<u64>, Fault> {
        let Some(value) = self.value(name) else {
            return Ok(absent.to_vec());
        };
        let members = value.split(|&byte| byte == b',');
        if members.clone().count() > longest {
            return Err(fault(
                name,
                value,
                &format!("a list of at most {longest} numbers"),
            ));
        }
        members
            .map(|member| number(name, member.trim_ascii(), &range))
            .collect()
    }

    /// One of some words.
    pub fn choice<T: Copy>(
        &self,
        name: &str,
        choices: &[(&str, T)],
        absent: T,
    ) -> Result<T, Fault> {
        let Some(value) = self.value(name) else {
            return Ok(absent);
        };
        let found = choices.iter().find(|(word, _)| word.as_bytes() == value);
        found.map(|(_, choice)| *choice).ok_or_else(|| {
            let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
            fault(name, value, &format!("one of {}", words.join(", ")))
        })
    }
}

fn number(name: &str, value: &[u8], range: &RangeInclusive<u64>) -> Result<u64, Fault> {
    let is_number = value.iter().all(u8::is_ascii_digit);
    let number = str::from_utf8(value).ok().filter(|_| is_number);
    let number = number.and_then(|text| text.parse().ok());
    number
        .filter(|number| range.contains(number))
        .ok_or_else(|| {
            let (least, most) = (range.start(), range.end());
            fault(name, value, &format!("a number from {least} to {most}"))
        })
}

/// How much of a wrong value the response repeats.
const SHOWN: usize = 40;

fn fault(name: &str, value: &[u8], wanted: &str) -> Fault {
    let shown = &value[..value.len().min(SHOWN)];
    let more = if shown.len() < value.len() { "..." } else { "" };
    let shown = Line(shown);
    Fault::query(format!("{name} is \"{shown}{more}\". It must be {wanted}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_limits() {
        let number = |text: &'static str| Query::of(text.as_bytes()).number("n", 2..=30, 7).ok();
        for (text, want) in [
            ("", Some(7)),
            ("n", Some(7)),
            ("n=", Some(7)),
            ("m=3", Some(7)),
            ("n=2", Some(2)),
            ("n=030", Some(30)),
            ("n=3&n=x", Some(3)),
            ("n=1", None),
            ("n=31", None),
            ("n=-3", None),
            ("n=+3", None),
            ("n=3.5", None),
            ("n=%33", Some(3)),
            ("n=\u{663}", None),
            ("n=99999999999999999999999", None),
        ] {
            assert_eq!(number(text), want, "{text}");
        }
        let query = Query::of(b"n=10%00%0d%0a");
        let fault = query.number("n", 1..=5, 1).expect_err("no number");
        let want = "n is \"10\\x00\\x0D\\x0A\". It must be a number from 1 to 5.";
        assert_eq!(fault.text, want);
    }

    #[test]
    fn lists_have_limits() {
        let numbers =
            |text: &'static str| Query::of(text.as_bytes()).numbers("n", 1..=9, 3, &[4]).ok();
        assert_eq!(numbers(""), Some(vec![4]));
        assert_eq!(numbers("n=1,+2,9"), Some(vec![1, 2, 9]));
        for text in ["n=1,,2", "n=,", "n=0", "n=10", "n=1,2,3,4", "n=a"] {
            assert_eq!(numbers(text), None, "{text}");
        }
    }

    #[test]
    fn other_values() {
        let query = Query::of(b"a=x+y&b=%C3%A9&c&d=longer");
        assert_eq!(query.text("a", 3), Ok(Some("x y")));
        assert!(query.text("b", 3).is_err() && query.text("d", 5).is_err());
        assert!(query.has("c") && !query.has("e"));
        let choices = [("x y", 1), ("z", 2)];
        assert_eq!(query.choice("a", &choices, 0), Ok(1));
        assert_eq!(query.choice("e", &choices, 0), Ok(0));
        let fault = query.choice("d", &choices, 0).expect_err("no choice");
        assert_eq!(fault.text, "d is \"longer\". It must be one of x y, z.");
    }
}
