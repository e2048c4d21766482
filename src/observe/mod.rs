//! What is told of the work: the access log and the counters. Invariant: to observe never makes a
//! worker wait, and what a client sends never leaves here unescaped.

// The formats of the access log and the choice between them.
pub mod access_log;
// Who is at the other end.
pub mod client;
// For tools that read the logs of Apache and nginx.
mod combined;
// One request and its response, as told.
pub mod event;
// For programs: one object a line.
mod json;
// The thread that writes the log, so that no worker waits for a disk.
pub mod log;
// Counters.
pub mod metrics;
// Where every exchange ends.
pub mod observer;
// A word to the operator while the server runs.
pub mod notice;
// For people at a terminal.
mod pretty;
