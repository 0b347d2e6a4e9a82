//! What all Kafka clients of the log share: how librdkafka's words reach our log, which errors pass by themselves, and
//! how blocking calls are made and repeated.
//!
//! Guarantee: a call is repeated only while its error is one that passes by itself (a broker that starts, a leader
//! that moves) and only within its time limit. Settings and secrets are never printed.

use super::options::KafkaOptions;
use crate::log::LogError;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use std::time::Duration;
use tokio::time::Instant;

/// How long one request may wait for its broker, in seconds.
pub(super) const REQUEST_S_MAX: u64 = 5;
/// How long errors that pass by themselves are waited out, in seconds: a broker's restart and election fit in it.
pub(super) const PATIENCE_S_MAX: u64 = 30;
/// Pause between tries, in milliseconds.
const RETRY_MS: u64 = 200;

/// [`REQUEST_S_MAX`] as a duration.
pub(super) const REQUEST_MAX: Duration = Duration::from_secs(REQUEST_S_MAX);

/// Passes librdkafka's messages on to `tracing`.
#[derive(Debug, Clone)]
pub(super) struct Context {
    /// The log's name.
    pub(super) log: String,
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        match level {
            RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical => {
                tracing::error!(log = %self.log, facility, "{message}");
            }
            // A lost connection is an "error" of librdkafka; it connects again by itself.
            RDKafkaLogLevel::Error | RDKafkaLogLevel::Warning => {
                tracing::warn!(log = %self.log, facility, "{message}");
            }
            _ => tracing::debug!(log = %self.log, facility, "{message}"),
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        // Reaching the end of a partition is reported as an error, and is none.
        if code(&error) != Some(Code::PartitionEOF) {
            tracing::debug!(log = %self.log, %error, reason, "librdkafka");
        }
    }
}

impl ConsumerContext for Context {}

/// The code within an error.
pub(super) fn code(error: &KafkaError) -> Option<Code> {
    match error {
        KafkaError::AdminOp(code) => Some(*code),
        KafkaError::PartitionEOF(_) => Some(Code::PartitionEOF),
        other => other.rdkafka_error_code(),
    }
}

/// Whether an error passes by itself.
fn passes(error: &KafkaError) -> bool {
    matches!(
        code(error),
        Some(
            Code::BrokerTransportFailure
                | Code::AllBrokersDown
                | Code::Resolve
                | Code::OperationTimedOut
                | Code::TimedOutQueue
                | Code::WaitingForCoordinator
                | Code::WaitCache
                | Code::LeaderNotAvailable
                | Code::NotLeaderForPartition
                | Code::RequestTimedOut
                | Code::BrokerNotAvailable
                | Code::ReplicaNotAvailable
                | Code::NetworkException
                // A new leader does not know yet how far the old one had come (KIP-207, KIP-320).
                | Code::OffsetNotAvailable
                | Code::FencedLeaderEpoch
                | Code::UnknownLeaderEpoch
                | Code::CoordinatorLoadInProgress
                | Code::CoordinatorNotAvailable
                | Code::NotCoordinator
                | Code::NotController
                | Code::KafkaStorageError
        )
    )
}

/// Repeats `attempt` while its error passes by itself, for at most `patience`.
pub(super) async fn retrying<T, F>(patience: Duration, mut attempt: impl FnMut() -> F) -> Result<T, KafkaError>
where
    F: Future<Output = Result<T, KafkaError>>,
{
    let deadline = Instant::now() + patience;
    let mut told = false;
    loop {
        match attempt().await {
            Err(error) if passes(&error) && Instant::now() < deadline => {
                if !std::mem::replace(&mut told, true) {
                    tracing::warn!(%error, ?patience, "Kafka is not ready; trying again and again");
                }
                tokio::time::sleep(Duration::from_millis(RETRY_MS)).await;
            }
            outcome => return outcome,
        }
    }
}

/// Runs a call that blocks, away from the async threads.
pub(super) async fn blocking<T, F>(call: F) -> Result<T, KafkaError>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T, KafkaError> + Send + 'static,
{
    tokio::task::spawn_blocking(call).await.unwrap_or(Err(KafkaError::Canceled))
}

/// An error for callers: what we were doing, and what to do.
pub(super) fn unavailable(log: &str, doing: &str, error: &KafkaError) -> LogError {
    let hint = match code(error) {
        Some(Code::SSL | Code::Authentication | Code::SaslAuthenticationFailed | Code::UnsupportedSASLMechanism) => {
            "check security.protocol and the sasl.* and ssl.* options"
        }
        Some(Code::TopicAuthorizationFailed | Code::GroupAuthorizationFailed | Code::ClusterAuthorizationFailed) => {
            "the user lacks a right (ACL) on the topic, group or cluster"
        }
        Some(Code::NotEnoughReplicas | Code::NotEnoughReplicasAfterAppend) => {
            "fewer brokers are in sync than min.insync.replicas demands"
        }
        _ => "is the broker up, and reachable under its advertised address?",
    };
    LogError::Unavailable { log: log.to_owned(), detail: format!("{doing}: {}; {hint}", words(error)) }
}

/// The error's words, without the value of a setting, which may be a secret.
fn words(error: &KafkaError) -> String {
    match error {
        KafkaError::ClientConfig(_, _, name, _) => format!(
            "option {name} or its value is not known to librdkafka (TLS and SCRAM need a build with feature kafka-tls)"
        ),
        other => other.to_string(),
    }
}

/// A client could not be made: an option is wrong, or not part of this build.
pub(super) fn unusable(options: &KafkaOptions, error: &KafkaError) -> LogError {
    LogError::Corrupt { log: options.name(), detail: format!("no client with these options: {}", words(error)) }
}
