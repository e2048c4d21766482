//! What docroot tells the service manager that started it (sd_notify(3)): that it is ready, reloads or stops, and that
//! its workers are alive.
//!
//! A build without the feature `systemd` tells nothing.

use crate::net::handle::Handle;
use crate::net::start_error::StartError;

/// What happens to the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// It serves: all listeners accept.
    Ready,
    /// It reads its configuration again. [`Event::Ready`] follows.
    Reloading,
    /// It stops.
    Stopping,
}

/// Tells the service manager about an event, if there is one that wants to know.
#[cfg(feature = "systemd")]
pub fn tell(event: Event) {
    use sd_notify::NotifyState;
    warn_once(match event {
        Event::Ready => sd_notify::notify(&[NotifyState::Ready]),
        // systemd compares the time with that of the signal.
        Event::Reloading => NotifyState::monotonic_usec_now()
            .and_then(|now| sd_notify::notify(&[NotifyState::Reloading, now])),
        Event::Stopping => sd_notify::notify(&[NotifyState::Stopping]),
    });
}

/// A service manager that hears nothing may end the service, and cannot say why.
#[cfg(feature = "systemd")]
fn warn_once(told: std::io::Result<()>) {
    use crate::observe::notice::{self, WARNING};
    use crate::text::escape::Name;
    use std::sync::atomic::{AtomicBool, Ordering};
    static IS_WARNED: AtomicBool = AtomicBool::new(false);
    let Err(fault) = told else { return };
    if IS_WARNED.swap(true, Ordering::Relaxed) {
        return;
    }
    let socket = std::env::var_os("NOTIFY_SOCKET").unwrap_or_default();
    let advice = match socket.as_encoded_bytes().first() {
        Some(b'@') => "docroot needs a socket with a path",
        _ => "without a service manager, unset NOTIFY_SOCKET",
    };
    let socket = Name(socket.as_encoded_bytes());
    notice::tell(&[format!(
        "{WARNING}the service manager at NOTIFY_SOCKET={socket} cannot be told whether docroot is ready: {fault}; {advice}"
    )]);
}

/// Tells nothing.
#[cfg(not(feature = "systemd"))]
pub fn tell(_: Event) {}

/// Runs `reload`, and tells the service manager before and after.
pub fn reloading(reload: impl FnOnce()) {
    tell(Event::Reloading);
    reload();
    tell(Event::Ready);
}

/// If the service manager wants to hear regularly that the service is alive, tells it so while every worker takes its
/// turns. A worker that is stuck stops the messages, and the service manager restarts the service.
#[cfg(feature = "systemd")]
pub fn start_watchdog(handle: Handle) -> Result<(), StartError> {
    use crossbeam_channel::never;
    let Some(timeout) = sd_notify::watchdog_enabled() else {
        return Ok(());
    };
    // Half of the time is what systemd recommends. A worker has a quarter to take a turn.
    let (interval, patience) = (timeout / 2, timeout / 4);
    let watch = move || {
        loop {
            if handle.workers_turn(patience) {
                warn_once(sd_notify::notify(&[sd_notify::NotifyState::Watchdog]));
            }
            let _ = never::<()>().recv_timeout(interval);
        }
    };
    let thread = std::thread::Builder::new().name("watchdog".into());
    let started = thread.spawn(watch).map(drop);
    started.map_err(|fault| StartError::System("a watchdog", fault))
}

/// Starts none.
#[cfg(not(feature = "systemd"))]
pub fn start_watchdog(_: Handle) -> Result<(), StartError> {
    Ok(())
}
