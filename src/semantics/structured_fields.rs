//! RFC 9651 section 4.2: reads the dictionary of a structured field.
//!
//! ```text
//! sf-dictionary = dict-member *( OWS "," OWS dict-member )
//! dict-member   = key ( [ "=" ( item / inner-list ) ] parameters )
//! ```
//!
//! `sha-256=10, sha-512=3` has two members with integers. `sha-256, x="a,b";c` has two others. If any part
//! is malformed, the whole field counts as absent.

use crate::text::octet::{self, TOKEN};

/// What this server needs to know of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// An integer (section 3.3.1).
    Integer(i64),
    /// Anything else.
    Other,
}

/// The members of a dictionary in one field line whose keys are `wanted`; `None` if it is malformed. If a key comes
/// twice, the last value counts (section 3.2). To compare all keys with each other would take quadratic time.
pub(super) fn dictionary(
    line: &[u8],
    wanted: impl Fn(&[u8]) -> bool,
) -> Option<Vec<(&[u8], Value)>> {
    let mut input = Input(line);
    let mut members: Vec<(&[u8], Value)> = Vec::new();
    input.skip(b" ");
    while !input.0.is_empty() {
        let key = input.key()?;
        let value = match input.eat(b'=') {
            true => input.item_or_inner_list()?,
            false => Value::Other,
        };
        input.parameters()?;
        if wanted(key) {
            members.retain(|(known, _)| *known != key);
            members.push((key, value));
        }
        input.skip(b" \t");
        if input.0.is_empty() {
            break;
        }
        if !input.eat(b',') {
            return None;
        }
        input.skip(b" \t");
        // A comma at the end is malformed.
        input.peek()?;
    }
    Some(members)
}

/// The bytes that are still to be read.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    fn next(&mut self) -> Option<u8> {
        let (&byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(byte)
    }

    fn eat(&mut self, wanted: u8) -> bool {
        let is_next = self.peek() == Some(wanted);
        if is_next {
            self.next();
        }
        is_next
    }

    fn skip(&mut self, bytes: &[u8]) {
        self.take_while(|byte| bytes.contains(&byte));
    }

    fn take_while(&mut self, belongs: impl Fn(u8) -> bool) -> &'a [u8] {
        let end = self.0.iter().position(|&byte| !belongs(byte));
        let (taken, rest) = self.0.split_at(end.unwrap_or(self.0.len()));
        self.0 = rest;
        taken
    }

    /// Section 4.2.3.3.
    fn key(&mut self) -> Option<&'a [u8]> {
        self.peek()
            .filter(|&byte| byte.is_ascii_lowercase() || byte == b'*')?;
        Some(self.take_while(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-.*".contains(&byte)
        }))
    }

    /// Section 4.2.3.2.
    fn parameters(&mut self) -> Option<()> {
        while self.eat(b';') {
            self.skip(b" ");
            self.key()?;
            if self.eat(b'=') {
                self.bare_item()?;
            }
        }
        Some(())
    }

    /// Sections 4.2.1.1 and 4.2.1.2, without the parameters behind it.
    fn item_or_inner_list(&mut self) -> Option<Value> {
        if !self.eat(b'(') {
            return self.bare_item();
        }
        loop {
            self.skip(b" ");
            if self.eat(b')') {
                return Some(Value::Other);
            }
            self.bare_item()?;
            self.parameters()?;
            self.peek().filter(|byte| matches!(byte, b' ' | b')'))?;
        }
    }

    /// Section 4.2.3.1.
    fn bare_item(&mut self) -> Option<Value> {
        match self.peek()? {
            b'-' | b'0'..=b'9' => return self.number(),
            b'"' => {
                self.next();
                self.string()?;
            }
            b'*' | b'a'..=b'z' | b'A'..=b'Z' => {
                self.take_while(|byte| octet::is(&TOKEN, byte) || matches!(byte, b':' | b'/'));
            }
            b':' => {
                self.next();
                self.take_while(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte));
                self.eat(b':').then_some(())?;
            }
            b'?' => {
                self.next();
                self.next().filter(|byte| matches!(byte, b'0' | b'1'))?;
            }
            b'@' => {
                self.next();
                matches!(self.number()?, Value::Integer(_)).then_some(())?;
            }
            b'%' => {
                self.next();
                self.eat(b'"').then_some(())?;
                self.take_while(|byte| matches!(byte, b' '..=b'~') && byte != b'"');
                self.eat(b'"').then_some(())?;
            }
            _ => return None,
        }
        Some(Value::Other)
    }

    /// Section 4.2.4: an integer of at most 15 digits, or a decimal.
    fn number(&mut self) -> Option<Value> {
        let sign = if self.eat(b'-') { -1 } else { 1 };
        let whole = self.take_while(|byte| byte.is_ascii_digit());
        if self.eat(b'.') {
            let fraction = self.take_while(|byte| byte.is_ascii_digit());
            let is_decimal = (1..=12).contains(&whole.len()) && (1..=3).contains(&fraction.len());
            return is_decimal.then_some(Value::Other);
        }
        if !(1..=15).contains(&whole.len()) {
            return None;
        }
        let digit = |number: i64, byte: &u8| number * 10 + i64::from(byte - b'0');
        Some(Value::Integer(sign * whole.iter().fold(0, digit)))
    }

    /// Section 4.2.5, behind the first quote.
    fn string(&mut self) -> Option<()> {
        loop {
            match self.next()? {
                b'"' => return Some(()),
                b'\\' => drop(self.next().filter(|byte| matches!(byte, b'"' | b'\\'))?),
                b' '..=b'~' => {}
                _ => return None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Value::{Integer, Other};

    #[track_caller]
    fn check(line: &str, want: Option<&[(&str, Value)]>) {
        let got = dictionary(line.as_bytes(), |_| true);
        let want = want.map(|members| {
            let members = members.iter().map(|(key, value)| (key.as_bytes(), *value));
            members.collect::<Vec<_>>()
        });
        assert_eq!(got, want, "{line:?}");
    }

    #[test]
    fn dictionaries_are_read() {
        check("", Some(&[]));
        check("  ", Some(&[]));
        check("a=1", Some(&[("a", Integer(1))]));
        check("a=-15,b", Some(&[("a", Integer(-15)), ("b", Other)]));
        check(
            "a=1 \t,\t b=2",
            Some(&[("a", Integer(1)), ("b", Integer(2))]),
        );
        check("a=1;x;y=2; z=\"q\"", Some(&[("a", Integer(1))]));
        check("a=1, a=3", Some(&[("a", Integer(3))])); // 3.2: the last value counts
        check(
            "*a_-.*9=999999999999999",
            Some(&[("*a_-.*9", Integer(999_999_999_999_999))]),
        );
    }

    /// What is not wanted is neither kept nor compared, however much there is of it.
    #[test]
    fn only_wanted_members_are_kept() {
        let others: Vec<String> = (0..10_000).map(|number| format!("x{number}=1")).collect();
        let line = format!("a=1, {}, a=2, b", others.join(","));
        let got = dictionary(line.as_bytes(), |key| key == b"a").expect("a dictionary");
        assert_eq!(got, [(&b"a"[..], Integer(2))]);
        assert!(got.capacity() < 10, "{}", got.capacity());
        assert_eq!(dictionary(b"b=, a=1", |key| key == b"a"), None);
    }

    #[test]
    fn values_of_each_type_are_read_over() {
        for value in [
            "1.5",
            "-0.125",
            "\"a,b\\\"\\\\\"",
            "gzip/x:y",
            "*",
            ":cHJl=:",
            "::",
            "?0",
            "?1",
            "@1659578233",
            "%\"f%c3%bc\"",
            "()",
            "( 1 \"a\";b=2  c )",
        ] {
            check(
                &format!("a={value}, b=2"),
                Some(&[("a", Other), ("b", Integer(2))]),
            );
        }
    }

    #[test]
    fn a_malformed_dictionary_counts_as_absent() {
        for line in [
            "a=1,", // 4.2.2: a comma at the end
            ",a=1",
            "a=1 b=2",
            "A=1",
            "1=a",
            "a =1",
            "a= 1",
            "a=",
            "a=1;",
            "a=1.",
            "a=1.2345",
            "a=1234567890123456",
            "a=--1",
            "a=\"x",
            "a=\"\\x\"",
            "a=\"\u{fc}\"",
            "a=:x",
            "a=?2",
            "a=@1.5",
            "a=%x",
            "a=(1",
            "a=(1,2)",
            "a=(1;)",
            "a=&",
        ] {
            check(line, None);
        }
    }
}
