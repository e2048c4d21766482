//! What the operator says about paths: which rules apply to a request.
//!
//! Rules are compiled when the server starts. Which of them match is found between decoding the
//! path and looking for the file, and what was prepared for a file is kept by rule set.

/// Which rules apply to a request. Two requests with the same set are answered by the same rules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RuleSet(u32);

/// The rules of a server. There is no option yet that adds one, so every request has the empty set.
#[derive(Clone, Debug, Default)]
pub struct Rules {}

impl Rules {
    /// The rules that apply to `path`, decoded and without its leading slash, at `host`.
    pub fn matching(&self, _host: Option<&[u8]>, _path: &[u8]) -> RuleSet {
        RuleSet::default()
    }
}
