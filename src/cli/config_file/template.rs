//! The value that a table of a configuration file stands for.
//!
//! The template `{from}={to}[ {status}]` turns `{ from = "/a", to = "/b", status = 308 }` into `/a=/b 308`, which is
//! what people type on the command line. A table may lack the keys in brackets: all of those in the same brackets. Each
//! key may have only such a value that the option reads it back as this
//! key.

/// A key of a template with the text around it.
pub struct Part {
    /// The key.
    pub key: &'static str,
    /// The number of the brackets around it. A table has all keys of the same brackets, or none of them. `None`
    /// if no table may lack the key.
    pub group: Option<usize>,
    before: &'static str,
    after: &'static str,
}

/// The values of a table with their keys, in any order.
pub type Row = Vec<(&'static str, String)>;

/// Splits a template into its keys. Text after a key belongs to that key; text in brackets belongs to the keys inside
/// them.
pub fn parts(template: &'static str) -> Vec<Part> {
    let mut parts = Vec::new();
    let (mut rest, mut group) = (template, 0);
    while !rest.is_empty() {
        let bracketed = rest.strip_prefix('[').and_then(|rest| rest.split_once(']'));
        if let Some((inside, after)) = bracketed {
            push_parts(&mut parts, inside, Some(group));
            (rest, group) = (after, group + 1);
        } else {
            let (outside, after) = rest.split_at(rest.find('[').unwrap_or(rest.len()));
            push_parts(&mut parts, outside, None);
            rest = after;
        }
    }
    parts
}

/// Adds the keys of a text without brackets, which are in this group.
fn push_parts(parts: &mut Vec<Part>, mut text: &'static str, group: Option<usize>) {
    while let Some((before, rest)) = text.split_once('{')
        && let Some((key, rest)) = rest.split_once('}')
    {
        let (after, next) = rest.split_at(rest.find('{').unwrap_or(rest.len()));
        parts.push(Part {
            key,
            group,
            before,
            after,
        });
        text = next;
    }
}

/// The first key that a table with these keys lacks.
pub fn missing<'a>(parts: &'a [Part], row: &Row) -> Option<&'a Part> {
    let has = |part: &Part| row.iter().any(|(key, _)| *key == part.key);
    // An empty table stands for no value. The last keys are what an option is mainly about.
    let last = parts.last().filter(|_| row.is_empty());
    let is_needed = |part: &&Part| {
        let is_of_group = |other: &Part| other.group == part.group;
        part.group.is_none()
            || last.is_some_and(is_of_group)
            || parts.iter().any(|other| is_of_group(other) && has(other))
    };
    parts.iter().find(|part| !has(part) && is_needed(part))
}

/// The value for a row. An error is a key and what is wrong with its value.
pub fn fill(parts: &[Part], row: &Row) -> Result<String, (&'static str, String)> {
    let value_of = |part: &Part| row.iter().find(|(key, _)| *key == part.key);
    let mut text = String::new();
    for (at, part) in parts.iter().enumerate() {
        let Some((key, value)) = value_of(part) else {
            continue;
        };
        let next = parts.get(at + 1).map_or("", |next| next.before);
        let end = part.after.chars().chain(next.chars()).next();
        let value = part.value(value, end).map_err(|what| (*key, what))?;
        text.extend([part.before, &value, part.after]);
    }
    let optional = parts.first().filter(|first| first.group.is_some());
    match (optional, parts.iter().find_map(value_of)) {
        // Options take everything that begins with a slash for a pattern.
        (Some(pattern), Some((key, value))) => {
            match (pattern.key == *key, value.starts_with('/')) {
                (true, false) => Err((key, "must begin with a slash".to_owned())),
                (false, true) => Err((key, "must not begin with a slash".to_owned())),
                _ => Ok(text),
            }
        }
        _ => Ok(text),
    }
}

impl Part {
    /// A value as it stands in the text, where `end` ends it.
    fn value(&self, value: &str, end: Option<char>) -> Result<String, String> {
        if value.chars().any(char::is_control) {
            return Err("must not contain control characters".to_owned());
        }
        match end {
            Some(end) if matches!(self.key, "pattern" | "from") => {
                escaped(value, end).ok_or_else(|| {
                    "must not end in the middle of an escape: remove the last \\".into()
                })
            }
            Some(end) if value.contains(end) => Err(match end {
                ' ' => "must not contain a space".to_owned(),
                end => format!("must not contain {end}"),
            }),
            _ => Ok(value.to_owned()),
        }
    }
}

/// A pattern in which no character ends it too early. `None` if it escapes the character behind its end.
fn escaped(pattern: &str, end: char) -> Option<String> {
    let (mut text, mut is_escaped) = (String::new(), false);
    for char in pattern.chars() {
        if char == end && !is_escaped {
            text.push('\\');
        }
        is_escaped = char == '\\' && !is_escaped;
        text.push(char);
    }
    (!is_escaped).then_some(text)
}
