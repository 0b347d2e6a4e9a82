//! Continuity of the producers' streams: does a batch go on where the stream ended?
//!
//! Guarantee: pure decisions on (size, root) pairs. The root of a frontier fixes the history below it, so comparing
//! roots is comparing histories. Nothing is accepted twice: what was seen is named [`Verdict::Seen`], another history
//! of the same range is [`Verdict::Fork`], and what cannot be told without the table is [`Verdict::AskTable`].

use schemas::check::CheckedBatch;
use schemas::tlog::{CompactRange, Hash};
use std::collections::VecDeque;

/// How many recent checkpoints of a stream are kept in memory; older repeats are compared with the table.
const RECENT_MAX: usize = 64;

/// A stretch of a stream that has not arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Gap {
    /// First missing index.
    pub(crate) from: u64,
    /// Root of the stream at `from`, where it is known.
    pub(crate) from_root: Option<Hash>,
    /// First index after the gap.
    pub(crate) to: u64,
    /// Root of the stream at `to`.
    pub(crate) to_root: Hash,
}

/// What is known of one stream.
#[derive(Debug, Clone)]
pub(crate) struct StreamState {
    /// Size after the furthest batch.
    pub(crate) next: u64,
    /// Root at `next`.
    pub(crate) root: Hash,
    /// What is missing below `next`, in order.
    pub(crate) gaps: Vec<Gap>,
    /// (size, root) of recent batches.
    recent: VecDeque<(u64, Hash)>,
}

/// What to do with a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It goes on where the stream ended.
    Next,
    /// Its first `skip` events are known, the others go on.
    Tail {
        /// Known events.
        skip: usize,
    },
    /// It goes on after a gap, which opens a finding.
    AfterGap {
        /// First missing index.
        from: u64,
    },
    /// It fills (a part of) a gap.
    Fills {
        /// Whether nothing of that gap is missing any more.
        closes: bool,
    },
    /// It was seen before: drop it.
    Seen,
    /// It is another history of a known range.
    Fork {
        /// Expected and found.
        detail: String,
    },
    /// Compare its leaves with those in the table.
    AskTable,
}

impl StreamState {
    /// A stream of which nothing has arrived.
    pub(crate) fn new() -> Self {
        Self { next: 0, root: CompactRange::new().root(), gaps: Vec::new(), recent: VecDeque::new() }
    }

    /// Rebuilt from the table: size and root of the furthest checkpoint, and the gaps below.
    pub(crate) fn restored(next: u64, root: Hash, gaps: Vec<Gap>) -> Self {
        Self { next, root, gaps, recent: VecDeque::from([(next, root)]) }
    }

    /// Decides on a batch; changes nothing.
    pub(crate) fn judge(&self, batch: &CheckedBatch) -> Verdict {
        let (from, to) = (batch.before.size(), batch.after.size());
        if from == self.next {
            return self.continues(batch.before.root(), Verdict::Next);
        }
        if from > self.next {
            return Verdict::AfterGap { from: self.next };
        }
        if to > self.next {
            let skip = (self.next - from) as usize;
            let mut known = batch.before.clone();
            batch.events.iter().take(skip).for_each(|e| known.append(e.leaf));
            return self.continues(known.root(), Verdict::Tail { skip });
        }
        if let Some(gap) = self.gap_around(from, to) {
            return fills(gap, batch);
        }
        match self.recent.iter().find(|(size, _)| *size == to) {
            Some((_, root)) if *root == batch.after.root() => Verdict::Seen,
            Some((_, root)) => fork(to, *root, batch.after.root()),
            None => Verdict::AskTable,
        }
    }

    /// Records a batch on which `judge` said `verdict`.
    pub(crate) fn accept(&mut self, verdict: &Verdict, batch: &CheckedBatch) {
        let (from, to, after) = (batch.before.size(), batch.after.size(), batch.after.root());
        match verdict {
            Verdict::AfterGap { from: missing } => {
                let gap = Gap { from: *missing, from_root: Some(self.root), to: from, to_root: batch.before.root() };
                self.gaps.push(gap);
                (self.next, self.root) = (to, after);
            }
            Verdict::Next | Verdict::Tail { .. } => (self.next, self.root) = (to, after),
            Verdict::Fills { .. } => self.fill(from, to, batch.before.root(), after),
            Verdict::Seen | Verdict::Fork { .. } | Verdict::AskTable => return,
        }
        self.recent.push_back((to, after));
        if self.recent.len() > RECENT_MAX {
            self.recent.pop_front();
        }
    }

    fn continues(&self, found: Hash, verdict: Verdict) -> Verdict {
        if found == self.root { verdict } else { fork(self.next, self.root, found) }
    }

    fn gap_around(&self, from: u64, to: u64) -> Option<&Gap> {
        self.gaps.iter().find(|g| g.from <= from && to <= g.to)
    }

    /// Records that `[from, to)`, which lies within a gap, has arrived.
    pub(crate) fn fill(&mut self, from: u64, to: u64, before: Hash, after: Hash) {
        let Some(at) = self.gaps.iter().position(|g| g.from <= from && to <= g.to) else { return };
        let gap = self.gaps.remove(at);
        if to < gap.to {
            self.gaps.insert(at, Gap { from: to, from_root: Some(after), ..gap.clone() });
        }
        if gap.from < from {
            self.gaps.insert(at, Gap { to: from, to_root: before, ..gap });
        }
    }
}

fn fills(gap: &Gap, batch: &CheckedBatch) -> Verdict {
    let (from, to) = (batch.before.size(), batch.after.size());
    if from == gap.from
        && let Some(root) = gap.from_root
        && root != batch.before.root()
    {
        return fork(from, root, batch.before.root());
    }
    if to == gap.to && gap.to_root != batch.after.root() {
        return fork(to, gap.to_root, batch.after.root());
    }
    Verdict::Fills { closes: from == gap.from && to == gap.to }
}

fn fork(size: u64, known: Hash, found: Hash) -> Verdict {
    let detail = format!(
        "the stream's first {size} events have root {}, this batch says {}: its key signed two histories",
        known.to_base64(),
        found.to_base64()
    );
    Verdict::Fork { detail }
}
