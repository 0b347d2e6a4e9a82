//! Scopes and rights: lists of phrases, each a set of terms.
//!
//! A scope is a text of terms, `crm:read applicant/20931`, or a list of such texts. A phrase is covered when one phrase
//! of what is held has, for each of its terms, the same term or a glob that matches it (`crm:*`, `applicant/*`).
//!
//! Guarantee: phrases are not mixed: two grants, to read one thing and to write another, do not add up to a third.

use super::glob::any_matches;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Terms(Vec<Vec<String>>);

impl Terms {
    /// Reads a text or a list of texts; `None` when it is neither, or empty.
    pub(super) fn read(value: &Value) -> Option<Self> {
        let texts: Vec<&str> = match value {
            Value::String(text) => vec![text],
            Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
            _ => return None,
        };
        let phrase = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let phrases: Vec<_> = texts.into_iter().map(phrase).filter(|p| !p.is_empty()).collect();
        (!phrases.is_empty()).then_some(Self(phrases))
    }

    /// The first phrase that `held` does not cover.
    pub(super) fn beyond(&self, held: &Self) -> Option<String> {
        let covered = |phrase: &&Vec<String>| held.0.iter().any(|h| phrase.iter().all(|term| any_matches(h, term)));
        self.0.iter().find(|phrase| !covered(phrase)).map(|phrase| phrase.join(" "))
    }
}

impl fmt::Display for Terms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let phrases: Vec<String> = self.0.iter().map(|phrase| phrase.join(" ")).collect();
        f.write_str(&phrases.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::Terms;
    use serde_json::json;

    #[test]
    fn phrases_are_covered_as_a_whole() {
        let held = Terms::read(&json!(["crm:read applicant/1", "crm:write applicant/2", "log:*"])).unwrap();
        for (used, beyond) in [
            (json!("crm:read applicant/1"), None),
            (json!("crm:read"), None),
            (json!("crm:write applicant/1"), Some("crm:write applicant/1".to_owned())),
            (json!(["crm:read", "crm:delete"]), Some("crm:delete".to_owned())),
            (json!("log:append"), None),
        ] {
            assert_eq!(Terms::read(&used).unwrap().beyond(&held), beyond, "{used}");
        }
        assert_eq!(Terms::read(&json!(7)), None);
        assert_eq!(Terms::read(&json!(" ")), None);
    }
}
