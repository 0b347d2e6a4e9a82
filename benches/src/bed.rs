//! A test bed: a folder with a store, its log filled before the measurement, and a note of what was put into it.
//!
//! Guarantee: the keys of the generated events are registered in the log before the first of them, so that a compactor
//! that does its work rejects none. A bed is used by other processes than the one that made it.

use crate::error::{Doing, Error, Result};
use crate::generator::{self, Made, Plan};
use crate::lane;
use ed25519_dalek::SigningKey;
use ingest::env::{Clock, Entropy, Env};
use ingest::log::embedded::{EmbeddedLog, EmbeddedOptions};
use ingest::log::kafka::{KafkaLog, KafkaOptions, TopicSpec};
use ingest::log::{Log, LogError, NewRecord};
use schemas::record::{Event, SignedBatch};
use schemas::registry::{Registration, Role};
use schemas::tlog::{Checkpoint, CompactRange, NoteSigner, leaf_hash};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;
use store::keys::{REGISTRY_SOURCE, registry_stream};
use store::location::Storage;
use store::snapshot::StoreIdentity;
use tokio::sync::mpsc;
use uuid::Uuid;

/// Partitions of the log: the default of a new one.
pub const PARTITIONS: u32 = 4;
/// Bytes of values that are appended at once while filling.
const APPEND_BYTES: usize = 6 * 1_048_576;
/// Records that are appended at once while filling.
const APPEND_RECORDS: usize = 4_096;
/// Records that wait between generator and log.
const QUEUE_RECORDS: usize = 8_192;

/// What the folder holds, kept in `bed.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Note {
    /// What was generated.
    pub plan: Plan,
    /// What came of it.
    pub made: Made,
    /// `kafka://…` or nothing for the embedded log.
    pub kafka: Option<String>,
    /// Seconds that generating and appending took.
    pub fill_seconds: f64,
    /// What an acknowledgement of this log means.
    pub durability: String,
}

/// See the module.
#[derive(Debug, Clone)]
pub struct Bed {
    /// The folder.
    pub dir: PathBuf,
    /// What it holds.
    pub note: Note,
}

/// The machine's clock and randomness.
#[derive(Debug)]
struct Machine;

impl Clock for Machine {
    fn now_us(&self) -> i64 {
        jiff::Timestamp::now().as_microsecond()
    }
}

impl Entropy for Machine {
    fn fill(&self, bytes: &mut [u8]) {
        // Nothing here hides anything; without randomness the ids of commits repeat and the run fails by itself.
        let _ = getrandom::fill(bytes);
    }
}

/// Clock and randomness of the machine.
#[must_use]
pub fn env() -> Env {
    Env { clock: Arc::new(Machine), entropy: Arc::new(Machine) }
}

/// The key that signs the trees.
#[must_use]
pub fn log_key(seed: u64) -> SigningKey {
    lane::key(seed, 1_000)
}

fn registry_key(seed: u64) -> SigningKey {
    lane::key(seed, 1_001)
}

impl Bed {
    /// Makes a store and fills its log; `kafka` is a `kafka://` URL whose topic is made.
    ///
    /// # Errors
    /// When the folder holds a bed already, or the log or the store fails.
    pub async fn fill(dir: &Path, plan: Plan, kafka: Option<String>) -> Result<Self> {
        if dir.join("bed.json").exists() {
            return Err(Error::new("filling a log", "the folder holds a bed already; remove it or name another"));
        }
        std::fs::create_dir_all(dir).doing("making the folder of the bed")?;
        let log = open_log(dir, kafka.as_deref(), true).await?;
        create_store(dir, &*log, plan.seed).await?;
        let started = Instant::now();
        append(&*log, vec![generator::record(registrations(plan.seed)?)]).await?;
        let made = pour(&*log, plan).await?;
        let note = Note {
            plan,
            made,
            kafka,
            fill_seconds: started.elapsed().as_secs_f64(),
            durability: log.durability().text,
        };
        let text = serde_json::to_string_pretty(&note).doing("writing bed.json")?;
        std::fs::write(dir.join("bed.json"), text).doing("writing bed.json")?;
        Ok(Self { dir: dir.to_owned(), note })
    }

    /// Opens a bed that was filled before.
    ///
    /// # Errors
    /// When the folder holds none.
    pub fn open(dir: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(dir.join("bed.json")).doing("opening a bed (make one with `spine gen`)")?;
        Ok(Self { dir: dir.to_owned(), note: serde_json::from_str(&text).doing("reading bed.json")? })
    }

    /// Its log.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub async fn log(&self) -> Result<Arc<dyn Log>> {
        open_log(&self.dir, self.note.kafka.as_deref(), false).await
    }

    /// Its store.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn storage(&self) -> Result<Storage> {
        storage(&self.dir)
    }

    /// Folder of its store.
    #[must_use]
    pub fn store_dir(&self) -> PathBuf {
        self.dir.join("store")
    }
}

fn storage(dir: &Path) -> Result<Storage> {
    Storage::open(&dir.join("store").to_string_lossy(), &HashMap::new()).doing("opening the store")
}

async fn open_log(dir: &Path, kafka: Option<&str>, create: bool) -> Result<Arc<dyn Log>> {
    let Some(url) = kafka else {
        let options = EmbeddedOptions { partitions: create.then_some(PARTITIONS), create };
        let log = EmbeddedLog::open(&dir.join("log"), options, &*env().entropy).doing("opening the embedded log")?;
        return Ok(Arc::new(log));
    };
    let options = KafkaOptions::parse(url).doing("reading the address of the Kafka log")?;
    if create {
        let spec = TopicSpec { partitions: PARTITIONS, replication: 1 };
        KafkaLog::create_topic(&options, spec).await.doing("making the Kafka topic")?;
    }
    Ok(Arc::new(KafkaLog::connect(options).await.doing("connecting to the Kafka log")?))
}

async fn create_store(dir: &Path, log: &dyn Log, seed: u64) -> Result<()> {
    let identity = StoreIdentity {
        format: 1,
        origin: "bench.example/store".to_owned(),
        log_id: log.id().to_owned(),
        partitions: log.partitions(),
        registry_key: hex::encode(registry_key(seed).verifying_key().as_bytes()),
        log_key: hex::encode(log_key(seed).verifying_key().as_bytes()),
        tenant: lane::TENANT.to_owned(),
    };
    let env = env();
    let now_ms = env.clock.now_us() / 1_000;
    let made = store::table::create(&storage(dir)?, &identity, Uuid::from_bytes(env.random()), now_ms).await;
    made.doing("making the table")
}

/// One batch of the registry's stream that registers every key of the lanes.
fn registrations(seed: u64) -> Result<SignedBatch> {
    let key = registry_key(seed);
    let stream = registry_stream(&hex::encode(key.verifying_key().as_bytes()));
    let public = key.verifying_key().to_bytes().to_vec().into();
    let signer = NoteSigner::new(&stream, key).doing("naming the registry's stream")?;
    let (mut events, mut range) = (Vec::new(), CompactRange::new());
    for number in 0..lane::KEYS {
        let registration = Registration {
            public: hex::encode(lane::key(seed, number).verifying_key().as_bytes()),
            name: format!("bench key {number}"),
            role: Role::Own,
            sources: vec![format!("{}*", lane::SOURCE_PREFIX)],
        };
        let id = schemas::id::imported("bench", "registry", &number.to_string(), 0);
        let draft = registration.to_draft(id, REGISTRY_SOURCE, None);
        let header = draft.seal(&stream, lane::TENANT, [number as u8; 16], &[]).doing("registering a key")?;
        range.append(leaf_hash(&schemas::digest::header_digest(&header)));
        events.push(Event { header: header.into(), contents: Vec::new() });
    }
    let checkpoint = Checkpoint::new(&stream, range.size(), range.root()).doing("registering keys")?;
    let note = checkpoint.sign(&signer).doing("registering keys")?;
    Ok(SignedBatch {
        version: 1,
        checkpoint: note.to_bytes().into(),
        signer: public,
        size_before: 0,
        frontier_before: bytes::Bytes::new(),
        events,
        partition_key: stream,
    })
}

/// Generates on threads of its own and appends what comes.
async fn pour(log: &dyn Log, plan: Plan) -> Result<Made> {
    let (sender, mut records) = mpsc::channel::<NewRecord>(QUEUE_RECORDS);
    let making = tokio::task::spawn_blocking(move || {
        let closed = |_| Error::new("filling a log", "the log failed");
        generator::run(plan, |record| sender.blocking_send(record).map_err(closed))
    });
    let (mut next, mut bytes) = (Vec::new(), 0);
    while let Some(record) = records.recv().await {
        bytes += record.value.len();
        next.push(record);
        if bytes >= APPEND_BYTES || next.len() >= APPEND_RECORDS {
            append(log, std::mem::take(&mut next)).await?;
            bytes = 0;
        }
    }
    append(log, next).await?;
    making.await.doing("generating events")?
}

async fn append(log: &dyn Log, records: Vec<NewRecord>) -> Result<()> {
    if records.is_empty() {
        return Ok(());
    }
    loop {
        match log.append(records.clone()).await {
            Ok(_) => return Ok(()),
            Err(LogError::Busy { after, .. }) => tokio::time::sleep(after).await,
            Err(e) => return Err(Error::new("appending to the log", e)),
        }
    }
}
