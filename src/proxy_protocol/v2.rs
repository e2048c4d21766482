//! Version 2, binary (section 2.2).
//!
//! ```text
//!  0               12  13  14      16
//! +---------------+---+---+-------+------------------+--------------------------+
//! | signature     |v/c|f/p| length| addresses, ports | type, length, value; ... |
//! +---------------+---+---+-------+------------------+--------------------------+
//!   v: version 2; c: 0 LOCAL, 1 PROXY; f: 0 none, 1 IPv4, 2 IPv6, 3 Unix; p: 1 stream; length: of what follows
//! ```

use core::net::{IpAddr, SocketAddr};

use super::crc32c::checksum;
use super::header::{Header, HeaderError, Parsed};

/// The first bytes.
pub(super) const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";

/// The bytes before the addresses.
const FIXED: usize = 16;

/// The longest header. Its parts are short; only a client's certificate is longer, and that fits.
const LONGEST: usize = 8 * 1024;

/// The families of streams (section 2.2): AF_UNSPEC, AF_INET, AF_INET6 and AF_UNIX.
const UNSPECIFIED: u8 = 0x00;
const IPV4: u8 = 0x11;
const IPV6: u8 = 0x21;
const UNIX: u8 = 0x31;

/// The types of the values that matter (section 2.2.7): PP2_TYPE_CRC32C, PP2_TYPE_SSL.
const CRC32C: u8 = 0x03;
const TLS: u8 = 0x20;

/// The flag PP2_CLIENT_SSL in a value of type PP2_TYPE_SSL: the client uses TLS.
const CLIENT_USES_TLS: u8 = 0x01;

/// Reads a header that begins with the signature, as far as it has arrived.
pub(super) fn parse(received: &[u8]) -> Result<Option<Parsed>, HeaderError> {
    let Some((fixed, _)) = received.split_at_checked(FIXED) else {
        return Ok(None);
    };
    let length = FIXED + usize::from(u16::from_be_bytes([fixed[14], fixed[15]]));
    if fixed[12] >> 4 != 2 {
        return Err(HeaderError::Malformed);
    }
    if length > LONGEST {
        return Err(HeaderError::TooLong);
    }
    let Some((header, _)) = received.split_at_checked(length) else {
        return Ok(None);
    };
    of_header(header).map(|found| Some((found, length)))
}

/// Reads a whole header.
fn of_header(header: &[u8]) -> Result<Header, HeaderError> {
    let (command, family) = (header[12] & 0x0f, header[13]);
    let body = &header[FIXED..];
    let length = addresses(family).filter(|&length| length <= body.len());
    match command {
        // LOCAL: the proxy itself has opened the connection. What follows is discarded, and the family is ignored.
        // But a wrong checksum means that nothing of the header can be trusted.
        0 => {
            if let Some(length) = length {
                ignoring_malformed(read_values(header, FIXED + length))?;
            }
            Ok(Header::default())
        }
        1 => {
            let length = length.ok_or(HeaderError::Malformed)?;
            let values = read_values(header, FIXED + length);
            let (source, is_secure) = match family {
                UNSPECIFIED => (None, ignoring_malformed(values)?),
                IPV4 => (Some(source::<4>(body)?), values?),
                IPV6 => (Some(source::<16>(body)?), values?),
                // A client on the proxy's machine has no address.
                _ => (None, values?),
            };
            Ok(Header { source, is_secure })
        }
        _ => Err(HeaderError::Malformed),
    }
}

/// The length of the addresses and ports of a family. `None`: it is for datagrams, or is not specified.
fn addresses(family: u8) -> Option<usize> {
    match family {
        UNSPECIFIED => Some(0),
        IPV4 => Some(2 * 4 + 4),
        IPV6 => Some(2 * 16 + 4),
        UNIX => Some(2 * 108),
        _ => None,
    }
}

/// The values of a header of which the proxy need not say anything. What is no value is ignored.
fn ignoring_malformed(
    values: Result<Option<bool>, HeaderError>,
) -> Result<Option<bool>, HeaderError> {
    match values {
        Err(HeaderError::Malformed) => Ok(None),
        values => values,
    }
}

/// The source: both addresses come before both ports.
fn source<const N: usize>(body: &[u8]) -> Result<SocketAddr, HeaderError>
where
    IpAddr: From<[u8; N]>,
{
    let address = body.first_chunk::<N>().copied();
    let port = body
        .get(2 * N..)
        .and_then(|ports| ports.first_chunk::<2>().copied());
    let (address, port) = address.zip(port).ok_or(HeaderError::Malformed)?;
    let address = IpAddr::from(address).to_canonical();
    Ok(SocketAddr::new(address, u16::from_be_bytes(port)))
}

/// Reads the values from this place of the header on: whether the client uses TLS, if the proxy has said so.
fn read_values(header: &[u8], mut at: usize) -> Result<Option<bool>, HeaderError> {
    let mut is_secure = None;
    while let Some(rest) = header.get(at..).filter(|rest| !rest.is_empty()) {
        let (&[kind, high, low], rest) = rest.split_first_chunk().ok_or(HeaderError::Malformed)?;
        let length = usize::from(u16::from_be_bytes([high, low]));
        let value = rest.get(..length).ok_or(HeaderError::Malformed)?;
        match kind {
            CRC32C => check_sum(header, at + 3, value)?,
            TLS => {
                let flags = value.first().ok_or(HeaderError::Malformed)?;
                is_secure = Some(flags & CLIENT_USES_TLS != 0);
            }
            _ => {}
        }
        at += 3 + length;
    }
    Ok(is_secure)
}

/// Section 2.2.7: the checksum is that of the header with zeros in the place of the checksum.
fn check_sum(header: &[u8], place: usize, sent: &[u8]) -> Result<(), HeaderError> {
    let sent: [u8; 4] = sent.try_into().map_err(|_| HeaderError::Malformed)?;
    let octet = |(at, &octet): (usize, &u8)| match (place..place + 4).contains(&at) {
        true => 0,
        false => octet,
    };
    match checksum(header.iter().enumerate().map(octet)) == u32::from_be_bytes(sent) {
        true => Ok(()),
        false => Err(HeaderError::Checksum),
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    /// A header with this command, family and body.
    fn header(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
        let mut bytes = SIGNATURE.to_vec();
        bytes.extend([command, family]);
        bytes.extend((body.len() as u16).to_be_bytes());
        bytes.extend(body);
        bytes
    }

    fn value(kind: u8, value: &[u8]) -> Vec<u8> {
        let mut bytes = vec![kind];
        bytes.extend((value.len() as u16).to_be_bytes());
        bytes.extend(value);
        bytes
    }

    const FOUR: [u8; 12] = [192, 0, 2, 43, 203, 0, 113, 1, 0xdc, 4, 1, 0xbb];

    #[track_caller]
    fn check(bytes: &[u8], want: Result<(Option<&str>, Option<bool>), HeaderError>) {
        let with_more = [bytes, b"GET /"].concat();
        let want = want.map(|(source, is_secure)| {
            let source = source.map(|source| source.parse().expect("an address"));
            Some((Header { source, is_secure }, bytes.len()))
        });
        assert_eq!(parse(&with_more), want, "{bytes:02x?}");
        if want.is_ok() {
            for length in 0..bytes.len() {
                assert_eq!(
                    parse(&bytes[..length]),
                    Ok(None),
                    "{length} of {bytes:02x?}"
                );
            }
        }
    }

    #[test]
    fn addresses() {
        check(
            &header(0x21, 0x11, &FOUR),
            Ok((Some("192.0.2.43:56324"), None)),
        );
        let mut six = [0; 36];
        six[..4].copy_from_slice(&[0x20, 1, 0xd, 0xb8]);
        six[15] = 1;
        six[33] = 80;
        check(
            &header(0x21, 0x21, &six),
            Ok((Some("[2001:db8::1]:80"), None)),
        );
        let mapped = [&[0; 10][..], &[0xff; 2], &[192, 0, 2, 1], &[0; 20]].concat();
        check(
            &header(0x21, 0x21, &mapped),
            Ok((Some("192.0.2.1:0"), None)),
        );
        check(&header(0x21, 0x31, &[0; 216]), Ok((None, None)));
        check(&header(0x21, 0x00, b""), Ok((None, None)));
        check(&header(0x21, 0x00, b"ignored"), Ok((None, None)));
        // LOCAL: the addresses do not count.
        check(&header(0x20, 0x11, &FOUR), Ok((None, None)));
        check(&header(0x20, 0x00, b""), Ok((None, None)));
    }

    /// Section 2.2: of LOCAL, the receiver discards the block of the protocol, with the family.
    #[test]
    fn what_follows_local_is_discarded() {
        for family in [0x00, 0x10, 0x11, 0x12, 0x21, 0x31, 0x41, 0xff] {
            for body in [&b""[..], b"zzzzz", &[0; 12], &[0; 300], &[4; 300]] {
                check(&header(0x20, family, body), Ok((None, None)));
            }
        }
        let malformed = [&FOUR[..], &value(TLS, b""), &value(CRC32C, b"x"), &[4]].concat();
        check(&header(0x20, 0x11, &malformed), Ok((None, None)));
        check(&header(0x30, 0x00, b""), Err(HeaderError::Malformed)); // the version
        check(&header(0x22, 0xff, b""), Err(HeaderError::Malformed)); // the command
    }

    #[test]
    fn malformed_headers() {
        let malformed = Err(HeaderError::Malformed);
        check(&header(0x11, 0x11, &FOUR), malformed); // the version
        check(&header(0x22, 0x11, &FOUR), malformed); // the command
        check(&header(0x21, 0x12, &FOUR), malformed); // datagrams
        check(&header(0x21, 0x41, &FOUR), malformed); // the family
        check(&header(0x21, 0x10, &FOUR), malformed); // the protocol
        check(&header(0x21, 0x11, &FOUR[..11]), malformed);
        check(&header(0x21, 0x11, &FOUR[..3]), malformed);
        check(&header(0x21, 0x21, &FOUR), malformed);
        check(&header(0x21, 0x31, &[0; 215]), malformed);
        check(&header(0x21, 0x11, &[&FOUR[..], &[4]].concat()), malformed);
        check(
            &header(0x21, 0x11, &[&FOUR[..], &[4, 0, 1]].concat()),
            malformed,
        );
        check(
            &header(0x21, 0x11, &[&FOUR[..], &[TLS, 0, 0]].concat()),
            malformed,
        );
        let too_long = [&SIGNATURE[..], &[0x21, 0x11, 0xff, 0xff]].concat();
        check(&too_long, Err(HeaderError::TooLong));
    }

    #[test]
    fn the_client_uses_tls() {
        let with = |values: &[u8]| header(0x21, 0x11, &[&FOUR[..], values].concat());
        let source = Some("192.0.2.43:56324");
        check(
            &with(&value(TLS, &[1, 0, 0, 0, 0])),
            Ok((source, Some(true))),
        );
        check(
            &with(&value(TLS, &[0, 0, 0, 0, 1])),
            Ok((source, Some(false))),
        );
        // PP2_TYPE_NOOP and one that nobody knows come before.
        let values = [value(0x04, b"..."), value(0xee, b""), value(TLS, &[7])].concat();
        check(&with(&values), Ok((source, Some(true))));
    }

    #[test]
    fn checksums() {
        let with = |sum: [u8; 4]| {
            let values = [value(0x04, b"x"), value(CRC32C, &sum), value(TLS, &[1])].concat();
            header(0x21, 0x11, &[&FOUR[..], &values].concat())
        };
        let right = checksum(with([0; 4]).into_iter()).to_be_bytes();
        check(&with(right), Ok((Some("192.0.2.43:56324"), Some(true))));
        let mut wrong = right;
        wrong[3] ^= 1;
        check(&with(wrong), Err(HeaderError::Checksum));
        check(&with([0; 4]), Err(HeaderError::Checksum));
        let mut changed = with(right);
        changed[FIXED] ^= 1;
        check(&changed, Err(HeaderError::Checksum));
        let short = [&FOUR[..], &value(CRC32C, &[0; 3])].concat();
        check(&header(0x21, 0x11, &short), Err(HeaderError::Malformed));
        // Version 2 says that the checksum counts for LOCAL too.
        let mut local = with(right);
        local[12] = 0x20;
        check(&local, Err(HeaderError::Checksum));
    }

    /// Each family has its own place for the values, AF_UNSPEC none for addresses.
    #[test]
    fn checksums_of_each_family() {
        for (family, addresses) in [(0x00, 0), (0x11, 12), (0x21, 36), (0x31, 216)] {
            for command in [0x20, 0x21] {
                let with = |sum: [u8; 4]| {
                    let values = [value(CRC32C, &sum), value(TLS, &[1])].concat();
                    header(
                        command,
                        family,
                        &[&vec![0; addresses][..], &values].concat(),
                    )
                };
                let right = checksum(with([0; 4]).into_iter());
                let found = parse(&with(right.to_be_bytes()));
                let (found, _) = found.expect("valid").expect("whole");
                assert_eq!(found.is_secure, (command == 0x21).then_some(true));
                let wrong = with((right ^ 1).to_be_bytes());
                check(&wrong, Err(HeaderError::Checksum));
            }
        }
        // What cannot be read as values is ignored without a family, also a checksum that is too short.
        let short = value(CRC32C, &[0; 3]);
        check(&header(0x21, 0x00, &short), Ok((None, None)));
        let cut = [value(TLS, &[1]), vec![4, 0, 9]].concat();
        check(&header(0x21, 0x00, &cut), Ok((None, None)));
    }
}
