//! The paths that a source file names, each resolved as far as the crate goes.

use super::tokens::{LITERAL, Token, tokens};

/// A path in a source file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    pub line: usize,
    /// The words of the path as they are written. Groups are taken apart, and `*` is a word.
    pub words: Vec<String>,
    /// The module that it stands in, from the root of the crate.
    pub module: Vec<String>,
    /// Whether it stands in an item behind `#[cfg(test)]`.
    pub is_test: bool,
    /// Whether it stands in a `use`.
    pub is_import: bool,
}

/// A source file, taken apart.
#[derive(Debug, Default)]
pub struct Parsed {
    pub named: Vec<Named>,
    /// `mod name;` behind `#[cfg(test)]`: the whole file of that name is a test.
    pub test_files: Vec<String>,
    /// Types that get methods here, outside tests: the line and the name.
    pub inherent: Vec<(usize, String)>,
    /// Types that are declared here.
    pub declared: Vec<String>,
    /// Lines that take code from another file than the one that the module's name says.
    pub displaced: Vec<usize>,
    /// Every word with its line, in the order of the file.
    pub words: Vec<(usize, String)>,
}

/// Takes apart the file of `module`.
pub fn parse(module: &[String], text: &str) -> Parsed {
    let tokens = tokens(text);
    let tests = test_items(&tokens);
    let words = tokens.iter().filter(|token| is_word(token.text));
    let mut parsed = Parsed {
        words: words
            .map(|token| (token.line, token.text.to_owned()))
            .collect(),
        ..Parsed::default()
    };
    let mut scopes: Vec<Option<String>> = Vec::new();
    let mut is_import = false;
    let mut at = 0;
    while at < tokens.len() {
        let is_test = tests
            .iter()
            .any(|(first, end)| (*first..*end).contains(&at));
        parsed.note_item(&tokens, at, is_test);
        match tokens[at].text {
            "{" => scopes.push(opened_module(&tokens[..at])),
            "}" => drop(scopes.pop()),
            "use" => is_import = true,
            ";" => is_import = false,
            _ => {}
        }
        if !begins_path(&tokens, at) {
            at += 1;
            continue;
        }
        let mut module = module.to_vec();
        module.extend(scopes.iter().flatten().cloned());
        let line = tokens[at].line;
        let mut paths = Vec::new();
        at = path(&tokens, at, &mut Vec::new(), &mut paths);
        parsed.named.extend(paths.into_iter().map(|words| Named {
            line,
            words,
            module: module.clone(),
            is_test,
            is_import,
        }));
    }
    parsed
}

impl Parsed {
    /// Notes what is declared or implemented at a token.
    fn note_item(&mut self, tokens: &[Token], at: usize, is_test: bool) {
        let text = |distance: usize| tokens.get(at + distance).map_or("", |token| token.text);
        let line = tokens[at].line;
        match text(0) {
            "mod" if is_test && text(2) == ";" => self.test_files.push(text(1).to_owned()),
            "struct" | "enum" | "union" | "trait" => self.declared.push(text(1).to_owned()),
            "path" if text(1) == "=" && text(2) == LITERAL => self.displaced.push(line),
            // What the build script has written is in a folder that the environment names.
            "include" if text(1) == "!" && text(6) != "env" => self.displaced.push(line),
            "impl" if !is_test && begins_item(&tokens[..at]) => {
                let name = inherent_type(&tokens[at + 1..]);
                self.inherent.extend(name.map(|name| (line, name)));
            }
            _ => {}
        }
    }
}

impl Named {
    /// The path from the root of the crate. `None` if it leads to another crate or is a local name.
    /// `is_module` says which modules there are.
    pub fn resolved(&self, is_module: impl Fn(&[String]) -> bool) -> Option<Vec<String>> {
        let mut base = self.module.clone();
        let mut words = self.words.as_slice();
        match words[0].as_str() {
            "crate" | "docroot" => (base, words) = (Vec::new(), &words[1..]),
            "self" if words.len() > 1 => words = &words[1..],
            "super" => {}
            child if words.len() > 1 => {
                base.push(child.to_owned());
                words = &words[1..];
                if !is_module(&base) {
                    return None;
                }
            }
            _ => return None,
        }
        while words.first().is_some_and(|word| word == "super") {
            base.pop();
            words = &words[1..];
        }
        base.extend(words.iter().filter(|word| *word != "self").cloned());
        Some(base)
    }
}

fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Every word begins a path, except the keyword before a path and what says who may see an item:
/// `pub(crate)` names nothing.
fn begins_path(tokens: &[Token], at: usize) -> bool {
    let before = |distance: usize| match at.checked_sub(distance) {
        Some(at) => tokens[at].text,
        None => "",
    };
    let is_visibility = before(1) == "(" && before(2) == "pub"
        || before(1) == "in" && before(2) == "(" && before(3) == "pub";
    is_word(tokens[at].text) && tokens[at].text != "use" && !is_visibility
}

/// Reads the path at `at`, which goes on behind `prefix`, and returns where it ends.
fn path(
    tokens: &[Token],
    mut at: usize,
    prefix: &mut Vec<String>,
    paths: &mut Vec<Vec<String>>,
) -> usize {
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text);
    let depth = prefix.len();
    loop {
        match text(at) {
            "{" => {
                at = group(tokens, at + 1, prefix, paths);
                break;
            }
            word if is_word(word) || word == "*" => prefix.push(word.to_owned()),
            _ => {
                // `a::<b>` and the like: the path up to here counts.
                paths.push(prefix.clone());
                break;
            }
        }
        at += 1;
        if text(at) != "::" {
            paths.push(prefix.clone());
            break;
        }
        at += 1;
    }
    prefix.truncate(depth);
    at
}

/// Reads the paths between braces and returns where the next token is.
fn group(
    tokens: &[Token],
    mut at: usize,
    prefix: &mut Vec<String>,
    paths: &mut Vec<Vec<String>>,
) -> usize {
    while let Some(token) = tokens.get(at) {
        match token.text {
            "}" => return at + 1,
            "," => at += 1,
            // The name behind `as` is a local one.
            "as" => at += 2,
            _ => at = path(tokens, at, prefix, paths).max(at + 1),
        }
    }
    at
}

/// The name of the module whose brace opens behind `before`.
fn opened_module(before: &[Token]) -> Option<String> {
    match before {
        [.., keyword, name] if keyword.text == "mod" => Some(name.text.to_owned()),
        _ => None,
    }
}

/// Where the items behind `#[cfg(test)]` begin and end.
fn test_items(tokens: &[Token]) -> Vec<(usize, usize)> {
    let attribute = ["#", "[", "cfg", "(", "test", ")", "]"];
    let is_attribute = |window: &[Token]| window.iter().map(|token| token.text).eq(attribute);
    tokens
        .windows(attribute.len())
        .enumerate()
        .filter(|(_, window)| is_attribute(window))
        .map(|(at, _)| {
            let first = at + attribute.len();
            (first, first + item_length(&tokens[first..]))
        })
        .collect()
}

/// An item ends with its semicolon or with its braces, attributes before it included.
fn item_length(tokens: &[Token]) -> usize {
    let mut depth = 0;
    for (index, token) in tokens.iter().enumerate() {
        match token.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        // Below 0 it was a field or a variant, and what held it has ended.
        let is_end = matches!(token.text, ";" | "}") && depth == 0;
        if is_end || depth < 0 {
            return index + 1;
        }
    }
    tokens.len()
}

/// Whether an item may begin behind these tokens: an `impl` within a type is none.
fn begins_item(before: &[Token]) -> bool {
    let last = before.last().map_or(";", |token| token.text);
    ["{", "}", ";", "]"].contains(&last)
}

/// The type that an `impl` gives methods to. `None` if they are those of a trait.
fn inherent_type(behind: &[Token]) -> Option<String> {
    let parameters = match behind.first()?.text {
        "<" => parameters_length(behind),
        _ => 0,
    };
    let head = behind[parameters..].iter().map(|token| token.text);
    let head: Vec<&str> = head
        .take_while(|text| !["{", "where"].contains(text))
        .collect();
    let path = head
        .iter()
        .take_while(|text| is_word(text) || **text == "::");
    let name = path.filter(|text| is_word(text)).last()?;
    (!head.contains(&"for")).then(|| (*name).to_owned())
}

/// The length of the generic parameters at the beginning, with their brackets.
fn parameters_length(tokens: &[Token]) -> usize {
    let mut depth = 0;
    for (index, token) in tokens.iter().enumerate() {
        match token.text {
            "<" => depth += 1,
            ">" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return index + 1;
        }
    }
    tokens.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split("::").map(str::to_owned).collect()
    }

    /// `want` holds the paths of more than one word, a `?` behind those of tests.
    #[track_caller]
    fn check(source: &str, want: &[&str]) {
        let parsed = parse(&words("net::x"), source);
        let found: Vec<String> = parsed
            .named
            .iter()
            .filter(|named| named.words.len() > 1)
            .map(|named| named.words.join("::") + if named.is_test { "?" } else { "" })
            .collect();
        assert_eq!(found, want, "{source:?}");
    }

    #[test]
    fn paths_are_found_wherever_they_stand() {
        check("use crate::a::B;", &["crate::a::B"]);
        check("use crate::{a::B, c};", &["crate::a::B", "crate::c"]);
        check(
            "pub use crate::{a::{self, B as C}, d::*};",
            &["crate::a::self", "crate::a::B", "crate::d::*"],
        );
        check("use {crate::a, std::fs};", &["crate::a", "std::fs"]);
        check("use ::std::{fs::File, io};", &["std::fs::File", "std::io"]);
        check("fn f(a: crate::a::B) {}", &["crate::a::B"]);
        check(
            "let x = f::<crate::a::B>(super::c());",
            &["crate::a::B", "super::c"],
        );
        check("match crate::a::B { C::D => 1 }", &["crate::a::B", "C::D"]);
        check("pub(crate) fn f() { pub(in crate::a) fn g() {} }", &[]);
        check("// use crate::a;\n\"crate::b\"", &[]);
        check("a! { crate::b!() }", &["crate::b"]);
    }

    #[test]
    fn tests_are_told_from_the_program() {
        check("#[cfg(test)] use a::b; use c::d;", &["a::b?", "c::d"]);
        check(
            "#[cfg(test)] mod tests { use a::b; } c::d()",
            &["a::b?", "c::d"],
        );
        check(
            "#[cfg(test)] #[x(y::z)] fn f(a: [u8; 2]) -> a::B { c::d() } e::f",
            &["y::z?", "a::B?", "c::d?", "e::f"],
        );
        check("struct A { #[cfg(test)] b: c::D } e::f", &["c::D?", "e::f"]);
        check("#[cfg(not(test))] use a::b;", &["a::b"]);
        let parsed = parse(&[], "#[cfg(test)] mod a; mod b; #[cfg(test)] mod c {}");
        assert_eq!(parsed.test_files, ["a"]);
    }

    #[track_caller]
    fn check_resolved(source: &str, want: Option<&str>) {
        let parsed = parse(&words("net::x"), source);
        let is_module = |path: &[String]| path.join("::") == "net::x::child";
        let found = parsed
            .named
            .iter()
            .find_map(|named| named.resolved(is_module));
        let found = found.map(|path| path.join("::"));
        assert_eq!(found.as_deref(), want, "{source:?}");
    }

    #[test]
    fn paths_are_resolved() {
        check_resolved("use crate::a::B;", Some("a::B"));
        check_resolved("use docroot::a::B;", Some("a::B"));
        check_resolved("use super::y::B;", Some("net::y::B"));
        check_resolved("use super::super::a;", Some("a"));
        check_resolved("mod m { use super::super::a; }", Some("net::a"));
        check_resolved("mod m { fn f() {} } use super::a;", Some("net::a"));
        check_resolved("use self::child::B;", Some("net::x::child::B"));
        check_resolved("use child::B;", Some("net::x::child::B"));
        check_resolved("use crate::a::{self};", Some("a"));
        check_resolved("use crate as root;", Some(""));
        check_resolved("use std::fs;", None);
        check_resolved("self.a()", None);
    }

    #[test]
    fn code_from_another_file_is_found() {
        let displaced = |source: &str| parse(&[], source).displaced;
        assert_eq!(displaced("\n#[path = \"a.rs\"] mod a;"), [2]);
        assert_eq!(displaced("include!(\"a.rs\");"), [1]);
        assert_eq!(displaced("include!(concat!(\"a\", \".rs\"));"), [1]);
        let made = "include!(concat!(env!(\"OUT_DIR\"), \"/a.rs\"));";
        assert_eq!(displaced(made), []);
        assert_eq!(displaced("include_str!(\"a\"); let path = a;"), []);
    }

    #[test]
    fn methods_are_found_with_their_types() {
        let inherent = |source: &str| parse(&[], source).inherent;
        assert_eq!(inherent("impl A {}"), [(1, "A".to_owned())]);
        assert_eq!(
            inherent("\nimpl<'a, T: B<C>> a::A<'a, T> {}"),
            [(2, "A".to_owned())]
        );
        assert_eq!(inherent("impl B for A {} fn f(a: impl B) -> impl C {}"), []);
        assert_eq!(
            inherent("impl<T> A<T> where T: B {}"),
            [(1, "A".to_owned())]
        );
        assert_eq!(inherent("#[cfg(test)] impl A {}"), []);
        assert_eq!(parse(&[], "enum A {} pub struct B;").declared, ["A", "B"]);
    }
}
