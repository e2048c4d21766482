//! The operator's rules for paths, and which of them apply to a request (RFC 9110 section 6.3, RFC 9111
//! section 5.2.2).
//!
//! The options are compiled into [`Rules`] when the server starts. A [`RuleSet`] says which patterns match
//! a path; it is found once for each file and kept with it, as are the field lines that the rules lead to.

use std::borrow::Cow;
use std::fmt;

use super::address_rules::AddressRules;
use super::cache_control::{CachePolicy, CachePolicyError};
use super::cors::{ALLOW_CREDENTIALS, Cors};
use super::field_section::FieldSection;
use super::own_fields::{OwnField, OwnFieldError, split_pattern, unescaped};
use super::pattern::{Pattern, PatternError};
use super::presets::{ISOLATION, SECURITY};
use super::protection::Protection;
use super::redirects::Redirects;
use super::trace::{Clause, Evidence, MAX_STEPS, Quote, Step, Trace, clause};

/// The rules of a server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Every pattern, once. The bit of a pattern in a [`RuleSet`] is its number here.
    patterns: Vec<Pattern>,
    /// What caches may do where the pattern with this number matches. The first rule that applies counts.
    cache: Vec<(usize, CachePolicy)>,
    /// Whether nobody may store a response, whatever the rules for caches say. A browser shows a stored one
    /// again without asking when its user goes back, and while the rules let it.
    pub stores_nothing: bool,
    /// The operator's fields.
    fields: Vec<(Scope, OwnField)>,
    /// Whether pages get the fields of `SECURITY` in `presets.rs`.
    pub security: bool,
    /// Whether pages get the fields of `ISOLATION` in `presets.rs`.
    pub isolation: bool,
    /// Which other origins may read responses.
    pub cors: Cors,
    /// Where clients are sent that ask for other paths.
    pub redirects: Redirects,
    /// Which addresses may connect.
    pub addresses: AddressRules,
    /// Which paths need a password.
    pub protection: Protection,
}

/// Which of the patterns of a server match a path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RuleSet {
    /// One bit for each pattern.
    patterns: [u64; WORDS],
    /// Whether the path needs a password.
    pub is_protected: bool,
    /// The number of the first rule for caches that applies.
    cache: Option<usize>,
}

/// Where a rule applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    Everywhere,
    /// Where the pattern with this number matches.
    Pattern(usize),
}

/// What is wrong with a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleError {
    /// A rule for caches has no `=` between the pattern and the directives.
    NoSign,
    /// The pattern.
    Pattern(PatternError),
    /// The directives for caches.
    Cache(CachePolicyError),
    /// The field.
    Field(OwnFieldError),
    /// There are more than `MOST_PATTERNS` different patterns.
    TooMany,
    /// A field allows credentials, but every origin may read.
    Credentials,
}

/// A field that the rules add, replace or remove.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuledField<'a> {
    /// The name.
    pub name: &'a str,
    /// The value. `None` removes the field.
    pub value: Option<&'a str>,
    /// Whether a response keeps its own field of this name.
    pub is_default: bool,
    source: FieldSource,
}

/// The option that a field comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FieldSource {
    Security,
    Isolation,
    /// `--header`, with the scope of its pattern.
    Header(Scope),
}

/// How many different patterns a server may have.
const MOST_PATTERNS: usize = WORDS * WORD;
const WORDS: usize = 2;
const WORD: usize = u64::BITS as usize;

/// What caches may do with a response for which there is no rule: keep it, and ask before each use.
pub const ASK_FIRST: &str = "no-cache";

/// Nobody keeps the response.
const STORE_NOTHING: &str = "no-store";

impl RuleSet {
    /// The rules of either set.
    pub fn and(self, other: RuleSet) -> RuleSet {
        let mut patterns = self.patterns;
        patterns
            .iter_mut()
            .zip(other.patterns)
            .for_each(|(word, other)| *word |= other);
        RuleSet {
            patterns,
            is_protected: self.is_protected || other.is_protected,
            cache: match (self.cache, other.cache) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            },
        }
    }

    /// The same rules without those for caches, which are for the files that a path names.
    pub fn without_cache(self) -> RuleSet {
        RuleSet {
            cache: None,
            ..self
        }
    }

    fn has(self, scope: Scope) -> bool {
        match scope {
            Scope::Everywhere => true,
            Scope::Pattern(number) => self.patterns[number / WORD] >> (number % WORD) & 1 == 1,
        }
    }
}

impl Rules {
    /// Adds a rule such as `/assets/**=public, max-age=60`.
    pub fn add_cache(&mut self, text: &str) -> Result<(), RuleError> {
        let at = unescaped(text, '=').ok_or(RuleError::NoSign)?;
        let (pattern, directives) = (&text[..at], &text[at + 1..]);
        let pattern = Pattern::parse(pattern).map_err(RuleError::Pattern)?;
        let policy = CachePolicy::parse(directives).map_err(RuleError::Cache)?;
        let number = self.number(pattern)?;
        self.cache.push((number, policy));
        Ok(())
    }

    /// Removes all rules for caches.
    pub fn clear_cache(&mut self) {
        self.cache.clear();
    }

    /// Adds a rule such as `X-A: b`, or `/docs/** X-A: b`.
    pub fn add_field(&mut self, text: &str) -> Result<(), RuleError> {
        let (pattern, field) = split_pattern(text);
        let pattern = pattern.map(Pattern::parse).transpose();
        let pattern = pattern.map_err(RuleError::Pattern)?;
        let field = OwnField::parse(field).map_err(RuleError::Field)?;
        let scope = match pattern {
            Some(pattern) => Scope::Pattern(self.number(pattern)?),
            None => Scope::Everywhere,
        };
        self.fields.push((scope, field));
        Ok(())
    }

    /// Removes all fields of the operator.
    pub fn clear_fields(&mut self) {
        self.fields.clear();
    }

    /// Whether the rules fit together.
    pub fn check(&self) -> Result<(), RuleError> {
        let is_credentials =
            |field: &OwnField| field.value.is_some() && field.is_named(ALLOW_CREDENTIALS);
        let mut fields = self.fields.iter();
        match fields.any(|(_, field)| is_credentials(field)) && self.cors == Cors::Any {
            true => Err(RuleError::Credentials),
            false => Ok(()),
        }
    }

    /// The number of a pattern, which is added if it is new.
    fn number(&mut self, pattern: Pattern) -> Result<usize, RuleError> {
        let known = self.patterns.iter().position(|known| *known == pattern);
        match known {
            Some(number) => Ok(number),
            None if self.patterns.len() == MOST_PATTERNS => Err(RuleError::TooMany),
            None => {
                self.patterns.push(pattern);
                Ok(self.patterns.len() - 1)
            }
        }
    }

    /// Whether no rule changes the fields of a response.
    pub fn are_empty(&self) -> bool {
        let has_rules = self.depend_on_path() || !self.fields.is_empty() || self.stores_nothing;
        !has_rules && !self.security && !self.isolation && self.cors == Cors::Off
    }

    /// Whether the rules that apply differ from path to path.
    pub fn depend_on_path(&self) -> bool {
        !self.patterns.is_empty() || !self.protection.is_empty()
    }

    /// The patterns that match a decoded path, which has no slash at its start.
    pub fn matching(&self, path: &[u8]) -> RuleSet {
        let matching = self.patterns.iter().enumerate();
        let mut set = RuleSet {
            is_protected: self.protection.pattern_for(path).is_some(),
            ..RuleSet::default()
        };
        for (number, _) in matching.filter(|(_, pattern)| pattern.matches(path)) {
            set.patterns[number / WORD] |= 1 << (number % WORD);
        }
        let mut cache = self.cache.iter();
        set.cache = cache.position(|(number, _)| set.has(Scope::Pattern(*number)));
        set
    }

    /// What caches may do with a response to which these rules apply. `None`: there is no rule. No shared
    /// cache may keep what needs a password (RFC 9111 section 3.5).
    pub fn cache_policy(&self, set: RuleSet) -> Option<Cow<'_, CachePolicy>> {
        let (_, policy) = self.cache_rule(set)?;
        Some(match set.is_protected {
            true => Cow::Owned(policy.for_one_user()),
            false => Cow::Borrowed(policy),
        })
    }

    /// The value of `Cache-Control` for a representation to which these rules apply.
    pub fn cache_control(&self, set: RuleSet) -> Cow<'static, str> {
        match self.cache_policy(set) {
            Some(policy) => policy.to_string().into(),
            None => self.ask_first(set).into(),
        }
    }

    /// The value of `Cache-Control` for a response that no rule for caches is for.
    pub fn ask_first(&self, set: RuleSet) -> &'static str {
        match set.is_protected {
            _ if self.stores_nothing => STORE_NOTHING,
            true => "private, no-cache",
            false => ASK_FIRST,
        }
    }

    /// The first rule for caches that applies.
    fn cache_rule(&self, set: RuleSet) -> Option<&(usize, CachePolicy)> {
        match self.stores_nothing {
            true => None,
            false => self.cache.get(set.cache?),
        }
    }

    /// The fields that the rules add, replace or remove. If several patterns have a field of one name,
    /// the last one counts; one pattern may have several.
    pub fn fields(&self, set: RuleSet) -> Vec<RuledField<'_>> {
        let presets = [
            (self.security, SECURITY, FieldSource::Security),
            (self.isolation, ISOLATION, FieldSource::Isolation),
        ];
        let mut fields: Vec<RuledField<'_>> = Vec::new();
        for (_, preset, source) in presets.into_iter().filter(|(is_on, ..)| *is_on) {
            for (name, value) in preset {
                fields.retain(|field| field.name != *name);
                fields.push(RuledField {
                    name,
                    value: Some(self.opened(name, value)),
                    is_default: true,
                    source,
                });
            }
        }
        for (scope, field) in self.fields.iter().filter(|(scope, _)| set.has(*scope)) {
            let source = FieldSource::Header(*scope);
            fields.retain(|other| !field.is_named(other.name) || other.source == source);
            fields.push(RuledField {
                name: &field.name,
                value: field.value.as_deref(),
                is_default: false,
                source,
            });
        }
        fields
    }

    /// Whether the operator replaces or removes the field with this name.
    pub fn replace_field(&self, set: RuleSet, name: &str) -> bool {
        let fields = self.fields.iter();
        let mut named = fields.filter(|(scope, field)| set.has(*scope) && field.is_named(name));
        // As in `fields`, only those of the last scope count.
        let last = named.clone().next_back();
        last.is_some_and(|(last, _)| {
            named.any(|(scope, field)| scope == last && !is_added(name, field.value.as_deref()))
        })
    }

    /// The value of a preset. If other origins may read responses, they may embed them as well.
    fn opened<'a>(&self, name: &str, value: &'a str) -> &'a str {
        match name {
            "Cross-Origin-Resource-Policy" if self.cors != Cors::Off => "cross-origin",
            _ => value,
        }
    }

    /// Adds the steps that say what caches may do with a representation, and why.
    pub fn note_caching(&self, set: RuleSet, trace: &mut Trace) {
        const CACHE: Clause = clause!("RFC 9111 section 5.2.2", "cache_policy");
        self.note_storing(trace);
        trace.note_if(|| {
            let quote = |text: &str| Quote::of(text.as_bytes());
            let (number, _) = self.cache_rule(set)?;
            let finding = match set.is_protected {
                true => {
                    "the first rule that matches says what caches may do; the password makes it private"
                }
                false => "the first rule that matches says what caches may do",
            };
            let policy = quote(&self.cache_policy(set)?.to_string());
            let pattern = quote(&self.patterns[*number].to_string());
            Some(Step::new(CACHE, finding).with(Evidence::Became(pattern, policy)))
        });
    }

    /// Adds the step that says that nobody may store the response, if so.
    pub fn note_storing(&self, trace: &mut Trace) {
        const CLAUSE: Clause = clause!("RFC 9111 section 5.2.2.5", "ask_first");
        trace.note_if(|| {
            let step = Step::new(CLAUSE, "--live-reload lets nobody store the response");
            let value = Evidence::Value(Quote::of(STORE_NOTHING.as_bytes()));
            self.stores_nothing.then(|| step.with(value))
        });
    }

    /// Adds the steps that say which rules change fields of a response, those of `--header` first. `sent` are its
    /// fields with these changes.
    pub fn note_fields(&self, fields: Vec<RuledField<'_>>, sent: &FieldSection, trace: &mut Trace) {
        if !trace.is_watched() {
            return;
        }
        let is_preset = |field: &RuledField<'_>| !matches!(field.source, FieldSource::Header(_));
        let (presets, own): (Vec<RuledField<'_>>, Vec<_>) = fields.into_iter().partition(is_preset);
        let all: Vec<RuledField<'_>> = [own, presets].concat();
        let (noted, further) = all.split_at(all.len().min(MOST_NOTED));
        for field in noted {
            trace.note(|| field.step(&self.patterns, sent));
        }
        trace.note_if(|| {
            let names: Vec<&str> = further.iter().map(|field| field.name).collect();
            let text = format!("{} ({})", names.len(), names.join(", "));
            let step = Step::new(
                FIELDS,
                "--header, --security-headers or --coi change further fields",
            );
            let step = step.with(Evidence::Value(Quote::of(text.as_bytes())));
            (!names.is_empty()).then_some(step)
        });
    }
}

/// Whether a field of the operator stands beside those of docroot. The names that the operator adds to `Vary` do not
/// change how responses differ, and each `Set-Cookie` is for a cookie of its own.
fn is_added(name: &str, value: Option<&str>) -> bool {
    let mut added = ["Vary", "Set-Cookie"].iter();
    value.is_some() && added.any(|list| name.eq_ignore_ascii_case(list))
}

/// The most steps about fields. Everything else needs up to 40 of the steps that a trace keeps.
const MOST_NOTED: usize = MAX_STEPS - 41;

const FIELDS: Clause = clause!("RFC 9110 section 6.3", "fields");

impl RuledField<'_> {
    /// Whether it takes the place of the response's own field with this name.
    pub fn replaces(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name) && !self.is_default && !is_added(name, self.value)
    }

    /// The step that says which rule it comes from, and what became of it: these fields are sent.
    fn step(&self, patterns: &[Pattern], sent: &FieldSection) -> Step {
        let mut values = sent.texts(self.name);
        let is_sent = match self.value {
            Some(value) => values.any(|sent| sent == value.as_bytes()),
            None => values.next().is_none(),
        };
        let finding = match (self.source, self.value) {
            (FieldSource::Security, _) if is_sent => "--security-headers sets this field",
            (FieldSource::Security, _) => {
                "the response has a field of its own instead of that of --security-headers"
            }
            (FieldSource::Isolation, _) if is_sent => "--coi sets this field",
            (FieldSource::Isolation, _) => {
                "the response has a field of its own instead of that of --coi"
            }
            (FieldSource::Header(_), _) if !is_sent => {
                "--header does not change this field of docroot's own pages, which need it"
            }
            (FieldSource::Header(_), value) if is_added(self.name, value) => {
                "--header adds this field"
            }
            (FieldSource::Header(_), Some(_)) => "--header sets this field",
            (FieldSource::Header(_), None) => "--header removes this field",
        };
        let field = match self.value {
            Some(value) => format!("{}: {value}", self.name),
            None => self.name.to_owned(),
        };
        let field = Quote::of(field.as_bytes());
        Step::new(FIELDS, finding).with(match self.source {
            FieldSource::Header(Scope::Pattern(number)) => {
                Evidence::Became(Quote::of(patterns[number].to_string().as_bytes()), field)
            }
            _ => Evidence::Value(field),
        })
    }
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RuleError::NoSign => {
                f.write_str("write PATTERN=DIRECTIVES, such as '/assets/**=max-age=60'")
            }
            RuleError::Pattern(fault) => fault.fmt(f),
            RuleError::Cache(fault) => fault.fmt(f),
            RuleError::Field(fault) => fault.fmt(f),
            RuleError::TooMany => write!(
                f,
                "there are more than {MOST_PATTERNS} different patterns: combine some with {{a,b}}"
            ),
            RuleError::Credentials => write!(
                f,
                "--cors for every origin and -H '{ALLOW_CREDENTIALS}' contradict each other, because \
                 browsers refuse credentials for *: list the origins, as in \
                 --cors=https://app.example, or leave the field out"
            ),
        }
    }
}

impl std::error::Error for RuleError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(cache: &[&str], fields: &[&str]) -> Rules {
        let mut rules = Rules::default();
        cache
            .iter()
            .for_each(|rule| rules.add_cache(rule).expect(rule));
        fields
            .iter()
            .for_each(|rule| rules.add_field(rule).expect(rule));
        rules
    }

    #[test]
    fn the_first_rule_for_caches_counts() {
        let rules = rules(
            &["/a/**=max-age=1", "/**/*.js=max-age=2", "/a\\=b=no-store"],
            &[],
        );
        let check = |path: &str, want: Option<&str>| {
            let policy = rules.cache_policy(rules.matching(path.as_bytes()));
            assert_eq!(
                policy.map(|policy| policy.to_string()).as_deref(),
                want,
                "{path}"
            );
        };
        check("a/x.js", Some("max-age=1"));
        check("x.js", Some("max-age=2"));
        check("a=b", Some("no-store"));
        check("x.css", None);
        // Of the rules for two paths, the first one counts.
        let both = |one: &str, other: &str| {
            let set = rules.matching(one.as_bytes());
            let set = set.and(rules.matching(other.as_bytes()));
            rules.cache_policy(set).map(|policy| policy.to_string())
        };
        assert_eq!(both("x.js", "a/x").as_deref(), Some("max-age=1"));
        assert_eq!(both("x.css", "x.js").as_deref(), Some("max-age=2"));
        assert_eq!(both("x.css", "x.png"), None);
    }

    #[track_caller]
    fn check_fields(rules: &Rules, path: &str, want: &str) {
        let fields = rules.fields(rules.matching(path.as_bytes()));
        let text = fields.iter().map(|field| match field.value {
            Some(value) => format!("{}: {value}", field.name),
            None => format!("-{}", field.name),
        });
        assert_eq!(text.collect::<Vec<_>>().join("; "), want, "{path}");
    }

    #[test]
    fn the_last_pattern_counts_and_one_pattern_may_have_several_fields_of_a_name() {
        let rules = rules(
            &[],
            &[
                "X-A: 1",
                "Link: </a>",
                "/d/** x-a: 2",
                "/d/** Link: </b>",
                "Link: </c>",
                "/d/e X-A:",
            ],
        );
        check_fields(&rules, "f", "X-A: 1; Link: </a>; Link: </c>");
        check_fields(&rules, "d/f", "x-a: 2; Link: </c>");
        check_fields(&rules, "d/e", "Link: </c>; -X-A");
    }

    #[test]
    fn a_field_replaces_that_of_a_preset() {
        let mut rules = rules(&[], &["referrer-policy: no-referrer", "X-Frame-Options:"]);
        rules.isolation = true;
        let coop = "Cross-Origin-Opener-Policy: same-origin";
        let coep = "Cross-Origin-Embedder-Policy: require-corp";
        let own = "referrer-policy: no-referrer; -X-Frame-Options";
        let corp = "Cross-Origin-Resource-Policy";
        check_fields(
            &rules,
            "a",
            &format!("{coop}; {coep}; {corp}: same-origin; {own}"),
        );
        rules.cors = Cors::Any;
        check_fields(
            &rules,
            "a",
            &format!("{coop}; {coep}; {corp}: cross-origin; {own}"),
        );
        rules.security = true;
        let named = |name: &str| {
            let fields = rules.fields(RuleSet::default());
            fields
                .iter()
                .filter(|field| field.name.eq_ignore_ascii_case(name))
                .count()
        };
        for name in [
            "Cross-Origin-Opener-Policy",
            "Referrer-Policy",
            "X-Frame-Options",
        ] {
            assert_eq!(named(name), 1, "{name}");
        }
    }

    #[test]
    fn a_mistake_is_told() {
        let check_cache = |text: &str, want: &str| {
            let fault = Rules::default().add_cache(text).expect_err(text);
            assert!(fault.to_string().contains(want), "{text}: {fault}");
        };
        check_cache("/a", "PATTERN=DIRECTIVES");
        check_cache("a=max-age=1", "begins with a slash");
        check_cache("/a{=max-age=1", "character 3");
        check_cache("/a=", "directives are missing");
        let check_field = |text: &str, want: &str| {
            let fault = Rules::default().add_field(text).expect_err(text);
            assert!(fault.to_string().contains(want), "{text}: {fault}");
        };
        check_field("/a**b X: y", "character 3");
        check_field("/a", "Name: value");
    }

    #[test]
    fn there_may_be_128_patterns() {
        let mut rules = Rules::default();
        for number in 0..128 {
            let rule = format!("/{number}=max-age={number}");
            rules.add_cache(&rule).expect("a rule");
        }
        let last = rules
            .cache_policy(rules.matching(b"127"))
            .expect("a policy");
        assert_eq!(last.expires(), Some(127));
        rules.add_field("/127 X-A: b").expect("a known pattern");
        assert_eq!(rules.add_field("/128 X-A: b"), Err(RuleError::TooMany));
    }

    #[test]
    fn what_needs_a_password_is_private() {
        let mut rules = rules(
            &["/a/**=public, max-age=60, s-maxage=9", "/d=no-store"],
            &[],
        );
        rules.protection.add("/{a,b,d}/** u:h").expect("a rule");
        let check = |path: &str, want: &str| {
            let set = rules.matching(path.as_bytes());
            assert_eq!(rules.cache_control(set), want, "{path}");
        };
        check("a/x", "private, max-age=60");
        check("b/x", "private, no-cache");
        check("c/x", "no-cache");
        check("d", "private, no-store");
        // One of the paths of a representation is enough.
        let both = rules.matching(b"c").and(rules.matching(b"b/x"));
        assert_eq!(rules.cache_control(both), "private, no-cache");
        assert!(!rules.are_empty());
    }

    #[test]
    fn what_docroot_generates_has_no_rule_for_caches() {
        let rules = rules(&["/**=public, max-age=60"], &["X-A: b"]);
        let file = rules.matching(b"d/");
        let listing = file.without_cache();
        assert_eq!(rules.cache_control(file), "public, max-age=60");
        assert_eq!(rules.cache_control(listing), "no-cache");
        assert_eq!(rules.fields(listing), rules.fields(file));
        let protected = RuleSet {
            is_protected: true,
            ..listing
        };
        assert_eq!(rules.cache_control(protected), "private, no-cache");
    }

    /// The Fetch standard, section "CORS protocol and credentials".
    #[test]
    fn credentials_are_not_for_every_origin() {
        let check = |field: &str, origin: &str, want: Result<(), RuleError>| {
            let mut rules = rules(&[], &[field]);
            rules.cors.add(origin).expect("an origin");
            assert_eq!(rules.check(), want, "{field} {origin}");
        };
        let refused = Err(RuleError::Credentials);
        let field = "Access-Control-Allow-Credentials: true";
        check(field, "*", refused.clone());
        check(&format!("/api/** {field}"), "*", refused.clone());
        check("access-control-allow-credentials: TRUE", "*", refused);
        check("Access-Control-Allow-Credentials:", "*", Ok(()));
        check("X-A: true", "*", Ok(()));
        check(field, "https://a.example", Ok(()));
        assert_eq!(rules(&[], &[field]).check(), Ok(()));
    }

    #[test]
    fn nothing_is_stored_whatever_the_rules_say() {
        let mut rules = rules(&["/**=public, max-age=60"], &[]);
        rules.stores_nothing = true;
        rules.protection.add("/b/** u:h").expect("a rule");
        for path in ["a", "b/c"] {
            let set = rules.matching(path.as_bytes());
            assert_eq!(rules.cache_control(set), "no-store", "{path}");
            assert_eq!(rules.cache_policy(set), None, "{path}");
        }
        let mut trace = Trace::watched();
        rules.note_caching(rules.matching(b"a"), &mut trace);
        let steps: Vec<String> = trace.steps().iter().map(Step::to_string).collect();
        assert_eq!(
            steps,
            ["--live-reload lets nobody store the response: no-store"]
        );
    }

    /// The steps about the fields of a response for a path, which has these fields of its own.
    fn steps(rules: &Rules, path: &str, sent: &[(&'static str, &'static str)]) -> Vec<String> {
        let mut fields = FieldSection::default();
        sent.iter()
            .for_each(|(name, value)| fields.push(name, *value));
        let mut trace = Trace::watched();
        let ruled = rules.fields(rules.matching(path.as_bytes()));
        rules.note_fields(ruled, &fields, &mut trace);
        trace.steps().iter().map(Step::to_string).collect()
    }

    #[test]
    fn a_step_tells_what_became_of_a_field() {
        let own = [
            "X-A: b",
            "/a X-B:",
            "Vary: Cookie",
            "set-cookie: a=b",
            "/b X-C: d",
        ];
        let mut rules = rules(&[], &own);
        rules.isolation = true;
        let sent = [
            ("X-A", "b"),
            ("Set-Cookie", "c=d"),
            ("Vary", "Accept"),
            ("Vary", "Cookie"),
            ("set-cookie", "a=b"),
            ("Cross-Origin-Opener-Policy", "same-origin"),
            ("Cross-Origin-Embedder-Policy", "unsafe-none"),
            ("Cross-Origin-Resource-Policy", "same-origin"),
        ];
        let want = [
            "--header sets this field: X-A: b",
            "--header removes this field: /a => X-B",
            "--header adds this field: Vary: Cookie",
            "--header adds this field: set-cookie: a=b",
            "--coi sets this field: Cross-Origin-Opener-Policy: same-origin",
            "the response has a field of its own instead of that of --coi: \
             Cross-Origin-Embedder-Policy: require-corp",
            "--coi sets this field: Cross-Origin-Resource-Policy: same-origin",
        ];
        assert_eq!(steps(&rules, "a", &sent), want);
    }

    #[test]
    fn the_steps_about_fields_are_bounded() {
        let mut rules = Rules::default();
        for number in 0..MOST_NOTED + 2 {
            rules.add_field(&format!("X-{number}:")).expect("a field");
        }
        let steps = steps(&rules, "a", &[]);
        assert_eq!(steps.len(), MOST_NOTED + 1);
        let further = format!("2 (X-{MOST_NOTED}, X-{})", MOST_NOTED + 1);
        assert!(
            steps[MOST_NOTED].ends_with(&further),
            "{}",
            steps[MOST_NOTED]
        );
    }

    #[test]
    fn some_fields_stand_beside_those_of_docroot() {
        let check = |fields: &[&str], path: &str, name: &str, want: bool| {
            let rules = rules(&[], fields);
            let set = rules.matching(path.as_bytes());
            assert_eq!(rules.replace_field(set, name), want, "{fields:?} {path}");
            let ruled = rules.fields(set);
            let is_replaced = ruled.iter().any(|field| field.replaces(name));
            assert_eq!(is_replaced, want, "{fields:?} {path}");
        };
        check(&["Set-Cookie: a=b"], "a", "Set-Cookie", false);
        check(&["Vary: Cookie"], "a", "Vary", false);
        check(&["Set-Cookie:"], "a", "Set-Cookie", true);
        check(&["Set-Cookie:", "Set-Cookie: a=b"], "a", "set-cookie", true);
        check(
            &["Set-Cookie:", "/a Set-Cookie: a=b"],
            "a",
            "Set-Cookie",
            false,
        );
        check(
            &["Set-Cookie:", "/a Set-Cookie: a=b"],
            "b",
            "Set-Cookie",
            true,
        );
        check(&["X-A: b"], "a", "x-a", true);
        check(&["/a X-A:"], "b", "X-A", false);
    }

    #[test]
    fn rules_that_change_nothing_are_empty() {
        assert!(Rules::default().are_empty());
        assert!(!rules(&["/a=max-age=1"], &[]).are_empty());
    }
}
