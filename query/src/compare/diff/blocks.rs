//! The alignment as blocks: equal, changed, only in one run, moved, repeated.
//!
//! Guarantee: blocks cover both runs from the first step to the bound of the alignment, in order, each step in exactly
//! one block; neighbours of the same kind are one block unless what they point to differs.

use super::align::{Alignment, Stretch};
use super::gaps::Pairing;
use super::limits::{MOVED_COPIES_MAX, REPEAT_STEPS_MAX};
use super::step::{Span, Step};
use serde::Serialize;
use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use utoipa::ToSchema;

/// What a block is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BlockKind {
    /// The same steps in both runs.
    Equal,
    /// Steps of the same kind and name, one for one, that say something else.
    Changed,
    /// Steps that only A has.
    OnlyA,
    /// Steps that only B has.
    OnlyB,
    /// Steps of A that B has too, at another place.
    MovedA,
    /// Steps of B that A has too, at another place.
    MovedB,
    /// Steps that only A has, and that repeat steps shortly before in A: tried again.
    RepeatedA,
    /// Steps that only B has, and that repeat steps shortly before in B: tried again.
    RepeatedB,
}

/// Steps in a row of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Block {
    /// What it is.
    pub kind: BlockKind,
    /// Steps of A; empty where A has none, and then before which step it stands.
    pub a: Span,
    /// Steps of B, likewise.
    pub b: Span,
    /// Of a moved block its place in the other run; of a repeated one what it repeats, in its own run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub elsewhere: Option<Span>,
}

/// The blocks of an alignment.
pub(super) fn blocks(a: &[Step], b: &[Step], alignment: &Alignment) -> Vec<Block> {
    let mut out = Blocks::default();
    out.push(BlockKind::Equal, &(0..alignment.prefix), &(0..alignment.prefix), None);
    let mut pairing = Pairing::default();
    let mut lonely = Lonely::default();
    let mut parts = Vec::new();
    for stretch in &alignment.stretches {
        match stretch {
            Stretch::Equal(in_a, in_b) => parts.push((BlockKind::Equal, in_a.clone(), in_b.clone())),
            Stretch::Gap(in_a, in_b) => gap(a, b, (in_a, in_b), alignment.prefix, &mut pairing, &mut parts),
        }
    }
    for (kind, in_a, in_b) in &parts {
        match kind {
            BlockKind::OnlyA => lonely.a.extend(in_a.clone()),
            BlockKind::OnlyB => lonely.b.extend(in_b.clone()),
            _ => {}
        }
    }
    let moved = lonely.moved(a, b);
    let repeats = (repeats(a, alignment.prefix), repeats(b, alignment.prefix));
    for (kind, in_a, in_b) in parts {
        match kind {
            BlockKind::OnlyA => in_a.for_each(|i| {
                let (kind, elsewhere) = match (moved.a.get(&i), repeats.0.get(&i)) {
                    (Some(to), _) => (BlockKind::MovedA, Some(*to)),
                    (None, Some(of)) => (BlockKind::RepeatedA, Some(*of)),
                    (None, None) => (BlockKind::OnlyA, None),
                };
                out.push(kind, &(i..i + 1), &(in_b.start..in_b.start), elsewhere);
            }),
            BlockKind::OnlyB => in_b.for_each(|j| {
                let (kind, elsewhere) = match (moved.b.get(&j), repeats.1.get(&j)) {
                    (Some(from), _) => (BlockKind::MovedB, Some(*from)),
                    (None, Some(of)) => (BlockKind::RepeatedB, Some(*of)),
                    (None, None) => (BlockKind::OnlyB, None),
                };
                out.push(kind, &(in_a.start..in_a.start), &(j..j + 1), elsewhere);
            }),
            kind => out.push(kind, &in_a, &in_b, None),
        }
    }
    out.blocks
}

type Part = (BlockKind, Range<usize>, Range<usize>);

/// Cuts a gap into changed pairs and what stands between them.
fn gap(
    a: &[Step],
    b: &[Step],
    at: (&Range<usize>, &Range<usize>),
    prefix: usize,
    pairing: &mut Pairing,
    parts: &mut Vec<Part>,
) {
    let (mut i, mut j) = (at.0.start, at.1.start);
    let between = |i: usize, to_a: usize, j: usize, to_b: usize, parts: &mut Vec<Part>| {
        if i < to_a {
            parts.push((BlockKind::OnlyA, i..to_a, j..j));
        }
        if j < to_b {
            parts.push((BlockKind::OnlyB, to_a..to_a, j..to_b));
        }
    };
    for (x, y) in pairing.pairs(a, b, at) {
        between(i, x, j, y, parts);
        // Equal steps that the alignment passed over; at the divergence itself the ids differ.
        let same = a[x].digests.content == b[y].digests.content && (x, y) != (prefix, prefix);
        let kind = if same { BlockKind::Equal } else { BlockKind::Changed };
        parts.push((kind, x..x + 1, y..y + 1));
        (i, j) = (x + 1, y + 1);
    }
    between(i, at.0.end, j, at.1.end, parts);
}

/// Steps that stand in one run only.
#[derive(Default)]
struct Lonely {
    a: Vec<usize>,
    b: Vec<usize>,
}

#[derive(Default)]
struct Moved {
    a: HashMap<usize, usize>,
    b: HashMap<usize, usize>,
}

impl Lonely {
    /// Steps of the same content, the first with the first, where it is rare enough to tell.
    fn moved(&self, a: &[Step], b: &[Step]) -> Moved {
        let mut waiting: HashMap<&[u8; 32], VecDeque<usize>> = HashMap::new();
        for j in &self.b {
            waiting.entry(&b[*j].digests.content).or_default().push_back(*j);
        }
        let mut copies: HashMap<&[u8; 32], usize> = HashMap::new();
        for i in &self.a {
            *copies.entry(&a[*i].digests.content).or_default() += 1;
        }
        let rare = |content, others: usize| others.max(copies.get(content).copied().unwrap_or(0)) <= MOVED_COPIES_MAX;
        waiting.retain(|content, places| rare(*content, places.len()));
        let mut moved = Moved::default();
        for i in &self.a {
            if let Some(j) = waiting.get_mut(&a[*i].digests.content).and_then(VecDeque::pop_front) {
                moved.a.insert(*i, j);
                moved.b.insert(j, *i);
            }
        }
        moved
    }
}

/// Of each step that repeats one shortly before it: which.
fn repeats(steps: &[Step], prefix: usize) -> HashMap<usize, usize> {
    let mut last: HashMap<&[u8; 32], usize> = HashMap::new();
    let mut repeats = HashMap::new();
    let from = prefix.saturating_sub(REPEAT_STEPS_MAX);
    for (i, step) in steps.iter().enumerate().skip(from) {
        if let Some(before) = last.insert(&step.digests.content, i)
            && i - before <= REPEAT_STEPS_MAX
        {
            repeats.insert(i, before);
        }
    }
    repeats
}

#[derive(Default)]
struct Blocks {
    blocks: Vec<Block>,
}

impl Blocks {
    /// Appends steps, to the last block where they continue it. `elsewhere` is the index of the first.
    fn push(&mut self, kind: BlockKind, a: &Range<usize>, b: &Range<usize>, elsewhere: Option<usize>) {
        if a.is_empty() && b.is_empty() {
            return;
        }
        if let Some(last) = self.blocks.last_mut()
            && last.kind == kind
            && last.elsewhere.map(|span| span.range().end) == elsewhere
        {
            last.a.count += a.len();
            last.b.count += b.len();
            if let Some(span) = &mut last.elsewhere {
                span.count += 1;
            }
            return;
        }
        let elsewhere = elsewhere.map(|at| Span::of(&(at..at + 1)));
        self.blocks.push(Block { kind, a: Span::of(a), b: Span::of(b), elsewhere });
    }
}
