//! What the root of a configuration means: a directory, or a single file.
//!
//! The operator has named a single file, so docroot serves it under that name wherever a link of that
//! name leads. It follows the link for each request.

use std::ffi::OsString;
use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::net::start_error::StartError;
use crate::site::given_root;
use crate::site::options::SiteOptions;
use crate::site::root::LinkPolicy;
use crate::text::segment::directory_of;

/// What a server serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Served {
    /// Everything in a directory.
    Directory(PathBuf),
    /// One file of a directory.
    File {
        /// The directory, as the operator wrote it.
        folder: PathBuf,
        /// The name of the file in the directory. It may be the name of a link.
        name: OsString,
    },
}

impl Served {
    /// Looks at the root `path`.
    pub fn find(path: &Path) -> Result<Served, StartError> {
        let found = fs::metadata(path).map_err(|fault| StartError::from_root(path, fault))?;
        match path.file_name() {
            _ if found.is_dir() => Ok(Served::Directory(path.to_owned())),
            Some(name) if found.is_file() => Ok(Served::File {
                folder: directory_of(path).to_owned(),
                name: name.to_owned(),
            }),
            _ => Err(StartError::RootNotServable(path.to_owned())),
        }
    }

    /// The directory that is served in whole or in part.
    pub fn folder(&self) -> &Path {
        match self {
            Served::Directory(folder) | Served::File { folder, .. } => folder,
        }
    }

    /// Which links are followed.
    pub fn links(&self, options: &SiteOptions) -> LinkPolicy {
        match self {
            Served::File { .. } => LinkPolicy::ALL,
            Served::Directory(_) => LinkPolicy {
                outside: options.follow_symlinks,
                hidden: options.hidden,
            },
        }
    }

    /// The absolute path to show to the operator. It may lead through links, because the server follows the
    /// path wherever they are pointed.
    pub fn absolute(&self) -> PathBuf {
        let folder = self.folder();
        let has_parent = folder.components().any(|part| part == Component::ParentDir);
        let found = match has_parent {
            true => folder.canonicalize(),
            false => given_root::absolute(folder),
        };
        // An error means that the directory is gone.
        let folder = found.unwrap_or_else(|_| folder.to_owned());
        match self {
            Served::Directory(_) => folder,
            Served::File { name, .. } => folder.join(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_path_keeps_the_names_of_links() {
        let place = tempfile::tempdir().expect("a folder");
        let place = place.path().canonicalize().expect("a path");
        fs::create_dir(place.join("d")).expect("a folder");
        fs::write(place.join("a.txt"), "a").expect("a file");
        symlink("../a.txt", place.join("d/file")).expect("a link");
        symlink("d", place.join("folder")).expect("a link");
        let check = |path: &str, want: &str, links: LinkPolicy| {
            let served = Served::find(&place.join(path)).expect(path);
            assert_eq!(served.absolute(), place.join(want), "{path}");
            assert_eq!(served.links(&SiteOptions::default()), links, "{path}");
        };
        check("d/../a.txt", "a.txt", LinkPolicy::ALL);
        check("d/file", "d/file", LinkPolicy::ALL);
        check("folder/file", "folder/file", LinkPolicy::ALL);
        check("folder", "folder", LinkPolicy::default());
        check("d/..", "", LinkPolicy::default());
        let fault = |path: &str| Served::find(&place.join(path)).expect_err(path);
        assert!(matches!(fault("absent"), StartError::NoSuchRoot(_)));
        assert!(matches!(fault("a.txt/"), StartError::NoSuchRoot(_)));
        let device = Served::find(Path::new("/dev/null")).expect_err("a device");
        assert!(matches!(device, StartError::RootNotServable(_)));
    }
}
