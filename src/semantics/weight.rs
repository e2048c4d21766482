//! RFC 9110 section 12.4.2: quality values.
//!
//! ```text
//! weight = OWS ";" OWS "q=" qvalue
//! qvalue = ( "0" [ "." 0*3DIGIT ] ) / ( "1" [ "." 0*3("0") ] )
//! ```
//!
//! `gzip;q=0.5` has half the weight of `gzip`. `gzip;q=0` refuses gzip.

use super::field::{pieces_outside_quotes, trim};

/// The client's preference in thousandths: 0 means not acceptable, 1000 is the highest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Weight(u16);

impl Weight {
    /// `q=0`: not acceptable.
    const REFUSED: Weight = Weight(0);
    /// `q=1`, the default of a member without a weight.
    pub(super) const FULL: Weight = Weight(1000);

    /// Parses a qvalue: at most three digits after the point, and at most 1.
    pub(super) fn parse(qvalue: &[u8]) -> Option<Weight> {
        let (&whole, rest) = qvalue.split_first()?;
        let thousandths = match rest.split_first() {
            None => 0,
            Some((b'.', digits)) => parse_thousandths(digits)?,
            Some(_) => return None,
        };
        match whole {
            b'0' => Some(Weight(thousandths)),
            b'1' if thousandths == 0 => Some(Weight::FULL),
            _ => None,
        }
    }

    /// The weight in thousandths.
    pub(super) fn thousandths(self) -> u16 {
        self.0
    }

    /// Whether the weight is `q=0`.
    pub(super) fn is_refusal(self) -> bool {
        self == Weight::REFUSED
    }
}

/// Splits a list member from its weight: `text/html;level=1;q=0.5` is `text/html;level=1` and 0.5.
///
/// Returns `None` if the weight is malformed; callers ignore such a member. Parameters after the
/// weight were an extension in RFC 7231 and are ignored.
pub(super) fn split_weight(member: &[u8]) -> Option<(&[u8], Weight)> {
    let mut length = 0;
    for piece in pieces_outside_quotes(member, b';') {
        let is_parameter = length > 0;
        if let Some(qvalue) = qvalue(piece).filter(|_| is_parameter) {
            let value = member.get(..length - 1)?;
            return Some((trim(value), Weight::parse(qvalue)?));
        }
        length += piece.len() + 1;
    }
    Some((trim(member), Weight::FULL))
}

/// The value of `parameter` if its name is `q`. The grammar allows no white space around `=`, so
/// the value is malformed if there is any.
fn qvalue(parameter: &[u8]) -> Option<&[u8]> {
    let parameter = trim(parameter);
    let equals = parameter.iter().position(|&byte| byte == b'=');
    let (name, rest) = parameter.split_at_checked(equals.unwrap_or(parameter.len()))?;
    trim(name)
        .eq_ignore_ascii_case(b"q")
        .then(|| match name.len() {
            1 => rest.get(1..).unwrap_or_default(),
            _ => b"",
        })
}

fn parse_thousandths(digits: &[u8]) -> Option<u16> {
    if digits.len() > 3 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let digit = |place: usize| digits.get(place).map_or(0, |&byte| u16::from(byte - b'0'));
    Some(digit(0) * 100 + digit(1) * 10 + digit(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(qvalue: &str, want: Option<u16>) {
        let got = Weight::parse(qvalue.as_bytes()).map(Weight::thousandths);
        assert_eq!(got, want, "{qvalue:?}");
    }

    #[test]
    fn qvalues_have_up_to_three_digits() {
        check("0", Some(0));
        check("0.", Some(0)); // the digits are optional, 0*3DIGIT
        check("0.0", Some(0));
        check("0.000", Some(0));
        check("0.001", Some(1));
        check("0.5", Some(500));
        check("0.05", Some(50));
        check("0.999", Some(999));
        check("1", Some(1000));
        check("1.", Some(1000));
        check("1.000", Some(1000));
    }

    #[test]
    fn other_numbers_are_not_qvalues() {
        check("", None);
        check(".5", None); // the whole part is not optional
        check("0.1234", None);
        check("1.0000", None);
        check("1.001", None);
        check("2", None);
        check("10", None);
        check("00", None);
        check("-1", None);
        check("0,5", None);
        check("0.5 ", None);
        check("\"0.5\"", None);
    }

    #[track_caller]
    fn check_split(member: &str, want: Option<(&str, u16)>) {
        let got = split_weight(member.as_bytes()).map(|(value, weight)| (value, weight.0));
        let want = want.map(|(value, weight)| (value.as_bytes(), weight));
        assert_eq!(got, want, "{member:?}");
    }

    #[test]
    fn members_are_split_from_their_weight() {
        check_split("gzip", Some(("gzip", 1000)));
        check_split("gzip;q=0.5", Some(("gzip", 500)));
        check_split("gzip;Q=0.5", Some(("gzip", 500))); // 5.6.6: names are case-insensitive
        check_split("gzip \t; \tq=0.5", Some(("gzip", 500))); // OWS
        check_split("a/b;c=d;q=0", Some(("a/b;c=d", 0)));
        check_split("a/b;c=\";q=0\"", Some(("a/b;c=\";q=0\"", 1000))); // 5.6.4
        check_split("a/b;c=\"\\\";q=0\";q=1", Some(("a/b;c=\"\\\";q=0\"", 1000)));
        check_split("a/b;q=0.5;e=f", Some(("a/b", 500))); // RFC 7231: accept-ext
        check_split("a/b;", Some(("a/b;", 1000))); // 5.6.6: a parameter may be empty
        check_split("q=0.5", Some(("q=0.5", 1000))); // not a parameter
        check_split("", Some(("", 1000)));
    }

    #[test]
    fn members_with_a_malformed_weight_are_ignored() {
        check_split("gzip;q", None);
        check_split("gzip;q=", None);
        check_split("gzip;q=2", None);
        check_split("gzip;q=\"1\"", None);
        check_split("gzip;q =1", None); // 5.6.6: no white space around "="
        check_split("gzip;q= 1", None);
    }
}
