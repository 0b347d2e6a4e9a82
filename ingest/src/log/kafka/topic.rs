//! The topic: made with the settings that the contract needs, and looked at before use.
//!
//! Guarantee: a topic that would lose records by its settings is refused (compaction, too small messages) or named as
//! weak (replication, retention, unclean election). What cannot be found out counts as weak.

use super::client::{Context, PATIENCE_S_MAX, REQUEST_MAX, blocking, code, retrying, unavailable, unusable};
use super::options::{KafkaOptions, MESSAGE_BYTES_MAX};
use crate::log::{Durability, LogError};
use rdkafka::admin::{AdminClient, AdminOptions, ConfigResource, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::{Offset, TopicPartitionList};
use schemas::limits::PARTITIONS_MAX;
use std::sync::Arc;
use std::time::Duration;

/// Replication factor that the architecture demands.
const REPLICATION_STRONG: usize = 3;
/// Replicas that must hold a record before it is acknowledged, as the architecture demands.
const IN_SYNC_STRONG: usize = 2;
/// Most events of a consumer that one look at them takes.
const EVENTS_MAX: usize = 64;
const PATIENCE: Duration = Duration::from_secs(PATIENCE_S_MAX);

/// What a new topic shall be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TopicSpec {
    /// Number of partitions, fixed for ever.
    pub partitions: u32,
    /// Replication factor; min.insync.replicas becomes one less (at least 1), so that one broker may be down.
    pub replication: u32,
}

/// What a look at the topic found.
#[derive(Debug)]
pub(super) struct Topic {
    /// Cluster id and name.
    pub(super) id: String,
    /// Number of partitions.
    pub(super) partitions: u32,
    /// What an acknowledgement means.
    pub(super) durability: Durability,
}

fn admin(options: &KafkaOptions) -> Result<AdminClient<Context>, LogError> {
    let context = Context { log: options.name() };
    options.client(&[], &[]).create_with_context(context).map_err(|e| unusable(options, &e))
}

fn admin_options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(REQUEST_MAX)).operation_timeout(Some(REQUEST_MAX))
}

/// Makes the topic; says whether it was there before (it is then left as it is).
pub(super) async fn create(options: &KafkaOptions, spec: TopicSpec) -> Result<bool, LogError> {
    let admin = admin(options)?;
    let (in_sync, bytes) = (spec.replication.saturating_sub(1).max(1).to_string(), MESSAGE_BYTES_MAX.to_string());
    let number = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
    let topic =
        NewTopic::new(options.topic(), number(spec.partitions), TopicReplication::Fixed(number(spec.replication)))
            .set("retention.ms", "-1")
            .set("retention.bytes", "-1")
            .set("cleanup.policy", "delete")
            .set("unclean.leader.election.enable", "false")
            .set("max.message.bytes", &bytes)
            .set("min.insync.replicas", &in_sync);
    let request = || async {
        let results = admin.create_topics([&topic], &admin_options()).await?;
        results.into_iter().try_for_each(|r| r.map(|_| ()).map_err(|(_, code)| KafkaError::AdminOp(code)))
    };
    match retrying(PATIENCE, request).await {
        Ok(()) => Ok(true),
        Err(error) if code(&error) == Some(Code::TopicAlreadyExists) => Ok(false),
        Err(error) => Err(unavailable(&options.name(), "making the topic", &error)),
    }
}

/// Looks at the topic and judges it.
pub(super) async fn inspect(options: &KafkaOptions, consumer: &Arc<BaseConsumer<Context>>) -> Result<Topic, LogError> {
    let (partitions, replication) =
        retrying(PATIENCE, || shape(options, consumer)).await.map_err(|e| match code(&e) {
            Some(Code::UnknownTopicOrPartition | Code::UnknownTopic) => {
                unfit(options, "there is no such topic; make it first, or name another")
            }
            _ => unavailable(&options.name(), "looking at the topic", &e),
        })?;
    if partitions == 0 || partitions > PARTITIONS_MAX as usize {
        return Err(unfit(options, &format!("it has {partitions} partitions, 1 to {PARTITIONS_MAX} are allowed")));
    }
    let settings = settings(options).await;
    check_settings(options, settings.as_ref())?;
    let cluster = {
        let consumer = Arc::clone(consumer);
        blocking(move || Ok(consumer.client().fetch_cluster_id(REQUEST_MAX))).await
    };
    let cluster = cluster.ok().flatten().ok_or_else(|| LogError::Unavailable {
        log: options.name(),
        detail: "the broker does not tell its cluster id; is it Kafka 0.10.1 or newer?".to_owned(),
    })?;
    Ok(Topic {
        id: format!("kafka:{cluster}/{}", options.topic()),
        partitions: u32::try_from(partitions).unwrap_or(PARTITIONS_MAX),
        durability: durability(options.topic(), replication, settings.as_ref()),
    })
}

/// Number of partitions and smallest replication factor. A missing leader is an error that passes by itself.
async fn shape(options: &KafkaOptions, consumer: &Arc<BaseConsumer<Context>>) -> Result<(usize, usize), KafkaError> {
    let (consumer, name) = (Arc::clone(consumer), options.topic().to_owned());
    blocking(move || {
        let fetched = consumer.fetch_metadata(Some(&name), REQUEST_MAX);
        // A wrong password looks like a broker that does not answer; only the consumer's events tell them apart.
        rejection(&consumer).map_or(Ok(()), Err)?;
        let metadata = fetched?;
        let topic = metadata.topics().iter().find(|topic| topic.name() == name);
        let topic = topic.ok_or(KafkaError::MetadataFetch(Code::UnknownTopicOrPartition))?;
        if let Some(error) = topic.error() {
            return Err(KafkaError::MetadataFetch(error.into()));
        }
        if topic.partitions().iter().any(|partition| partition.leader() < 0) {
            return Err(KafkaError::MetadataFetch(Code::LeaderNotAvailable));
        }
        let replication = topic.partitions().iter().map(|partition| partition.replicas().len()).min().unwrap_or(0);
        Ok((topic.partitions().len(), replication))
    })
    .await
}

/// The broker's refusal to let us in, if it was reported.
fn rejection(consumer: &BaseConsumer<Context>) -> Option<KafkaError> {
    for _ in 0..EVENTS_MAX {
        match consumer.poll(Duration::ZERO) {
            Some(Err(error)) if matches!(code(&error), Some(Code::Authentication | Code::SSL)) => return Some(error),
            _ => {}
        }
    }
    None
}

/// The topic's settings, or `None` when we may not see them.
async fn settings(options: &KafkaOptions) -> Option<ConfigResource> {
    let admin = admin(options).ok()?;
    let topic = ResourceSpecifier::Topic(options.topic());
    let request = || async {
        let results = admin.describe_configs([&topic], &admin_options()).await?;
        results.into_iter().next().unwrap_or(Err(Code::InvalidRequest)).map_err(KafkaError::AdminOp)
    };
    let found = retrying(PATIENCE, request).await;
    found.inspect_err(|error| tracing::warn!(log = %options.name(), %error, "the topic's settings are hidden")).ok()
}

fn setting<'a>(settings: Option<&'a ConfigResource>, name: &str) -> Option<&'a str> {
    settings?.get(name)?.value.as_deref()
}

/// Refuses a topic that would lose records or not take them.
fn check_settings(options: &KafkaOptions, settings: Option<&ConfigResource>) -> Result<(), LogError> {
    if let Some(policy) = setting(settings, "cleanup.policy").filter(|policy| policy.contains("compact")) {
        return Err(unfit(
            options,
            &format!("cleanup.policy delete expected, {policy} found: compaction would delete records; change it"),
        ));
    }
    let bytes = setting(settings, "max.message.bytes").and_then(|bytes| bytes.parse::<usize>().ok());
    match bytes.filter(|bytes| *bytes < MESSAGE_BYTES_MAX) {
        Some(bytes) => Err(unfit(
            options,
            &format!("max.message.bytes of at least {MESSAGE_BYTES_MAX} expected, {bytes} found; raise it"),
        )),
        None => Ok(()),
    }
}

fn unfit(options: &KafkaOptions, detail: &str) -> LogError {
    LogError::Corrupt { log: options.name(), detail: detail.to_owned() }
}

/// What an acknowledgement means, with every weakness named.
fn durability(topic: &str, replication: usize, settings: Option<&ConfigResource>) -> Durability {
    let in_sync = setting(settings, "min.insync.replicas").and_then(|n| n.parse::<usize>().ok());
    let mut weak = Vec::new();
    if replication < REPLICATION_STRONG {
        weak.push(format!("replication factor is {replication}, at least {REPLICATION_STRONG} is strong"));
    }
    match in_sync {
        Some(n) if n >= IN_SYNC_STRONG => {}
        Some(n) => weak.push(format!("min.insync.replicas is {n}, at least {IN_SYNC_STRONG} is strong")),
        None => {
            weak.push("min.insync.replicas is not known (right to describe the topic's settings missing)".to_owned())
        }
    }
    if setting(settings, "unclean.leader.election.enable") == Some("true") {
        weak.push("unclean.leader.election.enable is true: a lagging broker may become leader".to_owned());
    }
    for name in ["retention.ms", "retention.bytes"] {
        if let Some(limit) = setting(settings, name).filter(|limit| *limit != "-1") {
            weak.push(format!("{name} is {limit}, not -1: Kafka may delete what the table does not have yet"));
        }
    }
    let replicas = in_sync.map_or_else(|| "?".to_owned(), |n| n.to_string());
    let mut text = format!(
        "Kafka topic {topic}, acks=all: in the memory of all in-sync replicas, at least {replicas} of {replication} \
         brokers (Kafka does not fsync before it answers)"
    );
    if !weak.is_empty() {
        text = format!("{text}; weak: {}", weak.join("; "));
    }
    Durability { text, strong: weak.is_empty() }
}

/// Deletes the records of a partition below `before`.
pub(super) async fn delete_records(options: &KafkaOptions, partition: i32, before: i64) -> Result<(), LogError> {
    let admin = admin(options)?;
    let request = || async {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(options.topic(), partition, Offset::Offset(before))?;
        let done = admin.delete_records(&list, &admin_options()).await?;
        done.elements().iter().try_for_each(rdkafka::topic_partition_list::TopicPartitionListElem::error)
    };
    let done = retrying(PATIENCE, request).await;
    done.map_err(|e| unavailable(&options.name(), &format!("deleting records of partition {partition}"), &e))
}
