//! A response as a test reads it: strictly.

/// A response, parsed with no more leniency than it deserves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    pub phrase: String,
    pub fields: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Response {
    /// Parses a head, and insists that it is one.
    pub fn parse(head: &[u8]) -> Response {
        let text = std::str::from_utf8(head).expect("a head is ASCII");
        let mut lines = text
            .strip_suffix("\r\n\r\n")
            .expect("ends in a blank line")
            .split("\r\n");
        let status_line = lines.next().expect("a status line");
        let rest = status_line.strip_prefix("HTTP/1.1 ").expect(status_line);
        let (code, phrase) = rest.split_once(' ').expect("a phrase");
        let is_code = code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_digit());
        assert!(is_code, "{code:?} is no status");
        Response {
            status: code.parse().expect("three digits"),
            phrase: phrase.to_owned(),
            fields: lines.map(field).collect(),
            body: Vec::new(),
        }
    }

    /// The only value of a field.
    pub fn field(&self, name: &str) -> Option<&str> {
        let mut values = self
            .fields
            .iter()
            .filter(|(other, _)| other.eq_ignore_ascii_case(name));
        let value = values.next().map(|(_, value)| value.as_str());
        assert!(values.next().is_none(), "{name} comes twice");
        value
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).expect("UTF-8")
    }
}

/// A field line, of a name that is a token and a value without control characters.
fn field(line: &str) -> (String, String) {
    let (name, value) = line.split_once(": ").expect(line);
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    assert!(!name.is_empty() && name.bytes().all(is_token), "{line:?}");
    assert!(!value.contains(|c: char| c.is_control()), "{line:?}");
    (name.to_owned(), value.to_owned())
}

/// Where `wanted` begins in `bytes`.
pub fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}
