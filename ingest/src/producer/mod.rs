//! The producer client: drafts in, signed batches in the log, receipts out.
//!
//! Guarantees:
//! - **One history.** State is durable before anything is sent, the state file is locked while a producer is open, and
//!   what was not acknowledged is sent again byte for byte when it is opened again. Streams therefore never fork, unless
//!   somebody brings an old copy of the state file back.
//! - **One fsync per call**, however many streams it touches.
//! - **A receipt means durable in the log**, in the words of [`crate::log::Log::durability`].
//! - A draft that breaks a limit is refused alone; nothing is signed for it.
//!
//! Failure: [`ProducerError`] says what was signed and when to try again. Left out: choosing streams and partition keys
//! (the caller's), key registration (the store's), and two producers on one stream.

pub mod batching;
pub mod config;
pub mod error;
pub mod key_file;
pub mod name;

mod batch;
mod seal;
pub(crate) mod seen;
mod sender;
mod stage;
mod state;

pub use batching::{BatchingLimits, BatchingProducer};
pub use config::{BatchLimits, Config, OutboxLimits, RetryLimits};
pub use error::{DraftError, ProducerError};
pub use name::stream_name;
pub use seal::validate;

use crate::env::Env;
use crate::log::{Log, Position};
use config::REFERENCES_REMEMBERED_MAX;
use ed25519_dalek::SigningKey;
use schemas::draft::Draft;
use sender::Queue;
use stage::{Core, Fixed, Made, StagedEvent};
use state::{Owner, State};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, oneshot};

/// A stream and the partition key of its records. A stream keeps its first key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StreamSpec {
    /// Name, which is also the origin of its checkpoints; see [`Producer::stream_name`].
    pub name: String,
    /// Decides the log partition.
    pub partition_key: String,
}

/// Drafts by stream.
pub type Groups = Vec<(StreamSpec, Vec<Draft>)>;

/// Proof that an event stands in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Event id.
    pub id: String,
    /// Stream.
    pub stream: Arc<str>,
    /// Index in the stream's tree, from 0.
    pub stream_index: u64,
    /// Digest of the header: what another event's cause names as `leaf`.
    pub header_digest: [u8; 32],
    /// Where the event's batch stands in the log.
    pub position: Position,
}

/// What became of one draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The log has it.
    Acknowledged(Receipt),
    /// The ledger says that this producer has sent it before ([`Repeats::Skip`] only).
    AlreadySent {
        /// Event id.
        id: String,
    },
    /// It breaks a limit; nothing was signed.
    Refused(DraftError),
}

/// What to do with (source, id) pairs that this producer has sent before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Repeats {
    /// Send them again; the store drops them. Nothing is remembered.
    #[default]
    Send,
    /// Skip them, and enter what is sent into the ledger, in the transaction that signs it.
    Skip,
}

/// What waits for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Records in the outbox.
    pub records: usize,
    /// Their bytes.
    pub bytes: usize,
    /// Why the last append failed, until one succeeds.
    pub last_error: Option<String>,
    /// Why nothing is signed until the producer is opened again: the state file could not be written.
    pub broken: Option<String>,
}

/// A signing key with durable state. Clones are handles of the same producer; it stops when the last is dropped.
#[derive(Debug, Clone)]
pub struct Producer {
    shared: Arc<Shared>,
    sender: Arc<SenderTask>,
}

/// Lock order: `core`, then `queue` or `acked`; none is held across an await.
#[derive(Debug)]
struct Shared {
    fixed: Fixed,
    state_id: String,
    core: Mutex<Core>,
    queue: Mutex<Queue>,
    /// Highest outbox number that the log has acknowledged and that is still in the table.
    acked: Mutex<Option<i64>>,
    /// No new calls.
    closing: AtomicBool,
    /// The sender has something to do.
    wake: Notify,
    /// The sender should end a pause.
    hurry: Notify,
    /// Something was acknowledged.
    drained: Notify,
}

/// Ends the sender with the last handle.
#[derive(Debug)]
struct SenderTask(Mutex<Option<tokio::task::JoinHandle<()>>>);

impl Drop for SenderTask {
    fn drop(&mut self) {
        if let Some(task) = lock(&self.0).take() {
            task.abort();
        }
    }
}

/// Signed events on their way to the log: durable here, not yet acknowledged. Dropping it does not stop them.
#[derive(Debug)]
pub struct Staged {
    events: Vec<Vec<StagedEvent>>,
    acks: Vec<oneshot::Receiver<Position>>,
}

impl Producer {
    /// Opens or creates the state file and goes on sending what waits there. Call it within a tokio runtime.
    ///
    /// # Errors
    /// [`ProducerError::Locked`] when another process holds the file, [`ProducerError::Mismatch`] when it belongs to
    /// another key, log or tenant.
    pub async fn open(config: Config, key: SigningKey, log: Arc<dyn Log>, env: Env) -> Result<Self, ProducerError> {
        config.check()?;
        let owner = Owner {
            key: hex::encode(key.verifying_key().as_bytes()),
            log: log.id().to_owned(),
            tenant: config.tenant.clone(),
        };
        let shared = blocking(move || Shared::open(Fixed { config, key, env }, &owner)).await?;
        let shared = Arc::new(shared);
        let task = tokio::spawn(sender::run(Arc::clone(&shared), log));
        Ok(Self { shared, sender: Arc::new(SenderTask(Mutex::new(Some(task)))) })
    }

    /// The name of this producer's stream `suffix`: [`stream_name`] over the state file's own id and the suffix.
    #[must_use]
    pub fn stream_name(&self, suffix: &str) -> String {
        stream_name(&self.public_key(), &format!("{}/{suffix}", self.shared.state_id))
    }

    /// The public key.
    #[must_use]
    pub fn public_key(&self) -> [u8; 32] {
        self.shared.fixed.key.verifying_key().to_bytes()
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.shared.fixed.config
    }

    /// What waits for the log, and why.
    #[must_use]
    pub fn status(&self) -> Status {
        let queue = lock(&self.shared.queue);
        let (records, bytes) = queue.size();
        let broken = queue.broken.as_ref().map(ToString::to_string);
        Status { records, bytes, last_error: queue.last_error.clone(), broken }
    }

    /// Signs drafts and waits until the log has them: one list of outcomes per group, one outcome per draft.
    ///
    /// # Errors
    /// [`ProducerError::Busy`]: nothing was signed. [`ProducerError::Unconfirmed`]: all of it was signed and will be
    /// sent. Other errors: nothing was signed.
    pub async fn submit(&self, groups: Groups) -> Result<Vec<Vec<Outcome>>, ProducerError> {
        let waited = self.shared.fixed.config.ack_wait;
        let staged = self.stage(Arc::new(groups), Repeats::Send).await?;
        tokio::time::timeout(waited, staged.wait()).await.unwrap_or_else(|_| Err(self.unconfirmed(waited)))
    }

    /// Signs drafts durably and queues them for the log: the first half of [`Producer::submit`]. Calls are staged in
    /// the order in which they are made and awaited.
    ///
    /// # Errors
    /// As [`Producer::submit`], without `Unconfirmed`.
    pub async fn stage(&self, groups: Arc<Groups>, repeats: Repeats) -> Result<Staged, ProducerError> {
        let shared = Arc::clone(&self.shared);
        blocking(move || shared.stage(&groups, repeats)).await
    }

    /// The error of a wait that took too long.
    #[must_use]
    pub fn unconfirmed(&self, waited: Duration) -> ProducerError {
        let detail = self.status().last_error.unwrap_or_else(|| "no answer yet".to_owned());
        ProducerError::Unconfirmed { waited, detail }
    }

    /// Refuses new calls, waits at most `flush` for the outbox to drain, and releases the state file. What is left
    /// is sent when the file is opened again.
    pub async fn close(&self, flush: Duration) {
        self.shared.closing.store(true, Ordering::SeqCst);
        self.shared.hurry.notify_one();
        // Left-over records are not an error: they are durable.
        let _ = tokio::time::timeout(flush, self.shared.wait_drained()).await;
        lock(&self.shared.queue).closed = true;
        let task = lock(&self.sender.0).take();
        if let Some(task) = task {
            task.abort();
            let _ = task.await;
        }
        let shared = Arc::clone(&self.shared);
        let _ = tokio::task::spawn_blocking(move || shared.release()).await;
    }
}

impl Staged {
    /// How many events were signed.
    #[must_use]
    pub fn signed(&self) -> usize {
        self.events.iter().flatten().filter(|e| matches!(e, StagedEvent::Signed { .. })).count()
    }

    /// The drafts that were not signed: group, index within it, and why.
    pub fn refused(&self) -> impl Iterator<Item = (usize, usize, &DraftError)> {
        self.events.iter().enumerate().flat_map(|(group, events)| {
            events.iter().enumerate().filter_map(move |(at, event)| match event {
                StagedEvent::Refused(error) => Some((group, at, error)),
                _ => None,
            })
        })
    }

    /// Waits, without limit, until the log has all of them.
    ///
    /// # Errors
    /// [`ProducerError::Closed`] when the producer is closed before.
    pub async fn wait(self) -> Result<Vec<Vec<Outcome>>, ProducerError> {
        let mut positions = Vec::with_capacity(self.acks.len());
        for ack in self.acks {
            positions.push(ack.await.map_err(|_| ProducerError::Closed)?);
        }
        let outcome = |event| outcome(event, &positions);
        self.events.into_iter().map(|group| group.into_iter().map(outcome).collect()).collect()
    }
}

fn outcome(event: StagedEvent, positions: &[Position]) -> Result<Outcome, ProducerError> {
    Ok(match event {
        StagedEvent::Signed { id, stream, index, digest, batch } => {
            let position = *positions.get(batch).ok_or(ProducerError::Closed)?;
            let receipt = Receipt { id, stream, stream_index: index, header_digest: digest, position };
            Outcome::Acknowledged(receipt)
        }
        StagedEvent::AlreadySent { id } => Outcome::AlreadySent { id },
        StagedEvent::Refused(error) => Outcome::Refused(error),
    })
}

impl Shared {
    fn open(fixed: Fixed, owner: &Owner) -> Result<Self, ProducerError> {
        let state = State::open(&fixed.config.state_path, owner, &fixed.env)?;
        let mut queue = Queue::default();
        queue.restore(state.outbox()?);
        Ok(Self {
            fixed,
            state_id: state.id().to_owned(),
            core: Mutex::new(Core { state: Some(state), seen: seen::Seen::new(REFERENCES_REMEMBERED_MAX) }),
            queue: Mutex::new(queue),
            acked: Mutex::new(None),
            closing: AtomicBool::new(false),
            wake: Notify::new(),
            hurry: Notify::new(),
            drained: Notify::new(),
        })
    }

    fn stage(&self, groups: &[(StreamSpec, Vec<Draft>)], repeats: Repeats) -> Result<Staged, ProducerError> {
        if self.closing.load(Ordering::SeqCst) {
            return Err(ProducerError::Closed);
        }
        let mut core = lock(&self.core);
        self.check_room(groups)?;
        let acked = *lock(&self.acked);
        let made = core.stage(&self.fixed, groups, repeats, acked);
        if let (Err(error), None) = (&made, &core.state) {
            lock(&self.queue).broken.get_or_insert_with(|| error.clone());
        }
        let Made { events, records } = made?;
        self.cleared(acked);
        // Still under the core's lock, so that the queue has the order of the table.
        let acks = lock(&self.queue).push(records);
        drop(core);
        self.wake.notify_one();
        Ok(Staged { events, acks })
    }

    fn check_room(&self, groups: &[(StreamSpec, Vec<Draft>)]) -> Result<(), ProducerError> {
        /// What a header takes beside its contents, about.
        const HEADER_BYTES: usize = 1_024;
        let (records, bytes) = {
            let queue = lock(&self.queue);
            if let Some(error) = &queue.broken {
                return Err(error.clone());
            }
            queue.size()
        };
        let content = |d: &Draft| d.contents.iter().map(|c| c.bytes.len()).sum::<usize>() + HEADER_BYTES;
        let more: usize = groups.iter().flat_map(|(_, drafts)| drafts).map(content).sum();
        let limits = self.fixed.config.outbox;
        let full = records + groups.len() > limits.records_max || bytes + more > limits.bytes_max;
        if full && records > 0 {
            let after = Duration::from_secs(1);
            return Err(ProducerError::Busy { what: "the producer's outbox", records, bytes, after });
        }
        Ok(())
    }

    fn tidy(&self) -> Result<(), ProducerError> {
        let mut core = lock(&self.core);
        let acked = *lock(&self.acked);
        if let Some(seq) = acked {
            core.tidy(seq)?;
            self.cleared(acked);
        }
        Ok(())
    }

    /// The table holds nothing through `acked` any more; a later acknowledgement stands.
    fn cleared(&self, acked: Option<i64>) {
        let mut now = lock(&self.acked);
        if *now == acked {
            *now = None;
        }
    }

    async fn wait_drained(&self) {
        loop {
            let mut drained = std::pin::pin!(self.drained.notified());
            drained.as_mut().enable();
            if lock(&self.queue).size().0 == 0 {
                return;
            }
            drained.await;
        }
    }

    fn release(&self) {
        if let Err(error) = self.tidy() {
            tracing::warn!(%error, "acknowledged records stay in the outbox; they may be sent twice, which is harmless");
        }
        lock(&self.core).state = None;
        // Whoever still waits learns that the producer is closed.
        *lock(&self.queue) = Queue::closed();
    }
}

/// A panic elsewhere leaves these values whole: they change in single steps, or in a transaction that rolls back.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ProducerError> + Send + 'static,
) -> Result<T, ProducerError> {
    // A join error is a cancelled or panicked task: nothing was committed, or the outbox has it.
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(ProducerError::Closed))
}
