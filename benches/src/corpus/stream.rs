//! One agent's stream: seals what it says and signs it in batches, as a producer does.
//!
//! Guarantee: batches continue each other and pass every check of `schemas::check`. Headers are written by a producer's
//! own code (`Draft::seal`).

use crate::error::{Doing, Result};
use crate::lane::{self, KEYS, SOURCE_PREFIX, TENANT};
use crate::rng::Rng;
use bytes::Bytes;
use schemas::digest::header_digest;
use schemas::draft::{Draft, Seal};
use schemas::record::{Content, Event, Form, SignedBatch};
use schemas::tlog::{Checkpoint, CompactRange, NoteSigner, leaf_hash};

/// An event that others may name as their cause.
#[derive(Debug, Clone)]
pub(super) struct Spoken {
    pub(super) id: String,
    pub(super) digest: [u8; 32],
}

/// See the module.
#[derive(Debug)]
pub(super) struct Stream {
    name: String,
    pub(super) source: String,
    pub(super) agent: String,
    signer: NoteSigner,
    public: Bytes,
    range: CompactRange,
    before: (u64, Bytes),
    events: Vec<Event>,
    batch: usize,
}

impl Stream {
    /// The stream of an agent; `number` counts the agents of all worlds.
    pub(super) fn new(seed: u64, number: usize, agent: String, batch: usize) -> Result<Self> {
        let name = format!("bench.example/{agent}");
        let key = lane::key(seed, number % KEYS);
        let public = Bytes::copy_from_slice(key.verifying_key().as_bytes());
        let signer = NoteSigner::new(&name, key).doing("naming a stream")?;
        let source = format!("{SOURCE_PREFIX}{agent}");
        let before = (0, Bytes::from(CompactRange::new().to_bytes()));
        let range = CompactRange::new();
        Ok(Self { name, source, agent, signer, public, range, before, events: Vec::with_capacity(batch), batch })
    }

    /// Seals an event and gives the batch that it completes.
    pub(super) fn push(&mut self, draft: Draft, rng: &mut Rng) -> Result<(Spoken, Option<SignedBatch>)> {
        let seals: Vec<Seal> = draft.contents.iter().map(|c| Seal::new(rng.bytes(), &c.bytes)).collect();
        let header = draft.seal(&self.name, TENANT, rng.bytes(), &seals).doing("writing a header")?;
        let digest = header_digest(&header);
        self.range.append(leaf_hash(&digest));
        let contents = draft.contents.into_iter().zip(&seals).map(|(content, seal)| Content {
            form: Form::Inline as i32,
            salt: Bytes::copy_from_slice(&seal.salt),
            data: content.bytes,
        });
        self.events.push(Event { header: header.into(), contents: contents.collect() });
        let full = if self.events.len() >= self.batch { self.flush()? } else { None };
        Ok((Spoken { id: draft.id, digest }, full))
    }

    /// The batch of what was not signed yet.
    pub(super) fn flush(&mut self) -> Result<Option<SignedBatch>> {
        if self.events.is_empty() {
            return Ok(None);
        }
        let checkpoint =
            Checkpoint::new(&self.name, self.range.size(), self.range.root()).doing("making a checkpoint")?;
        let note = checkpoint.sign(&self.signer).doing("signing a checkpoint")?;
        let after = (self.range.size(), Bytes::from(self.range.to_bytes()));
        let (size_before, frontier_before) = std::mem::replace(&mut self.before, after);
        Ok(Some(SignedBatch {
            version: 1,
            checkpoint: note.to_bytes().into(),
            signer: self.public.clone(),
            size_before,
            frontier_before,
            events: std::mem::replace(&mut self.events, Vec::with_capacity(self.batch)),
            partition_key: self.name.clone(),
        }))
    }
}
