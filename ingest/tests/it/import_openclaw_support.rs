//! The data set's two forms, imported, beside what is expected of them.

use crate::import_support::{all, content, expected, is_reject, shared, text};
use ingest::import::Imported;
use schemas::draft::Draft;
use schemas::kind;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap, HashSet};

pub(crate) const SET: &str = "openclaw-sessions";
pub(crate) const FORMS: [&str; 2] = ["jsonl-2026.7.1-2", "sqlite-2026.9.6"];

/// The drafts of one form of the data, with what is expected of it.
pub(crate) struct Form {
    pub(crate) name: &'static str,
    pub(crate) drafts: Vec<Imported>,
    pub(crate) expected: Value,
}

pub(crate) fn forms() -> Vec<Form> {
    let Some(folder) = shared(SET) else { return Vec::new() };
    let mut expected = expected(&folder);
    let form = |name: &'static str| Form {
        name,
        drafts: all("openclaw", &[folder.join(name)]),
        expected: expected[name].take(),
    };
    FORMS.into_iter().map(form).collect()
}

impl Form {
    /// Drafts by transcript, under the names of expected.json.
    pub(crate) fn files(&self) -> BTreeMap<String, Vec<&Draft>> {
        let mut files: BTreeMap<String, Vec<&Draft>> = BTreeMap::new();
        for draft in self.drafts.iter().map(|i| &i.draft) {
            let Some((file, _)) = draft.origin.as_deref().and_then(|o| o.rsplit_once(':')) else { continue };
            let file = format!("{}/{}", self.name, file.trim_start_matches("agents.tar.gz/"));
            files.entry(file).or_default().push(draft);
        }
        files
    }

    pub(crate) fn by_id(&self) -> HashMap<&str, &Draft> {
        self.drafts.iter().map(|i| (i.draft.id.as_str(), &i.draft)).collect()
    }

    /// The record that expected.json names.
    pub(crate) fn record(&self, place: &Value) -> &Draft {
        let session = session_of(place["file"].as_str().expect("a file"));
        let record = place["record"].as_str().expect("a record");
        let own = |d: &&Draft| d.session.as_deref() == Some(&session) && d.native_id.as_deref() == Some(record);
        self.drafts.iter().map(|i| &i.draft).find(own).expect("the record is imported")
    }

    pub(crate) fn call(&self, id: &str) -> &Draft {
        let own = |d: &&Draft| d.kind == kind::TOOL_CALL && text(d, "gen_ai.tool.call.id") == Some(id);
        self.drafts.iter().map(|i| &i.draft).find(own).expect("the call is imported")
    }

    pub(crate) fn list(&self, name: &str) -> Vec<Value> {
        self.expected[name].as_array().cloned().unwrap_or_default()
    }

    /// Everything that an event came from.
    pub(crate) fn causes_of(&self, id: &str) -> HashSet<String> {
        let by_id = self.by_id();
        let (mut found, mut open) = (HashSet::new(), vec![id.to_owned()]);
        while let Some(next) = open.pop() {
            for cause in by_id.get(next.as_str()).map(|d| d.causes.as_slice()).unwrap_or_default() {
                if found.insert(cause.id.clone()) {
                    open.push(cause.id.clone());
                }
            }
        }
        found
    }
}

/// The session of a transcript's name in expected.json.
pub(crate) fn session_of(file: &str) -> String {
    let name = file.rsplit(['/', '#']).next().expect("a name");
    name.split(".jsonl").next().expect("a name").to_owned()
}

pub(crate) fn records<'d>(drafts: &[&'d Draft]) -> Vec<(&'d Draft, Value)> {
    let parsed = |d: &&'d Draft| Some((*d, serde_json::from_slice(content(d, "record")?).ok()?));
    drafts.iter().filter(|d| !is_reject(d)).filter_map(parsed).collect()
}

pub(crate) fn count<'v>(values: impl Iterator<Item = Option<&'v Value>>) -> Value {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    values.flatten().for_each(|v| *counts.entry(v.as_str().unwrap_or("?").to_owned()).or_default() += 1);
    json!(counts)
}
