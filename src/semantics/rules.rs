//! The operator's rules for paths, and which of them apply to a request.
//!
//! The server compiles the rules when it starts. It matches them after it decodes the path and
//! before it looks for the file. Each file keeps its prepared field lines per rule set.

/// The set of rules that apply to a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RuleSet(u32);

/// The rules of a server. No option adds a rule yet, so every request has the empty set.
#[derive(Clone, Debug, Default)]
pub struct Rules {}

impl Rules {
    /// The rules that apply to `path` at `host`. The path is decoded and has no leading slash.
    pub fn matching(&self, _host: Option<&[u8]>, _path: &[u8]) -> RuleSet {
        RuleSet::default()
    }
}
