//! The HTML standard, section 13.2.3.2: the encoding that the beginning of a document declares.
//!
//! `<meta charset=iso-8859-1>` declares windows-1252, because that is the encoding with this label (the
//! Encoding standard, section 4.2). A name that is no label declares nothing.

use super::encoding_labels::encoding;

/// How many bytes are looked at. Authors must put the declaration into them.
const MOST: usize = 1024;

/// An attribute of a tag, in lower case.
#[derive(Debug, Default, PartialEq, Eq)]
struct Attribute {
    name: Vec<u8>,
    value: Vec<u8>,
}

/// A position in the document. Each method returns `None` if the bytes end before it is done.
struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// "Prescan a byte stream to determine its encoding": the encoding that an HTML document declares.
pub(super) fn html(bytes: &[u8]) -> Option<&'static str> {
    let bytes = &bytes[..bytes.len().min(MOST)];
    let mut scan = Scan { bytes, at: 0 };
    scan.find_meta().or_else(|| xml(bytes))
}

/// "Get an XML encoding": the encoding that an XML declaration names.
pub(super) fn xml(bytes: &[u8]) -> Option<&'static str> {
    let bytes = &bytes[..bytes.len().min(MOST)];
    if !bytes.starts_with(b"<?xml") {
        return None;
    }
    let end = bytes.iter().position(|&byte| byte == b'>')?;
    let declaration = &bytes[..end];
    let after = |name: &[u8]| find(declaration, name).map(|at| &declaration[at + name.len()..]);
    let rest = skip_control(after(b"encoding")?).strip_prefix(b"=")?;
    let (&quote, rest) = skip_control(rest).split_first()?;
    let end = rest.iter().position(|&byte| byte == quote)?;
    let label = matches!(quote, b'"' | b'\'').then_some(&rest[..end])?;
    let is_label = label.iter().all(|&byte| byte > b' ');
    is_label.then(|| labelled(label)).flatten()
}

/// The encoding with this label. A document that can declare UTF-16 in ASCII is not in UTF-16, so it is
/// taken for UTF-8.
pub(super) fn labelled(label: &[u8]) -> Option<&'static str> {
    match encoding(label)? {
        "UTF-16LE" | "UTF-16BE" => Some("UTF-8"),
        name => Some(name),
    }
}

impl Scan<'_> {
    /// The encoding of the first `meta` that declares one.
    fn find_meta(&mut self) -> Option<&'static str> {
        loop {
            let rest = self.rest();
            if rest.starts_with(b"<!--") {
                // The two hyphens may be those of the beginning.
                self.at += 2;
                self.at += find(self.rest(), b"-->")? + 2;
            } else if is_meta(rest) {
                self.at += b"<meta".len();
                if let Some(encoding) = self.meta()? {
                    return Some(encoding);
                }
            } else if is_tag(rest) {
                self.skip_until(|byte| is_space(byte) || byte == b'>')?;
                while self.attribute()?.is_some() {}
            } else if [&b"<!"[..], b"</", b"<?"]
                .iter()
                .any(|start| rest.starts_with(start))
            {
                self.skip_until(|byte| byte == b'>')?;
            }
            self.at += 1;
            self.peek()?;
        }
    }

    /// The encoding that the attributes of a `meta` declare. The inner `None` means that there is none.
    fn meta(&mut self) -> Option<Option<&'static str>> {
        let mut seen: Vec<Vec<u8>> = Vec::new();
        let (mut has_pragma, mut needs_pragma, mut charset) = (false, false, None);
        while let Some(Attribute { name, value }) = self.attribute()? {
            if seen.contains(&name) {
                continue;
            }
            match name.as_slice() {
                b"http-equiv" => has_pragma |= value == b"content-type",
                b"content" if charset.is_none() => {
                    charset = charset_of_content(&value).map(Some);
                    needs_pragma = charset.is_some();
                }
                b"charset" => {
                    charset = Some(labelled(&value));
                    needs_pragma = false;
                }
                _ => {}
            }
            seen.push(name);
        }
        let charset = charset.flatten();
        let encoding = charset.filter(|_| has_pragma || !needs_pragma);
        Some(encoding.map(|encoding| match encoding {
            "x-user-defined" => "windows-1252",
            name => name,
        }))
    }

    /// "Get an attribute": the next one. The inner `None` means that the tag ends.
    fn attribute(&mut self) -> Option<Option<Attribute>> {
        self.skip_until(|byte| !is_space(byte) && byte != b'/')?;
        if self.peek()? == b'>' {
            return Some(None);
        }
        let mut attribute = Attribute::default();
        loop {
            match self.peek()? {
                b'=' if !attribute.name.is_empty() => break,
                b'/' | b'>' => return Some(Some(attribute)),
                byte if is_space(byte) => {
                    self.skip_until(|byte| !is_space(byte))?;
                    if self.peek()? != b'=' {
                        return Some(Some(attribute));
                    }
                    break;
                }
                byte => attribute.name.push(byte.to_ascii_lowercase()),
            }
            self.at += 1;
        }
        self.at += 1;
        attribute.value = self.value()?;
        Some(Some(attribute))
    }

    /// The value of an attribute, in quotes or not.
    fn value(&mut self) -> Option<Vec<u8>> {
        self.skip_until(|byte| !is_space(byte))?;
        let start = self.at;
        match self.peek()? {
            quote @ (b'"' | b'\'') => {
                self.at += 1;
                self.skip_until(|byte| byte == quote)?;
                self.at += 1;
                Some(self.bytes[start + 1..self.at - 1].to_ascii_lowercase())
            }
            _ => {
                self.skip_until(|byte| is_space(byte) || byte == b'>')?;
                Some(self.bytes[start..self.at].to_ascii_lowercase())
            }
        }
    }

    fn rest(&self) -> &[u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// Goes to the next byte that is wanted, which may be the current one.
    fn skip_until(&mut self, is_wanted: impl Fn(u8) -> bool) -> Option<()> {
        self.at += self.rest().iter().position(|&byte| is_wanted(byte))?;
        Some(())
    }
}

/// "Extract a character encoding from a meta element", for the value of `content`, in lower case.
fn charset_of_content(value: &[u8]) -> Option<&'static str> {
    const NAME: &[u8] = b"charset";
    let mut rest = value;
    loop {
        rest = skip_space(&rest[find(rest, NAME)? + NAME.len()..]);
        if let Some(value) = rest.strip_prefix(b"=") {
            rest = skip_space(value);
            break;
        }
    }
    let ends =
        |is_end: &dyn Fn(u8) -> bool, text: &[u8]| text.iter().position(|&byte| is_end(byte));
    match *rest.first()? {
        quote @ (b'"' | b'\'') => {
            let inner = &rest[1..];
            labelled(&inner[..ends(&|byte| byte == quote, inner)?])
        }
        _ => {
            let end = ends(&|byte| is_space(byte) || byte == b';', rest);
            labelled(&rest[..end.unwrap_or(rest.len())])
        }
    }
}

fn is_meta(rest: &[u8]) -> bool {
    let name = rest.get(..5);
    let next = rest.get(5).copied();
    name.is_some_and(|name| name.eq_ignore_ascii_case(b"<meta"))
        && next.is_some_and(|byte| is_space(byte) || byte == b'/')
}

fn is_tag(rest: &[u8]) -> bool {
    let name = rest.strip_prefix(b"<").unwrap_or_default();
    let name = name.strip_prefix(b"/").unwrap_or(name);
    name.first().is_some_and(u8::is_ascii_alphabetic)
}

/// The white space of the standard: tab, LF, FF, CR and SP.
fn is_space(byte: u8) -> bool {
    byte.is_ascii_whitespace()
}

fn skip_space(text: &[u8]) -> &[u8] {
    text.trim_ascii_start()
}

/// Without the bytes up to SP at the start, which separate the parts of an XML declaration.
fn skip_control(text: &[u8]) -> &[u8] {
    let start = text.iter().position(|&byte| byte > b' ');
    &text[start.unwrap_or(text.len())..]
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len())
        .position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(document: &str, want: Option<&str>) {
        let got = html(document.as_bytes());
        assert_eq!(got, want, "{document:?}");
    }

    #[test]
    fn a_meta_declares_the_encoding() {
        let latin = Some("windows-1252");
        check("<meta charset=iso-8859-1>", latin);
        check("<META CHARSET='Latin1'>", latin);
        check("<meta/charset=\"iso-8859-1\"/>", latin);
        check("<meta charset = iso-8859-1 >", latin);
        check("<meta name=a charset=iso-8859-1>", latin);
        check(
            "<!doctype html><html lang=en><head><title>a</title><meta charset=koi8-r>",
            Some("KOI8-R"),
        );
        check("<meta charset=utf-8>", Some("UTF-8"));
        check("<meta charset=utf8>", Some("UTF-8"));
        check("<meta charset=shift_jis>", Some("Shift_JIS"));
        check("<meta charset=' euc-jp '>", Some("EUC-JP"));
        check("<meta charset=x-user-defined>", latin);
        // Who can read this does not read UTF-16.
        check("<meta charset=utf-16>", Some("UTF-8"));
        // The first one counts.
        check("<meta charset=utf-8><meta charset=koi8-r>", Some("UTF-8"));
        check("<meta charset=utf-8 charset=koi8-r>", Some("UTF-8"));
    }

    #[test]
    fn a_pragma_declares_the_encoding() {
        let want = Some("windows-1252");
        check(
            "<meta http-equiv=Content-Type content='text/html; charset=iso-8859-1'>",
            want,
        );
        check(
            "<meta content='text/html; charset=iso-8859-1' http-equiv='content-type'>",
            want,
        );
        check(
            "<meta http-equiv=content-type content='charset charset = \"iso-8859-1\"'>",
            want,
        );
        check(
            "<meta http-equiv=content-type content='charset=iso-8859-1;a'>",
            want,
        );
        check("<meta content='text/html; charset=iso-8859-1'>", None);
        check(
            "<meta http-equiv=refresh content='0; charset=iso-8859-1'>",
            None,
        );
        check(
            "<meta http-equiv=content-type content='charset=\"iso-8859-1'>",
            None,
        );
        check("<meta http-equiv=content-type content='charset='>", None);
        check("<meta http-equiv=content-type content='text/html'>", None);
        // The attribute charset needs no pragma.
        check("<meta content='charset=koi8-r' charset=iso-8859-1>", want);
    }

    #[test]
    fn what_is_not_a_declaration_declares_nothing() {
        check("", None);
        check("plain text charset=koi8-r", None);
        check("<!-- <meta charset=koi8-r> -->", None);
        check("<!--><meta charset=koi8-r>", Some("KOI8-R")); // the hyphens may be the same
        check("<!-- <meta charset=koi8-r>", None);
        check("<a title='<meta charset=koi8-r>'>", None);
        check("<a title=a <meta charset=koi8-r>", None);
        check("<? <meta charset=koi8-r>", None);
        check("</ <meta charset=koi8-r>", None);
        check("<meta charset=nonsense>", None);
        check(
            "<meta charset=nonsense><meta charset=koi8-r>",
            Some("KOI8-R"),
        );
        check("<metal charset=koi8-r>", None);
        check("<meta charset=koi8-r", None);
        check("<meta charset>", None);
        check(
            "<meta charset=x http-equiv=content-type content='charset=koi8-r'>",
            None,
        );
        check("<meta =charset=koi8-r>", None);
        check("<", None);
    }

    #[test]
    fn only_the_first_bytes_count() {
        let tag = "<meta charset=koi8-r>";
        let document = |length: usize| format!("{}{tag}", " ".repeat(length));
        check(&document(MOST - tag.len()), Some("KOI8-R"));
        check(&document(MOST - tag.len() + 1), None);
        // Nothing that is cut anywhere is a panic.
        let all = "<!-- a --><?b?><a b='c'></a><meta http-equiv=content-type content='charset=x;'>";
        for end in 0..all.len() {
            check(&all[..end], None);
        }
    }

    #[test]
    fn an_xml_declaration_declares_the_encoding() {
        check("<?xml version='1.0' encoding='koi8-r'?>", Some("KOI8-R"));
        check(
            "<?xml version=\"1.0\" encoding = \"koi8-r\"?><meta charset=utf-8>",
            Some("UTF-8"),
        );
        check("<?xml encoding='utf-16'?>", Some("UTF-8"));
        check("<?xml encoding='koi8-r>", None);
        check("<?xml encoding=koi8-r?>", None);
        check("<?xml encoding='koi8 r'?>", None);
        check("<?xml version='1.0'?>", None);
        check(" <?xml encoding='koi8-r'?>", None);
    }
}
