//! RFC 9110 section 5: fields.
//!
//! The parser turns a head into `FieldLine`s, which are offsets into its bytes. A worker reuses
//! their allocation for every request. `Fields` is the view that decisions read:
//! `fields.contains(FieldName::Range)`, `fields.values(FieldName::IfMatch)`.

use crate::text::octet::{self, TOKEN};

/// A field that this server uses. Names are case-insensitive (section 5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[allow(missing_docs)]
pub enum FieldName {
    Accept,
    AcceptEncoding,
    AcceptLanguage,
    AccessControlRequestHeaders,
    AccessControlRequestMethod,
    Authorization,
    CacheControl,
    Connection,
    ContentLength,
    Cookie,
    Expect,
    Host,
    IfMatch,
    IfModifiedSince,
    IfNoneMatch,
    IfRange,
    IfUnmodifiedSince,
    Origin,
    Range,
    Referer,
    SecFetchDest,
    SecFetchSite,
    SecWebSocketExtensions,
    SecWebSocketKey,
    SecWebSocketProtocol,
    SecWebSocketVersion,
    TransferEncoding,
    Upgrade,
    UserAgent,
    WantContentDigest,
    WantReprDigest,
    XRequestId,
}

impl FieldName {
    /// The field with this name, or `None` if the server does not use the field.
    pub fn recognise(name: &[u8]) -> Option<FieldName> {
        // The length rules out nearly every name before any bytes are compared.
        let candidates: &[FieldName] = match name.len() {
            4 => &[FieldName::Host],
            5 => &[FieldName::Range],
            6 => &[
                FieldName::Accept,
                FieldName::Cookie,
                FieldName::Expect,
                FieldName::Origin,
            ],
            7 => &[FieldName::Referer, FieldName::Upgrade],
            8 => &[FieldName::IfMatch, FieldName::IfRange],
            10 => &[FieldName::Connection, FieldName::UserAgent],
            12 => &[FieldName::XRequestId],
            13 => &[
                FieldName::IfNoneMatch,
                FieldName::CacheControl,
                FieldName::Authorization,
            ],
            14 => &[
                FieldName::ContentLength,
                FieldName::SecFetchDest,
                FieldName::SecFetchSite,
            ],
            15 => &[FieldName::AcceptEncoding, FieldName::AcceptLanguage],
            16 => &[FieldName::WantReprDigest],
            17 => &[
                FieldName::IfModifiedSince,
                FieldName::TransferEncoding,
                FieldName::SecWebSocketKey,
            ],
            19 => &[FieldName::IfUnmodifiedSince, FieldName::WantContentDigest],
            21 => &[FieldName::SecWebSocketVersion],
            22 => &[FieldName::SecWebSocketProtocol],
            24 => &[FieldName::SecWebSocketExtensions],
            29 => &[FieldName::AccessControlRequestMethod],
            30 => &[FieldName::AccessControlRequestHeaders],
            _ => &[],
        };
        candidates
            .iter()
            .copied()
            .find(|known| name.eq_ignore_ascii_case(known.name().as_bytes()))
    }

    /// The name in its usual spelling.
    pub fn name(self) -> &'static str {
        match self {
            FieldName::Accept => "Accept",
            FieldName::AcceptEncoding => "Accept-Encoding",
            FieldName::AcceptLanguage => "Accept-Language",
            FieldName::AccessControlRequestHeaders => "Access-Control-Request-Headers",
            FieldName::AccessControlRequestMethod => "Access-Control-Request-Method",
            FieldName::Authorization => "Authorization",
            FieldName::CacheControl => "Cache-Control",
            FieldName::Connection => "Connection",
            FieldName::ContentLength => "Content-Length",
            FieldName::Cookie => "Cookie",
            FieldName::Expect => "Expect",
            FieldName::Host => "Host",
            FieldName::IfMatch => "If-Match",
            FieldName::IfModifiedSince => "If-Modified-Since",
            FieldName::IfNoneMatch => "If-None-Match",
            FieldName::IfRange => "If-Range",
            FieldName::IfUnmodifiedSince => "If-Unmodified-Since",
            FieldName::Origin => "Origin",
            FieldName::Range => "Range",
            FieldName::Referer => "Referer",
            FieldName::SecFetchDest => "Sec-Fetch-Dest",
            FieldName::SecFetchSite => "Sec-Fetch-Site",
            FieldName::SecWebSocketExtensions => "Sec-WebSocket-Extensions",
            FieldName::SecWebSocketKey => "Sec-WebSocket-Key",
            FieldName::SecWebSocketProtocol => "Sec-WebSocket-Protocol",
            FieldName::SecWebSocketVersion => "Sec-WebSocket-Version",
            FieldName::TransferEncoding => "Transfer-Encoding",
            FieldName::Upgrade => "Upgrade",
            FieldName::UserAgent => "User-Agent",
            FieldName::WantContentDigest => "Want-Content-Digest",
            FieldName::WantReprDigest => "Want-Repr-Digest",
            FieldName::XRequestId => "X-Request-Id",
        }
    }

    fn bit(self) -> u64 {
        1 << self as u8
    }
}

/// A part of a head: offsets from its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first byte.
    pub start: u32,
    /// The byte after the last.
    pub end: u32,
}

impl Span {
    /// The bytes of the span. `head` must be the head that the span belongs to.
    pub fn of(self, head: &[u8]) -> &[u8] {
        &head[self.start as usize..self.end as usize]
    }
}

/// One field line (section 5.2): the name and the trimmed value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldLine {
    /// The field, if the server uses it.
    pub known: Option<FieldName>,
    /// The name as sent.
    pub name: Span,
    /// The value, trimmed.
    pub value: Span,
}

/// The most members that are read of a field with preferences. Browsers send about ten. A head has room for thousands;
/// they are compared with each representation, and again each time the response has waited for the disk.
pub const MOST_PREFERENCES: usize = 100;

/// The field section of one request.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fields<'a> {
    head: &'a [u8],
    lines: &'a [FieldLine],
    present: u64,
}

impl<'a> Fields<'a> {
    /// A view of `lines`. Their spans must belong to `head`.
    pub fn new(head: &'a [u8], lines: &'a [FieldLine]) -> Fields<'a> {
        let present = lines
            .iter()
            .filter_map(|line| line.known)
            .fold(0, |set, known| set | known.bit());
        Fields {
            head,
            lines,
            present,
        }
    }

    /// A section without fields.
    #[cfg(test)]
    pub(super) fn empty() -> Fields<'static> {
        Fields::new(&[], &[])
    }

    /// The bytes that the lines belong to, from the first byte of the head. More may follow the head.
    pub fn bytes(&self) -> &'a [u8] {
        self.head
    }

    /// Whether at least one line has this name. This tests one bit.
    pub fn contains(&self, name: FieldName) -> bool {
        self.present & name.bit() != 0
    }

    /// The value of each line with this name, in order.
    pub fn values(&self, name: FieldName) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let (head, present) = (self.head, self.contains(name));
        let lines = if present { self.lines } else { &[] };
        lines
            .iter()
            .filter(move |line| line.known == Some(name))
            .map(move |line| line.value.of(head))
    }

    /// The value of the first line with this name.
    pub fn first(&self, name: FieldName) -> Option<&'a [u8]> {
        self.values(name).next()
    }

    /// The value, if exactly one line has this name. If a singleton field comes twice, it is
    /// malformed (section 5.3).
    pub fn sole(&self, name: FieldName) -> Option<&'a [u8]> {
        let mut values = self.values(name);
        let value = values.next()?;
        values.next().is_none().then_some(value)
    }

    /// The members of a list-valued field in all its lines (section 5.6.1). Splits at commas
    /// outside quotes, trims the members and skips empty ones. Do not use it for entity-tags,
    /// because a backslash is not an escape in them.
    pub fn members(&self, name: FieldName) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.values(name).flat_map(members)
    }

    /// The members of a list in which the client says what it prefers, up to [`MOST_PREFERENCES`].
    pub fn preferences(&self, name: FieldName) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.members(name).take(MOST_PREFERENCES)
    }

    /// The value of each line with this name, for a field that has no [`FieldName`]: every name is compared.
    pub fn named<'n>(&self, name: &'n str) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
        let lines = self.iter();
        let named = lines.filter(move |(sent, _)| sent.eq_ignore_ascii_case(name.as_bytes()));
        named.map(|(_, value)| value)
    }

    /// The name as sent and the trimmed value of each line.
    pub fn iter(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        let head = self.head;
        self.lines
            .iter()
            .map(move |line| (line.name.of(head), line.value.of(head)))
    }
}

/// The members of one list value (section 5.6.1.2). Commas in quoted strings do not separate.
pub(super) fn members(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    split_outside_quotes(value, b',').filter(|member| !member.is_empty())
}

/// Splits `value` at separators outside quoted strings (section 5.6.4) and trims the pieces.
pub fn split_outside_quotes(value: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    pieces_outside_quotes(value, separator).map(trim)
}

/// Splits like [`split_outside_quotes`], but keeps the white space: the pieces and the separators
/// together are all of `value`.
pub(super) fn pieces_outside_quotes(value: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let mut quoted = false;
    let mut escaped = false;
    value.split(move |&byte| {
        if escaped {
            escaped = false;
            return false;
        }
        match byte {
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ => return byte == separator && !quoted,
        }
        false
    })
}

/// Removes optional white space at both ends of `value` (section 5.6.3).
pub fn trim(value: &[u8]) -> &[u8] {
    let is_white = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = value
        .iter()
        .position(|b| !is_white(b))
        .unwrap_or(value.len());
    let end = value
        .iter()
        .rposition(|b| !is_white(b))
        .map_or(start, |last| last + 1);
    &value[start..end]
}

/// Whether `bytes` is a token (section 5.6.2): one `tchar` or more.
pub fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && octet::run(&TOKEN, bytes) == bytes.len()
}

/// A field section that owns its bytes, for the tests of this layer.
#[cfg(test)]
pub(crate) struct Section {
    head: Vec<u8>,
    lines: Vec<FieldLine>,
}

#[cfg(test)]
impl Section {
    pub(crate) fn of<V: AsRef<[u8]>>(pairs: &[(FieldName, V)]) -> Section {
        let pairs = pairs.iter().map(|(name, value)| (name.name(), value));
        Section::named(pairs)
    }

    /// The same for names that need not be known.
    pub(crate) fn named<'n, V: AsRef<[u8]>>(
        pairs: impl IntoIterator<Item = (&'n str, V)>,
    ) -> Section {
        let mut head = Vec::new();
        let mut span = |bytes: &[u8]| {
            let start = head.len() as u32;
            head.extend_from_slice(bytes);
            let end = head.len() as u32;
            Span { start, end }
        };
        let lines = pairs
            .into_iter()
            .map(|(name, value)| FieldLine {
                known: FieldName::recognise(name.as_bytes()),
                name: span(name.as_bytes()),
                value: span(trim(value.as_ref())),
            })
            .collect();
        Section { head, lines }
    }

    pub(crate) fn fields(&self) -> Fields<'_> {
        Fields::new(&self.head, &self.lines)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_members(value: &str, want: &[&str]) {
        let got: Vec<&[u8]> = members(value.as_bytes()).collect();
        let want: Vec<&[u8]> = want.iter().map(|member| member.as_bytes()).collect();
        assert_eq!(got, want, "{value:?}");
    }

    #[test]
    fn lists_are_split_outside_quotes() {
        check_members("", &[]); // 5.6.1.2: empty elements are ignored
        check_members(" , ,\t", &[]);
        check_members("a", &["a"]);
        check_members("a ,b,\tc", &["a", "b", "c"]);
        check_members("a=\"x,y\", b", &["a=\"x,y\"", "b"]); // 5.6.4
        check_members(r#"a="\",", b"#, &[r#"a="\",""#, "b"]);
        check_members(r"a\,b", &[r"a\", "b"]); // a backslash escapes only in quotes
    }

    #[test]
    fn names_are_case_insensitive() {
        for name in [
            "Accept",
            "Accept-Encoding",
            "Accept-Language",
            "Access-Control-Request-Headers",
            "Access-Control-Request-Method",
            "Cache-Control",
            "Connection",
            "Content-Length",
            "Cookie",
            "Expect",
            "Host",
            "If-Match",
            "If-Modified-Since",
            "If-None-Match",
            "If-Range",
            "If-Unmodified-Since",
            "Origin",
            "Range",
            "Referer",
            "Sec-Fetch-Dest",
            "Sec-WebSocket-Extensions",
            "Sec-WebSocket-Key",
            "Sec-WebSocket-Protocol",
            "Sec-WebSocket-Version",
            "Transfer-Encoding",
            "Upgrade",
            "User-Agent",
            "Want-Content-Digest",
            "Want-Repr-Digest",
        ] {
            for sent in [name, &name.to_lowercase(), &name.to_uppercase()] {
                let known = FieldName::recognise(sent.as_bytes());
                assert_eq!(known.map(FieldName::name), Some(name), "{sent}");
            }
        }
        for other in ["", "X-Host", "Hose", "Rangy", "Connections"] {
            assert_eq!(FieldName::recognise(other.as_bytes()), None, "{other}");
        }
    }

    /// However many there are, so many are looked at, and each once.
    #[test]
    fn the_number_of_preferences_is_bounded() {
        for (sent, want) in [(0, 0), (99, 99), (100, 100), (101, 100), (15_000, 100)] {
            let lines: Vec<_> = [sent / 2, sent - sent / 2]
                .map(|count| (FieldName::Accept, ",a, ".repeat(count)))
                .into();
            let section = Section::of(&lines);
            let fields = section.fields();
            assert_eq!(fields.preferences(FieldName::Accept).count(), want);
            assert_eq!(fields.members(FieldName::Accept).count(), sent);
        }
    }

    #[test]
    fn a_field_that_comes_twice_is_not_sole() {
        let head = b"Range: aRange: b";
        let line = |start: u32| FieldLine {
            known: Some(FieldName::Range),
            name: Span {
                start,
                end: start + 5,
            },
            value: Span {
                start: start + 7,
                end: start + 8,
            },
        };
        let lines = [line(0), line(8)];
        let fields = Fields::new(head, &lines);
        assert_eq!(fields.sole(FieldName::Range), None);
        assert_eq!(fields.first(FieldName::Range), Some(&b"a"[..]));
        assert_eq!(fields.values(FieldName::Range).count(), 2);
        assert!(!fields.contains(FieldName::Host));
    }

    /// RFC 9110 section 5.6.2.
    #[test]
    fn a_token_is_one_tchar_or_more() {
        assert!(is_token(b"bytes"));
        assert!(is_token(b"!#$%&'*+-.^_`|~09azAZ"));
        for bytes in [&b""[..], b" a", b"a b", b"a=b", b"\"a\"", b"a\x80"] {
            assert!(!is_token(bytes), "{bytes:?}");
        }
    }

    #[test]
    fn white_space_is_trimmed() {
        assert_eq!(trim(b" \ta b\t "), b"a b");
        assert_eq!(trim(b"  "), b"");
    }
}
