//! Version 1, a line of text (section 2.1).
//!
//! ```text
//! "PROXY" SP ( "TCP4" / "TCP6" ) SP source SP destination SP source-port SP destination-port CRLF
//! "PROXY" SP "UNKNOWN" *any CRLF
//! ```

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use core::str::FromStr;

use super::header::{Header, HeaderError, Parsed};

/// The first bytes.
pub(super) const SIGNATURE: &[u8] = b"PROXY ";

/// The length of the longest line, with its end.
const LONGEST: usize = 107;

/// Reads a line that begins with the signature, as far as it has arrived.
pub(super) fn parse(received: &[u8]) -> Result<Option<Parsed>, HeaderError> {
    let seen = &received[..received.len().min(LONGEST)];
    let Some(end) = seen.windows(2).position(|pair| pair == b"\r\n") else {
        return match received.len() < LONGEST {
            true => Ok(None),
            false => Err(HeaderError::TooLong),
        };
    };
    let line =
        str::from_utf8(&received[SIGNATURE.len()..end]).map_err(|_| HeaderError::Malformed)?;
    let header = of_line(line).ok_or(HeaderError::Malformed)?;
    Ok(Some((header, end + 2)))
}

/// What follows the signature.
fn of_line(line: &str) -> Option<Header> {
    let (family, rest) = line.split_once(' ').unwrap_or((line, ""));
    let source = match family {
        // The receiver must ignore the rest.
        "UNKNOWN" => None,
        "TCP4" => Some(source::<Ipv4Addr>(rest)?),
        "TCP6" => Some(source::<Ipv6Addr>(rest)?),
        _ => return None,
    };
    Some(Header {
        source,
        is_secure: None,
    })
}

/// The source, if the destination is of the same family.
fn source<A: FromStr + Into<IpAddr>>(text: &str) -> Option<SocketAddr> {
    let mut parts = text.split(' ');
    let mut next = || parts.next();
    let (source, destination) = (next()?.parse::<A>().ok()?, next()?.parse::<A>().ok());
    let (port, _) = destination.and(Some((port(next()?)?, port(next()?)?)))?;
    let source: IpAddr = source.into();
    parts
        .next()
        .is_none()
        .then(|| SocketAddr::new(source.to_canonical(), port))
}

/// A decimal number without leading zeros.
fn port(text: &str) -> Option<u16> {
    let is_canonical = text == "0" || !text.starts_with('0');
    let is_number = text.bytes().all(|octet| octet.is_ascii_digit());
    (is_canonical && is_number).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    #[track_caller]
    fn check(line: &str, want: Result<&str, HeaderError>) {
        let bytes = format!("{line}\r\nGET / HTTP/1.1\r\n");
        let got = parse(bytes.as_bytes());
        let want = want.map(|source| {
            let source = (source != "-").then(|| source.parse().expect("an address"));
            let header = Header {
                source,
                is_secure: None,
            };
            Some((header, line.len() + 2))
        });
        assert_eq!(got, want, "{line:?}");
        if want.is_ok() {
            for length in 0..line.len() + 2 {
                assert_eq!(parse(&bytes.as_bytes()[..length]), Ok(None), "{length}");
            }
        }
    }

    #[test]
    fn lines() {
        let malformed = Err(HeaderError::Malformed);
        check(
            "PROXY TCP4 192.0.2.1 192.0.2.2 56324 443",
            Ok("192.0.2.1:56324"),
        );
        check(
            "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535",
            Ok("255.255.255.255:65535"),
        );
        check(
            "PROXY TCP6 2001:db8::1 2001:db8::2 1 0",
            Ok("[2001:db8::1]:1"),
        );
        check("PROXY TCP6 ::ffff:192.0.2.1 ::1 1 0", Ok("192.0.2.1:1"));
        check("PROXY UNKNOWN", Ok("-"));
        check(
            "PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535",
            Ok("-"),
        );
        check("PROXY TCP4 192.0.2.1 192.0.2.2 56324", malformed);
        check("PROXY TCP4 192.0.2.1 192.0.2.2 56324 443 ", malformed);
        check("PROXY TCP4 192.0.2.1 192.0.2.2 56324 443 1", malformed);
        check("PROXY TCP4  192.0.2.1 192.0.2.2 56324 443", malformed);
        check("PROXY TCP4 2001:db8::1 192.0.2.2 1 2", malformed);
        check("PROXY TCP6 192.0.2.1 2001:db8::1 1 2", malformed);
        check("PROXY TCP4 192.0.2.1 x 1 2", malformed);
        check("PROXY TCP4 192.0.2.01 192.0.2.2 1 2", malformed);
        check("PROXY TCP4 192.0.2.1 192.0.2.2 01 2", malformed);
        check("PROXY TCP4 192.0.2.1 192.0.2.2 +1 2", malformed);
        check("PROXY TCP4 192.0.2.1 192.0.2.2 65536 2", malformed);
        check("PROXY TCP4 192.0.2.1 192.0.2.2 1 ", malformed);
        check("PROXY UDP4 192.0.2.1 192.0.2.2 1 2", malformed);
        check("PROXY tcp4 192.0.2.1 192.0.2.2 1 2", malformed);
        check("PROXY  TCP4 192.0.2.1 192.0.2.2 1 2", malformed);
        check("PROXY UNKNOWN\u{7f}", malformed);
        check("PROXY ", malformed);
    }

    #[test]
    fn the_end_of_a_line_comes_in_time() {
        let line = |length: usize| format!("PROXY UNKNOWN {}", "x".repeat(length - 14));
        assert!(parse((line(105) + "\r\n").as_bytes()).is_ok_and(|parsed| parsed.is_some()));
        let too_long = Err(HeaderError::TooLong);
        assert_eq!(parse((line(106) + "\r\n").as_bytes()), too_long);
        assert_eq!(parse(line(107).as_bytes()), too_long);
        assert_eq!(parse(line(106).as_bytes()), Ok(None));
        // A bare LF does not end a line.
        let bare = "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\nGET / HTTP/1.1\r\n";
        assert_eq!(parse(bare.as_bytes()), Err(HeaderError::Malformed));
    }
}
