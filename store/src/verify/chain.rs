//! The provenance chain of a partition, from its first link to the head, and the tree roots on the way.
//!
//! Guarantee: the links in the footers form one chain without gap or fork that ends at the head; each covers the leaves
//! after its predecessor's and later log offsets, names the root that the headers in the table lead to, a registry state
//! that there was, and the rows that no tree covers. Where a link is missing the walk goes on behind it.

use super::collected::PartitionRows;
use super::links::{OutsideRows, ROWS_DIFFER};
use super::part::FooterLink;
use super::report::{Findings, Kind};
use crate::files::outside_digest;
use schemas::chain::Link;
use schemas::tlog::{CompactRange, Hash};
use std::collections::{BTreeMap, HashMap, HashSet};

/// How people tell a link from others.
pub(super) fn name(link: &Link) -> String {
    let Link { partition, leaf_from, leaf_to, offset_from, offset_to, .. } = link;
    format!(
        "link of partition {partition} over leaves {leaf_from} to {leaf_to} and offsets {offset_from} to {offset_to}"
    )
}

/// The links of a partition in chain order.
pub(super) fn walk(rows: &PartitionRows, findings: &mut Findings) -> Vec<FooterLink> {
    let mut by_previous: HashMap<[u8; 32], Vec<&FooterLink>> = HashMap::new();
    for link in rows.links.values() {
        by_previous.entry(link.link.previous).or_default().push(link);
    }
    let mut left: Vec<&FooterLink> = rows.links.values().collect();
    left.sort_by_key(|l| (l.link.leaf_from, l.link.offset_from));
    let mut walked: HashSet<[u8; 32]> = HashSet::new();
    let mut chain: Vec<FooterLink> = Vec::new();
    let mut at = [0u8; 32];
    loop {
        while let Some(next) = pick(&by_previous, &at, findings) {
            if !walked.insert(next.digest) {
                break;
            }
            check_step(chain.last(), next, findings);
            at = next.digest;
            chain.push(next.clone());
        }
        let Some(next) = left.iter().find(|l| !walked.contains(&l.digest)) else { break };
        findings.problem(Kind::Chain, name(&next.link), "the link before it, which it names, is in no file");
        at = next.link.previous;
        by_previous.insert(at, vec![*next]);
    }
    check_end(rows, chain.last(), findings);
    chain
}

fn pick<'a>(
    by_previous: &HashMap<[u8; 32], Vec<&'a FooterLink>>,
    at: &[u8; 32],
    findings: &mut Findings,
) -> Option<&'a FooterLink> {
    let next = by_previous.get(at)?;
    for other in next.iter().skip(1) {
        findings.problem(
            Kind::Chain,
            name(&other.link),
            format!("it follows the same link as the {}", name(&next[0].link)),
        );
    }
    next.first().copied()
}

fn check_step(before: Option<&FooterLink>, link: &FooterLink, findings: &mut Findings) {
    let (leaf, offset) = before.map_or((0, 0), |b| (b.link.leaf_to, b.link.offset_to));
    let l = &link.link;
    if l.leaf_from != leaf || l.leaf_to < l.leaf_from {
        findings.problem(Kind::Chain, name(l), format!("its leaves must begin at {leaf}"));
    }
    if l.offset_from < offset || l.offset_to < l.offset_from {
        findings.problem(Kind::Chain, name(l), format!("its offsets must begin at {offset} or later"));
    }
}

fn check_end(rows: &PartitionRows, last: Option<&FooterLink>, findings: &mut Findings) {
    let head = &rows.head;
    let place = format!("head of partition {}", rows.number);
    let (digest, leaves, offset) = last.map_or(([0; 32], 0, 0), |l| (l.digest, l.link.leaf_to, l.link.offset_to));
    if digest != head.link {
        let detail = format!(
            "it names link {}, the chain in the files ends with {}",
            hex::encode(head.link),
            hex::encode(digest)
        );
        findings.problem(Kind::Chain, place.as_str(), detail);
    }
    if leaves != head.tree.size() {
        findings.problem(
            Kind::Chain,
            place.as_str(),
            format!("it has {} leaves, the chain in the files ends at {leaves}", head.tree.size()),
        );
    }
    if offset > head.offset {
        findings.problem(
            Kind::Chain,
            place,
            format!("it is at log offset {}, the chain in the files reaches {offset}", head.offset),
        );
    }
}

/// The leaves that no row holds, as ranges.
pub(super) fn check_leaves(rows: &PartitionRows, findings: &mut Findings) {
    let mut report = |from: usize, to: u64| {
        let detail = format!("no row of a live file holds them; the head has {} leaves", rows.head.tree.size());
        findings.problem(Kind::Leaf, format!("partition {} leaves {from} to {}", rows.number, to - 1), detail);
    };
    let mut missing = None;
    for (leaf, tag) in rows.tags.iter().enumerate() {
        match (tag.is_present(), missing) {
            (false, None) => missing = Some(leaf),
            (true, Some(from)) => {
                report(from, leaf as u64);
                missing = None;
            }
            _ => {}
        }
    }
    let from = missing.unwrap_or(rows.tags.len());
    if (from as u64) < rows.head.tree.size() {
        report(from, rows.head.tree.size());
    }
}

/// A batch is one log record: its leaves have one offset, the next batch a later one.
pub(super) fn check_offsets(rows: &PartitionRows, findings: &mut Findings) {
    for leaf in 1..rows.tags.len() {
        let (before, tag) = (rows.tags[leaf - 1], rows.tags[leaf]);
        if !before.is_present() || !tag.is_present() {
            continue;
        }
        let (earlier, offset) = (rows.offsets[leaf - 1], rows.offsets[leaf]);
        let fits = if before.ends_batch() { offset > earlier } else { offset == earlier };
        if !fits {
            let place = format!("partition {} leaf {leaf}", rows.number);
            let wanted = if before.ends_batch() {
                "a later one, because a batch ends there"
            } else {
                "the same, because the batch goes on"
            };
            findings.problem(Kind::Row, place, format!("log_offset {offset} after {earlier}: expected {wanted}"));
        }
    }
}

/// Roots at the wanted sizes, as far as the leaves are known without a hole.
pub(super) fn roots(rows: &PartitionRows, known: usize, wanted: &mut Vec<u64>) -> BTreeMap<u64, Hash> {
    wanted.sort_unstable();
    wanted.dedup();
    let mut roots = BTreeMap::new();
    let mut range = CompactRange::new();
    for size in wanted.iter().copied().filter(|s| *s <= known as u64) {
        for leaf in range.size() as usize..size as usize {
            range.append(rows.hash(leaf));
        }
        roots.insert(size, range.root());
    }
    roots
}

/// Links and head against the roots that the headers lead to.
pub(super) fn check_roots(
    rows: &PartitionRows,
    chain: &[FooterLink],
    roots: &BTreeMap<u64, Hash>,
    findings: &mut Findings,
) {
    for link in chain.iter().map(|l| &l.link) {
        if let Some(root) = roots.get(&link.leaf_to)
            && root.as_bytes() != &link.root
        {
            let detail =
                format!("it names root {}, the headers in the table lead to {}", hex::encode(link.root), root.to_hex());
            findings.problem(Kind::Chain, name(link), detail);
        }
    }
    let (size, wanted) = (rows.head.tree.size(), rows.head.tree.root());
    if let Some(root) = roots.get(&size)
        && *root != wanted
    {
        let detail = format!("it says root {}, the headers in the table lead to {}", wanted.to_hex(), root.to_hex());
        findings.problem(Kind::Tree, format!("head of partition {} at {size} leaves", rows.number), detail);
    }
}

/// The digests over times and rows that are no events.
pub(super) fn check_rows(
    rows: &PartitionRows,
    chain: &[FooterLink],
    outside_of: &OutsideRows,
    findings: &mut Findings,
) {
    for link in chain {
        let own = outside_of.get(&link.digest).cloned().unwrap_or_default();
        // A link none of whose rows is left was reported with its leaves.
        let Some(stamp) = rows.links.get(&link.digest).and_then(|l| l.stamp) else { continue };
        if outside_digest(stamp, own) != link.link.rows {
            findings.problem(Kind::Chain, name(&link.link), ROWS_DIFFER);
        }
    }
}
