//! RFC 7578 and RFC 2046 section 5.1.1: reads the parts of `multipart/form-data`, which is how forms send files.
//!
//! ```text
//! preamble                                             ignored
//! --boundary␍␊
//! Content-Disposition: form-data; name="a"␍␊
//! ␍␊
//! content␍␊
//! --boundary␍␊                                         each delimiter begins with the line break before it
//! Content-Disposition: form-data; name="b"; filename="c.txt"␍␊
//! Content-Type: text/plain␍␊
//! ␍␊
//! content␍␊
//! --boundary--␍␊
//! epilogue                                             ignored
//! ```
//!
//! The reader takes the bytes as they arrive and keeps no content. The result depends only on the bytes, not on how
//! they arrive.

use std::fmt;

use super::field::trim;

/// The longest head of a part in bytes. Clients send about 150.
pub const LONGEST_HEAD: usize = 1024;

/// The most parts of a body.
pub const MOST_PARTS: usize = 32;

/// The longest boundary (RFC 2046 section 5.1.1).
const LONGEST_BOUNDARY: usize = 70;

/// What the head of a part says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartHead {
    /// The name of the field of the form (RFC 7578 section 4.2).
    pub name: Vec<u8>,
    /// The name of the file, if the part is one. It must not be used as a path.
    pub filename: Option<Vec<u8>>,
    /// The value of `Content-Type`.
    pub media_type: Option<Vec<u8>>,
}

/// What a reader finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MultipartEvent<'a> {
    /// A part begins.
    Begin(PartHead),
    /// The next bytes of its content.
    Content(&'a [u8]),
    /// The part has ended.
    End,
}

/// Why a body is not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MultipartError {
    /// Neither a line break nor `--` follows a delimiter.
    Delimiter,
    /// A line of the head of a part is not a field.
    Field,
    /// The head of a part is longer than 1 KiB.
    HeadTooLong,
    /// A part has no `Content-Disposition: form-data` with a name.
    NoName,
    /// There are more than 32 parts.
    TooManyParts,
    /// The last delimiter is missing.
    Unfinished,
}

impl MultipartError {
    /// The error, as a sentence.
    pub fn text(self) -> &'static str {
        match self {
            MultipartError::Delimiter => "neither a line break nor -- follows a delimiter",
            MultipartError::Field => "a line in the head of a part is not a field",
            MultipartError::HeadTooLong => "the head of a part is longer than 1 KiB",
            MultipartError::NoName => "a part has no Content-Disposition: form-data with a name",
            MultipartError::TooManyParts => "there are more than 32 parts",
            MultipartError::Unfinished => "the last delimiter is missing",
        }
    }
}

impl fmt::Display for MultipartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl std::error::Error for MultipartError {}

/// The boundary in a value of `Content-Type`. `None` if it is another media type, or has no valid boundary.
pub fn boundary(media_type: &[u8]) -> Option<Vec<u8>> {
    let essence = media_type.split(|&byte| byte == b';').next().map(trim)?;
    if !essence.eq_ignore_ascii_case(b"multipart/form-data") {
        return None;
    }
    let boundary = parameter(media_type, b"boundary")?;
    let is_valid = |byte: &u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(byte);
    let has_length = (1..=LONGEST_BOUNDARY).contains(&boundary.len());
    let is_boundary = has_length && boundary.iter().all(is_valid) && !boundary.ends_with(b" ");
    is_boundary.then_some(boundary)
}

/// Reads one body.
pub struct Multipart {
    /// The line break, `--` and the boundary. CR occurs only at its start, so after a mismatch the search goes on
    /// with the current byte.
    delimiter: Vec<u8>,
    /// How many bytes of the delimiter were just read.
    matched: usize,
    /// How many of them are no content: the line break of an empty line may begin a delimiter.
    borrowed: usize,
    state: State,
    /// The line of a head, or what follows a delimiter.
    line: Vec<u8>,
    /// The bytes of the head so far.
    head_length: usize,
    head: PartHead,
    parts: usize,
}

/// ```text
/// Preamble -> AfterDelimiter -> Head -> Content -> AfterDelimiter ...
///                   |
///                   +-> Epilogue
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Preamble,
    AfterDelimiter,
    Head,
    Content,
    Epilogue,
}

impl Multipart {
    /// A reader of a body with this boundary.
    pub fn new(boundary: &[u8]) -> Multipart {
        Multipart {
            delimiter: [b"\r\n--", boundary].concat(),
            // The first delimiter may have no line break before it.
            matched: 2,
            borrowed: 2,
            state: State::Preamble,
            line: Vec::new(),
            head_length: 0,
            head: PartHead::default(),
            parts: 0,
        }
    }

    /// Reads the next bytes, and passes what it finds to `found`.
    pub fn read(
        &mut self,
        mut input: &[u8],
        found: &mut dyn FnMut(MultipartEvent<'_>),
    ) -> Result<(), MultipartError> {
        while !input.is_empty() {
            input = match self.state {
                State::Preamble | State::Content => self.read_content(input, found),
                State::AfterDelimiter | State::Head => self.read_line(input, found)?,
                State::Epilogue => &[],
            };
        }
        Ok(())
    }

    /// The body has ended.
    pub fn finish(&self) -> Result<(), MultipartError> {
        // The line break behind the last delimiter may be missing.
        let is_closed = self.state == State::AfterDelimiter && self.line == b"--";
        match self.state {
            State::Epilogue => Ok(()),
            _ if is_closed => Ok(()),
            _ => Err(MultipartError::Unfinished),
        }
    }

    /// Reads up to the end of a delimiter. Bytes that might begin one are kept back.
    fn read_content<'i>(
        &mut self,
        input: &'i [u8],
        found: &mut dyn FnMut(MultipartEvent<'_>),
    ) -> &'i [u8] {
        let is_part = self.state == State::Content;
        for (at, &byte) in input.iter().enumerate() {
            if byte != self.delimiter[self.matched] {
                // What matched before this input was kept back.
                let kept_back = self.matched.saturating_sub(at);
                if is_part && kept_back > self.borrowed {
                    content(&self.delimiter[self.borrowed..kept_back], found);
                }
                (self.matched, self.borrowed) = (usize::from(byte == b'\r'), 0);
                continue;
            }
            self.matched += 1;
            if self.matched == self.delimiter.len() {
                let end = (at + 1).saturating_sub(self.delimiter.len());
                if is_part {
                    content(&input[..end], found);
                    found(MultipartEvent::End);
                }
                (self.matched, self.borrowed) = (0, 0);
                self.state = State::AfterDelimiter;
                return &input[at + 1..];
            }
        }
        let end = input.len().saturating_sub(self.matched);
        if is_part {
            content(&input[..end], found);
        }
        &[]
    }

    /// Reads up to the end of a line.
    fn read_line<'i>(
        &mut self,
        input: &'i [u8],
        found: &mut dyn FnMut(MultipartEvent<'_>),
    ) -> Result<&'i [u8], MultipartError> {
        for (at, &byte) in input.iter().enumerate() {
            self.head_length += 1;
            if self.head_length > LONGEST_HEAD {
                return Err(MultipartError::HeadTooLong);
            }
            self.line.push(byte);
            if self.line.ends_with(b"\r\n") {
                let line = std::mem::take(&mut self.line);
                self.end_line(&line[..line.len() - 2], found)?;
                return Ok(&input[at + 1..]);
            }
        }
        Ok(&[])
    }

    fn end_line(
        &mut self,
        line: &[u8],
        found: &mut dyn FnMut(MultipartEvent<'_>),
    ) -> Result<(), MultipartError> {
        if self.state == State::AfterDelimiter {
            self.head_length = 0;
            self.state = match trim(line) {
                [] => State::Head,
                _ if line.starts_with(b"--") && trim(&line[2..]).is_empty() => State::Epilogue,
                _ => return Err(MultipartError::Delimiter),
            };
            return Ok(());
        }
        if !line.is_empty() {
            return add_field(line, &mut self.head);
        }
        if self.head.name.is_empty() {
            return Err(MultipartError::NoName);
        }
        self.parts += 1;
        if self.parts > MOST_PARTS {
            return Err(MultipartError::TooManyParts);
        }
        self.head_length = 0;
        // The delimiter of a part without content begins with the line break of this line.
        (self.matched, self.borrowed) = (2, 2);
        self.state = State::Content;
        found(MultipartEvent::Begin(std::mem::take(&mut self.head)));
        Ok(())
    }
}

/// Passes content, if there is any.
fn content(bytes: &[u8], found: &mut dyn FnMut(MultipartEvent<'_>)) {
    if !bytes.is_empty() {
        found(MultipartEvent::Content(bytes));
    }
}

/// Adds a line of a head. Fields other than these two are ignored (RFC 7578 section 4.8).
fn add_field(line: &[u8], head: &mut PartHead) -> Result<(), MultipartError> {
    let colon = line.iter().position(|&byte| byte == b':');
    let (name, value) = line.split_at(colon.ok_or(MultipartError::Field)?);
    let value = trim(&value[1..]);
    if name.eq_ignore_ascii_case(b"Content-Type") {
        head.media_type = Some(value.to_vec());
    } else if name.eq_ignore_ascii_case(b"Content-Disposition") {
        let kind = value.split(|&byte| byte == b';').next().map(trim);
        let name = parameter(value, b"name").filter(|name| !name.is_empty());
        let is_part = kind.is_some_and(|kind| kind.eq_ignore_ascii_case(b"form-data"));
        head.name = name.filter(|_| is_part).ok_or(MultipartError::NoName)?;
        head.filename = parameter(value, b"filename");
    }
    Ok(())
}

/// The value of a parameter, without quotes. Browsers send a backslash as it is, and a quote as `%22`.
fn parameter(value: &[u8], name: &[u8]) -> Option<Vec<u8>> {
    let semicolon = value.iter().position(|&byte| byte == b';')?;
    let mut rest = trim(&value[semicolon + 1..]);
    loop {
        let sign = rest.iter().position(|&byte| byte == b'=')?;
        let found = trim(&rest[..sign]).eq_ignore_ascii_case(name);
        let behind = trim(&rest[sign + 1..]);
        let (text, after) = match behind.strip_prefix(b"\"") {
            Some(quoted) => {
                let end = quoted.iter().position(|&byte| byte == b'"')?;
                (&quoted[..end], &quoted[end + 1..])
            }
            None => {
                let end = behind.iter().position(|&byte| byte == b';');
                let (text, after) = behind.split_at(end.unwrap_or(behind.len()));
                (trim(text), after)
            }
        };
        if found {
            return Some(text.to_vec());
        }
        rest = trim(trim(after).strip_prefix(b";")?);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A part as it was found.
    #[derive(Clone, Debug, Default, PartialEq, Eq)]
    struct Part {
        head: PartHead,
        content: Vec<u8>,
        is_complete: bool,
    }

    /// Reads a body in pieces that end at these places.
    fn read(body: &[u8], ends: &[usize]) -> Result<Vec<Part>, MultipartError> {
        let mut reader = Multipart::new(b"AaB03x");
        let mut parts: Vec<Part> = Vec::new();
        let mut found = |event: MultipartEvent<'_>| match (event, parts.last_mut()) {
            (MultipartEvent::Begin(head), _) => parts.push(Part {
                head,
                ..Part::default()
            }),
            (MultipartEvent::Content(bytes), Some(part)) => {
                assert!(!bytes.is_empty() && !part.is_complete);
                part.content.extend_from_slice(bytes);
            }
            (MultipartEvent::End, Some(part)) => part.is_complete = true,
            (event, None) => panic!("{event:?} before a part"),
        };
        let mut start = 0;
        for end in ends.iter().copied().chain([body.len()]) {
            let end = end.clamp(start, body.len());
            reader.read(&body[start..end], &mut found)?;
            start = end;
        }
        reader.finish()?;
        Ok(parts)
    }

    /// The name of a part, the name of its file, and its content.
    type Wanted<'a> = (&'a str, Option<&'a str>, &'a str);

    /// Reads a body in several ways, which must agree.
    #[track_caller]
    fn check(body: &str, want: Result<&[Wanted<'_>], MultipartError>) {
        let want = want.map(|parts| {
            let parts = parts.iter().map(|(name, filename, content)| {
                let filename = filename.map(|name| name.as_bytes().to_vec());
                (
                    name.as_bytes().to_vec(),
                    filename,
                    content.as_bytes().to_vec(),
                )
            });
            parts.collect::<Vec<_>>()
        });
        for step in [1, 2, 3, 7, body.len().max(1)] {
            let ends: Vec<usize> = (1..body.len()).filter(|at| at % step == 0).collect();
            let got = read(body.as_bytes(), &ends).map(|parts| {
                assert!(parts.iter().all(|part| part.is_complete));
                let parts = parts.into_iter();
                parts
                    .map(|part| (part.head.name, part.head.filename, part.content))
                    .collect::<Vec<_>>()
            });
            assert_eq!(got, want, "{body:?} by {step}");
        }
    }

    const A: &str = "--AaB03x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n";

    #[test]
    fn bodies() {
        check("--AaB03x--\r\n", Ok(&[]));
        check(&format!("{A}1\r\n--AaB03x--\r\n"), Ok(&[("a", None, "1")]));
        check(&format!("{A}1\r\n--AaB03x--"), Ok(&[("a", None, "1")]));
        check(&format!("{A}\r\n--AaB03x--"), Ok(&[("a", None, "")]));
        // RFC 2046 section 5.1.1: the line break belongs to the delimiter, also behind an empty line.
        check(&format!("{A}--AaB03x--"), Ok(&[("a", None, "")]));
        check(
            &format!("{A}\r\n\r\n--AaB03x--"),
            Ok(&[("a", None, "\r\n")]),
        );
        check(
            &format!("preamble\r\n{A}1\r\n--AaB03x--\r\nepilogue"),
            Ok(&[("a", None, "1")]),
        );
        check(
            &format!("{A}1\r\n--AaB03x  \r\n--AaB03x--\r\n"),
            Err(MultipartError::Field),
        );
        check(
            &format!("{A}1\r\n{A}2\r\r\n-\r\n--AaB03\r\n--AaB03x--"),
            Ok(&[("a", None, "1"), ("a", None, "2\r\r\n-\r\n--AaB03")]),
        );
        let file = "--AaB03x\r\ncontent-disposition:form-data; filename=\"b \\; c.txt\" ; name=d\r\n\
                    Content-Type: text/plain\r\nX-Other: e\r\n\r\nf\r\n--AaB03x--\r\n";
        check(file, Ok(&[("d", Some("b \\; c.txt"), "f")]));
        let parts = read(file.as_bytes(), &[]).expect("a part");
        assert_eq!(
            parts[0].head.media_type.as_deref(),
            Some(&b"text/plain"[..])
        );
    }

    #[test]
    fn faults() {
        use MultipartError::*;
        check("", Err(Unfinished));
        check("--AaB03x", Err(Unfinished));
        check(A, Err(Unfinished));
        check(&format!("{A}1\r\n--AaB03x-"), Err(Unfinished));
        check(&format!("{A}1\r\n--AaB03xy\r\n"), Err(Delimiter));
        check(&format!("{A}1\r\n--AaB03x-x\r\n"), Err(Delimiter));
        check("--AaB03x\r\n\r\n1\r\n--AaB03x--", Err(NoName));
        check("--AaB03x\r\nA: b\r\n\r\n1\r\n--AaB03x--", Err(NoName));
        let disposition = |value: &str| format!("--AaB03x\r\nContent-Disposition: {value}\r\n\r\n");
        for value in [
            "",
            "form-data",
            "form-data; name",
            "form-data; name=\"\"",
            "form-data; name=\"a",
            "attachment; name=a",
        ] {
            check(&disposition(value), Err(NoName));
        }
        check("--AaB03x\r\nno field\r\n", Err(Field));
        let long = "x".repeat(LONGEST_HEAD);
        check(&format!("--AaB03x\r\nA: {long}\r\n"), Err(HeadTooLong));
        check(&format!("--AaB03x{long}x"), Err(HeadTooLong));
        let many = format!("{A}1\r\n").repeat(MOST_PARTS);
        assert_eq!(
            read(format!("{many}--AaB03x--").as_bytes(), &[]).map(|parts| parts.len()),
            Ok(MOST_PARTS)
        );
        check(&format!("{many}{A}1\r\n--AaB03x--"), Err(TooManyParts));
    }

    #[test]
    fn boundaries() {
        let check = |value: &str, want: Option<&str>| {
            let got = boundary(value.as_bytes());
            assert_eq!(got.as_deref(), want.map(str::as_bytes), "{value}");
        };
        check("multipart/form-data; boundary=a", Some("a"));
        check(
            "Multipart/Form-Data;charset=x ; BOUNDARY=\"a b\"",
            Some("a b"),
        );
        check(
            &format!("multipart/form-data; boundary={}", "a".repeat(70)),
            Some(&*"a".repeat(70)),
        );
        for value in [
            "",
            "text/plain; boundary=a",
            "multipart/form-data",
            "multipart/form-data; boundary=",
            "multipart/form-data; boundary=\"a \"",
            "multipart/form-data; boundary=\"a",
            "multipart/form-data; boundary=a\r",
            "multipart/form-data; boundary=a@b",
            "multipart/mixed; boundary=a",
        ] {
            check(value, None);
        }
        check(
            &format!("multipart/form-data; boundary={}", "a".repeat(71)),
            None,
        );
    }

    /// Bytes that often look like a delimiter.
    fn content_of_parts() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            Just(b"\r\n--AaB03".to_vec()),
            Just(b"\r\n".to_vec()),
            Just(b"--AaB03".to_vec()),
            Just(b"\r".to_vec()),
            any::<u8>().prop_map(|byte| vec![byte]),
        ];
        let pieces = prop::collection::vec(piece, 0..12);
        let contents = pieces.prop_map(|pieces| pieces.concat());
        contents.prop_filter("no delimiter", |content| {
            let all = [b"\r\n", &content[..], b"\r\n"].concat();
            !all.windows(10).any(|window| window == b"\r\n--AaB03x")
        })
    }

    proptest! {
        /// What was written is read, however it arrives.
        #[test]
        fn parts_are_read_as_they_were_written(
            contents in prop::collection::vec(content_of_parts(), 0..5),
            mut ends in prop::collection::vec(0usize..400, 0..12),
        ) {
            let mut body = Vec::new();
            for content in &contents {
                body.extend_from_slice(A.as_bytes());
                body.extend_from_slice(content);
                body.extend_from_slice(b"\r\n");
            }
            body.extend_from_slice(b"--AaB03x--\r\n");
            ends.sort_unstable();
            let got = read(&body, &ends).expect("a valid body");
            let got: Vec<Vec<u8>> = got.into_iter().map(|part| part.content).collect();
            prop_assert_eq!(got, contents);
        }

        /// Any bytes give the same result, however they arrive.
        #[test]
        fn the_result_depends_only_on_the_bytes(
            content in content_of_parts(),
            cut in 0usize..200,
            mut ends in prop::collection::vec(0usize..200, 0..12),
        ) {
            let body = [A.as_bytes(), &content, b"\r\n--AaB03x--"].concat();
            let body = &body[..cut.min(body.len())];
            ends.sort_unstable();
            prop_assert_eq!(read(body, &ends), read(body, &[]));
        }
    }
}
