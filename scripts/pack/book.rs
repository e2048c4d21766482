//! The archive of the textbook. Before the content of each file stands a line with its length and its name:
//!
//! ```text
//! 2274 index.html
//! <!doctype html>...
//! ```

use std::fs;
use std::path::{Path, PathBuf};

/// The archive of these files, with names below the first folder.
pub fn archive(files: &[PathBuf]) -> Vec<u8> {
    let mut archive = Vec::new();
    for path in files {
        let content = fs::read(path).expect("a file of the book can be read");
        let name: PathBuf = path.components().skip(1).collect();
        archive.extend_from_slice(line(&name, content.len()).as_bytes());
        archive.extend_from_slice(&content);
    }
    archive
}

fn line(name: &Path, length: usize) -> String {
    let name = name.to_str().expect("the names of the book are UTF-8");
    assert!(
        !name.contains('\n'),
        "a line end would end the name: {name:?}"
    );
    format!("{length} {name}\n")
}
