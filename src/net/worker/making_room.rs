//! Gives up connections: for their memory, if the clients hold more than the server may, and for their places, if there
//! are as many connections as it allows.
//!
//! [`Shedding`] and [`Places`] choose among what the connections held at the last look. A connection that has changed
//! since is left alone.

use std::time::Duration;

use crate::net::candidates;
use crate::net::connection::Connection;
use crate::net::context::Context;
use crate::net::places::{Newcomer, Places};
use crate::net::shed::Shedding;
use crate::net::worker::connections::Connections;
use crate::net::worker::events::MOST_EVENTS_TIME;
use crate::observe::closed::{Closed, Why};

/// Gives up connections if the clients hold more memory than the server may. It takes as much time as events may take:
/// otherwise a flood of events could bring more than is freed. Returns how long the worker may wait until it looks again.
pub(super) fn shed(
    shedding: &mut Shedding,
    connections: &mut Connections,
    context: &mut Context,
) -> Option<Duration> {
    let now = context.now.instant;
    if context.memory.budget().excess() > 0 {
        if shedding.is_due(now) {
            let holders = candidates::of_memory(connections.slots());
            shedding.choose(holders, context.memory.budget(), now);
        }
    } else if !shedding.is_under_way() {
        return None;
    }
    let end = context.now.latest + MOST_EVENTS_TIME;
    while context.now.latest < end
        && let Some(chosen) = shedding.pop()
    {
        if let Some(index) = connections.slots().index_of(chosen.token)
            && candidates::keeps_as_much(&connections.slots()[index], &chosen)
        {
            connections.run_turn(index, context, Connection::shed);
        }
    }
    let is_over = context.memory.budget().excess() > 0;
    is_over.then(|| shedding.wait(now))
}

/// How many connections are read before one of them gives way, because their clients have sent something since the
/// last event.
const MOST_READ: usize = 16;

/// Makes a connection give its place to a new client. Returns whether one did.
pub(super) fn make_room(
    newcomer: Newcomer,
    places: &mut Places,
    connections: &mut Connections,
    context: &mut Context,
) -> bool {
    let now = context.now.instant;
    // Operators have few connections, so a look costs nothing. A crowd of them comes within the time between two looks.
    if places.is_due(now) || matches!(newcomer, Newcomer::Operator(_)) {
        places.look(&candidates::of_places(connections.slots()), now);
    }
    let mut most_read = MOST_READ;
    while let Some(chosen) = places.pop(newcomer) {
        let Some(index) = connections.slots().index_of(chosen.token) else {
            continue;
        };
        // What has come since the last event may be half a request.
        if most_read > 0 && candidates::has_unread(&connections.slots()[index], &chosen) {
            most_read -= 1;
            connections.read(index, context);
        }
        if candidates::is_as_ready(&connections.slots()[index], &chosen) {
            give_way(index, connections, context);
            places.note_newcomer(newcomer);
            return true;
        }
    }
    false
}

/// Gives up a connection for a new client. If it gets a response that says so, it counts as refused until it has
/// ended.
fn give_way(index: usize, connections: &mut Connections, context: &mut Context) {
    connections.run_turn(index, context, Connection::give_way);
    if connections.may_refuse() {
        connections.note_refused(index);
    } else {
        // The socket has the response, but the client is not given time to read it.
        connections.close(index, Closed::Orderly(Why::PlaceNeeded), context);
    }
}
