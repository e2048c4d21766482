//! The files of the crate, and what is wrong with them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::paths::{Named, Parsed, parse};
use super::{IMPURE_STD, IMPURE_WORDS, LAYERS, PURE, PURE_CRATES, PURE_TEST_CRATES, VALUES};

/// A file of the crate.
pub struct Source {
    /// Below `src`.
    pub path: PathBuf,
    module: Vec<String>,
    layer: String,
    parsed: Parsed,
    pub text: String,
}

/// All of them.
pub struct Tree {
    pub sources: Vec<Source>,
    /// Modules that are built for tests only.
    test_modules: Vec<Vec<String>>,
    /// The crates that Cargo.toml names.
    crates: BTreeSet<String>,
}

impl Tree {
    pub fn of_the_project() -> Tree {
        let project = Path::new(env!("CARGO_MANIFEST_DIR"));
        let manifest = fs::read_to_string(project.join("Cargo.toml")).expect("a manifest");
        let files = files_below(&project.join("src"));
        assert!(files.len() > 20, "the sources were not found");
        Tree::new(&files, &crates_of(&manifest))
    }

    pub fn new(files: &[(PathBuf, String)], crates: &[&str]) -> Tree {
        let sources: Vec<Source> = files
            .iter()
            .map(|(path, text)| Source::new(path, text))
            .collect();
        let test_modules = sources.iter().flat_map(|source| {
            let names = source.parsed.test_files.iter();
            names.map(|name| [source.module.as_slice(), std::slice::from_ref(name)].concat())
        });
        Tree {
            test_modules: test_modules.collect(),
            sources,
            crates: crates.iter().map(|name| name.replace('-', "_")).collect(),
        }
    }

    /// Every path that leads into this crate, with the file that names it.
    fn resolved(&self) -> impl Iterator<Item = (&Source, &Named, Vec<String>)> {
        let modules: BTreeSet<&[String]> = self
            .sources
            .iter()
            .map(|source| source.module.as_slice())
            .collect();
        self.sources.iter().flat_map(move |source| {
            let modules = modules.clone();
            source.parsed.named.iter().filter_map(move |named| {
                let path = named.resolved(|path| modules.contains(path))?;
                Some((source, named, path))
            })
        })
    }

    /// Files outside all layers.
    pub fn homeless(&self) -> Vec<String> {
        let is_homeless = |source: &&Source| rank(&source.layer).is_none();
        let homeless = self.sources.iter().filter(is_homeless);
        homeless
            .map(|source| source.path.display().to_string())
            .collect()
    }

    /// Paths to a layer above. One that names the root of the crate could lead anywhere.
    pub fn upward(&self) -> Vec<String> {
        self.resolved()
            .filter(|(source, ..)| source.layer != "main")
            .filter_map(|(source, named, path)| {
                let used = path.first().map_or("the root", String::as_str);
                let is_down = rank(used).is_some_and(|used| Some(used) >= rank(&source.layer));
                (!is_down).then(|| source.fault(named.line, &format!("uses {used}")))
            })
            .collect()
    }

    /// What a pure layer names that is not pure.
    pub fn impure(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let pure = |source: &&Source| PURE.contains(&source.layer.as_str());
        for source in self.sources.iter().filter(pure) {
            let words = source.parsed.words.iter();
            for (line, word) in words.filter(|(_, word)| IMPURE_WORDS.contains(&word.as_str())) {
                faults.push(source.fault(*line, word));
            }
            for named in &source.parsed.named {
                let is_test = named.is_test || self.is_test(&source.module);
                if self.is_impure(named, is_test) {
                    faults.push(source.fault(named.line, &named.words.join("::")));
                }
            }
        }
        faults
    }

    fn is_impure(&self, named: &Named, is_test: bool) -> bool {
        let words: Vec<&str> = named.words.iter().map(String::as_str).collect();
        match words[..] {
            // These have the same modules.
            ["std" | "core" | "alloc", ref rest @ ..] => {
                let path = format!("std::{}", rest.join("::"));
                let is_open = rest.is_empty() || ["*", "self"].contains(&rest[0]);
                (is_open || IMPURE_STD.contains(&rest[0])) && !VALUES.contains(&path.as_str())
            }
            [_, .., "now"] => true,
            // A single word may be a local name, but not in a `use`.
            [name, ref rest @ ..]
                if self.crates.contains(name) && (named.is_import || !rest.is_empty()) =>
            {
                let is_allowed = PURE_CRATES.contains(&name);
                !(is_allowed || is_test && PURE_TEST_CRATES.contains(&name))
            }
            _ => false,
        }
    }

    /// Files of a layer that import each other, be it by way of others. Methods that stand away
    /// from their type are such a circle too, one that no import shows.
    pub fn circles(&self, layer: &str) -> Vec<String> {
        let mut edges: BTreeMap<&Path, BTreeSet<&Path>> = BTreeMap::new();
        for (source, named, path) in self.resolved() {
            let is_program = !named.is_test && !self.is_test(&source.module);
            if let Some(used) = self.file_of(&path)
                && is_program
                && [&source.layer, &used.layer].iter().all(|of| *of == layer)
            {
                edges.entry(&source.path).or_default().insert(&used.path);
            }
        }
        let reach: BTreeMap<&Path, BTreeSet<&Path>> = edges
            .keys()
            .map(|from| (*from, reachable(&edges, from)))
            .collect();
        let leads = |from: &Path, to: &Path| reach.get(from).is_some_and(|of| of.contains(to));
        let circles: BTreeSet<Vec<&Path>> = reach
            .keys()
            .map(|one| {
                let others = reach[one].iter().filter(|other| leads(other, one));
                others.copied().collect::<Vec<&Path>>()
            })
            .filter(|circle| circle.len() > 1)
            .collect();
        let drawn = circles.iter().map(|circle| {
            let names: Vec<String> = circle
                .iter()
                .map(|path| path.display().to_string())
                .collect();
            names.join(" <-> ")
        });
        drawn.chain(self.strays(layer)).collect()
    }

    /// Methods in another file than their type.
    fn strays(&self, layer: &str) -> Vec<String> {
        let of_layer = |source: &&Source| source.layer == layer && !self.is_test(&source.module);
        let mut faults = Vec::new();
        for source in self.sources.iter().filter(of_layer) {
            for (line, name) in &source.parsed.inherent {
                if !source.parsed.declared.contains(name) {
                    faults.push(source.fault(*line, &format!("methods of {name}")));
                }
            }
        }
        faults
    }

    pub fn displaced(&self) -> Vec<String> {
        let fault = |source: &Source, line: &usize| source.fault(*line, "another file");
        self.sources
            .iter()
            .flat_map(|source| {
                source
                    .parsed
                    .displaced
                    .iter()
                    .map(move |line| fault(source, line))
            })
            .collect()
    }

    /// The file of the longest beginning of `path` that is a module.
    fn file_of(&self, path: &[String]) -> Option<&Source> {
        let holds = |source: &&Source| path.starts_with(&source.module);
        let holding = self.sources.iter().filter(holds);
        holding.max_by_key(|source| source.module.len())
    }

    fn is_test(&self, module: &[String]) -> bool {
        self.test_modules
            .iter()
            .any(|test| module.starts_with(test))
    }
}

impl Source {
    pub fn new(path: &Path, text: &str) -> Source {
        let mut module: Vec<String> = path
            .with_extension("")
            .iter()
            .map(|part| part.to_string_lossy().into_owned())
            .collect();
        let layer = match module[0].as_str() {
            "lib" => "main".to_owned(),
            layer => layer.to_owned(),
        };
        if module == ["lib"] || module == ["main"] || module.ends_with(&["mod".to_owned()]) {
            module.pop();
        }
        Source {
            path: path.to_owned(),
            parsed: parse(&module, text),
            module,
            layer,
            text: text.to_owned(),
        }
    }

    fn fault(&self, line: usize, what: &str) -> String {
        format!("{}:{line}: {what}", self.path.display())
    }
}

/// Every Rust file below a folder, with its text.
fn files_below(root: &Path) -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("src is readable") {
            let path = entry.expect("src is readable").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("sources are text");
                let below = path.strip_prefix(root).expect("below the root");
                files.push((below.to_owned(), text));
            }
        }
    }
    files
}

/// The names of the dependencies in a manifest, those of every kind.
pub fn crates_of(manifest: &str) -> Vec<&str> {
    let mut is_inside = false;
    let mut names = Vec::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            is_inside = line.ends_with("dependencies]");
        } else if let Some((name, _)) = line.split_once([' ', '.', '=']).filter(|_| is_inside) {
            names.push(name);
        }
    }
    names
}

pub fn rank(layer: &str) -> Option<usize> {
    LAYERS.iter().position(|name| *name == layer)
}

/// Where the edges lead from `start`, in any number of steps.
fn reachable<'a>(
    edges: &BTreeMap<&'a Path, BTreeSet<&'a Path>>,
    start: &Path,
) -> BTreeSet<&'a Path> {
    let mut found = BTreeSet::new();
    let mut open: Vec<&Path> = edges.get(start).into_iter().flatten().copied().collect();
    while let Some(next) = open.pop() {
        if found.insert(next) {
            open.extend(edges.get(next).into_iter().flatten());
        }
    }
    found
}
