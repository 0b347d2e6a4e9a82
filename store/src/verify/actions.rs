//! The actions of the Delta log as they stand in JSON lines and checkpoint files, read by code of our own.
//!
//! Guarantee: shares no code with delta-rs, so that a mistake there cannot hide here. A line that is not an action is
//! an error with its number; unknown actions are kept by name, so that the rules can refuse them.

use crate::snapshot::DataFile;
use object_store::path::Path;
use schemas::columns::{LOG_PARTITION, ROW_CLASS, RowClass};
use serde_json::Value;
use std::collections::BTreeMap;

/// An `add` action.
#[derive(Debug, Clone)]
pub(super) struct AddAction {
    pub(super) file: DataFile,
    pub(super) data_change: bool,
}

/// A `remove` action.
#[derive(Debug, Clone)]
pub(super) struct RemoveAction {
    pub(super) path: String,
    pub(super) data_change: bool,
}

/// What one version of the table says.
#[derive(Debug, Default)]
pub(super) struct Version {
    /// `hansard.commit` of each commitInfo; `None` where it is missing.
    pub(super) commits: Vec<Option<String>>,
    pub(super) operation: Option<String>,
    pub(super) timestamp_ms: Option<i64>,
    pub(super) transactions: Vec<(String, i64)>,
    /// Domain, configuration, removed.
    pub(super) domains: Vec<(String, String, bool)>,
    pub(super) adds: Vec<AddAction>,
    pub(super) removes: Vec<RemoveAction>,
    pub(super) protocols: Vec<Value>,
    pub(super) metadata: Vec<Value>,
    pub(super) others: Vec<String>,
}

/// Reads the lines of a commit file. Lines that cannot be read are told to `bad` with their number, from 1.
pub(super) fn parse_version(bytes: &[u8], mut bad: impl FnMut(usize, String)) -> Version {
    let mut version = Version::default();
    for (number, line) in bytes.split(|b| *b == b'\n').enumerate() {
        if line.is_empty() {
            continue;
        }
        let read = serde_json::from_slice::<Value>(line).map_err(|e| e.to_string());
        if let Err(detail) = read.and_then(|v| version.take(&v)) {
            bad(number + 1, detail);
        }
    }
    version
}

impl Version {
    /// Takes one action: an object with one member.
    pub(super) fn take(&mut self, action: &Value) -> Result<(), String> {
        let members = action.as_object().filter(|o| o.len() == 1).ok_or("expected an object with one action")?;
        let Some((name, body)) = members.iter().next() else { return Ok(()) };
        match name.as_str() {
            "commitInfo" => {
                self.commits.push(body["hansard.commit"].as_str().map(str::to_owned));
                self.operation = body["operation"].as_str().map(str::to_owned);
                self.timestamp_ms = body["timestamp"].as_i64();
            }
            "txn" => self.transactions.push((string(body, "appId")?, integer(body, "version")?)),
            "domainMetadata" => {
                let removed = body["removed"].as_bool().unwrap_or(false);
                self.domains.push((string(body, "domain")?, string(body, "configuration")?, removed));
            }
            "add" => self.adds.push(parse_add(body)?),
            "remove" => {
                let data_change = body["dataChange"].as_bool().unwrap_or(true);
                self.removes.push(RemoveAction { path: string(body, "path")?, data_change });
            }
            "protocol" => self.protocols.push(body.clone()),
            "metaData" => self.metadata.push(body.clone()),
            other => self.others.push(other.to_owned()),
        }
        Ok(())
    }
}

/// Reads the body of an `add` action.
pub(super) fn parse_add(body: &Value) -> Result<AddAction, String> {
    let path = string(body, "path")?;
    let values = &body["partitionValues"];
    let partition = values[LOG_PARTITION].as_str().and_then(|v| v.parse().ok());
    let class = values[ROW_CLASS].as_str().and_then(|v| RowClass::ALL.into_iter().find(|c| c.as_str() == v));
    let (Some(partition), Some(class)) = (partition, class) else {
        return Err(format!("add of {path}: partition values {values} are not a log partition and a row class"));
    };
    if !body["deletionVector"].is_null() {
        return Err(format!("add of {path}: it has a deletion vector, which this table never has"));
    }
    let stats = body["stats"].as_str().map(str::to_owned);
    let rows =
        stats.as_deref().and_then(|s| serde_json::from_str::<Value>(s).ok()).and_then(|s| s["numRecords"].as_u64());
    let rows = rows.ok_or_else(|| format!("add of {path}: no numRecords in its statistics"))?;
    let size = u64::try_from(integer(body, "size")?).map_err(|_| format!("add of {path}: its size is negative"))?;
    let tags = body["tags"].as_object().map(tags_of).unwrap_or_default();
    let modified_ms = integer(body, "modificationTime")?;
    let data_change = body["dataChange"].as_bool().unwrap_or(true);
    let file = DataFile { path: Path::from(path.as_str()), size, modified_ms, partition, class, rows, stats, tags };
    if file.path.as_ref() != path {
        return Err(format!("add of {path}: not a plain path"));
    }
    Ok(AddAction { file, data_change })
}

fn tags_of(tags: &serde_json::Map<String, Value>) -> BTreeMap<String, String> {
    tags.iter().filter_map(|(k, v)| v.as_str().map(|v| (k.clone(), v.to_owned()))).collect()
}

fn string(body: &Value, name: &str) -> Result<String, String> {
    body[name].as_str().map(str::to_owned).ok_or_else(|| format!("{name} is missing or not a string"))
}

fn integer(body: &Value, name: &str) -> Result<i64, String> {
    body[name].as_i64().ok_or_else(|| format!("{name} is missing or not an integer"))
}
