//! Least privilege: what the process gives up before it serves.
//!
//! ```text
//! bind the ports, read the key and the users
//!   -> become another user      user     root is given up for good
//!   -> be confined              confine  the kernel lets the process reach only what it needs
//!   -> start the threads, serve
//! ```
//!
//! Both steps come before the first thread. The C library makes all threads change their user together, but the
//! kernel confines only the calling thread and those that it starts later. Newer kernels can confine all threads at
//! once. The order makes that needless, and works with every kernel that has Landlock.

// What the operator asks for.
pub mod options;
// The lists of users and groups.
#[cfg(not(target_vendor = "apple"))]
mod accounts;
// Another user for the process.
pub mod user;
// What the process must reach.
pub mod reach;
// Lets the kernel confine the process.
pub mod confine;
// Why a privilege is not given up.
pub mod fault;
