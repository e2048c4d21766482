//! What would make a step of a decision turn out otherwise: its edits, applied to the request that was sent.
//!
//! ```text
//! without If-None-Match -> 200
//! with Range: bytes=0-99 -> 206
//! with the target /letters/ -> other rules decide
//!
//! {"do":"remove","name":"If-None-Match","expect":200}
//! {"do":"set","name":"Range","value":"bytes=0-99","expect":206}
//! {"do":"target","value":"/letters/","expect":null}
//! ```
//!
//! `remove` removes every line of a field, and `set` puts one line in the place of all of them. `expect` is the status of
//! the response to the changed request, or `null` if other rules decide it.
//!
//! Invariant: nothing here runs unless somebody looks at a decision, and nothing here decides.

use std::fmt;

use super::edit::{Change, Edit, Expected, NewTarget, Value};
use super::field::FieldName;
use super::host::Host;
use super::trace::{Evidence, Step};
use crate::text::append;
use crate::text::escape::{JsonOctets, Line};

/// The request that a decision is about, and the status of the response.
#[derive(Clone, Copy, Debug)]
pub struct Answered<'a> {
    /// The head of the request as sent, or the beginning of it.
    pub head: &'a [u8],
    /// The status of the response, if there is one.
    pub status: Option<u16>,
}

/// A change of a request, with its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    change: ProposedChange,
    /// The status of the response to the changed request, if that is certain.
    expected: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum ProposedChange {
    Remove(&'static str),
    Set(&'static str, Vec<u8>),
    Method(&'static str),
    Target(Vec<u8>),
    Version(&'static str),
}

/// The part of a request that a change is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The method.
    Method,
    /// The target.
    Target,
    /// The protocol version.
    Version,
    /// The field with this name.
    Field(&'static str),
}

/// The edits of a step. It leaves out those that do not fit the request.
pub fn proposals(step: &Step, answered: &Answered<'_>) -> Vec<Proposal> {
    let by_rule = step.edits.into_iter().flatten();
    let by_section = match step.edits[0] {
        Some(_) => None,
        None => of_section(step.clause.section, answered),
    };
    let edits = by_rule.chain(by_section);
    edits
        .filter_map(|edit| proposal(edit, &step.evidence, answered))
        .collect()
}

/// The edit of a section that is about one method or one field. The steps of such a section need none of their own.
fn of_section(section: &str, answered: &Answered<'_>) -> Option<Edit> {
    match section {
        "RFC 9110 section 9.3.2" => {
            // Only GET has ranges and upgrades.
            let names = [FieldName::Range, FieldName::Upgrade];
            let has_one = names.iter().any(|&name| has_field(answered.head, name));
            // What does not allow HEAD answers GET in its own way: a WebSocket with 426.
            let is_same = !has_one && answered.status != Some(405);
            Some(Edit::method("GET").keeps_status_if(is_same))
        }
        "RFC 9110 section 10.1.1" => Some(Edit::remove(FieldName::Expect).keeps_status()),
        _ => None,
    }
}

fn proposal(edit: Edit, evidence: &Evidence, answered: &Answered<'_>) -> Option<Proposal> {
    let sent = target_of(answered.head).unwrap_or_default();
    let change = match edit.change {
        // An upgrade needs its own connection option.
        Change::Remove(FieldName::Connection)
        | Change::Set(FieldName::Connection, Value::Fixed("close"))
            if has_field(answered.head, FieldName::Upgrade) =>
        {
            return None;
        }
        // RFC 9112 section 3.2.2: the host of a target in absolute-form takes precedence.
        Change::Set(FieldName::Host, _) if sent.first() != Some(&b'/') => return None,
        Change::Remove(name) => ProposedChange::Remove(name.name()),
        Change::Set(name, value) => ProposedChange::Set(name.name(), value_of(value, evidence)?),
        Change::Method(method) => ProposedChange::Method(method),
        Change::Target(new) => {
            let target = new_target(new, sent, (evidence, answered.head))?;
            (target != sent).then_some(ProposedChange::Target(target))?
        }
        Change::Version(version) => ProposedChange::Version(version),
    };
    let expected = match edit.expected {
        Expected::Unknown => None,
        Expected::Same => answered.status,
        Expected::Status(status) => Some(status.code()),
    };
    Some(Proposal { change, expected })
}

fn value_of(value: Value, evidence: &Evidence) -> Option<Vec<u8>> {
    match (value, evidence) {
        (Value::Fixed(value), _) => Some(value.into()),
        (Value::Own, Evidence::Compared { own, .. }) => own.whole().map(<[u8]>::to_vec),
        (Value::Own, _) => None,
    }
}

fn new_target(
    new: NewTarget,
    sent: &[u8],
    (evidence, head): (&Evidence, &[u8]),
) -> Option<Vec<u8>> {
    match (new, evidence) {
        (NewTarget::Root, _) if split_query(sent).0 == b"/" => None,
        (NewTarget::Root, _) => Some(b"/".to_vec()),
        (NewTarget::Own, Evidence::Compared { own, .. }) => {
            let own = own.whole()?;
            let is_plain = |octet: &u8| octet.is_ascii_alphanumeric() || b"/-._~".contains(octet);
            own.iter().all(is_plain).then(|| own.to_vec())
        }
        (NewTarget::Own, _) => None,
        (NewTarget::Location, Evidence::Value(reference)) => resolved(sent, reference.whole()?),
        (NewTarget::Location, _) => None,
        (NewTarget::OriginForm, _) => {
            let (_, rest) = split_origin(sent)?;
            let slash: &[u8] = if rest.starts_with(b"/") { b"" } else { b"/" };
            Some([slash, rest].concat())
        }
        (NewTarget::AbsoluteForm, _) => {
            let host = field_value(head, FieldName::Host)?;
            // A malformed one may have a password in it.
            let is_whole = sent.starts_with(b"/") && Host::parse(host).is_some();
            is_whole.then(|| [b"http://", host, sent].concat())
        }
        (NewTarget::Longer(end), _) => {
            let (path, query) = split_query(sent);
            let is_path = path.starts_with(b"/") || split_origin(path)?.1.starts_with(b"/");
            let query = query.map(|query| [b"?", query].concat());
            let query = query.unwrap_or_default();
            is_path.then(|| [path, end.as_bytes(), &query].concat())
        }
        (NewTarget::WithoutQuery(name), _) => {
            let (path, query) = split_query(sent);
            let is_other =
                |pair: &&[u8]| pair.split(|&octet| octet == b'=').next() != Some(name.as_bytes());
            let pairs = query?.split(|&octet| octet == b'&').filter(is_other);
            let query = pairs.collect::<Vec<_>>().join(&b'&');
            let mark: &[u8] = if query.is_empty() { b"" } else { b"?" };
            Some([path, mark, &query].concat())
        }
    }
}

/// The target that a relative reference leads to (RFC 3986 section 5.2). The reference does not begin with a slash.
fn resolved(sent: &[u8], reference: &[u8]) -> Option<Vec<u8>> {
    let (origin, rest) = match sent.first() {
        Some(b'/') => (&b""[..], sent),
        _ => split_origin(sent)?,
    };
    let (base, _) = split_query(rest);
    let (path, query) = split_query(reference);
    let mut segments: Vec<&[u8]> = base.split(|&octet| octet == b'/').skip(1).collect();
    segments.pop();
    segments.extend(path.split(|&octet| octet == b'/'));
    let mut target = origin.to_vec();
    target.extend(without_dots(&segments));
    if let Some(query) = query {
        target.extend([b"?", query].concat());
    }
    Some(target)
}

/// RFC 3986 section 5.2.4: the path without `.` and `..`.
fn without_dots(segments: &[&[u8]]) -> Vec<u8> {
    let mut kept: Vec<&[u8]> = Vec::new();
    for &segment in segments {
        match segment {
            b"." => {}
            b".." => drop(kept.pop()),
            segment => kept.push(segment),
        }
    }
    // A dot segment at the end leaves the slash before it.
    if matches!(segments.last(), Some(&b"." | &b"..")) {
        kept.push(b"");
    }
    [b"/", kept.join(&b'/').as_slice()].concat()
}

/// The scheme and the authority of a target in absolute-form, and the rest.
fn split_origin(target: &[u8]) -> Option<(&[u8], &[u8])> {
    let marks = target.windows(3).position(|three| three == b"://")? + 3;
    let length = target[marks..]
        .iter()
        .position(|octet| b"/?".contains(octet));
    Some(target.split_at(length.map_or(target.len(), |length| marks + length)))
}

fn split_query(target: &[u8]) -> (&[u8], Option<&[u8]>) {
    match target.iter().position(|&octet| octet == b'?') {
        Some(mark) => (&target[..mark], Some(&target[mark + 1..])),
        None => (target, None),
    }
}

/// The request-target as sent: what stands between the first space of the request-line and the next.
fn target_of(head: &[u8]) -> Option<&[u8]> {
    let line = head
        .trim_ascii_start()
        .split(|&octet| octet == b'\n')
        .next()?;
    line.split(|octet| octet.is_ascii_whitespace()).nth(1)
}

fn has_field(head: &[u8], name: FieldName) -> bool {
    field_value(head, name).is_some()
}

/// The value of the first line of a field; empty if the line has no colon.
fn field_value(head: &[u8], name: FieldName) -> Option<&[u8]> {
    let mut lines = head.split(|&octet| octet == b'\n').skip(1);
    lines.find_map(|line| {
        let mut parts = line.splitn(2, |&octet| octet == b':');
        let sent = parts.next().unwrap_or_default();
        let is_wanted = sent.eq_ignore_ascii_case(name.name().as_bytes());
        is_wanted.then(|| parts.next().unwrap_or_default().trim_ascii())
    })
}

impl Proposal {
    /// The part of the request that changes.
    pub fn part(&self) -> Part {
        match self.change {
            ProposedChange::Remove(name) | ProposedChange::Set(name, _) => Part::Field(name),
            ProposedChange::Method(_) => Part::Method,
            ProposedChange::Target(_) => Part::Target,
            ProposedChange::Version(_) => Part::Version,
        }
    }

    /// The status of the response to the changed request, if that is certain.
    pub fn expected(&self) -> Option<u16> {
        self.expected
    }

    /// Whether both change the request in the same way.
    pub fn is_same_change(&self, other: &Proposal) -> bool {
        self.change == other.change
    }

    /// Appends the object of the wire view.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        let (verb, name, value): (_, _, Option<&[u8]>) = match &self.change {
            ProposedChange::Remove(name) => ("remove", Some(name), None),
            ProposedChange::Set(name, value) => ("set", Some(name), Some(value)),
            ProposedChange::Method(method) => ("method", None, Some(method.as_bytes())),
            ProposedChange::Target(target) => ("target", None, Some(target)),
            ProposedChange::Version(version) => ("version", None, Some(version.as_bytes())),
        };
        append(out, format_args!("{{\"do\":\"{verb}\""));
        if let Some(name) = name {
            append(out, format_args!(",\"name\":\"{name}\""));
        }
        if let Some(value) = value {
            append(out, format_args!(",\"value\":{}", JsonOctets(value)));
        }
        match self.expected {
            Some(status) => append(out, format_args!(",\"expect\":{status}}}")),
            None => out.extend_from_slice(b",\"expect\":null}"),
        }
    }
}

impl fmt::Display for Proposal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.change {
            ProposedChange::Remove(name) => write!(f, "without {name}")?,
            ProposedChange::Set(name, value) => write!(f, "with {name}: {}", Line(value))?,
            ProposedChange::Method(method) => write!(f, "with the method {method}")?,
            ProposedChange::Target(target) => write!(f, "with the target {}", Line(target))?,
            ProposedChange::Version(version) => write!(f, "with {version}")?,
        }
        match self.expected {
            Some(status) => write!(f, " -> {status}"),
            None => f.write_str(" -> other rules decide"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::semantics::status::Status;
    use crate::semantics::trace::{Clause, Quote};

    const CLAUSE: Clause = Clause {
        section: "RFC 9110 section 1",
        function: "docroot::a::b",
    };

    /// What is proposed for a request whose head begins like this, with 200.
    fn proposed(step: &Step, head: &str) -> Vec<String> {
        let answered = Answered {
            head: head.as_bytes(),
            status: Some(200),
        };
        let proposals = proposals(step, &answered);
        proposals.iter().map(Proposal::to_string).collect()
    }

    #[track_caller]
    fn check(step: Step, head: &str, want: &[&str]) {
        assert_eq!(proposed(&step, head), want, "{head}");
    }

    #[track_caller]
    fn check_target(new: NewTarget, evidence: &str, sent: &str, want: Option<&str>) {
        let evidence = Evidence::Value(Quote::of(evidence.as_bytes()));
        let step = Step::new(CLAUSE, "it is").with(evidence);
        let head = format!("GET {sent} HTTP/1.1\r\n");
        let want = want.map(|target| format!("with the target {target} -> other rules decide"));
        let got = proposed(&step.unless(Edit::target(new)), &head);
        assert_eq!(got, Vec::from_iter(want), "{sent}");
    }

    #[test]
    fn each_change_has_its_sentence_and_its_status() {
        use FieldName::{Host, Range};
        let step = Step::new(CLAUSE, "it is");
        let head = "GET /a HTTP/1.1\r\nHost: b\r\n";
        let check = |edit, want| check(step.unless(edit), head, &[want]);
        check(Edit::remove(Host), "without Host -> other rules decide");
        let range = Edit::set(Range, "bytes=0-99");
        check(range, "with Range: bytes=0-99 -> other rules decide");
        let partial = range.leads_to(Status::PartialContent);
        check(partial, "with Range: bytes=0-99 -> 206");
        let delete = Edit::method("DELETE").keeps_status();
        check(delete, "with the method DELETE -> 200");
        check(Edit::http11(), "with HTTP/1.1 -> other rules decide");
        check(
            Edit::target(NewTarget::Root),
            "with the target / -> other rules decide",
        );
    }

    #[test]
    fn the_own_value_is_that_of_the_evidence() {
        let step = Step::new(CLAUSE, "it is").unless(Edit::set_own(FieldName::IfMatch));
        let head = "GET /a HTTP/1.1\r\n";
        check(step, head, &[]);
        let compared =
            |own: &str| step.compared(Quote::of(b"\"a\""), Quote::of(own.as_bytes()), "weak");
        check(
            compared("\"b\""),
            head,
            &["with If-Match: \"b\" -> other rules decide"],
        );
        // What is not shown whole cannot be sent.
        check(compared(&"b".repeat(99)), head, &[]);
    }

    #[test]
    fn edits_that_the_request_makes_useless_are_left_out() {
        let step = Step::new(CLAUSE, "it is");
        let host = step.unless(Edit::set(FieldName::Host, "a"));
        check(host, "GET http://b/ HTTP/1.1\r\n", &[]);
        let close = step.unless(Edit::set(FieldName::Connection, "close"));
        check(close, "GET / HTTP/1.1\r\nUpgrade: websocket\r\n", &[]);
    }

    #[test]
    fn a_section_about_one_method_or_field_has_an_edit() {
        let of = |section| Step::new(Clause { section, ..CLAUSE }, "it is");
        let head = of("RFC 9110 section 9.3.2");
        check(head, "HEAD / HTTP/1.1\r\n", &["with the method GET -> 200"]);
        let ranged = "HEAD / HTTP/1.1\r\nrange: bytes=0-1\r\n";
        check(head, ranged, &["with the method GET -> other rules decide"]);
        // The own way of an endpoint to answer GET is not known.
        let answered = Answered {
            head: b"HEAD / HTTP/1.1\r\n",
            status: Some(405),
        };
        let get = proposals(&head, &answered);
        assert_eq!(
            get[0].to_string(),
            "with the method GET -> other rules decide"
        );
        let expect = of("RFC 9110 section 10.1.1");
        check(expect, "PUT / HTTP/1.1\r\n", &["without Expect -> 200"]);
        let own = expect.unless(Edit::method("GET"));
        check(
            own,
            "PUT / HTTP/1.1\r\n",
            &["with the method GET -> other rules decide"],
        );
    }

    /// RFC 3986 section 5.4, as far as docroot sends such references.
    #[test]
    fn references_are_resolved() {
        let check =
            |reference, sent, want| check_target(NewTarget::Location, reference, sent, Some(want));
        check("b/", "/a/b", "/a/b/");
        check("b/?q=/x", "/a/b?q=/x", "/a/b/?q=/x");
        check("./", "/a/index.html", "/a/");
        check("../", "/a/index/", "/a/");
        check("./a:b/", "/a:b", "/a:b/");
        check("../../a/c", "/a//b/../c", "/a/c");
        check("../a", "//a", "/a");
        check("about", "http://h:1/about.html", "http://h:1/about");
        check_target(NewTarget::Location, "a/", "*", None);
    }

    #[test]
    fn targets_are_rewritten() {
        use NewTarget::{AbsoluteForm, Longer, OriginForm, Root, WithoutQuery};
        check_target(Longer("%"), "", "/a", Some("/a%"));
        check_target(Longer("-b"), "", "/a/?c=/", Some("/a/-b?c=/"));
        check_target(Longer("-b"), "", "http://h/a", Some("http://h/a-b"));
        check_target(Longer("-b"), "", "http://h", None);
        check_target(Longer("-b"), "", "*", None);
        check_target(AbsoluteForm, "", "/a", None); // without a host
        let step = Step::new(CLAUSE, "it is").unless(Edit::target(AbsoluteForm));
        let named =
            |target: &str| proposed(&step, &format!("GET {target} HTTP/1.1\r\nhost: h:1\r\n"));
        let want = "with the target http://h:1/a?b -> other rules decide";
        assert_eq!(named("/a?b"), [want]);
        assert!(named("http://h:1/a").is_empty() && named("*").is_empty());
        let own = |own: &str| {
            let step = Step::new(CLAUSE, "it is").unless(Edit::target(NewTarget::Own));
            let (sent, own) = (Quote::of(b"/a"), Quote::of(own.as_bytes()));
            proposed(&step.compared(sent, own, "--prefix"), "GET /a HTTP/1.1\r\n")
        };
        assert_eq!(own("/b/"), ["with the target /b/ -> other rules decide"]);
        assert!(own("/b c/").is_empty() && own("/b%2F/").is_empty());
        check_target(OriginForm, "", "http://a", Some("/"));
        check_target(OriginForm, "", "http://a?b", Some("/?b"));
        check_target(OriginForm, "", "https://a/b?c://d", Some("/b?c://d"));
        check_target(OriginForm, "", "/b", None);
        check_target(Root, "", "/a", Some("/"));
        check_target(Root, "", "/", None);
        check_target(Root, "", "/?a", None);
        check_target(WithoutQuery("a"), "", "/?a", Some("/"));
        check_target(WithoutQuery("a"), "", "/?b&a=c&d=a", Some("/?b&d=a"));
        check_target(WithoutQuery("a"), "", "/?b", None);
        check_target(WithoutQuery("a"), "", "/", None);
    }
}
