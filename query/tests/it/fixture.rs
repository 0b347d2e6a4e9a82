//! Small stores.

use arrow::array::RecordBatch;
use arrow::datatypes::DataType;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use query::{Answer, Engine, Limits, Runtime};
use schemas::columns::{RowClass, file_schema, table_schema};
use schemas::tlog::Hash;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;
use store::head::Head;
use store::location::Storage;
use store::snapshot::Snapshot;
use tempfile::TempDir;

/// A row of the log, by column.
#[derive(Debug, Clone)]
pub(crate) struct Row(Map<String, Value>);

impl Row {
    /// An event of `kind` with its place in stream and tree.
    pub(crate) fn event(id: &str, kind: &str, leaf: i64) -> Self {
        let mut row = Self(Map::new());
        row.0.insert("header".into(), json!(hex(header(id).as_bytes())));
        row.with("id", id)
            .with("kind", kind)
            .with("type", format!("dev.hansard.{kind}"))
            .with("source", "agent:test")
            .with("tenant", "t")
            .with("stream", "s1")
            .with("stream_index", leaf)
            .with("leaf", leaf)
            .with("log_offset", leaf)
            .with("committed_at", "2026-11-22T00:00:00Z")
            .with("attested", "self")
            .with("signer", "ab".repeat(32))
    }

    pub(crate) fn with(mut self, column: &str, value: impl Into<Value>) -> Self {
        self.0.insert(column.into(), value.into());
        self
    }

    pub(crate) fn session(self, session: &str) -> Self {
        self.with("session", session)
    }

    pub(crate) fn cause(mut self, id: &str, relation: &str) -> Self {
        self.push("causes", json!({"id": id, "relation": relation}));
        self
    }

    pub(crate) fn cause_with_digest(mut self, id: &str, relation: &str, digest: [u8; 32]) -> Self {
        self.push("causes", json!({"id": id, "relation": relation, "leaf": hex(&digest)}));
        self
    }

    /// A content that is sent with its bytes.
    pub(crate) fn says(mut self, name: &str, media_type: &str, bytes: &[u8]) -> Self {
        let content = json!({"name": name, "media_type": media_type, "size": bytes.len(), "commitment": hex(&commitment(bytes)),
            "salt": hex(&SALT), "bytes": hex(bytes)});
        self.push("contents", content);
        self
    }

    /// A content that was sent before.
    pub(crate) fn refers(mut self, name: &str, media_type: &str, bytes: &[u8]) -> Self {
        let content =
            json!({"name": name, "media_type": media_type, "size": bytes.len(), "commitment": hex(&commitment(bytes))});
        self.push("contents", content);
        self
    }

    /// A content whose bytes lie in a blob.
    pub(crate) fn blob(mut self, name: &str, bytes: &[u8], digest: &str) -> Self {
        let content = json!({"name": name, "media_type": "text/plain", "size": bytes.len(), "commitment": hex(&commitment(bytes)),
            "salt": hex(&SALT), "blob": digest});
        self.push("contents", content);
        self
    }

    fn push(&mut self, list: &str, item: Value) {
        let items = self.0.entry(list).or_insert_with(|| json!([]));
        items.as_array_mut().unwrap().push(item);
    }
}

const SALT: [u8; 32] = [7; 32];

pub(crate) fn header(id: &str) -> String {
    json!({"specversion": "1.0", "id": id, "data": {"task": "t-1", "attributes": {"gen_ai.tool.name": "ls", "hansard.role": "user"}}}).to_string()
}

pub(crate) fn commitment(bytes: &[u8]) -> [u8; 32] {
    schemas::digest::content_commitment(&SALT, bytes)
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// A store in the making.
#[derive(Debug)]
pub(crate) struct Builder {
    dir: TempDir,
    actions: Vec<Value>,
    files: usize,
    heads: BTreeMap<u32, Head>,
}

impl Builder {
    pub(crate) fn new() -> Self {
        let identity = json!({"format": 1, "origin": "test.example/store", "log_id": "log", "partitions": 4,
            "registry_key": "00", "log_key": "00", "tenant": "t"});
        let actions = vec![
            json!({"protocol": {"minReaderVersion": 1, "minWriterVersion": 7, "writerFeatures": ["domainMetadata", "appendOnly", "invariants"]}}),
            json!({"metaData": {"id": "00000000-0000-0000-0000-000000000000", "format": {"provider": "parquet", "options": {}},
                "schemaString": delta_schema().to_string(), "partitionColumns": ["log_partition", "row_class"],
                "configuration": {}, "createdTime": 0}}),
            json!({"domainMetadata": {"domain": "hansard.store", "configuration": identity.to_string(), "removed": false}}),
        ];
        Self { dir: TempDir::new().unwrap(), actions, files: 0, heads: BTreeMap::new() }
    }

    /// Adds a file of rows of one partition and class.
    pub(crate) fn file(mut self, partition: u32, class: RowClass, rows: Vec<Row>) -> Self {
        let add = self.add(partition, class, &rows);
        self.actions.push(add);
        let _ = self.head(partition, &rows);
        self
    }

    /// The head of a partition after `rows`.
    fn head(&mut self, partition: u32, rows: &[Row]) -> Value {
        let head = self.heads.entry(partition).or_insert_with(Head::empty);
        let end = |column: &str| rows.iter().filter_map(|r| r.0.get(column)?.as_u64()).max().map_or(0, |n| n + 1);
        while head.tree.size() < end("leaf") {
            head.tree.append(Hash::from_bytes([0; 32]));
        }
        head.offset = head.offset.max(end("log_offset"));
        head.parts_from = head.offset;
        let domain = store::layout::head_domain(partition);
        json!({"domainMetadata": {"domain": domain, "configuration": head.to_json(), "removed": false}})
    }

    fn add(&mut self, partition: u32, class: RowClass, rows: &[Row]) -> Value {
        let path = store::layout::segment(partition, class, &format!("f{:04}", self.files));
        self.files += 1;
        let full = self.dir.path().join("table").join(&path);
        std::fs::create_dir_all(full.parent().unwrap()).unwrap();
        write_parquet(&full, rows);
        let leaves = || rows.iter().filter_map(|r| r.0.get("leaf")?.as_u64());
        let (from, to) = (leaves().min().unwrap_or(0), leaves().max().map_or(0, |leaf| leaf + 1));
        json!({"add": {"path": path, "size": full.metadata().unwrap().len(), "modificationTime": 1_700_000_000_000_i64,
            "dataChange": true, "stats": stats(rows).to_string(),
            "partitionValues": {"log_partition": partition.to_string(), "row_class": class.as_str()},
            "tags": {"hansard.digest": "00".repeat(32), "hansard.leaf_from": from.to_string(), "hansard.leaf_to": to.to_string()}}})
    }

    /// Puts a blob beside the table.
    pub(crate) fn blob(self, digest: &str, bytes: &[u8]) -> Self {
        let full = self.dir.path().join(store::layout::blob(digest).as_ref());
        std::fs::create_dir_all(full.parent().unwrap()).unwrap();
        std::fs::write(full, bytes).unwrap();
        self
    }

    pub(crate) fn build(mut self) -> Store {
        // A commit names each head once.
        let partitions: Vec<u32> = self.heads.keys().copied().collect();
        let heads: Vec<Value> = partitions.into_iter().map(|partition| self.head(partition, &[])).collect();
        self.actions.extend(heads);
        commit(self.dir.path(), 0, &self.actions);
        Store { files: self.files, dir: self.dir, heads: self.heads }
    }
}

fn commit(root: &Path, version: u64, actions: &[Value]) {
    let log = root.join("table/_delta_log");
    std::fs::create_dir_all(&log).unwrap();
    let text: String = actions.iter().map(|a| format!("{a}\n")).collect();
    std::fs::write(log.join(format!("{version:020}.json")), text).unwrap();
}

/// A store on disk.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) dir: TempDir,
    files: usize,
    heads: BTreeMap<u32, Head>,
}

impl Store {
    /// A directory without a table.
    pub(crate) fn empty() -> Self {
        let dir = TempDir::new().unwrap();
        std::fs::create_dir(dir.path().join("table")).unwrap();
        Self { dir, files: 0, heads: BTreeMap::new() }
    }

    pub(crate) fn storage(&self) -> Storage {
        Storage::open(self.dir.path().to_str().unwrap(), &HashMap::new()).unwrap()
    }

    /// Commits one more file as `version`.
    pub(crate) fn commit(self, version: u64, partition: u32, class: RowClass, rows: &[Row]) -> Self {
        let mut builder = Builder { files: self.files, dir: self.dir, actions: Vec::new(), heads: self.heads };
        let add = builder.add(partition, class, rows);
        let head = builder.head(partition, rows);
        commit(builder.dir.path(), version, &[add, head]);
        Self { files: builder.files, dir: builder.dir, heads: builder.heads }
    }

    pub(crate) async fn engine(&self) -> Engine {
        self.engine_with(Limits::default(), self.storage()).await
    }

    pub(crate) async fn engine_with(&self, limits: Limits, storage: Storage) -> Engine {
        let runtime = Runtime::new(&storage, limits, Some(self.dir.path().join("spill"))).unwrap();
        let snapshot = Snapshot::load(&storage, None).await.unwrap();
        Engine::open(Arc::new(snapshot), &runtime).await.unwrap()
    }
}

fn write_parquet(path: &Path, rows: &[Row]) {
    let schema = Arc::new(file_schema());
    let mut decoder = arrow::json::ReaderBuilder::new(Arc::clone(&schema)).build_decoder().unwrap();
    decoder.serialize(&rows.iter().map(|r| &r.0).collect::<Vec<_>>()).unwrap();
    let batch = decoder.flush().unwrap().unwrap_or_else(|| RecordBatch::new_empty(Arc::clone(&schema)));
    let properties = WriterProperties::builder()
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_bloom_filter_enabled(true)
        .set_data_page_row_count_limit(16)
        .build();
    let mut writer = ArrowWriter::try_new(std::fs::File::create(path).unwrap(), schema, Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

fn stats(rows: &[Row]) -> Value {
    let (mut min, mut max, mut nulls) = (Map::new(), Map::new(), Map::new());
    for column in ["id", "session", "subject", "stream", "leaf", "committed_at", "time", "kind"] {
        let values: Vec<&Value> = rows.iter().filter_map(|r| r.0.get(column)).collect();
        nulls.insert(column.into(), json!(rows.len() - values.len()));
        let key = |v: &&Value| (v.as_i64(), v.as_str().map(str::to_owned));
        if let (Some(least), Some(most)) =
            (values.iter().copied().min_by_key(key), values.iter().copied().max_by_key(key))
        {
            min.insert(column.into(), least.clone());
            max.insert(column.into(), most.clone());
        }
    }
    json!({"numRecords": rows.len(), "minValues": min, "maxValues": max, "nullCount": nulls})
}

fn delta_schema() -> Value {
    let field = |f: &arrow::datatypes::FieldRef| json!({"name": f.name(), "type": delta_type(f.data_type()), "nullable": true, "metadata": {}});
    json!({"type": "struct", "fields": table_schema().fields().iter().map(field).collect::<Vec<_>>()})
}

fn delta_type(data_type: &DataType) -> Value {
    match data_type {
        DataType::Utf8 => json!("string"),
        DataType::Int64 => json!("long"),
        DataType::Int32 => json!("integer"),
        DataType::Float64 => json!("double"),
        DataType::Binary => json!("binary"),
        DataType::Timestamp(..) => json!("timestamp"),
        DataType::List(element) => {
            json!({"type": "array", "elementType": delta_type(element.data_type()), "containsNull": true})
        }
        DataType::Struct(fields) => {
            let field = |f: &arrow::datatypes::FieldRef| json!({"name": f.name(), "type": delta_type(f.data_type()), "nullable": true, "metadata": {}});
            json!({"type": "struct", "fields": fields.iter().map(field).collect::<Vec<_>>()})
        }
        other => unreachable!("no column of type {other}"),
    }
}

/// The rows of an answer as JSON.
pub(crate) fn json_rows(answer: &Answer) -> Vec<Value> {
    let mut out = Vec::new();
    query::output::write_answer(query::Format::Json, answer, &mut out).unwrap();
    let document: Value = serde_json::from_slice(&out).unwrap();
    document["rows"].as_array().unwrap().clone()
}

/// The rows of a question as JSON.
pub(crate) async fn ask(engine: &Engine, sql: &str) -> Vec<Value> {
    json_rows(&engine.sql(sql).await.unwrap_or_else(|e| panic!("{sql}: {e}")))
}
