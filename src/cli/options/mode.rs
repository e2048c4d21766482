//! The commands that take options.

/// A command that takes options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// `docroot [PATH]`.
    Serve,
    /// `docroot check [PATH]`.
    Check,
    /// `docroot explain TARGET [PATH]`.
    Explain,
    /// `docroot compress [PATH]`.
    Compress,
    /// `docroot learn`.
    Learn,
    /// `docroot hash-password`.
    HashPassword,
}

impl Mode {
    /// Every command.
    pub const ALL: [Mode; 6] = [
        Mode::Serve,
        Mode::Check,
        Mode::Explain,
        Mode::Compress,
        Mode::Learn,
        Mode::HashPassword,
    ];

    /// The commands whose word is the first argument.
    pub const WITH_WORD: [Mode; 5] = [
        Mode::Check,
        Mode::Explain,
        Mode::Compress,
        Mode::Learn,
        Mode::HashPassword,
    ];

    /// The first argument; empty if the command has none.
    pub fn word(self) -> &'static str {
        match self {
            Mode::Serve => "",
            Mode::Check => "check",
            Mode::Explain => "explain",
            Mode::Compress => "compress",
            Mode::Learn => "learn",
            Mode::HashPassword => "hash-password",
        }
    }

    /// What people type to run it.
    pub fn typed(self) -> &'static str {
        match self {
            Mode::Serve => "docroot",
            Mode::Check => "docroot check",
            Mode::Explain => "docroot explain",
            Mode::Compress => "docroot compress",
            Mode::Learn => "docroot learn",
            Mode::HashPassword => "docroot hash-password",
        }
    }
}
