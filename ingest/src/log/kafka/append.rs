//! Appending to Kafka: an idempotent producer with `acks=all`, partitions chosen by us.
//!
//! Guarantee: a record is acknowledged when all in-sync replicas have it. Records of one call that share a partition
//! keep their order, also through librdkafka's own retries (idempotence). After a failed record nothing more of its
//! call is sent. A producer in a fatal state (the broker forgot its sequence numbers) is replaced.
//!
//! Failure: a full queue is [`LogError::Busy`] (nothing of the call was sent); a record that was not acknowledged in
//! time is [`LogError::Unavailable`], and whether Kafka has it is then unknown.

use super::client::{Context, code, unavailable, unusable};
use super::options::{KafkaOptions, MESSAGE_BYTES_MAX};
use crate::log::{LogError, NewRecord, Position, check};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::producer::future_producer::{DeliveryFuture, FutureRecord};
use rdkafka::producer::{FutureProducer, Producer as _};
use schemas::partition::partition_of;
use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

/// Memory for records on their way, in KiB.
const QUEUE_KIB_MAX: &str = "65536";
/// Most records on their way.
const QUEUE_RECORDS_MAX: &str = "131072";
/// How long a record may wait for its acknowledgement, in milliseconds (option `message.timeout.ms`).
const DELIVERY_MS_MAX: &str = "30000";
/// How long records wait for company in a batch, in milliseconds (option `linger.ms`).
const LINGER_MS: &str = "2";
/// When a caller may try again after a full queue, in milliseconds.
const RETRY_MS: u64 = 250;

type Client = FutureProducer<Context>;

/// The appending side of a Kafka log.
pub(super) struct Producer {
    options: KafkaOptions,
    partitions: u32,
    /// Replaced when librdkafka says that it can go on no longer.
    client: Mutex<Client>,
}

impl Producer {
    /// Connects in the background: this does not wait for a broker.
    pub(super) fn new(options: &KafkaOptions, partitions: u32) -> Result<Self, LogError> {
        Ok(Self { options: options.clone(), partitions, client: Mutex::new(client(options)?) })
    }

    /// Appends; positions in call order.
    pub(super) async fn append(&self, records: &[NewRecord]) -> Result<Vec<Position>, LogError> {
        let client = check::lock(&self.client).clone();
        let mut positions = Vec::with_capacity(records.len());
        let mut waiting = VecDeque::new();
        for record in records {
            while let Some(error) = self.send(&client, record, &mut waiting) {
                // The queue is full. If part of that are our own records, their delivery makes room.
                match waiting.pop_front() {
                    Some(oldest) if code(&error) == Some(Code::QueueFull) => {
                        positions.push(self.settle(&client, oldest).await?);
                    }
                    _ => return Err(self.failure(&client, &error)),
                }
            }
        }
        for sent in waiting {
            positions.push(self.settle(&client, sent).await?);
        }
        Ok(positions)
    }

    /// Hands a record to librdkafka; `None` when it took it.
    fn send(&self, client: &Client, record: &NewRecord, waiting: &mut VecDeque<DeliveryFuture>) -> Option<KafkaError> {
        let partition = partition_of(record.partition_key.as_bytes(), self.partitions);
        let message = FutureRecord::to(self.options.topic())
            .partition(i32::try_from(partition).unwrap_or_default())
            .key(record.partition_key.as_bytes())
            .payload(&record.value[..]);
        match client.send_result(message) {
            Ok(sent) => {
                waiting.push_back(sent);
                None
            }
            Err((error, _)) => Some(error),
        }
    }

    /// Waits for the acknowledgement of one record.
    async fn settle(&self, client: &Client, sent: DeliveryFuture) -> Result<Position, LogError> {
        let delivery = match sent.await {
            Ok(Ok(delivery)) => delivery,
            Ok(Err((error, _))) => return Err(self.failure(client, &error)),
            Err(_) => return Err(self.failure(client, &KafkaError::Canceled)),
        };
        let place = u32::try_from(delivery.partition).ok().zip(u64::try_from(delivery.offset).ok());
        let (partition, offset) = place.ok_or_else(|| LogError::Unavailable {
            log: self.options.name(),
            detail: format!("acknowledged at offset {} of partition {}", delivery.offset, delivery.partition),
        })?;
        Ok(Position { partition, offset })
    }

    /// What a failed record means to the caller. Replaces a producer that can go on no longer.
    fn failure(&self, client: &Client, error: &KafkaError) -> LogError {
        if let Some((fatal, reason)) = client.client().fatal_error() {
            tracing::warn!(log = %self.options.name(), %fatal, reason, "the producer ended; a new one takes its place");
            self.replace(client);
        }
        match code(error) {
            Some(Code::QueueFull) => LogError::Busy {
                detail: "records wait for Kafka, the producer's queue is full".to_owned(),
                after: Duration::from_millis(RETRY_MS),
            },
            Some(Code::MessageSizeTooLarge | Code::InvalidMessageSize) => LogError::Refused {
                detail: format!(
                    "the topic takes messages of less than the {MESSAGE_BYTES_MAX} bytes expected: {error}; \
                     raise max.message.bytes of topic and brokers"
                ),
            },
            _ => unavailable(&self.options.name(), "appending (whether Kafka has the records is unknown)", error),
        }
    }

    /// Puts a new producer in the place of `ended`, unless somebody already did.
    fn replace(&self, ended: &Client) {
        let mut current = check::lock(&self.client);
        if !std::ptr::eq(current.client(), ended.client()) {
            return;
        }
        match client(&self.options) {
            Ok(new) => *current = new,
            Err(error) => tracing::error!(log = %self.options.name(), %error, "no new producer"),
        }
    }
}

fn client(options: &KafkaOptions) -> Result<Client, LogError> {
    let bytes = MESSAGE_BYTES_MAX.to_string();
    let defaults = [
        ("linger.ms", LINGER_MS),
        ("message.timeout.ms", DELIVERY_MS_MAX),
        ("queue.buffering.max.kbytes", QUEUE_KIB_MAX),
        ("queue.buffering.max.messages", QUEUE_RECORDS_MAX),
        ("reconnect.backoff.max.ms", "1000"),
    ];
    let fixed = [
        ("acks", "all"),
        ("enable.idempotence", "true"),
        ("message.max.bytes", &bytes),
        ("allow.auto.create.topics", "false"),
    ];
    let context = Context { log: options.name() };
    options.client(&defaults, &fixed).create_with_context(context).map_err(|e| unusable(options, &e))
}
