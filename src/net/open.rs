//! Opens what a configuration asks for: the roots of the sites, the users, the certificate, and random octets.

use std::net::SocketAddr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{Access, access};

use crate::net::clock::{self, Now};
use crate::net::config::Config;
use crate::net::served::Served;
use crate::net::settings::{OpenSite, OpenSites};
use crate::net::start_error::StartError;
use crate::net::tls::Endpoint;
use crate::net::tls::notice::Notice;
use crate::observe::request_id::IdSource;
use crate::origin::auth::Guard;
use crate::site::disk::DiskPool;
use crate::site::given_root::GivenRoot;
use crate::site::options::SiteOptions;

/// Sets up TLS, if it is configured.
pub(super) fn open_endpoint(
    config: &Config,
    listening: &[SocketAddr],
) -> Result<(Option<Arc<Endpoint>>, Vec<Notice>), StartError> {
    let Some(options) = &config.tls else {
        return Ok((None, Vec::new()));
    };
    let (endpoint, notices) =
        Endpoint::open(options, listening, &Now::read()).map_err(StartError::Tls)?;
    Ok((Some(Arc::new(endpoint)), notices))
}

/// Reads the users, if a path needs a password.
pub(super) fn open_guard(
    config: &Config,
    pool: Option<DiskPool>,
) -> Result<Option<Arc<Guard>>, StartError> {
    let protection = &config.rules.protection;
    Guard::open(protection, config.auth_file.as_deref(), pool).map_err(StartError::Auth)
}

/// What makes the ids of requests, if they have some.
pub(super) fn open_ids(config: &Config) -> Result<Option<Arc<IdSource>>, StartError> {
    let source = config.request_ids.then(IdSource::new).transpose();
    let source = source.map_err(|fault| StartError::System("a key for request ids", fault))?;
    Ok(source.map(Arc::new))
}

/// Opens the roots of all sites.
pub(super) fn open_sites(config: &Config) -> Result<OpenSites, StartError> {
    let others = config.sites.iter().map(|site| {
        let open = open_site(&site.root, &config.site)?;
        Ok((site.host.clone(), open))
    });
    Ok(OpenSites {
        first: open_site(&config.root, &config.site)?,
        others: others.collect::<Result<_, StartError>>()?,
    })
}

/// Opens a root. If it is a file, opens its directory and serves only that file.
pub(super) fn open_site(path: &Path, options: &SiteOptions) -> Result<OpenSite, StartError> {
    let served = Served::find(path)?;
    let fault = |fault| StartError::from_root(path, fault);
    if let Served::File { .. } = served {
        // It is opened for each request. Without this, each would be refused.
        access(path, Access::READ_OK).map_err(|errno| fault(errno.into()))?;
    }
    let mut options = options.clone();
    let root = match &served {
        Served::File { folder, name } => {
            options.only = Some(name.as_bytes().to_vec());
            GivenRoot::open_for_file(folder, name.as_bytes())
        }
        Served::Directory(folder) => GivenRoot::open(folder, served.links(&options)),
    };
    let root = root.map_err(fault)?;
    Ok(OpenSite::new(root, options, clock::instant()))
}
