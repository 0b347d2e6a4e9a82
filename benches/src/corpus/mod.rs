//! A corpus with the shape of the real sets and planted lineage: decisions, poisoned memory, one long session, rare words.
//!
//! Guarantee: the same [`CorpusPlan`] gives the same records, byte for byte, in the same order, however many threads make
//! them; and what the [`Manifest`] says is exact: which events explain a decision, how many a poisoned write reaches, in how
//! many contents a word stands. No two contents are equal but for those that a session repeats itself (2 %, as measured),
//! so that links by content change no count. Memory is bounded by rounds, rings and reservoirs with a named size.
//!
//! A corpus is made of [`WORLDS`] worlds that never meet: each holds its agents, shared memory and sessions, and is made by
//! one thread at a time.

mod case;
mod hub;
mod manifest;
mod ordinary;
mod plants;
mod plot;
mod pool;
mod stream;
mod voice;
mod world;

pub use manifest::{Decision, Hub, Long, Manifest, Word, WordKind};

use crate::error::{Error, Result};
use crate::generator::{Made, Tally, record};
use crate::rng::Rng;
use ingest::log::NewRecord;
use pool::Pool;
use rayon::prelude::*;
use schemas::limits::EVENTS_PER_BATCH_MAX;
use schemas::record::SignedBatch;
use serde::{Deserialize, Serialize};
use world::World;

/// Worlds of a corpus.
pub const WORLDS: usize = 8;
/// Events that one world makes in a round.
const ROUND_EVENTS: u64 = 2_048;
/// Agents of a world, each with a stream of its own.
const AGENTS: usize = 8;
/// Events that a full hub reaches, itself included: the default bound of `trace`.
const HUB_NODES: u64 = 10_000;
/// Fewest events of a corpus: below this there is no room for what is planted.
pub const EVENTS_MIN: u64 = 16_000;

/// What to generate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CorpusPlan {
    /// Everything is drawn from it.
    pub seed: u64,
    /// Events altogether, at least [`EVENTS_MIN`].
    pub events: u64,
    /// Events of a batch.
    pub batch: usize,
    /// Short headers and contents, so that 100 million events fit on a small disk.
    pub lean: bool,
}

/// See the module.
#[derive(Debug)]
pub struct Corpus {
    worlds: Vec<World>,
    tally: Tally,
}

impl Corpus {
    /// Ready for the first round.
    ///
    /// # Errors
    /// When the plan is too small or asks for batches that the format does not allow.
    pub fn new(plan: CorpusPlan) -> Result<Self> {
        if plan.events < EVENTS_MIN || plan.batch == 0 || plan.batch > EVENTS_PER_BATCH_MAX {
            let least = format!("{EVENTS_MIN} events and 1 to {EVENTS_PER_BATCH_MAX} events a batch are needed");
            return Err(Error::new("planning a corpus", format!("{least}, found {plan:?}")));
        }
        let pool = Pool::new(plan.seed);
        let phrases = pool.phrases(&mut Rng::new(plan.seed, "phrases"), plants::PHRASES.0);
        let worlds = (0..WORLDS).map(|number| World::new(plan, number, &pool, &phrases)).collect::<Result<_>>()?;
        Ok(Self { worlds, tally: Tally::default() })
    }

    /// The records of the next round, in log order; empty when all events were made.
    ///
    /// # Errors
    /// When the format refuses what was generated: a bug of the generator.
    pub fn round(&mut self) -> Result<Vec<NewRecord>> {
        let made: Vec<Vec<SignedBatch>> =
            self.worlds.par_iter_mut().map(|world| world.round(ROUND_EVENTS)).collect::<Result<_>>()?;
        let batches: Vec<SignedBatch> = made.into_iter().flatten().collect();
        batches.iter().for_each(|batch| self.tally.batch(batch));
        let records: Vec<NewRecord> = batches.into_par_iter().map(record).collect();
        records.iter().for_each(|record| self.tally.record(record));
        if records.is_empty() && self.worlds.iter().any(|world| !world.is_done()) {
            // Every stream is still filling its first batch.
            return self.round();
        }
        Ok(records)
    }

    /// What was made and planted. Complete only after the last round.
    #[must_use]
    pub fn finish(self, plan: CorpusPlan) -> (Made, Manifest) {
        let made = self.tally.finish();
        let notes = self.worlds.into_iter().map(World::into_notes).collect();
        let manifest = Manifest::of(plan, made.events, notes);
        (made, manifest)
    }
}

/// Makes all of a plan and hands each record on.
///
/// # Errors
/// Those of the generator and of `take`.
pub fn run(plan: CorpusPlan, mut take: impl FnMut(NewRecord) -> Result<()>) -> Result<(Made, Manifest)> {
    let mut corpus = Corpus::new(plan)?;
    loop {
        let records = corpus.round()?;
        if records.is_empty() {
            return Ok(corpus.finish(plan));
        }
        records.into_iter().try_for_each(&mut take)?;
    }
}
