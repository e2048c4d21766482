//! The server's own pages and endpoints, below `/.docroot/`. Each is off unless an option asks for it.

// News from other threads, for many connections.
pub mod topic;
// Pages that reload when files change.
pub mod live_reload;
// Endpoints to try protocols with.
pub mod lab;
// What the words of the protocols mean, as data.
pub mod words;
