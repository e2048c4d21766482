//! The index page of the lab, in each of its languages (RFC 9110 section 12.5.4).
//!
//! The page is a template with names of words, such as `{{title}}`, and each language is a list of words:
//!
//! ```text
//! title = The lab
//! ```
//!
//! A word is HTML. [`languages`](crate::guide::languages) says which language a request gets.

use std::sync::OnceLock;

use crate::guide::languages::chosen_of;
use crate::origin::embedded::{Embedded, answer_embedded};
use crate::origin::handler::{Answer, Origin};
use crate::origin::request::Request;
use crate::semantics::trace::Trace;

/// The page uses nothing but its own files, sends its forms to this server, and no other page shows it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

const HTML: &str = "text/html; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

const TEMPLATE: &str = include_str!("../assets/lab/index.html");

/// The languages, the first for clients that want none of them.
const LANGUAGES: [(&str, &str); 2] = [
    ("en", include_str!("../assets/lab/words.en.txt")),
    ("zh", include_str!("../assets/lab/words.zh.txt")),
];

/// The pages in these languages. Every worker sends the same.
static PAGES: [OnceLock<String>; LANGUAGES.len()] = [const { OnceLock::new() }; LANGUAGES.len()];

/// The files beside the page.
const FILES: [(&str, &str, &str); 6] = [
    ("lab.css", STYLE, include_str!("../assets/lab/lab.css")),
    ("lab.js", SCRIPT, include_str!("../assets/lab/lab.js")),
    ("page.js", SCRIPT, include_str!("../assets/lab/page.js")),
    (
        "exchange.js",
        SCRIPT,
        include_str!("../assets/lab/exchange.js"),
    ),
    (
        "sockets.js",
        SCRIPT,
        include_str!("../assets/lab/sockets.js"),
    ),
    (
        "commands.js",
        SCRIPT,
        include_str!("../assets/lab/commands.js"),
    ),
];

/// The index page and its files.
pub struct IndexPage {
    pages: Vec<Embedded>,
    files: Vec<(&'static str, Embedded)>,
}

/// One of its files.
pub struct File<'a> {
    name: &'a str,
    file: &'a Embedded,
}

impl IndexPage {
    /// The page in all languages.
    pub fn new() -> IndexPage {
        let pages = LANGUAGES.iter().zip(&PAGES).map(|((tag, words), page)| {
            let content = page.get_or_init(|| filled(TEMPLATE, words));
            Embedded::new(content, HTML, POLICY).in_language(tag)
        });
        let files = FILES
            .iter()
            .map(|(name, media_type, content)| (*name, Embedded::new(content, media_type, POLICY)));
        IndexPage {
            pages: pages.collect(),
            files: files.collect(),
        }
    }

    /// The file with this name. The page itself has none.
    pub fn file<'a>(&'a self, name: &'a str, request: &Request<'_>) -> Option<File<'a>> {
        let file = match name {
            "" => self
                .pages
                .get(chosen_of(request, &LANGUAGES.map(|(tag, _)| tag)))?,
            _ => {
                let mut files = self.files.iter();
                files.find_map(|(known, file)| (*known == name).then_some(file))?
            }
        };
        Some(File { name, file })
    }
}

impl File<'_> {
    /// Answers a request for it. The path of the lab is `path`.
    pub fn answer(
        self,
        path: &str,
        request: &Request<'_>,
        origin: &mut Origin,
        trace: &mut Trace,
    ) -> Answer {
        let path = [path, self.name].concat();
        answer_embedded(origin, request, path.as_bytes(), self.file, trace)
    }
}

/// The words of a list.
fn words(list: &str) -> impl Iterator<Item = (&str, &str)> {
    list.lines().filter_map(|line| line.split_once(" = "))
}

/// The template with the words of a list. A name without a word stays as it is.
fn filled(template: &str, list: &str) -> String {
    let mut page = String::with_capacity(2 * template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        page.push_str(before);
        let (name, behind) = after.split_once("}}").unwrap_or((after, ""));
        let word = words(list).find(|(known, _)| *known == name);
        page.push_str(word.map_or(name, |(_, word)| word));
        rest = behind;
    }
    page.push_str(rest);
    page
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn words_replace_their_names() {
        let page = filled("<h1>{{title}}</h1>{{other}}{{title}}", "title = A = b\n");
        assert_eq!(page, "<h1>A = b</h1>otherA = b");
    }

    /// Each language has the words of the template, and no others.
    #[test]
    fn every_language_is_whole() {
        let names = TEMPLATE.split("{{").skip(1);
        let used: BTreeSet<&str> = names
            .filter_map(|part| part.split_once("}}"))
            .map(|(name, _)| name)
            .collect();
        for (tag, list) in LANGUAGES {
            let known: Vec<&str> = words(list).map(|(name, _)| name).collect();
            let unique: BTreeSet<&str> = known.iter().copied().collect();
            assert_eq!(unique.len(), known.len(), "{tag}: a word comes twice");
            assert_eq!(unique, used, "{tag}");
            assert!(
                words(list).all(|(_, word)| !word.trim().is_empty()),
                "{tag}"
            );
            let lines = list.lines().filter(|line| !line.is_empty());
            assert_eq!(lines.count(), known.len(), "{tag}: a line is no word");
        }
    }
}
