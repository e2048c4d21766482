//! New clients of a worker: who is served, who is refused, and in which order they come in.

use std::time::Duration;

use crate::net::candidates::newcomer;
use crate::net::context::{Context, TURN_TIME};
use crate::net::fair_queue::FairQueue;
use crate::net::mailbox::Admission;
use crate::net::places::Places;
use crate::net::worker::connections::{Connections, QUEUE_TIME};
use crate::net::worker::making_room::make_room;
use crate::origin::reason::Reason;

/// The new clients of a worker.
#[derive(Default)]
pub(super) struct Arrivals {
    /// New sockets, by network, so a flood from one network does not delay the others.
    waiting: FairQueue<Admission>,
    /// Connections that give way to new clients, because there are as many as the server allows.
    places: Places,
}

impl Arrivals {
    /// Whether no new socket waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Admits new sockets, as many as time permits. Each answers one request, and long work is queued.
    pub fn admit(&mut self, connections: &mut Connections, context: &mut Context) {
        for admission in connections.mailbox.admissions.try_iter() {
            self.waiting.push(admission.client.network(), admission);
        }
        let end = context.now.latest + QUEUE_TIME;
        context.turn_time = Duration::ZERO;
        while context.now.latest < end
            && let Some(admission) = self.waiting.pop()
        {
            // In this turn, the client may have got a response already on another connection and
            // changed a file since. So files are checked again.
            context.origins.look_again();
            if let Some(admission) = self.decide(admission, connections, context) {
                connections.begin(admission, context);
            }
        }
        context.turn_time = TURN_TIME;
    }

    /// Decides about a new client that is to be refused. `None`: its socket is closed.
    fn decide(
        &mut self,
        mut admission: Admission,
        connections: &mut Connections,
        context: &mut Context,
    ) -> Option<Admission> {
        let Some(reason) = admission.refused else {
            return Some(admission);
        };
        let newcomer = newcomer(&admission, context);
        let has_place = reason != Reason::Draining
            && make_room(newcomer, &mut self.places, connections, context);
        if has_place {
            admission.refused = None;
            connections.mailbox.note_served();
            return Some(admission);
        }
        let counters = &context.observer.counters;
        counters.connections_refused.add(1);
        if connections.may_refuse() {
            return Some(admission);
        }
        connections.mailbox.note_closed(true);
        counters.connections_open.subtract(1);
        None
    }

    /// Looks at the places again before the next connection gives way.
    pub fn forget_places(&mut self) {
        self.places = Places::default();
    }

    /// If no socket waits, frees the room that a crowd of them has taken.
    pub fn shrink(&mut self) {
        if self.waiting.is_empty() {
            self.waiting = FairQueue::default();
        }
    }
}
