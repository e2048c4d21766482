//! The server's own pages and endpoints, below `/.docroot/`. Each is off unless an option asks for it.

// Who may use them.
pub mod access;
// Pages that reload when files change.
pub mod live_reload;
// A page that shows requests and responses.
pub mod inspect;
// Endpoints to try protocols with.
pub mod lab;
// What the words of the protocols mean, as data.
pub mod words;
