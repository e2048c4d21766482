//! The commands that take options.

/// A command that takes options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// `docroot [PATH]`.
    Serve,
    /// `docroot explain TARGET [PATH]`.
    Explain,
    /// `docroot hash-password`.
    HashPassword,
}

impl Mode {
    /// The commands with a name of their own. Each is a command only as the first argument.
    pub const NAMED: [Mode; 2] = [Mode::Explain, Mode::HashPassword];

    /// The name of the command; `None` if it has none.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Mode::Serve => None,
            Mode::Explain => Some("explain"),
            Mode::HashPassword => Some("hash-password"),
        }
    }

    /// The command as it is typed.
    pub fn typed(self) -> &'static str {
        match self {
            Mode::Serve => "docroot",
            Mode::Explain => "docroot explain",
            Mode::HashPassword => "docroot hash-password",
        }
    }

    /// The command whose options people may mean too.
    pub fn other(self) -> Mode {
        match self {
            Mode::Serve => Mode::Explain,
            Mode::Explain | Mode::HashPassword => Mode::Serve,
        }
    }
}
