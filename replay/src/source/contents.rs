//! Contents of events: those of a run, to serve them again, and digests of memory values, to compare them.
//!
//! Guarantee: bytes as they were recorded, from the segment or from the blob that it names; a content that was erased
//! is absent, never empty. Memory: the contents of the run asked for, at most [`RUN_CONTENT_BYTES_MAX`].

use super::limits::RUN_CONTENT_BYTES_MAX;
use super::{Source, Wanted, file, prune};
use crate::ReplayError;
use crate::serve::{RecordedCause, RecordedContent, RecordedEvent};
use crate::state::Point;
use crate::state::event::StateEvent;
use arrow::array::{Array, BinaryArray, ListArray, RecordBatch, StringArray, StructArray};
use bytes::Bytes;
use schemas::header::Header;
use schemas::kind;
use std::collections::HashMap;
use store::error::StoreError;
use store::index::Place;
use store::layout;
use store::pick;
use store::scan::{binary, column, text};

/// What an event with its contents is made from.
const COLUMNS: &[&str] = &[
    "leaf",
    "committed_at",
    "attested",
    "header",
    "contents.list.element.name",
    "contents.list.element.media_type",
    "contents.list.element.bytes",
    "contents.list.element.blob",
];
const MEMORY_KINDS: &[&str] = &[kind::MEMORY_READ, kind::MEMORY_WRITE];

/// Plain digests of contents by their commitments.
pub type Digests = HashMap<[u8; 32], [u8; 32]>;

/// An event with the contents that are still there.
struct Whole {
    event: StateEvent,
    recorded: RecordedEvent,
    /// Name, and the bytes where they are there.
    contents: Vec<(String, Option<Bytes>)>,
}

impl Source {
    /// The events of a session up to a point with their contents, in the order of time and place.
    ///
    /// # Errors
    /// `NotFound` when there is none, `TooMany` when their contents are too large together; see the module.
    pub async fn recorded(&self, session: &str, point: &Point) -> Result<Vec<RecordedEvent>, ReplayError> {
        let what = || format!("session {session:?}");
        let mut all = self.whole(&Wanted::at(point.clone()).of(session), &what()).await?;
        if all.is_empty() {
            return Err(ReplayError::NotFound { what: what(), hint: "`hansard sessions` lists them".to_owned() });
        }
        all.sort_by_key(|whole| (whole.event.at_us(), whole.event.partition, whole.event.leaf));
        Ok(all.into_iter().map(|whole| whole.recorded).collect())
    }

    /// The event with an id, with its contents.
    ///
    /// # Errors
    /// `NotFound`; see the module.
    pub async fn recorded_event(&self, id: &str) -> Result<RecordedEvent, ReplayError> {
        let event = self.event(id).await?;
        let place = Place::new(event.partition, event.leaf);
        for (_, batch) in pick::rows_at(&self.snapshot, &self.cache, place.as_slice(), COLUMNS).await? {
            if batch.num_rows() > 0 {
                return Ok(self.open(&batch, 0, event).await?.recorded);
            }
        }
        Err(ReplayError::NotFound { what: format!("event {id}"), hint: "`hansard tail` shows the newest".to_owned() })
    }

    /// Digests of the memory values that were written or read between two points.
    ///
    /// # Errors
    /// `TooMany` when they are too large together; see the module.
    pub async fn memory_digests(&self, wanted: Wanted) -> Result<Digests, ReplayError> {
        let wanted = Wanted { kinds: MEMORY_KINDS, ..wanted };
        let mut digests = Digests::new();
        for whole in self.whole(&wanted, "values of memory").await? {
            for (listed, (name, bytes)) in whole.event.contents.iter().zip(&whole.contents) {
                if let Some(bytes) = bytes.as_ref().filter(|_| *listed.name == **name) {
                    digests.insert(listed.commitment, *blake3::hash(bytes).as_bytes());
                }
            }
        }
        Ok(digests)
    }

    async fn whole(&self, wanted: &Wanted, what: &str) -> Result<Vec<Whole>, ReplayError> {
        let (mut all, mut size) = (Vec::new(), 0u64);
        for file in prune::files(&self.snapshot, &wanted.tail) {
            for batch in self.batches(file, wanted, COLUMNS).await? {
                let events = file::events(file.partition, &batch)?;
                for (row, event) in events.into_iter().enumerate().filter(|(_, event)| wanted.takes(event)) {
                    let whole = self.open(&batch, row, event).await?;
                    size += whole.contents.iter().filter_map(|(_, b)| Some(b.as_ref()?.len() as u64)).sum::<u64>();
                    if size > RUN_CONTENT_BYTES_MAX {
                        let (found, max) = (size, RUN_CONTENT_BYTES_MAX);
                        let hint = "the number is of bytes: choose a smaller run";
                        return Err(ReplayError::TooMany { what: format!("contents of {what}"), found, max, hint });
                    }
                    all.push(whole);
                }
            }
        }
        Ok(all)
    }

    async fn open(&self, batch: &RecordBatch, row: usize, event: StateEvent) -> Result<Whole, ReplayError> {
        let bad = |detail: String| ReplayError::Header { partition: event.partition, leaf: event.leaf, detail };
        let header = binary(column::<BinaryArray>(batch, "header")?, row).unwrap_or_default();
        let parsed = Header::parse(header).map_err(|e| bad(e.to_string()))?;
        let (mut contents, mut recorded) = (Vec::new(), Vec::new());
        for listed in contents_of(batch, row)? {
            let bytes = match (listed.bytes, &listed.blob) {
                (Some(bytes), _) => Some(bytes),
                (None, Some(digest)) => self.snapshot.storage.get(&layout::blob(digest)).await?,
                (None, None) => None,
            };
            if let Some(bytes) = &bytes {
                let (name, bytes) = (listed.name.clone(), bytes.clone());
                recorded.push(RecordedContent { name, media_type: listed.media_type, bytes });
            }
            contents.push((listed.name, bytes));
        }
        let cause =
            |cause: &schemas::header::Cause| RecordedCause { id: cause.id.clone(), relation: cause.relation.clone() };
        let recorded = RecordedEvent {
            id: parsed.id.clone(),
            kind: parsed.kind().to_owned(),
            agent: parsed.data.agent.id.clone(),
            time_us: parsed.time.map(|time| time.0),
            attributes: schemas::header::all_attributes(header),
            contents: recorded,
            causes: parsed.data.causes.iter().map(cause).collect(),
        };
        Ok(Whole { event, recorded, contents })
    }
}

struct Listed {
    name: String,
    media_type: String,
    bytes: Option<Bytes>,
    blob: Option<String>,
}

fn contents_of(batch: &RecordBatch, row: usize) -> Result<Vec<Listed>, StoreError> {
    let lists = column::<ListArray>(batch, "contents")?;
    if lists.is_null(row) {
        return Ok(Vec::new());
    }
    let entries = lists.value(row);
    let bad = |what: &str| StoreError::corrupt("column contents", format!("{what}: not as the format says"));
    let fields = entries.as_any().downcast_ref::<StructArray>().ok_or_else(|| bad("its entries"))?;
    let texts = |name: &str| {
        fields.column_by_name(name).and_then(|a| a.as_any().downcast_ref::<StringArray>()).ok_or_else(|| bad(name))
    };
    let (names, types, blobs) = (texts("name")?, texts("media_type")?, texts("blob")?);
    let bytes = fields.column_by_name("bytes").and_then(|a| a.as_any().downcast_ref::<BinaryArray>());
    let bytes = bytes.ok_or_else(|| bad("bytes"))?;
    let entry = |at: usize| Listed {
        name: text(names, at).unwrap_or_default().to_owned(),
        media_type: text(types, at).unwrap_or_default().to_owned(),
        bytes: binary(bytes, at).map(Bytes::copy_from_slice),
        blob: text(blobs, at).map(str::to_owned),
    };
    Ok((0..fields.len()).map(entry).collect())
}
