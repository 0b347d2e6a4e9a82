//! Golden files of the stored formats: what was written once must be read for ever, and is written the same today.
//!
//! `HANSARD_BLESS=1 cargo test -p store golden` writes them anew, which is a change of the format.

use super::cache::BlockCache;
use super::key::{Domain, Key, PLAIN_BYTES, Place, TIMED_BYTES, plain_entry, timed_entry};
use super::manifest::{Manifest, ObjectRef, Ranged, Run};
use super::node::{Node, NodeCause};
use super::nodes::{NodesMeta, NodesWriter};
use super::postings::{self, PostingsMeta, within};
use crate::location::Storage;
use object_store::path::Path;
use std::collections::HashMap;
use std::sync::Arc;

fn golden(name: &str, written: &[u8]) -> Vec<u8> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/index/golden").join(name);
    if std::env::var_os("HANSARD_BLESS").is_some() {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("the folder is made");
        std::fs::write(&path, written).expect("the golden file is written");
    }
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn place(n: u64) -> Place {
    Place::new((n % 3) as u32, n * 7).expect("in range")
}

fn node(n: u64) -> Node {
    Node {
        id: format!("event-{n:04}"),
        kind: "tool.call".to_owned(),
        time: (!n.is_multiple_of(5)).then_some(1_767_225_600_000_000 + n as i64),
        committed_at: Some(1_767_225_600_500_000),
        session: Some(format!("session-{}", n / 10)),
        tool_call_id: Some(format!("call-{n}")),
        digest: vec![n as u8; 16],
        causes: vec![NodeCause { id: format!("event-{:04}", n + 1), relation: "used".to_owned(), digest: Vec::new() }],
        contents: vec![n, n + 1],
        stream_index: n,
        log_offset: n / 2,
        ..Node::default()
    }
}

async fn stored(bytes: &[u8]) -> (tempfile::TempDir, Storage) {
    let dir = tempfile::TempDir::new().expect("a folder");
    let storage = Storage::open(dir.path().to_str().expect("a path"), &HashMap::new()).expect("a store");
    storage.put(&Path::from("object"), bytes.to_vec()).await.expect("stored");
    (dir, storage)
}

#[tokio::test]
async fn postings_are_written_and_read_as_ever() {
    let mut entries: Vec<[u8; TIMED_BYTES]> = (0..3_000u64)
        .map(|n| timed_entry(Key::text(Domain::Subject, &[&format!("s{}", n % 40)]), n as i64 - 1_500, place(n)))
        .collect();
    entries.sort_unstable();
    let bytes = golden("timed.postings", &postings::encode(entries.as_flattened(), TIMED_BYTES));
    assert_eq!(postings::encode(entries.as_flattened(), TIMED_BYTES), bytes);
    let (_dir, storage) = stored(&bytes).await;
    let cache = BlockCache::default();
    let meta = PostingsMeta::open(&storage, &cache, "object", bytes.len() as u64, TIMED_BYTES).await.expect("opened");
    let key = Key::text(Domain::Subject, &["s7"]);
    let (low, high) = (timed_entry(key, i64::MIN, Place(0)), timed_entry(key, i64::MAX, Place(u64::MAX)));
    let mut found = Vec::new();
    for block in meta.blocks_of(&low, &high) {
        let block = meta.block(&storage, &cache, block).await.expect("a block");
        found.extend(within(&block, TIMED_BYTES, &low, &high).chunks(TIMED_BYTES).map(<[u8]>::to_vec));
    }
    let expected: Vec<Vec<u8>> = entries.iter().filter(|e| e[..8] == low[..8]).map(|e| e.to_vec()).collect();
    assert_eq!((found.len(), found), (75, expected));
    // The plain form differs in its width only.
    let plain = plain_entry(key, place(9));
    assert_eq!(golden("plain.postings", &postings::encode(&plain, PLAIN_BYTES)), postings::encode(&plain, PLAIN_BYTES));
}

#[tokio::test]
async fn nodes_are_read_as_ever() {
    let nodes: Vec<(Place, Arc<Node>)> =
        (0..200).map(|n| (Place::new(0, n * 2).expect("in range"), Arc::new(node(n)))).collect();
    let mut writer = NodesWriter::default();
    writer.nodes(&nodes).expect("encoded");
    // Compressors may write other bytes; what is read must stay.
    let bytes = golden("all.nodes", &writer.finish());
    let (_dir, storage) = stored(&bytes).await;
    let cache = BlockCache::default();
    let meta = NodesMeta::open(&storage, &cache, "object", bytes.len() as u64).await.expect("opened");
    for (place, node) in &nodes {
        assert_eq!(meta.node(&storage, &cache, *place).await.expect("read").as_ref(), Some(node.as_ref()));
    }
    for absent in [Place::new(0, 1), Place::new(0, 401), Place::new(1, 0)] {
        assert_eq!(meta.node(&storage, &cache, absent.expect("in range")).await.expect("read"), None);
    }
}

#[tokio::test]
async fn any_changed_byte_is_found() {
    let nodes: Vec<(Place, Arc<Node>)> =
        (0..100).map(|n| (Place::new(0, n).expect("in range"), Arc::new(node(n)))).collect();
    let mut writer = NodesWriter::default();
    writer.nodes(&nodes).expect("encoded");
    let good = writer.finish();
    for at in (0..good.len()).step_by(97) {
        let mut bytes = good.clone();
        bytes[at] ^= 0x10;
        let (_dir, storage) = stored(&bytes).await;
        let cache = BlockCache::default();
        let mut failed = false;
        match NodesMeta::open(&storage, &cache, "object", bytes.len() as u64).await {
            Err(_) => failed = true,
            Ok(meta) => {
                for (place, node) in &nodes {
                    match meta.node(&storage, &cache, *place).await {
                        Err(_) => failed = true,
                        Ok(found) => assert_eq!(found.as_ref(), Some(node.as_ref()), "byte {at}: another node"),
                    }
                }
            }
        }
        // The footer's count of entries is for merges and lists only.
        let footer = good.len() - 24..good.len() - 16;
        assert!(failed || footer.contains(&at), "byte {at} of {} was changed unseen", good.len());
    }
}

#[test]
fn a_manifest_is_read_as_ever() {
    let object = |name: &str| ObjectRef { name: name.to_owned(), size: 10, entries: 2 };
    let manifest = Manifest {
        format: 1,
        store: "origin log key".to_owned(),
        table_version: 7,
        covered: [(0, 12), (3, 9)].into(),
        plain: vec![Run { objects: vec![object("index/a.postings"), object("index/b.postings")] }],
        timed: vec![Run { objects: vec![object("index/c.postings")] }],
        nodes: vec![Ranged { partition: 3, leaf_from: 0, leaf_to: 9, object: object("index/d.nodes") }],
        texts: vec![Ranged { partition: 0, leaf_from: 0, leaf_to: 12, object: object("index/e.text") }],
        replaced: vec![super::manifest::Replaced { name: "index/f.nodes".to_owned(), at_ms: 5 }],
        ..Manifest::default()
    };
    let written = serde_json::to_vec_pretty(&manifest).expect("JSON");
    let read: Manifest = serde_json::from_slice(&golden("manifest.json", &written)).expect("a manifest");
    assert_eq!(read, manifest);
}
