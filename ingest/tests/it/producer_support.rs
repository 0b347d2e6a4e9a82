//! What the tests of the producer share: a log that fails on demand and takes images of the disk, and a reader that
//! checks whole histories.

use async_trait::async_trait;
use bytes::Bytes;
use ed25519_dalek::SigningKey;
use ingest::env::Seeded;
use ingest::log::memory::MemoryLog;
use ingest::log::{Durability, Entry, Log, LogError, NewRecord, Offsets, Position, ReadLimits};
use ingest::producer::{Config, Producer, ProducerError, RetryLimits, StreamSpec};
use schemas::check::{check_batch, signer_key};
use schemas::digest::content_commitment;
use schemas::draft::{Draft, DraftContent};
use schemas::header::Header;
use schemas::record::{Body, Form, LogRecord, SignedBatch};
use schemas::tlog::CompactRange;
use std::collections::{HashMap, HashSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What the log does with one append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Works.
    None,
    /// Appends nothing and fails.
    Before,
    /// Appends the first half and fails.
    Half,
    /// Appends all and fails.
    After,
    /// Says that it is busy.
    Busy,
    /// Never answers.
    Hang,
}

/// The disk and the log at one moment.
#[derive(Debug, Clone)]
pub(crate) struct Image {
    pub(crate) what: &'static str,
    pub(crate) state: PathBuf,
    /// Records in the log at that moment.
    pub(crate) records: usize,
}

/// A log in memory that fails by a script and remembers everything.
#[derive(Debug)]
pub(crate) struct FaultyLog {
    pub(crate) inner: MemoryLog,
    faults: Mutex<VecDeque<Fault>>,
    /// What happens when the script is over.
    pub(crate) then: Mutex<Fault>,
    /// Everything that reached the log, in order, over all partitions.
    pub(crate) appended: Mutex<Vec<NewRecord>>,
    /// Number of records in each call.
    pub(crate) calls: Mutex<Vec<usize>>,
    images_of: Option<(PathBuf, PathBuf)>,
    pub(crate) images: Mutex<Vec<Image>>,
}

pub(crate) fn memory(partitions: u32) -> MemoryLog {
    // The same seed: the same identity, so that a state file goes on with a copy of its log.
    let env = Seeded::env(7);
    MemoryLog::new(partitions, env.entropy.as_ref())
}

impl FaultyLog {
    pub(crate) fn new(faults: &[Fault]) -> Self {
        Self {
            inner: memory(3),
            faults: Mutex::new(faults.iter().copied().collect()),
            then: Mutex::new(Fault::None),
            appended: Mutex::default(),
            calls: Mutex::default(),
            images_of: None,
            images: Mutex::default(),
        }
    }

    /// Copies the state file `state` into a folder of `into` around each append.
    pub(crate) fn with_images(mut self, state: &Path, into: &Path) -> Self {
        self.images_of = Some((state.to_owned(), into.to_owned()));
        self
    }

    /// A log that holds what this one held when it had `records` records.
    pub(crate) async fn replayed(&self, records: usize) -> Arc<Self> {
        let log = Self::new(&[]);
        let past: Vec<NewRecord> = self.appended.lock().unwrap()[..records].to_vec();
        log.append(past).await.unwrap();
        Arc::new(log)
    }

    pub(crate) fn image(&self, what: &'static str) {
        let Some((state, into)) = &self.images_of else { return };
        let mut images = self.images.lock().unwrap();
        let folder = into.join(images.len().to_string());
        std::fs::create_dir_all(&folder).unwrap();
        let copy = folder.join("state");
        for suffix in ["", "-wal"] {
            let from = format!("{}{suffix}", state.display());
            if Path::new(&from).exists() {
                std::fs::copy(&from, format!("{}{suffix}", copy.display())).unwrap();
            }
        }
        let records = self.appended.lock().unwrap().len();
        images.push(Image { what, state: copy, records });
    }

    async fn put(&self, records: Vec<NewRecord>) -> Result<Vec<Position>, LogError> {
        self.appended.lock().unwrap().extend(records.iter().cloned());
        self.inner.append(records).await
    }
}

#[async_trait]
impl Log for FaultyLog {
    fn id(&self) -> &str {
        self.inner.id()
    }
    fn partitions(&self) -> u32 {
        self.inner.partitions()
    }
    fn durability(&self) -> Durability {
        Durability { text: "test".to_owned(), strong: false }
    }
    async fn append(&self, mut records: Vec<NewRecord>) -> Result<Vec<Position>, LogError> {
        self.image("state written, nothing sent");
        self.calls.lock().unwrap().push(records.len());
        let scripted = self.faults.lock().unwrap().pop_front();
        let fault = scripted.unwrap_or(*self.then.lock().unwrap());
        let down = || LogError::Unavailable { log: "test".to_owned(), detail: "it was told to fail".to_owned() };
        let result = match fault {
            Fault::None => self.put(records).await,
            Fault::Before => Err(down()),
            Fault::Half => {
                records.truncate(records.len().div_ceil(2));
                self.put(records).await.and(Err(down()))
            }
            Fault::After => self.put(records).await.and(Err(down())),
            Fault::Busy => Err(LogError::Busy { detail: "told to be".to_owned(), after: Duration::from_millis(2) }),
            Fault::Hang => std::future::pending().await,
        };
        self.image("sent, not acknowledged");
        result
    }
    async fn read(&self, partition: u32, from: u64, limits: ReadLimits) -> Result<Vec<Entry>, LogError> {
        self.inner.read(partition, from, limits).await
    }
    async fn offsets(&self, partition: u32) -> Result<Offsets, LogError> {
        self.inner.offsets(partition).await
    }
    async fn trim(&self, partition: u32, before: u64) -> Result<(), LogError> {
        self.inner.trim(partition, before).await
    }
    async fn assignment(&self) -> Result<Vec<u32>, LogError> {
        self.inner.assignment().await
    }
}

pub(crate) fn key() -> SigningKey {
    SigningKey::from_bytes(&[42; 32])
}

pub(crate) fn config(state: &Path) -> Config {
    let retry = RetryLimits { first: Duration::from_millis(1), max: Duration::from_millis(4) };
    Config { retry, ack_wait: Duration::from_secs(10), ..Config::new(state, "t") }
}

pub(crate) async fn open(state: &Path, log: Arc<dyn Log>, seed: u64) -> Producer {
    open_with(config(state), log, seed).await.unwrap()
}

/// Opens; waits for a task of a producer that was dropped a moment ago to let go of the file.
pub(crate) async fn open_with(config: Config, log: Arc<dyn Log>, seed: u64) -> Result<Producer, ProducerError> {
    for _ in 0..200 {
        match Producer::open(config.clone(), key(), Arc::clone(&log), Seeded::env(seed)).await {
            Err(ProducerError::Locked { .. }) => tokio::time::sleep(Duration::from_millis(5)).await,
            result => return result,
        }
    }
    panic!("the state file stays locked");
}

pub(crate) fn spec(name: &str) -> StreamSpec {
    StreamSpec { name: format!("test/{name}"), partition_key: name.to_owned() }
}

pub(crate) fn draft(id: &str, text: &str) -> Draft {
    Draft {
        id: id.to_owned(),
        source: "agent://test".to_owned(),
        kind: "decision".to_owned(),
        contents: vec![DraftContent::text("input", text)],
        ..Draft::default()
    }
}

/// An event as a reader of the log sees it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) header: Header,
    /// How each content travelled, and its bytes.
    pub(crate) contents: Vec<(Form, Bytes)>,
}

/// The streams of a log, every rule checked: signatures and roots, one history per stream, no gap, parts before their
/// batch, references to what was sent. Repeats must be byte for byte the same.
#[derive(Debug, Default)]
pub(crate) struct History {
    pub(crate) streams: HashMap<String, Vec<Seen>>,
    ranges: HashMap<String, CompactRange>,
    batches: HashSet<(String, u64, Bytes)>,
    pub(crate) batch_events: Vec<usize>,
    pub(crate) record_bytes: Vec<usize>,
    pub(crate) repeats: usize,
    parts: HashMap<(String, Bytes), Vec<Bytes>>,
    known: HashMap<(String, [u8; 32]), Bytes>,
}

impl History {
    pub(crate) async fn read(log: &dyn Log) -> Self {
        let mut history = Self::default();
        for partition in 0..log.partitions() {
            let limits = ReadLimits { records_max: 1_000_000, bytes_max: usize::MAX, wait: Duration::ZERO };
            let mut from = log.offsets(partition).await.unwrap().first;
            loop {
                let entries = log.read(partition, from, limits).await.unwrap();
                let Some(last) = entries.last() else { break };
                from = last.offset + 1;
                for entry in &entries {
                    history.record(entry);
                }
            }
        }
        history
    }

    pub(crate) fn ids(&self, stream: &str) -> Vec<String> {
        self.streams.get(stream).map(|s| s.iter().map(|e| e.header.id.clone()).collect()).unwrap_or_default()
    }

    pub(crate) fn all_ids(&self) -> Vec<String> {
        self.streams.values().flatten().map(|e| e.header.id.clone()).collect()
    }

    fn record(&mut self, entry: &Entry) {
        self.record_bytes.push(entry.value.len());
        let key = String::from_utf8(entry.key.to_vec()).unwrap();
        match LogRecord::parse(&entry.value).unwrap() {
            Body::Part(part) => {
                assert_eq!(part.partition_key, key);
                let parts = self.parts.entry((key, part.commitment.clone())).or_default();
                if part.index == 0 {
                    parts.clear();
                }
                assert_eq!(parts.len(), part.index as usize, "parts in order");
                parts.push(part.data);
            }
            Body::Batch(batch) => self.batch(&key, &entry.value, &batch),
        }
    }

    fn batch(&mut self, key: &str, value: &Bytes, batch: &SignedBatch) {
        let checked = check_batch(batch, &signer_key(batch).unwrap()).unwrap();
        assert_eq!(batch.partition_key, key);
        let identity = (checked.stream.clone(), batch.size_before, value.clone());
        if self.batches.contains(&identity) {
            self.repeats += 1;
            return;
        }
        let range = self.ranges.entry(checked.stream.clone()).or_default();
        assert_eq!(range, &checked.before, "stream {} goes on where it was: no gap and no fork", checked.stream);
        *range = checked.after.clone();
        self.batches.insert(identity);
        self.batch_events.push(checked.events.len());
        for event in checked.events {
            let header = event.parsed.unwrap();
            let opened = header.data.contents.iter().zip(&event.contents).map(|(entry, content)| {
                let (form, bytes) = self.open(key, &checked.stream, entry.commitment.0, content);
                assert_eq!(bytes.len() as u64, entry.size);
                (form, bytes)
            });
            let contents = opened.collect();
            self.streams.entry(checked.stream.clone()).or_default().push(Seen { header, contents });
        }
    }

    fn open(
        &mut self,
        key: &str,
        stream: &str,
        commitment: [u8; 32],
        content: &schemas::record::Content,
    ) -> (Form, Bytes) {
        let form = Form::try_from(content.form).unwrap();
        let known = (stream.to_owned(), commitment);
        let bytes = match form {
            Form::Inline => content.data.clone(),
            Form::Parts => {
                let parts = &self.parts[&(key.to_owned(), Bytes::copy_from_slice(&commitment))];
                Bytes::from(parts.concat())
            }
            Form::Reference => self.known.get(&known).expect("a reference follows what it refers to").clone(),
        };
        if form != Form::Reference {
            assert_eq!(content_commitment(&content.salt, &bytes), commitment);
            self.known.insert(known, bytes.clone());
        }
        (form, bytes)
    }
}
