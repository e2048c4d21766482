//! Bytes in memory, with the charge for them.

use std::ops::Deref;
use std::rc::Rc;

use crate::site::budget::Charge;
use crate::site::storage::Storage;

/// Bytes that clients share. The charge ends when the last client has let go of them, even if the
/// cache did so long before.
#[derive(Debug)]
pub struct HeldBytes {
    bytes: Bytes,
    /// `None` if nothing is held.
    charge: Option<Charge>,
}

#[derive(Debug)]
enum Bytes {
    Stored(Storage),
    /// They are part of the program.
    Program(&'static [u8]),
}

impl HeldBytes {
    /// Holds `bytes`, for which `charge` was made. From now on, it is for exactly these bytes.
    pub fn new(bytes: Storage, mut charge: Charge) -> Rc<HeldBytes> {
        charge.resize_anyway(bytes.cost() as u64);
        Rc::new(HeldBytes {
            bytes: Bytes::Stored(bytes),
            charge: Some(charge),
        })
    }

    /// Bytes that are part of the program, so they cost nothing.
    pub fn of_program(bytes: &'static [u8]) -> Rc<HeldBytes> {
        Rc::new(HeldBytes {
            bytes: Bytes::Program(bytes),
            charge: None,
        })
    }

    /// What is charged.
    pub(super) fn cost(&self) -> u64 {
        self.charge.as_ref().map_or(0, Charge::units)
    }
}

impl Deref for HeldBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.bytes {
            Bytes::Stored(bytes) => bytes,
            Bytes::Program(bytes) => bytes,
        }
    }
}

#[cfg(test)]
impl HeldBytes {
    /// Bytes that are charged to nobody.
    pub(super) fn free(bytes: impl Into<Vec<u8>>) -> Rc<HeldBytes> {
        use crate::site::budget::{Account, Allowance};
        let charge = Allowance::unlimited().charge_anyway(Account::Contents, 0);
        HeldBytes::new(Storage::of(bytes.into()), charge)
    }
}
