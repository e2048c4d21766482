//! A request head in, an answer out.

/// The pages that errors carry.
pub mod pages;
