//! RFC 9110 section 12.5.1: Accept.
//!
//! ```text
//! Accept      = #( media-range [ weight ] )
//! media-range = ( "*/*" / ( type "/*" ) / ( type "/" subtype ) ) parameters
//! ```
//!
//! If the server offers `text/html` and `application/json`, it sends HTML for a browser's
//! `text/html,application/xml;q=0.9,*/*;q=0.8` and for `*/*`. It sends JSON for
//! `application/json`.

use std::cmp::Reverse;

use super::edit::Edit;
use super::field::{FieldName, Fields, split_outside_quotes};
use super::precondition::asks_for_whole;
use super::trace::{Clause, Evidence, Quote, Step, Trace, clause};
use super::weight::{Weight, split_weight};

/// The chosen media type, and the reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MediaTypeChoice {
    /// The index of the media type in the offer.
    pub index: usize,
    /// The reason.
    pub reason: AcceptReason,
}

/// Why a media type was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AcceptReason {
    /// The request has no Accept, so the first is sent.
    FieldAbsent,
    /// The client prefers this media type.
    Preferred,
    /// The client accepts none of the offered types, so the first is sent. Section 12.5.1 lets the
    /// server ignore the field, and such a page helps the client more than a 406.
    NoneAccepted,
}

/// Chooses one of `offered`. The slice must not be empty and is in the server's order of
/// preference. The highest weight wins, then the more specific media range, then the server's
/// order. So `application/json, */*` selects JSON.
pub fn choose_media_type(
    fields: &Fields,
    offered: &[&'static str],
    trace: &mut Trace,
) -> MediaTypeChoice {
    let choice = chosen(fields, offered);
    trace.note(|| {
        let sent = match choice.reason {
            AcceptReason::FieldAbsent => Quote::of(b"no Accept"),
            _ => Quote::of_field(fields, FieldName::Accept),
        };
        let own = Quote::of(offered.get(choice.index).unwrap_or(&"").as_bytes());
        let step = Step::new(CHOOSE, choice.reason.text()).with(Evidence::Became(sent, own));
        let edit = match choice.reason {
            AcceptReason::FieldAbsent => {
                let last = offered.last().and_then(|last| last.split(';').next());
                Edit::set(FieldName::Accept, last.unwrap_or("*/*"))
            }
            _ => Edit::remove(FieldName::Accept),
        };
        step.unless(edit.keeps_status_if(asks_for_whole(fields)))
    });
    choice
}

const CHOOSE: Clause = clause!("RFC 9110 section 12.5.1", "choose_media_type");

fn chosen(fields: &Fields, offered: &[&str]) -> MediaTypeChoice {
    let first = |reason| MediaTypeChoice { index: 0, reason };
    if !fields.contains(FieldName::Accept) {
        return first(AcceptReason::FieldAbsent);
    }
    offered
        .iter()
        .enumerate()
        .filter_map(|(index, media_type)| Some((index, most_specific(fields, media_type)?)))
        .filter(|(_, matched)| !matched.weight.is_refusal())
        .rev() // max_by_key returns the last of equal elements, but the server's first must win
        .max_by_key(|(_, matched)| (matched.weight, matched.precision))
        .map_or(first(AcceptReason::NoneAccepted), |(index, _)| {
            let reason = AcceptReason::Preferred;
            MediaTypeChoice { index, reason }
        })
}

impl AcceptReason {
    /// The reason, as part of a sentence.
    fn text(self) -> &'static str {
        match self {
            AcceptReason::FieldAbsent => {
                "the request has no Accept, so the server sends its first choice"
            }
            AcceptReason::Preferred => "Accept prefers this media type",
            AcceptReason::NoneAccepted => {
                "Accept allows no available media type, so the server sends its first choice"
            }
        }
    }
}

/// How specific a media range is: `*/*` is 0, `type/*` is 1, and `type/subtype` is 2 plus the
/// number of its parameters.
type Precision = usize;

/// The media range that applies to a type.
struct Matched {
    precision: Precision,
    weight: Weight,
}

/// Whether the client accepts a media type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Acceptance {
    /// It names the type.
    Named,
    /// It accepts every type, or every type of this kind.
    Any,
    /// It does not accept the type.
    Refused,
}

/// Whether the client accepts `media_type`.
pub(super) fn acceptance(fields: &Fields, media_type: &str) -> Acceptance {
    if !fields.contains(FieldName::Accept) {
        return Acceptance::Any;
    }
    match most_specific(fields, media_type) {
        Some(matched) if matched.weight.is_refusal() => Acceptance::Refused,
        Some(Matched { precision: 2.., .. }) => Acceptance::Named,
        Some(_) => Acceptance::Any,
        None => Acceptance::Refused,
    }
}

/// Which alternates of a representation are sent instead of it if they exist, most wanted first: their
/// indexes in `alternates`, which are media types in the server's order of preference.
///
/// The client must name the media type of an alternate, and its weight must not be lower than that of the
/// representation's own. A client that accepts everything gets the representation itself, because it may
/// not know the other type. If it refuses the representation, every alternate that it accepts is better.
pub fn preferred_alternates(fields: &Fields, own: &str, alternates: &[&str]) -> Vec<usize> {
    let accepted = |media_type| {
        most_specific(fields, media_type).filter(|matched| !matched.weight.is_refusal())
    };
    let own = accepted(own).map(|own| own.weight);
    let alternates = alternates.iter().enumerate();
    let mut preferred: Vec<(Weight, usize)> = alternates
        .filter_map(|(index, media_type)| {
            let matched = accepted(media_type)?;
            let is_named = matched.precision >= 2;
            let is_better = own.is_none_or(|own| is_named && matched.weight >= own);
            is_better.then_some((matched.weight, index))
        })
        .collect();
    // A stable sort: of equal weights, the server's first counts.
    preferred.sort_by_key(|&(weight, _)| Reverse(weight));
    preferred.into_iter().map(|(_, index)| index).collect()
}

/// The most specific media range that matches `media_type`. It applies even if its weight is lower.
fn most_specific(fields: &Fields, media_type: &str) -> Option<Matched> {
    fields
        .preferences(FieldName::Accept)
        .filter_map(|member| {
            let (range, weight) = split_weight(member)?;
            let precision = precision(range, media_type.as_bytes())?;
            Some(Matched { precision, weight })
        })
        .max_by_key(|matched| matched.precision)
}

/// How specific `range` is for `media_type`, or `None` if it does not match.
fn precision(range: &[u8], media_type: &[u8]) -> Option<Precision> {
    let mut wanted = split_outside_quotes(range, b';').filter(|piece| !piece.is_empty());
    let essence = essence_precision(wanted.next()?, media_type)?;
    wanted.try_fold(essence, |precision, parameter| {
        has_parameter(media_type, parameter).then_some(precision + 1)
    })
}

fn essence_precision(range: &[u8], media_type: &[u8]) -> Option<Precision> {
    let (kind, subtype) = type_and_subtype(range)?;
    let (own_kind, own_subtype) = type_and_subtype(split_outside_quotes(media_type, b';').next()?)?;
    match (kind, subtype) {
        (b"*", b"*") => Some(0),
        _ if !kind.eq_ignore_ascii_case(own_kind) => None,
        (_, b"*") => Some(1),
        _ => subtype.eq_ignore_ascii_case(own_subtype).then_some(2),
    }
}

fn type_and_subtype(essence: &[u8]) -> Option<(&[u8], &[u8])> {
    let slash = essence.iter().position(|&byte| byte == b'/')?;
    Some((essence.get(..slash)?, essence.get(slash + 1..)?))
}

/// Compares parameters without case and quotes. This is correct for `charset`, and the values of the
/// other parameters that the server sends (`version` and `escaping`) are in lowercase.
fn has_parameter(media_type: &[u8], wanted: &[u8]) -> bool {
    split_outside_quotes(media_type, b';')
        .skip(1)
        .any(|own| unquoted(own).eq(unquoted(wanted)))
}

/// The bytes of a parameter in lowercase, without quotes.
fn unquoted(parameter: &[u8]) -> impl Iterator<Item = u8> {
    let bytes = parameter.iter().filter(|&&byte| byte != b'"');
    bytes.map(u8::to_ascii_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::semantics::field::Section;
    use AcceptReason::{FieldAbsent, NoneAccepted, Preferred};

    const HTML: usize = 0;
    const JSON: usize = 1;

    #[track_caller]
    fn check(value: &str, index: usize, reason: AcceptReason) {
        let section = Section::of(&[(FieldName::Accept, value)]);
        let offered = ["text/html; charset=utf-8", "application/json"];
        let got = choose_media_type(&section.fields(), &offered, &mut Trace::off());
        assert_eq!(got, MediaTypeChoice { index, reason }, "{value:?}");
    }

    #[test]
    fn real_clients_get_the_type_that_they_prefer() {
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        check(browser, HTML, Preferred);
        check("*/*", HTML, Preferred); // curl
        check("application/json", JSON, Preferred);
        check("application/json, text/plain, */*", JSON, Preferred); // axios
        check(
            "application/json, text/javascript, */*; q=0.01",
            JSON,
            Preferred,
        ); // jQuery
    }

    #[test]
    fn weights_and_precision() {
        check("text/html;q=0.5, application/json", JSON, Preferred);
        check("text/html, application/json", HTML, Preferred); // the server's order
        check("text/*;q=0.3, application/*;q=0.4", JSON, Preferred);
        check("TEXT/HTML", HTML, Preferred); // 8.3.1: case-insensitive
        check("text/html;charset=UTF-8, application/json", HTML, Preferred);
        check("text/html;level=1, application/json;q=0.1", JSON, Preferred); // no `level`
        check("text/html;charset=\"utf-8\"", HTML, Preferred);
        // 12.5.1: the most specific range applies, not the one with the highest weight.
        check("*/*, text/html;q=0", JSON, Preferred);
        check(
            "text/*, text/html;q=0.1, application/json;q=0.2",
            JSON,
            Preferred,
        );
        check(
            "text/html;q=0.1, text/html;charset=utf-8, */*;q=0.5",
            HTML,
            Preferred,
        );
        check(
            "text/html;charset=utf-8, text/html;q=0.1, */*;q=0.5",
            HTML,
            Preferred,
        );
    }

    #[test]
    fn alternates_are_sent_in_the_order_of_the_client() {
        const AVIF: usize = 0;
        const WEBP: usize = 1;
        let check = |value: &str, want: &[usize]| {
            let section = Section::of(&[(FieldName::Accept, value)]);
            let alternates = ["image/avif", "image/webp"];
            let got = preferred_alternates(&section.fields(), "image/png", &alternates);
            assert_eq!(got, want, "{value}");
        };
        check(
            "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8",
            &[AVIF, WEBP],
        ); // Chromium
        // An alternate must be named.
        check("image/avif", &[AVIF]);
        check("image/avif, image/png", &[AVIF]);
        check("image/avif;q=0.5, image/*;q=0.4", &[AVIF]);
        check("image/*", &[]);
        check("*/*", &[]);
        check("image/png", &[]);
        // The weights count before the server's order.
        check("image/webp, image/avif", &[AVIF, WEBP]);
        check("image/avif;q=0.5, image/webp", &[WEBP, AVIF]);
        check("image/avif;q=0.5, image/webp, image/png;q=0.8", &[WEBP]);
        check("image/avif;q=0.5, image/png", &[]);
        // 12.4.2: `q=0` is not acceptable.
        check("image/avif;q=0", &[]);
        check("image/avif;q=0, image/webp", &[WEBP]);
        check("image/png;q=0, */*", &[AVIF, WEBP]);
        check(
            "image/png;q=0, image/webp;q=0.2, image/*;q=0.1",
            &[WEBP, AVIF],
        );
        check("image/png;q=0, image/avif;q=0, */*", &[WEBP]);
        check("image/png;q=0", &[]);
        check("text/html", &[]);
        let none = preferred_alternates(&Fields::empty(), "image/png", &["image/avif"]);
        assert!(none.is_empty());
    }

    #[test]
    fn a_field_that_allows_no_offered_type_is_ignored() {
        check("image/png", HTML, NoneAccepted);
        check("", HTML, NoneAccepted);
        check("*/*;q=0", HTML, NoneAccepted);
        check("application/json;q=5", HTML, NoneAccepted); // malformed weight
        check("*", HTML, NoneAccepted); // not a media range
        check("*/json", HTML, NoneAccepted);
        check("html", HTML, NoneAccepted);
        let got = choose_media_type(&Fields::empty(), &["text/html"], &mut Trace::off());
        assert_eq!(got.reason, FieldAbsent);
        assert!(got.reason.text().contains("Accept"));
    }

    #[test]
    fn a_media_type_would_be_another_one() {
        let check = |pairs: &[(FieldName, &str)], want: Edit| {
            let offered = ["text/html", "application/json; charset=utf-8"];
            let mut trace = Trace::watched();
            choose_media_type(&Section::of(pairs).fields(), &offered, &mut trace);
            assert_eq!(trace.steps()[0].edits, [Some(want), None], "{pairs:?}");
        };
        let json = Edit::set(FieldName::Accept, "application/json");
        let removed = Edit::remove(FieldName::Accept);
        check(&[], json.keeps_status());
        check(&[(FieldName::IfMatch, "*")], json);
        check(&[(FieldName::Accept, "text/html")], removed.keeps_status());
        check(&[(FieldName::Accept, "image/png")], removed.keeps_status());
    }
}
