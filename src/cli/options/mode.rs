//! The commands that take options.

/// A command that takes options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// `docroot [PATH]`.
    Serve,
    /// `docroot explain TARGET [PATH]`.
    Explain,
}

impl Mode {
    /// The other command.
    pub fn other(self) -> Mode {
        match self {
            Mode::Serve => Mode::Explain,
            Mode::Explain => Mode::Serve,
        }
    }
}
