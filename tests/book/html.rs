//! A small reader of HTML that accepts only what the book writes: quoted attributes, closed elements, no raw `<`.

use std::collections::BTreeMap;

/// Elements without content.
const VOID: [&str; 7] = ["br", "hr", "img", "input", "link", "meta", "wbr"];

/// Where the next `<p>` or block ends a paragraph that is still open, so it must be closed before.
const BLOCKS: [&str; 14] = [
    "p", "pre", "ul", "ol", "dl", "div", "section", "figure", "table", "h1", "h2", "h3", "header",
    "nav",
];

/// An element: its name, its attributes, the text in it and the elements around it.
#[derive(Clone, Debug, Default)]
pub struct Element {
    pub name: String,
    pub attributes: BTreeMap<String, String>,
    /// The text of the element and of those in it, with character references resolved.
    pub text: String,
    /// The numbers of the elements around it, from the outside.
    pub within: Vec<usize>,
}

impl Element {
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str)
    }
}

/// The elements in the order of their start tags, or what is wrong.
pub fn read(text: &str) -> Result<Vec<Element>, String> {
    let mut rest = text
        .strip_prefix("<!doctype html>\n")
        .ok_or("the doctype is missing")?;
    let (mut elements, mut open) = (Vec::<Element>::new(), Vec::<usize>::new());
    while let Some((before, tag_on)) = rest.split_once('<') {
        add_text(&mut elements, &open, before)?;
        let (tag, after) = tag_on
            .split_once('>')
            .ok_or_else(|| format!("a tag does not end: {tag_on:.40}"))?;
        match tag.strip_prefix('/') {
            Some(name) => close(&elements, &mut open, name)?,
            None => start(&mut elements, &mut open, tag)?,
        }
        rest = after;
    }
    add_text(&mut elements, &open, rest)?;
    match open.last() {
        Some(number) => Err(format!("<{}> is not closed", elements[*number].name)),
        None => Ok(elements),
    }
}

fn start(elements: &mut Vec<Element>, open: &mut Vec<usize>, tag: &str) -> Result<(), String> {
    let (tag, closes_itself) = match tag.strip_suffix('/') {
        Some(tag) => (tag, true),
        None => (tag, false),
    };
    let name_end = tag.find(char::is_whitespace).unwrap_or(tag.len());
    let name = tag[..name_end].to_owned();
    let in_svg = open.iter().any(|number| elements[*number].name == "svg");
    if closes_itself && !in_svg {
        return Err(format!("<{name}/> closes itself outside of SVG"));
    }
    let is_in_paragraph = open.iter().any(|number| elements[*number].name == "p");
    if is_in_paragraph && BLOCKS.contains(&name.as_str()) {
        return Err(format!("<{name}> inside <p>"));
    }
    let is_in_link = open.iter().any(|number| elements[*number].name == "a");
    if is_in_link && ["a", "button", "input"].contains(&name.as_str()) {
        return Err(format!("<{name}> inside <a>"));
    }
    elements.push(Element {
        attributes: attributes(&tag[name_end..])?,
        text: String::new(),
        within: open.clone(),
        name: name.clone(),
    });
    if !closes_itself && !VOID.contains(&name.as_str()) {
        open.push(elements.len() - 1);
    }
    Ok(())
}

fn close(elements: &[Element], open: &mut Vec<usize>, name: &str) -> Result<(), String> {
    match open.pop() {
        Some(number) if elements[number].name == name => Ok(()),
        Some(number) => Err(format!("</{name}> closes <{}>", elements[number].name)),
        None => Err(format!("</{name}> closes nothing")),
    }
}

fn add_text(elements: &mut [Element], open: &[usize], text: &str) -> Result<(), String> {
    let text = resolved(text)?;
    for number in open {
        elements[*number].text.push_str(&text);
    }
    Ok(())
}

/// `name` or `name="value"`, separated by white space.
fn attributes(text: &str) -> Result<BTreeMap<String, String>, String> {
    let mut found = BTreeMap::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let end = rest
            .find(|char: char| char == '=' || char.is_whitespace())
            .unwrap_or(rest.len());
        let name = rest[..end].to_owned();
        rest = &rest[end..];
        let mut value = String::new();
        if let Some(quoted) = rest.strip_prefix("=\"") {
            let (inside, after) = quoted
                .split_once('"')
                .ok_or_else(|| format!("the value of {name} does not end"))?;
            value = resolved(inside)?;
            rest = after;
        } else if rest.starts_with('=') {
            return Err(format!("the value of {name} has no quotes"));
        }
        if found.insert(name.clone(), value).is_some() {
            return Err(format!("{name} stands twice"));
        }
        rest = rest.trim_start();
    }
    Ok(found)
}

/// Resolves the few character references that the book uses.
fn resolved(text: &str) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let (name, later) = after
            .split_once(';')
            .ok_or_else(|| format!("& begins no reference: {after:.20}"))?;
        out.push(match name {
            "lt" => '<',
            "gt" => '>',
            "amp" => '&',
            "quot" => '"',
            "#x27" => '\'',
            _ => return Err(format!("unknown reference &{name};")),
        });
        rest = later;
    }
    out.push_str(rest);
    if out.contains('\0') {
        return Err("a NUL".to_owned());
    }
    Ok(out)
}

/// What else a page must have: one title and one heading of the first level, headings without gaps, unique ids, a
/// language, names for pictures and fields.
pub fn faults(elements: &[Element]) -> Vec<String> {
    let mut faults = Vec::new();
    let in_svg = |element: &Element| {
        let mut within = element.within.iter();
        within.any(|number| elements[*number].name == "svg")
    };
    let named = |name: &'static str| {
        let elements = elements.iter();
        elements.filter(move |element| element.name == name && !in_svg(element))
    };
    for (name, count) in [("html", 1), ("title", 1), ("h1", 1), ("main", 1)] {
        if named(name).count() != count {
            faults.push(format!("{} times <{name}>", named(name).count()));
        }
    }
    if named("html").any(|html| html.attribute("lang").is_none_or(str::is_empty)) {
        faults.push("no language".to_owned());
    }
    let mut ids = std::collections::BTreeSet::new();
    for id in elements
        .iter()
        .filter_map(|element| element.attribute("id"))
    {
        if !ids.insert(id) {
            faults.push(format!("two elements have the id {id}"));
        }
    }
    for svg in named("svg") {
        let label = svg.attribute("aria-labelledby").unwrap_or_default();
        if !ids.contains(label) || svg.attribute("role") != Some("img") {
            faults.push("a drawing has no title".to_owned());
        }
    }
    if named("img").any(|picture| picture.attribute("alt").is_none()) {
        faults.push("a picture has no alternative text".to_owned());
    }
    let mut level = 0;
    for element in elements {
        let number = element
            .name
            .strip_prefix('h')
            .and_then(|number| number.parse::<u32>().ok());
        if let Some(number) = number {
            if number > level + 1 {
                faults.push(format!("<h{number}> follows <h{level}>"));
            }
            level = number;
        }
    }
    faults
}
