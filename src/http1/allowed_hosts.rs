//! RFC 9110 sections 7.4 and 15.5.20: which hosts the server answers for. Any other host gets 421.
//!
//! A foreign web page can make its own name mean 127.0.0.1 (DNS rebinding). The browser then lets that
//! page read what the server sends, but `Host` still has the foreign name. So a server that only this
//! machine can reach answers for loopback names only, and for names that the operator allows:
//!
//! ```text
//! only loopback is bound    localhost   x.localhost   127.0.0.0/8   [::1]   --allow-host
//! others are bound          every host; with --allow-host: the same as above and the bound addresses
//! the admin listener        the same as above, every address, and names of --allow-host; never every name
//! ```
//!
//! An address cannot be rebound. So if `0.0.0.0` or `::` is bound, every address of that family counts
//! as bound. Names are compared without case and without a dot at the end; the port does not matter.
//!
//! A pattern such as `*.example` matches only names that the DNS allows (RFC 1035 section 2.3.4). It does
//! not match `a..example`, because no resolver defines what such a name means. The same holds for names
//! below `localhost`.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::fmt;

use super::octet::{LABEL, run};
use super::version::Version;
use crate::semantics::edit::Edit;
use crate::semantics::field::FieldName;
use crate::semantics::host::Host;
use crate::semantics::status::Status;
use crate::semantics::trace::{Evidence, Quote, Step, clause};

/// Hosts that the operator allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostPattern {
    /// `*`: every host.
    Any,
    /// `files.example`: this name, in lower case and without a dot at the end.
    Name(String),
    /// `*.example`: every name below `example`. The value is `.example`.
    Below(String),
    /// `192.0.2.7` or `[2001:db8::7]`: this address.
    Address(IpAddr),
}

/// A pattern that is not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatternError {
    /// It is empty.
    Empty,
    /// It has a scheme or a path.
    Url,
    /// It has a port.
    Port,
    /// It has a `*` that is neither alone nor the first label.
    Star,
    /// It begins with a dot.
    LeadingDot,
    /// It has characters beyond ASCII.
    BeyondAscii,
    /// It has an empty label, or a character that no host name has.
    Name,
    /// It or one of its labels is longer than the DNS allows.
    Long,
    /// It is so long that the DNS allows no name below it.
    LongBelow,
}

/// The rule that allows a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostRule {
    /// Every host is allowed.
    Any,
    /// It is a name or an address of this machine that no other machine can use.
    Loopback,
    /// It is an address at which the server listens.
    Bound,
    /// The operator allows it.
    Listed,
    /// An HTTP/1.0 request need not name a host. No browser sends such a request.
    NoHost,
}

/// The hosts that a server answers for, prepared at the start.
#[derive(Clone, Debug)]
pub struct AllowedHosts {
    allows_any: bool,
    /// Whether a request of HTTP/1.0 need not name a host.
    admits_no_host: bool,
    /// Whole names in lower case, the usual ones first.
    names: Vec<(Box<[u8]>, HostRule)>,
    /// Ends of names in lower case, each with the dot before it.
    ends: Vec<(Box<[u8]>, HostRule)>,
    /// Addresses. An unspecified one stands for its family.
    addresses: Vec<(IpAddr, HostRule)>,
    /// Whether every loopback address is allowed.
    allows_loopback: bool,
}

impl AllowedHosts {
    /// Only the hosts that the operator names.
    pub fn only(patterns: &[HostPattern]) -> AllowedHosts {
        let mut hosts = AllowedHosts {
            allows_any: false,
            admits_no_host: false,
            names: Vec::new(),
            ends: Vec::new(),
            addresses: Vec::new(),
            allows_loopback: false,
        };
        patterns.iter().for_each(|pattern| hosts.allow(pattern));
        hosts
    }

    /// The hosts of a server that listens at these addresses and whose operator allows `patterns`.
    pub fn new(bound: impl Iterator<Item = IpAddr>, patterns: &[HostPattern]) -> AllowedHosts {
        let bound: Vec<IpAddr> = bound.map(|ip| ip.to_canonical()).collect();
        let is_local = bound.iter().all(IpAddr::is_loopback);
        let mut hosts = AllowedHosts {
            allows_any: patterns.is_empty() && !is_local,
            admits_no_host: is_local,
            names: LOOPBACK_NAMES
                .map(|name| (name.into(), HostRule::Loopback))
                .into(),
            ends: vec![(b".localhost"[..].into(), HostRule::Loopback)],
            addresses: Vec::new(),
            allows_loopback: true,
        };
        let bound = bound.into_iter().map(|ip| (ip, HostRule::Bound));
        hosts.addresses.extend(bound);
        for pattern in patterns {
            hosts.allow(pattern);
        }
        hosts
    }

    /// The hosts of a server for operators. Never every name: no page whose name was
    /// rebound may read anything, wherever the server listens. Operators use any address that leads to it, and health
    /// checks of HTTP/1.0 name no host.
    pub fn for_operators(patterns: &[HostPattern]) -> AllowedHosts {
        let every = [
            IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        ];
        let mut hosts = AllowedHosts::new(every.into_iter(), &[]);
        hosts.allows_any = false;
        hosts.admits_no_host = true;
        let named = patterns.iter().filter(|host| **host != HostPattern::Any);
        named.for_each(|pattern| hosts.allow(pattern));
        hosts
    }

    fn allow(&mut self, pattern: &HostPattern) {
        let lower = |name: &str| name.to_ascii_lowercase().into_bytes().into();
        match pattern {
            HostPattern::Any => self.allows_any = true,
            HostPattern::Name(name) => self.names.push((lower(name), HostRule::Listed)),
            HostPattern::Below(end) => self.ends.push((lower(end), HostRule::Listed)),
            HostPattern::Address(ip) => self.addresses.push((*ip, HostRule::Listed)),
        }
    }

    /// The rule that allows the host of a request; `None` if the server does not answer for it.
    /// Invariant: this function does not allocate, because every request passes it.
    pub fn rule(&self, version: Version, host: Option<Host<'_>>) -> Option<HostRule> {
        if self.allows_any {
            return Some(HostRule::Any);
        }
        let Some(host) = host else {
            let is_exempt = self.admits_no_host && version == Version::Http10;
            return is_exempt.then_some(HostRule::NoHost);
        };
        let name = host.name.strip_suffix(b".").unwrap_or(host.name);
        let rule = self.rule_of_name(name);
        rule.or_else(|| self.rule_of_address(name))
    }

    /// Whether a page may have this host that a proxy has forwarded: it is one that the server answers for. If the operator
    /// has named none, a proxy may have any.
    pub fn admit_forwarded(&self, host: Host<'_>) -> bool {
        !self.has_listed() || self.rule(Version::Http11, Some(host)).is_some()
    }

    /// Whether the operator has named a host.
    fn has_listed(&self) -> bool {
        let names = self.names.iter().chain(&self.ends).map(|(_, rule)| rule);
        let mut rules = names.chain(self.addresses.iter().map(|(_, rule)| rule));
        rules.any(|rule| *rule == HostRule::Listed)
    }

    /// The edit that names an allowed host. `None` if this machine's usual name is not allowed.
    pub fn allowed_edit(&self) -> Option<Edit> {
        let rule = self.rule_of_name(b"localhost");
        rule.map(|_| Edit::set(FieldName::Host, "localhost"))
    }

    fn rule_of_name(&self, name: &[u8]) -> Option<HostRule> {
        let whole = |(known, _): &&(Box<[u8]>, _)| name.eq_ignore_ascii_case(known);
        let below = |(end, _): &&(Box<[u8]>, _)| is_below(name, end);
        let names = self.names.iter().find(whole);
        let found = names.or_else(|| self.ends.iter().find(below));
        found.map(|&(_, rule)| rule)
    }

    fn rule_of_address(&self, name: &[u8]) -> Option<HostRule> {
        let ip = address(str::from_utf8(name).ok()?)?;
        if ip.is_loopback() && self.allows_loopback {
            return Some(HostRule::Loopback);
        }
        let is_same = |known: IpAddr| {
            known == ip || (known.is_unspecified() && known.is_ipv4() == ip.is_ipv4())
        };
        let mut addresses = self.addresses.iter();
        let found = addresses.find(|&&(known, _)| is_same(known));
        found.map(|&(_, rule)| rule)
    }
}

/// Whether a host means this machine to everybody: a loopback address, `localhost` or a name below it.
pub fn is_loopback(host: Host<'_>) -> bool {
    let name = host.name.strip_suffix(b".").unwrap_or(host.name);
    let ip = || str::from_utf8(name).ok().and_then(address);
    name.eq_ignore_ascii_case(b"localhost")
        || is_below(name, b".localhost")
        || ip().is_some_and(|ip| ip.is_loopback())
}

/// Whether a host is the literal of this address.
pub fn is_literal_of(host: Host<'_>, ip: IpAddr) -> bool {
    let name = str::from_utf8(host.name).ok();
    name.and_then(address) == Some(ip.to_canonical())
}

/// The usual hosts of a server on this machine. They are found without parsing an address.
const LOOPBACK_NAMES: [&[u8]; 3] = [b"localhost", b"127.0.0.1", b"[::1]"];

/// An IPv4 address, or an IPv6 address in brackets. IPv4 addresses within IPv6 become IPv4.
fn address(name: &str) -> Option<IpAddr> {
    let inner = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'));
    let ip = match inner {
        Some(inner) => {
            let (address, _zone) = inner.split_once('%').unwrap_or((inner, ""));
            IpAddr::V6(address.parse::<Ipv6Addr>().ok()?)
        }
        None => IpAddr::V4(name.parse::<Ipv4Addr>().ok()?),
    };
    Some(ip.to_canonical())
}

impl HostRule {
    /// The step that says why the host is allowed.
    pub fn step(self, host: Option<Host<'_>>) -> Step {
        let finding = match self {
            HostRule::Any => "the server answers for every host",
            HostRule::Loopback => "the host means this machine",
            HostRule::Bound => "the host is an address of the server",
            HostRule::Listed => "the operator allows the host",
            HostRule::NoHost => "an HTTP/1.0 request need not name a host of this machine",
        };
        let step = Step::new(clause!("RFC 9110 section 7.4", "rule"), finding);
        let other = Edit::set(FieldName::Host, OTHER_HOST);
        let edit = (self != HostRule::Any).then(|| other.leads_to(Status::MisdirectedRequest));
        step.with(evidence(host)).unless(edit)
    }
}

/// A host that no server has (RFC 6761 section 6.4).
const OTHER_HOST: &str = "docroot.invalid";

/// The host of a request as the value of a step.
pub fn evidence(host: Option<Host<'_>>) -> Evidence {
    let name = host.map_or(&b"no host"[..], |host| host.name);
    Evidence::Value(Quote::of(name))
}

impl HostPattern {
    /// Parses a name, an address, `*.` and a name, or `*`.
    pub fn parse(text: &str) -> Result<HostPattern, PatternError> {
        let bare_address = text.parse().ok().map(|ip: IpAddr| ip.to_canonical());
        if let Some(ip) = bare_address.or_else(|| address(text)) {
            return Ok(HostPattern::Address(ip));
        }
        let name = text.strip_suffix('.').unwrap_or(text);
        match name.strip_prefix("*.") {
            _ if text == "*" => Ok(HostPattern::Any),
            Some(name) => match checked(name)? {
                name if name.len() > MAX_BELOW => Err(PatternError::LongBelow),
                name => Ok(HostPattern::Below(format!(".{name}"))),
            },
            None => checked(name).map(HostPattern::Name),
        }
    }
}

impl HostPattern {
    /// Whether it matches the host of a request. Names are compared without case and without a dot at the
    /// end. Invariant: this function does not allocate.
    pub fn matches(&self, host: Host<'_>) -> bool {
        let name = host.name.strip_suffix(b".").unwrap_or(host.name);
        match self {
            HostPattern::Any => true,
            HostPattern::Name(known) => name.eq_ignore_ascii_case(known.as_bytes()),
            HostPattern::Below(end) => is_below(name, end.as_bytes()),
            HostPattern::Address(ip) => str::from_utf8(name).ok().and_then(address) == Some(*ip),
        }
    }

    /// How specific it is. The highest number is a whole name or an address.
    pub fn precision(&self) -> usize {
        match self {
            HostPattern::Any => 0,
            HostPattern::Below(end) => end.len(),
            HostPattern::Name(_) | HostPattern::Address(_) => usize::MAX,
        }
    }
}

/// Whether the DNS allows this name, and it has this end.
fn is_below(name: &[u8], end: &[u8]) -> bool {
    let start = name.len().saturating_sub(end.len());
    name[start..].eq_ignore_ascii_case(end) && fault_of_name(name).is_none()
}

/// A name in lower case, if it is valid.
fn checked(name: &str) -> Result<String, PatternError> {
    let fault = match name {
        "" => Some(PatternError::Empty),
        _ if name.contains('/') => Some(PatternError::Url),
        _ if name.contains('*') => Some(PatternError::Star),
        _ if name.contains(':') => Some(PatternError::Port),
        _ if name.starts_with('.') => Some(PatternError::LeadingDot),
        _ if !name.is_ascii() => Some(PatternError::BeyondAscii),
        _ => fault_of_name(name.as_bytes()),
    };
    fault.map_or_else(|| Ok(name.to_ascii_lowercase()), Err)
}

/// The most octets of a name without the dot at its end. On the wire a name has at most 255 octets (RFC
/// 1035 section 2.3.4), and two of them stand for no character of it.
const MAX_NAME: usize = 253;

/// The most octets of a label.
const MAX_LABEL: usize = 63;

/// The most octets of a name that has another name below it. The shortest is one octet and a dot longer.
const MAX_BELOW: usize = MAX_NAME - 2;

/// Why a name without a dot at its end cannot be in the DNS.
fn fault_of_name(name: &[u8]) -> Option<PatternError> {
    let mut labels = name.split(|&octet| octet == b'.');
    if labels.any(|label| label.is_empty() || run(&LABEL, label) < label.len()) {
        return Some(PatternError::Name);
    }
    let mut labels = name.split(|&octet| octet == b'.');
    let is_long = name.len() > MAX_NAME || labels.any(|label| label.len() > MAX_LABEL);
    is_long.then_some(PatternError::Long)
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HostPattern::Any => f.write_str("*"),
            HostPattern::Name(name) => f.write_str(name),
            HostPattern::Below(end) => write!(f, "*{end}"),
            HostPattern::Address(IpAddr::V4(ip)) => ip.fmt(f),
            HostPattern::Address(IpAddr::V6(ip)) => write!(f, "[{ip}]"),
        }
    }
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PatternError::Empty => "the name is missing; write a host such as files.example",
            PatternError::Url => "it is not a host; leave out the scheme and the path",
            PatternError::Port => "it is not a host; leave out the port, because every port is allowed",
            PatternError::Star => "a * must stand alone or be the first label, as in *.example",
            PatternError::LeadingDot => "it begins with a dot; write *.example for the names below example",
            PatternError::BeyondAscii => "it is not ASCII; write the form that browsers send, which begins with xn--",
            PatternError::Name => {
                "it is not a host name; labels have letters, digits, - and _, with one dot between them"
            }
            PatternError::Long => {
                "it is not a host name; a label has at most 63 characters, and a name has at most 253"
            }
            PatternError::LongBelow => {
                "it can match no host name; the name after *. has at most 251 characters"
            }
        })
    }
}

impl std::error::Error for PatternError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(bound: &[&str], patterns: &[&str]) -> AllowedHosts {
        let bound = bound.iter().map(|ip| ip.parse().expect("an address"));
        let parse = |text: &&str| HostPattern::parse(text).expect("a pattern");
        let patterns: Vec<HostPattern> = patterns.iter().map(parse).collect();
        AllowedHosts::new(bound, &patterns)
    }

    #[track_caller]
    fn check(hosts: &AllowedHosts, host: &str, want: Option<HostRule>) {
        let parsed = Host::parse(host.as_bytes()).expect(host);
        for version in [Version::Http10, Version::Http11] {
            assert_eq!(hosts.rule(version, Some(parsed)), want, "{host}");
        }
    }

    const LOOPBACK: Option<HostRule> = Some(HostRule::Loopback);
    const BOUND: Option<HostRule> = Some(HostRule::Bound);
    const LISTED: Option<HostRule> = Some(HostRule::Listed);

    /// What each `--allow-host` admits at the listener for operators, wherever it listens.
    #[test]
    fn no_name_that_can_be_rebound_means_the_listener_for_operators() {
        for (patterns, listed) in [
            (&[][..], None),
            (&["*"], None),
            (&["*", "admin.intra", "*.ops.intra"], LISTED),
        ] {
            let parse = |text: &&str| HostPattern::parse(text).expect("a pattern");
            let patterns: Vec<HostPattern> = patterns.iter().map(parse).collect();
            let hosts = AllowedHosts::for_operators(&patterns);
            for (host, want) in [
                ("localhost:9090", LOOPBACK),
                ("a.localhost", LOOPBACK),
                ("127.0.0.1:9090", LOOPBACK),
                ("192.0.2.11:9090", BOUND),
                ("[2001:db8::7]:9090", BOUND),
                ("admin.intra:9090", listed),
                ("one.ops.intra", listed),
                ("rebound.example", None),
                ("192.0.2.11.example", None),
            ] {
                check(&hosts, host, want);
            }
            assert_eq!(hosts.rule(Version::Http10, None), Some(HostRule::NoHost));
            assert_eq!(hosts.rule(Version::Http11, None), None);
        }
    }

    #[test]
    fn a_server_on_loopback_answers_for_this_machine() {
        let local = hosts(&["127.0.0.1", "::1"], &[]);
        check(&local, "localhost", LOOPBACK);
        check(&local, "LocalHost:8080", LOOPBACK); // without case, any port
        check(&local, "localhost.", LOOPBACK); // without the dot at the end
        check(&local, "a.b.localhost", LOOPBACK); // RFC 6761 section 6.3
        check(&local, "A.LOCALHOST.:1", LOOPBACK);
        check(&local, "127.0.0.1:8080", LOOPBACK);
        check(&local, "127.255.0.9", LOOPBACK);
        check(&local, "127.0.0.1.", LOOPBACK);
        check(&local, "[::1]:8080", LOOPBACK);
        check(&local, "[::1%lo]:8080", LOOPBACK);
        check(&local, "[0:0:0:0:0:0:0:1]", LOOPBACK);
        check(&local, "[::ffff:127.0.0.1]", LOOPBACK);
        for foreign in [
            "rebound.example",
            "localhost.example",
            "127.0.0.1.example",
            "notlocalhost",
            ".localhost",
            "..localhost",
            "a..localhost",
            ".a.localhost",
            "evil,.localhost",
            "a,b.localhost",
            "a~.localhost",
            "caf%C3%A9.localhost",
            "a%2Db.localhost",
            "localhost..",
            "a.localhost..",
            "a..localhost.",
            "local%68ost",
            "128.0.0.1",
            "0.0.0.0",
            "[::]",
            "[::2]",
            "[v1.a]",
            "127.1",
            "2130706433",
            ".",
        ] {
            check(&local, foreign, None);
        }
    }

    /// RFC 1035 section 2.3.4. A dot at the end does not count.
    #[test]
    fn a_name_below_another_is_as_long_as_the_dns_allows() {
        let local = hosts(&["127.0.0.1"], &["*.example"]);
        let label = |length| "a".repeat(length);
        let [whole, long] = [63, 64].map(label);
        check(&local, &format!("{whole}.localhost"), LOOPBACK);
        check(&local, &format!("{whole}.example."), LISTED);
        check(&local, &format!("{long}.localhost"), None);
        check(&local, &format!("a.{long}.example"), None);
        let below = format!(".{whole}.{whole}.{whole}.localhost");
        let [whole, long] = [253, 254].map(|length| label(length - below.len()) + &below);
        check(&local, &whole, LOOPBACK);
        check(&local, &(whole + "."), LOOPBACK);
        check(&local, &long, None);
        check(&local, &(long + "."), None);
    }

    #[test]
    fn a_request_without_a_host_is_allowed_on_loopback_in_http_1_0() {
        let local = hosts(&["::1"], &["files.example"]);
        assert_eq!(local.rule(Version::Http10, None), Some(HostRule::NoHost));
        assert_eq!(local.rule(Version::Http11, None), None);
        let wide = hosts(&["::1", "192.0.2.7"], &["files.example"]);
        assert_eq!(wide.rule(Version::Http10, None), None);
        let any = hosts(&["192.0.2.7"], &[]);
        assert_eq!(any.rule(Version::Http11, None), Some(HostRule::Any));
    }

    #[test]
    fn the_operator_allows_more_hosts() {
        let patterns = ["files.example", "*.Intra.", "192.0.2.9", "2001:db8::9"];
        let local = hosts(&["127.0.0.1"], &patterns);
        check(&local, "Files.Example.:80", LISTED);
        check(&local, "a.files.example", None);
        check(&local, "a.intra", LISTED);
        check(&local, "A.B.INTRA", LISTED);
        check(&local, "intra", None); // only names below it
        check(&local, ".intra", None);
        check(&local, "aintra", None);
        check(&local, "192.0.2.9", LISTED);
        check(&local, "[2001:db8:0::9]:443", LISTED);
        check(&local, "192.0.2.7", None);
        check(&local, "x.localhost", LOOPBACK);
        check(
            &hosts(&["127.0.0.1"], &["a", "*"]),
            "rebound.example",
            Some(HostRule::Any),
        );
    }

    #[test]
    fn a_server_for_other_machines_answers_for_every_host_unless_some_are_listed() {
        check(&hosts(&["0.0.0.0"], &[]), "a.example", Some(HostRule::Any));
        check(
            &hosts(&["127.0.0.1", "192.0.2.7"], &[]),
            "a.example",
            Some(HostRule::Any),
        );
        let one = hosts(&["192.0.2.7", "::ffff:192.0.2.8"], &["files.example"]);
        check(&one, "files.example", LISTED);
        check(&one, "192.0.2.7:80", BOUND);
        check(&one, "192.0.2.8", BOUND);
        check(&one, "[::ffff:192.0.2.7]", BOUND);
        check(&one, "localhost", LOOPBACK);
        check(&one, "192.0.2.9", None);
        check(&one, "a.example", None);
        // An address cannot be rebound, and the machine's own are not known.
        let every = hosts(&["0.0.0.0"], &["files.example"]);
        check(&every, "198.51.100.1", BOUND);
        check(&every, "[2001:db8::1]", None);
        check(&every, "a.example", None);
        check(&hosts(&["::"], &["a"]), "[2001:db8::1]", BOUND);
    }

    #[track_caller]
    fn check_pattern(text: &str, want: Result<HostPattern, PatternError>) {
        assert_eq!(HostPattern::parse(text), want, "{text}");
    }

    #[test]
    fn patterns_are_parsed() {
        let name = |name: &str| Ok(HostPattern::Name(name.into()));
        check_pattern("*", Ok(HostPattern::Any));
        check_pattern("Files.Example", name("files.example"));
        check_pattern("a_b-c.", name("a_b-c"));
        check_pattern("xn--bcher-kva.example", name("xn--bcher-kva.example"));
        check_pattern("*.Example", Ok(HostPattern::Below(".example".into())));
        let ip = |text: &str| Ok(HostPattern::Address(text.parse().expect(text)));
        check_pattern("192.0.2.7", ip("192.0.2.7"));
        check_pattern("[2001:db8::7]", ip("2001:db8::7"));
        check_pattern("2001:db8::7", ip("2001:db8::7"));
        for (text, error) in [
            ("", PatternError::Empty),
            (".", PatternError::Empty),
            ("*.", PatternError::Star),
            ("http://files.example", PatternError::Url),
            ("files.example/", PatternError::Url),
            ("files.example:80", PatternError::Port),
            ("[::1]:80", PatternError::Port),
            ("*.*.example", PatternError::Star),
            ("a*.example", PatternError::Star),
            ("a.*", PatternError::Star),
            ("**", PatternError::Star),
            (".example", PatternError::LeadingDot),
            ("b\u{fc}cher.example", PatternError::BeyondAscii),
            ("a..example", PatternError::Name),
            ("a.example..", PatternError::Name),
            ("a b", PatternError::Name),
            ("a%20b", PatternError::Name),
        ] {
            check_pattern(text, Err(error));
        }
        let [label, long] = [63, 64].map(|length| "a".repeat(length));
        check_pattern(&label, name(&label));
        check_pattern(&long, Err(PatternError::Long));
        check_pattern(&format!("*.{long}"), Err(PatternError::Long));
        let labels = format!("{label}.{label}.{label}");
        let whole = format!("{labels}.{}", &label[..61]);
        check_pattern(&whole, name(&whole));
        check_pattern(&format!("{whole}."), name(&whole));
        check_pattern(&format!("{whole}a"), Err(PatternError::Long));
        check_pattern(&format!("{whole}a."), Err(PatternError::Long));
        for (length, is_valid) in [(251, true), (252, false), (253, false)] {
            let name = &whole[whole.len() - length..];
            let want = match is_valid {
                true => Ok(HostPattern::Below(format!(".{name}"))),
                false => Err(PatternError::LongBelow),
            };
            check_pattern(&format!("*.{name}"), want.clone());
            check_pattern(&format!("*.{name}."), want);
        }
        check_pattern(&format!("*.{whole}a"), Err(PatternError::Long));
    }

    #[test]
    fn another_host_would_be_refused_unless_every_host_is_allowed() {
        let other = Edit::set(FieldName::Host, "docroot.invalid");
        let refused = other.leads_to(Status::MisdirectedRequest);
        let host = Host::parse(b"a");
        for rule in [
            HostRule::Loopback,
            HostRule::Bound,
            HostRule::Listed,
            HostRule::NoHost,
        ] {
            assert_eq!(rule.step(host).edits, [Some(refused), None], "{rule:?}");
        }
        assert_eq!(HostRule::Any.step(host).edits, [None, None]);
        let local = hosts(&["127.0.0.1"], &[]);
        check(&local, "docroot.invalid", None);
    }
}
