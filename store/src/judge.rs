//! The part of the checks that needs the partition's state: continuity of streams, parts, sources, repeats; and the rows
//! that follow from the verdicts.
//!
//! Guarantee: every record becomes rows, or was seen before. Every event of a good batch adds its leaf to the
//! partition's tree, whatever becomes of its row. State and rows move together: a caller that cannot commit the rows
//! throws both away.

use crate::head::Head;
use crate::ids::{Ids, Known};
use crate::keys::{Speaker, Speakers};
use crate::parts::{Orphan, Parts};
use crate::prepare::{Prepared, What};
use crate::row::{Row, RowContent, RowEvent};
use crate::stream::{StreamState, Verdict};
use bytes::Bytes;
use ingest::import::REJECT_KIND;
use prost::Message;
use schemas::check::{CheckedBatch, CheckedEvent};
use schemas::columns::RowClass;
use schemas::digest;
use schemas::header::{ContentEntry, Header};
use schemas::limits::CONTENT_TABLE_BYTES_MAX;
use schemas::record::{Content, Event, Form};
use schemas::tlog::Hash;
use std::collections::HashMap;
use std::sync::Arc;

/// Names one stream: streams of the same name under two keys are two streams.
pub(crate) type StreamKey = ([u8; 32], Arc<str>);

/// Everything that the next verdicts of a partition depend on.
#[derive(Debug)]
pub(crate) struct PartitionState {
    pub(crate) head: Head,
    pub(crate) streams: HashMap<StreamKey, StreamState>,
    pub(crate) ids: Ids,
    pub(crate) parts: Parts,
}

/// Rows that wait for their commit.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    pub(crate) rows: Vec<Row>,
    pub(crate) leaves: Vec<Hash>,
    pub(crate) blobs: Vec<(String, Bytes)>,
    pub(crate) weight: usize,
}

/// What the caller must do before the record can be judged.
#[derive(Debug)]
pub(crate) enum Judged {
    /// It is done.
    Done,
    /// Compare the batch with the table first: commit what is pending, look its leaves up, then call
    /// [`PartitionState::settle_repeat`].
    AskTable(Box<Prepared>),
}

impl Pending {
    fn push(&mut self, row: Row) {
        self.weight += row.weight();
        self.rows.push(row);
    }
}

impl PartitionState {
    /// Judges one record and moves past it.
    pub(crate) fn judge(
        &mut self,
        record: Prepared,
        speakers: &mut Speakers,
        out: &mut Pending,
        tenant: &str,
    ) -> Judged {
        let Prepared { offset, value, what } = record;
        self.parts.expire(offset).into_iter().for_each(|o| out.push(orphan_row(o)));
        match what {
            What::Part(part) => match self.parts.insert(offset, value.clone(), part) {
                Ok(orphans) => orphans.into_iter().for_each(|o| out.push(orphan_row(o))),
                Err(detail) => out.push(reject_row(offset, "part", detail, value)),
            },
            What::Reject { reason, detail } => out.push(reject_row(offset, reason, detail, value)),
            What::Batch(batch, speaker) => {
                let stream: Arc<str> = batch.stream.as_str().into();
                let state = self.streams.entry((batch.signer, stream)).or_insert_with(StreamState::new);
                let verdict = state.judge(&batch);
                if verdict == Verdict::AskTable {
                    return Judged::AskTable(Box::new(Prepared { offset, value, what: What::Batch(batch, speaker) }));
                }
                state.accept(&verdict, &batch);
                self.take(offset, value, &batch, &speaker, &verdict, speakers, out, tenant);
                self.forget_parts(&batch);
            }
        }
        self.head.offset = offset + 1;
        Judged::Done
    }

    /// Finishes a record on which [`PartitionState::judge`] said `AskTable`: `stored` are the leaves of its range that
    /// the table holds.
    pub(crate) fn settle_repeat(
        &mut self,
        record: Prepared,
        stored: &[Option<Hash>],
        speakers: &mut Speakers,
        out: &mut Pending,
        tenant: &str,
    ) {
        let Prepared { offset, value, what } = record;
        if let What::Batch(batch, speaker) = what {
            let same = batch.events.iter().zip(stored).all(|(e, s)| s.is_none_or(|s| s == e.leaf));
            if same && stored.len() == batch.events.len() {
                self.take_unknown(offset, &batch, &speaker, stored, speakers, out, tenant);
                self.forget_parts(&batch);
            } else {
                let detail = format!(
                    "events {} to {} of the stream differ from those that the table holds: its key signed two histories",
                    batch.before.size(),
                    batch.after.size()
                );
                fork_rows(offset, value, &batch, detail, out);
            }
        }
        self.head.offset = offset + 1;
    }

    /// Takes the events of a consistent batch that the table does not hold: it reaches over the edge of a gap.
    #[expect(clippy::too_many_arguments, reason = "one record's worth of context, used once")]
    fn take_unknown(
        &mut self,
        offset: u64,
        batch: &CheckedBatch,
        speaker: &Arc<Speaker>,
        stored: &[Option<Hash>],
        speakers: &mut Speakers,
        out: &mut Pending,
        tenant: &str,
    ) {
        if stored.iter().all(Option::is_some) {
            return;
        }
        let detail = format!("events among {} to {} arrived late", batch.before.size(), batch.after.size() - 1);
        out.push(finding_row(offset, "gap_narrowed", batch, None, detail));
        let verdict = Verdict::Tail { skip: 0 };
        let context = BatchContext { offset, batch, speaker, stream: batch.stream.as_str().into(), verdict: &verdict };
        let mut range = batch.before.clone();
        let mut run: Option<(u64, Hash)> = None;
        let key: StreamKey = (batch.signer, batch.stream.as_str().into());
        for (index, event) in batch.events.iter().enumerate() {
            match (stored[index], run) {
                (None, None) => run = Some((range.size(), range.root())),
                (Some(_), Some((from, before))) => {
                    self.filled(&key, from, range.size(), before, range.root());
                    run = None;
                }
                _ => {}
            }
            if stored[index].is_none() {
                self.take_event(&context, index, event, speakers, out, tenant);
            }
            range.append(event.leaf);
        }
        if let Some((from, before)) = run {
            self.filled(&key, from, range.size(), before, range.root());
        }
    }

    fn filled(&mut self, key: &StreamKey, from: u64, to: u64, before: Hash, after: Hash) {
        if let Some(state) = self.streams.get_mut(key) {
            state.fill(from, to, before, after);
        }
    }

    /// Lets go of the parts that a batch claims, whatever became of it.
    fn forget_parts(&mut self, batch: &CheckedBatch) {
        let listed = batch.events.iter().filter_map(|e| e.parsed.as_ref().ok()).flat_map(|h| &h.data.contents);
        for entry in listed {
            self.parts.remove(&entry.commitment.0);
        }
    }

    /// Reads a record below the committed offset again, only for the parts that wait.
    pub(crate) fn replay_parts(&mut self, record: Prepared) {
        // What expired became rows when it was judged first.
        let _ = self.parts.expire(record.offset);
        match record.what {
            What::Part(part) => {
                // Malformed parts and those that give way became rows when they were judged first.
                let _ = self.parts.insert(record.offset, record.value, part);
            }
            What::Batch(batch, _) => {
                self.forget_parts(&batch);
            }
            What::Reject { .. } => {}
        }
    }

    #[expect(clippy::too_many_arguments, reason = "one record's worth of context, used once")]
    fn take(
        &mut self,
        offset: u64,
        value: Bytes,
        batch: &CheckedBatch,
        speaker: &Arc<Speaker>,
        verdict: &Verdict,
        speakers: &mut Speakers,
        out: &mut Pending,
        tenant: &str,
    ) {
        let skip = match verdict {
            Verdict::Seen | Verdict::AskTable => return,
            Verdict::Fork { detail } => return fork_rows(offset, value, batch, detail.clone(), out),
            Verdict::Tail { skip } => *skip,
            Verdict::AfterGap { from } => {
                let detail = format!("events {from} to {} have not arrived", batch.before.size() - 1);
                out.push(finding_row(offset, "gap", batch, None, detail));
                0
            }
            Verdict::Fills { closes } => {
                let kind = if *closes { "gap_closed" } else { "gap_narrowed" };
                let detail = format!("events {} to {} arrived late", batch.before.size(), batch.after.size() - 1);
                out.push(finding_row(offset, kind, batch, None, detail));
                0
            }
            Verdict::Next => 0,
        };
        let context = BatchContext { offset, batch, speaker, stream: batch.stream.as_str().into(), verdict };
        for (index, event) in batch.events.iter().enumerate().skip(skip) {
            self.take_event(&context, index, event, speakers, out, tenant);
        }
    }

    fn take_event(
        &mut self,
        context: &BatchContext<'_>,
        index: usize,
        event: &CheckedEvent,
        speakers: &mut Speakers,
        out: &mut Pending,
        tenant: &str,
    ) {
        let leaf = self.head.tree.size();
        self.head.tree.append(event.leaf);
        out.leaves.push(event.leaf);
        let mut row_event = context.row_event(index, event);
        let judged = match &event.parsed {
            Err(e) => Err((e.reason().to_owned(), e.to_string())),
            Ok(header) => self.judge_event(context, header, event, &mut row_event, out, tenant),
        };
        // Contents that no column took stand in `bytes`: a reject is kept whole.
        let contents_kept = row_event.contents.len() == event.contents.len() && event.parsed.is_ok();
        let class = match &judged {
            Ok(class) => *class,
            Err(_) => RowClass::Reject,
        };
        if class == RowClass::Event
            && speakers.is_registry(&context.batch.signer, &context.batch.stream)
            && let Some(header) = &row_event.parsed
            && let Err(detail) = speakers.apply(header.kind(), &event.header)
        {
            out.push(finding_row(context.offset, "registry", context.batch, Some(&header.id), detail));
        }
        let mut row = Row::event(class, leaf, context.offset, row_event);
        if let Err((reason, detail)) = judged {
            row.reason = Some(reason);
            row.detail = Some(detail);
        }
        if !contents_kept {
            row.bytes = Some(event_bytes(event));
        }
        out.push(row);
    }

    /// The class of an event whose header parses, or (reason, detail) of its reject.
    fn judge_event(
        &mut self,
        context: &BatchContext<'_>,
        header: &Header,
        event: &CheckedEvent,
        row: &mut RowEvent,
        out: &mut Pending,
        tenant: &str,
    ) -> Result<RowClass, (String, String)> {
        row.contents = self.contents(header, &event.contents, out).map_err(|d| ("content".to_owned(), d))?;
        if header.data.tenant != tenant {
            let detail = format!("header names tenant {}, this store is of tenant {tenant}", header.data.tenant);
            return Err(("tenant".to_owned(), detail));
        }
        let registration = &context.speaker.registration;
        if !registration.covers(&header.source) {
            let detail = format!(
                "key {} ({}) may not speak for source {}: it is registered for {}",
                registration.public,
                registration.name,
                header.source,
                registration.sources.join(", ")
            );
            return Err(("source".to_owned(), detail));
        }
        match self.ids.insert(&header.data.tenant, &header.source, &header.id) {
            Known::Same => return Ok(RowClass::Duplicate),
            Known::New => {}
            Known::Conflict => {
                let detail = format!("id {} was used by another source before; both events are kept", header.id);
                out.push(finding_row(context.offset, "id_conflict", context.batch, Some(&header.id), detail));
            }
        }
        if header.kind() == REJECT_KIND { Err(imported_reject(&event.header)) } else { Ok(RowClass::Event) }
    }

    fn contents(&mut self, header: &Header, sent: &[Content], out: &mut Pending) -> Result<Vec<RowContent>, String> {
        header.data.contents.iter().zip(sent).map(|(entry, content)| self.content(entry, content, out)).collect()
    }

    fn content(&mut self, entry: &ContentEntry, content: &Content, out: &mut Pending) -> Result<RowContent, String> {
        let bytes = match Form::try_from(content.form) {
            Ok(Form::Reference) => return Ok(RowContent { salt: None, bytes: None, blob: None }),
            Ok(Form::Parts) => self.claim(entry, content)?,
            _ => content.data.clone(),
        };
        let salt = Some(content.salt.clone());
        if bytes.len() <= CONTENT_TABLE_BYTES_MAX {
            return Ok(RowContent { salt, bytes: Some(bytes), blob: None });
        }
        let name = hex::encode(entry.commitment.0);
        out.weight += bytes.len();
        out.blobs.push((name.clone(), bytes));
        Ok(RowContent { salt, bytes: None, blob: Some(name) })
    }

    fn claim(&mut self, entry: &ContentEntry, content: &Content) -> Result<Bytes, String> {
        let commitment = &entry.commitment.0;
        let bytes = self.parts.assemble(commitment).ok_or_else(|| {
            format!("the parts of content {} ({} bytes) are not in the log before its batch", entry.name, entry.size)
        })?;
        if bytes.len() as u64 != entry.size || digest::content_commitment(&content.salt, &bytes) != *commitment {
            return Err(format!("the parts of content {} do not open its commitment", entry.name));
        }
        self.parts.remove(commitment);
        Ok(bytes)
    }
}

/// What the rows of one batch share.
struct BatchContext<'a> {
    offset: u64,
    batch: &'a CheckedBatch,
    speaker: &'a Arc<Speaker>,
    stream: Arc<str>,
    verdict: &'a Verdict,
}

impl BatchContext<'_> {
    fn row_event(&self, index: usize, event: &CheckedEvent) -> RowEvent {
        let last = index + 1 == self.batch.events.len();
        let after_gap = index == 0 && matches!(self.verdict, Verdict::AfterGap { .. } | Verdict::Fills { .. });
        RowEvent {
            stream_index: self.batch.before.size() + index as u64,
            stream: Arc::clone(&self.stream),
            signer: Arc::clone(&self.speaker.hex),
            attested: self.speaker.registration.role.as_str(),
            header: event.header.clone(),
            parsed: event.parsed.as_ref().ok().cloned(),
            contents: Vec::new(),
            checkpoint: last.then(|| self.batch.checkpoint.clone()),
            frontier: after_gap.then(|| self.batch.before.to_bytes().into()),
        }
    }
}

/// The event as it was sent, for rejects whose header cannot place its contents into columns.
fn event_bytes(event: &CheckedEvent) -> Bytes {
    Event { header: event.header.clone(), contents: event.contents.clone() }.encode_to_vec().into()
}

fn imported_reject(header: &[u8]) -> (String, String) {
    let value: serde_json::Value = serde_json::from_slice(header).unwrap_or_default();
    let text = |key: &str| value["data"]["attributes"][key].as_str().map(str::to_owned);
    let reason = text("hansard.reject.reason").unwrap_or_else(|| "import".to_owned());
    (reason, text("hansard.reject.detail").unwrap_or_default())
}

fn reject_row(offset: u64, reason: &str, detail: String, value: Bytes) -> Row {
    Row {
        reason: Some(reason.to_owned()),
        detail: Some(detail),
        bytes: Some(value),
        ..Row::bare(RowClass::Reject, offset)
    }
}

fn orphan_row(orphan: Orphan) -> Row {
    let detail = "no batch claimed this content part in time".to_owned();
    reject_row(orphan.offset, "orphan_part", detail, orphan.record)
}

fn fork_rows(offset: u64, value: Bytes, batch: &CheckedBatch, detail: String, out: &mut Pending) {
    let mut reject = reject_row(offset, "fork", detail.clone(), value);
    reject.about_stream = Some(batch.stream.clone());
    out.push(reject);
    out.push(finding_row(offset, "fork", batch, None, detail));
}

fn finding_row(offset: u64, kind: &'static str, batch: &CheckedBatch, event: Option<&str>, detail: String) -> Row {
    Row {
        finding: Some(kind),
        about_stream: Some(batch.stream.clone()),
        about_event: event.map(str::to_owned),
        detail: Some(detail),
        ..Row::bare(RowClass::Finding, offset)
    }
}
