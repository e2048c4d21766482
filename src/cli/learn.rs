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
    //! Reads the archive of the build script.

    use std::fs::{self, Permissions};
    use std::io::{self, BufRead, BufReader, ErrorKind, Read};
    use std::os::unix::fs::PermissionsExt;
    use std::path::{Component, Path};

    use flate2::bufread::GzDecoder;
    use tempfile::Builder;

    /// A folder that is removed when the value is dropped.
    pub type Folder = tempfile::TempDir;

    const ARCHIVE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/learn/book.gz"));

    /// The longest line before a file: a length, a space, a name and a line end.
    const LONGEST_LINE: u64 = 300;

    pub fn unpack() -> io::Result<Folder> {
        let folder = Builder::new()
            .prefix("docroot-learn-")
            .permissions(Permissions::from_mode(0o700))
            .tempdir()?;
        write_files(folder.path(), ARCHIVE)?;
        Ok(folder)
    }

    fn write_files(folder: &Path, archive: &[u8]) -> io::Result<()> {
        let mut archive = BufReader::new(GzDecoder::new(archive));
        while let Some((length, name)) = next_file(&mut archive)? {
            let path = folder.join(name);
            if let Some(above) = path.parent() {
                fs::create_dir_all(above)?;
            }
            let mut file = fs::File::create_new(&path)?;
            let copied = io::copy(&mut archive.by_ref().take(length), &mut file)?;
            if copied < length {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(())
    }

    /// The length and the name of the next file. The name leads nowhere but below the folder.
    fn next_file(archive: &mut impl BufRead) -> io::Result<Option<(u64, String)>> {
        let mut line = String::new();
        archive.take(LONGEST_LINE).read_line(&mut line)?;
        if line.is_empty() {
            return Ok(None);
        }
        let parts = line
            .strip_suffix('\n')
            .and_then(|line| line.split_once(' '));
        let file = parts.and_then(|(length, name)| Some((length.parse().ok()?, name.to_owned())));
        let is_below = |name: &str| {
            let mut components = Path::new(name).components();
            components.all(|part| matches!(part, Component::Normal(_)))
        };
        match file {
            Some((length, name)) if !name.is_empty() && is_below(&name) => Ok(Some((length, name))),
            _ => Err(ErrorKind::InvalidData.into()),
        }
    }

    #[cfg(test)]
    mod tests {
        use std::io::Write;

        use flate2::Compression;
        use flate2::write::GzEncoder;

        use super::*;

        fn written(archive: &str) -> io::Result<Folder> {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(archive.as_bytes())?;
            let folder = tempfile::tempdir()?;
            write_files(folder.path(), &encoder.finish()?)?;
            Ok(folder)
        }

        #[test]
        fn files_are_as_they_were_packed() {
            let folder = written("3 a.txt\none4 b c/d.txt\ntwo\n0 empty\n").expect("files");
            for (name, content) in [("a.txt", "one"), ("b c/d.txt", "two\n"), ("empty", "")] {
                let got = fs::read_to_string(folder.path().join(name)).expect("a file");
                assert_eq!(got, content, "{name}");
            }
        }

        #[test]
        fn what_is_no_archive_is_refused() {
            for (archive, want) in [
                ("3 ../a\none", ErrorKind::InvalidData),
                ("3 /a\none", ErrorKind::InvalidData),
                ("3 \none", ErrorKind::InvalidData),
                ("x a\none", ErrorKind::InvalidData),
                ("3 a", ErrorKind::InvalidData),
                ("4 a\none", ErrorKind::UnexpectedEof),
                ("3 a\none3 a\ntwo", ErrorKind::AlreadyExists),
            ] {
                let fault = written(archive).expect_err(archive);
                assert_eq!(fault.kind(), want, "{archive:?}");
            }
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
