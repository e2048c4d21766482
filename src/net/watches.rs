//! Watches the files of each site, for live reload.

#[cfg(feature = "live-reload")]
pub use with::Watches;
#[cfg(not(feature = "live-reload"))]
pub use without::Watches;

#[cfg(feature = "live-reload")]
mod with {
    use std::io;

    use rustix::io::Errno;

    use crate::net::clock;
    use crate::net::config::Config;
    use crate::net::logs;
    use crate::net::settings::OpenSites;
    use crate::net::start_error::StartError;
    use crate::observe::notice;
    use crate::observe::topic::Topic;
    use crate::site::changes::{ChangeFilter, Changed};
    use crate::site::watch::{Listeners, Watch};

    /// What watches the files of the sites whose pages reload. Dropping it stops the watching.
    #[derive(Default)]
    pub struct Watches(Vec<SiteWatch>);

    struct SiteWatch {
        filter: ChangeFilter,
        changes: Topic<Changed>,
        _watch: Watch,
    }

    impl Watches {
        /// Watches these sites. What is watched already in the same way is not interrupted, so no change is lost.
        /// After an error, nothing has changed.
        pub fn change(&mut self, config: &Config, sites: &OpenSites) -> Result<(), StartError> {
            let (mut kept, mut started) = (Vec::new(), Vec::new());
            for site in sites.all() {
                let Some(changes) = site.changes.clone() else {
                    continue;
                };
                let filter = ChangeFilter {
                    ignored: config.reload_ignored.clone(),
                    own: logs::below(config, site.root.path()),
                    hidden: site.options.hidden,
                    only: site.options.only.clone(),
                };
                let is_same =
                    |watch: &SiteWatch| watch.changes.is_same(&changes) && watch.filter == filter;
                match self.0.iter().position(is_same) {
                    Some(at) => kept.push(at),
                    None => {
                        let watch =
                            Watch::start(site.root.path(), filter.clone(), listeners(&changes));
                        let watch = watch
                            .map_err(|fault| StartError::System("a watch of the files", fault))?;
                        started.push(SiteWatch {
                            filter,
                            changes,
                            _watch: watch,
                        });
                    }
                }
            }
            let mut at = 0..;
            self.0
                .retain(|_| at.next().is_some_and(|at| kept.contains(&at)));
            self.0.extend(started);
            Ok(())
        }
    }

    fn listeners(changes: &Topic<Changed>) -> Listeners {
        let changes = changes.clone();
        Listeners {
            publish: Box::new(move |changed| {
                let size = changed.size();
                changes.publish(changed, size, clock::instant());
            }),
            report_fallback: Some(Box::new(|fault| notice::print(fallback_line(fault)))),
            now: clock::instant,
        }
    }

    /// What the operator is told if the files cannot be watched.
    fn fallback_line(fault: &io::Error) -> String {
        let used_up = match Errno::from_io_error(fault) {
            Some(Errno::NOSPC) => Some((
                "your user has no inotify watches left",
                "fs.inotify.max_user_watches",
            )),
            // inotify_init(2) does not say which limit it is.
            Some(Errno::MFILE) => Some((
                "your user has no inotify instances left, or docroot may open no more files",
                "fs.inotify.max_user_instances, or ulimit -n",
            )),
            _ => None,
        };
        let (why, advice) = match used_up {
            Some((why, limit)) => (
                why.to_owned(),
                format!(". To let docroot watch them, raise {limit}"),
            ),
            None => (fault.to_string(), String::new()),
        };
        format!(
            "docroot: cannot watch the files: {why}. So live reload scans the files once a second{advice}\n"
        )
    }
}

#[cfg(not(feature = "live-reload"))]
mod without {
    use crate::net::config::Config;
    use crate::net::settings::OpenSites;
    use crate::net::start_error::StartError;

    /// Nothing is watched. The command line says so.
    #[derive(Default)]
    pub struct Watches;

    impl Watches {
        /// Watches nothing.
        pub fn change(&mut self, _: &Config, _: &OpenSites) -> Result<(), StartError> {
            Ok(())
        }
    }
}
