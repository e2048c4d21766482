//! Sockets, threads, readiness and deadlines.

/// What a server is told before it starts.
pub mod config;
/// How much a client may ask for, and how long it may take.
pub mod limits;
/// Where others can reach this machine.
pub mod reach;
/// Why a server could not start, and what mends it.
pub mod start_error;
