//! The rules by which the store writes commits, checked on each commit before it is applied to the replay.
//!
//! Guarantee: a line that was added to, removed from or changed in a commit breaks one of them, or changes the files,
//! heads or history that the rest of verification compares: every commit has one id, appends carry for each partition a
//! head, a transaction with the same offset and files that cover exactly the leaves by which the head grew, merges
//! replace live files by one of as many rows, and nothing else is ever written.

use super::actions::{AddAction, Version};
use super::delta::{Replay, partition_of_domain};
use super::report::{Findings, Kind};
use crate::files::{DIGEST_TAG, LEAF_FROM_TAG, LEAF_TO_TAG};
use crate::head::Head;
use crate::layout;
use crate::snapshot::DataFile;
use schemas::columns::{LOG_PARTITION, ROW_CLASS};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// Holds version `v` to the rules; `replay` is the state before it.
pub(super) fn check(v: u64, version: &Version, replay: &mut Replay, findings: &mut Findings) {
    let mut rule = Rule { place: format!("version {v}"), findings };
    check_info(v, version, replay, &mut rule);
    match version.operation.as_deref() {
        Some("CREATE TABLE") if v == 0 => check_creation(version, &mut rule),
        Some("WRITE") => check_append(version, replay, &mut rule),
        Some("OPTIMIZE") => check_merge(v, version, replay, &mut rule),
        other => rule.broken(format!("operation {other:?} is not one of the store's")),
    }
    if v > 0 && !(version.protocols.is_empty() && version.metadata.is_empty()) {
        rule.broken("it changes protocol or metadata, which the store never does");
    }
    for other in &version.others {
        rule.broken(format!("action {other} is not one that the store writes"));
    }
}

struct Rule<'a> {
    place: String,
    findings: &'a mut Findings,
}

impl Rule<'_> {
    fn broken(&mut self, detail: impl std::fmt::Display) {
        self.findings.problem(Kind::DeltaLog, self.place.as_str(), detail);
    }

    fn unless(&mut self, holds: bool, detail: impl std::fmt::Display) {
        if !holds {
            self.broken(detail);
        }
    }
}

fn check_info(v: u64, version: &Version, replay: &mut Replay, rule: &mut Rule<'_>) {
    let [id] = version.commits.as_slice() else {
        return rule.broken(format!("{} commitInfo lines, expected 1", version.commits.len()));
    };
    match id {
        Some(id) if uuid::Uuid::parse_str(id).is_ok() => {
            if let Some(earlier) = replay.commit_ids.insert(id.clone(), v) {
                rule.broken(format!("commit id {id} is that of version {earlier}"));
            }
        }
        _ => rule.broken("commitInfo carries no hansard.commit: another program wrote it"),
    }
}

fn check_creation(version: &Version, rule: &mut Rule<'_>) {
    let only_domain = matches!(version.domains.as_slice(), [(d, _, _)] if d == layout::STORE_DOMAIN);
    rule.unless(only_domain, "the creation carries the store's identity and no other domain");
    rule.unless(
        version.adds.is_empty() && version.removes.is_empty() && version.transactions.is_empty(),
        "the creation carries files",
    );
    let partitioned = version.metadata.iter().all(|m| m["partitionColumns"] == json!([LOG_PARTITION, ROW_CLASS]));
    rule.unless(
        version.metadata.len() == 1 && partitioned,
        "the creation carries one metaData with the two partition columns",
    );
    let protocol = version.protocols.iter().all(|p| p["minReaderVersion"] == 1 && p["minWriterVersion"] == 7);
    rule.unless(version.protocols.len() == 1 && protocol, "the creation carries one protocol of reader 1, writer 7");
}

fn check_append(version: &Version, replay: &Replay, rule: &mut Rule<'_>) {
    rule.unless(version.removes.is_empty(), "an append removes files");
    let mut heads: BTreeMap<u32, Head> = BTreeMap::new();
    for (domain, configuration, _) in &version.domains {
        match partition_of_domain(domain) {
            Some(partition) => {
                // A head that cannot be read is reported when it is applied.
                let Ok(head) = Head::from_json(partition, configuration) else { continue };
                rule.unless(heads.insert(partition, head).is_none(), format!("two heads of partition {partition}"));
            }
            None => rule.broken(format!("an append sets domain {domain}")),
        }
    }
    check_transactions(version, &heads, rule);
    for add in &version.adds {
        let path = &add.file.path;
        rule.unless(add.data_change, format!("file {path} of an append says dataChange=false"));
        rule.unless(
            heads.contains_key(&add.file.partition),
            format!("file {path} is added without a head of its partition"),
        );
        check_new_file(&add.file, replay, rule);
    }
    let empty = Head::empty();
    for (partition, head) in &heads {
        let before = replay.heads.get(partition).unwrap_or(&empty);
        let files: Vec<&AddAction> = version.adds.iter().filter(|a| a.file.partition == *partition).collect();
        check_head(*partition, before, head, &files, rule);
    }
}

fn check_transactions(version: &Version, heads: &BTreeMap<u32, Head>, rule: &mut Rule<'_>) {
    let wanted: BTreeMap<String, u64> = heads.iter().map(|(p, h)| (layout::append_app(*p), h.offset)).collect();
    let mut seen = BTreeSet::new();
    for (app, number) in &version.transactions {
        rule.unless(seen.insert(app), format!("two transactions of {app}"));
        match wanted.get(app) {
            Some(offset) if u64::try_from(*number) == Ok(*offset) => {}
            Some(offset) => rule.broken(format!("transaction {app} says offset {number}, the head says {offset}")),
            None => rule.broken(format!("transaction {app} has no head beside it")),
        }
    }
    for app in wanted.keys().filter(|a| !seen.contains(a)) {
        rule.broken(format!("the head beside transaction {app} is there, the transaction is not"));
    }
}

fn check_head(partition: u32, before: &Head, after: &Head, files: &[&AddAction], rule: &mut Rule<'_>) {
    let (from, to) = (before.tree.size(), after.tree.size());
    if to < from || after.offset < before.offset {
        let jump = format!("({from}, {}) to ({to}, {})", before.offset, after.offset);
        return rule.broken(format!("head of partition {partition} goes back from (size, offset) {jump}"));
    }
    rule.unless(
        after.parts_from <= after.offset,
        format!("head of partition {partition} waits for parts above its offset"),
    );
    if files.is_empty() {
        rule.unless(
            to == from,
            format!("head of partition {partition} grows from {from} to {to} leaves without a file"),
        );
        rule.unless(
            after.link == before.link,
            format!("head of partition {partition} has a new chain link without a file"),
        );
        return;
    }
    rule.unless(
        after.link != before.link,
        format!("files are added to partition {partition} without a new chain link"),
    );
    let tag = |f: &&AddAction, name: &str| f.file.tags.get(name).and_then(|v| v.parse::<u64>().ok());
    let low = files.iter().filter_map(|f| tag(f, LEAF_FROM_TAG)).min();
    let high = files.iter().filter_map(|f| tag(f, LEAF_TO_TAG)).max();
    let covered = if to == from { (None, None) } else { (Some(from), Some(to)) };
    let found = (low, high);
    rule.unless(
        found == covered,
        format!("head of partition {partition} grows from {from} to {to} leaves, its files cover {found:?}"),
    );
    let classes: BTreeSet<_> = files.iter().map(|f| f.file.class).collect();
    rule.unless(classes.len() == files.len(), format!("two files of one class are added to partition {partition}"));
}

fn check_new_file(file: &DataFile, replay: &Replay, rule: &mut Rule<'_>) {
    let path = file.path.to_string();
    let known = replay.files.contains_key(&path) || replay.removed.contains(&path);
    rule.unless(!known, format!("file {path} is added a second time"));
    check_file(file, rule);
}

/// Holds a file that a checkpoint lists to what is asked of every file.
pub(super) fn check_listed_file(place: &str, file: &DataFile, findings: &mut Findings) {
    check_file(file, &mut Rule { place: place.to_owned(), findings });
}

fn check_file(file: &DataFile, rule: &mut Rule<'_>) {
    let path = file.path.to_string();
    rule.unless(file.tags.contains_key(DIGEST_TAG), format!("file {path} is added without tag {DIGEST_TAG}"));
    let folder = layout::segment(file.partition, file.class, "");
    let folder = folder.trim_end_matches(".parquet");
    rule.unless(path.starts_with(folder), format!("file {path} lies outside the folder of its partition values"));
}

fn check_merge(v: u64, version: &Version, replay: &Replay, rule: &mut Rule<'_>) {
    rule.unless(version.domains.is_empty(), "a merge sets domains");
    let [AddAction { file, data_change }] = version.adds.as_slice() else {
        return rule.broken(format!("a merge adds {} files, expected 1", version.adds.len()));
    };
    check_new_file(file, replay, rule);
    let silent = !data_change && version.removes.iter().all(|r| !r.data_change);
    rule.unless(silent, "a merge says dataChange=true");
    let app = layout::merge_app(file.partition);
    let fence =
        matches!(version.transactions.as_slice(), [(a, n)] if *a == app && u64::try_from(*n).is_ok_and(|n| n < v));
    rule.unless(fence, format!("a merge carries one transaction of {app} with the version that it started from"));
    let mut rows = 0;
    for remove in &version.removes {
        match replay.files.get(&remove.path) {
            None => rule.broken(format!("a merge removes {}, which is not live", remove.path)),
            Some(input) if (input.file.partition, input.file.class) != (file.partition, file.class) => {
                rule.broken(format!(
                    "a merge of partition {} {} removes {}",
                    file.partition,
                    file.class.as_str(),
                    remove.path
                ));
            }
            Some(input) => rows += input.file.rows,
        }
    }
    rule.unless(rows == file.rows, format!("a merge replaces {rows} rows by {}", file.rows));
}
