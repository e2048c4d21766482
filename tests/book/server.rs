//! The server of the book.

use std::path::{Path, PathBuf};

use super::support::{Setup, TestServer};

/// The document root that ships.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("www")
}

/// The server that `docroot learn` starts.
pub fn server() -> TestServer {
    Setup::new()
        .with(|config| {
            config.root = root();
            config.inspect = true;
            config.lab = true;
            config.site.negotiate = true;
        })
        .start()
}
