//! The server's own pages and endpoints, below `/.docroot/`. Each is off unless an option asks for it.

// Endpoints to try protocols with.
pub mod lab;
