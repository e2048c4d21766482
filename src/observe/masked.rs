//! Messages without their secrets, for people who look at them: see [`secrets`](crate::semantics::secrets).

use std::borrow::Cow;
use std::iter;
use std::ops::Range;

use crate::http1::parse::TLS_HANDSHAKE;
use crate::semantics::secrets::{
    MASK, may_have_user_information, secret_of_line, user_information, user_information_of_field,
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
    lines(head).map(move |whole| {
        let Line { line, end, .. } = whole;
        let text = match secrets.of(whole) {
            Some(secret) => Cow::Owned([&line[..secret], b" ", MASK.as_bytes()].concat()),
            // An @ in the random octets of a TLS handshake is no sign of user information.
            None if is_first && line.first() == Some(&TLS_HANDSHAKE) => Cow::Borrowed(line),
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
    for whole in lines(trailers) {
        let Line { line, end, .. } = whole;
        let secret = match secrets.of(whole) {
            Some(secret) => {
                let spaces = line[secret..].iter().take_while(|&&octet| octet == b' ');
                secret + spaces.count()..line.len()
            }
            None => user_information_of_line(line).unwrap_or_default(),
        };
        let begin = masked.len();
        masked.extend_from_slice(line);
        masked[begin..][secret].fill(b'*');
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
    fn of(&mut self, Line { line, is_open, .. }: Line<'_>) -> Option<usize> {
        // Nobody sees where the user information stands in a value that goes on elsewhere.
        let of_open = || colon(line).filter(|&colon| may_have_user_information(&line[..colon]));
        let of_open = || of_open().filter(|_| is_open).map(|colon| colon + 1);
        let secret = secret_of_line(line).or_else(of_open);
        let is_folded = is_folded(line);
        self.is_secret = secret.is_some() || (is_folded && self.is_secret);
        let begin = if is_folded { Some(0) } else { secret };
        begin.filter(|_| self.is_secret)
    }
}

/// Whether a line continues the value of the one before it (RFC 9112 section 5.2).
fn is_folded(line: &[u8]) -> bool {
    matches!(line.first(), Some(b' ' | b'\t'))
}

fn colon(line: &[u8]) -> Option<usize> {
    line.iter().position(|&octet| octet == b':')
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
    match user_information_of_line(line) {
        None => Cow::Borrowed(line),
        Some(Range { start, end }) => {
            Cow::Owned([&line[..start], MASK.as_bytes(), &line[end..]].concat())
        }
    }
}

/// Where the user information of a field's value stands.
fn user_information_of_line(line: &[u8]) -> Option<Range<usize>> {
    let colon = colon(line)?;
    let value = line[colon + 1..].trim_ascii_start();
    let before = line.len() - value.len();
    let found = user_information_of_field(&line[..colon], value)?;
    Some(before + found.start..before + found.end)
}

/// A line of a head.
#[derive(Clone, Copy)]
struct Line<'a> {
    line: &'a [u8],
    /// See [`Masked::end`].
    end: &'a [u8],
    /// Whether its field goes on: the next line is folded, or the head was cut here.
    is_open: bool,
}

/// The lines of a head. A bare CR or LF ends a line too, so that it cannot hide a secret. It is printed, because it is why
/// docroot refused the head.
fn lines(head: &[u8]) -> impl Iterator<Item = Line<'_>> {
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
        let is_open = end.is_empty() || is_folded(rest);
        Some(Line { line, end, is_open })
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
