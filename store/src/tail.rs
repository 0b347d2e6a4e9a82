//! What was verified and judged but is not committed yet, for questions in the same process.
//!
//! The compactor shows each stretch of rows as soon as it is judged; a question joins those whose log offset lies at or
//! after the heads of its snapshot, so that no row is seen twice and none is left out. Guarantee: a slice begins exactly at the
//! snapshot's heads, or is empty for the partition (the answer's coverage then says how many records it lacks). Rows are
//! only shown while somebody asks ([`ASKED_WITHIN`]) and while they are few ([`ROWS_MAX`]): a compactor that catches up
//! is not slowed down. Nothing here is durable; a restart of the compactor empties it.

use crate::error::Result;
use crate::index::MemoryPart;
use crate::row::{Row, column};
use crate::segment;
use crate::snapshot::Snapshot;
use arrow::array::{RecordBatch, new_null_array};
use schemas::columns::RowClass;
use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long after a question rows go on being shown.
const ASKED_WITHIN: Duration = Duration::from_secs(30);
/// Rows that wait for their commit, up to which they are shown.
const ROWS_MAX: usize = 20_000;
/// How long a stretch stays after its commit: questions may still stand on the version before.
const KEEP_COMMITTED: Duration = Duration::from_secs(10);

/// A stretch of judged rows of one partition.
#[derive(Debug)]
pub struct Stretch {
    /// Log partition.
    pub partition: u32,
    /// First log offset.
    pub offset_from: u64,
    /// Log offset after the last.
    pub offset_to: u64,
    /// Leaves of the partition's tree before and after it.
    pub leaves: Range<u64>,
    /// Rows by class, with the columns of segments; `committed_at` is null.
    pub rows: Vec<(RowClass, RecordBatch)>,
    /// Index of the events among them.
    pub index: Arc<MemoryPart>,
    /// Bytes of the rows in memory.
    pub bytes: usize,
}

/// Bytes of all stretches that are shown.
const BYTES_MAX: usize = 256 * 1_048_576;

impl Stretch {
    /// Rows of a class.
    #[must_use]
    pub fn count(&self, class: RowClass) -> usize {
        self.rows.iter().filter(|(c, _)| *c == class).map(|(_, batch)| batch.num_rows()).sum()
    }
}

/// Stretches of a partition, each with when it was committed.
type InOrder = VecDeque<(Arc<Stretch>, Option<Instant>)>;

#[derive(Debug, Default)]
struct Shown {
    stretches: BTreeMap<u32, InOrder>,
    /// Bytes of all of them: looked at with every question.
    bytes: usize,
    asked: Option<Instant>,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Tail {
    shown: Mutex<Shown>,
}

impl Tail {
    /// The stretches that continue `snapshot`, in order of offset; and notes that somebody asks.
    #[must_use]
    pub fn after(&self, snapshot: &Snapshot) -> Vec<Arc<Stretch>> {
        self.from(|partition| snapshot.heads.get(&partition).map_or(0, |head| head.offset))
    }

    /// The stretches that continue from the log offset that `next` gives for a partition; and notes that somebody asks.
    pub fn from(&self, next: impl Fn(u32) -> u64) -> Vec<Arc<Stretch>> {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        shown.asked = Some(Instant::now());
        shown.forget();
        let mut slice = Vec::new();
        for (partition, stretches) in &shown.stretches {
            let mut next = next(*partition);
            let first = next;
            for (stretch, _) in stretches.iter().filter(|(s, _)| s.offset_to > first) {
                if stretch.offset_from != next {
                    break;
                }
                next = stretch.offset_to;
                slice.push(Arc::clone(stretch));
            }
        }
        slice
    }

    /// Whether rows are to be shown now, of which `waiting` are not committed.
    pub(crate) fn is_wanted(&self, waiting: usize) -> bool {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        shown.forget();
        waiting <= ROWS_MAX
            && shown.bytes <= BYTES_MAX
            && shown.asked.is_some_and(|asked| asked.elapsed() < ASKED_WITHIN)
    }

    /// Shows a stretch.
    pub(crate) fn show(&self, stretch: Stretch) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        shown.bytes += stretch.bytes;
        shown.stretches.entry(stretch.partition).or_default().push_back((Arc::new(stretch), None));
    }

    /// Notes up to which offset a partition is committed, and forgets what nobody needs any more.
    pub(crate) fn committed(&self, partition: u32, offset: u64) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(stretches) = shown.stretches.get_mut(&partition) else { return };
        let now = Instant::now();
        for (stretch, committed) in stretches.iter_mut() {
            if stretch.offset_to <= offset {
                committed.get_or_insert(now);
            }
        }
        shown.forget();
    }

    /// Forgets everything that is not committed: the compactor starts again from the table.
    pub(crate) fn reset(&self) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        (shown.stretches, shown.bytes) = (BTreeMap::new(), 0);
    }

    /// Forgets partitions that are no longer compacted here: nobody will tell when they are committed.
    pub(crate) fn keep(&self, partitions: &[u32]) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        shown.stretches.retain(|partition, _| partitions.contains(partition));
        shown.bytes = shown.stretches.values().flatten().map(|(stretch, _)| stretch.bytes).sum();
    }
}

impl Shown {
    /// Drops what was committed long enough ago, or at once where too much is held.
    fn forget(&mut self) {
        let full = self.bytes > BYTES_MAX;
        for stretches in self.stretches.values_mut() {
            let old = |at: &Option<Instant>| at.is_some_and(|at| full || at.elapsed() > KEEP_COMMITTED);
            while stretches.front().is_some_and(|(_, at)| old(at)) {
                self.bytes -= stretches.pop_front().map_or(0, |(stretch, _)| stretch.bytes);
            }
        }
    }
}

impl Stretch {
    /// Rows that were judged from log offset `offsets.start` on.
    pub(crate) fn of(partition: u32, offsets: Range<u64>, leaves: Range<u64>, rows: &[Row]) -> Result<Self> {
        let schema = segment::schema();
        let (mut batches, mut events) = (Vec::new(), Vec::new());
        for class in RowClass::ALL {
            let of_class: Vec<&Row> = rows.iter().filter(|row| row.class == class).collect();
            if of_class.is_empty() {
                continue;
            }
            let columns = schema.fields().iter().map(|field| match field.name().as_str() {
                "committed_at" => new_null_array(field.data_type(), of_class.len()),
                _ => column(field, &of_class, 0),
            });
            let batch = RecordBatch::try_new(Arc::clone(&schema), columns.collect())
                .map_err(|e| crate::error::StoreError::corrupt("rows of the tail", e))?;
            if class == RowClass::Event {
                events.push(batch.clone());
            }
            batches.push((class, batch));
        }
        let index = Arc::new(MemoryPart::of(partition, &events, &(0..u64::MAX))?);
        let bytes = batches.iter().map(|(_, batch)| batch.get_array_memory_size()).sum();
        Ok(Self { partition, offset_from: offsets.start, offset_to: offsets.end, leaves, rows: batches, index, bytes })
    }
}
