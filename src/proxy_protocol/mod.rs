//! The PROXY protocol, versions 1 and 2, as HAProxy defines it
//! (<https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt>).
//!
//! A proxy that does not understand HTTP, or that only passes TLS on, cannot add a field to a request. It sends a
//! header before the first byte of the connection instead. The header says who has connected to the proxy:
//!
//! ```text
//! PROXY TCP4 192.0.2.43 203.0.113.1 56324 443\r\n                                     version 1: text
//! 0d 0a 0d 0a 00 0d 0a 51 55 49 54 0a 21 11 00 0c c0 00 02 2b cb 00 71 01 dc 04 01 bb  version 2: binary
//! ```
//!
//! This layer reads a header. Which peers may send one, and that they must, is decided elsewhere.

// What a header says.
mod header;
// The checksum of version 2.
mod crc32c;
// Version 1.
mod v1;
// Version 2.
mod v2;

pub use header::{Header, HeaderError, Parsed};

/// Reads the header at the start of `received`. `None`: more bytes are needed.
pub fn parse(received: &[u8]) -> Result<Option<Parsed>, HeaderError> {
    if is_start_of(received, &v2::SIGNATURE) {
        return v2::parse(received);
    }
    match is_start_of(received, v1::SIGNATURE) {
        true => v1::parse(received),
        false => Err(HeaderError::Missing),
    }
}

/// Whether these are the first bytes of a header with this signature, as far as they have arrived.
fn is_start_of(received: &[u8], signature: &[u8]) -> bool {
    let length = received.len().min(signature.len());
    received[..length] == signature[..length]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_bytes_are_no_header() {
        for received in [
            &b"GET / HTTP/1.1\r\n"[..],
            b"PRI * HTTP/2.0\r\n",
            b"POST ",
            b"proxy TCP4 ",
            b"\x16\x03\x01\x02",
            b"\r\nGET",
            b"\0",
        ] {
            assert_eq!(parse(received), Err(HeaderError::Missing), "{received:?}");
        }
        for received in [&b""[..], b"P", b"PROXY", b"\r\n\r\n\0", &v2::SIGNATURE] {
            assert_eq!(parse(received), Ok(None), "{received:?}");
        }
    }
}
