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
use crate::guide::packed;
use crate::origin::embedded::{Embedded, answer_embedded};
use crate::origin::handler::{Answer, Origin};
use crate::origin::request::Request;
use crate::semantics::trace::Trace;

/// The page uses nothing but its own files, sends its forms to this server, and no other page shows it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// The template.
const TEMPLATE: &str = "index.html";

/// The languages and their words, the first for clients that want none of them.
const LANGUAGES: [(&str, &str); 2] = [("en", "words.en.txt"), ("zh", "words.zh.txt")];

/// The pages in these languages. Every worker sends the same.
static PAGES: [OnceLock<String>; LANGUAGES.len()] = [const { OnceLock::new() }; LANGUAGES.len()];

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
            let text = |name| packed::text(packed::LAB, name);
            let content = page.get_or_init(|| filled(&text(TEMPLATE), &text(words)));
            Embedded::new(content, packed::media_type(TEMPLATE), POLICY).in_language(tag)
        });
        let is_page =
            |name: &str| name == TEMPLATE || LANGUAGES.iter().any(|(_, words)| *words == name);
        let files = packed::LAB.iter().filter(|(name, _)| !is_page(name));
        let files = files.map(|(name, content)| {
            let file = Embedded::packed(content, packed::media_type(name), POLICY);
            (*name, file)
        });
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
        let text = |name| packed::text(packed::LAB, name);
        let template = text(TEMPLATE);
        let names = template.split("{{").skip(1);
        let used: BTreeSet<&str> = names
            .filter_map(|part| part.split_once("}}"))
            .map(|(name, _)| name)
            .collect();
        for (tag, list) in LANGUAGES {
            let list = &text(list);
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
