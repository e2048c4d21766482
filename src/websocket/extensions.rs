//! RFC 6455 section 9.1: the list of extensions that a client offers.
//!
//! ```text
//! extension-list    = 1#extension
//! extension         = extension-token *( ";" extension-param )
//! extension-param   = token [ "=" ( token / quoted-string ) ]
//!
//! permessage-deflate; client_max_window_bits, permessage-deflate; server_max_window_bits="10"
//! ```
//!
//! A quoted-string must be a token after unescaping. A malformed list fails the handshake, even if the
//! server wants no extension.

use crate::semantics::field::{FieldName, Fields, is_token, split_outside_quotes, trim};
use crate::text::octet::{self, TOKEN};

/// A list of extensions that does not follow the grammar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MalformedExtensions;

/// One extension that the client offers, with its parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extension<'a> {
    /// The name.
    pub name: &'a [u8],
    /// The name and the parameters as sent. Each of them follows the grammar.
    text: &'a [u8],
}

/// A parameter of an extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter<'a> {
    /// The name.
    pub name: &'a [u8],
    /// The value, if it has one.
    pub value: Option<Value<'a>>,
}

/// The value of a parameter: a token, or a quoted-string that stands for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value<'a>(&'a [u8]);

/// The extensions of a request, in the client's order of preference. A field without any counts as
/// malformed.
pub fn extensions<'a>(
    fields: &Fields<'a>,
) -> impl Iterator<Item = Result<Extension<'a>, MalformedExtensions>> {
    let name = FieldName::SecWebSocketExtensions;
    let is_empty = fields.contains(name) && fields.members(name).next().is_none();
    let members = fields.members(name).map(Extension::parse);
    is_empty
        .then_some(Err(MalformedExtensions))
        .into_iter()
        .chain(members)
}

impl<'a> Extension<'a> {
    fn parse(text: &'a [u8]) -> Result<Extension<'a>, MalformedExtensions> {
        let mut pieces = split_outside_quotes(text, b';');
        let name = pieces.next().unwrap_or_default();
        let is_valid = is_token(name) && pieces.all(|piece| Parameter::parse(piece).is_some());
        is_valid
            .then_some(Extension { name, text })
            .ok_or(MalformedExtensions)
    }

    /// The parameters, in order.
    pub fn parameters(&self) -> impl Iterator<Item = Parameter<'a>> + use<'a> {
        let pieces = split_outside_quotes(self.text, b';');
        pieces.skip(1).filter_map(Parameter::parse)
    }
}

impl<'a> Parameter<'a> {
    fn parse(text: &'a [u8]) -> Option<Parameter<'a>> {
        let mut parts = text.splitn(2, |&byte| byte == b'=');
        let name = trim(parts.next()?);
        let value = match parts.next() {
            Some(value) => Some(Value::parse(trim(value))?),
            None => None,
        };
        is_token(name).then_some(Parameter { name, value })
    }
}

impl<'a> Value<'a> {
    fn parse(text: &'a [u8]) -> Option<Value<'a>> {
        let is_valid = match text {
            [b'"', quoted @ .., b'"'] => is_token_when_unescaped(quoted),
            _ => is_token(text),
        };
        is_valid.then_some(Value(text))
    }

    /// The octets of the token. Neither quotes nor backslashes can be among them.
    pub fn octets(self) -> impl Iterator<Item = u8> + use<'a> {
        let octets = self.0.iter().copied();
        octets.filter(|octet| !matches!(octet, b'"' | b'\\'))
    }
}

/// RFC 9110 section 5.6.4: a backslash stands before an octet and means that octet.
fn is_token_when_unescaped(mut quoted: &[u8]) -> bool {
    let is_empty = quoted.is_empty();
    while let [b'\\', octet, rest @ ..] | [octet, rest @ ..] = quoted {
        if !octet::is(&TOKEN, *octet) {
            return false;
        }
        quoted = rest;
    }
    !is_empty
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::semantics::field::Section;

    /// Each extension as `name;parameter;parameter=value`.
    fn read(lines: &[&str]) -> Result<Vec<String>, MalformedExtensions> {
        let lines = lines
            .iter()
            .map(|line| (FieldName::SecWebSocketExtensions, *line));
        let section = Section::of(&lines.collect::<Vec<_>>());
        let shown = |extension: Extension<'_>| {
            let mut text = String::from_utf8_lossy(extension.name).into_owned();
            for parameter in extension.parameters() {
                text.push(';');
                text.push_str(&String::from_utf8_lossy(parameter.name));
                if let Some(value) = parameter.value {
                    text.push('=');
                    text.extend(value.octets().map(char::from));
                }
            }
            text
        };
        extensions(&section.fields())
            .map(|extension| extension.map(shown))
            .collect()
    }

    #[track_caller]
    fn check(lines: &[&str], want: &[&str]) {
        let want: Vec<String> = want.iter().map(|&extension| extension.into()).collect();
        assert_eq!(read(lines), Ok(want), "{lines:?}");
    }

    #[test]
    fn lists_are_read() {
        check(&[], &[]);
        check(&["foo"], &["foo"]); // 9.1
        check(&["foo, bar; baz=2"], &["foo", "bar;baz=2"]);
        check(&["foo", "bar; baz=2"], &["foo", "bar;baz=2"]); // several lines are one list
        check(&["deflate-stream ,\tmux; max-channels=4; flow-control"], {
            &["deflate-stream", "mux;max-channels=4;flow-control"]
        });
        check(&["a ; b = 1;c=\"d\" , ,e"], &["a;b=1;c=d", "e"]);
        check(&[r#"a;b="\1\0""#], &["a;b=10"]); // RFC 9110 5.6.4
        check(&["a;b;b"], &["a;b;b"]); // what a name means is not known here
    }

    #[test]
    fn malformed_lists_are_refused() {
        for line in [
            "", // 1#extension
            " , ",
            "a b",
            "a;",
            ";a",
            "a;=1",
            "a;b=",
            "a;b=c d",
            "a;b=c=d",
            "a;b=\"\"",
            "a;b=\"c d\"", // after unescaping it is a token
            "a;b=\"c,d\"",
            "a;b=\"c\\\"d\"",
            "a;b=\"c\\\\d\"",
            "a;b=\"c",
            "a;b=\"",
            "a;b=c\"",
            "a;b=\"c\\\"",
            "a;b=\"c\"d",
            "\"a\"",
            "a;\"b\"",
            "a=b",
            "a, b;c=\u{e9}",
        ] {
            assert_eq!(read(&[line]), Err(MalformedExtensions), "{line:?}");
        }
    }
}
