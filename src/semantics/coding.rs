//! RFC 9110 sections 8.4.1 and 12.5.3: content codings and Accept-Encoding.
//!
//! ```text
//! Accept-Encoding = #( codings [ weight ] )
//! codings         = content-coding / "identity" / "*"
//! ```
//!
//! The server answers `gzip, deflate` with gzip, and `identity;q=1, gzip;q=0.5` with identity.

use super::edit::Edit;
use super::field::{FieldName, Fields};
use super::precondition::asks_for_whole;
use super::status::Status;
use super::trace::{Clause, Evidence, Step, Trace, clause};
use super::weight::{Weight, split_weight};

/// A content coding that the server can send. Identity means no coding. The server itself applies only
/// gzip and deflate. It sends the others if the operator has applied them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Coding {
    Identity,
    Gzip,
    Deflate,
    /// RFC 7932.
    Brotli,
    /// RFC 8878.
    Zstd,
}

/// The result of [`choose`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodingChoice {
    /// The coding to send, and the reason.
    Chosen(Coding, CodingReason),
    /// The client refuses identity and accepts none of the offered codings.
    NotAcceptable,
}

/// Why a coding was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodingReason {
    /// Identity: no coding was offered for this representation.
    NotOffered,
    /// Identity: the request has no Accept-Encoding. This allows any coding, but many such clients
    /// cannot decode one.
    FieldAbsent,
    /// Identity: the field is empty, so the client wants no coding.
    FieldEmpty,
    /// This coding: the client prefers it among the offered ones.
    Preferred(Coding),
    /// Identity: the client lists it and prefers it to every offered coding.
    IdentityPreferred,
    /// Identity: the client lists it and prefers it as much as a coding that makes the content larger.
    IdentitySmaller,
    /// Identity: the field accepts none of the offered codings.
    NoneAccepted,
    /// This coding: the field refuses identity.
    IdentityRefused(Coding),
    /// This coding: the request has no Accept-Encoding, and the file is stored in it.
    Stored,
    /// Identity: an HTTP/1.0 client needs the length before the body. Only callers set this.
    LengthUnknown,
    /// Identity: the server has no memory left for another coder. Only callers set this.
    CodersBusy,
    /// Identity: the request has a range, and ranges count file bytes. Only callers set this.
    RangeAsked,
}

impl Coding {
    /// The coding with this token, which is case-insensitive. `x-gzip` is gzip (section 8.4.1.3).
    pub fn from_token(token: &[u8]) -> Option<Coding> {
        const TOKENS: [(&[u8], Coding); 6] = [
            (b"gzip", Coding::Gzip),
            (b"deflate", Coding::Deflate),
            (b"br", Coding::Brotli),
            (b"zstd", Coding::Zstd),
            (b"identity", Coding::Identity),
            (b"x-gzip", Coding::Gzip),
        ];
        TOKENS
            .into_iter()
            .find(|(known, _)| token.eq_ignore_ascii_case(known))
            .map(|(_, coding)| coding)
    }

    /// Whether the server can send what is stored in it without it.
    pub fn is_decoded(self) -> bool {
        !matches!(self, Coding::Brotli | Coding::Zstd)
    }

    /// The token in Content-Encoding. `identity` is never sent there.
    pub fn name(self) -> &'static str {
        match self {
            Coding::Identity => "identity",
            Coding::Gzip => "gzip",
            Coding::Deflate => "deflate",
            Coding::Brotli => "br",
            Coding::Zstd => "zstd",
        }
    }
}

/// How many codings there are.
const COUNT: usize = 5;

/// Chooses identity or one of `offered`, which is in the server's order of preference.
///
/// The highest weight wins. Identity competes only if the field lists it by name. Between equal
/// weights, the server's order decides. Identity comes last, unless it has another place in `offered`. If the result is
/// [`CodingChoice::NotAcceptable`], the caller may try again with a larger offer.
pub fn choose(fields: &Fields, offered: &[Coding], trace: &mut Trace) -> CodingChoice {
    let choice = chosen(fields, offered);
    trace.note(|| note(fields, offered, choice));
    choice
}

/// Like [`choose`], for a file that is stored in a coding. A client without Accept-Encoding gets it as it
/// is stored, because such a client often saves it. Identity means that the server decodes it. If the server
/// cannot, a client that accepts only identity is not sent the file.
pub fn choose_stored(fields: &Fields, stored: Coding, trace: &mut Trace) -> CodingChoice {
    let choice = match fields.contains(FieldName::AcceptEncoding) {
        true => chosen(fields, &[stored]),
        false => CodingChoice::Chosen(stored, CodingReason::Stored),
    };
    let choice = match choice {
        CodingChoice::Chosen(Coding::Identity, _) if !stored.is_decoded() => {
            match accepts(fields, stored) {
                true => CodingChoice::Chosen(stored, CodingReason::Preferred(stored)),
                false => CodingChoice::NotAcceptable,
            }
        }
        choice => choice,
    };
    trace.note(|| note(fields, &[stored], choice));
    choice
}

const CHOOSE: Clause = clause!("RFC 9110 section 12.5.3", "choose");

fn note(fields: &Fields, offered: &[Coding], choice: CodingChoice) -> Step {
    use CodingReason::{FieldAbsent, NotOffered, Stored};
    if let CodingChoice::Chosen(_, reason @ (FieldAbsent | NotOffered | Stored)) = choice {
        return Step::new(CHOOSE, reason.text()).unless(edit(fields, offered, choice));
    }
    let accepted = Accepted::of(fields);
    let mut weights = [None; COUNT];
    let codings = offered.iter().filter(|&&coding| coding != Coding::Identity);
    let names = codings.chain(&[Coding::Identity]);
    for (slot, coding) in weights.iter_mut().zip(names) {
        *slot = Some((coding.name(), accepted.weight(*coding)));
    }
    match choice {
        CodingChoice::Chosen(_, reason) => Step::new(CHOOSE, reason.text()),
        CodingChoice::NotAcceptable => {
            Step::new(CHOOSE, NOT_ACCEPTABLE).leads_to(Status::NotAcceptable)
        }
    }
    .with(Evidence::Weights(weights))
    .unless(edit(fields, offered, choice))
}

/// What would make the choice turn out otherwise. Each coding has its own validators and length, so only conditions
/// and ranges can change the status.
fn edit(fields: &Fields, offered: &[Coding], choice: CodingChoice) -> Option<Edit> {
    use CodingReason as Why;
    let is_whole = asks_for_whole(fields);
    let remove = Edit::remove(FieldName::AcceptEncoding);
    let CodingChoice::Chosen(_, reason) = choice else {
        return Some(remove.leads_to_if(is_whole, Status::Ok));
    };
    match reason {
        Why::FieldAbsent
        | Why::FieldEmpty
        | Why::IdentityPreferred
        | Why::IdentitySmaller
        | Why::NoneAccepted => {
            let coding = offered.iter().find(|&&coding| coding != Coding::Identity)?;
            let accept = Edit::set(FieldName::AcceptEncoding, coding.name());
            Some(accept.keeps_status_if(is_whole))
        }
        Why::Preferred(_) | Why::IdentityRefused(_) => Some(remove.keeps_status_if(is_whole)),
        Why::Stored => Some(Edit::set(
            FieldName::AcceptEncoding,
            Coding::Identity.name(),
        )),
        Why::NotOffered | Why::LengthUnknown | Why::CodersBusy | Why::RangeAsked => None,
    }
}

/// The reason for 406, as part of a sentence.
pub const NOT_ACCEPTABLE: &str = "Accept-Encoding refuses every available coding";

fn chosen(fields: &Fields, offered: &[Coding]) -> CodingChoice {
    if !fields.contains(FieldName::AcceptEncoding) {
        return identity_because(CodingReason::FieldAbsent, offered);
    }
    let accepted = Accepted::of(fields);
    match accepted.most_preferred(offered) {
        Some((_, weight)) if accepted.listed(Coding::Identity) > Some(weight) => {
            identity_because(CodingReason::IdentityPreferred, offered)
        }
        Some((coding, weight))
            if accepted.listed(Coding::Identity) == Some(weight)
                && comes_first(Coding::Identity, coding, offered) =>
        {
            identity_because(CodingReason::IdentitySmaller, offered)
        }
        Some((coding, _)) if accepted.refuses_identity() => {
            CodingChoice::Chosen(coding, CodingReason::IdentityRefused(coding))
        }
        Some((coding, _)) => CodingChoice::Chosen(coding, CodingReason::Preferred(coding)),
        None if accepted.refuses_identity() => CodingChoice::NotAcceptable,
        None if accepted.is_empty => identity_because(CodingReason::FieldEmpty, offered),
        None => identity_because(CodingReason::NoneAccepted, offered),
    }
}

/// Whether one coding on offer comes before another one.
fn comes_first(one: Coding, other: Coding, offered: &[Coding]) -> bool {
    let mut both = offered
        .iter()
        .filter(|&&coding| coding == one || coding == other);
    both.next() == Some(&one)
}

/// Whether the client accepts this coding. A client without Accept-Encoding gets none, as in [`choose`].
pub fn accepts(fields: &Fields, coding: Coding) -> bool {
    let weight = Accepted::of(fields).weight(coding);
    weight.is_some_and(|weight| !weight.is_refusal())
}

/// Whether the client accepts a representation without a coding. It does not if the field has
/// `identity;q=0`, or if it has `*;q=0` and does not list identity.
pub fn accepts_identity(fields: &Fields) -> bool {
    !fields.contains(FieldName::AcceptEncoding) || !Accepted::of(fields).refuses_identity()
}

impl Coding {
    /// That the client prefers it, as part of a sentence.
    fn preferred(self) -> &'static str {
        match self {
            Coding::Identity => "Accept-Encoding prefers identity",
            Coding::Gzip => "Accept-Encoding prefers gzip",
            Coding::Deflate => "Accept-Encoding prefers deflate",
            Coding::Brotli => "Accept-Encoding prefers br",
            Coding::Zstd => "Accept-Encoding prefers zstd",
        }
    }

    /// The same if the client refuses identity.
    fn preferred_to_identity(self) -> &'static str {
        match self {
            // A bug: identity is refused.
            Coding::Identity => "Accept-Encoding refuses identity",
            Coding::Gzip => "Accept-Encoding refuses identity and prefers gzip",
            Coding::Deflate => "Accept-Encoding refuses identity and prefers deflate",
            Coding::Brotli => "Accept-Encoding refuses identity and prefers br",
            Coding::Zstd => "Accept-Encoding refuses identity and prefers zstd",
        }
    }
}

impl CodingReason {
    /// The reason, as part of a sentence.
    pub fn text(self) -> &'static str {
        match self {
            CodingReason::NotOffered => "no coding is offered for this representation",
            CodingReason::FieldAbsent => "the request has no Accept-Encoding",
            CodingReason::FieldEmpty => "Accept-Encoding is empty",
            CodingReason::Preferred(coding) => coding.preferred(),
            CodingReason::IdentityPreferred => Coding::Identity.preferred(),
            CodingReason::IdentitySmaller => {
                "Accept-Encoding prefers identity and a coding equally, and the file itself is smaller"
            }
            CodingReason::NoneAccepted => "Accept-Encoding accepts no coding that is offered",
            CodingReason::IdentityRefused(coding) => coding.preferred_to_identity(),
            CodingReason::Stored => {
                "the request has no Accept-Encoding, and the file is stored in this coding"
            }
            CodingReason::LengthUnknown => {
                "the compressed length is not known yet, and HTTP/1.0 has no chunks"
            }
            CodingReason::CodersBusy => {
                "the server has no memory left to compress another response"
            }
            CodingReason::RangeAsked => "ranges apply to the uncompressed file",
        }
    }
}

/// Chooses identity. If `offered` is empty, that is the reason instead of `reason`.
fn identity_because(reason: CodingReason, offered: &[Coding]) -> CodingChoice {
    let reason = match offered {
        [] => CodingReason::NotOffered,
        _ => reason,
    };
    CodingChoice::Chosen(Coding::Identity, reason)
}

/// The weights in Accept-Encoding.
#[derive(Default)]
struct Accepted {
    /// Of each coding that is listed by name.
    listed: [Option<Weight>; COUNT],
    any: Option<Weight>,
    is_empty: bool,
}

impl Accepted {
    fn of(fields: &Fields) -> Accepted {
        let mut accepted = Accepted {
            is_empty: true,
            ..Accepted::default()
        };
        for member in fields.preferences(FieldName::AcceptEncoding) {
            accepted.is_empty = false;
            if let Some((token, weight)) = split_weight(member) {
                accepted.note(token, weight);
            }
        }
        accepted
    }

    /// If a coding is listed twice, the lower weight applies, because one of them may be a refusal.
    fn note(&mut self, token: &[u8], weight: Weight) {
        let slot = match (token, Coding::from_token(token)) {
            (b"*", _) => &mut self.any,
            (_, Some(coding)) => &mut self.listed[coding as usize],
            (_, None) => return,
        };
        *slot = Some(slot.map_or(weight, |earlier| earlier.min(weight)));
    }

    /// The weight of a coding that the field lists by name.
    fn listed(&self, coding: Coding) -> Option<Weight> {
        self.listed[coding as usize]
    }

    /// The weight of a coding. `*` matches every coding that is not listed.
    fn weight(&self, coding: Coding) -> Option<Weight> {
        self.listed(coding).or(self.any)
    }

    fn refuses_identity(&self) -> bool {
        self.weight(Coding::Identity)
            .is_some_and(Weight::is_refusal)
    }

    fn most_preferred(&self, offered: &[Coding]) -> Option<(Coding, Weight)> {
        offered
            .iter()
            .filter(|&&coding| coding != Coding::Identity)
            .filter_map(|&coding| Some((coding, self.weight(coding)?)))
            .filter(|(_, weight)| !weight.is_refusal())
            .rev() // max_by_key returns the last of equal elements, but the server's first must win
            .max_by_key(|&(_, weight)| weight)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::semantics::field::Section;
    use Coding::{Brotli, Deflate, Gzip, Identity, Zstd};
    use CodingReason as Why;

    #[track_caller]
    fn check_offer(lines: &[&str], offered: &[Coding], want: CodingChoice) {
        let pairs: Vec<_> = lines
            .iter()
            .map(|line| (FieldName::AcceptEncoding, line))
            .collect();
        let got = choose(&Section::of(&pairs).fields(), offered, &mut Trace::off());
        assert_eq!(got, want, "{lines:?} offered {offered:?}");
    }

    #[track_caller]
    fn check(value: &str, coding: Coding, why: Why) {
        let want = CodingChoice::Chosen(coding, why);
        check_offer(&[value], &[Gzip, Deflate], want);
    }

    #[test]
    fn a_coding_is_chosen() {
        check("gzip", Gzip, Why::Preferred(Gzip));
        check("GZIP", Gzip, Why::Preferred(Gzip)); // 8.4.1: case-insensitive
        check("x-gzip", Gzip, Why::Preferred(Gzip)); // 8.4.1.3
        check("deflate", Deflate, Why::Preferred(Deflate));
        check("gzip, deflate, br, zstd", Gzip, Why::Preferred(Gzip)); // the server's order
        check("deflate, gzip", Gzip, Why::Preferred(Gzip));
        check("gzip;q=0.5, deflate", Deflate, Why::Preferred(Deflate)); // the client's weight
        check(
            "gzip;q=0.5, deflate;q=0.501",
            Deflate,
            Why::Preferred(Deflate),
        ); // 12.4.2: three digits
        check("gzip;q=0.001", Gzip, Why::Preferred(Gzip)); // unlisted identity does not compete
        check("gzip, identity", Gzip, Why::Preferred(Gzip)); // a coding wins over identity
        check("*", Gzip, Why::Preferred(Gzip)); // 12.5.3: any coding not listed
        check("gzip;q=0, *", Deflate, Why::Preferred(Deflate));
        check("gzip;q=0.3, *;q=0.8", Deflate, Why::Preferred(Deflate));
        check("gzip;q=1.5, deflate", Deflate, Why::Preferred(Deflate)); // malformed: ignored
        check(", gzip ,", Gzip, Why::Preferred(Gzip)); // 5.6.1.2
    }

    #[test]
    fn identity_is_chosen() {
        check("", Identity, Why::FieldEmpty); // 12.5.3: the example of an empty field
        assert!(Why::FieldEmpty.text().contains("Accept-Encoding"));
        check(" , ", Identity, Why::FieldEmpty);
        check("br", Identity, Why::NoneAccepted);
        check("gzip;q=0, deflate;q=0", Identity, Why::NoneAccepted);
        check("gzip;q=0, gzip, deflate;q=0", Identity, Why::NoneAccepted); // the refusal applies
        check("gzip;q", Identity, Why::NoneAccepted);
        check("gzip;level=9", Identity, Why::NoneAccepted); // codings have no parameters
        check("identity", Identity, Why::NoneAccepted);
        check("identity;q=1, gzip;q=0.5", Identity, Why::IdentityPreferred);
        check("identity, *;q=0", Identity, Why::NoneAccepted);
        let absent = CodingChoice::Chosen(Identity, Why::FieldAbsent);
        check_offer(&[], &[Gzip], absent);
    }

    #[test]
    fn identity_comes_before_codings_that_make_the_content_larger() {
        let check = |value: &str, offered: &[Coding], coding: Coding, why: Why| {
            check_offer(&[value], offered, CodingChoice::Chosen(coding, why));
        };
        let larger = [Identity, Gzip, Deflate];
        check("gzip, identity", &larger, Identity, Why::IdentitySmaller);
        check(
            "gzip;q=0.5, identity;q=0.5",
            &larger,
            Identity,
            Why::IdentitySmaller,
        );
        check("gzip, identity;q=0.9", &larger, Gzip, Why::Preferred(Gzip));
        check(
            "gzip;q=0.9, identity",
            &larger,
            Identity,
            Why::IdentityPreferred,
        );
        check("gzip", &larger, Gzip, Why::Preferred(Gzip));
        check("gzip, *", &larger, Gzip, Why::Preferred(Gzip));
        check(
            "gzip, identity;q=0",
            &larger,
            Gzip,
            Why::IdentityRefused(Gzip),
        );
        check("br", &larger, Identity, Why::NoneAccepted);
        let mixed = [Brotli, Identity, Gzip];
        check("gzip, br, identity", &mixed, Brotli, Why::Preferred(Brotli));
        check(
            "gzip, identity, br;q=0.9",
            &mixed,
            Identity,
            Why::IdentitySmaller,
        );
    }

    #[test]
    fn identity_may_be_refused() {
        check("gzip, identity;q=0", Gzip, Why::IdentityRefused(Gzip));
        check("gzip;q=0.1, *;q=0", Gzip, Why::IdentityRefused(Gzip));
        for value in ["identity;q=0", "*;q=0", "br, *;q=0", "identity;q=0.000, br"] {
            check_offer(&[value], &[Gzip, Deflate], CodingChoice::NotAcceptable);
            let section = Section::of(&[(FieldName::AcceptEncoding, value)]);
            assert!(!accepts_identity(&section.fields()), "{value:?}");
        }
        for value in ["", "gzip", "identity;q=0.001, *;q=0", "gzip;q=0"] {
            let section = Section::of(&[(FieldName::AcceptEncoding, value)]);
            assert!(accepts_identity(&section.fields()), "{value:?}");
        }
        assert!(accepts_identity(&Fields::empty()));
    }

    #[test]
    fn only_offered_codings_are_chosen() {
        let identity = CodingChoice::Chosen(Identity, Why::NotOffered);
        check_offer(&[], &[], identity);
        check_offer(&["gzip"], &[], identity);
        check_offer(&["gzip, identity;q=0"], &[], CodingChoice::NotAcceptable);
        // The second try with a larger offer.
        let coded = CodingChoice::Chosen(Gzip, Why::IdentityRefused(Gzip));
        check_offer(&["gzip, identity;q=0"], &[Gzip, Deflate], coded);
        let deflate = CodingChoice::Chosen(Deflate, Why::Preferred(Deflate));
        check_offer(&["gzip, deflate"], &[Deflate, Gzip], deflate);
    }

    #[test]
    fn a_file_that_is_stored_in_a_coding_is_decoded_only_for_clients_that_want_that() {
        let check = |lines: &[&str], want: CodingChoice| {
            let field = |line| (FieldName::AcceptEncoding, line);
            let pairs: Vec<_> = lines.iter().map(field).collect();
            let fields = Section::of(&pairs);
            let got = choose_stored(&fields.fields(), Gzip, &mut Trace::off());
            assert_eq!(got, want, "{lines:?}");
        };
        check(&[], CodingChoice::Chosen(Gzip, Why::Stored));
        check(
            &["gzip, deflate, br"],
            CodingChoice::Chosen(Gzip, Why::Preferred(Gzip)),
        );
        check(
            &["deflate, *"],
            CodingChoice::Chosen(Gzip, Why::Preferred(Gzip)),
        );
        check(
            &["deflate"],
            CodingChoice::Chosen(Identity, Why::NoneAccepted),
        );
        check(&[""], CodingChoice::Chosen(Identity, Why::FieldEmpty));
        check(
            &["gzip;q=0"],
            CodingChoice::Chosen(Identity, Why::NoneAccepted),
        );
        let preferred = CodingChoice::Chosen(Identity, Why::IdentityPreferred);
        check(&["gzip;q=0.5, identity"], preferred);
        check(&["deflate, identity;q=0"], CodingChoice::NotAcceptable);
    }

    #[test]
    fn several_lines_form_one_list() {
        let deflate = CodingChoice::Chosen(Deflate, Why::Preferred(Deflate));
        check_offer(&["gzip;q=0.5", "deflate"], &[Gzip, Deflate], deflate); // 5.2
        check_offer(&["", "deflate"], &[Gzip, Deflate], deflate);
    }

    #[test]
    fn each_coding_has_its_own_token() {
        const ALL: [Coding; COUNT] = [Identity, Gzip, Deflate, Brotli, Zstd];
        assert_eq!(
            ALL.map(Coding::name),
            ["identity", "gzip", "deflate", "br", "zstd"] // IANA's registry of content codings
        );
        for (number, coding) in ALL.into_iter().enumerate() {
            assert_eq!(coding as usize, number);
            assert_eq!(Coding::from_token(coding.name().as_bytes()), Some(coding));
            let reasons = [Why::Preferred(coding), Why::IdentityRefused(coding)];
            assert!(reasons[0].text().ends_with(coding.name()));
            assert!(reasons[1].text().ends_with(coding.name()));
        }
    }

    /// The order of the offer decides between equal weights. The server puts the smallest first.
    #[test]
    fn codings_that_the_operator_applied_are_chosen_like_others() {
        let offer = &[Brotli, Zstd, Gzip, Deflate];
        let check = |value: &str, offer: &[Coding], coding| {
            let want = CodingChoice::Chosen(coding, Why::Preferred(coding));
            check_offer(&[value], offer, want);
        };
        check("gzip, deflate, br, zstd", offer, Brotli);
        check("gzip, deflate, br, zstd", &[Gzip, Zstd, Brotli], Gzip);
        check("BR;q=0.5, zstd", offer, Zstd);
        check("gzip, br;q=0.9, zstd;q=0.9", offer, Gzip);
        check("br;q=0, *", offer, Zstd);
        check("deflate", offer, Deflate);
        check_offer(
            &["br, identity;q=0"],
            &[Brotli],
            CodingChoice::Chosen(Brotli, Why::IdentityRefused(Brotli)),
        );
        check_offer(
            &["gzip, zstd"],
            &[Brotli],
            CodingChoice::Chosen(Identity, Why::NoneAccepted),
        );
    }

    #[test]
    fn a_coding_is_accepted_unless_it_is_refused_or_not_listed() {
        let check = |value: &str, coding, want| {
            let section = Section::of(&[(FieldName::AcceptEncoding, value)]);
            assert_eq!(accepts(&section.fields(), coding), want, "{value:?}");
        };
        check("gzip, br", Brotli, true);
        check("gzip, br;q=0.001", Brotli, true);
        check("gzip, br;q=0", Brotli, false);
        check("gzip", Brotli, false);
        check("*", Zstd, true);
        check("zstd;q=0, *", Zstd, false);
        check("", Gzip, false);
        assert!(!accepts(&Fields::empty(), Gzip));
    }

    #[test]
    fn a_coding_would_be_another_one() {
        use FieldName::{AcceptEncoding, IfMatch, Range};
        let check = |pairs: &[(FieldName, &str)], offered: &[Coding], want: Option<Edit>| {
            let mut trace = Trace::watched();
            choose(&Section::of(pairs).fields(), offered, &mut trace);
            assert_eq!(trace.steps()[0].edits, [want, None], "{pairs:?}");
        };
        let offered = [Gzip, Deflate];
        let gzip = Edit::set(AcceptEncoding, "gzip");
        let removed = Edit::remove(AcceptEncoding);
        check(&[], &offered, Some(gzip.keeps_status()));
        check(&[(IfMatch, "*")], &offered, Some(gzip));
        check(
            &[],
            &[Identity, Deflate],
            Some(Edit::set(AcceptEncoding, "deflate").keeps_status()),
        );
        check(&[], &[], None);
        for value in ["", "br", "identity, gzip;q=0.5"] {
            check(
                &[(AcceptEncoding, value)],
                &offered,
                Some(gzip.keeps_status()),
            );
        }
        for value in ["gzip", "gzip, identity;q=0"] {
            let accepted = (AcceptEncoding, value);
            check(&[accepted], &offered, Some(removed.keeps_status()));
            check(&[accepted, (Range, "bytes=0-1")], &offered, Some(removed));
        }
        let refused = (AcceptEncoding, "*;q=0");
        check(&[refused], &offered, Some(removed.leads_to(Status::Ok)));
        check(&[refused, (IfMatch, "*")], &offered, Some(removed));
        let mut trace = Trace::watched();
        choose_stored(&Fields::empty(), Gzip, &mut trace);
        let identity = Edit::set(AcceptEncoding, "identity");
        assert_eq!(trace.steps()[0].edits, [Some(identity), None]);
    }
}
