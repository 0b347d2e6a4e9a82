//! The records that the log still holds against the table.
//!
//! Guarantee: every record below the head's offset verifies, and what it carries is in the table: its events at their
//! leaves, or the record itself as a reject with the same bytes. A record that was changed, taken out or cut off is a
//! problem with partition and offset. What the log has let go of below the head is not missed.
//! Memory: one read of records, the content parts that wait for their batch, and 8 bytes per record.

use super::collected::{Collected, PartitionRows};
use super::report::{Findings, Kind, Progress, Step};
use crate::parts::Parts;
use crate::snapshot::StoreIdentity;
use bytes::Bytes;
use ingest::log::{Entry, Log, LogError, ReadLimits};
use rayon::prelude::*;
use schemas::check::{CheckedBatch, CheckedEvent, check_batch, signer_key};
use schemas::columns::RowClass;
use schemas::digest::content_commitment;
use schemas::record::{Body, ContentPart, Form, LogRecord};
use std::time::Duration;

/// Bytes of records that are read and checked at once.
const READ_BYTES_MAX: usize = 16 * 1_048_576;
/// Records that are read and checked at once.
const READ_RECORDS_MAX: usize = 8_192;
/// How long a read waits for a record that must be there.
const READ_WAIT: Duration = Duration::from_millis(500);
/// Reads in a row without a record after which the rest is taken for gone.
const EMPTY_READS_MAX: u32 = 10;

/// Compares all partitions; returns the number of records.
pub(super) async fn check(
    log: &dyn Log,
    identity: &StoreIdentity,
    collected: &Collected,
    findings: &mut Findings,
    progress: &dyn Progress,
) -> u64 {
    if log.id() != identity.log_id || log.partitions() != identity.partitions {
        let found = format!("this is log {} with {} partitions", log.id(), log.partitions());
        let detail =
            format!("the table is fed from log {} with {} partitions, {found}", identity.log_id, identity.partitions);
        findings.problem(Kind::Log, format!("log {}", log.id()), detail);
        return 0;
    }
    let mut records = 0;
    for rows in collected.partitions.values() {
        let mut check = PartitionLog::new(log, rows);
        if let Err(e) = check.run(progress).await {
            let place = format!("partition {} of log {} at offset {}", rows.number, log.id(), check.at);
            check.findings.problem(Kind::Log, place.as_str(), e.to_string());
            check.findings.unseen(format!("{place} to {}", rows.head.offset));
        }
        records += check.records;
        findings.absorb(check.findings);
    }
    records
}

/// What a record is.
enum Record {
    Part(ContentPart),
    Batch(Box<CheckedBatch>),
    Bad(String),
}

/// One partition.
struct PartitionLog<'a> {
    log: &'a dyn Log,
    rows: &'a PartitionRows,
    rejects: Vec<(u64, [u8; 32])>,
    findings: Findings,
    parts: Parts,
    /// Next offset to read.
    at: u64,
    /// First offset that was not let go of before it was read.
    first: u64,
    /// Whether the log still begins at offset 0.
    whole: bool,
    /// Offsets of records that were read.
    seen: Vec<u64>,
    records: u64,
}

impl<'a> PartitionLog<'a> {
    fn new(log: &'a dyn Log, rows: &'a PartitionRows) -> Self {
        let mut rejects = rows.rejects.clone();
        rejects.sort_unstable();
        let findings = Findings::of_place();
        Self {
            log,
            rows,
            rejects,
            findings,
            parts: Parts::default(),
            at: 0,
            first: 0,
            whole: true,
            seen: Vec::new(),
            records: 0,
        }
    }

    async fn run(&mut self, progress: &dyn Progress) -> Result<(), LogError> {
        let end = self.rows.head.offset;
        let held = self.log.offsets(self.rows.number).await?;
        self.whole = held.first == 0;
        if held.first > end {
            self.bad(
                end,
                format!("the log begins at offset {}: records that the table does not have are gone", held.first),
            );
        }
        if held.next < end {
            self.bad(
                held.next,
                format!("the log ends there, the table has everything below offset {end}: it was cut off"),
            );
        }
        self.at = held.first.min(end);
        self.first = held.first;
        let end = end.min(held.next);
        let mut empty = 0;
        while self.at < end && empty < EMPTY_READS_MAX {
            let entries = self.read(&mut empty).await?;
            self.take(entries, end);
            progress.step(Step { phase: "log", done: self.at.min(end), total: end });
        }
        self.check_missing(self.first, end);
        Ok(())
    }

    async fn read(&mut self, empty: &mut u32) -> Result<Vec<Entry>, LogError> {
        let limits = ReadLimits { records_max: READ_RECORDS_MAX, bytes_max: READ_BYTES_MAX, wait: READ_WAIT };
        match self.log.read(self.rows.number, self.at, limits).await {
            Ok(entries) => {
                *empty = if entries.is_empty() { *empty + 1 } else { 0 };
                Ok(entries)
            }
            // A running compactor trims what the table has.
            Err(LogError::Truncated { first, .. }) if first > self.at => {
                self.at = first;
                self.first = first;
                self.whole = false;
                Ok(Vec::new())
            }
            Err(e) => Err(e),
        }
    }

    fn take(&mut self, entries: Vec<Entry>, end: u64) {
        let past = entries.last().is_some_and(|e| e.offset >= end);
        let entries: Vec<Entry> = entries.into_iter().filter(|e| e.offset < end).collect();
        if let Some(last) = entries.last() {
            self.at = last.offset + 1;
        }
        if past {
            self.at = end;
        }
        let records: Vec<(u64, Bytes, Record)> =
            entries.into_par_iter().map(|e| (e.offset, e.value.clone(), open(&e.value))).collect();
        for (offset, value, record) in records {
            self.seen.push(offset);
            self.records += 1;
            self.check_record(offset, &value, record);
        }
    }

    fn check_record(&mut self, offset: u64, value: &Bytes, record: Record) {
        let kept = self.rejects_at(offset);
        let same = || kept.contains(blake3::hash(value).as_bytes());
        if !kept.is_empty() {
            if !same() {
                self.bad(offset, "the record is not the one that the table keeps as a reject".to_owned());
            }
            if let Record::Part(part) = record {
                // It waited and gave way, or was malformed: either way it is kept.
                let _ = self.parts.insert(offset, value.clone(), part);
            }
            return;
        }
        match record {
            Record::Bad(detail) => self.bad(offset, format!("{detail}; the table keeps no reject of it")),
            Record::Part(part) => {
                if let Err(detail) = self.parts.insert(offset, value.clone(), part) {
                    self.bad(offset, format!("{detail}; the table keeps no reject of it"));
                }
            }
            Record::Batch(batch) => self.check_batch(offset, &batch),
        }
    }

    fn rejects_at(&self, offset: u64) -> Vec<[u8; 32]> {
        let from = self.rejects.partition_point(|r| r.0 < offset);
        self.rejects[from..].iter().take_while(|r| r.0 == offset).map(|r| r.1).collect()
    }

    fn check_batch(&mut self, offset: u64, batch: &CheckedBatch) {
        let key = (batch.signer, batch.stream.as_str().into());
        let rows = self.rows;
        let entries = rows.streams.get(&key).map_or(&[][..], |s| s.entries.as_slice());
        for (index, event) in (batch.before.size()..).zip(&batch.events) {
            let found = entries.binary_search_by_key(&index, |e| e.0).ok().map(|at| entries[at].1);
            let detail = match found {
                None => Some("is not in the table".to_owned()),
                Some(leaf) => self.check_event(offset, leaf, event),
            };
            if let Some(detail) = detail {
                self.bad(offset, format!("event {index} of stream {} {detail}", batch.stream));
            }
        }
    }

    /// What is wrong with an event whose leaf the table has.
    fn check_event(&mut self, offset: u64, leaf: u64, event: &CheckedEvent) -> Option<String> {
        let at = leaf as usize;
        let tag = self.rows.tags.get(at).filter(|t| t.is_present())?;
        if self.rows.hashes[at] != event.leaf.to_bytes() {
            return Some(format!("is another one than leaf {leaf} of the table"));
        }
        let told = self.rows.offsets[at];
        if told < offset {
            // It was seen before, from an earlier record.
            return None;
        }
        if told > offset {
            return Some(format!("is told to come from offset {told} by leaf {leaf} of the table"));
        }
        match (&event.parsed, tag.class()) {
            (Err(e), RowClass::Event | RowClass::Duplicate) => {
                Some(format!("is good at leaf {leaf} of the table, but here: {e}"))
            }
            (Ok(_), class) => self.claim(event, leaf, class),
            _ => None,
        }
    }

    /// The parts of its contents, as the compactor claimed them.
    fn claim(&mut self, event: &CheckedEvent, leaf: u64, class: RowClass) -> Option<String> {
        let header = event.parsed.as_ref().ok()?;
        let mut wrong = None;
        for (entry, sent) in header.data.contents.iter().zip(&event.contents) {
            if sent.form != Form::Parts as i32 {
                continue;
            }
            let commitment = &entry.commitment.0;
            let opens =
                self.parts.assemble(commitment).map(|bytes| content_commitment(&sent.salt, &bytes) == *commitment);
            if opens == Some(true) {
                self.parts.remove(commitment);
            } else if class != RowClass::Reject && (opens == Some(false) || self.whole) {
                wrong = Some(format!("(leaf {leaf}) claims parts of content {} that are changed or gone", entry.name));
            }
        }
        wrong
    }

    /// Offsets of which the table has rows, or which must be there because the log is dense, and no record came.
    fn check_missing(&mut self, start: u64, end: u64) {
        let seen = std::mem::take(&mut self.seen);
        // Kafka's offsets have holes of their own: markers, and what clean-up took.
        if !self.log.id().starts_with("kafka") {
            let mut next = start;
            for offset in seen.iter().copied().chain([end]).filter(|o| *o >= start) {
                if offset > next {
                    self.bad(next, format!("records {next} to {} are gone", offset - 1));
                }
                next = next.max(offset + 1);
            }
            return;
        }
        let mut told: Vec<u64> =
            self.rows.offsets.iter().zip(&self.rows.tags).filter(|(_, t)| t.is_present()).map(|(o, _)| *o).collect();
        told.extend(self.rejects.iter().map(|r| r.0));
        told.sort_unstable();
        told.dedup();
        for offset in told.into_iter().filter(|o| (start..end).contains(o)) {
            if seen.binary_search(&offset).is_err() {
                self.bad(offset, "the record is gone; the table has rows of it".to_owned());
            }
        }
    }

    fn bad(&mut self, offset: u64, detail: String) {
        self.findings.problem(
            Kind::Log,
            format!("partition {} of log {} offset {offset}", self.rows.number, self.log.id()),
            detail,
        );
    }
}

fn open(value: &Bytes) -> Record {
    let batch = match LogRecord::parse(value) {
        Ok(Body::Part(part)) => return Record::Part(part),
        Ok(Body::Batch(batch)) => batch,
        Err(e) => return Record::Bad(e.to_string()),
    };
    match signer_key(&batch).and_then(|key| check_batch(&batch, &key)) {
        Ok(checked) => Record::Batch(Box::new(checked)),
        Err(e) => Record::Bad(e.to_string()),
    }
}
