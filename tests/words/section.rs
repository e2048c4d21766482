//! How the table names a section of a specification.
//!
//! ```text
//! RFC 9110 section 13.1.2          RFC 9112 appendix B.1
//! HSTS: RFC 6797 section 6.1       an RFC that is better known by another name
//! Fetch Metadata section 2.1       a specification of the list below
//! WHATWG Fetch                     one whose sections have no lasting numbers
//! ```

/// Specifications that are no RFC.
const SPECIFICATIONS: [&str; 28] = [
    "Clear Site Data",
    "Content Security Policy Level 3",
    "Device Memory API",
    "ECMA-426",
    "Fetch Metadata",
    "Global Privacy Control",
    "Linked Data Platform 1.0",
    "Network Error Logging",
    "Network Information API",
    "Permissions Policy",
    "Referrer Policy",
    "Reporting API",
    "Resource Timing",
    "Responsive Image Client Hints",
    "Save Data API",
    "Server Timing",
    "Service Workers",
    "Storage Access Headers",
    "Trace Context",
    "Tracking Preference Expression",
    "Upgrade Insecure Requests",
    "User Preference Media Features Client Hints",
    "User-Agent Client Hints",
    "WHATWG Fetch",
    "WHATWG HTML",
    "WebSocket Close Code Number Registry",
    "draft-ietf-httpbis-resumable-upload",
    // For fields that nothing but usage defines.
    "no specification",
];

/// Whether `text` names a section so.
pub fn is_section(text: &str) -> bool {
    let text = match text.split_once(": ") {
        Some((name, rest)) if is_name(name) && rest.starts_with("RFC ") => rest,
        _ => text,
    };
    let (specification, number) =
        match (text.split_once(" section "), text.split_once(" appendix ")) {
            (Some((specification, number)), _) => (specification, Some(number)),
            (_, Some((specification, letter))) => (specification, Some(letter)),
            _ => (text, None),
        };
    let is_letter = text.contains(" appendix ");
    match number {
        // An RFC has numbers, so the section is named.
        None => SPECIFICATIONS.contains(&specification),
        Some(number) => {
            is_number(number, is_letter)
                && (is_rfc(specification) || SPECIFICATIONS.contains(&specification))
        }
    }
}

/// Whether `text` is the name of an RFC.
pub fn is_rfc(text: &str) -> bool {
    let number = text.strip_prefix("RFC ").unwrap_or_default();
    (3..=5).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// `13.1.2`, or `B.1` of an appendix.
fn is_number(text: &str, is_appendix: bool) -> bool {
    text.split('.').enumerate().all(|(index, part)| {
        let is_letter = part.len() == 1 && part.bytes().all(|byte| byte.is_ascii_uppercase());
        match index == 0 && is_appendix {
            true => is_letter,
            false => !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()),
        }
    })
}

#[test]
fn sections_have_a_form() {
    for good in [
        "RFC 9110 section 13.1.2",
        "RFC 10008 section 2",
        "RFC 9112 appendix C.2.2",
        "HSTS: RFC 6797 section 6.1",
        "Fetch Metadata section 2.1",
        "WHATWG Fetch",
        "no specification",
    ] {
        assert!(is_section(good), "{good}");
    }
    for bad in [
        "",
        "RFC 9110",
        "RFC 9110 section",
        "RFC 9110 section ",
        "RFC 9110 section 13.",
        "RFC 9110 section B.1",
        "RFC 9112 appendix 2",
        "RFC9110 section 13",
        "rfc 9110 section 13",
        "9110 section 13",
        "Fetch",
        "WHATWG Fetch section",
        "a b: RFC 6797 section 6.1",
    ] {
        assert!(!is_section(bad), "{bad}");
    }
}
