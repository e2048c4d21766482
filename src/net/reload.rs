//! Goes over to another configuration while the server runs.
//!
//! ```text
//! a new configuration -> open the sites, read the users -> tell each worker -> it answers from there
//!                             |
//!                          (a fault: the old configuration stays)
//! ```

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::net::config::Config;
use crate::net::mailbox::WorkerHandle;
use crate::net::open::{open_endpoint, open_guard, open_sites};
use crate::net::settings::Settings;
use crate::net::start_error::StartError;
use crate::net::tls::Endpoint;
use crate::net::tls::options::TlsOptions;
use crate::net::watches::{Watches, start_watches};
use crate::origin::auth::Guard;

/// What a server goes by.
#[derive(Default)]
pub struct Reloader {
    phase: Mutex<Phase>,
    has_begun: Condvar,
}

#[derive(Default)]
enum Phase {
    #[default]
    Starting,
    Running(Running),
    Ended,
}

struct Running {
    settings: Arc<Settings>,
    workers: Vec<WorkerHandle>,
    /// They end when they are dropped.
    _watches: Watches,
}

impl Reloader {
    /// The server runs with these settings from now on. Starts to watch the files.
    pub fn begin(
        &self,
        settings: &Arc<Settings>,
        workers: &[WorkerHandle],
    ) -> Result<(), StartError> {
        let watches = start_watches(&settings.config, &settings.sites)?;
        self.enter(Phase::Running(Running {
            settings: Arc::clone(settings),
            workers: workers.to_vec(),
            _watches: watches,
        }));
        Ok(())
    }

    /// The server stops.
    pub fn end(&self) {
        self.enter(Phase::Ended);
    }

    fn enter(&self, phase: Phase) {
        *self.phase() = phase;
        self.has_begun.notify_all();
    }

    /// Goes over to another configuration, once the server runs. Returns the options whose new values need a
    /// restart. If something cannot be opened, nothing changes. After the server has stopped, this does nothing.
    pub fn reload(&self, mut config: Config) -> Result<Vec<&'static str>, StartError> {
        let is_starting = |phase: &mut Phase| matches!(phase, Phase::Starting);
        let phase = self.has_begun.wait_while(self.phase(), is_starting);
        let mut phase = phase.unwrap_or_else(PoisonError::into_inner);
        let Phase::Running(running) = &mut *phase else {
            return Ok(Vec::new());
        };
        let earlier = &running.settings;
        let ignored = config.keep_fixed(&earlier.config);
        let sites = open_sites(&config)?;
        let guard = guard(&config, earlier)?;
        let endpoint = endpoint(&config, earlier)?;
        let settings = Arc::new(earlier.reloaded(config, sites, guard, endpoint));
        let watches = start_watches(&settings.config, &settings.sites)?;
        for worker in &running.workers {
            worker.reload(Arc::clone(&settings));
        }
        running.settings = settings;
        running._watches = watches;
        Ok(ignored)
    }

    fn phase(&self) -> MutexGuard<'_, Phase> {
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The users. If the same ones are named, they stay, with what is known of their passwords and of failures.
fn guard(config: &Config, earlier: &Settings) -> Result<Option<Arc<Guard>>, StartError> {
    let (of_new, of_old) = (&config.rules.protection, &earlier.config.rules.protection);
    match of_new == of_old && config.auth_file == earlier.config.auth_file {
        true => Ok(earlier.guard.clone()),
        false => open_guard(config, Guard::pool(None)),
    }
}

/// What starts TLS sessions. If the options are the same, it stays, because it reads changed certificates itself.
fn endpoint(config: &Config, earlier: &Settings) -> Result<Option<Arc<Endpoint>>, StartError> {
    match &config.tls {
        Some(options)
            if Some(of_endpoint(options)) != earlier.config.tls.as_ref().map(of_endpoint) =>
        {
            let addresses = config.bind.addresses();
            let addresses: Vec<_> = addresses.map(|ip| (ip, earlier.port).into()).collect();
            Ok(open_endpoint(config, &addresses)?.0)
        }
        _ => Ok(earlier.endpoint.clone()),
    }
}

/// The options without those that only change responses.
fn of_endpoint(options: &TlsOptions) -> TlsOptions {
    TlsOptions {
        hsts: None,
        redirect: None,
        ..options.clone()
    }
}
