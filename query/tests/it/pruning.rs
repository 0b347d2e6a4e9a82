//! Files that cannot hold an answer are not opened.

use crate::fixture::{Builder, Row, ask};
use async_trait::async_trait;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMultipartOptions,
    PutOptions, PutPayload, PutResult, Result,
};
use query::{Engine, Limits};
use schemas::columns::RowClass;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

/// Remembers which Parquet files were read.
#[derive(Debug)]
struct Watched {
    inner: Arc<dyn ObjectStore>,
    opened: Arc<Mutex<BTreeSet<String>>>,
}

impl std::fmt::Display for Watched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "watched")
    }
}

#[async_trait]
impl ObjectStore for Watched {
    async fn put_opts(&self, p: &Path, b: PutPayload, o: PutOptions) -> Result<PutResult> {
        self.inner.put_opts(p, b, o).await
    }
    async fn put_multipart_opts(&self, p: &Path, o: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(p, o).await
    }
    async fn get_opts(&self, p: &Path, o: GetOptions) -> Result<GetResult> {
        if p.as_ref().ends_with(".parquet") {
            self.opened.lock().unwrap().insert(p.to_string());
        }
        self.inner.get_opts(p, o).await
    }
    fn delete_stream(&self, l: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(l)
    }
    fn list(&self, p: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(p)
    }
    async fn list_with_delimiter(&self, p: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(p).await
    }
    async fn copy_opts(&self, a: &Path, b: &Path, o: CopyOptions) -> Result<()> {
        self.inner.copy_opts(a, b, o).await
    }
}

/// 4 partitions of 5 files of 100 events; sessions do not cross files.
async fn watched() -> (crate::fixture::Store, Engine, Arc<Mutex<BTreeSet<String>>>) {
    let mut builder = Builder::new();
    for partition in 0..4 {
        for file in 0..5_i64 {
            let rows = (0..100).map(|n| {
                let leaf = file * 100 + n;
                Row::event(&format!("{partition}-{leaf:05}"), if n == 0 { "decision" } else { "message" }, leaf)
                    .session(&format!("s-{partition}-{file}"))
                    .with("time", format!("2026-01-0{}T00:{:02}:00Z", file + 1, n % 60))
                    .says("text", "text/plain", format!("{partition} {leaf}").as_bytes())
                    .cause(&format!("{partition}-00000"), "used")
            });
            builder = builder.file(partition, RowClass::Event, rows.collect());
        }
    }
    let store = builder.file(0, RowClass::Reject, vec![Row::event("r", "message", 500).with("reason", "x")]).build();
    let opened = Arc::new(Mutex::new(BTreeSet::new()));
    let seen = Arc::clone(&opened);
    let storage = store.storage().with_root(|inner| Arc::new(Watched { inner, opened: seen }));
    let engine = store.engine_with(Limits::default(), storage).await;
    (store, engine, opened)
}

#[tokio::test]
async fn filters_open_only_the_files_that_may_match() {
    let (_store, engine, opened) = watched().await;
    let cases: &[(&str, usize, usize)] = &[
        ("SELECT id FROM events", 2_000, 20),
        ("SELECT count(*) FROM events", 1, 0),
        ("SELECT id FROM rejects", 1, 1),
        ("SELECT id FROM events WHERE log_partition = 2", 500, 5),
        ("SELECT id FROM events WHERE log_partition = 2 AND leaf BETWEEN 210 AND 219", 10, 1),
        ("SELECT id FROM events WHERE session = 's-1-3'", 100, 1),
        ("SELECT id FROM events WHERE time >= TIMESTAMP '2026-01-05T00:00:00Z'", 400, 4),
        ("SELECT id FROM events WHERE id = '3-00042'", 1, 1),
        ("SELECT id FROM events WHERE id IN ('3-00042', '0-00400')", 2, 2),
        ("SELECT to_id FROM edges WHERE from_id = '3-00042'", 1, 1),
        ("SELECT text FROM contents WHERE event_id = '3-00042'", 1, 1),
        ("SELECT text FROM contents WHERE session = 's-1-3' AND name = 'text'", 100, 1),
        ("SELECT * FROM sessions WHERE session = 's-1-3'", 1, 1),
        ("SELECT id FROM log WHERE row_class = 'reject'", 1, 1),
        ("SELECT id FROM events WHERE starts_with(id, '3-0004')", 10, 1),
    ];
    for (sql, rows, files) in cases {
        opened.lock().unwrap().clear();
        let answer = engine.sql(sql).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
        // Footers may come from the cache, so data reads are what counts; a cold look-up would read both.
        let read = opened.lock().unwrap().len();
        assert_eq!((answer.rows(), read), (*rows, *files), "{sql}");
    }
}

#[tokio::test]
async fn answers_do_not_depend_on_pruning() {
    let (_store, engine, _) = watched().await;
    let pruned = ask(
        &engine,
        "SELECT count(*) AS n, min(leaf) AS a, max(leaf) AS b FROM events WHERE leaf >= 250 AND log_partition <> 1",
    )
    .await;
    let full = ask(&engine, "SELECT count(*) AS n, min(leaf) AS a, max(leaf) AS b FROM events WHERE leaf + 0 >= 250 AND log_partition + 0 <> 1").await;
    assert_eq!(pruned, full);
    assert_eq!(pruned[0]["n"], 750);
    let decisions = ask(&engine, "SELECT e.id, c.text FROM events e JOIN contents c ON c.event_id = e.id WHERE e.kind = 'decision' ORDER BY e.id LIMIT 3").await;
    assert_eq!(decisions.len(), 3);
    assert_eq!(decisions[1]["text"], "0 100");
}
