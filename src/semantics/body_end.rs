//! The HTML standard, section 13.2.5: where the body of a document ends.
//!
//! Live reload inserts a script before `</body>`. Only the end tag counts. The same letters do not count in a comment, in
//! the value of an attribute, and in the text of an element such as `script` or `title`. They do not count in a `template`
//! either: its content is no part of the body, and its scripts do not run.
//!
//! ```text
//! <!doctype html><p title="</body>">...</p><script>f("</body>")</script></body></html>
//!                                                                       ^ here
//! ```
//!
//! The states are those of the standard's tokenizer, as far as they tell tags from text. CDATA sections of
//! embedded SVG are read like comments that end with `>`.

/// The longest lookahead: `</plaintext` and one byte more.
const LOOK_AHEAD: usize = 12;

/// Elements whose content is text up to their own end tag.
const TEXT_ELEMENTS: [&[u8]; 8] = [
    b"iframe",
    b"noembed",
    b"noframes",
    b"noscript",
    b"style",
    b"textarea",
    b"title",
    b"xmp",
];

const TEMPLATE: &[u8] = b"template";

/// Whether the content is a whole document: after white space and comments, it begins with a document type or
/// `<html>`. A fragment, which a script inserts into a page, does not. `beginning` is all of the content, or its
/// first few thousand bytes.
pub fn is_document(beginning: &[u8]) -> bool {
    let mut rest = beginning.strip_prefix(b"\xef\xbb\xbf").unwrap_or(beginning);
    loop {
        rest = rest.trim_ascii_start();
        let end: &[u8] = match rest {
            [b'<', b'!', b'-', b'-', ..] => b"-->",
            [b'<', b'?', ..] => b">",
            _ => return is_name(rest, b"<!doctype") || is_name(rest, b"<html"),
        };
        let mut ends = rest.windows(end.len());
        match ends.position(|window| window == end) {
            Some(at) => rest = &rest[at + end.len()..],
            None => return false,
        }
    }
}

/// Looks for the end of the body in content that becomes known piece by piece.
#[derive(Debug, Default)]
pub struct BodyEnd {
    state: State,
    /// How many `template` elements are open.
    templates: u32,
}

/// How far [`BodyEnd::scan`] has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scanned {
    /// The end tag begins here.
    Found(usize),
    /// It is not among these bytes. The next call must begin after this many of them.
    Unfinished(usize),
}

/// What the next byte belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Content,
    Comment,
    /// A comment or a document type that ends with `>`.
    Declaration,
    Tag(Within, Follows),
    /// The text of an element that ends with this end tag.
    Text(&'static [u8]),
    Script(Script),
    /// After `<plaintext>`, all is text.
    PlainText,
}

/// A place in a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Within {
    Name,
    BeforeAttribute,
    Attribute,
    AfterAttribute,
    BeforeValue,
    Quoted(u8),
    Unquoted,
}

/// What follows a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Follows {
    Content,
    Text(&'static [u8]),
    Script,
    PlainText,
}

/// A place in a script. Old pages hide scripts in comments, which changes what ends them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Script {
    Plain,
    /// After `<!--`.
    Escaped,
    /// After `<!--` and `<script`.
    DoubleEscaped,
}

/// What one step has found at the beginning of its bytes.
enum Step {
    /// So many bytes belong together, and this follows.
    Goes(usize, State),
    /// The end tag of the body.
    End,
}

impl BodyEnd {
    /// Reads more of the content. If nothing follows `bytes`, `is_last` is true.
    pub fn scan(&mut self, bytes: &[u8], is_last: bool) -> Scanned {
        let mut at = 0;
        loop {
            let rest = &bytes[at..];
            let skipped = self.skip(rest);
            at += skipped;
            let rest = &rest[skipped..];
            if rest.is_empty() || rest.len() < LOOK_AHEAD && !is_last {
                return Scanned::Unfinished(at);
            }
            match step(self.state, rest) {
                Step::End if self.templates == 0 => return Scanned::Found(at),
                // Section 13.2.6.4.22: in a template it is ignored.
                Step::End => {
                    at += 2;
                    self.state = State::Tag(Within::Name, Follows::Content);
                }
                Step::Goes(count, state) => {
                    self.count_templates(rest);
                    at += count.min(rest.len());
                    self.state = state;
                }
            }
        }
    }

    /// Counts a tag of a `template` at the beginning of `rest`.
    fn count_templates(&mut self, rest: &[u8]) {
        match self.state {
            State::Content if is_end_tag(rest, TEMPLATE) => {
                self.templates = self.templates.saturating_sub(1);
            }
            State::Content if rest[0] == b'<' && is_name(&rest[1..], TEMPLATE) => {
                self.templates = self.templates.saturating_add(1);
            }
            _ => {}
        }
    }

    /// How many of the next bytes do not change the state.
    fn skip(&self, rest: &[u8]) -> usize {
        let is_special: fn(&u8) -> bool = match self.state {
            State::Content | State::Text(_) => |&byte| byte == b'<',
            State::Script(_) => |&byte| byte == b'<' || byte == b'-',
            State::Comment => |&byte| byte == b'-',
            State::Declaration => |&byte| byte == b'>',
            State::Tag(..) => return 0,
            State::PlainText => return rest.len(),
        };
        rest.iter().position(is_special).unwrap_or(rest.len())
    }
}

/// The step at the beginning of `rest`, which is not empty.
fn step(state: State, rest: &[u8]) -> Step {
    match state {
        State::Content => content(rest),
        State::Comment => comment(rest),
        State::Declaration => Step::Goes(1, State::Content),
        State::Tag(within, follows) => tag(within, follows, rest[0]),
        State::Text(name) if is_end_tag(rest, name) => {
            Step::Goes(2 + name.len(), State::Tag(Within::Name, Follows::Content))
        }
        State::Text(_) | State::PlainText => Step::Goes(1, state),
        State::Script(script) => script_text(script, rest),
    }
}

/// Sections 13.2.5.1 and 13.2.5.6: what begins with `<`.
fn content(rest: &[u8]) -> Step {
    if is_end_tag(rest, b"body") || is_end_tag(rest, b"html") {
        return Step::End;
    }
    match rest {
        // The dashes also count as those of `-->`: `<!-->` is a whole comment.
        [_, b'!', b'-', b'-', ..] => Step::Goes(2, State::Comment),
        [_, b'!' | b'?', ..] => Step::Goes(2, State::Declaration),
        [_, b'/', byte, ..] if byte.is_ascii_alphabetic() => {
            Step::Goes(2, State::Tag(Within::Name, Follows::Content))
        }
        [_, b'/', ..] => Step::Goes(2, State::Declaration),
        [_, byte, ..] if byte.is_ascii_alphabetic() => {
            Step::Goes(1, State::Tag(Within::Name, follows(rest)))
        }
        _ => Step::Goes(1, State::Content),
    }
}

/// What follows the start tag at the beginning of `rest`.
fn follows(rest: &[u8]) -> Follows {
    let is_start = |name: &[u8]| is_name(&rest[1..], name);
    if is_start(b"script") {
        Follows::Script
    } else if is_start(b"plaintext") {
        Follows::PlainText
    } else {
        let element = TEXT_ELEMENTS.into_iter().find(|name| is_start(name));
        element.map_or(Follows::Content, Follows::Text)
    }
}

/// Sections 13.2.5.43 to 13.2.5.52: a comment ends with `-->` or `--!>`.
fn comment(rest: &[u8]) -> Step {
    match rest {
        [b'-', b'-', b'>', ..] => Step::Goes(3, State::Content),
        [b'-', b'-', b'!', b'>', ..] => Step::Goes(4, State::Content),
        _ => Step::Goes(1, State::Comment),
    }
}

/// Sections 13.2.5.8 and 13.2.5.32 to 13.2.5.40: the next byte of a tag.
fn tag(within: Within, follows: Follows, byte: u8) -> Step {
    use Within::{AfterAttribute, Attribute, BeforeAttribute, BeforeValue, Name, Quoted, Unquoted};
    let is_space = byte.is_ascii_whitespace();
    let next = match (within, byte) {
        (Quoted(quote), _) if byte == quote => BeforeAttribute,
        (Quoted(_), _) => within,
        (_, b'>') => return Step::Goes(1, after_tag(follows)),
        (BeforeValue, _) if is_space => BeforeValue,
        (BeforeValue, b'"' | b'\'') => Quoted(byte),
        (BeforeValue, _) => Unquoted,
        (Unquoted, _) if !is_space => Unquoted,
        (Attribute | AfterAttribute, b'=') => BeforeValue,
        (Attribute | AfterAttribute, _) if is_space => AfterAttribute,
        (_, b'/') => BeforeAttribute,
        _ if is_space => BeforeAttribute,
        (Name, _) => Name,
        _ => Attribute,
    };
    Step::Goes(1, State::Tag(next, follows))
}

fn after_tag(follows: Follows) -> State {
    match follows {
        Follows::Content => State::Content,
        Follows::Text(name) => State::Text(name),
        Follows::Script => State::Script(Script::Plain),
        Follows::PlainText => State::PlainText,
    }
}

/// Sections 13.2.5.4 and 13.2.5.15 to 13.2.5.31: a script ends with its end tag, unless it has `<!--` and
/// then `<script`.
fn script_text(script: Script, rest: &[u8]) -> Step {
    use Script::{DoubleEscaped, Escaped, Plain};
    let goes = |count, script| Step::Goes(count, State::Script(script));
    let is_end = is_end_tag(rest, b"script");
    match (script, rest) {
        // The dashes also count as those of `-->`.
        (Plain, [b'<', b'!', b'-', b'-', ..]) => goes(2, Escaped),
        (Escaped | DoubleEscaped, [b'-', b'-', b'>', ..]) => goes(3, Plain),
        (Escaped, [b'<', tag @ ..]) if is_name(tag, b"script") => goes(1, DoubleEscaped),
        (DoubleEscaped, _) if is_end => goes(1, Escaped),
        (Plain | Escaped, _) if is_end => Step::Goes(2, State::Tag(Within::Name, Follows::Content)),
        _ => goes(1, script),
    }
}

fn is_end_tag(rest: &[u8], name: &[u8]) -> bool {
    rest.strip_prefix(b"</")
        .is_some_and(|rest| is_name(rest, name))
}

/// Whether a tag begins like this, in any case, and its name ends there.
fn is_name(rest: &[u8], name: &[u8]) -> bool {
    let is_same = rest
        .get(..name.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(name));
    let is_end = |&byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>');
    is_same && rest.get(name.len()).is_some_and(is_end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Where the body ends, with the content in pieces of this length.
    fn end_in_pieces(content: &[u8], piece: usize) -> Option<usize> {
        let (mut scan, mut at, mut known) = (BodyEnd::default(), 0, 0);
        loop {
            known = content.len().min(known + piece);
            let is_last = known == content.len();
            match scan.scan(&content[at..known], is_last) {
                Scanned::Found(end) => return Some(at + end),
                Scanned::Unfinished(count) => at += count,
            }
            if is_last {
                return None;
            }
        }
    }

    /// The mark `|` stands where the body ends. Without one, it does not end.
    #[track_caller]
    fn check(marked: &str) {
        let want = marked.find('|');
        let content = marked.replacen('|', "", 1);
        for piece in [1, 2, 7, content.len()] {
            let got = end_in_pieces(content.as_bytes(), piece);
            assert_eq!(got, want, "{marked:?} in pieces of {piece}");
        }
    }

    #[test]
    fn an_end_tag_ends_the_body() {
        check("<!doctype html><p>text|</body></html>");
        check("<html>|</html>"); // no </body>
        check("|</BODY >");
        check("|</body/>");
        check("|</body\n>");
        check("</bodyguard>|</body>"); // another name
        check("</body"); // not a tag
        check("a < b </ c>|</body>"); // 13.2.5.6
        check("<p>no end");
    }

    #[test]
    fn letters_that_are_no_tag_do_not_count() {
        check("<p title=\"</body>\">|</body>"); // 13.2.5.36
        check("<p title='</body>'>|</body>"); // 13.2.5.37
        check("<p title = '</body>'>|</body>");
        check("<p title=a'b>|</body>'"); // 13.2.5.38
        check("<p a'b>|</body>'"); // 13.2.5.33: a quote in a name
        check("<p a=1 'b>|</body>'");
        check("<p ='</body>'>|</body>"); // 13.2.5.32: `=` begins a name
        check("<p/title='</body>'>|</body>");
        check("<p title=''x='</body>'>|</body>"); // 13.2.5.39
        check("<!-- </body> -->|</body>"); // 13.2.5.45
        check("<!-- </body> --!>|</body>"); // 13.2.5.52
        check("<!-->|</body>-->"); // 13.2.5.43
        check("<!--->|</body>-->"); // 13.2.5.44
        check("<!-- -- > </body> --->|</body>");
        check("<!x '>|</body>'"); // 13.2.5.41: quotes do not count
        check("<?xml version='1.0'?>|</body>"); // 13.2.5.41
        check("</ body></p>|</body>");
    }

    #[test]
    fn text_of_elements_does_not_count() {
        for name in [
            "title", "textarea", "style", "xmp", "iframe", "noscript", "noembed",
        ] {
            check(&format!("<{name}></body></x></{name}>|</body>"));
            check(&format!(
                "<{name} a='>'></body></{name}x></{name} b>|</body>"
            ));
        }
        check("<titles>|</body>");
        check("<plaintext></body></plaintext></body>"); // 13.2.5.5
        check("</title>|</body>");
    }

    /// Section 13.2.6.4.22.
    #[test]
    fn templates_do_not_count() {
        check("<template></body></template>|</body>");
        check("<TEMPLATE id='>'><p></body></html></Template >|</html>");
        check("<template><template></body></template></body></template>|</body>"); // nested
        check("<template/></body></template>|</body>"); // the slash ends nothing
        check("<template><!-- </template> --></body></template>|</body>");
        check("<template></templates></body></template>|</body>"); // another name
        check("<template></body title='</template>'></body></template>|</body>");
        check("</template>|</body>"); // nothing is open
        check("<p title='<template>'>|</body>");
        check("<templates>|</body>");
        check("<template></body>"); // it is never closed
    }

    #[test]
    fn scripts_do_not_count() {
        check("<script>'</body>'</script>|</body>"); // 13.2.5.4
        check("<SCRIPT src=x></body></Script >|</body>");
        check("<script>a<!--b</script>|</body>-->"); // 13.2.5.20
        check("<script><!-- <script></script></body> --></script>|</body>"); // 13.2.5.27
        check("<script><!-- <script></script></body></script>|</body>"); // 13.2.5.31
        check("<script><!--><script></script>|</body>"); // 13.2.5.19: closed at once
        check("<script>a--><script></script>|</body>");
        check("<script>1 < 2; x--; </scripts></body></script>|</body>");
    }

    #[test]
    fn documents_are_told_from_fragments() {
        for document in [
            "<!doctype html>",
            "<!DOCTYPE html PUBLIC \"\">",
            "<html>",
            "<html lang=en>",
            "\u{feff}\n <!-- a --> <!---->\n<HTML\n>",
            "<?xml version=\"1.0\"?><!DOCTYPE html>",
        ] {
            assert!(is_document(document.as_bytes()), "{document}");
        }
        for fragment in [
            "",
            "<p>text</p>",
            "text <html>",
            "<htmlx>",
            "<!-- never ends <html>",
            "<!doctypes>",
            "<head></head>",
            "<\0!\0d\0o\0",
        ] {
            assert!(!is_document(fragment.as_bytes()), "{fragment}");
        }
    }

    proptest! {
        /// Where a piece ends does not matter.
        #[test]
        fn pieces_do_not_matter(
            content in "(<|>|/|!|-|=|'|\"| |a|</body>|<script|</script|<!--|-->|<title>|</title>|<template>|</template>){0,40}",
            piece in 1usize..9,
        ) {
            let whole = end_in_pieces(content.as_bytes(), content.len().max(1));
            prop_assert_eq!(end_in_pieces(content.as_bytes(), piece), whole);
        }
    }
}
