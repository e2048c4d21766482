//! Switches a running server to a new configuration.
//!
//! ```text
//! a new configuration -> open the sites, read the users -> tell each worker -> it answers from there
//!                             |
//!                          (a fault: the old configuration stays)
//! ```

use std::sync::{Arc, Condvar, Mutex, OnceLock};
use std::time::Duration;

use crate::net::clock::instant;
use crate::net::config::Config;
use crate::net::mailbox::{Change, WorkerHandle};
use crate::net::open::{open_endpoint, open_guard, open_ids, open_sites};
use crate::net::privileges::confine::Confinement;
use crate::net::settings::Settings;
use crate::net::start_error::StartError;
use crate::net::tls::Endpoint;
use crate::net::tls::notice::Notice;
use crate::net::tls::options::TlsOptions;
use crate::net::watches::Watches;
use crate::observe::options::{LogLevel, LogOptions, NoSuchLevel};
use crate::origin::auth::Guard;
use crate::sync::lock;

/// Replaces the settings of a running server.
#[derive(Default)]
pub struct Reloader {
    phase: Mutex<Phase>,
    has_begun: Condvar,
    /// Locked during a reload, so that they come one after another. The phase is not locked while something is
    /// opened, so a shutdown does not wait for a reload.
    watches: Mutex<Watches>,
    /// How the kernel confines the process, if it does.
    confinement: OnceLock<Arc<Confinement>>,
}

#[derive(Default)]
enum Phase {
    #[default]
    Starting,
    Running(Current),
    Ended,
}

/// What the server runs with now.
struct Current {
    settings: Arc<Settings>,
    workers: Vec<WorkerHandle>,
    /// What else follows each reload.
    follower: Option<Follower>,
    /// The options of the log, if the operator has changed them since the last reload.
    log: Option<Arc<LogOptions>>,
}

impl Current {
    fn log(&self) -> &LogOptions {
        self.log.as_deref().unwrap_or(&self.settings.config.log)
    }
}

/// Is told each configuration that is in use.
pub(super) type Follower = Box<dyn FnMut(&Config) + Send>;

/// What came of a reload.
#[derive(Debug)]
pub struct Reloaded {
    /// The configuration in use.
    pub config: Config,
    /// The options whose new values need a restart.
    pub ignored: Vec<&'static str>,
    /// What the operator should know about the users and about a new certificate, one line each.
    pub notices: Vec<String>,
    /// The fingerprint of a new self-signed certificate.
    pub fingerprint: Option<String>,
}

impl Reloader {
    /// The server runs with these settings from now on. Starts to watch the files.
    pub fn begin(
        &self,
        settings: &Arc<Settings>,
        workers: &[WorkerHandle],
    ) -> Result<(), StartError> {
        let watching = lock(&self.watches).change(&settings.config, &settings.sites);
        self.enter(match &watching {
            Ok(()) => Phase::Running(Current {
                settings: Arc::clone(settings),
                workers: workers.to_vec(),
                follower: None,
                log: None,
            }),
            Err(_) => Phase::Ended,
        });
        watching
    }

    /// Tells `follower` the configuration, now and after each reload.
    pub(super) fn follow(&self, mut follower: Follower) {
        if let Phase::Running(running) = &mut *lock(&self.phase) {
            // There may have been a reload since the start.
            follower(&running.settings.config);
            running.follower = Some(follower);
        }
    }

    /// The kernel confines the process from now on, so no reload can lead out of that.
    pub fn stay_within(&self, confinement: Arc<Confinement>) {
        // The first one counts. A process that is confined twice reaches only what both have.
        self.confinement.get_or_init(|| confinement);
    }

    /// Leaves out what the kernel does not allow any more. Returns the options that are ignored.
    fn confine(
        &self,
        config: &mut Config,
        earlier: &Config,
    ) -> Result<Option<&'static str>, StartError> {
        let Some(confinement) = self.confinement.get() else {
            return Ok(None);
        };
        let reach = &confinement.reach;
        if let Some(path) = reach.first_outside(config) {
            return Err(StartError::OutOfReach(path));
        }
        let (wanted, served) = (
            &mut config.site.follow_symlinks,
            earlier.site.follow_symlinks,
        );
        if *wanted && !served && !reach.is_everything() {
            *wanted = false;
            return Ok(Some("--follow-symlinks"));
        }
        Ok(None)
    }

    /// The server stops.
    pub fn end(&self) {
        self.enter(Phase::Ended);
    }

    fn enter(&self, phase: Phase) {
        *lock(&self.phase) = phase;
        self.has_begun.notify_all();
    }

    /// How long a drain may take; `None` if the server does not run.
    pub fn drain_time(&self) -> Option<Duration> {
        Some(self.settings()?.config.deadlines.drain)
    }

    /// How long a server that leaves still serves; `None` if the server does not run.
    pub fn drain_delay(&self) -> Option<Duration> {
        Some(self.settings()?.config.drain_delay)
    }

    /// Switches to a new configuration, once the server runs. If something cannot be opened, nothing changes.
    /// Operators are shown `shown` of it. `None`: the server has stopped.
    pub fn reload(&self, config: Config, shown: Arc<[u8]>) -> Result<Option<Reloaded>, StartError> {
        let outcome = self.change(config, shown);
        outcome.map_err(|fault| match self.confinement.get() {
            Some(_) => fault.while_confined(),
            None => fault,
        })
    }

    fn change(&self, mut config: Config, shown: Arc<[u8]>) -> Result<Option<Reloaded>, StartError> {
        self.wait_for_start();
        let mut watches = lock(&self.watches);
        let Some(earlier) = self.settings() else {
            return Ok(None);
        };
        let mut ignored = config.keep_fixed(&earlier.config);
        ignored.extend(self.confine(&mut config, &earlier.config)?);
        let sites = open_sites(&config)?;
        let guard = guard(&config, &earlier)?;
        let (endpoint, notices) = endpoint(&config, &earlier)?;
        let mut notices: Vec<_> = notices.iter().map(ToString::to_string).collect();
        let has_new = kept(&endpoint, &earlier.endpoint).is_none();
        let fingerprint = endpoint.as_ref().filter(|_| has_new);
        let fingerprint = fingerprint.and_then(|endpoint| endpoint.fingerprint());
        let fingerprint = fingerprint.map(str::to_owned);
        let ids = open_ids(&config)?;
        let settings = Arc::new(Settings {
            shown,
            ..earlier.reloaded(config, sites, guard, endpoint, ids)
        });
        watches.change(&settings.config, &settings.sites)?;
        notices.extend(renewed(&settings, &earlier));
        let Phase::Running(running) = &mut *lock(&self.phase) else {
            return Ok(None);
        };
        for worker in &running.workers {
            worker.change(Change::Settings(Arc::clone(&settings)));
        }
        if let Some(follower) = &mut running.follower {
            follower(&settings.config);
        }
        running.settings = Arc::clone(&settings);
        running.log = None;
        if let Some(endpoint) = &settings.endpoint {
            endpoint.watch_files();
        }
        Ok(Some(Reloaded {
            config: settings.config.clone(),
            ignored,
            notices,
            fingerprint,
        }))
    }

    /// The workers of the running server.
    pub fn workers(&self) -> Vec<WorkerHandle> {
        match &*lock(&self.phase) {
            Phase::Running(running) => running.workers.clone(),
            Phase::Starting | Phase::Ended => Vec::new(),
        }
    }

    /// How much is logged; `None` if the server does not run, or has no log.
    pub(super) fn log_level(&self) -> Option<LogLevel> {
        match &*lock(&self.phase) {
            Phase::Running(running) => running.log().level(),
            Phase::Starting | Phase::Ended => None,
        }
    }

    /// Changes how much is logged, until the next reload. Returns how much was. `None`: the server does not run.
    pub(super) fn set_log_level(
        &self,
        level: LogLevel,
    ) -> Option<Result<Option<LogLevel>, NoSuchLevel>> {
        let Phase::Running(running) = &mut *lock(&self.phase) else {
            return None;
        };
        let options = match running.log().at(level) {
            Ok(options) => Arc::new(options),
            Err(fault) => return Some(Err(fault)),
        };
        let earlier = running.log().level();
        for worker in &running.workers {
            worker.change(Change::Log(Arc::clone(&options)));
        }
        running.log = Some(options);
        Some(Ok(earlier))
    }

    fn wait_for_start(&self) {
        let is_starting = |phase: &mut Phase| matches!(phase, Phase::Starting);
        drop(self.has_begun.wait_while(lock(&self.phase), is_starting));
    }

    /// The settings of the running server.
    pub(super) fn settings(&self) -> Option<Arc<Settings>> {
        match &*lock(&self.phase) {
            Phase::Running(running) => Some(Arc::clone(&running.settings)),
            Phase::Starting | Phase::Ended => None,
        }
    }
}

/// Reads the files again of what stays because its options are unchanged. A file that is invalid changes nothing.
/// Returns what came of it.
fn renewed(settings: &Settings, earlier: &Settings) -> Vec<String> {
    let guard = kept(&settings.guard, &earlier.guard);
    let users = guard.and_then(|guard| guard.reload(instant()));
    let endpoint = kept(&settings.endpoint, &earlier.endpoint);
    let files = endpoint.map(|endpoint| endpoint.reload());
    let users = users.iter().map(ToString::to_string);
    let files = files.iter().flatten().map(ToString::to_string);
    users.chain(files).collect()
}

/// The users. If the options are unchanged, the old guard stays, with its checked passwords and failure counts.
fn guard(config: &Config, earlier: &Settings) -> Result<Option<Arc<Guard>>, StartError> {
    let (of_new, of_old) = (&config.rules.protection, &earlier.config.rules.protection);
    match of_new == of_old && config.auth_file == earlier.config.auth_file {
        true => Ok(earlier.guard.clone()),
        false => open_guard(config, Guard::pool(None)),
    }
}

/// The TLS endpoint. If its options are unchanged, the old one stays, and with it the tickets of its clients.
fn endpoint(
    config: &Config,
    earlier: &Settings,
) -> Result<(Option<Arc<Endpoint>>, Vec<Notice>), StartError> {
    let (of_new, of_old) = (of_endpoint(config), of_endpoint(&earlier.config));
    if of_new == of_old {
        return Ok((earlier.endpoint.clone(), Vec::new()));
    }
    let addresses = config.bind.addresses();
    let addresses: Vec<_> = addresses.map(|ip| (ip, earlier.port).into()).collect();
    open_endpoint(config, &addresses)
}

/// The options of TLS without those that only change responses.
fn of_endpoint(config: &Config) -> Option<TlsOptions> {
    config.tls.clone().map(|options| TlsOptions {
        hsts: None,
        redirect: None,
        ..options
    })
}

/// What a reload has kept.
fn kept<'a, T>(now: &'a Option<Arc<T>>, earlier: &Option<Arc<T>>) -> Option<&'a Arc<T>> {
    let (now, earlier) = (now.as_ref()?, earlier.as_ref()?);
    Arc::ptr_eq(now, earlier).then_some(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A reload may wait for a disk that does not answer. If the end needed the same lock, this would hang.
    #[test]
    fn the_end_does_not_wait_for_a_reload() {
        let reloader = Reloader::default();
        let _under_way = lock(&reloader.watches);
        reloader.end();
        assert_eq!(reloader.drain_time(), None);
    }

    #[test]
    fn nothing_is_reloaded_after_the_end() {
        let reloader = Reloader::default();
        reloader.end();
        let config = Config::new("/absent".into(), 1, 1024);
        assert!(
            reloader
                .reload(config, Arc::default())
                .expect("no fault")
                .is_none()
        );
    }
}
