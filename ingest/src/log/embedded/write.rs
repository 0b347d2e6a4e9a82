//! Writing the log's file: one thread that takes whatever waits and commits it together, one fsync per commit.
//!
//! Guarantee: an answer is sent only after the commit that holds the records returned. Callers that come while a
//! commit runs form the next group, so the group grows with the load and a lone caller waits for one fsync only.
//! The queue is bounded: beyond that the caller hears [`LogError::Busy`] and nothing is queued. A failed commit fails
//! all callers of its group; the thread then works on with a fresh connection.

use super::file::{LogFile, Purpose};
use super::read::{offsets_in, signed};
use crate::log::{LogError, NewRecord, Position, check};
use rusqlite::{Connection, Transaction, TransactionBehavior};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{oneshot, watch};

/// Most bytes of values that may wait. A single larger call is taken when nothing else waits.
const QUEUE_BYTES_MAX: usize = 64 * 1_048_576;
/// Most records that may wait (they cost memory besides their values).
const QUEUE_RECORDS_MAX: usize = 131_072;
/// A group is closed at this many bytes of values: bounds how long one commit takes.
const GROUP_BYTES_MAX: usize = 8 * 1_048_576;
/// A group is closed at this many records.
const GROUP_RECORDS_MAX: usize = 8_192;
/// Records that one trim transaction deletes: appends go on in between.
const TRIM_RECORDS_MAX: u64 = 512;
/// When a caller may try again after a full queue, in milliseconds: a few commits later.
const RETRY_MS: u64 = 100;
/// Size of the write-ahead log, in bytes, at which the writer waits for readers to let it start over.
const WAL_BYTES_MAX: u64 = 256 * 1_048_576;

/// A record with its partition.
#[derive(Debug)]
pub(super) struct Row {
    /// Where it goes.
    pub(super) partition: u32,
    /// What it is.
    pub(super) record: NewRecord,
}

type Answer<T> = oneshot::Sender<Result<T, LogError>>;

#[derive(Debug)]
enum Work {
    Append {
        rows: Vec<Row>,
        bytes: usize,
        answer: Answer<Vec<Position>>,
    },
    /// Answers whether there is more to trim.
    Trim {
        partition: u32,
        before: u64,
        answer: Answer<bool>,
    },
}

#[derive(Debug, Default)]
struct Queue {
    work: VecDeque<Work>,
    bytes: usize,
    records: usize,
    closed: bool,
}

#[derive(Debug, Default)]
struct Door {
    queue: Mutex<Queue>,
    changed: Condvar,
}

/// The writer's handle. Dropping it lets the thread finish what is queued and waits for it.
#[derive(Debug)]
pub(super) struct Writer {
    file: Arc<LogFile>,
    door: Arc<Door>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread; it tells `commits` which partitions grew.
    pub(super) fn start(file: Arc<LogFile>, commits: Arc<Vec<watch::Sender<()>>>) -> Result<Self, LogError> {
        let door = Arc::new(Door::default());
        let mut thread = Thread { file: Arc::clone(&file), door: Arc::clone(&door), commits, connection: None };
        let handle = std::thread::Builder::new()
            .name("log-writer".to_owned())
            .spawn(move || thread.run())
            .map_err(|e| file.unavailable(format!("cannot start its writer thread: {e}")))?;
        Ok(Self { file, door, thread: Some(handle) })
    }

    /// Appends durably; positions in the order of `rows`.
    pub(super) async fn append(&self, rows: Vec<Row>) -> Result<Vec<Position>, LogError> {
        let bytes = rows.iter().map(|row| row.record.value.len()).sum();
        let (answer, answered) = oneshot::channel();
        self.enqueue(Work::Append { rows, bytes, answer })?;
        self.answer(answered).await
    }

    /// Deletes some records below `before`; says whether there are more.
    pub(super) async fn trim_some(&self, partition: u32, before: u64) -> Result<bool, LogError> {
        let (answer, answered) = oneshot::channel();
        self.enqueue(Work::Trim { partition, before, answer })?;
        self.answer(answered).await
    }

    async fn answer<T>(&self, answered: oneshot::Receiver<Result<T, LogError>>) -> Result<T, LogError> {
        let gone = |_| self.file.unavailable("its writer thread ended; restart Hansard".to_owned());
        answered.await.map_err(gone)?
    }

    fn enqueue(&self, work: Work) -> Result<(), LogError> {
        let (records, bytes) = work.weight();
        let mut queue = check::lock(&self.door.queue);
        let full = queue.bytes + bytes > QUEUE_BYTES_MAX || queue.records + records > QUEUE_RECORDS_MAX;
        if full && records > 0 && queue.records > 0 {
            return Err(LogError::Busy {
                detail: format!("{} records of {} bytes wait for the disk", queue.records, queue.bytes),
                after: Duration::from_millis(RETRY_MS),
            });
        }
        queue.bytes += bytes;
        queue.records += records;
        queue.work.push_back(work);
        drop(queue);
        self.door.changed.notify_one();
        Ok(())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        check::lock(&self.door.queue).closed = true;
        self.door.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has already reached its callers as a missing answer.
            let _ = thread.join();
        }
    }
}

impl Work {
    fn weight(&self) -> (usize, usize) {
        match self {
            Self::Append { rows, bytes, .. } => (rows.len(), *bytes),
            Self::Trim { .. } => (0, 0),
        }
    }
}

impl Queue {
    /// Takes the next group: one trim, or appends up to the limits.
    fn take(&mut self) -> Vec<Work> {
        let mut group = Vec::new();
        let (mut records, mut bytes) = (0, 0);
        while let Some(work) = self.work.pop_front() {
            let (more_records, more_bytes) = work.weight();
            let alone = matches!(work, Work::Trim { .. });
            let full = records + more_records > GROUP_RECORDS_MAX || bytes + more_bytes > GROUP_BYTES_MAX;
            if !group.is_empty() && (alone || full) {
                self.work.push_front(work);
                break;
            }
            records += more_records;
            bytes += more_bytes;
            group.push(work);
            if alone {
                break;
            }
        }
        self.records -= records;
        self.bytes -= bytes;
        group
    }
}

/// What the writer thread owns.
struct Thread {
    file: Arc<LogFile>,
    door: Arc<Door>,
    commits: Arc<Vec<watch::Sender<()>>>,
    /// Opened when needed; dropped after an error.
    connection: Option<Connection>,
}

impl Thread {
    fn run(&mut self) {
        while let Some(group) = self.next_group() {
            let mut appends = Vec::with_capacity(group.len());
            for work in group {
                match work {
                    Work::Append { rows, answer, .. } => appends.push((rows, answer)),
                    Work::Trim { partition, before, answer } => {
                        // Whoever asked may have gone away; the work is done all the same.
                        let _ = answer.send(self.attempt(|file, tx| trim(file, tx, partition, before)));
                    }
                }
            }
            if !appends.is_empty() {
                self.append(appends);
            }
        }
    }

    /// Waits for work; `None` when the log is being closed and nothing is left.
    fn next_group(&self) -> Option<Vec<Work>> {
        let mut queue = check::lock(&self.door.queue);
        loop {
            let group = queue.take();
            if !group.is_empty() {
                return Some(group);
            }
            if queue.closed {
                return None;
            }
            queue = self.door.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn append(&mut self, group: Vec<(Vec<Row>, Answer<Vec<Position>>)>) {
        let (rows, answers): (Vec<_>, Vec<_>) = group.into_iter().unzip();
        match self.attempt(|file, tx| insert(file, tx, &rows)) {
            Ok((positions, touched)) => {
                for partition in touched {
                    if let Some(commits) = self.commits.get(partition as usize) {
                        commits.send_replace(());
                    }
                }
                for (answer, positions) in answers.into_iter().zip(positions) {
                    let _ = answer.send(Ok(positions));
                }
            }
            Err(error) => {
                for answer in answers {
                    let _ = answer.send(Err(error.clone()));
                }
            }
        }
    }

    /// Runs `work` in a transaction and commits it.
    fn attempt<T>(
        &mut self,
        work: impl FnOnce(&LogFile, &Transaction<'_>) -> Result<T, LogError>,
    ) -> Result<T, LogError> {
        let file = &self.file;
        let mut connection = self.connection.take().map_or_else(|| file.connect(Purpose::Write), Ok)?;
        restrain_wal(file, &connection);
        // IMMEDIATE: offsets are read under the write lock, so that no other process can give the same ones.
        let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(|e| file.fault(&e))?;
        let result = work(file, &tx)?;
        tx.commit().map_err(|e| file.fault(&e))?;
        self.connection = Some(connection);
        Ok(result)
    }
}

type Inserted = (Vec<Vec<Position>>, Vec<u32>);

/// Inserts the rows of several calls; gives their positions and the partitions that grew.
fn insert(file: &LogFile, tx: &Transaction<'_>, calls: &[Vec<Row>]) -> Result<Inserted, LogError> {
    let mut partitions: BTreeMap<u32, (u64, String)> = BTreeMap::new();
    let mut positions = Vec::with_capacity(calls.len());
    for rows in calls {
        let mut of_call = Vec::with_capacity(rows.len());
        for Row { partition, record } in rows {
            if !partitions.contains_key(partition) {
                let sql = format!("INSERT INTO record_{partition} (offset, key, value) VALUES (?1, ?2, ?3)");
                partitions.insert(*partition, (offsets_in(file, tx, *partition)?.next, sql));
            }
            let Some((next, sql)) = partitions.get_mut(partition) else {
                continue;
            };
            tx.prepare_cached(sql)
                .and_then(|mut s| s.execute((signed(*next), record.partition_key.as_bytes(), &record.value[..])))
                .map_err(|e| file.fault(&e))?;
            of_call.push(Position { partition: *partition, offset: *next });
            *next += 1;
        }
        positions.push(of_call);
    }
    for (partition, (next, _)) in &partitions {
        tx.prepare_cached("UPDATE partition SET next = ?2 WHERE number = ?1")
            .and_then(|mut s| s.execute((partition, signed(*next))))
            .map_err(|e| file.fault(&e))?;
    }
    Ok((positions, partitions.into_keys().collect()))
}

/// Deletes up to [`TRIM_RECORDS_MAX`] records below `before`; says whether there are more.
fn trim(file: &LogFile, tx: &Transaction<'_>, partition: u32, before: u64) -> Result<bool, LogError> {
    let held = offsets_in(file, tx, partition)?;
    let target = before.min(held.next);
    let upto = target.min(held.first.saturating_add(TRIM_RECORDS_MAX));
    if upto <= held.first {
        return Ok(false);
    }
    tx.execute(&format!("DELETE FROM record_{partition} WHERE offset < ?1"), [signed(upto)])
        .and_then(|_| tx.execute("UPDATE partition SET first = ?2 WHERE number = ?1", (partition, signed(upto))))
        .map_err(|e| file.fault(&e))?;
    Ok(upto < target)
}

/// Automatic checkpoints never wait for readers, so that under constant reading the write-ahead log could grow without
/// end; from a size on we wait for them.
fn restrain_wal(file: &LogFile, connection: &Connection) {
    let mut wal = file.path.clone().into_os_string();
    wal.push("-wal");
    let large = std::fs::metadata(wal).is_ok_and(|found| found.len() > WAL_BYTES_MAX);
    if large {
        // TRUNCATE, not RESTART: the size on disk is what tells us that it worked.
        let result = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        if let Err(error) = result {
            tracing::warn!(log = %file.name, %error, "write-ahead log could not be emptied; it is tried again");
        }
    }
}
