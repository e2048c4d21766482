//! The connections of a worker, each in a slot with a number.
//!
//! A token names a connection: the number of its slot, and how many connections the slot had before. So what comes late
//! for a connection that has ended does not reach the next one.

use std::ops::{Index, IndexMut};
use std::time::Instant;

use mio::Token;

use crate::net::connection::Connection;
use crate::observe::wire::Phases;

/// The slots of a worker.
#[derive(Default)]
pub(super) struct Slots {
    slots: Vec<Slot>,
    free: Vec<usize>,
}

/// A place for a connection, and what the worker knows of that.
#[derive(Default)]
pub(super) struct Slot {
    /// `None`: the slot is free.
    pub connection: Option<Box<Connection>>,
    /// Counts the slot's connections, so a late event does not reach the next one.
    generation: u32,
    /// Whether its client is being refused.
    pub refused: bool,
    /// Whether its response was being sent when the drain began.
    pub outlasts_drain: bool,
    /// Whether the slot is in a queue.
    pub queued: bool,
    /// If this is not zero, the connection has used a whole turn lately, or had long work in its first one.
    /// Its events are queued, so that the others do not wait for it. Counts down with each shorter turn.
    pub busy: u8,
    /// When its timer fires.
    pub timer: Option<Instant>,
}

/// A connection that has left its slot.
pub(super) struct Vacated {
    pub connection: Box<Connection>,
    /// The token that it had.
    pub token: Token,
    pub was_refused: bool,
    pub outlasted_drain: bool,
    pub timer: Option<Instant>,
}

impl Slots {
    /// How many slots there are. Some may be free.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there are slots, and all are free.
    pub fn are_vacant(&self) -> bool {
        !self.slots.is_empty() && self.free.len() == self.slots.len()
    }

    /// A free slot for a connection, which comes into it at once.
    pub fn take_free(&mut self) -> usize {
        self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            self.slots.len() - 1
        })
    }

    /// The token of the connection in this slot.
    pub fn token(&self, index: usize) -> Token {
        Token((self.slots[index].generation as usize) << INDEX_BITS | index)
    }

    /// The slot of a token. `None` if the token's connection has ended.
    pub fn index_of(&self, token: Token) -> Option<usize> {
        let index = token.0 & INDEX;
        let slot = self.slots.get(index)?;
        (slot.generation as usize == token.0 >> INDEX_BITS).then_some(index)
    }

    /// Takes the connection out of its slot, which is free then.
    pub fn vacate(&mut self, index: usize) -> Option<Vacated> {
        let token = self.token(index);
        let slot = &mut self.slots[index];
        let connection = slot.connection.take()?;
        let generation = slot.generation.wrapping_add(1) & GENERATION;
        let vacant = Slot {
            generation,
            ..Slot::default()
        };
        let left = std::mem::replace(slot, vacant);
        self.free.push(index);
        Some(Vacated {
            connection,
            token,
            was_refused: left.refused,
            outlasted_drain: left.outlasts_drain,
            timer: left.timer,
        })
    }

    /// The connections with their tokens and slots.
    pub fn connections(&self) -> impl Iterator<Item = (Token, &Connection, &Slot)> {
        self.slots.iter().enumerate().filter_map(|(index, slot)| {
            let connection = slot.connection.as_deref()?;
            Some((self.token(index), connection, slot))
        })
    }

    /// What the connections do.
    pub fn phases(&self) -> Phases {
        let connections = self
            .slots
            .iter()
            .filter_map(|slot| slot.connection.as_ref());
        connections.map(|connection| connection.phase()).collect()
    }
}

impl Index<usize> for Slots {
    type Output = Slot;

    fn index(&self, index: usize) -> &Slot {
        &self.slots[index]
    }
}

impl IndexMut<usize> for Slots {
    fn index_mut(&mut self, index: usize) -> &mut Slot {
        &mut self.slots[index]
    }
}

/// A token holds the index of a slot in its low half and the slot's generation in its high half.
const INDEX_BITS: u32 = usize::BITS / 2;
const INDEX: usize = (1 << INDEX_BITS) - 1;
/// One bit less than fits, so no token equals [`crate::net::mailbox::WAKE`].
const GENERATION: u32 = (1 << (INDEX_BITS - 1)) - 1;
