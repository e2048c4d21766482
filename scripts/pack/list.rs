//! Packs files with gzip, and writes a list of them that the program includes.
//!
//! ```text
//! OUT_DIR/words/fields.json.gz     fields.json
//! OUT_DIR/words.rs                 [("fields.json", include_bytes!(...)), ...]
//! ```

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

/// Writes each file in gzip to a folder of `out`, and beside the folder a list of them in Rust. Names may have slashes.
pub fn pack(out: &Path, list: &str, files: impl IntoIterator<Item = (String, Vec<u8>)>) {
    let folder = out.join(list);
    let mut entries = String::from("[\n");
    for (name, content) in files {
        let packed = folder.join(format!("{name}.gz"));
        let parent = packed.parent().expect("it is in the folder");
        fs::create_dir_all(parent).expect("OUT_DIR is writable");
        let file = fs::File::create(&packed).expect("OUT_DIR is writable");
        let mut encoder = GzEncoder::new(file, Compression::best());
        let written = encoder.write_all(&content).and_then(|()| encoder.finish());
        written.expect("OUT_DIR is writable");
        let path = format!("concat!(env!(\"OUT_DIR\"), \"/{list}/{name}.gz\")");
        entries.push_str(&format!("    ({name:?}, include_bytes!({path})),\n"));
    }
    entries.push_str("]\n");
    fs::write(out.join(format!("{list}.rs")), entries).expect("OUT_DIR is writable");
}

/// The path of a file below the folder, with slashes. Two files of one name differ in it.
pub fn name_below(folder: &Path, path: &Path) -> String {
    let below = path.strip_prefix(folder).expect("it is in the folder");
    let names = below.components().map(|name| {
        let name = name.as_os_str().to_str();
        name.expect("the names of packed files are UTF-8")
    });
    names.collect::<Vec<_>>().join("/")
}

/// The files in a folder and in those below it, in order.
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
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
