//! Watches the files of each site, for live reload.

use crate::net::config::Config;
use crate::net::settings::OpenSites;
use crate::net::start_error::StartError;

/// What watches the files of sites.
#[cfg(feature = "live-reload")]
pub type Watches = Vec<crate::site::watch::Watch>;

/// Nothing is watched.
#[cfg(not(feature = "live-reload"))]
pub type Watches = Vec<()>;

/// Starts to watch the sites whose pages reload. The watches end when the returned values are dropped.
#[cfg(feature = "live-reload")]
pub fn start_watches(config: &Config, sites: &OpenSites) -> Result<Watches, StartError> {
    use crate::net::clock;
    use crate::observe::notice;
    use crate::site::changes::ChangeFilter;
    use crate::site::watch::{Listeners, Watch};

    let mut watches = Vec::new();
    for site in sites.all() {
        let Some(changes) = site.changes.clone() else {
            continue;
        };
        let filter = ChangeFilter {
            ignored: config.reload_ignored.clone(),
            hidden: site.options.hidden,
            only: site.options.only.clone(),
        };
        let listeners = Listeners {
            publish: Box::new(move |changed| {
                let size = changed.size();
                changes.publish(changed, size, clock::instant());
            }),
            report_fallback: Some(Box::new(|fault| {
                notice::print(format!(
                    "docroot: cannot watch the files ({fault}), so live reload scans them once a second; if \
                     there are too many folders, raise fs.inotify.max_user_watches and \
                     fs.inotify.max_user_instances\n"
                ));
            })),
            now: clock::instant,
        };
        let watch = Watch::start(site.root.path(), filter, listeners);
        watches.push(watch.map_err(|fault| StartError::System("a watch of the files", fault))?);
    }
    Ok(watches)
}

/// Live reload is not built in. The command line says so.
#[cfg(not(feature = "live-reload"))]
pub fn start_watches(_: &Config, _: &OpenSites) -> Result<Watches, StartError> {
    Ok(Vec::new())
}
