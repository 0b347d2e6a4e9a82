//! Walks the matches of one run: the best `k`, how many contents match, and no further once told to stop.
//! Documents of one split content count once and give their best score.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::sync::atomic::{AtomicBool, Ordering as Memory};

use tantivy::columnar::Column;
use tantivy::query::Weight;
use tantivy::{DocId, Score, SegmentReader, TERMINATED};

use super::limits::CANCEL_STRIDE;
use super::schema::{LEAF, POSITION, TIME};

/// One matching content of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Found {
    pub(super) score: Score,
    pub(super) leaf: u64,
    pub(super) position: u16,
}

/// What one run gave.
#[derive(Debug, Default)]
pub(super) struct Collected {
    /// Best first.
    pub(super) best: Vec<Found>,
    pub(super) total: u64,
    /// Whether all matches were looked at.
    pub(super) complete: bool,
}

/// What of a run may be seen.
#[derive(Clone, Debug, Default)]
pub(super) struct Sight {
    /// Leaves before this one.
    pub(super) leaf_bound: Option<u64>,
    /// From this time on (microseconds).
    pub(super) from_us: Option<i64>,
    /// Before this time (microseconds).
    pub(super) to_us: Option<i64>,
}

impl Sight {
    fn is_all(&self) -> bool {
        self.leaf_bound.is_none() && self.from_us.is_none() && self.to_us.is_none()
    }
}

/// Collects from one run. `split` says that some contents are several documents.
pub(super) fn collect(
    weight: &dyn Weight,
    reader: &SegmentReader,
    ask: &Ask<'_>,
    split: bool,
) -> tantivy::Result<Collected> {
    let columns = Columns::open(reader)?;
    if ask.sight.is_all() && !split {
        return pruned(weight, reader, ask, &columns);
    }
    every(weight, reader, ask, &columns)
}

/// What a search wants of a run.
#[derive(Debug)]
pub(super) struct Ask<'a> {
    pub(super) k: usize,
    pub(super) count: bool,
    pub(super) sight: Sight,
    pub(super) cancel: &'a AtomicBool,
}

struct Columns {
    leaf: Column<u64>,
    position: Column<u64>,
    time: Column<i64>,
}

impl Columns {
    fn open(reader: &SegmentReader) -> tantivy::Result<Self> {
        let columns = reader.fast_fields();
        Ok(Self { leaf: columns.u64(LEAF)?, position: columns.u64(POSITION)?, time: columns.i64(TIME)? })
    }

    fn content(&self, doc: DocId) -> (u64, u16) {
        (self.leaf.first(doc).unwrap_or(u64::MAX), self.position.first(doc).unwrap_or(0) as u16)
    }

    fn visible(&self, doc: DocId, leaf: u64, sight: &Sight) -> bool {
        if sight.leaf_bound.is_some_and(|bound| leaf >= bound) {
            return false;
        }
        if sight.from_us.is_none() && sight.to_us.is_none() {
            return true;
        }
        let time = self.time.first(doc).unwrap_or(i64::MIN);
        sight.from_us.is_none_or(|from| time >= from) && sight.to_us.is_none_or(|to| time < to)
    }
}

/// Skips documents that cannot be among the best; counts without scores.
fn pruned(weight: &dyn Weight, reader: &SegmentReader, ask: &Ask<'_>, columns: &Columns) -> tantivy::Result<Collected> {
    let mut stopped = ask.cancel.load(Memory::Relaxed);
    let mut best = Best::new(ask.k);
    let mut seen = 0_u32;
    if ask.k > 0 && !stopped {
        weight.for_each_pruning(Score::MIN, reader, &mut |doc, score| {
            seen += 1;
            stopped = stopped || (seen.is_multiple_of(CANCEL_STRIDE) && ask.cancel.load(Memory::Relaxed));
            if stopped {
                return Score::MAX;
            }
            let (leaf, position) = columns.content(doc);
            best.offer(Found { score, leaf, position })
        })?;
    }
    let total = if ask.count && !stopped { u64::from(weight.count(reader)?) } else { 0 };
    Ok(Collected { best: best.sorted(), total, complete: !stopped })
}

/// Looks at every match.
fn every(weight: &dyn Weight, reader: &SegmentReader, ask: &Ask<'_>, columns: &Columns) -> tantivy::Result<Collected> {
    let mut scorer = weight.scorer(reader, 1.0)?;
    let mut best = Best::new(ask.k);
    let (mut total, mut steps, mut open) = (0, 0_u32, None::<Found>);
    let mut doc = scorer.doc();
    while doc != TERMINATED {
        steps = steps.wrapping_add(1);
        if steps % CANCEL_STRIDE == 1 && ask.cancel.load(Memory::Relaxed) {
            return Ok(Collected { best: best.sorted(), total, complete: false });
        }
        let (leaf, position) = columns.content(doc);
        if columns.visible(doc, leaf, &ask.sight) {
            let score = scorer.score();
            match &mut open {
                Some(found) if found.leaf == leaf && found.position == position => found.score = found.score.max(score),
                _ => {
                    total += 1;
                    if let Some(done) = open.replace(Found { score, leaf, position }) {
                        best.offer(done);
                    }
                }
            }
        }
        doc = scorer.advance();
    }
    if let Some(done) = open {
        best.offer(done);
    }
    Ok(Collected { best: best.sorted(), total, complete: true })
}

/// The best `k`, worst on top.
struct Best {
    k: usize,
    heap: BinaryHeap<Worst>,
}

struct Worst(Found);

impl Best {
    fn new(k: usize) -> Self {
        Self { k, heap: BinaryHeap::with_capacity(k.min(1_024) + 1) }
    }

    /// Takes a match; gives the score that the next one has to exceed.
    fn offer(&mut self, found: Found) -> Score {
        if self.k > 0 {
            self.heap.push(Worst(found));
        }
        if self.heap.len() > self.k {
            self.heap.pop();
        }
        if self.heap.len() < self.k { Score::MIN } else { self.heap.peek().map_or(Score::MIN, |worst| worst.0.score) }
    }

    fn sorted(self) -> Vec<Found> {
        let mut found: Vec<Found> = self.heap.into_iter().map(|worst| worst.0).collect();
        found.sort_by(better_first);
        found
    }
}

/// Higher scores first; equal ones in the order of the log.
fn better_first(a: &Found, b: &Found) -> Ordering {
    b.score.total_cmp(&a.score).then(a.leaf.cmp(&b.leaf)).then(a.position.cmp(&b.position))
}

impl Ord for Worst {
    fn cmp(&self, other: &Self) -> Ordering {
        better_first(&self.0, &other.0)
    }
}

impl PartialOrd for Worst {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Worst {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Worst {}
