//! The server's own pages and endpoints, below `/.docroot/` or at a listener of their own. Each is off unless an option
//! asks for it.

// What operators and load balancers ask.
pub mod admin;
// Who may use them.
pub mod access;
// Pages that reload when files change.
pub mod live_reload;
// A page that shows requests and responses.
pub mod inspect;
// Requests that the page of the wire view sends again.
pub mod replay;
// What the learners of a class have done.
pub mod class;
// Endpoints to try protocols with.
pub mod lab;
// Data for that page.
mod packed;
// Where they are.
mod own_path;
// Places of which each address may take a few.
pub mod places;
// How often clients may do something.
mod rate;
// Reads the content of a request.
mod content;
// Why a request is refused.
mod fault;
// The language of a page.
mod languages;
// Responses that are no pages.
mod plain;
// What the words of the protocols mean, as data.
mod words;
