//! The policy in force, evaluated over events as they are committed.
//!
//! Guarantee: what breaches the policy becomes a row of class `finding` in the very commit that brings the event, so it
//! is covered by the chain and exists once. The fold's state is stored every [`SAVE_COMMITS`] commits under `policy/`; a
//! compactor that starts reads it and observes what the table has since, without finding it again. A policy that is
//! new, or whose state is gone, knows of the past the newest [`REPLAY_ROWS_MAX`] events at most (`hansard policy check`
//! judges all of them). A compactor judges the partitions that it owns.
//!
//! Failure: a state that cannot be read is made again from the table; the rest fails as the storage fails.

use crate::committer::Share;
use crate::error::Result;
use crate::judge::Pending;
use crate::keys::registry_stream;
use crate::layout;
use crate::location::Storage;
use crate::policy::{Breach, Evaluator, Policy, PolicyEvent};
use crate::row::Row;
use crate::scan::{self, binary, column, integer, text};
use crate::snapshot::{DataFile, Snapshot};
use arrow::array::{BinaryArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use schemas::columns::RowClass;
use schemas::header::Header;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Commits between two stored states.
const SAVE_COMMITS: u32 = 64;
/// Events of the past that are observed when there is no state to go on from.
const REPLAY_ROWS_MAX: usize = 100_000;
/// Version of the stored form.
const FORMAT: u32 = 1;

/// Leaves of each partition that the state has observed.
type Positions = BTreeMap<u32, u64>;

#[derive(Serialize, Deserialize)]
struct Saved {
    format: u32,
    positions: Positions,
    evaluator: Evaluator,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Policing {
    evaluator: Evaluator,
    positions: Positions,
    registry_key: String,
    commits: u32,
}

impl Policing {
    /// The policy's state at a snapshot.
    ///
    /// # Errors
    /// When the storage fails or a segment is damaged.
    pub(crate) async fn open(snapshot: &Snapshot, policy: &Policy) -> Result<Self> {
        let registry_key = snapshot.identity.registry_key.clone();
        let (evaluator, positions) = match read(&snapshot.storage, policy, snapshot).await? {
            Some(saved) => (saved.evaluator, saved.positions),
            None => (Evaluator::new(policy.clone()), Positions::new()),
        };
        let mut policing = Self { evaluator, positions, registry_key, commits: 0 };
        policing.replay(snapshot).await?;
        Ok(policing)
    }

    /// Judges what is about to be committed and adds the findings to it.
    pub(crate) fn judge(&mut self, shares: &mut [Share], now_us: i64) {
        for share in shares {
            let found: Vec<Row> = share.pending.rows.iter().flat_map(|row| self.observe(row, now_us)).collect();
            self.positions.insert(share.partition, share.after.tree.size());
            add(&mut share.pending, found);
        }
        self.commits += 1;
    }

    /// The state as it is to be stored once the commit that was judged last has landed; `None` when it is not due.
    pub(crate) fn due(&self) -> Option<Vec<u8>> {
        if !self.commits.is_multiple_of(SAVE_COMMITS) {
            return None;
        }
        let saved = Saved { format: FORMAT, positions: self.positions.clone(), evaluator: self.evaluator.clone() };
        serde_json::to_vec(&saved).ok()
    }

    fn observe(&mut self, row: &Row, now_us: i64) -> Vec<Row> {
        let (Some(event), Some(header)) = (&row.event, row.header()) else { return Vec::new() };
        if !matches!(row.class, RowClass::Event | RowClass::Reject) {
            return Vec::new();
        }
        let view = self.view(header, &event.header, event.attested, &event.signer, &event.stream);
        let view = PolicyEvent { rejected: row.reason.clone(), ..view.committed_at(now_us) };
        let breaches = self.evaluator.observe(&view);
        breaches.into_iter().map(|breach| finding(breach, &event.stream, row.log_offset)).collect()
    }

    fn view(&self, header: &Header, bytes: &[u8], attested: &str, signer: &str, stream: &str) -> PolicyEvent {
        let registry = signer == self.registry_key && stream == registry_stream(&self.registry_key);
        PolicyEvent { registry, ..PolicyEvent::from_header(header, bytes, attested).signed_by(signer) }
    }

    /// Observes what the table has beyond the state's positions, in the order of the commits.
    async fn replay(&mut self, snapshot: &Snapshot) -> Result<()> {
        let mut files: Vec<&DataFile> = snapshot
            .files
            .iter()
            .filter(|f| matches!(f.class, RowClass::Event | RowClass::Reject) && self.is_new(f))
            .collect();
        files.sort_by_key(|f| std::cmp::Reverse(f.modified_ms));
        let mut missed: Vec<(i64, u32, u64, PolicyEvent)> = Vec::new();
        for file in files {
            if missed.len() >= REPLAY_ROWS_MAX {
                tracing::warn!("the policy does not know events older than the newest {REPLAY_ROWS_MAX}");
                break;
            }
            let open = scan::fetch(&snapshot.storage, file).await?;
            let columns = ["leaf", "stream", "signer", "attested", "committed_at", "reason", "header"];
            for batch in open.batches(&columns)? {
                self.collect(&batch?, file.partition, &mut missed)?;
            }
        }
        missed.sort_by_key(|(at, partition, leaf, _)| (*at, *partition, *leaf));
        let skip = missed.len().saturating_sub(REPLAY_ROWS_MAX);
        for (.., event) in missed.drain(..).skip(skip) {
            let _ = self.evaluator.observe(&event);
        }
        self.positions = snapshot.heads.iter().map(|(p, head)| (*p, head.tree.size())).collect();
        Ok(())
    }

    fn is_new(&self, file: &DataFile) -> bool {
        let end = file.tags.get(crate::files::LEAF_TO_TAG).and_then(|v| v.parse::<u64>().ok());
        end.is_some_and(|end| end > self.positions.get(&file.partition).copied().unwrap_or_default())
    }

    fn collect(&self, batch: &RecordBatch, partition: u32, out: &mut Vec<(i64, u32, u64, PolicyEvent)>) -> Result<()> {
        let from = self.positions.get(&partition).copied().unwrap_or_default();
        let leaf = column::<Int64Array>(batch, "leaf")?;
        let [stream, signer, attested, reason] =
            ["stream", "signer", "attested", "reason"].map(|c| column::<StringArray>(batch, c));
        let (stream, signer, attested, reason) = (stream?, signer?, attested?, reason?);
        let committed = column::<TimestampMicrosecondArray>(batch, "committed_at")?;
        let header = column::<BinaryArray>(batch, "header")?;
        for row in 0..batch.num_rows() {
            let (Some(leaf), Some(bytes)) = (integer(leaf, row), binary(header, row)) else { continue };
            let Ok(parsed) = Header::parse(bytes) else { continue };
            if leaf < from {
                continue;
            }
            let said = |column| text(column, row).unwrap_or_default();
            let view = self.view(&parsed, bytes, said(attested), said(signer), said(stream));
            let at = committed.value(row);
            let view = PolicyEvent { rejected: text(reason, row).map(str::to_owned), ..view.committed_at(at) };
            out.push((at, partition, leaf, view));
        }
        Ok(())
    }
}

fn add(pending: &mut Pending, found: Vec<Row>) {
    pending.weight += found.iter().map(Row::weight).sum::<usize>();
    pending.rows.extend(found);
}

fn finding(breach: Breach, stream: &str, log_offset: u64) -> Row {
    let related: Vec<String> = breach.related.iter().map(|(id, part)| format!("{part} {id}")).collect();
    let links = if related.is_empty() { String::new() } else { format!("; rests on {}", related.join(", ")) };
    let detail = format!("{}{links} (policy {})", breach.detail, breach.policy_version);
    Row {
        finding: Some(breach.check),
        about_stream: Some(stream.to_owned()),
        about_event: Some(breach.event_id),
        reason: Some(breach.severity.as_str().to_owned()),
        detail: Some(detail),
        ..Row::bare(RowClass::Finding, log_offset)
    }
}

/// The stored state, when it is of this policy and not ahead of the table.
async fn read(storage: &Storage, policy: &Policy, snapshot: &Snapshot) -> Result<Option<Saved>> {
    let Some(bytes) = storage.get(&layout::policy_state(&hex::encode(policy.digest()))).await? else { return Ok(None) };
    let saved: Saved = match serde_json::from_slice(&bytes) {
        Ok(saved) => saved,
        Err(e) => {
            tracing::warn!("the stored state of the policy cannot be read and is made again: {e}");
            return Ok(None);
        }
    };
    let size = |p: &u32| snapshot.heads.get(p).map_or(0, |head| head.tree.size());
    let usable = saved.format == FORMAT && saved.positions.iter().all(|(p, n)| *n <= size(p));
    Ok(usable.then_some(saved))
}

/// Stores a state that [`Policing::due`] gave.
///
/// # Errors
/// `Unavailable`; the state is then only older than it could be.
pub(crate) async fn save(storage: &Storage, policy: &Policy, state: Vec<u8>) -> Result<()> {
    storage.put(&layout::policy_state(&hex::encode(policy.digest())), state).await
}
