//! Watches the files of each site, for live reload.

#[cfg(feature = "live-reload")]
pub use built_in::watch;
#[cfg(not(feature = "live-reload"))]
pub use left_out::watch;

#[cfg(feature = "live-reload")]
mod built_in {
    use std::path::Path;

    use crate::net::clock;
    use crate::net::config::Config;
    use crate::net::context::{OpenSite, OpenSites};
    use crate::net::served::Served;
    use crate::net::start_error::StartError;
    use crate::observe::notice;
    use crate::site::changes::ChangeFilter;
    use crate::site::watch::Watch;

    /// Starts to watch, if live reload is on. The watches end when the returned values are dropped.
    pub fn watch(config: &Config, sites: &OpenSites) -> Result<Vec<Watch>, StartError> {
        let roots = config.sites.iter().map(|site| &*site.root);
        let others = sites.others.iter().map(|(_, site)| site);
        let all = roots.zip(others).chain([(&*config.root, &sites.first)]);
        let watched = all.filter(|(_, site)| site.options.live_reload);
        watched
            .map(|(root, site)| begin(root, site, config))
            .collect()
    }

    fn begin(root: &Path, site: &OpenSite, config: &Config) -> Result<Watch, StartError> {
        let served = Served::find(root)?;
        let filter = ChangeFilter {
            ignored: config.reload_ignored.clone(),
            hidden: site.options.hidden,
            only: site.options.only.clone(),
        };
        let changes = site.changes.clone();
        let publish = move |changed| changes.publish(changed, clock::instant());
        let watch = Watch::start(served.folder(), filter, publish)
            .map_err(|fault| StartError::System("a watch of the files", fault))?;
        if watch.is_polling() {
            notice::print(
                "docroot: the system has no watches left for so many directories, so live reload looks at all \
                 files once a second; raise fs.inotify.max_user_watches and fs.inotify.max_user_instances\n"
                    .to_owned(),
            );
        }
        Ok(watch)
    }
}

#[cfg(not(feature = "live-reload"))]
mod left_out {
    use crate::net::config::Config;
    use crate::net::context::OpenSites;
    use crate::net::start_error::StartError;

    /// Live reload is not built in. The command line says so.
    pub fn watch(_: &Config, _: &OpenSites) -> Result<Vec<()>, StartError> {
        Ok(Vec::new())
    }
}
