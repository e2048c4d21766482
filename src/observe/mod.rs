//! The access log and the counters. Invariant: observing never makes a worker wait, and everything
//! that a client sends is escaped before it is written.

// The formats of the access log.
mod access_log;
// The client of a connection.
pub mod client;
// Why a connection is over.
pub mod closed;
// The format for tools that read the logs of Apache and nginx.
mod combined;
// What the access log records.
pub mod event;
// The heads of an exchange, for people.
mod heads;
// Messages without their secrets.
mod masked;
// The format for the journal of systemd.
mod journal;
// The format for programs: one JSON object per line.
mod json;
// The thread that writes the log, so no worker waits for a disk.
pub mod log;
// A file that is opened again when it was renamed or deleted.
pub mod log_file;
// Counters.
pub mod metrics;
// Counters of each worker, for the metrics.
pub mod tally;
// The formats in which programs read metrics.
pub mod exposition;
// What the system says about this process.
pub mod process;
// How requests are logged.
pub mod options;
// The log and the counters of one worker.
pub mod observer;
// Notices to the operator while the server runs.
pub mod notice;
// The format for people at a terminal.
mod pretty;
// What is kept of a body.
pub mod sample;
// Which successful exchanges are logged.
mod sampler;
// The ids of requests.
pub mod request_id;
// What the connections of a worker do.
pub mod phase_report;
// The time zone of the log.
pub mod zone;
// News from other threads, for many connections.
pub mod topic;
// What the wire view is told.
pub mod wire;
// Whole lines in a regular file that has several writers.
mod regular;
