//! Turns a request into a response: applies the rules of [`crate::semantics`] to the files of
//! [`crate::site`].

// The request as a value.
pub mod request;
// The response as a value.
pub mod response;
// The interfaces of what answers requests.
pub mod handler;
// The sites of a server.
pub mod origins;
// How a request is answered: handlers, method, target, resource.
pub mod answer;
// One attempt to answer, with what is known so far.
mod attempt;
// How long answers wait.
pub mod patience;
// Which methods are allowed.
pub mod methods;
// Answers that wait for the disk.
mod disk_wait;
// Which representation of a regular file is sent.
mod file;
// Its content.
mod content;
// The operator's rules.
pub mod applied_rules;
// Passwords.
pub mod auth;
// Other origins.
mod cors;
// Digests of what is sent.
mod digests;
// What a path names.
mod resource;
// Chooses among files that are representations of one resource.
mod negotiate;
// 406 with a list of them.
mod variants;
// Redirects within the site, and those that the operator wants.
pub mod moved;
// Content that is to be saved.
mod download;
// Which codings are on offer.
mod offered;
// Precompressed files beside a file.
mod sidecars;
// The operator's attention to sidecars that are too old.
mod outdated;
// What is sent if it names nothing.
mod fallback;
// Directories as one file.
mod archive;
// Directory listings.
mod listing;
// Which part of a representation is sent, and with which fields.
mod represent;
// Responses to errors.
pub mod refuse;
// Redirects from HTTP to HTTPS.
pub mod redirect;
// Error pages.
mod pages;
// The paths that they name.
mod place;
// What is no part of the site.
mod of_server;
// Files that are part of docroot.
pub mod embedded;
// WebSocket connections.
pub mod websocket;
// Why a response is what it is.
pub mod reason;
// The same in a few words.
pub mod brief;
