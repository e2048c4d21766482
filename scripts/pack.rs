//! The build script: packs with gzip what the program serves as data, because it takes a fraction of the space in the
//! program then.
//!
//! ```text
//! OUT_DIR/learn/book.gz    the files of www, for `docroot learn`; only with the feature `learn`. See book.rs
//! ```
//!
//! The same files give the same bytes: they are sorted, and gzip's header has neither a name nor a time.

use std::env::var_os;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

// The textbook.
#[path = "pack/book.rs"]
mod book;

fn main() {
    println!("cargo::rerun-if-changed=scripts/pack.rs");
    println!("cargo::rerun-if-changed=scripts/pack");
    if var_os("CARGO_FEATURE_LEARN").is_some() {
        println!("cargo::rerun-if-changed=www");
        let book = book::archive(&files_below(Path::new("www")));
        pack("learn", [("book".to_owned(), book)]);
    }
}

/// Writes each file in gzip to a folder.
fn pack(list: &str, files: impl IntoIterator<Item = (String, Vec<u8>)>) {
    let out = PathBuf::from(var_os("OUT_DIR").expect("Cargo sets it"));
    let folder = out.join(list);
    fs::create_dir_all(&folder).expect("OUT_DIR is writable");
    for (name, content) in files {
        let packed = format!("{name}.gz");
        let file = fs::File::create(folder.join(&packed)).expect("OUT_DIR is writable");
        let mut encoder = GzEncoder::new(file, Compression::best());
        let written = encoder.write_all(&content).and_then(|()| encoder.finish());
        written.expect("OUT_DIR is writable");
    }
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("the folder can be read").path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}
