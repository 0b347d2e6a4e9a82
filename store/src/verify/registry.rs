//! Who may speak: the registry replayed from its events, against every row and every link.
//!
//! Guarantee: every event was signed by a key that was registered for its source, with the role that its row says, in
//! a registry state between that of the link before and that of the row's own link; every refusal for the source is one
//! that such a state explains. A link that names a state which never was is a problem.

use super::collected::{Collected, PartitionRows, Tag};
use super::part::{FooterLink, Speaking};
use super::report::{Findings, Kind};
use crate::keys::REGISTRY_SOURCE;
use schemas::columns::RowClass;
use schemas::registry::{Registration, Registry, Role};
use serde_json::Value;
use std::collections::HashMap;

/// A registration and the states, from and below, in which it was in force.
type Period = (usize, usize, Registration);

/// All states of the registry, the empty one first.
#[derive(Debug)]
pub(super) struct History {
    states: HashMap<[u8; 32], usize>,
    newest: usize,
    periods: HashMap<[u8; 32], Vec<Period>>,
}

/// What the states of a commit say of a speaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Verdict {
    /// Its key was registered in the role that the row says, in one of them.
    known: bool,
    /// And for the source, in one of them.
    sometimes: bool,
    /// And for the source, in all of them.
    always: bool,
}

impl History {
    /// Replays the registry events that the files hold.
    pub(super) fn replay(collected: &Collected, registry_key: [u8; 32]) -> Self {
        let mut history = Self { states: HashMap::from([([0; 32], 0)]), newest: 0, periods: HashMap::new() };
        let own = Registration {
            public: hex::encode(registry_key),
            name: "registry".to_owned(),
            role: Role::Own,
            sources: vec![REGISTRY_SOURCE.to_owned()],
        };
        let mut registry = Registry::new();
        for partition in collected.partitions.values() {
            let mut events: Vec<_> = partition.registry.iter().collect();
            events.sort_by_key(|(leaf, _, _)| *leaf);
            for (_, kind, header) in events {
                history.apply(&mut registry, kind, header);
            }
        }
        // Whatever is registered for it, the registry's key speaks for the registry alone.
        history.periods.insert(registry_key, vec![(0, usize::MAX, own)]);
        history
    }

    fn apply(&mut self, registry: &mut Registry, kind: &str, header: &[u8]) {
        let before = registry.digest();
        // One that cannot be applied had no effect when it was judged either.
        if registry.apply(kind, header).is_err() || registry.digest() == before {
            return;
        }
        self.newest += 1;
        self.states.insert(registry.digest(), self.newest);
        let value: Value = serde_json::from_slice(header).unwrap_or_default();
        let public = value["data"]["attributes"]["hansard.key.public"].as_str().unwrap_or_default();
        let mut key = [0u8; 32];
        if hex::decode_to_slice(public, &mut key).is_err() {
            return;
        }
        let periods = self.periods.entry(key).or_default();
        if let Some(last) = periods.last_mut().filter(|p| p.1 == usize::MAX) {
            last.1 = self.newest;
        }
        if let Some(registration) = registry.get(&key) {
            periods.push((self.newest, usize::MAX, registration.clone()));
        }
    }

    fn judge(&self, speaking: &Speaking, from: usize, to: usize) -> Verdict {
        let periods = self.periods.get(&speaking.signer).map_or(&[][..], Vec::as_slice);
        let inside: Vec<&Period> =
            periods.iter().filter(|p| p.0 <= to && p.1 > from && p.2.role.as_str() == speaking.attested).collect();
        let covers = |p: &&&Period| speaking.source.as_ref().is_some_and(|s| p.2.covers(s));
        let covered: usize = inside.iter().filter(covers).map(|p| p.1.min(to + 1) - p.0.max(from)).sum();
        Verdict { known: !inside.is_empty(), sometimes: covered > 0, always: covered == to + 1 - from }
    }

    /// The states in which the records of a link were judged.
    fn range(&self, before: Option<&FooterLink>, link: &FooterLink, findings: &mut Findings) -> (usize, usize) {
        let first = before.and_then(|b| self.states.get(&b.link.registry)).copied().unwrap_or_default();
        let Some(last) = self.states.get(&link.link.registry).copied() else {
            let detail = format!(
                "it names registry state {}, which no history of the registry's events gives",
                hex::encode(link.link.registry)
            );
            findings.problem(Kind::Registry, super::chain::name(&link.link), detail);
            return (first, self.newest.max(first));
        };
        (first.min(last), first.max(last))
    }
}

/// Checks the rows of a partition, link by link.
pub(super) fn check(
    rows: &PartitionRows,
    chain: &[FooterLink],
    history: &History,
    speakers: &[Speaking],
    findings: &mut Findings,
) {
    let mut memo: Vec<(usize, Option<Verdict>)> = vec![(0, None); speakers.len()];
    let mut before = None;
    for (number, link) in chain.iter().enumerate() {
        let (from, to) = history.range(before, link, findings);
        before = Some(link);
        let end = (link.link.leaf_to as usize).min(rows.tags.len());
        for leaf in (link.link.leaf_from as usize).min(end)..end {
            let tag = rows.tags[leaf];
            let Some(speaking) = speakers.get(tag.speaker() as usize).filter(|_| tag.is_present()) else { continue };
            let slot = &mut memo[tag.speaker() as usize];
            let verdict = match slot {
                (judged, Some(verdict)) if *judged == number => *verdict,
                _ => {
                    let verdict = history.judge(speaking, from, to);
                    *slot = (number, Some(verdict));
                    verdict
                }
            };
            if let Some(detail) = objection(tag, speaking, verdict) {
                findings.problem(Kind::Registry, format!("partition {} leaf {leaf}", rows.number), detail);
            }
        }
    }
    if !history.states.contains_key(&rows.head.registry) {
        let place = format!("head of partition {}", rows.number);
        findings.problem(
            Kind::Registry,
            place,
            "it names a registry state that no history of the registry's events gives",
        );
    }
}

fn objection(tag: Tag, speaking: &Speaking, verdict: Verdict) -> Option<String> {
    let key = hex::encode(speaking.signer);
    let source = speaking.source.as_deref().unwrap_or_default();
    let attested = &speaking.attested;
    if !verdict.known {
        return Some(format!("key {key} was not registered in role {attested:?} when its commit was made"));
    }
    match tag.class() {
        RowClass::Reject if tag.is_refused() && verdict.always => {
            Some(format!("it was refused because key {key} may not speak for {source}, for which it was registered"))
        }
        RowClass::Reject => None,
        _ if !verdict.sometimes => {
            Some(format!("key {key} was not registered for source {source} when its commit was made"))
        }
        _ => None,
    }
}
