//! Messages without their secrets, for people who look at them: see [`secrets`](crate::semantics::secrets).

use std::borrow::Cow;
use std::iter;
use std::ops::Range;

use crate::semantics::secrets::{
    MASK, secret_of_line, user_information, value_without_user_information,
};

/// A line of a head without secrets.
pub(super) struct Masked<'a> {
    /// The line, with a mask for each secret.
    pub text: Cow<'a, [u8]>,
    /// CRLF, or what a malformed head has instead. Empty at the end of a head that is not whole.
    pub end: &'a [u8],
}

/// The lines of a head without secrets.
pub(super) fn masked(head: &[u8]) -> impl Iterator<Item = Masked<'_>> {
    let mut is_first = true;
    let mut secrets = Secrets::default();
    lines(head).map(move |(line, end)| {
        let text = match secrets.of(line) {
            Some(secret) => Cow::Owned([&line[..secret], b" ", MASK.as_bytes()].concat()),
            None if is_first => masked_words(line),
            None => masked_value(line),
        };
        // An empty line may precede the request-line (RFC 9112 section 2.2).
        is_first &= line.is_empty();
        Masked { text, end }
    })
}

/// What is kept of a chunked body, with each octet of the secrets in its trailer section masked. So the length stays.
pub(super) fn masked_chunked(body: &[u8]) -> Cow<'_, [u8]> {
    let Some(trailers) = trailers(body) else {
        return Cow::Borrowed(body);
    };
    let (chunks, trailers) = body.split_at(trailers);
    let mut masked = chunks.to_vec();
    let mut secrets = Secrets::default();
    for (line, end) in lines(trailers) {
        let secret = secrets.of(line).unwrap_or(line.len());
        let spaces = line[secret..].iter().take_while(|&&octet| octet == b' ');
        let shown = secret + spaces.count();
        masked.extend_from_slice(&line[..shown]);
        masked.resize(masked.len() + line.len() - shown, b'*');
        masked.extend_from_slice(end);
    }
    Cow::Owned(masked)
}

/// Where the trailer section of a chunked body begins (RFC 9112 section 7.1): behind the line of the last chunk.
fn trailers(body: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let rest = body.get(at..)?;
        let line = rest.iter().position(|&octet| octet == b'\n')? + 1;
        let digits = rest.iter().take_while(|octet| octet.is_ascii_hexdigit());
        let digits = str::from_utf8(&rest[..digits.count()]).ok()?;
        match usize::from_str_radix(digits, 16).ok()? {
            0 => return Some(at + line),
            size => at = (at + line).checked_add(size)?.checked_add(b"\r\n".len())?,
        }
    }
}

/// Finds the secret in each line, in order.
#[derive(Default)]
struct Secrets {
    /// Whether the value of the field so far is secret.
    is_secret: bool,
}

impl Secrets {
    /// Where the secret of the next line begins, if it has one. A folded line continues the field before it. If there
    /// is none, as after the start line, its own name decides.
    fn of(&mut self, line: &[u8]) -> Option<usize> {
        let secret = secret_of_line(line);
        let is_folded = matches!(line.first(), Some(b' ' | b'\t'));
        self.is_secret = secret.is_some() || (is_folded && self.is_secret);
        let begin = if is_folded { Some(0) } else { secret };
        begin.filter(|_| self.is_secret)
    }
}

/// The request-line. Any word of a malformed one may be the target, so each is masked.
fn masked_words(line: &[u8]) -> Cow<'_, [u8]> {
    let mut masked: Cow<'_, [u8]> = Cow::Borrowed(line);
    // From the end, so that the places of the earlier words stay.
    for word in words(line).into_iter().rev() {
        if let Some(found) = user_information(&line[word.clone()]) {
            let found = word.start + found.start..word.start + found.end;
            masked.to_mut().splice(found, MASK.bytes());
        }
    }
    masked
}

/// Where the words of a line stand.
fn words(line: &[u8]) -> Vec<Range<usize>> {
    let mut at = 0;
    let words = line.split(|octet| octet.is_ascii_whitespace());
    words
        .map(|word| {
            let begin = at;
            at += word.len() + 1;
            begin..begin + word.len()
        })
        .collect()
}

/// A field, whose value may have user information.
fn masked_value(line: &[u8]) -> Cow<'_, [u8]> {
    let Some(colon) = line.iter().position(|&octet| octet == b':') else {
        return Cow::Borrowed(line);
    };
    let value = line[colon + 1..].trim_ascii_start();
    let before = line.len() - value.len();
    match value_without_user_information(&line[..colon], value) {
        Cow::Borrowed(_) => Cow::Borrowed(line),
        Cow::Owned(value) => Cow::Owned([&line[..before], &value].concat()),
    }
}

/// The lines of a head, and the end of each. A bare CR or LF ends a line too, so that it cannot hide a secret. It
/// is printed, because it is why docroot refused the head.
fn lines(head: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = head;
    iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let length = rest.iter().position(|octet| b"\r\n".contains(octet));
        let (line, tail) = rest.split_at(length.unwrap_or(rest.len()));
        let end = match tail {
            [b'\r', b'\n', ..] => 2,
            _ => tail.len().min(1),
        };
        let (end, tail) = tail.split_at(end);
        rest = tail;
        Some((line, end))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// Heads and what is shown of them. The page of the wire view masks what it reads from files by the same table.
    const CASES: &str = include_str!("masked/cases.json");

    /// A string of one character per octet.
    fn octets(value: &Value) -> Vec<u8> {
        let text = value.as_str().expect("a string");
        text.chars()
            .map(|octet| u8::try_from(octet).expect("an octet"))
            .collect()
    }

    fn cases(kind: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
        let cases: Value = serde_json::from_str(CASES).expect("JSON");
        let cases = cases[kind].as_array().expect("cases").clone();
        assert!(cases.len() > 5);
        cases
            .iter()
            .map(|case| (octets(&case[0]), octets(&case[1])))
            .collect()
    }

    #[test]
    fn heads_are_shown_without_secrets() {
        for (head, want) in cases("heads") {
            let masked = masked(&head).flat_map(|line| [&*line.text, line.end].concat());
            let got: Vec<u8> = masked.collect();
            assert_eq!(
                got.escape_ascii().to_string(),
                want.escape_ascii().to_string()
            );
        }
    }

    #[test]
    fn chunked_bodies_are_shown_without_secrets() {
        for (body, want) in cases("chunked") {
            let got = masked_chunked(&body);
            assert_eq!(
                got.escape_ascii().to_string(),
                want.escape_ascii().to_string()
            );
            assert_eq!(got.len(), body.len());
        }
    }
}
