//! The checks on the rows of one segment that need nothing but the row: header, signature, contents, classes.
//!
//! Guarantee: each header is parsed and hashed once, each signature verified once (`verify_strict`), each content
//! opened. What a row contradicts in itself is a problem with file and row; what must be compared with other rows is
//! handed on in the [`FilePart`].

use super::columns::{Expected, Place, compare};
use super::contents::ContentColumns;
use super::part::{BareRow, FilePart, Interner, LeafRow, OutsideRow, Speaking};
use super::report::Kind;
use crate::files::OutsideFields;
use crate::judge::StreamKey;
use crate::scan::{binary, column, integer, text};
use arrow::array::{Array, BinaryArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use ed25519_dalek::VerifyingKey;
use ingest::import::REJECT_KIND;
use prost::Message;
use schemas::check::event_leaf;
use schemas::columns::RowClass;
use schemas::digest::content_commitment;
use schemas::header::Header;
use schemas::limits::SALT_BYTES;
use schemas::record::{Event, Form};
use schemas::tlog::{Checkpoint, CompactRange, verify_with_public_key};
use std::collections::HashMap;

/// What all files of a store share.
#[derive(Debug, Clone)]
pub(super) struct Store {
    pub(super) tenant: String,
    pub(super) registry_key: [u8; 32],
    pub(super) registry_stream: String,
}

/// State over the rows of one file.
#[derive(Debug)]
pub(super) struct RowChecks<'a> {
    store: &'a Store,
    pub(super) part: FilePart,
    streams: Interner<StreamKey>,
    speakers: Interner<Speaking>,
    keys: HashMap<[u8; 32], Option<VerifyingKey>>,
    /// Hash of (signer, stream) for the keys of contents, by stream.
    stream_hashes: Vec<u128>,
    /// The stream of the last row: signer in hex, number.
    last: Option<(String, u32)>,
    pub(super) has_registry: bool,
    pub(super) times: Option<(i64, i64)>,
    pub(super) stamps: Option<(i64, i64)>,
}

/// The columns that the checks read, of one batch.
struct Columns<'a> {
    leaf: &'a Int64Array,
    offset: &'a Int64Array,
    index: &'a Int64Array,
    stream: &'a StringArray,
    signer: &'a StringArray,
    attested: &'a StringArray,
    kind: &'a StringArray,
    reason: &'a StringArray,
    detail: &'a StringArray,
    event_id: &'a StringArray,
    header: &'a BinaryArray,
    checkpoint: &'a BinaryArray,
    frontier: &'a BinaryArray,
    bytes: &'a BinaryArray,
    stamp: &'a TimestampMicrosecondArray,
}

impl<'a> Columns<'a> {
    fn of(batch: &'a RecordBatch) -> crate::error::Result<Self> {
        Ok(Self {
            leaf: column(batch, "leaf")?,
            offset: column(batch, "log_offset")?,
            index: column(batch, "stream_index")?,
            stream: column(batch, "stream")?,
            signer: column(batch, "signer")?,
            attested: column(batch, "attested")?,
            kind: column(batch, "kind")?,
            reason: column(batch, "reason")?,
            detail: column(batch, "detail")?,
            event_id: column(batch, "event_id")?,
            header: column(batch, "header")?,
            checkpoint: column(batch, "checkpoint")?,
            frontier: column(batch, "frontier")?,
            bytes: column(batch, "bytes")?,
            stamp: column(batch, "committed_at")?,
        })
    }
}

impl<'a> RowChecks<'a> {
    pub(super) fn new(store: &'a Store, part: FilePart) -> Self {
        Self {
            store,
            part,
            streams: Interner::new(),
            speakers: Interner::new(),
            keys: HashMap::new(),
            stream_hashes: Vec::new(),
            last: None,
            has_registry: false,
            times: None,
            stamps: None,
        }
    }

    /// Checks the rows of a batch.
    pub(super) fn check(&mut self, batch: &RecordBatch, first_row: usize) -> crate::error::Result<()> {
        let (columns, contents) = (Columns::of(batch)?, ContentColumns::of(batch)?);
        let file = self.part.path.clone();
        let place = Place { file: &file, first_row };
        let expected: Vec<Expected> =
            (0..batch.num_rows()).map(|row| self.check_row(&columns, &contents, row, place)).collect();
        for time in expected.iter().filter_map(|e| if let Expected::Header(h) = e { h.time } else { None }) {
            widen(&mut self.times, time.0);
        }
        compare(batch, &expected, place, &mut self.part.findings);
        Ok(())
    }

    fn check_row(&mut self, c: &Columns<'_>, contents: &ContentColumns<'_>, row: usize, place: Place<'_>) -> Expected {
        if c.stamp.is_null(row) {
            self.bad(place, row, "committed_at is null");
        } else {
            widen(&mut self.stamps, c.stamp.value(row));
        }
        let Some(offset) = integer(c.offset, row) else {
            self.bad(place, row, "log_offset is missing or negative");
            return Expected::Skip;
        };
        match (integer(c.leaf, row), binary(c.header, row)) {
            (Some(leaf), Some(header)) => self.check_event(c, contents, row, place, (leaf, offset, header)),
            (None, None) => self.check_bare(c, contents, row, place, offset),
            (leaf, header) => {
                let detail =
                    format!("leaf {leaf:?}, header of {:?} bytes: a row has both or neither", header.map(<[u8]>::len));
                self.bad(place, row, detail);
                Expected::Skip
            }
        }
    }

    /// A row without an event.
    fn check_bare(
        &mut self,
        c: &Columns<'_>,
        contents: &ContentColumns<'_>,
        row: usize,
        place: Place<'_>,
        offset: u64,
    ) -> Expected {
        let class = self.part.class;
        if !matches!(class, RowClass::Reject | RowClass::Finding) {
            self.bad(place, row, format!("a row of class {} without an event", class.as_str()));
            return Expected::Skip;
        }
        let stray =
            c.index.is_valid(row) || c.signer.is_valid(row) || c.attested.is_valid(row) || c.checkpoint.is_valid(row);
        if stray || c.frontier.is_valid(row) || contents.len(row) > 0 {
            self.bad(place, row, "columns of an event are set, but the row holds none");
        }
        let word = if class == RowClass::Finding { text(c.kind, row) } else { text(c.reason, row) };
        if let (RowClass::Reject, Some(bytes)) = (class, binary(c.bytes, row)) {
            self.part.rejects.push((offset, *blake3::hash(bytes).as_bytes()));
        }
        self.outside(c, row, offset, None);
        let said = |column| text(column, row).unwrap_or_default().to_owned();
        let gap = (word == Some("gap")).then(|| (said(c.stream), said(c.detail)));
        self.part.bare.push(BareRow {
            row: place.first_row + row,
            offset,
            stamp: if c.stamp.is_null(row) { 0 } else { c.stamp.value(row) },
            word: word.map(str::to_owned),
            gap,
        });
        if class == RowClass::Finding { Expected::Finding } else { Expected::Nothing }
    }

    /// Remembers what the commit's link covers of a row that is no event.
    fn outside(&mut self, c: &Columns<'_>, row: usize, log_offset: u64, leaf: Option<u64>) {
        let class = self.part.class;
        let finding = if class == RowClass::Finding { text(c.kind, row) } else { None };
        let fields = OutsideFields {
            class,
            log_offset,
            leaf,
            finding: finding.unwrap_or_default(),
            reason: text(c.reason, row).unwrap_or_default(),
            detail: text(c.detail, row).unwrap_or_default(),
            stream: text(c.stream, row).unwrap_or_default(),
            event_id: text(c.event_id, row).unwrap_or_default(),
            bytes: binary(c.bytes, row).unwrap_or_default(),
        };
        let stamp = if c.stamp.is_null(row) { 0 } else { c.stamp.value(row) };
        self.part.outside.push(OutsideRow { outside: ((log_offset, class, leaf), fields.digest()), stamp });
    }

    fn check_event(
        &mut self,
        c: &Columns<'_>,
        contents: &ContentColumns<'_>,
        row: usize,
        place: Place<'_>,
        (leaf, offset, header): (u64, u64, &[u8]),
    ) -> Expected {
        let class = self.part.class;
        if class == RowClass::Finding {
            self.bad(place, row, "a finding that holds an event");
            return Expected::Skip;
        }
        let (Some(stream), Some(index)) = (self.stream_of(c, row), integer(c.index, row)) else {
            self.bad(place, row, "stream, signer or stream_index is missing or malformed");
            return Expected::Skip;
        };
        if class != RowClass::Event {
            self.outside(c, row, offset, Some(leaf));
        }
        let parsed = self.header_of(c, row, place, stream, header);
        if class != RowClass::Reject && (c.reason.is_valid(row) || c.detail.is_valid(row) || c.bytes.is_valid(row)) {
            self.bad(place, row, "reason, detail or bytes are set on a row that is no reject");
        }
        if c.event_id.is_valid(row) {
            self.bad(place, row, "event_id is set on a row that is no finding");
        }
        let refused = class == RowClass::Reject && text(c.reason, row) == Some("source");
        let source = if let Expected::Header(h) = &parsed { Some(h.source.clone()) } else { None };
        let speaker = self.speaker(c, row, stream, source);
        if let Some(note) = binary(c.checkpoint, row) {
            self.check_note(place, row, stream, index, note);
        }
        if let Some(bytes) = binary(c.frontier, row) {
            match CompactRange::from_bytes(index, bytes) {
                Ok(range) => self.part.frontiers.push((stream, index, range)),
                Err(e) => self.bad(place, row, format!("frontier: {e}")),
            }
        }
        if let Expected::Header(h) = &parsed {
            self.check_meaning(c, row, place, h, leaf, header, stream);
            let rejected = class == RowClass::Reject && text(c.reason, row) == Some("content");
            let hash = self.stream_hashes.get(stream as usize).copied().unwrap_or_default();
            contents.check(row, place, h, (leaf, hash, rejected), &mut self.part);
        } else if contents.len(row) > 0 {
            self.bad(place, row, "contents are listed on a row whose header cannot be read");
        }
        self.part.rows.push(LeafRow {
            leaf,
            offset,
            index,
            hash: event_leaf(header).to_bytes(),
            stamp: if c.stamp.is_null(row) { 0 } else { c.stamp.value(row) },
            row: (place.first_row + row) as u32,
            stream,
            speaker,
            class,
            ends_batch: c.checkpoint.is_valid(row),
            refused,
        });
        parsed
    }

    /// The header that the typed columns must show.
    fn header_of(&mut self, c: &Columns<'_>, row: usize, place: Place<'_>, stream: u32, header: &[u8]) -> Expected {
        let parsed = Header::parse(header);
        let name = std::sync::Arc::clone(&self.part.streams[stream as usize].1);
        let kept = binary(c.bytes, row).filter(|_| self.part.class == RowClass::Reject);
        if let Some(kept) = kept {
            // A reject whose header could not be used keeps the event as it was sent.
            match Event::decode(kept) {
                Ok(event) if event.header.as_ref() == header => {
                    match parsed {
                        // Whether its parts came before it is not to be told from the table.
                        Ok(h) if h.data.stream == *name && has_parts(&event) => return Expected::Header(Box::new(h)),
                        Ok(h) if is_usable(&h, &name, &event) => {
                            self.bad(place, row, "a reject whose event passes the checks that it is said to fail");
                        }
                        _ => {}
                    }
                }
                _ => self.bad(place, row, "bytes is not the event of this header"),
            }
            return Expected::Nothing;
        }
        match parsed {
            Ok(h) if h.data.stream == *name => Expected::Header(Box::new(h)),
            Ok(h) => {
                self.bad(place, row, format!("stream is {name}, the header names {}", h.data.stream));
                Expected::Skip
            }
            Err(e) => {
                self.bad(place, row, e);
                Expected::Skip
            }
        }
    }

    /// What class, tenant, id and registry say of each other.
    #[expect(clippy::too_many_arguments, reason = "one row's worth of context, used once")]
    fn check_meaning(
        &mut self,
        c: &Columns<'_>,
        row: usize,
        place: Place<'_>,
        h: &Header,
        leaf: u64,
        header: &[u8],
        stream: u32,
    ) {
        let class = self.part.class;
        self.has_registry |= h.kind().starts_with("key.");
        let foreign = h.data.tenant != self.store.tenant;
        let reason = text(c.reason, row);
        let by_tenant = class == RowClass::Reject && reason == Some("tenant");
        if foreign != by_tenant && (class != RowClass::Reject || by_tenant) {
            self.bad(
                place,
                row,
                format!(
                    "tenant {} in a row of class {}, the store's is {}",
                    h.data.tenant,
                    class.as_str(),
                    self.store.tenant
                ),
            );
        }
        let imported = class == RowClass::Reject && h.kind() == REJECT_KIND;
        let refused = matches!(reason, Some("tenant" | "source" | "content"));
        if class == RowClass::Reject && !imported && !refused {
            self.bad(place, row, format!("a reject with reason {reason:?} whose header is good"));
        }
        if class == RowClass::Event && h.kind() == REJECT_KIND {
            self.bad(place, row, "an import reject in class event");
        }
        let key = id_key(&h.data.tenant, &h.source, &h.id);
        let key = ((key >> 64) as u64, key as u64, leaf);
        match class {
            RowClass::Event => self.part.ids.push(key),
            RowClass::Reject if imported && !refused => self.part.ids.push(key),
            RowClass::Duplicate => self.part.duplicates.push(key),
            _ => {}
        }
        let (signer, name) = &self.part.streams[stream as usize];
        let registry = *signer == self.store.registry_key && **name == *self.store.registry_stream;
        if class == RowClass::Event && registry && h.kind().starts_with("key.") {
            self.part.registry.push((leaf, h.kind().to_owned(), header.to_vec()));
        }
    }

    fn check_note(&mut self, place: Place<'_>, row: usize, stream: u32, index: u64, note: &[u8]) {
        let (signer, name) = self.part.streams[stream as usize].clone();
        let key =
            *self.keys.entry(signer).or_insert_with(|| VerifyingKey::from_bytes(&signer).ok().filter(|k| !k.is_weak()));
        self.part.signatures += 1;
        let opened = match &key {
            None => Err("the signer is not a usable Ed25519 key".to_owned()),
            Some(key) => verify_with_public_key(note, key).map_err(|e| e.to_string()),
        };
        let checkpoint = opened.and_then(|text| Checkpoint::parse(text).map_err(|e| e.to_string()));
        match checkpoint {
            Ok(c) if *c.origin != *name => {
                let detail = format!("the signed note is of stream {}, the row of {name}", c.origin);
                self.part.findings.problem(Kind::Signature, place.row(row), detail);
            }
            Ok(c) if c.size != index + 1 => {
                let detail =
                    format!("the signed note is of size {}, the row has index {index} of stream {name}", c.size);
                self.part.findings.problem(Kind::Signature, place.row(row), detail);
            }
            Ok(c) => self.part.checkpoints.push((stream, c.size, c.root)),
            Err(detail) => {
                let at = format!("{}, stream {name} at size {}", place.row(row), index + 1);
                self.part.findings.problem(Kind::Signature, at, detail);
            }
        }
    }

    fn stream_of(&mut self, c: &Columns<'_>, row: usize) -> Option<u32> {
        let (name, signer) = (text(c.stream, row)?, text(c.signer, row)?);
        if let Some((hex, number)) = &self.last
            && hex == signer
            && *self.part.streams[*number as usize].1 == *name
        {
            return Some(*number);
        }
        let mut key = [0u8; 32];
        hex::decode_to_slice(signer, &mut key).ok()?;
        let number = self.streams.number((key, name.into()), &mut self.part.streams);
        if self.stream_hashes.len() <= number as usize {
            self.stream_hashes.push(stream_hash(&key, name));
        }
        self.last = Some((signer.to_owned(), number));
        Some(number)
    }

    fn speaker(&mut self, c: &Columns<'_>, row: usize, stream: u32, source: Option<String>) -> u32 {
        let signer = self.part.streams[stream as usize].0;
        let attested = text(c.attested, row).unwrap_or_default().to_owned();
        self.speakers.number(Speaking { signer, attested, source }, &mut self.part.speakers)
    }

    fn bad(&mut self, place: Place<'_>, row: usize, detail: impl std::fmt::Display) {
        self.part.findings.problem(Kind::Row, place.row(row), detail);
    }
}

/// Whether a content of the event travelled as parts.
fn has_parts(event: &Event) -> bool {
    event.contents.iter().any(|sent| Form::try_from(sent.form) == Ok(Form::Parts))
}

/// Whether an event of this header would not have been refused for header, stream or contents.
fn is_usable(header: &Header, stream: &str, event: &Event) -> bool {
    let pairs = || header.data.contents.iter().zip(&event.contents);
    header.data.stream == stream
        && header.data.contents.len() == event.contents.len()
        && pairs().all(|(entry, sent)| match Form::try_from(sent.form) {
            Ok(Form::Inline) => {
                sent.salt.len() == SALT_BYTES
                    && sent.data.len() as u64 == entry.size
                    && content_commitment(&sent.salt, &sent.data) == entry.commitment.0
            }
            Ok(Form::Parts) => false,
            Ok(Form::Reference) => true,
            Err(_) => false,
        })
}

pub(super) fn widen(range: &mut Option<(i64, i64)>, value: i64) {
    *range = Some(range.map_or((value, value), |(low, high)| (low.min(value), high.max(value))));
}

/// 128 bits that name (tenant, source, id).
fn id_key(tenant: &str, source: &str, id: &str) -> u128 {
    digest128(&[tenant.as_bytes(), source.as_bytes(), id.as_bytes()])
}

fn stream_hash(signer: &[u8; 32], name: &str) -> u128 {
    digest128(&[signer, name.as_bytes()])
}

fn digest128(fields: &[&[u8]]) -> u128 {
    let mut hasher = blake3::Hasher::new();
    for field in fields {
        hasher.update(&(field.len() as u64).to_le_bytes()).update(field);
    }
    let mut bytes = [0u8; 16];
    bytes.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    u128::from_le_bytes(bytes)
}
