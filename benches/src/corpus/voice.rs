//! Says what a world's agents say: gives it id, time and text, seals it and signs it.
//!
//! Guarantee: time never goes back; no two texts of a world are equal unless one repeats the other on purpose.

use super::plants::Plants;
use super::plot::{Seat, Speech};
use super::pool::Pool;
use super::stream::{Spoken, Stream};
use super::{AGENTS, CorpusPlan, WORLDS};
use crate::error::Result;
use crate::rng::Rng;
use bytes::Bytes;
use schemas::draft::{Draft, DraftContent};
use schemas::header::Time;
use schemas::record::SignedBatch;
use schemas::{id, kind};
use serde_json::{Map, Value};

/// First time of the events: 2026-01-05T08:00:00Z, in microseconds.
const TIME_FROM_US: u64 = 1_767_600_000_000_000;
/// Longest time between two events of a world, in microseconds: 50 events/s in all worlds together.
const STEP_US: usize = 2 * 20_000 * WORLDS;
/// A lean text has this share of the length of another, and at least so many bytes.
const LEAN: (f64, usize) = (0.08, 24);
/// Attributes that lean events leave out.
const LEAN_WITHOUT: [&str; 4] = [
    "gen_ai.operation.name",
    "gen_ai.provider.name",
    "gen_ai.usage.input_tokens",
    "gen_ai.usage.cache_read.input_tokens",
];

/// See the module.
#[derive(Debug)]
pub(super) struct Voice {
    plan: CorpusPlan,
    world: usize,
    streams: Vec<Stream>,
    pool: Pool,
    plants: Plants,
    now_us: u64,
    /// Events said.
    pub(super) said: u64,
    /// Batches that are full.
    pub(super) out: Vec<SignedBatch>,
}

impl Voice {
    pub(super) fn new(plan: CorpusPlan, world: usize, pool: Pool, plants: Plants) -> Result<Self> {
        let stream = |n: usize| Stream::new(plan.seed, world * AGENTS + n, format!("w{world}-agent-{n}"), plan.batch);
        let streams = (0..AGENTS).map(stream).collect::<Result<_>>()?;
        Ok(Self { plan, world, streams, pool, plants, now_us: TIME_FROM_US, said: 0, out: Vec::new() })
    }

    /// Says it; gives the content too, unless something was planted in it.
    pub(super) fn say(
        &mut self,
        rng: &mut Rng,
        seat: &mut Seat,
        speech: &mut Speech,
    ) -> Result<(Spoken, Option<Bytes>)> {
        self.now_us += rng.range(1, STEP_US) as u64;
        self.said += 1;
        let (content, plain) = self.content(rng, seat, speech);
        let repeatable = content.as_ref().filter(|_| plain).map(|content| content.bytes.clone());
        let mut draft = self.draft(rng, seat, speech);
        draft.contents = content.into_iter().collect();
        let (spoken, full) = self.streams[seat.agent].push(draft, rng)?;
        self.out.extend(full);
        Ok((spoken, repeatable))
    }

    /// Signs what is left over.
    pub(super) fn flush(&mut self) -> Result<()> {
        for stream in &mut self.streams {
            self.out.extend(stream.flush()?);
        }
        Ok(())
    }

    /// What was planted.
    pub(super) fn into_plants(self) -> Plants {
        self.plants
    }

    /// The content, and whether it holds nothing planted.
    fn content(&mut self, rng: &mut Rng, seat: &mut Seat, speech: &mut Speech) -> (Option<DraftContent>, bool) {
        let (name, media) = match speech.kind {
            kind::MODEL_CALL => ("output", None),
            kind::TOOL_RESULT => ("result", None),
            kind::TOOL_CALL => ("arguments", Some("application/json")),
            kind::MEMORY_READ | kind::MEMORY_WRITE => ("value", None),
            _ => ("text", None),
        };
        if let Some(bytes) = speech.repeats.take() {
            return (Some(DraftContent::new(name, "text/plain; charset=utf-8", bytes)), false);
        }
        let lean_without = self.plan.lean && matches!(speech.kind, kind::TOOL_CALL | kind::MEMORY_READ);
        let Some(bytes) = speech.bytes.filter(|_| !lean_without) else { return (None, false) };
        let lean = || ((bytes as f64 * LEAN.0) as usize).max(LEAN.1);
        let bytes = if self.plan.lean { lean() } else { bytes };
        let mut text = self.pool.text(rng, &mut seat.nook, self.world, self.said, bytes);
        let planted = self.plants.plant(self.said, &mut text);
        let content = match media {
            Some(_) => DraftContent::json(name, &Value::Object(Map::from_iter([("query".to_owned(), text.into())]))),
            None => DraftContent::text(name, text),
        };
        (Some(content), !planted)
    }

    fn draft(&mut self, rng: &mut Rng, seat: &Seat, speech: &mut Speech) -> Draft {
        let stream = &self.streams[seat.agent];
        let mut draft = Draft {
            id: id::live(self.now_us / 1_000, rng.bytes()),
            source: stream.source.clone(),
            kind: speech.kind.to_owned(),
            time: Some(Time(i64::try_from(self.now_us).unwrap_or_default()).to_rfc3339()),
            subject: speech.subject.take(),
            session: Some(seat.session.clone()),
            agent: Some(stream.agent.clone()),
            principal: speech.principal.take(),
            causes: std::mem::take(&mut speech.causes),
            attributes: speech.attributes.clone(),
            ..Draft::default()
        };
        if self.plan.lean {
            draft.causes.iter_mut().for_each(|cause| cause.leaf = None);
            draft.attributes.retain(|name, _| !LEAN_WITHOUT.contains(&name.as_str()));
        } else {
            draft.agent_version = Some("2.1.4".to_owned());
            draft.task = Some(seat.task.clone());
            draft.trace_id = Some(seat.trace.clone());
            draft.span_id = Some(rng.hex::<8>());
        }
        draft
    }
}
