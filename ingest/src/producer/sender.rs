//! The sender: one task that moves the outbox to the log, in order, again and again until the log has it.
//!
//! Guarantee: records leave in the order in which they were staged, one append at a time (what is staged meanwhile goes
//! together in the next); a record that failed is sent again byte for byte before any later one. Failures never drop a
//! record: pauses grow up to a limit, and [`Queue::last_error`] says why. A record that the log refuses for good (its limit
//! was lowered) holds up what comes after it until an operator mends the log, because leaving it out would tear a hole
//! into its stream. The task ends when the producer is closed.

use super::config::{RetryLimits, SEND_BYTES_MAX, SEND_RECORDS_MAX};
use super::stage::Numbered;
use super::{ProducerError, Shared, lock};
use crate::log::{Log, LogError, NewRecord, Position};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// How long the sender must be idle before it spends a transaction on clearing the table, in milliseconds.
const TIDY_IDLE_MS: u64 = 100;

/// The outbox in memory.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: VecDeque<Waiting>,
    bytes: usize,
    /// Set when the producer is closed: the sender stops after the append in hand.
    pub(super) closed: bool,
    /// Why the last append failed, until one succeeds.
    pub(super) last_error: Option<String>,
    /// The commit that failed: nothing more is signed until the file is opened again. What was committed is still sent.
    pub(super) broken: Option<ProducerError>,
}

#[derive(Debug)]
struct Waiting {
    seq: i64,
    record: NewRecord,
    /// Who waits for the position.
    reply: Option<oneshot::Sender<Position>>,
}

impl Queue {
    /// Records and bytes that wait.
    pub(super) fn size(&self) -> (usize, usize) {
        (self.waiting.len(), self.bytes)
    }

    /// What is left after a close: nothing, so that whoever still waits for a position learns of it.
    pub(super) fn closed() -> Self {
        Self { closed: true, ..Self::default() }
    }

    /// Queues records found in the file when it was opened.
    pub(super) fn restore(&mut self, records: Vec<(i64, NewRecord)>) {
        for (seq, record) in records {
            self.bytes += record.value.len();
            self.waiting.push_back(Waiting { seq, record, reply: None });
        }
    }

    /// Queues staged records; gives a receiver for the position of each batch.
    pub(super) fn push(&mut self, records: Vec<Numbered>) -> Vec<oneshot::Receiver<Position>> {
        let mut receivers = Vec::new();
        for (seq, out) in records {
            let reply = out.is_batch.then(|| {
                let (sender, receiver) = oneshot::channel();
                receivers.push(receiver);
                sender
            });
            self.bytes += out.record.value.len();
            self.waiting.push_back(Waiting { seq, record: out.record, reply });
        }
        receivers
    }

    /// The records for the next append; they stay queued until they are acknowledged.
    fn front(&self) -> Vec<NewRecord> {
        let mut bytes = 0;
        let mut records = Vec::new();
        for waiting in self.waiting.iter().take(SEND_RECORDS_MAX) {
            bytes += waiting.record.value.len();
            if bytes > SEND_BYTES_MAX && !records.is_empty() {
                break;
            }
            records.push(waiting.record.clone());
        }
        records
    }

    /// Takes acknowledged records off; gives the last one's number.
    fn acknowledge(&mut self, positions: &[Position]) -> Option<i64> {
        let mut last = None;
        for position in positions {
            let Some(waiting) = self.waiting.pop_front() else { break };
            self.bytes -= waiting.record.value.len();
            last = Some(waiting.seq);
            if let Some(reply) = waiting.reply {
                // A caller that no longer waits is no reason to stop.
                let _ = reply.send(*position);
            }
        }
        last
    }
}

/// Runs until the producer is closed.
pub(super) async fn run(shared: Arc<Shared>, log: Arc<dyn Log>) {
    let mut pause = shared.fixed.config.retry.first;
    loop {
        let (records, closed) = {
            let queue = lock(&shared.queue);
            (queue.front(), queue.closed)
        };
        if closed {
            return;
        }
        if records.is_empty() {
            idle(&shared).await;
            continue;
        }
        let count = records.len();
        match append(&log, records).await {
            Ok(positions) => {
                pause = shared.fixed.config.retry.first;
                acknowledged(&shared, &positions);
            }
            Err(error) => {
                tracing::warn!(%error, records = count, "append failed; the records stay in the outbox");
                lock(&shared.queue).last_error = Some(error.to_string());
                back_off(&shared, &error, pause).await;
                pause = next_pause(pause, shared.fixed.config.retry);
            }
        }
    }
}

async fn append(log: &Arc<dyn Log>, records: Vec<NewRecord>) -> Result<Vec<Position>, LogError> {
    let expected = records.len();
    let positions = log.append(records).await?;
    if positions.len() == expected {
        return Ok(positions);
    }
    let detail = format!("it gave {} positions for {expected} records", positions.len());
    Err(LogError::Corrupt { log: log.id().to_owned(), detail })
}

fn acknowledged(shared: &Shared, positions: &[Position]) {
    // The core's lock is not held here: staging may be writing. The number is picked up by its next transaction.
    let last = {
        let mut queue = lock(&shared.queue);
        queue.last_error = None;
        queue.acknowledge(positions)
    };
    if let Some(last) = last {
        *lock(&shared.acked) = Some(last);
    }
    shared.drained.notify_waiters();
}

async fn idle(shared: &Arc<Shared>) {
    if lock(&shared.acked).is_none() {
        shared.wake.notified().await;
        return;
    }
    tokio::select! {
        () = shared.wake.notified() => return,
        () = tokio::time::sleep(Duration::from_millis(TIDY_IDLE_MS)) => {}
    }
    let tidying = Arc::clone(shared);
    let done = tokio::task::spawn_blocking(move || tidying.tidy()).await;
    if let Ok(Err(error)) = done {
        tracing::warn!(%error, "acknowledged records stay in the outbox for now; they may be sent twice, which is harmless");
        // Not again before something new is sent.
        *lock(&shared.acked) = None;
    }
}

async fn back_off(shared: &Shared, error: &LogError, pause: Duration) {
    let pause = match error {
        LogError::Busy { after, .. } => pause.max(*after).min(shared.fixed.config.retry.max),
        _ => pause,
    };
    tokio::select! {
        () = tokio::time::sleep(pause) => {}
        () = shared.hurry.notified() => {}
    }
}

fn next_pause(pause: Duration, limits: RetryLimits) -> Duration {
    (pause * 2).min(limits.max)
}
