//! Selections of runs: `agent=support,version=2*;variant=a|b`, or `where:SQL`, as a condition over the runs.
//!
//! Items are separated by `;` or `,` and must all hold. `*` in a value stands for any text, `|` separates alternatives,
//! a value in single quotes is taken as it is. `key!=value` excludes; what has no value is then kept. `where:` takes the
//! rest of the text as SQL over the columns of a run.
//!
//! Guarantee: what is wrong is named with its key and the keys that there are; values never become SQL by themselves.

use super::limits::SELECTION_BYTES_MAX;
use crate::error::{QueryError, Result};

/// Keys and the columns of a run that they stand for.
const KEYS: &[(&str, &str)] = &[
    ("agent", "agent"),
    ("version", "agent_version"),
    ("agent_version", "agent_version"),
    ("variant", "variant"),
    ("model", "model"),
    ("task", "task"),
    ("tenant", "tenant"),
    ("run", "run"),
    ("session", "run"),
    ("principal", "principal"),
];

/// What else may stand in a selection.
const OTHER_KEYS: &str = "since, until, label.NAME, prompt, where:SQL";

/// Runs that one arm is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// Name of the arm.
    pub name: String,
    /// What was asked for, as it was written.
    pub text: String,
    /// The condition over the columns of a run.
    pub condition: String,
    /// Attributes of headers that it looks at.
    pub labels: Vec<String>,
    /// Whether it looks at digests of system prompts.
    pub prompts: bool,
}

impl Selection {
    /// Reads a selection.
    ///
    /// # Errors
    /// `Invalid` names the key and the keys that there are.
    pub fn parse(name: &str, text: &str) -> Result<Self> {
        let text = text.trim();
        if text.is_empty() || text.len() > SELECTION_BYTES_MAX {
            let expected = format!("expected 1 to {SELECTION_BYTES_MAX} bytes such as `agent_version=2.0`");
            return Err(QueryError::invalid(format!("selection {name}"), format!("{expected}, found {}", text.len())));
        }
        let mut selection = Self {
            name: name.to_owned(),
            text: text.to_owned(),
            condition: String::new(),
            labels: Vec::new(),
            prompts: false,
        };
        let mut conditions = Vec::new();
        for item in items(text) {
            conditions.push(selection.item(item)?);
        }
        selection.condition = conditions.join(" AND ");
        Ok(selection)
    }

    fn item(&mut self, item: &str) -> Result<String> {
        if let Some(sql) = item.strip_prefix("where:") {
            return Ok(format!("({sql})"));
        }
        let Some((key, value)) = item.split_once('=') else {
            return Err(self.wrong(item, "expected KEY=VALUE"));
        };
        let (key, negated) = key.strip_suffix('!').map_or((key, false), |key| (key, true));
        let (key, value) = (key.trim(), value.trim());
        if value.is_empty() {
            return Err(self.wrong(key, "expected a value, found nothing"));
        }
        match key {
            "since" => return self.time(key, ">=", value),
            "until" => return self.time(key, "<", value),
            "prompt" => {
                self.prompts = true;
                return Ok(matched("prompt", &format!("{value}*"), negated));
            }
            _ => {}
        }
        if let Some(label) = key.strip_prefix("label.").filter(|label| !label.is_empty()) {
            self.labels.push(label.to_owned());
            return Ok(matched(&quoted_name(key), value, negated));
        }
        match KEYS.iter().find(|(name, _)| *name == key) {
            Some((_, column)) => Ok(matched(column, value, negated)),
            None => Err(self.wrong(key, "there is no such key")),
        }
    }

    fn time(&self, key: &str, operator: &str, value: &str) -> Result<String> {
        match micros(value) {
            Some(micros) => Ok(format!("CAST(at AS bigint) {operator} {micros}")),
            None => Err(self.wrong(key, &format!("expected a day or a time in RFC 3339, found {value:?}"))),
        }
    }

    fn wrong(&self, key: &str, what: &str) -> QueryError {
        let mut known: Vec<&str> = KEYS.iter().map(|(name, _)| *name).collect();
        known.push(OTHER_KEYS);
        QueryError::invalid(format!("selection {}: {key:?}", self.name), format!("{what}; keys: {}", known.join(", ")))
    }
}

/// A day (its beginning in UTC) or a time, in microseconds since 1970.
pub(super) fn micros(text: &str) -> Option<i64> {
    let text = text.trim_matches('\'');
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return Some(time.as_microsecond());
    }
    let day = text.parse::<jiff::civil::Date>().ok().filter(|_| text.len() == 10)?;
    day.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp().as_microsecond())
}

/// Items of a selection; separators within quotes, and all after `where:`, belong to an item.
fn items(text: &str) -> Vec<&str> {
    let (mut items, mut from, mut quoted) = (Vec::new(), 0, false);
    for (at, c) in text.char_indices() {
        if text[from..].trim_start().starts_with("where:") {
            break;
        }
        match c {
            '\'' => quoted = !quoted,
            ';' | ',' if !quoted => {
                items.push(&text[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    items.push(&text[from..]);
    items.into_iter().map(str::trim).filter(|item| !item.is_empty()).collect()
}

/// A condition that `column` is one of the alternatives of `value`.
fn matched(column: &str, value: &str, negated: bool) -> String {
    let exact = value.len() > 1 && value.starts_with('\'') && value.ends_with('\'');
    let one = |value: &str| {
        if exact || !value.contains('*') {
            return format!("{column} = {}", literal(value));
        }
        let escaped = value.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
        format!("{column} LIKE {}", literal(&escaped.replace('*', "%")))
    };
    let any = if exact {
        one(&value[1..value.len() - 1].replace("''", "'"))
    } else {
        value.split('|').map(|value| one(value.trim())).collect::<Vec<_>>().join(" OR ")
    };
    if negated { format!("NOT coalesce({any}, false)") } else { format!("({any})") }
}

/// A string literal of SQL.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// An identifier of SQL.
pub(super) fn quoted_name(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::Selection;

    fn condition(text: &str) -> String {
        Selection::parse("A", text).expect("it is a selection").condition
    }

    #[test]
    fn selections_become_conditions() {
        for (text, expected) in [
            ("agent=a", "(agent = 'a')"),
            ("agent_version=gpt-4o;variant=none", "(agent_version = 'gpt-4o') AND (variant = 'none')"),
            ("version=1|2, model=x*", "(agent_version = '1' OR agent_version = '2') AND (model LIKE 'x%')"),
            ("task='a,b;c|*'", "(task = 'a,b;c|*')"),
            ("variant!=none", "NOT coalesce(variant = 'none', false)"),
            ("agent=o'neil", "(agent = 'o''neil')"),
            ("agent=a;where:x = 1, y;z", "(agent = 'a') AND (x = 1, y;z)"),
            ("since=1970-01-02", "CAST(at AS bigint) >= 86400000000"),
            ("label.team=x_y*", "(\"label.team\" LIKE 'x\\_y%')"),
        ] {
            assert_eq!(condition(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, said) in [
            ("", "1 to"),
            ("agnt=x", "\"agnt\": there is no such key; keys: agent, version"),
            ("agent", "expected KEY=VALUE"),
            ("agent=", "expected a value"),
            ("since=yesterday", "expected a day or a time"),
        ] {
            let error = Selection::parse("B", text).expect_err("it is none").to_string();
            assert!(error.contains(said) && error.contains('B'), "{text}: {error}");
        }
    }
}
