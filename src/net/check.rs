//! What a server would find wrong at its start, without serving.

use crate::net::config::{Bind, Config, Port};
use crate::net::descriptors;
use crate::net::listen;
use crate::net::logs;
use crate::net::open::{open_endpoint, open_guard, open_site};
use crate::net::privileges::confine::{Confined, confine};
use crate::net::privileges::reach::Reach;
use crate::net::privileges::user::give_up_root;
use crate::net::socket_error::SocketError;
use crate::net::socket_file;
use crate::net::start_error::StartError;
use crate::net::take_over;
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
    /// How the kernel would confine the server. `None`: it would refuse although it must.
    pub confined: Option<Confined>,
}

/// Opens what a server with this configuration would open, apart from the listeners, and finds every fault. The
/// program needs `others` descriptors beside those of the server. Like a server, the process becomes another user and
/// is confined, if the configuration says so.
pub fn check(config: &Config, others: usize) -> Checked {
    let mut checked = Checked::default();
    checked.note(open_guard(config, Guard::pool(None)));
    match open_endpoint(config, &[]) {
        Ok((_, notices)) => checked.notices = notices,
        Err(fault) => checked.faults.push(fault),
    }
    checked.try_port(&config.bind, config.port);
    if let Some(admin) = &config.admin {
        checked.try_port(&admin.bind, Port::Fixed(admin.port));
    }
    let redirect = config.tls.as_ref().and_then(|tls| tls.redirect);
    if let Some(port) = redirect {
        checked.note_probe(listen::probe(&config.bind, Port::Fixed(port)));
    }
    if let Some(path) = &config.take_over {
        checked.note(take_over::probe(path));
    }
    if let Some(user) = &config.privileges.user {
        checked.note(give_up_root(user).map_err(StartError::User));
    }
    checked.open_roots(config, others);
    let reach = Reach::of(config, Vec::new());
    match confine(config.privileges.landlock, reach) {
        Ok(confined) => checked.confined = Some(confined),
        Err(fault) => checked.faults.push(StartError::Landlock(fault)),
    }
    checked
}

impl Checked {
    /// Opens the roots as the user who would serve them. Their faults come first.
    fn open_roots(&mut self, config: &Config, others: usize) {
        let roots = config.roots().into_iter();
        let opened = roots.map(|root| open_site(root, &config.site));
        let mut faults: Vec<StartError> = opened.filter_map(Result::err).collect();
        // Without the roots, it cannot be said how many descriptors they need.
        if faults.is_empty() {
            faults.extend(descriptors::check(config, others).err());
        }
        self.faults.splice(0..0, faults);
        for name in logs::names(config) {
            self.note(name.check().map_err(StartError::Log));
        }
    }

    fn note<T>(&mut self, outcome: Result<T, StartError>) {
        self.faults.extend(outcome.err());
    }

    fn try_port(&mut self, bind: &Bind, port: Port) {
        self.note_probe(listen::probe(bind, port));
        for socket in &bind.sockets {
            self.note_probe(socket_file::probe(socket));
        }
    }

    fn note_probe(&mut self, probed: Result<(), StartError>) {
        match probed {
            Ok(()) => {}
            Err(
                fault @ (StartError::PortTaken(_)
                | StartError::NoFreePort(..)
                | StartError::Socket(SocketError::Taken(_))),
            ) => self.taken.push(fault),
            Err(fault) => self.faults.push(fault),
        }
    }
}
