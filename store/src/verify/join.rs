//! The checks that need all rows of a partition, on all cores and off the asynchronous threads.
//!
//! Guarantee: runs when all files were taken over; partitions are independent but for the registry.

use super::chain;
use super::collected::{Collected, PartitionRows};
use super::identity;
use super::part::FooterLink;
use super::registry::{self, History};
use super::report::Findings;
use super::root_log::Roots;
use super::streams;
use super::tiles;
use crate::error::{Result, StoreError};
use rayon::prelude::*;
use schemas::tlog::Hash;
use std::collections::BTreeMap;

/// What the checks on trees and log need.
#[derive(Debug)]
pub(super) struct Joined {
    pub(super) collected: Collected,
    /// Roots at the ends of links, at the heads and at the published sizes.
    pub(super) roots: Roots,
    /// Leaves from 0 on that are there without a hole, by partition.
    pub(super) known: BTreeMap<u32, usize>,
    /// Tile levels above them.
    pub(super) above: BTreeMap<u32, Vec<Vec<[u8; 32]>>>,
    /// Contents that are nowhere.
    pub(super) absent: u64,
}

/// What one partition's checks give.
struct Outcome {
    partition: u32,
    findings: Findings,
    chain: Vec<FooterLink>,
    known: usize,
    roots: BTreeMap<u64, Hash>,
    above: Vec<Vec<[u8; 32]>>,
    absent: u64,
}

/// Runs the checks; `published` are the sizes that checkpoints sign.
///
/// # Errors
/// `Unavailable` when the runtime is being shut down.
pub(super) async fn run(
    collected: Collected,
    registry_key: [u8; 32],
    published: BTreeMap<u32, u64>,
    findings: &mut Findings,
) -> Result<Joined> {
    let task = tokio::task::spawn_blocking(move || join(collected, registry_key, &published));
    let (joined, found) = task.await.map_err(|e| StoreError::unavailable("verification", e))?;
    findings.absorb(found);
    Ok(joined)
}

fn join(mut collected: Collected, registry_key: [u8; 32], published: &BTreeMap<u32, u64>) -> (Joined, Findings) {
    let history = History::replay(&collected, registry_key);
    let outside_of = std::mem::take(&mut collected.outside_of);
    let speakers = &collected.speakers;
    let outcomes: Vec<Outcome> = collected
        .partitions
        .par_iter_mut()
        .map(|(partition, rows)| {
            let mut outcome = check(rows, published.get(partition).copied(), &outside_of);
            registry::check(rows, &outcome.chain, &history, speakers, &mut outcome.findings);
            streams::check(rows, &mut outcome.findings);
            identity::check_ids(rows, &mut outcome.findings);
            outcome.absent = identity::check_absent(rows, &mut outcome.findings);
            outcome
        })
        .collect();
    let mut found = Findings::whole();
    let (mut roots, mut known, mut above) = (Roots::new(), BTreeMap::new(), BTreeMap::new());
    let mut absent = 0;
    for outcome in outcomes {
        found.absorb(outcome.findings);
        roots.insert(outcome.partition, outcome.roots);
        known.insert(outcome.partition, outcome.known);
        above.insert(outcome.partition, outcome.above);
        absent += outcome.absent;
    }
    (Joined { collected, roots, known, above, absent }, found)
}

fn check(rows: &PartitionRows, published: Option<u64>, outside_of: &super::links::OutsideRows) -> Outcome {
    let mut findings = Findings::of_place();
    chain::check_leaves(rows, &mut findings);
    chain::check_offsets(rows, &mut findings);
    let links = chain::walk(rows, &mut findings);
    let known = rows.known();
    let mut wanted: Vec<u64> =
        links.iter().map(|l| l.link.leaf_to).chain([rows.head.tree.size()]).chain(published).collect();
    let roots = chain::roots(rows, known, &mut wanted);
    chain::check_roots(rows, &links, &roots, &mut findings);
    chain::check_rows(rows, &links, outside_of, &mut findings);
    let above = tiles::above(&rows.hashes[..known]);
    Outcome { partition: rows.number, findings, chain: links, known, roots, above, absent: 0 }
}
