//! What the operator asks for, as plain values. Nothing was opened or looked up to make them.

use std::path::PathBuf;

use super::user::UserName;

/// What the process gives up before it serves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Privileges {
    /// The user to become. `None`: the process stays who it is.
    pub user: Option<UserName>,
    /// Whether the kernel confines the process.
    pub landlock: Landlock,
    /// The configuration file, which is read again at a reload.
    pub config_file: Option<PathBuf>,
    /// A folder of the server's own, which it serves, and removes at its end.
    pub own_folder: Option<PathBuf>,
}

/// Whether the kernel confines the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Landlock {
    /// If it can.
    #[default]
    Auto,
    /// If it cannot, the server does not start.
    Require,
    /// No.
    Off,
}
