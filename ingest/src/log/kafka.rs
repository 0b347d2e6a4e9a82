//! The log on Apache Kafka (or what speaks its protocol), through librdkafka.
//!
//! Guarantee: the contract of [`Log`]. An acknowledged record is with all in-sync replicas (`acks=all`, idempotent
//! producer); how much that is worth on this topic is said by [`Log::durability`]. Positions come from the caller
//! only; the consumer group assigns partitions and nothing else.
//!
//! Failure: a topic that is missing or unfit is refused at connection time. Brokers that start, move or are briefly
//! away are waited out within named limits, then [`LogError::Unavailable`] says what failed. After that an append's
//! outcome is unknown.
//!
//! Known gap: librdkafka's Rust binding does not give the topic's own id, so [`Log::id`] is cluster id and topic name.
//! A topic that was deleted and made again under the same name is noticed by its offsets, when a read begins beyond
//! its end.

mod append;
mod client;
mod group;
mod options;
mod read;
mod topic;

pub use options::KafkaOptions;
pub use topic::TopicSpec;

use super::{Durability, Entry, Log, LogError, NewRecord, Offsets, Position, ReadLimits, check};
use append::Producer;
use async_trait::async_trait;
use group::Group;
use read::Reader;
use std::fmt;
use topic::Topic;

/// A log in one topic of a Kafka cluster. Dropping it leaves the consumer group, for which it may block some seconds.
pub struct KafkaLog {
    options: KafkaOptions,
    topic: Topic,
    producer: Producer,
    reader: Reader,
    group: Group,
}

impl fmt::Debug for KafkaLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaLog").field("options", &self.options).field("topic", &self.topic).finish_non_exhaustive()
    }
}

impl KafkaLog {
    /// Connects to an existing topic and checks it.
    ///
    /// # Errors
    /// [`LogError::Corrupt`] when the topic or an option is missing or unfit, [`LogError::Unavailable`] when no broker
    /// answers in time.
    pub async fn connect(options: KafkaOptions) -> Result<Self, LogError> {
        let consumer = read::consumer(&options)?;
        let topic = topic::inspect(&options, &consumer).await?;
        Ok(Self {
            producer: Producer::new(&options, topic.partitions)?,
            reader: Reader::new(&options, consumer, topic.partitions),
            group: Group::new(&options),
            topic,
            options,
        })
    }

    /// Makes the topic with the settings that the log needs: records are kept for ever, no unclean election, messages
    /// of Kafka's default size. Says whether it was made; one that was there already is left as it is.
    ///
    /// # Errors
    /// [`LogError::Unavailable`] when the cluster does not answer or does not allow it.
    pub async fn create_topic(options: &KafkaOptions, spec: TopicSpec) -> Result<bool, LogError> {
        topic::create(options, spec).await
    }
}

#[async_trait]
impl Log for KafkaLog {
    fn id(&self) -> &str {
        &self.topic.id
    }

    fn partitions(&self) -> u32 {
        self.topic.partitions
    }

    fn durability(&self) -> Durability {
        self.topic.durability.clone()
    }

    async fn append(&self, records: Vec<NewRecord>) -> Result<Vec<Position>, LogError> {
        check::records(&records)?;
        self.producer.append(&records).await
    }

    async fn read(&self, partition: u32, from: u64, limits: ReadLimits) -> Result<Vec<Entry>, LogError> {
        check::partition(&self.options.name(), partition, self.topic.partitions)?;
        self.reader.read(partition, from, limits).await
    }

    async fn offsets(&self, partition: u32) -> Result<Offsets, LogError> {
        check::partition(&self.options.name(), partition, self.topic.partitions)?;
        self.reader.offsets(partition).await
    }

    async fn trim(&self, partition: u32, before: u64) -> Result<(), LogError> {
        let held = self.offsets(partition).await?;
        let before = before.min(held.next);
        if before <= held.first {
            return Ok(());
        }
        let number = i32::try_from(partition).unwrap_or(i32::MAX);
        topic::delete_records(&self.options, number, i64::try_from(before).unwrap_or(i64::MAX)).await
    }

    async fn assignment(&self) -> Result<Vec<u32>, LogError> {
        self.group.assignment().await
    }
}
