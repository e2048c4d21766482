//! RFC 9111 section 5.2: `Cache-Control`, in responses as the operator writes it and in requests.
//!
//! ```text
//! Cache-Control   = #cache-directive
//! cache-directive = token [ "=" ( token / quoted-string ) ]
//! ```
//!
//! An example is `public, max-age=31536000, immutable`.

use std::fmt;

use super::field::{FieldName, Fields, is_token, members};

/// What a response tells caches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CachePolicy {
    /// The directives, in the order in which they were written.
    directives: Vec<(Directive, Argument)>,
}

/// A response directive: those of section 5.2.2 in its order, then those of RFC 8246 and RFC 5861.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Directive {
    MaxAge,
    MustRevalidate,
    MustUnderstand,
    NoCache,
    NoStore,
    NoTransform,
    Private,
    ProxyRevalidate,
    Public,
    SMaxAge,
    Immutable,
    StaleWhileRevalidate,
    StaleIfError,
}

/// The argument of a directive.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Argument {
    None,
    Seconds(u32),
    /// Names of fields, as a quoted string without its quotes.
    Fields(Box<str>),
}

/// What is wrong with a list of directives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CachePolicyError {
    /// There is no directive.
    Empty,
    /// There is no such directive.
    Unknown(Box<str>),
    /// Only requests have this directive.
    OfRequests(&'static str),
    /// A directive occurs twice.
    Repeated(Directive),
    /// A directive needs a number of seconds from 0 to 2147483648.
    Seconds(Directive),
    /// A directive takes no argument.
    Argument(Directive),
    /// The argument of a directive is not a list of field names in quotation marks.
    FieldNames(Directive),
    /// Two directives contradict each other.
    Contradiction(Directive, Directive),
    /// A directive makes sense only with the other one.
    Needs(Directive, Directive),
}

/// The longest time that caches must be able to represent (section 1.2.2).
const MOST_SECONDS: u32 = 1 << 31;

/// The directives of section 5.2.1 that responses do not have.
const ONLY_IN_REQUESTS: [&str; 3] = ["max-stale", "min-fresh", "only-if-cached"];

impl Directive {
    /// Every response directive.
    pub const ALL: [Directive; 13] = [
        Directive::MaxAge,
        Directive::MustRevalidate,
        Directive::MustUnderstand,
        Directive::NoCache,
        Directive::NoStore,
        Directive::NoTransform,
        Directive::Private,
        Directive::ProxyRevalidate,
        Directive::Public,
        Directive::SMaxAge,
        Directive::Immutable,
        Directive::StaleWhileRevalidate,
        Directive::StaleIfError,
    ];

    /// The name in a field.
    pub fn name(self) -> &'static str {
        match self {
            Directive::MaxAge => "max-age",
            Directive::MustRevalidate => "must-revalidate",
            Directive::MustUnderstand => "must-understand",
            Directive::NoCache => "no-cache",
            Directive::NoStore => "no-store",
            Directive::NoTransform => "no-transform",
            Directive::Private => "private",
            Directive::ProxyRevalidate => "proxy-revalidate",
            Directive::Public => "public",
            Directive::SMaxAge => "s-maxage",
            Directive::Immutable => "immutable",
            Directive::StaleWhileRevalidate => "stale-while-revalidate",
            Directive::StaleIfError => "stale-if-error",
        }
    }

    /// Its argument in the policy.
    fn read(self, argument: Option<&str>) -> Result<Argument, CachePolicyError> {
        match (self, argument) {
            (
                Directive::MaxAge
                | Directive::SMaxAge
                | Directive::StaleWhileRevalidate
                | Directive::StaleIfError,
                argument,
            ) => argument
                .and_then(seconds)
                .map(Argument::Seconds)
                .ok_or(CachePolicyError::Seconds(self)),
            (_, None) => Ok(Argument::None),
            (Directive::NoCache | Directive::Private, Some(names)) => field_names(names)
                .map(Argument::Fields)
                .ok_or(CachePolicyError::FieldNames(self)),
            (_, Some(_)) => Err(CachePolicyError::Argument(self)),
        }
    }
}

/// The response directive with this name.
fn directive(name: &str) -> Result<Directive, CachePolicyError> {
    let mut all = Directive::ALL.into_iter();
    if let Some(found) = all.find(|directive| directive.name().eq_ignore_ascii_case(name)) {
        return Ok(found);
    }
    let mut of_requests = ONLY_IN_REQUESTS.into_iter();
    Err(
        match of_requests.find(|one| one.eq_ignore_ascii_case(name)) {
            Some(found) => CachePolicyError::OfRequests(found),
            None => CachePolicyError::Unknown(name.into()),
        },
    )
}

/// A number of seconds in digits (section 1.2.2).
fn seconds(text: &str) -> Option<u32> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = text.parse().ok().filter(|_| is_number);
    seconds.filter(|&seconds| seconds <= MOST_SECONDS)
}

/// Field names in quotation marks (sections 5.2.2.4 and 5.2.2.7).
fn field_names(text: &str) -> Option<Box<str>> {
    let names = text.strip_prefix('"')?.strip_suffix('"')?;
    let mut each = names.split(',');
    let are_names = each.all(|name| is_token(name.trim().as_bytes()));
    are_names.then(|| names.into())
}

impl CachePolicy {
    /// Reads directives such as `public, max-age=60`.
    pub fn parse(text: &str) -> Result<CachePolicy, CachePolicyError> {
        let mut policy = CachePolicy {
            directives: Vec::new(),
        };
        for member in members(text.as_bytes()) {
            let member = String::from_utf8_lossy(member);
            let (name, argument) = match member.split_once('=') {
                Some((name, argument)) => (name, Some(argument)),
                None => (&*member, None),
            };
            let directive = directive(name)?;
            if policy.find(directive).is_some() {
                return Err(CachePolicyError::Repeated(directive));
            }
            policy
                .directives
                .push((directive, directive.read(argument)?));
        }
        policy.check()?;
        Ok(policy)
    }

    /// Whether the directives fit together.
    fn check(&self) -> Result<(), CachePolicyError> {
        use Directive::*;
        if self.directives.is_empty() {
            return Err(CachePolicyError::Empty);
        }
        let has = |directive| self.find(directive).is_some();
        // With names of fields, these concern only the fields.
        let has_whole = |directive| self.find(directive) == Some(&Argument::None);
        let both = |one, other| Err(CachePolicyError::Contradiction(one, other));
        if has_whole(Private) {
            for other in [Public, SMaxAge, ProxyRevalidate] {
                if has(other) {
                    return both(Private, other);
                }
            }
        }
        // A cache that understands the status ignores no-store (section 5.2.2.3).
        let forbids_storing = has(NoStore) && !has(MustUnderstand);
        let forbids_reuse = [(NoStore, forbids_storing), (NoCache, has_whole(NoCache))];
        for (directive, _) in forbids_reuse.into_iter().filter(|(_, forbids)| *forbids) {
            let mut times = [MaxAge, SMaxAge, StaleWhileRevalidate, StaleIfError].into_iter();
            let other = times
                .find(|one| self.has_seconds(*one))
                .or(Some(Immutable).filter(|one| has(*one)));
            if let Some(other) = other {
                return both(directive, other);
            }
        }
        if forbids_storing && has(Public) {
            return both(NoStore, Public);
        }
        // They forbid to use a response that is no longer fresh (section 4.2.4).
        for directive in [MustRevalidate, ProxyRevalidate] {
            for other in [StaleWhileRevalidate, StaleIfError] {
                if has(directive) && self.has_seconds(other) {
                    return both(directive, other);
                }
            }
        }
        for (directive, needed) in [(Immutable, MaxAge), (MustUnderstand, NoStore)] {
            if has(directive) && !has(needed) {
                return Err(CachePolicyError::Needs(directive, needed));
            }
        }
        Ok(())
    }

    /// Whether a directive has a number of seconds above zero.
    fn has_seconds(&self, directive: Directive) -> bool {
        matches!(self.find(directive), Some(Argument::Seconds(1..)))
    }

    fn find(&self, wanted: Directive) -> Option<&Argument> {
        let mut found = self.directives.iter();
        let found = found.find(|(directive, _)| *directive == wanted);
        found.map(|(_, argument)| argument)
    }

    /// The policy without what lets shared caches keep the response, and with `private` (section 3.5).
    pub fn for_one_user(&self) -> CachePolicy {
        let is_for_shared = |directive| {
            matches!(
                directive,
                Directive::Public
                    | Directive::SMaxAge
                    | Directive::ProxyRevalidate
                    | Directive::Private
            )
        };
        let kept = self.directives.iter();
        let kept = kept.filter(|(directive, _)| !is_for_shared(*directive));
        let private = (Directive::Private, Argument::None);
        CachePolicy {
            directives: std::iter::once(private).chain(kept.cloned()).collect(),
        }
    }

    /// The seconds after which a response expires, for `Expires` (section 5.3): those of `max-age`. `None`
    /// if there are none, or if a directive keeps the response from some caches or from some uses: who needs
    /// `Expires` does not know that directive.
    pub fn expires(&self) -> Option<u32> {
        use Directive::{NoCache, NoStore, Private};
        let mut limits = [NoCache, NoStore, Private].into_iter();
        let is_limited = limits.any(|directive| self.find(directive).is_some());
        match self.find(Directive::MaxAge) {
            Some(Argument::Seconds(seconds)) if !is_limited => Some(*seconds),
            _ => None,
        }
    }
}

impl fmt::Display for CachePolicy {
    /// The value of the field.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, (directive, argument)) in self.directives.iter().enumerate() {
            f.write_str(if number == 0 { "" } else { ", " })?;
            f.write_str(directive.name())?;
            match argument {
                Argument::None => Ok(()),
                Argument::Seconds(seconds) => write!(f, "={seconds}"),
                Argument::Fields(names) => write!(f, "=\"{names}\""),
            }?;
        }
        Ok(())
    }
}

impl fmt::Display for CachePolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CachePolicyError::Empty => {
                f.write_str("the directives are missing: write one or more, such as max-age=60")
            }
            CachePolicyError::Unknown(name) => write!(f, "there is no directive '{name}'"),
            CachePolicyError::OfRequests(name) => write!(
                f,
                "{name} is a request directive, which only clients send: remove it"
            ),
            CachePolicyError::Repeated(one) => write!(f, "{} occurs twice: remove one", one.name()),
            CachePolicyError::Seconds(one) => write!(
                f,
                "{0} needs a number of seconds from 0 to {MOST_SECONDS}: write it as in {0}=60",
                one.name()
            ),
            CachePolicyError::Argument(one) => {
                write!(f, "{0} takes no value: write {0} alone", one.name())
            }
            CachePolicyError::FieldNames(one) => write!(
                f,
                "{0} takes field names in quotation marks, such as {0}=\"Set-Cookie\"",
                one.name()
            ),
            CachePolicyError::Contradiction(one, other) => write!(
                f,
                "{} and {} contradict each other: leave one of them out",
                one.name(),
                other.name()
            ),
            CachePolicyError::Needs(one, other) => write!(
                f,
                "{0} makes sense only with {1}: add {1}, or leave {0} out",
                one.name(),
                other.name()
            ),
        }
    }
}

impl std::error::Error for CachePolicyError {}

/// Whether the client forbids that the content is coded for it (section 5.2.1.6). An origin server has
/// no stored responses, so the other request directives, and `Pragma`, change nothing.
pub fn forbids_transforming(fields: &Fields<'_>) -> bool {
    let mut directives = fields.members(FieldName::CacheControl);
    directives.any(|directive| directive.eq_ignore_ascii_case(b"no-transform"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::semantics::field::Section;
    use Directive::*;

    #[track_caller]
    fn check(text: &str, want: &str) {
        let policy = CachePolicy::parse(text).expect(text);
        assert_eq!(policy.to_string(), want, "{text}");
    }

    #[test]
    fn each_directive_is_read_and_written() {
        check("public", "public");
        check(
            " Public ,, MAX-AGE=31536000,immutable ",
            "public, max-age=31536000, immutable",
        );
        check("max-age=0", "max-age=0");
        check("max-age=2147483648", "max-age=2147483648");
        check(
            "s-maxage=60, proxy-revalidate",
            "s-maxage=60, proxy-revalidate",
        );
        check(
            "no-store, must-understand, max-age=60",
            "no-store, must-understand, max-age=60",
        );
        check(
            "no-store, no-cache, must-revalidate",
            "no-store, no-cache, must-revalidate",
        );
        check("no-cache, max-age=0", "no-cache, max-age=0");
        check("no-transform", "no-transform");
        check(
            "max-age=1, stale-while-revalidate=2, stale-if-error=3",
            "max-age=1, stale-while-revalidate=2, stale-if-error=3",
        );
        check(
            "public, private=\"Set-Cookie, X-A\", max-age=5",
            "public, private=\"Set-Cookie, X-A\", max-age=5",
        );
        check("no-cache=\"a\", max-age=5", "no-cache=\"a\", max-age=5");
    }

    #[track_caller]
    fn check_error(text: &str, want: CachePolicyError) {
        assert_eq!(CachePolicy::parse(text), Err(want.clone()), "{text}");
        assert!(!want.to_string().is_empty());
    }

    #[test]
    fn a_mistake_is_told() {
        use CachePolicyError::*;
        check_error("", Empty);
        check_error(" , ", Empty);
        check_error("max-agee=1", Unknown("max-agee".into()));
        check_error("only-if-cached", OfRequests("only-if-cached"));
        check_error("max-age=1, Max-Stale=1", OfRequests("max-stale"));
        check_error("public, PUBLIC", Repeated(Public));
        check_error("max-age", Seconds(MaxAge));
        check_error("max-age=", Seconds(MaxAge));
        check_error("max-age=-1", Seconds(MaxAge));
        check_error("max-age=+1", Seconds(MaxAge));
        check_error("max-age=1h", Seconds(MaxAge));
        check_error("max-age=\"1\"", Seconds(MaxAge)); // section 5.2.2.1
        check_error("max-age=2147483649", Seconds(MaxAge));
        check_error("public=1", Argument(Public));
        check_error("private=a", FieldNames(Private)); // section 5.2.2.7
        check_error("no-cache=\"\"", FieldNames(NoCache));
    }

    #[test]
    fn directives_that_contradict_each_other_are_refused() {
        let check_both = |text: &str, one, other| {
            check_error(text, CachePolicyError::Contradiction(one, other));
        };
        check_both("public, private", Private, Public);
        check_both("private, s-maxage=1", Private, SMaxAge);
        check_both("private, proxy-revalidate", Private, ProxyRevalidate);
        check_both("no-store, max-age=60", NoStore, MaxAge);
        check_both("no-store, immutable", NoStore, Immutable);
        check_both("no-store, public", NoStore, Public);
        check_both("no-cache, max-age=60", NoCache, MaxAge);
        check_both(
            "no-cache, stale-while-revalidate=60",
            NoCache,
            StaleWhileRevalidate,
        );
        // Sections 4.2.4, 5.2.2.2 and 5.2.2.8.
        for (one, directive) in [
            ("must-revalidate", MustRevalidate),
            ("proxy-revalidate", ProxyRevalidate),
            ("no-cache", NoCache),
        ] {
            for other in [StaleWhileRevalidate, StaleIfError] {
                check_both(&format!("{}=60, {one}", other.name()), directive, other);
            }
        }
        check(
            "must-revalidate, stale-if-error=0",
            "must-revalidate, stale-if-error=0",
        );
        check_error("immutable", CachePolicyError::Needs(Immutable, MaxAge)); // RFC 8246 section 2
        let understand = CachePolicyError::Needs(MustUnderstand, NoStore); // section 5.2.2.3
        check_error("must-understand, max-age=60", understand);
    }

    #[test]
    fn a_response_expires_for_all_caches_or_for_none() {
        let check = |text: &str, want: Option<u32>| {
            let policy = CachePolicy::parse(text).expect(text);
            assert_eq!(policy.expires(), want, "{text}");
        };
        check("max-age=60", Some(60));
        check("public, max-age=60, must-revalidate", Some(60));
        check("public", None);
        check("private, max-age=60", None);
        check("private=\"Set-Cookie\", max-age=60", None);
        check("no-cache=\"Set-Cookie\", max-age=60", None);
        check("no-store, must-understand, max-age=60", None);
    }

    #[test]
    fn a_request_may_forbid_coding() {
        let check = |values: &[&str], want: bool| {
            let pairs = values.iter().map(|value| (FieldName::CacheControl, *value));
            let section = Section::of(&pairs.collect::<Vec<_>>());
            assert_eq!(forbids_transforming(&section.fields()), want, "{values:?}");
        };
        check(&["no-transform"], true);
        check(&["max-age=0, No-Transform"], true);
        check(&["max-age=0", "no-transform"], true);
        check(&["no-cache"], false);
        check(&["x=\"no-transform\""], false);
        check(&[], false);
    }
}
