//! Reading from Kafka: one consumer, one queue per partition, positions from the caller only.
//!
//! Guarantee: no consumer group offset is read or committed, and no position is ever reset by itself: an offset that
//! is gone is [`LogError::Truncated`], one beyond the end [`LogError::Corrupt`]. Records of aborted transactions are
//! not seen (`read_committed`). A read that goes on where the last one ended takes what librdkafka fetched ahead;
//! any other one seeks first. "Nothing there" is said only after asking the broker for the end.

use super::client::{Context, REQUEST_MAX, blocking, code, retrying, unavailable, unusable};
use super::options::KafkaOptions;
use crate::log::{Entry, LogError, Offsets, ReadLimits, check};
use bytes::Bytes;
use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::BorrowedMessage;
use rdkafka::{Message, Offset, TopicPartitionList};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, Notify};
use tokio::time::Instant;

/// Look at the queue at least this often, in milliseconds: a lost wake-up costs no more.
const LOOK_MS_MAX: u64 = 50;
/// How long to wait for records between our position and the end after reaching an end, in milliseconds. Markers of
/// transactions have offsets and are no records: behind the last record may be nothing but them.
const MARKERS_MS_MAX: u64 = 500;
/// How long records that exist may take to arrive, in seconds.
const ARRIVAL_S_MAX: u64 = 30;
/// How long one question for a partition's offsets may go on, in seconds.
const OFFSETS_S_MAX: u64 = 10;
/// Records taken from the queue before other tasks get their turn.
const TAKE_RECORDS_MAX: usize = 1_024;

/// The reading side of a Kafka log.
pub(super) struct Reader {
    log: String,
    topic: String,
    consumer: Arc<BaseConsumer<Context>>,
    partitions: Vec<Mutex<Partition>>,
}

/// Where reading a partition stands. One read at a time holds it.
#[derive(Default)]
struct Partition {
    /// Taken from librdkafka when first read.
    queue: Option<PartitionQueue<Context>>,
    /// librdkafka tells through it that the queue is no longer empty.
    arrived: Arc<Notify>,
    /// Whether the consumer was given this partition before.
    assigned: bool,
    /// Offset that the next record of the queue has at least; `None`: seek first.
    position: Option<u64>,
    /// A record that did not fit into the last read.
    left: Option<Entry>,
    /// The fetcher reported the end since the last record.
    at_end: bool,
    /// Between `position` and this offset are no records, only markers.
    markers_to: u64,
}

/// Settings of the consumer. It needs a group's name to be assigned partitions at all; it never joins that group.
pub(super) fn consumer(options: &KafkaOptions) -> Result<Arc<BaseConsumer<Context>>, LogError> {
    let group = options.group();
    let defaults = [
        // Memory for what is fetched ahead, per partition.
        ("queued.max.messages.kbytes", "16384"),
        ("fetch.message.max.bytes", "4194304"),
        ("fetch.queue.backoff.ms", "5"),
        // A seek waits until the broker has answered the fetch before it, so that answer must not take long.
        ("fetch.wait.max.ms", "100"),
        ("fetch.error.backoff.ms", "100"),
        ("reconnect.backoff.max.ms", "1000"),
    ];
    let fixed = [
        ("group.id", group.as_str()),
        ("isolation.level", "read_committed"),
        ("auto.offset.reset", "error"),
        ("enable.auto.commit", "false"),
        ("enable.auto.offset.store", "false"),
        ("enable.partition.eof", "true"),
        ("allow.auto.create.topics", "false"),
    ];
    let context = Context { log: options.name() };
    let consumer = options.client(&defaults, &fixed).create_with_context(context);
    consumer.map(Arc::new).map_err(|e| unusable(options, &e))
}

impl Reader {
    /// Reads nothing yet.
    pub(super) fn new(options: &KafkaOptions, consumer: Arc<BaseConsumer<Context>>, partitions: u32) -> Self {
        Self {
            log: options.name(),
            topic: options.topic().to_owned(),
            consumer,
            partitions: (0..partitions).map(|_| Mutex::default()).collect(),
        }
    }

    /// First and next offset as the broker says.
    pub(super) async fn offsets(&self, partition: u32) -> Result<Offsets, LogError> {
        let ask = || {
            let (consumer, topic, number) = (Arc::clone(&self.consumer), self.topic.clone(), number(partition));
            blocking(move || {
                // Serves librdkafka's messages; records go to the partitions' own queues.
                drop(consumer.poll(Duration::ZERO));
                consumer.fetch_watermarks(&topic, number, REQUEST_MAX)
            })
        };
        let (low, high) = retrying(Duration::from_secs(OFFSETS_S_MAX), ask)
            .await
            .map_err(|e| unavailable(&self.log, &format!("asking for the offsets of partition {partition}"), &e))?;
        Ok(Offsets { first: unsigned(low), next: unsigned(high) })
    }

    /// Records at offsets >= `from`.
    pub(super) async fn read(&self, partition: u32, from: u64, limits: ReadLimits) -> Result<Vec<Entry>, LogError> {
        let home = self.partitions.get(partition as usize);
        let home = home.ok_or_else(|| self.corrupt(format!("partition {partition} is missing")))?;
        let deadline = check::deadline(limits.wait);
        let mut state = home.lock().await;
        if state.position != Some(from) {
            self.seek(&mut state, partition, from).await?;
        }
        // Where the partition ends, asked for when the time was over, and when that was.
        let mut end: Option<(u64, Instant)> = None;
        loop {
            match state.take(limits).await {
                Ok(found) if !found.is_empty() => return Ok(found),
                Ok(_) => {}
                Err(error) => return Err(self.explain(partition, from, &error).await),
            }
            if Instant::now() >= deadline {
                let (end, since) = match end {
                    Some(known) => known,
                    None => *end.insert((self.end(&mut state, partition, from).await?, Instant::now())),
                };
                if state.nothing_to(end, from, since.elapsed()) {
                    return Ok(Vec::new());
                }
                if since.elapsed() >= Duration::from_secs(ARRIVAL_S_MAX) {
                    state.position = None;
                    return Err(self.overdue(partition, from, end));
                }
            }
            state.wait(deadline).await;
        }
    }

    /// Makes the queue begin at `from`.
    async fn seek(&self, state: &mut Partition, partition: u32, from: u64) -> Result<(), LogError> {
        // Until the seek has succeeded, nothing in the queue can be trusted.
        state.position = None;
        self.end(state, partition, from).await?;
        if state.queue.is_none() {
            state.queue = Some(self.queue(partition, &state.arrived)?);
        }
        let assigned = std::mem::replace(&mut state.assigned, true);
        let (consumer, topic, number) = (Arc::clone(&self.consumer), self.topic.clone(), number(partition));
        blocking(move || assign_at(&consumer, &topic, number, from, assigned))
            .await
            .map_err(|e| unavailable(&self.log, &format!("seeking partition {partition} to offset {from}"), &e))?;
        (state.left, state.at_end, state.markers_to, state.position) = (None, false, 0, Some(from));
        Ok(())
    }

    fn queue(&self, partition: u32, arrived: &Arc<Notify>) -> Result<PartitionQueue<Context>, LogError> {
        let queue = self.consumer.split_partition_queue(&self.topic, number(partition));
        let mut queue = queue.ok_or_else(|| self.corrupt(format!("partition {partition} has no queue")))?;
        let arrived = Arc::clone(arrived);
        queue.set_nonempty_callback(move || arrived.notify_one());
        Ok(queue)
    }

    /// Where the partition ends, after checking that it still holds `from`.
    async fn end(&self, state: &mut Partition, partition: u32, from: u64) -> Result<u64, LogError> {
        let held = self.offsets(partition).await?;
        let checked = check::range(&self.log, partition, from, held.first, held.next);
        checked.inspect_err(|_| state.position = None)?;
        Ok(held.next)
    }

    fn overdue(&self, partition: u32, from: u64, end: u64) -> LogError {
        LogError::Unavailable {
            log: self.log.clone(),
            detail: format!(
                "partition {partition} has records up to offset {end}, but none from {from} on came within \
                 {ARRIVAL_S_MAX} s; look at the broker's log"
            ),
        }
    }

    /// What an error of the queue means.
    async fn explain(&self, partition: u32, from: u64, error: &KafkaError) -> LogError {
        if matches!(code(error), Some(Code::AutoOffsetReset | Code::OffsetOutOfRange)) {
            match self.offsets(partition).await {
                Ok(held) => {
                    if let Err(found) = check::range(&self.log, partition, from, held.first, held.next) {
                        return found;
                    }
                }
                Err(unreachable) => return unreachable,
            }
        }
        unavailable(&self.log, &format!("reading partition {partition} from offset {from}"), error)
    }

    fn corrupt(&self, detail: String) -> LogError {
        LogError::Corrupt { log: self.log.clone(), detail }
    }
}

impl Partition {
    /// Takes what is in the queue, up to the limits.
    ///
    /// The position is unknown until the end: when the caller gives up in between, the next read seeks, and what was
    /// taken is fetched again. The same after an error, which is reported when nothing was taken before it.
    async fn take(&mut self, limits: ReadLimits) -> Result<Vec<Entry>, KafkaError> {
        let (Some(queue), Some(position)) = (&self.queue, self.position.take()) else {
            return Err(KafkaError::NoMessageReceived);
        };
        let mut found: Vec<Entry> = self.left.take().into_iter().collect();
        let mut bytes = found.iter().map(|entry| entry.value.len()).sum::<usize>();
        while found.len() < limits.records_max.max(1) {
            let next = match queue.poll(Duration::ZERO) {
                None => break,
                Some(Ok(message)) => entry(&message),
                Some(Err(KafkaError::PartitionEOF(_))) => {
                    self.at_end = true;
                    continue;
                }
                Some(Err(error)) if found.is_empty() => return Err(error),
                Some(Err(_)) => return Ok(found),
            };
            self.at_end = false;
            bytes = bytes.saturating_add(next.value.len());
            if !found.is_empty() && bytes > limits.bytes_max {
                self.left = Some(next);
                break;
            }
            found.push(next);
            if found.len().is_multiple_of(TAKE_RECORDS_MAX) {
                tokio::task::yield_now().await;
            }
        }
        self.position = Some(found.last().map_or(position, |last| last.offset + 1));
        Ok(found)
    }

    /// Whether the queue's silence proves that there is no record from `from` up to `end`.
    fn nothing_to(&mut self, end: u64, from: u64, waited: Duration) -> bool {
        if self.at_end && waited >= Duration::from_millis(MARKERS_MS_MAX) {
            self.markers_to = self.markers_to.max(end);
        }
        end <= from.max(self.markers_to)
    }

    /// Waits for records, at most until `deadline` or, if that is over, for a moment.
    async fn wait(&self, deadline: Instant) {
        let now = Instant::now();
        let look = now + Duration::from_millis(LOOK_MS_MAX);
        let until = if deadline > now { look.min(deadline) } else { look };
        // Woken or not: the caller looks again.
        let _ = tokio::time::timeout_at(until, self.arrived.notified()).await;
    }
}

/// Gives the partition to the consumer at `from`, or moves it there.
fn assign_at(
    consumer: &BaseConsumer<Context>,
    topic: &str,
    partition: i32,
    from: u64,
    assigned: bool,
) -> Result<(), KafkaError> {
    let offset = Offset::Offset(i64::try_from(from).unwrap_or(i64::MAX));
    if assigned && consumer.seek(topic, partition, offset, REQUEST_MAX).is_ok() {
        return Ok(());
    }
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, partition, offset)?;
    if assigned {
        // It stopped after an error, or was never really assigned; the next line tells whether all is well.
        let _ = consumer.incremental_unassign(&list);
    }
    consumer.incremental_assign(&list)
}

fn entry(message: &BorrowedMessage<'_>) -> Entry {
    let bytes = |found: Option<&[u8]>| found.map(Bytes::copy_from_slice).unwrap_or_default();
    Entry { offset: unsigned(message.offset()), key: bytes(message.key()), value: bytes(message.payload()) }
}

fn number(partition: u32) -> i32 {
    i32::try_from(partition).unwrap_or(i32::MAX)
}

fn unsigned(offset: i64) -> u64 {
    u64::try_from(offset).unwrap_or_default()
}
