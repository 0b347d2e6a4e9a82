//! A store with one of everything, and hands that tamper with it.

use crate::support::{Producer, World, draft, drafts};
use arrow::array::RecordBatch;
use async_trait::async_trait;
use bytes::Bytes;
use ingest::log::{Durability, Entry, Log, LogError, NewRecord, Offsets, Position, ReadLimits};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use schemas::chain::Link;
use schemas::columns::RowClass;
use schemas::draft::{Draft, DraftContent};
use schemas::record::{Body, Content, ContentPart, Event, Form, LogRecord};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;
use store::compactor::{Compactor, Options};
use store::snapshot::DataFile;
use store::verify::{Kind, Problem, Report, Silent, verify};

pub(crate) const SOURCE: &str = "urn:test:agent";

/// Verifies store and log.
pub(crate) async fn report(world: &World) -> Report {
    verify(&world.storage, Some(world.log.as_ref()), &Silent).await.unwrap()
}

/// Verifies the store alone.
pub(crate) async fn store_report(world: &World) -> Report {
    verify(&world.storage, None, &Silent).await.unwrap()
}

pub(crate) fn assert_clean(report: &Report) {
    assert!(report.is_ok(), "problems: {:#?}\nunseen: {:?}", report.problems, report.unseen);
}

/// A problem of this kind whose place and detail hold these words.
pub(crate) fn has(report: &Report, kind: Kind, place: &str, detail: &str) -> bool {
    let fits = |p: &Problem| p.kind == kind && p.place.contains(place) && p.detail.contains(detail);
    report.problems.iter().any(fits)
}

pub(crate) fn assert_found(report: &Report, kind: Kind, place: &str, detail: &str) {
    assert!(!report.is_ok());
    assert!(has(report, kind, place, detail), "no {kind:?} at {place:?} with {detail:?} among {:#?}", report.problems);
}

/// A producer of `n` events in a one-partition world that are committed.
pub(crate) async fn simple(n: usize) -> (World, Producer) {
    let mut world = World::new(1).await;
    let mut a = Producer::new(10, "stream/a");
    world.register(&a, &[SOURCE]).await;
    let mut sent = 0;
    while sent < n {
        let more = (n - sent).min(256);
        world.append(vec![a.batch(&drafts(SOURCE, &format!("e{sent}"), more))]).await;
        sent += more;
    }
    world.compactor().await.catch_up().await.unwrap();
    (world, a)
}

/// Commits what is in the log.
pub(crate) async fn commit(world: &World) -> Compactor {
    let mut compactor = world.compactor().await;
    compactor.catch_up().await.unwrap();
    compactor
}

/// Three partitions, several streams, keys and commits, gaps open and closed, duplicates, forks, conflicts, rejects of
/// every kind, references, blobs and parts.
pub(crate) async fn rich() -> World {
    let mut world = World::new(3).await;
    let mut producers: Vec<Producer> = (0..6).map(|i| Producer::new(20 + i, &format!("stream/{i}"))).collect();
    for producer in &producers {
        world.register(producer, &[SOURCE, "urn:test:group/*"]).await;
    }
    for round in 0..4 {
        for (i, producer) in producers.iter_mut().enumerate() {
            world.append(vec![producer.batch(&full_drafts(&format!("p{i}r{round}"), 20 + 90 * (i % 3)))]).await;
        }
        commit(&world).await;
    }
    odd_records(&mut world, &mut producers).await;
    commit(&world).await;
    references_and_blobs(&world, &mut producers[0]).await;
    commit(&world).await;
    world
}

/// Drafts that fill every typed column.
fn full_drafts(prefix: &str, n: usize) -> Vec<Draft> {
    let attributes = json!({
        "gen_ai.request.model": "m-1", "gen_ai.tool.name": "search", "gen_ai.tool.call.id": "call-1",
        "gen_ai.usage.input_tokens": 12, "gen_ai.usage.output_tokens": 3, "gen_ai.evaluation.name": "grade",
        "gen_ai.evaluation.score.value": 0.5, "gen_ai.evaluation.score.label": "fair", "error.type": "timeout",
        "odd": [1, 2, {"three": 3}],
    });
    let Value::Object(attributes) = attributes else { panic!("an object") };
    let full = |i: usize| Draft {
        time: Some(format!("2026-03-01T10:{:02}:00.5Z", i % 60)),
        subject: Some("loan/4711".into()),
        agent: Some("planner".into()),
        agent_version: Some("2.1".into()),
        variant: Some("b".into()),
        task: Some("t-1".into()),
        principal: Some("person-1".into()),
        sponsor: Some("person-2".into()),
        trace_id: Some("0123456789abcdef0123456789abcdef".into()),
        span_id: Some("0123456789abcdef".into()),
        causes: vec![schemas::draft::DraftCause {
            id: format!("{prefix}-0"),
            relation: "used".into(),
            leaf: Some([7; 32]),
        }],
        attributes: attributes.clone(),
        origin: Some("file.jsonl:3".into()),
        native_id: Some(format!("n-{i}")),
        ..draft("urn:test:group/x", &format!("{prefix}-{i}"))
    };
    (0..n).map(|i| if i % 3 == 0 { full(i) } else { draft(SOURCE, &format!("{prefix}-{i}")) }).collect()
}

async fn odd_records(world: &mut World, producers: &mut [Producer]) {
    let [a, b, c, ..] = producers else { panic!("three producers") };
    // A gap that stays open, one that is closed late, and one that is filled from the middle.
    let batches: Vec<NewRecord> = (0..7).map(|i| a.batch(&drafts(SOURCE, &format!("gap{i}"), 4))).collect();
    world.append(vec![batches[1].clone(), batches[6].clone()]).await;
    commit(world).await;
    world.append(vec![batches[0].clone(), batches[4].clone()]).await;
    // Repeats, duplicates under another stream, an id from another source.
    world.append(vec![batches[1].clone()]).await;
    let again = b.batch(&drafts(SOURCE, "gap1", 4));
    let conflict = b.batch(&[draft("urn:test:group/y", "gap1-0")]);
    world.append(vec![again, conflict]).await;
    // A fork: another history of a known range.
    let mut twin = Producer::with_key(c.key.clone(), &c.stream, 77);
    world.append(vec![twin.batch(&drafts(SOURCE, "fork", 3))]).await;
    // Rejects: source, tenant, unknown key, malformed record, malformed header, wrong content.
    let mut stranger = Producer::new(60, "stream/stranger");
    world.append(vec![c.batch(&[draft("urn:elsewhere", "bad-source"), draft(SOURCE, "fine")])]).await;
    world.append(vec![stranger.batch(&drafts(SOURCE, "stranger", 3))]).await;
    world
        .append(vec![NewRecord { partition_key: "x".into(), value: Bytes::from_static(b"\xff\xfe not protobuf") }])
        .await;
    let inline = |_: &DraftContent| Form::Inline;
    let mut torn = c.event(&draft(SOURCE, "torn"), &inline);
    torn.header = Bytes::from_static(b"{\"specversion\":\"1.0\"}");
    let mut wrong = c.event(&draft(SOURCE, "wrong"), &inline);
    wrong.contents = vec![Content { form: 0, salt: vec![0; 32].into(), data: Bytes::from_static(b"other") }];
    append_events(world, c, vec![torn, wrong]).await;
    let mut rejected = draft(SOURCE, "imported");
    rejected.kind = ingest::import::REJECT_KIND.to_owned();
    rejected.attributes.insert("hansard.reject.reason".into(), "damaged".into());
    world.append(vec![c.batch(&[rejected])]).await;
}

async fn append_events(world: &World, producer: &mut Producer, events: Vec<Event>) {
    let before = producer.range.clone();
    let record = producer.record(&before, events.clone());
    events.iter().for_each(|e| producer.range.append(schemas::check::event_leaf(&e.header)));
    world.append(vec![record]).await;
}

async fn references_and_blobs(world: &World, a: &mut Producer) {
    let inline = |_: &DraftContent| Form::Inline;
    let first = a.event(&draft(SOURCE, "original"), &inline);
    let mut second = a.event(&draft(SOURCE, "refers"), &inline);
    // The second lists the first's commitment and sends neither salt nor bytes.
    let commitment = |e: &Event| {
        let header: Value = serde_json::from_slice(&e.header).unwrap();
        header["data"]["contents"][0].clone()
    };
    let mut header: Value = serde_json::from_slice(&second.header).unwrap();
    header["data"]["contents"][0] = commitment(&first);
    second.header = header.to_string().into_bytes().into();
    second.contents = vec![Content { form: Form::Reference as i32, salt: Bytes::new(), data: Bytes::new() }];
    append_events(world, a, vec![first, second]).await;
    let body: Vec<u8> = (0..1_300_000u32).map(|i| (i % 251) as u8).collect();
    let mut big = draft(SOURCE, "big");
    big.contents = vec![DraftContent::new("body", "application/octet-stream", body.clone())];
    let record = a.batch_with(&[big], |_| Form::Parts);
    world.append(parts_of(&record, &body, &a.stream)).await;
    world.append(vec![record]).await;
}

/// The parts that must stand before a batch of one event with one content.
pub(crate) fn parts_of(record: &NewRecord, body: &[u8], key: &str) -> Vec<NewRecord> {
    let Ok(Body::Batch(batch)) = LogRecord::parse(&record.value) else { panic!("a batch") };
    let header = schemas::header::Header::parse(&batch.events[0].header).unwrap();
    let commitment = Bytes::copy_from_slice(&header.data.contents[0].commitment.0);
    let chunks = body.chunks(schemas::limits::CONTENT_PART_BYTES);
    let count = chunks.len() as u32;
    let part = |(i, data): (usize, &[u8])| {
        let part = ContentPart {
            commitment: commitment.clone(),
            size: body.len() as u64,
            index: i as u32,
            count,
            data: Bytes::copy_from_slice(data),
            partition_key: key.to_owned(),
        };
        NewRecord { partition_key: key.to_owned(), value: LogRecord::encode_body(Body::Part(part)) }
    };
    chunks.enumerate().map(part).collect()
}

/// A live file of a class, the one with the most rows.
pub(crate) async fn a_file(world: &World, class: RowClass) -> DataFile {
    let files = world.snapshot().await.files;
    files.into_iter().filter(|f| f.class == class).max_by_key(|f| f.rows).unwrap()
}

pub(crate) fn on_disk(world: &World, path: &str) -> PathBuf {
    world.dir.path().join("table").join(path)
}

pub(crate) fn flip(path: &std::path::Path, at: usize) {
    let mut bytes = std::fs::read(path).unwrap();
    let at = at.min(bytes.len() - 1);
    bytes[at] ^= 0x01;
    std::fs::write(path, bytes).unwrap();
}

/// Writes a segment anew with other rows or links; with `told`, its add action says size and digest of the new bytes.
pub(crate) fn rewrite(
    world: &World,
    file: &DataFile,
    told: bool,
    rows: impl FnOnce(RecordBatch) -> RecordBatch,
    links: impl FnOnce(Vec<Link>) -> Vec<Link>,
) {
    let path = on_disk(world, file.path.as_ref());
    let bytes = Bytes::from(std::fs::read(&path).unwrap());
    let builder = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap();
    let old = store::segment::links_of("file", builder.metadata().file_metadata().key_value_metadata()).unwrap();
    let schema = Arc::clone(builder.schema());
    let batches: Vec<RecordBatch> = builder.build().unwrap().map(Result::unwrap).collect();
    let all = rows(arrow::compute::concat_batches(&schema, &batches).unwrap());
    let mut writer =
        ArrowWriter::try_new(Vec::new(), all.schema(), Some(store::segment::properties(&links(old), 3).unwrap()))
            .unwrap();
    writer.write(&all).unwrap();
    let bytes = writer.into_inner().unwrap();
    std::fs::write(&path, &bytes).unwrap();
    if told {
        edit_add(world, file.path.as_ref(), |add| {
            add["size"] = json!(bytes.len());
            add["tags"]["hansard.digest"] = json!(blake3::hash(&bytes).to_hex().to_string());
            let mut stats: Value = serde_json::from_str(add["stats"].as_str().unwrap()).unwrap();
            stats["numRecords"] = json!(all.num_rows());
            add["stats"] = json!(stats.to_string());
        });
    }
}

/// A batch with one column replaced.
pub(crate) fn with_column(batch: &RecordBatch, name: &str, column: arrow::array::ArrayRef) -> RecordBatch {
    let mut columns = batch.columns().to_vec();
    columns[batch.schema().index_of(name).unwrap()] = column;
    RecordBatch::try_new(batch.schema(), columns).unwrap()
}

/// The lines of a commit, which the closure may change.
pub(crate) fn edit_version(world: &World, version: u64, edit: impl FnOnce(&mut Vec<Value>)) {
    let path = world.dir.path().join(format!("table/_delta_log/{version:020}.json"));
    let text = std::fs::read_to_string(&path).unwrap();
    let mut lines: Vec<Value> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    edit(&mut lines);
    std::fs::write(&path, lines.iter().map(|l| format!("{l}\n")).collect::<String>()).unwrap();
}

/// The version whose commit adds a file.
pub(crate) fn version_of(world: &World, path: &str) -> u64 {
    let folder = world.dir.path().join("table/_delta_log");
    (0..10_000u64)
        .find(|v| {
            let text = std::fs::read_to_string(folder.join(format!("{v:020}.json"))).unwrap_or_default();
            text.lines().any(|l| l.contains("\"add\"") && l.contains(path))
        })
        .unwrap()
}

pub(crate) fn edit_add(world: &World, path: &str, edit: impl FnOnce(&mut Value)) {
    edit_version(world, version_of(world, path), |lines| {
        let add = lines.iter_mut().find(|l| l["add"]["path"] == path).unwrap();
        edit(&mut add["add"]);
    });
}

/// A log that shows its records changed.
pub(crate) struct Tampered {
    pub(crate) inner: Arc<dyn Log>,
    pub(crate) edit: Box<dyn Fn(u32, Vec<Entry>) -> Vec<Entry> + Send + Sync>,
    /// Records cut off at the end of each partition.
    pub(crate) cut: u64,
}

impl std::fmt::Debug for Tampered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tampered")
    }
}

#[async_trait]
impl Log for Tampered {
    fn id(&self) -> &str {
        self.inner.id()
    }
    fn partitions(&self) -> u32 {
        self.inner.partitions()
    }
    fn durability(&self) -> Durability {
        self.inner.durability()
    }
    async fn append(&self, records: Vec<NewRecord>) -> Result<Vec<Position>, LogError> {
        self.inner.append(records).await
    }
    async fn read(&self, partition: u32, from: u64, limits: ReadLimits) -> Result<Vec<Entry>, LogError> {
        let next = self.offsets(partition).await?.next;
        let found = self.inner.read(partition, from, limits).await?;
        Ok((self.edit)(partition, found.into_iter().filter(|e| e.offset < next).collect()))
    }
    async fn offsets(&self, partition: u32) -> Result<Offsets, LogError> {
        let held = self.inner.offsets(partition).await?;
        Ok(Offsets { next: held.next.saturating_sub(self.cut).max(held.first), ..held })
    }
    async fn trim(&self, partition: u32, before: u64) -> Result<(), LogError> {
        self.inner.trim(partition, before).await
    }
    async fn assignment(&self) -> Result<Vec<u32>, LogError> {
        self.inner.assignment().await
    }
}

/// Options under which nothing is merged by itself and commits are small.
pub(crate) fn small_commits() -> Options {
    Options { commit_rows_max: 40, ..Options::default() }
}
