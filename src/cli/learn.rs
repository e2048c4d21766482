//! `docroot learn`: the textbook out of the program itself.
//!
//! The build script packs the folder `www` (see `scripts/pack.rs`). [`Book::unpack`] writes its files into a
//! temporary folder, and the server serves them like any other. Only this user can open the folder. Its name is new,
//! so nobody can have put a link there. [`Book::remove`] removes it.

use std::fmt;
use std::io;
use std::path::Path;

#[cfg(feature = "learn")]
use files::Folder;
#[cfg(not(feature = "learn"))]
type Folder = std::convert::Infallible;

/// The textbook in a folder of its own. Dropping it removes the folder.
#[derive(Debug)]
pub struct Book(Folder);

/// Why there is no textbook.
#[derive(Debug)]
pub enum BookError {
    /// This docroot was built without the feature `learn`.
    NotBuiltIn,
    /// The files cannot be written.
    Unpacking(io::Error),
}

impl fmt::Display for BookError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BookError::NotBuiltIn => f.write_str(
                "this docroot was built without the textbook: to get it, run cargo install --path . --features learn",
            ),
            BookError::Unpacking(fault) => write!(
                f,
                "cannot unpack the textbook into a temporary folder: {fault}; set TMPDIR to a folder with 1 MB of \
                 free space"
            ),
        }
    }
}

#[cfg(feature = "learn")]
impl Book {
    /// Writes the files into a new folder.
    pub fn unpack() -> Result<Book, BookError> {
        files::unpack().map(Book).map_err(BookError::Unpacking)
    }

    /// The folder, which can be served.
    pub fn folder(&self) -> &Path {
        self.0.path()
    }

    /// Removes the folder. Whoever cannot remove it has nobody left to tell.
    pub fn remove(&self) {
        let _ = std::fs::remove_dir_all(self.folder());
    }
}

#[cfg(not(feature = "learn"))]
impl Book {
    /// This docroot has none.
    pub fn unpack() -> Result<Book, BookError> {
        Err(BookError::NotBuiltIn)
    }

    /// There is none.
    pub fn folder(&self) -> &Path {
        match self.0 {}
    }

    /// There is none.
    pub fn remove(&self) {
        match self.0 {}
    }
}

#[cfg(feature = "learn")]
mod files {
    //! Writes the files that the build script has packed.

    use std::fs::{self, Permissions};
    use std::io;
    use std::os::unix::fs::PermissionsExt;

    use flate2::read::GzDecoder;
    use tempfile::Builder;

    /// A folder that is removed when the value is dropped.
    pub type Folder = tempfile::TempDir;

    /// The path of each file below the folder, and its content in gzip.
    const FILES: &[(&str, &[u8])] = &include!(concat!(env!("OUT_DIR"), "/learn.rs"));

    pub fn unpack() -> io::Result<Folder> {
        let folder = Builder::new()
            .prefix("docroot-learn-")
            .permissions(Permissions::from_mode(0o700))
            .tempdir()?;
        for (name, content) in FILES {
            let path = folder.path().join(name);
            if let Some(above) = path.parent() {
                fs::create_dir_all(above)?;
            }
            let mut file = fs::File::create_new(&path)?;
            io::copy(&mut GzDecoder::new(*content), &mut file)?;
        }
        Ok(folder)
    }

    #[cfg(test)]
    mod tests {
        use std::path::Path;

        use super::*;

        /// The paths of all files below a folder, in order.
        fn names(folder: &Path) -> Vec<String> {
            let mut names = Vec::new();
            for entry in fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                let name = path.file_name().expect("a name").to_string_lossy();
                match path.is_dir() {
                    true => names.extend(names_in(&name, &path)),
                    false => names.push(name.into_owned()),
                }
            }
            names.sort();
            names
        }

        fn names_in(above: &str, folder: &Path) -> Vec<String> {
            let below = names(folder).into_iter();
            below.map(|name| format!("{above}/{name}")).collect()
        }

        #[test]
        fn files_are_as_they_were_packed() {
            let folder = unpack().expect("the book");
            let book = Path::new(env!("CARGO_MANIFEST_DIR")).join("www");
            assert_eq!(names(folder.path()), names(&book));
            for name in names(&book) {
                let read = |folder: &Path| fs::read(folder.join(&name)).expect("a file");
                assert!(read(folder.path()) == read(&book), "{name}");
            }
        }

        /// How much of the program the book may be, in bytes.
        const MOST_PACKED: usize = 1_000_000;

        #[test]
        fn the_packed_book_is_small() {
            let packed: usize = FILES.iter().map(|(_, content)| content.len()).sum();
            assert!((1..=MOST_PACKED).contains(&packed), "{packed}");
        }

        #[test]
        fn only_this_user_can_open_the_folder() {
            let folder = unpack().expect("the book");
            let mode = fs::metadata(folder.path())
                .expect("a folder")
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o700);
            let index = fs::read_to_string(folder.path().join("index.html")).expect("a file");
            assert!(index.starts_with("<!doctype html>"), "{index}");
            let path = folder.path().to_owned();
            drop(folder);
            assert!(!path.exists());
        }
    }
}
