//! RFC 9110 section 10.1.1: whether the client waits for 100 (Continue) before it sends the body.
//!
//! `Expect: 100-continue` is the only expectation that the RFC defines.

use std::fmt;

use super::version::Version;
use crate::semantics::edit::Edit;
use crate::semantics::field::{FieldName, Fields};
use crate::semantics::trace::{Clause, Evidence, Quote, Step, clause};

/// The client expects something other than 100-continue (417).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownExpectation;

impl fmt::Display for UnknownExpectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl UnknownExpectation {
    /// The error, as part of a sentence.
    pub fn text(self) -> &'static str {
        "the request expects something other than 100-continue"
    }

    /// A change that mends the request. Other rules decide its status then.
    pub(super) fn edit(self) -> Edit {
        Edit::remove(FieldName::Expect)
    }

    /// The rule that the request breaks.
    pub fn clause(self) -> Clause {
        CLAUSE
    }
}

impl std::error::Error for UnknownExpectation {}

const CLAUSE: Clause = clause!("RFC 9110 section 10.1.1", "expects_continue");

/// Whether the client waits for 100 (Continue). The server MUST ignore the expectation of an
/// HTTP/1.0 request, because its sender may not understand an interim response.
pub fn expects_continue(version: Version, fields: &Fields) -> Result<bool, UnknownExpectation> {
    if version == Version::Http10 {
        return Ok(false);
    }
    let mut expected = false;
    for expectation in fields.members(FieldName::Expect) {
        if !expectation.eq_ignore_ascii_case(b"100-continue") {
            return Err(UnknownExpectation);
        }
        expected = true;
    }
    Ok(expected)
}

/// The step that says whether the client waits for 100 (Continue); `None` if it does not mention it.
pub(super) fn step(version: Version, fields: &Fields) -> Option<Step> {
    let finding = match version {
        _ if fields.members(FieldName::Expect).next().is_none() => return None,
        Version::Http10 => "Expect is ignored because the client uses HTTP/1.0",
        Version::Http11 => "the client may wait for 100 (Continue) before it sends the body",
    };
    let sent = Quote::of_field(fields, FieldName::Expect);
    Some(Step::new(CLAUSE, finding).with(Evidence::Value(sent)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http1::parse::tests::with_fields;

    #[track_caller]
    fn check(version: Version, lines: &str, want: Result<bool, UnknownExpectation>) {
        let got = with_fields(lines, |fields| expects_continue(version, fields));
        assert_eq!(got, want, "{version:?} {lines:?}");
    }

    #[test]
    fn expectations() {
        use Version::*;
        check(Http11, "", Ok(false)); // RFC 9110 10.1.1
        check(Http11, "Expect: 100-continue\n", Ok(true));
        check(Http11, "Expect: 100-Continue\n", Ok(true)); // without case
        check(Http11, "Expect:\n", Ok(false));
        check(Http11, "Expect: 100-continue, 100-continue\n", Ok(true));
        check(Http11, "Expect: 100-continue, x\n", Err(UnknownExpectation));
        check(Http11, "Expect: 200-ok\n", Err(UnknownExpectation));
        check(Http11, "Expect: 100-continue=1\n", Err(UnknownExpectation));
        check(Http10, "Expect: 100-continue\n", Ok(false)); // MUST ignore
        check(Http10, "Expect: x\n", Ok(false));
    }
}
