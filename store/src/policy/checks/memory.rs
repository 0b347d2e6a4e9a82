//! Reads of shared memory across partitions without a grant.
//!
//! An agent may read what is open to all, a partition that bears its name (`planner`, `agent/planner`,
//! `agent/planner/...`), one that it was the first to write, and one that was granted to it at that time. A grant
//! counts when the owner gave it, or somebody else than the reader whom a gateway or importer attests.
//!
//! Guarantee: a read without a partition's name cannot be judged and is not; one of a forgotten partition is `unknown`.

use crate::policy::attributes::{GRANT_EXPIRES, GRANT_READER, GRANT_REVOKED, MEMORY_PARTITION};
use crate::policy::breach::check;
use crate::policy::glob::{any_matches, glob_matches};
use crate::policy::limits::SET_ENTRIES_MAX;
use crate::policy::state::Cx;
use schemas::kind;
use serde::{Deserialize, Serialize};

/// What is remembered of a partition.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(in crate::policy) struct Partition {
    /// Who wrote it first, and the event.
    owner: Option<(String, String)>,
    grants: Vec<Grant>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Grant {
    reader: String,
    event: String,
    from_us: i64,
    until_us: Option<i64>,
}

impl Grant {
    fn allows(&self, reader: &str, at_us: i64) -> bool {
        let in_time = self.from_us <= at_us && self.until_us.is_none_or(|until| at_us <= until);
        in_time && glob_matches(&self.reader, reader)
    }
}

pub(super) fn observe(cx: &mut Cx<'_>) {
    let Some(partition) = cx.event.text(MEMORY_PARTITION) else { return };
    match cx.event.kind.as_str() {
        kind::MEMORY_WRITE => written(cx, partition),
        kind::MEMORY_GRANT => granted(cx, partition),
        kind::MEMORY_READ if cx.policy.checks.memory_grant.enabled => read(cx, partition),
        _ => {}
    }
}

fn written(cx: &mut Cx<'_>, partition: &str) {
    let (key, event) = (cx.key(&[partition]), cx.event);
    cx.state.partitions.change(&key, |facts| {
        facts.owner.get_or_insert_with(|| (event.actor().to_owned(), event.id.clone()));
    });
}

fn granted(cx: &mut Cx<'_>, partition: &str) {
    let (key, event) = (cx.key(&[partition]), cx.event);
    let (granter, readers) = (event.actor(), event.texts(GRANT_READER));
    let (from_us, until_us) = (event.at_us(), event.time(GRANT_EXPIRES));
    cx.state.partitions.change(&key, |facts| {
        let owns = owned_by_name(partition, granter)
            || facts.owner.as_ref().map_or(event.attested != "self", |(owner, _)| owner == granter);
        for reader in readers {
            if event.flag(GRANT_REVOKED) == Some(true) {
                facts.grants.retain(|grant| grant.reader != reader);
            } else if owns || (event.attested != "self" && !glob_matches(reader, granter)) {
                facts.grants.push(Grant { reader: reader.to_owned(), event: event.id.clone(), from_us, until_us });
            }
        }
        let excess = facts.grants.len().saturating_sub(SET_ENTRIES_MAX);
        facts.grants.drain(..excess);
    });
}

fn owned_by_name(partition: &str, agent: &str) -> bool {
    let below = |rest: &str| rest == agent || rest.strip_prefix(agent).is_some_and(|deeper| deeper.starts_with('/'));
    partition == agent || partition.strip_prefix("agent/").is_some_and(below)
}

fn read(cx: &mut Cx<'_>, partition: &str) {
    let (event, rule) = (cx.event, &cx.policy.checks.memory_grant);
    let (reader, at_us) = (event.actor(), event.at_us());
    if any_matches(&rule.open, partition) || owned_by_name(partition, reader) {
        return;
    }
    let subject = format!("memory {partition} read by {reader}");
    let forgotten = cx.state.partitions.forgotten();
    let Some(facts) = cx.state.partitions.get(&cx.key(&[partition])) else {
        if forgotten > 0 {
            return cx.unknown(check::MEMORY_GRANT, subject, &format!("partition {partition}"), forgotten);
        }
        let detail =
            format!("{reader} read {partition}, which nobody wrote or granted on record; a grant was expected");
        return cx.breach(check::MEMORY_GRANT, rule.severity, subject, Vec::new(), detail);
    };
    let owns = facts.owner.as_ref().is_some_and(|(owner, _)| owner == reader);
    if owns || facts.grants.iter().any(|grant| grant.allows(reader, at_us)) {
        return;
    }
    let owner = facts.owner.as_ref().map_or("nobody on record", |(owner, _)| owner);
    let past = facts.grants.iter().filter(|grant| glob_matches(&grant.reader, reader)).count();
    let detail = format!(
        "{reader} read {partition} of {owner} without a grant in force ({} grants known, {past} of them for this reader)",
        facts.grants.len()
    );
    let mut related: Vec<_> = facts.owner.iter().map(|(_, event)| (event.clone(), "first_write")).collect();
    let outdated = facts.grants.iter().filter(|grant| glob_matches(&grant.reader, reader));
    related.extend(outdated.map(|grant| (grant.event.clone(), "grant")));
    cx.breach(check::MEMORY_GRANT, rule.severity, subject, related, detail);
}
