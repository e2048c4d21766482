//! RFC 9110: values in, decisions out. Invariant: this layer never reads a socket, a file or the clock.

// Section 5: names, values and lists of fields.
pub mod field;
// Section 5 again: the fields of a response, as values.
pub mod field_section;
// Section 9: what a request asks for.
pub mod method;
// Section 15: how an answer begins.
pub mod status;

// Section 5.6.7: dates in three formats.
pub mod date;
// Section 8.3: what a file's name says of its contents.
pub mod media_type;

// Section 12.5.1: which media type the client likes best.
pub mod accept;
// Section 12.5.3: which content coding the client likes best.
pub mod coding;
// Section 12: in what representations of one resource differ.
pub mod variant;
// Section 12.4.2: quality values.
pub mod weight;

// Section 14.6: several ranges in one body.
pub mod byteranges;
// Sections 13 and 14 together: all of it, a part of it, or none.
pub mod decide;
// Section 13.1.5: whether a range still fits what the client has.
pub mod if_range;
// Section 13.2: whether the request is carried out at all.
pub mod precondition;
// Section 14: which bytes are asked for.
pub mod range;
// What the operator says about paths.
pub mod rules;
// The steps of a decision.
pub mod trace;
// Section 8.8: what tells one representation from another.
pub mod validator;

#[cfg(test)]
mod properties;
