//! A class (`--class`): how many learners have done which experiment of the textbook, without names.
//!
//! ```text
//! /.docroot/learn/class               the page of the teacher, and its files beside it
//! /.docroot/learn/experiments.json    the experiments of the book, for the page
//! /.docroot/learn/watch               the WebSocket that tells the page of changes: see watcher
//! /.docroot/learn/ticks               POST: what the browser of a learner has done: see report
//! ```
//!
//! Learners may use the lab, and the wire view for what they do themselves. The page is for this machine and for clients
//! that `--inspect-allow` names. Browsers report what they please, so the counts prove nothing about anybody.

// What the page says where there is no class.
pub mod absent;
// The experiments of the book.
mod experiments;
// What a browser reports.
mod report;
// The counts.
mod roll;
// All of that, for all workers.
pub mod shared;
// The WebSocket of the page.
mod watcher;

use crate::guide::access::{Access, refusal_to_foreign};
use crate::guide::class::report::{LONGEST_REPORT, Report};
use crate::guide::class::roll::{MOST_LEARNERS, MOST_OF_ADDRESS, PERIOD, Uncounted};
use crate::guide::class::shared::Class;
use crate::guide::class::watcher::Watcher;
use crate::guide::content::with_content;
use crate::guide::fault::Fault;
use crate::guide::languages;
use crate::guide::own_path::{below, in_site};
use crate::guide::plain;
use crate::origin::embedded::{Embedded, answer_embedded};
use crate::origin::handler::{Answer, Handler, Origin};
use crate::origin::moved::redirect;
use crate::origin::reason::{OwnPageReason, Reason};
use crate::origin::refuse::error;
use crate::origin::request::Request;
use crate::origin::response::Response;
use crate::origin::websocket::open;
use crate::semantics::method::Method;
use crate::semantics::status::Status;
use crate::semantics::trace::Trace;
use crate::site::prefix::Prefix;
use crate::websocket::handshake::Endpoint;

/// The path of everything here, below the prefix of the site.
const PATH: &str = ".docroot/learn/";

/// The names below it.
const PAGE: &str = "class";
const PAGE_WITH_SLASH: &str = "class/";
const WATCH: &str = "watch";
const TICKS: &str = "ticks";

/// How many pages of the teacher may be open at once.
const MOST_WATCHERS: usize = 16;

/// The page uses nothing but its own files, and no other page shows it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HTML: &str = "text/html; charset=utf-8";

/// The page in its languages, the first for clients that want none of them.
const PAGES: [(&str, &str); 2] = [
    ("en", include_str!("../assets/class/class.en.html")),
    ("zh", include_str!("../assets/class/class.zh.html")),
];

/// The experiments with their titles, in gzip.
const TITLES: &[(&str, &[u8])] = &include!(concat!(env!("OUT_DIR"), "/titles.rs"));

/// Answers requests for the class.
pub struct ClassPages {
    class: Class,
    /// The path of everything here.
    path: Box<str>,
    access: Access,
    pages: Vec<Embedded>,
    files: Vec<(&'static str, Embedded)>,
}

impl ClassPages {
    /// For the site with this prefix.
    pub fn new(class: Class, prefix: &Prefix, access: Access) -> ClassPages {
        let script = include_str!("../assets/class/class.js");
        let style = include_str!("../assets/class/class.css");
        let titles = TITLES
            .iter()
            .map(|(name, content)| (*name, Embedded::packed(content, "application/json", POLICY)));
        let beside = [
            ("class.js", script, "text/javascript; charset=utf-8"),
            ("class.css", style, "text/css; charset=utf-8"),
        ];
        let beside = beside
            .map(|(name, content, media_type)| (name, Embedded::new(content, media_type, POLICY)));
        let pages = PAGES.map(|(tag, page)| Embedded::new(page, HTML, POLICY).in_language(tag));
        ClassPages {
            class,
            path: in_site(prefix, PATH),
            access,
            pages: pages.into(),
            files: beside.into_iter().chain(titles).collect(),
        }
    }

    /// The file with this name. The page is in the language of the request.
    fn file(&self, name: &str, request: &Request<'_>) -> Option<&Embedded> {
        if name == PAGE {
            return self.pages.get(languages::chosen_of(request, &TAGS));
        }
        let mut files = self.files.iter();
        files.find_map(|(known, file)| (*known == name).then_some(file))
    }

    fn open_watch(&self, request: &Request<'_>, origin: &mut Origin, trace: &mut Trace) -> Answer {
        let changes = (self.class).watch(request.instant, request.wakers.waker());
        // Counted after it was added. Otherwise two workers could both admit the last watcher.
        if self.class.watchers() > MOST_WATCHERS {
            let reason = Reason::OwnPage(OwnPageReason::ManyViewers);
            return Answer::Ready(error(Status::ServiceUnavailable, reason));
        }
        let watcher = Watcher::new(self.class.clone(), changes);
        open(request, origin, Endpoint::default(), watcher, trace)
    }

    fn take_report(&self, request: &Request<'_>, origin: &mut Origin, trace: &mut Trace) -> Answer {
        if let Some(refusal) = self.access.refusal_to_pages(request, trace) {
            return Answer::Ready(refusal);
        }
        if !is_post(request) {
            let refusal = error(Status::MethodNotAllowed, Reason::MethodNotAllowed);
            return Answer::Ready(refusal.field("Allow", "POST"));
        }
        let class = self.class.clone();
        let count = move |request: &Request<'_>, content: &[u8]| {
            let report = Report::parse(content).ok_or_else(|| Fault::query(NO_REPORT))?;
            let from = request.client.address().ip();
            let counted = class.count(&report, from, request.instant);
            counted.map_err(fault).map(|()| counted_response())
        };
        with_content(
            origin,
            Box::new(move |request, held| count(request, &held.bytes)),
            refused,
        )
    }
}

/// Whether a teacher may look for the page at this name.
fn is_of_teacher(name: &str) -> bool {
    name == PAGE || elsewhere(name).is_some()
}

/// The reference to the page from another path at which a teacher may look for it.
fn elsewhere(name: &str) -> Option<&'static str> {
    match name {
        "" => Some(PAGE),
        PAGE_WITH_SLASH => Some("../class"),
        _ => None,
    }
}

/// The languages of the page.
const TAGS: [&str; PAGES.len()] = [PAGES[0].0, PAGES[1].0];

const NO_REPORT: &str = "Write the class, a number of 32 hexadecimal digits, and the names of experiments, \
                         each in a line of its own.";

fn is_post(request: &Request<'_>) -> bool {
    request.method() == Some(Method::Registered("POST"))
}

fn counted_response() -> Response {
    let reason = Reason::OwnPage(OwnPageReason::ClassCounted);
    Response::new(Status::NoContent, reason).field("Cache-Control", "no-store")
}

/// Why a report does not count, for the browser. It understands the number of another class.
fn fault(why: Uncounted) -> Fault {
    let (status, text) = match why {
        Uncounted::OtherClass(began) => (Status::Conflict, began.to_string()),
        Uncounted::TooOften => (
            Status::TooManyRequests,
            "This address reports too often.".to_owned(),
        ),
        Uncounted::ManyLearners => (
            Status::TooManyRequests,
            format!("This address has reported for {MOST_OF_ADDRESS} learners already."),
        ),
        Uncounted::Full => (
            Status::ServiceUnavailable,
            format!("The class has {MOST_LEARNERS} learners or addresses already."),
        ),
    };
    Fault { status, text }
}

/// The response to a report that does not count.
fn refused(fault: Fault, trace: &mut Trace) -> Response {
    plain::refused(
        fault,
        OwnPageReason::ClassUncounted,
        PERIOD.as_secs(),
        trace,
    )
}

impl Handler for ClassPages {
    fn is_of_server(&self) -> bool {
        true
    }

    fn takes_content(&self, request: &Request<'_>) -> Option<u64> {
        let is_report = below(&self.path, request) == Some(TICKS) && is_post(request);
        is_report.then_some(LONGEST_REPORT)
    }

    fn answer(
        &self,
        request: &Request<'_>,
        origin: &mut Origin,
        trace: &mut Trace,
    ) -> Option<Answer> {
        let name = below(&self.path, request)?;
        if name == TICKS {
            return Some(self.take_report(request, origin, trace));
        }
        let (file, elsewhere) = (self.file(name, request), elsewhere(name));
        if file.is_none() && elsewhere.is_none() && name != WATCH {
            return None;
        }
        if let Some(refusal) = self.access.refusal_to_learners(request, trace) {
            return Some(Answer::Ready(refusal));
        }
        if let Some(location) = elsewhere {
            let reason = Reason::OwnPage(OwnPageReason::ClassPage);
            let response = redirect(request, location.into(), reason, trace);
            return Some(Answer::Ready(response));
        }
        let Some(file) = file else {
            let refusal = refusal_to_foreign(request).map(Answer::Ready);
            return refusal.or_else(|| Some(self.open_watch(request, origin, trace)));
        };
        let path = [PATH, name].concat();
        Some(answer_embedded(
            origin,
            request,
            path.as_bytes(),
            file,
            trace,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tags of a page with their attributes, apart from those that name a language and from texts.
    fn tags(page: &str) -> Vec<&str> {
        let tags = page
            .split('<')
            .skip(1)
            .filter_map(|tag| tag.split('>').next());
        let is_same = |tag: &&str| !tag.contains("lang=") && !tag.starts_with("meta");
        let tags = tags.filter(is_same);
        tags.filter_map(|tag| tag.split(" data-").next()).collect()
    }

    #[test]
    fn both_languages_have_the_same_page() {
        let [(_, one), (_, other)] = PAGES;
        assert_eq!(tags(one), tags(other));
        assert!(tags(one).len() > 20);
    }
}
