//! Applies the operator's rules to responses (RFC 9110 section 6.3, RFC 9111 section 5.3).
//!
//! The rules change responses in two places. The field lines of a representation are prepared once with
//! the rules in them, and are kept with the file. Every other response goes through [`finish`], which
//! also adds what depends on the request, or through [`finish_refusal`] if the site is not asked.

use std::borrow::Cow;
use std::rc::Rc;

use crate::http1::response::prepare;
use crate::http1::version::Version;
use crate::origin::auth::needed::is_protected;
use crate::origin::cors;
use crate::origin::handler::Origin;
use crate::origin::refuse::POLICY;
use crate::origin::request::Request;
use crate::origin::response::Response;
use crate::semantics::cors::Cors;
use crate::semantics::edit::Edit;
use crate::semantics::field::Fields;
use crate::semantics::field_section::{FieldSection, FieldValue};
use crate::semantics::rules::{ASK_FIRST, RuleSet, Rules};
use crate::semantics::status::Status;
use crate::semantics::trace::{Clause, Evidence, Quote, Step, Trace, clause};
use crate::site::file::StoredFile;
use crate::site::reload_script::ruled;

/// A path for which a file is sent, and whose rules apply to it.
#[derive(Clone, Copy)]
pub(super) struct Ruled<'a> {
    /// The path.
    pub path: &'a [u8],
    /// Whether the path is that of a file with other content, so that its rules for caches are not for what is sent.
    pub is_of_other_content: bool,
}

impl<'a> From<&'a [u8]> for Ruled<'a> {
    fn from(path: &'a [u8]) -> Ruled<'a> {
        Ruled {
            path,
            is_of_other_content: false,
        }
    }
}

/// The rules that apply to a representation.
#[derive(Clone)]
pub struct AppliedRules {
    rules: Rc<Rules>,
    set: RuleSet,
}

impl AppliedRules {
    /// The rules for what docroot generates for the path of a request: a listing or an archive.
    pub(super) fn at(origin: &Origin, request: &Request<'_>, path: &[u8]) -> AppliedRules {
        let set = origin.rules.matching(path).without_cache();
        AppliedRules::with(origin, request, set)
    }

    /// The rules for a file that is sent for this path: those for the path and those for the file's own.
    pub(super) fn of_file(
        origin: &Origin,
        request: &Request<'_>,
        ruled: Ruled<'_>,
        file: &StoredFile,
    ) -> AppliedRules {
        let own = file.rules_by(|path| origin.rules.matching(path));
        let is_other = origin.rules.depend_on_path() && *ruled.path != *file.path;
        let set = match (is_other, ruled.is_of_other_content) {
            (false, _) => own,
            (true, false) => own.and(origin.rules.matching(ruled.path)),
            (true, true) => own.and(origin.rules.matching(ruled.path).without_cache()),
        };
        AppliedRules::with(origin, request, set)
    }

    /// What a password was needed for is protected, whatever its path.
    fn with(origin: &Origin, request: &Request<'_>, mut set: RuleSet) -> AppliedRules {
        set.is_protected |= request.user.is_some();
        AppliedRules {
            set,
            rules: Rc::clone(&origin.rules),
        }
    }

    /// Which rules they are.
    pub(super) fn set(&self) -> RuleSet {
        self.set
    }

    /// Whether the operator replaces or removes the field with this name.
    pub(super) fn replace_field(&self, name: &str) -> bool {
        self.rules.replace_field(self.set, name)
    }

    /// What caches may do with the representation.
    pub(super) fn cache_control(&self) -> FieldValue {
        match self.rules.cache_control(self.set) {
            Cow::Borrowed(value) => value.into(),
            Cow::Owned(value) => value.into(),
        }
    }

    /// These fields as lines, changed as the rules say.
    pub(super) fn prepare(&self, fields: &FieldSection) -> Rc<[u8]> {
        prepare(fields, &self.rules.fields(self.set))
    }

    /// Adds the steps that say what caches may do, and why. [`finish`] adds those about fields.
    pub(super) fn note_caching(&self, trace: &mut Trace) {
        self.rules.note_caching(self.set, trace);
    }
}

/// Changes the response to the one that is sent: applies the rules for its representation or, if it has
/// none, for the path of the request.
pub fn finish(origin: &Origin, request: &Request<'_>, response: &mut Response, trace: &mut Trace) {
    let rules = &*origin.rules;
    if rules.are_empty() {
        return;
    }
    let of_representation = response.rules;
    let mut set = of_representation.unwrap_or_else(|| of_request(origin, request));
    set.is_protected |= response.is_protected;
    let new = rules.ask_first(set);
    if response.fields.replace("Cache-Control", ASK_FIRST, new) && of_representation.is_none() {
        rules.note_storing(trace);
    }
    add_fields(rules, set, response, trace);
    if of_representation.is_some() {
        add_expires(rules, set, request, response, trace);
    }
    // The option opens the site, and the server's own pages are not a part of it.
    if rules.cors != Cors::Off && !response.is_of_server {
        cors::add(rules, set, request.fields(), response, trace);
    }
}

/// Changes a response that refuses a request before the site is asked: it is malformed, or for another
/// host. It gets the rules for all paths. `fields` are those of the request, as far as they are known.
pub fn finish_refusal(
    rules: &Rules,
    fields: &Fields<'_>,
    response: &mut Response,
    trace: &mut Trace,
) {
    if rules.are_empty() {
        return;
    }
    let set = RuleSet::default();
    add_fields(rules, set, response, trace);
    cors::add(rules, set, fields, response, trace);
}

/// Makes the operator's changes to the fields of a response, unless its lines were prepared with them.
fn add_fields(rules: &Rules, set: RuleSet, response: &mut Response, trace: &mut Trace) {
    let is_prepared = !response.fields.lines().is_empty();
    if !is_prepared || trace.is_watched() {
        let mut fields = rules.fields(set);
        if response.is_of_server {
            // The pages below /.docroot/ are programs, which do not run with another policy. They show what clients
            // have sent, so a weaker policy would not be safe.
            let policies = fields
                .iter_mut()
                .filter(|field| field.name.eq_ignore_ascii_case(POLICY));
            policies.for_each(|field| field.is_default = true);
        }
        if !is_prepared && !fields.is_empty() {
            response.fields = FieldSection::prepared(prepare(&response.fields, &fields));
        }
        rules.note_fields(fields, &response.fields, trace);
    }
    response.fields.is_server_ruled = rules.replace_field(set, "Server");
}

/// The rules for the path of a request. A path that cannot be decoded has only those for all paths.
fn of_request(origin: &Origin, request: &Request<'_>) -> RuleSet {
    let mut decoded = Vec::new();
    let raw = request.head.target.path().unwrap_or_default();
    match origin.site.options().prefix.decode(raw, &mut decoded) {
        Ok(path) => {
            let path = ruled(origin.site.options(), path.as_bytes());
            let mut set = origin.rules.matching(path);
            set.is_protected |= is_protected(origin, path);
            set
        }
        Err(_) => RuleSet::default(),
    }
}

/// Clients of HTTP/1.0 may not know `max-age` (RFC 9111 section 5.3).
fn add_expires(
    rules: &Rules,
    set: RuleSet,
    request: &Request<'_>,
    response: &mut Response,
    trace: &mut Trace,
) {
    const EXPIRES: Clause = clause!("RFC 9111 section 5.3", "add_expires");
    let is_old = request.head.head.version == Version::Http10;
    let is_fresh = matches!(
        response.status,
        Status::Ok | Status::PartialContent | Status::NotModified
    );
    if !is_old || !is_fresh || rules.replace_field(set, "Expires") {
        return;
    }
    let policy = rules.cache_policy(set);
    if let Some(seconds) = policy.and_then(|policy| policy.expires()) {
        let expires = request.now.plus(seconds);
        trace.note(|| {
            let finding = "clients of HTTP/1.0 may not know max-age, so Expires says the same";
            let age = Quote::of(format!("max-age={seconds}").as_bytes());
            let date = Quote::written(|out| expires.write(out));
            Step::new(EXPIRES, finding)
                .with(Evidence::Became(age, date))
                .unless(Edit::http11())
        });
        response.fields.push("Expires", expires);
    }
}
