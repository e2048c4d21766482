//! The files of the book.

use std::fs;
use std::path::{Component, Path, PathBuf};

use super::html::{self, Element};
use super::server::root;

/// The folders of the lessons that are written.
pub fn lessons() -> Vec<String> {
    let folder = root().join("lessons");
    let mut names: Vec<String> = fs::read_dir(folder)
        .expect("the lessons")
        .map(|entry| {
            let name = entry.expect("a lesson").file_name();
            name.into_string().expect("ASCII")
        })
        .collect();
    names.sort();
    names
}

/// A page of the book.
pub struct Page {
    /// The path below the root.
    pub name: String,
    /// The same without the language.
    pub pair: String,
    /// The folder of the lesson; empty for other pages.
    pub lesson: String,
    pub text: String,
    pub elements: Vec<Element>,
}

/// All pages: the cover, the short list of commands, the atlas, the list of concepts and the lessons, each in two
/// languages.
pub fn pages() -> Vec<Page> {
    let mut pages = vec![
        Page::read("index.html", ""),
        Page::read("index.zh.html", ""),
        Page::read("try.html", ""),
        Page::read("try.zh.html", ""),
        Page::read("atlas/index.en.html", ""),
        Page::read("atlas/index.zh.html", ""),
        Page::read("concepts/index.en.html", ""),
        Page::read("concepts/index.zh.html", ""),
    ];
    for lesson in lessons() {
        for language in ["en", "zh"] {
            let name = format!("lessons/{lesson}/index.{language}.html");
            pages.push(Page::read(&name, &lesson));
        }
    }
    pages
}

impl Page {
    fn read(name: &str, lesson: &str) -> Page {
        let text = fs::read_to_string(root().join(name)).expect(name);
        let elements = html::read(&text).unwrap_or_else(|fault| panic!("{name}: {fault}"));
        Page {
            name: name.to_owned(),
            pair: without_language(name),
            lesson: lesson.to_owned(),
            text,
            elements,
        }
    }

    /// A value of an attribute, with the links to other pages as in one language.
    pub fn without_language(&self, value: &str) -> String {
        without_language(value)
    }

    /// The experiments, with their places among the elements.
    pub fn experiments(&self) -> impl Iterator<Item = (usize, &Element)> {
        let elements = self.elements.iter().enumerate();
        elements.filter(|(_, element)| element.attribute("class") == Some("experiment"))
    }

    /// The requests that the page quotes, and their responses. `through` is the proxy that they pass, or empty.
    pub fn transcripts(&self, through: &str) -> Vec<(&str, &str)> {
        let is_through = |element: &Element| {
            let mut within = element.within.iter().map(|number| &self.elements[*number]);
            within.any(|parent| parent.attribute("data-transcript") == Some(through))
        };
        let said = |from: &str| {
            let lines = self.elements.iter();
            let lines = lines.filter(move |element| element.attribute("data-from") == Some(from));
            let lines = lines.filter(|element| is_through(element));
            lines
                .map(|element| element.text.as_str())
                .collect::<Vec<_>>()
        };
        let (requests, responses) = (said("client"), said("server"));
        assert_eq!(requests.len(), responses.len(), "{}", self.name);
        requests.into_iter().zip(responses).collect()
    }

    /// The names of fields that the page uses, and whether each must be one: code may be something else.
    pub fn field_names(&self) -> Vec<(String, bool)> {
        let mut names = Vec::new();
        for element in &self.elements {
            if let Some(fields) = element.attribute("data-fields") {
                names.extend(fields.split(' ').map(|name| (name.to_owned(), true)));
            }
            let is_message = ["data-send", "data-from"]
                .iter()
                .any(|name| element.attributes.contains_key(*name));
            if is_message {
                let lines = element.text.lines().skip(1);
                names.extend(lines.filter_map(field_name).map(|name| (name, true)));
            }
            if element.attributes.contains_key("data-command") {
                let parts = element.text.split("-H '").skip(1);
                names.extend(parts.filter_map(field_name).map(|name| (name, true)));
            }
            if element.name == "code" {
                let name = element.text.split(':').next().unwrap_or_default();
                names.push((name.to_owned(), false));
            }
        }
        names
    }

    /// What is wrong with a link of an element.
    pub fn check_link(&self, all: &[Page], element: &str, link: &str) -> Result<(), String> {
        if link.starts_with("https://www.rfc-editor.org/rfc/rfc") && element == "a" {
            return Ok(());
        }
        if link.contains(':') {
            return Err("it leads away".to_owned());
        }
        let (path, anchor) = match link.split_once('#') {
            Some((path, anchor)) => (path, Some(anchor)),
            None => (link, None),
        };
        // A page that is missing on purpose.
        if path == "nowhere.html" {
            return Ok(());
        }
        // The server's own pages.
        match path.trim_start_matches("../") {
            ".docroot/" => return Ok(()),
            ".docroot/lab/?lang=en" | ".docroot/lab/?lang=zh" => return check_lab(anchor),
            _ => {}
        }
        let target = match path {
            "" => PathBuf::from(&self.name),
            path => resolved(&Path::new(&self.name).with_file_name(path)),
        };
        if !root().join(&target).exists() {
            return Err(format!("there is no {}", target.display()));
        }
        let Some(anchor) = anchor else { return Ok(()) };
        let page = all.iter().find(|page| Path::new(&page.name) == target);
        let page = page.ok_or("the anchor is in no page")?;
        let mut elements = page.elements.iter();
        let is_there = elements.any(|element| element.attribute("id") == Some(anchor));
        is_there
            .then_some(())
            .ok_or("there is no such anchor".to_owned())
    }
}

/// The name before the colon of a field line.
fn field_name(line: &str) -> Option<String> {
    let (name, _) = line.split_once(':')?;
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    name.bytes().all(is_token).then(|| name.to_owned())
}

fn without_language(text: &str) -> String {
    text.replace(".en.html", ".html")
        .replace(".zh.html", ".html")
        .replace("?lang=zh", "?lang=en")
}

/// The path without `..`.
fn resolved(path: &Path) -> PathBuf {
    let mut resolved = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => _ = resolved.pop(),
            other => resolved.push(other),
        }
    }
    resolved
}

/// Whether the page of the lab has this anchor.
fn check_lab(anchor: Option<&str>) -> Result<(), String> {
    let page = root().with_file_name("src/guide/assets/lab/index.html");
    let text = fs::read_to_string(page).expect("the page of the lab");
    let is_there = anchor.is_none_or(|anchor| text.contains(&format!(" id=\"{anchor}\"")));
    is_there
        .then_some(())
        .ok_or("the lab has no such anchor".to_owned())
}
