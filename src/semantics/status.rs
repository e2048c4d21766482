//! RFC 9110 section 15: status codes.
//!
//! This table has every status of the registry of IANA, such as `200 OK` and `404 Not Found`, with its phrase.
//! It also has one code of each class that nobody has registered, so that the lab can show how clients treat
//! those.

/// Defines the statuses once: name, code and phrase.
macro_rules! statuses {
    ($($name:ident = $code:literal => $phrase:literal,)*) => {
        /// A status code.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u16)]
        #[allow(missing_docs)]
        pub enum Status {
            $($name = $code,)*
        }

        impl Status {
            /// Every status, in ascending order.
            pub const ALL: &[Status] = &[$(Status::$name,)*];

            /// The reason phrase of the registry; `Unassigned` if the code is not registered.
            pub fn phrase(self) -> &'static str {
                match self {
                    $(Status::$name => $phrase,)*
                }
            }
        }
    };
}

statuses! {
    Continue = 100 => "Continue",
    SwitchingProtocols = 101 => "Switching Protocols",
    Processing = 102 => "Processing",
    EarlyHints = 103 => "Early Hints",
    UploadResumptionSupported = 104 => "Upload Resumption Supported",
    Unassigned199 = 199 => "Unassigned",
    Ok = 200 => "OK",
    Created = 201 => "Created",
    Accepted = 202 => "Accepted",
    NonAuthoritativeInformation = 203 => "Non-Authoritative Information",
    NoContent = 204 => "No Content",
    ResetContent = 205 => "Reset Content",
    PartialContent = 206 => "Partial Content",
    MultiStatus = 207 => "Multi-Status",
    AlreadyReported = 208 => "Already Reported",
    ImUsed = 226 => "IM Used",
    Unassigned299 = 299 => "Unassigned",
    MultipleChoices = 300 => "Multiple Choices",
    MovedPermanently = 301 => "Moved Permanently",
    Found = 302 => "Found",
    SeeOther = 303 => "See Other",
    NotModified = 304 => "Not Modified",
    UseProxy = 305 => "Use Proxy",
    Unused306 = 306 => "(Unused)",
    TemporaryRedirect = 307 => "Temporary Redirect",
    PermanentRedirect = 308 => "Permanent Redirect",
    Unassigned399 = 399 => "Unassigned",
    BadRequest = 400 => "Bad Request",
    Unauthorized = 401 => "Unauthorized",
    PaymentRequired = 402 => "Payment Required",
    Forbidden = 403 => "Forbidden",
    NotFound = 404 => "Not Found",
    MethodNotAllowed = 405 => "Method Not Allowed",
    NotAcceptable = 406 => "Not Acceptable",
    ProxyAuthenticationRequired = 407 => "Proxy Authentication Required",
    RequestTimeout = 408 => "Request Timeout",
    Conflict = 409 => "Conflict",
    Gone = 410 => "Gone",
    LengthRequired = 411 => "Length Required",
    PreconditionFailed = 412 => "Precondition Failed",
    ContentTooLarge = 413 => "Content Too Large",
    UriTooLong = 414 => "URI Too Long",
    UnsupportedMediaType = 415 => "Unsupported Media Type",
    RangeNotSatisfiable = 416 => "Range Not Satisfiable",
    ExpectationFailed = 417 => "Expectation Failed",
    Unused418 = 418 => "(Unused)",
    MisdirectedRequest = 421 => "Misdirected Request",
    UnprocessableContent = 422 => "Unprocessable Content",
    Locked = 423 => "Locked",
    FailedDependency = 424 => "Failed Dependency",
    TooEarly = 425 => "Too Early",
    UpgradeRequired = 426 => "Upgrade Required",
    PreconditionRequired = 428 => "Precondition Required",
    TooManyRequests = 429 => "Too Many Requests",
    RequestHeaderFieldsTooLarge = 431 => "Request Header Fields Too Large",
    UnavailableForLegalReasons = 451 => "Unavailable For Legal Reasons",
    Unassigned499 = 499 => "Unassigned",
    InternalServerError = 500 => "Internal Server Error",
    NotImplemented = 501 => "Not Implemented",
    BadGateway = 502 => "Bad Gateway",
    ServiceUnavailable = 503 => "Service Unavailable",
    GatewayTimeout = 504 => "Gateway Timeout",
    HttpVersionNotSupported = 505 => "HTTP Version Not Supported",
    VariantAlsoNegotiates = 506 => "Variant Also Negotiates",
    InsufficientStorage = 507 => "Insufficient Storage",
    LoopDetected = 508 => "Loop Detected",
    NotExtended = 510 => "Not Extended",
    NetworkAuthenticationRequired = 511 => "Network Authentication Required",
    Unassigned599 = 599 => "Unassigned",
}

impl Status {
    /// The status with this number, if the table has it.
    pub fn from_code(code: u16) -> Option<Status> {
        Status::ALL
            .iter()
            .copied()
            .find(|status| status.code() == code)
    }

    /// Whether a response with this status has content (RFC 9110 section 6.4.1).
    pub fn has_content(self) -> bool {
        !matches!(self.code(), 100..200 | 204 | 304)
    }

    /// The number, such as 404.
    pub fn code(self) -> u16 {
        self as u16
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_status_is_found_by_its_number() {
        for &status in Status::ALL {
            assert_eq!(Status::from_code(status.code()), Some(status));
        }
        for code in [0, 99, 105, 298, 600, u16::MAX] {
            assert_eq!(Status::from_code(code), None, "{code}");
        }
        assert!(Status::ALL.is_sorted_by_key(|status| status.code()));
    }
}
