//! RFC 9110: decisions about requests and representations.
//!
//! Functions take values and return decisions, such as `decide::decide`, which returns 206 or 304.
//! Invariant: this layer never reads a socket, a file or the clock.

// Section 5: the fields of a request.
pub mod field;
// Section 5: the fields of a response.
pub mod field_section;
// Section 9: request methods.
pub mod method;
// Section 15: status codes.
pub mod status;

// Section 5.6.7: dates in three formats.
pub mod date;
// Section 8.3: the media type of a file.
pub mod media_type;
// Section 8.3: what names say about media types.
mod media_table;
// Section 8.3: media types that the operator gives.
pub mod own_types;
// Section 8.3.2: the charset of a text.
mod charset;
// The encoding that a document declares, by the HTML standard.
mod prescan;
// The names of encodings, by the Encoding standard.
mod encoding_labels;
// Where the body of a document ends, by the HTML standard.
pub mod body_end;
// What the first bytes of a file say about it.
pub mod beginning;

// Section 12.5.1: chooses the media type by Accept.
pub mod accept;
// Section 12.5.4: which languages a client wants.
pub mod language;
// RFC 6265: the cookie for the chosen language.
pub mod cookie;
// Section 12.5.3: chooses the content coding by Accept-Encoding.
pub mod coding;
// Section 12: how the representations of a resource differ.
pub mod variant;
// Section 12.4.2: quality values.
pub mod weight;

// RFC 7578: the parts of multipart/form-data.
pub mod multipart;
// Section 14.6: a body with several ranges.
pub mod byteranges;
// Sections 13 and 14: whether the whole representation, parts or nothing is sent.
pub mod decide;
// Section 13.1.5: If-Range.
pub mod if_range;
// Section 13.2: preconditions.
pub mod precondition;
// Section 14: byte ranges.
pub mod range;
// The operator's rules for paths.
pub mod rules;
// Patterns over paths.
pub mod pattern;
// RFC 9111 section 5.2: Cache-Control.
pub mod cache_control;
// Fields that the operator adds, replaces or removes.
pub mod own_fields;
// Fields that one option adds together.
mod presets;
// RFC 3986 section 3.2: a host and its port.
pub mod host;
// Which other origins may read responses.
pub mod cors;
// Which paths need a password.
pub mod protection;
// RFC 7617: the name and the password in a request.
pub mod credentials;
// Which parts of a message nobody may see.
pub mod secrets;
// Which addresses may connect.
pub mod address_rules;
// RFC 7239: what proxies say of the client.
pub mod forwarded;
// Redirects that the operator wants.
pub mod redirects;
// Whether a request opens a page.
pub mod navigation;
// RFC 6266: content that is to be saved.
pub mod disposition;
// RFC 9651: structured fields.
mod structured_fields;
// RFC 9530: which digest a client wants.
pub mod digest;
// The steps of a decision, for `docroot explain`.
pub mod trace;
// A change of a request that makes a step turn out otherwise.
pub mod edit;
// Such changes with their values.
pub mod what_if;
// The steps as JSON.
pub mod trace_json;
// W3C Server Timing: how long the server took.
pub mod server_timing;
// Section 8.8: entity-tags and modification dates.
pub mod validator;

#[cfg(test)]
mod properties;
