//! What operators and load balancers see of the server.

use std::net::SocketAddr;

use super::definition::{Group, Kind, OptionDef, store};
use super::network::{SOCKET, add_socket};
use crate::cli::units::duration;
use crate::net::config::{Admin, Bind};

/// The options of this group.
pub const GROUP: Group = Group {
    heading: "Health and metrics",
    options: &[ADMIN, DRAIN_DELAY],
};

const ADMIN: OptionDef = OptionDef::new(
    "admin",
    Kind::Text("ADDR:PORT", |settings, text| {
        store(&mut settings.config.admin, admin(text).map(Some))
    }),
    "Serve /health, /ready, /metrics (for Prometheus), /config and /log-level at this address, \
     such as 127.0.0.1:9180, or at a socket such as unix:/run/docroot.admin,mode=0660. Anyone who \
     can connect can use all of them. The listeners of the site do not serve them",
)
.default(|_| "off".into());

const DRAIN_DELAY: OptionDef = OptionDef::new(
    "drain-delay",
    Kind::Text("TIME", |settings, text| {
        store(&mut settings.config.drain_delay, duration(text))
    }),
    "How long docroot goes on serving after SIGTERM before it begins to shut down. Meanwhile, \
     /health (--admin) answers 503, so that load balancers send clients elsewhere. A second signal \
     stops docroot at once",
)
.default(|_| "0".into());

fn admin(text: &str) -> Result<Admin, String> {
    if let Some(path) = text.strip_prefix(SOCKET) {
        let mut bind = Bind::default();
        add_socket(&mut bind, path)?;
        return Ok(Admin { bind, port: 0 });
    }
    let address: SocketAddr = text.parse().map_err(
        |_| "not an address: write an IP address and a port, such as 127.0.0.1:9180 or [::1]:9180, or unix:PATH",
    )?;
    Ok(Admin {
        bind: Bind {
            required: vec![address.ip()],
            ..Bind::default()
        },
        port: address.port(),
    })
}
