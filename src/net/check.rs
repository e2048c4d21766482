//! What a server would find wrong at its start, without serving.

use crate::net::config::{Config, Port};
use crate::net::descriptors;
use crate::net::listen;
use crate::net::logs;
use crate::net::open::{open_endpoint, open_guard, open_site};
use crate::net::start_error::StartError;
use crate::net::tls::notice::Notice;
use crate::origin::auth::Guard;

/// What a server would find.
#[derive(Debug, Default)]
pub struct Checked {
    /// Why it would not start.
    pub faults: Vec<StartError>,
    /// What it would say.
    pub notices: Vec<Notice>,
    /// Another socket listens where the server would. It may be the server that is to be replaced.
    pub taken: Vec<StartError>,
}

/// Opens what a server with this configuration would open, apart from the listeners, and finds every fault. The
/// program needs `others` descriptors beside those of the server.
pub fn check(config: &Config, others: usize) -> Checked {
    let mut checked = Checked::default();
    let roots = config.roots();
    let opened = roots.iter().map(|root| open_site(root, &config.site));
    let faults = opened.filter_map(Result::err);
    checked.faults.extend(faults);
    // Without the roots, it cannot be said how many descriptors they need.
    if checked.faults.is_empty() {
        checked.note(descriptors::check(config, others));
    }
    for name in logs::names(config) {
        checked.note(name.check().map_err(StartError::Log));
    }
    checked.note(open_guard(config, Guard::pool(None)));
    match open_endpoint(config, &[]) {
        Ok((_, notices)) => checked.notices = notices,
        Err(fault) => checked.faults.push(fault),
    }
    checked.try_port(config, config.port);
    let redirect = config.tls.as_ref().and_then(|tls| tls.redirect);
    if let Some(port) = redirect {
        checked.try_port(config, Port::Fixed(port));
    }
    checked
}

impl Checked {
    fn note<T>(&mut self, outcome: Result<T, StartError>) {
        self.faults.extend(outcome.err());
    }

    fn try_port(&mut self, config: &Config, port: Port) {
        match listen::probe(&config.bind, port) {
            Ok(()) => {}
            Err(fault @ (StartError::PortTaken(_) | StartError::NoFreePort(..))) => {
                self.taken.push(fault);
            }
            Err(fault) => self.faults.push(fault),
        }
    }
}
