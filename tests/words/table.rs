//! The parts of the table, and what each entry must have.

use serde_json::Value;

use super::section::{is_rfc, is_section};

/// The files of the table.
const FIELDS: &str = include_str!("../../src/guide/words/fields.json");
const METHODS: &str = include_str!("../../src/guide/words/methods.json");
const STATUSES: &str = include_str!("../../src/guide/words/statuses.json");
const WEBSOCKET: &str = include_str!("../../src/guide/words/websocket.json");

/// A part of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Fields,
    Methods,
    Statuses,
    Opcodes,
    OpcodeRanges,
    CloseCodes,
    CloseCodeRanges,
}

/// The members whose values are words of a list.
const CHOICES: [(&str, &[&str]); 3] = [
    (
        "sender",
        &["client", "server", "both", "intermediary", "nobody"],
    ),
    (
        "standing",
        &[
            "current", "draft", "informal", "reserved", "historic", "removed",
        ],
    ),
    (
        "class",
        &[
            "informational",
            "successful",
            "redirection",
            "client error",
            "server error",
        ],
    ),
];

/// The words of `lists`.
const LISTS: [&str; 4] = ["general", "request", "response", "entity"];

/// The longest sentence of a purpose in bytes. What is longer is no longer short.
const MAX_SENTENCE: usize = 140;

/// One word of the table.
#[derive(Clone, Debug)]
pub struct Entry {
    pub part: Part,
    value: Value,
}

impl Part {
    pub const ALL: [Part; 7] = [
        Part::Fields,
        Part::Methods,
        Part::Statuses,
        Part::Opcodes,
        Part::OpcodeRanges,
        Part::CloseCodes,
        Part::CloseCodeRanges,
    ];

    /// Its entries, in order.
    #[track_caller]
    pub fn entries(self) -> Vec<Entry> {
        let (text, member) = match self {
            Part::Fields => (FIELDS, None),
            Part::Methods => (METHODS, None),
            Part::Statuses => (STATUSES, None),
            Part::Opcodes => (WEBSOCKET, Some("opcodes")),
            Part::OpcodeRanges => (WEBSOCKET, Some("opcode_ranges")),
            Part::CloseCodes => (WEBSOCKET, Some("close_codes")),
            Part::CloseCodeRanges => (WEBSOCKET, Some("close_code_ranges")),
        };
        let json: Value = serde_json::from_str(text).expect("valid JSON");
        let array = member.map_or(Some(&json), |member| json.get(member));
        let array = array.and_then(Value::as_array).expect("an array");
        let entry = |value: &Value| Entry {
            part: self,
            value: value.clone(),
        };
        array.iter().map(entry).collect()
    }

    /// The members that each entry has, except `by`.
    fn members(self) -> &'static [&'static str] {
        match self {
            Part::Fields => &[
                "name", "lists", "sender", "purpose", "grammar", "example", "section", "standing",
            ],
            Part::Methods => &[
                "name",
                "safe",
                "idempotent",
                "cacheable",
                "purpose",
                "example",
                "section",
                "standing",
            ],
            Part::Statuses => &["code", "phrase", "class", "purpose", "section", "standing"],
            Part::Opcodes | Part::CloseCodes => &[
                "code", "name", "sender", "purpose", "grammar", "example", "section", "standing",
            ],
            Part::OpcodeRanges | Part::CloseCodeRanges => {
                &["first", "last", "purpose", "section", "standing"]
            }
        }
    }
}

impl Entry {
    pub fn new(part: Part, json: &str) -> Entry {
        let value = serde_json::from_str(json).expect("valid JSON");
        Entry { part, value }
    }

    #[track_caller]
    pub fn text(&self, member: &str) -> &str {
        let text = self.value.get(member).and_then(Value::as_str);
        text.unwrap_or_else(|| panic!("{} has no text {member}", self.value))
    }

    #[track_caller]
    pub fn number(&self, member: &str) -> u64 {
        let number = self.value.get(member).and_then(Value::as_u64);
        number.unwrap_or_else(|| panic!("{} has no number {member}", self.value))
    }

    #[track_caller]
    pub fn is(&self, member: &str) -> bool {
        let is = self.value.get(member).and_then(Value::as_bool);
        is.unwrap_or_else(|| panic!("{} has no truth value {member}", self.value))
    }

    /// The lists of a field.
    #[track_caller]
    pub fn lists(&self) -> Vec<&str> {
        let lists = self.value["lists"].as_array().expect("lists");
        lists.iter().filter_map(Value::as_str).collect()
    }

    /// What is wrong with its members.
    pub fn faults(&self) -> Vec<String> {
        let Some(object) = self.value.as_object() else {
            return vec![format!("no object: {}", self.value)];
        };
        let missing = self.part.members().iter();
        let missing = missing.filter(|member| !object.contains_key(**member));
        let mut faults: Vec<String> = missing.map(|member| format!("no {member}")).collect();
        for (member, value) in object {
            let is_known = self.part.members().contains(&member.as_str()) || member == "by";
            if !is_known || !is_valid(member, value) {
                faults.push(format!("{member}: {value}"));
            }
        }
        let standing = object.get("standing").and_then(Value::as_str);
        let may_have_by = matches!(standing, Some("historic" | "removed"));
        let must_have_by = standing == Some("removed");
        if object.contains_key("by") && !may_have_by || must_have_by && !object.contains_key("by") {
            faults.push("by does not fit the standing".to_owned());
        }
        let name = ["code", "name", "first"]
            .iter()
            .find_map(|member| object.get(*member));
        let name = name.unwrap_or(&Value::Null);
        faults
            .iter()
            .map(|fault| format!("{name}: {fault}"))
            .collect()
    }
}

/// Whether a member has a value of its kind.
fn is_valid(member: &str, value: &Value) -> bool {
    let text = value.as_str();
    if let Some((_, choices)) = CHOICES.iter().find(|(name, _)| *name == member) {
        return text.is_some_and(|text| choices.contains(&text));
    }
    match member {
        "code" | "first" | "last" => value.is_u64(),
        "safe" | "idempotent" | "cacheable" => value.is_boolean(),
        "section" => text.is_some_and(is_section),
        "by" => text.is_some_and(is_rfc),
        "purpose" => is_purpose(value),
        "lists" => value.as_array().is_some_and(|lists| {
            let is_list = |list: &Value| list.as_str().is_some_and(|list| LISTS.contains(&list));
            !lists.is_empty() && lists.iter().all(is_list)
        }),
        // What stands on the wire is ASCII.
        _ => text.is_some_and(|text| {
            !text.is_empty()
                && text.trim() == text
                && text.bytes().all(|b| matches!(b, b' '..=b'~'))
        }),
    }
}

/// Whether it says the same in both languages, as far as that can be seen: one to three short sentences each.
fn is_purpose(value: &Value) -> bool {
    let Some(object) = value.as_object() else {
        return false;
    };
    let text = |language| {
        object
            .get(language)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let (english, chinese) = (text("en"), text("zh"));
    let sentences: Vec<&str> = english.split_inclusive(". ").collect();
    object.len() == 2
        && english.is_ascii()
        && english.ends_with('.')
        && !english.contains("  ")
        && sentences.len() <= 3
        && sentences
            .iter()
            .all(|sentence| sentence.len() <= MAX_SENTENCE)
        && chinese.ends_with('。')
        && chinese
            .chars()
            .any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c))
        && !chinese.contains([',', '\n'])
}

#[test]
fn faults_are_found() {
    let whole = r#"{"code": 4, "name": "A", "sender": "both", "purpose": {"en": "A.", "zh": "一。"},
        "grammar": "a", "example": "b", "section": "RFC 9110 section 2", "standing": "current"}"#;
    let check = |json: &str, want: &[&str]| {
        let faults = Entry::new(Part::Opcodes, json).faults();
        let want: Vec<String> = want.iter().map(|want| format!("4: {want}")).collect();
        assert_eq!(faults, want, "{json}");
    };
    check(whole, &[]);
    let changed = |from: &str, to: &str| whole.replace(from, to);
    check(&changed(r#""name": "A", "#, ""), &["no name"]);
    check(&changed(r#""b""#, r#""""#), &[r#"example: """#]);
    check(&changed(r#""both""#, r#""all""#), &[r#"sender: "all""#]);
    check(&changed("section 2", "2"), &[r#"section: "RFC 9110 2""#]);
    check(&changed("一。", ""), &[r#"purpose: {"en":"A.","zh":""}"#]);
    check(&changed("A.", ""), &[r#"purpose: {"en":"","zh":"一。"}"#]);
    check(&changed("A.", "B"), &[r#"purpose: {"en":"B","zh":"一。"}"#]);
    let by = "by does not fit the standing";
    check(&changed("current", "removed"), &[by]);
    check(
        &changed("\"current\"", r#""current", "by": "RFC 7231""#),
        &[by],
    );
    check(
        &changed("\"current\"", r#""removed", "by": "RFC 7231""#),
        &[],
    );
    check(
        &changed("\"current\"", r#""current", "more": 1"#),
        &["more: 1"],
    );
}
