//! RFC 9112 section 2.3: the protocol version.
//!
//! `HTTP-version = HTTP-name "/" DIGIT "." DIGIT`, `HTTP-name = %s"HTTP"`: `HTTP/1.1`, `HTTP/1.0`.

use super::fault::ParseError;

/// The protocol version of the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// `HTTP/1.0`: connections close unless asked otherwise; no chunked coding.
    Http10,
    /// `HTTP/1.1`. A later minor version is treated as 1.1, the highest one that this server supports
    /// (RFC 9110 section 2.5).
    Http11,
}

impl Version {
    /// The version as a request-line has it. A later minor version becomes `HTTP/1.1`.
    pub fn text(self) -> &'static str {
        match self {
            Version::Http10 => "HTTP/1.0",
            Version::Http11 => "HTTP/1.1",
        }
    }

    /// Parses the third part of a request-line. If the major version is not 1, the error is
    /// [`ParseError::VersionNotSupported`]; if it is not a version, [`ParseError::Version`].
    pub fn parse(bytes: &[u8]) -> Result<Version, ParseError> {
        match bytes {
            b"HTTP/1.0" => Ok(Version::Http10),
            [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
                if major.is_ascii_digit() && minor.is_ascii_digit() =>
            {
                match major {
                    b'1' => Ok(Version::Http11),
                    _ => Err(ParseError::VersionNotSupported),
                }
            }
            _ => Err(ParseError::Version),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &str, want: Result<Version, ParseError>) {
        assert_eq!(Version::parse(bytes.as_bytes()), want, "{bytes:?}");
    }

    #[test]
    fn the_text_of_a_version_is_what_was_parsed() {
        for text in ["HTTP/1.0", "HTTP/1.1"] {
            assert_eq!(Version::parse(text.as_bytes()).map(Version::text), Ok(text));
        }
        assert_eq!(
            Version::parse(b"HTTP/1.9").map(Version::text),
            Ok("HTTP/1.1")
        );
    }

    #[test]
    fn versions() {
        check("HTTP/1.0", Ok(Version::Http10));
        check("HTTP/1.1", Ok(Version::Http11));
        check("HTTP/1.9", Ok(Version::Http11)); // RFC 9110 2.5: a higher minor version
        check("HTTP/2.0", Err(ParseError::VersionNotSupported)); // RFC 9110 15.6.6
        check("HTTP/0.9", Err(ParseError::VersionNotSupported));
        check("http/1.1", Err(ParseError::Version)); // 2.3: HTTP-name is case-sensitive
        check("HTTP/1.10", Err(ParseError::Version)); // 2.3: one digit each
        check("HTTP/1", Err(ParseError::Version));
        check("HTTP/1,1", Err(ParseError::Version));
        check("HTTP/+.1", Err(ParseError::Version));
        check("HTTP/1.1 ", Err(ParseError::Version));
        check("", Err(ParseError::Version));
    }
}
