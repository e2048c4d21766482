//! What the connections of a worker hold of memory and of places, and whether one that was chosen may still be given up.

use mio::Token;

use crate::net::connection::Connection;
use crate::net::context::Context;
use crate::net::deadline::Waiting;
use crate::net::listener::Service;
use crate::net::mailbox::Admission;
use crate::net::places::{Newcomer, Readiness};
use crate::net::ranking::Holder;
use crate::net::slots::{Slot, Slots};

/// What the connections hold of the memory. The first to go are those that keep most beside what each of them costs.
pub(super) fn of_memory(slots: &Slots) -> Vec<Holder<u64>> {
    let held = |(token, connection, _): (Token, &Connection, &Slot)| Holder {
        token,
        network: connection.network(),
        units: connection.charged(),
        rank: connection.kept(),
    };
    slots.connections().map(held).collect()
}

/// The connections with their places: one each.
pub(super) fn of_places(slots: &Slots) -> Vec<Holder<Readiness>> {
    let held = |(token, connection, slot): (Token, &Connection, &Slot)| Holder {
        token,
        // The connection of a proxy is the proxy's, whose client is another one at each request.
        network: connection.client().network_of_peer(),
        units: 1,
        rank: readiness(connection, slot),
    };
    slots.connections().map(held).collect()
}

/// Who a new client is, as far as it is known before its first bytes.
pub(super) fn newcomer(admission: &Admission, context: &Context) -> Newcomer {
    match admission.listener.service {
        Service::Admin => Newcomer::Operator(admission.client.network()),
        _ if context.proxies.trust(admission.client.peer.ip()) => Newcomer::BehindProxy,
        Service::Site | Service::Redirect => Newcomer::Of(admission.client.network()),
    }
}

/// Whether a connection that was chosen for its memory still keeps as much.
pub(super) fn keeps_as_much(slot: &Slot, chosen: &Holder<u64>) -> bool {
    let connection = slot.connection.as_deref();
    connection.is_some_and(|connection| connection.kept() >= chosen.rank)
}

/// Whether a connection that was chosen for its place is still as ready to give way. One that had no request may have
/// got a part of one.
pub(super) fn is_as_ready(slot: &Slot, chosen: &Holder<Readiness>) -> bool {
    let least = chosen.rank.min(Readiness::Reading);
    let is_ready = |connection: &Connection| readiness(connection, slot) >= least;
    slot.connection.as_deref().is_some_and(is_ready) && !has_unread(slot, chosen)
}

/// Whether the client of a connection that was chosen because it has no complete request has sent something that no event
/// has told yet.
pub(super) fn has_unread(slot: &Slot, chosen: &Holder<Readiness>) -> bool {
    let has_input = |connection: &Connection| connection.transport().has_input();
    chosen.rank > Readiness::Served && slot.connection.as_deref().is_some_and(has_input)
}

fn readiness(connection: &Connection, slot: &Slot) -> Readiness {
    match connection.deadline().waiting {
        _ if slot.refused || slot.queued => Readiness::Never,
        Waiting::FirstRequest | Waiting::Request => Readiness::Idle,
        Waiting::Handshake | Waiting::Head | Waiting::Body | Waiting::Close => Readiness::Reading,
        Waiting::Send | Waiting::Traffic | Waiting::Answer => Readiness::Served,
    }
}
