//! The events of a worker's poller: drives the connections that have some, as many as time permits, and queues the
//! others.

use std::time::Duration;

use mio::Events;

use crate::net::clock;
use crate::net::context::{Context, TURN_TIME};
use crate::net::worker::connections::Connections;

/// The most events in one turn. More would only make the turn longer.
const EVENTS: usize = 1024;

/// The most batches of events that are fetched after a full one, before connections are driven: enough for
/// all connections of a worker.
const MOST_BATCHES: usize = 64;

/// How long a worker works on new events at full speed. Then each connection answers one request, so
/// that the last of the events does not wait long.
const EVENTS_TIME: Duration = Duration::from_millis(4);

/// How long a worker drives connections that have events. After that, it queues the rest.
pub(super) const MOST_EVENTS_TIME: Duration = Duration::from_millis(8);

/// Room for the events of one turn.
pub(super) fn room() -> Events {
    Events::with_capacity(EVENTS)
}

/// Drives the connections that have events, as many as time permits, and queues the others.
pub(super) fn act_on(events: &mut Events, connections: &mut Connections, context: &mut Context) {
    if is_full(events) {
        queue_flood(events, connections);
        context.now.latest = clock::instant();
        return;
    }
    let begin = context.now.latest;
    for event in events.iter() {
        if context.now.latest >= begin + EVENTS_TIME {
            context.turn_time = Duration::ZERO;
        }
        let Some(index) = connections.note_ready(event) else {
            continue;
        };
        let is_late = context.now.latest >= begin + MOST_EVENTS_TIME;
        match is_late || connections.slots()[index].busy > 0 {
            true => connections.queue(index),
            false => connections.drive_or_queue(index, context),
        }
    }
    context.turn_time = TURN_TIME;
}

/// Queues the connections of a full batch of events. There may be many more events behind it, so those
/// are fetched and queued as well before any connection is driven, and networks take turns.
fn queue_flood(events: &mut Events, connections: &mut Connections) {
    for fetched in 0..=MOST_BATCHES {
        for event in events.iter() {
            if let Some(index) = connections.note_ready(event) {
                connections.queue(index);
            }
        }
        let poll = &mut connections.mailbox.poll;
        let is_last = fetched == MOST_BATCHES || !is_full(events);
        if is_last || poll.poll(events, Some(Duration::ZERO)).is_err() {
            return;
        }
    }
}

/// Whether there may be more events than these.
fn is_full(events: &Events) -> bool {
    events.iter().count() == EVENTS
}
