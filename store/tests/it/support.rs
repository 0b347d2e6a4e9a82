//! A producer made of the format's own functions, a store in a temporary directory, and faults on demand.

use async_trait::async_trait;
use bytes::Bytes;
use ed25519_dalek::SigningKey;
use futures::stream::BoxStream;
use ingest::env::{Env, Seeded};
use ingest::log::memory::MemoryLog;
use ingest::log::{Log, NewRecord};
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMultipartOptions,
    PutOptions, PutPayload, PutResult, RenameOptions,
};
use schemas::draft::{Draft, DraftContent, Seal};
use schemas::record::{Body, Content, Event, Form, LogRecord, SignedBatch};
use schemas::registry::{Registration, Role};
use schemas::tlog::{Checkpoint, CompactRange, NoteSigner};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use store::compactor::{Compactor, Options};
use store::keys::{REGISTRY_SOURCE, registry_stream};
use store::location::Storage;
use store::snapshot::{Snapshot, StoreIdentity};

/// A stream with its own key.
pub(crate) struct Producer {
    pub(crate) key: SigningKey,
    pub(crate) stream: String,
    pub(crate) range: CompactRange,
    pub(crate) env: Env,
}

impl Producer {
    pub(crate) fn new(seed: u8, stream: &str) -> Self {
        Self::with_key(SigningKey::from_bytes(&[seed; 32]), stream, u64::from(seed))
    }

    pub(crate) fn with_key(key: SigningKey, stream: &str, seed: u64) -> Self {
        Self { key, stream: stream.to_owned(), range: CompactRange::new(), env: Seeded::env(seed) }
    }

    pub(crate) fn public(&self) -> String {
        hex::encode(self.key.verifying_key().to_bytes())
    }

    /// Signs drafts as the next batch and returns the record; `forms` overrides how contents travel.
    pub(crate) fn batch(&mut self, drafts: &[Draft]) -> NewRecord {
        self.batch_with(drafts, |_| Form::Inline)
    }

    pub(crate) fn batch_with(&mut self, drafts: &[Draft], form: impl Fn(&DraftContent) -> Form) -> NewRecord {
        let before = self.range.clone();
        let events: Vec<Event> = drafts.iter().map(|d| self.event(d, &form)).collect();
        for event in &events {
            self.range.append(schemas::check::event_leaf(&event.header));
        }
        self.record(&before, events)
    }

    pub(crate) fn event(&self, draft: &Draft, form: &impl Fn(&DraftContent) -> Form) -> Event {
        let seals: Vec<Seal> = draft.contents.iter().map(|c| Seal::new(self.env.random(), &c.bytes)).collect();
        let header = draft.seal(&self.stream, "default", self.env.random(), &seals).unwrap();
        let contents = draft.contents.iter().zip(&seals).map(|(c, s)| {
            let form = form(c);
            let data = if form == Form::Inline { c.bytes.clone() } else { Bytes::new() };
            let salt = if form == Form::Reference { Bytes::new() } else { Bytes::copy_from_slice(&s.salt) };
            Content { form: form as i32, salt, data }
        });
        Event { header: header.into(), contents: contents.collect() }
    }

    pub(crate) fn record(&self, before: &CompactRange, events: Vec<Event>) -> NewRecord {
        let mut after = before.clone();
        for event in &events {
            after.append(schemas::check::event_leaf(&event.header));
        }
        let signer = NoteSigner::new(&self.stream, self.key.clone()).unwrap();
        let note = Checkpoint::new(&self.stream, after.size(), after.root()).unwrap().sign(&signer).unwrap();
        let batch = SignedBatch {
            version: 1,
            checkpoint: note.to_bytes().into(),
            signer: Bytes::copy_from_slice(self.key.verifying_key().as_bytes()),
            size_before: before.size(),
            frontier_before: before.to_bytes().into(),
            events,
            partition_key: self.stream.clone(),
        };
        NewRecord { partition_key: self.stream.clone(), value: LogRecord::encode_body(Body::Batch(batch)) }
    }
}

/// A small event.
pub(crate) fn draft(source: &str, id: &str) -> Draft {
    Draft {
        id: id.to_owned(),
        source: source.to_owned(),
        kind: "message".to_owned(),
        session: Some(format!("session-{}", id.len() % 3)),
        contents: vec![DraftContent::text("text", format!("what {id} said"))],
        ..Draft::default()
    }
}

/// Many small events.
pub(crate) fn drafts(source: &str, prefix: &str, n: usize) -> Vec<Draft> {
    (0..n).map(|i| draft(source, &format!("{prefix}-{i}"))).collect()
}

/// Fails puts whose path contains a word, before or after doing them.
#[derive(Debug)]
pub(crate) struct Faulty {
    pub(crate) inner: Arc<dyn ObjectStore>,
    pub(crate) plan: Arc<Mutex<Option<(String, bool)>>>,
}

impl std::fmt::Display for Faulty {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Faulty({})", self.inner)
    }
}

fn injected() -> object_store::Error {
    object_store::Error::Generic { store: "faulty", source: "injected fault".into() }
}

#[async_trait]
impl ObjectStore for Faulty {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        opts: PutOptions,
    ) -> object_store::Result<PutResult> {
        let plan = self.plan.lock().unwrap().clone();
        match plan {
            Some((word, done)) if location.as_ref().contains(&word) => {
                if done {
                    self.inner.put_opts(location, payload, opts).await?;
                }
                Err(injected())
            }
            _ => self.inner.put_opts(location, payload, opts).await,
        }
    }
    async fn put_multipart_opts(
        &self,
        location: &Path,
        opts: PutMultipartOptions,
    ) -> object_store::Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, opts).await
    }
    async fn get_opts(&self, location: &Path, options: GetOptions) -> object_store::Result<GetResult> {
        self.inner.get_opts(location, options).await
    }
    fn delete_stream(
        &self,
        locations: BoxStream<'static, object_store::Result<Path>>,
    ) -> BoxStream<'static, object_store::Result<Path>> {
        self.inner.delete_stream(locations)
    }
    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, object_store::Result<ObjectMeta>> {
        self.inner.list(prefix)
    }
    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> object_store::Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }
    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> object_store::Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> object_store::Result<()> {
        self.inner.rename_opts(from, to, options).await
    }
}

/// A store in a temporary directory with a log in memory.
pub(crate) struct World {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) storage: Storage,
    pub(crate) log: Arc<dyn Log>,
    pub(crate) env: Env,
    pub(crate) registry: Producer,
    pub(crate) log_key: SigningKey,
    pub(crate) plan: Arc<Mutex<Option<(String, bool)>>>,
}

impl World {
    pub(crate) async fn new(partitions: u32) -> Self {
        let env = Seeded::env(7);
        let dir = tempfile::tempdir().unwrap();
        let plan = Arc::new(Mutex::new(None));
        let shared = Arc::clone(&plan);
        let storage = Storage::open(dir.path().to_str().unwrap(), &HashMap::new())
            .unwrap()
            .with_root(|inner| Arc::new(Faulty { inner, plan: shared }));
        let log: Arc<dyn Log> = Arc::new(MemoryLog::new(partitions, env.entropy.as_ref()));
        let registry_key = SigningKey::from_bytes(&[1; 32]);
        let registry_stream = registry_stream(&hex::encode(registry_key.verifying_key().to_bytes()));
        let log_key = SigningKey::from_bytes(&[2; 32]);
        let identity = StoreIdentity {
            format: 1,
            origin: "hansard.test/store".to_owned(),
            log_id: log.id().to_owned(),
            partitions,
            registry_key: hex::encode(registry_key.verifying_key().to_bytes()),
            log_key: hex::encode(log_key.verifying_key().to_bytes()),
            tenant: "default".to_owned(),
        };
        store::table::create(&storage, &identity, uuid::Uuid::from_bytes(env.random()), 1_767_225_600_000)
            .await
            .unwrap();
        let registry = Producer::with_key(registry_key, &registry_stream, 99);
        Self { dir, storage, log, env, registry, log_key, plan }
    }

    pub(crate) async fn register(&mut self, producer: &Producer, sources: &[&str]) {
        let registration = Registration {
            public: producer.public(),
            name: producer.stream.clone(),
            role: Role::Own,
            sources: sources.iter().map(|s| (*s).to_owned()).collect(),
        };
        let draft = registration.to_draft(self.env.live_id(), REGISTRY_SOURCE, None);
        let record = self.registry.batch(&[draft]);
        self.append(vec![record]).await;
    }

    pub(crate) async fn append(&self, records: Vec<NewRecord>) {
        self.log.append(records).await.unwrap();
    }

    pub(crate) async fn compactor(&self) -> Compactor {
        self.compactor_with(Options::default()).await
    }

    pub(crate) async fn compactor_with(&self, options: Options) -> Compactor {
        Compactor::open(self.storage.clone(), Arc::clone(&self.log), self.log_key.clone(), self.env.clone(), options)
            .await
            .unwrap()
    }

    pub(crate) async fn snapshot(&self) -> Snapshot {
        Snapshot::load(&self.storage, None).await.unwrap()
    }

    pub(crate) fn fail_puts(&self, word: &str, done: bool) {
        *self.plan.lock().unwrap() = Some((word.to_owned(), done));
    }

    pub(crate) fn heal(&self) {
        *self.plan.lock().unwrap() = None;
    }
}

/// (class, leaf, id, reason, kind) of every row of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SeenRow {
    pub(crate) class: String,
    pub(crate) partition: u32,
    pub(crate) leaf: Option<u64>,
    pub(crate) id: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) kind: Option<String>,
}

pub(crate) async fn rows(snapshot: &Snapshot) -> Vec<SeenRow> {
    use arrow::array::{Int64Array, StringArray};
    let mut all = Vec::new();
    for file in &snapshot.files {
        let open = store::scan::fetch(&snapshot.storage, file).await.unwrap();
        for batch in open.batches(&["leaf", "id", "reason", "kind"]).unwrap() {
            let batch = batch.unwrap();
            let get = |name: &str| store::scan::column::<StringArray>(&batch, name).unwrap().clone();
            let (id, reason, kind) = (get("id"), get("reason"), get("kind"));
            let leaf = store::scan::column::<Int64Array>(&batch, "leaf").unwrap();
            for row in 0..batch.num_rows() {
                let text = |a: &StringArray| store::scan::text(a, row).map(str::to_owned);
                all.push(SeenRow {
                    class: file.class.as_str().to_owned(),
                    partition: file.partition,
                    leaf: store::scan::integer(leaf, row),
                    id: text(&id),
                    reason: text(&reason),
                    kind: text(&kind),
                });
            }
        }
    }
    all.sort();
    all
}

pub(crate) fn count(rows: &[SeenRow], class: &str) -> usize {
    rows.iter().filter(|r| r.class == class).count()
}
