//! The request of `docroot explain`.

use super::definition::{Group, Kind, List, OptionDef, Scope, store};
use crate::cli::request::{field, method};
use crate::http1::version::Version;

/// The options of this group.
pub const GROUP: Group = Group {
    heading: "Request",
    options: &[FIELD, METHOD, HTTP10],
};

const FIELD: OptionDef = OptionDef::new(
    "field",
    Kind::List(List {
        name: "FIELD",
        // Field values may contain commas.
        separator: None,
        clear: |settings| settings.request.fields.clear(),
        add: |settings, value| {
            let field = field(value.as_encoded_bytes())?;
            settings.request.fields.push(field);
            Ok(())
        },
    }),
    "A field of the request, such as 'Range: bytes=0-99'. For several fields, repeat the option",
)
.short('H')
.default(|_| "none".into())
.scope(Scope::Request)
.common("A field of the request: 'Range: bytes=0-99'");

const METHOD: OptionDef = OptionDef::new(
    "method",
    Kind::Text("METHOD", |settings, text| {
        store(&mut settings.request.method, method(text.as_bytes()))
    }),
    "The method of the request",
)
.default(|settings| String::from_utf8_lossy(&settings.request.method).into_owned())
.scope(Scope::Request)
.common("The method of the request [default: {}]");

const HTTP10: OptionDef = OptionDef::new(
    "http1.0",
    Kind::Switch(|settings| settings.request.version = Version::Http10),
    "Explain the response to a request of HTTP/1.0, as a few old clients send it",
)
.scope(Scope::Request);
