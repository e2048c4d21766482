//! The commands that take options.

/// A command that takes options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// `docroot [PATH]`.
    Serve,
    /// `docroot explain TARGET [PATH]`.
    Explain,
    /// `docroot compress [PATH]`.
    Compress,
}

impl Mode {
    /// Every command.
    pub const ALL: [Mode; 3] = [Mode::Serve, Mode::Explain, Mode::Compress];

    /// The commands whose word is the first argument.
    pub const WITH_WORD: [Mode; 2] = [Mode::Explain, Mode::Compress];

    /// The first argument; empty if the command has none.
    pub fn word(self) -> &'static str {
        match self {
            Mode::Serve => "",
            Mode::Explain => "explain",
            Mode::Compress => "compress",
        }
    }

    /// What people type to run it.
    pub fn typed(self) -> &'static str {
        match self {
            Mode::Serve => "docroot",
            Mode::Explain => "docroot explain",
            Mode::Compress => "docroot compress",
        }
    }
}
