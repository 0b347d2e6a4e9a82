//! Staging: drafts are sealed, batched, signed and written to the outbox, with the new state of their streams, in ONE
//! transaction.
//!
//! Guarantee: when staging returns, everything it signed is durable and queued in order; when it fails, nothing was
//! signed that anybody has seen. This order (state, then sending) is why a crash anywhere makes no second history: what
//! was sent was durable before, and is sent again byte for byte.

use super::batch::{Batcher, Outgoing};
use super::config::Config;
use super::error::{DraftError, ProducerError};
use super::seal::{ContentKey, Sealer, SeenContents};
use super::state::{LEDGER_KEY_BYTES, State, StreamState, Tx};
use super::{Repeats, StreamSpec};
use crate::env::Env;
use ed25519_dalek::SigningKey;
use schemas::draft::{Draft, Seal};
use schemas::limits::{PARTITION_KEY_BYTES_MAX, STREAM_NAME_BYTES_MAX};
use schemas::tlog::CompactRange;
use std::collections::HashMap;
use std::sync::Arc;

/// Context of the ledger's keys; private to the state file.
const LEDGER_CONTEXT: &str = "hansard 2026-11 import ledger v1";

/// What became of one draft.
#[derive(Debug)]
pub(super) enum StagedEvent {
    /// Signed, in the batch of that number.
    Signed { id: String, stream: Arc<str>, index: u64, digest: [u8; 32], batch: usize },
    /// In the ledger already.
    AlreadySent { id: String },
    /// Not signed.
    Refused(DraftError),
}

/// A queued record: its outbox number, itself, and whether it is a batch.
pub(super) type Numbered = (i64, Outgoing);

/// Everything that one transaction made.
#[derive(Debug)]
pub(super) struct Made {
    /// As the groups and drafts of the call.
    pub(super) events: Vec<Vec<StagedEvent>>,
    /// Records in the order of the outbox.
    pub(super) records: Vec<Numbered>,
}

/// What changes under the producer's lock.
#[derive(Debug)]
pub(super) struct Core {
    /// The file; `None` after a close or a failed commit.
    pub(super) state: Option<State>,
    /// Contents that may be referred to.
    pub(super) seen: SeenContents,
}

/// What stays the same for a producer's life.
#[derive(Debug)]
pub(super) struct Fixed {
    pub(super) config: Config,
    pub(super) key: SigningKey,
    pub(super) env: Env,
}

impl Core {
    /// Stages one call, and clears the outbox through `acked`.
    pub(super) fn stage(
        &mut self,
        fixed: &Fixed,
        groups: &[(StreamSpec, Vec<Draft>)],
        repeats: Repeats,
        acked: Option<i64>,
    ) -> Result<Made, ProducerError> {
        let Self { state, seen } = self;
        let mut fresh = HashMap::new();
        let open = state.as_mut().ok_or(ProducerError::Closed)?;
        let made = match make(open, fixed, groups, repeats, acked, seen, &mut fresh)? {
            Ok(made) => made,
            Err(error) => {
                // Nothing more is signed over a file whose last commit is in doubt.
                *state = None;
                return Err(error);
            }
        };
        for (key, seal) in fresh {
            seen.put(key, seal);
        }
        Ok(made)
    }

    /// Clears the outbox through `acked`, in a transaction of its own.
    pub(super) fn tidy(&mut self, acked: i64) -> Result<(), ProducerError> {
        let Some(state) = self.state.as_mut() else { return Ok(()) };
        let tx = state.begin()?;
        tx.forget_through(acked)?;
        tx.commit()
    }
}

/// The transaction. The outer error left the file as it was, the inner one is a commit in doubt.
fn make(
    state: &mut State,
    fixed: &Fixed,
    groups: &[(StreamSpec, Vec<Draft>)],
    repeats: Repeats,
    acked: Option<i64>,
    seen: &SeenContents,
    fresh: &mut HashMap<ContentKey, Seal>,
) -> Result<Result<Made, ProducerError>, ProducerError> {
    let made = Made { events: Vec::with_capacity(groups.len()), records: Vec::new() };
    let mut work = Work { fixed, tx: state.begin()?, seen, fresh, repeats, batches: 0, made };
    if let Some(seq) = acked {
        work.tx.forget_through(seq)?;
    }
    for (spec, drafts) in groups {
        work.group(spec, drafts)?;
    }
    let Work { tx, made, .. } = work;
    Ok(tx.commit().map(|()| made))
}

struct Work<'a> {
    fixed: &'a Fixed,
    tx: Tx<'a>,
    seen: &'a SeenContents,
    fresh: &'a mut HashMap<ContentKey, Seal>,
    repeats: Repeats,
    /// Batches of the groups before.
    batches: usize,
    made: Made,
}

impl Work<'_> {
    fn group(&mut self, spec: &StreamSpec, drafts: &[Draft]) -> Result<(), ProducerError> {
        check_spec(spec)?;
        let mut stream = self.stream(spec)?;
        let name: Arc<str> = Arc::from(spec.name.as_str());
        let mut batcher = Batcher::new(&spec.name, &stream, &self.fixed.key, self.fixed.config.batch)?;
        let mut events = Vec::with_capacity(drafts.len());
        for draft in drafts {
            events.push(self.event(&name, draft, &mut batcher)?);
        }
        let (outgoing, range) = batcher.finish()?;
        if !outgoing.is_empty() {
            stream.range = range;
            self.tx.put_stream(&spec.name, &stream)?;
        }
        for out in outgoing {
            let seq = self.tx.push(&out.record)?;
            self.batches += usize::from(out.is_batch);
            self.made.records.push((seq, out));
        }
        self.made.events.push(events);
        Ok(())
    }

    fn stream(&self, spec: &StreamSpec) -> Result<StreamState, ProducerError> {
        let Some(stream) = self.tx.stream(&spec.name)? else {
            return Ok(StreamState { partition_key: spec.partition_key.clone(), range: CompactRange::new() });
        };
        if stream.partition_key == spec.partition_key {
            return Ok(stream);
        }
        Err(ProducerError::PartitionKey {
            stream: spec.name.clone(),
            expected: stream.partition_key,
            found: spec.partition_key.clone(),
        })
    }

    fn event(
        &mut self,
        stream: &Arc<str>,
        draft: &Draft,
        batcher: &mut Batcher<'_>,
    ) -> Result<StagedEvent, ProducerError> {
        let key = ledger_key(draft);
        if self.repeats == Repeats::Skip && !self.tx.claim(&key)? {
            return Ok(StagedEvent::AlreadySent { id: draft.id.clone() });
        }
        let mut sealer = Sealer {
            stream,
            tenant: &self.fixed.config.tenant,
            content_bytes_max: self.fixed.config.content_bytes_max,
            env: &self.fixed.env,
            seen: self.seen,
            fresh: self.fresh,
        };
        match sealer.seal(draft) {
            Ok(sealed) => {
                let digest = sealed.digest;
                let (index, batch) = batcher.push(sealed)?;
                let batch = self.batches + batch;
                Ok(StagedEvent::Signed { id: draft.id.clone(), stream: Arc::clone(stream), index, digest, batch })
            }
            Err(error) => {
                if self.repeats == Repeats::Skip {
                    self.tx.unclaim(&key)?;
                }
                Ok(StagedEvent::Refused(error))
            }
        }
    }
}

/// Source, id and the bytes of the contents: a rewritten copy of a record has the same id and other bytes, and is sent,
/// because the store keeps both. Where it was read does not count.
fn ledger_key(draft: &Draft) -> [u8; LEDGER_KEY_BYTES] {
    let mut contents = blake3::Hasher::new();
    for content in &draft.contents {
        contents.update(&(content.bytes.len() as u64).to_le_bytes()).update(&content.bytes);
    }
    let contents = contents.finalize();
    let fields = [draft.source.as_bytes(), draft.id.as_bytes(), contents.as_bytes()];
    let digest = schemas::digest::fields_digest(LEDGER_CONTEXT, &fields);
    let mut key = [0; LEDGER_KEY_BYTES];
    key.copy_from_slice(&digest[..LEDGER_KEY_BYTES]);
    key
}

fn check_spec(spec: &StreamSpec) -> Result<(), ProducerError> {
    let limits = [
        ("its name", spec.name.len(), STREAM_NAME_BYTES_MAX),
        ("its partition key", spec.partition_key.len(), PARTITION_KEY_BYTES_MAX),
    ];
    for (what, found, limit) in limits {
        if found == 0 || found > limit {
            let detail =
                format!("{what} has {found} bytes, 1 to {limit} are allowed: shorten it, as `stream_name` does");
            return Err(ProducerError::Stream { stream: spec.name.clone(), detail });
        }
    }
    Ok(())
}
