//! The producers' streams: order, gaps and signed roots.
//!
//! Guarantee: the rows of a stream stand in one history that its key signed: at every stored checkpoint the leaves lead
//! to the signed root, no index is there twice, every event lies below a signature, and every hole is covered by a gap
//! finding and followed by a signed frontier. Leaves the entries of each stream sorted. Parallel over streams; one tree
//! hash per event.

use super::collected::{PartitionRows, StreamRows};
use super::report::{Findings, Kind};
use crate::judge::StreamKey;
use rayon::prelude::*;
use schemas::tlog::{CompactRange, Hash};
use std::collections::{BTreeMap, HashMap};

/// Checks all streams of a partition.
pub(super) fn check(rows: &mut PartitionRows, findings: &mut Findings) {
    let mut gaps: HashMap<&str, Vec<(u64, u64)>> = HashMap::new();
    for (stream, detail) in &rows.gaps {
        gaps.entry(stream).or_default().push(gap_range(detail));
    }
    let mut streams: Vec<(&StreamKey, &mut StreamRows)> = rows.streams.iter_mut().collect();
    streams.sort_by(|a, b| a.0.cmp(b.0));
    let (number, hashes, tags) = (rows.number, &rows.hashes, &rows.tags);
    // A leaf that was refused above is not there: its hash is not asked for.
    let hash = |leaf: u64| {
        let at = usize::try_from(leaf).ok().filter(|at| tags.get(*at).is_some_and(|t| t.is_present()))?;
        hashes.get(at).map(|h| Hash::from_bytes(*h))
    };
    let checked: Vec<Findings> = streams
        .into_par_iter()
        .map(|(key, stream)| {
            let none = Vec::new();
            let place = format!("partition {number} stream {} of key {}", key.1, hex::encode(key.0));
            let mut walk = Walk::new(place, stream, gaps.get(&*key.1).unwrap_or(&none));
            walk.run(&hash);
            walk.findings
        })
        .filter(|f| !f.problems.is_empty() || !f.warnings.is_empty())
        .collect();
    checked.into_iter().for_each(|f| findings.absorb(f));
}

/// First and last missing index that a gap finding names: `events 5 to 9 have not arrived`.
fn gap_range(detail: &str) -> (u64, u64) {
    let mut numbers = detail.split(' ').filter_map(|w| w.parse::<u64>().ok());
    match (numbers.next(), numbers.next()) {
        (Some(from), Some(to)) => (from, to),
        _ => (0, u64::MAX),
    }
}

/// One stream.
struct Walk<'a> {
    place: String,
    rows: &'a mut StreamRows,
    gaps: &'a [(u64, u64)],
    findings: Findings,
    range: CompactRange,
    /// Whether `range` is what was signed: false behind a hole without a frontier.
    sure: bool,
    /// Size that the last signature covers.
    signed: u64,
}

impl<'a> Walk<'a> {
    fn new(place: String, rows: &'a mut StreamRows, gaps: &'a [(u64, u64)]) -> Self {
        Self { place, rows, gaps, findings: Findings::of_place(), range: CompactRange::new(), sure: true, signed: 0 }
    }

    fn run(&mut self, hash: &impl Fn(u64) -> Option<Hash>) {
        let mut entries = std::mem::take(&mut self.rows.entries);
        let mut checkpoints = std::mem::take(&mut self.rows.checkpoints);
        entries.sort_unstable();
        checkpoints.sort_unstable();
        let frontiers: BTreeMap<u64, CompactRange> = std::mem::take(&mut self.rows.frontiers).into_iter().collect();
        let mut notes = checkpoints.into_iter().peekable();
        for (index, leaf) in entries.iter().copied() {
            if !self.arrive(index, leaf, frontiers.get(&index)) {
                continue;
            }
            match hash(leaf) {
                Some(hash) => self.range.append(hash),
                None => {
                    self.bad(index, format!("its leaf {leaf} is not in the partition's tree"));
                    self.unsure(index + 1);
                }
            }
            while let Some((size, root)) = notes.next_if(|(size, _)| *size <= self.range.size()) {
                self.sign(size, root);
            }
        }
        self.require_signed();
        self.rows.entries = entries;
    }

    /// Makes ready for the event at `index`; false when it is to be left out.
    fn arrive(&mut self, index: u64, leaf: u64, frontier: Option<&CompactRange>) -> bool {
        let next = self.range.size();
        if index < next {
            self.bad(index, format!("leaf {leaf} is a second event at this index"));
            return false;
        }
        if index > next {
            self.require_signed();
            self.hole(next, index, frontier);
        } else if let Some(frontier) = frontier
            && self.sure
            && *frontier != self.range
        {
            self.bad(
                index,
                format!(
                    "the signed history before it has root {}, that of the table {}",
                    frontier.root().to_hex(),
                    self.range.root().to_hex()
                ),
            );
        }
        true
    }

    fn hole(&mut self, from: u64, to: u64, frontier: Option<&CompactRange>) {
        if !self.gaps.iter().any(|(first, last)| *first <= from && to <= last.saturating_add(1)) {
            self.bad(
                from,
                format!("events {from} to {} are missing, and no finding says that they never arrived", to - 1),
            );
        }
        match frontier {
            Some(frontier) => {
                self.range = frontier.clone();
                self.sure = true;
                self.signed = to;
            }
            None => {
                self.bad(to, "it begins after a hole without the frontier that proves its root");
                self.unsure(to);
            }
        }
    }

    /// Goes on counting at `size` without knowing the tree.
    fn unsure(&mut self, size: u64) {
        let zeros = vec![Hash::from_bytes([0; 32]); size.count_ones() as usize];
        self.range = CompactRange::from_parts(size, zeros).unwrap_or_default();
        self.sure = false;
    }

    fn sign(&mut self, size: u64, root: Hash) {
        self.signed = size;
        if self.sure && size == self.range.size() && root != self.range.root() {
            let detail = format!(
                "its key signed root {}, the events in the table lead to {}",
                root.to_hex(),
                self.range.root().to_hex()
            );
            self.findings.problem(Kind::Signature, format!("{} size {size}", self.place), detail);
            // From here on the difference is known: what follows it is told by the next frontier.
            self.sure = false;
        }
    }

    fn require_signed(&mut self) {
        let size = self.range.size();
        if self.signed != size {
            let detail = format!("events {} to {} are below no signature", self.signed, size.saturating_sub(1));
            self.findings.problem(Kind::Signature, self.place.as_str(), detail);
        }
    }

    fn bad(&mut self, index: u64, detail: impl std::fmt::Display) {
        self.findings.problem(Kind::Stream, format!("{} index {index}", self.place), detail);
    }
}
