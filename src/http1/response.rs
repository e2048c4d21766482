//! RFC 9112 sections 4 to 6: writes the head of every response, with the fields that give the length
//! of its body.
//!
//! ```text
//! HTTP/1.1 200 OK␍␊
//! Server: docroot␍␊
//! Date: Sun, 06 Nov 1994 08:49:37 GMT␍␊
//! ...                             the fields of the response
//! Content-Length: 512␍␊           or Transfer-Encoding: chunked, or neither field
//! Connection: close␍␊             if the connection closes
//! ␍␊
//! ```

use std::rc::Rc;

use super::framing::Framing;
use super::head;
use super::persistence::Persistence;
use super::version::Version;
use crate::semantics::date::ImfFixdate;
use crate::semantics::field_section::{FieldSection, FieldValue};
use crate::semantics::rules::RuledField;
use crate::semantics::status::Status;

/// The fields that a connection adds to each response.
#[derive(Clone, Copy, Debug)]
pub struct Common<'a> {
    /// `Date`.
    pub date: ImfFixdate,
    /// `max-age` of `Strict-Transport-Security` in seconds (RFC 6797). `None` if the operator did not
    /// ask for it, and on connections without TLS.
    pub hsts: Option<u64>,
    /// `X-Request-Id`, if requests have ids.
    pub request_id: Option<&'a [u8]>,
}

/// Appends the head of a response.
pub fn write(
    out: &mut Vec<u8>,
    status: Status,
    fields: &FieldSection,
    framing: Framing,
    persistence: Persistence,
    version: Version,
    common: &Common<'_>,
) {
    head::status_line(out, status);
    if !fields.is_server_ruled {
        out.extend_from_slice(b"Server: docroot\r\n");
    }
    out.extend_from_slice(b"Date: ");
    out.extend_from_slice(common.date.as_bytes());
    out.extend_from_slice(b"\r\n");
    if let Some(seconds) = common.hsts {
        out.extend_from_slice(b"Strict-Transport-Security: max-age=");
        head::number(out, seconds);
        out.extend_from_slice(b"\r\n");
    }
    if let Some(id) = common.request_id {
        head::field(out, "X-Request-Id", id);
    }
    out.extend_from_slice(fields.lines());
    write_fields(out, fields);
    match framing {
        Framing::NoBody | Framing::Close => {}
        Framing::Length(length) => head::number_field(out, "Content-Length", length),
        Framing::Chunked => head::field(out, "Transfer-Encoding", b"chunked"),
    }
    if status == Status::SwitchingProtocols {
        // The handler set its own Connection field, and HTTP/1 ends here.
    } else if persistence.closes() {
        head::field(out, "Connection", b"close");
    } else if version == Version::Http10 {
        head::field(out, "Connection", b"keep-alive");
    }
    head::end(out);
}

/// Appends an interim response (RFC 9110 section 15.2): a head that another response to the same request
/// follows. It has none of the fields that final responses have in common.
#[cold]
pub fn write_interim(out: &mut Vec<u8>, status: Status, fields: &FieldSection) {
    head::status_line(out, status);
    write_fields(out, fields);
    head::end(out);
}

/// Writes fields as lines, so that responses with the same fields can share them. The operator's rules
/// add, replace or remove some of them.
pub fn prepare(fields: &FieldSection, ruled: &[RuledField<'_>]) -> Rc<[u8]> {
    let mut lines = fields.lines().to_vec();
    let is_own = |name: &str| {
        let mut own = fields.fields().iter();
        own.any(|(other, _)| other.eq_ignore_ascii_case(name))
    };
    let is_replaced = |name: &str| ruled.iter().any(|field| field.replaces(name));
    for (name, value) in fields
        .fields()
        .iter()
        .filter(|(name, _)| !is_replaced(name))
    {
        write_field(&mut lines, name, value);
    }
    for field in ruled {
        let is_kept = field.is_default && is_own(field.name);
        if let Some(value) = field.value.filter(|_| !is_kept) {
            head::field(&mut lines, field.name, value.as_bytes());
        }
    }
    lines.into()
}

fn write_fields(out: &mut Vec<u8>, fields: &FieldSection) {
    for (name, value) in fields.fields() {
        write_field(out, name, value);
    }
}

fn write_field(out: &mut Vec<u8>, name: &str, value: &FieldValue) {
    match value {
        FieldValue::Text(text) => head::field(out, name, text),
        FieldValue::Number(number) => head::number_field(out, name, *number),
        FieldValue::Date(date) => head::date_field(out, name, *date),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http1::persistence::{CloseReason, KeepReason};
    use crate::semantics::date::HttpDate;

    const CLOSE: Persistence = Persistence::Close(CloseReason::Asked);
    const KEEP: Persistence = Persistence::KeepAlive(KeepReason::Http11);

    #[track_caller]
    fn check(framing: Framing, persistence: Persistence, version: Version, hsts: u64, want: &str) {
        let date = HttpDate::from_unix(784_111_777).expect("a date");
        let mut fields = FieldSection::default();
        fields.push("Vary", "Accept-Encoding");
        let mut fields = FieldSection::prepared(prepare(&fields, &[]));
        fields.push("Age", 5);
        fields.push("Last-Modified", date);
        let common = Common {
            date: ImfFixdate::from(date),
            hsts: Some(hsts).filter(|&seconds| seconds > 0),
            request_id: Some(&b"0a1b"[..]).filter(|_| hsts > 0),
        };
        let mut out = b"before ".to_vec();
        let status = Status::Ok;
        write(
            &mut out,
            status,
            &fields,
            framing,
            persistence,
            version,
            &common,
        );
        let got = String::from_utf8(out).expect("ASCII");
        let (before, after) = match hsts {
            0 => ("", ""),
            _ => (
                "Strict-Transport-Security: max-age=",
                "\r\nX-Request-Id: 0a1b\r\n",
            ),
        };
        let hsts = Some(hsts).filter(|&seconds| seconds > 0);
        let hsts = hsts.map_or(String::new(), |seconds| format!("{before}{seconds}{after}"));
        let want = format!(
            "before HTTP/1.1 200 OK\r\nServer: docroot\r\n\
             Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n{hsts}Vary: Accept-Encoding\r\nAge: 5\r\n\
             Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n{want}\r\n"
        );
        assert_eq!(got, want);
    }

    #[test]
    fn an_interim_response_has_only_its_own_fields() {
        let mut fields = FieldSection::default();
        fields.push("Link", "<a.css>; rel=preload");
        let mut out = Vec::new();
        write_interim(&mut out, Status::EarlyHints, &fields);
        let want = "HTTP/1.1 103 Early Hints\r\nLink: <a.css>; rel=preload\r\n\r\n";
        assert_eq!(String::from_utf8_lossy(&out), want);
    }

    #[test]
    fn the_framing_and_the_connection_end_the_head() {
        use Framing::*;
        use Version::*;
        check(NoBody, KEEP, Http11, 0, ""); // RFC 9110 sections 15.3.5 and 15.4.5
        check(Length(0), KEEP, Http11, 0, "Content-Length: 0\r\n"); // section 6.2
        check(Length(9), KEEP, Http11, 60, "Content-Length: 9\r\n"); // RFC 6797 section 6.1
        check(Chunked, KEEP, Http11, 0, "Transfer-Encoding: chunked\r\n"); // section 6.1
        check(
            Chunked,
            CLOSE,
            Http11,
            0,
            "Transfer-Encoding: chunked\r\nConnection: close\r\n",
        );
        check(Close, CLOSE, Http10, 0, "Connection: close\r\n"); // section 6.3 rule 8
        check(
            Length(9),
            KEEP,
            Http10,
            0,
            "Content-Length: 9\r\nConnection: keep-alive\r\n",
        );
    }
}
