//! Whether a request needs a password, before anything is looked up on the disk (RFC 9110 section 11.5).
//!
//! A request needs a password if a rule protects its path or a file that the path may lead to, whether or not
//! that file exists:
//!
//! ```text
//! /d/        d/ and d/index.html
//! /about     about and, with clean URLs, about.html
//! ```
//!
//! So the refusal does not tell whether a file exists. [`answer_file`](crate::origin::file) compares the path of
//! the file that is sent in the end once more: the page of an application, for example, has another path than
//! the request.

use crate::origin::auth::refuse::challenge;
use crate::origin::handler::Origin;
use crate::origin::reason::Reason;
use crate::origin::request::Request;
use crate::origin::response::Response;
use crate::semantics::cors::{Cors, is_preflight};
use crate::semantics::edit::Edit;
use crate::semantics::field::FieldName;
use crate::semantics::rules::Rules;
use crate::semantics::status::Status;
use crate::semantics::trace::{Clause, Evidence, Quote, Step, Trace, clause};
use crate::site::options::SiteOptions;
use crate::site::reload_script::ruled;

/// What a request needs to be answered.
pub(in crate::origin) enum Needed {
    /// Nothing, or the user of the request may read the path.
    Nothing,
    /// A user who may read the path.
    Password,
    /// Another user: the one of the request may not read the path.
    OtherUser(Response),
}

const CLAUSE: Clause = clause!("RFC 9110 section 11.5", "needed");

/// What a request needs. Preflight requests have no credentials and are answered without (the Fetch
/// standard, section "CORS-preflight fetch").
pub(in crate::origin) fn needed(
    origin: &Origin,
    request: &Request<'_>,
    trace: &mut Trace,
) -> Needed {
    let rules = &*origin.rules;
    if rules.protection.is_empty() {
        return Needed::Nothing;
    }
    if rules.cors != Cors::Off && is_preflight(request.method(), request.fields()) {
        return Needed::Nothing;
    }
    let mut decoded = Vec::new();
    let raw = request.head.target.path();
    // What has no valid path is refused for its syntax alone.
    let prefix = &origin.site.options().prefix;
    let Some(Ok(path)) = raw.map(|raw| prefix.decode(raw, &mut decoded)) else {
        return Needed::Nothing;
    };
    let options = origin.site.options();
    let paths = paths(options, ruled(options, path.as_bytes()));
    let refused = paths.iter().find(|path| !may_read(rules, request, path));
    note(rules, request, &paths, trace);
    match (refused, request.user) {
        (None, _) => Needed::Nothing,
        (Some(_), None) => Needed::Password,
        (Some(_), Some(_)) => Needed::OtherUser(challenge(Reason::UserNotAllowed, trace)),
    }
}

/// Whether the user of a request may read a path, or everyone may.
pub(in crate::origin) fn may_read(rules: &Rules, request: &Request<'_>, path: &[u8]) -> bool {
    let protection = &rules.protection;
    protection.is_empty() || protection.admits(request.user, path)
}

/// Whether a path needs a password, by its own names or by those of the files that it may lead to.
pub(in crate::origin) fn is_protected(origin: &Origin, path: &[u8]) -> bool {
    let protection = &origin.rules.protection;
    let is_protected = |path: &Vec<u8>| protection.pattern_for(path).is_some();
    !protection.is_empty() && paths(origin.site.options(), path).iter().any(is_protected)
}

/// The path, and those of the files that it may lead to.
fn paths(options: &SiteOptions, path: &[u8]) -> Vec<Vec<u8>> {
    let mut paths = vec![path.to_vec()];
    if let Some(only) = &options.only {
        paths.push(only.clone());
        return paths;
    }
    if path.is_empty() || path.ends_with(b"/") {
        let index = options.index.iter();
        paths.extend(index.map(|name| [path, name.as_bytes()].concat()));
    }
    let clean = path.strip_suffix(b"/").unwrap_or(path);
    if options.clean_urls && !clean.is_empty() {
        paths.push([clean, b".html"].concat());
    }
    paths
}

fn note(rules: &Rules, request: &Request<'_>, paths: &[Vec<u8>], trace: &mut Trace) {
    trace.note_if(|| {
        let mut protected = paths.iter();
        let (path, pattern) = protected.find_map(|path| {
            let pattern = rules.protection.pattern_for(path)?;
            Some((path, pattern))
        })?;
        let own = Quote::of(pattern.as_bytes());
        Some(match request.user {
            None => {
                let step = Step::new(CLAUSE, "a rule protects the path");
                step.compared(Quote::of(path), own, "pattern")
            }
            Some(user) => {
                let user = Evidence::Value(Quote::of(user.name.as_bytes()));
                let finding = match paths.iter().all(|path| may_read(rules, request, path)) {
                    true => "the user may read the path",
                    false => "no rule lets the user read the path",
                };
                let remove = Edit::remove(FieldName::Authorization);
                Step::new(CLAUSE, finding)
                    .with(user)
                    .unless(remove.leads_to(Status::Unauthorized))
            }
        })
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(change: impl FnOnce(&mut SiteOptions), path: &str, want: &[&str]) {
        let mut options = SiteOptions::default();
        change(&mut options);
        let paths = paths(&options, path.as_bytes());
        let paths: Vec<_> = paths
            .iter()
            .map(|path| String::from_utf8_lossy(path))
            .collect();
        assert_eq!(paths, want, "{path}");
    }

    #[test]
    fn the_files_that_a_path_may_lead_to_count() {
        let usual = |options: &mut SiteOptions| options.index = vec!["index.html".into()];
        check(usual, "a", &["a"]);
        check(usual, "", &["", "index.html"]);
        check(usual, "d/", &["d/", "d/index.html"]);
        let clean = |options: &mut SiteOptions| {
            usual(options);
            options.clean_urls = true;
        };
        check(clean, "a", &["a", "a.html"]);
        check(clean, "a/", &["a/", "a/index.html", "a.html"]);
        check(clean, "", &["", "index.html"]);
        let only = |options: &mut SiteOptions| options.only = Some(b"a.pdf".to_vec());
        check(only, "", &["", "a.pdf"]);
    }
}
