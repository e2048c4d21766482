//! What other threads may ask of a server: to drain, to hand over its listeners, to reload.

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Sender, never};

use crate::net::config::Config;
use crate::net::mailbox::{Shutdown, WorkerHandle};
use crate::net::reload::{Reloaded, Reloader};
use crate::net::start_error::StartError;
use crate::site::budget::{Account, Budget};

/// What a server is told to do. The second order stops it at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Say that the server will leave, and drain after a while.
    Leave,
    /// Accept no more, and finish the responses that have begun.
    Drain,
    /// The same, but another server accepts from the listeners, so idle connections may ask once more.
    HandOver,
}

/// How often [`Handle::workers_turn`] looks.
const LOOK: Duration = Duration::from_millis(10);

/// Shuts down or reloads a running server from another thread, and shows what it holds.
#[derive(Clone)]
pub struct Handle {
    pub(super) orders: Sender<Order>,
    pub(super) shutdown: Arc<Shutdown>,
    pub(super) memory: Arc<Budget>,
    pub(super) reloader: Arc<Reloader>,
}

impl Handle {
    /// Asks the server to finish the responses that it has begun, and then to stop. A second call
    /// during the drain stops the server at once.
    pub fn drain(&self) {
        // If the channel is full or disconnected, the server is shutting down already.
        let _ = self.orders.try_send(Order::Drain);
    }

    /// Asks the server to do the same after the time that the configuration says. Until then it serves, and says that
    /// it will leave. A second call, or one of [`Handle::drain`], stops the server at once.
    pub fn leave(&self) {
        let _ = self.orders.try_send(Order::Leave);
    }

    /// How long a server that leaves still serves.
    pub fn drain_delay(&self) -> Duration {
        self.reloader.drain_delay().unwrap_or_default()
    }

    /// Another process gets the listeners, so the server leaves them as they are. False: it is too late, because they may
    /// be closed already.
    pub fn lend(&self) -> bool {
        self.shutdown.lend()
    }

    /// The other process does not accept after all.
    pub fn take_back(&self) {
        self.shutdown.take_back();
    }

    /// Tells the server that another one accepts from its listeners. It finishes the responses that it has begun, and
    /// stops.
    pub fn hand_over(&self) {
        let _ = self.orders.try_send(Order::HandOver);
    }

    /// Switches to a new configuration without dropping a request. If something cannot be opened, nothing
    /// changes. Operators are shown `shown` of it, see `Server::set_shown_config`. Waits for the start of the server,
    /// and perhaps for the disk. `None`: the server has stopped.
    pub fn reload(&self, config: Config, shown: Arc<[u8]>) -> Result<Option<Reloaded>, StartError> {
        self.reloader.reload(config, shown)
    }

    /// Whether every worker begins a turn within this time. A worker that has exited, or a server that does not run,
    /// need not.
    pub fn workers_turn(&self, patience: Duration) -> bool {
        let workers = self.reloader.workers();
        workers.iter().for_each(WorkerHandle::ask_for_turn);
        let looks = (patience.as_millis() / LOOK.as_millis()).max(1);
        (0..looks).any(|_| {
            let have_all = workers.iter().all(WorkerHandle::has_turned);
            if !have_all {
                let _ = never::<()>().recv_timeout(LOOK);
            }
            have_all
        })
    }

    /// How many bytes of memory the server holds for this account. [`Account::ALL`] has all accounts.
    ///
    /// After the clients have left, the server holds what it keeps for the next ones: cached files under
    /// [`Account::Contents`], private copies under [`Account::Copies`], and up to two coders per worker
    /// under [`Account::Coders`]. All other accounts are at zero.
    pub fn held(&self, account: Account) -> u64 {
        self.memory.held(account)
    }
}
