//! How many responses of the lab may take their time.

use std::cell::Cell;
use std::rc::Rc;

use crate::guide::fault::Fault;
use crate::semantics::status::Status;

/// How many responses of the lab may take their time on a worker. Each costs a connection and a few hundred
/// bytes, so this is for a class of pupils and not for a load test.
const MOST_SLOW: usize = 64;

/// Seconds after which to try again if there are as many.
pub const RETRY_AFTER: u64 = 5;

/// Counts the responses that take their time.
#[derive(Clone, Default)]
pub struct Slots(Rc<Cell<usize>>);

/// The place of one of them.
pub struct Slot(Rc<Cell<usize>>);

impl Slots {
    /// A place, if one is left.
    pub fn take(&self) -> Result<Slot, Fault> {
        if self.0.get() >= MOST_SLOW {
            return Err(Fault {
                status: Status::ServiceUnavailable,
                text:
                    "The lab has as many slow responses as it allows. Try again in a few seconds."
                        .to_owned(),
            });
        }
        self.0.set(self.0.get() + 1);
        Ok(Slot(Rc::clone(&self.0)))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_limited_and_given_back() {
        let slots = Slots::default();
        let taken: Vec<_> = (0..MOST_SLOW)
            .map(|_| slots.take().expect("a place"))
            .collect();
        let refused = slots.take().map(|_| ()).expect_err("none is left");
        assert_eq!(refused.status, Status::ServiceUnavailable);
        drop(taken);
        assert!(slots.take().is_ok());
    }
}
