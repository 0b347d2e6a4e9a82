//! Realistic signed events, deterministic by seed: many streams that take turns.
//!
//! Guarantee: the same [`Plan`] gives the same records, byte for byte, in the same order, however many threads make
//! them. Sizes, kinds, attributes and repetition are those of [`crate::measured`].

use crate::error::{Error, Result};
use crate::lane::Lane;
use crate::words::Words;
use ingest::log::NewRecord;
use rayon::prelude::*;
use schemas::limits::EVENTS_PER_BATCH_MAX;
use schemas::record::{Body, LogRecord, SignedBatch};
use serde::{Deserialize, Serialize};

/// Events that one lane makes in a round at least: keeps the threads busy when batches are small.
const ROUND_EVENTS: usize = 256;

/// What to generate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Everything is drawn from it.
    pub seed: u64,
    /// Events altogether.
    pub events: u64,
    /// Events of a batch.
    pub batch: usize,
    /// Streams.
    pub lanes: usize,
}

/// See the module.
#[derive(Debug)]
pub struct Generator {
    plan: Plan,
    lanes: Vec<Lane>,
    left: u64,
}

impl Generator {
    /// Ready for the first round.
    ///
    /// # Errors
    /// When the plan asks for no lanes or for batches that the format does not allow.
    pub fn new(plan: Plan) -> Result<Self> {
        if plan.lanes == 0 || plan.batch == 0 || plan.batch > EVENTS_PER_BATCH_MAX {
            let cause = format!("1 lane and 1 to {EVENTS_PER_BATCH_MAX} events a batch are the least, found {plan:?}");
            return Err(Error::new("planning events", cause));
        }
        let words = Words::new(plan.seed);
        let lanes = (0..plan.lanes).map(|n| Lane::new(plan.seed, n, words.clone())).collect::<Result<_>>()?;
        Ok(Self { plan, lanes, left: plan.events })
    }

    /// The batches of the next round, in log order; empty when all events were made.
    ///
    /// # Errors
    /// See [`Lane::batch`].
    pub fn round(&mut self) -> Result<Vec<SignedBatch>> {
        let turns = (ROUND_EVENTS / self.plan.batch).max(1);
        let mut sizes = vec![Vec::new(); self.lanes.len()];
        for turn in 0..turns * self.lanes.len() {
            let events = self.left.min(self.plan.batch as u64);
            if events > 0 {
                sizes[turn % self.lanes.len()].push(events as usize);
                self.left -= events;
            }
        }
        let of_lane = |(lane, sizes): (&mut Lane, &Vec<usize>)| sizes.iter().map(|n| lane.batch(*n)).collect();
        let made: Vec<Vec<SignedBatch>> = self.lanes.par_iter_mut().zip(&sizes).map(of_lane).collect::<Result<_>>()?;
        let mut made: Vec<_> = made.into_iter().map(Vec::into_iter).collect();
        let mut round = Vec::new();
        for _ in 0..turns {
            round.extend(made.iter_mut().filter_map(Iterator::next));
        }
        Ok(round)
    }
}

/// The record that carries a batch.
#[must_use]
pub fn record(batch: SignedBatch) -> NewRecord {
    NewRecord { partition_key: batch.partition_key.clone(), value: LogRecord::encode_body(Body::Batch(batch)) }
}

/// What a plan comes to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// Events.
    pub events: u64,
    /// Log records.
    pub records: u64,
    /// Bytes of headers.
    pub header_bytes: u64,
    /// Bytes of contents.
    pub content_bytes: u64,
    /// Bytes of log records.
    pub record_bytes: u64,
    /// BLAKE3 of the log records in their order, hex: the same for the same plan on every machine.
    pub digest: String,
}

impl Made {
    /// Header and contents of an event, in bytes, on average.
    #[must_use]
    pub fn event_bytes_mean(&self) -> f64 {
        (self.header_bytes + self.content_bytes) as f64 / self.events.max(1) as f64
    }
}

/// Adds up what was made.
#[derive(Debug, Default)]
pub struct Tally {
    made: Made,
    hasher: blake3::Hasher,
}

impl Tally {
    /// Counts the contents of a batch.
    pub fn batch(&mut self, batch: &SignedBatch) {
        let made = &mut self.made;
        made.events += batch.events.len() as u64;
        for event in &batch.events {
            made.header_bytes += event.header.len() as u64;
            made.content_bytes += event.contents.iter().map(|c| c.data.len() as u64).sum::<u64>();
        }
    }

    /// Counts a record.
    pub fn record(&mut self, record: &NewRecord) {
        self.made.records += 1;
        self.made.record_bytes += record.value.len() as u64;
        self.hasher.update(&record.value);
    }

    /// The sums.
    #[must_use]
    pub fn finish(self) -> Made {
        Made { digest: self.hasher.finalize().to_hex().to_string(), ..self.made }
    }
}

/// Makes all of a plan and hands each record on.
///
/// # Errors
/// Those of the generator and of `take`.
pub fn run(plan: Plan, mut take: impl FnMut(NewRecord) -> Result<()>) -> Result<Made> {
    let mut generator = Generator::new(plan)?;
    let mut tally = Tally::default();
    loop {
        let round = generator.round()?;
        if round.is_empty() {
            return Ok(tally.finish());
        }
        round.iter().for_each(|batch| tally.batch(batch));
        let records: Vec<NewRecord> = round.into_par_iter().map(record).collect();
        for record in records {
            tally.record(&record);
            take(record)?;
        }
    }
}
