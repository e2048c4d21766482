//! RFC 7239 section 4: what proxies say of the client whose request they forward.
//!
//! ```text
//! Forwarded: for=192.0.2.43;proto=https;host=files.example, for="[2001:db8::17]:4711"
//! X-Forwarded-For: 192.0.2.43, 10.0.0.2     X-Forwarded-Proto: https     X-Forwarded-Host: files.example
//! ```
//!
//! Each proxy adds to the right what it knows of its own client. A client can send these fields too, so an
//! element counts only if a trusted proxy has added it. They are read from the right: the first address that
//! is no trusted proxy is the client.
//!
//! A proxy that writes one of the two kinds passes on what a client has sent of the other one. So if both are in
//! a request, none counts, and the request is refused, until the operator has said which kind the proxy writes.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::borrow::Cow;
use std::fmt;

use super::address_rules::{AddressBlock, BlockError, smallest};
use super::field::{Fields, is_token, members, split_outside_quotes, trim};
use super::host::Host;
use super::trace::{Clause, Evidence, Quote, Step, clause};

/// How many proxies of a chain are followed. Chains are short. The work for each would otherwise let a client
/// keep a worker busy.
const MOST_HOPS: usize = 16;

const FORWARDED: &str = "Forwarded";
const FORWARDED_FOR: &str = "X-Forwarded-For";
const FORWARDED_PROTO: &str = "X-Forwarded-Proto";
const FORWARDED_HOST: &str = "X-Forwarded-Host";

const CLAUSE: Clause = clause!("RFC 7239 section 4", "forwarding");

/// The fields that a proxy writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `Forwarded`.
    Forwarded,
    /// `X-Forwarded-For`, `X-Forwarded-Proto` and `X-Forwarded-Host`.
    XForwarded,
}

/// The proxies whose fields count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<TrustedProxy>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct TrustedProxy {
    addresses: AddressBlock,
    /// The fields that it writes, if the operator has said so.
    kind: Option<Kind>,
}

/// What is wrong with the description of a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyError {
    /// The addresses.
    Block(BlockError),
    /// The part behind `=` is no kind of fields.
    Kind,
    /// The same block is there with another kind of fields, or without one.
    Contradiction(AddressBlock),
}

/// What the trusted proxies say of the client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Forwarding<'a> {
    /// The address. The port is 0 if no proxy has named it.
    pub client: Option<SocketAddr>,
    /// Whether the client used TLS.
    pub is_secure: Option<bool>,
    /// The host that the client asked for.
    pub host: Option<Host<'a>>,
}

/// Why the fields of a trusted proxy cannot be used (400).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForwardedError {
    /// An element that counts is malformed.
    Malformed,
    /// The request has fields of both kinds.
    Ambiguous,
}

impl ForwardedError {
    /// The error, as part of a sentence.
    pub fn text(self) -> &'static str {
        match self {
            ForwardedError::Malformed => "what the proxy says of its client is malformed",
            ForwardedError::Ambiguous => {
                "the request has Forwarded and X-Forwarded fields, and --trust-proxy does not say which the proxy writes"
            }
        }
    }

    /// The rule that the request breaks.
    pub fn clause(self) -> Clause {
        CLAUSE
    }
}

impl fmt::Display for ForwardedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl std::error::Error for ForwardedError {}

impl fmt::Display for ProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ProxyError::Block(fault) => fault.fmt(f),
            ProxyError::Kind => f.write_str(
                "after = comes which fields the proxy writes: write =forwarded or =x-forwarded",
            ),
            ProxyError::Contradiction(block) => write!(
                f,
                "{block} is there twice, and not with the same fields: write it once, with the fields that the proxy writes"
            ),
        }
    }
}

impl std::error::Error for ProxyError {}

impl TrustedProxies {
    /// Adds a block of proxies, such as `10.0.0.0/8`, with the fields that they write if the operator says so:
    /// `10.0.0.1=forwarded`. The smallest block that has the address of a proxy counts.
    pub fn add(&mut self, text: &str) -> Result<(), ProxyError> {
        let (block, kind) = match text.split_once('=') {
            None => (text, None),
            Some((block, kind)) => (block, Some(parse_kind(kind)?)),
        };
        let addresses = AddressBlock::parse(block).map_err(ProxyError::Block)?;
        let proxy = TrustedProxy { addresses, kind };
        match self.0.iter().find(|other| other.addresses == addresses) {
            None => self.0.push(proxy),
            Some(other) if *other == proxy => {}
            Some(_) => return Err(ProxyError::Contradiction(addresses)),
        }
        Ok(())
    }

    /// Removes all.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Whether no proxy is trusted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether every IPv4 address, or every IPv6 address, is that of a trusted proxy.
    pub fn trust_everybody(&self) -> bool {
        self.0.iter().any(|proxy| proxy.addresses.is_everywhere())
    }

    /// Whether the address is that of a trusted proxy.
    pub fn trust(&self, address: IpAddr) -> bool {
        self.find(address).is_some()
    }

    /// The proxy with this address: of several blocks, the smallest one.
    fn find(&self, address: IpAddr) -> Option<&TrustedProxy> {
        smallest(&self.0, |proxy| proxy.addresses, address.to_canonical())
    }

    /// What the proxies say of the client that sent these fields through `peer`. `None`: the peer is no trusted
    /// proxy, or says nothing.
    pub fn forwarding<'a>(
        &self,
        peer: IpAddr,
        fields: &Fields<'a>,
    ) -> Result<Option<Forwarding<'a>>, ForwardedError> {
        let Some(proxy) = self.find(peer) else {
            return Ok(None);
        };
        let kind = match proxy.kind {
            Some(kind) => kind,
            None => match kind_of(fields)? {
                Some(kind) => kind,
                None => return Ok(None),
            },
        };
        let found = match kind {
            Kind::Forwarded => self.by_forwarded(peer, fields),
            Kind::XForwarded => self.by_x_forwarded(peer, fields),
        }?;
        Ok((found != Forwarding::default()).then_some(found))
    }

    /// RFC 7239 section 4: one field has everything.
    fn by_forwarded<'a>(
        &self,
        peer: IpAddr,
        fields: &Fields<'a>,
    ) -> Result<Forwarding<'a>, ForwardedError> {
        let values = fields.named(FORWARDED);
        let elements = Last::of(values.flat_map(members));
        let mut found = Forwarding::default();
        let mut from = peer;
        for element in elements.last_first() {
            if !self.trust(from) {
                break;
            }
            let pairs = Pairs::parse(element).ok_or(ForwardedError::Malformed)?;
            // Each parameter is optional. What this proxy leaves out, a nearer one may have said.
            let scheme = pairs.proto.as_deref().and_then(is_secure);
            found.is_secure = scheme.or(found.is_secure);
            found.host = pairs.host.map(unescaped_host).transpose()?.or(found.host);
            let Some(client) = pairs.node.as_deref().map(node).transpose()?.flatten() else {
                break;
            };
            found.client = Some(client);
            from = client.ip();
        }
        Ok(found)
    }

    /// What proxies did before RFC 7239: a field for each fact. The scheme and the host are at the same place in
    /// their lists as the client in its own, or at the first place if the list is shorter.
    fn by_x_forwarded<'a>(
        &self,
        peer: IpAddr,
        fields: &Fields<'a>,
    ) -> Result<Forwarding<'a>, ForwardedError> {
        let mut found = Forwarding::default();
        let (mut from, mut hops) = (peer, 0);
        for element in Last::of(list(fields, FORWARDED_FOR)).last_first() {
            if !self.trust(from) {
                break;
            }
            hops += 1;
            let Some(client) = node(element)? else {
                break;
            };
            found.client = Some(client);
            from = client.ip();
        }
        let at = |name| Last::of(list(fields, name)).nth_from_the_right(hops.max(1));
        found.is_secure = at(FORWARDED_PROTO).and_then(is_secure);
        found.host = at(FORWARDED_HOST).map(host).transpose()?;
        Ok(found)
    }
}

impl Forwarding<'_> {
    /// The step that says for whom the proxy `peer` has forwarded a request.
    pub fn step(&self, peer: IpAddr) -> Step {
        let own = Quote::of(peer.to_string().as_bytes());
        match self.client {
            Some(client) => {
                let sent = Quote::of(client.ip().to_string().as_bytes());
                let how = "trusted proxy";
                let step = Step::new(CLAUSE, "a trusted proxy names the client");
                step.with(Evidence::Compared { sent, own, how })
            }
            None => Step::new(CLAUSE, "a trusted proxy has forwarded the request")
                .with(Evidence::Value(own)),
        }
    }
}

fn parse_kind(text: &str) -> Result<Kind, ProxyError> {
    match text.trim() {
        kind if kind.eq_ignore_ascii_case("forwarded") => Ok(Kind::Forwarded),
        kind if kind.eq_ignore_ascii_case("x-forwarded") => Ok(Kind::XForwarded),
        _ => Err(ProxyError::Kind),
    }
}

/// The kind of the fields of a request, if it has any.
fn kind_of(fields: &Fields<'_>) -> Result<Option<Kind>, ForwardedError> {
    let has = |name: &str| fields.named(name).next().is_some();
    let older = [FORWARDED_FOR, FORWARDED_PROTO, FORWARDED_HOST];
    match (has(FORWARDED), older.into_iter().any(has)) {
        (true, true) => Err(ForwardedError::Ambiguous),
        (true, false) => Ok(Some(Kind::Forwarded)),
        (false, true) => Ok(Some(Kind::XForwarded)),
        (false, false) => Ok(None),
    }
}

/// The elements of a list without quotes, in all lines with this name. Empty elements do not count (RFC 9110 section
/// 5.6.1.2).
fn list<'a>(fields: &Fields<'a>, name: &'static str) -> impl Iterator<Item = &'a [u8]> {
    let values = fields.named(name);
    let elements = values.flat_map(|value| value.split(|&octet| octet == b',').map(trim));
    elements.filter(|element| !element.is_empty())
}

/// The hosts that proxies have forwarded in the older field, the first one first, each with its port if it has one.
pub fn forwarded_hosts<'a>(fields: &Fields<'a>) -> impl Iterator<Item = &'a [u8]> {
    list(fields, FORWARDED_HOST)
}

/// The last elements of a list, as many as count.
struct Last<'a> {
    elements: [&'a [u8]; MOST_HOPS],
    /// How many elements the list has.
    count: usize,
}

impl<'a> Last<'a> {
    fn of(elements: impl Iterator<Item = &'a [u8]>) -> Last<'a> {
        let mut last = Last {
            elements: [b""; MOST_HOPS],
            count: 0,
        };
        for element in elements {
            last.elements[last.count % MOST_HOPS] = element;
            last.count += 1;
        }
        last
    }

    fn last_first(&self) -> impl Iterator<Item = &'a [u8]> {
        let kept = self.count.min(MOST_HOPS);
        (1..=kept).map(|nth| self.elements[(self.count - nth) % MOST_HOPS])
    }

    /// The element at this place, from 1, or the first one if the list is shorter.
    fn nth_from_the_right(&self, nth: usize) -> Option<&'a [u8]> {
        self.last_first().take(nth).last()
    }
}

/// The parameters of an element of `Forwarded` that matter here.
#[derive(Default)]
struct Pairs<'a> {
    node: Option<Cow<'a, [u8]>>,
    proto: Option<Cow<'a, [u8]>>,
    host: Option<Cow<'a, [u8]>>,
}

impl<'a> Pairs<'a> {
    /// `forwarded-element = [ forwarded-pair ] *( ";" [ forwarded-pair ] )`. `None` if it is malformed, or if a
    /// parameter comes twice.
    fn parse(element: &'a [u8]) -> Option<Pairs<'a>> {
        let mut pairs = Pairs::default();
        let all = split_outside_quotes(element, b';');
        for pair in all.filter(|pair| !pair.is_empty()) {
            let equals = pair.iter().position(|&octet| octet == b'=')?;
            let (name, value) = (&pair[..equals], value(&pair[equals + 1..])?);
            let place = match name {
                name if name.eq_ignore_ascii_case(b"for") => &mut pairs.node,
                name if name.eq_ignore_ascii_case(b"proto") => &mut pairs.proto,
                name if name.eq_ignore_ascii_case(b"host") => &mut pairs.host,
                name if is_token(name) => continue,
                _ => return None,
            };
            if place.replace(value).is_some() {
                return None;
            }
        }
        Some(pairs)
    }
}

/// `value = token / quoted-string`, without the quotes, and without the backslash of each quoted pair (RFC 9110
/// section 5.6.4).
fn value(text: &[u8]) -> Option<Cow<'_, [u8]>> {
    match text {
        [b'"', inner @ .., b'"'] if !inner.contains(&b'"') && !inner.contains(&b'\\') => {
            Some(inner.into())
        }
        [b'"', inner @ .., b'"'] => without_backslashes(inner).map(Cow::from),
        text => is_token(text).then_some(text.into()),
    }
}

/// The content of a quoted string. `None` if a quote in it has no backslash, or if nothing follows a backslash.
fn without_backslashes(inner: &[u8]) -> Option<Vec<u8>> {
    let mut octets = inner.iter();
    let mut content = Vec::with_capacity(inner.len());
    while let Some(&octet) = octets.next() {
        content.push(match octet {
            b'"' => return None,
            b'\\' => *octets.next()?,
            octet => octet,
        });
    }
    Some(content)
}

/// RFC 7239 section 6: the address of a node, with its port if it has one. `None` if the proxy does not know it or
/// hides it. `X-Forwarded-For` also has IPv6 addresses without brackets.
fn node(text: &[u8]) -> Result<Option<SocketAddr>, ForwardedError> {
    if text.eq_ignore_ascii_case(b"unknown") || text.starts_with(b"_") {
        return Ok(None);
    }
    let text = str::from_utf8(text).map_err(|_| ForwardedError::Malformed)?;
    address(text).map(Some).ok_or(ForwardedError::Malformed)
}

fn address(text: &str) -> Option<SocketAddr> {
    if let Ok(address) = text.parse::<Ipv6Addr>() {
        return Some(SocketAddr::new(IpAddr::V6(address).to_canonical(), 0));
    }
    let (name, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (name, port) = rest.split_once(']')?;
            (
                name.parse::<Ipv6Addr>().ok()?.into(),
                port.strip_prefix(':').or(port.is_empty().then_some(""))?,
            )
        }
        None => {
            let (name, port) = text.split_once(':').unwrap_or((text, ""));
            (IpAddr::from(name.parse::<Ipv4Addr>().ok()?), port)
        }
    };
    Some(SocketAddr::new(name.to_canonical(), port_of(port)?))
}

/// The port of a node. RFC 7239 section 6.3 lets a proxy hide it. 0 means that it is unknown.
fn port_of(text: &str) -> Option<u16> {
    match text {
        "" => Some(0),
        hidden if hidden.starts_with('_') => Some(0),
        digits if digits.bytes().all(|octet| octet.is_ascii_digit()) => digits.parse().ok(),
        _ => None,
    }
}

/// Whether a scheme means TLS. `None` if it is another scheme, which says nothing here.
fn is_secure(scheme: &[u8]) -> Option<bool> {
    let is = |name: &[u8]| scheme.eq_ignore_ascii_case(name);
    match scheme {
        _ if is(b"https") || is(b"wss") => Some(true),
        _ if is(b"http") || is(b"ws") => Some(false),
        _ => None,
    }
}

/// The host of an element. It must be in the head as it is meant. No proxy writes a host with a quoted pair, because
/// no character of a host needs one.
fn unescaped_host(text: Cow<'_, [u8]>) -> Result<Host<'_>, ForwardedError> {
    match text {
        Cow::Borrowed(text) => host(text),
        Cow::Owned(_) => Err(ForwardedError::Malformed),
    }
}

fn host(text: &[u8]) -> Result<Host<'_>, ForwardedError> {
    Host::parse(text).ok_or(ForwardedError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::semantics::field::Section;

    const PROXY: &str = "10.0.0.1";

    fn trusting(blocks: &[&str]) -> TrustedProxies {
        let mut proxies = TrustedProxies::default();
        for block in blocks {
            proxies.add(block).expect(block);
        }
        proxies
    }

    /// What the proxy 10.0.0.1 of the network 10.0.0.0/8 says with these fields: client, scheme and host.
    fn found(proxies: &TrustedProxies, lines: &[(&str, &str)]) -> String {
        let section = Section::named(lines.iter().copied());
        let peer = PROXY.parse().expect("an address");
        match proxies.forwarding(peer, &section.fields()) {
            Err(fault) => format!("{fault:?}"),
            Ok(None) => "nothing".into(),
            Ok(Some(found)) => {
                let client = found.client.map_or("-".into(), |client| client.to_string());
                let scheme = found
                    .is_secure
                    .map_or("-", |secure| ["http", "https"][usize::from(secure)]);
                let host = found.host.map_or("-".into(), |host| {
                    let name = String::from_utf8_lossy(host.name);
                    host.port
                        .map_or(name.to_string(), |port| format!("{name}:{port}"))
                });
                format!("{client} {scheme} {host}")
            }
        }
    }

    #[track_caller]
    fn check(lines: &[(&str, &str)], want: &str) {
        assert_eq!(found(&trusting(&["10.0.0.0/8"]), lines), want, "{lines:?}");
    }

    #[test]
    fn the_client_of_forwarded() {
        let check = |value: &str, want: &str| check(&[("Forwarded", value)], want);
        check("for=192.0.2.43", "192.0.2.43:0 - -"); // RFC 7239 4
        check(
            "For=192.0.2.43; Proto=HTTPS; host=a.example",
            "192.0.2.43:0 https a.example",
        );
        check(
            "for=192.0.2.43;by=203.0.113.60;proto=http",
            "192.0.2.43:0 http -",
        );
        check(r#"for="192.0.2.43:47011""#, "192.0.2.43:47011 - -"); // 6
        check(
            r#"for="[2001:db8:cafe::17]:4711""#,
            "[2001:db8:cafe::17]:4711 - -",
        );
        check(r#"for="[2001:db8:cafe::17]""#, "[2001:db8:cafe::17]:0 - -");
        check(r#"for="192.0.2.43:_hidden""#, "192.0.2.43:0 - -"); // 6.3
        check(r#"for="[::ffff:192.0.2.1]""#, "192.0.2.1:0 - -");
        check(
            r#"for=192.0.2.1;host="a.example:8443""#,
            "192.0.2.1:0 - a.example:8443",
        );
        // A quoted pair stands for its character (RFC 9110 5.6.4).
        check(r#"for="192.0.2\.1""#, "192.0.2.1:0 - -");
        check(
            r#"for="\[2001:db8::17\]:4711";proto="h\ttp""#,
            "[2001:db8::17]:4711 http -",
        );
        check(r#"for=192.0.2.1;ext="a\"d\\""#, "192.0.2.1:0 - -");
        check(
            r#"for=1.1.1.1;ext="\",", for="192.0.2.\1""#,
            "192.0.2.1:0 - -",
        );
        check("for=unknown", "nothing"); // 6.2
        check("for=_gazonk;proto=https", "- https -"); // 6.3
        check("proto=https", "- https -");
        check("proto=gopher", "nothing");
        check("", "nothing");
        check(" , ;, ", "nothing");
    }

    #[test]
    fn a_client_cannot_add_to_the_right() {
        let check = |value: &str, want: &str| check(&[("Forwarded", value)], want);
        // The client has sent the first element, and the proxy has added the second one.
        check(
            "for=10.9.9.9;proto=https, for=192.0.2.1;proto=http",
            "192.0.2.1:0 http -",
        );
        // Two proxies, the first of which is nearer to the client.
        check(
            "for=192.0.2.1;proto=https, for=10.0.0.2;proto=http",
            "192.0.2.1:0 https -",
        );
        check(
            "for=1.1.1.1, for=192.0.2.1, for=10.0.0.2",
            "192.0.2.1:0 - -",
        );
        // What a proxy does not say, a nearer one may have said: each parameter is optional (section 4).
        check(
            "for=192.0.2.1, for=10.0.0.2;host=a.example;proto=https",
            "192.0.2.1:0 https a.example",
        );
        check(
            "for=192.0.2.1;host=a.example, for=10.0.0.3;proto=https, for=10.0.0.2;host=b;proto=http",
            "192.0.2.1:0 https a.example",
        );
        check(
            "for=192.0.2.1;proto=gopher, for=10.0.0.2;proto=https",
            "192.0.2.1:0 https -",
        );
        // A client that is no proxy says nothing.
        check(
            "for=1.1.1.1;host=evil;proto=http, for=192.0.2.1, for=10.0.0.2;host=a.example",
            "192.0.2.1:0 - a.example",
        );
        // All are proxies: the first one is the client.
        check("for=10.0.0.3, for=10.0.0.2", "10.0.0.3:0 - -");
        check("for=192.0.2.1, for=unknown", "nothing");
        check("for=192.0.2.1, for=_x, for=10.0.0.2", "10.0.0.2:0 - -");
        // What the client has sent does not count, even if it is malformed.
        check("for=bad:bad:bad, for=192.0.2.1", "192.0.2.1:0 - -");
        // But an open quote swallows what the proxy has added.
        check("for=\"1.1.1.1, for=192.0.2.1", "Malformed");
        let lines = [
            ("Forwarded", "for=\"1.1.1.1"),
            ("forwarded", "for=192.0.2.1"),
        ];
        super::tests::check(&lines, "192.0.2.1:0 - -");
    }

    #[test]
    fn malformed_elements_of_proxies() {
        for value in [
            "192.0.2.1",
            "for",
            "for=",
            "for=192.0.2.256",
            "for=192.0.2.1:80",  // a colon needs quotes
            "for=[2001:db8::1]", // brackets too
            r#"for="2001:db8::1]""#,
            r#"for="[2001:db8::1""#,
            r#"for="[192.0.2.1]""#,
            r#"for="192.0.2.1:65536""#,
            r#"for="192.0.2.1:x""#,
            r#"for="192.0.2.1\""#,
            r#"for=192.0.2\.1"#, // only in quotes
            r#"for=192.0.2.1;ext="a"b""#,
            r#"for=192.0.2.1;host="a\.example""#,
            "for=192.0.2.1;for=192.0.2.2",
            "for=192.0.2.1;proto=http;proto=https",
            "for=192.0.2.1;b d=1",
            "for=192.0.2.1;host=\"a b\"",
            "for=example.com",
        ] {
            check(&[("Forwarded", value)], "Malformed");
        }
    }

    #[test]
    fn the_older_fields() {
        let check_for = |value: &str, want: &str| check(&[("X-Forwarded-For", value)], want);
        check_for("192.0.2.1", "192.0.2.1:0 - -");
        check_for("192.0.2.1:5678", "192.0.2.1:5678 - -");
        check_for("2001:db8::1", "[2001:db8::1]:0 - -");
        check_for("[2001:db8::1]", "[2001:db8::1]:0 - -");
        check_for("[2001:db8::1]:80", "[2001:db8::1]:80 - -");
        check_for("::ffff:192.0.2.1", "192.0.2.1:0 - -");
        check_for("1.1.1.1, 192.0.2.1", "192.0.2.1:0 - -");
        check_for("192.0.2.1 ,10.0.0.2,10.0.0.3", "192.0.2.1:0 - -");
        check_for("x, 192.0.2.1", "192.0.2.1:0 - -");
        check_for("unknown", "nothing"); // Squid
        check_for("192.0.2.1, x", "Malformed");
        check_for("example.com", "Malformed");
        check_for("192.0.2.1:", "192.0.2.1:0 - -");
        check_for("\"192.0.2.1\"", "Malformed");
        check(
            &[
                ("X-Forwarded-For", "1.1.1.1"),
                ("x-forwarded-for", "192.0.2.1"),
            ],
            "192.0.2.1:0 - -",
        );
        check(&[("X-Forwarded-Proto", "https")], "- https -");
        check(&[("X-Forwarded-Host", "a.example:81")], "- - a.example:81");
        check(&[("X-Forwarded-Host", "a b")], "Malformed");
        check(&[], "nothing");
    }

    #[test]
    fn the_scheme_and_the_host_are_those_of_the_client() {
        let check_chain = |client: &str, proto: &str, host: &str, want: &str| {
            let lines = [
                ("X-Forwarded-For", client),
                ("X-Forwarded-Proto", proto),
                ("X-Forwarded-Host", host),
            ];
            check(&lines, want);
        };
        check_chain(
            "192.0.2.1",
            "https",
            "a.example",
            "192.0.2.1:0 https a.example",
        );
        // The client has sent the first of each.
        check_chain(
            "1.1.1.1, 192.0.2.1",
            "https, http",
            "evil, a.example",
            "192.0.2.1:0 http a.example",
        );
        check_chain(
            "192.0.2.1, 10.0.0.2",
            "https, http",
            "a.example, b",
            "192.0.2.1:0 https a.example",
        );
        // The second proxy passes on what the first one has said.
        check_chain(
            "192.0.2.1, 10.0.0.2",
            "https",
            "a.example",
            "192.0.2.1:0 https a.example",
        );
    }

    #[test]
    fn two_kinds_in_one_request_need_a_word_of_the_operator() {
        let lines = [
            ("Forwarded", "for=1.1.1.1"),
            ("X-Forwarded-For", "192.0.2.1"),
        ];
        check(&lines, "Ambiguous");
        assert_eq!(
            found(&trusting(&["10.0.0.1=x-forwarded"]), &lines),
            "192.0.2.1:0 - -"
        );
        assert_eq!(
            found(&trusting(&["10.0.0.1=Forwarded"]), &lines),
            "1.1.1.1:0 - -"
        );
        // The operator knows what the proxy writes, so what else is there comes from the client.
        let lines = [("X-Forwarded-For", "1.1.1.1")];
        assert_eq!(found(&trusting(&["10.0.0.1=forwarded"]), &lines), "nothing");
    }

    #[test]
    fn the_smallest_block_says_which_kind_counts() {
        let lines = [
            ("Forwarded", "for=1.1.1.1"),
            ("X-Forwarded-For", "192.0.2.1"),
        ];
        let (wide, narrow) = ("10.0.0.0/8=forwarded", "10.0.0.1=x-forwarded");
        let check = |blocks: &[&str], want: &str| {
            assert_eq!(found(&trusting(blocks), &lines), want, "{blocks:?}");
        };
        check(&[wide, narrow], "192.0.2.1:0 - -");
        check(&[narrow, wide], "192.0.2.1:0 - -");
        check(
            &["0.0.0.0/0", "10.0.0.0/24=x-forwarded", wide],
            "192.0.2.1:0 - -",
        );
        check(
            &["10.0.0.0/24=forwarded", "10.0.0.2=x-forwarded"],
            "1.1.1.1:0 - -",
        );
        // A block without a kind says that the proxy may write either.
        check(&[wide, "10.0.0.1"], "Ambiguous");
        check(
            &["::ffff:10.0.0.0/104=x-forwarded", narrow],
            "192.0.2.1:0 - -",
        );
    }

    #[test]
    fn the_same_block_has_one_kind() {
        let add = |blocks: [&str; 2]| {
            let mut proxies = trusting(&blocks[..1]);
            proxies.add(blocks[1]).map(|()| proxies)
        };
        for blocks in [
            ["10.0.0.1=forwarded", "10.0.0.1=x-forwarded"],
            ["10.0.0.0/8=x-forwarded", "10.0.0.0/8=forwarded"],
            ["10.0.0.1/32=forwarded", "::ffff:10.0.0.1=x-forwarded"],
            ["10.0.0.1", "10.0.0.1=forwarded"],
            ["10.0.0.1=forwarded", "10.0.0.1"],
        ] {
            let told = add(blocks).expect_err(blocks[1]).to_string();
            assert!(told.contains("twice"), "{told}");
        }
        let once = add(["10.0.0.1", "10.0.0.1"]).expect("no contradiction");
        assert_eq!(once, trusting(&["10.0.0.1"]));
        add(["10.0.0.1=forwarded", "10.0.0.2=x-forwarded"]).expect("other blocks");
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        let lines = [("X-Forwarded-For", "192.0.2.1")];
        assert_eq!(found(&trusting(&["10.0.0.2"]), &lines), "nothing");
        assert_eq!(found(&trusting(&[]), &lines), "nothing");
        assert!(trusting(&["10.0.0.0/8"]).trust("::ffff:10.1.1.1".parse().unwrap()));
    }

    /// The last proxies of a long chain are followed, and no more.
    #[test]
    fn a_long_chain_is_bounded() {
        let chain = |length: usize| {
            let mut text = "192.0.2.1".to_owned();
            (0..length).for_each(|number| text += &format!(", 10.0.1.{number}"));
            text
        };
        check(&[("X-Forwarded-For", &chain(15))], "192.0.2.1:0 - -");
        check(&[("X-Forwarded-For", &chain(16))], "10.0.1.0:0 - -");
        check(&[("X-Forwarded-For", &chain(17))], "10.0.1.1:0 - -");
    }

    #[test]
    fn malformed_descriptions_of_proxies() {
        let mut proxies = TrustedProxies::default();
        for (text, want) in [
            ("proxy", "write an address or a block"),
            ("10.0.0.1/8", "write 10.0.0.0/8"),
            ("10.0.0.1=", "=forwarded or =x-forwarded"),
            ("10.0.0.1=via", "=forwarded or =x-forwarded"),
        ] {
            let told = proxies.add(text).expect_err(text).to_string();
            assert!(told.contains(want), "{told}");
        }
        assert!(proxies.is_empty());
    }
}
