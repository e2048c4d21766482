//! A static file server. Each module is a layer; an arrow may only point to a layer below.
//!
//! Read from the bottom up to learn HTTP, from the top down to follow a request.
#![forbid(unsafe_code)]

pub mod http1;
/// A request head becomes an answer; the pages the server makes itself.
pub mod origin;
pub mod semantics;
/// The disk: confinement, resolution, listing, cache, coding.
pub mod site;
