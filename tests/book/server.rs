//! The server of the book.

use std::path::{Path, PathBuf};

use super::support::{Setup, TestServer};

/// The document root that ships.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("www")
}

/// The server that `docroot learn` starts, before it starts.
pub fn setup() -> Setup {
    Setup::new().with(|config| {
        config.root = root();
        config.inspect = true;
        config.lab = true;
        config.site.negotiate = true;
    })
}

/// The same, started.
#[allow(dead_code, reason = "some tests change it before")]
pub fn server() -> TestServer {
    setup().start()
}
