//! The media types of file extensions, from the crate `mime_guess`, as one text.
//!
//! ```text
//! OUT_DIR/media_types.txt    123 application/vnd.lotus-1-2-3
//!                            323 text/h323
//!                            ...
//! ```
//!
//! The table of the crate takes more than twice the space: each of its strings takes a pointer and a length too.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Writes a line for each extension, sorted by the extension in lowercase.
pub fn write(out: &Path) {
    let extensions = mime_guess::get_extensions("*", "*").expect("the crate lists all");
    let types: BTreeMap<String, &str> = extensions
        .iter()
        .map(|extension| {
            let first = mime_guess::from_ext(extension).first_raw();
            let media_type = first.expect("each listed extension has a type");
            (extension.to_ascii_lowercase(), media_type)
        })
        .collect();
    let text: String = types
        .iter()
        .map(|(extension, media_type)| format!("{extension} {media_type}\n"))
        .collect();
    fs::write(out.join("media_types.txt"), text).expect("OUT_DIR is writable");
}
