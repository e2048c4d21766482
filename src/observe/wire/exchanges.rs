//! How many exchanges a connection has had.

/// How many exchanges of a connection have ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exchanges {
    /// All of them.
    pub all: u32,
    /// Those of the wire view itself. They are not counted while it is off.
    pub own: u32,
}

impl Exchanges {
    /// Counts one more.
    pub fn count(&mut self, is_own: bool) {
        self.all = self.all.wrapping_add(1);
        self.own = self.own.wrapping_add(u32::from(is_own));
    }
}
