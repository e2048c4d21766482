//! The experiments of the textbook, from its pages:
//!
//! ```text
//! <h1>Ranges</h1> ... <section class="experiment" id="resume" ...> <h3>Resume a download</h3>
//! ```

use std::fs;
use std::path::Path;

use crate::list::files_below;
use crate::quoted;

/// The languages of the pages.
const LANGUAGES: [&str; 2] = ["en", "zh"];

/// An experiment: its name, and the titles of its lesson and its own in each language, as HTML.
pub struct Experiment {
    name: String,
    lesson: [String; 2],
    title: [String; 2],
}

/// What a page says of an experiment: the anchor, the title of the lesson, its own.
type Said = (String, String, String);

/// The experiments of the lessons in a folder, in the order of the book.
pub fn find(lessons: &Path) -> Vec<Experiment> {
    let mut folders: Vec<_> = files_below(lessons)
        .iter()
        .filter_map(|page| page.parent().map(Path::to_owned))
        .collect();
    folders.dedup();
    folders
        .iter()
        .flat_map(|folder| of_lesson(folder))
        .collect()
}

fn of_lesson(folder: &Path) -> Vec<Experiment> {
    let name = folder.file_name().expect("a lesson has a folder");
    let name = name.to_str().expect("the names of lessons are ASCII");
    let [english, chinese] = LANGUAGES.map(|language| {
        let page = folder.join(format!("index.{language}.html"));
        said(&fs::read_to_string(&page).expect("a lesson has two languages"))
    });
    let both = english.into_iter().zip(chinese);
    let made = both.map(|(english, chinese)| {
        assert_eq!(
            english.0, chinese.0,
            "{name} has other experiments in Chinese"
        );
        Experiment {
            name: format!("{name}/{}", english.0),
            lesson: [english.1, chinese.1],
            title: [english.2, chinese.2],
        }
    });
    made.collect()
}

fn said(page: &str) -> Vec<Said> {
    let lesson = between(page, "<h1>", "</h1>");
    let sections = page.split("<section class=\"experiment\"").skip(1);
    let said = sections.map(|section| {
        let anchor = between(section, "id=\"", "\"");
        (anchor, lesson.clone(), between(section, "<h3>", "</h3>"))
    });
    said.collect()
}

/// The text between two marks.
fn between(text: &str, begin: &str, end: &str) -> String {
    let after = text
        .split_once(begin)
        .expect("a lesson has titles and anchors")
        .1;
    after.split(end).next().unwrap_or_default().to_owned()
}

/// Writes the names as a list in Rust.
pub fn write_names(out: &Path, experiments: &[Experiment]) {
    let names: Vec<&str> = experiments.iter().map(|one| one.name.as_str()).collect();
    fs::write(out.join("experiments.rs"), format!("{names:?}\n")).expect("OUT_DIR is writable");
}

/// The titles as an array in JSON.
pub fn titles(experiments: &[Experiment]) -> String {
    let in_languages = |texts: &[String; 2]| {
        let members = LANGUAGES.iter().zip(texts);
        let members = members.map(|(language, text)| format!("\"{language}\":{}", quoted(text)));
        format!("{{{}}}", members.collect::<Vec<_>>().join(","))
    };
    let members = experiments.iter().map(|one| {
        let (lesson, title) = (in_languages(&one.lesson), in_languages(&one.title));
        format!(
            "{{\"name\":{},\"lesson\":{lesson},\"title\":{title}}}",
            quoted(&one.name)
        )
    });
    format!("[{}]\n", members.collect::<Vec<_>>().join(",\n"))
}
