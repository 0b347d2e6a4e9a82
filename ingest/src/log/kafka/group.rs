//! Which partitions this process should compact: what Kafka's consumer group assigned to it.
//!
//! Guarantee: the member fetches no records (its partitions are paused) and neither reads nor commits offsets of the
//! group. Joining happens with the first question. The answer may be stale for the time of a rebalance; fencing at the
//! table's commit keeps that harmless. Dropping it leaves the group, so that others take over at once.

use super::client::{Context, unusable};
use super::options::KafkaOptions;
use crate::log::{LogError, check};
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, RebalanceProtocol};
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{Offset, TopicPartitionList};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;
use tokio::sync::watch;

/// How long the first question waits for the group's first assignment, in seconds.
const JOIN_S_MAX: u64 = 10;
/// How often the member serves the group, in milliseconds.
const SERVE_MS: u64 = 100;
/// How long dropping waits for the member to leave, in seconds. After that others take over by the session's time-out.
const LEAVE_S_MAX: u64 = 3;

/// Partitions that the group assigned; `None` before it first spoke.
type Assigned = Option<BTreeSet<u32>>;

/// The lazily joined group.
pub(super) struct Group {
    options: KafkaOptions,
    member: Mutex<Option<Member>>,
}

struct Member {
    assigned: watch::Receiver<Assigned>,
    stop: Arc<AtomicBool>,
    /// Closes when the member has left.
    left: Mutex<mpsc::Receiver<()>>,
}

impl Group {
    /// Joins nothing yet.
    pub(super) fn new(options: &KafkaOptions) -> Self {
        Self { options: options.clone(), member: Mutex::new(None) }
    }

    /// The partitions assigned now.
    pub(super) async fn assignment(&self) -> Result<Vec<u32>, LogError> {
        let mut assigned = self.assigned()?;
        let patience = Duration::from_secs(JOIN_S_MAX);
        let spoken = tokio::time::timeout(patience, assigned.wait_for(Option::is_some)).await;
        match spoken {
            Ok(Ok(now)) => Ok(now.iter().flatten().copied().collect()),
            // Not assigned anything yet is an answer; the member goes on trying.
            Err(_) => Ok(Vec::new()),
            Ok(Err(_)) => {
                // The member's thread ended; the next question joins again.
                check::lock(&self.member).take();
                Ok(Vec::new())
            }
        }
    }

    fn assigned(&self) -> Result<watch::Receiver<Assigned>, LogError> {
        let mut member = check::lock(&self.member);
        if member.is_none() {
            *member = Some(join(&self.options)?);
        }
        let assigned = member.as_ref().map(|member| member.assigned.clone());
        assigned.ok_or_else(|| LogError::Unavailable { log: self.options.name(), detail: "no group".to_owned() })
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // An error is what we wait for: the other end is gone. A time-out leaves the rest to the session's.
        let _ = check::lock(&self.left).recv_timeout(Duration::from_secs(LEAVE_S_MAX));
    }
}

fn join(options: &KafkaOptions) -> Result<Member, LogError> {
    let (tell, assigned) = watch::channel(None);
    let context = GroupContext { inner: Context { log: options.name() }, topic: options.topic().to_owned(), tell };
    let group = options.group();
    let defaults = [
        ("partition.assignment.strategy", "cooperative-sticky"),
        ("session.timeout.ms", "10000"),
        // Also how long a rebalance waits for members that were killed while they joined (the default is 5 minutes).
        ("max.poll.interval.ms", "20000"),
        ("reconnect.backoff.max.ms", "1000"),
    ];
    let fixed = [
        ("group.id", group.as_str()),
        ("enable.auto.commit", "false"),
        ("enable.auto.offset.store", "false"),
        ("auto.offset.reset", "latest"),
        ("allow.auto.create.topics", "false"),
    ];
    let consumer: BaseConsumer<GroupContext> =
        options.client(&defaults, &fixed).create_with_context(context).map_err(|e| unusable(options, &e))?;
    consumer.subscribe(&[options.topic()]).map_err(|e| unusable(options, &e))?;
    let stop = Arc::new(AtomicBool::new(false));
    let (leaving, left) = mpsc::channel();
    let (name, stopped) = (options.name(), Arc::clone(&stop));
    std::thread::Builder::new()
        .name("log-group".to_owned())
        .spawn(move || {
            serve(&name, &consumer, &stopped);
            // Leaves the group.
            drop(consumer);
            drop(leaving);
        })
        .map_err(|e| LogError::Unavailable {
            log: options.name(),
            detail: format!("cannot start the thread of its consumer group: {e}"),
        })?;
    Ok(Member { assigned, stop, left: Mutex::new(left) })
}

fn serve(log: &str, consumer: &BaseConsumer<GroupContext>, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        match consumer.poll(Duration::from_millis(SERVE_MS)) {
            // A record fetched before the pause took hold; it is read elsewhere.
            None | Some(Ok(_)) => {}
            Some(Err(error @ KafkaError::MessageConsumptionFatal(_))) => {
                tracing::warn!(%log, %error, "the consumer group's member ended; the next question joins again");
                return;
            }
            Some(Err(error)) => tracing::debug!(%log, %error, "consumer group"),
        }
    }
}

/// Follows the group's assignments.
struct GroupContext {
    inner: Context,
    topic: String,
    tell: watch::Sender<Assigned>,
}

impl ClientContext for GroupContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.inner.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.inner.error(error, reason);
    }
}

impl ConsumerContext for GroupContext {
    /// In place of librdkafka's own handling, which would ask for the group's offsets and fetch.
    fn rebalance(&self, consumer: &BaseConsumer<Self>, event: RDKafkaRespErr, list: &mut TopicPartitionList) {
        let result = match event {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => self.take_over(consumer, list),
            _ => self.give_up(consumer, list),
        };
        if let Err(error) = result {
            tracing::warn!(log = %self.inner.log, %error, "consumer group's assignment");
        }
    }
}

impl GroupContext {
    fn take_over(&self, consumer: &BaseConsumer<Self>, list: &mut TopicPartitionList) -> Result<(), KafkaError> {
        // An explicit position: the group's own offsets are never asked for.
        list.set_all_offsets(Offset::End)?;
        let incremental = matches!(consumer.rebalance_protocol(), RebalanceProtocol::Cooperative);
        if incremental {
            consumer.incremental_assign(list)?
        } else {
            consumer.assign(list)?
        }
        let added = self.numbers(list);
        self.tell.send_modify(|assigned| {
            let assigned = assigned.get_or_insert_with(BTreeSet::new);
            if !incremental {
                assigned.clear();
            }
            assigned.extend(added);
        });
        if list.count() > 0 { consumer.pause(list) } else { Ok(()) }
    }

    fn give_up(&self, consumer: &BaseConsumer<Self>, list: &TopicPartitionList) -> Result<(), KafkaError> {
        let removed = self.numbers(list);
        // Told before it happens: we stop using a partition before another process gets it.
        self.tell.send_modify(|assigned| {
            if let Some(assigned) = assigned {
                assigned.retain(|number| !removed.contains(number));
            }
        });
        match consumer.rebalance_protocol() {
            RebalanceProtocol::Cooperative => consumer.incremental_unassign(list),
            _ => consumer.unassign(),
        }
    }

    fn numbers(&self, list: &TopicPartitionList) -> BTreeSet<u32> {
        let ours = list.elements_for_topic(&self.topic);
        ours.iter().filter_map(|element| u32::try_from(element.partition()).ok()).collect()
    }
}
